"""Advisors, courtesy cars and closures in the database."""

from __future__ import annotations

from datetime import datetime
from sqlite3 import Row

import msgspec

from wtpd.clock import iso
from wtpd.errors import NotFound
from wtpd.planner.resources import Advisor, Closure, CourtesyCar, Hours, Period
from wtpd.store.damage import from_iso
from wtpd.store.database import Tx, from_json, to_json
from wtpd.texts import N_

_read_hours = msgspec.json.Decoder(dict[int, Hours]).decode
_read_periods = msgspec.json.Decoder(tuple[Period, ...]).decode
_encode = msgspec.json.Encoder().encode


def find_advisor(tx: Tx, advisor_id: str) -> Advisor | None:
    row = tx.one("SELECT * FROM advisor WHERE id = ?", (advisor_id,))
    return None if row is None else _advisor(row)


def get_advisor(tx: Tx, advisor_id: str) -> Advisor:
    """Raises `NotFound`."""
    found = find_advisor(tx, advisor_id)
    if found is None:
        raise NotFound(N_("There is no service advisor {id}.", id=advisor_id), facts={"id": advisor_id})
    return found


def advisors(tx: Tx, *, site: str | None = None, department: str | None = None) -> list[Advisor]:
    """Active ones and others, by id."""
    rows = tx.all(
        """SELECT * FROM advisor WHERE (:site IS NULL OR site = :site)
           AND (:department IS NULL OR department = :department) ORDER BY id""",
        {"site": site, "department": department},
    )
    return [_advisor(row) for row in rows]


def put_advisor(tx: Tx, advisor: Advisor) -> None:
    """Insert or replace."""
    tx.run(
        """INSERT INTO advisor (id, name, site, department, weekly_hours, absences, active, version)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (id) DO UPDATE SET name = excluded.name, site = excluded.site, department = excluded.department,
             weekly_hours = excluded.weekly_hours, absences = excluded.absences, active = excluded.active,
             version = excluded.version""",
        (
            advisor.id, advisor.name, advisor.site, advisor.department, _encode(advisor.weekly_hours).decode(),
            _encode(advisor.absences).decode(), int(advisor.active), advisor.version,
        ),
    )  # fmt: skip


def find_courtesy_car(tx: Tx, car_id: str) -> CourtesyCar | None:
    row = tx.one("SELECT * FROM courtesy_car WHERE id = ?", (car_id,))
    return None if row is None else _car(row)


def get_courtesy_car(tx: Tx, car_id: str) -> CourtesyCar:
    """Raises `NotFound`."""
    found = find_courtesy_car(tx, car_id)
    if found is None:
        raise NotFound(N_("There is no courtesy car {id}.", id=car_id), facts={"id": car_id})
    return found


def courtesy_cars(tx: Tx, *, site: str | None = None) -> list[CourtesyCar]:
    """Active ones and others, by id."""
    rows = tx.all("SELECT * FROM courtesy_car WHERE :site IS NULL OR site = :site ORDER BY id", {"site": site})
    return [_car(row) for row in rows]


def put_courtesy_car(tx: Tx, car: CourtesyCar) -> None:
    """Insert or replace."""
    tx.run(
        """INSERT INTO courtesy_car
             (id, plate, make, model, vehicle_class, features, site, out_of_service, active, version)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (id) DO UPDATE SET plate = excluded.plate, make = excluded.make, model = excluded.model,
             vehicle_class = excluded.vehicle_class, features = excluded.features, site = excluded.site,
             out_of_service = excluded.out_of_service, active = excluded.active, version = excluded.version""",
        (
            car.id, car.plate, car.make, car.model, car.vehicle_class, to_json(list(car.features)), car.site,
            _encode(car.out_of_service).decode(), int(car.active), car.version,
        ),
    )  # fmt: skip


def find_closure(tx: Tx, closure_id: str) -> Closure | None:
    row = tx.one("SELECT * FROM closure WHERE id = ?", (closure_id,))
    return None if row is None else _closure(row)


def get_closure(tx: Tx, closure_id: str) -> Closure:
    """Raises `NotFound`."""
    found = find_closure(tx, closure_id)
    if found is None:
        raise NotFound(N_("There is no closure {id}.", id=closure_id), facts={"id": closure_id})
    return found


def closures(tx: Tx, site: str, start: datetime, end: datetime, *, department: str | None = None) -> list[Closure]:
    """Those that touch the time from `start` to `end`. With `department`: its own and those of the whole site."""
    rows = tx.all(
        """SELECT * FROM closure WHERE site = :site AND "start" < :end AND "end" > :start
           AND (:department IS NULL OR department IS NULL OR department = :department) ORDER BY "start", id""",
        {"site": site, "start": iso(start), "end": iso(end), "department": department},
    )
    return [_closure(row) for row in rows]


def all_closures(tx: Tx, *, site: str | None = None) -> list[Closure]:
    rows = tx.all("""SELECT * FROM closure WHERE :site IS NULL OR site = :site ORDER BY "start", id""", {"site": site})
    return [_closure(row) for row in rows]


def put_closure(tx: Tx, closure: Closure) -> None:
    """Insert or replace."""
    tx.run(
        """INSERT INTO closure (id, site, department, "start", "end", reason, version) VALUES (?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (id) DO UPDATE SET site = excluded.site, department = excluded.department,
             "start" = excluded."start", "end" = excluded."end", reason = excluded.reason,
             version = excluded.version""",
        (
            closure.id, closure.site, closure.department, iso(closure.start), iso(closure.end), closure.reason,
            closure.version,
        ),
    )  # fmt: skip


def delete_closure(tx: Tx, closure_id: str) -> None:
    tx.run("DELETE FROM closure WHERE id = ?", (closure_id,))


def _advisor(row: Row) -> Advisor:
    return Advisor(
        id=row["id"],
        name=row["name"],
        site=row["site"],
        department=row["department"],
        weekly_hours=_read_hours(row["weekly_hours"]),
        absences=_read_periods(row["absences"]),
        active=bool(row["active"]),
        version=row["version"],
    )


def _car(row: Row) -> CourtesyCar:
    return CourtesyCar(
        id=row["id"],
        plate=row["plate"],
        make=row["make"],
        model=row["model"],
        vehicle_class=row["vehicle_class"],
        features=tuple(from_json(row["features"])),
        site=row["site"],
        out_of_service=_read_periods(row["out_of_service"]),
        active=bool(row["active"]),
        version=row["version"],
    )


def _closure(row: Row) -> Closure:
    return Closure(
        id=row["id"],
        site=row["site"],
        department=row["department"],
        start=from_iso(row["start"]),
        end=from_iso(row["end"]),
        reason=row["reason"],
        version=row["version"],
    )
