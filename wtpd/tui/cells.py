"""What the screens show alike: signs and words for statuses, origins and channels, and a field's value as people read
it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from wtpd.language import say
from wtpd.texts import N_, Text
from wtpd.tui.formats import Formats
from wtpd.tui.glyphs import Glyphs
from wtpd.tui.widgets.lines import Span, Spans
from wtpd.words import CHANNEL_STATES, ORIGINS, PERMISSIONS, STATUS, TRANSPORT, field_name

BLANK = "–"
Json = Mapping[str, Any]
Hide = Callable[[Any], str]

_STATUS_SIGNS: Mapping[str, tuple[str, str]] = {
    "scheduled": ("idle", ""),
    "arrived": ("right", "accent"),
    "in_work": ("part", "accent"),
    "ready": ("check", "ok"),
    "completed": ("ok", "dim"),
    "cancelled": ("bad", "dim"),
    "no_show": ("warn", "dim"),
}
_CHANNEL_SIGNS: Mapping[str, tuple[str, str]] = {
    "healthy": ("ok", "ok"),
    "starting": ("idle", "dim"),
    "retrying": ("warn", "warn"),
    "needs_token": ("bad", "bad"),
    "not_covered": ("bad", "bad"),
    "limited": ("warn", "warn"),
    "paused": ("paused", "warn"),
    "stopped": ("bad", "bad"),
    "config_error": ("bad", "bad"),
}
_WORDS: Mapping[str, Mapping[str, Text]] = {"status": STATUS, "transport_option": TRANSPORT, "origin": ORIGINS}
LARGEST = 1e15
"""Numbers beyond it, and those that are none, are shown as they are."""
GONE = ("cancelled", "no_show")
"""Statuses of appointments that take no room any more."""


def word(words: Mapping[str, Text], sign: Any) -> str:
    """The word for a sign of the API; one that isn't known as it is."""
    return say(words[sign]) if sign in words else str(sign or "")


def status_cell(appointment: Json, glyphs: Glyphs) -> Span:
    """`○ scheduled` and its tint."""
    status = str(appointment["status"])
    sign, tint = _STATUS_SIGNS.get(status, ("idle", ""))
    return f"{getattr(glyphs, sign)} {word(STATUS, status)}", tint


def origin_cell(origin: str, glyphs: Glyphs) -> Span:
    """One sign: who made it first; app and dealer stand out, the planner's own don't."""
    if origin.startswith("dms:"):
        return glyphs.dms, ""
    marked = {"mynissan": glyphs.app, "superservice_dealer": glyphs.dealer}.get(origin)
    return (marked, "accent") if marked else (glyphs.planner, "dim")


def origin_name(origin: str) -> str:
    """Who made it first, in words."""
    system = origin.removeprefix("dms:")
    return say(N_("DMS {name}", name=system)) if system != origin else word(ORIGINS, origin)


def channel_cell(state: str, glyphs: Glyphs) -> Span:
    """`● healthy` and its tint."""
    sign, tint = _CHANNEL_SIGNS.get(state, ("idle", "dim"))
    return f"{getattr(glyphs, sign)} {word(CHANNEL_STATES, state)}", tint


def plate_cell(appointment: Json, hide: Hide) -> Span:
    """The plate; of a car without one the end of its VIN."""
    vehicle = appointment.get("vehicle") or {}
    shown = str(vehicle.get("plate") or "") or str(vehicle.get("vin") or "")[-8:]
    return (hide(shown), "") if shown else (BLANK, "dim")


def customer_cell(appointment: Json, hide: Hide) -> Span:
    name = (appointment.get("customer") or {}).get("name")
    return (hide(name), "") if name else (BLANK, "dim")


def name_of(customer: Json) -> str:
    """Of a whole customer record: company, else title, first and last name."""
    parts = (customer.get("title"), customer.get("first_name"), customer.get("last_name"))
    return str(customer.get("company") or " ".join(str(part) for part in parts if part))


