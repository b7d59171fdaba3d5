"""Keeps the file of the database free of erased persons: right after a start what an interruption left, and at night,
when nobody waits, the whole file once for all erasures of the day (docs/adr/0042)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from wtpd.clock import Clock
from wtpd.errors import WtpdError
from wtpd.store import cleaning
from wtpd.store.database import Database

log = logging.getLogger(__name__)

AT = time(2, 40)
"""Local time of the night at which the file is written again."""
AFTER_START = 60.0
"""Seconds after which what an interrupted erasure left is cleaned."""


class Erasures:
    """`zone`: the time zone of the house, asked each night."""

    def __init__(self, db: Database, zone: Callable[[], ZoneInfo], clock: Clock) -> None:
        self._db = db
        self._zone = zone
        self._clock = clock

    async def run(self) -> None:
        await self._clock.sleep(AFTER_START)
        await self._attempt(self._clean_up)
        while True:
            now = self._clock.now()
            await self._clock.sleep((next_night(now, self._zone()) - now).total_seconds())
            await self._attempt(self._rewrite)

    async def _clean_up(self) -> None:
        if await cleaning.is_due(self._db):
            await cleaning.clean(self._db)

    async def _rewrite(self) -> None:
        await cleaning.drop_left_words(self._db)
        if await cleaning.rewrite(self._db):
            log.info("The database was written again after an erasure")

    async def _attempt(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except WtpdError as error:
            log.error("The database couldn't be cleaned after an erasure; the next night does it: %s", error)
        except Exception:
            log.exception("The database couldn't be cleaned after an erasure; the next night does it")


def next_night(now: datetime, zone: ZoneInfo) -> datetime:
    """The next moment at which it is `AT` in the zone."""
    local = now.astimezone(zone)
    at = datetime.combine(local.date(), AT, zone).astimezone(UTC)
    return at if at > now else datetime.combine(local.date() + timedelta(days=1), AT, zone).astimezone(UTC)
