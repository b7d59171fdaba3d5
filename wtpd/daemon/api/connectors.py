"""`/v1/connectors` and `/v1/runs`: how the channels are; a run now, dry run, pause, resume, verify."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from wtpd.channel.errors import PartnerError, missing_right, why
from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.collection import Page
from wtpd.daemon.api.routes import Route
from wtpd.daemon.api.shapes import Limit, Sign
from wtpd.daemon.channel_maker import Running
from wtpd.daemon.channels.box import BoxChannels
from wtpd.daemon.credential_desk import CredentialDesk
from wtpd.daemon.fleet import Fleet, Seat
from wtpd.errors import Invalid, Problem
from wtpd.store import attention, inbox, outbox, runs
from wtpd.store.database import Database, Tx
from wtpd.sync.channel import MANUAL
from wtpd.sync.ports import RunRecord
from wtpd.texts import N_, said

PATH = "/v1/connectors"


class ChannelView(Struct, frozen=True, kw_only=True):
    """One connector at one site, or at the whole box where sites aren't mapped: its `site` is empty then, and it makes
    no runs. `state`: starting, healthy, limited, retrying, needs_token, not_covered, paused,
    stopped, config_error, disabled, not_mapped, not_available or not_licensed; `reason` says it in a sentence.
    `waiting`: appointments that are to be sent."""

    id: str
    site: str
    account: str | None
    department: str | None
    state: str
    since: datetime
    reason: str | None
    last_success: datetime | None = None
    next_run: datetime | None = None
    error: str | None = None
    waiting: int = 0
    conflicts: int = 0
    quarantined: int = 0
    rejected: int = 0


class ConnectorView(Struct, frozen=True, kw_only=True):
    name: str
    title: str
    capabilities: list[str]
    channels: list[ChannelView]


class SyncInput(Struct, frozen=True, forbid_unknown_fields=True):
    """`dry_run`: say what a run would do, field by field, and write nothing on either side."""

    site: Sign | None = None
    dry_run: bool = False


class SiteInput(Struct, frozen=True, forbid_unknown_fields=True):
    site: Sign | None = None


class ResumeInput(Struct, frozen=True, forbid_unknown_fields=True):
    """`accept_cancellations`: the many cancellations that stopped it are meant."""

    site: Sign | None = None
    accept_cancellations: bool = False


class VerifyInput(Struct, frozen=True, forbid_unknown_fields=True):
    """`compare`: hold the book against the partner, field by field; reads only."""

    site: Sign | None = None
    compare: bool = False


class StepView(Struct, frozen=True):
    """What a run would do to one appointment; `changes`: by field, `{"old", "new"}`."""

    side: str
    action: str
    appointment_id: str | None
    partner_id: str | None
    changes: dict[str, Any]
    detail: str


class RunView(Struct, frozen=True, kw_only=True):
    """The record of a run; `quiet`: how many runs without a change are counted in it; `steps`: after a dry run."""

    channel: str
    trigger: str
    started_at: datetime
    ended_at: datetime
    quiet: int
    fetched: int
    applied: int
    sent: int
    published: int
    conflicts: int
    quarantined: int
    requests: int
    error: str | None
    steps: list[StepView] = []
    truncated: bool = False


class SentAgainView(Struct, frozen=True):
    """How many refused appointments of a channel are on their way again."""

    channel: str
    appointments: int


class VerifiedView(Struct, frozen=True, kw_only=True):
    """Who we are at the partner; `missing`: sentences about the rights that the credentials lack; with `compare`, how
    many appointments were compared and what differs."""

    site: str
    account: str
    name: str = ""
    facts: Mapping[str, str] = {}
    missing: list[str] = []
    error: str | None = None
    compared: int | None = None
    differences: list[Mapping[str, Any]] = []


class RunsQuery(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The newest first; `before`: those started earlier (the last one's `started_at`)."""

    connector: Sign | None = None
    site: Sign | None = None
    before: Annotated[datetime, Meta(tz=True)] | None = None
    limit: Limit = 100


