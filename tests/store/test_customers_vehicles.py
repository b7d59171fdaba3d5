"""Customers and vehicles come back as they were kept, and are found by number, name, address, plate and VIN."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import date

import pytest

from tests.support.bookkeeping import Dealership
from wtpd.errors import NotFound
from wtpd.planner.customer import Customer, Permission
from wtpd.planner.vehicle import Vehicle
from wtpd.store import customers, vehicles

LYDIA = Customer(
    id="c1",
    number="10002",
    salutation="Frau",
    title="Dr.",
    first_name="Lydia",
    last_name="Säuberlich",
    street="Cilli-Sauer-Straße",
    house_number="57",
    postcode="30824",
    city="Dinkelsbühl",
    country="DE",
    email="Lydia.Säuberlich@example.org",
    mobile="+49 160 20361589",
    origin="dms:carsys",
    locked_by="carsys",
    permissions={"email": Permission(allowed=True, since=date(2026, 1, 2), source="Formular")},
    version=4,
)
CLIO = Vehicle(
    id="v1",
    plate="LRO-RR 6198",
    vin="VF15TCCXRXU995736",
    make="Renault",
    model="Clio",
    fuel="Hybrid",
    first_registration=date(2017, 9, 17),
    inspection_due=date(2028, 10, 31),
    odometer_km=239526,
    odometer_date=date(2026, 11, 1),
    odometer_source="import",
    owner="c1",
    version=2,
)


@pytest.fixture
async def stocked(dealership: Dealership) -> Dealership:
    await dealership.do(lambda tx: customers.insert(tx, LYDIA))
    await dealership.do(lambda tx: vehicles.insert(tx, CLIO))
    return dealership


async def test_every_field_comes_back(stocked: Dealership) -> None:
    assert await stocked.see(lambda tx: customers.get(tx, "c1")) == LYDIA
    assert await stocked.see(lambda tx: vehicles.get(tx, "v1")) == CLIO


async def test_a_customer_is_found_by_number_name_and_address(stocked: Dealership) -> None:
    assert await stocked.see(lambda tx: customers.by_number(tx, "10002")) == LYDIA
    assert await stocked.see(lambda tx: customers.by_name(tx, "LYDIA", "Saeuberlich", "")) == [LYDIA]
    assert await stocked.see(lambda tx: customers.by_name(tx, "", "", "")) == []
    assert await stocked.see(lambda tx: customers.by_contacts(tx, ["+4916020361589"])) == [LYDIA]
    assert await stocked.see(lambda tx: customers.by_contacts(tx, ["lydia.säuberlich@example.org"])) == [LYDIA]


async def test_an_old_address_finds_nobody_any_more(stocked: Dealership) -> None:
    await stocked.do(lambda tx: customers.update(tx, replace(LYDIA, mobile="", email="new@example.org")))
    assert await stocked.see(lambda tx: customers.by_contacts(tx, ["+4916020361589"])) == []
    assert len(await stocked.see(lambda tx: customers.by_contacts(tx, ["new@example.org"]))) == 1


async def test_a_customer_number_is_given_once(stocked: Dealership) -> None:
    with pytest.raises(sqlite3.IntegrityError, match=r"customer\.number"):
        await stocked.do(lambda tx: customers.insert(tx, replace(LYDIA, id="c2")))


@pytest.mark.parametrize("plate", ["LRO-RR 6198", "lro-rr6198", "LRO RR 6198"])
async def test_a_vehicle_is_found_by_its_plate_however_written(stocked: Dealership, plate: str) -> None:
    assert await stocked.see(lambda tx: vehicles.by_plate(tx, plate)) == [CLIO]


async def test_the_separator_of_a_german_plate_tells_two_cars_apart(stocked: Dealership) -> None:
    for number, plate in enumerate(("B-MW 1", "BM-W 1")):
        await stocked.do(lambda tx, n=number, p=plate: vehicles.insert(tx, Vehicle(id=f"n{n}", plate=p)))
    assert [each.plate for each in await stocked.see(lambda tx: vehicles.by_plate(tx, "b-mw1"))] == ["B-MW 1"]
    assert len(await stocked.see(lambda tx: vehicles.by_plate(tx, "bmw1"))) == 2


async def test_a_vehicle_is_found_by_vin_and_by_its_people(stocked: Dealership) -> None:
    assert await stocked.see(lambda tx: vehicles.by_vin(tx, "vf15tccxrxu995736")) == [CLIO]
    assert await stocked.see(lambda tx: vehicles.by_vin(tx, "")) == []
    assert await stocked.see(lambda tx: vehicles.by_plate(tx, "")) == []
    assert await stocked.see(lambda tx: vehicles.of_customer(tx, "c1")) == [CLIO]


async def test_pages_follow_the_ids(stocked: Dealership) -> None:
    for number in range(2, 6):
        await stocked.do(lambda tx, n=number: customers.insert(tx, Customer(id=f"c{n}", last_name="X")))
    first, following = await stocked.see(lambda tx: customers.page(tx, limit=3))
    assert following == first[-1].id
    rest, _ = await stocked.see(lambda tx: customers.page(tx, after=first[-1].id, limit=3))
    assert [each.id for each in first + rest] == ["c1", "c2", "c3", "c4", "c5"]
    assert [each.id for each in (await stocked.see(vehicles.page))[0]] == ["v1"]


async def test_unknown_ones_are_not_found(stocked: Dealership) -> None:
    for get in (customers.get, vehicles.get):
        with pytest.raises(NotFound):
            await stocked.see(lambda tx, get=get: get(tx, "nope"))
