"""No query that lists, finds or runs on a schedule reads a whole table (DESIGN.md, decision 3).

Every statement that the functions below run is explained by SQLite; a scan of one of the tables that grow is an error.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.support.bookkeeping import DESK, MONDAY, NOW, Dealership, draft
from wtpd.planner.appointment import Status
from wtpd.planner.periods import local_day
from wtpd.store import (
    appointments,
    attention,
    calls,
    contracts,
    customers,
    events,
    figures,
    history,
    idempotency,
    messages,
    privacy,
    resources,
    search,
    vehicles,
)
from wtpd.store.appointments import Filter
from wtpd.store.database import Tx
from wtpd.store.messages import Messages
from wtpd.store.search import documents
from wtpd.sync.ports import Taken, Unreadable

GROWING = (
    "appointment", "customer", "customer_contact", "vehicle", "history", "reference", "courtesy_contract", "event",
    "idempotency", "attention", "link", "outbox", "message", "run", "closure", "search_appointment_text",
    "search_customer_text", "search_vehicle_text", "search_slip", "call",
)  # fmt: skip
WEEK = (MONDAY, MONDAY + timedelta(days=7))
DAY = local_day(MONDAY.date(), "Europe/Berlin")
CURSOR = appointments.write_cursor("2026-11-09T07:00:00Z", "a")

# Quarantine (`inbox`) isn't among them: it is kept small by people, and read whole only to export or erase a person.

READS: dict[str, Callable[[Tx], Any]] = {
    "get": lambda tx: appointments.find(tx, "a"),
    "many": lambda tx: appointments.many(tx, ["a", "b"]),
    "messages of a connector": lambda tx: messages.of_connector(tx, "dat"),
    "day": lambda tx: appointments.day(tx, "rostock", *WEEK),
    "day of a department": lambda tx: appointments.day(tx, "rostock", *WEEK, department="Werkstatt"),
    "first page": lambda tx: appointments.page(tx, Filter(site="rostock")),
    "next page": lambda tx: appointments.page(tx, Filter(site="rostock"), cursor=CURSOR),
    "page of all sites": lambda tx: appointments.page(tx, Filter(start=MONDAY), cursor=CURSOR),
    "page by status": lambda tx: appointments.page(
        tx, Filter(site="rostock", statuses=(Status.ARRIVED,)), cursor=CURSOR
    ),
    "page of a customer": lambda tx: appointments.page(tx, Filter(customer_id="c")),
    "page of a vehicle": lambda tx: appointments.page(tx, Filter(site="rostock", vehicle_id="v")),
    "page far behind": lambda tx: appointments.page(tx, Filter(site="rostock"), offset=200),
    "count": lambda tx: appointments.count(tx, Filter(site="rostock", department="Werkstatt")),
    "loads": lambda tx: appointments.loads(tx, "rostock", WEEK),
    "search": lambda tx: appointments.search(tx, "müller hans"),
    "search of a plate": lambda tx: appointments.search(tx, "hro-kp 48"),
    "search of a VIN": lambda tx: appointments.search(tx, "VF15TCCXRXU995736"),
    "search of a telephone number": lambda tx: appointments.search(tx, "0170 1234567"),
    "search of a partner's number": lambda tx: appointments.search(tx, "A-1"),
    "near miss": lambda tx: search.near(tx, "appointment", "mülelr hro-pk 48", 10),
    "near miss of a telephone number": lambda tx: search.near(tx, "appointment", "0170 1234657", 10),
    "by reference": lambda tx: appointments.by_reference(tx, "superservice", "A-1"),
    "by work order": lambda tx: appointments.by_work_order(tx, "4711"),
    "by DMS number": lambda tx: appointments.by_dms_number(tx, "4711"),
    "of customer": lambda tx: appointments.of_customer(tx, "c"),
    "of vehicle": lambda tx: appointments.of_vehicle(tx, "v"),
    "waiting on a day": lambda tx: figures.waiting_on(tx, "superservice/rostock", "rostock", DAY),
    "listed on a day": lambda tx: figures.listed_on(tx, {"rostock": DAY}),
    "upcoming": lambda tx: figures.upcoming(tx, "rostock", MONDAY, ["Werkstatt"]),
    "calls that are due": lambda tx: calls.StoredCalls(tx).due("carloop", limit=5),
    "when a call is due": lambda tx: calls.StoredCalls(tx).next_due("carloop"),
    "calls of a record": lambda tx: calls.of_subject(tx, "r"),
    "open calls of a record": lambda tx: calls.open_of(tx, "r"),
    "calls that wait": lambda tx: calls.waiting(tx, "carloop"),
    "open of customer": lambda tx: appointments.open_of(tx, customer_id="c"),
    "open of vehicle": lambda tx: appointments.open_of(tx, vehicle_id="v"),
    "booked": lambda tx: appointments.booked_units(tx, "rostock", "Werkstatt", *WEEK),
    "drop-offs": lambda tx: appointments.drop_offs(tx, "rostock", "Werkstatt", *WEEK),
    "lent": lambda tx: appointments.lent(tx, "EW1", *WEEK),
    "history": lambda tx: history.of(tx, "a"),
    "history page": lambda tx: history.page(tx, after=10),
    "contract": lambda tx: contracts.find(tx, "a"),
    "customer": lambda tx: customers.find(tx, "c"),
    "customers": lambda tx: customers.many(tx, ["c"]),
    "customer by number": lambda tx: customers.by_number(tx, "1"),
    "customer by name": lambda tx: customers.by_name(tx, "Hans", "Müller", ""),
    "customer by contact": lambda tx: customers.by_contacts(tx, ["a@example.org"]),
    "customer page": lambda tx: customers.page(tx, after="c"),
    "customer search": lambda tx: customers.search(tx, "müller"),
    "vehicle": lambda tx: vehicles.find(tx, "v"),
    "vehicles": lambda tx: vehicles.many(tx, ["v"]),
    "vehicle by VIN": lambda tx: vehicles.by_vin(tx, "VF15TCCXRXU995736"),
    "vehicle by plate": lambda tx: vehicles.by_plate(tx, "B-MW 1"),
    "vehicle of customer": lambda tx: vehicles.of_customer(tx, "c"),
    "vehicle page": lambda tx: vehicles.page(tx, after="v"),
    "vehicle search": lambda tx: vehicles.search(tx, "995736"),
    "closures": lambda tx: resources.closures(tx, "rostock", *WEEK, department="Werkstatt"),
    "events": lambda tx: events.since(tx, 10),
    "event bounds": events.bounds,
    "idempotency": lambda tx: idempotency.get(tx, "maria", "k", "h"),
    "messages of an appointment": lambda tx: messages.of_appointment(tx, "a"),
    "messages of none": lambda tx: messages.unlinked(tx, "A-1"),
    "message": lambda tx: tx.all("SELECT id FROM message WHERE key = 'k' OR inbox = 1"),
    "known by": lambda tx: messages.appointments_known_by(tx, "4711"),
    "attention of an appointment": lambda tx: attention.of_appointment(tx, "a", [1, 2]),
    "export": lambda tx: privacy.export(tx, "c1"),
}

WRITES: dict[str, Callable[[Tx], Any]] = {
    "prune events": lambda tx: events.prune(tx, NOW),
    "prune messages": lambda tx: messages.prune(tx, NOW),
    "message received": lambda tx: Messages(tx).received(
        "c", Unreadable(partner_id="A-1", reason="-", raw={}), Taken(decision="echo", appointment_id="a")
    ),
    "message in quarantine": lambda tx: Messages(tx).received(
        "c", Unreadable(partner_id="A-1", reason="-", raw={}), Taken(decision="quarantine", inbox=1)
    ),
    "prune keys": lambda tx: idempotency.prune(tx, NOW),
    "left words": lambda tx: search.drop_left_words(tx, 10),
    "index": lambda tx: documents.index(tx, {"customer c", "vehicle v", "appointment a"}),
}


class Watched(Tx):
    """A transaction that asks SQLite how it would run each statement."""

    __slots__ = ("scans",)

    def __init__(self, con: sqlite3.Connection) -> None:
        super().__init__(con, NOW)
        self.scans: list[str] = []

    def run(self, sql: str, params: Any = ()) -> sqlite3.Cursor:
        self._explain(sql, params)
        return super().run(sql, params)

    def one(self, sql: str, params: Any = ()) -> sqlite3.Row | None:
        self._explain(sql, params)
        return super().one(sql, params)

    def all(self, sql: str, params: Any = ()) -> list[sqlite3.Row]:
        self._explain(sql, params)
        return super().all(sql, params)

    def _explain(self, sql: str, params: Any) -> None:
        for row in self._con.execute(f"EXPLAIN QUERY PLAN {sql}", params):
            step = row["detail"]
            for table in self._full_scans(step, sql):
                self.scans.append(f"{table}: {step} in {sql}")

    def _full_scans(self, step: str, sql: str) -> list[str]:
        """A list in the order of an index, cut off by LIMIT, is no full scan; SQLite calls it one."""
        if not step.startswith("SCAN ") or "LIMIT" in sql:
            return []
        name = step.split()[1]
        aliases = {name, *(table for table in GROWING if f"{table} {name}" in sql)}
        return [table for table in GROWING if table in aliases]


def fill(dealership: Dealership, tx: Tx) -> None:
    """Rows enough for SQLite's planner to know what is large."""
    customer = {"last_name": "Müller", "id": "c1", "email": "a@example.org"}
    dealership.book.create_customer(tx, customer, author=DESK)
    for number in range(300):
        start = MONDAY + timedelta(hours=number)
        dealership.book.create_vehicle(tx, {"plate": f"HRO-AB {number + 1}", "id": f"v{number}"}, author=DESK)
        dealership.book.create_customer(tx, {"last_name": f"Name {number}", "id": f"n{number}"}, author=DESK)
        people = {"customer_id": f"n{number}", "vehicle_id": f"v{number}"}
        visit = draft(start, hours=1, units=0, work_order=str(number), **people)
        dealership.book.create(tx, visit, author=DESK, allow_over_limit=True)


