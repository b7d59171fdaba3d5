"""The queue of all calls with one token: Carloop takes five of them in a second, and answers one too many with 429.

Such a call wasn't done, so it waits as long as `Retry-After` says and is made again by itself. Waiting has an end: a
person who waits for an answer gets one, which says how long it takes.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

from wtpd.channel.errors import RateLimited
from wtpd.texts import N_, Text

LONGEST = 10.0
"""Seconds that a call waits because of a 429. A partner that wants to be left alone for longer is, until then."""
TRIES = 5
"""Refusals of one call until it is given up."""
MOST_WAITING = 200
"""Calls that wait at the same time; one more is refused at once."""
UNSAID = 1.0
"""Seconds to wait where the partner doesn't say how long."""
_SLACK = 0.05
"""Seconds by which a second is longer here: calls may take different times to get there."""

T = TypeVar("T")


class Queue:
    """First come, first served. `sleep` takes seconds, `monotonic` gives them."""

    def __init__(
        self,
        per_second: int,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._starts: deque[float] = deque(maxlen=per_second)
        self._sleep = sleep
        self._monotonic = monotonic
        self._turn = asyncio.Lock()
        self._not_before = 0.0
        self._waiting = 0

    async def take(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make the call when its turn comes. Raises what the call does: `RateLimited`, with how long to wait, if
        waiting a little doesn't help."""
        if self._waiting >= MOST_WAITING:
            raise _limited(self._waiting / (self._starts.maxlen or 1))
        self._waiting += 1
        try:
            for _ in range(TRIES - 1):
                await self._wait()
                try:
                    return await call()
                except RateLimited as error:
                    self._note(error)
            await self._wait()
            return await call()
        finally:
            self._waiting -= 1

    async def _wait(self) -> None:
        """Until this call may begin. Raises `RateLimited` where that is too far away."""
        async with self._turn:
            while (pause := self._pause()) > 0:
                if self._not_before - self._monotonic() > LONGEST:
                    raise _limited(self._not_before - self._monotonic())
                await self._sleep(pause)
            self._starts.append(self._monotonic())

    def _pause(self) -> float:
        now = self._monotonic()
        of_limit = 0.0
        if len(self._starts) == self._starts.maxlen:
            of_limit = self._starts[0] + 1.0 + _SLACK - now
        return max(of_limit, self._not_before - now)

    def _note(self, error: RateLimited) -> None:
        """Raises the error itself if waiting a little doesn't help."""
        pause = error.retry_after or UNSAID
        self._not_before = max(self._not_before, self._monotonic() + pause)
        if error.status != 429 or pause > LONGEST:
            error.retry_after = pause
            error.reason = _how_long(pause)
            raise error


def _limited(seconds: float) -> RateLimited:
    error = RateLimited(f"too many calls: the next one in {seconds:.0f} s", retry_after=seconds)
    error.reason = _how_long(seconds)
    return error


def _how_long(seconds: float) -> Text:
    return N_("too many calls; the next one is possible in {seconds} s", seconds=max(1, round(seconds)))
