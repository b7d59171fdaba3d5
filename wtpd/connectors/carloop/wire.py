"""Carloop's JSON ↔ the neutral records of `wtpd.rentals`: pure, and beside `contract.yaml` and the sandbox the only
place that knows Carloop's names and codes.

A rental needs its number, its state and its period: an odd one raises `WireError`, whose message says where and what,
never the value, which may be personal. Every other value that is odd counts as not given, since a rental is worth more
than one of its values. Members that aren't known are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from wtpd.clock import from_iso, iso
from wtpd.connectors.kit.values import WireError, moment, object_
from wtpd.harmless import harmless
from wtpd.rentals.records import (
    RENTER_FIELDS,
    Booking,
    Car,
    Choice,
    Found,
    Opening,
    Price,
    Rental,
    RentalPage,
    Renter,
    State,
    Station,
    Terms,
    Wish,
)
from wtpd.texts import N_

T = TypeVar("T")

_BASE = "/api/werkstattplaner/v1"
TERMS = f"{_BASE}/stammdaten"
SEARCH = f"{_BASE}/verfuegbarkeit"
RENTALS = f"{_BASE}/vorgaenge"
CANCELLATION = "/storno"
"""Behind the path of a rental."""
SCHEME = "Token"

_STATES: Mapping[str, State] = {
    "RESERVIERT": "reserved",
    "ABGEHOLT": "out",
    "ZURUECK": "returned",
    "STORNIERT": "cancelled",
    "NICHT_ERSCHIENEN": "no_show",
}
_RENTER = dict(
    zip(
        RENTER_FIELDS,
        (
            "kundennummer", "firma", "anrede", "titel", "vorname", "nachname", "geburtsdatum", "strasse", "hausnummer",
            "adresszusatz", "plz", "ort", "land", "email", "telefon", "mobil", "sprache", "dmsNummer",
        ),
        strict=True,
    )
)  # fmt: skip
_OURS = {theirs.casefold(): ours for ours, theirs in _RENTER.items()}
_WEEKDAYS = ("MO", "DI", "MI", "DO", "FR", "SA", "SO")
_THROUGH_US = "SCHNITTSTELLE"

LIST_LIMIT = 20_000
"""Items of one list that are read; a list beyond it breaks the contract."""
_ID_LIMIT = 200
_TEXT_LIMIT = 500
_MOST = Decimal(10_000_000)
_CENT = Decimal("0.01")

_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt _](\d\d:\d\d):(\d\d)(?:[.,]\d+)? ?([Zz]|[+-]\d\d:?\d\d)", re.ASCII
)  # RFC 3339, 5.6: lower case, a blank instead of T, any number of digits of a second, a leap second
_TIME = re.compile(r"([01]\d|2[0-4]):([0-5]\d)(?::[0-5]\d)?", re.ASCII)
_AMOUNT = re.compile(r"\d{1,9}(?:[.,]\d{1,9})?", re.ASCII)
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,63}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)

_encoder = msgspec.json.Encoder(decimal_format="number")


# --- what goes out --------------------------------------------------------------------------------------------------


def search(wish: Wish) -> str:
    body: dict[str, Any] = {"von": iso(wish.start), "bis": iso(wish.end)}
    if wish.station is not None:
        body["station"] = wish.station
    return _encoded(body | {"klassen": list(wish.classes), "eigenschaften": list(wish.features)})


def booking(given: Booking) -> str:
    """Blank fields of the renter aren't sent. Raises `WireError` for a value that can't be said."""
    if iso(given.end) <= iso(given.start):
        raise WireError("", N_("the rental would end before it begins"))
    body: dict[str, Any] = {
        "externeReferenz": _said(given.reference, N_("reference")),
        "terminReferenz": given.appointment,
        "fahrzeugId": _said(given.car, N_("rental car")),
        "von": iso(given.start),
        "bis": iso(given.end),
        "kunde": _renter(given.renter),
    }
    if given.expected_price is not None:
        price = given.expected_price
        body["erwarteterPreis"] = {"brutto": _two_decimals(price.gross), "waehrung": price.currency}
    return _encoded(body)


def end(moment: datetime) -> str:
    return _encoded({"bis": iso(moment)})


def cancellation(reason: str) -> str:
    return _encoded({"grund": _said(reason, N_("reason"))})


def reference_of(body: str) -> str:
    """The reference in the body of a booking."""
    return str(msgspec.json.decode(body)["externeReferenz"])


def end_of(body: str) -> datetime:
    """The end in the body of a change."""
    return from_iso(msgspec.json.decode(body)["bis"])


def by_reference(reference: str) -> dict[str, str]:
    return {"externeReferenz": reference}


def changed(cursor: str | None, since: datetime | None) -> dict[str, str]:
    """The query of the list of changes."""
    if cursor is not None:
        return {"cursor": cursor}
    return {} if since is None else {"geaendertSeit": iso(since)}


def etag(version: int) -> str:
    return f'"v{version}"'


def _renter(renter: Renter) -> dict[str, str]:
    fields = {theirs: getattr(renter, ours) for ours, theirs in _RENTER.items()}
    return {name: value if isinstance(value, str) else value.isoformat() for name, value in fields.items() if value}


def _said(value: str, name: Any) -> str:
    if not value.strip():
        raise WireError(name, N_("is blank"))
    return value


def _encoded(body: Mapping[str, Any]) -> str:
    try:
        return _encoder.encode(body).decode()
    except UnicodeEncodeError:
        raise WireError("", N_("it holds half a character")) from None


# --- what comes in --------------------------------------------------------------------------------------------------


def terms(raw: Any) -> Terms:
    """Raises `WireError`."""
    body = object_(raw, "stammdaten")
    if not isinstance(body.get("stationen"), list):
        raise WireError("stationen", N_("not a list"))
    required = [_line(name, 64) for name in _items(body, "pflichtfelder")]
    stations = _all(_station, body, "stationen")
    return Terms(
        stations=stations,
        classes=_all(_choice, body, "klassen"),
        features=_all(_choice, body, "eigenschaften"),
        currency=_line(body.get("waehrung"), 16),
        lead=timedelta(minutes=_number(body.get("minVorlaufMinuten"), most=525_600)),
        required=tuple(dict.fromkeys(renter_field(name) for name in required if name)),
        branch=_branch(stations),
    )


def found(raw: Any) -> Found:
    """The cars; one without an id can't be booked and is left out. Raises `WireError`."""
    body = object_(raw, "verfuegbarkeit")
    if not isinstance(body.get("fahrzeuge"), list):
        raise WireError("fahrzeuge", N_("not a list"))
    return Found(cars=_all(_car, body, "fahrzeuge"), valid_until=_moment_or_none(body.get("gueltigBis")))