@pytest.mark.parametrize("analysed", [False, True], ids=["fresh", "analysed"])
async def test_no_query_reads_a_whole_table(dealership: Dealership, analysed: bool) -> None:
    await dealership.do(lambda tx: fill(dealership, tx))
    if analysed:
        await dealership.do(lambda tx: tx.run("ANALYZE"))

    def scans(tx: Tx) -> list[str]:
        watched = Watched(tx._con)
        for work in (*READS.values(), *WRITES.values()):
            work(watched)
        return watched.scans

    assert await dealership.do(scans) == []


async def test_a_scan_would_be_seen(dealership: Dealership) -> None:
    def scans(tx: Tx) -> int:
        watched = Watched(tx._con)
        watched.all("SELECT * FROM appointment WHERE notes = 'x'")
        watched.all("SELECT a.id FROM appointment a WHERE a.notes = 'x'")
        return len(watched.scans)

    assert await dealership.do(scans) == 2


async def test_the_load_of_a_day_is_read_from_the_index_alone(dealership: Dealership) -> None:
    def steps(tx: Tx) -> list[str]:
        seen: list[str] = []
        tx._con.set_trace_callback(seen.append)
        appointments.booked_units(tx, "rostock", "Werkstatt", *WEEK)
        appointments.drop_offs(tx, "rostock", "Werkstatt", *WEEK)
        tx._con.set_trace_callback(None)
        return [row["detail"] for sql in seen for row in tx.all(f"EXPLAIN QUERY PLAN {sql}")]

    found = await dealership.do(steps)
    assert found
    assert all("USING COVERING INDEX appointment_by_day" in step for step in found if "appointment" in step), found


