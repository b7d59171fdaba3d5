"""A partner's customer and vehicle in our book: found, made, or brought up to date (spec: superservice.md, matching).

Nobody's record becomes somebody else's: where the name or the VIN says that it is another one, it is looked for anew.
With more than one that it could be, a new record is made, and the pair is listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from wtpd.book import customers as customer_rules
from wtpd.book import vehicles as vehicle_rules
from wtpd.book.recording import new_id
from wtpd.planner.customer import Customer
from wtpd.planner.matching import Match, Matches, match
from wtpd.planner.names import name_key
from wtpd.planner.phones import personal_keys
from wtpd.planner.plates import same_plate
from wtpd.planner.vehicle import Vehicle
from wtpd.planner.vin import is_vin, normalise_vin
from wtpd.store import countries, customers, vehicles
from wtpd.store.database import Tx

_ROLES = ("driver", "owner", "contractor")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a partner's data come from. `told`: the channel that knows them already, by appointment; `site`: the one
    in whose country its numbers are read."""

    connector: str
    origin: str
    told: Mapping[str, str]
    site: str


@dataclass(frozen=True, slots=True)
class Found:
    """The records to refer to now. `unmatched`: what was made anew though others could be it, as (what, our new
    record, candidates). `kept`: fields of a locked customer that the partner has otherwise. `are_new`: neither record
    was in the book before."""

    customer: Customer | None
    vehicle: Vehicle | None
    unmatched: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    kept: tuple[str, ...] = ()
    are_new: bool = False


def resolve(
    tx: Tx,
    customer: Customer | None,
    vehicle: Vehicle | None,
    asked_customer: Mapping[str, Any],
    asked_vehicle: Mapping[str, Any],
    source: Origin,
) -> Found:
    """The records for an appointment that refers to `customer` and `vehicle` (None: to nobody yet), after the partner
    gave these values. Raises `Invalid` for values that no record can hold."""
    person = replace(customer or Customer(id=""), **asked_customer)
    car = _held(replace(vehicle or Vehicle(id=""), **asked_vehicle), vehicle)
    customer_rules.check(person, strict=False)
    vehicle_rules.check(car)
    keep_person = customer is not None and same_person(customer, person)
    keep_car = vehicle is not None and same_car(vehicle, car)
    found = _matches(tx, person, car, source.site) if not (keep_person and keep_car) else _NOTHING
    unmatched: list[tuple[str, str, tuple[str, ...]]] = []
    kept: tuple[str, ...] = ()
    if keep_person and customer is not None:
        customer = _updated_customer(tx, customer, person, source)
    elif _is_somebody(person):
        customer, kept = _customer(tx, found.customer, person, source, unmatched)
    else:
        customer = None
    if keep_car and vehicle is not None:
        vehicle = _updated_car(tx, vehicle, car, asked_vehicle, source)
    elif _is_something(car):
        vehicle = _car(tx, found.vehicle, car, asked_vehicle, customer, source, unmatched)
    else:
        vehicle = None
    are_new = not (keep_person or keep_car or found.customer.record_id or found.vehicle.record_id)
    return Found(customer, vehicle, tuple(unmatched), kept, are_new)


def same_person(known: Customer, wanted: Customer) -> bool:
    """Whether a change of name still means the same: the same name, a part of it added, a company added."""
    if not _is_named(known) or not _is_named(wanted):
        return True
    if name_key(known.first_name, known.last_name) and _person_key(known) == _person_key(wanted):
        return True
    if known.company and name_key("", "", known.company) == name_key("", "", wanted.company):
        return True
    same_surname = name_key("", known.last_name) == name_key("", wanted.last_name) != ""
    return same_surname and not (known.first_name and wanted.first_name)


def same_car(known: Vehicle, wanted: Vehicle) -> bool:
    """By VIN where both have one, else by plate; what is added to a blank is the same car."""
    if known.vin and wanted.vin:
        return known.vin == wanted.vin
    return not (known.plate and wanted.plate) or same_plate(known.plate, wanted.plate)


def _person_key(customer: Customer) -> str:
    return name_key(customer.first_name, customer.last_name)


def _is_named(customer: Customer) -> bool:
    return bool(customer.company or customer.first_name or customer.last_name)


