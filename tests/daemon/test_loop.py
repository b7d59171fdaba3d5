"""A supervised loop goes on whatever happens in it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from tests.support.hand_clock import HandClock
from wtpd.daemon.loop import CALM, Loop, LoopState


def make(work: Callable[[Callable[[float], None]], Awaitable[None]], clock: HandClock) -> Loop:
    return Loop("superservice/rostock", work, clock=clock, chance=random.Random(1))


async def step() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_an_unknown_error_is_logged_with_its_traceback_and_the_loop_starts_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, starts = HandClock(), 0

    async def work(_: object) -> None:
        nonlocal starts
        starts += 1
        if starts == 1:
            raise KeyError("labourUnits")
        await asyncio.Event().wait()

    loop = make(work, clock)
    loop.start()
    await step()
    assert loop.state is LoopState.BROKEN
    assert loop.error == "KeyError: 'labourUnits'"
    assert "Traceback" in caplog.text
    assert 0 <= (clock.next_wake or 0) <= 5
    clock.advance(5)
    await step()
    assert (loop.state, starts) == (LoopState.RUNNING, 2)
    assert await loop.stop(1)


async def test_the_pauses_grow_and_are_forgiven_after_a_calm_time() -> None:
    clock = HandClock()
    calm = False

    async def work(_: object) -> None:
        if calm:
            await clock.sleep(CALM)
        raise ValueError

    loop = make(work, clock)
    loop.start()
    for _ in range(6):
        await step()
        clock.advance(300)
    await step()
    assert loop.failures == 7
    calm = True
    clock.advance(300)
    await step()
    clock.advance(CALM)
    await step()
    assert loop.failures == 1
    await loop.stop(1)


async def test_stopping_cancels_the_work_and_can_be_done_twice() -> None:
    cancelled = False

    async def work(_: object) -> None:
        nonlocal cancelled
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled = True
            raise

    loop = make(work, HandClock())
    loop.start()
    await step()
    assert await loop.stop(1)
    assert await loop.stop(1)
    assert cancelled
    assert loop.state is LoopState.ENDED


async def test_a_work_that_wont_end_doesnt_hold_the_stop_up() -> None:
    release = asyncio.Event()

    async def work(_: object) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await release.wait()

    loop = make(work, HandClock())
    loop.start()
    await step()
    assert not await loop.stop(0)
    release.set()
    assert await loop.stop(1)


async def test_it_is_overdue_when_it_says_nothing_for_longer_than_it_promised() -> None:
    clock = HandClock()

    async def work(beat: Callable[[float], None]) -> None:
        beat(10)
        await clock.sleep(50)
        beat(10)
        await asyncio.Event().wait()

    loop = make(work, clock)
    assert not loop.is_overdue
    loop.start()
    await step()
    clock.advance(11)
    assert loop.is_overdue
    clock.advance(40)
    await step()
    assert not loop.is_overdue
    await loop.stop(1)
    assert not loop.is_overdue


async def test_a_work_that_ends_isnt_started_again() -> None:
    starts = 0

    async def work(_: object) -> None:
        nonlocal starts
        starts += 1

    loop = make(work, HandClock())
    await loop.run()
    assert (loop.state, starts) == (LoopState.ENDED, 1)
