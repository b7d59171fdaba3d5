"""Vehicles in the database, and how they are found: by plate and VIN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import date
from sqlite3 import Row

from wtpd.errors import NotFound
from wtpd.planner.plates import plate_key, plate_keys_for_search
from wtpd.planner.vehicle import Vehicle
from wtpd.store import countries
from wtpd.store import search as index
from wtpd.store.database import Tx, to_json
from wtpd.store.pages import characters, fill
from wtpd.texts import N_

_FIELDS = tuple(field.name for field in fields(Vehicle))
_COLUMNS = (*_FIELDS, "plate_key")
_ROLES = ("driver", "owner", "contractor")
_DATES = ("first_registration", "inspection_due", "odometer_date", "warranty_start", "warranty_end")
_INSERT = f"INSERT INTO vehicle ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
_UPDATE = f"UPDATE vehicle SET {', '.join(f'{name} = ?' for name in _COLUMNS)} WHERE id = ?"


def find(tx: Tx, vehicle_id: str) -> Vehicle | None:
    row = tx.one("SELECT * FROM vehicle WHERE id = ?", (vehicle_id,))
    return None if row is None else _record(row)


def get(tx: Tx, vehicle_id: str) -> Vehicle:
    """Raises `NotFound`."""
    found = find(tx, vehicle_id)
    if found is None:
        raise NotFound(N_("There is no vehicle {id}.", id=vehicle_id), facts={"id": vehicle_id})
    return found


def many(tx: Tx, ids: Sequence[str]) -> dict[str, Vehicle]:
    """Those that exist, by id."""
    rows = tx.all("SELECT * FROM vehicle WHERE id IN (SELECT value FROM json_each(?))", (to_json(list(ids)),))
    return {row["id"]: _record(row) for row in rows}


def by_vin(tx: Tx, vin: str, limit: int = 20) -> list[Vehicle]:
    rows = tx.all("SELECT * FROM vehicle WHERE vin = ? AND vin <> '' ORDER BY id LIMIT ?", (vin.upper(), limit))
    return [_record(row) for row in rows]


def by_vins(tx: Tx, vins: Sequence[str]) -> dict[str, list[Vehicle]]:
    """Those that exist, by VIN in capital letters."""
    rows = tx.all(
        "SELECT * FROM vehicle WHERE vin IN (SELECT value FROM json_each(?)) AND vin <> '' ORDER BY id",
        (to_json(list(vins)),),
    )
    found: dict[str, list[Vehicle]] = {}
    for row in rows:
        found.setdefault(row["vin"], []).append(_record(row))
    return found


def known_plates(tx: Tx, keys: Sequence[str]) -> set[str]:
    """Which of these keys of plates (`plate_key`) vehicles are kept under."""
    rows = tx.all(
        "SELECT DISTINCT plate_key FROM vehicle WHERE plate_key IN (SELECT value FROM json_each(?))",
        (to_json(list(keys)),),
    )
    return {row["plate_key"] for row in rows if row["plate_key"]}


def by_plate(tx: Tx, plate: str, limit: int = 20) -> list[Vehicle]:
    """`plate` in any way of writing; without its separator a German one can be several."""
    rows = tx.all(
        """SELECT * FROM vehicle WHERE plate_key IN (SELECT value FROM json_each(?)) AND plate_key <> ''
           ORDER BY id LIMIT ?""",
        (to_json(plate_keys_for_search(plate)), limit),
    )
    return [_record(row) for row in rows]


def with_plate_and_another_vin(tx: Tx, vehicle: Vehicle) -> list[Vehicle]:
    """Other cars, by their VIN, that are kept under the plate of this one."""
    rows = tx.all(
        """SELECT * FROM vehicle WHERE plate_key = ? AND plate_key <> '' AND vin <> '' AND vin <> ? AND id <> ?
           ORDER BY id""",
        (plate_key(vehicle.plate, countries.home(tx)), vehicle.vin, vehicle.id),
    )
    return [_record(row) for row in rows]


def of_customer(tx: Tx, customer_id: str) -> list[Vehicle]:
    """Those whose driver, owner or contractor the customer is."""
    return of_customers(tx, [customer_id])


def of_customers(tx: Tx, ids: Sequence[str]) -> list[Vehicle]:
    """Those whose driver, owner or contractor one of the customers is."""
    held = " UNION ".join(
        f"SELECT v.id FROM json_each(:ids) one CROSS JOIN vehicle v ON v.{role} = one.value" for role in _ROLES
    )  # the order is given: with many ids SQLite would rather read the whole table
    rows = tx.all(f"SELECT * FROM vehicle WHERE id IN ({held}) ORDER BY id", {"ids": to_json(list(ids))})
    return [_record(row) for row in rows]


def search(tx: Tx, text: str, limit: int = 50) -> list[Vehicle]:
    """By plate, VIN (or its end), make and model; the newest first."""
    return _in_order(tx, index.vehicles(tx, text, limit))


def search_near(tx: Tx, text: str, limit: int = 50) -> list[Vehicle]:
    """What nearly fits a text that finds nothing (`wtpd.store.search.near`)."""
    return _in_order(tx, index.near(tx, "vehicle", text, limit))


def _in_order(tx: Tx, ids: Sequence[str]) -> list[Vehicle]:
    """As many as one page may hold."""
    held = to_json(list(ids))
    rows = tx.run("SELECT r.* FROM json_each(?) w CROSS JOIN vehicle r ON r.id = w.value", (held,))
    return [_record(row) for row in fill(rows, len(ids), characters)[0]]


def page(tx: Tx, *, after: str = "", limit: int = 100) -> tuple[list[Vehicle], str | None]:
    """In the order of their ids, those behind the id `after`; and the id behind which the next page begins, or None."""
    rows = tx.run("SELECT * FROM vehicle WHERE id > ? ORDER BY id LIMIT ?", (after, limit + 1))
    kept, more = fill(rows, limit, characters)
    return [_record(row) for row in kept], kept[-1]["id"] if more else None


def insert(tx: Tx, vehicle: Vehicle) -> None:
    tx.run(_INSERT, _values(countries.home(tx), vehicle))
    index.touch_vehicle(tx, vehicle.id)


def insert_many(tx: Tx, new: Sequence[Vehicle]) -> None:
    """New vehicles, in one statement."""
    home = countries.home(tx)
    tx.run_many(_INSERT, [_values(home, vehicle) for vehicle in new])
    for vehicle in new:
        index.touch_vehicle(tx, vehicle.id)


def update(tx: Tx, vehicle: Vehicle) -> None:
    tx.run(_UPDATE, (*_values(countries.home(tx), vehicle), vehicle.id))
    index.touch_vehicle(tx, vehicle.id)


def _record(row: Row) -> Vehicle:
    values = {name: row[name] for name in _FIELDS}
    for name in _DATES:
        if values[name] is not None:
            values[name] = date.fromisoformat(values[name])
    return Vehicle(**values)


def _values(home: str, vehicle: Vehicle) -> tuple[object, ...]:
    values = {name: getattr(vehicle, name) for name in _FIELDS}
    for name in _DATES:
        if values[name] is not None:
            values[name] = values[name].isoformat()
    return (*values.values(), plate_key(vehicle.plate, home) if vehicle.plate else "")
