"""The inbox: messages that couldn't be applied, kept whole until somebody decides (sync.md, 3). `Inbox` is the
`InboxPort` of the sync engine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from wtpd.clock import iso
from wtpd.errors import NotFound
from wtpd.store import attention
from wtpd.store.database import Tx, from_json, to_json
from wtpd.sync.ports import Incoming, Quarantined, Unreadable
from wtpd.texts import N_, Text


class Inbox:
    """`wtpd.sync.ports.InboxPort` over one transaction."""

    __slots__ = ("_tx",)

    def __init__(self, tx: Tx) -> None:
        self._tx = tx

    def quarantine(self, channel: str, account: str, item: Incoming | Unreadable, reason: Text | str) -> int:
        """What is said of one appointment for the same reason and in the same version is kept once, as it came last:
        when a feed is read again, blanks, times and members that nobody knows may be written in another way. What a
        person has edited or discarded is decided: the same message again isn't kept a second time."""
        payload = to_json(item.raw)
        version = item.version if isinstance(item, Incoming) else None
        known = self._tx.one(
            """SELECT id FROM inbox WHERE channel = ? AND account = ? AND partner_id IS ? AND version IS ?
               AND (payload = ? OR (partner_id IS NOT NULL AND reason = ?)) AND state = 'quarantined'""",
            (channel, account, item.partner_id, version, payload, str(reason)),
        )
        if known:
            self._tx.run("UPDATE inbox SET payload = ? WHERE id = ?", (payload, known["id"]))
            return int(known["id"])
        if decided := self._decided(channel, account, item.partner_id, payload):
            return decided
        number = self._tx.run(
            """INSERT INTO inbox (channel, account, partner_id, version, at, payload, reason)
               VALUES (?, ?, ?, ?, ?, ?, ?)""",
            (channel, account, item.partner_id, version, iso(self._tx.now), payload, str(reason)),
        ).lastrowid
        attention.add(
            self._tx, "quarantine", channel=channel, appointment_id=None,
            data={"inbox": number, "partner_id": item.partner_id, "reason": reason}, once=_once(number),
        )  # fmt: skip
        return int(number or 0)

    def _decided(self, channel: str, account: str, partner_id: str | None, payload: str) -> int | None:
        """The message, if a person has decided this very one."""
        row = self._tx.one(
            """SELECT id FROM inbox WHERE channel = ? AND account = ? AND partner_id IS ? AND payload = ?
               AND decided_at IS NOT NULL AND (state = 'discarded' OR edited IS NOT NULL) ORDER BY id DESC LIMIT 1""",
            (channel, account, partner_id, payload),
        )
        return None if row is None else int(row["id"])

    def waiting(self, channel: str) -> frozenset[str]:
        rows = self._tx.all(
            "SELECT partner_id FROM inbox WHERE channel = ? AND state = 'quarantined' AND partner_id IS NOT NULL",
            (channel,),
        )
        return frozenset(row["partner_id"] for row in rows)

    def supersede(self, channel: str, partner_id: str, version: int) -> None:
        """An unreadable message has no version; it came before the one that was applied."""
        rows = self._tx.all(
            """SELECT id FROM inbox WHERE channel = ? AND partner_id = ? AND state = 'quarantined'
               AND (version IS NULL OR version <= ?)""",
            (channel, partner_id, version),
        )
        for row in rows:
            self.close(row["id"], "applied", by=channel)

    def supersede_earlier(self, number: int, *, by: str) -> None:
        rows = self._tx.all(
            """SELECT o.id FROM inbox o JOIN inbox n ON n.id = ? AND o.channel = n.channel AND o.account = n.account
               AND o.partner_id = n.partner_id AND o.id < n.id WHERE o.state = 'quarantined'""",
            (number,),
        )
        for row in rows:
            self.close(row["id"], "applied", by=by)

    def get(self, number: int) -> Quarantined:
        row = self._tx.one(
            "SELECT id, channel, account, payload FROM inbox WHERE id = ? AND state = 'quarantined'", (number,)
        )
        if row is None:
            raise NotFound(N_("There is no message {id} in quarantine.", id=number))
        return Quarantined(
            id=row["id"], channel=row["channel"], account=row["account"], payload=from_json(row["payload"])
        )

    def close(
        self, number: int, state: Literal["applied", "discarded"], *, by: str, edited: Mapping[str, Any] | None = None
    ) -> None:
        self._tx.run(
            """UPDATE inbox SET state = ?, decided_at = ?, decided_by = ?, edited = ?
               WHERE id = ? AND state = 'quarantined'""",
            (state, iso(self._tx.now), by, None if edited is None else to_json(edited), number),
        )
        attention.resolve_once(self._tx, "quarantine", _once(number), by=by, resolution=state)


def kept(tx: Tx, number: int) -> tuple[Any, Any]:
    """The message as it came, and what somebody made of it before it was applied (None: nothing); both None if it isn't
    kept any more."""
    row = tx.one("SELECT payload, edited FROM inbox WHERE id = ?", (number,))
    if row is None:
        return None, None
    return from_json(row["payload"]), from_json(row["edited"]) if row["edited"] else None


def prune(tx: Tx, before: datetime, *, limit: int = 5000) -> int:
    """Delete messages that were decided before `before`, at most `limit` at a time; says how many. What waits for a
    decision is kept for as long as that takes."""
    return tx.run(
        """DELETE FROM inbox WHERE id IN
             (SELECT id FROM inbox WHERE state != 'quarantined' AND decided_at < ? LIMIT ?)""",
        (iso(before), limit),
    ).rowcount


def count(tx: Tx, channel: str) -> int:
    """How many messages of the channel are in quarantine."""
    row = tx.one("SELECT count(*) AS n FROM inbox WHERE channel = ? AND state = 'quarantined'", (channel,))
    return int(row["n"]) if row else 0


def _once(number: int | None) -> str:
    return f"inbox:{number}"
