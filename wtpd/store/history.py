"""The change history of appointments: one entry a change, append-only (spec: planner.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from sqlite3 import Cursor, Row

import msgspec

from wtpd.clock import iso_exact
from wtpd.planner.history import Author, Change, Entry
from wtpd.store.damage import from_iso
from wtpd.store.database import Tx
from wtpd.store.pages import fill

_read_changes = msgspec.json.Decoder(dict[str, Change]).decode
_write_changes = msgspec.json.Encoder().encode


def append(
    tx: Tx,
    appointment_id: str,
    version: int,
    action: str,
    changes: Mapping[str, Change],
    author: Author,
    *,
    undoes: int | None = None,
) -> None:
    """`action` is `created`, `changed` or `cancelled`; `changes` hold JSON values; `undoes` is the entry that is taken
    back by it."""
    tx.run(
        """INSERT INTO history (appointment_id, at, actor, channel, action, version, changes, undoes)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            appointment_id, iso_exact(tx.now), author.actor, author.interface, action, version,
            _write_changes(changes).decode(), undoes,
        ),
    )  # fmt: skip


def append_created(tx: Tx, new: Sequence[tuple[str, Mapping[str, Change]]], author: Author) -> None:
    """The first entries of new appointments (id, changes), in one statement."""
    at = iso_exact(tx.now)
    tx.run_many(
        """INSERT INTO history (appointment_id, at, actor, channel, action, version, changes)
           VALUES (?, ?, ?, ?, 'created', 1, ?)""",
        [(one, at, author.actor, author.interface, _write_changes(changes).decode()) for one, changes in new],
    )


def of(tx: Tx, appointment_id: str) -> list[Entry]:
    """All entries of one appointment, oldest first."""
    return list(each(tx, appointment_id))


def each(tx: Tx, appointment_id: str) -> Iterator[Entry]:
    """As `of`, but read one after another: all together may be large."""
    return map(_entry, _rows(tx, appointment_id, 0))


def part(tx: Tx, appointment_id: str, *, after: int = 0, limit: int) -> tuple[list[Entry], bool]:
    """As many entries of one appointment as one page may hold, oldest first, behind the version `after`; and whether
    more follow."""
    kept, more = fill(_rows(tx, appointment_id, after), limit, lambda row: len(row["changes"]))
    return [_entry(row) for row in kept], more


def _rows(tx: Tx, appointment_id: str, after: int) -> Cursor:
    sql = "SELECT * FROM history WHERE appointment_id = ? AND version > ? ORDER BY version"
    return tx.run(sql, (appointment_id, after))


def last_actor(tx: Tx, appointment_id: str) -> str:
    """Who made the last change of the appointment; "" if it has no history."""
    row = tx.one("SELECT actor FROM history WHERE appointment_id = ? ORDER BY version DESC LIMIT 1", (appointment_id,))
    return str(row["actor"]) if row else ""


def page(tx: Tx, *, after: int = 0, limit: int = 100) -> list[Entry]:
    """Entries of all appointments behind entry `after`, oldest first."""
    return [_entry(row) for row in tx.all("SELECT * FROM history WHERE id > ? ORDER BY id LIMIT ?", (after, limit))]


def _entry(row: Row) -> Entry:
    return Entry(
        id=row["id"],
        appointment_id=row["appointment_id"],
        at=from_iso(row["at"]),
        actor=row["actor"],
        channel=row["channel"],
        action=row["action"],
        version=row["version"],
        changes=_read_changes(row["changes"]),
        undoes=row["undoes"],
    )
