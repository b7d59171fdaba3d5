"""Incidents, and the mails that wait until the server took them (spec: mail.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from wtpd.clock import from_iso, iso
from wtpd.errors import NotFound
from wtpd.store.database import Tx, from_json, to_json
from wtpd.texts import N_, Text

SIGNAL = "mail"
"""Wakes the sender after a commit that queued a mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Something that went wrong at a site, from its first sight until it is well again. Mails about it make one
    thread, whose first one is `message_id`."""

    id: int | None = None
    site: str
    kind: str
    subject: str
    opened_at: datetime
    alarmed_at: datetime | None = None
    mailed_at: datetime | None = None
    reminders: int = 0
    well_since: datetime | None = None
    held: bool = False
    told: int = 0
    closed_at: datetime | None = None
    message_id: str | None = None
    facts: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, str, str]:
        return self.site, self.kind, self.subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail in the queue. `error` says why it waits still, `refused` why it isn't tried any more."""

    id: int
    message_id: str
    site: str
    sender: str
    recipient: str
    message: bytes
    queued_at: datetime
    attempts: int
    not_before: datetime | None
    error: Text | None
    refused: Text | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The queue in figures, for status and metrics."""

    waiting: int
    oldest: datetime | None
    refused: int
    error: Text | None
    last_sent: datetime | None


_TIMES = ("opened_at", "alarmed_at", "mailed_at", "well_since", "closed_at")
_COLUMNS = ("site", "kind", "subject", *_TIMES, "reminders", "held", "told", "message_id", "facts")


def open_incidents(tx: Tx) -> list[Incident]:
    return [_incident(row) for row in tx.all("SELECT * FROM incident WHERE closed_at IS NULL ORDER BY id")]


def put_incident(tx: Tx, incident: Incident) -> None:
    """Keep a new incident or the changes of one."""
    values: dict[str, Any] = {name: getattr(incident, name) for name in _COLUMNS}
    values |= {name: iso(values[name]) if values[name] else None for name in _TIMES}
    values |= {"held": int(incident.held), "facts": to_json(incident.facts), "id": incident.id}
    if incident.id is None:
        names = ", ".join(_COLUMNS)
        tx.run(f"INSERT INTO incident ({names}) VALUES ({', '.join(':' + name for name in _COLUMNS)})", values)
    else:
        changes = ", ".join(f"{name} = :{name}" for name in _COLUMNS)
        tx.run(f"UPDATE incident SET {changes} WHERE id = :id", values)


def queue(tx: Tx, *, message_id: str, site: str, sender: str, recipient: str, message: bytes) -> None:
    """Put a mail into the queue; it is sent after this transaction is on disk."""
    tx.run(
        """INSERT INTO mail (message_id, site, sender, recipient, message, queued_at) VALUES (?, ?, ?, ?, ?, ?)""",
        (message_id, site, sender, recipient, message, iso(tx.now)),
    )
    tx.signal(SIGNAL)


def queued_since(tx: Tx, moment: datetime) -> list[datetime]:
    """When each mail was queued that was queued after `moment`, oldest first."""
    rows = tx.all("SELECT queued_at FROM mail WHERE queued_at > ? ORDER BY queued_at", (iso(moment),))
    return [from_iso(row["queued_at"]) for row in rows]


def due(tx: Tx, limit: int = 20) -> list[Mail]:
    """The oldest waiting mails that may be tried now."""
    rows = tx.all(
        """SELECT * FROM mail WHERE sent_at IS NULL AND refused IS NULL AND (not_before IS NULL OR not_before <= ?)
           ORDER BY id LIMIT ?""",
        (iso(tx.now), limit),
    )
    return [_mail(row) for row in rows]


def next_due(tx: Tx) -> datetime | None:
    """When the next waiting mail may be tried; None if none waits."""
    row = tx.one(
        "SELECT min(coalesce(not_before, queued_at)) AS due FROM mail WHERE sent_at IS NULL AND refused IS NULL"
    )
    return from_iso(row["due"]) if row and row["due"] else None


def sent(tx: Tx, number: int) -> None:
    """The server took it."""
    tx.run("UPDATE mail SET sent_at = ?, error = NULL, not_before = NULL WHERE id = ?", (iso(tx.now), number))


def deferred(tx: Tx, number: int, error: Text, wait: timedelta) -> None:
    tx.run(
        "UPDATE mail SET attempts = attempts + 1, error = ?, not_before = ? WHERE id = ?",
        (_kept(error), iso(tx.now + wait), number),
    )


def refused(tx: Tx, number: int, reason: Text) -> None:
    """The server doesn't want it; it isn't tried again unless somebody asks for it (`retry`)."""
    tx.run("UPDATE mail SET attempts = attempts + 1, refused = ?, error = NULL WHERE id = ?", (_kept(reason), number))


def retry(tx: Tx, number: int | None = None) -> int:
    """Try refused and waiting mails now: one, or all; says how many. Raises `NotFound`."""
    count = tx.run(
        """UPDATE mail SET refused = NULL, not_before = NULL, attempts = 0
           WHERE sent_at IS NULL AND (id = :id OR :id IS NULL)""",
        {"id": number},
    ).rowcount
    if number is not None and not count:
        raise NotFound(N_("There is no waiting mail {id}.", id=number))
    tx.signal(SIGNAL)
    return count


def unsent(tx: Tx, limit: int = 100) -> list[Mail]:
    """What wasn't sent: refused mails and waiting ones, newest first."""
    rows = tx.all(
        """SELECT * FROM mail WHERE sent_at IS NULL AND refused IS NULL
           UNION ALL SELECT * FROM mail WHERE refused IS NOT NULL ORDER BY id DESC LIMIT ?""",
        (limit,),
    )
    return [_mail(row) for row in rows]


