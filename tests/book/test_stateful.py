"""Random bookings, moves and cancellations by several people and a partner: whatever they do, no courtesy car is lent
twice, the history replays to what stands in the book, and versions count up by one."""

from __future__ import annotations

import sqlite3
from dataclasses import MISSING, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.support.bookkeeping import MONDAY, NOW, draft, make_book
from wtpd.book.sync_port import SyncBook
from wtpd.clock import iso
from wtpd.errors import Refused, VersionMismatch
from wtpd.planner.appointment import Appointment, Intervention
from wtpd.planner.changes import json_value
from wtpd.planner.history import Author
from wtpd.planner.resources import CourtesyCar
from wtpd.store import appointments, history, search
from wtpd.store.database import Tx
from wtpd.store.migrations import migrate
from wtpd.sync.ports import Incoming

AUTHORS = [Author(actor=name, interface="desk") for name in ("maria", "otto")]
CHANNEL = "superservice/rostock"
SLOT = timedelta(hours=3)
STATUSES = ["scheduled", "arrived", "in_work", "ready", "completed", "no_show"]

slots = st.integers(0, 12)
lengths = st.integers(1, 4)
cars = st.sampled_from([None, "EW1", "EW2"])
people = st.sampled_from(AUTHORS)
names = st.sampled_from(["Müller", "Lübs", "Säuberlich"])


def span(slot: int, length: int) -> dict[str, Any]:
    return {"drop_off": MONDAY + slot * SLOT, "collection": MONDAY + (slot + length) * SLOT}


