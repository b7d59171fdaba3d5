"""The ledger of sync: which appointment of ours is which of the partner's, what both last agreed on, and where each
feed goes on. `Ledger` is the `LinksPort` of the sync engine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from wtpd.clock import iso
from wtpd.store.database import Tx, from_json, to_json
from wtpd.sync.ports import Link


class Ledger:
    """`wtpd.sync.ports.LinksPort` over one transaction."""

    __slots__ = ("_tx",)

    def __init__(self, tx: Tx) -> None:
        self._tx = tx

    def link_of(self, channel: str, appointment_id: str) -> Link | None:
        row = self._tx.one(
            "SELECT * FROM link WHERE channel = ? AND appointment_id = ? AND NOT tombstone", (channel, appointment_id)
        )
        return link_of_row(row) if row else None

    def link_at(self, channel: str, account: str, partner_id: str) -> Link | None:
        row = self._tx.one(
            "SELECT * FROM link WHERE channel = ? AND account = ? AND partner_id = ?", (channel, account, partner_id)
        )
        return link_of_row(row) if row else None

    def put_link(self, link: Link) -> None:
        self._tx.run(
            """INSERT INTO link (channel, account, partner_id, appointment_id, version, base, tombstone)
               VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (channel, account, partner_id)
               DO UPDATE SET version = excluded.version, base = excluded.base, tombstone = excluded.tombstone""",
            (
                link.channel, link.account, link.partner_id, link.appointment_id, link.version, to_json(link.base),
                link.tombstone,
            ),
        )  # fmt: skip

    def cursor(self, channel: str, account: str) -> str | None:
        row = self._tx.one("SELECT cursor FROM feed WHERE channel = ? AND account = ?", (channel, account))
        return row["cursor"] if row else None

    def set_cursor(self, channel: str, account: str, cursor: str) -> None:
        self._tx.run(
            """INSERT INTO feed (channel, account, cursor) VALUES (?, ?, ?)
               ON CONFLICT (channel, account) DO UPDATE SET cursor = excluded.cursor""",
            (channel, account, cursor),
        )

    def live_links(self, channel: str, account: str, after: datetime) -> int:
        row = self._tx.one(
            """SELECT count(*) AS n FROM link l JOIN appointment a ON a.id = l.appointment_id
               WHERE l.channel = ? AND l.account = ? AND NOT l.tombstone AND a.collection > ?""",
            (channel, account, iso(after)),
        )
        return int(row["n"]) if row else 0

    def links_after(self, channel: str, account: str, partner_id: str, limit: int) -> Sequence[Link]:
        rows = self._tx.all(
            """SELECT * FROM link WHERE channel = ? AND account = ? AND partner_id > ? AND NOT tombstone
               ORDER BY partner_id LIMIT ?""",
            (channel, account, partner_id, limit),
        )
        return [link_of_row(row) for row in rows]

    def unlinked(self, channel: str, limit: int) -> Sequence[str]:
        rows = self._tx.all(
            """SELECT a.id FROM channel c JOIN appointment a ON a.site = c.site AND a.department = c.department
               LEFT JOIN customer u ON u.id = a.customer_id
               WHERE c.id = ? AND a.status <> 'cancelled' AND coalesce(u.erased, 0) = 0
                 AND NOT EXISTS (SELECT 1 FROM link WHERE channel = c.id AND appointment_id = a.id AND NOT tombstone)
                 AND NOT EXISTS (SELECT 1 FROM outbox WHERE channel = c.id AND appointment_id = a.id)
               LIMIT ?""",
            (channel, limit),
        )
        return [row["id"] for row in rows]


def link_of_row(row: Any) -> Link:
    """A row of the table `link` as the record."""
    return Link(
        channel=row["channel"],
        account=row["account"],
        partner_id=row["partner_id"],
        appointment_id=row["appointment_id"],
        version=row["version"],
        base=from_json(row["base"]),
        tombstone=bool(row["tombstone"]),
    )
