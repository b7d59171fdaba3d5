"""Appointments come back as they were kept, and lists are complete, in order and paged."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from functools import partial

import pytest

from tests.support.bookkeeping import DESK, MONDAY, Dealership, draft
from wtpd.errors import Invalid, NotFound
from wtpd.planner.appointment import Appointment, Intervention, Status
from wtpd.store import appointments
from wtpd.store import search as index
from wtpd.store.appointments import Filter
from wtpd.store.database import Tx

FULL = Appointment(
    id="a-full",
    site="rostock",
    department="Werkstatt",
    drop_off=MONDAY,
    collection=MONDAY + timedelta(days=2),
    status=Status.IN_WORK,
    advisor="SB1",
    interventions=(
        Intervention(code="HU", title="Hauptuntersuchung", description="mit AU", labour_units=12.5, price_cents=14950),
        Intervention(title="Räder", labour_units=3),
    ),
    transport_option="partner's own",
    courtesy_car="EW1",
    customer_waiting=True,
    notes="Schlüssel im Tresor\n„Klappern“",
    origin="mynissan",
    references={"superservice": "A-17", "import": "T100000"},
    links={"superservice_menus": "https://menus.example.org/17"},
    dms_number="D1",
    work_order="40000",
    planned_in=MONDAY,
    planned_out=MONDAY + timedelta(hours=3),
    car_in=MONDAY + timedelta(minutes=1),
    car_out=MONDAY + timedelta(hours=4),
    quote_made=True,
    billed=True,
    over_limit=True,
    cancellation_reason="x",
    version=7,
)


def fill(dealership: Dealership, count: int, step: timedelta = timedelta(minutes=30)):
    def work(tx: Tx) -> list[str]:
        return [
            dealership.book.create(tx, draft(MONDAY + step * n, hours=1, units=0), author=DESK).id for n in range(count)
        ]

    return work


async def test_every_field_comes_back(dealership: Dealership) -> None:
    await dealership.do(lambda tx: appointments.insert(tx, FULL))
    assert await dealership.see(lambda tx: appointments.get(tx, "a-full")) == FULL
    assert FULL.labour_units == 15.5


async def test_an_unknown_one_is_not_found(dealership: Dealership) -> None:
    with pytest.raises(NotFound, match="There is no appointment nope"):
        await dealership.see(lambda tx: appointments.get(tx, "nope"))


async def test_a_day_shows_its_visits_in_order_with_those_cancelled(dealership: Dealership) -> None:
    made = await dealership.do(fill(dealership, 4, timedelta(hours=10)))
    await dealership.do(lambda tx: dealership.book.cancel(tx, made[1], author=DESK, expected_version=1, reason="krank"))
    day = await dealership.see(lambda tx: appointments.day(tx, "rostock", MONDAY, MONDAY + timedelta(hours=20)))
    assert [each.id for each in day] == made[:2]
    other = await dealership.see(
        lambda tx: appointments.day(tx, "rostock", MONDAY, MONDAY + timedelta(days=3), "Karosserie")
    )
    assert other == []


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
async def test_pages_give_everything_once(dealership: Dealership, limit: int) -> None:
    """Half of the visits begin at the same time."""
    made = await dealership.do(fill(dealership, 7))
    made += await dealership.do(fill(dealership, 6, timedelta(0)))
    seen: list[str] = []
    cursor = None
    while True:
        which = Filter(site="rostock", start=MONDAY)
        items, cursor = await dealership.see(
            lambda tx, which=which, cursor=cursor: appointments.page(tx, which, cursor=cursor, limit=limit)
        )
        seen += [each.id for each in items]
        if cursor is None:
            break
    assert sorted(seen) == sorted(made)


@pytest.mark.parametrize("cursor", ["", "x", "%%%", "YWJj", "a" * 5000, "ü"])
async def test_a_cursor_that_isnt_ours_is_refused(dealership: Dealership, cursor: str) -> None:
    with pytest.raises(Invalid, match="no cursor of this list"):
        await dealership.see(lambda tx: appointments.page(tx, Filter(), cursor=cursor))


async def test_a_page_narrows_by_department_time_and_status(dealership: Dealership) -> None:
    made = await dealership.do(fill(dealership, 3))
    await dealership.do(lambda tx: dealership.book.cancel(tx, made[0], author=DESK, expected_version=1))
    elsewhere = draft(site="guestrow", units=0)
    await dealership.do(lambda tx: dealership.book.create(tx, elsewhere, author=DESK))
    cases = {
        Filter(): 4,
        Filter(site="rostock"): 3,
        Filter(department="Werkstatt"): 4,
        Filter(site="rostock", statuses=(Status.CANCELLED,)): 1,
        Filter(end=MONDAY + timedelta(minutes=30)): 2,
        Filter(start=MONDAY + timedelta(minutes=31)): 1,
    }
    for which, count in cases.items():
        items, cursor = await dealership.see(lambda tx, which=which: appointments.page(tx, which))
        assert (len(items), cursor) == (count, None), which


async def test_found_by_the_numbers_of_others(dealership: Dealership) -> None:
    await dealership.do(lambda tx: appointments.insert(tx, FULL))
    assert await dealership.see(lambda tx: appointments.by_reference(tx, "superservice", "A-17")) == FULL
    assert await dealership.see(lambda tx: appointments.by_reference(tx, "carloop", "A-17")) is None
    assert await dealership.see(lambda tx: appointments.by_work_order(tx, "40000")) == [FULL]
    assert await dealership.see(lambda tx: appointments.by_dms_number(tx, "D1")) == [FULL]


async def test_a_partners_number_is_replaced_by_the_next_and_stands_for_one_visit(dealership: Dealership) -> None:
    first, second = await dealership.do(fill(dealership, 2))

    def work(tx: Tx) -> None:
        appointments.put_reference(tx, first, "superservice", "A-1")
        appointments.put_reference(tx, first, "superservice", "A-2")
        appointments.put_reference(tx, second, "superservice", "A-1")

    await dealership.do(work)
    records = await dealership.see(lambda tx: appointments.many(tx, [first, second]))
    assert [dict(record.references) for record in records] == [{"superservice": "A-2"}, {"superservice": "A-1"}]


async def test_the_first_number_of_a_partner_is_found_as_a_later_one_is(dealership: Dealership) -> None:
    first, second = await dealership.do(fill(dealership, 2))

    def work(tx: Tx) -> None:
        appointments.put_reference(tx, first, "superservice", "KX-77 Ä", is_first=True)
        appointments.put_reference(tx, second, "superservice", "KX-78 Ö")

    await dealership.do(work)
    await dealership.do(lambda tx: appointments.put_reference(tx, second, "carloop", "C5", is_first=True))
    for text, found in (("KX 77", [first]), ("kx77", [first]), ("KX", [second, first]), ("C5 KX", [second])):
        assert [one.id for one in await dealership.see(partial(appointments.search, text=text))] == found, text

    def documents(tx: Tx) -> list[set[str]]:
        return [set(row["words"].split()) for row in tx.all("SELECT words FROM search_appointment_text ORDER BY id")]

    kept = await dealership.see(documents)
    await dealership.do(lambda tx: [index.touch_appointment(tx, each) for each in (first, second)])
    assert await dealership.see(documents) == kept, "nothing is left for a whole reading of the appointment"


async def test_the_load_of_a_day_counts_live_visits_only(dealership: Dealership) -> None:
    def work(tx: Tx) -> list[str]:
        return [dealership.book.create(tx, draft(units=units), author=DESK).id for units in (0.1, 0.2, 5)]

    made = await dealership.do(work)
    span = (MONDAY - timedelta(hours=8), MONDAY + timedelta(hours=16))
    booked = await dealership.see(lambda tx: appointments.booked_units(tx, "rostock", "Werkstatt", *span))
    assert booked == 5.3
    await dealership.do(lambda tx: dealership.book.cancel(tx, made[2], author=DESK, expected_version=1))
    booked = await dealership.see(lambda tx: appointments.booked_units(tx, "rostock", "Werkstatt", *span))
    assert booked == 0.3
    without = await dealership.see(
        lambda tx: appointments.booked_units(tx, "rostock", "Werkstatt", *span, without=made[0])
    )
    assert without == 0.2
    assert await dealership.see(lambda tx: appointments.drop_offs(tx, "rostock", "Werkstatt", *span)) == [
        (MONDAY, 0.1),
        (MONDAY, 0.2),
    ]


async def test_appointments_cant_be_deleted(dealership: Dealership) -> None:
    await dealership.do(lambda tx: appointments.insert(tx, FULL))
    with pytest.raises(sqlite3.IntegrityError, match="never deleted"):
        await dealership.do(lambda tx: tx.run("DELETE FROM appointment"))
