"""Whether a partner's customer and vehicle are ones we know (spec: superservice.md). Pure; never a guess.

The order is VIN, then plate with name, then e-mail or mobile with name. The first rule that finds anything decides: one
record is the match, several are none, and they are listed. A vehicle is known by its VIN alone; a person only ever
together with the name, so that nobody's record becomes somebody else's. A vehicle whose VIN differs is another
vehicle, whatever plate it carries.

The caller brings the records that come into question: vehicles with the VIN or one of `plate_keys_for_search`,
customers who are owner, driver or contractor of those vehicles, and customers with one of the addresses.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from wtpd.planner.customer import Customer
from wtpd.planner.names import name_key
from wtpd.planner.phones import personal_keys
from wtpd.planner.plates import same_plate
from wtpd.planner.vehicle import Vehicle
from wtpd.planner.vin import is_vin, normalise_vin

Reason = Literal["vin", "plate_and_name", "contact_and_name", "unknown"]


@dataclass(frozen=True, slots=True)
class Match:
    """`record_id` matched by the rule `reason`. None with `candidates`: several would do; None without: it is new."""

    record_id: str | None
    candidates: tuple[str, ...] = ()
    reason: Reason = "unknown"


@dataclass(frozen=True, slots=True)
class Matches:
    customer: Match
    vehicle: Match


def match(
    customer: Customer,
    vehicle: Vehicle,
    *,
    vehicles: Sequence[Vehicle],
    customers: Sequence[Customer],
    addresses: Mapping[str, Collection[str]],
    home: str,
) -> Matches:
    """`customer` and `vehicle` as the partner gives them (their ids don't count) against our records. `addresses`: the
    keys of each of our customers' addresses, by customer id. `home`: two-letter code of the site's country, in which
    the partner's numbers are read."""
    name = name_key(customer.first_name, customer.last_name, customer.company)
    namesakes = {
        each.id: each
        for each in customers
        if name and not each.erased and name_key(each.first_name, each.last_name, each.company) == name
    }
    by_vin = _with_vin(vehicle, vehicles)
    by_plate = [each for each in _with_plate(vehicle, vehicles) if namesakes.keys() & _people(each)]
    return Matches(
        customer=_first(
            ("vin", _people_of(by_vin) & namesakes.keys()),
            ("plate_and_name", _people_of(by_plate) & namesakes.keys()),
            ("contact_and_name", _sharing_an_address(customer, home, namesakes, addresses)),
        ),
        vehicle=_first(
            ("vin", {each.id for each in by_vin}),
            ("plate_and_name", {each.id for each in by_plate}),
        ),
    )


def _first(*found: tuple[Reason, Iterable[str]]) -> Match:
    for reason, ids in found:
        candidates = tuple(sorted(ids))
        if len(candidates) == 1:
            return Match(candidates[0], candidates, reason)
        if candidates:
            return Match(None, candidates, reason)
    return Match(None)


def _with_vin(wanted: Vehicle, vehicles: Iterable[Vehicle]) -> list[Vehicle]:
    vin = normalise_vin(wanted.vin)
    return [each for each in vehicles if each.vin == vin] if is_vin(vin) else []


def _with_plate(wanted: Vehicle, vehicles: Iterable[Vehicle]) -> list[Vehicle]:
    """Same plate, and not another VIN."""
    vin = normalise_vin(wanted.vin)
    return [
        each
        for each in vehicles
        if same_plate(wanted.plate, each.plate) and (not vin or not each.vin or each.vin == vin)
    ]


def _people(vehicle: Vehicle) -> set[str]:
    return {person for person in (vehicle.owner, vehicle.driver, vehicle.contractor) if person}


def _people_of(vehicles: Iterable[Vehicle]) -> set[str]:
    return {person for vehicle in vehicles for person in _people(vehicle)}


def _sharing_an_address(
    wanted: Customer, home: str, namesakes: Iterable[str], addresses: Mapping[str, Collection[str]]
) -> set[str]:
    asked = set(personal_keys(wanted, home))
    return {each for each in namesakes if asked.intersection(addresses.get(each, ()))} if asked else set()
