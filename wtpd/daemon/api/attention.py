"""`/v1/attention`: what somebody has to decide: conflicts, quarantine, refused calls, cars left open, and so on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from wtpd.book.book import Book
from wtpd.daemon.api.attention_views import AttentionView, Views
from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.collection import Page
from wtpd.daemon.api.errors import wrong
from wtpd.daemon.api.routes import Route
from wtpd.daemon.api.shapes import Limit, Sign
from wtpd.daemon.fleet import Fleet
from wtpd.errors import NotFound
from wtpd.store import attention
from wtpd.store.database import Database, Tx
from wtpd.store.session import StoreSession
from wtpd.sync import decide
from wtpd.texts import N_

PATH = "/v1/attention"


class Query(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    kind: Sign | None = None
    state: Literal["open", "resolved", "all"] = "all"
    cursor: Annotated[int, Meta(ge=1, le=1 << 60)] | None = None
    limit: Limit = 100


class ResolveInput(Struct, frozen=True, forbid_unknown_fields=True):
    """`ours` puts our value back and sends it (or cancels it there again), `theirs` lets the partner's stand; of a
    text, `both` puts ours behind the partner's, and `own` puts `value` in place of both; `done` closes the entry."""

    choice: Literal["ours", "theirs", "both", "own", "done"]
    value: Annotated[str, Meta(max_length=10_000)] | None = None


class RetryInput(Struct, frozen=True, forbid_unknown_fields=True):
    """`message`: what is applied in place of one in quarantine, in the partner's form; the original stays kept."""

    message: dict[str, Any] | None = None


class AttentionRoutes:
    def __init__(self, db: Database, fleet: Fleet, book: Book, session: Callable[[Tx], StoreSession]) -> None:
        self._db = db
        self._fleet = fleet
        self._views = Views(fleet, book)
        self._session = session

    def routes(self) -> list[Route]:
        act = partial(Route, method="POST", role=Role.ADMIN, result=AttentionView)
        return [
            Route(
                method="GET", path=PATH, role=Role.READ, handler=self.list, query=Query, result=Page[AttentionView],
                summary="What has to be decided, newest first",
            ),
            Route(
                method="GET", path=f"{PATH}/{{id}}", role=Role.READ, handler=self.get, result=AttentionView,
                summary="One entry, with the original message",
            ),
            act(path=f"{PATH}/{{id}}/resolve", handler=self.resolve, body=ResolveInput, summary="Decide"),
            act(path=f"{PATH}/{{id}}/retry", handler=self.retry, body=RetryInput, summary="Apply or send it again"),
            act(path=f"{PATH}/{{id}}/discard", handler=self.discard, summary="Give it up"),
        ]  # fmt: skip

    async def list(self, call: Call) -> Answer:
        query: Query = call.query
        if query.kind is not None and query.kind not in attention.KINDS:
            raise wrong("kind", N_("There is no such kind; there are: {known}.", known=", ".join(attention.KINDS)))

        def work(tx: Tx) -> Page[AttentionView]:
            found = attention.part(tx, kind=query.kind, state=query.state, after=query.cursor, limit=query.limit)
            entries, more = found
            following = str(entries[-1].id) if more else None
            return Page(self._views.many(tx, entries, call.language), following)

        return answer(await self._db.read(work))

    async def get(self, call: Call) -> Answer:
        number = _number(call)
        return answer(await self._db.read(lambda tx: self._views.one(tx, number, call.language)))

    async def resolve(self, call: Call) -> Answer:
        return await self._decide(
            call,
            lambda tx, number: decide.resolve(
                self._session(tx), number, call.body.choice, by=call.author.actor, value=call.body.value
            ),
        )

    async def retry(self, call: Call) -> Answer:
        return await self._decide(call, lambda tx, number: self._retry(tx, number, call))

    async def discard(self, call: Call) -> Answer:
        return await self._decide(
            call, lambda tx, number: decide.discard(self._session(tx), number, by=call.author.actor)
        )

    def _retry(self, tx: Tx, number: int, call: Call) -> None:
        entry = attention.get(tx, number)
        channel = self._fleet.channel(entry.channel or "")
        channel.retry(self._session(tx), number, by=call.author.actor, edited=call.body.message)

    async def _decide(self, call: Call, work: Callable[[Tx, int], None]) -> Answer:
        number = _number(call)

        def decided(tx: Tx) -> AttentionView:
            work(tx, number)
            return self._views.one(tx, number, call.language)

        return answer(await self._db.write(decided))


def _number(call: Call) -> int:
    number = call.number("id")
    if number is None:
        raise NotFound(N_("There is no attention entry {id}.", id=call.params["id"]))
    return number
