"""The keys of telephone numbers and plates, made again in portions after the countries of the sites changed
(`wtpd.store.countries`), or after an upgrade that makes them in another way."""

from __future__ import annotations

from sqlite3 import Row

from wtpd.planner.plates import plate_key
from wtpd.store import countries, customers
from wtpd.store import search as index
from wtpd.store.database import Database, Tx

PORTION = 250
"""Records of a kind that are given their keys in one transaction, so that nobody waits long for the writer."""


async def make_due_keys(db: Database) -> None:
    """Make all keys that are due; returns at once if none are."""
    if await db.read(is_due):
        while await db.write(make_some):
            pass


def is_due(tx: Tx) -> bool:
    """Whether keys are waiting to be made again."""
    return tx.one("SELECT 1 FROM rekeying") is not None


def make_some(tx: Tx, limit: int = PORTION) -> bool:
    """Make the keys of the next records again. Returns whether some are left."""
    at = tx.one("SELECT customer, vehicle FROM rekeying")
    if at is None:
        return False
    people = tx.all("SELECT * FROM customer WHERE id > ? ORDER BY id LIMIT ?", (at["customer"], limit))
    for row in people:
        _rekey_customer(tx, row)
    cars = tx.all("SELECT id, plate, plate_key FROM vehicle WHERE id > ? ORDER BY id LIMIT ?", (at["vehicle"], limit))
    country = countries.home(tx)
    for row in cars:
        index.touch_vehicle(tx, row["id"])
        key = plate_key(row["plate"], country) if row["plate"] else ""
        if key != row["plate_key"]:
            tx.run("UPDATE vehicle SET plate_key = ? WHERE id = ?", (key, row["id"]))
    if not people and not cars:
        tx.run("DELETE FROM rekeying")
        return False
    last_person = people[-1]["id"] if people else at["customer"]
    last_car = cars[-1]["id"] if cars else at["vehicle"]
    tx.run("UPDATE rekeying SET customer = ?, vehicle = ?", (last_person, last_car))
    return True


def _rekey_customer(tx: Tx, row: Row) -> None:
    site = row["home_site"]
    if not site:
        latest = "SELECT site FROM appointment WHERE customer_id = ? ORDER BY drop_off DESC LIMIT 1"
        visit = tx.one(latest, (row["id"],))
        if visit is not None:
            site = visit["site"]
            tx.run("UPDATE customer SET home_site = ? WHERE id = ?", (site, row["id"]))
    customers.put_contacts(tx, customers.record_of(row), site)
    index.touch_customer(tx, row["id"])
