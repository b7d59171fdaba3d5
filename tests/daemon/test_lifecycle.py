"""starting → ready → reloading → stopping, whatever comes first."""

from __future__ import annotations

import asyncio

import pytest

from wtpd.daemon.lifecycle import Lifecycle, State, run_stages


async def test_a_life() -> None:
    told: list[State] = []
    life = Lifecycle(told.append)
    assert life.state is State.STARTING
    for state in (State.READY, State.RELOADING, State.READY, State.STOPPING):
        assert life.enter(state)
    assert told == ["ready", "reloading", "ready", "stopping"]
    await life.until_stopped()


async def test_after_a_stop_nothing_follows() -> None:
    life = Lifecycle()
    life.stop()
    life.stop()
    assert [life.enter(state) for state in State] == [False] * 4
    assert life.stopping


async def test_reloading_needs_a_ready_daemon() -> None:
    assert not Lifecycle().enter(State.RELOADING)


async def test_a_stage_that_hangs_or_fails_does_not_keep_the_others(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    async def fine() -> None:
        done.append("fine")

    async def broken() -> None:
        raise RuntimeError("broken")

    async def stubborn() -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if done:
                    return
                done.append("asked")

    well = await run_stages([("one", 0.01, stubborn), ("two", 1, broken), ("three", 1, fine)], total=2)
    assert not well
    assert done == ["asked", "fine"]
    assert "one wasn't over" in caplog.text
    assert "two failed" in caplog.text
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


async def test_the_stages_together_have_a_limit() -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    start = asyncio.get_running_loop().time()
    await run_stages([("hang", 60, hang)] * 3, total=0.05)
    assert asyncio.get_running_loop().time() - start < 5
