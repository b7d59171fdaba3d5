"""The records of runs: what each pass of a channel did, kept for `retention.runs` days (sync.md, 11)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from wtpd.clock import iso, iso_exact
from wtpd.store.damage import from_iso
from wtpd.store.database import Tx, from_json, to_json
from wtpd.sync.ports import RunRecord
from wtpd.texts import Text

_COUNTS = ("quiet", "fetched", "applied", "sent", "published", "conflicts", "quarantined", "requests")


def add(tx: Tx, record: RunRecord) -> None:
    """Keep a record; a run in which something happened is told to the event stream."""
    names = ("channel", "trigger", "started_at", "ended_at", *_COUNTS, "error")
    values = {name: getattr(record, name) for name in (*_COUNTS, "channel", "trigger")}
    values |= {"started_at": iso_exact(record.started_at), "ended_at": iso_exact(record.ended_at)}
    values["error"] = _stored(record.error)
    tx.run(
        f"INSERT INTO run ({', '.join(names)}) VALUES ({', '.join(':' + name for name in names)})",
        values,
    )
    if not record.quiet:
        counts = {name: getattr(record, name) for name in _COUNTS if name != "quiet"}
        tx.emit("run.finished", channel=record.channel, **counts, failed=record.error is not None)


def page(
    tx: Tx,
    *,
    connector: str | None = None,
    site: str | None = None,
    before: datetime | None = None,
    limit: int = 100,
) -> list[RunRecord]:
    """The newest records, of one connector or site if named, started before `before`."""
    conditions = ["started_at < :before" if before else "true"]
    if connector and site:
        conditions.append("channel = :connector || '/' || :site")
    elif connector:
        conditions.append("channel >= :connector || '/' AND channel < :connector || '0'")  # '0' follows '/'
    elif site:
        conditions.append("channel LIKE '%/' || :site")
    rows = tx.all(
        f"SELECT * FROM run WHERE {' AND '.join(conditions)} ORDER BY started_at DESC, id DESC LIMIT :limit",
        {"connector": connector, "site": site, "before": iso_exact(before) if before else None, "limit": limit},
    )
    return [_record(row) for row in rows]


def last_success(tx: Tx, channel: str) -> datetime | None:
    """When the last recorded run without an error ended."""
    row = tx.one(
        "SELECT ended_at FROM run WHERE channel = ? AND error IS NULL ORDER BY started_at DESC LIMIT 1", (channel,)
    )
    return from_iso(row["ended_at"]) if row else None


def prune(tx: Tx, before: datetime, *, limit: int = 5000) -> int:
    """Delete records of runs that started before `before`, at most `limit` at a time; says how many."""
    return tx.run(
        "DELETE FROM run WHERE id IN (SELECT id FROM run WHERE started_at < ? ORDER BY started_at LIMIT ?)",
        (iso(before), limit),
    ).rowcount


def _record(row: Any) -> RunRecord:
    return RunRecord(
        channel=row["channel"],
        trigger=row["trigger"],
        started_at=from_iso(row["started_at"]),
        ended_at=from_iso(row["ended_at"]),
        error=_error(row["error"]),
        **{name: row[name] for name in _COUNTS},
    )


def _stored(error: Text | str | None) -> str | None:
    """As JSON, so that a `Text` can be said in the reader's language."""
    if error is None:
        return None
    return to_json(error.as_json() if isinstance(error, Text) else error)


def _error(kept: str | None) -> Text | str | None:
    error = None if kept is None else from_json(kept)
    return Text.from_json(error) if isinstance(error, Mapping) else error
