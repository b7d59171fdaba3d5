"""What partners pushed of a customer, a vehicle or an order: by the bodies and by the partners' own numbers.

Of a record that was simply accepted no item is kept, only when it was last taken over (`partner_record.seen_at`): the
body is the one that was being applied then. Earlier acceptances aren't known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from sqlite3 import Row

from wtpd.clock import iso_exact
from wtpd.store import partner_records
from wtpd.store.damage import from_iso
from wtpd.store.database import Tx
from wtpd.store.partner_records import Kind, PartnerRecord

MOST = 50
"""Items of one partner's number, the newest ones; and bodies among which an accepted one's is looked for."""

ITEMS = """SELECT p.id, p.at, p.site, p.path, i.result, i.reason, i.field
  FROM pushed_item i JOIN pushed p ON p.id = i.pushed WHERE i.key = ? AND p.connector = ? ORDER BY p.id DESC LIMIT ?"""
BEFORE = """SELECT id, at, site, path, done_at FROM pushed
  WHERE +connector = ? AND at < ? AND state != 'receiving' ORDER BY at DESC LIMIT ?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """One time that a record came. `body`: the number, None if it was one of several. `result` as of an item; `reason`
    and `field` of one that couldn't be taken over."""

    at: datetime
    kind: Kind
    connector: str
    site: str
    number: str
    body: int | None
    path: str
    result: str
    reason: str = ""
    field: str = ""


def of(tx: Tx, kind: Kind, record_id: str) -> list[Pushed]:
    """All that is known of one record of ours, in no order."""
    found: list[Pushed] = []
    for record in partner_records.of(tx, kind, [record_id]):
        items = [_item(row, record) for row in _items(tx, record)]
        found += items
        found += _accepted(tx, record, {one.body for one in items})
    return found


def _items(tx: Tx, record: PartnerRecord) -> list[Row]:
    """Where it wasn't simply accepted. Numbers of other kinds may be the same; the path tells them apart to people."""
    return tx.all(ITEMS, (record.partner_id, record.connector, MOST))


def _item(row: Row, record: PartnerRecord) -> Pushed:
    return Pushed(
        at=from_iso(row["at"]),
        kind=record.kind,
        connector=record.connector,
        site=row["site"],
        number=record.partner_id,
        body=row["id"],
        path=row["path"],
        result=row["result"],
        reason=row["reason"],
        field=row["field"],
    )


def _accepted(tx: Tx, record: PartnerRecord, others: set[int | None]) -> Iterator[Pushed]:
    """When it was last taken over, if it came by a push that is still known."""
    seen = from_iso(record.seen_at)
    rows = tx.all(BEFORE, (record.connector, iso_exact(seen + timedelta(seconds=1)), MOST))
    fits = [row for row in rows if row["id"] not in others and _was_applied_at(row, seen)]
    if not fits:
        return
    one = fits[0]
    yield Pushed(
        at=max(seen, from_iso(one["at"])),
        kind=record.kind,
        connector=record.connector,
        site=one["site"],
        number=record.partner_id,
        body=one["id"] if len(fits) == 1 else None,
        path=one["path"] if len(fits) == 1 else "",
        result="accepted",
    )


def _was_applied_at(row: Row, seen: datetime) -> bool:
    return row["done_at"] is None or from_iso(row["done_at"]) >= seen
