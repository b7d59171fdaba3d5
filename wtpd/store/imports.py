"""An import on its way into the database: written in portions, seen all at once (docs/adr/0046).

New records are written as `pending`; the connections that read see tables without them while the import's state is
`writing`. One small commit turns it to `telling`: from then on they are seen, and told to partners and listeners in
portions. What was written can be written again: records that are there are left out, so that an import that was
interrupted goes on where it was.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wtpd.clock import iso_exact
from wtpd.errors import Unavailable
from wtpd.store import search as index
from wtpd.store.database import Tx, to_json
from wtpd.texts import N_

TABLES = {
    "advisor": "advisor",
    "courtesy_car": "courtesy_car",
    "customer": "customer",
    "vehicle": "vehicle",
    "appointment": "appointment",
}
"""Kinds of records in the order in which they are written: each needs those before it."""
BELONGING = {
    "customer": (("customer_contact", "customer_id"),),
    "appointment": (
        ("reference", "appointment_id"), ("history", "appointment_id"), ("courtesy_contract", "appointment_id"),
    ),
}  # fmt: skip
"""Tables whose rows are part of a record, with the column that says of which."""

Columns = Mapping[str, Any]
"""A row by the names of its columns."""


@dataclass(frozen=True, slots=True)
class Run:
    """The import that is under way. `plan`: name of the file that says what is to be written; `state`: `checking`,
    `writing` or `telling`."""

    plan: str
    state: str
    actor: str


def current(tx: Tx) -> Run | None:
    row = tx.one("SELECT plan, state, actor FROM import_run")
    return None if row is None else Run(row["plan"], row["state"], row["actor"])


def begin(tx: Tx, plan: str, actor: str) -> None:
    """Raises `Unavailable` if another import is under way."""
    refuse_if_under_way(tx)
    tx.run("INSERT INTO import_run VALUES (1, ?, 'checking', ?, ?)", (plan, iso_exact(tx.now), actor))


def enter(tx: Tx, state: str) -> None:
    tx.run("UPDATE import_run SET state = ?", (state,))


def end(tx: Tx) -> None:
    tx.run("DELETE FROM import_run")
    tx.run("DELETE FROM import_changed")


def is_changed(tx: Tx, record_id: str) -> bool:
    """Whether the import has changed this older record."""
    return tx.one("SELECT 1 FROM import_changed WHERE id = ?", (record_id,)) is not None


def note_changed(tx: Tx, record_id: str) -> None:
    tx.run("INSERT INTO import_changed VALUES (?)", (record_id,))


def refuse_if_under_way(tx: Tx) -> None:
    """Raises `Unavailable` while an import is under way: what must not meet records that are still to come."""
    if current(tx) is not None:
        raise Unavailable(N_("An import is under way; try again when it is done."), kind="importing")


def write(tx: Tx, kind: str, rows: Sequence[Columns], belonging: Mapping[str, Sequence[Columns]]) -> None:
    """New records as they are, pending. Those that are there already are left out. Raises `sqlite3.IntegrityError` for
    one that can't be (again)."""
    ids = to_json([row["id"] for row in rows])
    table = TABLES[kind]
    known = {
        row["id"] for row in tx.all(f"SELECT id FROM {table} WHERE id IN (SELECT value FROM json_each(?))", (ids,))
    }
    fresh = [row for row in rows if row["id"] not in known]
    tx.run_many("INSERT INTO import_pending (id, kind) VALUES (?, ?)", [(row["id"], kind) for row in fresh])
    _insert(tx, table, fresh)
    for name, column in BELONGING.get(kind, ()):
        _insert(tx, name, [row for row in belonging.get(name, ()) if row[column] not in known])
    touch = _TOUCH.get(kind)
    if touch is not None:
        for row in fresh:
            touch(tx, row["id"])


_TOUCH = {"customer": index.touch_customer, "vehicle": index.touch_vehicle, "appointment": index.touch_appointment}


def pending(tx: Tx, kind: str, limit: int) -> list[str]:
    rows = tx.all("SELECT id FROM import_pending WHERE kind = ? ORDER BY id LIMIT ?", (kind, limit))
    return [row["id"] for row in rows]


def told(tx: Tx, ids: Sequence[str]) -> None:
    """They are records like all others from now on."""
    tx.run("DELETE FROM import_pending WHERE id IN (SELECT value FROM json_each(?))", (to_json(list(ids)),))


def is_hiding(tx: Tx) -> bool:
    """Whether this connection sees no record that is pending, and there may be some."""
    return (
        tx.one(
            """SELECT 1 FROM import_run WHERE state = 'writing'
               AND EXISTS (SELECT 1 FROM temp.sqlite_schema WHERE name = 'appointment')"""
        )
        is not None
    )


def hide(con: sqlite3.Connection) -> None:
    """Let this connection see no record that is pending, whatever it asks: temporary views take the places of the
    tables. `main.appointment` is still the table with all."""
    con.execute("PRAGMA query_only=OFF")
    for table in TABLES.values():
        con.execute(
            f"""CREATE TEMP VIEW IF NOT EXISTS {table} AS
                SELECT rowid AS rowid, * FROM main.{table} AS t
                WHERE NOT EXISTS (SELECT 1 FROM main.import_pending p WHERE p.id = t.id)
                  OR (SELECT state FROM main.import_run) IS NOT 'writing'"""
        )
    con.execute("PRAGMA query_only=ON")


def show(con: sqlite3.Connection) -> None:
    """Let this connection see everything again."""
    con.execute("PRAGMA query_only=OFF")
    for table in TABLES.values():
        con.execute(f"DROP VIEW IF EXISTS temp.{table}")
    con.execute("PRAGMA query_only=ON")


def _insert(tx: Tx, table: str, rows: Iterable[Columns]) -> None:
    rows = [dict(row) for row in rows]
    if not rows:
        return
    names = [name for name in rows[0] if (table, name) != ("history", "id")]
    columns, places = ", ".join(f'"{name}"' for name in names), ", ".join("?" * len(names))
    tx.run_many(f"INSERT INTO {table} ({columns}) VALUES ({places})", [[row[name] for name in names] for row in rows])
