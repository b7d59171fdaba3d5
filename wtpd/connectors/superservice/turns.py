"""Keeps calls to a partner that limits requests per second within that limit.

A call that the partner answers with 429 wasn't done (contract.yaml, *Access*), so it waits as long as `Retry-After`
says and is made again, by itself. As long as one waits, all others queue up behind it: then one call at a time is
made, which is the fastest that any limit allows without more refusals. A long run, such as the first one, or one that
compares each appointment after the partner lost some, gets through a limit this way; else it begins again for ever.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from wtpd.channel.errors import RateLimited

LONGEST = 10.0
"""Seconds; the contract limits requests per second. A partner that wants to be left alone for longer ends the run,
which is then tried again after that time, and a person who waits for an answer gets it."""
TRIES = 10
"""Refusals of one call in a row until the run ends."""

T = TypeVar("T")


class Turns:
    """The queue of all calls to one partner. `sleep` takes seconds, `monotonic` gives them."""

    def __init__(
        self,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sleep = sleep
        self._monotonic = monotonic
        self._queue = asyncio.Lock()
        self._not_before = 0.0

    async def take(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make the call when its turn comes. Raises what the call does: `RateLimited` if waiting doesn't help."""
        if self._queue.locked():
            async with self._queue:
                pass
        try:
            return await call()
        except RateLimited as error:
            self._refused(error)
        async with self._queue:
            for _ in range(TRIES - 2):
                await self._waited()
                try:
                    return await call()
                except RateLimited as error:
                    self._refused(error)
            await self._waited()
            return await call()

    async def _waited(self) -> None:
        if (pause := self._not_before - self._monotonic()) > 0:
            await self._sleep(pause)

    def _refused(self, error: RateLimited) -> None:
        """Raises the error itself if it isn't one that waiting a little settles."""
        if error.status != 429 or not 0 < error.retry_after <= LONGEST:
            raise error
        self._not_before = max(self._not_before, self._monotonic() + error.retry_after)
