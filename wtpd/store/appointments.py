"""Appointments in the database: rows to records and back, and every way they are looked for.

Only `wtpd.book` writes here; the rules are there. Pages are in the order of drop-off, behind a cursor or from any place
on; the index `appointment_by_day` has a site's list in that order.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from sqlite3 import Row
from typing import Any

import msgspec

from wtpd.clock import iso
from wtpd.errors import Invalid, NotFound
from wtpd.planner.appointment import FREE, Appointment, Intervention, Status
from wtpd.store import imports
from wtpd.store import search as index
from wtpd.store.damage import all_from_iso, from_iso
from wtpd.store.database import Tx, from_json, to_json
from wtpd.store.pages import fill
from wtpd.texts import N_

TIMES = ("drop_off", "collection", "planned_in", "planned_out", "car_in", "car_out", "dms_created_at")
FLAGS = ("customer_waiting", "quote_made", "billed", "over_limit", "internal_order")
_COLUMNS = (
    "id", "site", "department", "drop_off", "collection", "status", "customer_id", "vehicle_id", "advisor",
    "interventions", "labour_units", "transport_option", "courtesy_car", "customer_waiting", "notes", "origin", "links",
    "dms_number", "work_order", "planned_in", "planned_out", "car_in", "car_out", "quote_made", "billed", "over_limit",
    "cancellation_reason", "version", "dms_notes", "dms_created_at", "internal_order",
)  # fmt: skip

_FOUND_BY = {"customer_id", "vehicle_id", "work_order", "dms_number"}

_SELECT = """SELECT a.*, (SELECT json_group_object(r.partner, r.partner_id) FROM reference r
                          WHERE r.appointment_id = a.id) AS "references" FROM appointment a"""
_SELECT_IN_ORDER = _SELECT.replace("FROM appointment a", "FROM json_each(?) w CROSS JOIN appointment a")
_INSERT = f"INSERT INTO appointment ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
_REFER = """INSERT INTO reference (partner, partner_id, appointment_id) VALUES (?, ?, ?)
            ON CONFLICT DO UPDATE SET appointment_id = excluded.appointment_id"""
_SECOND = "%Y-%m-%dT%H:%M:%SZ"
"""As `wtpd.clock.iso` writes it."""
LIVE = "status NOT IN ('cancelled', 'no_show')"
"""In SQL: it still takes place."""

_read_work = msgspec.json.Decoder(tuple[Intervention, ...]).decode
_write_work = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which appointments; what is None doesn't restrict. `start` ≤ drop-off < `end`."""

    site: str | None = None
    department: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    statuses: Sequence[Status] | None = None
    customer_id: str | None = None
    vehicle_id: str | None = None


@dataclass(frozen=True, slots=True)
class DayLoad:
    """What comes on one day into one department: how many live appointments, with how many AW. `day` is the place of
    the day among those that were asked for."""

    day: int
    department: str
    appointments: int
    units: float


def find(tx: Tx, appointment_id: str) -> Appointment | None:
    row = tx.one(f"{_SELECT} WHERE a.id = ?", (appointment_id,))
    return None if row is None else _record(row)


def get(tx: Tx, appointment_id: str) -> Appointment:
    """Raises `NotFound`."""
    found = find(tx, appointment_id)
    if found is None:
        raise _missing(appointment_id)
    return found


def many(tx: Tx, ids: Sequence[str]) -> list[Appointment]:
    """Those that exist, in the order of `ids`."""
    rows = tx.all(f"{_SELECT} WHERE a.id IN (SELECT value FROM json_each(?))", (to_json(list(ids)),))
    by_id = {row["id"]: _record(row) for row in rows}
    return [by_id[wanted] for wanted in ids if wanted in by_id]


def day(tx: Tx, site: str, start: datetime, end: datetime, department: str | None = None) -> list[Appointment]:
    """All that are dropped off from `start` up to `end`, cancelled ones too, in order of time."""
    narrow, params = _conditions(Filter(site=site, department=department, start=start, end=end))
    return [_record(row) for row in tx.all(f"{_SELECT} WHERE {narrow} ORDER BY a.drop_off, a.id", params)]


def page(
    tx: Tx, which: Filter, *, cursor: str | None = None, offset: int = 0, limit: int = 100
) -> tuple[list[Appointment], str | None]:
    """One page in order of drop-off, and the cursor of the next (None: this is the last); `offset` leaves so many out,
    which are counted in the index and not read. Raises `Invalid` for a cursor that isn't ours."""
    narrow, params = _conditions(which)
    if cursor is not None:
        narrow += " AND (a.drop_off, a.id) > (?, ?)"
        params += read_cursor(cursor)
    if offset:
        narrow = f"""a.rowid IN (SELECT a.rowid FROM appointment a WHERE {narrow}
                                 ORDER BY a.drop_off, a.id LIMIT ? OFFSET ?)"""
        params += (limit + 1, offset)
    rows = tx.run(f"{_SELECT} WHERE {narrow} ORDER BY a.drop_off, a.id LIMIT ?", (*params, limit + 1))
    kept, more = fill(rows, limit, _size)
    records = [_record(row) for row in kept]
    return records, write_cursor(iso(records[-1].drop_off), records[-1].id) if more else None


