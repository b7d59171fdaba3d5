"""A database whose file is damaged: how that shows, and a check of the whole file in pieces (spec: operations.md).

SQLite finds a damaged page only when it reads it, and never looks at the bytes of a text. So the check goes through
every table: its pages (`PRAGMA quick_check`), and whether its texts are UTF-8.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from wtpd import clock
from wtpd.errors import Unavailable
from wtpd.texts import N_

ROWS_AT_ONCE = 500
DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Damaged(Unavailable):
    """Something in the database can't be read."""

    kind = "storage"

    def __init__(self, reason: str = "") -> None:
        """`reason`: for the log."""
        super().__init__(
            N_("The database is damaged: this can't be read. What to do: wtpd status"),
            facts={"sqlite": "SQLITE_CORRUPT"},
        )
        self.reason = reason


def is_damage(error: BaseException) -> bool:
    """Whether an error of `sqlite3` comes from the bytes in the file. An error whose own sentence quotes damaged bytes
    comes out of Python's module as UnicodeDecodeError."""
    if isinstance(error, UnicodeDecodeError):
        return True
    if not isinstance(error, sqlite3.Error):
        return False
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and (code & 0xFF) in DAMAGE:
        return True
    return str(error).startswith(("Could not decode to UTF-8", "invalid fts5 file format", "malformed"))


def from_iso(text: str) -> datetime:
    """A time as the database keeps it. Raises `Damaged` for anything else."""
    try:
        return clock.from_iso(text)
    except (ValueError, TypeError, OverflowError) as error:
        raise Damaged(f"no time: {error}") from None


def all_from_iso(texts: Sequence[str]) -> list[datetime]:
    """As `from_iso` for each, at once: ten times as fast."""
    try:
        moments = msgspec.convert(texts, list[datetime])
    except msgspec.ValidationError:
        return [from_iso(text) for text in texts]
    return moments if all(each.tzinfo is UTC for each in moments) else [from_iso(text) for text in texts]


@dataclass(frozen=True, slots=True)
class Table:
    """A table, and how its rows are gone through. `texts`: the names of its text columns, quoted."""

    name: str
    texts: tuple[str, ...]
    has_rowid: bool


def tables(con: sqlite3.Connection) -> list[Table]:
    """All tables with pages of their own."""
    found = [Table("sqlite_schema", (), True)]
    rows = con.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 ORDER BY name")
    for name, sql in rows.fetchall():
        columns = con.execute(f"SELECT name, type FROM pragma_table_info({_literal(name)})").fetchall()
        texts = tuple(_quoted(column) for column, kind in columns if str(kind).upper() == "TEXT")
        found.append(Table(name, texts, "WITHOUT ROWID" not in (sql or "").upper()))
    return found


def check_pages(con: sqlite3.Connection, table: Table) -> str | None:
    """The first thing that is wrong with the pages of a table and its indices."""
    try:
        row = con.execute(f"PRAGMA quick_check({_quoted(table.name)})").fetchone()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        return str(error) if is_damage(error) else None
    return None if row is None or row[0] == "ok" else str(row[0])


def check_texts(con: sqlite3.Connection, table: Table) -> Iterator[str | None]:
    """Goes through the rows of a table, `ROWS_AT_ONCE` for each step; yields what is wrong with them, then it ends."""
    if not table.texts:
        return
    columns = ", ".join(table.texts)
    last = -(2**63)
    while True:
        con.text_factory = bytes
        try:
            if table.has_rowid:
                sql = f"SELECT rowid, {columns} FROM {_quoted(table.name)} WHERE rowid > ? ORDER BY rowid LIMIT ?"
                rows = con.execute(sql, (last, ROWS_AT_ONCE)).fetchall()
            else:
                rows = con.execute(f"SELECT 0, {columns} FROM {_quoted(table.name)}").fetchall()
            for row in rows:
                for value in tuple(row)[1:]:
                    if isinstance(value, bytes):
                        value.decode()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if is_damage(error):
                yield str(error)
            return
        finally:
            con.text_factory = str
        if len(rows) < ROWS_AT_ONCE or not table.has_rowid:
            return
        last = rows[-1][0]
        yield None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
