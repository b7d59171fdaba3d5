"""What is done with the credential store besides entering: explain, hand out, audit, change the key."""

from __future__ import annotations

from functools import partial

from wtpd.clock import from_iso
from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.collection import Page, cut
from wtpd.daemon.api.credential_shapes import (
    AuditQuery,
    AuditView,
    ExplainedView,
    OrderInput,
    OrderQuery,
    Revealed,
    Rotated,
    StartedOver,
)
from wtpd.daemon.api.credentials import ENTRY, PATH
from wtpd.daemon.api.routes import Route
from wtpd.daemon.credentials.service import CredentialService, Handed
from wtpd.store.credentials import AuditEntry


class CredentialUseRoutes:
    def __init__(self, desk: CredentialService) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        read = partial(Route, method="GET", role=Role.READ)
        act = partial(Route, method="POST", role=Role.ADMIN)
        return [
            read(
                path=f"{PATH}/{{provider}}/explain", handler=self.explain, query=OrderQuery, result=ExplainedView,
                summary="Which entry an order would use, and why",
            ),
            read(
                path=f"{PATH}/audit", handler=self.audit, query=AuditQuery, result=Page[AuditView],
                summary="Who did what with credentials, the newest first",
            ),
            act(
                path=f"{ENTRY}/reveal", handler=self.reveal, result=Revealed,
                summary="Hand out an entry, where the settings allow it; audited",
            ),
            act(
                path=f"{PATH}/{{provider}}/reveal", handler=self.reveal_for, body=OrderInput, result=Revealed,
                summary="Hand out the entry that serves an order, where the settings allow it; audited",
            ),
            act(
                path=f"{PATH}/rotate-key", handler=self.rotate, result=Rotated, seconds=120,
                summary="Seal everything with a new key",
            ),
            act(
                path=f"{PATH}/start-over", handler=self.start_over, result=StartedOver,
                summary="Give up what a lost key had sealed",
            ),
        ]  # fmt: skip

    async def explain(self, call: Call) -> Answer:
        found = await self._desk.explain(call.params["provider"], call.query.order())
        return answer(
            ExplainedView(
                provider=call.params["provider"],
                scope=found.rule.scope,
                fallback=found.rule.fallback,
                entry=found.explanation.scope,
                reason=found.explanation.reason.render(call.language),
                notes=[note.render(call.language) for note in found.notes],
            )
        )

    async def audit(self, call: Call) -> Answer:
        query: AuditQuery = call.query
        lines, following = cut(await self._desk.audit(before=query.cursor, limit=query.limit + 1), query.limit)
        return answer(Page([_audit(line) for line in lines], following))

    async def reveal(self, call: Call) -> Answer:
        handed = await self._desk.reveal(call.params["provider"], call.params["scope"], actor=call.author.actor)
        return answer(_handed(handed, call.language))

    async def reveal_for(self, call: Call) -> Answer:
        handed = await self._desk.reveal(
            call.params["provider"], None, actor=call.author.actor, order=call.body.order()
        )
        return answer(_handed(handed, call.language))

    async def rotate(self, call: Call) -> Answer:
        text = await self._desk.rotate(actor=call.author.actor)
        return answer(Rotated(text.render(call.language)))

    async def start_over(self, call: Call) -> Answer:
        lost = await self._desk.start_over(actor=call.author.actor)
        return answer(StartedOver([f"{name}/{scope}" for name, scope in lost]))


def _handed(handed: Handed, language: str) -> Revealed:
    notes = [note.render(language) for note in handed.notes]
    return Revealed(handed.scope, dict(handed.fields), handed.expires_at, notes)


def _audit(line: AuditEntry) -> AuditView:
    return AuditView(
        id=line.id,
        at=from_iso(line.at),
        actor=line.actor,
        action=line.action,
        provider=line.provider,
        scope=line.scope,
        result=line.result,
    )
