"""Customers in the database, and how they are found: by number, name and contact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from sqlite3 import Row

import msgspec

from wtpd.errors import NotFound
from wtpd.planner.customer import Customer, Permission
from wtpd.planner.names import name_key
from wtpd.planner.phones import contact_keys
from wtpd.store import countries
from wtpd.store import search as index
from wtpd.store.database import Tx, to_json
from wtpd.store.pages import characters, fill
from wtpd.texts import N_

_FIELDS = tuple(field.name for field in fields(Customer))
_COLUMNS = (*_FIELDS, "name_key")
_INSERT = f"INSERT INTO customer ({', '.join(_COLUMNS)}, home_site) VALUES ({', '.join('?' * len(_COLUMNS))}, ?)"
_UPDATE = f"""UPDATE customer SET {", ".join(f"{name} = ?" for name in _COLUMNS)},
  home_site = CASE home_site WHEN '' THEN ? ELSE home_site END WHERE id = ? RETURNING home_site"""
_CONTACTS = "SELECT contact FROM customer_contact WHERE customer_id = ?"

_read_permissions = msgspec.json.Decoder(dict[str, Permission]).decode
_write_permissions = msgspec.json.Encoder().encode


def find(tx: Tx, customer_id: str) -> Customer | None:
    row = tx.one("SELECT * FROM customer WHERE id = ?", (customer_id,))
    return None if row is None else record_of(row)


def get(tx: Tx, customer_id: str) -> Customer:
    """Raises `NotFound`."""
    found = find(tx, customer_id)
    if found is None:
        raise NotFound(N_("There is no customer {id}.", id=customer_id), facts={"id": customer_id})
    return found


def many(tx: Tx, ids: Sequence[str]) -> dict[str, Customer]:
    """Those that exist, by id."""
    rows = tx.all("SELECT * FROM customer WHERE id IN (SELECT value FROM json_each(?))", (to_json(list(ids)),))
    return {row["id"]: record_of(row) for row in rows}


def by_number(tx: Tx, number: str) -> Customer | None:
    """By the dealership's own customer number."""
    row = tx.one("SELECT * FROM customer WHERE number = ?", (number,))
    return None if row is None else record_of(row)


def by_numbers(tx: Tx, numbers: Sequence[str]) -> dict[str, Customer]:
    """Those that exist, by the dealership's own customer number."""
    rows = tx.all("SELECT * FROM customer WHERE number IN (SELECT value FROM json_each(?))", (to_json(list(numbers)),))
    return {row["number"]: record_of(row) for row in rows}


def by_name(tx: Tx, first: str, last: str, company: str, limit: int = 20) -> list[Customer]:
    """Those whose normalised name is the same."""
    key = name_key(first, last, company)
    rows = tx.all("SELECT * FROM customer WHERE name_key = ? ORDER BY id LIMIT ?", (key, limit)) if key else []
    return [record_of(row) for row in rows]


def by_contacts(tx: Tx, keys: Sequence[str], limit: int = 20) -> list[Customer]:
    """Those that have one of these normalised addresses (`contact_keys` of wtpd.planner.phones)."""
    rows = tx.all(
        """SELECT * FROM customer WHERE id IN
             (SELECT customer_id FROM customer_contact WHERE contact IN (SELECT value FROM json_each(?)))
           ORDER BY id LIMIT ?""",
        (to_json(list(keys)), limit),
    )
    return [record_of(row) for row in rows]


def search(tx: Tx, text: str, limit: int = 50) -> list[Customer]:
    """By name, company, customer number, city, e-mail or telephone; the newest first."""
    return _in_order(tx, index.customers(tx, text, limit))


def search_near(tx: Tx, text: str, limit: int = 50) -> list[Customer]:
    """What nearly fits a text that finds nothing (`wtpd.store.search.near`)."""
    return _in_order(tx, index.near(tx, "customer", text, limit))


def _in_order(tx: Tx, ids: Sequence[str]) -> list[Customer]:
    """As many as one page may hold."""
    held = to_json(list(ids))
    rows = tx.run("SELECT r.* FROM json_each(?) w CROSS JOIN customer r ON r.id = w.value", (held,))
    return [record_of(row) for row in fill(rows, len(ids), characters)[0]]


