"""The event stream as it is kept for `Last-Event-ID`; written by `Tx.emit`."""

from __future__ import annotations

from datetime import datetime

from wtpd.clock import iso_exact
from wtpd.store.database import Event, Tx, from_json


def since(tx: Tx, seq: int, limit: int = 500) -> list[Event]:
    """Events behind `seq`, oldest first."""
    rows = tx.all("SELECT seq, kind, data FROM event WHERE seq > ? ORDER BY seq LIMIT ?", (seq, limit))
    return [Event(row["seq"], row["kind"], from_json(row["data"])) for row in rows]


def bounds(tx: Tx) -> tuple[int, int]:
    """(oldest kept, newest) sequence numbers; (0, 0) if nothing ever happened. A client that was away for longer than
    the oldest has missed something and must load anew."""
    row = tx.one("SELECT (SELECT min(seq) FROM event), (SELECT seq FROM sqlite_sequence WHERE name = 'event')")
    oldest, newest = (row[0], row[1]) if row is not None else (None, None)
    return (oldest or newest or 0, newest or 0)


def prune(tx: Tx, before: datetime) -> int:
    """Forget events older than `before`; how many they were."""
    return tx.run("DELETE FROM event WHERE at < ?", (iso_exact(before),)).rowcount