def count(tx: Tx, which: Filter) -> int:
    """How many there are."""
    narrow, params = _conditions(which)
    row = tx.one(f"SELECT count(*) AS n FROM appointment a WHERE {narrow}", params)
    return int(row["n"]) if row else 0


def search(tx: Tx, text: str, limit: int = 50) -> list[Appointment]:
    """By plate, VIN or its end, customer, telephone number, work order, DMS number or a partner's number. Every word of
    `text` must begin a word of the appointment. The latest drop-off first."""
    return _latest_first(_first(tx, index.appointments(tx, text, limit)))


def search_near(tx: Tx, text: str, limit: int = 50) -> list[Appointment]:
    """What nearly fits a text that finds nothing (`wtpd.store.search.near`). The latest drop-off first."""
    return _latest_first(_first(tx, index.near(tx, "appointment", text, limit)))


def _first(tx: Tx, ids: Sequence[str]) -> list[Appointment]:
    """As `many`, but no more than one page may hold."""
    rows = tx.run(f"{_SELECT_IN_ORDER} ON a.id = w.value", (to_json(list(ids)),))
    return [_record(row) for row in fill(rows, len(ids), _size)[0]]


def _size(row: Row) -> int:
    return len(row["interventions"]) + len(row["notes"]) + len(row["dms_notes"])


def _latest_first(found: list[Appointment]) -> list[Appointment]:
    return sorted(found, key=lambda one: one.drop_off, reverse=True)


def by_reference(tx: Tx, partner: str, partner_id: str) -> Appointment | None:
    row = tx.one(
        f"{_SELECT} WHERE a.id = (SELECT appointment_id FROM reference WHERE partner = ? AND partner_id = ?)",
        (partner, partner_id),
    )
    return None if row is None else _record(row)


def by_work_order(tx: Tx, work_order: str) -> list[Appointment]:
    rows = tx.all(f"{_SELECT} WHERE a.work_order = ? ORDER BY a.drop_off, a.id", (work_order,))
    return [_record(row) for row in rows]


def by_dms_number(tx: Tx, dms_number: str) -> list[Appointment]:
    rows = tx.all(f"{_SELECT} WHERE a.dms_number = ? ORDER BY a.drop_off, a.id", (dms_number,))
    return [_record(row) for row in rows]


def of_customer(tx: Tx, customer_id: str) -> list[Appointment]:
    rows = tx.all(f"{_SELECT} WHERE a.customer_id = ? ORDER BY a.drop_off, a.id", (customer_id,))
    return [_record(row) for row in rows]


def of_vehicle(tx: Tx, vehicle_id: str) -> list[Appointment]:
    rows = tx.all(f"{_SELECT} WHERE a.vehicle_id = ? ORDER BY a.drop_off, a.id", (vehicle_id,))
    return [_record(row) for row in rows]


def open_of(tx: Tx, *, customer_id: str | None = None, vehicle_id: str | None = None) -> list[tuple[str, str, str]]:
    """(id, site, department) of the appointments of a customer or vehicle that aren't over or off."""
    column, value = ("customer_id", customer_id) if customer_id is not None else ("vehicle_id", vehicle_id)
    rows = tx.all(
        f"""SELECT id, site, department FROM appointment
            WHERE {column} = ? AND status NOT IN ('completed', 'cancelled', 'no_show')""",
        (value,),
    )
    return [(row["id"], row["site"], row["department"]) for row in rows]


def neighbours(tx: Tx, appointment_ids: Sequence[str], within: timedelta) -> list[tuple[str, str]]:
    """Each of these appointments with the other live ones of its customer or vehicle at its site whose origin is
    another one and whose drop-off is at most `within` before or after its own."""
    near = f"""other.site = mine.site AND other.origin <> mine.origin AND other.status <> 'cancelled'
               AND other.id <> mine.id AND other.drop_off BETWEEN strftime('{_SECOND}', mine.drop_off, :before)
               AND strftime('{_SECOND}', mine.drop_off, :after)"""
    mine = "json_each(:ids) CROSS JOIN appointment mine ON mine.id = value CROSS JOIN appointment other INDEXED BY"
    rows = tx.all(
        f"""SELECT mine.id, other.id AS other
              FROM {mine} appointment_by_customer ON other.customer_id = mine.customer_id AND {near}
            UNION
            SELECT mine.id, other.id AS other
              FROM {mine} appointment_by_vehicle ON other.vehicle_id = mine.vehicle_id AND {near}""",
        {
            "ids": to_json(list(appointment_ids)), "before": f"-{within.total_seconds()} seconds",
            "after": f"+{within.total_seconds()} seconds",
        },
    )  # fmt: skip
    return sorted((row["id"], row["other"]) for row in rows)


