"""`/v1/log`: the daemon's last log lines, as the journal has them. Live: the event `log.line`."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from msgspec import Meta, Struct

from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.collection import Page
from wtpd.daemon.api.routes import Route
from wtpd.daemon.api.shapes import Limit, Sign
from wtpd.daemon.log_book import LEVELS, Line, LogBook

Level = Literal["debug", "info", "warning", "error", "critical"]


class LogQuery(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`level`: the lowest that is wanted. `q`: words that stand in the line, in any case. `before`: older than the line
    of this id."""

    level: Level = "debug"
    connector: Sign | None = None
    site: Sign | None = None
    q: Annotated[str, Meta(max_length=200)] = ""
    before: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    limit: Limit = 100


class LogRoutes:
    def __init__(self, book: LogBook) -> None:
        self._book = book

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET", path="/v1/log", role=Role.READ, handler=self.list, query=LogQuery, result=Page[Line],
                summary="The daemon's last log lines, the newest first",
            )
        ]  # fmt: skip

    async def list(self, call: Call) -> Answer:
        query: LogQuery = call.query
        limit = query.limit
        found = await asyncio.to_thread(
            self._book.page, lambda line: _fits(line, query), before=query.before, limit=limit + 1
        )
        shown = found[:limit]
        return answer(Page(shown, str(shown[-1].id) if len(found) > limit else None))


def _fits(line: Line, query: LogQuery) -> bool:
    return (
        LEVELS[line.level] >= LEVELS[query.level]
        and query.connector in (None, line.connector)
        and query.site in (None, line.site)
        and all(word in _text(line) for word in query.q.casefold().split())
    )


def _text(line: Line) -> str:
    """What is searched."""
    return "\n".join((line.message, line.logger, line.channel or "", line.appointment_id or "")).casefold()
