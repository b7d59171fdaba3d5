"""Files to rows: text, table or JSON, and in which line everything stands. Pure; nothing is known of the book here."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from wtpd.errors import Invalid, Problem
from wtpd.planner.plates import plate_key
from wtpd.texts import N_, N_n, Text

DELIMITERS = (";", ",", "\t", "|")
SHOWN = 200
"""Problems that are listed; the rest is counted."""
SINGLE = 3
"""Problems of one column with the same sentence that are listed one by one."""
_MOST_GROUPS = 2000
_PLACE = re.compile(r"(.*?):(\d+)(?::(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ImportFile:
    """`content`: the file itself, or where it lies. `kind` is one of `mapping.KINDS`; None: what the headings say."""

    name: str
    content: bytes | Path
    kind: str | None = None

    def open(self) -> BinaryIO:
        return self.content.open("rb") if isinstance(self.content, Path) else io.BytesIO(self.content)


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows come from. `headings`: field → heading as the file has it. `encoding` of the text; empty for a
    workbook."""

    file: str
    kind: str
    headings: Mapping[str, str]
    encoding: str = ""


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
class _Group:
    """Problems of one column that are the same but for the value."""

    first: list[Problem] = field(default_factory=list)
    count: int = 0
    last: str = ""


@dataclass(slots=True)
class Findings:
    """What is wrong (nothing is imported then), and what should be looked at. Where a column has the same problem in
    more than `SINGLE` lines, the first one stands for all, with their count."""

    broken: set[tuple[str, str]] = field(default_factory=set)
    """Keys of rows that have problems: what refers to them is excused."""
    count: int = 0
    """How many problems there are."""
    _problems: dict[tuple[str, ...], _Group] = field(default_factory=dict)
    _warnings: dict[tuple[str, ...], _Group] = field(default_factory=dict)

    @property
    def problems(self) -> list[Problem]:
        return _listed(self._problems)

    @property
    def warnings(self) -> list[Problem]:
        return _listed(self._warnings)

    def wrong(self, place: str, text: Text, *, once: str = "") -> None:
        """`once`: a value that needs no second line."""
        self.count += 1
        _note(self._problems, place, text, once)

    def look(self, place: str, text: Text, *, once: str = "") -> None:
        _note(self._warnings, place, text, once)

    def check(self) -> None:
        """Raises `Invalid` with the first problems and the count of all."""
        if self.count:
            raise Invalid(
                N_n(
                    "Nothing was imported: there is a problem in the files.",
                    "Nothing was imported: there are {count} problems in the files.",
                    count=self.count,
                ),
                problems=self.problems[:SHOWN],
                facts={"count": self.count},
            )


def _note(groups: dict[tuple[str, ...], _Group], place: str, text: Text, once: str) -> None:
    place, text = _safe(place), Text(text.msgid, {name: _safe(each) for name, each in text.args.items()}, text.plural)
    name, line, heading = _parted(place)
    key = (name, heading, text.msgid, once) if line else (place, text.msgid, str(text))
    group = groups.get(key)
    if group is None:
        if len(groups) >= _MOST_GROUPS:
            return
        group = groups[key] = _Group()
    group.count += 1
    group.last = line
    if len(group.first) < (1 if once else SINGLE):
        group.first.append(Problem(place, text))


def _listed(groups: Mapping[tuple[str, ...], _Group]) -> list[Problem]:
    found: list[Problem] = []
    for group in groups.values():
        more = group.count - len(group.first)
        if not more:
            found += group.first
            continue
        first = group.first[0]
        more = group.count - 1
        text = N_n(
            "{problem} (and in one more line, {last})",
            "{problem} (and in {count} more lines, the last is {last})",
            count=more, problem=first.text, last=group.last,
        )  # fmt: skip
        found.append(Problem(first.field, text))
    return found


def _parted(place: str) -> tuple[str, str, str]:
    """File, line and column of a place; without a line the place is the file."""
    match = _PLACE.fullmatch(place)
    return (match[1], match[2], match[3] or "") if match else (place, "", "")


def _safe(value: Any) -> Any:
    """Text that can be shown and sent, whatever the file has in it; other values as they are."""
    if isinstance(value, str) and not value.isprintable():
        return "".join(char if char.isprintable() or char == " " else "\ufffd" for char in value)
    return value


@dataclass(frozen=True, slots=True)
class Table:
    """`rows`: the line in which a row begins, and its cells; read as they are asked for."""

    line: int
    headings: Sequence[str]
    rows: Iterator[tuple[int, list[str]]]


class Lines:
    """The lines of a file with their ends. `cut`: it ends in the middle of a line although others have a line break;
    known when all are read. The end-of-file sign of DOS (0x1A) is taken for what it is."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self.cut = False

    def __iter__(self) -> Iterator[str]:
        previous = None
        broken = False
        for line in self._text:
            if previous is not None:
                broken = True
                yield previous
            previous = line
        if previous is None:
            return
        bare = previous.rstrip("\0\r\n")
        if bare.endswith("\x1a"):
            if bare.rstrip("\x1a"):
                yield bare.rstrip("\x1a")
            return
        self.cut = broken and not previous.endswith(("\n", "\r"))
        yield previous


def read_cells(name: str, lines: Iterable[str], delimiter: str, findings: Findings) -> Iterator[tuple[int, list[str]]]:
    """All rows with something in them, with the line in which each begins. A broken row is a problem and ends the
    reading: what follows a quotation mark that isn't closed means nothing."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    start, first = 1, True
    try:
        for cells in reader:
            if any(map(str.strip, cells)) and not (first and _is_excel_hint(cells)):
                yield start, cells
                first = False
            start = reader.line_num + 1
    except csv.Error as error:
        if "field limit" in str(error):
            text = N_("a cell in this line has more than {most} characters", most=csv.field_size_limit())
        else:
            text = N_("the quotation marks in this line don't match; double those within the text")
        findings.wrong(f"{name}:{start}", text)


def split_line(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _is_excel_hint(cells: list[str]) -> bool:
    """`sep=;`, which Excel writes and reads as a first line."""
    return cells[0].lower().startswith("sep=") and len(cells) <= 2