def _is_somebody(customer: Customer) -> bool:
    addresses = (customer.email, customer.business_email, customer.mobile, customer.business_mobile)
    return _is_named(customer) or any((*addresses, customer.phone, customer.business_phone))


def _is_something(car: Vehicle) -> bool:
    return bool(car.plate or car.vin or car.make or car.model)


def _held(car: Vehicle, known: Vehicle | None) -> Vehicle:
    """A VIN that is none can't be held; the visit is worth more than its form, so ours stays."""
    vin = normalise_vin(car.vin)
    return replace(car, vin=vin if is_vin(vin) or not vin else (known.vin if known else ""))


_NOTHING = Matches(customer=Match(None), vehicle=Match(None))


def _matches(tx: Tx, person: Customer, car: Vehicle, site: str) -> Matches:
    home = countries.home(tx, site)
    cars = [*vehicles.by_vin(tx, car.vin), *vehicles.by_plate(tx, car.plate)]
    people = {getattr(each, role) for each in cars for role in _ROLES} - {None}
    drivers = customers.many(tx, sorted(people)).values() if people else ()
    near = {each.id: each for each in (*drivers, *customers.by_contacts(tx, personal_keys(person, home)))}
    return match(
        person,
        car,
        vehicles=list({each.id: each for each in cars}.values()),
        customers=list(near.values()),
        addresses=customers.contacts_of(tx, list(near)),
        home=home,
    )


def _customer(
    tx: Tx, found: Match, person: Customer, source: Origin, unmatched: list[tuple[str, str, tuple[str, ...]]]
) -> tuple[Customer, tuple[str, ...]]:
    """At first sight the partner's values stand where it has any; a blank takes nothing away."""
    known = customers.find(tx, found.record_id) if found.record_id else None
    if known is not None:
        differing = {
            name: getattr(person, name)
            for name in _CONTENT
            if getattr(person, name) and getattr(person, name) != getattr(known, name)
        }
        if known.locked_by is not None:
            return known, tuple(differing)
        return customer_rules.put(tx, known, replace(known, **differing), told=source.told), ()
    new = replace(
        person, id=new_id(), number=None, origin=source.origin, locked_by=None, permissions={}, erased=False, version=1
    )
    if found.candidates:
        unmatched.append(("customer", new.id, found.candidates))
    return customer_rules.add(tx, new, site=source.site), ()


_CONTENT = tuple(name for name in customer_rules.TEXTS if name not in {"number", "origin", "locked_by"})


def _updated_customer(tx: Tx, known: Customer, person: Customer, source: Origin) -> Customer:
    if known.locked_by is not None:
        return known
    return customer_rules.put(tx, known, person, told=source.told)


def _car(
    tx: Tx,
    found: Match,
    car: Vehicle,
    asked: Mapping[str, Any],
    customer: Customer | None,
    source: Origin,
    unmatched: list[tuple[str, str, tuple[str, ...]]],
) -> Vehicle:
    """As `_customer`. Whoever brings a car that has nobody is its driver, so that it is known next time."""
    driver = customer.id if customer else None
    known = vehicles.find(tx, found.record_id) if found.record_id else None
    if known is None:
        new = replace(car, id=new_id(), driver=driver, owner=None, contractor=None, version=1)
        if found.candidates:
            unmatched.append(("vehicle", new.id, found.candidates))
        return vehicle_rules.add(tx, vehicle_rules.with_reading(tx, None, new, asked, source.connector))
    differing: dict[str, Any] = {
        name: getattr(car, name) for name in asked if getattr(car, name) not in ("", None, getattr(known, name))
    }
    if (known.odometer_km or 0) > (car.odometer_km or 0):
        differing.pop("odometer_km", None)
    if not any(getattr(known, role) for role in _ROLES):
        differing["driver"] = driver
    after = vehicle_rules.with_reading(tx, known, replace(known, **differing), asked, source.connector)
    return vehicle_rules.put(tx, known, after, told=source.told)


def _updated_car(tx: Tx, known: Vehicle, car: Vehicle, asked: Mapping[str, Any], source: Origin) -> Vehicle:
    after = vehicle_rules.with_reading(tx, known, car, asked, source.connector)
    return vehicle_rules.put(tx, known, after, told=source.told)
