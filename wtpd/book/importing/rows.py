"""Rows of typed values from files, with every problem named by file, line and column. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from wtpd.book.importing import values as read
from wtpd.book.importing.detect import decode
from wtpd.book.importing.files import (
    DELIMITERS,
    Findings,
    ImportFile,
    JsonReader,
    Row,
    Source,
    Table,
    first_line,
    read_table,
    split_line,
)
from wtpd.book.importing.mapping import KINDS, Format
from wtpd.errors import Invalid
from wtpd.texts import N_

_NEEDED = {"customers": ("last_name", "company"), "vehicles": ("vin", "plate")}
"""Of these fields one at least must be there."""


def read_files(files: Iterable[ImportFile], form: Format, findings: Findings) -> list[Row]:
    """The rows of all files, in the order in which they are imported. What can't be read is in `findings`."""
    rows = []
    for file in files:
        if file.kind is not None and file.kind not in KINDS:
            findings.wrong(file.name, N_("{kind} isn't one of: {known}", kind=file.kind, known=", ".join(KINDS)))
            continue
        try:
            rows += _read(file, form, findings)
        except Invalid as error:
            findings.wrong(file.name, error.text)
    return sorted(rows, key=lambda row: KINDS.index(row.source.kind))


def _read(file: ImportFile, form: Format, findings: Findings) -> list[Row]:
    text, _ = decode(file.content)
    if text.lstrip()[:1] in ("[", "{"):
        return _from_json(file, text, form, findings)
    line = first_line(text)
    delimiter = max(DELIMITERS, key=lambda each: _recognised(split_line(line, each), form))
    table = read_table(file.name, text, delimiter, findings)
    if table is None:
        return []
    kind = file.kind or _kind(file.name, table, form)
    source, columns = _columns(file.name, kind, table, form, findings)
    if source is None:
        return []
    return [row for line, cells in table.rows if (row := _row(source, columns, table, line, cells, form, findings))]


def _recognised(headings: Iterable[str], form: Format) -> int:
    headings = list(headings)
    return max(_matching(headings, kind, form) for kind in KINDS)


def _matching(headings: Iterable[str], kind: str, form: Format) -> int:
    """How many fields of the kind have a column."""
    return len({found[0] for heading in headings if (found := form.field_of(kind, heading))})


def _kind(name: str, table: Table, form: Format) -> str:
    """The kind of which most fields are there, and all that it needs. Raises `Invalid`."""
    counts = {
        kind: _matching(table.headings, kind, form)
        for kind in KINDS
        if not _missing(kind, {found[0] for each in table.headings if (found := form.field_of(kind, each))}, form)
    }
    best = max(counts.values(), default=0)
    kinds = [kind for kind, count in counts.items() if count == best]
    if len(kinds) != 1:
        raise Invalid(
            N_(
                "the headings don't tell what kind of list this is: {headings}; name the kind ({known})",
                headings=", ".join(table.headings),
                known=", ".join(KINDS),
            )
        )
    return kinds[0]


def _missing(kind: str, fields: set[str], form: Format) -> list[str]:
    """Required fields without a column, as headings."""
    missing = [
        column.headings[0] for name, column in form.columns[kind].items() if column.required and name not in fields
    ]
    alternatives = _NEEDED.get(kind, ())
    if alternatives and not fields.intersection(alternatives):
        missing.append(" / ".join(form.columns[kind][name].headings[0] for name in alternatives))
    return missing


Columns = Mapping[int, tuple[str, tuple[int, ...]]]
"""Field and weekdays by the place of the column."""


def _columns(name: str, kind: str, table: Table, form: Format, findings: Findings) -> tuple[Source | None, Columns]:
    """What each column holds; None if the list can't be read with these headings."""
    columns: dict[int, tuple[str, tuple[int, ...]]] = {}
    headings: dict[str, str] = {}
    count = len(findings.problems)
    for place, heading in enumerate(table.headings):
        found = form.field_of(kind, heading) if heading else None
        if found is None:
            if heading:
                findings.look(f"{name}:{table.line}:{heading}", _unknown_column(kind, heading, form))
        elif found in columns.values():
            findings.wrong(
                f"{name}:{table.line}:{heading}",
                N_("two columns hold the same: {one} and {other}; remove one", one=headings[found[0]], other=heading),
            )
        else:
            columns[place] = found
            headings.setdefault(found[0], heading)
    for missing in _missing(kind, {field for field, _ in columns.values()}, form):
        findings.wrong(f"{name}:{table.line}", N_("the column {heading} is missing", heading=missing))
    if len(findings.problems) > count:
        return None, columns
    return Source(name, kind, {field: form.heading(kind, field) for field in form.columns[kind]} | headings), columns


