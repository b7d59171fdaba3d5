"""A file to which lines are appended, and one before it: together they never grow beyond twice `MOST`. Blocking."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

MOST = 1_000_000
"""Bytes after which a new file is begun."""


class LineFile:
    """Only its owner may read it. `append` never raises: what can't be written is left out, and the next line is tried
    again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._before = path.with_name(path.name + ".1")
        self._file: int | None = None
        self._size = 0
        self._is_torn = False
        """The last line may have been written in part."""

    def append(self, line: bytes) -> None:
        """`line` without its end."""
        try:
            self._make_room(len(line) + 2)
            file = self._open() if self._file is None else self._file
            data = (b"\n" if self._is_torn else b"") + line + b"\n"
            self._is_torn = True
            written = os.write(file, data)
            self._size += written
            self._is_torn = written < len(data)
        except OSError:
            self.close()

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                os.close(file)

    def backwards(self) -> Iterator[bytes]:
        """All lines that are kept, the last one first."""
        for path in (self._path, self._before):
            with contextlib.suppress(OSError):
                yield from reversed(path.read_bytes().splitlines())

    def _make_room(self, more: int) -> None:
        if self._file is not None and self._size + more > MOST:
            self.close()
            self._path.replace(self._before)

    def _open(self) -> int:
        self._file = file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.fchmod(file, 0o600)
        self._size = os.fstat(file).st_size
        if self._size and os.pread(file, 1, self._size - 1) != b"\n":  # a power cut, or a full disk
            self._is_torn = True
        return file
