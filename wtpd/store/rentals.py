"""Rentals in the database. `StoredRentals` is `wtpd.rentals.ports.RentalsPort` over one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from wtpd.clock import iso, iso_exact
from wtpd.errors import NotFound, Refused
from wtpd.rentals.plan import mismatch, newest
from wtpd.rentals.records import OVER, Car, Price, RentalRecord, Visit
from wtpd.store import attention, calls
from wtpd.store.calls import StoredCalls
from wtpd.store.damage import from_iso
from wtpd.store.database import Tx, from_json, to_json
from wtpd.store.session import AttentionList
from wtpd.texts import N_, Text

_LIVE = f"state NOT IN ({', '.join(repr(one) for one in ('returned', 'cancelled', 'no_show', 'refused', 'withdrawn'))})"
assert set(OVER) == {"returned", "cancelled", "no_show", "refused", "withdrawn"}  # as the indexes have it
_NAMES = (
    "id", "appointment_id", "customer_id", "site", "connector", "reference", "number", "state", "start", "end", "car",
    "station", "price", "currency", "version", "changed_at", "by_partner", "is_overdue", "cancel_reason", "out_at",
    "back_at", "replaces", "is_replaced", "wanted_end", "reason", "made_by", "created_at",
)  # fmt: skip
_COLUMNS = ", ".join(f'"{name}"' for name in _NAMES)
_SHOWN = ("state", "start", "end", "plate", "station", "price")
"""What the history says of a change."""
_car = msgspec.json.Decoder(Car).decode


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """`changes`: field → old and new value, as texts."""

    at: datetime
    actor: str
    action: str
    changes: Mapping[str, tuple[str, str]]


class StoredRentals:
    __slots__ = ("_tx",)

    def __init__(self, tx: Tx) -> None:
        self._tx = tx

    def get(self, rental_id: str) -> RentalRecord:
        """Raises `NotFound`."""
        return get(self._tx, rental_id)

    def known(self, connector: str, reference: str, number: str) -> RentalRecord | None:
        row = self._tx.one(f"SELECT {_COLUMNS} FROM rental WHERE reference = ?", (reference,))
        row = row or self._tx.one(
            f"SELECT {_COLUMNS} FROM rental WHERE connector = ? AND number = ? AND number != ''", (connector, number)
        )
        return None if row is None else _record(row)

    def add(self, record: RentalRecord, *, actor: str) -> None:
        """Raises `Refused` of kind `has-rental` if the appointment holds a car already."""
        values = _values(record) | {"created_at": iso_exact(self._tx.now)}
        self._write(f"INSERT INTO rental ({_COLUMNS}) VALUES ({', '.join(':' + name for name in _NAMES)})", values)
        self._note(record, actor, "created", {name: ("", value) for name, value in _shown(record).items() if value})
        self._tell(record)

    def put(self, record: RentalRecord, *, actor: str, action: str = "changed") -> None:
        before = self.get(record.id)
        values = _values(record)
        changed = ", ".join(f'"{name}" = :{name}' for name in _NAMES if name not in _FIXED)
        self._write(f"UPDATE rental SET {changed} WHERE id = :id", values)
        old, new = _shown(before), _shown(record)
        changes = {name: (old[name], new[name]) for name in _SHOWN if old[name] != new[name]}
        if changes:
            self._note(record, actor, action, changes)
        if changes or before != record:
            self._tell(record)

    def cursor(self, connector: str, scope: str) -> tuple[str, datetime] | None:
        row = self._tx.one(
            "SELECT cursor, read_at FROM rental_feed WHERE connector = ? AND scope = ?", (connector, scope)
        )
        return None if row is None else (row["cursor"], from_iso(row["read_at"]))

    def set_cursor(self, connector: str, scope: str, cursor: str) -> None:
        self._tx.run(
            """INSERT INTO rental_feed (connector, scope, cursor, read_at) VALUES (?, ?, ?, ?)
               ON CONFLICT (connector, scope) DO UPDATE SET cursor = excluded.cursor, read_at = excluded.read_at""",
            (connector, scope, cursor, iso(self._tx.now)),
        )

    def of_appointment(self, appointment_id: str) -> list[RentalRecord]:
        return of_appointment(self._tx, appointment_id)

    def _write(self, sql: str, values: Mapping[str, Any]) -> None:
        try:
            self._tx.run(sql, values)
        except sqlite3.IntegrityError as error:
            if "rental.appointment_id" not in str(error):
                raise
            raise Refused(
                N_("This appointment has a rental car already; cancel that rental, or use cancel and book again."),
                kind="has-rental",
            ) from None

    def _note(self, record: RentalRecord, actor: str, action: str, changes: Mapping[str, tuple[str, str]]) -> None:
        self._tx.run(
            "INSERT INTO rental_history (rental_id, at, actor, action, changes) VALUES (?, ?, ?, ?, ?)",
            (record.id, iso_exact(self._tx.now), actor, action, to_json(dict(changes))),
        )

    def _tell(self, record: RentalRecord) -> None:
        self._tx.emit("rental.changed", id=record.id, appointment=record.appointment_id, site=record.site)


_FIXED = frozenset({"id", "appointment_id", "reference", "made_by", "created_at", "connector"})


def get(tx: Tx, rental_id: str) -> RentalRecord:
    """Raises `NotFound`."""
    row = tx.one(f"SELECT {_COLUMNS} FROM rental WHERE id = ?", (rental_id,))
    if row is None:
        raise NotFound(N_("There is no rental {id}.", id=rental_id))
    return _record(row)


def of_appointment(tx: Tx, appointment_id: str) -> list[RentalRecord]:
    """Oldest first."""
    rows = tx.all(f"SELECT {_COLUMNS} FROM rental WHERE appointment_id = ? ORDER BY id", (appointment_id,))
    return [_record(row) for row in rows]


def of_customer(tx: Tx, customer_id: str) -> list[RentalRecord]:
    rows = tx.all(f"SELECT {_COLUMNS} FROM rental WHERE customer_id = ? ORDER BY id", (customer_id,))
    return [_record(row) for row in rows]


def live(tx: Tx, connector: str, site: str | None = None) -> list[RentalRecord]:
    """Those that hold a car, or may, soonest first."""
    rows = tx.all(
        f"""SELECT {_COLUMNS} FROM rental WHERE connector = :connector AND {_LIVE}
              AND (:site IS NULL OR site = :site) ORDER BY start, id""",
        {"connector": connector, "site": site},
    )
    return [_record(row) for row in rows]


def sites_with_live(tx: Tx, connector: str) -> frozenset[str]:
    rows = tx.all(f"SELECT DISTINCT site FROM rental WHERE connector = ? AND {_LIVE}", (connector,))
    return frozenset(row["site"] for row in rows)


def history(tx: Tx, rental_id: str) -> list[HistoryEntry]:
    """Oldest first."""
    rows = tx.all("SELECT at, actor, action, changes FROM rental_history WHERE rental_id = ? ORDER BY id", (rental_id,))
    return [
        HistoryEntry(
            from_iso(row["at"]), row["actor"], row["action"],
            {name: (old, new) for name, (old, new) in from_json(row["changes"]).items()},
        )
        for row in rows
    ]  # fmt: skip


def under_way(tx: Tx, rental_id: str) -> Text | None:
    """Why the call about the rental that is open isn't answered yet; None if there is none."""
    found = calls.open_of(tx, rental_id)
    if not found:
        return None
    error = found[0].error
    return error if isinstance(error, Text) else N_("it is being asked")


