"""Carries imports out, one at a time: reads the lists, checks them against the book, brings them in; goes on with one
that was interrupted (docs/adr/0046)."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from wtpd.clock import Clock
from wtpd.errors import Refused
from wtpd.planner.history import Author
from wtpd.store import imports
from wtpd.store.database import Database, Tx
from wtpd.store.erased import ENDING as ERASED_KEY
from wtpd.texts import N_

if TYPE_CHECKING:
    from wtpd.book.book import Book
    from wtpd.book.importing import ImportFile, ImportResult
    from wtpd.book.importing.transfer import Transfer

log = logging.getLogger(__name__)

FOLDER = "imports"
KEPT = 3600
"""Seconds an uploaded file waits for its import."""
AGAIN = 30
"""Seconds until an import that couldn't go on is tried again."""
MOST_WAITING = 200 << 20
"""Bytes of uploaded files that wait, at most."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the import is that is under way. `phase`: `idle`, `reading`, `checking`, `writing` or `telling`."""

    phase: str = "idle"
    done: int = 0
    total: int = 0


class Importer:
    """`database`: the file of the book. `on_progress` is called in the event loop when the phase changes, and now and
    then within one."""

    def __init__(
        self,
        db: Database,
        book: Book,
        folder: Path,
        database: Path,
        clock: Clock,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        self._db, self._book, self._clock = db, book, clock
        self._folder, self._database = folder / FOLDER, database
        self._on_progress = on_progress
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[ImportResult]] = set()
        self._stopping = False
        self._stuck = asyncio.Event()
        self.progress = Progress()

    async def serve(self) -> None:
        """Go on with an import that was interrupted, or that the disk had no room for; beside everything else."""
        while True:
            try:
                await self._resume()
            except Exception as error:
                log.warning("The import can't go on yet (%s); it is tried again in %d s", error, AGAIN)
                await asyncio.sleep(AGAIN)
                continue
            self._stuck.clear()
            await self._stuck.wait()
            await asyncio.sleep(AGAIN)

    async def open(self) -> None:
        """Before anybody reads: hide what an interrupted import has written, remove what is left of others."""
        run = await self._db.read(imports.current)
        if run is not None and run.state == "writing":
            await self._db.on_readers(imports.hide)
        if run is not None and run.state == "checking":
            await self._db.write(imports.end)
            run = None
        await asyncio.to_thread(_sweep, self._folder, run.plan if run else None, None)

    async def _resume(self) -> None:
        from wtpd.book.importing.plan import Plan
        from wtpd.book.importing.transfer import Transfer

        async with self._turn:
            run = await self._db.read(imports.current)
            if run is None:
                return
            log.info("An import of %s was interrupted; it goes on", run.actor)
            author = Author(actor=run.actor, interface="import")
            plan = await asyncio.to_thread(Plan, self._folder / run.plan)
            try:
                total = await asyncio.to_thread(plan.count)
                transfer = Transfer(self._db, self._book, plan, author, lambda done: self._at("writing", done, total))
                await self._bring_in(transfer, run.state)
            finally:
                await asyncio.shield(asyncio.to_thread(plan.close))
            for problem in transfer.warnings:
                log.warning("Import: %s", problem.text)
            await asyncio.to_thread(_remove, self._folder / run.plan)
            await asyncio.to_thread(give_back_memory)
            self._at("idle", 0, 0)
            log.info("The interrupted import is done: %d records", total)

    async def run(self, files: Sequence[ImportFile], sites: Mapping[str, str], author: Author) -> ImportResult:
        """One import, all or nothing; it goes on if the caller is cancelled. Raises `Invalid` with every problem."""
        if self._turn.locked() and len(self._tasks) > 1:
            raise Refused(N_("An import is under way; try again when it is done."), kind="importing")
        task = asyncio.create_task(self._run(files, sites, author), name="import")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(task)

    async def close(self) -> None:
        """End what is under way; what was being written goes on with the next start."""
        self._stopping = True
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2)

    def upload(self, owner: int, upload_id: str) -> Path:
        """Where the uploaded file of a caller lies."""
        return self._folder / f"upload-{owner}-{upload_id}"

    async def make_room(self) -> None:
        """Before a file is uploaded. Raises `Refused` if too many wait for their import already."""
        waiting = await asyncio.to_thread(_sweep, self._folder, None, KEPT)
        if waiting > MOST_WAITING:
            raise Refused(N_("Too many uploaded files wait for their import; try again in an hour."), kind="uploads")

    async def _run(self, files: Sequence[ImportFile], sites: Mapping[str, str], author: Author) -> ImportResult:
        from wtpd.book.importing import prepare
        from wtpd.book.importing.plan import Plan, make
        from wtpd.book.importing.transfer import Transfer

        async with self._turn:
            name = f"plan-{uuid.uuid4().hex}"
            path = self._folder / name
            loop = asyncio.get_running_loop()
            written = False
            self._at("reading", 0, 0)
            try:
                await asyncio.to_thread(self._folder.mkdir, mode=0o700, exist_ok=True)
                prepared = await asyncio.to_thread(prepare, files, progress=self._check_in)
                try:
                    total = len(prepared.staging)
                    self._at("checking", 0, total)
                    await self._db.write(lambda tx: imports.begin(tx, name, author.actor))
                    result = await asyncio.to_thread(
                        make, path, self._database, prepared, self._book, sites, author, self._clock.now(),
                        lambda done: self._check_in(done, lambda: _call(loop, self._at, "checking", done, total)),
                    )  # fmt: skip
                finally:
                    await asyncio.to_thread(prepared.close)
                plan = await asyncio.to_thread(Plan, path)
                try:
                    total = await asyncio.to_thread(plan.count)
                    transfer = Transfer(
                        self._db, self._book, plan, author, lambda done: self._at("writing", done, total)
                    )
                    if total:
                        await self._db.on_readers(imports.hide)
                        written = True
                        await self._db.write(lambda tx: imports.enter(tx, "writing"))
                    await self._bring_in(transfer, "writing" if total else "")
                finally:
                    await asyncio.shield(asyncio.to_thread(plan.close))
                written = False
                return replace(result, warnings=[*result.warnings, *transfer.warnings])
            finally:
                if written:  # the plan is needed: it goes on with that
                    self._stuck.set()
                else:
                    await asyncio.shield(self._tidy(path))
                self._at("idle", 0, 0)

    async def _bring_in(self, transfer: Transfer, state: str) -> None:
        if state == "writing":
            await transfer.write()
            await self._db.on_readers(imports.show)
        if state:
            self._at("telling", 0, 0)
            await transfer.tell()

    async def _tidy(self, path: Path) -> None:
        await asyncio.to_thread(_remove, path)
        with suppress(Exception):  # stopping, or the disk is full: the next start does it
            await self._db.write(_end_checking)
        await asyncio.to_thread(give_back_memory)

    def _check_in(self, done: int, tell: Callable[[], None] = lambda: None) -> None:
        """Called by the threads: ends them when the daemon stops."""
        if self._stopping:
            raise asyncio.CancelledError
        tell()

    def _at(self, phase: str, done: int, total: int) -> None:
        self.progress = Progress(phase, done, total)
        self._on_progress(self.progress)


