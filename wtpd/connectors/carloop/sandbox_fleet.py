"""Carloop's stations, classes, features and cars in the sandbox, and the people that it doesn't rent to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from wtpd.connectors.kit.sandbox_side import ActRefused, Host

CURRENCY = "EUR"
DAYS = ("MO", "DI", "MI", "DO", "FR", "SA", "SO")
BRANCH = "nordlicht"
TEXT = "Es bestehen offene Forderungen aus Mietvertrag 4711."

_WEEK = "MO 07:30-18:00, DI 07:30-18:00, MI 07:30-18:00, DO 07:30-18:00, FR 07:30-18:00, SA 09:00-13:00"
_ALWAYS = ", ".join(f"{day} 00:00-24:00" for day in DAYS)
_SPAN = re.compile(r"(MO|DI|MI|DO|FR|SA|SO) ([0-2]\d:[0-5]\d)-([0-2]\d:[0-5]\d)")

CLASSES = (
    {"id": "K", "bezeichnung": "Kleinwagen", "acriss": "ECMR"},
    {"id": "M", "bezeichnung": "Mittelklasse", "acriss": "IDMR"},
    {"id": "T", "bezeichnung": "Transporter"},
)
FEATURES = (
    {"id": "AHK", "bezeichnung": "Anhängerkupplung"},
    {"id": "AUT", "bezeichnung": "Automatik"},
    {"id": "NAV", "bezeichnung": "Navigation"},
    {"id": "WR", "bezeichnung": "Winterreifen"},
)


class Station(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    branch: str = BRANCH
    zone: str = "Europe/Berlin"
    hours: str = _WEEK

    def spans(self) -> list[dict[str, str]]:
        return [{"tag": day, "von": start, "bis": end} for day, start, end in _SPAN.findall(self.hours)]

    def is_open(self, moment: datetime) -> bool:
        local = moment.astimezone(ZoneInfo(self.zone))
        day, clock = DAYS[local.weekday()], local.strftime("%H:%M")
        return any(one["tag"] == day and one["von"] <= clock <= one["bis"] for one in self.spans())


class Vehicle(msgspec.Struct, frozen=True, kw_only=True):
    """A rental car; `rate`: the price of a day, blank for none."""

    id: str
    plate: str = "HRO-CL 100"
    klass: str = "K"
    features: tuple[str, ...] = ()
    station: str = "1"
    rate: str = "39.90"
    gone: bool = False

    def price(self, start: datetime, end: datetime) -> dict[str, Any] | None:
        """Each day of 24 hours that begins costs a day."""
        if not self.rate:
            return None
        days = -((start - end) // timedelta(days=1))
        return {"brutto": (Decimal(self.rate) * days).quantize(Decimal("0.01")), "waehrung": CURRENCY}

    def shown(self) -> dict[str, Any]:
        features = list(self.features)
        return {"fahrzeugId": self.id, "kennzeichen": self.plate, "klasse": self.klass, "eigenschaften": features}


STATIONS = (
    Station(id="1", name="Rostock Hafen"),
    Station(id="2", name="Güstrow"),
    Station(id="9", name="Lübeck", branch="westwind"),
)
VEHICLES = (
    Vehicle(id="101", plate="HRO-CL 101", features=("NAV", "WR")),
    Vehicle(id="102", plate="HRO-CL 102", features=("AUT", "NAV", "WR"), rate="44.90"),
    Vehicle(id="103", plate="HRO-CL 103", klass="M", features=("AHK", "AUT", "NAV"), rate="59.00"),
    Vehicle(id="104", plate="HRO-CL 104", klass="T", features=("AHK",), rate=""),
    Vehicle(id="201", plate="GÜ-CL 201", station="2", features=("WR",)),
    Vehicle(id="901", plate="HL-CL 901", station="9"),
)
"""What every new sandbox has."""


class Fleet:
    def __init__(self, host: Host) -> None:
        self._journals = {name: host.journal(name) for name in ("stations", "cars", "locked")}
        self.stations: dict[str, Station] = {one.id: one for one in STATIONS} | self._load("stations", Station)
        self.vehicles: dict[str, Vehicle] = {one.id: one for one in VEHICLES} | self._load("cars", Vehicle)
        self.locked: dict[str, str] = self._load("locked", str)

    def of(self, branch: str) -> list[Vehicle]:
        cars = (one for one in self.vehicles.values() if not one.gone)
        return [one for one in cars if self.stations[one.station].branch == branch]

    def terms(self, branch: str) -> dict[str, Any]:
        stations = [
            {"id": one.id, "name": one.name, "zeitzone": one.zone, "oeffnungszeiten": one.spans()}
            for one in self.stations.values()
            if one.branch == branch
        ]
        return {
            "stationen": stations,
            "klassen": list(CLASSES),
            "eigenschaften": list(FEATURES),
            "waehrung": CURRENCY,
        }

    def zone(self, station: str) -> ZoneInfo:
        return ZoneInfo(self.stations[station].zone)

    def lock_on(self, renter: Mapping[str, Any]) -> str | None:
        """The text about the renter, if it is on the do-not-rent list."""
        names = (renter.get(name) for name in ("kundennummer", "nachname", "firma"))
        return next((self.locked[key] for name in names if name and (key := name.casefold()) in self.locked), None)

    # --- the people there

    def put_station(self, given: Mapping[str, Any]) -> Any:
        identity = given["id"]
        before = msgspec.to_builtins(self.stations.get(identity, Station(id=identity, name=f"Station {identity}")))
        said = {name: given[name] for name in ("name", "branch", "zone", "hours") if given.get(name)}
        if said.get("hours") == "always":
            said["hours"] = _ALWAYS
        try:
            ZoneInfo(said.get("zone", before["zone"]))
        except (KeyError, ValueError, OSError):
            raise ActRefused("there is no such time zone") from None
        if "hours" in said and not _SPAN.findall(said["hours"]):
            raise ActRefused("opening hours are written as MO 07:30-18:00, SA 09:00-13:00")
        station = self.stations[identity] = Station(**before | said)
        self._journals["stations"].put(identity, msgspec.json.encode(station))
        return {"id": identity}

    def put_vehicle(self, given: Mapping[str, Any]) -> Any:
        identity = given["car"]
        before = msgspec.to_builtins(self.vehicles.get(identity, Vehicle(id=identity, plate=f"HRO-CL {identity}")))
        said = {
            "plate": given.get("plate"), "klass": given.get("class"), "station": given.get("station"),
            "gone": given.get("gone"),
        }  # fmt: skip
        if given.get("features") is not None:
            said["features"] = tuple(one.strip() for one in given["features"].split(",") if one.strip())
        if given.get("rate") is not None:
            said["rate"] = _rate(given["rate"])
        vehicle = Vehicle(**before | {name: value for name, value in said.items() if value is not None})
        if vehicle.station not in self.stations:
            raise ActRefused(f"there is no station {vehicle.station}")
        self.vehicles[identity] = vehicle
        self._journals["cars"].put(identity, msgspec.json.encode(vehicle))
        return {"id": identity}

    def lock(self, given: Mapping[str, Any]) -> Any:
        key = given["who"].casefold()
        if given.get("lift"):
            self.locked.pop(key, None)
            self._journals["locked"].drop(key)
        else:
            self.locked[key] = given.get("text") or TEXT
            self._journals["locked"].put(key, msgspec.json.encode(self.locked[key]))
        return {"locked": sorted(self.locked)}

    def state(self) -> dict[str, Any]:
        return {
            "stations": list(map(msgspec.to_builtins, self.stations.values())),
            "cars": list(map(msgspec.to_builtins, self.vehicles.values())),
            "locked": sorted(self.locked),
        }

    def _load(self, name: str, kind: type[Any]) -> dict[str, Any]:
        return {key: msgspec.json.decode(value, type=kind) for key, value in self._journals[name].load()}


def fitting(cars: Iterable[Vehicle], station: str | None, classes: list[str], features: list[str]) -> list[Vehicle]:
    """One of the classes, if any are named, and all of the features."""
    return [
        one
        for one in cars
        if station in (None, one.station) and (not classes or one.klass in classes) and {*features} <= {*one.features}
    ]


def _rate(text: str) -> str:
    if text == "none":
        return ""
    try:
        rate = Decimal(text)
    except InvalidOperation:
        raise ActRefused("a price is written as 39.90, or none") from None
    if not 0 <= rate < 100_000:
        raise ActRefused("a price is written as 39.90, or none")
    return str(rate)
