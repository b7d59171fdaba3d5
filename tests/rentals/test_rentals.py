"""Rental cars out of an appointment: never two, never none without saying so (spec: carloop.md)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.bookkeeping import DESK
from tests.support.rental_world import CARS, RentalWorld
from wtpd.book import rentals as book
from wtpd.calls.records import Done, Refused, Waiting
from wtpd.errors import Invalid
from wtpd.errors import Refused as NotAtTheDesk
from wtpd.rentals.plan import mismatch
from wtpd.rentals.ports import CarTaken
from wtpd.store import rentals


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[RentalWorld]:
    made = await RentalWorld.open(tmp_path / "book.db")
    yield made
    await made.dealership.close()


def refusal(kind: str) -> Any:
    return pytest.raises(NotAtTheDesk, check=lambda error: error.kind == kind)


async def test_a_car_is_booked_and_kept_with_the_partners_number(world: RentalWorld) -> None:
    record = await world.book(await world.order())
    assert (await world.record(record.id)).state == "asking"
    assert isinstance(await world.calls.perform(record.reference), Done)
    kept = await world.record(record.id)
    assert (kept.state, kept.number, kept.car.plate) == ("reserved", "V1", "HRO-RC 1")
    history = await world.dealership.see(lambda tx: rentals.history(tx, record.id))
    assert [(entry.actor, entry.action) for entry in history] == [(DESK.actor, "created"), (DESK.actor, "booked")]


async def test_an_appointment_holds_one_car_whoever_asks_at_the_same_moment(world: RentalWorld) -> None:
    orders = [await world.order(car) for car in range(3)]
    results = await asyncio.gather(*(world.book(order) for order in orders), return_exceptions=True)
    assert sorted(type(one).__name__ for one in results) == ["Refused", "Refused", "RentalRecord"]
    with refusal("has-rental"):
        await world.book(orders[1])


async def test_a_lost_answer_is_looked_up_and_no_second_car_is_booked(world: RentalWorld) -> None:
    world.depot.script = ["lost"]
    record = await world.book(await world.order())
    assert isinstance(await world.calls.perform(record.reference), Waiting)
    world.start()
    await world.rest()
    assert (await world.record(record.id)).number == "V1"
    assert len(world.depot.rentals) == 1


async def test_a_car_that_was_taken_meanwhile_leaves_the_appointment_free_for_another(world: RentalWorld) -> None:
    world.depot.script = ["refuse"]
    record = await world.book(await world.order())
    outcome = await world.calls.perform(record.reference)
    assert isinstance(outcome, Refused)
    assert isinstance(outcome.error, CarTaken)
    assert (await world.record(record.id)).state == "refused"
    assert await world.listed() == {}, "whoever asked was told at once"
    assert (await world.made(1)).number == "V1"


async def test_a_refusal_after_a_lost_connection_is_listed_since_nobody_waits_for_it(world: RentalWorld) -> None:
    world.depot.script = ["away", "refuse"]
    record = await world.book(await world.order())
    await world.calls.perform(record.reference)
    await world.rest()
    assert (await world.listed())["rental_refused"]["plate"] == "HRO-RC 1"


@pytest.mark.parametrize("minutes", [-60, 0, 29, 30])
async def test_a_rental_begins_later_than_now_and_the_partners_lead(world: RentalWorld, minutes: int) -> None:
    order = await world.order()
    start = world.dealership.clock.now() + timedelta(minutes=minutes)
    with refusal("too-late"):
        await world.book(book.Order(car=order.car, start=start, end=start + timedelta(hours=5)))
    assert world.depot.rentals == {}


async def test_a_period_that_ends_before_it_begins_is_refused(world: RentalWorld) -> None:
    with pytest.raises(Invalid):
        await world.book(await world.order(hours=-1))


async def test_only_the_end_can_be_changed(world: RentalWorld) -> None:
    record = await world.made()
    end = record.end + timedelta(hours=3)
    assert isinstance(await world.calls.perform(await world.change_end(record.id, end)), Done)
    kept = await world.record(record.id)
    assert (kept.end, kept.wanted_end) == (end, None)


async def test_an_end_that_collides_is_refused_and_the_rental_stays_as_it_is(world: RentalWorld) -> None:
    record = await world.made()
    world.depot.script = ["refuse"]
    assert isinstance(await world.calls.perform(await world.change_end(record.id, record.end + timedelta(1))), Refused)
    kept = await world.record(record.id)
    assert (kept.end, kept.wanted_end, bool(kept.reason)) == (record.end, None, True)


async def test_an_end_whose_answer_was_lost_is_looked_up(world: RentalWorld) -> None:
    record = await world.made()
    world.depot.script = ["lost"]
    await world.calls.perform(await world.change_end(record.id, record.end + timedelta(hours=1)))
    await world.rest()
    assert (await world.record(record.id)).end == record.end + timedelta(hours=1)
    assert world.depot.rentals["V1"].version == 2


async def test_a_rental_is_cancelled_with_a_reason(world: RentalWorld) -> None:
    record = await world.made()
    with pytest.raises(Invalid):
        await world.cancel(record.id, " ")
    await world.calls.perform(await world.cancel(record.id))
    assert world.depot.rentals["V1"].cancel_reason == "doch nicht"
    assert (await world.record(record.id)).state == "cancelled"
    assert await world.listed() == {}, "a person asked for it"


async def test_a_car_that_is_out_cant_be_cancelled(world: RentalWorld) -> None:
    record = await world.made()
    world.depot.change("V1", state="out")
    await world.refresh()
    with refusal("handed-over"):
        await world.cancel(record.id)


async def test_another_car_is_booked_before_the_old_one_goes(world: RentalWorld) -> None:
    old = await world.made()
    new = await world.rebook(old.id, await world.order(1))
    await world.calls.perform(new.reference)
    assert len(world.depot.live(world.appointment)) == 2, "for the moment between two calls"
    world.start()
    await world.rest()
    assert [one.car.id for one in world.depot.live(world.appointment)] == ["F2"]
    assert await world.listed() == {}


async def test_another_car_that_was_taken_leaves_the_old_rental(world: RentalWorld) -> None:
    old = await world.made()
    world.depot.script = ["refuse"]
    await world.rebook(old.id, await world.order(1))
    await world.rest()
    assert [one.car.id for one in world.depot.live(world.appointment)] == ["F1"]
    kept = await world.record(old.id)
    assert (kept.is_live, kept.is_replaced) == (True, False)


async def test_the_same_car_is_given_back_first(world: RentalWorld) -> None:
    old = await world.made()
    await world.rebook(old.id, await world.order(0, hours=6, delay=-1))
    await world.rest()
    [now] = world.depot.live(world.appointment)
    assert (now.car.id, now.start) == ("F1", old.start - timedelta(hours=1))
    assert await world.listed() == {}


async def test_the_same_car_that_cant_be_booked_anew_is_booked_as_before(world: RentalWorld) -> None:
    old = await world.made()
    await world.rebook(old.id, await world.order(0, hours=6, delay=1))
    world.depot.script = ["ok", "refuse"]
    await world.rest()
    [now] = world.depot.live(world.appointment)
    assert (now.car.id, now.start, now.end) == ("F1", old.start, old.end)
    assert now.reference != old.reference
    assert "rental_missing" not in await world.listed()


async def test_a_customer_without_a_car_is_listed(world: RentalWorld) -> None:
    old = await world.made()
    await world.rebook(old.id, await world.order(0, hours=6, delay=1))
    world.depot.script = ["ok", "refuse", "refuse"]
    await world.rest()
    assert world.depot.live(world.appointment) == []
    assert (await world.listed())["rental_missing"]["plate"] == "HRO-RC 1"
    await world.made(2)
    assert "rental_missing" not in await world.listed(), "closed once there is a car"


async def test_an_old_car_that_was_handed_over_meanwhile_is_told_as_two_cars(world: RentalWorld) -> None:
    old = await world.made()
    new = await world.rebook(old.id, await world.order(1))
    await world.calls.perform(new.reference)
    world.depot.change("V1", state="out")
    await world.rest()
    assert (await world.listed())["rental_double"]["number"] == "V1"


async def test_nothing_else_is_asked_for_while_an_answer_is_missing(world: RentalWorld) -> None:
    record = await world.made()
    world.depot.script = ["away"]
    await world.calls.perform(await world.cancel(record.id))
    with refusal("under-way"):
        await world.cancel(record.id)
    with refusal("under-way"):
        await world.change_end(record.id, record.end + timedelta(hours=1))


async def test_a_booking_that_waits_can_be_taken_back(world: RentalWorld) -> None:
    world.depot.script = ["lost"]
    record = await world.book(await world.order())
    await world.calls.perform(record.reference)
    key = await world.dealership.see(lambda tx: book.withdrawable(tx, record.id))
    assert key == record.reference
    await world.calls.withdraw(key)
    await world.rest()
    assert world.depot.live(world.appointment) == [], "it had been made, so it was cancelled"
    assert (await world.record(record.id)).state == "cancelled"


async def test_the_clerk_cancels(world: RentalWorld) -> None:
    await world.made()
    world.depot.change("V1", state="cancelled", cancel_reason="Schaden")
    assert await world.refresh() == 1
    assert (await world.listed())["rental_mismatch"]["mismatch"] == "cancelled_there"
    assert len(world.depot.rentals) == 1, "not booked again by itself"


async def test_the_clerk_swaps_the_car(world: RentalWorld) -> None:
    record = await world.made()
    world.depot.change("V1", car=CARS[2])
    await world.refresh()
    assert (await world.record(record.id)).car.plate == "HRO-RC 3"
    history = await world.dealership.see(lambda tx: rentals.history(tx, record.id))
    assert (history[-1].actor, history[-1].changes["plate"]) == ("Carloop", ("HRO-RC 1", "HRO-RC 3"))


async def test_a_moved_appointment_leaves_the_rental_and_lists_the_mismatch(world: RentalWorld) -> None:
    record = await world.made()
    await world.dealership.do(
        lambda tx: world.dealership.book.change(
            tx, world.appointment, {"collection": record.end + timedelta(days=1)}, author=DESK, expected_version=None,
            allow_over_limit=True,
        )
    )  # fmt: skip
    await world.feed.review(world.appointment)
    assert (await world.listed())["rental_mismatch"]["mismatch"] == "ends_early"
    await world.calls.perform(await world.change_end(record.id, record.end + timedelta(days=1)))
    assert await world.listed() == {}


async def test_a_cancelled_appointment_asks_what_becomes_of_the_car(world: RentalWorld) -> None:
    record = await world.made()
    await world.dealership.do(
        lambda tx: world.dealership.book.cancel(tx, world.appointment, author=DESK, expected_version=None)
    )
    await world.feed.review(world.appointment)
    assert (await world.listed())["rental_mismatch"]["mismatch"] == "appointment_cancelled"
    await world.calls.perform(await world.cancel(record.id))
    assert await world.listed() == {}


async def test_a_refused_cursor_reads_the_feed_again(world: RentalWorld) -> None:
    await world.made()
    await world.refresh()
    await world.dealership.do(lambda tx: rentals.StoredRentals(tx).set_cursor("carloop", "general", "refused"))
    world.depot.change("V1", car=CARS[1])
    assert await world.refresh() == 1


async def test_rentals_that_a_restored_database_has_forgotten_are_found_again(world: RentalWorld) -> None:
    record = await world.made()
    for table in ("rental_history", "call", "rental", "rental_feed"):
        await world.dealership.do(lambda tx, table=table: tx.run(f"DELETE FROM {table}"))  # type: ignore[misc]
    await world.refresh()
    [found] = await world.records()
    assert (found.number, found.reference, found.appointment_id) == ("V1", record.reference, world.appointment)


async def test_old_versions_change_nothing(world: RentalWorld) -> None:
    record = await world.made()
    before = world.depot.rentals["V1"]
    world.depot.change("V1", car=CARS[1])
    await world.refresh()
    await world.feed.take(before)
    assert (await world.record(record.id)).car.id == "F2"


@pytest.mark.parametrize(
    ("start", "end", "cancelled", "expected"),
    [
        (0, 0, False, None),
        (-60, 60, False, None),
        (1, 0, False, "starts_late"),
        (0, -1, False, "ends_early"),
        (0, 0, True, "appointment_cancelled"),
    ],
)
async def test_a_rental_fits_if_it_lies_around_the_visit(
    world: RentalWorld, start: int, end: int, cancelled: bool, expected: str | None
) -> None:
    record = await world.made()
    drop_off, collection = record.start - timedelta(minutes=start), record.end - timedelta(minutes=end)
    assert mismatch(record, drop_off, collection, is_cancelled=cancelled) == expected


FAULTS = st.lists(st.sampled_from(["ok", "ok", "lost", "away", "refuse", "login"]), max_size=10)
MOVES = st.lists(
    st.sampled_from(
        ["book", "rebook other", "rebook same", "cancel", "extend", "step", "crash", "swap", "out", "refresh"]
    ),
    min_size=2, max_size=9,
)  # fmt: skip


@given(faults=FAULTS, moves=MOVES)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_happens_the_customer_has_one_car_or_people_know(
    tmp_path_factory: pytest.TempPathFactory, faults: list[str], moves: list[str]
) -> None:
    world = await RentalWorld.open(tmp_path_factory.mktemp("rentals") / "book.db")
    cancelled = False
    try:
        world.depot.script = list(faults)
        for move in moves:
            held = [one for one in await world.records() if one.is_live and not one.is_replaced]
            if move == "book":
                cancelled &= await world.tried(world.book(await world.order())) is None
            elif move.startswith("rebook") and held:
                order = await world.order(1 if move.endswith("other") else 0, hours=6, delay=1)
                await world.tried(world.rebook(held[0].id, order))
            elif move == "cancel" and held:
                cancelled |= await world.tried(world.cancel(held[0].id)) is not None
            elif move == "extend" and held:
                await world.tried(world.change_end(held[0].id, held[0].end + timedelta(hours=1)))
            elif move == "step":
                for key in (await world.dealership.do(world._due))[:1]:
                    await world.calls.perform(key)
            elif move == "crash":
                await world.calls.close()
                world.start()
            elif move in ("swap", "out") and (live := world.depot.live(world.appointment)):
                values: dict[str, Any] = {"car": CARS[2]} if move == "swap" else {"state": "out"}
                world.depot.change(live[0].number, **values)
            elif move == "refresh":
                await world.tried(_quietly(world))
        world.depot.script = [fault for fault in world.depot.script if fault != "login"]
        await world.rest()
        world.depot.script.clear()
        await world.refresh()
        await _check(world)
    finally:
        await world.dealership.close()


async def _quietly(world: RentalWorld) -> None:
    try:
        await world.refresh()
    except Exception as error:
        assert type(error).__name__ in ("Transient", "NeedsToken")


async def _check(world: RentalWorld) -> None:
    records, there = await world.records(), world.depot.rentals
    listed = await world.listed()
    assert {one.number: (one.state, one.car.id, one.end) for one in records if one.number} == {
        one.number: (one.state, one.car.id, one.end) for one in there.values()
    }
    assert not [one for one in records if one.state == "asking"]
    live = world.depot.live(world.appointment)
    assert len(live) < 2 or "rental_double" in listed
    assert len({one.reference for one in there.values()}) == len(there)
    if not live and any(one.replaces for one in records) and not _by_a_person(records):
        assert "rental_missing" in listed or "rental_mismatch" in listed


def _by_a_person(records: list[Any]) -> bool:
    """The last car went because a person cancelled it, or none was ever booked."""
    last = [one for one in records if one.number]
    return not last or not last[-1].is_replaced
