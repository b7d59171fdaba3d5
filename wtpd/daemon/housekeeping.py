"""Once a day: forget what is older than it is kept for, and let SQLite look after its statistics."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from wtpd.clock import Clock
from wtpd.config.model import Retention
from wtpd.daemon.failures import Failures
from wtpd.store import calls, events, idempotency, identifications, inbox, mail, messages, pushed, runs
from wtpd.store.database import Database, Tx
from wtpd.texts import N_

log = logging.getLogger(__name__)

FIRST = 300.0
"""Seconds after the start, so that it never delays the start itself."""
EVERY = 24 * 3600.0
KEPT = timedelta(days=30)
"""How long answers to VIN queries are good for (`wtpd.vehicle_data`)."""
PUSHED = timedelta(days=7)
"""So long what partners sent is kept at least, so that the same again is known (contracts of their programs)."""
AT_ONCE = 5000
"""Rows deleted in one transaction, so that nobody waits long for the writer."""


class Prune(Protocol):
    """Deletes what is older, at most `limit` rows; says how many."""

    def __call__(self, tx: Tx, before: datetime, *, limit: int) -> int: ...


class Housekeeping:
    """`retention` is asked each time, so that a changed configuration counts."""

    def __init__(
        self, db: Database, retention: Callable[[], Retention], clock: Clock, failures: Failures | None = None
    ) -> None:
        self._db = db
        self._failures = failures or Failures(clock)
        self._retention = retention
        self._clock = clock

    async def run(self) -> None:
        await self._clock.sleep(FIRST)
        while True:
            await self.tidy()
            await self._clock.sleep(EVERY)

    async def tidy(self) -> dict[str, int]:
        """How many rows of each kind went. One kind that can't be deleted doesn't keep the others."""
        gone = {}
        for name, (prune, kept) in self._kinds().items():
            try:
                gone[name] = await self._prune(prune, self._clock.now() - kept)
                self._failures.succeeded(f"housekeeping: {name}")
            except Exception as error:
                self._failures.failed(f"housekeeping: {name}", N_("Deleting old records"), error)
        try:
            await self._db.write(_optimize)
            self._failures.succeeded("housekeeping: statistics")
        except Exception as error:
            self._failures.failed("housekeeping: statistics", N_("Upkeep of the database"), error)
        log.info("Housekeeping done: %s", ", ".join(f"{count} {name}" for name, count in gone.items()))
        return gone

    def _kinds(self) -> dict[str, tuple[Prune, timedelta]]:
        kept = self._retention()
        return {
            "runs": (runs.prune, timedelta(days=kept.runs)),
            "events": (_whole(events.prune), timedelta(days=kept.events)),
            "idempotency_keys": (_whole(idempotency.prune), timedelta(days=kept.idempotency_keys)),
            "messages": (messages.prune, timedelta(days=kept.messages)),
            "calls": (calls.prune, timedelta(days=kept.messages)),
            "pushed": (pushed.prune, max(timedelta(days=kept.messages), PUSHED)),
            "decided_messages": (inbox.prune, timedelta(days=kept.messages)),
            "mails": (mail.prune, timedelta(days=kept.mails)),
            "identifications": (_whole(identifications.prune), KEPT),
        }

    async def _prune(self, prune: Prune, before: datetime) -> int:
        """In several transactions."""
        total = 0
        while True:
            count = await self._db.write(partial(prune, before=before, limit=AT_ONCE))
            total += count
            if not count:
                return total


def _whole(prune: Callable[[Tx, datetime], int]) -> Prune:
    """For kinds that are few enough to be deleted in one transaction."""

    def work(tx: Tx, before: datetime, *, limit: int) -> int:
        return prune(tx, before)

    return work


def _optimize(tx: Tx) -> None:
    tx.run("PRAGMA optimize")
