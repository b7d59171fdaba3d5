"""What systemd is told while the daemon runs: the worst news as status text, and that nothing hangs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from wtpd.clock import Clock
from wtpd.daemon.assembly import Parts
from wtpd.daemon.systemd import Notifier
from wtpd.store.database import Event
from wtpd.texts import N_

log = logging.getLogger(__name__)

LOOK_EVERY = 8.0
"""Seconds between two looks at the worst news, where no event asked for one: disk, clock, key and mail server change
without one."""
GATHER = 1.0
"""Seconds in which a burst of events is looked at once."""


TOLD = 2
"""Pieces of news in the status text; `wtpd status` has all."""


class SystemdStatus:
    """`tell_status` and `feed_watchdog` run until they are cancelled."""

    def __init__(self, parts: Parts, notifier: Notifier, clock: Clock) -> None:
        self._parts = parts
        self._notifier = notifier
        self._clock = clock
        self._look = asyncio.Event()
        self.status = ""
        """The worst news in one line, in the language of the box."""
        parts.db.listeners.append(self._heard)

    async def tell_status(self) -> None:
        """As soon as something happens."""
        while True:
            self._look.clear()
            before = self.status
            await self.look()
            if self.status != before:
                self._notifier.status(self.status)
            await self._clock.sleep(GATHER)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._look.wait()

    async def look(self) -> None:
        """Bring `status` up to date; it stays as it is if that fails."""
        try:
            self.status = await self._worst()
            self._parts.failures.succeeded("status text")
        except Exception as error:
            self._parts.failures.failed("status text", N_("The status text for systemd"), error)

    async def feed_watchdog(self) -> None:
        """Only while the database answers and no loop hangs: else systemd is to start the daemon anew."""
        pause = (self._notifier.watchdog or 30.0) / 3
        while True:
            hanging = [loop.name for loop in self._parts.fleet.loops if loop.is_overdue]
            try:
                async with asyncio.timeout(pause):
                    await self._parts.db.read(lambda tx: tx.one("SELECT 1"))
            except TimeoutError:
                hanging.append("database")
            except Exception:  # it answers, though not well; the status says so
                log.exception("The database answers with an error")
            if hanging:
                log.critical("The watchdog isn't fed: %s hangs", ", ".join(hanging))
            else:
                self._notifier.alive()
            await self._clock.sleep(pause)

    async def _worst(self) -> str:
        problems = await self._parts.status.worst_first()
        language = self._parts.settings.config.language
        if not problems:
            return N_("All is well.").render(language)
        told = "; ".join(one.text.render(language).rstrip(".") for one in problems[:TOLD])
        rest = len(problems) - TOLD
        return told if rest <= 0 else N_("{news}; and {count} more", news=told, count=rest).render(language)

    def _heard(self, events: Sequence[Event], signals: frozenset[str]) -> None:
        if events:
            self._look.set()
