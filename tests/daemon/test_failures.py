"""Whatever goes wrong with one thing in a loop of the daemon: the others go on, and status says it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import OFFLINE, config_text, running_daemon
from tests.support.hand_clock import HandClock
from tests.support.partners import KNOWN
from wtpd.clock import SystemClock
from wtpd.config.model import Retention
from wtpd.daemon.credentials.store_state import StoreState
from wtpd.daemon.failures import Failures
from wtpd.daemon.health import Health
from wtpd.daemon.housekeeping import Housekeeping
from wtpd.errors import Unavailable
from wtpd.secrets.keys import KeyFiles
from wtpd.store.database import Database, Tx
from wtpd.store.vault import Vault
from wtpd.texts import N_


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    db = await Database.open(tmp_path / "wtpd.db")
    yield db
    await db.close()


def names(failures: Failures) -> list[str]:
    return [str(one.what) for one in failures.open]


async def test_a_failure_is_told_once_until_it_succeeds() -> None:
    clock, changes = HandClock(), list[int]()
    failures = Failures(clock, lambda: changes.append(1))
    began = clock.now()
    failures.failed("x", N_("Watching the disk"), RuntimeError("secret"))
    clock.advance(60)
    failures.failed("x", N_("Watching the disk"), Unavailable(N_("The service is stopping.")))
    (one,) = failures.open
    assert (one.since, str(one.reason)) == (began, "The service is stopping.")
    failures.succeeded("x")
    failures.succeeded("x")
    assert not failures.open
    assert len(changes) == 2


async def test_one_kind_that_cant_be_deleted_doesnt_keep_the_others(db: Database) -> None:
    await db.write(lambda tx: tx.run("DROP TABLE run"))
    await db.write(
        lambda tx: tx.run(
            "INSERT INTO mail (message_id, site, sender, recipient, message, queued_at, sent_at)"
            " VALUES ('1', 'x', 'a', 'b', x'', '2020-01-01T00:00:00Z', '2020-01-01T00:00:00Z')"
        )
    )
    failures = Failures(SystemClock())
    gone = await Housekeeping(db, Retention, SystemClock(), failures).tidy()
    assert gone["mails"] == 1
    assert names(failures) == ["Deleting old records"]


async def test_the_disk_that_cant_be_watched_doesnt_keep_the_clock(tmp_path: Path) -> None:
    def broken(path: Path) -> int:
        raise RuntimeError("odd file system")

    clock = HandClock()
    failures = Failures(clock)
    health = Health(tmp_path, clock, free_of=broken, failures=failures)
    await health.look()
    assert names(failures) == ["Watching the disk"]
    clock._now += timedelta(hours=1)  # without the monotonic one
    await health.look()
    assert health.clock_jumped_at is not None


async def test_the_watch_of_the_credentials_outlives_any_error(db: Database, tmp_path: Path) -> None:
    clock = HandClock()
    failures = Failures(clock)
    holdings = StoreState(db, Vault(KeyFiles(tmp_path / "wtpd.key"), KNOWN), clock, failures)
    await holdings.begin()
    holdings.key_lost = N_("x")  # so that it looks
    odd = True

    class Odd:
        """A vault that fails once."""

        def __getattr__(self, name: str) -> Any:
            if odd:
                raise RuntimeError("odd")
            return getattr(Vault(KeyFiles(tmp_path / "wtpd.key"), KNOWN), name)

    holdings._vault = Odd()  # type: ignore[assignment]
    task = asyncio.create_task(holdings.watch(lambda: None))
    while not failures.open:
        clock.advance(61)
        await asyncio.sleep(0.01)
    odd = False
    while failures.open:
        clock.advance(61)
        await asyncio.sleep(0.01)
    assert not task.done()
    task.cancel()


async def test_a_failure_is_a_problem_in_status(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text(sites={"rostock": None}, more=OFFLINE)) as daemon:
        assert daemon.daemon.parts is not None
        failures = daemon.daemon.parts.failures
        failures.failed("x", N_("Watching the disk"), RuntimeError("x"))
        (problem,) = await daemon.problems()
        assert problem["text"] == "Watching the disk: wtpd stumbled over an error of its own (RuntimeError)"
        assert "journalctl" in problem["next_step"]
        failures.succeeded("x")
        assert await daemon.problems() == []


async def test_a_database_that_answers_badly_ends_neither_status_text_nor_watchdog(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text(sites={"rostock": None}, more=OFFLINE)) as daemon:
        parts, reporter = daemon.daemon.parts, daemon.daemon._reporter
        assert parts is not None
        assert reporter is not None

        def broken(tx: Tx) -> datetime:
            raise RuntimeError("odd")

        parts.status._kept = broken  # type: ignore[assignment, method-assign]
        await reporter.look()
        assert names(parts.failures) == ["The status text for systemd"]
        assert not daemon.task.done()