def forget_person(tx: Tx, customer_id: str) -> list[str]:
    """Leave of the customer's rentals only car and times; their ids."""
    rows = tx.all(
        "UPDATE rental SET customer_id = NULL, cancel_reason = '', reason = NULL WHERE customer_id = ? RETURNING id",
        (customer_id,),
    )
    return [row["id"] for row in rows]


def _values(record: RentalRecord) -> dict[str, Any]:
    def moment(value: datetime | None) -> str | None:
        return None if value is None else iso(value)

    return {
        "id": record.id, "appointment_id": record.appointment_id, "customer_id": record.customer_id,
        "site": record.site, "connector": record.connector, "reference": record.reference, "number": record.number,
        "state": record.state, "start": iso(record.start), "end": iso(record.end),
        "car": to_json(msgspec.to_builtins(record.car)), "station": record.station,
        "price": None if record.price is None else str(record.price.gross),
        "currency": None if record.price is None else record.price.currency,
        "version": record.version, "changed_at": moment(record.changed_at), "by_partner": int(record.by_partner),
        "is_overdue": int(record.is_overdue),
        "cancel_reason": record.cancel_reason, "out_at": moment(record.out_at), "back_at": moment(record.back_at),
        "replaces": record.replaces, "is_replaced": int(record.is_replaced), "wanted_end": moment(record.wanted_end),
        "reason": _kept(record.reason), "made_by": record.made_by,
    }  # fmt: skip


