"""Durable calls: done once at the partner, whatever is lost on the way, and never forgotten."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.hand_clock import HandClock
from wtpd.calls.engine import CAP, Calls
from wtpd.calls.keys import age, new_key
from wtpd.calls.records import Call, Done, Refused, Waiting, Withdrawn
from wtpd.channel.errors import NeedsToken, PartnerError, RateLimited, Rejected, Transient
from wtpd.store import calls as store
from wtpd.store.calls import StoredCalls
from wtpd.store.database import Database, Tx

CHANNEL = "partner"


class Session:
    def __init__(self, tx: Tx) -> None:
        self.tx = tx
        self.now = tx.now
        self.calls = StoredCalls(tx)


class Transactions:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def read(self, work: Callable[[Session], Any]) -> Any:
        return await self._db.read(lambda tx: work(Session(tx)))

    async def write(self, work: Callable[[Session], Any]) -> Any:
        return await self._db.write(lambda tx: work(Session(tx)))


@dataclass
class Shop:
    """A partner that sells each order once. `script`: what becomes of the next requests; after it all goes well."""

    orders: list[str] = field(default_factory=list)
    bodies: dict[str, set[str]] = field(default_factory=dict)
    script: list[str] = field(default_factory=list)
    asked: int = 0

    def buy(self, call: Call) -> str:
        self.asked += 1
        fault = self.script.pop(0) if self.script else "ok"
        self.bodies.setdefault(call.key, set()).add(call.body)
        if fault == "refuse" and call.key not in self.orders:
            raise Rejected("sold out", status=409, detail="sold out")
        if fault == "login":
            raise NeedsToken("401")
        if fault == "limit":
            raise RateLimited("429", retry_after=30)
        if fault == "bug":
            raise ZeroDivisionError
        if fault == "away":
            raise Transient("no connection")
        if call.key in self.orders:
            raise AssertionError("repeated blindly")
        self.orders.append(call.key)
        if fault == "lost":
            raise Transient("the answer was lost")
        return f"sold {call.body}"

    def find(self, key: str) -> str | None:
        self.asked += 1
        fault = self.script.pop(0) if self.script else "ok"
        if fault in ("away", "lost", "refuse"):
            raise Transient("no connection")
        return f"found {key}" if key in self.orders else None


class Buy:
    """Each order that is done is followed by a second one, of the same saga."""

    def __init__(self, shop: Shop, chain: int = 1) -> None:
        self.shop = shop
        self.chain = chain
        self.settled: list[tuple[str, str]] = []

    async def make(self, call: Call) -> str:
        return self.shop.buy(call)

    async def look(self, call: Call) -> str | None:
        return self.shop.find(call.key)

    def done(self, session: Session, call: Call, answer: str) -> None:
        self.settled.append((call.key, "withdrawn too late" if call.is_withdrawn else "done"))
        if call.step < self.chain:
            session.calls.add(replace(call, key=f"{call.saga}-{call.step + 1}", step=call.step + 1))

    def refused(self, session: Session, call: Call, error: PartnerError) -> None:
        self.settled.append((call.key, "refused"))

    def withdrawn(self, session: Session, call: Call) -> None:
        self.settled.append((call.key, "withdrawn"))


@dataclass
class World:
    db: Database
    clock: HandClock
    shop: Shop
    kind: Buy
    calls: Calls[Session]

    async def add(self, key: str = "a-1", body: str = "car") -> None:
        call = Call(
            key=key,
            channel=CHANNEL,
            kind="buy",
            subject="s",
            site="rostock",
            body=body,
            saga=key.split("-")[0],
            by="desk",
        )
        await self.db.write(lambda tx: StoredCalls(tx).add(call))

    def again(self) -> None:
        """As after a crash: what the process knew is gone."""
        self.calls = Calls(
            CHANNEL, {"buy": self.kind}, Transactions(self.db), clock=self.clock, chance=random.Random(0)
        )

    async def state(self, key: str = "a-1") -> str:
        row = await self.db.read(lambda tx: tx.one("SELECT state FROM call WHERE key = ?", (key,)))
        assert row is not None
        return str(row["state"])

    async def rest(self) -> None:
        """Let the loop work until nothing is open."""
        loop = asyncio.create_task(self.calls.work(lambda seconds: None))
        try:
            async with asyncio.timeout(20):
                while await self.db.read(lambda tx: store.waiting(tx, CHANNEL)):
                    self.calls.notice({f"calls:{CHANNEL}"})
                    await asyncio.sleep(0.001)
                    self.clock.advance(CAP)
        finally:
            loop.cancel()
            with suppress(asyncio.CancelledError):
                await loop
            await self.calls.close()


async def world_at(path: Path, shop: Shop | None = None, chain: int = 1) -> World:
    clock = HandClock()
    db = await Database.open(path, clock=clock)
    shop = shop or Shop()
    kind = Buy(shop, chain)
    calls = Calls(CHANNEL, {"buy": kind}, Transactions(db), clock=clock, chance=random.Random(0))
    return World(db, clock, shop, kind, calls)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = await world_at(tmp_path / "book.db")
    yield made
    await made.db.close()


async def test_whoever_asks_gets_the_partners_answer_at_once(world: World) -> None:
    await world.add()
    assert await world.calls.perform("a-1") == Done("sold car")
    assert await world.state() == "done"


async def test_an_answer_that_was_lost_is_looked_up_and_nothing_is_done_twice(world: World) -> None:
    world.shop.script = ["lost"]
    await world.add()
    outcome = await world.calls.perform("a-1")
    assert isinstance(outcome, Waiting)
    assert str(outcome.error) == "the answer was lost"
    assert await world.calls.perform("a-1") == Done("found a-1")
    assert world.shop.orders == ["a-1"]


async def test_what_never_arrived_is_repeated_as_it_was(world: World) -> None:
    world.shop.script = ["away"]
    await world.add()
    await world.calls.perform("a-1")
    assert await world.calls.perform("a-1") == Done("sold car")
    assert world.shop.bodies == {"a-1": {"car"}}


async def test_a_refusal_is_final_and_kept_in_the_partners_words(world: World) -> None:
    world.shop.script = ["refuse"]
    await world.add()
    outcome = await world.calls.perform("a-1")
    assert isinstance(outcome, Refused)
    assert await world.state() == "refused"
    [(call, state, at)] = await world.db.read(lambda tx: store.of_subject(tx, "s"))
    assert (str(call.error), state) == ("sold out", "refused")
    assert at == world.clock.now()
    assert isinstance(await world.calls.perform("a-1"), Withdrawn), "nothing is open any more"


async def test_a_refusal_of_the_look_up_settles_nothing(world: World) -> None:
    """A partner that refuses to be asked hasn't said what became of the order."""
    world.shop.script = ["lost", "refuse"]
    await world.add()
    await world.calls.perform("a-1")
    assert isinstance(await world.calls.perform("a-1"), Waiting)
    assert await world.calls.perform("a-1") == Done("found a-1")