class Bookkeeping(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.con = sqlite3.connect(":memory:", isolation_level=None)
        self.con.row_factory = sqlite3.Row
        self.con.execute("PRAGMA foreign_keys=ON")
        migrate(self.con, Path(":memory:"))
        self.book = make_book()
        self.ids: list[str] = []
        self.partner_ids = 0

    def do(self, work: Any) -> Any:
        """One transaction, undone if it raises, as the database does it."""
        tx = Tx(self.con, NOW)
        self.con.execute("BEGIN")
        try:
            result = work(tx)
            for finish, keys in tx.last.items():
                finish(tx, keys)
        except BaseException:
            self.con.execute("ROLLBACK")
            raise
        self.con.execute("COMMIT")
        return result

    def try_to(self, work: Any) -> None:
        """People are refused now and then; that must leave nothing behind."""
        before = self.state()
        try:
            self.do(work)
        except (Refused, VersionMismatch):
            assert self.state() == before

    def state(self) -> list[Any]:
        return [tuple(row) for row in self.con.execute("SELECT id, version, status, courtesy_car FROM appointment")]

    @initialize()
    def furnish(self) -> None:
        def work(tx: Tx) -> None:
            for car in ("EW1", "EW2"):
                self.book.put_courtesy_car(tx, CourtesyCar(id=car, plate=car, site="rostock"), author=AUTHORS[0])
            tx.run(
                """INSERT INTO channel (id, connector, site, department, account, active)
                   VALUES (?, 'superservice', 'rostock', 'Werkstatt', 'D1', 1)""",
                (CHANNEL,),
            )

        self.do(work)

    @rule(slot=slots, length=lengths, car=cars, units=st.integers(0, 50), author=people)
    def book_at_the_desk(self, slot: int, length: int, car: str | None, units: int, author: Author) -> None:
        asked = draft(units=units, courtesy_car=car, **span(slot, length))
        self.try_to(lambda tx: self.ids.append(self.book.create(tx, asked, author=author).id))

    @rule(slot=slots, length=lengths, car=cars, units=st.integers(0, 50), name=names)
    def book_at_the_partner(self, slot: int, length: int, car: str | None, units: int, name: str) -> None:
        self.partner_ids += 1
        item = Incoming(
            partner_id=f"A-{self.partner_ids}",
            version=1,
            cancelled=False,
            changed_by="customer_app",
            fields={
                **{key: iso(value) for key, value in span(slot, length).items()},
                "courtesy_car": car,
                "interventions": [{"title": "HU", "labour_units": units}],
                "customer.last_name": name,
                "customer.email": f"{name}@example.org",
            },
        )
        self.do(
            lambda tx: self.ids.append(
                SyncBook(self.book, tx).create(CHANNEL, item, actor="SUPERSERVICE").appointment_id
            )
        )

    @rule(data=st.data(), slot=slots, length=lengths, author=people, stale=st.booleans())
    def move(self, data: st.DataObject, slot: int, length: int, author: Author, stale: bool) -> None:
        self.change(data, span(slot, length), author, stale)

    @rule(data=st.data(), status=st.sampled_from(STATUSES), author=people)
    def get_on(self, data: st.DataObject, status: str, author: Author) -> None:
        self.change(data, {"status": status}, author)

    @rule(data=st.data(), car=cars, author=people)
    def lend(self, data: st.DataObject, car: str | None, author: Author) -> None:
        self.change(data, {"courtesy_car": car}, author)

    @rule(data=st.data(), units=st.integers(0, 60), author=people)
    def add_work(self, data: st.DataObject, units: int, author: Author) -> None:
        self.change(data, {"interventions": (Intervention(title="HU", labour_units=units),)}, author)

    @rule(data=st.data(), author=people)
    def cancel(self, data: st.DataObject, author: Author) -> None:
        if self.ids:
            chosen = data.draw(st.sampled_from(self.ids))
            self.try_to(lambda tx: self.book.cancel(tx, chosen, author=author, expected_version=None, reason="krank"))

    @rule(data=st.data(), slot=slots, length=lengths, car=cars, name=names, status=st.sampled_from(STATUSES))
    def partner_changes(
        self, data: st.DataObject, slot: int, length: int, car: str | None, name: str, status: str
    ) -> None:
        if self.ids:
            chosen = data.draw(st.sampled_from(self.ids))
            given = {key: iso(value) for key, value in span(slot, length).items()}
            given |= {"courtesy_car": car, "customer.last_name": name, "status": status}
            self.do(lambda tx: SyncBook(self.book, tx).update(CHANNEL, chosen, given, actor="SUPERSERVICE", links={}))

    @rule(data=st.data())
    def partner_cancels(self, data: st.DataObject) -> None:
        if self.ids:
            chosen = data.draw(st.sampled_from(self.ids))
            self.do(lambda tx: SyncBook(self.book, tx).cancel(CHANNEL, chosen, actor="SUPERSERVICE", reason=None))

    def change(self, data: st.DataObject, changes: dict[str, Any], author: Author, stale: bool = False) -> None:
        if self.ids:
            chosen = data.draw(st.sampled_from(self.ids))
            seen = appointments.get(Tx(self.con, NOW), chosen).version - stale
            self.try_to(lambda tx: self.book.change(tx, chosen, changes, author=author, expected_version=seen or None))

    @invariant()
    def no_car_is_lent_twice(self) -> None:
        lent = self.con.execute(
            """SELECT count(*) FROM appointment a JOIN appointment b
               ON a.courtesy_car = b.courtesy_car AND a.id < b.id
                 AND a.drop_off < b.collection AND b.drop_off < a.collection
               WHERE a.status NOT IN ('cancelled', 'no_show') AND b.status NOT IN ('cancelled', 'no_show')"""
        ).fetchone()[0]
        assert lent == 0

    @invariant()
    def history_replays_to_what_stands(self) -> None:
        tx = Tx(self.con, NOW)
        for appointment in appointments.many(tx, self.ids):
            entries = history.of(tx, appointment.id)
            assert [entry.version for entry in entries] == list(range(1, appointment.version + 1))
            replayed = dict(DEFAULTS)
            for entry in entries:
                for name, change in entry.changes.items():
                    if entry.version > 1 and name in replayed:
                        assert replayed[name] == change.old, (entry, name)
                    replayed[name] = change.new
            stands = json_value(appointment)
            assert {name: replayed.get(name) for name in COMPARED} == {name: stands[name] for name in COMPARED}

    @invariant()
    def cancelled_and_absent_take_no_car(self) -> None:
        """Every lending has its contract, and every contract its car."""
        rows = self.con.execute(
            """SELECT a.id FROM appointment a LEFT JOIN courtesy_contract c ON c.appointment_id = a.id
               WHERE a.status NOT IN ('cancelled', 'no_show') AND a.courtesy_car IS NOT c.courtesy_car"""
        ).fetchall()
        assert rows == []

    def teardown(self) -> None:
        if self.ids:
            tx = Tx(self.con, NOW)
            for kind in ("appointment", "customer"):
                tx.run(f"INSERT INTO search_{kind} (search_{kind}, rank) VALUES ('integrity-check', 1)")
            assert len(search.appointments(tx, "müller", 10_000)) == len(
                tx.all(
                    """SELECT a.id FROM appointment a JOIN customer c ON c.id = a.customer_id
                       WHERE c.last_name = 'Müller'"""
                )
            )
        self.con.close()


COMPARED = [field.name for field in fields(Appointment) if field.name not in {"id", "version", "references", "links"}]
DEFAULTS = {
    field.name: json_value(field.default)
    for field in fields(Appointment)
    if field.name in COMPARED and field.default is not MISSING
}
"""What isn't in the first entry of the history is as it is by default."""

Bookkeeping.TestCase.settings = settings(
    deadline=None,
    max_examples=40,
    stateful_step_count=30,
    suppress_health_check=[HealthCheck.too_slow],
)
TestBookkeeping = Bookkeeping.TestCase
