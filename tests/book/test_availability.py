"""What partners and the desk are told can be booked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest

from tests.support.bookkeeping import DESK, MONDAY, Dealership, draft
from tests.support.lists import autohaus, bring, empty_dealership
from wtpd.book.availability import offered_days, offers
from wtpd.clock import iso
from wtpd.errors import Invalid
from wtpd.planner.appointment import Status
from wtpd.planner.periods import local_day
from wtpd.planner.resources import Advisor, Closure, CourtesyCar, Period
from wtpd.store import appointments
from wtpd.store.database import Tx
from wtpd.sync.ports import DayOffer

DAY = date(2026, 11, 9)
HOURS = dict.fromkeys(range(1, 6), ((time(8), time(12)), (time(13), time(17))))


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Dealership]:
    opened = await empty_dealership(tmp_path / "book.db")
    yield opened
    await opened.close()


async def offer(box: Dealership, *days: date, department: str = "Werkstatt") -> list[DayOffer]:
    return await box.see(lambda tx: offers(tx, box.book, "rostock", department, days or [DAY]))


def at(hour: int, minute: int = 0) -> datetime:
    """Local time of the day, as UTC."""
    return MONDAY.replace(hour=hour - 1, minute=minute)


async def test_an_empty_day_offers_everything(box: Dealership) -> None:
    [found] = await offer(box)
    assert (found.day, found.capacity, found.remaining) == (DAY, 400, 400)
    assert found.slots[0] == {"start": "2026-11-09T06:30:00Z", "free": 2}
    assert len(found.slots) == 19
    assert (found.advisors, found.courtesy_cars) == ([], [])


async def test_a_booking_takes_work_and_a_place_and_gives_them_back(box: Dealership) -> None:
    def book(tx: Tx) -> str:
        box.book.create(tx, draft(start=at(8, 10), units=150.5), author=DESK)
        box.book.create(tx, draft(start=at(8, 10), units=99, department="Karosserie"), author=DESK)
        box.book.create(tx, draft(start=at(9), units=99, status=Status.NO_SHOW), author=DESK)
        return box.book.create(tx, draft(start=at(8), units=20), author=DESK).id

    second = await box.do(book)
    [found] = await offer(box)
    assert found.remaining == 229.5
    assert [slot["start"] for slot in found.slots[:3]] == [iso(at(7, 30)), iso(at(8, 30)), iso(at(9))]
    await box.do(lambda tx: box.book.cancel(tx, second, author=DESK, expected_version=None))
    [found] = await offer(box)
    assert found.remaining == 249.5
    assert found.slots[1] == {"start": iso(at(8)), "free": 1}
    [body_shop] = await offer(box, department="Karosserie")
    assert body_shop.remaining == 301


async def test_an_overbooked_day_has_nothing_left_and_not_less(box: Dealership) -> None:
    await box.do(lambda tx: box.book.create(tx, draft(units=900), author=DESK, allow_over_limit=True))
    assert (await offer(box))[0].remaining == 0


async def test_advisors_are_offered_when_they_are_there(box: Dealership) -> None:
    def staff(tx: Tx) -> None:
        away = Period(start=at(13), end=at(15))
        for sign, absences, active in (("SB1", (), True), ("SB2", (away,), True), ("SB3", (), False)):
            advisor = Advisor(
                id=sign, name=f"Berater {sign}", site="rostock", department="Werkstatt", weekly_hours=HOURS,
                absences=absences, active=active,
            )  # fmt: skip
            box.book.put_advisor(tx, advisor, author=DESK)
        lunch = Closure(id="", site="rostock", department=None, start=at(16), end=at(18))
        box.book.put_closure(tx, lunch, author=DESK)

    await box.do(staff)
    [found] = await offer(box)
    assert found.advisors == [
        {
            "id": "SB1",
            "name": "Berater SB1",
            "periods": [{"start": iso(at(8)), "end": iso(at(12))}, {"start": iso(at(13)), "end": iso(at(16))}],
        },
        {
            "id": "SB2",
            "name": "Berater SB2",
            "periods": [{"start": iso(at(8)), "end": iso(at(12))}, {"start": iso(at(15)), "end": iso(at(16))}],
        },
    ]
    places = {slot["start"]: slot["free"] for slot in found.slots}
    assert (places[iso(at(8))], places[iso(at(13))], places[iso(at(15))]) == (2, 1, 2)
    assert not places.keys() & {iso(at(7, 30)), iso(at(12)), iso(at(16))}


async def test_cars_are_offered_when_they_are_free(box: Dealership) -> None:
    def lend(tx: Tx) -> None:
        service = Period(start=at(14), end=at(15))
        car = CourtesyCar(id="EW1", plate="B-T 1", make="NISSAN", model="Leaf", vehicle_class="SUV",
                          features=("Automatik",), site="rostock", out_of_service=(service,))  # fmt: skip
        box.book.put_courtesy_car(tx, car, author=DESK)
        box.book.put_courtesy_car(tx, CourtesyCar(id="EW2", plate="B-T 2", site="rostock"), author=DESK)
        box.book.put_courtesy_car(tx, CourtesyCar(id="EW3", plate="B-T 3", site="guestrow"), author=DESK)
        box.book.put_courtesy_car(tx, CourtesyCar(id="EW4", plate="B-T 4", site="rostock", active=False), author=DESK)
        box.book.create(tx, draft(start=at(8), hours=2, courtesy_car="EW1"), author=DESK)
        box.book.create(tx, draft(start=at(8) - timedelta(days=3), hours=120, courtesy_car="EW2"), author=DESK)

    await box.do(lend)
    [found] = await offer(box)
    assert found.courtesy_cars == [
        {
            "id": "EW1", "plate": "B-T 1", "make": "NISSAN", "model": "Leaf", "vehicle_class": "SUV",
            "features": ["Automatik"],
            "free": [
                {"start": "2026-11-08T23:00:00Z", "end": iso(at(8))},
                {"start": iso(at(10)), "end": iso(at(14))},
                {"start": iso(at(15)), "end": "2026-11-09T23:00:00Z"},
            ],
        }
    ]  # fmt: skip


async def test_holidays_weekends_and_closures(box: Dealership) -> None:
    closed = Closure(id="", site="rostock", department="Werkstatt", start=at(0 + 1), end=at(23), reason="Inventur")
    await box.do(lambda tx: box.book.put_closure(tx, closed, author=DESK))
    christmas, sunday = date(2026, 12, 25), date(2026, 11, 8)
    found = await offer(box, christmas, DAY, sunday)
    assert [(each.day, each.capacity, each.remaining, list(each.slots)) for each in found] == [
        (christmas, 0, 0, []),
        (DAY, 0, 0, []),
        (sunday, 0, 0, []),
    ]
    assert (await offer(box, DAY, department="Karosserie"))[0].capacity == 400


async def test_the_days_on_which_the_clocks_change(box: Dealership) -> None:
    await box.do(
        lambda tx: box.book.put_courtesy_car(tx, CourtesyCar(id="EW1", plate="B", site="rostock"), author=DESK)
    )
    spring, autumn = await offer(box, date(2027, 3, 28), date(2027, 10, 31))
    assert spring.courtesy_cars[0]["free"] == [{"start": "2027-03-27T23:00:00Z", "end": "2027-03-28T22:00:00Z"}]
    assert autumn.courtesy_cars[0]["free"] == [{"start": "2027-10-30T22:00:00Z", "end": "2027-10-31T23:00:00Z"}]


async def test_an_unknown_department_is_refused_and_no_day_is_no_offer(box: Dealership) -> None:
    assert await box.see(lambda tx: offers(tx, box.book, "rostock", "Werkstatt", [])) == []
    with pytest.raises(Invalid):
        await offer(box, department="Lack")


async def test_ninety_days_take_a_handful_of_queries_and_are_the_same_as_each_day_alone(box: Dealership) -> None:
    await bring(box, autohaus())
    days = [date(2026, 10, 19) + timedelta(days=number) for number in range(90)]

    def count(tx: Tx) -> tuple[list[DayOffer], int]:
        seen: list[str] = []
        tx._con.set_trace_callback(seen.append)
        found = offers(tx, box.book, "rostock", "Werkstatt", days)
        tx._con.set_trace_callback(None)
        return found, len(seen)

    together, queries = await box.see(count)
    assert queries <= 4 + 5, "closures, advisors, cars, visits, and one for each car"
    for day in days[::15]:
        assert (await offer(box, day))[0] == together[days.index(day)]
    assert all(each.remaining <= each.capacity for each in together)


async def test_the_capacity_is_whole_and_the_offer_goes_up_to_the_load_limit(box: Dealership) -> None:
    box.book.plans = {key: replace(each, load_limit=80) for key, each in box.book.plans.items()}
    await box.do(lambda tx: box.book.create(tx, draft(units=330), author=DESK, allow_over_limit=True))
    [found] = await box.see(lambda tx: offered_days(tx, box.book, "rostock", "Werkstatt", [DAY]))
    assert (found.capacity, found.booked, found.offer.capacity, found.offer.remaining) == (400, 330, 320, 0)


async def test_the_days_of_a_year_are_as_each_day_alone(box: Dealership) -> None:
    days = [DAY + timedelta(days=number) for number in range(-230, 135)]

    def book(tx: Tx) -> None:
        for number in range(0, 365, 3):
            start = MONDAY + timedelta(days=number - 230, hours=number % 7, minutes=number % 50)
            box.book.create(tx, draft(start=start, units=number), author=DESK, allow_over_limit=True)
        span = {"start": MONDAY - timedelta(days=30), "end": MONDAY - timedelta(days=20, hours=4)}
        box.book.put_closure(tx, Closure(id="c1", site="rostock", department=None, **span), author=DESK)

    await box.do(book)
    whole = await box.see(lambda tx: offered_days(tx, box.book, "rostock", "Werkstatt", days))
    alone = [
        await box.see(lambda tx, day=day: offered_days(tx, box.book, "rostock", "Werkstatt", [day])[0]) for day in days
    ]
    assert whole == alone
    booked = await box.see(
        lambda tx: [
            appointments.booked_units(tx, "rostock", "Werkstatt", span.start, span.end)
            for span in (local_day(day, "Europe/Berlin") for day in days)
        ]
    )
    assert [each.booked for each in whole] == booked
    assert sum(bool(each) for each in booked) > 100