def booked_units(
    tx: Tx, site: str, department: str, start: datetime, end: datetime, *, without: str | None = None
) -> float:
    """AW of the live appointments dropped off from `start` up to `end`; `without` leaves one out."""
    span = f"site = ? AND drop_off >= ? AND drop_off < ? AND department = ? AND {LIVE}"
    params = (site, iso(start), iso(end), department)
    row = tx.one(f"SELECT total(labour_units) FROM main.appointment INDEXED BY appointment_by_day WHERE {span}", params)
    units = float(row[0]) if row is not None else 0.0
    own = without and tx.one(f"SELECT labour_units FROM appointment WHERE id = ? AND {span}", (without, *params))
    return round(units - (own[0] if own else 0), 2)


def loads(tx: Tx, site: str, bounds: Sequence[datetime], department: str | None = None) -> list[DayLoad]:
    """What comes on each day into each department, days and departments without any left out; from the index alone.
    `bounds`: the first moment of each day, and the end of the last one. What an import hasn't shown yet isn't counted
    for whoever reads, so that the numbers are those of the lists; `booked_units` and `drop_offs` count it, so that
    nothing is offered that would be refused."""
    hidden = "AND a.id NOT IN (SELECT id FROM import_pending)" if imports.is_hiding(tx) else ""
    spans = [(iso(start), iso(end)) for start, end in pairwise(bounds)]
    rows = tx.all(
        f"""SELECT d.key AS day, a.department, count(*) AS n, total(a.labour_units) AS units
            FROM json_each(:spans) d CROSS JOIN main.appointment a INDEXED BY appointment_by_day
            WHERE a.site = :site AND a.drop_off >= d.value ->> 0 AND a.drop_off < d.value ->> 1
              AND {LIVE} AND (:department IS NULL OR a.department = :department) {hidden}
            GROUP BY d.key, a.department""",
        {"spans": to_json(spans), "site": site, "department": department},
    )
    return [DayLoad(row["day"], row["department"], row["n"], round(row["units"], 2)) for row in rows]


def drop_offs(tx: Tx, site: str, department: str, start: datetime, end: datetime) -> list[tuple[datetime, float]]:
    """(drop-off, AW) of the live appointments from `start` up to `end`, from the index alone."""
    rows = tx.all(
        f"""SELECT drop_off, labour_units FROM main.appointment INDEXED BY appointment_by_day
            WHERE site = ? AND drop_off >= ? AND drop_off < ? AND department = ? AND {LIVE} ORDER BY drop_off""",
        (site, iso(start), iso(end), department),
    )
    return list(zip(all_from_iso([row[0] for row in rows]), [row[1] for row in rows], strict=True))


def lent(tx: Tx, courtesy_car: str, start: datetime, end: datetime) -> list[tuple[str, datetime, datetime]]:
    """(appointment, from, until) of all lendings of a car that touch the time from `start` to `end`."""
    rows = tx.all(
        f"""SELECT id, drop_off, collection FROM appointment
            WHERE courtesy_car = ? AND {LIVE} AND drop_off < ? AND collection > ? ORDER BY drop_off""",
        (courtesy_car, iso(end), iso(start)),
    )
    return [(row["id"], from_iso(row["drop_off"]), from_iso(row["collection"])) for row in rows]


def insert(tx: Tx, appointment: Appointment) -> None:
    """Raises `sqlite3.IntegrityError` if the courtesy car is lent at that time."""
    tx.run(_INSERT, tuple(_values(appointment).values()))
    for partner, partner_id in appointment.references.items():
        tx.run(_REFER, (partner, partner_id, appointment.id))
    index.touch_appointment(tx, appointment.id)


def insert_many(tx: Tx, new: Sequence[Appointment]) -> None:
    """New appointments, in two statements. Raises `sqlite3.IntegrityError` as `insert` does."""
    tx.run_many(_INSERT, [tuple(_values(appointment).values()) for appointment in new])
    tx.run_many(_REFER, [(partner, partner_id, appointment.id) for appointment in new
                         for partner, partner_id in appointment.references.items()])  # fmt: skip
    for appointment in new:
        index.touch_appointment(tx, appointment.id)


