"""RDW's open data: rows as a neutral candidate. Pure; only this file knows RDW's names.

All values are text. Fields are missing (new cars have no dates yet), come and go, and were renamed in 2022: so each is
read by itself, and one that is missing or odd is blank. Which of the fields that every vehicle has are missing is told
by `missing`, so that a renamed field is noticed.

Sources: the data sets m9d7-ebf2 (vehicles), 8ys7-d773 (fuels) and t49b-isb7 (states of recalls) at opendata.rdw.nl.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from wtpd.connectors.kit.values import WireError
from wtpd.harmless import harmless
from wtpd.vehicle_data.records import Candidate, Flag

VEHICLES = "/resource/m9d7-ebf2.json"
FUELS = "/resource/8ys7-d773.json"
RECALLS = "/resource/t49b-isb7.json"
TOKEN_HEADER = "X-App-Token"  # noqa: S105 - its name

Row = Mapping[str, Any]

ROWS = 200
FIELDS = 200
LENGTH = 200
"""What is read of an answer, at most: rows, fields of a row, characters of a value."""

_ALWAYS = ("kenteken", "merk", "handelsbenaming", "export_indicator", "tellerstandoordeel", "wam_verzekerd")
"""Fields that every vehicle has."""
_READ = {
    *_ALWAYS, "vervaldatum_apk", "vervaldatum_apk_dt", "datum_eerste_toelating", "datum_eerste_toelating_dt",
    "openstaande_terugroepactie_indicator", "brandstof_volgnummer", "brandstof_omschrijving", "code_status",
}  # fmt: skip
"""Fields that are read; others are only kept."""


def query(plate: str) -> dict[str, str]:
    return {"kenteken": plate}


def rows(answer: Any, plate: str) -> list[dict[str, str]]:
    """The rows about the plate (in capitals without hyphens). Raises `WireError` for what is no list of rows."""
    if not isinstance(answer, list) or not all(isinstance(one, dict) for one in answer):
        raise WireError("the answer isn't a list of rows")
    read = [_row(one) for one in answer[:ROWS]]
    return [one for one in read if one.get("kenteken", plate).replace("-", "").upper() == plate]


def missing(row: Row) -> tuple[str, ...]:
    """The fields that every vehicle has and this one hasn't."""
    return tuple(name for name in _ALWAYS if name not in row)


def candidate(vehicle: Row, fuels: Sequence[Row], recalls: Sequence[Row]) -> Candidate:
    make = _text(vehicle, "merk")
    return Candidate(
        make=make,
        model=_model(make, _text(vehicle, "handelsbenaming")),
        name=_text(vehicle, "handelsbenaming"),
        fuel=_fuel(fuels),
        code=_text(vehicle, "kenteken"),
        first_registration=_date(vehicle, "datum_eerste_toelating"),
        inspection_due=_date(vehicle, "vervaldatum_apk"),
        flags=_flags(vehicle, recalls),
        details=dict(vehicle),
    )


def may_have_recalls(vehicle: Row) -> bool:
    return _text(vehicle, "openstaande_terugroepactie_indicator").casefold() != "nee"


def _flags(vehicle: Row, recalls: Sequence[Row]) -> tuple[Flag, ...]:
    is_recalled = _is(vehicle, "openstaande_terugroepactie_indicator", "ja") or any(
        _is(one, "code_status", "o") for one in recalls
    )
    found: dict[Flag, bool] = {
        "open_recall": is_recalled,
        "odometer_illogical": _is(vehicle, "tellerstandoordeel", "onlogisch"),
        "exported": _is(vehicle, "export_indicator", "ja"),
        "not_insured": _is(vehicle, "wam_verzekerd", "nee"),
    }
    return tuple(flag for flag, is_set in found.items() if is_set)


def _row(row: Mapping[Any, Any]) -> dict[str, str]:
    """Texts only, in bounds; nested values, which Socrata adds for links, are left out. Fields come in any order, so
    those that are read are taken first."""
    found = {}
    for name, value in sorted(row.items(), key=lambda one: str(one[0]).casefold() not in _READ)[:FIELDS]:
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            found[harmless(str(name).casefold()[:LENGTH])] = harmless(str(value)[:LENGTH]).strip()
    return found


def _text(row: Row, name: str) -> str:
    """One line; RDW writes what it doesn't know in words."""
    said = " ".join(str(row.get(name, "")).split())
    return "" if said.casefold() in ("niet geregistreerd", "n.v.t.", "onbekend") else said


def _is(row: Row, name: str, value: str) -> bool:
    return _text(row, name).casefold() == value


def _date(row: Row, name: str) -> date | None:
    """`20270517`, or the same with `_dt` behind its name as ISO."""
    for said in (_text(row, f"{name}_dt")[:10], _text(row, name)[:10]):
        try:
            return date.fromisoformat(said)
        except ValueError:  # none, or no date
            continue
    return None


def _model(make: str, name: str) -> str:
    """`VOLKSWAGEN GOLF` is a Golf."""
    begin = f"{make} ".casefold()
    return name[len(begin) :] if make and name.casefold().startswith(begin) else name


def _fuel(rows: Sequence[Row]) -> str:
    """A hybrid has two rows."""
    ordered = sorted(rows, key=lambda one: _text(one, "brandstof_volgnummer").zfill(4))
    return "/".join(dict.fromkeys(text for one in ordered if (text := _text(one, "brandstof_omschrijving"))))
