"""The plan of an import: a database of its own in which the whole import is carried out first (docs/adr/0046).

It gets what the lists name of the book (their customers, vehicles, appointments with history, courtesy cars and who has
them), and the load of all days as sums; then the import runs in it by the rules of the book, in one transaction that
stops nobody. What is wrong is found there, and the book was never touched. What is right stands there as it is to be:
new records, and changed ones.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wtpd.book.book import Book
from wtpd.book.importing.bulk import PARTNER
from wtpd.book.importing.run import ImportResult, Prepared, apply
from wtpd.planner.history import Author
from wtpd.store import erased, imports
from wtpd.store.appointments import LIVE
from wtpd.store.connection import translated
from wtpd.store.database import Finish, Tx
from wtpd.store.migrations import migrate

_BALLAST = "load of "
"""Ids of rows that stand for the load of an hour begin so."""


_NOT_NEEDED = (
    "appointment_by_time", "appointment_by_work_order", "appointment_by_dms_number", "customer_by_name",
    "vehicle_by_driver", "vehicle_by_owner", "vehicle_by_contractor",
)  # fmt: skip
"""Indexes that nothing is looked up by in a plan."""


class PlanTx(Tx):
    """A transaction of the plan: nobody is told, and nothing is searched for there."""

    __slots__ = ()

    def emit(self, kind: str, /, **data: Any) -> None:
        pass

    def emit_many(self, kind: str, /, data: Sequence[Mapping[str, Any]]) -> None:
        pass

    def signal(self, name: str) -> None:
        pass

    def at_commit(self, finish: Finish, key: str) -> None:
        pass


def make(
    path: Path,
    database: Path,
    prepared: Prepared,
    book: Book,
    sites: Mapping[str, str],
    author: Author,
    now: datetime,
    progress: Callable[[int], None],
) -> ImportResult:
    """Write the plan to `path`, for the book in the file `database`. Blocking. Raises `Invalid` with every problem, and
    `Unavailable` if the disk is full."""
    try:
        with closing(_opened(path)) as con:
            migrate(con, path)
            _take_over(con, database, prepared)
            con.execute("BEGIN")
            result = apply(PlanTx(con, now), book, prepared, sites, author, progress, telling=False)
            con.execute("COMMIT")
    except sqlite3.Error as error:
        raise translated(error) from error
    _sync(path)
    return result


class Plan:
    """A plan that is made, to be read; of one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._con = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
        self._con.row_factory = sqlite3.Row
        self._con.execute("PRAGMA cache_size=-4000")

    def close(self) -> None:
        self._con.close()

    @property
    def tx(self) -> Tx:
        """To read records with the functions of the store."""
        return Tx(self._con, datetime.min.replace(tzinfo=UTC))

    def count(self) -> int:
        """How many records are new or changed."""
        return sum(map(self._count, imports.TABLES))

    def new(
        self, kind: str, size: Callable[[], int]
    ) -> Iterator[tuple[list[dict[str, Any]], dict[str, list[dict[str, Any]]]]]:
        """New records in portions, as rows, with the rows of other tables that belong to them. `size` is asked before
        each."""
        last = 0
        while True:
            rows = self._con.execute(
                f"SELECT rowid AS place, t.* FROM {kind} t WHERE rowid > ? AND {_NEW} ORDER BY rowid LIMIT ?",
                (last, kind, size()),
            ).fetchall()
            if not rows:
                return
            last = rows[-1]["place"]
            records = [{name: value for name, value in dict(row).items() if name != "place"} for row in rows]
            ids = [record["id"] for record in records]
            yield (
                records,
                {table: self._belonging(table, column, ids) for table, column in imports.BELONGING.get(kind, ())},
            )

    def changed(self, kind: str) -> list[tuple[str, int]]:
        """Ids of records that were there and are changed, with the version they had."""
        rows = self._con.execute(
            f"""SELECT t.id, b.version FROM {kind} t JOIN import_before b ON b.kind = ? AND b.id = t.id
                WHERE t.version <> b.version ORDER BY t.rowid""",
            (kind,),
        )
        return [(row["id"], row["version"]) for row in rows]

    def _belonging(self, table: str, column: str, ids: list[str]) -> list[dict[str, Any]]:
        places = ", ".join("?" * len(ids))
        rows = self._con.execute(f"SELECT * FROM {table} WHERE {column} IN ({places}) ORDER BY {column}", ids)
        return [dict(row) for row in rows]

    def _count(self, kind: str) -> int:
        row = self._con.execute(f"SELECT count(*) FROM {kind} t WHERE {_NEW}", (kind,)).fetchone()
        return int(row[0]) + len(self.changed(kind))