async def test_the_next_step_is_on_disk_with_the_answer_of_the_one_before(tmp_path: Path) -> None:
    world = await world_at(tmp_path / "book.db", chain=3)
    await world.add()
    await world.calls.perform("a-1")
    assert await world.state("a-2") == "waiting"
    world.again()
    await world.rest()
    assert world.shop.orders == ["a-1", "a-2", "a-3"]
    await world.db.close()


async def test_taken_back_before_it_was_made(world: World) -> None:
    await world.add()
    assert await world.calls.withdraw("a-1") == Withdrawn()
    assert world.shop.asked == 0
    assert world.kind.settled == [("a-1", "withdrawn")]


async def test_taken_back_after_a_lost_answer_is_looked_up_and_never_made_again(world: World) -> None:
    world.shop.script = ["away", "away"]
    await world.add()
    await world.calls.perform("a-1")
    assert isinstance(await world.calls.withdraw("a-1"), Waiting)
    world.again()
    await world.rest()
    assert world.shop.orders == []
    assert world.kind.settled == [("a-1", "withdrawn")]


async def test_taken_back_too_late_says_so(world: World) -> None:
    world.shop.script = ["lost"]
    await world.add()
    await world.calls.perform("a-1")
    assert await world.calls.withdraw("a-1") == Done("found a-1")
    assert world.kind.settled == [("a-1", "withdrawn too late")]


