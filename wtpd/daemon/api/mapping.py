"""`/v1/mapping`: which department of a site a partner serves, and under which number; with its consequence first."""

from __future__ import annotations

import asyncio
from typing import Annotated

from msgspec import Meta, Struct

from wtpd.config.channels import channels
from wtpd.config.edit import Change
from wtpd.config.model import DealerNumber, Email, Site
from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.collection import Page
from wtpd.daemon.api.routes import Route
from wtpd.daemon.api.shapes import Name
from wtpd.daemon.fleet import Fleet
from wtpd.daemon.number_check import NumberCheck, check_number
from wtpd.daemon.reload import Settings
from wtpd.errors import NotFound, Refused, VersionMismatch
from wtpd.store import channels as store
from wtpd.store import figures
from wtpd.store.database import Database
from wtpd.texts import N_


class MappingView(Struct, frozen=True):
    """One site and partner. `state` is `ready`, or why the connector doesn't work there (`reason` in a sentence)."""

    site: str
    site_name: str
    partner: str
    title: str
    department: str | None
    dealer_number: str | None
    departments: list[str]
    status_mail: str | None
    state: str
    reason: str | None


class MappingInput(Struct, frozen=True, forbid_unknown_fields=True):
    """`status_mail`: the site's, changed with it. `confirm`: how many cancellations are meant, where they are more than
    20. `unverified`: save the number although the partner refuses it or can't be asked."""

    department: Name
    dealer_number: DealerNumber
    status_mail: Email | None = None
    confirm: Annotated[int, Meta(ge=0, le=10_000_000)] | None = None
    unverified: bool = False


class PartnerAnswer(Struct, frozen=True):
    """The partner's word about a new dealer number: `known`, `refused` (the credentials don't cover it, or there is no
    such number), `unreachable`, or `not_asked` (no credentials yet); `text` says it in a sentence."""

    verdict: str
    text: str


class Consequence(Struct, frozen=True):
    """What the change would do, or did: appointments still to come that are cancelled at the partner, past ones that
    stay there and are no longer kept up to date (`unlinks`), appointments sent, lines changed. `partner`: its word
    about the dealer number, where that is another one than before."""

    cancels: int
    unlinks: int
    sends: int
    diff: str
    partner: PartnerAnswer | None = None


class CoverageView(Struct, frozen=True):
    """A department: appointments that are still to come, and the connectors that serve it."""

    site: str
    site_name: str
    department: str
    upcoming: int
    partners: list[str]


class PreviewQuery(Struct, frozen=True, forbid_unknown_fields=True):
    preview: bool = False


