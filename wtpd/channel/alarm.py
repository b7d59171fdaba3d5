"""Waiting for whichever comes first: a wake-up or a moment. One timer, no ticks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from wtpd.clock import Clock

LONG = 3600.0
"""Seconds after which even a loop with nothing to do shows that it is alive; nothing it does takes longer."""

Beat = Callable[[float], None]
"""Tells the watchdog that the loop is alive, and within how many seconds it will say so again."""


def no_beat(_: float) -> None:
    """For a loop that nobody watches."""


async def wait_for(event: asyncio.Event, seconds: float, clock: Clock) -> bool:
    """True as soon as `event` is set, False after `seconds`."""
    if event.is_set():
        return True
    if seconds <= 0:
        return False
    waiter = asyncio.ensure_future(event.wait())
    sleeper = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({waiter, sleeper}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiter.cancel()
        sleeper.cancel()
        await asyncio.gather(waiter, sleeper, return_exceptions=True)
    return event.is_set()
