"""The clock and chance, as arguments, so that tests need neither patching nor real waiting."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Wall-clock time in UTC; can jump."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump; for intervals."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def iso(moment: datetime) -> str:
    """RFC 3339 in UTC with whole seconds, the form in which the book keeps times: `2026-11-21T08:30:00Z`."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")[:19] + "Z"


def iso_exact(moment: datetime) -> str:
    """As `iso`, with microseconds: for the order of events."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def from_iso(text: str) -> datetime:
    """The moment in UTC; an offset is needed. Raises ValueError otherwise."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time without zone: {text!r}")
    return moment.astimezone(UTC)


def full_jitter(attempt: int, *, base: float, cap: float, chance: random.Random) -> float:
    """Seconds to wait before attempt `attempt` (from 1): exponential backoff with full jitter (AWS, 2015)."""
    return chance.uniform(0, min(cap, base * 2 ** min(attempt - 1, 32)))


def jittered(interval: timedelta | float, chance: random.Random, share: float = 0.1) -> float:
    """`interval` in seconds, up to `share` earlier, so that many boxes don't call at once and none is late."""
    seconds = interval.total_seconds() if isinstance(interval, timedelta) else interval
    return seconds * (1 - chance.random() * share)
