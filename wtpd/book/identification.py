"""A vehicle is filled with what a source of vehicle data says: blanks only; what differs is shown and stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from wtpd.book import limits
from wtpd.book.book import Book
from wtpd.errors import Refused
from wtpd.planner.history import Author
from wtpd.planner.vehicle import Vehicle
from wtpd.planner.vin import is_short_vin, is_vin, normalise_vin
from wtpd.store import identifications, vehicles
from wtpd.store.database import Tx
from wtpd.texts import N_
from wtpd.vehicle_data.records import Candidate, Chosen

Fact = str | date


@dataclass(frozen=True, slots=True)
class Difference:
    ours: Fact
    theirs: Fact


@dataclass(frozen=True, slots=True)
class Filled:
    """`filled`: the blanks and what they were filled with; `differing`: what stayed as it was."""

    vehicle: Vehicle
    filled: Mapping[str, Fact]
    differing: Mapping[str, Difference]


def facts(candidate: Candidate) -> dict[str, Fact]:
    """What a candidate tells of a vehicle, by fields of the book; only what it tells."""
    texts = {"make": candidate.make, "model": candidate.model, "fuel": candidate.fuel}
    dates = {"first_registration": candidate.first_registration, "inspection_due": candidate.inspection_due}
    found: dict[str, Fact] = {name: value[: limits.LINE] for name, value in texts.items() if value}
    return found | {name: value for name, value in dates.items() if value is not None}


def fill(
    book: Book,
    tx: Tx,
    vehicle_id: str,
    vin: str,
    candidate: Candidate,
    *,
    source: str,
    actor: str,
    expected_version: int | None = None,
) -> Filled:
    """Fill the vehicle's blanks and keep what it is at the source (a connector's name). `vin`: the one that was asked
    for, which a vehicle without one gets, if it is a whole one. Raises `NotFound`, `VersionMismatch`, and `Refused` of
    kind `other-vin`."""
    before = vehicles.get(tx, vehicle_id)
    check_vin(before, vin)
    vin = _whole(vin, before, candidate)
    told = facts(candidate)
    if is_vin(vin):
        told = {"vin": vin, **told}
    blanks = {name: value for name, value in told.items() if is_blank(before, name)}
    author = Author(actor=actor, interface=source)
    after = book.change_vehicle(tx, vehicle_id, blanks, author=author, expected_version=expected_version)
    chosen = Chosen(
        vehicle_id=vehicle_id,
        source=source,
        vin=vin,
        code=candidate.code,
        extras=candidate.extras,
        reference=candidate.reference,
        at=tx.now,
        actor=actor,
    )
    identifications.choose(tx, chosen)
    differing = {
        name: Difference(getattr(before, name), value)
        for name, value in told.items()
        if name not in blanks and not same(getattr(before, name), value)
    }
    return Filled(after, blanks, differing)


def check_vin(vehicle: Vehicle, vin: str) -> None:
    """Raises `Refused` if the vehicle has another VIN; `vin` may be the end of its own."""
    if vehicle.vin not in ("", vin) and not (is_short_vin(vin) and vehicle.vin.endswith(vin)):
        raise Refused(
            N_("This vehicle's VIN is {ours}, not {asked}.", ours=vehicle.vin, asked=vin),
            kind="other-vin",
        )


def kept(tx: Tx, vehicle_id: str, source: str | None = None) -> Chosen | None:
    """What the vehicle is at the source, or where it was identified last, as long as it has the VIN by which that was
    found. Raises `NotFound`."""
    vehicle = vehicles.get(tx, vehicle_id)
    found = identifications.chosen(tx, vehicle_id, source)
    return found if found is not None and found.vin == vehicle.vin else None


def is_blank(vehicle: Vehicle, name: str) -> bool:
    value = getattr(vehicle, name)
    return value is None or (isinstance(value, str) and not value.strip())


def same(ours: Fact, theirs: Fact) -> bool:
    """Equal but for capital letters and blanks."""
    if isinstance(ours, str) and isinstance(theirs, str):
        return " ".join(ours.casefold().split()) == " ".join(theirs.casefold().split())
    return ours == theirs


def _whole(vin: str, vehicle: Vehicle, candidate: Candidate) -> str:
    """The VIN in full, where only its end was asked for: the vehicle's own, or the one that the source names; else
    none."""
    if not is_short_vin(vin):
        return vin
    named = normalise_vin(candidate.vin)
    return vehicle.vin or (named if is_vin(named) and named.endswith(vin) else "")
