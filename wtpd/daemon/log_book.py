"""The daemon's last log lines, for the API: in memory, and in two small files that outlive a restart.

Nobody who logs waits for the disk: a thread of its own writes, and sleeps while there is nothing to write. A disk that
is full or hangs costs lines in the files, never in the journal, and never the daemon.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import msgspec

from wtpd.clock import iso_exact
from wtpd.daemon.line_file import LineFile
from wtpd.daemon.logs import CleanFormatter, Redactor, extras

NAME = "log.jsonl"
KEPT = 1000
"""Lines in memory; older ones are looked up in the files."""
LONGEST = 4000
"""Characters of one message; the middle of a longer one (a traceback) is left out."""
BACKLOG = 5000
"""Lines that may wait for the disk; further ones stay in memory only."""
STOP = 1.0
"""Seconds in which the disk must have taken the last lines."""

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_APART = frozenset({"CHANNEL", "CONNECTOR", "SITE", "APPOINTMENT", "MESSAGE_ID"})
"""Extras that have a place of their own in a line, or mean nothing outside the journal."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the log, without secrets. `id` grows and is never used twice; `at` RFC 3339 in UTC; `fields`: what
    else was said, e.g. `run`, `state`, `actor`."""

    id: int
    at: str
    level: str
    logger: str
    message: str
    channel: str | None = None
    connector: str | None = None
    site: str | None = None
    appointment_id: str | None = None
    fields: dict[str, str] = {}


Wanted = Callable[[Line], bool]
_decode = msgspec.json.Decoder(Line).decode
_encode = msgspec.json.Encoder().encode


class LogBook(logging.Handler):
    """`on_line` is told of each line, on the thread that logged it."""

    def __init__(self, folder: Path, redactor: Redactor) -> None:
        super().__init__()
        self.on_line: Callable[[Line], object] = lambda line: None
        self._redactor = redactor
        self._file = LineFile(folder / NAME)
        self._lines: deque[Line] = deque(maxlen=KEPT)
        self._last = 0
        self._begun = False
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="log book", daemon=True)
        self.setFormatter(CleanFormatter("%(message)s", redactor))

    def listen(self) -> None:
        """Hear all that is logged from now on."""
        logging.getLogger().addHandler(self)

    def begin(self) -> None:
        """Write to the file from now on, what was heard before included, behind its last line. Blocking."""
        newest = next(self._kept(), None)
        self.acquire()
        if newest is not None:
            self._number_behind(newest.id)
        for line in self._lines:
            self._queue.put(_encode(line))
        self._begun = True
        self.release()
        self._writer.start()

    def close(self) -> None:
        """Hear no more, and let the last lines get to the disk; safe to call twice. Blocking."""
        logging.getLogger().removeHandler(self)
        if self._writer.is_alive():
            self._queue.put(None)
            self._writer.join(STOP)
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """`logging` calls it for one record at a time."""
        try:
            line = self._line(record)
            self._lines.append(line)
            if self._begun and self._queue.qsize() < BACKLOG:
                self._queue.put(_encode(line))
            self.on_line(line)
        except Exception:
            self.handleError(record)

    def page(self, wanted: Wanted, *, before: int | None = None, limit: int = 100) -> list[Line]:
        """The newest lines that are wanted, older than the line `before`; the newest first. Blocking: reads files."""
        found = (line for line in self._all() if (before is None or line.id < before) and wanted(line))
        return list(islice(found, limit))

    def _number_behind(self, last: int) -> None:
        """What was heard so far comes behind it, even if the clock was set back since."""
        shift = last + 1 - self._lines[0].id if self._lines else 0
        if shift > 0:
            heard = [msgspec.structs.replace(line, id=line.id + shift) for line in self._lines]
            self._lines = deque(heard, maxlen=KEPT)
        self._last = self._lines[-1].id if self._lines else last

    def _all(self) -> Iterator[Line]:
        """From the newest on; from the files only what isn't in memory any more."""
        self.acquire()  # `emit` may be at it on another thread
        in_memory = list(self._lines)
        self.release()
        yield from reversed(in_memory)
        oldest = in_memory[0].id if in_memory else None
        yield from (line for line in self._kept() if oldest is None or line.id < oldest)

    def _kept(self) -> Iterator[Line]:
        """What stands in the files, from the newest on; a line that was cut off, or isn't ours, is passed over."""
        last: int | None = None
        for raw in self._file.backwards():
            try:
                line = _decode(raw)
            except msgspec.DecodeError:
                continue
            if last is None or line.id < last:  # the files may have been swapped meanwhile
                last = line.id
                yield line

    def _line(self, record: logging.LogRecord) -> Line:
        told = extras(record, self._redactor)
        channel, connector, site = told.get("CHANNEL"), told.get("CONNECTOR"), told.get("SITE")
        if channel is not None and "/" in channel:
            connector, site = connector or channel.partition("/")[0], site or channel.partition("/")[2]
        elif connector is not None and site is not None:
            channel = f"{connector}/{site}"
        # The milliseconds keep numbers apart even where the lines of an earlier life couldn't be written.
        self._last = max(self._last + 1, int(record.created * 1000))
        return Line(
            id=self._last,
            at=iso_exact(datetime.fromtimestamp(record.created, UTC)),
            level=_level(record.levelno),
            logger=record.name,
            message=_shortened(self.format(record)),
            channel=channel,
            connector=connector,
            site=site,
            appointment_id=told.get("APPOINTMENT"),
            fields={name.lower(): value for name, value in told.items() if name not in _APART},
        )

    def _write(self) -> None:
        while (line := self._queue.get()) is not None:
            self._file.append(line)
        self._file.close()


def _level(number: int) -> str:
    return next((name for name, limit in reversed(LEVELS.items()) if number >= limit), "debug")


def _shortened(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST // 4]}\n…\n{text[-LONGEST * 3 // 4 :]}"
