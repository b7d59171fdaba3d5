from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from wtpd.errors import Unavailable
from wtpd.sandbox.state import State


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[State]:
    state = await State.open(tmp_path)
    yield state
    await state.close()


def on_disk(folder: Path) -> list[tuple[str, str, bytes]]:
    """What another process would find after a kill."""
    with sqlite3.connect(f"file:{folder / 'sandbox.db'}?mode=ro", uri=True) as connection:
        return connection.execute("SELECT journal, key, value FROM records ORDER BY n").fetchall()


async def test_a_journal_comes_back_in_the_order_of_its_keys(tmp_path: Path) -> None:
    state = await State.open(tmp_path)
    journal = state.journal("partner/things")
    for key, value in (("b", b"1"), ("a", b"2"), ("c", b"3"), ("b", b"4")):
        journal.put(key, value)
    journal.drop("c")
    state.journal("partner/others").put("x", b"5")
    await state.close()
    state = await State.open(tmp_path)
    assert list(state.journal("partner/things").load()) == [("b", b"4"), ("a", b"2")]
    assert list(state.journal("partner/others").load()) == [("x", b"5")]
    assert list(state.journal("partner/new").load()) == []
    await state.close()


async def test_what_is_saved_is_on_disk(tmp_path: Path) -> None:
    state = await State.open(tmp_path)
    journal = state.journal("j")
    journal.put("a", b"1")
    await state.saved()
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("sandbox.db", "sandbox.db-wal"):
        (copy / name).write_bytes((tmp_path / name).read_bytes())
    assert on_disk(copy) == [("j", "a", b"1")]
    await state.close()


async def test_what_is_put_in_one_step_is_kept_whole(tmp_path: Path, state: State) -> None:
    journal = state.journal("j")

    async def work(number: int) -> None:
        await asyncio.sleep(0)
        journal.put(f"{number} first", b"")
        journal.put(f"{number} second", b"")
        await state.saved()

    await asyncio.gather(*(work(number) for number in range(200)))
    rows = await state.query("SELECT key FROM records ORDER BY n")
    assert len(rows) == 400
    assert all(one[:-6] == two[:-7] for (one,), (two,) in zip(rows[::2], rows[1::2], strict=True))


async def test_nobody_who_waits_is_forgotten_when_another_gives_up(state: State) -> None:
    journal = state.journal("j")
    journal.put("a", b"1")
    impatient = asyncio.create_task(state.saved())
    patient = asyncio.create_task(state.saved())
    await asyncio.sleep(0)
    impatient.cancel()
    await patient
    journal.put("b", b"2")
    await state.saved()
    assert len(await state.query("SELECT 1 FROM records")) == 2


async def test_a_second_sandbox_in_the_folder_is_refused(tmp_path: Path, state: State) -> None:
    with pytest.raises(Unavailable):
        await State.open(tmp_path)


async def test_what_cant_be_written_is_told_to_who_waits(state: State) -> None:
    state.note("INSERT INTO nowhere VALUES (1)", ())
    with pytest.raises(sqlite3.OperationalError):
        await state.saved()
    state.journal("j").put("a", b"1")
    await state.saved()
    assert len(await state.query("SELECT 1 FROM records")) == 1


async def test_what_a_partner_still_writes_after_it_was_put_back_isnt_kept(tmp_path: Path, state: State) -> None:
    """A change that was held back is told when the data before are gone already."""
    things, logins = state.journal("partner/things"), state.journal("partner/logins")
    things.put("a", b"1")
    await state.keep("partner", "copy")
    await state.put_back("partner", "copy", {"logins"})
    things.put("a", b"2")
    things.drop("a")
    logins.put("b", b"3")
    anew = state.journal("partner/things")
    anew.put("c", b"4")
    await state.put_back("partner", None, {"things", "logins"})
    assert list(state.journal("partner/things").load()) == [("a", b"1"), ("c", b"4")]
    assert list(state.journal("partner/logins").load()) == [("b", b"3")]
