"""A program on a pseudo terminal, every byte and its moment counted. Linux only, like the rest."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

QUIET = 0.06
"""Seconds without a byte after which a picture is complete."""


@dataclass(frozen=True, slots=True)
class Reply:
    """To one key: how many bytes, and seconds until the first and the last of them."""

    size: int
    first: float
    last: float


@dataclass
class Terminal:
    pid: int
    wire: int
    began: float
    seen: bytearray = field(default_factory=bytearray)

    def until(self, wanted: bytes, patience: float = 60) -> float:
        """Seconds since the process was started until it was written."""
        end = time.perf_counter() + patience
        while wanted not in self.seen:
            assert select.select([self.wire], [], [], max(0.0, end - time.perf_counter()))[0], (
                wanted,
                self.seen[-500:],
            )
            self.seen += os.read(self.wire, 65536)
        return time.perf_counter() - self.began

    def quiet(self, seconds: float = QUIET) -> int:
        """Until nothing came for so long; bytes that came."""
        count = 0
        while select.select([self.wire], [], [], seconds)[0]:
            part = os.read(self.wire, 65536)
            self.seen += part
            count += len(part)
        return count

    def watch(self, seconds: float) -> int:
        """Bytes in so many seconds."""
        count, end = 0, time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            if select.select([self.wire], [], [], left)[0]:
                count += len(os.read(self.wire, 65536))
        return count

    def press(self, keys: bytes, *, quiet: float = QUIET) -> Reply:
        """What comes of `keys`, until nothing came for `quiet` seconds."""
        start = time.perf_counter()
        os.write(self.wire, keys)
        size, first, last = 0, 0.0, 0.0
        while select.select([self.wire], [], [], quiet if size else 2)[0]:
            part = os.read(self.wire, 65536)
            self.seen += part
            last = time.perf_counter() - start
            first = first or last
            size += len(part)
        return Reply(size, first, last)


@contextmanager
def terminal(command: Sequence[str], columns: int, lines: int) -> Iterator[Terminal]:
    """`command` on a terminal of that size; ended by SIGTERM."""
    wire, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    unwanted = ("SSH", "LC_", "NO_COLOR", "TMUX", "STY", "WTPD_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    environment |= {"TERM": "xterm-256color", "LANG": "C.UTF-8"}
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdin=other,
        stdout=other,
        stderr=other,
        env=environment,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(other)
    try:
        yield Terminal(process.pid, wire, began)
    finally:
        process.terminate()
        while process.poll() is None:
            if select.select([wire], [], [], 0.05)[0]:
                try:
                    os.read(wire, 65536)
                except OSError:
                    break
        process.wait(10)
        os.close(wire)
