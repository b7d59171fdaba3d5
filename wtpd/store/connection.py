"""Opening the SQLite file, and SQLite's errors as those of the house."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from wtpd.errors import Unavailable
from wtpd.network_words import of_system
from wtpd.store.damage import Damaged, is_damage
from wtpd.store.migrations import check, migrate
from wtpd.texts import N_, Text

T = TypeVar("T")

_ALWAYS = ("busy_timeout=5000", "foreign_keys=ON", "cache_size=-4000", "trusted_schema=OFF", "analysis_limit=400")
_WRITER = (
    "auto_vacuum=INCREMENTAL",  # of a new file; freed pages are given back in small steps
    "journal_mode=WAL",
    "synchronous=FULL",
    "secure_delete=ON",  # what is erased is overwritten
    "recursive_triggers=ON",  # REPLACE asks the triggers that keep rows from being deleted
    "journal_size_limit=67108864",
)

_INCREMENTAL = 2

_log = logging.getLogger(__name__)


class Lock:
    """The file `<database>.lock` beside the database, held while it is open: one daemon, one database. It is never
    deleted, since another process may be waiting for it already."""

    def __init__(self, path: Path) -> None:
        """Raises `Unavailable` if another process holds it."""
        try:
            self._file = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unopened(path, error) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise Unavailable(
                N_("{path} is in use by another wtpd. Stop that one first.", path=path), kind="storage"
            ) from None
        self.was_open = bool(os.pread(self._file, 1, 0))
        """The database wasn't closed in order by whoever held it before: killed, or the power failed."""
        with suppress(OSError):  # on a full disk nothing is noted
            os.pwrite(self._file, b"open\n", 0)

    def release(self, *, clean: bool = False) -> None:
        """`clean`: the database was closed in order and without damage."""
        if clean:
            with suppress(OSError):
                os.ftruncate(self._file, 0)
        os.close(self._file)


async def open_writer(path: Path) -> aiosqlite.Connection:
    """Open or create the file, mode 0600, and bring its schema up to date."""
    return await _connect(lambda: _writer(path))


async def open_reader(path: Path) -> aiosqlite.Connection:
    return await _connect(lambda: _reader(path))


async def on_thread(connection: aiosqlite.Connection, work: Callable[..., T], *args: Any) -> T:
    """Run `work(sqlite3 connection, *args)` on the connection's thread: one hop. aiosqlite offers this for its own
    methods only, a hop per statement (docs/adr/0003)."""
    execute: Callable[..., Any] = connection._execute
    try:
        result: T = await execute(work, connection._conn, *args)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise translated(error) from error
    return result


def translated(error: Exception) -> Exception:
    """Trouble of the disk or the file as `Unavailable` of kind `storage`, damage as `Damaged`; everything else, such as
    a broken constraint, as it is."""
    if is_damage(error):
        return Damaged(str(error))
    code = getattr(error, "sqlite_errorcode", None)
    text = None if code is None else _SENTENCES.get(code & 0xFF)
    if text is None:
        return error
    return Unavailable(text, kind="storage", facts={"sqlite": getattr(error, "sqlite_errorname", "")})


_SENTENCES: dict[int, Text] = {
    sqlite3.SQLITE_FULL: N_("The disk is full: nothing was changed. Make room; wtpd goes on by itself."),
    sqlite3.SQLITE_IOERR: N_("The disk doesn't read or write (I/O error): nothing was changed. Look at the disk."),
    sqlite3.SQLITE_READONLY: N_("The database can't be written: file or disk is read-only."),
    sqlite3.SQLITE_CANTOPEN: N_("The database can't be opened. Does its directory exist, and may wtpd write there?"),
    sqlite3.SQLITE_BUSY: N_("Another program holds the database. Try again when it has finished."),
}


async def _connect(opened: Callable[[], sqlite3.Connection]) -> aiosqlite.Connection:
    connection = aiosqlite.Connection(opened, iter_chunk_size=64)
    connection._thread.daemon = True  # a process that dies of an error mustn't hang on it
    try:
        return await connection
    except Exception:  # its thread ends by itself, but it mustn't outlive the event loop
        await asyncio.to_thread(connection._thread.join)
        raise


def _writer(path: Path) -> sqlite3.Connection:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        path.chmod(0o600)
        con = _open(path, "rw")
        try:
            check(con, path)
            _set(con, *_ALWAYS, *_WRITER)
            _keep_temporary_files(con, path.parent.absolute())
            migrate(con, path)
            _give_pages_back(con, path)
        except BaseException:
            con.close()
            raise
    except OSError as error:
        raise _unopened(path, error) from error
    except (sqlite3.Error, UnicodeDecodeError) as error:
        if is_damage(error):
            raise _unusable(path) from error
        raise translated(error) from error
    return con


def _give_pages_back(con: sqlite3.Connection, path: Path) -> None:
    """A file of before can only be changed as a whole; on a full disk it stays as it is until the next start."""
    if con.execute("PRAGMA auto_vacuum").fetchone()[0] == _INCREMENTAL:
        return
    try:
        con.execute("PRAGMA auto_vacuum=INCREMENTAL")
        con.execute("VACUUM")
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        _log.warning("%s couldn't be rewritten, so its freed pages stay in it: %s", path, error)


def _unusable(path: Path) -> Unavailable:
    return Unavailable(
        N_(
            "The database {path} is damaged so that wtpd can't start. Keep a copy of its folder, then restore a backup "
            "of the box; wtpd makes none of its own yet.",
            path=path,
        ),
        kind="storage",
    )


def _unopened(path: Path, error: OSError) -> Unavailable:
    return Unavailable(N_("{path} can't be opened: {reason}.", path=path, reason=of_system(error)), kind="storage")


def _reader(path: Path) -> sqlite3.Connection:
    con = _open(path, "ro")
    try:
        _set(con, *_ALWAYS, "query_only=ON")
    except (sqlite3.Error, UnicodeDecodeError) as error:
        con.close()
        raise translated(error) from error
    return con


def _open(path: Path, mode: str) -> sqlite3.Connection:
    con = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None)
    con.row_factory = sqlite3.Row
    return con


def _keep_temporary_files(con: sqlite3.Connection, folder: Path) -> None:
    """Let SQLite put its temporary files (journals of savepoints, sorters, the copy that VACUUM makes) beside the
    database, for all connections of this process. Else they lie in `$TMPDIR` or /tmp, often a small file system in
    memory, and the book stops when that one is full. Not in memory: VACUUM needs as much as the whole file.
    `temp_store_directory` is the only way that works after SQLite was loaded (https://sqlite.org/tempfiles.html)."""
    if _temporary_files(con) != str(folder):
        quoted = str(folder).replace("'", "''")
        _set(con, f"temp_store_directory='{quoted}'")
    if _temporary_files(con) != str(folder):  # an SQLite built without its deprecated functions
        _set(con, "temp_store=MEMORY")


def _temporary_files(con: sqlite3.Connection) -> str:
    row = con.execute("PRAGMA temp_store_directory").fetchone()
    return str(row[0]) if row and row[0] else ""


def _set(con: sqlite3.Connection, *pragmas: str) -> None:
    for pragma in pragmas:
        con.execute(f"PRAGMA {pragma}")
