"""What is forgotten and when, and what the box notices about itself."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wtpd.channel.spec import ChannelSpec
from wtpd.clock import iso, iso_exact
from wtpd.config.model import Retention
from wtpd.daemon.health import Health
from wtpd.daemon.housekeeping import Housekeeping
from wtpd.store import channels, idempotency
from wtpd.store.database import Database, Tx
from wtpd.store.idempotency import Answer
from wtpd.store.inbox import Inbox
from wtpd.store.messages import Messages
from wtpd.sync.ports import Taken, Unreadable

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Hands:
    """A clock that is moved by hand; sleeping moves it, too."""

    def __init__(self) -> None:
        self.wall = NOW
        self.ticks = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.ticks

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if len(self.slept) > 3:
            raise asyncio.CancelledError
        self.go(seconds)

    def go(self, seconds: float, *, jump: float = 0) -> None:
        self.wall += timedelta(seconds=seconds + jump)
        self.ticks += seconds


def _fill(tx: Tx) -> None:
    for days in (1, 10, 40, 100):
        at = NOW - timedelta(days=days)
        tx.run("INSERT INTO event (at, kind, data) VALUES (?, 'x', '{}')", (iso_exact(at),))
        tx.run(
            "INSERT INTO run (channel, trigger, started_at, ended_at) VALUES ('c/s', 'feed', ?, ?)", (iso(at), iso(at))
        )
        tx.now = at
        item = Unreadable(partner_id="A-1", reason="-", raw={})
        Messages(tx).received("c/s", item, Taken(decision="none"))
        idempotency.put(tx, "0", f"key {days}", "-", Answer(200, {}, b""))


async def _left(db: Database) -> dict[str, int]:
    def count(tx: Tx) -> dict[str, int]:
        return {
            name: tx.all(f"SELECT count(*) FROM {name}")[0][0] for name in ("event", "run", "idempotency", "message")
        }

    return await db.read(count)


async def test_decided_messages_of_the_quarantine_go_waiting_ones_stay(tmp_path: Path) -> None:
    db = await Database.open(tmp_path / "wtpd.db")

    def fill(tx: Tx) -> None:
        channels.put(tx, ChannelSpec(id="c/s", connector="c", site="s", department="Werkstatt", account="1", actor="C"))
        tx.now = NOW - timedelta(days=40)
        kept = Inbox(tx)
        for number, state in enumerate(("waits", "applied", "discarded"), start=1):
            row = kept.quarantine("c/s", "1", Unreadable(partner_id=f"A-{number}", reason="-", raw={}), "-")
            if state != "waits":
                kept.close(row, "applied" if state == "applied" else "discarded", by="maria")

    await db.write(fill)
    gone = await Housekeeping(db, Retention, Hands()).tidy()
    assert gone["decided_messages"] == 2
    left = await db.read(lambda tx: [row["partner_id"] for row in tx.all("SELECT partner_id FROM inbox")])
    assert left == ["A-1"]
    await db.close()


async def test_what_is_older_than_it_is_kept_for_goes(tmp_path: Path) -> None:
    db = await Database.open(tmp_path / "wtpd.db")
    await db.write(_fill)
    house = Housekeeping(db, lambda: Retention(runs=90, events=7, idempotency_keys=30, messages=5), Hands())
    gone = await house.tidy()
    assert gone.items() >= {"runs": 1, "events": 3, "idempotency_keys": 2, "messages": 3}.items()
    assert await _left(db) == {"event": 1, "run": 3, "idempotency": 2, "message": 1}
    await db.close()


async def test_it_is_done_once_a_day_and_a_failure_does_not_end_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    db = await Database.open(tmp_path / "wtpd.db")
    await db.close()
    clock = Hands()
    with pytest.raises(asyncio.CancelledError):
        await Housekeeping(db, Retention, clock).run()
    assert clock.slept[1:] == [86400.0] * 3
    assert "housekeeping: runs: failed" in caplog.text


async def test_a_full_disk_is_noticed_and_its_end_too(tmp_path: Path) -> None:
    free = 300 << 20
    changes: list[bool] = []
    health = Health(tmp_path, Hands(), free_of=lambda path: free, on_change=lambda: changes.append(True))
    await health.look()
    assert health.refusal is None
    free = 199 << 20
    await health.look()
    assert health.refusal is not None
    assert "199 MB" in str(health.refusal)
    free = 210 << 20
    await health.look()
    assert health.refusal is not None, "it doesn't flap"
    free = 251 << 20
    await health.look()
    assert health.refusal is None
    assert len(changes) == 2


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
async def test_a_jump_of_the_clock_is_noticed(tmp_path: Path, jump: float) -> None:
    clock = Hands()
    health = Health(tmp_path, clock)
    clock.go(30)
    await health.look()
    assert health.clock_jumped_at is None
    clock.go(30, jump=jump)
    await health.look()
    assert round(health.clock_jump) == jump
    assert health.clock_jumped_at == clock.now()