def page(tx: Tx, *, after: str = "", limit: int = 100) -> tuple[list[Customer], str | None]:
    """In the order of their ids, those behind the id `after`; and the id behind which the next page begins, or None."""
    rows = tx.run("SELECT * FROM customer WHERE id > ? ORDER BY id LIMIT ?", (after, limit + 1))
    kept, more = fill(rows, limit, characters)
    return [record_of(row) for row in kept], kept[-1]["id"] if more else None


def insert(tx: Tx, customer: Customer, site: str = "") -> None:
    """`site`: the one through which the customer comes into the book, "" if none is known; its country is what a blank
    country means. Raises `sqlite3.IntegrityError` if the customer number is taken."""
    tx.run(_INSERT, (*_values(customer), site))
    put_contacts(tx, customer, site, is_new=True)
    index.touch_customer(tx, customer.id)


def insert_many(tx: Tx, new: Sequence[Customer]) -> None:
    """New customers of no known site, in three statements. Raises `sqlite3.IntegrityError` if a number is taken."""
    home = countries.home(tx)
    tx.run_many(_INSERT, [(*_values(customer), "") for customer in new])
    keys = [(key, customer.id) for customer in new
            for key in contact_keys(customer, "" if customer.country.strip() else home)]  # fmt: skip
    tx.run_many("INSERT INTO customer_contact (contact, customer_id) VALUES (?, ?)", keys)
    for customer in new:
        index.touch_customer(tx, customer.id)


def update(tx: Tx, customer: Customer, site: str = "") -> None:
    """`site` counts if none was known before. Raises `sqlite3.IntegrityError` if the customer number is taken."""
    row = tx.one(_UPDATE, (*_values(customer), site, customer.id))
    put_contacts(tx, customer, row["home_site"] if row is not None else site)
    index.touch_customer(tx, customer.id)


def settle_home(tx: Tx, customer_id: str, site: str) -> None:
    """Keep the site of the first appointment as the one through which the customer came, if none was known. Only in a
    house with sites in several countries does anything depend on it."""
    if countries.home(tx):
        return
    settled = "UPDATE customer SET home_site = ? WHERE id = ? AND home_site = '' RETURNING *"
    row = tx.one(settled, (site, customer_id))
    if row is not None and put_contacts(tx, record_of(row), site):
        index.touch_customer(tx, customer_id)


def put_contacts(tx: Tx, customer: Customer, site: str, *, is_new: bool = False) -> bool:
    """Keep the customer's addresses as keys, read in the country of `site` where it names none. Returns whether that
    changed anything."""
    home = "" if customer.country.strip() else countries.home(tx, site)
    keys = contact_keys(customer, home)
    known: set[str] = set() if is_new else {row["contact"] for row in tx.all(_CONTACTS, (customer.id,))}
    gone = known.difference(keys)
    new = [key for key in keys if key not in known]
    if gone:
        tx.run_many(
            "DELETE FROM customer_contact WHERE contact = ? AND customer_id = ?", [(key, customer.id) for key in gone]
        )
    if new:
        tx.run_many(
            "INSERT INTO customer_contact (contact, customer_id) VALUES (?, ?)", [(key, customer.id) for key in new]
        )
    return bool(gone or new)


def contacts_of(tx: Tx, ids: Sequence[str]) -> dict[str, frozenset[str]]:
    """The keys of the addresses of each of these customers."""
    if not ids:
        return {}
    found: dict[str, set[str]] = {one: set() for one in ids}
    rows = tx.all(
        "SELECT customer_id, contact FROM customer_contact WHERE customer_id IN (SELECT value FROM json_each(?))",
        (to_json(list(ids)),),
    )
    for row in rows:
        found[row["customer_id"]].add(row["contact"])
    return {one: frozenset(keys) for one, keys in found.items()}


def record_of(row: Row) -> Customer:
    """The customer in a row of the table."""
    values = {name: row[name] for name in _FIELDS}
    values["permissions"] = _read_permissions(values["permissions"])
    values["erased"] = bool(values["erased"])
    return Customer(**values)


def _values(customer: Customer) -> tuple[object, ...]:
    values = {name: getattr(customer, name) for name in _FIELDS}
    values["permissions"] = _write_permissions(customer.permissions).decode()
    values["erased"] = int(customer.erased)
    key = "" if customer.erased else name_key(customer.first_name, customer.last_name, customer.company)
    return (*values.values(), key)
