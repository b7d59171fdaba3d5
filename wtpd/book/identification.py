"""A vehicle is filled with what DAT says it is: blanks only; what differs is shown and stays (spec: credentials.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from wtpd.book import limits
from wtpd.book.book import Book
from wtpd.connectors.dat.values import Dossier
from wtpd.errors import Refused
from wtpd.planner.history import Author
from wtpd.planner.vehicle import Vehicle
from wtpd.planner.vin import is_short_vin, is_vin, normalise_vin
from wtpd.store import identifications, vehicles
from wtpd.store.database import Tx
from wtpd.store.identifications import Chosen
from wtpd.texts import N_

CHANNEL = "dat"
"""The door in the book through which such a change comes."""

_ASIDE = re.compile(r"(?<!\s)\s*\(.*")
"""DAT adds series and years to a model: `Passat Variant (3G5)(07.2014->)`."""


@dataclass(frozen=True, slots=True)
class Difference:
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class Filled:
    """`filled`: the blanks and what they were filled with; `differing`: what stayed as it was."""

    vehicle: Vehicle
    filled: Mapping[str, str]
    differing: Mapping[str, Difference]


def facts(dossier: Dossier) -> dict[str, str]:
    """What a dossier tells of a vehicle, by our fields; only what it tells."""
    model = _ASIDE.sub("", dossier.base_model) or dossier.model_group
    found = {"make": dossier.manufacturer, "model": model}
    return {name: value[: limits.LINE] for name, value in found.items() if value}


def fill(
    book: Book, tx: Tx, vehicle_id: str, vin: str, dossier: Dossier, *, actor: str, expected_version: int | None = None
) -> Filled:
    """Fill the vehicle's blanks and keep what it is at DAT. `vin`: the one that was asked for, which a vehicle without
    one gets, if it is a whole one. Raises `NotFound`, `VersionMismatch`, and `Refused` of kind `other-vin`."""
    before = vehicles.get(tx, vehicle_id)
    check_vin(before, vin)
    vin = _whole(vin, before, dossier)
    told = {"vin": vin, **facts(dossier)} if is_vin(vin) else facts(dossier)
    blanks = {name: value for name, value in told.items() if not getattr(before, name).strip()}
    author = Author(actor=actor, channel=CHANNEL)
    after = book.change_vehicle(tx, vehicle_id, blanks, author=author, expected_version=expected_version)
    identifications.choose(
        tx,
        Chosen(
            vehicle_id=vehicle_id,
            vin=vin,
            datecode=dossier.datecode,
            container=dossier.container,
            construction_time=dossier.construction_time,
            at=tx.now,
            actor=actor,
            extras=dossier.extras,
        ),
    )
    differing = {
        name: Difference(getattr(before, name), value)
        for name, value in told.items()
        if name not in blanks and not _same(getattr(before, name), value)
    }
    return Filled(after, blanks, differing)


def check_vin(vehicle: Vehicle, vin: str) -> None:
    """Raises `Refused` if the vehicle has another VIN; `vin` may be the end of its own."""
    if vehicle.vin not in ("", vin) and not (is_short_vin(vin) and vehicle.vin.endswith(vin)):
        raise Refused(
            N_("This vehicle's VIN is {ours}, not {asked}.", ours=vehicle.vin, asked=vin),
            kind="other-vin",
        )


def kept(tx: Tx, vehicle_id: str) -> Chosen | None:
    """What the vehicle is at DAT, as long as it has the VIN by which that was found. Raises `NotFound`."""
    vehicle = vehicles.get(tx, vehicle_id)
    found = identifications.chosen(tx, vehicle_id)
    return found if found is not None and found.vin == vehicle.vin else None


def _whole(vin: str, vehicle: Vehicle, dossier: Dossier) -> str:
    """The VIN in full, where only its end was asked for: the vehicle's own, or the one that DAT names; else none."""
    if not is_short_vin(vin):
        return vin
    named = normalise_vin(dossier.vin)
    return vehicle.vin or (named if is_vin(named) and named.endswith(vin) else "")


def _same(ours: str, theirs: str) -> bool:
    return " ".join(ours.casefold().split()) == " ".join(theirs.casefold().split())
