"""From the plan of an import into the book (docs/adr/0046): new records in portions that nobody sees yet, then the
changes of older records and one small step that shows everything, then the telling, in portions again. Each step can be
done again: after a kill it goes on where it was, and nothing is there twice.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from wtpd.book import customers as book_customers
from wtpd.book import vehicles as book_vehicles
from wtpd.book.book import Book
from wtpd.book.importing.plan import Plan
from wtpd.book.recording import Source, record_change, tell_new
from wtpd.errors import Problem, WtpdError
from wtpd.planner.appointment import TransportOption
from wtpd.planner.history import Author
from wtpd.store import appointments, attention, customers, imports, resources, vehicles
from wtpd.store.database import Database, Tx
from wtpd.texts import N_

PORTION = 400
"""Records that are written or told in one transaction, at most."""
_FEWEST = 25
_FIRST = 100
_HOLD = 0.1
"""Seconds that a portion may keep others from writing. One that took longer is followed by a smaller one."""
AT_ONCE = 400
"""Changes of older records in the step that shows everything; more than that are made before it, in portions."""

T = TypeVar("T")

Progress = Callable[[int], None]
_Rows = list[dict[str, Any]]
_Portion = tuple[_Rows, dict[str, _Rows]]


@dataclass(slots=True)
class Transfer:
    """One import on its way from plan to book. `warnings`: what came in otherwise than the lists said, because the book
    changed meanwhile."""

    db: Database
    book: Book
    plan: Plan
    author: Author
    progress: Progress
    warnings: list[Problem] = field(default_factory=list)
    _done: int = 0
    _size: int = _FIRST
    _instead: dict[str, str] = field(default_factory=dict)
    """Customers of the plan whose number somebody gave meanwhile → the customer who has it."""
    _late: list[_Portion] = field(default_factory=list)
    """Appointments whose courtesy car may be free after the changes."""

    async def write(self) -> None:
        """All new records, hidden; then what changes, and everything is seen."""
        for kind in imports.TABLES:
            portions = self.plan.new(kind, lambda: min(self._size, PORTION))
            while (portion := await asyncio.to_thread(next, portions, None)) is not None:
                await self._write(kind, portion)
        changes = await asyncio.to_thread(self._changes)
        while len(changes) > AT_ONCE:
            portion_of_changes, changes = changes[:PORTION], changes[PORTION:]
            await self.db.write(lambda tx, these=portion_of_changes: self._change(tx, these))  # type: ignore[misc]
            self._advance(PORTION)
        await self.db.write(lambda tx: self._show(tx, changes))
        self._advance(len(changes))

    def _changes(self) -> list[tuple[str, str, int]]:
        return [(kind, *change) for kind in imports.TABLES for change in self.plan.changed(kind)]

    async def tell(self) -> None:
        """Partners and listeners of each new record."""
        for kind in imports.TABLES:
            while await self._timed(lambda tx, of=kind: self._tell(tx, of)):  # type: ignore[misc]
                pass
        await self.db.write(imports.end)

    async def _timed(self, work: Callable[[Tx], T]) -> T:
        """Write a portion, and fit the size of the next one to how long it took."""
        start = time.monotonic()
        result = await self.db.write(work)
        took = time.monotonic() - start
        if took > _HOLD:
            self._size = max(_FEWEST, self._size // 2)
        elif took < _HOLD / 3:
            self._size = min(PORTION, self._size * 3 // 2)
        return result

    async def _write(self, kind: str, portion: _Portion) -> None:
        rows, belonging = portion
        self._redirect(rows, belonging)
        try:
            await self._timed(lambda tx: imports.write(tx, kind, rows, belonging))
        except sqlite3.IntegrityError:
            for each in _singly(kind, portion):
                await self._write_one(kind, each)
        self._advance(len(rows))

    async def _write_one(self, kind: str, portion: _Portion) -> None:
        [row], belonging = portion
        try:
            await self.db.write(lambda tx: imports.write(tx, kind, [row], belonging))
        except sqlite3.IntegrityError:
            if kind == "customer":
                await self._take_instead(row)
            elif kind == "appointment":
                self._late.append(portion)
            else:
                raise

    async def _take_instead(self, row: Mapping[str, Any]) -> None:
        """Somebody made a customer of this number while the lists were checked: that one is meant."""
        found = await self.db.read(lambda tx: customers.by_number(tx, row["number"]))
        if found is None:
            raise WtpdError(N_("Customer {number} can't be kept.", number=row["number"]))
        self._instead[row["id"]] = found.id
        self._warn(N_("customer {number} was made here meanwhile and was left as it is", number=row["number"]))

    def _redirect(self, rows: _Rows, belonging: Mapping[str, _Rows]) -> None:
        if not self._instead:
            return
        for each in (*rows, *(row for table in belonging.values() for row in table)):
            for name, value in each.items():
                if name == "changes":
                    each[name] = json.dumps(_replaced(json.loads(value), self._instead), ensure_ascii=False)
                elif isinstance(value, str) and name != "id":
                    each[name] = self._instead.get(value, value)

    def _show(self, tx: Tx, changes: Sequence[tuple[str, str, int]]) -> None:
        self._change(tx, changes)
        for (row,), belonging in self._late:
            self._insert_late(tx, row, belonging)
        imports.enter(tx, "telling")

    def _insert_late(self, tx: Tx, row: dict[str, Any], belonging: dict[str, _Rows]) -> None:
        try:
            with tx.savepoint():
                imports.write(tx, "appointment", [row], belonging)
        except sqlite3.IntegrityError:
            car, row["courtesy_car"], row["transport_option"] = row["courtesy_car"], None, TransportOption.NONE.value
            belonging = {**belonging, "courtesy_contract": []}
            imports.write(tx, "appointment", [row], belonging)
            attention.add(
                tx, "car_open", appointment_id=row["id"], data={"courtesy_car": car, "reason": "taken"},
                once=f"{row['id']}:{car}",
            )  # fmt: skip
            [reference] = [each["partner_id"] for each in belonging["reference"]][:1] or ["–"]
            self._warn(
                N_("appointment {reference}: courtesy car {car} was lent meanwhile; it was left open",
                   reference=reference, car=car)
            )  # fmt: skip

    def _change(self, tx: Tx, changes: Sequence[tuple[str, str, int]]) -> None:
        for kind, record_id, version in changes:
            if imports.is_changed(tx, record_id):
                continue
            try:
                with tx.savepoint():
                    _CHANGE[kind](self, tx, record_id, version)
                    imports.note_changed(tx, record_id)
            except _Changed:
                self._warn(N_("{record} was changed here while the lists were checked and was left as it is; "
                              "import the list again", record=_name(self.plan.tx, kind, record_id)))  # fmt: skip
            except WtpdError as error:
                name = _name(self.plan.tx, kind, record_id)
                self._warn(N_("{record} was left as it is: {reason}", record=name, reason=error.text))

    def _tell(self, tx: Tx, kind: str) -> int:
        ids = imports.pending(tx, kind, min(self._size, PORTION))
        if kind == "appointment":
            tell_new(tx, self.book.plans, appointments.many(tx, ids), self.author)
        elif kind in ("customer", "vehicle"):
            tx.emit_many(f"{kind}.changed", [{"id": record_id, "version": 1} for record_id in ids])
        else:
            for record_id in ids:
                record = _resource(tx, kind, record_id)
                tx.emit("resource.changed", resource=kind, id=record_id, site=record.site)
                tx.signal(f"availability:{record.site}:*")
        imports.told(tx, ids)
        return len(ids)

    def _advance(self, count: int) -> None:
        self._done += count
        self.progress(self._done)

    def _warn(self, text: Any) -> None:
        self.warnings.append(Problem("", text))


class _Changed(Exception):
    """Somebody changed the record meanwhile."""


def _customer(self: Transfer, tx: Tx, record_id: str, version: int) -> None:
    before, after = customers.get(tx, record_id), customers.get(self.plan.tx, record_id)
    _check(before.version, version)
    book_customers.put(tx, before, replace(after, version=before.version))


def _vehicle(self: Transfer, tx: Tx, record_id: str, version: int) -> None:
    before, after = vehicles.get(tx, record_id), vehicles.get(self.plan.tx, record_id)
    _check(before.version, version)
    people = {role: self._instead.get(getattr(after, role), getattr(after, role))
              for role in ("owner", "driver", "contractor")}  # fmt: skip
    book_vehicles.put(tx, before, replace(after, version=before.version, **people))


def _appointment(self: Transfer, tx: Tx, record_id: str, version: int) -> None:
    before, after = appointments.get(tx, record_id), appointments.get(self.plan.tx, record_id)
    _check(before.version, version)
    customer = self._instead.get(after.customer_id or "", after.customer_id)
    after = replace(after, version=before.version, customer_id=customer)
    cancelled = after.status != before.status and after.status == "cancelled"
    action = "cancelled" if cancelled else "changed"
    record_change(tx, self.book.plans, before, after, Source(self.author), action=action)


def _advisor(self: Transfer, tx: Tx, record_id: str, version: int) -> None:
    _check(resources.get_advisor(tx, record_id).version, version)
    self.book.put_advisor(tx, resources.get_advisor(self.plan.tx, record_id), author=self.author)


def _courtesy_car(self: Transfer, tx: Tx, record_id: str, version: int) -> None:
    _check(resources.get_courtesy_car(tx, record_id).version, version)
    self.book.put_courtesy_car(tx, resources.get_courtesy_car(self.plan.tx, record_id), author=self.author)


_CHANGE: Mapping[str, Callable[[Transfer, Tx, str, int], None]] = {
    "advisor": _advisor,
    "courtesy_car": _courtesy_car,
    "customer": _customer,
    "vehicle": _vehicle,
    "appointment": _appointment,
}


def _check(now: int, planned: int) -> None:
    """Raises `_Changed` for a record that isn't as it was when the lists were checked."""
    if now != planned:
        raise _Changed


def _singly(kind: str, portion: _Portion) -> Iterator[_Portion]:
    rows, belonging = portion
    columns = dict(imports.BELONGING.get(kind, ()))
    for row in rows:
        own = {
            table: [each for each in found if each[columns[table]] == row["id"]] for table, found in belonging.items()
        }
        yield [row], own


def _replaced(value: Any, instead: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _replaced(each, instead) for name, each in value.items()}
    return instead.get(value, value) if isinstance(value, str) else value


def _resource(tx: Tx, kind: str, record_id: str) -> Any:
    return resources.get_advisor(tx, record_id) if kind == "advisor" else resources.get_courtesy_car(tx, record_id)


def _name(tx: Tx, kind: str, record_id: str) -> str:
    """What people call the record."""
    if kind == "customer":
        return customers.get(tx, record_id).number or "–"
    if kind == "vehicle":
        found = vehicles.get(tx, record_id)
        return found.plate or found.vin
    if kind == "appointment":
        return appointments.get(tx, record_id).references.get("import", "–")
    return record_id
