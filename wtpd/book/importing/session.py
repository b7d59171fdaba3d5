"""What the import of several files shares while it runs in its one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from wtpd.book.book import Book
from wtpd.book.importing.bulk import Bulk
from wtpd.book.importing.files import Findings, Row
from wtpd.book.importing.mapping import fold
from wtpd.errors import WtpdError
from wtpd.planner.customer import Customer
from wtpd.planner.history import Author
from wtpd.planner.resources import Advisor, CourtesyCar
from wtpd.store import customers, erased, resources
from wtpd.store.database import Tx
from wtpd.texts import N_, Text

COLUMN_OF = {
    "customer_id": "customer", "vehicle_id": "vin", "interventions": "titles", "references": "reference",
    "id": "id", "weekly_hours": "weekly_hours",
    "labour_units": "labour_units", "price_cents": "prices", "code": "codes", "title": "titles",
}  # fmt: skip
"""The column behind a field of the book's errors, where it is called differently."""
_MOST_REMEMBERED = 5_000


@dataclass(slots=True)
class Counts:
    """Records of one kind, by what became of them."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0

    def count(self, before: Any | None, after: Any) -> None:
        """By the versions of a record before and after; `before` None: it is new."""
        if before is None:
            self.created += 1
        elif before.version != after.version:
            self.changed += 1
        else:
            self.unchanged += 1


@dataclass(slots=True)
class Session:
    """`sites`: every name of a site (folded) → its id; `site_names` as they are shown."""

    tx: Tx
    book: Book
    author: Author
    bulk: Bulk
    findings: Findings
    sites: Mapping[str, str]
    site_names: Sequence[str]
    counts: dict[str, Counts] = field(default_factory=dict)
    over_limit: int = 0
    _customers: dict[str, str | None] = field(default_factory=dict)
    _erased: dict[str, bool] = field(default_factory=dict)
    _resources: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    _active: dict[str, set[str]] = field(default_factory=dict)
    _anybody_erased: bool | None = None

    def expect(self, portion: Sequence[Row]) -> None:
        """These rows come next: what they name is looked up for all of them."""
        self.bulk.expect(portion)
        if len(self._customers) >= _MOST_REMEMBERED:
            self._customers.clear()
            self._erased.clear()
        for number, customer in self.bulk.people.items():
            self._customers[number] = customer.id
            self._erased[customer.id] = customer.erased

    def is_active_advisor(self, advisor: str, site: str) -> bool:
        if site not in self._active:
            self._active[site] = {each.id for each in resources.advisors(self.tx, site=site) if each.active}
        return advisor in self._active[site]

    def anybody_erased(self) -> bool:
        """Whether anybody ever was; nobody is while an import is under way."""
        if self._anybody_erased is None:
            self._anybody_erased = erased.anybody(self.tx)
        return self._anybody_erased

    def site(self, row: Row) -> str | None:
        """The id of the row's site."""
        name = row.values["site"]
        found = self.sites.get(fold(name))
        if found is None:
            text = N_("{name} is no site; known are: {known}", name=name, known=", ".join(self.site_names))
            self.findings.wrong(row.place("site"), text, once=name)
        return found

    def department(self, row: Row, site: str) -> str | None:
        """The row's department, or the only one of the site."""
        known = [department for each, department in self.book.plans if each == site]
        name = row.values.get("department") or (known[0] if len(known) == 1 else "")
        if name in known:
            return name
        folded = [department for department in known if fold(department) == fold(name)]
        if len(folded) == 1:
            return folded[0]
        self.findings.wrong(
            row.place("department"),
            N_("{name} is no department of {site}; known are: {known}", name=name or "–", site=site,
               known=", ".join(known)),
            once=f"{site} {name}",
        )  # fmt: skip
        return None

    def customer(self, row: Row, column: str) -> str | None:
        """The id of the customer whose number stands in this column; None for a blank cell or an unknown number."""
        number = row.values.get(column)
        if not number:
            return None
        if number not in self._customers:
            customer = self.bulk.people.get(number)
            self._customers[number] = customer.id if customer else None
        found = self._customers[number]
        if found is not None:
            return found
        gone = erased.is_erased(self.tx, number=number)
        if gone is not None and ("customers", number) not in self.findings.broken:
            self.findings.wrong(row.place(column), erased_person(number, gone))
        elif ("customers", number) not in self.findings.broken:
            text = N_("there is no customer {number}; import the customers first or along with it", number=number)
            self.findings.wrong(row.place(column), text)
        return None

    def resource(self, row: Row, column: str, kind: str, site: str) -> str | None:
        """The id of the site's advisor or courtesy car in this column; None for a blank cell."""
        wanted: str = row.values[column]
        if (kind, site) not in self._resources:
            records: Sequence[Advisor | CourtesyCar] = (
                resources.advisors(self.tx, site=site)
                if kind == "advisors"
                else resources.courtesy_cars(self.tx, site=site)
            )
            self._resources[kind, site] = [each.id for each in records]
        known = self._resources[kind, site]
        if wanted and wanted not in known and (kind, wanted) not in self.findings.broken:
            self.findings.wrong(
                row.place(column),
                N_("{id} isn't known at this site; known are: {known}", id=wanted, known=", ".join(known[:20]) or "–"),
            )
        return wanted or None

    def is_erased(self, customer_id: str | None) -> bool:
        """Whether that person's data were erased."""
        if customer_id is None:
            return False
        if customer_id not in self._erased:
            self._erased[customer_id] = customers.get(self.tx, customer_id).erased
        return self._erased[customer_id]

    def remember(self, customer: Customer) -> None:
        if customer.number:
            self._customers[customer.number] = customer.id
            self._erased[customer.id] = customer.erased

    def failed(self, row: Row, error: WtpdError) -> None:
        """The book refuses the row."""
        for problem in error.problems:
            name, last = problem.field.split(".")[0], problem.field.rsplit(".", 1)[-1]
            column = COLUMN_OF.get(last) or COLUMN_OF.get(name, name)
            self.findings.wrong(row.place(column), problem.text)
        if not error.problems:
            self.findings.wrong(f"{row.source.file}:{row.line}", error.text)


def erased_person(number: str, gone: erased.Erased) -> Text:
    return N_("{number} was erased on {day}; take this line out of the list", number=number,
              day=date.fromisoformat(gone.day))  # fmt: skip


def given(row: Row, *fields: str) -> dict[str, Any]:
    """The row's values of these fields that aren't blank: what a list doesn't say is left as it is."""
    return {name: row.values[name] for name in fields if row.values.get(name) not in (None, "", ())}
