"""What public registers say of vehicles, and which vehicles come soon."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from sqlite3 import Row

import msgspec

from wtpd.clock import iso
from wtpd.planner.plates import dutch_key
from wtpd.planner.vehicle import Vehicle
from wtpd.store import attention
from wtpd.store.damage import from_iso
from wtpd.store.database import Tx, to_json
from wtpd.vehicle_data.checks import Check, Facts, Visit, is_other_make

WRONG_PLATE = "wrong_plate"
_SETTLED = "changed"

_decode = msgspec.json.Decoder(Facts).decode

VISITS = """SELECT a.id, a.site, a.vehicle_id, a.drop_off, v.plate
  FROM appointment a JOIN vehicle v ON v.id = a.vehicle_id
  WHERE a.drop_off >= ? AND a.drop_off < ? AND a.status IN ('scheduled', 'arrived') AND v.plate_key <> ''
  AND a.site IN (SELECT value FROM json_each(?)) ORDER BY a.drop_off, a.id"""


def visits(tx: Tx, sites: Collection[str], begin: datetime, end: datetime) -> list[Visit]:
    """The visits at the sites in that time whose vehicle has a plate, in their order."""
    rows = tx.all(VISITS, (iso(begin), iso(end), to_json(sorted(sites))))
    return [
        Visit(
            appointment_id=row["id"],
            site=row["site"],
            vehicle_id=row["vehicle_id"],
            plate=row["plate"],
            drop_off=from_iso(row["drop_off"]),
        )
        for row in rows
    ]


def of_vehicles(tx: Tx, ids: Collection[str], source: str) -> dict[str, Check]:
    """The last checks by one source, by vehicle."""
    rows = tx.all(
        "SELECT * FROM vehicle_check WHERE vehicle_id IN (SELECT value FROM json_each(?)) AND source = ?",
        (to_json(sorted(ids)), source),
    )
    return {row["vehicle_id"]: _check(row) for row in rows}


def of_vehicle(tx: Tx, vehicle_id: str) -> list[Check]:
    return [_check(row) for row in tx.all("SELECT * FROM vehicle_check WHERE vehicle_id = ?", (vehicle_id,))]


def put(tx: Tx, check: Check) -> None:
    facts = None if check.facts is None else msgspec.json.encode(check.facts).decode()
    tx.run(
        "REPLACE INTO vehicle_check VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            check.vehicle_id, check.source, check.plate, iso(check.asked_at), int(check.is_known),
            None if check.at is None else iso(check.at), facts, to_json(check.filled),
        ),
    )  # fmt: skip


def close_wrong_plates(tx: Tx, vehicle_id: str, *, by: str) -> None:
    """Close the entries that say that the vehicle has another one's plate."""
    rows = tx.all(
        f"""SELECT id FROM attention
            WHERE kind = '{WRONG_PLATE}' AND data ->> 'vehicle' = ? AND resolved_at IS NULL""",
        (vehicle_id,),
    )
    for row in rows:
        attention.resolve(tx, row["id"], by=by, resolution="done")


def close_settled(tx: Tx, vehicle: Vehicle) -> None:
    """Close the entries that no longer hold, since the vehicle has another plate or make by now."""
    rows = tx.all(
        f"""SELECT id, data ->> 'plate' AS plate, data ->> 'theirs' AS theirs FROM attention
            WHERE kind = '{WRONG_PLATE}' AND data ->> 'vehicle' = ? AND resolved_at IS NULL""",
        (vehicle.id,),
    )
    for row in rows:
        is_same_plate = dutch_key(row["plate"] or "") == dutch_key(vehicle.plate)
        if not (is_same_plate and is_other_make(vehicle.make, row["theirs"] or "")):
            attention.resolve(tx, row["id"], by="wtpd", resolution=_SETTLED)


def was_decided(tx: Tx, once: str, actor: str) -> bool:
    """Whether somebody closed an entry of that name: not the register, nor a change of the vehicle."""
    row = tx.one(
        """SELECT 1 FROM attention WHERE once = ? AND kind = ? AND resolved_at IS NOT NULL
             AND resolved_by <> ? AND resolution <> ?""",
        (once, WRONG_PLATE, actor, _SETTLED),
    )
    return row is not None


def _check(row: Row) -> Check:
    return Check(
        vehicle_id=row["vehicle_id"],
        source=row["source"],
        plate=row["plate"],
        asked_at=from_iso(row["asked_at"]),
        is_known=bool(row["is_known"]),
        at=None if row["at"] is None else from_iso(row["at"]),
        facts=None if row["facts"] is None else _decode(row["facts"]),
        filled=msgspec.json.decode(row["filled"]),
    )
