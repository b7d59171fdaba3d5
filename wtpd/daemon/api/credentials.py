"""`/v1/credentials`: entered and tested, never given back (spec: credentials.md)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Annotated

from msgspec import Meta, Struct

from wtpd.connectors.base import Verified
from wtpd.daemon.api.call import NO_CONTENT, Answer, Call, Role, answer
from wtpd.daemon.api.collection import Page
from wtpd.daemon.api.routes import Route
from wtpd.daemon.api.shapes import Moment, Sign
from wtpd.daemon.credentials import MAIL, CredentialDesk
from wtpd.daemon.fleet import Fleet
from wtpd.errors import Refused
from wtpd.secrets.clean import clean
from wtpd.secrets.providers import Provider, provider
from wtpd.store.credentials import Entry
from wtpd.sync.errors import PartnerError
from wtpd.texts import N_

PATH = "/v1/credentials"
ENTRY = f"{PATH}/{{provider}}/{{scope}}"

Values = Annotated[dict[Sign, Annotated[str, Meta(max_length=10_000)]], Meta(max_length=50)]


class FieldView(Struct, frozen=True):
    name: str
    label: str
    secret: bool
    required: bool
    form: str
    choices: list[str]


class EntryView(Struct, frozen=True):
    """All that is ever told of an entry; `fields`: those that have a value; `readable`: the key opens it."""

    scope: str
    fields: list[str]
    fingerprint: str
    set_at: str
    set_by: str
    last_used_at: str | None
    last_result: str | None
    expires_at: str | None
    readable: bool


class ProviderView(Struct, frozen=True):
    """A provider: what it wants, for whom it can have entries (`scopes`), which of them serve (`scope`)."""

    provider: str
    title: str
    fields: list[FieldView]
    scopes: list[str]
    scope: str
    entries: list[EntryView]


class SetInput(Struct, frozen=True, forbid_unknown_fields=True):
    """Fields that aren't given stay as they are."""

    fields: Values
    expires_at: Moment | None = None


class TestInput(Struct, frozen=True, forbid_unknown_fields=True):
    """`fields`: test these before they are stored; without them the stored ones."""

    fields: Values | None = None
    site: Sign | None = None


class Tested(Struct, frozen=True):
    """Who we are at the partner with these credentials, or why they don't work."""

    ok: bool
    detail: str
    account: str = ""
    name: str = ""
    facts: Mapping[str, str] = {}


class Revealed(Struct, frozen=True):
    fields: Mapping[str, str]


class Rotated(Struct, frozen=True):
    detail: str


class StartedOver(Struct, frozen=True):
    """What has to be entered again."""

    lost: list[str]


