"""A partner that limits requests per second: what it refused with 429 is asked again, one call at a time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.sandbox import CLIENT, DEALER, giving, running_sandbox
from wtpd.channel.errors import RateLimited
from wtpd.connectors.kit.http import PartnerHttp
from wtpd.connectors.kit.oauth import Tokens
from wtpd.connectors.superservice.client import Client
from wtpd.connectors.superservice.turns import LONGEST, TRIES, Turns

PARTNER = "superservice"


class Time:
    """A clock that only sleeping moves on."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class Limited:
    """A partner that takes `most` requests in a second."""

    def __init__(self, time: Time, most: int) -> None:
        self._time = time
        self._most = most
        self._counts: dict[int, int] = {}
        self.refused = 0

    async def __call__(self) -> str:
        await asyncio.sleep(0)
        second = int(self._time.now)
        self._counts[second] = self._counts.get(second, 0) + 1
        if self._counts[second] > self._most:
            self.refused += 1
            raise RateLimited("429", retry_after=1.0)
        return "done"


@pytest.mark.parametrize("most", [1, 3, 40])
async def test_many_calls_get_through_a_limit(most: int) -> None:
    time = Time()
    partner, turns = Limited(time, most), Turns(time.sleep, time.monotonic)
    for _ in range(25):
        assert await asyncio.gather(*(turns.take(partner) for _ in range(8))) == ["done"] * 8
    assert time.now <= 200 / most + 25, "one wait serves all that were refused with it"
    assert partner.refused <= 200 / most * 3 + 8


async def test_a_long_wait_ends_the_run() -> None:
    time = Time()

    async def call() -> None:
        raise RateLimited("429", retry_after=LONGEST + 1)

    with pytest.raises(RateLimited):
        await Turns(time.sleep, time.monotonic).take(call)
    assert time.slept == []


async def test_a_partner_that_only_refuses_is_given_up_and_the_next_call_is_free() -> None:
    time = Time()
    turns = Turns(time.sleep, time.monotonic)
    calls = 0

    async def call() -> None:
        nonlocal calls
        calls += 1
        raise RateLimited("429", retry_after=2.0)

    with pytest.raises(RateLimited):
        await turns.take(call)
    assert calls == TRIES
    assert await turns.take(Limited(time, 1)) == "done"


async def test_a_call_that_was_one_too_many_is_made_again_with_the_same_key(tmp_path: Path) -> None:
    time = Time()
    async with running_sandbox(tmp_path) as sandbox:
        http = PartnerHttp(sandbox.partner(PARTNER))
        client = Client(http, Tokens(http, giving(CLIENT)), Turns(time.sleep, time.monotonic))
        await sandbox.control.fault(PARTNER, "status", status=429, retry_after="date:5", route="/v1/*", count=1)
        body = {
            "dmsAppointmentId": "a-1",
            "dropOffTime": "2030-01-07T08:00:00Z",
            "collectionTime": "2030-01-07T09:00:00Z",
        }
        answer = await client.create(DEALER, body, key="k-1")
        assert answer.status == 201
        (pause,) = time.slept
        assert 3.9 < pause <= 5.0
        await client.close()


async def test_the_sandbox_limits_requests_a_second(tmp_path: Path) -> None:
    async with running_sandbox(tmp_path) as sandbox:
        http = PartnerHttp(sandbox.partner(PARTNER))
        client = Client(http, Tokens(http, giving(CLIENT)))
        await sandbox.control.act(PARTNER, "rules", per_second=4)
        records = await asyncio.gather(*(client.dealer(DEALER) for _ in range(10)))
        assert {record["dealerNumber"] for record in records} == {DEALER}
        answered = await sandbox.control.requests(path="/v1/*")
        assert answered["total"] > 10
        await client.close()