@pytest.mark.parametrize("analysed", [False, True], ids=["fresh", "analysed"])
@pytest.mark.parametrize(
    "which",
    [
        Filter(site="rostock"),
        Filter(site="rostock", department="Werkstatt"),
        Filter(site="rostock", start=WEEK[0], end=WEEK[1], statuses=(Status.ARRIVED,)),
    ],
    ids=["site", "department", "days and status"],
)
async def test_what_a_list_leaves_out_is_counted_in_the_index_alone(
    dealership: Dealership, which: Filter, analysed: bool
) -> None:
    """Neither rows are read nor anything sorted for what comes before the page."""
    await dealership.do(lambda tx: fill(dealership, tx))
    if analysed:
        await dealership.do(lambda tx: tx.run("ANALYZE"))

    def steps(tx: Tx) -> list[str]:
        seen: list[str] = []
        tx._con.set_trace_callback(seen.append)
        appointments.page(tx, which, offset=100)
        appointments.count(tx, which)
        appointments.loads(tx, "rostock", WEEK)
        tx._con.set_trace_callback(None)
        return [f"{row['detail']}|{sql}" for sql in seen for row in tx.all(f"EXPLAIN QUERY PLAN {sql}")]

    found = [step.split("|")[0] for step in await dealership.do(steps)]
    by_day = [step for step in found if "USING COVERING INDEX appointment_by_day" in step]
    assert len(by_day) == 3, found
    assert [step for step in found if "a USING INDEX" in step and "rowid" not in step] == []