def _record(row: Any) -> RentalRecord:
    def moment(name: str) -> datetime | None:
        return from_iso(row[name]) if row[name] else None

    return RentalRecord(
        id=row["id"], appointment_id=row["appointment_id"], customer_id=row["customer_id"], site=row["site"],
        connector=row["connector"], reference=row["reference"], number=row["number"], state=row["state"],
        start=from_iso(row["start"]), end=from_iso(row["end"]), car=_car(row["car"]), station=row["station"],
        price=Price(Decimal(row["price"]), row["currency"] or "") if row["price"] is not None else None,
        version=row["version"], changed_at=moment("changed_at"), by_partner=bool(row["by_partner"]),
        is_overdue=bool(row["is_overdue"]),
        cancel_reason=row["cancel_reason"], out_at=moment("out_at"), back_at=moment("back_at"),
        replaces=row["replaces"], is_replaced=bool(row["is_replaced"]), wanted_end=moment("wanted_end"),
        reason=attention.text(from_json(row["reason"])) if row["reason"] else None, made_by=row["made_by"],
        created_at=moment("created_at"),
    )  # fmt: skip


def _kept(reason: Text | str | None) -> str | None:
    if not reason:
        return None
    return to_json((reason if isinstance(reason, Text) else attention.text(reason)).as_json())


def _shown(record: RentalRecord) -> dict[str, str]:
    price = record.price
    return {
        "state": record.state, "start": iso(record.start), "end": iso(record.end), "plate": record.car.plate,
        "station": record.station, "price": "" if price is None else f"{price.gross} {price.currency}",
    }  # fmt: skip


class RentalSession:
    """`wtpd.rentals.ports.Session` over one transaction; `visit_of` gives an appointment as rentals need it."""

    __slots__ = ("_visit_of", "attention", "calls", "now", "rentals", "tx")

    def __init__(self, tx: Tx, visit_of: Callable[[Tx, str], Visit | None]) -> None:
        self.tx = tx
        self.now = tx.now
        self.calls = StoredCalls(tx)
        self.rentals = StoredRentals(tx)
        self.attention = AttentionList(tx)
        self._visit_of = visit_of

    @property
    def visits(self) -> RentalSession:
        return self

    def visit(self, appointment_id: str) -> Visit | None:
        return self._visit_of(self.tx, appointment_id)


def to_review(tx: Tx, connector: str, visit_of: Callable[[Tx, str], Visit | None]) -> list[str]:
    """Appointments whose rental doesn't fit and isn't listed, or is listed and fits."""
    rows = tx.all("SELECT once FROM attention WHERE kind = 'rental_mismatch' AND resolved_at IS NULL")
    listed = {row["once"] for row in rows}
    found = []
    for appointment_id in dict.fromkeys([*(one.appointment_id for one in live(tx, connector)), *listed]):
        counts, visit = newest(of_appointment(tx, appointment_id)), visit_of(tx, appointment_id)
        wrong = None
        if counts is not None and counts.number and visit is not None:
            wrong = mismatch(counts, visit.drop_off, visit.collection, is_cancelled=visit.is_cancelled)
        if (wrong is not None) != (appointment_id in listed):
            found.append(appointment_id)
    return found
