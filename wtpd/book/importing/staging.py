"""The typed rows of an import on their way into the book: kept on disk, since there may be hundreds of thousands."""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

from wtpd.book.importing.files import Findings, Row, Source
from wtpd.book.importing.mapping import KINDS
from wtpd.book.importing.works import UsualUnits
from wtpd.planner.plates import plate_key
from wtpd.texts import N_

_KEY_FIELD = {"customers": "number", "vehicles": "vin", "appointments": "reference"}
_ROLES = ("owner", "driver", "contractor")
_PORTION = 1000


class Staging:
    """Rows without repetitions, by kind, in the order of the files. They lie in a temporary file of SQLite's that has
    no name: it is gone with the process, whatever ends it. One thread at a time."""

    def __init__(self) -> None:
        self._con = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        for statement in _SCHEMA:
            self._con.execute(statement)
        self._sources: dict[int, Source] = {}
        self.usual = UsualUnits()
        self.counts = dict.fromkeys(KINDS, 0)

    def close(self) -> None:
        self._con.close()

    def __len__(self) -> int:
        return sum(self.counts.values())

    def take(self, rows: Iterable[Row], findings: Findings) -> None:
        """Keep all rows. The same number with something else is a problem that names both lines."""
        self._con.execute("BEGIN")
        for row in rows:
            self._add(row, findings)
        self._con.execute("COMMIT")

    def rows(self, kind: str) -> Iterator[Row]:
        place, last = KINDS.index(kind), 0
        while portion := self._con.execute(
            "SELECT seq, source, line, content FROM row WHERE kind = ? AND seq > ? ORDER BY seq LIMIT ?",
            (place, last, _PORTION),
        ).fetchall():
            last = portion[-1][0]
            for _, source, line, content in portion:
                yield Row(self._sources[source], line, pickle.loads(content))  # noqa: S301 - written below

    def wanted(self, what: str) -> Iterator[str]:
        """Values of all rows by which records of the book are found: `customer` (numbers), `vin`, `plate` (keys),
        `reference`, `courtesy_car`."""
        for (value,) in self._con.execute("SELECT DISTINCT value FROM wanted WHERE what = ?", (what,)):
            yield value

    def _add(self, row: Row, findings: Findings) -> None:
        kind, key = KINDS.index(row.source.kind), row.keys[0][1]
        content = pickle.dumps(dict(row.values), pickle.HIGHEST_PROTOCOL)
        source = id(row.source)
        self._sources.setdefault(source, row.source)
        try:
            self._con.execute(
                "INSERT INTO row (kind, key, source, line, content) VALUES (?, ?, ?, ?, ?)",
                (kind, key, source, row.line, content),
            )
        except sqlite3.IntegrityError:
            self._compare(row, kind, key, findings)
            return
        self.counts[row.source.kind] += 1
        if row.source.kind == "appointments":
            self.usual.count(row)
        self._con.executemany("INSERT INTO wanted VALUES (?, ?)", _wanted(row))

    def _compare(self, row: Row, kind: int, key: str, findings: Findings) -> None:
        source, line, content = self._con.execute(
            "SELECT source, line, content FROM row WHERE kind = ? AND key = ?", (kind, key)
        ).fetchone()
        if pickle.loads(content) != dict(row.values):  # noqa: S301 - as above
            findings.wrong(
                row.place(_KEY_FIELD.get(row.source.kind, "id")),
                N_("{key} stands in line {line} ({file}) with something else", key=key, line=line,
                   file=self._sources[source].file),
            )  # fmt: skip


def _wanted(row: Row) -> Iterator[tuple[str, str]]:
    values, kind = row.values, row.source.kind
    names: list[tuple[str, Any]] = []
    if kind == "customers":
        names.append(("customer", values.get("number")))
    if kind == "vehicles":
        names += [("customer", values.get(role)) for role in _ROLES]
    if kind in ("vehicles", "appointments"):
        names += [("vin", values.get("vin")), ("plate", plate_key(values.get("plate") or ""))]
    if kind == "appointments":
        names += [(name, values.get(name)) for name in ("customer", "reference", "courtesy_car")]
    return ((what, value) for what, value in names if value)


_SCHEMA = (
    "PRAGMA journal_mode=OFF",
    "PRAGMA synchronous=OFF",
    "PRAGMA cache_size=-8000",
    """CREATE TABLE row (
         seq INTEGER PRIMARY KEY, kind INTEGER NOT NULL, key TEXT NOT NULL, source INTEGER NOT NULL,
         line INTEGER NOT NULL, content BLOB NOT NULL, UNIQUE (kind, key))""",
    "CREATE INDEX row_by_kind ON row (kind, seq)",
    "CREATE TABLE wanted (what TEXT NOT NULL, value TEXT NOT NULL)",
    "CREATE INDEX wanted_by_what ON wanted (what, value)",
)
