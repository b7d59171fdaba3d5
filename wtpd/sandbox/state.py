"""What the sandbox keeps on disk: journals of its partners and the requests they got, in one SQLite file.

Whatever is noted goes to one writer thread in batches, and an answer waits until its batch is committed, so that a
kill at any moment loses nothing that was answered (`synchronous=NORMAL`: a power cut may, which a sandbox can bear).
What is noted without an `await` in between is in one batch: it is kept whole or not at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

from wtpd.errors import Unavailable
from wtpd.texts import N_

T = TypeVar("T")

LINGER = 0.02
"""Seconds until something is written for which nobody waits."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    n INTEGER PRIMARY KEY, journal TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, UNIQUE (journal, key)
) STRICT;
CREATE TABLE IF NOT EXISTS requests (
    id INTEGER PRIMARY KEY, partner TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, query TEXT NOT NULL,
    key TEXT, at TEXT NOT NULL, body_sha256 TEXT, fault TEXT, status INTEGER, seconds REAL
) STRICT;
"""
_PUT = (
    "INSERT INTO records (journal, key, value) VALUES (?, ?, ?)"
    " ON CONFLICT (journal, key) DO UPDATE SET value = excluded.value"
)
_DROP = "DELETE FROM records WHERE journal = ? AND key = ?"
_LOAD = "SELECT journal, key, value FROM records ORDER BY n"
_SNAPSHOT = "snapshot "
_DROP_ALL = "DELETE FROM records WHERE journal GLOB ?"
_KEEP = (
    "INSERT INTO records (journal, key, value)"
    " SELECT ?1 || journal, key, value FROM records WHERE journal GLOB ?2 ORDER BY n"
)
_PUT_BACK = "INSERT INTO records (journal, key, value) SELECT ?1, key, value FROM records WHERE journal = ?2 ORDER BY n"
_FIND = "SELECT 1 FROM records WHERE journal GLOB ? LIMIT 1"
_JOURNALS = "SELECT DISTINCT journal FROM records WHERE journal GLOB ?"
_LOAD_OF = "SELECT journal, key, value FROM records WHERE journal GLOB ? ORDER BY n"

Row = tuple[Any, ...]


class State:
    """Open it with `State.open`, end it with `close`. One process at a time has the file."""

    def __init__(self, connection: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        self._connection = connection
        self._thread = thread
        self._noted: list[tuple[str, Row]] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._noted_urgent = 0
        self._saved_urgent = 0
        self._journals: dict[str, list[tuple[str, bytes]]] = {}
        self._handed_out: dict[str, FileJournal] = {}
        self._writer: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    async def open(cls, folder: Path) -> State:
        """The state in `folder` (made if need be). Raises `Unavailable` if another sandbox has it."""
        thread = ThreadPoolExecutor(1, thread_name_prefix="sandbox-state")
        try:
            connection = await _in(thread, lambda: _open(folder))
        except sqlite3.OperationalError as error:
            thread.shutdown(wait=False)
            raise Unavailable(
                N_(
                    "The sandbox can't use the folder {folder}: {reason}",
                    folder=str(folder),
                    reason=N_("no database can be kept there"),
                )
            ) from error
        state = cls(connection, thread)
        for journal, key, value in await state.query(_LOAD):
            state._journals.setdefault(journal, []).append((key, value))
        return state

    async def close(self) -> None:
        await self._flush()
        await _in(self._thread, self._connection.close)
        self._thread.shutdown(wait=False)

    def journal(self, name: str) -> FileJournal:
        """The journal `name`; what the file held of it is handed out once."""
        journal = self._handed_out[name] = FileJournal(self, name, self._journals.pop(name, []))
        return journal

    async def keep(self, partner: str, name: str) -> None:
        """Keep a copy of everything that the partner's journals hold, under `name`."""
        await self._rewrite(
            (_DROP_ALL, (f"{_SNAPSHOT}{name}/{partner}/*",)), (_KEEP, (f"{_SNAPSHOT}{name}/", f"{partner}/*"))
        )

    async def has_kept(self, partner: str, name: str) -> bool:
        """Whether there is a copy of that name."""
        return bool(await self.query(_FIND, (f"{_SNAPSHOT}{name}/{partner}/*",)))

    async def put_back(self, partner: str, name: str | None, staying: Iterable[str]) -> None:
        """Put a copy back, or (`name` None) nothing; the journals `staying` stay as they are. The partner is made anew
        from its journals after that, and nothing that the partner before still writes into the others is kept."""
        stays = set(staying)
        for one, journal in self._handed_out.items():
            if one.startswith(f"{partner}/") and one.removeprefix(f"{partner}/") not in stays:
                journal.close()
        rows: list[tuple[str, Row]] = [
            (_DROP_ALL, (f"{partner}/{one}",)) for one in await self._journals_of(partner) if one not in stays
        ]
        if name is not None:
            copy = f"{_SNAPSHOT}{name}/{partner}"
            kept = [one for one in await self._journals_of(copy) if one not in stays]
            rows += [(_PUT_BACK, (f"{partner}/{one}", f"{copy}/{one}")) for one in kept]
        await self._rewrite(*rows)
        for one in [journal for journal in self._journals if journal.startswith(f"{partner}/")]:
            del self._journals[one]
        for journal, key, value in await self.query(_LOAD_OF, (f"{partner}/*",)):
            self._journals.setdefault(journal, []).append((key, value))

    async def _journals_of(self, prefix: str) -> list[str]:
        found = await self.query(_JOURNALS, (f"{prefix}/*",))
        return [str(journal).removeprefix(f"{prefix}/") for (journal,) in found]

    async def _rewrite(self, *notes: tuple[str, Row]) -> None:
        for sql, row in notes:
            self.note(sql, row)
        await self._flush()

    def note(self, sql: str, row: Row, *, urgent: bool = True) -> None:
        """Write it with the next batch, which is begun after a moment if nobody waits for it with `saved` (which waits
        for urgent notes only)."""
        self._noted.append((sql, row))
        self._noted_urgent += urgent
        if self._writer is None and self._timer is None:
            with contextlib.suppress(RuntimeError):  # a thread that loads a partner: what follows writes it
                self._timer = asyncio.get_running_loop().call_later(LINGER, self._start)

    async def saved(self) -> None:
        """Wait until all urgent notes are on disk."""
        if self._saved_urgent < self._noted_urgent:
            await self._flush()

    async def query(self, sql: str, row: Row = ()) -> list[Row]:
        """Rows as they are after all that was noted so far."""
        await self._flush()
        return await _in(self._thread, lambda: self._connection.execute(sql, row).fetchall())

    async def _flush(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._start()
        await waiter

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write_all())

    async def _write_all(self) -> None:
        try:
            while self._noted or self._waiting:
                batch, self._noted = self._noted, []
                waiting, self._waiting = self._waiting, []
                urgent = self._noted_urgent
                try:
                    await _in(self._thread, partial(_write, self._connection, batch))
                except sqlite3.Error as error:
                    _settle(waiting, error)
                else:
                    self._saved_urgent = urgent
                    _settle(waiting, None)
        finally:
            self._writer = None


