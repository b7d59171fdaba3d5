"""The entries of the attention list in words: kinds by their weight, what was decided, where they belong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wtpd.client import Json
from wtpd.language import say
from wtpd.texts import N_, Text
from wtpd.tui.glyphs import Glyphs
from wtpd.tui.privacy import PERSONAL
from wtpd.tui.widgets.lines import Span
from wtpd.words import ATTENTION, RESOLUTIONS

SHORT: Mapping[str, Text] = {
    "mass_cancellation": N_("Stopped"),
    "partner_restored": N_("Restored"),
    "second_writer": N_("Two writers"),
    "database_restored": N_("Our restore"),
    "rental_missing": N_("No rental"),
    "rental_double": N_("Two rentals"),
    "quarantine": N_("Quarantine"),
    "rejected": N_("Refused"),
    "keeps_refusing": N_("Not sent"),
    "conflict": N_("Conflict"),
    "rental_refused": N_("Rental no"),
    "rental_mismatch": N_("Rental?"),
    "car_open": N_("No car"),
    "unmatched": N_("Same one?"),
    "over_limit": N_("Over limit"),
    "unknown_code": N_("Unknown code"),
    "possible_double": N_("Double?"),
    "shortened": N_("Shortened"),
    "dropped_value": N_("Left out"),
    "locked_customer": N_("Kept by DMS"),
    "named_in_note": N_("In a note"),
    "plate_moved": N_("Plate moved"),
    "wrong_plate": N_("Wrong plate?"),
}
"""The kinds for a narrow column, the heaviest first: what stops a channel, what hasn't arrived, what two sides see
differently, what somebody should look at."""
_WEIGHT = {kind: place for place, kind in enumerate(SHORT)}
_SIGNS = {
    "mass_cancellation": ("bad", "bad"),
    "rental_missing": ("bad", "bad"),
    "rental_double": ("bad", "bad"),
} | dict.fromkeys(
    (
        "partner_restored",
        "second_writer",
        "database_restored",
        "quarantine",
        "rejected",
        "keeps_refusing",
        "conflict",
        "rental_refused",
        "rental_mismatch",
        "car_open",
    ),
    ("warn", "warn"),
)


def in_order(entries: Sequence[Json]) -> list[Json]:
    """Open ones first: the heaviest kind first, the newest first among its kind; then what was decided, the latest
    first."""
    still = sorted((one for one in entries if is_open(one)), key=lambda one: (weight(one["kind"]), -one["id"]))
    settled = sorted(
        (one for one in entries if not is_open(one)), key=lambda one: (one["resolved_at"], one["id"]), reverse=True
    )
    return [*still, *settled]


def after(entries: Sequence[Json], decided: int) -> int | None:
    """The number of the open entry below the one that was decided, else of the one above; None if there is none."""
    ids = [one["id"] for one in entries if is_open(one) or one["id"] == decided]
    if decided not in ids:
        return None
    place = ids.index(decided)
    return next(iter([*ids[place + 1 :], *reversed(ids[:place])]), None)


def weight(kind: str) -> int:
    return _WEIGHT.get(kind, len(_WEIGHT))


def is_open(entry: Json) -> bool:
    return not entry["resolved_at"]


def kind_name(kind: str) -> str:
    return say(ATTENTION[kind]) if kind in ATTENTION else kind


def kind_cell(entry: Json, glyphs: Glyphs) -> Span:
    word = say(SHORT[entry["kind"]]) if entry["kind"] in SHORT else entry["kind"]
    if not is_open(entry):
        return f"{glyphs.check} {word}", "dim"
    sign, tint = _SIGNS.get(entry["kind"], ("idle", "accent"))
    return f"{getattr(glyphs, sign)} {word}", tint


def decision(entry: Json) -> str:
    found = str(entry["resolution"] or "")
    return say(RESOLUTIONS[found]) if found in RESOLUTIONS else found


def site_of(entry: Json) -> str | None:
    return str(entry["channel"] or "").partition("/")[2] or None


def tells_who(entry: Json) -> bool:
    """Whether its sentences and values may tell who a customer is."""
    if entry["kind"] in ("quarantine", "rejected"):
        return True
    path = str(entry["data"].get("field", ""))
    return path.rpartition(".")[2] in PERSONAL or any(
        isinstance(entry["data"].get(side), Mapping) for side in ("ours", "theirs")
    )