def all_clear_at(tx: Tx, site: str) -> datetime | None:
    """When the site was last told that all is well; None if its week hasn't begun yet."""
    row = tx.one("SELECT at FROM all_clear WHERE site = ?", (site,))
    return from_iso(row["at"]) if row else None


def put_all_clear(tx: Tx, site: str) -> None:
    """A new week begins."""
    tx.run(
        "INSERT INTO all_clear (site, at) VALUES (?, ?) ON CONFLICT DO UPDATE SET at = excluded.at", (site, iso(tx.now))
    )


def figures(tx: Tx) -> Queue:
    waiting = tx.one(
        """SELECT count(*) AS n, min(queued_at) AS oldest, max(error) AS error FROM mail
           WHERE sent_at IS NULL AND refused IS NULL"""
    )
    lost = tx.one("SELECT count(*) AS n FROM mail WHERE refused IS NOT NULL")
    last = tx.one("SELECT sent_at FROM mail WHERE sent_at IS NOT NULL ORDER BY id DESC LIMIT 1")
    assert waiting is not None
    assert lost is not None
    return Queue(
        waiting=waiting["n"],
        oldest=_moment(waiting["oldest"]),
        refused=lost["n"],
        error=_text(waiting["error"]),
        last_sent=_moment(last["sent_at"]) if last else None,
    )


def prune(tx: Tx, before: datetime) -> int:
    """Forget mails that were queued, and incidents that were closed, before `before`; what waits stays."""
    mails = tx.run(
        "DELETE FROM mail WHERE queued_at < ? AND (sent_at IS NOT NULL OR refused IS NOT NULL)", (iso(before),)
    ).rowcount
    return mails + tx.run("DELETE FROM incident WHERE closed_at < ?", (iso(before),)).rowcount


def _incident(row: Any) -> Incident:
    times = {name: _moment(row[name]) for name in _TIMES}
    return Incident(
        id=row["id"],
        site=row["site"],
        kind=row["kind"],
        subject=row["subject"],
        reminders=row["reminders"],
        held=bool(row["held"]),
        told=row["told"],
        message_id=row["message_id"],
        facts=from_json(row["facts"]),
        **times,  # type: ignore[arg-type]  # `opened_at` is never null
    )


def _mail(row: Any) -> Mail:
    return Mail(
        id=row["id"],
        message_id=row["message_id"],
        site=row["site"],
        sender=row["sender"],
        recipient=row["recipient"],
        message=row["message"],
        queued_at=from_iso(row["queued_at"]),
        attempts=row["attempts"],
        not_before=_moment(row["not_before"]),
        error=_text(row["error"]),
        refused=_text(row["refused"]),
    )


def _moment(text: str | None) -> datetime | None:
    return from_iso(text) if text else None


def _kept(text: Text) -> str:
    return to_json(text.as_json())


def _text(kept: str | None) -> Text | None:
    return Text.from_json(from_json(kept)) if kept is not None else None
