"""Advisors, courtesy cars, customers and vehicles from rows. What a row leaves blank stays as it is in the book."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from wtpd.book.importing.files import Row
from wtpd.book.importing.session import Counts, Session, erased_person, given
from wtpd.planner.changes import merged
from wtpd.planner.customer import Customer
from wtpd.planner.plates import same_plate
from wtpd.planner.resources import Advisor, CourtesyCar
from wtpd.planner.vehicle import Vehicle
from wtpd.store import erased, resources
from wtpd.texts import N_

_CUSTOMER = (
    "salutation", "title", "first_name", "last_name", "company", "street", "house_number", "postcode", "city",
    "country", "email", "phone", "mobile", "business_email", "business_phone", "business_mobile",
)  # fmt: skip
_ROLES = ("owner", "driver", "contractor")


def put_advisor(session: Session, row: Row, counts: Counts) -> None:
    site = session.site(row)
    department = site and session.department(row, site)
    if not site or not department:
        return
    before = resources.find_advisor(session.tx, row.values["id"])
    asked = {**given(row, "name", "weekly_hours", "active"), "site": site, "department": department}
    base = before or Advisor(id=row.values["id"], name="", site=site, department=department)
    after = session.book.put_advisor(session.tx, merged(base, _whole_hours(asked)), author=session.author)
    counts.count(before, after)


def put_courtesy_car(session: Session, row: Row, counts: Counts) -> None:
    site = session.site(row)
    if not site:
        return
    before = resources.find_courtesy_car(session.tx, row.values["id"])
    asked = {**given(row, "plate", "make", "model", "vehicle_class", "features", "active"), "site": site}
    base = before or CourtesyCar(id=row.values["id"], plate="", site=site)
    after = session.book.put_courtesy_car(session.tx, merged(base, asked), author=session.author)
    counts.count(before, after)


def put_customer(session: Session, row: Row, counts: Counts) -> None:
    number = row.values["number"]
    before = session.bulk.people.get(number)
    asked = given(row, *_CUSTOMER)
    if row.values.get("infix") and "last_name" in asked:
        asked["last_name"] = f"{row.values['infix']} {asked['last_name']}"
    if before is None:
        if _is_erased(session, row, asked):
            return
        after = session.bulk.create_customer({"number": number, **asked})
    elif before.locked_by is not None:
        after = before
        _tell_locked(session, row, before, asked)
    else:
        after = session.book.change_customer(session.tx, before.id, asked, author=session.author, expected_version=None)
    session.remember(after)
    counts.count(before, after)


def _is_erased(session: Session, row: Row, asked: Mapping[str, Any]) -> bool:
    """Whether the new customer is a person who was erased; the same telephone number alone is only said."""
    if not session.anybody_erased():
        return False
    number = row.values["number"]
    gone = erased.is_erased(session.tx, customer=Customer(id="", number=number, **asked))
    if gone is None:
        return False
    if gone.is_person:
        session.findings.wrong(row.place("number"), erased_person(number, gone))
    else:
        session.findings.look(
            row.place("number"),
            N_("somebody with this telephone number was erased on {day}; take the line out if it is the same person",
               day=date.fromisoformat(gone.day)),
        )  # fmt: skip
    return gone.is_person


def _note_erased_owner(session: Session, row: Row) -> None:
    gone = erased.is_erased(session.tx, vin=row.values.get("vin") or "") if session.anybody_erased() else None
    if gone is not None:
        session.findings.look(
            row.place("vin"),
            N_("the owner of this vehicle was erased on {day}; take the line out if it still is that owner's",
               day=date.fromisoformat(gone.day)),
        )  # fmt: skip


def put_vehicle(session: Session, row: Row, counts: Counts) -> None:
    asked = given(row, "vin", "plate", "make", "model", "fuel", "first_registration", "inspection_due")
    for role in _ROLES:
        person = session.customer(row, role)
        if person is not None:
            asked[role] = person
        elif row.values.get(role):
            session.findings.broken.update(row.keys)
            return
    before, found = _known_vehicle(session, row, asked.get("owner"))
    if not found:
        return
    _note_moved_plate(session, row, before)
    km = row.values.get("odometer_km")
    if km is not None and (before is None or before.odometer_km is None or km > before.odometer_km):
        asked |= given(row, "odometer_km", "odometer_date")
    if before is None:
        _note_erased_owner(session, row)
        people = [asked[role] for role in _ROLES if role in asked]
        if any(session.is_erased(person) for person in people):
            session.book.create_vehicle(session.tx, asked, author=session.author)  # refused, with the reason
        after = session.bulk.create_vehicle(asked)
    else:
        after = session.bulk.change_vehicle(before, asked)
    counts.count(before, after)


def _known_vehicle(session: Session, row: Row, owner: str | None) -> tuple[Vehicle | None, bool]:
    """(the vehicle, or None for a new one; whether that is certain). By VIN; without one by plate. A vehicle that was
    kept without VIN gets it, if plate and owner are the same."""
    vin, plate = row.values.get("vin"), row.values.get("plate", "")
    found = session.bulk.by_vin(vin) if vin else []
    if not found and plate:
        found = [
            each
            for each in session.bulk.by_plate(plate)
            if not vin or (not each.vin and each.owner in (owner, None) and same_plate(each.plate, plate))
        ]
    if len(found) > 1:
        session.findings.wrong(
            row.place("vin" if vin else "plate"),
            N_("{value} fits several vehicles: {plates}; give the VIN", value=vin or plate,
               plates=", ".join(each.plate or each.vin for each in found)),
        )  # fmt: skip
        return None, False
    return (found[0] if found else None), True


def _note_moved_plate(session: Session, row: Row, before: Vehicle | None) -> None:
    """A plate that another vehicle of the book has too: rows with the plate alone can't be told apart then."""
    vin, plate = row.values.get("vin"), row.values.get("plate", "")
    if not vin or not plate or (before is not None and same_plate(before.plate, plate)):
        return
    others = [
        each for each in session.bulk.by_plate(plate)
        if each.vin != vin and same_plate(each.plate, plate) and (before is None or each.id != before.id)
    ]  # fmt: skip
    if others:
        session.findings.look(
            row.place("plate"),
            N_("{plate} is the plate of {vehicle} too; take it off the vehicle that doesn't bear it any more",
               plate=plate, vehicle=others[0].vin or others[0].model or others[0].make or "–"),
        )  # fmt: skip


def _whole_hours(asked: dict[str, Any]) -> dict[str, Any]:
    """A list that has working hours has all of them: a weekday that it leaves out is free."""
    if "weekly_hours" in asked:
        asked["weekly_hours"] = {day: asked["weekly_hours"].get(day) for day in range(1, 8)}
    return asked


def _tell_locked(session: Session, row: Row, before: Customer, asked: Mapping[str, Any]) -> None:
    differing = [name for name, value in asked.items() if getattr(before, name) != value]
    if differing:
        session.findings.look(
            row.place(differing[0]),
            N_("customer {number} is kept by {dms} and was left as it is", number=before.number, dms=before.locked_by),
        )


PUT: Mapping[str, Callable[[Session, Row, Counts], None]] = {
    "advisors": put_advisor,
    "courtesy_cars": put_courtesy_car,
    "customers": put_customer,
    "vehicles": put_vehicle,
}
