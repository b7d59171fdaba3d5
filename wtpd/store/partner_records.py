"""A partner's own ids of customers, vehicles and orders, and our records behind them (spec: planner.md, 8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from sqlite3 import Row
from typing import Literal, get_args

from wtpd.clock import iso
from wtpd.store.database import Tx, to_json

Kind = Literal["customer", "vehicle", "order"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerRecord:
    """`partner_id` is unique within connector, company and kind. `record_id`: our customer, vehicle or, for an order,
    appointment. `version` as the partner writes it, `content_hash` of what was last taken over; `seen_at` in RFC 3339,
    set by `put`."""

    connector: str
    company: str
    kind: Kind
    partner_id: str
    record_id: str
    version: str = ""
    content_hash: str = ""
    seen_at: str = ""


def find(tx: Tx, connector: str, company: str, kind: Kind, partner_id: str) -> PartnerRecord | None:
    """Our record behind a partner's id."""
    row = tx.one(
        "SELECT * FROM partner_record WHERE connector = ? AND company = ? AND kind = ? AND partner_id = ?",
        (connector, company, kind, partner_id),
    )
    return None if row is None else _record(row)


def put(tx: Tx, record: PartnerRecord) -> PartnerRecord:
    """Insert or replace."""
    row = (
        record.connector, record.company, record.kind, record.partner_id, record.record_id, record.version,
        record.content_hash, iso(tx.now),
    )  # fmt: skip
    tx.run("INSERT OR REPLACE INTO partner_record VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    return replace(record, seen_at=iso(tx.now))


def of(tx: Tx, kind: Kind, record_ids: Sequence[str]) -> list[PartnerRecord]:
    """The partners' ids of these records of ours."""
    rows = tx.all(
        """SELECT * FROM partner_record WHERE kind = ? AND record_id IN (SELECT value FROM json_each(?))
           ORDER BY connector, company, partner_id""",
        (kind, to_json(list(record_ids))),
    )
    return [_record(row) for row in rows]


def remove(tx: Tx, kind: Kind, record_id: str) -> None:
    """Forget the partners' ids of one record of ours."""
    tx.run("DELETE FROM partner_record WHERE kind = ? AND record_id = ?", (kind, record_id))


def _record(row: Row) -> PartnerRecord:
    return PartnerRecord(**{name: row[name] for name in row.keys()})  # noqa: SIM118 # a row isn't a mapping
