"""Full-text search over appointments, customers and vehicles, with FTS5 (spec: quality.md, search).

Each record has a document of normalised words. A query's words must each begin a word of it; results come newest first
by walking the sorted lists of the index, never by sorting or ranking, so common names cost no more than rare ones.

Documents are brought up to date once per commit (`Tx.at_commit`), because FTS5 writes a segment of its own at every
savepoint.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from wtpd.planner.names import name_key
from wtpd.store.database import Tx, from_json, to_json

_WORD = re.compile(r"[^\W_]+")
_INDEXED_PREFIX = 7
"""The longest prefix that has an index of its own (001_book.sql)."""
_MOST_WORDS = 8
_LONGEST = 64
_LONGEST_QUERY = 200


def appointments(tx: Tx, text: str, limit: int) -> list[str]:
    """Ids, the newest first."""
    return _search(tx, "appointment", text, limit)


def customers(tx: Tx, text: str, limit: int) -> list[str]:
    return _search(tx, "customer", text, limit)


def vehicles(tx: Tx, text: str, limit: int) -> list[str]:
    return _search(tx, "vehicle", text, limit)


def touch_appointment(tx: Tx, appointment_id: str) -> None:
    """What the appointment is found by may have changed in this transaction."""
    tx.at_commit(_index, f"appointment {appointment_id}")


def touch_customer(tx: Tx, customer_id: str) -> None:
    """As `touch_appointment`; its appointments are seen to as well."""
    tx.at_commit(_index, f"customer {customer_id}")


def touch_vehicle(tx: Tx, vehicle_id: str) -> None:
    """As `touch_customer`."""
    tx.at_commit(_index, f"vehicle {vehicle_id}")


def forget(tx: Tx, customer_id: str, vehicle_ids: Iterable[str]) -> None:
    """Bring the documents of an erased person up to date at once. A deleted word stays in older segments of the index
    until they are merged (`merge`)."""
    _index(tx, {f"customer {customer_id}", *(f"vehicle {vehicle_id}" for vehicle_id in vehicle_ids)})


def merge(tx: Tx, kind: str, pages: int, *, begin: bool) -> bool:
    """Merge up to `pages` pages of one index into a single segment that has no deleted word any more; `begin`: the
    first step. Returns whether something is left. (SQLite, FTS5, 6.7: the 'merge' command.)"""
    before = _total_changes(tx)
    tx.run(f"INSERT INTO search_{kind} (search_{kind}, rank) VALUES ('merge', ?)", (-pages if begin else pages,))
    return _total_changes(tx) - before >= 2


KINDS = ("appointment", "customer", "vehicle")


def _total_changes(tx: Tx) -> int:
    row = tx.one("SELECT total_changes() AS n")
    return int(row["n"]) if row else 0


def _search(tx: Tx, kind: str, text: str, limit: int) -> list[str]:
    """A plate, VIN or number is looked for as one word first, however it was grouped (`b-mw 1` is `bmw1`)."""
    words = [word[:_LONGEST] for word in _readings(text[:_LONGEST_QUERY])[0][:_MOST_WORDS]]
    found: list[str] = []
    if len(words) > 1 and any(char.isdigit() for char in text):
        found = _matching(tx, kind, ["".join(words)[:_LONGEST]], limit)
    return found or _matching(tx, kind, words, limit)


def _matching(tx: Tx, kind: str, words: list[str], limit: int) -> list[str]:
    """A single letter must be a whole word: half the book begins with it. Longer beginnings than the index knows are
    looked for by their first letters and then compared, except numbers, which differ from their first letters on."""
    terms, compared = [], []
    for word in words:
        if len(word) == 1:
            terms.append(f'"{word}"')
        elif len(word) <= _INDEXED_PREFIX or not word.isalpha():
            terms.append(f'"{word}"*')
        else:
            terms.append(f'"{word[:_INDEXED_PREFIX]}"*')
            compared.append(f" {word}")
    if not terms:
        return []
    checks = "".join(" AND instr(' ' || t.words, ?) > 0" for _ in compared)
    rows = tx.all(
        f"""SELECT t.id FROM search_{kind} JOIN search_{kind}_text t ON t.doc = search_{kind}.rowid
            WHERE search_{kind} MATCH ?{checks} ORDER BY search_{kind}.rowid DESC LIMIT ?""",
        (" ".join(terms), *compared, limit),
    )
    return [row["id"] for row in rows]


def _index(tx: Tx, touched: set[str]) -> None:
    """`touched`: kind and id of what may have changed. Each appointment is looked at once, however it was touched."""
    ids: dict[str, set[str]] = {"appointment": set(), "customer": set(), "vehicle": set()}
    for key in touched:
        kind, _, record_id = key.partition(" ")
        ids[kind].add(record_id)
    for kind in ("customer", "vehicle"):
        rows = tx.all(
            f"SELECT id FROM appointment WHERE {kind}_id IN (SELECT value FROM json_each(?))", _ids(ids[kind])
        )
        ids["appointment"].update(row["id"] for row in rows)
    _index_customers(tx, ids["customer"])
    _index_vehicles(tx, ids["vehicle"])
    _index_appointments(tx, ids["appointment"])


def _index_appointments(tx: Tx, ids: set[str]) -> None:
    rows = tx.all(
        """SELECT a.id, a.work_order, a.dms_number, c.first_name, c.last_name, c.company, v.plate, v.vin,
             (SELECT group_concat(r.partner_id, ' ') FROM reference r WHERE r.appointment_id = a.id) AS partner_ids
           FROM appointment a LEFT JOIN customer c ON c.id = a.customer_id LEFT JOIN vehicle v ON v.id = a.vehicle_id
           WHERE a.id IN (SELECT value FROM json_each(?)) ORDER BY a.id""",
        _ids(ids),
    )
    for row in rows:
        numbers = [row["work_order"], row["dms_number"], *(row["partner_ids"] or "").split(" ")]
        words = [*_words(row["first_name"], row["last_name"], row["company"]), *_car(row["plate"], row["vin"])]
        _put(tx, "appointment", row["id"], [*words, *_numbers(*numbers)])


def _index_customers(tx: Tx, ids: set[str]) -> None:
    rows = tx.all(
        """SELECT c.*, (SELECT json_group_array(k.contact) FROM customer_contact k WHERE k.customer_id = c.id) AS keys
           FROM customer c WHERE c.id IN (SELECT value FROM json_each(?)) ORDER BY c.id""",
        _ids(ids),
    )
    for row in rows:
        numbers = (row["number"], row["phone"], row["mobile"], row["business_phone"], row["business_mobile"])
        words = _words(row["first_name"], row["last_name"], row["company"], row["city"])
        _put(tx, "customer", row["id"], [*words, *_numbers(*numbers, *from_json(row["keys"]))])


def _index_vehicles(tx: Tx, ids: set[str]) -> None:
    for row in tx.all("SELECT * FROM vehicle WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id", _ids(ids)):
        _put(tx, "vehicle", row["id"], [*_car(row["plate"], row["vin"]), *_words(row["make"], row["model"])])


def _ids(ids: Iterable[str]) -> tuple[str]:
    return (to_json(sorted(ids)),)


def _put(tx: Tx, kind: str, record_id: str, words: Iterable[str]) -> None:
    """Bring the record's document up to date; nothing is written if it says the same."""
    text = " ".join(dict.fromkeys(word[:_LONGEST] for word in words if word))
    table = f"search_{kind}"
    row = tx.one(f"SELECT doc, words FROM {table}_text WHERE id = ?", (record_id,))
    if row is None:
        doc = tx.run(f"INSERT INTO {table}_text (id, words) VALUES (?, ?)", (record_id, text)).lastrowid
    elif row["words"] == text:
        return
    else:
        doc = row["doc"]
        tx.run(f"INSERT INTO {table} ({table}, rowid, words) VALUES ('delete', ?, ?)", (doc, row["words"]))
        tx.run(f"UPDATE {table}_text SET words = ? WHERE doc = ?", (text, doc))
    tx.run(f"INSERT INTO {table} (rowid, words) VALUES (?, ?)", (doc, text))