async def test_a_partner_in_trouble_is_asked_by_one_call_only(world: World) -> None:
    """Ten calls wait; while the partner is away one of them at a time asks how it is."""
    world.shop.script = ["away"] * 50
    for number in range(10):
        await world.add(f"c{number}-1")
    loop = asyncio.create_task(world.calls.work(lambda seconds: None))
    async with asyncio.timeout(10):
        while world.calls.trouble is None or not world.clock.sleepers:
            await asyncio.sleep(0.001)
    asked = world.shop.asked
    assert asked <= 4, "those that were under way together"
    world.calls.notice({f"calls:{CHANNEL}"})
    await asyncio.sleep(0)
    assert world.shop.asked == asked, "a new call doesn't hurry it"
    loop.cancel()
    with suppress(asyncio.CancelledError):
        await loop
    world.shop.script.clear()
    await world.rest()
    assert len(world.shop.orders) == 10
    assert world.calls.trouble is None


async def test_a_refused_login_is_known_and_new_credentials_go_on_at_once(world: World) -> None:
    world.shop.script = ["login"]
    await world.add()
    await world.calls.perform("a-1")
    assert isinstance(world.calls.trouble, NeedsToken)
    await world.calls.resume()
    assert world.calls.trouble is None
    assert await world.db.read(lambda tx: StoredCalls(tx).next_due(CHANNEL)) == world.clock.now()


async def test_an_error_of_ours_delays_that_call_only(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.shop.script = ["bug"]
    await world.add("a-1")
    await world.add("b-1")
    await world.calls.perform("a-1")
    assert world.calls.trouble is None
    assert "ZeroDivisionError" in caplog.text
    await world.rest()
    assert sorted(world.shop.orders) == ["a-1", "b-1"]


async def test_paused_nothing_is_made(world: World) -> None:
    world.calls.pause()
    await world.add()
    loop = asyncio.create_task(world.calls.work(lambda seconds: None))
    async with asyncio.timeout(10):
        while not world.clock.sleepers:
            await asyncio.sleep(0.001)
    assert world.shop.asked == 0
    await world.calls.resume()
    async with asyncio.timeout(10):
        while not world.shop.orders:
            await asyncio.sleep(0.001)
    loop.cancel()
    with suppress(asyncio.CancelledError):
        await loop


async def test_a_clock_that_was_set_back_delays_nothing_for_days(world: World) -> None:
    world.shop.script = ["limit"]
    await world.add()
    await world.calls.perform("a-1")
    assert not await world.db.read(lambda tx: StoredCalls(tx).due(CHANNEL, limit=5))
    world.clock.advance(-10 * 86400)
    assert await world.db.read(lambda tx: StoredCalls(tx).due(CHANNEL, limit=5))


async def test_old_calls_go_and_open_ones_stay(world: World) -> None:
    await world.add("a-1")
    await world.add("b-1")
    await world.calls.perform("a-1")
    world.clock.advance(86400)
    assert await world.db.write(lambda tx: store.prune(tx, tx.now, limit=10)) == 1
    assert [call.key for call in await world.db.read(lambda tx: store.open_of(tx, "s"))] == ["b-1"]


FAULTS = st.lists(st.sampled_from(["ok", "lost", "away", "refuse", "login", "limit", "bug"]), max_size=8)
MOVES = st.lists(st.sampled_from(["perform", "crash", "withdraw", "both"]), max_size=6)


@given(faults=FAULTS, moves=MOVES, chain=st.integers(1, 3))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_happens_each_order_is_made_once_or_refused(
    tmp_path_factory: pytest.TempPathFactory, faults: list[str], moves: list[str], chain: int
) -> None:
    world = await world_at(tmp_path_factory.mktemp("calls") / "book.db", Shop(script=list(faults)), chain)
    try:
        await world.add()
        for move in moves:
            if move == "crash":
                await world.calls.close()
                world.again()
            elif move == "both":
                await asyncio.gather(world.calls.perform("a-1"), world.calls.perform("a-1"))
            else:
                await getattr(world.calls, move)("a-1")
        await world.rest()
        fates = dict(world.kind.settled)
        assert len(fates) == len(world.kind.settled), "settled once"
        assert len(set(world.shop.orders)) == len(world.shop.orders)
        assert {key for key, fate in fates.items() if fate.startswith(("done", "withdrawn too"))} == set(
            world.shop.orders
        )
        assert all(len(bodies) == 1 for bodies in world.shop.bodies.values())
        last = max(fates)
        assert fates[last] in ("refused", "withdrawn") or len(fates) == chain, "the saga went to its end"
    finally:
        await world.db.close()


def test_a_key_says_when_it_was_made() -> None:
    now = HandClock().now()
    assert age(new_key(now), now).total_seconds() < 0.001
    assert len({new_key(now) for _ in range(1000)}) == 1000
    assert age("no key", now).total_seconds() == 0