class CredentialRoutes:
    """`probes`: what tries a login at providers that have no channels; by provider."""

    def __init__(
        self,
        desk: CredentialDesk,
        fleet: Fleet,
        probes: Mapping[str, Callable[[Mapping[str, str]], Awaitable[Verified]]],
    ) -> None:
        self._desk = desk
        self._fleet = fleet
        self._probes = probes

    def routes(self) -> list[Route]:
        admin = partial(Route, role=Role.ADMIN)
        return [
            Route(
                method="GET", path=PATH, role=Role.READ, handler=self.overview, result=Page[ProviderView],
                summary="Providers and their entries, without any secret",
            ),
            admin(
                method="PUT", path=ENTRY, handler=self.put, body=SetInput, result=EntryView, summary="Store an entry",
            ),
            admin(method="DELETE", path=ENTRY, handler=self.remove, status=204, summary="Forget an entry"),
            admin(
                method="POST", path=f"{ENTRY}/test", handler=self.test, body=TestInput, result=Tested, seconds=120,
                summary="Try an entry at the partner",
            ),
            admin(
                method="POST", path=f"{ENTRY}/reveal", handler=self.reveal, result=Revealed,
                summary="Hand out an entry, where the settings allow it; audited",
            ),
            admin(
                method="POST", path=f"{PATH}/rotate-key", handler=self.rotate, result=Rotated, seconds=120,
                summary="Seal everything with a new key",
            ),
            admin(
                method="POST", path=f"{PATH}/start-over", handler=self.start_over, result=StartedOver,
                summary="Give up what a lost key had sealed",
            ),
        ]  # fmt: skip

    async def overview(self, call: Call) -> Answer:
        entries = await self._desk.entries()
        providers = self._desk.providers.values()
        return answer(Page([self._view(one, entries, call.language) for one in providers]))

    async def put(self, call: Call) -> Answer:
        name, scope = call.params["provider"], call.params["scope"]
        wanted: SetInput = call.body
        entry = await self._desk.set(name, scope, wanted.fields, actor=call.author.actor, expires_at=wanted.expires_at)
        self._fleet.credentials_changed(name)
        return answer(_entry(entry))

    async def remove(self, call: Call) -> Answer:
        await self._desk.remove(call.params["provider"], call.params["scope"], actor=call.author.actor)
        return NO_CONTENT

    async def test(self, call: Call) -> Answer:
        known = provider(call.params["provider"])
        scope = call.params["scope"]
        known.check_scope(scope)
        if known.name not in self._fleet.manifests and known.name not in self._probes:
            text = N_("{provider} offers no way to test its credentials.", provider=known.title)
            if known.name == MAIL:
                text = N_("Send a test mail instead: wtpd mail test.")
            raise Refused(text, kind="not-testable")
        fields = await self._for_test(known, scope, call.body)
        site = call.body.site or (scope.removeprefix("office:") if scope.startswith("office:") else None)
        tested = await self._try(known, site, fields, call.language)
        result = "ok" if tested.ok else "refused"
        await self._desk.note_test(known.name, scope, result=result, actor=call.author.actor)
        return answer(tested)

    async def _for_test(self, known: Provider, scope: str, wanted: TestInput) -> Mapping[str, str]:
        if wanted.fields is None:
            return await self._desk.stored(known.name, scope)
        given = clean(known, wanted.fields)
        return {**given, **known.derive(given)} if known.derive and given.keys() >= known.field_names else given

    async def _try(self, known: Provider, site: str | None, fields: Mapping[str, str], language: str) -> Tested:
        probe = self._probes.get(known.name)
        try:
            found = await (probe(fields) if probe else self._fleet.probe(known.name, site, fields))
        except PartnerError as error:
            return Tested(False, str(error))
        detail = f"{found.name} ({found.account})"
        if found.note is not None:
            detail += f". {found.note.render(language)}"
        return Tested(True, detail, found.account, found.name, found.facts)

    async def reveal(self, call: Call) -> Answer:
        name, scope = provider(call.params["provider"]).name, call.params["scope"]
        fields = await self._desk.reveal(name, scope, actor=call.author.actor)
        return answer(Revealed(dict(fields)))

    async def rotate(self, call: Call) -> Answer:
        text = await self._desk.rotate(actor=call.author.actor)
        return answer(Rotated(text.render(call.language)))

    async def start_over(self, call: Call) -> Answer:
        lost = await self._desk.start_over(actor=call.author.actor)
        return answer(StartedOver([f"{name}/{scope}" for name, scope in lost]))

    def _view(self, known: Provider, entries: Sequence[Entry], language: str) -> ProviderView:
        rule = self._desk.rule(known.name)
        return ProviderView(
            provider=known.name,
            title=known.title,
            fields=[
                FieldView(
                    one.name, one.label.render(language), one.secret, one.required, one.form, list(one.choices)
                )
                for one in known.fields
            ],
            scopes=list(known.scopes),
            scope=rule.scope if rule else "general",
            entries=[_entry(one) for one in entries if one.provider == known.name],
        )  # fmt: skip


def _entry(entry: Entry) -> EntryView:
    return EntryView(
        entry.scope, list(entry.fields), entry.fingerprint, entry.set_at, entry.set_by, entry.last_used_at,
        entry.last_result, entry.expires_at, entry.readable,
    )  # fmt: skip
