"""Carloop's rentals in the sandbox: what is free, references, versions, states, and the list of changes."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from wtpd.clock import from_iso, iso
from wtpd.connectors.carloop.sandbox_fleet import Fleet, Vehicle, fitting
from wtpd.connectors.carloop.sandbox_rules import Rules
from wtpd.connectors.kit.contract import Refusal
from wtpd.connectors.kit.sandbox_side import Host

RESERVED, OUT, BACK, CANCELLED, NO_SHOW = "RESERVIERT", "ABGEHOLT", "ZURUECK", "STORNIERT", "NICHT_ERSCHIENEN"
CLOSED = (BACK, CANCELLED, NO_SHOW)
BY_US, BY_CLERK = "SCHNITTSTELLE", "CARLOOP"
_RENTER = (
    "kundennummer", "firma", "anrede", "titel", "vorname", "nachname", "strasse", "hausnummer", "adresszusatz", "plz",
    "ort", "land", "email", "telefon", "mobil", "sprache", "dmsNummer",
)  # fmt: skip

Body = Mapping[str, Any]


class Kept(msgspec.Struct, kw_only=True):
    """A rental; times as `iso`. `body`: what was asked for, by which a repeated request is known; None: made by the
    people there, so that the interface doesn't show it. `seq`: the order of changes."""

    nr: str
    branch: str
    car: str
    station: str
    start: str
    end: str
    status: str = RESERVED
    reference: str = ""
    appointment: str = ""
    renter: dict[str, Any] = {}
    price: dict[str, str] | None = None
    body: dict[str, Any] | None = None
    version: int = 1
    changed_at: str = ""
    changed_by: str = BY_US
    reason: str | None = None
    out_at: str | None = None
    back_at: str | None = None
    seq: int = 0


