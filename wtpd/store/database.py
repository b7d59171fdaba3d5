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
import logging
import os
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
import msgspec

from wtpd.clock import Clock, SystemClock, iso_exact
from wtpd.errors import Unavailable
from wtpd.store.connection import Lock, on_thread, open_reader, open_writer, translated
from wtpd.store.damage import Damaged
from wtpd.texts import N_

T = TypeVar("T")

BATCH = 256
"""Writes that share one commit, at most."""
_CHUNK = 1 << 19
"""Bytes of the file that are looked through at once."""
_PAUSE = 0.0005
"""Seconds between them."""

_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, as the event stream tells it; `seq` grows and is never used twice."""

    seq: int
    kind: str
    data: Mapping[str, Any]


class Tx:
    """One transaction, as the functions of the store see it. Rows are `sqlite3.Row`."""

    __slots__ = ("_con", "events", "last", "memo", "now", "signals")

    def __init__(self, con: sqlite3.Connection, now: datetime) -> None:
        self._con = con
        self.now = now
        self.events: list[Event] = []
        self.signals: set[str] = set()
        self.last: dict[Finish, set[str]] = {}
        self.memo: dict[str, Any] = {}
        """Small facts that were read once in this transaction and don't change in it, by name."""

    def run(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> sqlite3.Cursor:
        return self._con.execute(sql, params)

    def run_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        self._con.executemany(sql, rows)

    def one(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._con.execute(sql, params).fetchone()
        return row

    def all(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> list[sqlite3.Row]:
        return self._con.execute(sql, params).fetchall()

    def emit(self, kind: str, /, **data: Any) -> None:
        """Tell the world, if and when this transaction is committed. Kept for `Last-Event-ID`."""
        cursor = self._con.execute(
            "INSERT INTO event (at, kind, data) VALUES (?, ?, ?)", (iso_exact(self.now), kind, to_json(data))
        )
        self.events.append(Event(cursor.lastrowid or 0, kind, data))

    def emit_many(self, kind: str, /, data: Sequence[Mapping[str, Any]]) -> None:
        """As `emit` for each, in one statement."""
        if not data:
            return
        at = iso_exact(self.now)
        self._con.executemany(
            "INSERT INTO event (at, kind, data) VALUES (?, ?, ?)", [(at, kind, to_json(each)) for each in data]
        )
        last: int = self._con.execute("SELECT last_insert_rowid()").fetchone()[0]
        first = last - len(data) + 1  # nobody else writes, and AUTOINCREMENT counts on
        self.events += [Event(first + place, kind, each) for place, each in enumerate(data)]

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """What is written, told and signalled inside is undone alone if the inside raises."""
        told, signalled = len(self.events), set(self.signals)
        self._con.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if self._con.in_transaction:  # else SQLite undid everything: disk full or I/O error
                self._con.execute("ROLLBACK TO part")
                self._con.execute("RELEASE part")
            del self.events[told:]
            self.signals = signalled
            raise
        self._con.execute("RELEASE part")

    def signal(self, name: str) -> None:
        """Wake whoever waits for `name` in this process after the commit, e.g. `outbox:superservice/rostock`."""
        self.signals.add(name)

    def at_commit(self, finish: Finish, key: str) -> None:
        """Have `finish(tx, keys)` called once before the commit that this transaction shares with others, with the
        keys of all of them: for what is much cheaper done together, such as the full-text index."""
        self.last.setdefault(finish, set()).add(key)


Finish = Callable[[Tx, set[str]], None]

Listener = Callable[[Sequence[Event], frozenset[str]], None]
"""Called in the event loop after each commit that told something, with its events and signals."""

FROM_DAMAGED_ROWS = (
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError, sqlite3.OperationalError,
)  # fmt: skip
"""What code raises that meets a value which isn't as it was written."""

_Job = tuple[Callable[[Tx], Any], "asyncio.Future[Any]"]
_Outcome = tuple[Tx, Any, Exception | None]


class Database:
    """Open with `await Database.open(path)`, and close it: closing finishes what is queued."""

    def __init__(
        self,
        writer: aiosqlite.Connection,
        readers: Sequence[aiosqlite.Connection],
        clock: Clock,
        lock: Lock,
        path: Path,
    ) -> None:
        self._writer = writer
        self._readers = dict.fromkeys(readers, 0)
        """How many reads wait at each."""
        self._clock = clock
        self._lock = lock
        self._queue: deque[_Job] = deque()
        self._committing: asyncio.Task[None] | None = None
        self._closed = False
        self._file: int | None = None
        self.path = path
        self.ended_uncleanly = lock.was_open
        """Whoever had it open before didn't close it."""
        self.damaged = False
        """Damage is known: what can't be made of a row is laid to that."""
        self.on_damage: Callable[[str], None] = lambda reason: None
        """Called in the event loop when something couldn't be read, with the reason for the log."""
        self.listeners: list[Listener] = []

    @classmethod
    async def open(cls, path: Path, *, clock: Clock | None = None, readers: int = 2) -> Database:
        """Open or create the file, and bring its schema up to date. Raises `Unavailable` for one that is newer than
        this program, damaged, not ours, or in use by another wtpd; the file is left as it was."""
        lock = await asyncio.to_thread(Lock, path)
        connections: list[aiosqlite.Connection] = []
        try:
            connections.append(await open_writer(path))
            while len(connections) <= readers:
                connections.append(await open_reader(path))
        except BaseException:
            for connection in reversed(connections):
                await connection.close()
            lock.release()
            raise
        return cls(connections[0], connections[1:], clock or SystemClock(), lock, path)

    async def close(self) -> None:
        """Finish what is queued and close; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        while self._committing is not None:
            await asyncio.wait([self._committing])
        for reader in self._readers:
            await reader.close()
        with suppress(Unavailable):  # on a full disk it can't
            await on_thread(self._writer, _optimize)
        await self._writer.close()
        if self._file is not None:
            os.close(self._file)
        self._lock.release(clean=not self.damaged)

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run `work` on a read-only connection, in one consistent snapshot; it sees every write that has returned."""
        if self._closed:
            raise _closed()
        reader = min(self._readers, key=self._readers.__getitem__)
        self._readers[reader] += 1
        try:
            return await on_thread(reader, _read, work, self._clock.now())
        except Exception as error:
            if (damage := self._damage_behind(error)) is not None:
                raise damage from error
            raise
        finally:
            self._readers[reader] -= 1

    async def on_readers(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Run `work` on each connection that reads, between two reads."""
        for reader in self._readers:
            await on_thread(reader, work)

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in a write transaction and return once it is on disk. What it raises undoes it alone. A caller
        who is cancelled before `work` began takes it back; after that it is carried out."""
        future = self._enqueue(work)
        try:
            result: T = await future
        except Exception as error:
            if (damage := self._damage_behind(error)) is not None:
                raise damage from error
            raise
        return result

    async def empty_journal(self) -> bool:
        """Bring all that is committed into the file itself and cut the journal to nothing, between two commits.
        Returns whether that was possible; a reader in an old snapshot keeps it for a moment."""
        return bool(await on_thread(self._writer, _empty_journal))

    async def holds(self, pieces: Sequence[bytes]) -> bool:
        """Whether one of these is anywhere in the bytes of the file or its journal, used or not. Nobody waits for it;
        the reading takes about a second for each 300 MB."""
        if self._file is None:  # kept: closing it would end the locks that SQLite has on the same file
            self._file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        journal = Path(f"{self.path}-wal")
        return await asyncio.to_thread(_file_holds, self._file, journal, pieces)

    async def rewrite(self) -> None:
        """Write the whole file again (VACUUM), so that no gap in it holds a copy of an old row. All writes wait
        meanwhile, about a second for each 100 MB. Raises `Unavailable` on a full disk."""
        await on_thread(self._writer, _rewrite)

    def _damage_behind(self, error: Exception) -> Damaged | None:
        """If an error comes from damage, that; whoever watches is told."""
        if isinstance(error, Damaged):
            damage = error
        elif isinstance(error, msgspec.DecodeError) or (self.damaged and isinstance(error, FROM_DAMAGED_ROWS)):
            damage = Damaged(f"{type(error).__name__}: {error}")
        else:
            return None
        self.damaged = True
        self.on_damage(damage.reason)
        return damage

    def _enqueue(self, work: Callable[[Tx], T]) -> asyncio.Future[T]:
        if self._closed:
            raise _closed()
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.append((work, future))
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_queued(), name="database writer")
        return future

    async def _commit_queued(self) -> None:
        batch: list[_Job] = []
        try:
            while self._queue:
                batch = self._next_batch()
                if batch:
                    await self._commit(batch)
        finally:
            # Reached with work left only if this task was cancelled, that is when the whole process ends.
            for _, future in (*batch, *self._queue):
                future.cancel()
            self._queue.clear()
            self._committing = None

    def _next_batch(self) -> list[_Job]:
        jobs = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
        return [job for job in jobs if not job[1].cancelled()]

    async def _commit(self, batch: Sequence[_Job]) -> None:
        works = [work for work, _ in batch]
        try:
            outcomes = await on_thread(self._writer, _write_batch, works, self._clock.now())
        except Exception as error:
            for _, future in batch:
                _settle(future, None, error)
            return
        for (_, future), (_, result, failure) in zip(batch, outcomes, strict=True):
            _settle(future, result, failure)
        self._tell([tx for tx, _, error in outcomes if error is None])

    def _tell(self, committed: Sequence[Tx]) -> None:
        events = [event for tx in committed for event in tx.events]
        signals = frozenset(name for tx in committed for name in tx.signals)
        if not events and not signals:
            return
        for listener in self.listeners:
            try:
                listener(events, signals)
            except Exception:
                _log.exception("a listener of the database failed")


def to_json(value: Any) -> str:
    """JSON with sorted keys, so that equal values are equal texts."""
    return _encode(value).decode()


def from_json(text: str) -> Any:
    """Raises `Damaged` for what is no JSON."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, TypeError) as error:
        raise Damaged(f"no JSON: {error}") from None


def _closed() -> Unavailable:
    return Unavailable(N_("The database is closed: the service is stopping."), kind="stopping")


def _settle(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def _read(con: sqlite3.Connection, work: Callable[[Tx], T], now: datetime) -> T:
    con.execute("BEGIN")
    try:
        return work(Tx(con, now))
    finally:
        _undo(con)


def _write_batch(con: sqlite3.Connection, works: Sequence[Callable[[Tx], Any]], now: datetime) -> list[_Outcome]:
    _undo(con)  # what a failed rollback may have left
    con.execute("BEGIN IMMEDIATE")
    try:
        outcomes = [_in_savepoint(con, work, now) for work in works]
        _finish(con, [tx for tx, _, error in outcomes if error is None], now)
        con.execute("COMMIT")
    except BaseException:
        _undo(con)
        raise
    return outcomes


def _in_savepoint(con: sqlite3.Connection, work: Callable[[Tx], Any], now: datetime) -> _Outcome:
    tx = Tx(con, now)
    con.execute("SAVEPOINT work")
    try:
        result = work(tx)
        con.execute("RELEASE work")
    except Exception as error:
        if not con.in_transaction:  # on a full or failing disk SQLite may have undone everything
            raise
        con.execute("ROLLBACK TO work")
        con.execute("RELEASE work")
        return tx, None, translated(error)
    return tx, result, None


def _finish(con: sqlite3.Connection, committed: Sequence[Tx], now: datetime) -> None:
    last: dict[Finish, set[str]] = {}
    for tx in committed:
        for finish, keys in tx.last.items():
            last.setdefault(finish, set()).update(keys)
    for finish, keys in last.items():
        finish(Tx(con, now), keys)


def _undo(con: sqlite3.Connection) -> None:
    if con.in_transaction:
        with suppress(sqlite3.Error):  # SQLite has undone it already, or `_write_batch` tries again
            con.execute("ROLLBACK")


def _empty_journal(con: sqlite3.Connection) -> bool:
    con.execute("PRAGMA busy_timeout=50")  # other writers don't wait for a long reader
    try:
        row = con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        con.execute("PRAGMA busy_timeout=5000")
    return row is not None and row[0] == 0


def _file_holds(file: int, journal: Path, pieces: Sequence[bytes]) -> bool:
    if _holds(file, pieces):
        return True
    try:
        other = os.open(journal, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return _holds(other, pieces)
    finally:
        os.close(other)


def _holds(file: int, pieces: Sequence[bytes]) -> bool:
    """The chunks overlap by the longest piece. It sleeps between them, so that the event loop gets its turn."""
    overlap = max(map(len, pieces), default=1) - 1
    place = 0
    while chunk := os.pread(file, _CHUNK + overlap, place):
        if any(piece in chunk for piece in pieces):
            return True
        place += _CHUNK
        time.sleep(_PAUSE)
    return False


def _rewrite(con: sqlite3.Connection) -> None:
    con.execute("VACUUM")
    con.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _optimize(con: sqlite3.Connection) -> None:
    con.execute("PRAGMA optimize")
