"""A clock that is moved by hand: sleepers wake when it is set forward past their moment."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta


class HandClock:
    def __init__(self, start: datetime = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)) -> None:
        self._now = start
        self._monotonic = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (self._monotonic + seconds, future)
        self._sleepers.append(entry)
        try:
            await future
        finally:
            self._sleepers.remove(entry)

    @property
    def next_wake(self) -> float | None:
        """Seconds until the next sleeper wakes; None if nobody sleeps."""
        return min((moment - self._monotonic for moment, _ in self._sleepers), default=None)

    @property
    def sleepers(self) -> int:
        """How many sleep."""
        return len(self._sleepers)

    def advance(self, by: timedelta | float) -> None:
        """Set the clock forward and wake who is due."""
        seconds = by.total_seconds() if isinstance(by, timedelta) else by
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds
        for moment, future in list(self._sleepers):
            if moment <= self._monotonic and not future.done():
                future.set_result(None)