def referred(tx: Tx, partner: str, numbers: Sequence[str]) -> set[str]:
    """Which of these numbers of a partner stand for an appointment."""
    rows = tx.all(
        "SELECT partner_id FROM reference WHERE partner = ? AND partner_id IN (SELECT value FROM json_each(?))",
        (partner, to_json(list(numbers))),
    )
    return {row["partner_id"] for row in rows}


def update(tx: Tx, before: Appointment, after: Appointment) -> None:
    """Write the columns that differ. Raises `sqlite3.IntegrityError` if the courtesy car is lent at that time."""
    old, new = _values(before), _values(after)
    changed = {name: value for name, value in new.items() if value != old[name]}
    if changed:
        assignments = ", ".join(f"{name} = ?" for name in changed)
        tx.run(f"UPDATE appointment SET {assignments} WHERE id = ?", (*changed.values(), after.id))
    if not _FOUND_BY.isdisjoint(changed):
        index.touch_appointment(tx, after.id)


def put_reference(tx: Tx, appointment_id: str, partner: str, partner_id: str, *, is_first: bool = False) -> None:
    """The number by which a partner knows the appointment now; each stands for one appointment, the last that was said.
    A number that was given up (it was cancelled there and made anew) is kept by the ledger of sync. `is_first`: the
    partner had none for it."""
    if is_first:
        index.add_number(tx, appointment_id, partner_id)
    else:
        tx.run("DELETE FROM reference WHERE appointment_id = ? AND partner = ?", (appointment_id, partner))
        index.touch_appointment(tx, appointment_id)
    tx.run(_REFER, (partner, partner_id, appointment_id))


def known_at(tx: Tx, appointment_id: str, partner: str) -> tuple[str | None, Mapping[str, str]]:
    """The partner's number of the appointment, and its links. Raises `NotFound`."""
    row = tx.one(
        """SELECT a.links, r.partner_id FROM appointment a
           LEFT JOIN reference r ON r.appointment_id = a.id AND r.partner = ? WHERE a.id = ?""",
        (partner, appointment_id),
    )
    if row is None:
        raise _missing(appointment_id)
    return row["partner_id"], from_json(row["links"])


def put_links(tx: Tx, appointment_id: str, links: Mapping[str, str]) -> None:
    tx.run("UPDATE appointment SET links = json_patch(links, ?) WHERE id = ?", (to_json(dict(links)), appointment_id))


def write_cursor(*parts: str) -> str:
    return base64.urlsafe_b64encode("\n".join(parts).encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[str, str]:
    """Raises `Invalid`."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        first, second = base64.b64decode(padded, altchars=b"-_", validate=True).decode().split("\n")
    except (ValueError, binascii.Error):
        raise Invalid(N_("That is no cursor of this list; start again at the first page.")) from None
    return first, second


def _missing(appointment_id: str) -> NotFound:
    return NotFound(N_("There is no appointment {id}.", id=appointment_id), facts={"id": appointment_id})


def _conditions(which: Filter) -> tuple[str, tuple[Any, ...]]:
    parts: list[tuple[str, Any]] = []
    if which.site is not None:
        parts.append(("a.site = ?", which.site))
    if which.start is not None:
        parts.append(("a.drop_off >= ?", iso(which.start)))
    if which.end is not None:
        parts.append(("a.drop_off < ?", iso(which.end)))
    if which.department is not None:
        parts.append(("a.department = ?", which.department))
    if which.customer_id is not None:
        parts.append(("a.customer_id = ?", which.customer_id))
    if which.vehicle_id is not None:
        parts.append(("a.vehicle_id = ?", which.vehicle_id))
    if which.statuses is not None:
        parts.append(("a.status IN (SELECT value FROM json_each(?))", to_json([str(one) for one in which.statuses])))
    return " AND ".join(sql for sql, _ in parts) or "true", tuple(value for _, value in parts)


def _record(row: Row) -> Appointment:
    values = {name: row[name] for name in _COLUMNS}
    del values["labour_units"]
    for name in TIMES:
        if values[name] is not None:
            values[name] = from_iso(values[name])
    for name in FLAGS:
        values[name] = bool(values[name])
    values["status"] = Status(values["status"])
    values["interventions"] = _read_work(values["interventions"])
    values["links"] = from_json(values["links"])
    return Appointment(references=from_json(row["references"]), **values)


def _values(appointment: Appointment) -> dict[str, Any]:
    """Columns of the row, in the order of `_COLUMNS`."""
    values = {name: getattr(appointment, name) for name in _COLUMNS}
    for name in TIMES:
        if values[name] is not None:
            values[name] = iso(values[name])
    for name in FLAGS:
        values[name] = int(values[name])
    values["status"] = str(values["status"])
    values["interventions"] = _write_work(appointment.interventions).decode()
    values["links"] = to_json(dict(appointment.links))
    return values


assert FREE == (Status.CANCELLED, Status.NO_SHOW), "the SQL says so too"
