"""Five calls a second with one token, and what a 429 does."""

from __future__ import annotations

import asyncio

import pytest

from wtpd.channel.errors import RateLimited, why
from wtpd.connectors.carloop.turns import LONGEST, MOST_WAITING, TRIES, Queue


class Time:
    """A clock that only sleeping moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


class Partner:
    """Answers each call, or refuses the first ones of them; `starts`: when each came."""

    def __init__(self, time: Time, *refusals: float) -> None:
        self._time = time
        self._refusals = list(refusals)
        self.starts: list[float] = []

    async def __call__(self) -> str:
        self.starts.append(self._time.now)
        await asyncio.sleep(0)
        if self._refusals:
            raise RateLimited("429", retry_after=self._refusals.pop(0))
        return "ok"


def queue(per_second: int = 5) -> tuple[Queue, Time]:
    time = Time()
    return Queue(per_second, time.sleep, time.monotonic), time


async def test_no_second_has_more_calls_than_it_may() -> None:
    turns, time = queue()
    partner = Partner(time)
    assert await asyncio.gather(*(turns.take(partner) for _ in range(50))) == ["ok"] * 50
    for start in partner.starts:
        assert sum(start <= other < start + 1 for other in partner.starts) <= 5
    assert time.now < 11, "and none is slower than need be"


async def test_five_calls_dont_wait() -> None:
    turns, time = queue()
    await asyncio.gather(*(turns.take(Partner(time)) for _ in range(5)))
    assert time.now == 0


async def test_a_refused_call_is_made_again_when_the_partner_says() -> None:
    turns, time = queue()
    partner = Partner(time, 3.0, 0.0)
    assert await turns.take(partner) == "ok"
    assert partner.starts == [0.0, 3.0, 4.0], "a second where it doesn't say how long"


async def test_a_partner_that_wants_to_be_left_alone_is_until_then() -> None:
    turns, time = queue()
    partner = Partner(time, LONGEST + 50)
    with pytest.raises(RateLimited) as caught:
        await turns.take(partner)
    assert caught.value.retry_after == LONGEST + 50 and "60 s" in str(why(caught.value))
    time.now = 20.0
    with pytest.raises(RateLimited) as caught:
        await turns.take(partner)
    assert caught.value.retry_after == 40.0 and "40 s" in str(why(caught.value))
    assert partner.starts == [0.0]
    time.now = 55.0
    assert await turns.take(partner) == "ok"


async def test_a_call_that_is_refused_again_and_again_is_given_up() -> None:
    turns, time = queue()
    partner = Partner(time, *[1.0] * 20)
    with pytest.raises(RateLimited):
        await turns.take(partner)
    assert len(partner.starts) == TRIES


async def test_a_503_isnt_waited_for() -> None:
    turns, _ = queue()

    async def unavailable() -> str:
        raise RateLimited("503", retry_after=1.0, status=503)

    with pytest.raises(RateLimited):
        await turns.take(unavailable)


async def test_a_queue_has_an_end_and_says_how_long_it_is() -> None:
    turns, _ = queue()
    release = asyncio.Event()

    async def slow() -> None:
        await release.wait()

    waiting = [asyncio.create_task(turns.take(slow)) for _ in range(MOST_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(RateLimited) as caught:
        await turns.take(slow)
    assert "40 s" in str(why(caught.value))
    release.set()
    await asyncio.gather(*waiting)


async def test_a_call_that_is_given_up_while_it_waits_leaves_its_place() -> None:
    turns, time = queue(1)
    partner = Partner(time)
    tasks = [asyncio.create_task(turns.take(partner)) for _ in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [results[0], results[2]] == ["ok", "ok"] and len(partner.starts) == 2
