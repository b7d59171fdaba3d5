"""The outbox: what must be sent to partners, written in the transaction of the change (sync.md, 2).

There is one row for each channel and appointment, however often it changes before it is sent. `marked_version` counts
the marks, so that one that comes during a call isn't missed. `Outbox` is the `OutboxPort` of the sync engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from wtpd.clock import iso, iso_exact
from wtpd.store import attention
from wtpd.store.damage import from_iso
from wtpd.store.database import Tx, to_json
from wtpd.store.ledger import link_of_row
from wtpd.sync.ports import Intent, Pending
from wtpd.texts import Text

LONGEST = timedelta(hours=1)
"""No row is deferred for longer: what seems to be was deferred before the clock was set back, and is due."""

_INTENT = msgspec.json.Decoder(Intent)
_NAMES = tuple(each.name for each in fields(Intent))


def signal(channel: str) -> str:
    """The name of the wake-up that says: this channel has something to send."""
    return f"outbox:{channel}"


def mark_change(tx: Tx, appointment_id: str, site: str, department: str, *, except_channel: str | None = None) -> None:
    """An appointment that is now in `department` of `site` was made, changed or cancelled: mark it for every channel
    that must hear of it. `except_channel` is the one the change came from."""
    for channel in hearing(tx, appointment_id, site, department):
        if channel != except_channel:
            mark(tx, channel, appointment_id)


def anybody_hears(tx: Tx) -> bool:
    """Whether any channel is active."""
    return tx.one("SELECT 1 FROM channel WHERE active LIMIT 1") is not None


def hearing(tx: Tx, appointment_id: str, site: str, department: str) -> list[str]:
    """Every active channel of the department, and every channel that knows the appointment or is about to (it may have
    moved away)."""
    rows = tx.all(
        """SELECT id FROM channel c WHERE active AND (
             (site = :site AND department = :department)
             OR EXISTS (SELECT 1 FROM link WHERE channel = c.id AND appointment_id = :id AND NOT tombstone)
             OR EXISTS (SELECT 1 FROM outbox WHERE channel = c.id AND appointment_id = :id))""",
        {"site": site, "department": department, "id": appointment_id},
    )
    return [row["id"] for row in rows]


def mark(tx: Tx, channel: str, appointment_id: str) -> None:
    """Put the appointment into the channel's outbox, or count that it changed again; wakes the channel. A row that
    the partner refused is tried again, because its content is another one now."""
    tx.run(
        """INSERT INTO outbox (channel, appointment_id, marked_version, marked_at) VALUES (?, ?, 1, ?)
           ON CONFLICT (channel, appointment_id)
           DO UPDATE SET marked_version = marked_version + 1, rejected = NULL, not_before = NULL""",
        (channel, appointment_id, iso(tx.now)),
    )
    tx.signal(signal(channel))


def waiting(tx: Tx, channel: str) -> int:
    """How many appointments wait to be sent; those the partner refused aren't counted."""
    row = tx.one("SELECT count(*) AS n FROM outbox WHERE channel = ? AND rejected IS NULL", (channel,))
    return int(row["n"]) if row else 0


