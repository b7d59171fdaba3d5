"""History, events and idempotency keys."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.bookkeeping import DESK, NOW, Dealership, draft
from wtpd.errors import KeyReused
from wtpd.planner.history import Change
from wtpd.store import events, history, idempotency
from wtpd.store.database import Tx
from wtpd.store.idempotency import Answer

FIRST = Answer(201, {"etag": '"1"', "location": "/v1/appointments/x"}, b'{"id":"x"}')


async def test_a_repeated_request_is_answered_as_the_first_was(dealership: Dealership) -> None:
    await dealership.do(lambda tx: idempotency.put(tx, "maria", "k1", "hash", FIRST))
    assert await dealership.see(lambda tx: idempotency.get(tx, "maria", "k1", "hash")) == FIRST
    assert await dealership.see(lambda tx: idempotency.get(tx, "another caller", "k1", "hash")) is None
    assert await dealership.see(lambda tx: idempotency.get(tx, "maria", "k2", "hash")) is None


async def test_a_key_with_another_request_is_refused(dealership: Dealership) -> None:
    await dealership.do(lambda tx: idempotency.put(tx, "maria", "k1", "hash", FIRST))
    with pytest.raises(KeyReused):
        await dealership.see(lambda tx: idempotency.get(tx, "maria", "k1", "other"))


async def test_old_keys_are_forgotten(dealership: Dealership) -> None:
    await dealership.do(lambda tx: idempotency.put(tx, "maria", "old", "hash", FIRST))
    dealership.clock.at += timedelta(days=31)
    await dealership.do(lambda tx: idempotency.put(tx, "maria", "new", "hash", FIRST))
    assert await dealership.do(lambda tx: idempotency.prune(tx, tx.now - timedelta(days=30))) == 1
    assert await dealership.see(lambda tx: idempotency.get(tx, "maria", "old", "hash")) is None
    assert await dealership.see(lambda tx: idempotency.get(tx, "maria", "new", "hash")) == FIRST


async def test_the_event_stream_goes_on_where_somebody_left_it(dealership: Dealership) -> None:
    before = (await dealership.see(events.bounds))[1]
    for number in range(5):
        await dealership.do(lambda tx, n=number: tx.emit("note", number=n))
    rest = await dealership.see(lambda tx: events.since(tx, before + 2))
    assert [event.data["number"] for event in rest] == [2, 3, 4]
    assert [event.seq for event in rest] == [before + 3, before + 4, before + 5]
    assert len(await dealership.see(lambda tx: events.since(tx, before, limit=2))) == 2


async def test_pruning_keeps_the_numbers_going_on(dealership: Dealership) -> None:
    await dealership.do(lambda tx: tx.emit("old"))
    newest = (await dealership.see(events.bounds))[1]
    dealership.clock.at += timedelta(days=8)
    await dealership.do(lambda tx: events.prune(tx, tx.now - timedelta(days=7)))
    assert await dealership.see(lambda tx: events.since(tx, 0)) == []
    assert await dealership.see(events.bounds) == (newest, newest)
    await dealership.do(lambda tx: tx.emit("new"))
    assert await dealership.see(events.bounds) == (newest + 1, newest + 1)


async def test_history_says_who_when_and_what(dealership: Dealership) -> None:
    made = await dealership.do(lambda tx: dealership.book.create(tx, draft(notes="alt"), author=DESK))
    await dealership.do(
        lambda tx: dealership.book.change(tx, made.id, {"notes": "neu"}, author=DESK, expected_version=1)
    )
    first, second = await dealership.see(lambda tx: history.of(tx, made.id))
    assert (first.action, first.version, first.changes["notes"]) == ("created", 1, Change(None, "alt"))
    assert (second.action, second.version, second.changes) == ("changed", 2, {"notes": Change("alt", "neu")})
    assert (second.actor, second.channel, second.at) == ("maria", "desk", NOW)
    assert await dealership.see(lambda tx: history.page(tx, after=first.id)) == [second]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM history",
        "UPDATE history SET changes = '{}'",
        "UPDATE history SET actor = 'somebody else'",
        "UPDATE OR IGNORE history SET version = version + 1",
        "REPLACE INTO history SELECT id, appointment_id, at, 'x', channel, action, version, '{}', undoes FROM history",
    ],
)
async def test_history_cant_be_changed(dealership: Dealership, tmp_path: Path, sql: str) -> None:
    """Not by us, and not by another program with its own settings."""
    made = await dealership.do(lambda tx: dealership.book.create(tx, draft(), author=DESK))
    before = await dealership.see(lambda tx: history.of(tx, made.id))

    def work(tx: Tx) -> None:
        tx.run(sql)

    with pytest.raises(sqlite3.IntegrityError):
        await dealership.do(work)
    other = sqlite3.connect(tmp_path / "book.db", isolation_level=None)
    with pytest.raises(sqlite3.IntegrityError):
        other.execute(sql)
    other.close()
    assert await dealership.see(lambda tx: history.of(tx, made.id)) == before
