"""VIN queries: their answers, kept for a while because each costs money, and how often each VIN was asked for."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from sqlite3 import Row

from wtpd.clock import iso
from wtpd.store.damage import from_iso
from wtpd.store.database import Tx


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked: equal questions have equal answers. `locale`: of the texts, and whose data."""

    vin: str
    restriction: str
    locale: str


@dataclass(frozen=True, slots=True)
class Answer:
    """`text` is JSON, as the caller gave it."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Unread:
    """An answer that was paid for and couldn't be read, for `reason`. `content` is empty where it was too large."""

    at: datetime
    reason: str
    charset: str | None
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What a vehicle of the book is at DAT; it counts as long as the vehicle has this VIN. `extras`: DAT's numbers of
    its special equipment; None where they aren't known."""

    vehicle_id: str
    vin: str
    datecode: str
    container: str
    construction_time: int | None
    at: datetime
    actor: str
    extras: tuple[int, ...] | None = None


def find(tx: Tx, question: Question, since: datetime) -> Answer | None:
    """The answer, if it isn't older than `since`."""
    row = tx.one(
        "SELECT at, answer FROM identification WHERE vin = ? AND restriction = ? AND locale = ? AND at >= ?",
        (question.vin, question.restriction, question.locale, iso(since)),
    )
    return None if row is None else Answer(from_iso(row["at"]), row["answer"])


def put(tx: Tx, question: Question, text: str) -> None:
    """Keep an answer in the place of the one before."""
    _forget_unread(tx, question)
    tx.run(
        """INSERT INTO identification (vin, restriction, locale, at, answer) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (vin, restriction, locale) DO UPDATE SET at = excluded.at, answer = excluded.answer""",
        (question.vin, question.restriction, question.locale, iso(tx.now), text),
    )


def find_unread(tx: Tx, question: Question, since: datetime) -> Unread | None:
    """The answer that couldn't be read, if it isn't older than `since`."""
    row = tx.one(
        """SELECT at, reason, charset, content FROM identification_unread
           WHERE vin = ? AND restriction = ? AND locale = ? AND at >= ?""",
        (question.vin, question.restriction, question.locale, iso(since)),
    )
    if row is None:
        return None
    return Unread(from_iso(row["at"]), row["reason"], row["charset"], zlib.decompress(row["content"]))


def put_unread(tx: Tx, question: Question, reason: str, charset: str | None, content: bytes) -> None:
    """Keep an answer that can't be read as it came."""
    _forget_unread(tx, question)
    tx.run(
        """INSERT INTO identification_unread (vin, restriction, locale, at, reason, charset, content)
           VALUES (?, ?, ?, ?, ?, ?, ?)""",
        (
            question.vin, question.restriction, question.locale, iso(tx.now), reason, charset,
            zlib.compress(content, 1),
        ),
    )  # fmt: skip


def _forget_unread(tx: Tx, question: Question) -> None:
    tx.run(
        "DELETE FROM identification_unread WHERE vin = ? AND restriction = ? AND locale = ?",
        (question.vin, question.restriction, question.locale),
    )


def count(tx: Tx, vin: str, day: date, limit: int) -> int | None:
    """One more query of the VIN on that day: how many it is now; None if there were `limit` already."""
    row = tx.one(
        """INSERT INTO identification_count (day, vin, count) VALUES (?, ?, 1)
           ON CONFLICT (day, vin) DO UPDATE SET count = count + 1 WHERE count < ?
           RETURNING count""",
        (day.isoformat(), vin, limit),
    )
    return None if row is None else int(row["count"])


def counted(tx: Tx, vin: str, day: date) -> int:
    row = tx.one("SELECT count FROM identification_count WHERE day = ? AND vin = ?", (day.isoformat(), vin))
    return 0 if row is None else int(row["count"])


def choose(tx: Tx, chosen: Chosen) -> None:
    """Keep what a vehicle is."""
    tx.run(
        "REPLACE INTO vehicle_identification VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            chosen.vehicle_id, chosen.vin, chosen.datecode, chosen.container, chosen.construction_time,
            iso(chosen.at), chosen.actor, None if chosen.extras is None else json.dumps(chosen.extras),
        ),
    )  # fmt: skip


def chosen(tx: Tx, vehicle_id: str) -> Chosen | None:
    row = tx.one("SELECT * FROM vehicle_identification WHERE vehicle_id = ?", (vehicle_id,))
    return None if row is None else _chosen(row)


def prune(tx: Tx, before: datetime) -> int:
    """Forget answers older than `before`, and the counts of days that are over; how many answers went."""
    yesterday = (tx.now - timedelta(days=2)).date()  # in any time zone
    tx.run("DELETE FROM identification_count WHERE day < ?", (yesterday.isoformat(),))
    tx.run("DELETE FROM identification_unread WHERE at < ?", (iso(before),))
    return tx.run("DELETE FROM identification WHERE at < ?", (iso(before),)).rowcount


def _chosen(row: Row) -> Chosen:
    values = {name: row[name] for name in ("vehicle_id", "vin", "datecode", "container", "construction_time", "actor")}
    extras = None if row["extras"] is None else tuple(json.loads(row["extras"]))
    return Chosen(**values, at=from_iso(row["at"]), extras=extras)
