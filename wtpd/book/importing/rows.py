"""Rows of typed values from files, with every problem named by file, line and column. Pure."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from itertools import chain, islice
from json import JSONDecodeError
from typing import Any, BinaryIO, TextIO

from wtpd.book.importing import values as read
from wtpd.book.importing.detect import encoding_of, garbled
from wtpd.book.importing.files import (
    DELIMITERS,
    Findings,
    ImportFile,
    Lines,
    Row,
    Source,
    Table,
    read_cells,
    split_line,
)
from wtpd.book.importing.headings import (
    NEEDED,
    Columns,
    columns_of,
    fields_of,
    kind_of,
    matching,
    missing_columns,
    recognised,
    unknown_column,
)
from wtpd.book.importing.json_files import JsonReader
from wtpd.book.importing.mapping import KINDS, Format, fold
from wtpd.book.importing.workbooks import OLD_SIGNATURE, SIGNATURE, sheets
from wtpd.errors import Invalid
from wtpd.texts import N_

_PREFACE = 10
"""Lines among which the headings are looked for."""
_LONGEST_JSON = 24 << 20
"""Characters of a JSON file, which is held in memory."""
_NUMBER = re.compile(r"[\d\s.,%€+-]+")
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
MONTHS = (
    N_("January"), N_("February"), N_("March"), N_("April"), N_("May"), N_("June"), N_("July"), N_("August"),
    N_("September"), N_("October"), N_("November"), N_("December"),
)  # fmt: skip


def read_files(files: Iterable[ImportFile], form: Format, findings: Findings) -> Iterator[Row]:
    """The rows of all files, as they stand there. What can't be read is in `findings`."""
    for file in files:
        if file.kind is not None and file.kind not in KINDS:
            findings.wrong(file.name, N_("{kind} isn't one of: {known}", kind=file.kind, known=", ".join(KINDS)))
            continue
        try:
            with file.open() as content:
                yield from _read(file, content, form, findings)
        except Invalid as error:
            findings.wrong(file.name, error.text)


def _read(file: ImportFile, content: BinaryIO, form: Format, findings: Findings) -> Iterator[Row]:
    start = content.read(8)
    content.seek(0)
    if start.startswith(SIGNATURE):
        yield from _from_workbook(file, content, form, findings)
        return
    if start == OLD_SIGNATURE:
        raise Invalid(N_("This is an old or locked Excel file; save it without a password as .xlsx or CSV."))
    encoding = encoding_of(content)
    with io.TextIOWrapper(content, encoding=encoding, newline="") as text:
        beginning = list(islice(text, _PREFACE))
        text.seek(0)
        if next((line.lstrip()[:1] for line in beginning if line.strip()), "") in ("[", "{"):
            yield from _from_json(file, text, encoding, form, findings)
            return
        lines = Lines(text)
        delimiter = max(
            DELIMITERS,
            key=lambda each: max((recognised(split_line(line, each), form) for line in beginning), default=0),
        )
        cells = read_cells(file.name, lines, delimiter, findings)
        table = _table(file.name, file.kind, cells, form, findings)
        if table is not None:
            yield from _from_table(file.name, file.kind, table, encoding, lines, form, findings)


def _recognised(lines: Iterable[str], delimiter: str, form: Format) -> int:
    return max((recognised(split_line(line, delimiter), form) for line in lines), default=0)


def _table(
    name: str, kind: str | None, cells: Iterator[tuple[int, list[str]]], form: Format, findings: Findings
) -> Table | None:
    """The headings are in the first line, or below a title; None, with a problem, if there is nothing."""
    beginning = list(islice(cells, _PREFACE))
    if not beginning:
        if not findings.count:
            findings.wrong(f"{name}:1", N_("the file is empty; the first line must hold the headings"))
        return None
    kinds = (kind,) if kind else KINDS
    best = max(beginning, key=lambda row: max(matching(row[1], each, form) for each in kinds))
    place = beginning.index(best) if max(matching(best[1], each, form) for each in kinds) > 1 else 0
    for line, _ in beginning[:place]:
        findings.look(f"{name}:{line}", N_("this line stands above the headings and was left out"))
    line, headings = beginning[place]
    return Table(line, [heading.strip() for heading in headings], chain(beginning[place + 1 :], cells))


def _from_table(
    name: str, kind: str | None, table: Table, encoding: str, lines: Lines | None, form: Format, findings: Findings
) -> Iterator[Row]:
    """The typed rows of a table. `lines`: what says whether the file was cut off."""
    source, columns = columns_of(name, kind or kind_of(table, form), table, encoding, form, findings)
    if source is None:
        return
    dates = _SlashedDates()
    for line, cells, is_last in _with_last(table.rows):
        if _is_total(cells, form):
            findings.look(f"{name}:{line}", N_("this row is a sum and was left out"))
            continue
        if is_last and lines is not None and lines.cut:
            _note_cut(f"{name}:{line}", len(cells) < len(table.headings), findings)
        row = _row(source, columns, table, line, cells, form, findings)
        dates.look(source, columns, line, cells, form)
        if row is not None:
            yield row
    dates.note(findings)


