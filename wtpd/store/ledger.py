"""The ledger of sync: which appointment of ours is which of the partner's, what both last agreed on, and where each
feed goes on. `Ledger` is the `LinksPort` of the sync engine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from wtpd.clock import iso
from wtpd.store.database import Tx, from_json, to_json
from wtpd.sync.ports import Link, Made

_LET_GO = 2
"""The value of `tombstone` of a link that was closed without a cancellation."""


class Ledger:
    """`wtpd.sync.ports.LinksPort` over one transaction."""

    __slots__ = ("_none_elsewhere", "_none_passed_by", "_tx")

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._none_passed_by: dict[tuple[str, str], bool] = {}
        self._none_elsewhere: dict[tuple[str, str], bool] = {}
        """Whether there is no such row at all for a channel and an account, so that not every item asks for its own."""

    def link_of(self, channel: str, appointment_id: str) -> Link | None:
        row = self._tx.one(
            "SELECT * FROM link WHERE channel = ? AND appointment_id = ? AND NOT tombstone", (channel, appointment_id)
        )
        return link_of_row(row) if row else None

    def link_at(self, channel: str, account: str, partner_id: str) -> Link | None:
        key = (channel, account, partner_id)
        row = self._tx.one("SELECT * FROM link WHERE channel = ? AND account = ? AND partner_id = ?", key)
        if row:
            return link_of_row(row)
        if self._passed_by_none(channel, account):
            return None
        gone = self._tx.one("SELECT version FROM passed_by WHERE channel = ? AND account = ? AND partner_id = ?", key)
        if gone is None:
            return None
        return Link(
            channel=channel, account=account, partner_id=partner_id, appointment_id="", version=gone["version"],
            base={}, tombstone=True,
        )  # fmt: skip

    def has_links(self, channel: str, account: str) -> bool:
        mine = self._tx.one("SELECT 1 FROM link WHERE channel = ? LIMIT 1", (channel,))
        return mine is not None or not self._linked_by_none_else(channel, account)

    def _passed_by_none(self, channel: str, account: str) -> bool:
        none = self._none_passed_by.get((channel, account))
        if none is None:
            row = self._tx.one("SELECT 1 FROM passed_by WHERE channel = ? AND account = ? LIMIT 1", (channel, account))
            none = self._none_passed_by[channel, account] = row is None
        return none

    def elsewhere(self, channel: str, account: str, partner_id: str) -> str | None:
        if self._linked_by_none_else(channel, account):
            return None
        row = self._tx.one(
            """SELECT appointment_id FROM link WHERE account = :account AND partner_id = :partner_id AND channel IN
                 (SELECT id FROM channel WHERE id <> :channel AND connector =
                   (SELECT connector FROM channel WHERE id = :channel))""",
            {"channel": channel, "account": account, "partner_id": partner_id},
        )
        return row["appointment_id"] if row else None

    def _linked_by_none_else(self, channel: str, account: str) -> bool:
        none = self._none_elsewhere.get((channel, account))
        if none is None:
            others = self._tx.all(
                """SELECT o.id FROM channel o JOIN channel c ON c.connector = o.connector AND c.id <> o.id
                   WHERE c.id = ?""",
                (channel,),
            )
            any_link = "SELECT 1 FROM link WHERE channel = ? AND account = ? LIMIT 1"
            none = not any(self._tx.one(any_link, (other["id"], account)) for other in others)
            self._none_elsewhere[channel, account] = none
        return none

    def was_closed(self, channel: str, account: str, appointment_id: str) -> bool:
        row = self._tx.one(
            "SELECT 1 FROM link WHERE appointment_id = ? AND channel = ? AND account = ? AND tombstone",
            (appointment_id, channel, account),
        )
        return row is not None

    def pass_by(self, channel: str, account: str, partner_id: str, version: int) -> None:
        self._none_passed_by.pop((channel, account), None)
        self._tx.run(
            """INSERT INTO passed_by (channel, account, partner_id, version) VALUES (?, ?, ?, ?)
               ON CONFLICT (channel, account, partner_id) DO UPDATE SET version = excluded.version""",
            (channel, account, partner_id, version),
        )

    def put_link(self, link: Link) -> None:
        made = link.made
        self._tx.run(
            """INSERT INTO link
                 (channel, account, partner_id, appointment_id, version, base, apart, tombstone, made, wrote, rounds)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (channel, account, partner_id)
               DO UPDATE SET version = excluded.version, base = excluded.base, apart = excluded.apart,
                 tombstone = excluded.tombstone, made = excluded.made, wrote = excluded.wrote,
                 rounds = excluded.rounds""",
            (
                link.channel, link.account, link.partner_id, link.appointment_id, link.version, to_json(link.base),
                to_json(link.apart) if link.apart else "{}", _LET_GO if link.let_go else int(link.tombstone),
                to_json([made.our_id, made.by, made.at]) if made is not None else None, link.wrote, link.rounds,
            ),
        )  # fmt: skip

    def release(self, link: Link) -> None:
        self._tx.run(
            "DELETE FROM link WHERE channel = ? AND account = ? AND partner_id = ?",
            (link.channel, link.account, link.partner_id),
        )

    def cursor(self, channel: str, account: str) -> str | None:
        row = self._tx.one("SELECT cursor FROM feed WHERE channel = ? AND account = ?", (channel, account))
        return row["cursor"] if row else None

    def set_cursor(self, channel: str, account: str, cursor: str) -> None:
        """A cursor that follows none is the first one of a replay."""
        self._tx.run(
            """INSERT INTO feed (channel, account, cursor, replay) VALUES (?, ?, ?, 1)
               ON CONFLICT (channel, account) DO UPDATE SET cursor = excluded.cursor""",
            (channel, account, cursor),
        )

    def is_replay(self, channel: str, account: str) -> bool:
        row = self._tx.one("SELECT replay FROM feed WHERE channel = ? AND account = ?", (channel, account))
        return row is None or bool(row["replay"])

    def replayed(self, channel: str, account: str) -> None:
        self._tx.run("UPDATE feed SET replay = 0 WHERE channel = ? AND account = ?", (channel, account))

    def rewind(self, channel: str, account: str) -> None:
        self._tx.run("DELETE FROM feed WHERE channel = ? AND account = ?", (channel, account))

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

    def links_ahead(self, channel: str, account: str, partner_id: str, limit: int) -> Sequence[Link]:
        rows = self._tx.all(
            """SELECT l.* FROM link l JOIN appointment a ON a.id = l.appointment_id
               WHERE l.channel = ? AND l.account = ? AND l.partner_id > ? AND NOT l.tombstone AND a.collection > ?
               ORDER BY l.partner_id LIMIT ?""",
            (channel, account, partner_id, iso(self._tx.now), limit),
        )
        return [link_of_row(row) for row in rows]

    def closed_but_live(self, channel: str, account: str) -> Sequence[Link]:
        rows = self._tx.all(
            "SELECT * FROM link WHERE channel = ? AND account = ? AND tombstone AND apart <> '{}'", (channel, account)
        )
        return [link_of_row(row) for row in rows]

    def unlinked(self, channel: str, limit: int) -> Sequence[str]:
        rows = self._tx.all(
            """SELECT a.id FROM channel c JOIN appointment a ON a.site = c.site AND a.department = c.department
               LEFT JOIN customer u ON u.id = a.customer_id
               WHERE c.id = ? AND a.status <> 'cancelled' AND a.collection > ? AND coalesce(u.erased, 0) = 0
                 AND NOT EXISTS (SELECT 1 FROM link WHERE channel = c.id AND appointment_id = a.id AND NOT tombstone)
                 AND NOT EXISTS (SELECT 1 FROM outbox WHERE channel = c.id AND appointment_id = a.id)
               LIMIT ?""",
            (channel, iso(self._tx.now), limit),
        )
        return [row["id"] for row in rows]


def link_of_row(row: Any) -> Link:
    """A row of the table `link` as the record."""
    made = from_json(row["made"]) if row["made"] else None
    return Link(
        channel=row["channel"],
        account=row["account"],
        partner_id=row["partner_id"],
        appointment_id=row["appointment_id"],
        version=row["version"],
        base=from_json(row["base"]),
        apart=from_json(row["apart"]) if row["apart"] != "{}" else {},
        tombstone=bool(row["tombstone"]),
        let_go=row["tombstone"] == _LET_GO,
        made=Made(our_id=made[0], by=made[1], at=made[2]) if made else None,
        wrote=bool(row["wrote"]),
        rounds=row["rounds"],
    )
