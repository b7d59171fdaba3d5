"""Making and changing vehicles (spec: planner.md, records)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from wtpd.book import limits
from wtpd.book.checks import reject
from wtpd.book.recording import check_version, new_id
from wtpd.errors import Problem, Refused
from wtpd.planner.changes import diff, merged
from wtpd.planner.history import Author
from wtpd.planner.vehicle import Vehicle
from wtpd.planner.vin import normalise_vin, vin_problem
from wtpd.store import appointments, attention, customers, outbox, vehicle_checks, vehicles
from wtpd.store.database import Tx
from wtpd.texts import N_

_UNSHARED = {
    "driver", "owner", "contractor", "odometer_date", "odometer_source", "engine_number", "notes", "warranty_start",
    "warranty_end",
}  # fmt: skip
"""Fields that no partner is told."""
_ROLES = ("driver", "owner", "contractor")
_TEXTS = {
    "id": limits.SIGN, "plate": 20, "vin": 32, "make": limits.LINE, "model": limits.LINE, "fuel": limits.LINE,
    "odometer_source": limits.SIGN, "engine_number": limits.SIGN, "notes": limits.PARAGRAPHS,
}  # fmt: skip
_DATES = ("first_registration", "inspection_due", "odometer_date", "warranty_start", "warranty_end")
_MOST_KM = 9_999_999


def create(tx: Tx, values: Mapping[str, Any], *, author: Author) -> Vehicle:
    vehicle = made(tx, values, author.interface)
    reject(list(_roles(tx, None, vehicle)))
    if vehicles.find(tx, vehicle.id) is not None:
        raise Refused(N_("There is a vehicle {id} already.", id=vehicle.id[:64]), kind="duplicate")
    return add(tx, vehicle)


def made(tx: Tx, values: Mapping[str, Any], channel: str) -> Vehicle:
    """A new vehicle of these values, not kept yet; nothing is looked up. Raises `Invalid` that names every field at
    fault."""
    given = {name: value for name, value in values.items() if name != "id"}
    vehicle = tidy(merged(Vehicle(id=values.get("id") or new_id()), given))
    vehicle = with_reading(tx, None, vehicle, given, channel)
    check(vehicle)
    if not (vehicle.plate or vehicle.vin):
        reject([Problem("plate", N_("A vehicle needs a plate or a VIN."))])
    return vehicle


def change(
    tx: Tx, vehicle_id: str, changes: Mapping[str, Any], *, author: Author, expected_version: int | None
) -> Vehicle:
    before = vehicles.get(tx, vehicle_id)
    check_version(before.version, expected_version)
    after = with_reading(tx, before, tidy(merged(before, changes)), changes, author.interface)
    check(after)
    reject(list(_roles(tx, before, after)))
    return put(tx, before, after)


def add(tx: Tx, vehicle: Vehicle) -> Vehicle:
    """Keep a new vehicle."""
    _take_plate(tx, vehicle)
    vehicles.insert(tx, vehicle)
    tx.emit("vehicle.changed", id=vehicle.id, version=vehicle.version)
    return vehicle


def put(tx: Tx, before: Vehicle, after: Vehicle, *, told: Mapping[str, str] | None = None) -> Vehicle:
    """Keep a change, if there is one, and tell the partners by each open appointment of the vehicle. `told`: channels
    that know it for an appointment already."""
    changed = diff(before, after)
    if not changed:
        return before
    after = replace(after, version=before.version + 1)
    if not changed.keys().isdisjoint(("plate", "vin")):
        _take_plate(tx, after)
    vehicles.update(tx, after)
    tx.emit("vehicle.changed", id=after.id, version=after.version)
    if not changed.keys().isdisjoint(("plate", "make")):
        vehicle_checks.close_settled(tx, after)
    if not changed.keys() <= _UNSHARED:
        for appointment, site, department in appointments.open_of(tx, vehicle_id=after.id):
            outbox.mark_change(tx, appointment, site, department, except_channel=(told or {}).get(appointment))
    return after


def _take_plate(tx: Tx, vehicle: Vehicle) -> None:
    """A plate is on one car: the one that had it, by its VIN, loses it, and that is listed."""
    if not (vehicle.plate and vehicle.vin):
        return
    for other in vehicles.with_plate_and_another_vin(tx, vehicle):
        put(tx, other, replace(other, plate=""))
        data = {"plate": other.plate, "old_vin": other.vin, "new_vin": vehicle.vin, "vehicle": other.id}
        attention.add(tx, "plate_moved", data=data, once=f"{other.id}:{vehicle.vin}")


def tidy(vehicle: Vehicle) -> Vehicle:
    """The VIN in the form in which it is kept, the plate without blanks around."""
    return replace(vehicle, vin=normalise_vin(vehicle.vin), plate=vehicle.plate.strip())


def with_reading(tx: Tx, before: Vehicle | None, after: Vehicle, asked: Mapping[str, Any], source: str) -> Vehicle:
    """A new odometer reading has a date and a source: today and the author's door, unless they are given."""
    if after.odometer_km == (None if before is None else before.odometer_km):
        return after
    if after.odometer_km is None:
        return replace(after, odometer_date=None, odometer_source="")
    if "odometer_date" not in asked:
        after = replace(after, odometer_date=tx.now.date())
    return after if "odometer_source" in asked else replace(after, odometer_source=source[: limits.SIGN])


def check(vehicle: Vehicle) -> None:
    """Raises `Invalid` that names every field at fault."""
    problems = list(limits.texts(vehicle, _TEXTS))
    if vehicle.vin:
        wrong = vin_problem(vehicle.vin[:64])
        problems += [Problem("vin", wrong)] if wrong is not None else []
    for field in _DATES:
        if getattr(vehicle, field) is not None:
            problems += limits.day(field, getattr(vehicle, field))
    if vehicle.warranty_start and vehicle.warranty_end and vehicle.warranty_end < vehicle.warranty_start:
        problems.append(Problem("warranty_end", N_("The warranty can't end before it begins.")))
    if vehicle.odometer_km is not None:
        problems += limits.number("odometer_km", vehicle.odometer_km, 0, _MOST_KM)
    reject(problems)


def _roles(tx: Tx, before: Vehicle | None, after: Vehicle) -> Iterator[Problem]:
    for role in _ROLES:
        person = getattr(after, role)
        if person is None or (before is not None and getattr(before, role) == person):
            continue
        found = customers.find(tx, person)
        if found is None or found.erased:
            yield Problem(role, N_("There is no customer {id}.", id=person))