class MappingRoutes:
    def __init__(self, db: Database, settings: Settings, fleet: Fleet) -> None:
        self._db = db
        self._settings = settings
        self._fleet = fleet
        self._manifests = fleet.manifests

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET", path="/v1/mapping", role=Role.READ, handler=self.list, result=Page[MappingView],
                summary="Every site and partner",
            ),
            Route(
                method="GET", path="/v1/mapping/coverage", role=Role.READ, handler=self.coverage,
                result=Page[CoverageView],
                summary="Every department; first those with appointments to come that no partner serves",
            ),
            Route(
                method="PUT", path="/v1/mapping/{site}/{partner}", role=Role.ADMIN, handler=self.put,
                query=PreviewQuery, body=MappingInput, result=Consequence, seconds=120,
                summary="Change a mapping, or see what that would do",
            ),
        ]  # fmt: skip

    async def list(self, call: Call) -> Answer:
        config = self._settings.config
        sites = {site.id: site for site in config.sites}
        rows = []
        for channel in channels(config, self._manifests.values()):
            site = sites[channel.site]
            rows.append(
                MappingView(
                    site=site.id,
                    site_name=site.name,
                    partner=channel.connector,
                    title=self._manifests[channel.connector].title,
                    department=channel.department,
                    dealer_number=channel.account,
                    departments=[part.id for part in site.departments],
                    status_mail=site.status_mail,
                    state=channel.state,
                    reason=channel.reason.render(call.language) if channel.reason else None,
                )
            )
        return answer(Page(rows), etag=self._settings.in_force.etag or "none")

    async def coverage(self, call: Call) -> Answer:
        config = self._settings.config
        coming = await self._db.read(
            lambda tx: {
                site.id: figures.upcoming(tx, site.id, tx.now, [part.id for part in site.departments])
                for site in config.sites
            }
        )
        serving: dict[tuple[str, str | None], list[str]] = {}
        for channel in channels(config, self._manifests.values()):
            if channel.state == "ready":
                serving.setdefault((channel.site, channel.department), []).append(channel.connector)
        rows = []
        for site in config.sites:
            known = [part.id for part in site.departments]
            left = sorted(coming[site.id].keys() - set(known))  # in the book, but not in the settings any more
            for name in [*known, *left]:
                count, partners = coming[site.id].get(name, 0), serving.get((site.id, name), [])
                rows.append(CoverageView(site.id, site.name, name, count, partners))
        return answer(Page(sorted(rows, key=lambda row: bool(row.partners) or not row.upcoming)))

    async def put(self, call: Call) -> Answer:
        expected = call.tag if "if-match" in call.headers and call.tag != "*" else None
        try:
            return answer(await self._put(call, expected))
        except VersionMismatch as error:
            if expected is not None:
                error.facts["diff"] = await asyncio.to_thread(self._settings.file.meanwhile, expected)
            raise

    async def _put(self, call: Call, expected: str | None) -> Consequence:
        site, partner = self._site(call.params["site"]), self._partner(call.params["partner"])
        wanted: MappingInput = call.body
        changes = _changes(site, partner, wanted)
        edited = await self._settings.preview(changes, expected=expected)
        channel = f"{partner}/{site.id}"
        effect = await self._db.read(
            lambda tx: store.preview(tx, channel, site.id, wanted.department, wanted.dealer_number)
        )
        check = await self._checked(site, partner, wanted.dealer_number)
        said = PartnerAnswer(check.verdict, check.text.render(call.language)) if check is not None else None
        consequence = Consequence(effect.cancels, effect.unlinks, effect.sends, edited.diff, said)
        if call.query.preview:
            return consequence
        if check is not None and check.is_doubtful and not wanted.unverified:
            raise Refused(check.text, kind="number-not-verified", facts={"verdict": check.verdict})
        if effect.cancels > store.MANY and wanted.confirm != effect.cancels:
            raise Refused(
                N_(
                    "This would cancel {cancels} appointments at the partner; say that number to confirm it.",
                    cancels=effect.cancels,
                ),
                kind="confirmation-needed",
                facts={"cancels": effect.cancels, "unlinks": effect.unlinks, "sends": effect.sends},
            )
        await self._db.write(lambda tx: store.confirm(tx, channel, wanted.department, wanted.dealer_number))
        await self._settings.change(changes, expected=edited.etag, author=call.author.actor)
        return consequence

    async def _checked(self, site: Site, partner: str, number: str) -> NumberCheck | None:
        """The partner's word about a number that is another one than the mapping has; None if it is the same."""
        mapped = site.partners.get(partner)
        if mapped is not None and mapped.dealer_number == number:
            return None
        return await check_number(self._fleet, partner, site.id, number)

    def _site(self, name: str) -> Site:
        for site in self._settings.config.sites:
            if site.id == name:
                return site
        raise NotFound(N_("There is no site {site}.", site=name))

    def _partner(self, name: str) -> str:
        if name not in self._manifests or self._manifests[name].mapping is None:
            raise NotFound(N_("There is no connector {connector}.", connector=name))
        return name


def _changes(site: Site, partner: str, wanted: MappingInput) -> list[Change]:
    place = f"sites.{site.id}.partners.{partner}"
    changes: list[Change] = [
        (f"{place}.department", wanted.department),
        (f"{place}.dealer_number", wanted.dealer_number),
    ]
    if wanted.status_mail is not None:
        changes.append((f"sites.{site.id}.status_mail", wanted.status_mail))
    return changes
