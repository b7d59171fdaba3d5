"""A vehicle is filled with what DAT says: blanks only, through the book, and nothing is overwritten."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.support.bookkeeping import DESK, Dealership
from wtpd.book.identification import Difference, Filled, facts, fill, kept
from wtpd.errors import NotFound, Refused, VersionMismatch
from wtpd.planner.vehicle import Vehicle
from wtpd.store import vehicles
from wtpd.vehicle_data.records import Candidate

VIN = "WVWDEXTESTSTUB001"
PASSAT = Candidate(
    make="Volkswagen",
    model="Passat Variant",
    code="019051150020002 DE001",
    extras=3,
    reference={"datecode": "019051150020002", "container": "DE001"},
)


async def vehicle(dealership: Dealership, **values: Any) -> Vehicle:
    return await dealership.do(
        lambda tx: dealership.book.create_vehicle(tx, {"vin": VIN, "plate": "HRO-AB 1", **values}, author=DESK)
    )


async def filled(dealership: Dealership, one: Vehicle, vin: str = VIN, **more: Any) -> Filled:
    return await dealership.do(
        lambda tx: fill(dealership.book, tx, one.id, vin, PASSAT, source="dat", actor="anna", **more)
    )


async def test_blanks_are_filled_and_the_vehicle_gets_a_new_version(dealership: Dealership) -> None:
    one = await vehicle(dealership)
    dealership.events.clear()
    done = await filled(dealership, one)
    assert done.filled == {"make": "Volkswagen", "model": "Passat Variant"}
    assert done.differing == {}
    assert (done.vehicle.make, done.vehicle.model, done.vehicle.version) == ("Volkswagen", "Passat Variant", 2)
    assert await dealership.see(lambda tx: vehicles.get(tx, one.id)) == done.vehicle
    assert [(event.kind, event.data["version"]) for event in dealership.events] == [("vehicle.changed", 2)]


async def test_what_is_there_stays_and_the_difference_is_told(dealership: Dealership) -> None:
    one = await vehicle(dealership, make="VW")
    done = await filled(dealership, one)
    assert done.filled == {"model": "Passat Variant"}
    assert done.differing == {"make": Difference("VW", "Volkswagen")}
    assert done.vehicle.make == "VW"


async def test_another_way_of_writing_is_no_difference(dealership: Dealership) -> None:
    one = await vehicle(dealership, make="VOLKSWAGEN", model="passat  variant")
    done = await filled(dealership, one)
    assert (done.filled, done.differing, done.vehicle.version) == ({}, {}, 1)


async def test_a_vehicle_without_a_vin_gets_it(dealership: Dealership) -> None:
    one = await vehicle(dealership, vin="")
    done = await filled(dealership, one)
    assert done.filled["vin"] == done.vehicle.vin == VIN


async def test_a_vehicle_with_another_vin_is_left_alone(dealership: Dealership) -> None:
    one = await vehicle(dealership)
    with pytest.raises(Refused) as caught:
        await filled(dealership, one, "WVWDEXTESTSTUB002")
    assert caught.value.kind == "other-vin"
    assert await dealership.see(lambda tx: kept(tx, one.id)) is None


async def test_somebody_who_was_faster_isnt_overwritten(dealership: Dealership) -> None:
    one = await vehicle(dealership)
    with pytest.raises(VersionMismatch):
        await filled(dealership, one, expected_version=7)


async def test_what_it_is_at_the_source_is_kept_as_long_as_the_vin_stays(dealership: Dealership) -> None:
    one = await vehicle(dealership)
    await filled(dealership, one)
    chosen = await dealership.see(lambda tx: kept(tx, one.id))
    assert chosen is not None
    assert (chosen.source, chosen.code, chosen.extras, chosen.actor) == ("dat", PASSAT.code, 3, "anna")
    assert chosen.reference == PASSAT.reference
    assert await dealership.see(lambda tx: kept(tx, one.id, "rdw")) is None
    other = {"vin": "WVWDEXTESTSTUB002"}
    await dealership.do(
        lambda tx: dealership.book.change_vehicle(tx, one.id, other, author=DESK, expected_version=None)
    )
    assert await dealership.see(lambda tx: kept(tx, one.id)) is None


async def test_a_vehicle_nobody_knows(dealership: Dealership) -> None:
    with pytest.raises(NotFound):
        await dealership.see(lambda tx: kept(tx, "nobody"))


def test_every_field_of_the_book_that_is_told_is_a_fact() -> None:
    told = Candidate(
        make="VOLVO", fuel="Benzine", first_registration=date(2021, 5, 17), inspection_due=date(2027, 5, 17)
    )
    assert facts(told) == {
        "make": "VOLVO", "fuel": "Benzine", "first_registration": date(2021, 5, 17),
        "inspection_due": date(2027, 5, 17),
    }  # fmt: skip


def test_a_candidate_that_tells_nothing_fills_nothing() -> None:
    assert facts(Candidate()) == {}
