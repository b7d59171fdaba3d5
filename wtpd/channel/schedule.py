"""When a channel's next run is due without anybody waking it."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any

from wtpd.channel.alarm import LONG
from wtpd.channel.spec import ChannelSpec
from wtpd.channel.state import ChannelState
from wtpd.clock import Clock, jittered


class Schedule:
    """The interval counts from the end of a run that fetched; `expect` names an earlier moment at which a deferred
    appointment may be tried again."""

    def __init__(self, spec: ChannelSpec, state: ChannelState[Any], clock: Clock, chance: random.Random) -> None:
        self._spec = spec
        self._state = state
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
        if self._state.is_halted:
            return LONG
        if self._state.patience.is_waiting:
            return self._state.patience.remaining()
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