def rental(raw: Any) -> Rental:
    """Raises `WireError`."""
    body = object_(raw, "vorgang")
    number = _id(body.get("nr"), "nr")
    said = _line(body.get("status"), 64)
    if not said:
        raise WireError("status", N_("not a text"))
    held = body.get("fahrzeug")
    version = _number(body.get("version"), most=2**53)
    return Rental(
        number=number,
        reference=_line(body.get("externeReferenz"), _ID_LIMIT),
        appointment=_line(body.get("terminReferenz"), _ID_LIMIT),
        state=_STATES.get(said, said),
        start=_moment(body.get("von"), "von"),
        end=_moment(body.get("bis"), "bis"),
        car=_held_car(held if isinstance(held, dict) else {}),
        station=_ref(body.get("station")),
        price=price(body.get("preis")),
        is_overdue=body.get("ueberfaellig") is True,
        version=version,
        changed_at=_moment_or_none(body.get("geaendertAm")),
        by_partner=_line(body.get("geaendertVon"), 64) not in ("", _THROUGH_US),
        cancel_reason=_line(body.get("stornoGrund"), _TEXT_LIMIT),
        out_at=_moment_or_none(body.get("abgeholtAm")),
        back_at=_moment_or_none(body.get("zurueckAm")),
    )


def version_of(tag: str) -> int:
    """The version in an ETag, 0 if there is none."""
    read = re.fullmatch(r'(?:W/)?"v?(\d{1,15})"', tag.strip(), re.ASCII)
    return int(read[1]) if read else 0


