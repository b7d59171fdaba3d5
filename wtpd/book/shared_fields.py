"""An appointment with its customer and vehicle as the flat fields that cross the border to partners
(`wtpd.sync.ports.FIELDS`), and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wtpd.clock import iso
from wtpd.errors import Invalid
from wtpd.planner.appointment import Appointment, Intervention
from wtpd.planner.changes import json_value, typed
from wtpd.planner.customer import Customer
from wtpd.planner.history import Change
from wtpd.planner.vehicle import Vehicle
from wtpd.store import customers, vehicles
from wtpd.store.database import Tx
from wtpd.sync.ports import FIELDS
from wtpd.texts import N_

APPOINTMENT = tuple(name for name in FIELDS if "." not in name)
CUSTOMER = tuple(name.removeprefix("customer.") for name in FIELDS if name.startswith("customer."))
VEHICLE = tuple(name.removeprefix("vehicle.") for name in FIELDS if name.startswith("vehicle."))
OF_CUSTOMER = tuple(f"customer.{name}" for name in CUSTOMER)
OF_VEHICLE = tuple(f"vehicle.{name}" for name in VEHICLE)

_NOBODY = Customer(id="")
_NOTHING = Vehicle(id="")


@dataclass(frozen=True, slots=True)
class Visit:
    """An appointment with the records it refers to."""

    appointment: Appointment
    customer: Customer | None
    vehicle: Vehicle | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a partner gives, as typed values for our records; a field that is missing wasn't delivered."""

    appointment: Mapping[str, Any]
    customer: Mapping[str, Any]
    vehicle: Mapping[str, Any]


def visit_of(tx: Tx, appointment: Appointment) -> Visit:
    customer = customers.find(tx, appointment.customer_id) if appointment.customer_id else None
    vehicle = vehicles.find(tx, appointment.vehicle_id) if appointment.vehicle_id else None
    return Visit(appointment, customer, vehicle)


def of(visit: Visit) -> dict[str, Any]:
    """All shared fields, blank where there is no customer or vehicle."""
    appointment, customer, vehicle = visit.appointment, visit.customer or _NOBODY, visit.vehicle or _NOTHING
    shared: dict[str, Any] = {
        "drop_off": iso(appointment.drop_off),
        "collection": iso(appointment.collection),
        "status": appointment.status.value,
        "transport_option": str(appointment.transport_option),
        "courtesy_car": appointment.courtesy_car,
        "customer_waiting": appointment.customer_waiting,
        "advisor": appointment.advisor,
        "notes": appointment.notes,
        "interventions": [_shared_work(work) for work in appointment.interventions],
    }
    for shared_name, name in zip(OF_CUSTOMER, CUSTOMER, strict=True):
        shared[shared_name] = getattr(customer, name)
    for shared_name, name in zip(OF_VEHICLE, VEHICLE, strict=True):
        shared[shared_name] = json_value(getattr(vehicle, name))
    return shared


def _shared_work(work: Intervention) -> dict[str, Any]:
    """Without its elements, which no partner of sync has."""
    return {
        "code": work.code,
        "title": work.title,
        "description": work.description,
        "labour_units": work.labour_units,
        "price_cents": work.price_cents,
    }


def with_elements(before: Sequence[Intervention], after: Sequence[Intervention]) -> tuple[Intervention, ...]:
    """The interventions as a partner gives them, with the elements that ours of the same code and title have."""
    known: dict[tuple[str, str], list[Intervention]] = {}
    for work in before:
        known.setdefault((work.code, work.title), []).append(work)
    return tuple(
        replace(work, elements=known[key].pop(0).elements) if known.get(key := (work.code, work.title)) else work
        for work in after
    )


def record_changes(before: Visit, after: Visit) -> dict[str, Change]:
    """What differs in customer and vehicle, as the appointment's history tells it."""
    old, new = of(before), of(after)
    return {name: Change(old[name], value) for name, value in new.items() if "." in name and value != old[name]}


def wanted(fields: Mapping[str, Any]) -> Wanted:
    """Raises `Invalid` for a value of the wrong type, and for a field that isn't shared."""
    unknown = sorted(name for name in fields if name not in FIELDS)
    if unknown:
        raise Invalid(N_("There is no shared field {name}.", name=unknown[0]))
    plain = {name: value for name, value in fields.items() if "." not in name}
    return Wanted(
        typed(Appointment, plain),
        typed(Customer, _part(fields, "customer.")),
        typed(Vehicle, _part(fields, "vehicle.")),
    )


def _part(fields: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in fields.items() if name.startswith(prefix)}
