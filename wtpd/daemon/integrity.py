"""Whether the database can be read: checked after an unclean end, once a night, and when something couldn't be read
(spec: operations.md). Nobody waits for it: it has a connection and a thread of its own and rests between
its pieces."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import aiosqlite

from wtpd.clock import Clock
from wtpd.daemon.failures import Failures
from wtpd.store import damage
from wtpd.store.connection import on_thread, open_reader
from wtpd.store.database import Database
from wtpd.texts import N_

log = logging.getLogger(__name__)

NIGHT = time(2, 40)
"""By the clock of the workshop, when nobody works and no backup of the box is usual."""
FIRST = 3.0
"""Seconds after the start, so that a check never delays it."""
REST = 0.02
"""Seconds between two pieces."""
AGAIN = timedelta(hours=1)
"""A check because something couldn't be read follows another one not sooner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Something in the database can't be read. `tables`: where, as far as a check found it."""

    since: datetime
    tables: Sequence[str] = ()


class Integrity:
    """`zone` is asked each time. `on_change` is called when damage was found, or is gone."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        *,
        zone: Callable[[], str] = lambda: "UTC",
        on_change: Callable[[], None] = lambda: None,
        failures: Failures | None = None,
    ) -> None:
        self.damage: Damage | None = None
        self.checked_at: datetime | None = None
        """When the last check ended."""
        self._db = db
        self._clock = clock
        self._zone = zone
        self._on_change = on_change
        self._failures = failures or Failures(clock)
        self._seen = asyncio.Event()
        db.on_damage = self._unreadable

    async def run(self) -> None:
        """Until cancelled."""
        due = self._clock.now() if self._db.ended_uncleanly else self._next_night()
        await self._clock.sleep(FIRST)
        while True:
            nightly = await self._wait(due)
            try:
                await self.check(nightly=nightly)
                self._failures.succeeded("integrity")
            except Exception as error:
                self._failures.failed("integrity", N_("The check of the database"), error)
            due = self._next_night()

    async def check(self, *, nightly: bool = True) -> None:
        """Go through the whole database. Only a nightly check that finds nothing takes back what couldn't be read
        before: a time that is no time is seen by nobody but its reader."""
        wrong: dict[str, str] = {}
        connection: aiosqlite.Connection | None = None
        try:
            connection = await open_reader(self._db.path)
            for table in await on_thread(connection, damage.tables):
                found = await self._check_table(connection, table)
                if found is not None:
                    wrong[table.name] = found
                    log.error("The database is damaged: %s: %s", table.name, found)
        except damage.Damaged as error:  # not even its list of tables
            wrong["sqlite_schema"] = str(error)
        finally:
            if connection is not None:
                await connection.close()
        self.checked_at = self._clock.now()
        before = self.damage
        if wrong:
            since = before.since if before else self.checked_at
            self.damage = Damage(since=since, tables=sorted(wrong))
            self._db.damaged = True
        elif nightly:
            self.damage = None
            self._db.damaged = False
        log.info("The database was checked: %s", f"damage in {', '.join(sorted(wrong))}" if wrong else "it is well")
        if (before is None) != (self.damage is None) or (
            before and self.damage and before.tables != self.damage.tables
        ):
            self._on_change()

    async def _check_table(self, connection: aiosqlite.Connection, table: damage.Table) -> str | None:
        found = await on_thread(connection, damage.check_pages, table)
        if found is not None:
            return found
        pieces = await on_thread(connection, damage.check_texts, table)
        while True:
            await self._clock.sleep(REST)
            going_on, found = await on_thread(connection, _step, pieces)
            if found is not None or not going_on:
                return found

    async def _wait(self, due: datetime) -> bool:
        """Until the check is due, or something couldn't be read (False)."""
        while (left := (due - self._clock.now()).total_seconds()) > 0:
            waiting = [asyncio.ensure_future(self._seen.wait()), asyncio.ensure_future(self._clock.sleep(left))]
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in waiting:
                    task.cancel()
            if self._seen.is_set():
                self._seen.clear()
                if self.checked_at is None or self._clock.now() - self.checked_at >= AGAIN:
                    return False
        return True

    def _next_night(self) -> datetime:
        now = self._clock.now().astimezone(ZoneInfo(self._zone()))
        night = datetime.combine(now.date(), NIGHT, now.tzinfo)
        return night if night > now else datetime.combine(now.date() + timedelta(days=1), NIGHT, now.tzinfo)

    def _unreadable(self, reason: str) -> None:
        """Somebody couldn't read something."""
        if self.damage is None:
            log.error("The database is damaged: %s", reason)
            self.damage = Damage(since=self._clock.now())
            self._on_change()
        self._seen.set()


def _step(_: object, pieces: Iterator[str | None]) -> tuple[bool, str | None]:
    """Whether there is more, and what is wrong with the rows of this piece."""
    try:
        return True, next(pieces)
    except StopIteration:
        return False, None
