"""When a channel's next run is due without anybody waking it."""

from __future__ import annotations

import random
from datetime import datetime

from wtpd.channel.alarm import LONG
from wtpd.clock import Clock, jittered
from wtpd.sync.spec import ChannelSpec
from wtpd.sync.standing import Standing


class Timetable:
    """The interval counts from the end of a run that fetched; `expect` names an earlier moment at which a deferred
    appointment may be tried again."""

    def __init__(self, spec: ChannelSpec, standing: Standing, clock: Clock, chance: random.Random) -> None:
        self._spec = spec
        self._standing = standing
        self._clock = clock
        self._chance = chance
        self._next_full = self._gathered = clock.monotonic()
        self._due: datetime | None = None

    def full_run_ended(self) -> None:
        self._next_full = self._clock.monotonic() + jittered(self._spec.interval, self._chance)

    def run_now(self) -> None:
        self._next_full = self._clock.monotonic()

    def expect(self, due: datetime | None) -> None:
        self._due = due

    @property
    def is_full_due(self) -> bool:
        return self._next_full <= self._clock.monotonic()

    def remaining(self) -> float:
        """Seconds until a run is due."""
        if self._standing.is_halted:
            return LONG
        if self._standing.patience.is_waiting:
            return self._standing.patience.remaining()
        full = self._next_full - self._clock.monotonic()
        if self._due is not None:
            full = min(full, (self._due - self._clock.now()).total_seconds())
        return max(0.0, full)

    async def gather(self) -> None:
        """The first change goes at once; those that follow within `burst` of it go together."""
        now = self._clock.monotonic()
        if now < self._gathered:
            await self._clock.sleep(self._gathered - now)
        self._gathered = self._clock.monotonic() + self._spec.burst
