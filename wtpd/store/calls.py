"""Durable calls in the database. `StoredCalls` is `wtpd.calls.ports.CallsPort` over one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from wtpd.calls.records import Call, Settled, signal
from wtpd.clock import iso_exact
from wtpd.store import attention
from wtpd.store.damage import from_iso
from wtpd.store.database import Tx, from_json, to_json
from wtpd.texts import Text

LONGEST = timedelta(hours=1)
"""No call is deferred for longer: what seems to be was deferred before the clock was set back, and is due."""

_OPEN = "state IN ('waiting', 'begun')"
_COLUMNS = (
    "key, channel, kind, subject, site, body, details, saga, step, by, state, is_withdrawn, attempts, not_before,"
    " error, created_at"
)


class StoredCalls:
    __slots__ = ("_tx",)

    def __init__(self, tx: Tx) -> None:
        self._tx = tx

    def add(self, call: Call) -> None:
        self._tx.run(
            """INSERT INTO call (key, channel, kind, subject, site, body, details, saga, step, by, created_at)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (
                call.key, call.channel, call.kind, call.subject, call.site, call.body, to_json(dict(call.details)),
                call.saga, call.step, call.by, iso_exact(self._tx.now),
            ),
        )  # fmt: skip
        self._tx.signal(signal(call.channel))

    def get(self, key: str) -> Call | None:
        row = self._tx.one(f"SELECT {_COLUMNS} FROM call WHERE key = ? AND {_OPEN}", (key,))
        return None if row is None else _call(row)

    def due(self, channel: str, *, limit: int) -> Sequence[Call]:
        rows = self._tx.all(
            f"""SELECT {_COLUMNS} FROM call
                WHERE channel = ? AND {_OPEN} AND (not_before IS NULL OR not_before <= ? OR not_before > ?)
                ORDER BY seq LIMIT ?""",
            (channel, iso_exact(self._tx.now), iso_exact(self._tx.now + LONGEST), limit),
        )
        return [_call(row) for row in rows]

    def next_due(self, channel: str) -> datetime | None:
        row = self._tx.one(
            f"""SELECT min(CASE WHEN not_before > :latest THEN :now ELSE coalesce(not_before, :now) END) AS due
                FROM call WHERE channel = :channel AND {_OPEN}""",
            {"channel": channel, "now": iso_exact(self._tx.now), "latest": iso_exact(self._tx.now + LONGEST)},
        )
        return from_iso(row["due"]) if row and row["due"] else None

    def begin(self, key: str) -> None:
        self._tx.run(f"UPDATE call SET state = 'begun' WHERE key = ? AND {_OPEN}", (key,))

    def defer(self, key: str, until: datetime, error: Text | str) -> None:
        self._tx.run(
            f"UPDATE call SET attempts = attempts + 1, not_before = ?, error = ? WHERE key = ? AND {_OPEN}",
            (iso_exact(until), _kept(error), key),
        )

    def hurry(self, channel: str) -> None:
        self._tx.run(f"UPDATE call SET not_before = NULL WHERE channel = ? AND {_OPEN}", (channel,))

    def withdraw(self, key: str) -> None:
        self._tx.run(f"UPDATE call SET is_withdrawn = 1, not_before = NULL WHERE key = ? AND {_OPEN}", (key,))

    def settle(self, key: str, settled: Settled, error: Text | str | None = None) -> None:
        self._tx.run(
            """UPDATE call SET state = ?, attempts = attempts + 1, not_before = NULL, error = ?, settled_at = ?
               WHERE key = ?""",
            (settled, _kept(error), iso_exact(self._tx.now), key),
        )


def open_of(tx: Tx, subject: str) -> list[Call]:
    """The open calls about a record of ours, oldest first."""
    rows = tx.all(f"SELECT {_COLUMNS} FROM call WHERE subject = ? AND {_OPEN} ORDER BY seq", (subject,))
    return [_call(row) for row in rows]


def open_of_saga(tx: Tx, saga: str) -> list[Call]:
    """The open calls that follow each other, oldest first; there is one at most."""
    rows = tx.all(f"SELECT {_COLUMNS} FROM call WHERE saga = ? AND {_OPEN} ORDER BY seq", (saga,))
    return [_call(row) for row in rows]


def of_subject(tx: Tx, subject: str, *, limit: int = 100) -> list[tuple[Call, str, datetime | None]]:
    """The newest calls about a record of ours, each with its state and the time when it was settled."""
    rows = tx.all(
        f"SELECT {_COLUMNS}, settled_at FROM call WHERE subject = ? ORDER BY seq DESC LIMIT ?", (subject, limit)
    )
    return [(_call(row), row["state"], from_iso(row["settled_at"]) if row["settled_at"] else None) for row in rows]


def waiting(tx: Tx, channel: str) -> int:
    """How many calls of the channel aren't settled."""
    row = tx.one(f"SELECT count(*) AS n FROM call WHERE channel = ? AND {_OPEN}", (channel,))
    return int(row["n"]) if row else 0


def erase(tx: Tx, subject: str) -> None:
    """Forget what the settled calls about a record of ours said."""
    tx.run(f"UPDATE call SET body = NULL, error = NULL, details = '{{}}' WHERE subject = ? AND NOT {_OPEN}", (subject,))


def prune(tx: Tx, before: datetime, *, limit: int) -> int:
    """Delete settled calls that are older; how many."""
    return tx.run(
        "DELETE FROM call WHERE seq IN (SELECT seq FROM call WHERE settled_at < ? ORDER BY settled_at LIMIT ?)",
        (iso_exact(before), limit),
    ).rowcount


def _kept(error: Text | str | None) -> str | None:
    if not error:
        return None
    return to_json((error if isinstance(error, Text) else attention.text(error)).as_json())


def _call(row: Any) -> Call:
    call = Call(
        key=row["key"], channel=row["channel"], kind=row["kind"], subject=row["subject"], site=row["site"],
        body=row["body"] or "", details=from_json(row["details"]), saga=row["saga"], step=row["step"], by=row["by"],
        begun=row["state"] == "begun", is_withdrawn=bool(row["is_withdrawn"]), attempts=row["attempts"],
        created_at=from_iso(row["created_at"]),
    )  # fmt: skip
    return replace(
        call,
        not_before=from_iso(row["not_before"]) if row["not_before"] else None,
        error=attention.text(from_json(row["error"])) if row["error"] else None,
    )
