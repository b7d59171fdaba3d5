"""The box itself: room on the disk, and a clock that can be trusted (spec: operations.md)."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from wtpd.clock import Clock
from wtpd.daemon.failures import Failures
from wtpd.errors import Unavailable
from wtpd.texts import N_

log = logging.getLogger(__name__)

LEAST_FREE = 200 * 1024 * 1024
"""Bytes below which nothing new is accepted."""
ENOUGH_FREE = 250 * 1024 * 1024
"""Bytes from which on it is again."""
EVERY = 30.0
JUMP = 30.0
"""Seconds that the wall clock may differ from the monotonic one between two looks."""


FreeOf = Callable[[Path], int]
"""The free bytes at a path. Blocking; raises OSError."""


def free_of(path: Path) -> int:
    disk = os.statvfs(path)
    return disk.f_bavail * disk.f_frsize


class Health:
    """Looks every half minute. `on_change` hears that the disk became full or has room again, or that the clock
    jumped."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        free_of: FreeOf = free_of,
        on_change: Callable[[], None] = lambda: None,
        failures: Failures | None = None,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._free_of = free_of
        self._on_change = on_change
        self._failures = failures or Failures(clock)
        self._last = (clock.now(), clock.monotonic())
        self.free: int | None = None
        self.disk_full_since: datetime | None = None
        self.clock_jump: float = 0.0
        """Seconds by which the clock jumped when it last did."""
        self.clock_jumped_at: datetime | None = None

    async def run(self) -> None:
        while True:
            await self._clock.sleep(EVERY)
            await self.look()

    async def look(self) -> None:
        """Look now. One look that fails doesn't keep the other."""
        looks = (
            ("disk", N_("Watching the disk"), self._look_at_disk),
            ("clock", N_("Watching the clock"), self._look_at_clock),
        )
        for name, what, look in looks:
            try:
                await look()
                self._failures.succeeded(f"health: {name}")
            except Exception as error:
                self._failures.failed(f"health: {name}", what, error)

    @property
    def refusal(self) -> Unavailable | None:
        """Why nothing new is accepted now, if so."""
        if self.disk_full_since is None:
            return None
        return Unavailable(
            N_(
                "Only {free} MB are free on the disk; nothing new is accepted until there are {least}.",
                free=(self.free or 0) >> 20, least=ENOUGH_FREE >> 20,
            ),
            kind="disk-full",
        )  # fmt: skip

    async def _look_at_disk(self) -> None:
        self.free = await asyncio.to_thread(self._free_of, self._folder)
        if self.disk_full_since is None and self.free < LEAST_FREE:
            self.disk_full_since = self._clock.now()
            log.error("Only %d MB are free on the disk: nothing new is accepted", self.free >> 20)
            self._on_change()
        elif self.disk_full_since is not None and self.free >= ENOUGH_FREE:
            self.disk_full_since = None
            log.warning("There is room on the disk again (%d MB)", self.free >> 20)
            self._on_change()

    async def _look_at_clock(self) -> None:
        now, ticks = self._clock.now(), self._clock.monotonic()
        jump = (now - self._last[0]).total_seconds() - (ticks - self._last[1])
        self._last = (now, ticks)
        if abs(jump) > JUMP:
            self.clock_jump, self.clock_jumped_at = jump, now
            log.warning("The clock jumped by %.0f s", jump)
            self._on_change()
