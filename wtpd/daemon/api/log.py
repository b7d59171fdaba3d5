"""`/v1/log`: the daemon's last log lines, as the journal has them. Live: the event `log.line`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import asdict

from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.collection import Page, cut
from wtpd.daemon.api.events import LOG_LINE, Events
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
        words = query.q.casefold().split()
        found = await asyncio.to_thread(
            self._book.page,
            lambda line: _fits(line, query) and _says(line, words),
            before=query.before,
            limit=query.limit + 1,
        )
        return answer(Page(*cut(found, query.limit)))


def _fits(line: Line, query: LogQuery) -> bool:
    return (
        LEVELS[line.level] >= LEVELS[query.level]
        and query.connector in (None, line.connector)
        and query.site in (None, line.site)
    )


def _says(line: Line, words: Sequence[str]) -> bool:
    if not words:
        return True
    text = "\n".join((line.message, line.logger, line.channel or "", line.appointment_id or "")).casefold()
    return all(word in text for word in words)


def follow(log_book: LogBook, events: Events) -> None:
    """Lines are logged on any thread, and told in the event loop, which isn't woken if nobody listens."""

    def tell(line: Line) -> None:
        events.pass_on(LOG_LINE, **asdict(line))

    loop = asyncio.get_running_loop()
    log_book.on_line = lambda line: loop.call_soon_threadsafe(tell, line) if events.readers else None