def give_back_memory() -> None:
    """Let the C library return what an import needed and nobody needs any more."""
    import ctypes  # not needed at the start

    gc.collect()
    with suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)


def _end_checking(tx: Tx) -> None:
    run = imports.current(tx)
    if run is not None and run.state == "checking":
        imports.end(tx)


def _call(loop: asyncio.AbstractEventLoop, what: Callable[..., None], *args: object) -> None:
    with suppress(RuntimeError):  # the loop has ended
        loop.call_soon_threadsafe(what, *args)


def _remove(path: Path) -> None:
    for ending in ("", "-journal", ERASED_KEY):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _sweep(folder: Path, plan: str | None, older_than: float | None) -> int:
    """Remove files that no import needs: all but `plan`, or, with `older_than`, uploads of that many seconds ago.
    Returns the bytes of the uploads that stay."""
    size = 0
    if not folder.is_dir():
        return 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            found = path.lstat()
            is_upload = path.name.startswith("upload-")
            if older_than is None:
                old = plan is None or not path.name.startswith(plan)
            else:
                old = is_upload and time.time() - found.st_mtime > older_than
            if old:
                path.unlink()
            elif is_upload:
                size += found.st_size
    return size


def open_upload(path: Path) -> int:
    """A new file for an upload; what was uploaded under the same name before is replaced."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
