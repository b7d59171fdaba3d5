"""The typed rows of an import on their way into the book: kept on disk, since there may be hundreds of thousands."""

from __future__ import annotations

import json
import pickle
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from wtpd.book.importing.files import Findings, Row, Source
from wtpd.book.importing.mapping import KINDS
from wtpd.book.importing.works import UsualUnits
from wtpd.planner.plates import plate_key
from wtpd.texts import N_

_KEY_FIELD = {"customers": "number", "vehicles": "vin", "appointments": "reference"}
_ROLES = ("owner", "driver", "contractor")
_PORTION = 200
"""Rows that are kept together; one is read with the others."""

_Kept = tuple[int, int, dict[str, Any]]
"""Source, line, values."""


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
        self._last: tuple[int, list[_Kept]] = (0, [])
        """The portion that was read last: a list that comes twice has the same order."""

    def close(self) -> None:
        self._con.close()

    def __len__(self) -> int:
        return sum(self.counts.values())

    def take(self, rows: Iterable[Row], findings: Findings) -> None:
        """Keep all rows. The same number with something else is a problem that names both lines."""
        self._con.execute("BEGIN")
        rows = iter(rows)
        while portion := list(islice(rows, _PORTION)):
            for kind in dict.fromkeys(row.source.kind for row in portion):
                self._add(kind, [row for row in portion if row.source.kind == kind], findings)
        self._con.execute("COMMIT")

    def rows(self, kind: str) -> Iterator[Row]:
        last = 0
        while found := self._con.execute(
            "SELECT seq, content FROM portion WHERE kind = ? AND seq > ? ORDER BY seq LIMIT 1",
            (KINDS.index(kind), last),
        ).fetchone():
            last, content = found
            for source, line, values in _unpacked(content):
                yield Row(self._sources[source], line, values)

    def wanted(self, what: str) -> Iterator[str]:
        """Values of all rows by which records of the book are found: `customer` (numbers), `vin`, `plate` (keys),
        `reference`, `courtesy_car`."""
        for (value,) in self._con.execute("SELECT value FROM wanted WHERE what = ?", (what,)):
            yield value

    def _add(self, kind: str, rows: list[Row], findings: Findings) -> None:
        place = KINDS.index(kind)
        portion = self._con.execute("SELECT ifnull(max(seq), 0) + 1 FROM portion").fetchone()[0]
        known = self._known(place, [row.keys[0][1] for row in rows])
        fresh: dict[str, Row] = {}
        for row in rows:
            key = row.keys[0][1]
            if key in known:
                source, line, values = self._read(*known[key])
                self._compare(row, key, self._sources[source], line, values, findings)
            elif key in fresh:
                other = fresh[key]
                self._compare(row, key, other.source, other.line, other.values, findings)
            else:
                fresh[key] = row
        if not fresh:
            return
        for row in fresh.values():
            self._sources.setdefault(id(row.source), row.source)
            if kind == "appointments":
                self.usual.count(row)
        self.counts[kind] += len(fresh)
        kept: list[_Kept] = [(id(row.source), row.line, dict(row.values)) for row in fresh.values()]
        content = pickle.dumps(kept, pickle.HIGHEST_PROTOCOL)
        self._con.execute("INSERT INTO portion (seq, kind, content) VALUES (?, ?, ?)", (portion, place, content))
        self._con.executemany(
            "INSERT INTO row (kind, key, portion, place) VALUES (?, ?, ?, ?)",
            [(place, key, portion, number) for number, key in enumerate(fresh)],
        )
        wanted = {each for row in fresh.values() for each in _wanted(row)}
        self._con.executemany("INSERT OR IGNORE INTO wanted VALUES (?, ?)", wanted)

    def _known(self, kind: int, keys: list[str]) -> dict[str, tuple[int, int]]:
        """Where the rows lie that have one of these keys."""
        found = self._con.execute(
            "SELECT key, portion, place FROM row WHERE kind = ? AND key IN (SELECT value FROM json_each(?))",
            (kind, json.dumps(keys)),
        )
        return {key: (portion, place) for key, portion, place in found}

    def _read(self, portion: int, place: int) -> _Kept:
        if self._last[0] != portion:
            [content] = self._con.execute("SELECT content FROM portion WHERE seq = ?", (portion,)).fetchone()
            self._last = portion, _unpacked(content)
        return self._last[1][place]

    def _compare(self, row: Row, key: str, source: Source, line: int, values: Any, findings: Findings) -> None:
        if values != row.values:
            findings.wrong(
                row.place(_KEY_FIELD.get(row.source.kind, "id")),
                N_("{key} stands in line {line} ({file}) with something else", key=key, line=line, file=source.file),
            )  # fmt: skip


def _unpacked(content: bytes) -> list[_Kept]:
    rows: list[_Kept] = pickle.loads(content)  # noqa: S301 - written above
    return rows


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
    "CREATE TABLE portion (seq INTEGER PRIMARY KEY, kind INTEGER NOT NULL, content BLOB NOT NULL)",
    "CREATE INDEX portion_by_kind ON portion (kind, seq)",
    """CREATE TABLE row (
         kind INTEGER NOT NULL, key TEXT NOT NULL, portion INTEGER NOT NULL, place INTEGER NOT NULL,
         PRIMARY KEY (kind, key)) WITHOUT ROWID""",
    "CREATE TABLE wanted (what TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (what, value)) WITHOUT ROWID",
)