def _unknown_column(kind: str, heading: str, form: Format) -> Any:
    known = [each for column in form.columns[kind].values() for each in column.headings]
    near = get_close_matches(heading, known, 1, 0.75)
    if near:
        return N_("this column isn't known and was left out; was {known} meant?", known=near[0])
    return N_("this column isn't known and was left out")


def _row(
    source: Source, columns: Columns, table: Table, line: int, cells: list[str], form: Format, findings: Findings
) -> Row | None:
    width = len(table.headings)
    if any(cell.strip() for cell in cells[width:]) or len(cells) <= max(columns):
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


def _from_json(file: ImportFile, text: str, form: Format, findings: Findings) -> list[Row]:
    rows = []
    try:
        lists = list(JsonReader(text).lists())
    except (ValueError, RecursionError) as error:
        raise Invalid(N_("this is no JSON that can be read: {reason}", reason=str(error))) from None
    if not lists:
        findings.wrong(f"{file.name}:1", N_("the file is empty; a list is expected"))
    for named, records in lists:
        kind = named or file.kind or _kind_of_records(records, form)
        if kind not in KINDS:
            findings.wrong(file.name, N_("{kind} isn't one of: {known}", kind=kind or "?", known=", ".join(KINDS)))
            continue
        source = Source(file.name, kind, {})
        for line, record in records:
            row = _record(source, line, record, form, findings)
            if row is not None:
                rows.append(row)
    return rows


def _kind_of_records(records: list[tuple[int, Any]], form: Format) -> str | None:
    keys = {key for _, record in records if isinstance(record, dict) for key in record}
    fits = [kind for kind in KINDS if keys and keys <= form.columns[kind].keys() and not _missing(kind, keys, form)]
    return fits[0] if len(fits) == 1 else None


def _record(source: Source, line: int, record: Any, form: Format, findings: Findings) -> Row | None:
    place = f"{source.file}:{line}"
    if not isinstance(record, dict):
        findings.wrong(place, N_("an object is expected here"))
        return None
    unknown = record.keys() - form.columns[source.kind].keys()
    for name in sorted(unknown):
        findings.wrong(f"{place}:{name}", _unknown_column(source.kind, name, form))
    missing = _missing(source.kind, set(record), form)
    for name in missing:
        findings.wrong(place, N_("the column {heading} is missing", heading=name))
    return None if unknown or missing else _typed(Row(source, line, record), form, findings)


def _typed(row: Row, form: Format, findings: Findings) -> Row | None:
    """The row with its values read; None if one of them is wrong."""
    columns, typed, sound = form.columns[row.source.kind], {}, True
    for field, given in row.values.items():
        try:
            typed[field] = _READERS[columns[field].type](given, form, field)
        except read.Wrong as error:
            findings.wrong(row.place(field), error.text)
            sound = False
    for field, column in columns.items():
        if column.required and field in typed and not typed[field]:
            findings.wrong(row.place(field), N_("this cell must not be empty"))
            sound = False
    alternatives = _NEEDED.get(row.source.kind, ())
    if sound and alternatives and not any(typed.get(field) for field in alternatives):
        findings.wrong(row.place(alternatives[0]), N_("this cell must not be empty"))
        sound = False
    whole = Row(row.source, row.line, typed)
    if not sound:
        findings.broken.update(whole.keys)
    return whole if sound else None


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
    "site": lambda given, form, field: read.text(given),
    "plate": lambda given, form, field: read.plate(given),
    "vin": lambda given, form, field: read.vin(given),
    "email": lambda given, form, field: read.email(given),
    "date": lambda given, form, field: read.day(given, form),
    "moment": lambda given, form, field: read.moment(given, form),
    "kilometres": lambda given, form, field: read.kilometres(given),
    "flag": lambda given, form, field: read.flag(given, form),
    "list": lambda given, form, field: read.items(given, form.between_list_items),
    "hours": _weekly_hours,
    "word": lambda given, form, field: read.word(given, form.words[field]),
    "works": lambda given, form, field: read.parts(given, form.between_works, read.text),
    "units": lambda given, form, field: read.parts(given, form.between_works, read.units),
    "prices": lambda given, form, field: read.parts(given, form.between_works, read.cents),
    "interventions": lambda given, form, field: read.interventions(given),
}