def _readings(text: str | None) -> list[list[str]]:
    """The words of a text as `name_key` spells them (ü is ue) and, if that differs, as a keyboard without umlauts
    does (ü is u)."""
    if not text:
        return [[]]
    if text.isascii():
        return [[word for word in _WORD.findall(text.lower().replace("'", "")) if word not in _NO_NAMES]]
    plain = unicodedata.normalize("NFKD", text.casefold())
    bare = _WORD.findall("".join(char for char in plain if not unicodedata.combining(char)))
    return [name_key("", "", text).split(), bare]


_NO_NAMES = frozenset(("firma", "fa", "und"))
"""What `name_key` leaves out of a company's name."""


def _words(*texts: str | None) -> Iterator[str]:
    for text in texts:
        for words in _readings(text):
            yield from words


def _numbers(*texts: str | None) -> Iterator[str]:
    """The parts of each number, and the number in one word."""
    for text in texts:
        for words in _readings(text):
            yield from words
            yield "".join(words)


def _car(plate: str | None, vin: str | None) -> Iterator[str]:
    """People say the last six, seven or eight characters of a VIN."""
    yield from _numbers(plate)
    whole = (vin or "").lower()
    yield whole
    if len(whole) > _SPOKEN[0]:
        yield from (whole[-length:] for length in _SPOKEN)


_SPOKEN = (8, 7, 6)
