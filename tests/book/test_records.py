"""Customers, vehicles, advisors, courtesy cars and closures: what is taken, and what is refused with which sentence."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from tests.support.bookkeeping import DESK, MONDAY, NOW, Dealership, draft
from wtpd.errors import Invalid, NotFound, Refused, VersionMismatch
from wtpd.planner.appointment import Element, ElementKind, Intervention
from wtpd.planner.customer import Customer, Permission
from wtpd.planner.history import Author
from wtpd.planner.resources import Advisor, Closure, CourtesyCar, Period
from wtpd.planner.vehicle import Vehicle
from wtpd.store import appointments, attention, history, partner_records, resources, vehicles
from wtpd.store.database import Tx
from wtpd.store.partner_records import PartnerRecord

CARSYS = Author(actor="carsys", interface="dms:carsys")
CHANNEL = """INSERT INTO channel (id, connector, site, department, account, active)
             VALUES ('superservice/rostock', 'superservice', 'rostock', 'Werkstatt', 'D1', 1)"""


async def customer(dealership: Dealership, author: Author = DESK, **values: Any) -> Customer:
    given = {"last_name": "Lübs", **values}
    return await dealership.do(lambda tx: dealership.book.create_customer(tx, given, author=author))


async def vehicle(dealership: Dealership, **values: Any) -> Vehicle:
    given = {"plate": "HRO-AB 1", **values}
    return await dealership.do(lambda tx: dealership.book.create_vehicle(tx, given, author=DESK))


async def change(dealership: Dealership, record: Any, /, author: Author = DESK, **changes: Any) -> Any:
    make = dealership.book.change_customer if isinstance(record, Customer) else dealership.book.change_vehicle
    return await dealership.do(lambda tx: make(tx, record.id, changes, author=author, expected_version=record.version))


async def test_a_customer_is_made_and_changed(dealership: Dealership) -> None:
    made = await customer(dealership, email="axel.lübs@example.org", number=" ", city=" Seelow ")
    assert (made.city, made.number, made.version) == ("Seelow", None, 1)
    changed = await change(dealership, made, mobile="0151 85641177")
    assert (changed.mobile, changed.version) == ("0151 85641177", 2)
    assert (await change(dealership, changed, mobile="0151 85641177")).version == 2
    with pytest.raises(VersionMismatch) as refusal:
        await change(dealership, made, mobile="1")
    assert refusal.value.facts == {"version": 2}


async def test_a_plate_that_moves_to_another_vin_leaves_the_old_car(dealership: Dealership) -> None:
    old = await vehicle(dealership, plate="HRO-AB 1", vin="VF15TCCXRXU995736")
    without_vin = await vehicle(dealership, plate="HRO-AB 2")
    new = await vehicle(dealership, plate="hro-ab1", vin="SJNFLKWT9X1458220")
    found = await dealership.see(lambda tx: vehicles.by_plate(tx, "HRO-AB 1"))
    assert [each.id for each in found] == [new.id]
    listed = await dealership.see(attention.page)
    data = {"plate": "HRO-AB 1", "old_vin": old.vin, "new_vin": new.vin, "vehicle": old.id}
    assert [(each.kind, each.data) for each in listed] == [("plate_moved", data)]
    await change(dealership, new, plate="HRO-AB 2")  # that car may be the same one
    assert (await dealership.see(lambda tx: vehicles.get(tx, without_vin.id))).plate == "HRO-AB 2"


async def test_permissions_have_date_and_source(dealership: Dealership) -> None:
    made = await customer(dealership, locked_by="carsys")
    given = Permission(allowed=True, since=date(2026, 1, 2), source="Formular")
    changed = await change(dealership, made, permissions={"email": given})
    assert changed.permissions == {"email": given}
    with pytest.raises(Invalid, match="Permissions are kept for"):
        await change(dealership, changed, permissions={"telepathy": given})


async def test_a_locked_customer_changes_only_through_his_dms(dealership: Dealership) -> None:
    made = await customer(dealership, author=CARSYS, locked_by="carsys", origin="dms:carsys")
    with pytest.raises(Refused, match="come from carsys and can be changed only there") as refusal:
        await change(dealership, made, city="Rostock", locked_by=None)
    assert refusal.value.kind == "locked"
    assert refusal.value.facts == {"locked_by": "carsys", "fields": ["city", "locked_by"]}
    assert (await change(dealership, made, author=CARSYS, city="Rostock")).city == "Rostock"


async def test_a_customer_number_belongs_to_one(dealership: Dealership) -> None:
    await customer(dealership, number="10386")
    with pytest.raises(Refused) as refusal:
        await customer(dealership, number="10386")
    assert refusal.value.kind == "number-taken"
    other = await customer(dealership)
    with pytest.raises(Refused, match="10386 belongs to another customer"):
        await change(dealership, other, number="10386")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "axel@"),
        ("business_email", "axel lübs@example.org"),
        ("mobile", "unbekannt"),
        ("last_name", "x" * 201),
        ("city", "a\x00b"),
        ("street", "\udcff"),
        ("erased", True),
        ("version", 7),
        ("nonsense", "x"),
        ("last_name", ""),
    ],
)
async def test_a_wrong_field_of_a_customer_is_named(dealership: Dealership, field: str, value: Any) -> None:
    with pytest.raises(Invalid) as refusal:
        await customer(dealership, **{field: value})
    assert [problem.field for problem in refusal.value.problems] == [field]


async def test_a_vehicle_is_made_and_changed(dealership: Dealership) -> None:
    made = await vehicle(dealership, vin="vf15tccx rxu995736", inspection_due=date(2028, 10, 31))
    assert made.vin == "VF15TCCXRXU995736"
    changed = await change(dealership, made, odometer_km=120_000)
    assert (changed.odometer_km, changed.odometer_date, changed.odometer_source) == (120_000, NOW.date(), "desk")
    given = await change(
        dealership, changed, odometer_km=121_000, odometer_date=date(2026, 10, 1), odometer_source="HU-Bericht"
    )
    assert (given.odometer_date, given.odometer_source) == (date(2026, 10, 1), "HU-Bericht")
    assert (await change(dealership, given, odometer_km=None)).odometer_date is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("vin", "VF15TCCXRXU99573"),
        ("vin", "VF15TCCXRXU99573O"),
        ("plate", "x" * 21),
        ("odometer_km", -1),
        ("odometer_km", 10**9),
        ("first_registration", date(1066, 10, 14)),
        ("inspection_due", datetime(2026, 1, 1)),  # noqa: DTZ001 - a time is no date
        ("owner", "nobody"),
        ("plate", ""),
    ],
)
async def test_a_wrong_field_of_a_vehicle_is_named(dealership: Dealership, field: str, value: Any) -> None:
    with pytest.raises(Invalid) as refusal:
        await vehicle(dealership, **{field: value})
    assert [problem.field for problem in refusal.value.problems] == [field]


async def test_what_partners_see_of_a_customer_is_sent_with_each_open_visit(dealership: Dealership) -> None:
    await dealership.do(lambda tx: tx.run(CHANNEL))
    person, car = await customer(dealership), await vehicle(dealership)

    def visits(tx: Tx) -> list[str]:
        made = [
            dealership.book.create(tx, draft(units=0, customer_id=person.id, vehicle_id=car.id), author=DESK).id
            for _ in range(4)
        ]
        dealership.book.cancel(tx, made[0], author=DESK, expected_version=None)
        dealership.book.change(tx, made[1], {"status": "completed"}, author=DESK, expected_version=None)
        tx.run("DELETE FROM outbox")
        return made[2:]

    waiting = await dealership.do(visits)

    async def marked() -> list[str]:
        return await dealership.do(lambda tx: [row[0] for row in tx.all("DELETE FROM outbox RETURNING appointment_id")])

    await change(dealership, person, mobile="0151 85641177")
    assert sorted(await marked()) == sorted(waiting)
    await change(dealership, car, plate="HRO-AB 2")
    assert sorted(await marked()) == sorted(waiting)
    await change(dealership, replace(person, version=2), number="77")
    await change(dealership, replace(car, version=2), owner=person.id)
    assert await marked() == []


async def test_advisors_are_kept_with_their_hours(dealership: Dealership) -> None:
    hours = {weekday: ((time(8), time(12)), (time(12, 30), time(17))) for weekday in range(1, 6)}
    absent = Period(start=MONDAY, end=MONDAY + timedelta(days=5), reason="Urlaub")
    advisor = Advisor(
        id="SB7", name="Romy Hein", site="rostock", department="Werkstatt", weekly_hours=hours, absences=(absent,)
    )
    kept = await dealership.do(lambda tx: dealership.book.put_advisor(tx, advisor, author=DESK, expected_version=0))
    assert kept == advisor
    assert await dealership.see(lambda tx: resources.get_advisor(tx, "SB7")) == advisor
    assert dealership.signals == {"availability:rostock:*"}
    moved = await dealership.do(
        lambda tx: dealership.book.put_advisor(tx, replace(advisor, site="guestrow"), author=DESK, expected_version=1)
    )
    assert moved.version == 2
    assert dealership.signals == {"availability:rostock:*", "availability:guestrow:*"}
    same = await dealership.do(lambda tx: dealership.book.put_advisor(tx, moved, author=DESK))
    assert same.version == 2
    listed = await dealership.see(lambda tx: resources.advisors(tx, site="guestrow"))
    assert [each.id for each in listed] == ["SB2", "SB7"]


async def test_a_new_one_doesnt_replace_another(dealership: Dealership) -> None:
    advisor = Advisor(id="SB1", name="Another", site="rostock", department="Werkstatt")
    with pytest.raises(VersionMismatch):
        await dealership.do(lambda tx: dealership.book.put_advisor(tx, advisor, author=DESK, expected_version=0))


@pytest.mark.parametrize(
    ("field", "advisor"),
    [
        ("id", Advisor(id=" ", name="x", site="rostock", department="Werkstatt")),
        ("name", Advisor(id="a", name="", site="rostock", department="Werkstatt")),
        ("site", Advisor(id="a", name="x", site="nowhere", department="Werkstatt")),
        ("department", Advisor(id="a", name="x", site="guestrow", department="Karosserie")),
        (
            "weekly_hours.8",
            Advisor(id="a", name="x", site="rostock", department="Werkstatt", weekly_hours={8: ((time(8), time(9)),)}),
        ),
        (
            "weekly_hours.1",
            Advisor(
                id="a", name="x", site="rostock", department="Werkstatt",
                weekly_hours={1: ((time(8), time(12)), (time(11), time(17)))},
            ),
        ),
        (
            "absences.0.end",
            Advisor(
                id="a", name="x", site="rostock", department="Werkstatt",
                absences=(Period(start=MONDAY, end=MONDAY),),
            ),
        ),
    ],
)  # fmt: skip
async def test_a_wrong_field_of_an_advisor_is_named(dealership: Dealership, field: str, advisor: Advisor) -> None:
    with pytest.raises(Invalid) as refusal:
        await dealership.do(lambda tx: dealership.book.put_advisor(tx, advisor, author=DESK))
    assert [problem.field for problem in refusal.value.problems] == [field]


async def test_courtesy_cars_are_kept(dealership: Dealership) -> None:
    car = CourtesyCar(
        id="EW9", plate="NWM-BB 6551", make="NISSAN", model="Qashqai", vehicle_class="SUV",
        features=("Automatik", "Anhängerkupplung"), site="rostock",
        out_of_service=(Period(start=MONDAY, end=MONDAY + timedelta(hours=2), reason="TÜV"),),
    )  # fmt: skip
    await dealership.do(lambda tx: dealership.book.put_courtesy_car(tx, car, author=DESK))
    assert await dealership.see(lambda tx: resources.get_courtesy_car(tx, "EW9")) == car
    assert [each.id for each in await dealership.see(lambda tx: resources.courtesy_cars(tx, site="rostock"))] == [
        "EW1", "EW2", "EW9",
    ]  # fmt: skip
    for wrong in (replace(car, site="nowhere"), replace(car, features=("x",) * 51), replace(car, plate="x" * 300)):
        with pytest.raises(Invalid):
            await dealership.do(lambda tx, wrong=wrong: dealership.book.put_courtesy_car(tx, wrong, author=DESK))


async def test_closures_come_and_go(dealership: Dealership) -> None:
    asked = Closure(id="", site="rostock", department="Werkstatt", start=MONDAY, end=MONDAY + timedelta(hours=3))
    made = await dealership.do(lambda tx: dealership.book.put_closure(tx, asked, author=DESK))
    assert made.id
    longer = await dealership.do(
        lambda tx: dealership.book.put_closure(
            tx, replace(made, end=MONDAY + timedelta(days=1)), author=DESK, expected_version=1
        )
    )
    assert longer.version == 2
    span = (MONDAY + timedelta(hours=20), MONDAY + timedelta(hours=21))
    assert await dealership.see(lambda tx: resources.closures(tx, "rostock", *span)) == [longer]
    assert await dealership.see(lambda tx: resources.closures(tx, "rostock", *span, department="Karosserie")) == []
    assert await dealership.see(lambda tx: resources.all_closures(tx, site="guestrow")) == []
    with pytest.raises(VersionMismatch):
        await dealership.do(lambda tx: dealership.book.remove_closure(tx, made.id, author=DESK, expected_version=1))
    await dealership.do(lambda tx: dealership.book.remove_closure(tx, made.id, author=DESK, expected_version=2))
    with pytest.raises(NotFound):
        await dealership.see(lambda tx: resources.get_closure(tx, made.id))


@pytest.mark.parametrize(
    "wrong",
    [
        {"end": MONDAY},
        {"site": "nowhere"},
        {"department": "Lackiererei"},
        {"end": MONDAY + timedelta(days=5000)},
        {"start": datetime(2026, 1, 1)},  # noqa: DTZ001 - without a zone
    ],
)
async def test_a_closure_that_makes_no_sense_is_refused(dealership: Dealership, wrong: dict[str, Any]) -> None:
    asked = Closure(id="", site="rostock", department=None, start=MONDAY, end=MONDAY + timedelta(hours=3))
    with pytest.raises(Invalid):
        await dealership.do(lambda tx: dealership.book.put_closure(tx, replace(asked, **wrong), author=DESK))


async def test_what_a_dms_brings_is_kept_and_shown(dealership: Dealership) -> None:
    element = Element(kind=ElementKind.PART, code="N-12", title="Ölfilter", quantity=2, price_cents=2990)
    work = Intervention(title="Inspektion", labour_units=5, elements=(element,))
    person = await customer(dealership, lease_company="Athlon")
    car = await vehicle(
        dealership, engine_number="K9K 836", notes="Kratzer hinten", warranty_start=date(2026, 1, 2),
        warranty_end=date(2029, 1, 1),
    )  # fmt: skip
    asked = draft(
        customer_id=person.id, vehicle_id=car.id, interventions=(work,), dms_notes="Teile da", internal_order=True,
        dms_created_at=NOW,
    )  # fmt: skip
    made = await dealership.do(lambda tx: dealership.book.create(tx, asked, author=DESK))
    found = await dealership.see(lambda tx: appointments.get(tx, made.id))
    assert (found.interventions, found.dms_notes, found.internal_order) == ((work,), "Teile da", True)
    assert found.dms_created_at == NOW
    (entry,) = await dealership.see(lambda tx: history.of(tx, made.id))
    assert entry.changes["dms_notes"].new == "Teile da"
    assert (await dealership.see(lambda tx: vehicles.search(tx, "K9K 836")))[0] == car
    with pytest.raises(Invalid, match="before it begins"):
        await change(dealership, car, warranty_end=date(2025, 1, 1))


async def test_a_partners_ids_are_kept_by_company_and_not_for_the_erased(dealership: Dealership) -> None:
    person = await customer(dealership)
    other = await customer(dealership, last_name="Koch")

    def record(company: str, of: str) -> PartnerRecord:
        return PartnerRecord(connector="incadea", company=company, kind="customer", partner_id="4711", record_id=of)

    keep = dealership.book.keep_partner_record
    await dealership.do(lambda tx: keep(tx, record("NORD", person.id)))
    await dealership.do(lambda tx: keep(tx, record("SUED", other.id)))
    found = await dealership.see(lambda tx: partner_records.find(tx, "incadea", "NORD", "customer", "4711"))
    assert found is not None
    assert (found.record_id, found.seen_at) == (person.id, "2026-11-02T06:00:00Z")
    await dealership.do(lambda tx: dealership.book.erase_customer(tx, person.id, DESK))
    assert await dealership.see(lambda tx: partner_records.of(tx, "customer", [person.id])) == []
    with pytest.raises(Refused, match="was erased"):
        await dealership.do(lambda tx: keep(tx, record("NORD", other.id)))
    with pytest.raises(Invalid, match="no record"):
        await dealership.do(lambda tx: keep(tx, record("WEST", person.id)))
    await dealership.do(lambda tx: keep(tx, record("SUED", other.id)))
