"""The one file: durable, shared commits, and what people are told when the disk or the file is in trouble."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from wtpd.errors import Unavailable
from wtpd.store import events
from wtpd.store.database import BATCH, Database, Tx


def note(tx: Tx, kind: str = "note", **data: object) -> int:
    tx.emit(kind, **data)
    return tx.events[-1].seq


def kinds(tx: Tx) -> list[str]:
    return [event.kind for event in events.since(tx, 0)]


@pytest.fixture
async def database(tmp_path: Path):
    opened = await Database.open(tmp_path / "book.db")
    yield opened
    await opened.close()


async def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    first = await Database.open(tmp_path / "book.db")
    await first.write(lambda tx: note(tx, "kept"))
    await first.close()
    second = await Database.open(tmp_path / "book.db")
    assert await second.read(kinds) == ["kept"]
    await second.close()


def temporary_files_while_writing(tx: Tx) -> list[str]:
    """Paths of SQLite's temporary files that are open while a large savepoint is: deleted already, held only."""
    data = "x" * 2000
    for number in range(200):
        note(tx, "large", number=number, data=data)
    tx.run("SAVEPOINT larger")
    tx.run("UPDATE event SET data = replace(data, 'x', 'y')")
    links = [os.readlink(link) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    tx.run("RELEASE larger")
    return [link for link in links if "etilqs_" in link]


@pytest.mark.parametrize("name", ["data", "O'Brien data"])
async def test_temporary_files_lie_beside_the_database(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/tmp may be a small file system in memory: that it is full must not stop the book."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    (tmp_path / name).mkdir()
    database = await Database.open(tmp_path / name / "book.db")
    found = await database.write(temporary_files_while_writing)
    await database.close()
    assert found
    assert {str(Path(link).parent) for link in found} == {str(tmp_path / name)}


async def test_a_reader_sees_every_write_that_has_returned(database: Database) -> None:
    for number in range(20):
        await database.write(lambda tx, number=number: note(tx, f"n{number}"))
        assert len(await database.read(kinds)) == number + 1


async def test_a_write_that_fails_is_undone_alone(database: Database) -> None:
    def half(tx: Tx) -> None:
        note(tx, "half")
        raise ValueError("not this one")

    results = await asyncio.gather(
        database.write(lambda tx: note(tx, "before")),
        database.write(half),
        database.write(lambda tx: note(tx, "after")),
        return_exceptions=True,
    )
    assert isinstance(results[1], ValueError)
    assert await database.read(kinds) == ["before", "after"]


async def test_writes_that_wait_at_the_same_time_share_a_commit(database: Database) -> None:
    heard: list[int] = []
    database.listeners.append(lambda told, _: heard.append(len(told)))
    await asyncio.gather(*(database.write(note) for _ in range(BATCH + 10)))
    assert heard == [BATCH, 10]


async def test_a_caller_who_leaves_before_its_turn_takes_the_write_back(database: Database) -> None:
    begun, go = threading.Event(), threading.Event()

    def slow(tx: Tx) -> None:
        begun.set()
        go.wait(10)

    first = asyncio.create_task(database.write(slow))
    await asyncio.to_thread(begun.wait, 10)
    second = asyncio.create_task(database.write(lambda tx: note(tx, "gone")))
    third = asyncio.create_task(database.write(lambda tx: note(tx, "stays")))
    await asyncio.sleep(0)
    second.cancel()
    go.set()
    await asyncio.gather(first, third)
    assert await database.read(kinds) == ["stays"]


async def test_a_caller_who_leaves_during_its_write_disturbs_nobody(database: Database) -> None:
    begun, go = threading.Event(), threading.Event()

    def slow(tx: Tx) -> None:
        begun.set()
        go.wait(10)
        note(tx, "done all the same")

    first = asyncio.create_task(database.write(slow))
    await asyncio.to_thread(begun.wait, 10)
    first.cancel()
    go.set()
    await database.write(lambda tx: note(tx, "next"))
    assert await database.read(kinds) == ["done all the same", "next"]


async def test_readers_dont_wait_for_a_writer_nor_for_a_slow_reader(database: Database) -> None:
    go = threading.Event()
    writing = asyncio.create_task(database.write(lambda tx: go.wait(10)))
    reading = asyncio.create_task(database.read(lambda tx: go.wait(10)))
    await asyncio.sleep(0)
    for _ in range(5):
        assert await asyncio.wait_for(database.read(kinds), 5) == []
    go.set()
    await asyncio.gather(writing, reading)


async def test_a_reader_cant_write(database: Database) -> None:
    with pytest.raises(Unavailable, match="can't be written"):
        await database.read(note)


async def test_events_and_signals_are_told_after_the_commit_only(database: Database) -> None:
    heard: list[tuple[list[str], frozenset[str]]] = []
    database.listeners.append(lambda told, signals: heard.append(([event.kind for event in told], signals)))

    def fail(tx: Tx) -> None:
        note(tx, "never")
        tx.signal("never")
        raise ValueError

    def succeed(tx: Tx) -> None:
        note(tx, "told")
        tx.signal("wake")

    with pytest.raises(ValueError):
        await database.write(fail)
    await database.write(succeed)
    assert heard == [(["told"], frozenset({"wake"}))]


async def test_a_listener_that_fails_stops_nobody(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[int] = []

    def fail(told: object, signals: object) -> None:
        raise RuntimeError("listener")

    database.listeners += [fail, lambda told, _: heard.append(len(told))]
    await database.write(note)
    await database.write(note)
    assert heard == [1, 1]
    assert "a listener of the database failed" in caplog.text


async def test_what_is_done_at_commit_is_done_once_for_all(database: Database) -> None:
    calls: list[set[str]] = []

    def finish(tx: Tx, keys: set[str]) -> None:
        calls.append(keys)
        note(tx, "finished")

    def fail(tx: Tx) -> None:
        tx.at_commit(finish, "undone")
        raise ValueError

    works = [lambda tx, key=key: tx.at_commit(finish, key) for key in "abc"]
    await asyncio.gather(*(database.write(work) for work in (*works, fail)), return_exceptions=True)
    assert calls == [{"a", "b", "c"}]
    assert await database.read(kinds) == ["finished"]


async def test_a_part_that_fails_is_undone_and_untold(database: Database) -> None:
    heard: list[str] = []
    database.listeners.append(lambda told, signals: heard.extend([*(event.kind for event in told), *signals]))

    def work(tx: Tx) -> None:
        note(tx, "whole")
        try:
            with tx.savepoint():
                note(tx, "part")
                tx.signal("part")
                raise ValueError
        except ValueError:
            note(tx, "went on")

    await database.write(work)
    assert heard == ["whole", "went on"]
    assert await database.read(kinds) == ["whole", "went on"]


async def test_closing_finishes_what_is_queued_and_refuses_what_comes_later(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "book.db")
    waiting = [asyncio.create_task(database.write(note)) for _ in range(300)]
    await asyncio.sleep(0)
    await asyncio.gather(database.close(), database.close())
    assert await asyncio.gather(*waiting) == list(range(1, 301))
    for late in (database.write(note), database.read(kinds)):
        with pytest.raises(Unavailable, match="stopping"):
            await late


async def test_after_closing_there_is_one_file_and_its_lock(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "book.db")
    await database.write(note)
    await database.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book.db", "book.db.lock"]


async def test_nobody_else_may_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "book.db"
    path.touch(mode=0o644)
    database = await Database.open(path)
    await database.write(note)
    modes = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.iterdir()}
    await database.close()
    assert modes == dict.fromkeys(("book.db", "book.db-wal", "book.db-shm", "book.db.lock"), 0o600)


async def test_a_second_wtpd_on_the_same_file_is_refused(tmp_path: Path) -> None:
    first = await Database.open(tmp_path / "book.db")
    with pytest.raises(Unavailable, match="in use by another wtpd") as refusal:
        await Database.open(tmp_path / "book.db")
    assert refusal.value.kind == "storage"
    await first.write(note)
    await first.close()
    second = await Database.open(tmp_path / "book.db")
    await second.close()


async def test_a_missing_directory_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="there is no such file or folder"):
        await Database.open(tmp_path / "nowhere" / "book.db")


async def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "book.db"
    path.write_bytes(b"Kundennummer;Name\n" * 100)
    with pytest.raises(Unavailable, match="is damaged so that") as trouble:
        await Database.open(path)
    assert trouble.value.kind == "storage"
    assert path.read_bytes() == b"Kundennummer;Name\n" * 100


async def test_a_damaged_page_is_said_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "book.db"
    database = await Database.open(path)
    await asyncio.gather(*(database.write(lambda tx: note(tx, "x" * 500)) for _ in range(100)))
    root = await database.read(lambda tx: tx.one("SELECT rootpage FROM sqlite_schema WHERE name = 'event'")[0])
    size = await database.read(lambda tx: tx.one("PRAGMA page_size")[0])
    await database.close()
    content = bytearray(path.read_bytes())
    content[(root - 1) * size : root * size] = b"\xff" * size
    path.write_bytes(content)
    database = await Database.open(path)
    with pytest.raises(Unavailable, match="The database is damaged"):
        await database.read(kinds)
    assert await database.read(lambda tx: tx.one("SELECT count(*) FROM customer")[0]) == 0
    await database.close()


async def test_on_a_full_disk_nothing_is_half_written_and_it_goes_on_when_there_is_room(database: Database) -> None:
    def limit(pages: int):
        return lambda tx: tx.run(f"PRAGMA max_page_count={pages}").fetchone()[0]

    used = await database.write(lambda tx: tx.one("PRAGMA page_count")[0])
    await database.write(limit(used + 2))
    tasks = [database.write(lambda tx, n=n: note(tx, f"{n}" + "x" * 50_000)) for n in range(3)]
    results = await asyncio.gather(*tasks, database.write(lambda tx: note(tx, "small")), return_exceptions=True)
    failed = [result for result in results[:3] if isinstance(result, Unavailable)]
    assert len(failed) == 3
    assert {failure.kind for failure in failed} == {"storage"}
    assert "disk is full" in str(failed[0])
    await database.write(limit(used + 1000))
    await database.write(lambda tx: note(tx, "goes on"))
    left = await database.read(kinds)
    assert [kind for kind in left if len(kind) > 100] == []
    assert left[-1] == "goes on"


@pytest.mark.system
def test_a_disk_that_refuses_bytes_stops_no_daemon(tmp_path: Path) -> None:
    """A real refusal by the kernel: the file size limit, lifted again while the process runs."""
    program = """
import asyncio, resource, sys
from pathlib import Path
from wtpd.errors import Unavailable
from wtpd.store.database import Database

async def main():
    database = await Database.open(Path(sys.argv[1]))
    await database.write(lambda tx: tx.emit("first"))
    size = sum(each.stat().st_size for each in Path(sys.argv[1]).parent.glob("book.db-wal"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20000, hard))
    refused = 0
    for number in range(5):
        try:
            await database.write(lambda tx: tx.emit("big", text="x" * 100_000))
        except Unavailable as error:
            assert error.kind == "storage", error.kind
            refused += 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await database.write(lambda tx: tx.emit("last"))
    kinds = await database.read(lambda tx: [row["kind"] for row in tx.all("SELECT kind FROM event")])
    await database.close()
    print(refused, kinds)

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "book.db")], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "5 ['first', 'last']", done.stderr
    con = sqlite3.connect(tmp_path / "book.db")
    assert con.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    con.close()


async def test_another_program_that_holds_the_file_is_waited_for_and_then_said(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "book.db")
    await database.write(lambda tx: tx.run("PRAGMA busy_timeout=10"))
    other = sqlite3.connect(tmp_path / "book.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="Another program holds the database"):
        await database.write(note)
    other.execute("ROLLBACK")
    other.close()
    await database.write(note)
    await database.close()


async def test_the_journal_doesnt_grow_for_ever(database: Database, tmp_path: Path) -> None:
    for _ in range(30):
        await asyncio.gather(*(database.write(lambda tx: note(tx, "x" * 4000)) for _ in range(100)))
    assert (tmp_path / "book.db-wal").stat().st_size < 8_000_000
