"""Carloop's JSON ↔ the neutral records of `wtpd.rentals`: pure, and beside `contract.yaml` and the sandbox the only
place that knows Carloop's names and codes.

A rental needs its number, its state and its period: an odd one raises `WireError`, whose message says where and what,
never the value, which may be personal. Every other value that is odd counts as not given, since a rental is worth more
than one of its values. Members that aren't known are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import msgspec

from wtpd.clock import from_iso, iso
from wtpd.connectors.carloop import reading
from wtpd.connectors.carloop.reading import ID_LIMIT, every, identity, items, line, moment, moment_or_none
from wtpd.connectors.kit.values import WireError, object_
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

_TEXT_LIMIT = 500
_MOST = Decimal(10_000_000)
_CENT = Decimal("0.01")

_AMOUNT = re.compile(r"\d{1,9}(?:[.,]\d{1,9})?", re.ASCII)
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,63}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)

_encoder = msgspec.json.Encoder(decimal_format="number")


# --- what goes out --------------------------------------------------------------------------------------------------


def search(wish: Wish, numbers: Container[str] = ()) -> str:
    """`numbers`: ids that Carloop writes as numbers."""
    body: dict[str, Any] = {"von": _said_time(wish.start), "bis": _said_time(wish.end)}
    if wish.station is not None:
        body["station"] = _id(wish.station, numbers)
    classes, features = ([_id(one, numbers) for one in wanted] for wanted in (wish.classes, wish.features))
    return _encoded(body | {"klassen": classes, "eigenschaften": features})


def booking(given: Booking, numbers: Container[str] = ()) -> str:
    """Blank fields of the renter aren't sent. `numbers`: ids that Carloop writes as numbers. Raises `WireError` for a
    value that can't be said."""
    if iso(given.end) <= iso(given.start):
        raise WireError("", N_("the rental would end before it begins"))
    body: dict[str, Any] = {
        "externeReferenz": _said(given.reference, N_("reference")),
        "terminReferenz": given.appointment,
        "fahrzeugId": _id(_said(given.car, N_("rental car")), numbers),
        "von": _said_time(given.start),
        "bis": _said_time(given.end),
        "kunde": _renter(given.renter),
    }
    if given.expected_price is not None:
        price = given.expected_price
        body["erwarteterPreis"] = {"brutto": _two_decimals(price.gross), "waehrung": price.currency}
    return _encoded(body)


def end(wanted: datetime) -> str:
    return _encoded({"bis": _said_time(wanted)})


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
    return {} if since is None else {"geaendertSeit": _said_time(since)}


def etag(version: int) -> str:
    return f'"v{version}"'


def _id(known: str, numbers: Container[str]) -> str | int:
    return int(known) if known in numbers else known


def _renter(renter: Renter) -> dict[str, str]:
    fields = {theirs: getattr(renter, ours) for ours, theirs in _RENTER.items()}
    return {name: value if isinstance(value, str) else value.isoformat() for name, value in fields.items() if value}


def _said(value: str, name: Any) -> str:
    if not value.strip():
        raise WireError(name, N_("is blank"))
    return value


def _said_time(moment: datetime) -> str:
    """With `+00:00`, which every reader of RFC 3339 takes; not all know `Z`."""
    return iso(moment).removesuffix("Z") + "+00:00"


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
    required = [line(name, 64) for name in items(body, "pflichtfelder")]
    stations = every(_station, body, "stationen")
    return Terms(
        stations=stations,
        classes=every(_choice, body, "klassen"),
        features=every(_choice, body, "eigenschaften"),
        currency=line(body.get("waehrung"), 16),
        lead=timedelta(minutes=reading.number(body.get("minVorlaufMinuten"), most=525_600)),
        required=tuple(dict.fromkeys(renter_field(name) for name in required if name)),
        branch=_branch(stations),
    )


def found(raw: Any) -> Found:
    """The cars; one without an id can't be booked and is left out. Raises `WireError`."""
    body = object_(raw, "verfuegbarkeit")
    if not isinstance(body.get("fahrzeuge"), list):
        raise WireError("fahrzeuge", N_("not a list"))
    return Found(cars=every(_car, body, "fahrzeuge"), valid_until=moment_or_none(body.get("gueltigBis")))