def page(raw: Any) -> RentalPage:
    """A page of changes. An item that can't be read is listed in `unreadable`, by its number or its place; raises
    `WireError` if the page as a whole can't be. `cursor` is blank if there is none."""
    body = object_(raw, "vorgaenge")
    if not isinstance(body.get("vorgaenge"), list):
        raise WireError("vorgaenge", N_("not a list"))
    rentals: list[Rental] = []
    unreadable: dict[str, str] = {}
    for index, item in enumerate(_items(body, "vorgaenge")):
        try:
            rentals.append(rental(item))
        except WireError as error:
            number = _line(item.get("nr"), _ID_LIMIT) if isinstance(item, dict) else ""
            unreadable[number or f"#{index}"] = str(error)
    cursor = _digits(body.get("cursor"))
    if cursor is not None and not (isinstance(cursor, str) and len(cursor) <= 4096 and cursor.isprintable()):
        raise WireError("cursor", N_("not a cursor"))
    return RentalPage(
        rentals=tuple(rentals), cursor=cursor or "", more=body.get("weitere") is True, unreadable=unreadable
    )


@dataclass(frozen=True, slots=True)
class Fault:
    """One error of an answer; `text` may be about a person."""

    code: str
    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The errors of an answer, and what stands beside them."""

    faults: tuple[Fault, ...]
    alternatives: tuple[Car, ...] = ()
    latest_end: datetime | None = None
    price: Price | None = None

    def by_code(self, code: str) -> Fault | None:
        return next((fault for fault in self.faults if fault.code == code), None)

    @property
    def text(self) -> str:
        return " ".join(dict.fromkeys(fault.text for fault in self.faults if fault.text))[:_TEXT_LIMIT]


def refused(raw: Any) -> Refused:
    """What an answer with an error says; anything else says nothing."""
    body = raw if isinstance(raw, dict) else {}
    listed = body.get("fehler")
    items = [one for one in (listed if isinstance(listed, list) else [listed])[:100] if isinstance(one, dict)]

    def beside(name: str) -> Any:
        return next((one[name] for one in (body, *items) if one.get(name) is not None), None)

    offered = beside("alternativen")
    return Refused(
        faults=tuple(
            Fault(_code(one.get("code")), _line(one.get("feld"), 100), _line(one.get("text"), _TEXT_LIMIT))
            for one in items
        ),
        alternatives=_all(_car, {"": offered}, "") if isinstance(offered, list) else (),
        latest_end=_moment_or_none(beside("spaetestesEnde")),
        price=price(beside("preis")),
    )


def renter_field(name: str) -> str:
    """`kunde.email` → `email`; one that we don't have stays in Carloop's word."""
    last = re.split(r"[./]", name.strip("./"))[-1]
    return _OURS.get(last.casefold(), name)


def price(raw: Any) -> Price | None:
    """For the whole period, in two decimals; None if there is none, or it can't be read."""
    if not isinstance(raw, dict):
        return None
    gross, currency = raw.get("brutto"), _line(raw.get("waehrung"), 16).upper()
    if isinstance(gross, str) and _AMOUNT.fullmatch(gross.strip()):
        gross = Decimal(gross.strip().replace(",", "."))
    if isinstance(gross, float):
        gross = Decimal(repr(gross))
    if isinstance(gross, bool) or not isinstance(gross, int | Decimal) or not _CURRENCY.fullmatch(currency):
        return None
    try:
        amount = Decimal(gross)
        return Price(_two_decimals(amount), currency) if 0 <= amount <= _MOST else None
    except InvalidOperation:  # not a number
        return None


def _two_decimals(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT)


def _branch(stations: tuple[Station, ...]) -> str:
    """Carloop names no branch; its stations tell whose the token is."""
    names = [one.name or one.id for one in stations]
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


def _station(raw: Mapping[str, Any]) -> Station | None:
    if not (identity := _ref(raw.get("id"))):
        return None
    hours = _all(_opening, raw, "oeffnungszeiten")
    zone = _line(raw.get("zeitzone"), 64)
    return Station(id=identity, name=_line(raw.get("name"), 200), time_zone=zone if _is_zone(zone) else "", hours=hours)


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError):  # also `ZoneInfoNotFoundError`, which is a KeyError
        return False
    except KeyError:
        return False
    return True