class Rentals:
    """All branches' rentals. Nothing here waits; whoever answers waits for `host.saved()` first."""

    def __init__(self, host: Host, fleet: Fleet, rules: Rules) -> None:
        self._host = host
        self._fleet = fleet
        self._rules = rules
        self._journal = host.journal("rentals")
        self.all: dict[str, Kept] = {key: msgspec.json.decode(value, type=Kept) for key, value in self._journal.load()}
        self._by_reference = {(one.branch, one.reference): one for one in self.all.values() if one.body is not None}
        self._seq = max((one.seq for one in self.all.values()), default=0)

    def get(self, branch: str, number: str) -> Kept:
        """Raises `Refusal` 404."""
        kept = self.all.get(number)
        if kept is None or kept.branch != branch or kept.body is None:
            raise Refusal(404, "VORGANG_UNBEKANNT", "Diesen Vorgang gibt es nicht.")
        return kept

    def search(self, branch: str, wish: Body) -> dict[str, Any]:
        start, end = from_iso(wish["von"]), from_iso(wish["bis"])
        self._check_period(start, end)
        cars = fitting(self._fleet.of(branch), wish.get("station"), wish["klassen"], wish["eigenschaften"])
        valid = self._host.clock.now() + timedelta(minutes=self._rules.valid)
        return {
            "fahrzeuge": [self.offer(car, start, end) for car in cars if self._is_free(car.id, start, end)],
            "gueltigBis": valid.astimezone(start.tzinfo).isoformat(timespec="seconds"),
        }

    def offer(self, car: Vehicle, start: datetime, end: datetime) -> dict[str, Any]:
        offered = car.shown() | {"station": car.station, "bereitAb": self._local(iso(start), car.station)}
        price = car.price(start, end)
        return offered if price is None else offered | {"preis": price}

    def book(self, branch: str, body: Body) -> tuple[Kept, bool]:
        """The rental, and whether it was made by this request. Raises `Refusal` 409, 422."""
        asked = _canonical(body)
        before = self._by_reference.get((branch, body["externeReferenz"]))
        if before is not None:
            if before.body != asked:
                raise Refusal(409, "REFERENZ_VERWENDET", "Diese Referenz gehört zu einem anderen Vorgang.")
            return before, False
        car = next((one for one in self._fleet.of(branch) if one.id == body["fahrzeugId"]), None)
        if car is None:
            raise Refusal(422, "FAHRZEUG_UNBEKANNT", "Dieses Fahrzeug gibt es nicht.", feld="fahrzeugId")
        start, end = from_iso(body["von"]), from_iso(body["bis"])
        self._check_period(start, end)
        self._check_renter(body["kunde"])
        self._check_open(car.station, start, "von")
        self._check_open(car.station, end, "bis")
        if not self._is_free(car.id, start, end):
            alternatives = list(self._alternatives(branch, car, start, end))
            text = "Das Fahrzeug ist in diesem Zeitraum nicht frei."
            raise Refusal(409, "FAHRZEUG_NICHT_FREI", text, alternativen=alternatives)
        price = car.price(start, end)
        expected = body.get("erwarteterPreis")
        if expected is not None and not _is_same(expected, price):
            more = {} if price is None else {"preis": price}
            raise Refusal(409, "PREIS_GEAENDERT", "Der Preis hat sich geändert.", **more)
        kept = Kept(
            nr=f"V{len(self.all) + 1:06d}", branch=branch, car=car.id, station=car.station, start=iso(start),
            end=iso(end), reference=body["externeReferenz"], appointment=body["terminReferenz"],
            renter=dict(body["kunde"]), price=_kept_price(price), body=asked,
        )  # fmt: skip
        self._by_reference[branch, kept.reference] = kept
        return self.keep(kept, BY_US, is_new=True), True

    def change_end(self, kept: Kept, body: Body) -> Kept:
        """Raises `Refusal` 409, 422."""
        if kept.status in CLOSED:
            raise Refusal(409, "VORGANG_ABGESCHLOSSEN", "Der Vorgang ist abgeschlossen.")
        others = sorted({*body} - {"bis"})
        if others:
            raise Refusal(422, "NUR_ENDE_AENDERBAR", "Nur das Ende kann geändert werden.", feld=others[0])
        if "bis" not in body:
            raise Refusal(422, "PFLICHTFELD", "Das Ende fehlt.", feld="bis")
        start, end = from_iso(kept.start), from_iso(body["bis"])
        if iso(end) == kept.end:
            return kept
        if end <= start:
            raise Refusal(422, "ZEITRAUM_UNGUELTIG", "Das Ende liegt vor dem Beginn.", feld="bis")
        if end <= self._host.clock.now():
            raise Refusal(422, "ZEIT_IN_VERGANGENHEIT", "Das Ende liegt in der Vergangenheit.", feld="bis")
        self._check_open(kept.station, end, "bis")
        car = self._fleet.vehicles[kept.car]
        if not self._is_free(car.id, start, end, but=kept):
            latest = self._latest_end(kept)
            raise Refusal(
                409,
                "FAHRZEUG_NICHT_FREI",
                "Das Fahrzeug ist danach wieder vergeben.",
                spaetestesEnde=self._local(iso(latest), kept.station),
                alternativen=list(self._alternatives(kept.branch, car, start, end)),
            )
        kept.end = iso(end)
        kept.price = _kept_price(car.price(start, end))
        return self.keep(kept, BY_US)

    def cancel(self, kept: Kept, reason: str) -> Kept:
        """Raises `Refusal` 409."""
        if kept.status in (OUT, BACK):
            raise Refusal(409, "BEREITS_ABGEHOLT", "Das Fahrzeug wurde bereits abgeholt.")
        if kept.status in CLOSED:
            return kept
        kept.status, kept.reason = CANCELLED, reason
        return self.keep(kept, BY_US)

    def keep(self, kept: Kept, by: str, *, is_new: bool = False) -> Kept:
        """Note a change."""
        if not is_new:
            kept.version += 1
        self._seq += 1
        kept.seq, kept.changed_by, kept.changed_at = self._seq, by, iso(self._host.clock.now())
        self.all[kept.nr] = kept
        self._journal.put(kept.nr, msgspec.json.encode(kept))
        return kept

    def listed(self, branch: str, parameters: Body) -> dict[str, Any]:
        """Raises `Refusal` 400."""
        mine = sorted((one for one in self.all.values() if one.branch == branch and one.body), key=lambda one: one.seq)
        cursor, since, reference = (parameters[name] for name in ("cursor", "geaendertSeit", "externeReferenz"))
        after = 0
        if reference is not None:
            mine = [one for one in mine if one.reference == reference]
        if cursor is not None:
            after = self._position(branch, cursor)
            mine = [one for one in mine if one.seq > after]
        elif since is not None:
            mine = [one for one in mine if from_iso(one.changed_at) >= from_iso(since)]
        page = mine[: self._rules.page]
        last = page[-1].seq if page else after or self._seq
        return {
            "vorgaenge": [self.shown(one) for one in page],
            "cursor": self._cursor(branch, last),
            "weitere": len(page) < len(mine),
        }

    def shown(self, kept: Kept) -> dict[str, Any]:
        overdue = kept.status == OUT and from_iso(kept.end) < self._host.clock.now()
        shown: dict[str, Any] = {
            "nr": kept.nr,
            "externeReferenz": kept.reference,
            "terminReferenz": kept.appointment,
            "status": kept.status,
            "ueberfaellig": overdue,
            "von": self._local(kept.start, kept.station),
            "bis": self._local(kept.end, kept.station),
            "station": kept.station,
            "fahrzeug": self._fleet.vehicles[kept.car].shown(),
            "kunde": {**dict.fromkeys(_RENTER, ""), "geburtsdatum": None, **kept.renter},
            "version": kept.version,
            "geaendertAm": self._local(kept.changed_at, kept.station),
            "geaendertVon": kept.changed_by,
            "stornoGrund": kept.reason,
            "abgeholtAm": kept.out_at and self._local(kept.out_at, kept.station),
            "zurueckAm": kept.back_at and self._local(kept.back_at, kept.station),
        }
        if kept.price is not None:
            shown["preis"] = {**kept.price, "brutto": msgspec.Raw(kept.price["brutto"].encode())}
        return shown

    # --- rules

    def _check_period(self, start: datetime, end: datetime) -> None:
        if end <= start:
            raise Refusal(422, "ZEITRAUM_UNGUELTIG", "Das Ende liegt vor dem Beginn.", feld="bis")
        if start <= self._host.clock.now() + timedelta(minutes=self._rules.lead):
            raise Refusal(422, "ZEIT_IN_VERGANGENHEIT", "Der Beginn liegt nicht weit genug in der Zukunft.", feld="von")

    def _check_open(self, station: str, moment: datetime, field: str) -> None:
        if not self._fleet.stations[station].is_open(moment):
            raise Refusal(422, "AUSSERHALB_OEFFNUNGSZEIT", "Die Station ist dann geschlossen.", feld=field)

    def _check_renter(self, renter: Body) -> None:
        for name in self._rules.required_fields:
            if not (renter.get(name) or "").strip():
                raise Refusal(422, "PFLICHTFELD", "Dieses Feld ist ein Pflichtfeld.", feld=f"kunde.{name}")
        if (text := self._fleet.lock_on(renter)) is not None:
            raise Refusal(422, "KUNDE_GESPERRT", text)

    def taken(self, car: str, but: Kept | None = None) -> Iterator[tuple[datetime, datetime]]:
        """When the car isn't free, without the buffer; one that is out is so until it comes back."""
        now = self._host.clock.now()
        for one in self.all.values():
            if one.car == car and one is not but and one.status not in CLOSED:
                end = from_iso(one.end)
                yield from_iso(one.start), max(end, now) if one.status == OUT else end

    def _is_free(self, car: str, start: datetime, end: datetime, but: Kept | None = None) -> bool:
        buffer = timedelta(minutes=self._rules.buffer)
        return all(end + buffer <= begun or start >= over + buffer for begun, over in self.taken(car, but))

    def _latest_end(self, kept: Kept) -> datetime:
        after = [begun for begun, _ in self.taken(kept.car, kept) if begun >= from_iso(kept.start)]
        return max(from_iso(kept.end), min(after) - timedelta(minutes=self._rules.buffer))

    def _alternatives(self, branch: str, car: Vehicle, start: datetime, end: datetime) -> Iterator[dict[str, Any]]:
        """Free cars, those of the same class first."""
        for other in sorted(self._fleet.of(branch), key=lambda one: (one.klass != car.klass, one.id)):
            if other.id != car.id and self._is_free(other.id, start, end):
                yield self.offer(other, start, end)

    def _local(self, moment: str, station: str) -> str:
        return from_iso(moment).astimezone(self._fleet.zone(station)).isoformat(timespec="seconds")

    def _cursor(self, branch: str, seq: int) -> str:
        return base64.urlsafe_b64encode(f"{branch}/{seq}/{self._rules.epoch}".encode()).decode().rstrip("=")

    def _position(self, branch: str, cursor: str) -> int:
        try:
            said = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
            whose, position, epoch = said.split("/")
            found = int(position)
            good = whose == branch and int(epoch) == self._rules.epoch and 0 <= found <= self._seq
        except ValueError:
            good = False
        if not good:
            raise Refusal(400, "CURSOR_UNGUELTIG", "Diesen Cursor gibt es nicht.", feld="cursor")
        return found


def _canonical(body: Body) -> dict[str, Any]:
    """What makes two bookings the same one."""
    kept = {name: value for name, value in body.items() if name != "erwarteterPreis"}
    return kept | {name: iso(from_iso(body[name])) for name in ("von", "bis")}


def _is_same(expected: Body, price: Body | None) -> bool:
    if price is None or expected["waehrung"] != price["waehrung"]:
        return False
    return bool(round(expected["brutto"] * 100) == round(price["brutto"] * 100))


def _kept_price(price: Body | None) -> dict[str, str] | None:
    return None if price is None else {"brutto": str(price["brutto"]), "waehrung": price["waehrung"]}