class Outbox:
    """`wtpd.sync.ports.OutboxPort` over one transaction."""

    __slots__ = ("_tx",)

    def __init__(self, tx: Tx) -> None:
        self._tx = tx

    def mark(self, channel: str, appointment_id: str) -> None:
        mark(self._tx, channel, appointment_id)

    def pending(self, channel: str, *, after: int, limit: int) -> Sequence[Pending]:
        rows = self._tx.all(
            """SELECT o.seq, o.appointment_id, o.marked_version, o.intent_mark, o.attempts, o.intent, o.look,
                      l.channel, l.account, l.partner_id, l.version, l.base, l.apart,
                      l.tombstone, l.made, l.wrote, l.rounds
               FROM outbox o LEFT JOIN link l
                 ON l.channel = o.channel AND l.appointment_id = o.appointment_id AND NOT l.tombstone
               WHERE o.channel = ? AND o.seq > ? AND o.rejected IS NULL
                 AND (o.not_before IS NULL OR o.not_before <= ? OR o.not_before > ?)
               ORDER BY o.seq LIMIT ?""",
            (channel, after, iso_exact(self._tx.now), iso_exact(self._tx.now + LONGEST), limit),
        )
        return [_pending(row) for row in rows]

    def is_waiting(self, channel: str, appointment_id: str) -> bool:
        row = self._tx.one(
            "SELECT 1 FROM outbox WHERE channel = ? AND appointment_id = ? AND rejected IS NULL",
            (channel, appointment_id),
        )
        return row is not None

    def next_due(self, channel: str) -> datetime | None:
        """When the next deferred row may be tried; None if no row is deferred."""
        row = self._tx.one(
            "SELECT min(not_before) AS due FROM outbox WHERE channel = ? AND rejected IS NULL", (channel,)
        )
        return from_iso(row["due"]) if row and row["due"] else None

    def store_intent(self, intent: Intent) -> None:
        self._tx.run(
            """UPDATE outbox SET intent = ?, intent_mark = marked_version, look = 0
               WHERE channel = ? AND appointment_id = ?""",
            (_stored(intent), intent.channel, intent.appointment_id),
        )

    def intent_of(self, channel: str, appointment_id: str) -> Intent | None:
        row = self._tx.one(
            "SELECT intent FROM outbox WHERE channel = ? AND appointment_id = ?", (channel, appointment_id)
        )
        return _restored(row["intent"]) if row and row["intent"] else None

    def settle(self, channel: str, appointment_id: str) -> None:
        row = self._tx.one(
            """DELETE FROM outbox WHERE channel = ? AND appointment_id = ? AND marked_version = intent_mark
               RETURNING attempts""",
            (channel, appointment_id),
        )
        if row is None:
            self.drop_intent(channel, appointment_id)
            self._tx.signal(signal(channel))
        elif row["attempts"]:
            self._went_through(channel, appointment_id, "sent")

    def done(self, channel: str, appointment_id: str) -> None:
        """What the partner refused before needs nobody any more."""
        row = self._tx.one(
            "DELETE FROM outbox WHERE channel = ? AND appointment_id = ? RETURNING attempts", (channel, appointment_id)
        )
        if row is not None and row["attempts"]:
            self._went_through(channel, appointment_id, "done")

    def _went_through(self, channel: str, appointment_id: str, resolution: str) -> None:
        for kind in ("rejected", "keeps_refusing"):
            attention.resolve_once(self._tx, kind, _once(channel, appointment_id), by=channel, resolution=resolution)

    def drop_intent(self, channel: str, appointment_id: str) -> None:
        self._tx.run(
            "UPDATE outbox SET intent = NULL, intent_mark = NULL, look = 0 WHERE channel = ? AND appointment_id = ?",
            (channel, appointment_id),
        )

    def defer(self, channel: str, appointment_id: str, until: datetime, error: str) -> None:
        self._tx.run(
            """UPDATE outbox SET attempts = attempts + 1, not_before = ?, error = ?
               WHERE channel = ? AND appointment_id = ?""",
            (iso_exact(until), error, channel, appointment_id),
        )

    def hurry(self, channel: str) -> None:
        self._tx.run("UPDATE outbox SET not_before = NULL WHERE channel = ? AND rejected IS NULL", (channel,))

    def reject(self, channel: str, appointment_id: str, reason: Text | str) -> None:
        """A row that was marked again during the call has another content now, so it stays due."""
        self._tx.run(
            """UPDATE outbox SET attempts = attempts + 1, error = :reason, intent = NULL, intent_mark = NULL,
                 rejected = CASE WHEN marked_version = coalesce(intent_mark, marked_version) THEN :reason END
               WHERE channel = :channel AND appointment_id = :id""",
            {"reason": str(reason), "channel": channel, "id": appointment_id},
        )
        attention.add(
            self._tx, "rejected", channel=channel, appointment_id=appointment_id, data={"reason": reason},
            once=_once(channel, appointment_id),
        )  # fmt: skip
        self._tx.signal(signal(channel))

    def retry(self, channel: str, appointment_id: str) -> None:
        self._tx.run(
            "UPDATE outbox SET rejected = NULL, not_before = NULL WHERE channel = ? AND appointment_id = ?",
            (channel, appointment_id),
        )
        self._tx.signal(signal(channel))

    def retry_all(self, channel: str) -> int:
        rows = self._tx.all(
            """UPDATE outbox SET rejected = NULL, not_before = NULL WHERE channel = ? AND rejected IS NOT NULL
               RETURNING appointment_id""",
            (channel,),
        )
        if rows:
            self._tx.signal(signal(channel))
        return len(rows)

    def look(self, channel: str, appointment_id: str) -> None:
        self.mark(channel, appointment_id)
        self._tx.run("UPDATE outbox SET look = 1 WHERE channel = ? AND appointment_id = ?", (channel, appointment_id))


def _stored(intent: Intent) -> str:
    """A `create` says everything, so it is kept once."""
    if intent.operation != "create":
        return to_json(intent)
    return to_json({name: getattr(intent, name) for name in _NAMES} | {"full": {}})


def _restored(text: str) -> Intent:
    intent = _INTENT.decode(text)
    return replace(intent, full=intent.fields) if intent.operation == "create" else intent


def _once(channel: str, appointment_id: str) -> str:
    return f"{channel}:{appointment_id}"


def _pending(row: Any) -> Pending:
    return Pending(
        seq=row["seq"],
        appointment_id=row["appointment_id"],
        attempts=row["attempts"],
        intent=_restored(row["intent"]) if row["intent"] else None,
        link=link_of_row(row) if row["partner_id"] is not None else None,
        look=bool(row["look"]),
    )
