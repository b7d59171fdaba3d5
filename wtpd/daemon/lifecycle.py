"""The daemon's life: starting → ready → reloading → ready → stopping; stopping is for good."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum

log = logging.getLogger(__name__)

STOP_SECONDS = 10.0
"""In which a stop is over, whatever hangs."""


class State(StrEnum):
    STARTING = "starting"
    READY = "ready"
    RELOADING = "reloading"
    STOPPING = "stopping"


_NEXT: dict[State, frozenset[State]] = {
    State.STARTING: frozenset({State.READY, State.STOPPING}),
    State.READY: frozenset({State.RELOADING, State.STOPPING}),
    State.RELOADING: frozenset({State.READY, State.STOPPING}),
    State.STOPPING: frozenset(),
}


class Lifecycle:
    """Where the daemon is in its life. `stop` can be called at any time, any number of times."""

    def __init__(self, tell: Callable[[State], None] = lambda state: None) -> None:
        self._state = State.STARTING
        self._stop = asyncio.Event()
        self._tell = tell

    @property
    def state(self) -> State:
        return self._state

    @property
    def stopping(self) -> bool:
        return self._state is State.STOPPING

    def enter(self, state: State) -> bool:
        """Go on to `state`; False, and nothing happens, if that can't follow: a stop came first."""
        if state not in _NEXT[self._state]:
            return False
        self._state = state
        if state is State.STOPPING:
            self._stop.set()
        self._tell(state)
        return True

    def stop(self) -> None:
        self.enter(State.STOPPING)

    async def until_stopped(self) -> None:
        await self._stop.wait()


Stage = tuple[str, float, Callable[[], Awaitable[None]]]
"""Name, seconds it may take, and what it does."""


async def run_stages(stages: Sequence[Stage], *, total: float = STOP_SECONDS) -> bool:
    """Do the stages one after the other. One that hangs or fails is logged and left; the next ones still run. True if
    all went well."""
    loop = asyncio.get_running_loop()
    end = loop.time() + total
    well = True
    for name, seconds, work in stages:
        task = asyncio.ensure_future(work())
        seconds = max(0.05, min(seconds, end - loop.time()))
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            well = False
            task.cancel()
            log.error("Stop: %s wasn't over after %.1f s and is left", name, seconds)
        elif task.cancelled() or task.exception() is not None:
            well = False
            log.error("Stop: %s failed", name, exc_info=None if task.cancelled() else task.exception())
    return well
