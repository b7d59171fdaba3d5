"""`wtpd import`: files into the book, all of them or none, and no change the second time (spec: cli.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from wtpd.book.book import Book
from wtpd.book.importing.files import SHOWN, Findings, ImportFile, Row
from wtpd.book.importing.mapping import KINDS, Format, fold, shipped
from wtpd.book.importing.masterdata import PUT
from wtpd.book.importing.rows import read_files
from wtpd.book.importing.session import Counts, Session
from wtpd.book.importing.visits import put_visits
from wtpd.config.model import Site
from wtpd.errors import Problem, WtpdError
from wtpd.planner.history import Author
from wtpd.store.database import Tx
from wtpd.texts import N_


@dataclass(frozen=True, slots=True)
class ImportResult:
    """`counts` by kind, for the kinds that were in the files. `warnings`: what should be looked at, e.g. columns that
    aren't known. `over_limit`: how many appointments went beyond the load limit of their day."""

    counts: Mapping[str, Counts]
    warnings: Sequence[Problem]
    over_limit: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """Files that were read: everything that can be known without the book."""

    rows: Sequence[Row]
    findings: Findings
    form: Format


def site_names(sites: Iterable[Site]) -> dict[str, str]:
    """What a list may call a site: id, name, or its city if no other site is there → id."""
    sites = list(sites)
    cities = [fold(site.city) for site in sites]
    names = {site.city: site.id for site in sites if site.city and cities.count(fold(site.city)) == 1}
    return {**names, **{site.name: site.id for site in sites}, **{site.id: site.id for site in sites}}


def prepare(files: Sequence[ImportFile], form: Format | None = None) -> Prepared:
    """Read the files; pure, so it can be done outside of the transaction. Problems are kept for `apply`."""
    form, findings = form or shipped(), Findings()
    return Prepared(_once(read_files(files, form, findings), findings), findings, form)


def apply(tx: Tx, book: Book, prepared: Prepared, sites: Mapping[str, str], author: Author) -> ImportResult:
    """Bring what was read into the book. `sites`: see `site_names`. Raises `Invalid` with every problem by file, line
    and column; nothing is imported then."""
    session = Session(
        tx=tx,
        book=book,
        author=author,
        findings=prepared.findings.copy(),
        sites={fold(name): site for name, site in sites.items()},
        site_names=sorted(sites),
    )
    for kind in KINDS:
        rows = [row for row in prepared.rows if row.source.kind == kind]
        if not rows:
            continue
        counts = session.counts[kind] = Counts()
        if kind == "appointments":
            put_visits(session, rows, counts, prepared.form)
            continue
        for row in rows:
            _put(session, row, counts)
    session.findings.check()
    return ImportResult(session.counts, session.findings.warnings[:SHOWN], session.over_limit)


def run_import(
    tx: Tx, book: Book, files: Sequence[ImportFile], sites: Mapping[str, str], author: Author
) -> ImportResult:
    """`prepare` and `apply`."""
    return apply(tx, book, prepare(files), sites, author)


def _put(session: Session, row: Row, counts: Counts) -> None:
    """A problem of this row is told once: what refers to it is excused."""
    problems = len(session.findings.problems)
    try:
        PUT[row.source.kind](session, row, counts)
    except WtpdError as error:
        session.failed(row, error)
    if len(session.findings.problems) > problems:
        session.findings.broken.update(row.keys)


def _once(rows: Iterable[Row], findings: Findings) -> list[Row]:
    """Without repetitions. The same number with something else is a problem that names both lines."""
    kept: dict[tuple[str, str], Row] = {}
    for row in rows:
        key = row.keys[0]
        first = kept.setdefault(key, row)
        if first is not row and first.values != row.values:
            field = {"customers": "number", "vehicles": "vin", "appointments": "reference"}.get(row.source.kind, "id")
            findings.wrong(
                row.place(field),
                N_("{key} stands in line {line} ({file}) with something else", key=key[1], line=first.line,
                   file=first.source.file),
            )  # fmt: skip
    return list(kept.values())
