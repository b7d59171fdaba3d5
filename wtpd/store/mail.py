"""Incidents, and the mails that wait until the server took them (spec: mail.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from wtpd.clock import iso
from wtpd.errors import NotFound
from wtpd.store.damage import from_iso
from wtpd.store.database import Tx, from_json, to_json
from wtpd.texts import N_, Text

SIGNAL = "mail"
"""Wakes the sender after a commit that queued a mail."""


STUCK = 3
"""Attempts after which a mail that waits is shown as trouble; a first refusal for a while is common (greylisting)."""


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
    """A mail in the queue. `error` says why it waits still, `refused` why it isn't tried any more. `chosen`: a person
    chose the recipient, so that the settings don't change it."""

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
    chosen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Mails to one recipient that aren't tried any more, and why the newest of them isn't; `since`: the oldest."""

    recipient: str
    count: int
    reason: Text
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The queue in figures, for status and metrics. `error`: why a mail waits; `stuck`: why one waits that was tried
    several times."""

    waiting: int
    oldest: datetime | None
    refused: int
    error: Text | None
    last_sent: datetime | None
    stuck: Text | None = None
    lost: Sequence[Lost] = ()


_WAITS = "sent_at IS NULL AND refused IS NULL AND dismissed_at IS NULL"
_LOST = "refused IS NOT NULL AND sent_at IS NULL AND dismissed_at IS NULL"

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
        f"SELECT * FROM mail WHERE {_WAITS} AND (not_before IS NULL OR not_before <= ?) ORDER BY id LIMIT ?",
        (iso(tx.now), limit),
    )
    return [_mail(row) for row in rows]


def next_due(tx: Tx) -> datetime | None:
    """When the next waiting mail may be tried; None if none waits."""
    row = tx.one(f"SELECT min(coalesce(not_before, queued_at)) AS due FROM mail WHERE {_WAITS}")
    return from_iso(row["due"]) if row and row["due"] else None


def sent(tx: Tx, number: int) -> None:
    """The server took it."""
    tx.run("UPDATE mail SET sent_at = ?, error = NULL, not_before = NULL WHERE id = ?", (iso(tx.now), number))
    _changed(tx, number)


def deferred(tx: Tx, number: int, error: Text, wait: timedelta) -> None:
    tx.run(
        "UPDATE mail SET attempts = attempts + 1, error = ?, not_before = ? WHERE id = ?",
        (_kept(error), iso(tx.now + wait), number),
    )
    _changed(tx, number)


def refused(tx: Tx, number: int, reason: Text) -> None:
    """It isn't tried again unless somebody asks for it (`retry`)."""
    tx.run("UPDATE mail SET attempts = attempts + 1, refused = ?, error = NULL WHERE id = ?", (_kept(reason), number))
    _changed(tx, number)


def retry(tx: Tx, number: int | None = None, *, recipient: str | None = None) -> int:
    """Try refused and waiting mails now: one, or all, or all to `recipient`; says how many. Raises `NotFound`
    if `number` isn't one of them."""
    count = tx.run(
        f"""UPDATE mail SET refused = NULL, error = NULL, not_before = NULL, attempts = 0
            WHERE ({_WAITS} OR {_LOST}) AND (id = :id OR :id IS NULL)
              AND (recipient = :recipient OR :recipient IS NULL)""",
        {"id": number, "recipient": recipient},
    ).rowcount
    if number is not None and not count:
        raise _no_such(number)
    if count:
        tx.signal(SIGNAL)
        _changed(tx, number)
    return count


def works(tx: Tx, recipient: str) -> None:
    """The server took a mail to `recipient`: what was refused for it is tried again, and everything that waits."""
    retry(tx, recipient=recipient)
    count = tx.run(f"UPDATE mail SET not_before = NULL WHERE {_WAITS} AND not_before IS NOT NULL").rowcount
    if count:
        tx.signal(SIGNAL)


def dismiss(tx: Tx, number: int | None = None) -> int:
    """Give up one waiting or refused mail, or all refused ones; says how many. Raises `NotFound` if `number` isn't one
    of them."""
    which = f"({_WAITS} OR {_LOST}) AND id = :id" if number is not None else _LOST
    count = tx.run(f"UPDATE mail SET dismissed_at = :now WHERE {which}", {"id": number, "now": iso(tx.now)}).rowcount
    if number is not None and not count:
        raise _no_such(number)
    if count:
        _changed(tx, number)
    return count