def _with_last(rows: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str], bool]]:
    """Line and cells, and whether it is the last row."""
    held: tuple[int, list[str]] | None = None
    for row in rows:
        if held is not None:
            yield *held, False
        held = row
    if held is not None:
        yield *held, True


def _note_cut(place: str, is_short: bool, findings: Findings) -> None:
    if is_short:
        findings.wrong(place, N_("the file ends in the middle of this line; it was cut off. Export it again."))
    else:
        text = N_("the file ends in the middle of a line; was it cut off? Compare this row, or export the list again")
        findings.look(place, text)


def _is_total(cells: list[str], form: Format) -> bool:
    """A sum below the list: its name, and numbers behind it."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    if not filled or len(filled[0]) > 60 or filled[0][:1].isdigit():
        return False
    first, *others = filled
    if others and not all(_NUMBER.fullmatch(each) for each in others):
        return False
    name, _, number = first.partition(":")
    words = form.words["total"]
    is_named = fold(first) in words or fold(name) in words or fold(first.split()[0]) in words
    return (
        is_named
        and (not number.strip() or _NUMBER.fullmatch(number.strip()) is not None)
        and (bool(others) or bool(number.strip()) or len(cells) > 1 or fold(first) in words)
    )


class _SlashedDates:
    """Dates with slashes, which an American program writes with the month first: said once for each file in which no
    day is above 12, since it can't be known then."""

    def __init__(self) -> None:
        self._first: tuple[str, str, date] | None = None
        self._certain = False

    def look(self, source: Source, columns: Columns, line: int, cells: list[str], form: Format) -> None:
        if self._certain:
            return
        for place, (field, _) in columns.items():
            if place >= len(cells) or "/" not in cells[place]:
                continue
            if form.columns[source.kind][field].type not in ("date", "moment"):
                continue
            match = _SLASHED.match(cells[place].strip())
            if match and int(match[1]) > 12:
                self._certain = True
            elif match and 1 <= int(match[2]) <= 12 and int(match[1]) and match[1] != match[2] and self._first is None:
                where = f"{source.file}:{line}:{source.headings.get(field, field)}"
                self._first = (where, match[0], date(int(match[3]), int(match[2]), int(match[1])))

    def note(self, findings: Findings) -> None:
        if self._first is not None and not self._certain:
            place, written, read_as = self._first
            findings.look(
                place,
                N_("{value} was read as {day} {month}, day before month; check that, no day in this list is above 12",
                   value=written, day=read_as.day, month=MONTHS[read_as.month - 1]),
            )  # fmt: skip


def _from_workbook(file: ImportFile, content: BinaryIO, form: Format, findings: Findings) -> Iterator[Row]:
    """The sheets that are lists; what else is in the workbook is named."""
    read_one, left_out = False, []
    for title, cells in sheets(file.name, content):
        beginning = list(islice(cells, _PREFACE))
        if not beginning:
            continue
        name = f"{file.name}/{title}"
        known = max((recognised(row, form) for _, row in beginning), default=0)
        kinds = [
            kind
            for kind in KINDS
            for _, row in beginning
            if not missing_columns(kind, fields_of(row, kind, form), form)
        ]
        if known < 2 or not (kinds or file.kind):
            left_out.append((name, beginning[0][0]))
            continue
        table = _table(name, file.kind, chain(beginning, cells), form, findings)
        if table is not None:
            read_one = True
            yield from _from_table(name, file.kind, table, "", None, form, findings)
    if not read_one:
        raise Invalid(
            N_("no sheet has the headings of a list; the first line of a sheet must hold them ({known})",
               known=", ".join(KINDS))
        )  # fmt: skip
    for name, line in left_out:
        findings.look(f"{name}:{line}", N_("this sheet isn't a list that is known and was left out"))


def _row(
    source: Source, columns: Columns, table: Table, line: int, cells: list[str], form: Format, findings: Findings
) -> Row | None:
    width = len(table.headings)
    cells = cells + [""] * (width - len(cells))  # Excel leaves out the last columns where they are empty
    if any(cell.strip() for cell in cells[width:]):
        findings.wrong(
            f"{source.file}:{line}",
            N_(
                "{found} cells under {expected} headings; check quotation marks and delimiters",
                found=len(cells),
                expected=width,
            ),
        )
        return None
    given: dict[str, Any] = {}
    for place, (field, days) in columns.items():
        if days:
            given.setdefault(field, {}).update(dict.fromkeys(days, cells[place]))
        else:
            given[field] = cells[place]
    unnamed = [cells[place] for place in range(width) if place not in columns and not table.headings[place]]
    if any(cell.strip() for cell in unnamed):
        findings.look(f"{source.file}:{line}", N_("a cell without heading was left out"))
    return _typed(Row(source, line, given), form, findings)


