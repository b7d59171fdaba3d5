"""Files to rows: text, table or JSON, and in which line everything stands. Pure; nothing is known of the book here."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wtpd.errors import Invalid, Problem
from wtpd.planner.plates import plate_key
from wtpd.texts import N_, N_n, Text

DELIMITERS = (";", ",", "\t", "|")
SHOWN = 200
"""Problems that are listed; the rest is counted."""


@dataclass(frozen=True, slots=True)
class ImportFile:
    """`kind` is one of `mapping.KINDS`; None: what the headings say."""

    name: str
    content: bytes
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows come from. `headings`: field → heading as the file has it."""

    file: str
    kind: str
    headings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a file: typed values by field name, for the columns the file has. `line` counts from 1."""

    source: Source
    line: int
    values: Mapping[str, Any]

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Kind and what the row is known by: number, id, reference; a vehicle by VIN and by plate."""
        values, kind = self.values, self.source.kind
        if kind == "vehicles":
            names = [values.get("vin"), plate_key(values.get("plate") or "")]
        else:
            names = [values.get("number") or values.get("id") or values.get("reference")]
        return [(kind, str(name)) for name in names if name]

    def place(self, field: str) -> str:
        """`termine.csv:17:Annahme`."""
        return f"{self.source.file}:{self.line}:{self.source.headings.get(field, field)}"


@dataclass(slots=True)
class Findings:
    """What is wrong (nothing is imported then), and what should be looked at."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    broken: set[tuple[str, str]] = field(default_factory=set)
    """Keys of rows that have problems: what refers to them is excused."""

    def copy(self) -> Findings:
        return Findings(list(self.problems), list(self.warnings), set(self.broken))

    def wrong(self, place: str, text: Text) -> None:
        self.problems.append(Problem(place, text))

    def look(self, place: str, text: Text) -> None:
        self.warnings.append(Problem(place, text))

    def check(self) -> None:
        """Raises `Invalid` with the first problems and the count of all."""
        if self.problems:
            raise Invalid(
                N_n(
                    "Nothing was imported: there is a problem in the files.",
                    "Nothing was imported: there are {count} problems in the files.",
                    count=len(self.problems),
                ),
                problems=self.problems[:SHOWN],
                facts={"count": len(self.problems)},
            )


@dataclass(frozen=True, slots=True)
class Table:
    """`rows`: the line in which a row begins, and its cells."""

    line: int
    headings: Sequence[str]
    rows: Sequence[tuple[int, list[str]]]


def read_table(name: str, text: str, delimiter: str, findings: Findings) -> Table | None:
    """All rows with something in them. A broken row is a problem and ends the reading: what follows a quotation mark
    that isn't closed means nothing."""
    rows: list[tuple[int, list[str]]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells) and not (not rows and _is_excel_hint(cells)):
                rows.append((start, cells))
            start = reader.line_num + 1
    except csv.Error:
        findings.wrong(
            f"{name}:{start}", N_("the quotation marks in this line don't match; double those within the text")
        )
    if not rows:
        findings.wrong(f"{name}:1", N_("the file is empty; the first line must hold the headings"))
        return None
    (line, headings), *body = rows
    return Table(line, [heading.strip() for heading in headings], body)


def first_line(text: str) -> str:
    """The line with the headings."""
    lines = (line for line in text.splitlines() if line.strip() and not line.lower().startswith("sep="))
    return next(lines, "")


def split_line(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _is_excel_hint(cells: list[str]) -> bool:
    """`sep=;`, which Excel writes and reads as a first line."""
    return cells[0].lower().startswith("sep=") and len(cells) <= 2


class JsonReader:
    """The records of a JSON file with the line in which each begins. Three forms: a list of objects;
    `{"kind": "customers", "items": [...]}`; `{"customers": [...], "vehicles": [...]}`."""

    def __init__(self, text: str) -> None:
        import json

        self._text = text
        self._decode = json.JSONDecoder().raw_decode
        self._at = 0

    def lists(self) -> Iterator[tuple[str | None, list[tuple[int, Any]]]]:
        """(kind, [(line, record)]); the kind is None for a bare list. Raises ValueError with line and column."""
        if self._peek() == "[":
            yield None, self._list()
        elif self._peek() == "{":
            yield from self._object()
        else:
            raise self._error("a list or an object is expected")
        if self._peek():
            raise self._error("the file should end here")

    def _object(self) -> Iterator[tuple[str | None, list[tuple[int, Any]]]]:
        kind: str | None = None
        unnamed: list[tuple[int, Any]] | None = None
        self._at += 1
        while self._peek() != "}":
            name = self._value()
            self._skip(":")
            if self._peek() == "[":
                records = self._list()
                if name == "items":
                    unnamed = records
                else:
                    yield str(name), records
            elif name == "kind":
                kind = str(self._value())
            else:
                raise self._error("a list is expected")
            if self._peek() != "}":
                self._skip(",")
        self._at += 1
        if unnamed is not None:
            yield kind, unnamed

    def _list(self) -> list[tuple[int, Any]]:
        records: list[tuple[int, Any]] = []
        self._at += 1
        line, seen = self._line(), self._at
        while self._peek() != "]":
            line, seen = line + self._text.count("\n", seen, self._at), self._at
            records.append((line, self._value()))
            if self._peek() != "]":
                self._skip(",")
        self._at += 1
        return records

    def _peek(self) -> str:
        while self._at < len(self._text) and self._text[self._at] in " \t\r\n":
            self._at += 1
        return self._text[self._at : self._at + 1]

    def _skip(self, char: str) -> None:
        if self._peek() != char:
            raise self._error(f"{char} is expected")
        self._at += 1

    def _value(self) -> Any:
        self._peek()
        value, self._at = self._decode(self._text, self._at)
        return value

    def _line(self) -> int:
        return self._text.count("\n", 0, self._at) + 1

    def _error(self, message: str) -> ValueError:
        import json

        return json.JSONDecodeError(message, self._text, self._at)