def readdress(tx: Tx, number: int, *, sender: str, recipient: str, message: bytes, chosen: bool) -> None:
    """Give an unsent mail other addresses, and try it now. `chosen`: by a person, not by the settings."""
    tx.run(
        """UPDATE mail SET sender = ?, recipient = ?, message = ?, chosen = ?, refused = NULL, error = NULL,
                           not_before = NULL, attempts = 0 WHERE id = ?""",
        (sender, recipient, message, int(chosen), number),
    )
    tx.signal(SIGNAL)
    _changed(tx, number)


def get_unsent(tx: Tx, number: int) -> Mail:
    """Raises `NotFound` if there is no waiting or refused mail of that number."""
    row = tx.one(f"SELECT * FROM mail WHERE id = ? AND ({_WAITS} OR {_LOST})", (number,))
    if row is None:
        raise _no_such(number)
    return _mail(row)


def unsent(tx: Tx, *, before: int | None = None, limit: int = 100) -> list[Mail]:
    """Refused and waiting mails, newest first; those older than the number `before`."""
    rows = tx.all(
        f"""SELECT * FROM (SELECT * FROM mail WHERE {_WAITS} UNION ALL SELECT * FROM mail WHERE {_LOST})
            WHERE ?1 IS NULL OR id < ?1 ORDER BY id DESC LIMIT ?2""",
        (before, limit),
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
        f"SELECT count(*) AS n, min(queued_at) AS oldest, max(error) AS error,"
        f" max(CASE WHEN attempts >= {STUCK} THEN error END) AS stuck FROM mail WHERE {_WAITS}"
    )
    last = tx.one("SELECT max(sent_at) AS sent_at FROM mail WHERE sent_at IS NOT NULL")
    assert waiting is not None
    lost = _lost(tx)
    return Queue(
        waiting=waiting["n"],
        oldest=_moment(waiting["oldest"]),
        refused=sum(one.count for one in lost),
        error=_text(waiting["error"]),
        stuck=_text(waiting["stuck"]),
        last_sent=_moment(last["sent_at"]) if last else None,
        lost=lost,
    )


def _lost(tx: Tx) -> list[Lost]:
    rows = tx.all(
        f"""SELECT newest.recipient, newest.refused, g.n, g.oldest
            FROM (SELECT count(*) AS n, max(id) AS id, min(queued_at) AS oldest
                  FROM mail WHERE {_LOST} GROUP BY recipient) g
            JOIN mail newest ON newest.id = g.id ORDER BY newest.recipient"""
    )
    return [
        Lost(
            recipient=row["recipient"],
            count=row["n"],
            reason=Text.from_json(from_json(row["refused"])),
            since=from_iso(row["oldest"]),
        )
        for row in rows
    ]


def prune(tx: Tx, before: datetime, *, limit: int) -> int:
    """Forget mails that were sent or dismissed, and incidents that were closed, before `before`, at most `limit` of
    each; says how many. Mails that aren't sent stay."""
    moment = iso(before)
    mails = tx.run(
        """DELETE FROM mail WHERE id IN (SELECT id FROM mail WHERE sent_at < ?1
             UNION SELECT id FROM mail WHERE dismissed_at < ?1 LIMIT ?2)""",
        (moment, limit),
    ).rowcount
    incidents = tx.run(
        "DELETE FROM incident WHERE id IN (SELECT id FROM incident WHERE closed_at < ? LIMIT ?)", (moment, limit)
    ).rowcount
    return max(mails, incidents)


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
        chosen=bool(row["chosen"]),
    )


def _changed(tx: Tx, number: int | None) -> None:
    """Whoever shows the queue sees it; without a number, several mails changed."""
    tx.emit("mail.changed", **({} if number is None else {"id": number}))


def _no_such(number: int) -> NotFound:
    return NotFound(N_("There is no unsent mail {id}.", id=number))


def _moment(text: str | None) -> datetime | None:
    return from_iso(text) if text else None


def _kept(text: Text) -> str:
    return to_json(text.as_json())


def _text(kept: str | None) -> Text | None:
    return Text.from_json(from_json(kept)) if kept is not None else None