_NEW = "NOT EXISTS (SELECT 1 FROM import_before b WHERE b.kind = ? AND b.id = t.id)"


def _opened(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    con = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)
    con.row_factory = sqlite3.Row
    for pragma in ("main.journal_mode=OFF", "main.synchronous=OFF", "cache_size=-16000",
                   "foreign_keys=OFF", "recursive_triggers=ON", "temp_store=FILE"):  # fmt: skip
        con.execute(f"PRAGMA {pragma}")
    return con


def _take_over(con: sqlite3.Connection, database: Path, prepared: Prepared) -> None:
    """Copy what the lists name, in one snapshot of the book."""
    con.execute("ATTACH ? AS book", (f"{database.absolute().as_uri()}?mode=ro",))
    con.execute("CREATE TEMP TABLE wanted (what TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (what, value))")
    con.execute("BEGIN")
    for what in ("customer", "vin", "plate", "reference", "courtesy_car"):
        con.executemany("INSERT INTO wanted VALUES (?, ?)", ((what, value) for value in prepared.staging.wanted(what)))
    for statement in _statements(con):
        con.execute(statement)
    con.execute("COMMIT")
    con.execute("DETACH book")
    _link_key(con, database)


def _link_key(con: sqlite3.Connection, database: Path) -> None:
    """Erased persons are recognised by a key that lies beside the database, and is looked for beside the plan."""
    key = database.absolute().with_name(database.name + erased.ENDING)
    if key.exists():
        file = con.execute("SELECT file FROM pragma_database_list WHERE name = 'main'").fetchone()["file"]
        Path(f"{file}{erased.ENDING}").symlink_to(key)


def _statements(con: sqlite3.Connection) -> Iterable[str]:
    def copy(table: str, where: str = "true") -> str:
        columns = ", ".join(f'"{row["name"]}"' for row in con.execute(f"PRAGMA main.table_info({table})"))
        return f"INSERT OR IGNORE INTO main.{table} ({columns}) SELECT {columns} FROM book.{table} t WHERE {where}"

    def wanted(what: str) -> str:
        return f"SELECT value FROM wanted WHERE what = '{what}'"

    for trigger in ("history_is_appended", "appointment_is_new", "courtesy_car_on_insert"):
        yield f"DROP TRIGGER main.{trigger}"  # they guard the book, where this comes from and goes to
    for index in _NOT_NEEDED:
        yield f"DROP INDEX main.{index}"
    for table in ("site_country", "erased_key", "advisor", "courtesy_car", "closure"):
        yield copy(table)
    yield copy("vehicle", f"vin <> '' AND vin IN ({wanted('vin')})")
    yield copy("vehicle", f"plate_key <> '' AND plate_key IN ({wanted('plate')})")
    yield copy(
        "appointment",
        f"""id IN (SELECT r.appointment_id FROM wanted w CROSS JOIN book.reference r
                   ON r.partner = '{PARTNER}' AND r.partner_id = w.value WHERE w.what = 'reference')""",
    )
    yield copy("appointment", f"courtesy_car IN ({wanted('courtesy_car')}) AND {LIVE}")
    of_copied = "appointment_id IN (SELECT id FROM main.appointment)"
    for table in ("reference", "history", "courtesy_contract"):
        yield copy(table, of_copied)
    yield copy("vehicle", "id IN (SELECT vehicle_id FROM main.appointment)")
    yield copy("customer", f"number IN ({wanted('customer')})")
    yield copy("customer", "id IN (SELECT customer_id FROM main.appointment)")
    for role in ("owner", "driver", "contractor"):
        yield copy("customer", f"id IN (SELECT {role} FROM main.vehicle)")
    yield f"""INSERT INTO main.appointment
                (id, site, department, drop_off, collection, status, labour_units, origin, version)
              SELECT '{_BALLAST}' || site || ' ' || department || ' ' || substr(drop_off, 1, 13), site, department,
                min(drop_off), '9999', 'completed', total(labour_units), '', 1
              FROM book.appointment t WHERE {LIVE} AND id NOT IN (SELECT id FROM main.appointment)
              GROUP BY site, department, substr(drop_off, 1, 13)"""
    yield "CREATE TABLE main.import_before (kind TEXT, id TEXT, version INTEGER, PRIMARY KEY (kind, id)) WITHOUT ROWID"
    for kind, table in imports.TABLES.items():
        yield f"INSERT INTO main.import_before SELECT '{kind}', id, version FROM main.{table}"
    found = con.execute("SELECT sql FROM book.sqlite_schema WHERE name = 'courtesy_car_on_insert'").fetchone()
    yield found["sql"]


def _sync(path: Path) -> None:
    """What is written next can be lost with the power, the plan can't."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
