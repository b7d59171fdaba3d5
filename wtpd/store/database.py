"""The one SQLite file: one writer with group commit, readers beside it (spec: planner.md; DESIGN.md, decision 3).

All work on the database is a plain function of a `Tx`; it runs on the connection's own thread in one hop, so a
transaction can never span an `await`:

    appointment = await db.read(lambda tx: appointments.get(tx, id))
    await db.write(lambda tx: book.cancel(tx, id, author=author))

Writes that wait at the same time share one commit (and one fsync), each in a savepoint of its own: one that raises is
undone alone. `write` returns once its commit is on disk.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
import msgspec

from wtpd.clock import Clock, SystemClock, iso_exact
from wtpd.errors import Unavailable
from wtpd.store.migrations import migrate
from wtpd.texts import N_

T = TypeVar("T")

BATCH = 256
"""Writes that share one commit, at most."""

_encode = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, as the event stream tells it; `seq` grows and is never used twice."""

    seq: int
    kind: str
    data: Mapping[str, Any]


class Tx:
    """One transaction, as the functions of the store see it. Rows are `sqlite3.Row`."""

    __slots__ = ("_con", "events", "now", "signals")

    def __init__(self, con: sqlite3.Connection, now: datetime) -> None:
        self._con = con
        self.now = now
        self.events: list[Event] = []
        self.signals: set[str] = set()

    def run(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> sqlite3.Cursor:
        return self._con.execute(sql, params)

    def run_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        self._con.executemany(sql, rows)

    def one(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._con.execute(sql, params).fetchone()
        return row

    def all(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> list[sqlite3.Row]:
        return self._con.execute(sql, params).fetchall()

    def emit(self, kind: str, **data: Any) -> None:
        """Tell the world, if and when this transaction is committed. Kept for `Last-Event-ID`."""
        cursor = self._con.execute(
            "INSERT INTO event (at, kind, data) VALUES (?, ?, ?)", (iso_exact(self.now), kind, to_json(data))
        )
        self.events.append(Event(cursor.lastrowid or 0, kind, data))

    def signal(self, name: str) -> None:
        """Wake whoever waits for `name` in this process after the commit, e.g. `outbox:superservice/rostock`."""
        self.signals.add(name)


Listener = Callable[[Sequence[Event], frozenset[str]], None]
"""Called in the event loop after each commit that told something, with its events and signals."""


class Database:
    """Open with `await Database.open(path)`; close it, else the process doesn't end."""

    def __init__(self, writer: aiosqlite.Connection, readers: Sequence[aiosqlite.Connection], clock: Clock) -> None:
        self._writer = writer
        self._readers = deque(readers)
        self._clock = clock
        self._queue: deque[tuple[Callable[[Tx], Any], asyncio.Future[Any]]] = deque()
        self._committing: asyncio.Task[None] | None = None
        self._closed = False
        self.listeners: list[Listener] = []

    @classmethod
    async def open(cls, path: Path, *, clock: Clock | None = None, readers: int = 2) -> Database:
        """Open or create the file, and bring its schema up to date. Raises `Unavailable` for one that is newer than
        this program, damaged, or not ours; the file is left as it was."""
        clock = clock or SystemClock()
        writer = await _connect(path, read_only=False)
        try:
            await _on_thread(writer, migrate, path)
            others = [await _connect(path, read_only=True) for _ in range(readers)]
        except BaseException:
            await writer.close()
            raise
        return cls(writer, others, clock)

    async def close(self) -> None:
        """Finish what is queued and close; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        while self._committing is not None:
            await asyncio.shield(self._committing)
        for reader in self._readers:
            await reader.close()
        await self._writer.execute("PRAGMA optimize")
        await self._writer.close()

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run `work` on a read-only connection, in one consistent snapshot."""
        reader = self._readers[0]
        self._readers.rotate(1)
        result: T = await _on_thread(reader, _read, work, self._clock.now())
        return result

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in a write transaction and return once it is on disk. What it raises undoes it alone."""
        future = self._enqueue(work)
        result: T = await future
        return result

    async def write_many(self, works: Sequence[Callable[[Tx], T]]) -> list[T]:
        """Several independent works in as few commits as possible; raises the first error after all are done."""
        futures = [self._enqueue(work) for work in works]
        await asyncio.wait(futures) if futures else None
        return [future.result() for future in futures]

    def _enqueue(self, work: Callable[[Tx], T]) -> asyncio.Future[T]:
        if self._closed:
            raise Unavailable(N_("The database is closed: the service is stopping."))
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.append((work, future))
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_queued(), name="database writer")
        return future

    async def _commit_queued(self) -> None:
        try:
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
                works = [work for work, _ in batch]
                try:
                    outcomes = await self._writer._execute(_write_batch, self._writer._conn, works, self._clock.now())
                except BaseException as error:
                    for _, future in batch:
                        _reject(future, error if isinstance(error, Exception) else asyncio.CancelledError())
                    if not isinstance(error, Exception):
                        raise
                    continue
                self._tell([tx for tx, _, error in outcomes if error is None])
                for (_, future), (_, result, failure) in zip(batch, outcomes, strict=True):
                    if failure is not None:
                        _reject(future, failure)
                    elif not future.done():
                        future.set_result(result)
        finally:
            self._committing = None

    def _tell(self, committed: Sequence[Tx]) -> None:
        events = [event for tx in committed for event in tx.events]
        signals = frozenset(name for tx in committed for name in tx.signals)
        if events or signals:
            for listener in self.listeners:
                listener(events, signals)


def to_json(value: Any) -> str:
    """JSON with sorted keys, so that equal values are equal texts."""
    return _encode(value).decode()


def from_json(text: str) -> Any:
    return msgspec.json.decode(text)


def _reject(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)


async def _on_thread(connection: aiosqlite.Connection, work: Callable[..., Any], *args: Any) -> Any:
    """Run `work(sqlite3 connection, *args)` on the connection's thread: one hop. aiosqlite offers this for its own
    methods only, a hop per statement (docs/adr/0003)."""
    execute: Callable[..., Any] = connection._execute
    return await execute(work, connection._conn, *args)


async def _connect(path: Path, *, read_only: bool) -> aiosqlite.Connection:
    mode = "ro" if read_only else "rwc"
    connection = await aiosqlite.connect(
        f"file:{path.as_posix().replace('?', '%3f').replace('#', '%23')}?mode={mode}",
        uri=True,
        isolation_level=None,
    )
    connection.row_factory = sqlite3.Row
    for pragma in ("busy_timeout=5000", "foreign_keys=ON", "cache_size=-4000", "trusted_schema=OFF"):
        await connection.execute(f"PRAGMA {pragma}")
    if read_only:
        await connection.execute("PRAGMA query_only=ON")
    else:
        await connection.execute("PRAGMA journal_mode=WAL")
        await connection.execute("PRAGMA synchronous=FULL")
    return connection


def _read(con: sqlite3.Connection, work: Callable[[Tx], T], now: datetime) -> T:
    con.execute("BEGIN")
    try:
        return work(Tx(con, now))
    finally:
        con.execute("ROLLBACK")


def _write_batch(
    con: sqlite3.Connection, works: Sequence[Callable[[Tx], Any]], now: datetime
) -> list[tuple[Tx, Any, Exception | None]]:
    outcomes: list[tuple[Tx, Any, Exception | None]] = []
    con.execute("BEGIN IMMEDIATE")
    try:
        for work in works:
            tx = Tx(con, now)
            con.execute("SAVEPOINT work")
            try:
                outcomes.append((tx, work(tx), None))
                con.execute("RELEASE work")
            except Exception as error:
                if not con.in_transaction:  # disk full or I/O error: SQLite undid everything
                    raise
                con.execute("ROLLBACK TO work")
                con.execute("RELEASE work")
                if len(outcomes) and outcomes[-1][0] is tx:
                    outcomes.pop()
                outcomes.append((tx, None, error))
        con.execute("COMMIT")
    except BaseException:
        if con.in_transaction:
            con.execute("ROLLBACK")
        raise
    return outcomes
