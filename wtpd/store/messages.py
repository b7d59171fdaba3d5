"""What was said to partners and by them about appointments, for the trace (spec: tui.md, 8). `Messages` is the
`MessagesPort` of the sync engine.

Each is written in the transaction that it belongs to: a call with its intent and again with its answer, an item of the
feed with the page. Nothing is kept twice: the fields of a call that waits for its answer stand in the outbox, a message
in quarantine stands in the inbox, and our own write that comes back in the feed marks the row of the call.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from wtpd.clock import iso_exact
from wtpd.errors import NotFound
from wtpd.store import attention
from wtpd.store.damage import from_iso
from wtpd.store.database import Tx, from_json, to_json
from wtpd.store.outbox import Outbox
from wtpd.sync.ports import Answered, Incoming, Intent, Look, Taken, Unreadable
from wtpd.texts import N_, Text

MOST = 500
"""Messages of one appointment that are given out; a partner may go on about one for ever."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_WINDOW, _MEMORY = -12, 4
_own = threading.local()
_SAYS_NOTHING = ("echo", "late")
_COLUMNS = (
    "id, at, channel, direction, appointment_id, operation, fields, key, actor, partner_id, version, attempts, outcome,"
    " status, error, answered_at, echoed_at, inbox"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One call of ours (`out`) or one item of a partner (`in`), without its payload. `outcome` None: no answer yet."""

    id: int
    at: datetime
    channel: str
    direction: str
    appointment_id: str | None
    operation: str
    fields: tuple[str, ...]
    key: str | None
    actor: str | None
    partner_id: str | None
    version: int | None
    attempts: int
    outcome: str | None
    status: int | None
    error: Text | str | None
    answered_at: datetime | None
    echoed_at: datetime | None
    inbox: int | None


class Messages:
    """`wtpd.sync.ports.MessagesPort` over one transaction."""

    __slots__ = ("_moment", "_tx")

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._moment = ""

    @property
    def _now(self) -> str:
        """Of the transaction; written out once, since many messages share it."""
        if not self._moment:
            self._moment = iso_exact(self._tx.now)
        return self._moment

    def called(self, intent: Intent) -> None:
        self._tx.run(
            """INSERT INTO message (at, channel, direction, appointment_id, operation, fields, key, partner_id)
               VALUES (?, ?, 'out', ?, ?, ?, ?, ?)""",
            (
                self._now, intent.channel, intent.appointment_id, intent.operation,
                " ".join(intent.fields) if intent.operation == "update" else None, intent.key, intent.partner_id,
            ),
        )  # fmt: skip

    def unanswered(self, key: str) -> None:
        self._tx.run("UPDATE message SET attempts = attempts + 1 WHERE key = ?", (key,))

    def answered(self, intent: Intent, answer: Answered) -> None:
        """What was sent is kept as the partner was told, or as shared fields where that isn't known."""
        sent = intent.fields if answer.sent is None else answer.sent
        self._tx.run(
            """UPDATE message SET attempts = attempts + 1, outcome = ?, status = ?, error = ?, version = ?,
                 partner_id = coalesce(?, partner_id), answered_at = ?, payload = ? WHERE key = ?""",
            (
                answer.outcome, answer.status, _kept(answer.error), answer.version, answer.partner_id,
                self._now, _packed(sent), intent.key,
            ),
        )  # fmt: skip

    def asked(self, channel: str, appointment_id: str, look: Look, *, by: str) -> None:
        self._tx.run(
            """INSERT INTO message (at, channel, direction, appointment_id, operation, actor, outcome)
               VALUES (?, ?, 'out', ?, ?, ?, ?)""",
            (self._now, channel, appointment_id, look, by, None if look == "look" else "ok"),
        )

    def looked(self, channel: str, appointment_id: str, look: Look, answer: Answered) -> None:
        waiting = "appointment_id = :id AND channel = :channel AND operation = 'look'"
        found = self._tx.run(
            f"""UPDATE message SET attempts = attempts + 1, operation = :look, outcome = :outcome, status = :status,
                  error = :error, version = :version, partner_id = :partner_id, answered_at = :now
                WHERE {waiting} AND (outcome IS NOT 'refused' OR id = (SELECT max(id) FROM message WHERE {waiting}))""",
            {
                "id": appointment_id, "channel": channel, "look": look, "outcome": answer.outcome,
                "status": answer.status, "error": _kept(answer.error), "version": answer.version,
                "partner_id": answer.partner_id, "now": self._now,
            },
        )  # fmt: skip
        if found.rowcount:  # somebody waits for it
            self._tx.emit("message.looked", id=appointment_id, channel=channel)

    def received(self, channel: str, item: Incoming | Unreadable, taken: Taken) -> None:
        version = item.version if isinstance(item, Incoming) else None
        if self._came_before(channel, item.partner_id, version, taken):
            return
        kept_elsewhere = taken.inbox is not None or taken.decision in _SAYS_NOTHING
        self._tx.run(
            """INSERT INTO message (at, channel, direction, appointment_id, operation, partner_id, version, attempts,
                 outcome, error, inbox, payload)
               VALUES (?, ?, 'in', ?, ?, ?, ?, 1, ?, ?, ?, ?)""",
            (
                self._now, channel, taken.appointment_id, taken.decision, item.partner_id, version,
                _OUTCOMES.get(taken.decision, "ok"), _reason(taken), taken.inbox,
                None if kept_elsewhere or item.raw is None else _packed(item.raw),
            ),
        )  # fmt: skip

    def _came_before(self, channel: str, partner_id: str | None, version: int | None, taken: Taken) -> bool:
        """What is received again is counted; what we wrote there, and comes back, marks the call that wrote it, whether
        it was answered or not."""
        if taken.inbox is not None:
            sql, values = "inbox = ? AND appointment_id IS ?", [taken.inbox, taken.appointment_id]
        elif taken.decision in _SAYS_NOTHING and taken.appointment_id is not None:
            same, open_call = "partner_id = ? AND version = ?", "? AND outcome IS NULL AND key IS NOT NULL"
            sql = f"appointment_id = ? AND channel = ? AND ({same} OR {open_call})"
            values = [taken.appointment_id, channel, partner_id, version, taken.decision == "echo"]
        else:
            return False
        row = self._tx.one(f"SELECT id, direction FROM message WHERE {sql} ORDER BY id LIMIT 1", values)
        if row is None:
            return False
        again = "attempts = attempts + 1" if row["direction"] == "in" else "echoed_at = coalesce(echoed_at, :now)"
        self._tx.run(f"UPDATE message SET {again} WHERE id = :id", {"now": self._now, "id": row["id"]})
        return True


_OUTCOMES = {"none": "ignored", "echo": "ignored", "late": "ignored", "quarantine": "quarantined"}
"""Of a decision; any other one is `ok`."""


def get(tx: Tx, number: int) -> tuple[Message, Any]:
    """The message and its payload, a JSON value; None if that isn't kept (any more). Raises `NotFound`."""
    row = tx.one(f"SELECT {_COLUMNS}, payload FROM message WHERE id = ?", (number,))
    if row is None:
        raise NotFound(N_("There is no message {id}.", id=number))
    message = _message(row)
    if row["payload"] is not None:
        return message, unpacked(row["payload"])
    if message.inbox is not None:
        kept = tx.one("SELECT payload FROM inbox WHERE id = ?", (message.inbox,))
        return message, from_json(kept["payload"]) if kept else None
    if message.key is not None and message.appointment_id is not None:
        intent = Outbox(tx).intent_of(message.channel, message.appointment_id)
        return message, intent.fields if intent is not None and intent.key == message.key else None
    return message, None


def of_appointment(tx: Tx, appointment_id: str) -> list[Message]:
    """Everything said about it, the newest first; what couldn't be applied is found by the partner's numbers of it."""
    rows = tx.all(
        f"""SELECT {_COLUMNS} FROM message WHERE appointment_id = :id
            UNION ALL
            SELECT {_COLUMNS} FROM message WHERE appointment_id IS NULL AND (channel, partner_id) IN
              (SELECT channel, partner_id FROM link WHERE appointment_id = :id)
            ORDER BY id DESC LIMIT {MOST}""",
        {"id": appointment_id},
    )
    return [_message(row) for row in rows]


def unlinked(tx: Tx, partner_id: str) -> list[Message]:
    """What a partner said under this number of its own that led to no appointment of ours, the newest first."""
    rows = tx.all(
        f"""SELECT {_COLUMNS} FROM message m WHERE appointment_id IS NULL AND partner_id = ? AND NOT EXISTS
              (SELECT 1 FROM link WHERE channel = m.channel AND partner_id = m.partner_id
               AND account IN (SELECT account FROM channel UNION SELECT account FROM feed))
            ORDER BY id DESC LIMIT 50""",
        (partner_id,),
    )
    return [_message(row) for row in rows]


def put_question(tx: Tx, channel: str, asked: str, subject: str, outcome: str, reason: Text | str) -> None:
    """Keep a question to a partner that is about no appointment, with how it ended. `asked`: `identify` or `value`;
    `subject`: the VIN or plate, if any."""
    now = iso_exact(tx.now)
    tx.run(
        """INSERT INTO message (at, channel, direction, operation, partner_id, attempts, outcome, error, answered_at)
           VALUES (?, ?, 'out', ?, ?, 1, ?, ?, ?)""",
        (now, channel, asked, subject or None, outcome, _kept(reason), now),
    )


def of_connector(tx: Tx, connector: str) -> list[Message]:
    """What was said to a partner and by it about no appointment of ours, the newest first."""
    rows = tx.all(
        f"""SELECT {_COLUMNS} FROM (
              SELECT * FROM (SELECT {_COLUMNS} FROM message WHERE appointment_id IS NULL AND channel = :name
                             ORDER BY id DESC LIMIT 50)
              UNION ALL
              SELECT {_COLUMNS} FROM message
                WHERE appointment_id IS NULL AND channel >= :name || '/' AND channel < :name || '0')
            ORDER BY id DESC LIMIT 50""",
        {"name": connector},
    )
    return [_message(row) for row in rows]


def appointments_known_by(tx: Tx, text: str) -> list[str]:
    """The appointments to which a partner's number, now or once, an idempotency key, or a message's number leads."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
    rows = tx.all(
        """SELECT l.appointment_id AS id
             FROM (SELECT id AS channel, account FROM channel UNION SELECT channel, account FROM feed) k
             CROSS JOIN link l ON l.channel = k.channel AND l.account = k.account AND l.partner_id = :text
           UNION SELECT appointment_id FROM message WHERE key = :text
           UNION SELECT appointment_id FROM message WHERE id = :number""",
        {"text": text, "number": number},
    )
    return [row["id"] for row in rows if row["id"] is not None]


def prune(tx: Tx, before: datetime, *, limit: int = 5000) -> int:
    """Delete messages older than `before`, at most `limit` at a time; says how many."""
    return tx.run(
        "DELETE FROM message WHERE id IN (SELECT id FROM message WHERE at < ? ORDER BY at LIMIT ?)",
        (iso_exact(before), limit),
    ).rowcount


def export(tx: Tx, appointment_ids: Sequence[str]) -> list[dict[str, Any]]:
    """What was said to partners and by them about these appointments, oldest first, as JSON values."""
    rows = tx.all(
        """SELECT id, at, channel, direction, operation, payload FROM message
           WHERE appointment_id IN (SELECT value FROM json_each(?)) AND payload IS NOT NULL ORDER BY id""",
        (to_json(list(appointment_ids)),),
    )
    return [{**{name: row[name] for name in row.keys()}, "payload": unpacked(row["payload"])} for row in rows]  # noqa: SIM118


_SAMPLE = 24
"""Bytes."""


def erase(tx: Tx, appointment_ids: Sequence[str], tells: Callable[[str], bool], subjects: Iterable[str] = ()) -> None:
    """Blank what the messages about these appointments say, and those about none of ours whose text `tells` of the
    person (GDPR); that there was one stays. Questions about these `subjects` (VINs and plates) are deleted."""
    blank = "UPDATE message SET payload = NULL, error = iif(error IS NULL, NULL, '') WHERE"
    tx.run_many(f"{blank} appointment_id = ?", [(each,) for each in appointment_ids])
    tx.run_many(
        "DELETE FROM message WHERE appointment_id IS NULL AND operation IN ('identify', 'value') AND partner_id = ?",
        [(each,) for each in subjects],
    )
    rows = tx.all("SELECT id, payload, error FROM message INDEXED BY message_unlinked WHERE appointment_id IS NULL")
    for row in rows:
        text = to_json(unpacked(row["payload"])) if row["payload"] is not None else ""
        if tells(f"{text}\n{row['error'] or ''}"):
            tx.run(f"{blank} id = ?", (row["id"],))


def samples(tx: Tx, appointment_ids: Sequence[str]) -> Iterator[bytes]:
    """Bytes out of the middle of each deflated payload about these appointments, by which it can be found in a file."""
    rows = tx.all(
        """SELECT payload FROM message WHERE payload IS NOT NULL
             AND appointment_id IN (SELECT value FROM json_each(?))""",
        (to_json(list(appointment_ids)),),
    )
    for row in rows:
        middle = len(row["payload"]) // 2
        if middle > _SAMPLE:
            yield row["payload"][middle - _SAMPLE // 2 : middle + _SAMPLE // 2]


def unpacked(payload: bytes) -> Any:
    """A payload as it is kept, as a JSON value."""
    return _decode(zlib.decompressobj(_WINDOW).decompress(payload))


def _packed(value: Any) -> bytes:
    """Making a compressor costs as much as using it, so each thread keeps its own; the full flush makes it forget what
    came before. A small window and little memory suffice for a page of text."""
    packer = getattr(_own, "packer", None)
    if packer is None:
        packer = _own.packer = zlib.compressobj(1, zlib.DEFLATED, _WINDOW, _MEMORY)
    return packer.compress(_encode(value)) + packer.flush(zlib.Z_FULL_FLUSH)


def _reason(taken: Taken) -> str | None:
    """Kept so that it can be said in the reader's language."""
    if not taken.reason:
        return None
    reason = taken.reason if isinstance(taken.reason, Text) else attention.text(taken.reason)
    return to_json(reason.as_json())


def _kept(error: Text | str) -> str | None:
    """What a call brought: the partner's own words as they are, ours so that they can be said in the reader's language.
    A partner's words that could be taken for ours are kept like ours."""
    if isinstance(error, str) and not error.startswith("{"):
        return error or None
    return to_json((error if isinstance(error, Text) else attention.text(error)).as_json())


def _error(kept: str | None, direction: str) -> Text | str | None:
    if not kept or (direction == "out" and not kept.startswith('{"args":')):
        return kept
    return attention.text(from_json(kept))


def _message(row: Any) -> Message:
    return Message(
        id=row["id"],
        at=from_iso(row["at"]),
        channel=row["channel"],
        direction=row["direction"],
        appointment_id=row["appointment_id"],
        operation=row["operation"],
        fields=tuple((row["fields"] or "").split()),
        key=row["key"],
        actor=row["actor"],
        partner_id=row["partner_id"],
        version=row["version"],
        attempts=row["attempts"],
        outcome=row["outcome"],
        status=row["status"],
        error=_error(row["error"], row["direction"]),
        answered_at=from_iso(row["answered_at"]) if row["answered_at"] else None,
        echoed_at=from_iso(row["echoed_at"]) if row["echoed_at"] else None,
        inbox=row["inbox"],
    )
