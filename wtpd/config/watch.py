"""Notices hand edits of `wtpd.yaml`, however the editor writes them: by rename, by truncation, in several steps."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from wtpd.clock import Clock
from wtpd.config.file import FileText, read
from wtpd.errors import WtpdError

SETTLE = 2.0
"""Seconds between two looks that must find the same text before it counts as written."""
PATIENCE = 1.0
"""Seconds that a text which doesn't pass, or a missing file, is given to become whole."""

LONGEST = 60.0
"""Seconds that are waited for somebody who writes all the time, or keeps the file open."""

Seen = FileText | WtpdError
"""What stands in the file, or why it can't be read (missing, no permission, not UTF-8)."""

Notices = Callable[[Path, asyncio.Event], AsyncIterator[object]]
"""Yields something whenever the file at the path may have changed, until the event is set."""


async def watch(
    path: Path,
    known: FileText | None,
    on_change: Callable[[Seen], Awaitable[None]],
    *,
    passes: Callable[[str], bool],
    clock: Clock,
    stop: asyncio.Event,
    notices: Notices | None = None,
) -> None:
    """Call `on_change` with each new content of the file until `stop` is set. `known` is what is in force, so that it
    isn't reported; `passes` says whether a text is whole and right. A text that doesn't pass is reported only when it
    still stands after `PATIENCE`."""
    last: Seen | None = known
    async for _ in (notices or file_notices)(path, stop):
        if _key(await _look(path)) == _key(last):
            continue
        seen = await _settled(path, passes, clock)
        if _key(seen) != _key(last):
            last = seen
            await on_change(seen)


async def file_notices(path: Path, stop: asyncio.Event) -> AsyncIterator[object]:
    """From the kernel, for the folder of the file and that of what it links to; wakes every other second. The first
    notice comes at once: the file may have changed before the watch began; and one each minute, for kernels that
    don't tell (network file systems) and folders that were replaced."""
    from watchfiles import awatch

    folders, names = await asyncio.to_thread(_to_watch, path)
    yield None
    async for changes in awatch(
        *folders,
        watch_filter=lambda _, changed: changed in names,
        step=2000,
        debounce=2000,
        rust_timeout=60_000,
        yield_on_timeout=True,
        stop_event=stop,
        recursive=False,
    ):
        yield changes


def _to_watch(path: Path) -> tuple[set[Path], set[str]]:
    target, folder = path.resolve(), path.parent.resolve()
    return {folder, target.parent}, {str(path.absolute()), str(target), str(folder / path.name)}


async def _settled(path: Path, passes: Callable[[str], bool], clock: Clock) -> Seen:
    seen = await _look(path)
    waited = 0.0
    while True:
        whole = isinstance(seen, FileText) and await asyncio.to_thread(passes, seen.text)
        pause = SETTLE if whole else PATIENCE
        await clock.sleep(pause)
        again = await _look(path)
        waited += pause
        if _key(again) == _key(seen) and not await asyncio.to_thread(is_open_for_writing, path):
            return again
        seen = again
        if waited > LONGEST:  # somebody writes all the time: what stands now must do
            return again


def is_open_for_writing(path: Path) -> bool:
    """Whether some process has the file open for writing: then the kernel gives nobody a lease for reading it
    (fcntl(2), F_SETLEASE). Only the file's owner and root may ask; others get False. Blocking."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # The signal for a writer who comes at this very moment; that of the default, SIGIO, would end the process.
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    finally:
        os.close(handle)
    return False


async def _look(path: Path) -> Seen:
    try:
        return await asyncio.to_thread(read, path)
    except WtpdError as error:
        return error


def _key(seen: Seen | None) -> str | None:
    return seen.etag if isinstance(seen, FileText) else None if seen is None else str(seen)
