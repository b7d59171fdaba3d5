"""Documents of normalised words that records are found by, brought up to date once per commit (`Tx.at_commit`), because
FTS5 writes a segment of its own at every savepoint.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from wtpd.store.database import Tx, from_json, to_json
from wtpd.store.search import vocabulary
from wtpd.store.search.words import LONGEST, car, names, numbers


class _Written(NamedTuple):
    """What the documents that were written said before, and what they say."""

    before: list[str]
    after: list[str]


def touch_appointment(tx: Tx, appointment_id: str) -> None:
    """What the appointment is found by may have changed in this transaction."""
    tx.at_commit(index, f"appointment {appointment_id}")


def add_number(tx: Tx, appointment_id: str, number: str) -> None:
    """A partner's number of the appointment came in this transaction: the rest of its document stays as it is."""
    tx.at_commit(index, f"number {appointment_id} {number}")


def touch_customer(tx: Tx, customer_id: str) -> None:
    """As `touch_appointment`; its appointments are seen to as well."""
    tx.at_commit(index, f"customer {customer_id}")


def touch_vehicle(tx: Tx, vehicle_id: str) -> None:
    """As `touch_customer`."""
    tx.at_commit(index, f"vehicle {vehicle_id}")


def forget(tx: Tx, customer_id: str, vehicle_ids: Iterable[str]) -> None:
    """Bring the documents of an erased person up to date at once. A deleted word stays in older segments of the index
    until they are merged (`merge`)."""
    index(tx, {f"customer {customer_id}", *(f"vehicle {vehicle_id}" for vehicle_id in vehicle_ids)})


def merge(tx: Tx, kind: str, pages: int, *, begin: bool) -> bool:
    """Merge up to `pages` pages of one index into a single segment that has no deleted word any more; `begin`: the
    first step. Returns whether something is left. (SQLite, FTS5, 6.7: the 'merge' command.)"""
    before = _total_changes(tx)
    tx.run(f"INSERT INTO search_{kind} (search_{kind}, rank) VALUES ('merge', ?)", (-pages if begin else pages,))
    return _total_changes(tx) - before >= 2


def _total_changes(tx: Tx) -> int:
    row = tx.one("SELECT total_changes() AS n")
    return int(row["n"]) if row else 0


def index(tx: Tx, touched: set[str]) -> None:
    """`touched`: kind and id of what may have changed. Each appointment is looked at once, however it was touched."""
    ids: dict[str, set[str]] = {"appointment": set(), "customer": set(), "vehicle": set(), "number": set()}
    for key in touched:
        kind, _, record_id = key.partition(" ")
        ids[kind].add(record_id)
    for kind in ("customer", "vehicle"):
        if ids[kind]:
            rows = tx.all(
                f"SELECT id FROM appointment WHERE {kind}_id IN (SELECT value FROM json_each(?))", _ids(ids[kind])
            )
            ids["appointment"].update(row["id"] for row in rows)
    written = [
        documents(tx, ids[kind])
        for kind, documents in (("customer", _index_customers), ("vehicle", _index_vehicles),
                                ("appointment", _index_appointments))
        if ids[kind]
    ]  # fmt: skip
    written += _add_numbers(tx, ids["number"], without=ids["appointment"])
    vocabulary.update(
        tx, (text for each in written for text in each.before), (text for each in written for text in each.after)
    )


def _add_numbers(tx: Tx, touched: set[str], *, without: set[str]) -> list[_Written]:
    added: dict[str, list[str]] = {}
    for each in sorted(touched):
        appointment_id, _, number = each.partition(" ")
        if appointment_id not in without:
            added.setdefault(appointment_id, []).extend(number.split(" "))
    if not added:
        return []
    known = _known(tx, "appointment", added)
    texts = {each: row["words"].split() for each, row in known.items()}
    documents = {each: _document([*words, *numbers(*added[each])]) for each, words in texts.items()}
    written = [_put(tx, "appointment", documents, known)]
    if missing := added.keys() - known.keys():
        written.append(_index_appointments(tx, missing))
    return written