def _from_json(file: ImportFile, content: TextIO, encoding: str, form: Format, findings: Findings) -> Iterator[Row]:
    text = content.read(_LONGEST_JSON + 1)
    if len(text) > _LONGEST_JSON:
        most = _LONGEST_JSON >> 20
        raise Invalid(N_("a JSON file may have {most} MB; write it as CSV or in several files", most=most))
    reader = JsonReader(text)
    try:
        lists = list(reader.lists())
    except (ValueError, RecursionError) as error:
        line = error.lineno if isinstance(error, JSONDecodeError) else reader.line
        findings.wrong(f"{file.name}:{line}", N_("the JSON can't be read here; was the file cut off? Export it again"))
        return
    if not lists:
        findings.wrong(f"{file.name}:1", N_("the file is empty; a list is expected"))
    for named, records in lists:
        kind = named or file.kind or _kind_of_records(records.keys, form)
        if kind not in KINDS:
            findings.wrong(file.name, N_("{kind} isn't one of: {known}", kind=kind or "?", known=", ".join(KINDS)))
            continue
        source = Source(file.name, kind, {}, encoding)
        for line, record in records:
            row = _record(source, line, record, form, findings)
            if row is not None:
                yield row


def _kind_of_records(keys: set[str], form: Format) -> str | None:
    fits = [
        kind for kind in KINDS if keys and keys <= form.columns[kind].keys() and not missing_columns(kind, keys, form)
    ]
    return fits[0] if len(fits) == 1 else None


def _record(source: Source, line: int, record: Any, form: Format, findings: Findings) -> Row | None:
    place = f"{source.file}:{line}"
    if not isinstance(record, dict):
        findings.wrong(place, N_("an object is expected here"))
        return None
    unknown = record.keys() - form.columns[source.kind].keys()
    for name in sorted(unknown):
        findings.wrong(f"{place}:{name}", unknown_column(source.kind, name, form))
    missing = missing_columns(source.kind, set(record), form)
    for name in missing:
        findings.wrong(place, N_("the column {heading} is missing", heading=name))
    return None if unknown or missing else _typed(Row(source, line, record), form, findings)


def _typed(row: Row, form: Format, findings: Findings) -> Row | None:
    """The row with its values read; None if one of them is wrong."""
    columns, typed, sound = form.columns[row.source.kind], {}, True
    for field, given in row.values.items():
        try:
            if not (isinstance(given, str) and given.isascii()):
                _refuse_garbled(given, row.source.encoding)
            typed[field] = _READERS[columns[field].type](given, form, field)
        except read.Wrong as error:
            findings.wrong(row.place(field), error.text)
            sound = False
    for field, column in columns.items():
        if column.required and field in typed and not typed[field]:
            findings.wrong(row.place(field), N_("this cell must not be empty"))
            sound = False
    alternatives = NEEDED.get(row.source.kind, ())
    if sound and alternatives and not any(typed.get(field) for field in alternatives):
        findings.wrong(row.place(alternatives[0]), N_("this cell must not be empty"))
        sound = False
    whole = Row(row.source, row.line, typed)
    if not sound:
        findings.broken.update(whole.keys)
    return whole if sound else None


def _refuse_garbled(given: Any, encoding: str) -> None:
    if isinstance(given, list):
        given = "\n".join(each for each in given if isinstance(each, str))
    word = garbled(given, encoding) if isinstance(given, str) else None
    if word is not None:
        raise read.Wrong(
            N_("the letters of {word} are garbled; export the list again as UTF-8, or correct this line", word=word)
        )


def _weekly_hours(given: Any, form: Format, _: str) -> Any:
    """By ISO weekday. A JSON file has the weekday as key, a table has it in the heading."""
    if not isinstance(given, Mapping):
        raise read.Wrong(N_("working hours need the days, like {example}", example="Arbeitszeit Mo-Fr"))
    hours = {}
    for weekday, spans in given.items():
        if str(weekday) not in ("1", "2", "3", "4", "5", "6", "7"):
            raise read.Wrong(N_("{value} is no weekday; 1 is Monday, 7 is Sunday", value=weekday))
        found = read.hours(spans, form)
        if found:
            hours[int(weekday)] = found
    return hours


_READERS: Mapping[str, Callable[[Any, Format, str], Any]] = {
    "text": lambda given, form, field: read.text(given),
    "sign": lambda given, form, field: read.sign(given),
    "contact": lambda given, form, field: read.contact(given, form),
    "site": lambda given, form, field: read.text(given),
    "plate": lambda given, form, field: read.plate(given),
    "vin": lambda given, form, field: read.vin(given),
    "email": lambda given, form, field: read.email(given, form),
    "date": lambda given, form, field: read.day(given, form),
    "moment": lambda given, form, field: read.moment(given, form),
    "kilometres": lambda given, form, field: read.kilometres(given),
    "flag": lambda given, form, field: read.flag(given, form),
    "list": lambda given, form, field: read.items(given, form.between_list_items),
    "hours": _weekly_hours,
    "word": lambda given, form, field: read.word(given, form.words[field]),
    "works": lambda given, form, field: read.parts(given, form.between_works, read.sign),
    "units": lambda given, form, field: read.parts(given, form.between_works, read.units),
    "prices": lambda given, form, field: read.parts(given, form.between_works, read.cents),
    "interventions": lambda given, form, field: read.interventions(given),
}