def _opening(raw: Mapping[str, Any]) -> Opening | None:
    day = _line(raw.get("tag"), 16).upper()
    start, finish = _clock(raw.get("von")), _clock(raw.get("bis"))
    if day not in _WEEKDAYS or start is None or finish is None or finish <= start:
        return None
    return Opening(_WEEKDAYS.index(day), start, finish)


def _clock(value: Any) -> time | None:
    """`24:00` is the last moment of the day."""
    read = _TIME.fullmatch(value) if isinstance(value, str) else None
    if read is None:
        return None
    return time(int(read[1]), int(read[2])) if read[1] != "24" else time.max


def _choice(raw: Mapping[str, Any]) -> Choice | None:
    if not (identity := _ref(raw.get("id"))):
        return None
    name = _line(raw.get("bezeichnung"), 200)
    return Choice(id=identity, name=name or identity, acriss=_line(raw.get("acriss"), 16))


def _car(raw: Mapping[str, Any]) -> Car | None:
    read = _held_car(raw)
    return read if read.id else None


def _held_car(raw: Mapping[str, Any]) -> Car:
    return Car(
        id=_ref(raw.get("fahrzeugId")),
        plate=_line(raw.get("kennzeichen"), 32),
        vehicle_class=_ref(raw.get("klasse")),
        features=tuple(one for one in map(_ref, _items(raw, "eigenschaften")) if one),
        station=_ref(raw.get("station")),
        ready_from=_moment_or_none(raw.get("bereitAb")),
        price=price(raw.get("preis")),
    )


def _all(read: Callable[[Mapping[str, Any]], T | None], body: Mapping[str, Any], name: str) -> tuple[T, ...]:
    def each() -> Iterator[T]:
        for item in _items(body, name):
            if isinstance(item, dict) and (one := read(item)) is not None:
                yield one

    return tuple(each())


def _items(body: Mapping[str, Any], name: str) -> list[Any]:
    """A list that isn't one has no items. Raises `WireError` for one that is too long."""
    value = body.get(name)
    if not isinstance(value, list):
        return []
    if len(value) > LIST_LIMIT:
        raise WireError(name, N_("more than {limit} items", limit=LIST_LIMIT))
    return value


def _id(value: Any, where: str) -> str:
    if not (read := _ref(value)):
        raise WireError(where, N_("not a text"))
    return read


def _ref(value: Any) -> str:
    """An id, also written as a number, or as an object that has one; blank if there is none. It is kept as it is, since
    it goes back to the partner."""
    if isinstance(value, dict):
        value = value.get("id")
    value = _digits(value)
    if not isinstance(value, str) or len(value) > _ID_LIMIT or not value.isprintable():
        return ""
    return value if value.strip() else ""


def _line(value: Any, limit: int) -> str:
    """A text in one line, cut; a number as it is written; anything else is none."""
    value = _digits(value)
    return harmless(value[: limit * 4]).strip()[:limit] if isinstance(value, str) else ""


def _digits(value: Any) -> Any:
    """A whole number as text; anything else as it is."""
    return str(value) if type(value) is int and abs(value) < 10**30 else value


def _code(value: Any) -> str:
    return value if isinstance(value, str) and _CODE.fullmatch(value) else ""


def _number(value: Any, *, most: int) -> int:
    """A whole number from 0, also written as `1.0` or as text; else 0."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,15}", value, re.ASCII):
        value = int(value)
    if isinstance(value, Decimal) and value.is_finite() and abs(value) <= most and value == int(value):
        value = int(value)
    return value if type(value) is int and 0 <= value <= most else 0


def _moment(value: Any, where: str) -> datetime:
    """In UTC and whole seconds. A time without offset isn't guessed. Raises `WireError`."""
    read = _MOMENT.fullmatch(value) if isinstance(value, str) and len(value) < 64 else None
    if read is None:
        raise WireError(where, N_("not a time with offset (RFC 3339)"))
    day, minutes, seconds, offset = read.groups()
    return from_iso(moment(f"{day}T{minutes}:{'59' if seconds == '60' else seconds}{offset}", where))


def _moment_or_none(value: Any) -> datetime | None:
    try:
        return _moment(value, "")
    except WireError:
        return None
