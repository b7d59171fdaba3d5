"""Making, changing and erasing customers (spec: planner.md, records and rule 5)."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

from wtpd.book import limits
from wtpd.book.checks import reject
from wtpd.book.recording import check_version, new_id
from wtpd.errors import Problem, Refused
from wtpd.planner.changes import diff, merged
from wtpd.planner.customer import Customer
from wtpd.planner.history import Author
from wtpd.store import appointments, customers, imports, outbox, privacy, rentals
from wtpd.store.database import Tx
from wtpd.texts import N_

_UNSHARED = {"number", "origin", "permissions", "lease_company"}
"""Fields that no partner is told."""
_FREE = {"permissions"}
"""What may change although a DMS keeps the master data: consent is given to us."""
_KEPT = {"id", "version", "erased"}
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")

TEXTS = {
    field.name: limits.LINE
    for field in fields(Customer)
    if field.name not in {*_KEPT, "permissions"}
}  # fmt: skip
PERMISSIONS = ("email", "phone", "sms", "post", "sinno_app")


def create(tx: Tx, values: Mapping[str, Any], *, author: Author, site: str = "") -> Customer:
    customer = made(values)
    if customers.find(tx, customer.id) is not None:
        raise Refused(N_("There is a customer {id} already.", id=customer.id[:64]), kind="duplicate")
    return add(tx, customer, site=site)


def made(values: Mapping[str, Any]) -> Customer:
    """A new customer of these values, not kept yet. Raises `Invalid` that names every field at fault."""
    given = {name: value for name, value in values.items() if name != "id"}
    customer = _tidy(merged(Customer(id=values.get("id") or new_id()), _allowed(given)))
    check(customer)
    if not (customer.last_name or customer.company):
        reject([Problem("last_name", N_("A customer needs a name or a company."))])
    return customer


def change(
    tx: Tx, customer_id: str, changes: Mapping[str, Any], *, author: Author, expected_version: int | None
) -> Customer:
    before = customers.get(tx, customer_id)
    check_version(before.version, expected_version)
    if before.erased:
        raise Refused(N_("This customer was erased; make a new one."), kind="erased")
    after = _tidy(merged(before, _allowed(changes)))
    check(after)
    refuse_if_locked(before, after, author)
    return put(tx, before, after)


def erase(tx: Tx, customer_id: str, author: Author, traces: privacy.Traces | None = None) -> Customer:
    before = customers.get(tx, customer_id)
    if before.erased:
        return before
    imports.refuse_if_under_way(tx)  # its new appointments may be on their way
    ahead = [each for each in appointments.open_of(tx, customer_id=customer_id) if _is_ahead(tx, each[0])]
    if ahead:
        raise Refused(
            N_("The customer can't be erased while an appointment lies ahead. Complete or cancel it first: {ids}",
               ids=", ".join(appointment for appointment, _, _ in ahead)),
            kind="future-appointment",
            facts={"appointments": [appointment for appointment, _, _ in ahead]},
        )  # fmt: skip
    if running := [one for one in rentals.of_customer(tx, customer_id) if one.is_live]:
        raise Refused(
            N_("The customer can't be erased while a rental car is held: {plates}. It can be once the car is back.",
               plates=", ".join(one.car.plate for one in running)),
            kind="running-rental",
            facts={"rentals": [one.id for one in running]},
        )  # fmt: skip
    privacy.erase(tx, before, author.actor, traces)
    tx.emit("customer.changed", id=customer_id, version=before.version + 1)
    return customers.get(tx, customer_id)


def add(tx: Tx, customer: Customer, *, site: str = "") -> Customer:
    """Keep a new customer, who comes through `site` if one is known. Raises `Refused` of kind `number-taken`."""
    try:
        customers.insert(tx, customer, site)
    except sqlite3.IntegrityError as error:
        raise _number_taken(customer) from error
    tx.emit("customer.changed", id=customer.id, version=customer.version)
    return customer


def put(tx: Tx, before: Customer, after: Customer, *, told: Mapping[str, str] | None = None) -> Customer:
    """Keep a change, if there is one, and tell the partners by each open appointment of the customer. `told`: channels
    that know it for an appointment already. Raises `Refused` of kind `number-taken`."""
    changed = diff(before, after)
    if not changed:
        return before
    after = replace(after, version=before.version + 1)
    try:
        customers.update(tx, after)
    except sqlite3.IntegrityError as error:
        raise _number_taken(after) from error
    tx.emit("customer.changed", id=after.id, version=after.version)
    if not changed.keys() <= _UNSHARED:
        for appointment, site, department in appointments.open_of(tx, customer_id=after.id):
            outbox.mark_change(tx, appointment, site, department, except_channel=(told or {}).get(appointment))
    return after


def refuse_if_locked(before: Customer, after: Customer, author: Author) -> None:
    """Raises `Refused` of kind `locked`, unless the author is the DMS that keeps the master data."""
    changed = diff(before, after).keys() - _FREE
    if before.locked_by is None or not changed or author.interface in _doors(before.locked_by):
        return
    raise Refused(
        N_("The master data of this customer come from {dms} and can be changed only there.", dms=before.locked_by),
        kind="locked",
        facts={"locked_by": before.locked_by, "fields": sorted(changed)},
    )


def check(customer: Customer, *, strict: bool = True) -> None:
    """Raises `Invalid` that names every field at fault. Not `strict`: addresses are taken as they are written, as they
    come from a partner whose customer gave them."""
    problems = list(limits.texts(customer, TEXTS))
    if strict and not problems:
        problems += _addresses(customer)
    reject([*problems, *_permissions(customer)])


def _addresses(customer: Customer) -> Iterator[Problem]:
    for field in ("email", "business_email"):
        address = getattr(customer, field)
        if address and not _EMAIL.fullmatch(address):
            yield Problem(field, N_("{address} is no e-mail address.", address=address))
    for field in ("phone", "mobile", "business_phone", "business_mobile"):
        number = getattr(customer, field)
        if number and sum(char.isdigit() for char in number) < 3:
            yield Problem(field, N_("{number} is no telephone number.", number=number))


def _permissions(customer: Customer) -> Iterator[Problem]:
    for channel, permission in customer.permissions.items():
        path = f"permissions.{channel[:40]}"
        if channel not in PERMISSIONS:
            yield Problem(path, N_("Permissions are kept for: {known}.", known=", ".join(PERMISSIONS)))
        yield from limits.day(f"{path}.since", permission.since)
        yield from limits.text(f"{path}.source", permission.source, limits.LINE)


def _allowed(changes: Mapping[str, Any]) -> Mapping[str, Any]:
    reject([Problem(name, N_("This can't be changed.")) for name in changes if name in _KEPT])
    return changes


def _tidy(customer: Customer) -> Customer:
    """Without blanks around; an empty number is none."""
    values = {name: getattr(customer, name) for name in TEXTS}
    clean: dict[str, Any] = {
        name: value.strip() for name, value in values.items() if isinstance(value, str) and value != value.strip()
    }
    customer = replace(customer, **clean) if clean else customer
    return replace(customer, number=None) if customer.number == "" else customer


def _doors(dms: str) -> tuple[str, str]:
    return f"dms:{dms}", f"sync:{dms}"


def _is_ahead(tx: Tx, appointment_id: str) -> bool:
    return appointments.get(tx, appointment_id).collection > tx.now


def _number_taken(customer: Customer) -> Refused:
    return Refused(
        N_("Customer number {number} belongs to another customer.", number=customer.number),
        kind="number-taken",
        facts={"number": customer.number},
    )
