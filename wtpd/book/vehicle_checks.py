"""What a public register says of a vehicle, brought into the book: blanks are filled, another make is listed.

Nothing that a DMS or a person entered is changed. A value that the register itself filled in is brought up to date.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from wtpd.book.book import Book
from wtpd.book.identification import Fact, facts, is_blank
from wtpd.errors import Invalid, Refused
from wtpd.planner.history import Author
from wtpd.planner.plates import dutch_key
from wtpd.planner.vehicle import Vehicle
from wtpd.store import attention, vehicle_checks, vehicles
from wtpd.store.database import Tx
from wtpd.vehicle_data.checks import Check, Facts, is_other_make
from wtpd.vehicle_data.records import Candidate


def record(
    book: Book,
    tx: Tx,
    vehicle_id: str,
    plate: str,
    candidate: Candidate | None,
    *,
    source: str,
    actor: str,
    appointment_id: str | None = None,
) -> Check | None:
    """Take over what the register `source` (a connector's name) says now of the plate (`dutch_key`); None: it doesn't
    know it, and what it knew before stays. Returns None if the vehicle has another plate by now."""
    vehicle = vehicles.find(tx, vehicle_id)
    if vehicle is None or dutch_key(vehicle.plate) != plate:
        return None
    before = vehicle_checks.of_vehicles(tx, [vehicle_id], source).get(vehicle_id)
    if before is None or before.plate != plate:
        before = Check(vehicle_id=vehicle_id, source=source, plate=plate, asked_at=tx.now, is_known=False)
    if candidate is None:
        check = replace(before, asked_at=tx.now, is_known=False)
    else:
        told = facts(candidate)
        filled = before.filled
        if is_other_make(vehicle.make, candidate.make):
            _list_wrong_plate(tx, vehicle, candidate, source, actor, appointment_id)
        else:
            vehicle_checks.close_wrong_plates(tx, vehicle_id, by=actor)
            filled = _fill(book, tx, vehicle, told, before.filled, source=source, actor=actor)
        check = replace(
            before, asked_at=tx.now, is_known=True, at=tx.now, facts=_kept(candidate), filled=dict(filled)
        )  # fmt: skip
    vehicle_checks.put(tx, check)
    return check


def _fill(
    book: Book,
    tx: Tx,
    vehicle: Vehicle,
    told: Mapping[str, Fact],
    filled: Mapping[str, str],
    *,
    source: str,
    actor: str,
) -> dict[str, str]:
    """What the register filled in, now and before. A blank that it filled before was emptied by somebody since, and
    stays blank."""
    changes = {
        name: value
        for name, value in told.items()
        if (name not in filled and is_blank(vehicle, name)) or _is_own(vehicle, name, filled, value)
    }
    known = {name: text for name, text in filled.items() if is_blank(vehicle, name) or _text(vehicle, name) == text}
    if not changes:
        return known
    author = Author(actor=actor, interface=source)
    try:
        book.change_vehicle(tx, vehicle.id, changes, author=author, expected_version=None)
    except (Invalid, Refused):  # a value that the book doesn't take
        return known
    return known | {name: str(value) for name, value in changes.items()}


def _is_own(vehicle: Vehicle, name: str, filled: Mapping[str, str], value: Fact) -> bool:
    """The vehicle has the register's own older value."""
    return name in filled and _text(vehicle, name) == filled[name] and filled[name] != str(value)


def _text(vehicle: Vehicle, name: str) -> str:
    value: str | date | None = getattr(vehicle, name)
    return "" if value is None else str(value)


def _list_wrong_plate(
    tx: Tx, vehicle: Vehicle, candidate: Candidate, source: str, actor: str, appointment_id: str | None
) -> None:
    """Once for each make that the register names: whoever closed the entry has decided."""
    once = f"{vehicle.id}:{candidate.make}"  # without the plate, which goes when its holder is erased
    data = {
        "vehicle": vehicle.id, "plate": vehicle.plate, "ours": vehicle.make, "theirs": candidate.make,
        "model": candidate.model, "source": source,
    }  # fmt: skip
    if not vehicle_checks.was_decided(tx, once, actor):
        attention.add(tx, vehicle_checks.WRONG_PLATE, appointment_id=appointment_id, data=data, once=once)


def _kept(candidate: Candidate) -> Facts:
    return Facts(
        make=candidate.make,
        model=candidate.model,
        fuel=candidate.fuel,
        first_registration=candidate.first_registration,
        inspection_due=candidate.inspection_due,
        flags=candidate.flags,
    )