class ConnectorRoutes:
    """`box`: the connectors that aren't mapped by site."""

    def __init__(self, db: Database, fleet: Fleet, box: BoxChannels, desk: CredentialDesk) -> None:
        self._db = db
        self._box = box
        self._fleet = fleet
        self._desk = desk

    def routes(self) -> list[Route]:
        act = partial(Route, method="POST", role=Role.ADMIN)
        return [
            Route(
                method="GET", path=PATH, role=Role.READ, handler=self.overview, result=Page[ConnectorView],
                summary="Every connector at every site",
            ),
            act(
                path=f"{PATH}/{{connector}}/sync", handler=self.sync, body=SyncInput, result=Page[RunView], seconds=900,
                summary="A run now; answers when it has ended",
            ),
            act(
                path=f"{PATH}/{{connector}}/pause", handler=self.pause, body=SiteInput, result=Page[ChannelView],
                seconds=900, summary="Stop until it is resumed",
            ),
            act(
                path=f"{PATH}/{{connector}}/resume", handler=self.resume, body=ResumeInput, result=Page[ChannelView],
                seconds=900, summary="Go on",
            ),
            act(
                path=f"{PATH}/{{connector}}/resync", handler=self.resync, body=SiteInput, result=Page[RunView],
                seconds=900, summary="Read the partner's whole feed again, in a run now; answers when it has ended",
            ),
            act(
                path=f"{PATH}/{{connector}}/send-rejected", handler=self.send_rejected, body=SiteInput,
                result=Page[SentAgainView], summary="Send everything again that the partner refused",
            ),
            act(
                path=f"{PATH}/{{connector}}/verify", handler=self.verify, body=VerifyInput, result=Page[VerifiedView],
                seconds=900, summary="Ask the partner who we are there",
            ),
            Route(
                method="GET", path="/v1/runs", role=Role.READ, handler=self.runs, query=RunsQuery,
                result=Page[RunView], summary="Records of runs",
            ),
        ]  # fmt: skip

    async def overview(self, call: Call) -> Answer:
        seats = [*self._fleet.seats, *self._box.seats]
        views = await self._views(seats, call.language)
        items = [
            ConnectorView(
                name=name,
                title=manifest.title,
                capabilities=sorted(manifest.capabilities),
                channels=[view for seat, view in zip(seats, views, strict=True) if seat.connector == name],
            )
            for name, manifest in {**self._fleet.manifests, **self._box.manifests}.items()
        ]
        return answer(Page(items))

    async def sync(self, call: Call) -> Answer:
        wanted: SyncInput = call.body
        running = self._fleet.running(call.params["connector"], wanted.site)
        records = await asyncio.gather(*(one.channel.run(MANUAL, dry_run=wanted.dry_run) for one in running))
        return answer(Page([run_view(record, call.language) for record in records]))

    async def pause(self, call: Call) -> Answer:
        for one in self._fleet.running(call.params["connector"], call.body.site):
            await one.channel.pause(call.author.actor)
        return await self._answer(call)

    async def resume(self, call: Call) -> Answer:
        wanted: ResumeInput = call.body
        for one in self._fleet.running(call.params["connector"], wanted.site):
            await one.channel.resume(by=call.author.actor, accept_cancellations=wanted.accept_cancellations)
        return await self._answer(call)

    async def resync(self, call: Call) -> Answer:
        running = self._fleet.running(call.params["connector"], call.body.site)
        records = await asyncio.gather(*(one.channel.resync() for one in running))
        return answer(Page([run_view(record, call.language) for record in records]))

    async def send_rejected(self, call: Call) -> Answer:
        running = self._fleet.running(call.params["connector"], call.body.site)
        names = [one.channel.spec.id for one in running]
        counts = await self._db.write(lambda tx: [outbox.Outbox(tx).retry_all(name) for name in names])
        return answer(Page([SentAgainView(*each) for each in zip(names, counts, strict=True)]))

    async def verify(self, call: Call) -> Answer:
        wanted: VerifyInput = call.body
        connector = call.params["connector"]
        if connector in self._fleet.without_runs and not wanted.compare and wanted.site is None:
            return answer(Page([await self._asked(connector, call)]))
        running = self._fleet.running(connector, wanted.site)
        items = await asyncio.gather(*(self._verified(one, wanted.compare, call.language) for one in running))
        return answer(Page(list(items)))

    async def _asked(self, connector: str, call: Call) -> VerifiedView:
        """Of a connector that makes no runs: whether it takes the box's login now."""
        outcome = await self._desk.test(connector, "general", None, actor=call.author.actor)
        found = outcome.found[0] if outcome.found else None
        if not outcome.tested or found is None:
            return VerifiedView(site="", account="", error=said(outcome.text, call.language))
        return VerifiedView(site="", account=found.account, name=found.name, facts=found.facts)

    async def runs(self, call: Call) -> Answer:
        query: RunsQuery = call.query
        if query.before is not None and not 1970 <= query.before.year < 2200:
            text = N_("This date is out of range.")
            raise Invalid(text, problems=[Problem("before", text)])
        found = await self._db.read(
            lambda tx: runs.page(tx, connector=query.connector, site=query.site, before=query.before, limit=query.limit)
        )
        return answer(Page([run_view(record, call.language) for record in found]))

    async def _verified(self, one: Running, compare: bool, language: str) -> VerifiedView:
        spec = one.channel.spec
        try:
            found = await one.verify()
            comparison = await one.channel.compare() if compare else None
        except PartnerError as error:
            return VerifiedView(site=spec.site, account=spec.account, error=said(why(error), language))
        wrong = N_(
            "Wrong dealer number: {partner} knows us as {found}, but the mapping has {number}.",
            partner=self._fleet.title_of(spec.id), found=found.account, number=spec.account,
        )  # fmt: skip
        return VerifiedView(
            site=spec.site,
            account=found.account,
            name=found.name,
            facts=found.facts,
            missing=[missing_right(right, one).render(language) for right, one in found.missing.items()],
            error=None if found.account == spec.account else wrong.render(language),
            compared=comparison.compared if comparison else None,
            differences=[_difference(each) for each in comparison.differences] if comparison else [],
        )

    async def _answer(self, call: Call) -> Answer:
        seats = self._fleet.of(call.params["connector"], call.body.site)
        return answer(Page(await self._views(seats, call.language)))

    async def _views(self, seats: Sequence[Seat], language: str) -> list[ChannelView]:
        return await self._db.read(lambda tx: [channel_view(tx, seat, language) for seat in seats])


