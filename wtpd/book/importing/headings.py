"""What the columns of a list hold, and what kind of list it is by them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from wtpd.book.importing.files import Findings, Source, Table
from wtpd.book.importing.mapping import KINDS, Format
from wtpd.errors import Invalid
from wtpd.texts import N_, Text

NEEDED = {"customers": ("last_name", "company"), "vehicles": ("vin", "plate")}
"""Of these fields one at least must be there."""
Columns = Mapping[int, tuple[str, tuple[int, ...]]]
"""Field and weekdays by the place of the column."""


def recognised(headings: Iterable[str], form: Format) -> int:
    headings = list(headings)
    return max(matching(headings, kind, form) for kind in KINDS)


def matching(headings: Iterable[str], kind: str, form: Format) -> int:
    """How many fields of the kind have a column."""
    return len(fields_of(headings, kind, form))


def fields_of(headings: Iterable[str], kind: str, form: Format) -> set[str]:
    return {found[0] for heading in headings if (found := form.field_of(kind, heading.strip()))}


def kind_of(table: Table, form: Format) -> str:
    """The kind of which most fields are there, and all that it needs. Raises `Invalid`."""
    counts = {
        kind: matching(table.headings, kind, form)
        for kind in KINDS
        if not missing_columns(kind, fields_of(table.headings, kind, form), form)
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


def missing_columns(kind: str, fields: set[str], form: Format) -> list[str]:
    """Required fields without a column, as headings."""
    missing = [
        column.headings[0] for name, column in form.columns[kind].items() if column.required and name not in fields
    ]
    alternatives = NEEDED.get(kind, ())
    if alternatives and not fields.intersection(alternatives):
        missing.append(" / ".join(form.columns[kind][name].headings[0] for name in alternatives))
    return missing


def columns_of(
    name: str, kind: str, table: Table, encoding: str, form: Format, findings: Findings
) -> tuple[Source | None, Columns]:
    """What each column holds; None if the list can't be read with these headings."""
    columns: dict[int, tuple[str, tuple[int, ...]]] = {}
    headings: dict[str, str] = {}
    count = findings.count
    for place, heading in enumerate(table.headings):
        found = form.field_of(kind, heading) if heading else None
        if found is None:
            if heading:
                findings.look(f"{name}:{table.line}:{heading}", unknown_column(kind, heading, form))
        elif found in columns.values():
            findings.wrong(
                f"{name}:{table.line}:{heading}",
                N_("two columns hold the same: {one} and {other}; remove one", one=headings[found[0]], other=heading),
            )
        else:
            columns[place] = found
            headings.setdefault(found[0], heading)
    for missing in missing_columns(kind, {field for field, _ in columns.values()}, form):
        findings.wrong(f"{name}:{table.line}", N_("the column {heading} is missing", heading=missing))
    if findings.count > count:
        return None, columns
    shown = {field: form.heading(kind, field) for field in form.columns[kind]} | headings
    return Source(name, kind, shown, encoding), columns


def unknown_column(kind: str, heading: str, form: Format) -> Text:
    known = [each for column in form.columns[kind].values() for each in column.headings]
    near = get_close_matches(heading, known, 1, 0.75)
    if near:
        return N_("this column isn't known and was left out; was {known} meant?", known=near[0])
    return N_("this column isn't known and was left out")