def rental(raw: Any) -> Rental:
    """Raises `WireError`."""
    body = object_(raw, "vorgang")
    number = _needed(body.get("nr"), "nr")
    said = line(body.get("status"), 64)
    if not said:
        raise WireError("status", N_("not a text"))
    held = body.get("fahrzeug")
    version = reading.number(body.get("version"), most=2**53)
    return Rental(
        number=number,
        reference=line(body.get("externeReferenz"), ID_LIMIT),
        appointment=line(body.get("terminReferenz"), ID_LIMIT),
        state=_STATES.get(said.upper(), said),
        start=moment(body.get("von"), "von"),
        end=moment(body.get("bis"), "bis"),
        car=_held_car(held if isinstance(held, dict) else {}),
        station=identity(body.get("station")),
        price=price(body.get("preis")),
        is_overdue=body.get("ueberfaellig") is True,
        version=version,
        changed_at=moment_or_none(body.get("geaendertAm")),
        by_partner=line(body.get("geaendertVon"), 64) not in ("", _THROUGH_US),
        cancel_reason=line(body.get("stornoGrund"), _TEXT_LIMIT),
        out_at=moment_or_none(body.get("abgeholtAm")),
        back_at=moment_or_none(body.get("zurueckAm")),
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
    for index, item in enumerate(items(body, "vorgaenge")):
        try:
            rentals.append(rental(item))
        except WireError as error:
            number = line(item.get("nr"), ID_LIMIT) if isinstance(item, dict) else ""
            unreadable[number or f"#{index}"] = str(error)
    cursor = reading.digits(body.get("cursor"))
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


def numbers(raw: Any) -> set[str]:
    """The ids in terms, or in the cars of an answer, that are written as numbers: they go back as they came."""
    body = raw if isinstance(raw, dict) else {}
    found: set[str] = set()
    for name in ("stationen", "klassen", "eigenschaften", "fahrzeuge", "alternativen"):
        listed = body.get(name)
        for item in listed[: reading.LIST_LIMIT] if isinstance(listed, list) else ():
            if isinstance(item, dict):
                features = item.get("eigenschaften")
                ids = (item.get("id"), *map(item.get, ("fahrzeugId", "klasse", "station")))
                ids = (*ids, *(features if isinstance(features, list) else ()))
                found.update(str(one) for one in ids if type(one) is int and abs(one) < 10**15)
    return found


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
            Fault(_code(one.get("code")), line(one.get("feld"), 100), line(one.get("text"), _TEXT_LIMIT))
            for one in items
        ),
        alternatives=every(_car, {"": offered}, "") if isinstance(offered, list) else (),
        latest_end=moment_or_none(beside("spaetestesEnde")),
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
    gross, currency = raw.get("brutto"), line(raw.get("waehrung"), 16).upper()
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
    if not (known := identity(raw.get("id"))):
        return None
    hours = every(_opening, raw, "oeffnungszeiten")
    zone = reading.zone(raw.get("zeitzone"))
    return Station(id=known, name=line(raw.get("name"), 200), time_zone=zone, hours=hours)


def _opening(raw: Mapping[str, Any]) -> Opening | None:
    day = line(raw.get("tag"), 16).upper()
    start, finish = reading.clock(raw.get("von")), reading.clock(raw.get("bis"))
    if day not in _WEEKDAYS or start is None or finish is None or finish <= start:
        return None
    return Opening(_WEEKDAYS.index(day), start, finish)


def _choice(raw: Mapping[str, Any]) -> Choice | None:
    if not (known := identity(raw.get("id"))):
        return None
    name = line(raw.get("bezeichnung"), 200)
    return Choice(id=known, name=name or known, acriss=line(raw.get("acriss"), 16))


def _car(raw: Mapping[str, Any]) -> Car | None:
    read = _held_car(raw)
    return read if read.id else None


def _held_car(raw: Mapping[str, Any]) -> Car:
    return Car(
        id=identity(raw.get("fahrzeugId")),
        plate=line(raw.get("kennzeichen"), 32),
        vehicle_class=identity(raw.get("klasse")),
        features=tuple(one for one in map(identity, items(raw, "eigenschaften")) if one),
        station=identity(raw.get("station")),
        ready_from=moment_or_none(raw.get("bereitAb")),
        price=price(raw.get("preis")),
    )


def _needed(value: Any, where: str) -> str:
    if not (read := identity(value)):
        raise WireError(where, N_("not a text"))
    return read


def _code(value: Any) -> str:
    return value if isinstance(value, str) and _CODE.fullmatch(value) else ""
