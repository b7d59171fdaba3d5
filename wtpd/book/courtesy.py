"""Lending a courtesy car for the length of an appointment (spec: planner.md, rules 2 and 3).

That no car is lent twice at a time is guarded by triggers in the database; here are the other reasons why a car
can't be had, and the sentence that says who has it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from wtpd.clock import iso
from wtpd.errors import Invalid, Problem, Refused, WtpdError
from wtpd.planner.appointment import Appointment, TransportOption
from wtpd.planner.periods import overlaps
from wtpd.planner.resources import Period
from wtpd.store import appointments, contracts, customers, resources, vehicles
from wtpd.store.database import Tx
from wtpd.texts import N_, Text

_LENT = "courtesy car is lent already"
"""What the triggers of 001_book.sql say."""


def with_option(after: Appointment, asked: Mapping[str, Any]) -> Appointment:
    """A courtesy car goes with the transport option of that name: whoever asks for one of the two gets the other set
    right. Raises `Invalid` if both are asked for and don't go together."""
    wants_car = after.transport_option == TransportOption.COURTESY_CAR
    if after.courtesy_car is None or wants_car or asked.keys().isdisjoint(("courtesy_car", "transport_option")):
        return after
    if asked.get("courtesy_car") is None:  # the car was there before; the option says it isn't wanted any more
        return replace(after, courtesy_car=None)
    if asked.get("transport_option") in (None, TransportOption.NONE):
        return replace(after, transport_option=TransportOption.COURTESY_CAR)
    problem = N_("A courtesy car needs the transport option courtesy_car.")
    raise Invalid(problem, problems=[Problem("transport_option", problem)])


def needs_look(before: Appointment | None, after: Appointment) -> bool:
    """Whether something about the lending differs."""
    if after.courtesy_car is None or not after.is_live:
        return False
    return before is None or not before.is_live or _lending(before) != _lending(after)


def check(tx: Tx, before: Appointment | None, after: Appointment, zone: str) -> None:
    """Raises `Invalid` for a car that the site doesn't have, `Refused` of kind `car-out-of-service` or `car-taken`."""
    if needs_look(before, after):
        error = obstacle(tx, after, zone)
        if error is not None:
            raise error


def obstacle(tx: Tx, appointment: Appointment, zone: str = "UTC") -> WtpdError | None:
    """Why the appointment can't have its car, with times in the site's `zone`; None if it can."""
    car_id = appointment.courtesy_car or ""
    car = resources.find_courtesy_car(tx, car_id)
    if car is None or car.site != appointment.site:
        text = N_("Site {site} has no courtesy car {car}.", site=appointment.site, car=car_id)
        return Invalid(text, problems=[Problem("courtesy_car", text)])
    visit = Period(start=appointment.drop_off, end=appointment.collection)
    if not car.active:
        return _out_of_service(car_id, N_("Courtesy car {car} isn't lent any more.", car=car_id))
    for period in car.out_of_service:
        if overlaps(period, visit):
            return _out_of_service(
                car_id, N_("Courtesy car {car} is out of service from {start} to {end}.", car=car_id,
                           start=_local(period.start, zone), end=_local(period.end, zone)),
            )  # fmt: skip
    return taken(tx, appointment, zone)


def taken(tx: Tx, appointment: Appointment, zone: str) -> Refused | None:
    """Who has the car meanwhile."""
    car = appointment.courtesy_car or ""
    for other, start, end in appointments.lent(tx, car, appointment.drop_off, appointment.collection):
        if other != appointment.id:
            facts = {"courtesy_car": car, "appointment": other, "from": iso(start), "until": iso(end)}
            text = N_(
                "Courtesy car {car} is lent from {start} to {end}, to {who}.",
                car=car, start=_local(start, zone), end=_local(end, zone), who=_whose(tx, other),
            )  # fmt: skip
            return Refused(text, kind="car-taken", facts=facts)
    return None


def _whose(tx: Tx, appointment_id: str) -> Text | str:
    """Customer and plate of an appointment."""
    appointment = appointments.get(tx, appointment_id)
    customer = customers.find(tx, appointment.customer_id) if appointment.customer_id else None
    vehicle = vehicles.find(tx, appointment.vehicle_id) if appointment.vehicle_id else None
    known = [part for part in (customer.name if customer else "", vehicle.plate if vehicle else "") if part]
    return ", ".join(known) if known else N_("an appointment without customer")


def _local(moment: datetime, zone: str) -> datetime:
    return moment.astimezone(ZoneInfo(zone))


def refused(tx: Tx, appointment: Appointment, error: sqlite3.IntegrityError, zone: str) -> Refused | None:
    """What the database's guard says, as a sentence; None if the error is another one."""
    return taken(tx, appointment, zone) if _LENT in str(error) else None


def keep_contract(tx: Tx, before: Appointment | None, after: Appointment) -> None:
    """The customer's data go into the contract as they are when the car is booked for that customer. The contract of a
    visit that didn't come about stays as it was."""
    if not after.is_live or (before is not None and before.is_live and _parties(before) == _parties(after)):
        return
    if after.courtesy_car is None:
        if before is not None:
            contracts.remove(tx, after.id)
        return
    contract = contracts.find(tx, after.id)
    signed_by = contract.customer.id if contract is not None and contract.customer is not None else None
    if contract is None or signed_by != after.customer_id:
        customer = customers.find(tx, after.customer_id) if after.customer_id else None
        contracts.put(tx, after.id, after.courtesy_car, customer)
    else:
        contracts.put_car(tx, after.id, after.courtesy_car)


def _parties(appointment: Appointment) -> tuple[object, ...]:
    return appointment.courtesy_car, appointment.customer_id


def _lending(appointment: Appointment) -> tuple[object, ...]:
    return appointment.site, appointment.courtesy_car, appointment.drop_off, appointment.collection


def _out_of_service(car: str, text: Text) -> Refused:
    return Refused(text, kind="car-out-of-service", facts={"courtesy_car": car})