def work_of(appointment: Json) -> str:
    """The titles of its work, in one line."""
    return ", ".join(one["title"] or one["code"] for one in appointment["interventions"])


def load_bar(booked: float, limit: float, capacity: float, width: int, glyphs: Glyphs) -> Spans:
    """How full a day is, in `width` signs: booked, free up to the limit, the limit itself, and what lies beyond it up
    to the capacity (or to what is booked, if that is more). The tint and the sign of what is booked beyond the limit
    say that it is too much."""
    whole = max(capacity, booked, limit)
    if whole <= 0 or width < 3:
        return [(glyphs.free * max(0, width), "dim")]
    cells = width - 1
    edge = min(cells, round(limit / whole * cells))
    filled = min(cells, round(booked / whole * cells))
    if booked > 0:
        filled = max(1, filled)
    within, beyond = min(filled, edge), max(0, filled - edge)
    tint = "bad" if booked > limit else "warn" if booked > 0.9 * limit else "ok"
    return [
        (glyphs.full * within, tint),
        (glyphs.free * (edge - within), "dim"),
        (glyphs.limit, "strong"),
        (glyphs.part * beyond, "bad"),
        (glyphs.free * (cells - edge - beyond), "dim"),
    ]


def reading(field: str, value: Any, formats: Formats, zone: str | None = None) -> str:
    """The JSON value of a field (by its path: `status`, `customer.email`, `interventions.0.price_cents`) as people read
    it, times on the clock of `zone`; `–` for nothing."""
    name = field.rpartition(".")[2]
    if value is None or value in ("", [], {}):
        return BLANK
    if isinstance(value, bool):
        return say(N_("yes")) if value else say(N_("no"))
    if isinstance(value, int | float):
        return _number(name, value, formats)
    if isinstance(value, list):
        return ", ".join(_item(one, formats, zone) for one in value)
    if isinstance(value, Mapping):
        return _record(value, formats, zone)
    if name == "origin":
        return origin_name(str(value))
    return word(_WORDS[name], value) if name in _WORDS else _text(str(value), formats, zone)


def _number(name: str, value: int | float, formats: Formats) -> str:
    if not -LARGEST < value < LARGEST:
        return str(value)
    if name.endswith("_cents"):
        return formats.money(round(value))
    return formats.number(value) if isinstance(value, float) or name.endswith("_km") else str(value)


def _item(one: Any, formats: Formats, zone: str | None) -> str:
    """Of a piece of work its title with AW and price."""
    if not isinstance(one, Mapping):
        return reading("", one, formats, zone)
    title = str(one.get("title") or one.get("code") or "")
    if not title:
        return _record(one, formats, zone) or BLANK
    more = [say(N_("{units} AW", units=formats.number(one["labour_units"])))] if one.get("labour_units") else []
    if one.get("price_cents") is not None:
        more.append(formats.money(one["price_cents"]))
    return f"{title} ({', '.join(more)})" if more else title


def _record(value: Json, formats: Formats, zone: str | None) -> str:
    return ", ".join(f"{_label(name)}: {_part(name, one, formats, zone)}" for name, one in value.items())


def _part(name: str, one: Any, formats: Formats, zone: str | None) -> str:
    """Of a permission only whether it was given, and since when."""
    if isinstance(one, Mapping) and "allowed" in one:
        said = say(N_("yes")) if one["allowed"] else say(N_("no"))
        return f"{said} ({reading('since', one['since'], formats, zone)})" if one.get("since") else said
    return reading(name, one, formats, zone)


def _label(name: str) -> str:
    return say(PERMISSIONS[name]) if name in PERMISSIONS else say(field_name(name))


def _text(value: str, formats: Formats, zone: str | None) -> str:
    """A text, or the time or day that it is in JSON."""
    if value[4:5] != "-" or not value[:4].isdigit():
        return value
    try:
        if value[10:11] == "T":
            datetime.fromisoformat(value)
            return formats.moment(value, zone)
        return formats.day(date.fromisoformat(value))
    except (ValueError, OverflowError):
        return value
