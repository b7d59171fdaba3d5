"""The customer's data in the contract of a courtesy car, as they were at the booking (spec: planner.md, rule 3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from wtpd.clock import iso
from wtpd.planner.customer import Customer
from wtpd.store.damage import from_iso
from wtpd.store.database import Tx

_read_customer = msgspec.json.Decoder(Customer).decode
_write_customer = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """`customer` None: the booking had none."""

    appointment_id: str
    courtesy_car: str
    at: datetime
    customer: Customer | None


def find(tx: Tx, appointment_id: str) -> Contract | None:
    row = tx.one("SELECT * FROM courtesy_contract WHERE appointment_id = ?", (appointment_id,))
    if row is None:
        return None
    customer = _read_customer(row["customer"]) if row["customer_id"] else None
    return Contract(
        appointment_id=row["appointment_id"],
        courtesy_car=row["courtesy_car"],
        at=from_iso(row["at"]),
        customer=customer,
    )


def put(tx: Tx, appointment_id: str, courtesy_car: str, customer: Customer | None) -> None:
    """Take the customer's data as they are now."""
    data = _write_customer(customer).decode() if customer else "null"
    tx.run(
        """INSERT INTO courtesy_contract (appointment_id, courtesy_car, at, customer_id, customer)
           VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (appointment_id) DO UPDATE SET courtesy_car = excluded.courtesy_car, at = excluded.at,
             customer_id = excluded.customer_id, customer = excluded.customer""",
        (appointment_id, courtesy_car, iso(tx.now), customer.id if customer else None, data),
    )


def put_car(tx: Tx, appointment_id: str, courtesy_car: str) -> None:
    """Another car; the customer's data stay as they were."""
    tx.run("UPDATE courtesy_contract SET courtesy_car = ? WHERE appointment_id = ?", (courtesy_car, appointment_id))


def remove(tx: Tx, appointment_id: str) -> None:
    """The customer takes no car after all."""
    tx.run("DELETE FROM courtesy_contract WHERE appointment_id = ?", (appointment_id,))
