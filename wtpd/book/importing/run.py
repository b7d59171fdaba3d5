"""`wtpd import`: files into the book, all of them or none, and no change the second time (spec: cli.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from wtpd.book.book import Book
from wtpd.book.importing.bulk import Bulk, in_portions
from wtpd.book.importing.files import SHOWN, Findings, ImportFile, Row
from wtpd.book.importing.mapping import KINDS, Format, fold, shipped
from wtpd.book.importing.masterdata import PUT
from wtpd.book.importing.rows import read_files
from wtpd.book.importing.session import Counts, Session
from wtpd.book.importing.staging import Staging
from wtpd.book.importing.visits import put_visits
from wtpd.config.model import Site
from wtpd.errors import Problem, WtpdError
from wtpd.planner.history import Author
from wtpd.store.database import Tx

_STEP = 500
"""Rows between two calls of `progress`."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """`counts` by kind, for the kinds that were in the files. `warnings`: what should be looked at, e.g. columns that
    aren't known. `over_limit`: how many appointments went beyond the load limit of their day."""

    counts: Mapping[str, Counts]
    warnings: Sequence[Problem]
    over_limit: int


@dataclass(slots=True)
class Prepared:
    """Files that were read: everything that can be known without the book. Used once, and closed."""

    staging: Staging
    findings: Findings
    form: Format

    def close(self) -> None:
        self.staging.close()


def site_names(sites: Iterable[Site]) -> dict[str, str]:
    """What a list may call a site: id, name, or its city if no other site is there → id."""
    sites = list(sites)
    cities = [fold(site.city) for site in sites]
    names = {site.city: site.id for site in sites if site.city and cities.count(fold(site.city)) == 1}
    return {**names, **{site.name: site.id for site in sites}, **{site.id: site.id for site in sites}}


def prepare(files: Sequence[ImportFile], progress: Callable[[int], None] = lambda done: None) -> Prepared:
    """Read the files; nothing of the book is needed. Problems are kept for `apply`."""
    form, findings, staging = shipped(), Findings(), Staging()
    try:
        staging.take(counted(read_files(files, form, findings), progress), findings)
    except BaseException:
        staging.close()
        raise
    return Prepared(staging, findings, form)


def apply(
    tx: Tx,
    book: Book,
    prepared: Prepared,
    sites: Mapping[str, str],
    author: Author,
    progress: Callable[[int], None] = lambda done: None,
    *,
    telling: bool = True,
) -> ImportResult:
    """Bring what was read into the book of this transaction. `sites`: see `site_names`; `progress` is called with the
    number of rows that are done; not `telling`: nobody hears of the transaction. Raises `Invalid` with every problem
    by file, line and column; the transaction must be given up then."""
    session = Session(
        tx=tx,
        book=book,
        author=author,
        bulk=Bulk(tx, book, author, telling=telling),
        findings=prepared.findings,
        sites={fold(name): site for name, site in sites.items()},
        site_names=_shown_names(sites),
    )
    staging = prepared.staging
    all_rows = counted((row for kind in KINDS for row in staging.rows(kind)), progress)
    for kind, rows in groupby(all_rows, key=lambda row: row.source.kind):
        counts = session.counts[kind] = Counts()
        if kind == "appointments":
            put_visits(session, rows, staging.usual.means(), counts, prepared.form)
        else:
            for portion in in_portions(rows):
                session.expect(portion)
                for row in portion:
                    _put(session, row, counts)
        session.bulk.flush()
    session.findings.check()
    return ImportResult(session.counts, session.findings.warnings[:SHOWN], session.over_limit)


def counted(rows: Iterable[Row], progress: Callable[[int], None]) -> Iterator[Row]:
    """The rows; `progress` is called now and then with the number of them so far."""
    for done, row in enumerate(rows, 1):
        if not done % _STEP:
            progress(done)
        yield row


def run_import(
    tx: Tx, book: Book, files: Sequence[ImportFile], sites: Mapping[str, str], author: Author
) -> ImportResult:
    """`prepare` and `apply`."""
    prepared = prepare(files)
    try:
        return apply(tx, book, prepared, sites, author)
    finally:
        prepared.close()


def _put(session: Session, row: Row, counts: Counts) -> None:
    """A problem of this row is told once: what refers to it is excused."""
    problems = session.findings.count
    try:
        PUT[row.source.kind](session, row, counts)
    except WtpdError as error:
        session.failed(row, error)
    if session.findings.count > problems:
        session.findings.broken.update(row.keys)


def _shown_names(sites: Mapping[str, str]) -> list[str]:
    """Each site once, by name rather than id."""
    names: dict[str, str] = {}
    for name, site in sites.items():
        if site not in names or names[site] == site:
            names[site] = name
    return sorted(names.values())