def _index_appointments(tx: Tx, ids: set[str]) -> _Written:
    rows = tx.all(
        """SELECT a.id, a.work_order, a.dms_number, c.first_name, c.last_name, c.company, v.plate, v.vin,
             (SELECT group_concat(r.partner_id, ' ') FROM reference r WHERE r.appointment_id = a.id) AS partner_ids
           FROM appointment a LEFT JOIN customer c ON c.id = a.customer_id LEFT JOIN vehicle v ON v.id = a.vehicle_id
           WHERE a.id IN (SELECT value FROM json_each(?)) ORDER BY a.id""",
        _ids(ids),
    )
    documents = {}
    for row in rows:
        others = [row["work_order"], row["dms_number"], *(row["partner_ids"] or "").split(" ")]
        words = [*names(row["first_name"], row["last_name"], row["company"]), *car(row["plate"], row["vin"])]
        documents[row["id"]] = _document([*words, *numbers(*others)])
    return _put(tx, "appointment", documents)


def _index_customers(tx: Tx, ids: set[str]) -> _Written:
    rows = tx.all(
        """SELECT c.*, (SELECT json_group_array(k.contact) FROM customer_contact k WHERE k.customer_id = c.id) AS keys
           FROM customer c WHERE c.id IN (SELECT value FROM json_each(?)) ORDER BY c.id""",
        _ids(ids),
    )
    documents = {}
    for row in rows:
        others = (row["number"], row["phone"], row["mobile"], row["business_phone"], row["business_mobile"])
        words = names(row["first_name"], row["last_name"], row["company"], row["city"])
        documents[row["id"]] = _document([*words, *numbers(*others, *from_json(row["keys"]))])
    return _put(tx, "customer", documents)


def _index_vehicles(tx: Tx, ids: set[str]) -> _Written:
    rows = tx.all("SELECT * FROM vehicle WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id", _ids(ids))
    documents = {
        row["id"]: _document(
            [*car(row["plate"], row["vin"]), *names(row["make"], row["model"]), *numbers(row["engine_number"])]
        )
        for row in rows
    }
    return _put(tx, "vehicle", documents)


def _ids(ids: Iterable[str]) -> tuple[str]:
    return (to_json(sorted(ids)),)


def _document(words: Iterable[str]) -> str:
    return " ".join(dict.fromkeys(word[:LONGEST] for word in words if word))


def _known(tx: Tx, kind: str, ids: Iterable[str]) -> dict[str, sqlite3.Row]:
    """The documents as they are (doc, id, words), by the id of the record."""
    rows = tx.all(f"SELECT doc, id, words FROM search_{kind}_text WHERE id IN (SELECT value FROM json_each(?))",
                  _ids(ids))  # fmt: skip
    return {row["id"]: row for row in rows}


def _put(tx: Tx, kind: str, documents: Mapping[str, str], known: Mapping[str, sqlite3.Row] | None = None) -> _Written:
    """Bring the documents of these records (id → words) up to date; nothing is written for one that says the same."""
    table = f"search_{kind}"
    known = _known(tx, kind, documents) if known is None else known
    last = tx.one(f"SELECT max(doc) AS doc FROM {table}_text")
    first = 1 + ((last["doc"] if last else None) or 0)
    new = [(first + place, each) for place, each in enumerate(each for each in documents if each not in known)]
    changed = [
        (row["doc"], row["words"], documents[each]) for each, row in known.items() if row["words"] != documents[each]
    ]
    added = [(doc, each, documents[each]) for doc, each in new]
    if changed:
        tx.run_many(f"UPDATE {table}_text SET words = ? WHERE doc = ?", [(after, doc) for doc, _, after in changed])
    if new:
        tx.run_many(f"INSERT INTO {table}_text (doc, id, words) VALUES (?, ?, ?)",
                    added)  # fmt: skip
    # In the order of the documents, each deleted right before it is inserted: FTS5 begins a new segment, which it has
    # to merge later, whenever a document comes that is before the last one.
    written = [*((doc, 0, "delete", before) for doc, before, _ in changed), *((doc, 1, None, after) for doc, _, after
               in changed), *((doc, 1, None, words) for doc, _, words in added)]  # fmt: skip
    tx.run_many(f"INSERT INTO {table} ({table}, rowid, words) VALUES (?, ?, ?)",
                [(command, doc, words) for doc, _, command, words in sorted(written)])  # fmt: skip
    return _Written([before for _, before, _ in changed], [words for *_, words in (*changed, *added)])
