"""A courtesy car is lent for the length of a visit, to one customer at a time."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.bookkeeping import DESK, MONDAY, Dealership, draft
from wtpd.errors import Invalid, Refused
from wtpd.planner.appointment import Appointment, TransportOption
from wtpd.planner.resources import Period
from wtpd.store import appointments, attention, contracts, resources
from wtpd.store.database import Tx

HOUR = timedelta(hours=1)


async def book(dealership: Dealership, *args: Any, **other: Any) -> Appointment:
    asked = draft(*args, **{"courtesy_car": "EW1", "units": 1, **other})
    return await dealership.do(lambda tx: dealership.book.create(tx, asked, author=DESK))


async def change(dealership: Dealership, appointment: Appointment, /, **changes: Any) -> Appointment:
    return await dealership.do(
        lambda tx: dealership.book.change(tx, appointment.id, changes, author=DESK, expected_version=None)
    )


async def customer(dealership: Dealership, **values: Any) -> str:
    given = {"last_name": "Lübs", "first_name": "Axel", "city": "Seelow", **values}
    return (await dealership.do(lambda tx: dealership.book.create_customer(tx, given, author=DESK))).id


@pytest.mark.parametrize(
    ("offset", "hours", "free"),
    [(-2, 2, True), (4, 2, True), (-2, 3, False), (3, 2, False), (1, 1, False), (-1, 6, False), (0, 4, False)],
)
async def test_a_car_is_lent_once_at_a_time(dealership: Dealership, offset: int, hours: int, free: bool) -> None:
    """The first visit is from 0 to 4; one may begin at the moment another ends."""
    first = await book(dealership)
    if free:
        assert (await book(dealership, MONDAY + offset * HOUR, hours)).courtesy_car == "EW1"
        return
    with pytest.raises(Refused, match="Courtesy car EW1 is lent from 09/11/2026 08:00") as refusal:
        await book(dealership, MONDAY + offset * HOUR, hours)
    assert refusal.value.kind == "car-taken"
    assert refusal.value.facts == {
        "courtesy_car": "EW1",
        "appointment": first.id,
        "from": "2026-11-09T07:00:00Z",
        "until": "2026-11-09T11:00:00Z",
    }


async def test_the_database_guards_it_whoever_writes(dealership: Dealership) -> None:
    first, second = await book(dealership), await book(dealership, MONDAY + 5 * HOUR)
    by_hand = [
        f"UPDATE appointment SET drop_off = '2026-11-09T10:00:00Z' WHERE id = '{second.id}'",
        f"UPDATE OR REPLACE appointment SET collection = '2026-11-09T13:00:00Z' WHERE id = '{first.id}'",
    ]
    for sql in by_hand:
        with pytest.raises(sqlite3.IntegrityError, match="courtesy car is lent already"):
            await dealership.do(lambda tx, sql=sql: tx.run(sql))
    with pytest.raises(sqlite3.IntegrityError, match="courtesy car is lent already"):
        await dealership.do(lambda tx: appointments.insert(tx, replace(first, id="other")))


async def test_the_car_moves_with_the_visit(dealership: Dealership) -> None:
    first = await book(dealership)
    second = await book(dealership, MONDAY + 5 * HOUR)
    await change(dealership, first, drop_off=MONDAY + 24 * HOUR, collection=MONDAY + 28 * HOUR)
    await change(dealership, second, drop_off=MONDAY)
    with pytest.raises(Refused):
        await change(dealership, second, collection=MONDAY + 25 * HOUR)


async def test_a_cancelled_visit_and_one_who_doesnt_show_up_free_the_car(dealership: Dealership) -> None:
    first = await book(dealership)
    await dealership.do(lambda tx: dealership.book.cancel(tx, first.id, author=DESK, expected_version=None))
    second = await book(dealership)
    await change(dealership, second, status="no_show")
    third = await book(dealership)
    with pytest.raises(Refused) as refusal:
        await change(dealership, second, status="arrived")
    assert refusal.value.facts["appointment"] == third.id


async def test_the_transport_option_goes_with_the_car(dealership: Dealership) -> None:
    made = await book(dealership)
    assert made.transport_option == TransportOption.COURTESY_CAR
    walks = await change(dealership, made, transport_option="waiting")
    assert walks.courtesy_car is None
    again = await change(dealership, walks, courtesy_car="EW2", transport_option="courtesy_car")
    assert again.courtesy_car == "EW2"
    with pytest.raises(Invalid) as refusal:
        await book(dealership, transport_option="shuttle")
    assert refusal.value.problems[0].field == "transport_option"


async def test_a_car_in_repair_isnt_lent(dealership: Dealership) -> None:
    def repair(tx: Tx) -> None:
        car = resources.get_courtesy_car(tx, "EW1")
        period = Period(start=MONDAY + 3 * HOUR, end=MONDAY + 9 * HOUR, reason="TÜV")
        dealership.book.put_courtesy_car(tx, replace(car, out_of_service=(period,)), author=DESK)

    await dealership.do(repair)
    with pytest.raises(Refused, match="out of service") as refusal:
        await book(dealership)
    assert refusal.value.kind == "car-out-of-service"
    assert (await book(dealership, hours=3)).courtesy_car == "EW1"


async def test_a_car_that_is_sold_isnt_lent(dealership: Dealership) -> None:
    def sell(tx: Tx) -> None:
        car = resources.get_courtesy_car(tx, "EW1")
        dealership.book.put_courtesy_car(tx, replace(car, active=False), author=DESK)

    made = await book(dealership)
    await dealership.do(sell)
    assert (await change(dealership, made, notes="stays")).courtesy_car == "EW1"
    with pytest.raises(Refused, match="isn't lent any more"):
        await book(dealership, MONDAY + 24 * HOUR)


async def test_bookings_whose_car_goes_out_of_service_are_listed(dealership: Dealership) -> None:
    made = await book(dealership)

    def repair(tx: Tx) -> None:
        car = resources.get_courtesy_car(tx, "EW1")
        period = Period(start=MONDAY, end=MONDAY + HOUR)
        dealership.book.put_courtesy_car(tx, replace(car, out_of_service=(period,)), author=DESK)

    await dealership.do(repair)
    (entry,) = await dealership.see(lambda tx: attention.page(tx, kind="car_open"))
    assert (entry.appointment_id, entry.data["courtesy_car"]) == (made.id, "EW1")


@pytest.mark.parametrize("car", ["EW3", "EW99", ""])
async def test_a_car_of_another_site_cant_be_had(dealership: Dealership, car: str) -> None:
    with pytest.raises(Invalid) as refusal:
        await book(dealership, courtesy_car=car)
    assert refusal.value.problems[0].field == "courtesy_car"


async def test_the_contract_keeps_the_customers_data_as_they_were_at_the_booking(dealership: Dealership) -> None:
    person = await customer(dealership)
    made = await book(dealership, customer_id=person)
    await dealership.do(
        lambda tx: dealership.book.change_customer(tx, person, {"city": "Rostock"}, author=DESK, expected_version=None)
    )
    await change(dealership, made, courtesy_car="EW2", notes="x")
    contract = await dealership.see(lambda tx: contracts.find(tx, made.id))
    assert contract is not None
    assert (contract.courtesy_car, contract.customer and contract.customer.city) == ("EW2", "Seelow")


async def test_another_customer_gets_a_contract_of_his_own(dealership: Dealership) -> None:
    made = await book(dealership, customer_id=await customer(dealership))
    other = await customer(dealership, last_name="Säuberlich")
    await change(dealership, made, customer_id=other)
    contract = await dealership.see(lambda tx: contracts.find(tx, made.id))
    assert contract is not None
    assert contract.customer is not None
    assert contract.customer.last_name == "Säuberlich"
    await change(dealership, made, courtesy_car=None)
    assert await dealership.see(lambda tx: contracts.find(tx, made.id)) is None


async def test_who_comes_after_all_without_a_car_has_no_contract(dealership: Dealership) -> None:
    made = await change(dealership, await book(dealership), status="no_show")
    await change(dealership, made, courtesy_car=None)
    assert await dealership.see(lambda tx: contracts.find(tx, made.id)) is not None, "as it was when nobody came"
    await change(dealership, made, status="scheduled")
    assert await dealership.see(lambda tx: contracts.find(tx, made.id)) is None


async def test_who_comes_after_all_with_a_car_has_a_contract(dealership: Dealership) -> None:
    made = await change(dealership, await book(dealership, courtesy_car=None), status="no_show")
    await change(dealership, made, courtesy_car="EW1")
    assert await dealership.see(lambda tx: contracts.find(tx, made.id)) is None
    await change(dealership, made, status="arrived")
    assert await dealership.see(lambda tx: contracts.find(tx, made.id)) is not None


async def test_without_a_car_there_is_no_contract(dealership: Dealership) -> None:
    made = await book(dealership, courtesy_car=None)
    assert await dealership.see(lambda tx: contracts.find(tx, made.id)) is None
