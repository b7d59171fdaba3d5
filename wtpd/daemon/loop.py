"""One supervised loop: keeps an async function going whatever happens in it (DESIGN.md, decision 4).

The function handles the errors it knows. One it doesn't know is our bug: it is logged with its traceback, shows in the
loop's state, and the loop is started again after a pause; the other loops don't notice.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum

from wtpd.clock import Clock, full_jitter
from wtpd.errors import WtpdError

_log = logging.getLogger(__name__)

PAUSE, PAUSE_CAP = 5.0, 300.0
"""Seconds before the function is started again; doubled each time up to the cap, with full jitter."""
CALM = 600.0
"""Seconds without an error after which its earlier ones are forgiven."""


class LoopState(StrEnum):
    NEW = "new"
    RUNNING = "running"
    BROKEN = "broken"
    """It failed and waits to be started again."""
    ENDED = "ended"


class Loop:
    """`work` is called with a function that it calls now and then with the number of seconds within which it will do
    so again; `is_overdue` is what the watchdog looks at."""

    def __init__(
        self,
        name: str,
        work: Callable[[Callable[[float], None]], Awaitable[None]],
        *,
        clock: Clock,
        chance: random.Random,
    ) -> None:
        self.name = name
        self.state = LoopState.NEW
        self.error: str | None = None
        """The last error, until the loop has been calm again."""
        self.failed_at: datetime | None = None
        self.failures = 0
        self._work = work
        self._clock = clock
        self._chance = chance
        self._expected = float("inf")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; a loop is started once."""
        if self._task is not None:
            raise RuntimeError(f"{self.name} was started already")
        self._task = asyncio.create_task(self.run(), name=self.name)

    async def run(self) -> None:
        """Until the work returns or is cancelled."""
        try:
            while not await self._once():
                pause = full_jitter(self.failures, base=PAUSE, cap=PAUSE_CAP, chance=self._chance)
                self.beat(pause + PAUSE_CAP)
                await self._clock.sleep(pause)
        finally:
            self.state = LoopState.ENDED
            self._expected = float("inf")

    async def stop(self, timeout: float) -> bool:  # noqa: ASYNC109 - bounds the wait, doesn't cancel it
        """Cancel the work and wait at most `timeout` seconds for its end; says whether it ended. Safe to call
        twice, and before the start."""
        if self._task is None:
            self.state = LoopState.ENDED
            return True
        self._task.cancel()
        await asyncio.wait([self._task], timeout=timeout)
        return self._task.done()

    def beat(self, within: float) -> None:
        """The loop is alive, and will say so again within this many seconds."""
        self._expected = self._clock.monotonic() + within

    @property
    def is_overdue(self) -> bool:
        """It hangs: it said nothing for longer than it promised."""
        return self._clock.monotonic() > self._expected

    async def _once(self) -> bool:
        """True if the work came to its end."""
        self.state = LoopState.RUNNING
        began = self._clock.monotonic()
        try:
            await self._work(self.beat)
        except Exception as error:
            calm = self._clock.monotonic() - began >= CALM
            self.failures = 1 if calm else self.failures + 1
            self.error = f"{type(error).__name__}: {error}"
            self.failed_at = self._clock.now()
            self.state = LoopState.BROKEN
            if isinstance(error, WtpdError):  # known trouble, of the disk for instance: no fault of ours to look for
                _log.error("%s failed; it is started again: %s", self.name, error, extra={"LOOP": self.name})
            else:
                _log.exception("%s failed; it is started again", self.name, extra={"LOOP": self.name})
            return False
        return True