class FileJournal:
    """One journal of the state (`wtpd.connectors.kit.sandbox_side.Journal`)."""

    def __init__(self, state: State, name: str, rows: list[tuple[str, bytes]]) -> None:
        self._state = state
        self._name = name
        self._rows = rows
        self._is_open = True

    def close(self) -> None:
        """Keep nothing that is written from now on."""
        self._is_open = False

    def load(self) -> Iterable[tuple[str, bytes]]:
        """What was there at the start; given once, so that it isn't kept twice."""
        rows, self._rows = self._rows, []
        return rows

    def put(self, key: str, value: bytes) -> None:
        if self._is_open:
            self._state.note(_PUT, (self._name, key, value))

    def drop(self, key: str) -> None:
        if self._is_open:
            self._state.note(_DROP, (self._name, key))


async def _in(thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(thread, work)


def _settle(waiting: list[asyncio.Future[None]], error: Exception | None) -> None:
    for waiter in waiting:
        if waiter.done():  # its request was cancelled meanwhile
            continue
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)


def _open(folder: Path) -> sqlite3.Connection:
    folder.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(folder / "sandbox.db", isolation_level=None, check_same_thread=False, timeout=1)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.executescript(_SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection


def _write(connection: sqlite3.Connection, batch: list[tuple[str, Row]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for sql, notes in groupby(batch, itemgetter(0)):
            connection.executemany(sql, (row for _, row in notes))
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
