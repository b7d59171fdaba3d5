"""Platebook's JSON; the only file that knows its field names. Pure. Raises `WireError`."""

from __future__ import annotations

from typing import Any

from wtpd.connectors.kit.values import WireError, count, list_, object_, text
from wtpd.vehicle_data.records import Candidate, Identity


def identity(raw: Any) -> Identity:
    found = []
    for row in list_(object_(raw, "answer").get("vehicles"), "vehicles"):
        one = object_(row, "vehicle")
        vin, make = text(one.get("vin"), "vin", 17), text(one.get("make"), "make", 64)
        found.append(Candidate(vin=vin, make=make, model=text(one.get("model") or "", "model", 64), code=vin))
    return Identity(candidates=tuple(found))


def owner(raw: Any) -> str:
    """The name under which Platebook knows us."""
    name = text(object_(raw, "me").get("name"), "name", 100)
    if not name:
        raise WireError("name: missing")
    return name


def owners(raw: Any) -> int:
    """How many owners a vehicle had."""
    return count(object_(raw, "answer").get("owners"), "owners")
