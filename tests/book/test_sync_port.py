"""What a partner brings into the book: taken, flagged, matched and told to the others; never refused, never guessed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.bookkeeping import DESK, MONDAY, NOW, Dealership, draft
from wtpd.book.sync_port import SyncBook
from wtpd.clock import iso
from wtpd.errors import Invalid
from wtpd.planner.appointment import Appointment, Element, ElementKind, Status
from wtpd.planner.history import Author, Change
from wtpd.store import appointments, attention, contracts, customers, history, vehicles
from wtpd.store.database import Tx
from wtpd.sync.ports import FIELDS, Incoming, Ours

HERE, OTHER, CARLOOP = "superservice/rostock", "superservice/guestrow", "carloop/rostock"
HANS = {
    "customer.first_name": "Hans",
    "customer.last_name": "Müller",
    "customer.email": "hans@example.org",
    "customer.mobile": "0171 1234567",
}
CLIO = {"vehicle.plate": "GÜ-HM 719", "vehicle.vin": "VF15TCCXRXU995736", "vehicle.make": "Renault"}


def fields(**other: Any) -> dict[str, Any]:
    base = {"drop_off": iso(MONDAY), "collection": iso(MONDAY + timedelta(hours=4)), "status": "scheduled"}
    work = [{"code": "HU", "title": "HU", "description": "", "labour_units": 10, "price_cents": 14950}]
    return {**base, "interventions": work, **HANS, **CLIO, **other}


def item(given: Mapping[str, Any] | None = None, partner_id: str = "A-1", **other: Any) -> Incoming:
    values: dict[str, Any] = {"version": 1, "cancelled": False, "changed_by": "customer_app", "origin": "mynissan"}
    return Incoming(partner_id=partner_id, fields=fields() if given is None else given, **{**values, **other})


class Partner:
    """The sync side of the dealership."""

    def __init__(self, dealership: Dealership) -> None:
        self.dealership = dealership

    async def create(self, given: Mapping[str, Any] | None = None, channel: str = HERE, **other: Any) -> Ours:
        asked = item(given, **other)
        return await self._do(lambda book: book.create(channel, asked, actor="SUPERSERVICE"))

    async def update(
        self, ours: Ours, channel: str = HERE, links: Mapping[str, str] | None = None, **given: Any
    ) -> Ours:
        changes = {name.replace("__", "."): value for name, value in given.items()}
        return await self._do(
            lambda book: book.update(channel, ours.appointment_id, changes, actor="SUPERSERVICE", links=links or {})
        )

    async def cancel(self, ours: Ours, reason: str | None = "krank") -> Ours:
        return await self._do(lambda book: book.cancel(HERE, ours.appointment_id, actor="SUPERSERVICE", reason=reason))

    async def ours(self, channel: str, appointment_id: str) -> Ours | None:
        return await self._do(lambda book: book.ours(channel, appointment_id))

    async def appointment(self, ours: Ours) -> Appointment:
        return await self.dealership.see(lambda tx: appointments.get(tx, ours.appointment_id))

    async def listed(self) -> list[tuple[str, Mapping[str, Any]]]:
        entries = await self.dealership.see(lambda tx: attention.page(tx))
        return [(entry.kind, entry.data) for entry in reversed(entries)]

    async def marked(self) -> set[tuple[str, str]]:
        return await self.dealership.do(
            lambda tx: {tuple(row) for row in tx.all("DELETE FROM outbox RETURNING channel, appointment_id")}
        )

    async def _do(self, work: Any) -> Any:
        return await self.dealership.do(lambda tx: work(SyncBook(self.dealership.book, tx)))


@pytest.fixture
async def partner(dealership: Dealership) -> AsyncIterator[Partner]:
    def connect(tx: Tx) -> None:
        for channel in (HERE, OTHER, CARLOOP):
            connector, site = channel.split("/")
            tx.run(
                """INSERT INTO channel (id, connector, site, department, account, active)
                   VALUES (?, ?, ?, 'Werkstatt', ?, 1)""",
                (channel, connector, site, f"D-{site}"),
            )

    await dealership.do(connect)
    yield Partner(dealership)


async def test_a_booking_in_the_app_becomes_an_appointment(partner: Partner, dealership: Dealership) -> None:
    ours = await partner.create(fields(notes="Klappern", customer_waiting=True), links={"menus": "https://m.example/1"})
    made = await partner.appointment(ours)
    assert (made.site, made.department, made.origin, made.version) == ("rostock", "Werkstatt", "mynissan", 1)
    assert (made.drop_off, made.labour_units, made.notes, made.customer_waiting) == (MONDAY, 10, "Klappern", True)
    assert dict(made.references) == {"superservice": "A-1"}
    assert dict(made.links) == {"menus": "https://m.example/1"}
    customer = await dealership.see(lambda tx: customers.get(tx, made.customer_id or ""))
    vehicle = await dealership.see(lambda tx: vehicles.get(tx, made.vehicle_id or ""))
    assert (customer.name, customer.origin, vehicle.vin, vehicle.driver) == (
        "Hans Müller", "mynissan", "VF15TCCXRXU995736", customer.id,
    )  # fmt: skip
    (entry,) = await dealership.see(lambda tx: history.of(tx, made.id))
    assert (entry.actor, entry.channel, entry.action) == ("SUPERSERVICE", "sync:superservice", "created")
    assert await partner.listed() == []


async def test_both_sides_hold_the_same_afterwards(partner: Partner) -> None:
    given = fields(
        transport_option="courtesy_car", courtesy_car="EW1", advisor="SB1",
        **{"vehicle.first_registration": "2017-09-17", "vehicle.odometer_km": 1000, "customer.title": "Dr."},
    )  # fmt: skip
    ours = await partner.create(given)
    assert ours.fields == {**ours.fields, **given}
    assert set(ours.fields) == set(FIELDS)
    assert (ours.present, ours.account, ours.cancelled, ours.owned) == (True, "D-rostock", False, frozenset())
    assert await partner.ours(HERE, ours.appointment_id) == ours


async def test_it_isnt_sent_back_to_where_it_came_from(partner: Partner) -> None:
    ours = await partner.create()
    assert await partner.marked() == {(CARLOOP, ours.appointment_id)}
    ours = await partner.update(ours, notes="neu", customer__mobile="0172 7654321")
    assert await partner.marked() == {(CARLOOP, ours.appointment_id)}
    await partner.cancel(ours)
    assert await partner.marked() == {(CARLOOP, ours.appointment_id)}


async def test_the_same_person_and_car_are_found_again(partner: Partner, dealership: Dealership) -> None:
    first = await partner.create()
    second = await partner.create(partner_id="A-2")
    third = await partner.create(
        fields(
            **{"customer.first_name": "HANS", "vehicle.vin": "", "vehicle.plate": "gü hm719", "customer.mobile": ""}
        ),
        partner_id="A-3",
    )
    made = [await partner.appointment(ours) for ours in (first, second, third)]
    assert len({each.customer_id for each in made}) == 1
    assert len({each.vehicle_id for each in made}) == 1
    assert third.fields["customer.mobile"] == "0171 1234567", "a blank takes nothing away from what we know"


async def test_at_first_sight_the_partners_value_stands(partner: Partner, dealership: Dealership) -> None:
    await partner.create()
    ours = await partner.create(fields(**{"customer.mobile": "0172 999999", "vehicle.model": "Clio"}), partner_id="A-2")
    assert ours.fields["customer.mobile"] == "0172 999999"
    assert ours.fields["vehicle.model"] == "Clio"


async def test_a_lower_odometer_reading_at_first_sight_isnt_taken(partner: Partner) -> None:
    await partner.create(fields(**{"vehicle.odometer_km": 50_000}))
    lower = await partner.create(fields(**{"vehicle.odometer_km": 40_000}), partner_id="A-2")
    assert lower.fields["vehicle.odometer_km"] == 50_000
    higher = await partner.create(fields(**{"vehicle.odometer_km": 60_000}), partner_id="A-3")
    assert higher.fields["vehicle.odometer_km"] == 60_000
    corrected = await partner.update(higher, vehicle__odometer_km=55_000)
    assert corrected.fields["vehicle.odometer_km"] == 55_000


async def test_whoever_brings_a_car_that_has_nobody_is_known_by_it_next_time(
    partner: Partner, dealership: Dealership
) -> None:
    await dealership.do(lambda tx: dealership.book.create_vehicle(tx, {"vin": "VF15TCCXRXU995736"}, author=DESK))
    nameless = {name: value for name, value in fields().items() if name not in ("customer.email", "customer.mobile")}
    first, second = await partner.create(nameless), await partner.create(nameless, partner_id="A-2")
    assert (await partner.appointment(first)).customer_id == (await partner.appointment(second)).customer_id


async def test_at_a_dutch_site_a_number_without_country_code_is_dutch(partner: Partner, dealership: Dealership) -> None:
    book = dealership.book
    book.plans = {key: replace(plan, country="NL") for key, plan in book.plans.items()}
    await dealership.do(book.keep_countries)
    known = await dealership.do(lambda tx: book.create_customer(
        tx, {"first_name": "Piet", "last_name": "Zandkasteel", "mobile": "06 42345678 (werk)"}, author=DESK
    ))  # fmt: skip
    piet = {"customer.first_name": "Piet", "customer.last_name": "Zandkasteel", "customer.email": ""}
    for number, mobile in enumerate(("+31642345678", "06-42 34 56 78", "0031 (0)6 42345678")):
        ours = await partner.create(fields(**piet, **{"customer.mobile": mobile}), partner_id=f"P-{number}")
        assert (await partner.appointment(ours)).customer_id == known.id


async def test_a_locked_customer_keeps_what_the_dms_says(partner: Partner, dealership: Dealership) -> None:
    values = {"first_name": "Hans", "last_name": "Müller", "email": "hans@example.org", "locked_by": "carsys"}
    carsys = Author(actor="carsys", interface="dms:carsys")
    await dealership.do(lambda tx: dealership.book.create_customer(tx, values, author=carsys))
    ours = await partner.create()
    assert ours.fields["customer.mobile"] == ""
    assert ours.owned == {name for name in FIELDS if name.startswith("customer.")}
    assert await partner.listed() == [("locked_customer", {"fields": ["mobile"]})]
    ours = await partner.update(ours, customer__city="Rostock", notes="x")
    assert (ours.fields["customer.city"], ours.fields["notes"]) == ("", "x")


async def test_with_more_than_one_that_it_could_be_a_new_record_is_made(
    partner: Partner, dealership: Dealership
) -> None:
    def twins(tx: Tx) -> list[str]:
        values = {"first_name": "Hans", "last_name": "Müller", "email": "hans@example.org"}
        return [dealership.book.create_customer(tx, values, author=DESK).id for _ in range(2)]

    known = await dealership.do(twins)
    made = await partner.appointment(await partner.create())
    assert made.customer_id not in known
    data = {"what": "customer", "created": made.customer_id, "candidates": sorted(known)}
    assert await partner.listed() == [("unmatched", data)]


async def test_over_the_limit_it_is_taken_flagged_and_listed(partner: Partner, dealership: Dealership) -> None:
    await dealership.do(lambda tx: dealership.book.create(tx, draft(units=75), author=DESK))
    ours = await partner.create()
    assert (await partner.appointment(ours)).over_limit
    figures = {"day": "2026-11-09", "limit": 80, "booked": 75, "asked": 10}
    assert await partner.listed() == [("over_limit", figures)]
    await partner.update(ours, notes="x")
    assert len(await partner.listed()) == 1


async def test_the_car_is_reserved_and_the_contract_has_the_customer(partner: Partner, dealership: Dealership) -> None:
    ours = await partner.create(fields(transport_option="courtesy_car", courtesy_car="EW1"))
    contract = await dealership.see(lambda tx: contracts.find(tx, ours.appointment_id))
    assert contract is not None
    assert contract.customer is not None
    assert (contract.courtesy_car, contract.customer.last_name) == ("EW1", "Müller")


@pytest.mark.parametrize(("car", "reason"), [("EW1", "taken"), ("EW3", "unknown"), ("EW99", "unknown")])
async def test_a_car_that_cant_be_had_is_left_open_and_listed(
    partner: Partner, dealership: Dealership, car: str, reason: str
) -> None:
    await dealership.do(lambda tx: dealership.book.create(tx, draft(courtesy_car="EW1", units=1), author=DESK))
    ours = await partner.create(fields(transport_option="courtesy_car", courtesy_car=car))
    assert (ours.fields["courtesy_car"], ours.fields["transport_option"]) == (None, "courtesy_car")
    assert await partner.listed() == [("car_open", {"courtesy_car": car, "reason": reason})]


async def test_a_move_into_the_lending_of_another_leaves_the_car_open(partner: Partner, dealership: Dealership) -> None:
    ours = await partner.create(fields(transport_option="courtesy_car", courtesy_car="EW1"))
    later = draft(MONDAY + timedelta(days=1), courtesy_car="EW1", units=1)
    await dealership.do(lambda tx: dealership.book.create(tx, later, author=DESK))
    moved = await partner.update(
        ours, drop_off=iso(MONDAY + timedelta(days=1)), collection=iso(MONDAY + timedelta(days=1, hours=2))
    )
    assert moved.fields["courtesy_car"] is None
    assert moved.fields["drop_off"] == "2026-11-10T07:00:00Z"
    assert [kind for kind, _ in await partner.listed()] == ["car_open"]


async def test_each_change_is_one_entry_with_customer_and_vehicle(partner: Partner, dealership: Dealership) -> None:
    ours = await partner.create()
    changed = await partner.update(ours, notes="neu", customer__mobile="0172 7", vehicle__odometer_km=5000)
    assert changed.version == 2
    _, entry = await dealership.see(lambda tx: history.of(tx, ours.appointment_id))
    assert entry.changes == {
        "notes": Change("", "neu"),
        "customer.mobile": Change("0171 1234567", "0172 7"),
        "vehicle.odometer_km": Change(None, 5000),
    }
    assert (entry.actor, entry.channel, entry.version) == ("SUPERSERVICE", "sync:superservice", 2)
    made = await partner.appointment(ours)
    vehicle = await dealership.see(lambda tx: vehicles.get(tx, made.vehicle_id or ""))
    assert (vehicle.odometer_date, vehicle.odometer_source) == (NOW.date(), "superservice")


async def test_what_changes_nothing_leaves_nothing(partner: Partner, dealership: Dealership) -> None:
    ours = await partner.create()
    await partner.marked()
    dealership.events.clear()
    same = await partner.update(ours, notes="", customer__mobile="0171 1234567", drop_off=iso(MONDAY))
    assert same == ours
    assert await partner.marked() == set()
    assert dealership.events == []
    assert len(await dealership.see(lambda tx: history.of(tx, ours.appointment_id))) == 1


async def test_new_links_are_no_change(partner: Partner, dealership: Dealership) -> None:
    ours = await partner.create()
    same = await partner.update(ours, links={"menus": "https://m.example/2"})
    assert same.version == 1
    assert dict((await partner.appointment(ours)).links) == {"menus": "https://m.example/2"}


async def test_another_visit_of_that_customer_is_told_everywhere(partner: Partner) -> None:
    first, second = await partner.create(), await partner.create(partner_id="A-2")
    await partner.marked()
    await partner.update(first, customer__mobile="0172 7")
    assert await partner.marked() == {
        (CARLOOP, first.appointment_id), (HERE, second.appointment_id), (CARLOOP, second.appointment_id),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"customer.first_name": "Hans-Peter"}, False),
        ({"customer.last_name": "Mueller"}, True),
        ({"customer.last_name": "Schulz", "customer.first_name": "Eva"}, False),
        ({"customer.company": "Müller GmbH"}, True),
        ({"customer.title": "Dr.", "customer.city": "Bonn"}, True),
    ],
)
async def test_another_person_gets_a_record_of_its_own(
    partner: Partner, dealership: Dealership, change: dict[str, str], same: bool
) -> None:
    ours = await partner.create()
    before = await partner.appointment(ours)
    after = await partner.appointment(await partner.update(ours, **change))
    assert (after.customer_id == before.customer_id) is same
    if not same:
        first = await dealership.see(lambda tx: customers.get(tx, before.customer_id or ""))
        assert (first.first_name, first.last_name) == ("Hans", "Müller"), "nobody's record becomes another's"
    entry = (await dealership.see(lambda tx: history.of(tx, ours.appointment_id)))[-1]
    assert set(change) <= set(entry.changes)
    assert ("customer_id" in entry.changes) is not same


async def test_another_person_we_know_is_matched(partner: Partner, dealership: Dealership) -> None:
    eva = await dealership.do(
        lambda tx: dealership.book.create_customer(
            tx, {"first_name": "Eva", "last_name": "Schulz", "email": "eva@example.org"}, author=DESK
        )
    )
    ours = await partner.create()
    changed = await partner.update(
        ours, customer__first_name="Eva", customer__last_name="Schulz", customer__email="eva@example.org"
    )
    assert (await partner.appointment(changed)).customer_id == eva.id


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"vehicle.plate": "HRO-NEU 1"}, True),
        ({"vehicle.vin": "VF15TCCXRXU995737"}, False),
        ({"vehicle.vin": "", "vehicle.plate": "HRO-NEU 1"}, False),
        ({"vehicle.model": "Clio"}, True),
        ({"vehicle.vin": "no VIN at all"}, True),
    ],
)
async def test_another_car_gets_a_record_of_its_own(partner: Partner, change: dict[str, str], same: bool) -> None:
    ours = await partner.create()
    before = await partner.appointment(ours)
    after = await partner.appointment(await partner.update(ours, **change))
    assert (after.vehicle_id == before.vehicle_id) is same


async def test_a_vin_that_is_none_isnt_taken(partner: Partner) -> None:
    ours = await partner.create(fields(**{"vehicle.vin": "UNBEKANNT"}))
    assert ours.fields["vehicle.vin"] == ""
    assert ours.fields["vehicle.plate"] == "GÜ-HM 719"


async def test_a_booking_without_customer_and_car_is_taken(partner: Partner) -> None:
    given = {name: value for name, value in fields().items() if "." not in name}
    made = await partner.appointment(ours := await partner.create(given))
    assert (made.customer_id, made.vehicle_id) == (None, None)
    ours = await partner.update(ours, **HANS)
    assert (await partner.appointment(ours)).customer_id is not None


async def test_an_unknown_advisor_or_option_is_kept_as_text(partner: Partner) -> None:
    ours = await partner.create(fields(advisor="GONE", transport_option="hoverboard"))
    assert (ours.fields["advisor"], ours.fields["transport_option"]) == ("GONE", "hoverboard")


async def test_what_the_partner_cancels_is_cancelled_with_his_reason(partner: Partner, dealership: Dealership) -> None:
    ours = await partner.cancel(await partner.create())
    assert (ours.cancelled, ours.present, ours.reason, ours.version) == (True, False, "krank", 2)
    assert await partner.cancel(ours, "again") == ours
    assert await partner.update(ours, notes="late") == ours
    assert len(await dealership.see(lambda tx: history.of(tx, ours.appointment_id))) == 2


async def test_even_a_completed_visit_can_be_cancelled_there(partner: Partner, dealership: Dealership) -> None:
    ours = await partner.create()
    await partner.update(ours, status="completed")
    assert (await partner.appointment(await partner.cancel(ours))).status is Status.CANCELLED


async def test_another_site_or_department_is_out_of_scope(partner: Partner, dealership: Dealership) -> None:
    made = await dealership.do(lambda tx: dealership.book.create(tx, draft(department="Karosserie"), author=DESK))
    ours = await partner.ours(HERE, made.id)
    assert ours is not None
    assert (ours.in_scope, ours.present, ours.account) == (False, False, "D-rostock")
    assert await partner.ours(HERE, "unknown") is None
    await dealership.do(lambda tx: tx.run("UPDATE channel SET active = 0"))
    made = await dealership.do(lambda tx: dealership.book.create(tx, draft(), author=DESK))
    assert (await partner.ours(HERE, made.id)).in_scope is False  # type: ignore[union-attr] # it is there


async def test_our_appointment_gets_the_partners_number_without_an_entry(
    partner: Partner, dealership: Dealership
) -> None:
    made = await dealership.do(lambda tx: dealership.book.create(tx, draft(), author=DESK))
    for number in ("A-8", "A-9", "A-9"):
        await partner._do(lambda book, n=number: book.attach(HERE, made.id, n, {"menus": f"https://m.example/{n}"}))
    after = await dealership.see(lambda tx: appointments.get(tx, made.id))
    assert dict(after.references) == {"superservice": "A-9"}
    assert dict(after.links) == {"menus": "https://m.example/A-9"}
    assert after.version == 1
    assert len(await dealership.see(lambda tx: history.of(tx, made.id))) == 1


IMPOSSIBLE: list[dict[str, Any]] = [
    {"collection": iso(MONDAY)},
    {"collection": iso(MONDAY - timedelta(days=1))},
    {"drop_off": "0001-01-01T00:00:00Z"},
    {"drop_off": "9999-12-31T23:59:59Z"},
    {"drop_off": None},
    {"drop_off": "tomorrow"},
    {"drop_off": "2026-11-09T07:00:00"},
    {"drop_off": 17},
    {"status": "cancelled"},
    {"status": "gone"},
    {"interventions": "HU"},
    {"interventions": [{"title": 7}]},
    {"interventions": [{"title": "x", "labour_units": -1}]},
    {"interventions": [{"title": "x", "labour_units": 1e300}]},
    {"notes": "x" * 100_000},
    {"notes": "\ud800"},
    {"customer.last_name": "x\x00y"},
    {"customer.last_name": ["Müller"]},
    {"vehicle.odometer_km": -5},
    {"vehicle.odometer_km": "viel"},
    {"vehicle.first_registration": "17.09.2017"},
    {"vehicle.plate": "x" * 50},
    {"nonsense": 1},
    {"customer_id": "c1"},
]


@pytest.mark.parametrize("wrong", IMPOSSIBLE, ids=str)
async def test_what_cant_be_an_appointment_is_invalid_and_leaves_nothing(
    partner: Partner, dealership: Dealership, wrong: dict[str, Any]
) -> None:
    with pytest.raises(Invalid):
        await partner.create(fields(**wrong))
    assert await dealership.see(lambda tx: tx.one("SELECT count(*) FROM customer")[0]) == 0
    ours = await partner.create()
    with pytest.raises(Invalid):
        await partner.update(ours, **wrong)
    assert await partner.ours(HERE, ours.appointment_id) == ours


@pytest.mark.parametrize("missing", ["drop_off", "collection"])
async def test_without_a_time_it_is_no_appointment(partner: Partner, missing: str) -> None:
    given = fields()
    del given[missing]
    with pytest.raises(Invalid):
        await partner.create(given)


async def test_elements_of_the_dms_stay_here_and_through_a_partners_change(
    partner: Partner, dealership: Dealership
) -> None:
    ours = await partner.create()
    oil = Element(kind=ElementKind.PART, title="Öl", quantity=4.5)

    def from_dms(tx: Tx) -> None:
        work = appointments.get(tx, ours.appointment_id).interventions
        changes = {"interventions": (replace(work[0], elements=(oil,)),)}
        dealership.book.change(tx, ours.appointment_id, changes, author=DESK, expected_version=None)

    await dealership.do(from_dms)
    hu = {"code": "HU", "title": "HU", "description": "neu", "labour_units": 12, "price_cents": 14950}
    changed = await partner.update(ours, interventions=[hu, {**hu, "title": "AU"}])
    assert all("elements" not in work for work in changed.fields["interventions"])
    first, second = (await partner.appointment(ours)).interventions
    assert (first.elements, first.labour_units, second.elements) == ((oil,), 12, ())
