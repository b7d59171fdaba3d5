"""`/v1/credentials`: tried, entered, never given back (spec: credentials.md)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from wtpd.daemon.api.call import NO_CONTENT, Answer, Call, Role, answer
from wtpd.daemon.api.collection import Page
from wtpd.daemon.api.credential_shapes import (
    ProviderView,
    SetInput,
    StoredView,
    Tested,
    TestInput,
    entry_view,
    field_view,
    tested,
)
from wtpd.daemon.api.routes import Route
from wtpd.daemon.credentials.service import CredentialService
from wtpd.errors import Refused
from wtpd.secrets.providers import Provider
from wtpd.store.credentials import Entry

PATH = "/v1/credentials"
ENTRY = f"{PATH}/{{provider}}/{{scope}}"


class CredentialRoutes:
    """`changed` is told of a provider whose entries are others now."""

    def __init__(self, desk: CredentialService, changed: Callable[[str], None]) -> None:
        self._desk = desk
        self._changed = changed

    def routes(self) -> list[Route]:
        admin = partial(Route, role=Role.ADMIN)
        return [
            Route(
                method="GET", path=PATH, role=Role.READ, handler=self.overview, result=Page[ProviderView],
                summary="Providers and their entries, without any secret",
            ),
            admin(
                method="PUT", path=ENTRY, handler=self.put, body=SetInput, result=StoredView, seconds=120,
                summary="Try an entry at the partner, and store it",
            ),
            admin(method="DELETE", path=ENTRY, handler=self.remove, status=204, summary="Forget an entry"),
            admin(
                method="POST", path=f"{ENTRY}/test", handler=self.test, body=TestInput, result=Tested, seconds=120,
                summary="Try an entry at the partner, stored or not",
            ),
        ]  # fmt: skip

    async def overview(self, call: Call) -> Answer:
        entries = await self._desk.entries()
        providers = self._desk.providers.values()
        return answer(Page([self._view(one, entries, call.language) for one in providers]))

    async def put(self, call: Call) -> Answer:
        name, wanted = call.params["provider"], call.body
        entry, outcome = await self._desk.set(
            name,
            call.params["scope"],
            wanted.fields,
            actor=call.author.actor,
            expires_at=wanted.expires_at,
            force=wanted.force,
        )
        self._changed(name)
        return answer(StoredView(entry_view(entry), outcome.tested, outcome.text.render(call.language)))

    async def remove(self, call: Call) -> Answer:
        name = call.params["provider"]
        await self._desk.remove(name, call.params["scope"], actor=call.author.actor)
        self._changed(name)
        return NO_CONTENT

    async def test(self, call: Call) -> Answer:
        wanted: TestInput = call.body
        try:
            outcome = await self._desk.test(
                call.params["provider"],
                call.params["scope"],
                wanted.fields,
                actor=call.author.actor,
                site=wanted.site,
            )
        except Refused as error:
            if error.kind not in ("credentials-refused", "other-dealer"):
                raise
            return answer(Tested(False, error.text.render(call.language)))
        return answer(tested(outcome, call.language))

    def _view(self, known: Provider, entries: Sequence[Entry], language: str) -> ProviderView:
        rule = self._desk.rule(known.name)
        return ProviderView(
            provider=known.name,
            title=known.title,
            fields=[field_view(one, language) for one in known.fields],
            scopes=list(known.scopes),
            scope=rule.scope,
            fallback=rule.fallback,
            reveal=rule.reveal,
            testable=self._desk.can_test(known),
            entries=[entry_view(one) for one in entries if one.provider == known.name],
        )
