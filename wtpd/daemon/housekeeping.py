"""Once a day: forget what is older than it is kept for, and let SQLite look after its statistics."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from wtpd.clock import Clock
from wtpd.config.model import Retention
from wtpd.store import events, idempotency, identifications, inbox, messages, runs
from wtpd.store.database import Database, Tx

log = logging.getLogger(__name__)

FIRST = 300.0
"""Seconds after the start, so that it never delays the start itself."""
EVERY = 24 * 3600.0
KEPT = timedelta(days=30)
"""How long answers to VIN queries are good for (`wtpd/daemon/identification.py`)."""
AT_ONCE = 5000
"""Rows deleted in one transaction, so that nobody waits long for the writer."""


class Prune(Protocol):
    """Deletes what is older, at most `limit` rows; says how many."""

    def __call__(self, tx: Tx, before: datetime, *, limit: int) -> int: ...


class Housekeeping:
    """`retention` is asked each time, so that a changed configuration counts."""

    def __init__(self, db: Database, retention: Callable[[], Retention], clock: Clock) -> None:
        self._db = db
        self._retention = retention
        self._clock = clock

    async def run(self) -> None:
        await self._clock.sleep(FIRST)
        while True:
            try:
                await self.tidy()
            except Exception:
                log.exception("Housekeeping failed; it is tried again tomorrow")
            await self._clock.sleep(EVERY)

    async def tidy(self) -> dict[str, int]:
        """How many rows of each kind went."""
        kept = self._retention()
        now = self._clock.now()
        gone = {
            "runs": await self._prune(runs.prune, now - timedelta(days=kept.runs)),
            "events": await self._db.write(lambda tx: events.prune(tx, now - timedelta(days=kept.events))),
            "idempotency_keys": await self._db.write(
                lambda tx: idempotency.prune(tx, now - timedelta(days=kept.idempotency_keys))
            ),
            "messages": await self._prune(messages.prune, now - timedelta(days=kept.messages)),
            "decided_messages": await self._prune(inbox.prune, now - timedelta(days=kept.messages)),
            "identifications": await self._db.write(lambda tx: identifications.prune(tx, now - KEPT)),
        }
        await self._db.write(_optimize)
        log.info("Housekeeping done: %s", ", ".join(f"{count} {name}" for name, count in gone.items()))
        return gone

    async def _prune(self, prune: Prune, before: datetime) -> int:
        """In several transactions."""
        total = 0
        while True:
            count = await self._db.write(partial(prune, before=before, limit=AT_ONCE))
            total += count
            if count < AT_ONCE:
                return total


def _optimize(tx: Tx) -> None:
    tx.run("PRAGMA optimize")
