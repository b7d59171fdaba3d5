"""Queries to vehicle data sources: their answers, kept for a while since each may cost money, and how often each VIN or
plate was asked about."""

from __future__ import annotations

import json
import zlib
from datetime import date, datetime, timedelta
from sqlite3 import Row

from wtpd.clock import iso
from wtpd.store import messages
from wtpd.store.damage import from_iso
from wtpd.store.database import Database, Tx
from wtpd.texts import Text
from wtpd.vehicle_data.ports import Asked, Outcome
from wtpd.vehicle_data.records import Chosen, Kept, Question, Unread

_SAME = "source = ? AND subject = ? AND restriction = ? AND locale = ?"


class StoredAnswers:
    """The store's side of `wtpd.vehicle_data.ports.Answers`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def kept(self, question: Question, since: datetime) -> Kept | None:
        return await self._db.read(lambda tx: find(tx, question, since))

    async def keep(self, question: Question, text: str) -> None:
        await self._db.write(lambda tx: put(tx, question, text))

    async def unread(self, question: Question, since: datetime) -> Unread | None:
        return await self._db.read(lambda tx: find_unread(tx, question, since))

    async def keep_unread(self, question: Question, reason: str, charset: str | None, content: bytes) -> None:
        await self._db.write(lambda tx: put_unread(tx, question, reason, charset, content))

    async def count(self, source: str, subject: str, day: date, limit: int) -> int | None:
        return await self._db.write(lambda tx: count(tx, source, subject, day, limit))

    async def told(self, source: str, asked: Asked, subject: str, outcome: Outcome, reason: Text | str) -> None:
        await self._db.write(lambda tx: messages.put_question(tx, source, asked, subject, outcome, reason))

    async def counted(self, source: str, subject: str, day: date) -> int:
        return await self._db.read(lambda tx: counted(tx, source, subject, day))


def find(tx: Tx, question: Question, since: datetime) -> Kept | None:
    """The answer, if it isn't older than `since`."""
    row = tx.one(f"SELECT at, answer FROM vehicle_answer WHERE {_SAME} AND at >= ?", (*_key(question), iso(since)))
    return None if row is None else Kept(from_iso(row["at"]), row["answer"])


def put(tx: Tx, question: Question, text: str) -> None:
    """Keep an answer in the place of the one before."""
    _forget_unread(tx, question)
    tx.run(
        """INSERT INTO vehicle_answer (source, subject, restriction, locale, at, answer) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT (source, subject, restriction, locale)
           DO UPDATE SET at = excluded.at, answer = excluded.answer""",
        (*_key(question), iso(tx.now), text),
    )


def find_unread(tx: Tx, question: Question, since: datetime) -> Unread | None:
    """The answer that couldn't be read, if it isn't older than `since`."""
    row = tx.one(
        f"SELECT at, reason, charset, content FROM vehicle_answer_unread WHERE {_SAME} AND at >= ?",
        (*_key(question), iso(since)),
    )
    if row is None:
        return None
    return Unread(from_iso(row["at"]), row["reason"], row["charset"], zlib.decompress(row["content"]))


def put_unread(tx: Tx, question: Question, reason: str, charset: str | None, content: bytes) -> None:
    """Keep an answer that can't be read as it came."""
    _forget_unread(tx, question)
    tx.run(
        """INSERT INTO vehicle_answer_unread (source, subject, restriction, locale, at, reason, charset, content)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
        (*_key(question), iso(tx.now), reason, charset, zlib.compress(content, 1)),
    )


def _forget_unread(tx: Tx, question: Question) -> None:
    tx.run(f"DELETE FROM vehicle_answer_unread WHERE {_SAME}", _key(question))


def _key(question: Question) -> tuple[str, str, str, str]:
    return question.source, question.subject, question.restriction, question.locale


def count(tx: Tx, source: str, subject: str, day: date, limit: int) -> int | None:
    """One more query on that day: how many it is now; None if there were `limit` already."""
    row = tx.one(
        """INSERT INTO vehicle_query_count (day, source, subject, count) VALUES (?, ?, ?, 1)
           ON CONFLICT (day, source, subject) DO UPDATE SET count = count + 1 WHERE count < ?
           RETURNING count""",
        (day.isoformat(), source, subject, limit),
    )
    return None if row is None else int(row["count"])


def counted(tx: Tx, source: str, subject: str, day: date) -> int:
    row = tx.one(
        "SELECT count FROM vehicle_query_count WHERE day = ? AND source = ? AND subject = ?",
        (day.isoformat(), source, subject),
    )
    return 0 if row is None else int(row["count"])


def choose(tx: Tx, chosen: Chosen) -> None:
    """Keep what a vehicle is at a source."""
    tx.run(
        "REPLACE INTO vehicle_identification VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            chosen.vehicle_id, chosen.source, chosen.vin, chosen.code, chosen.extras, json.dumps(chosen.reference),
            iso(chosen.at), chosen.actor,
        ),
    )  # fmt: skip


def chosen(tx: Tx, vehicle_id: str, source: str | None = None) -> Chosen | None:
    """What a vehicle is at the source, or at the one where it was identified last."""
    row = tx.one(
        """SELECT * FROM vehicle_identification WHERE vehicle_id = ? AND (? IS NULL OR source = ?)
           ORDER BY at DESC, source LIMIT 1""",
        (vehicle_id, source, source),
    )
    return None if row is None else _chosen(row)


def prune(tx: Tx, before: datetime) -> int:
    """Forget answers older than `before`, and the counts of days that are over; how many answers went."""
    yesterday = (tx.now - timedelta(days=2)).date()  # in any time zone
    tx.run("DELETE FROM vehicle_query_count WHERE day < ?", (yesterday.isoformat(),))
    tx.run("DELETE FROM vehicle_answer_unread WHERE at < ?", (iso(before),))
    return tx.run("DELETE FROM vehicle_answer WHERE at < ?", (iso(before),)).rowcount


def _chosen(row: Row) -> Chosen:
    values = {name: row[name] for name in ("vehicle_id", "source", "vin", "code", "extras", "actor")}
    return Chosen(**values, at=from_iso(row["at"]), reference=json.loads(row["reference"]))
