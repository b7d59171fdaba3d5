"""A damaged database: it is noticed, told as the worst there is, and never ends in a traceback."""

from __future__ import annotations

import asyncio
import logging
import random
import shutil
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import OFFLINE, RunningDaemon, config_text, running_daemon
from wtpd.clock import SystemClock
from wtpd.daemon.integrity import Integrity
from wtpd.errors import Unavailable, WtpdError
from wtpd.store.damage import Damaged
from wtpd.store.database import Database

TEXT = config_text(sites={"rostock": None}, more=OFFLINE)
PLACES = (
    "/v1/status", "/v1/health", "/v1/appointments?limit=200", "/v1/customers?q=m", "/v1/attention", "/v1/mail",
    "/v1/reception?site=rostock&from=2027-03-01&to=2027-03-31", "/v1/credentials", "/v1/connectors", "/v1/trace?q=HRO",
)  # fmt: skip


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a daemon that has some hundred appointments."""
    folder = tmp_path_factory.mktemp("original")

    async def fill() -> None:
        async with running_daemon(folder, TEXT) as daemon:
            for number in range(40):
                customer = (
                    await daemon.http.post("/v1/customers", {"last_name": f"Müller {number}", "city": "Güstrow"})
                ).json
                made = await daemon.http.post(
                    "/v1/appointments?allow_over_limit=true",  # some of those days are closed
                    {
                        "site": "rostock",
                        "department": "Karosserie",
                        "drop_off": f"2027-03-{number % 28 + 1:02}T07:00:00Z",
                        "collection": f"2027-03-{number % 28 + 1:02}T15:00:00Z",
                        "customer_id": customer["id"],
                        "notes": "Grüße aus Güstrow " * 20,
                    },
                )
                assert made.status == 201, made.json

    asyncio.run(fill())
    con = sqlite3.connect(folder / "data" / "wtpd.db")
    con.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    con.close()
    return folder


def copied(original: Path, folder: Path) -> Path:
    shutil.copytree(original, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sock"))
    return folder / "data" / "wtpd.db"


def flip(database: Path, count: int, chance: random.Random, start: int = 100) -> None:
    data = bytearray(database.read_bytes())
    for _ in range(count):
        data[chance.randrange(start, len(data))] = chance.randrange(256)
    database.write_bytes(data)


def spoil(database: Path, sql: str) -> None:
    """Change a row behind wtpd's back."""
    con = sqlite3.connect(database)
    con.execute("PRAGMA ignore_check_constraints=ON")
    for (trigger,) in con.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        con.execute(f'DROP TRIGGER "{trigger}"')
    con.execute(sql)
    con.commit()
    con.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    con.close()


async def ask_everything(daemon: RunningDaemon, caplog: pytest.LogCaptureFixture) -> None:
    for place in PLACES:
        reply = await daemon.http.get(place, accept_language="de")
        assert reply.status in (200, 503), (place, reply.status, reply.json)
        if reply.status == 503:
            assert "beschädigt" in reply.json["detail"], reply.json
    status = await daemon.http.get("/v1/status")
    assert status.status == 200, "the one answer that always comes"


def no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    for record in caplog.records:
        assert record.exc_info is None or record.exc_info[0] is None, record.getMessage() + str(record.exc_info)


@pytest.mark.parametrize("seed", range(12))
async def test_random_bytes_at_the_start_end_in_a_sentence_or_are_told(
    original: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, seed: int
) -> None:
    chance = random.Random(seed)
    database = copied(original, tmp_path)
    flip(database, chance.choice([5, 50, 400, 3000]), chance)
    with caplog.at_level(logging.INFO):
        try:
            async with running_daemon(tmp_path, "") as daemon:
                assert daemon.daemon.parts is not None
                await daemon.daemon.parts.integrity.check()
                await ask_everything(daemon, caplog)
                found = daemon.daemon.parts.integrity.damage
                problems = await daemon.problems()
                if found is not None:
                    assert problems[0]["kind"] == "damage"
                    assert str(tmp_path / "data") in problems[0]["next_step"]
        except WtpdError as refused:
            assert isinstance(refused, Unavailable)
            assert str(refused.text)
    no_traceback(caplog)


@pytest.mark.parametrize("seed", range(4))
async def test_random_bytes_while_it_runs_are_told(
    original: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, seed: int
) -> None:
    database = copied(original, tmp_path)
    with caplog.at_level(logging.INFO):
        async with running_daemon(tmp_path, "") as daemon:
            assert daemon.daemon.parts is not None
            flip(database, 2000, random.Random(seed), start=8192)
            await daemon.daemon.parts.integrity.check()
            await ask_everything(daemon, caplog)
            assert (await daemon.problems())[0]["kind"] == "damage"
    no_traceback(caplog)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE appointment SET notes = CAST(x'ff41' AS TEXT)",
        "UPDATE appointment SET drop_off = '2027-13-01T07:00:00Z'",
        "UPDATE appointment SET drop_off = 'yesterday'",
        "UPDATE appointment SET interventions = '[{'",
        "UPDATE appointment SET id = CAST(x'ff' || substr(id, 2) AS TEXT)",
    ],
)
async def test_rows_that_cant_be_read_are_told_as_damage(
    original: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, change: str
) -> None:
    spoil(copied(original, tmp_path), f"{change} WHERE rowid IN (SELECT rowid FROM appointment LIMIT 3)")
    with caplog.at_level(logging.INFO):
        async with running_daemon(tmp_path, "") as daemon:
            reply = await daemon.http.get("/v1/appointments?limit=200", accept_language="en")
            assert (reply.status, reply.json["detail"]) == (
                503, "The database is damaged: this can't be read. What to do: wtpd status",
            )  # fmt: skip
            assert (await daemon.problems())[0]["kind"] == "damage"
            assert (await daemon.http.get("/v1/customers?q=m")).status == 200, "what can be read is"
    no_traceback(caplog)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    db = await Database.open(tmp_path / "wtpd.db")
    yield db
    await db.close()


async def test_an_unclean_end_is_known_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "wtpd.db"
    first = await Database.open(path)
    assert not first.ended_uncleanly
    await first.close()
    second = await Database.open(path)
    assert not second.ended_uncleanly, "the first one was closed"
    second._lock.release()  # as after a kill: the file is let go of by the kernel
    third = await Database.open(path)
    assert third.ended_uncleanly
    await third.close()


async def test_after_damage_the_end_is_no_clean_one(tmp_path: Path) -> None:
    path = tmp_path / "wtpd.db"
    db = await Database.open(path)

    def damaged(tx: Any) -> None:
        raise Damaged("x")

    with pytest.raises(Damaged):
        await db.read(damaged)
    await db.close()
    again = await Database.open(path)
    assert again.ended_uncleanly, "so it is checked at the next start"
    await again.close()


async def test_it_is_checked_each_night_and_well_again_when_it_is(db: Database) -> None:
    clock = SystemClock()
    changes: list[bool] = []
    integrity = Integrity(db, clock, zone=lambda: "Europe/Berlin", on_change=lambda: changes.append(True))
    night = integrity._next_night()
    assert (night.hour, night.minute) == (2, 40)
    assert timedelta(0) < night - clock.now() <= timedelta(days=1)
    db.on_damage("a row")
    assert integrity.damage is not None
    await integrity.check(nightly=False)
    assert integrity.damage is not None, "a check sees less than a reader"
    await integrity.check()
    assert integrity.damage is None
    assert changes == [True, True]