def channel_view(tx: Tx | None, seat: Seat, language: str) -> ChannelView:
    """`tx` None: the database can't be read; what only it knows is left out."""
    condition = seat.condition
    view = ChannelView(
        id=seat.id,
        site=seat.site,
        account=seat.account,
        department=seat.department,
        state=str(condition.state),
        since=condition.since,
        reason=condition.reason.render(language) if condition.reason else None,
        last_success=seat.last_success,
    )
    if seat.running is None:
        return view
    channel = seat.running.channel
    view = msgspec.structs.replace(
        view,
        last_success=channel.standing.last_success,
        next_run=channel.next_run,
        error=said(channel.standing.last_error, language) if channel.standing.last_error else None,
    )
    if tx is None:
        return view
    listed = attention.counts_of(tx, seat.id)
    return msgspec.structs.replace(
        view,
        last_success=channel.standing.last_success or runs.last_success(tx, seat.id),
        waiting=outbox.waiting(tx, seat.id),
        conflicts=listed.get("conflict", 0),
        quarantined=inbox.count(tx, seat.id),
        rejected=listed.get("rejected", 0),
    )


def run_view(record: RunRecord, language: str) -> RunView:
    counts = {
        name: getattr(record, name)
        for name in ("quiet", "fetched", "applied", "sent", "published", "conflicts", "quarantined", "requests")
    }
    return RunView(
        channel=record.channel,
        trigger=record.trigger,
        started_at=record.started_at,
        ended_at=record.ended_at,
        error=said(record.error, language) if record.error else None,
        steps=[
            StepView(
                step.side,
                step.action,
                step.appointment_id,
                step.partner_id,
                {name: {"old": old, "new": new} for name, (old, new) in step.fields.items()},
                said(step.detail, language),
            )
            for step in record.planned
        ],
        truncated=record.truncated,
        **counts,
    )


def _difference(each: Any) -> Mapping[str, Any]:
    return {
        "appointment_id": each.appointment_id,
        "partner_id": each.partner_id,
        "field": each.field,
        "ours": each.ours,
        "theirs": each.theirs,
        "waiting": each.waiting,
    }
