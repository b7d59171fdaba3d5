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
from wtpd.store import search as index
from wtpd.store.database import Tx, to_json
from wtpd.texts import N_

_FIELDS = tuple(field.name for field in fields(Customer))
_COLUMNS = (*_FIELDS, "name_key")
_INSERT = f"INSERT INTO customer ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
_UPDATE = f"UPDATE customer SET {', '.join(f'{name} = ?' for name in _COLUMNS)} WHERE id = ?"

_read_permissions = msgspec.json.Decoder(dict[str, Permission]).decode
_write_permissions = msgspec.json.Encoder().encode


def find(tx: Tx, customer_id: str) -> Customer | None:
    row = tx.one("SELECT * FROM customer WHERE id = ?", (customer_id,))
    return None if row is None else _record(row)


def get(tx: Tx, customer_id: str) -> Customer:
    """Raises `NotFound`."""
    found = find(tx, customer_id)
    if found is None:
        raise NotFound(N_("There is no customer {id}.", id=customer_id), facts={"id": customer_id})
    return found


def many(tx: Tx, ids: Sequence[str]) -> dict[str, Customer]:
    """Those that exist, by id."""
    rows = tx.all("SELECT * FROM customer WHERE id IN (SELECT value FROM json_each(?))", (to_json(list(ids)),))
    return {row["id"]: _record(row) for row in rows}


def by_number(tx: Tx, number: str) -> Customer | None:
    """By the dealership's own customer number."""
    row = tx.one("SELECT * FROM customer WHERE number = ?", (number,))
    return None if row is None else _record(row)


def by_name(tx: Tx, first: str, last: str, company: str, limit: int = 20) -> list[Customer]:
    """Those whose normalised name is the same."""
    key = name_key(first, last, company)
    rows = tx.all("SELECT * FROM customer WHERE name_key = ? ORDER BY id LIMIT ?", (key, limit)) if key else []
    return [_record(row) for row in rows]


def by_contacts(tx: Tx, keys: Sequence[str], limit: int = 20) -> list[Customer]:
    """Those that have one of these normalised addresses (`contact_keys` of wtpd.planner.phones)."""
    rows = tx.all(
        """SELECT * FROM customer WHERE id IN
             (SELECT customer_id FROM customer_contact WHERE contact IN (SELECT value FROM json_each(?)))
           ORDER BY id LIMIT ?""",
        (to_json(list(keys)), limit),
    )
    return [_record(row) for row in rows]


def search(tx: Tx, text: str, limit: int = 50) -> list[Customer]:
    """By name, company, customer number, city, e-mail or telephone; the newest first."""
    found = index.customers(tx, text, limit)
    records = many(tx, found)
    return [records[one] for one in found if one in records]


def page(tx: Tx, *, after: str = "", limit: int = 100) -> list[Customer]:
    """In the order of their ids, those behind the id `after`."""
    return [_record(row) for row in tx.all("SELECT * FROM customer WHERE id > ? ORDER BY id LIMIT ?", (after, limit))]


def insert(tx: Tx, customer: Customer) -> None:
    """Raises `sqlite3.IntegrityError` if the customer number is taken."""
    tx.run(_INSERT, _values(customer))
    _put_contacts(tx, customer)
    index.touch_customer(tx, customer.id)


def update(tx: Tx, customer: Customer) -> None:
    """Raises `sqlite3.IntegrityError` if the customer number is taken."""
    tx.run(_UPDATE, (*_values(customer), customer.id))
    tx.run("DELETE FROM customer_contact WHERE customer_id = ?", (customer.id,))
    _put_contacts(tx, customer)
    index.touch_customer(tx, customer.id)


def _put_contacts(tx: Tx, customer: Customer) -> None:
    tx.run_many(
        "INSERT OR IGNORE INTO customer_contact (contact, customer_id) VALUES (?, ?)",
        [(key, customer.id) for key in contact_keys(customer)],
    )


def _record(row: Row) -> Customer:
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
