"""Every applied version of `wtpd.yaml`, the last 50, with time and author. Blocking: call it on a thread."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from wtpd.clock import iso
from wtpd.errors import NotFound
from wtpd.texts import N_

KEPT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One applied version; `at` as the book keeps times."""

    number: int
    at: str
    author: str


class _Stored(msgspec.Struct, frozen=True):
    number: int
    at: str
    author: str
    text: str


class History:
    """In `folder` a file for each version: `000012.json`."""

    def __init__(self, folder: Path, *, kept: int = KEPT) -> None:
        self._folder = folder
        self._kept = kept

    def record(self, text: str, *, author: str, at: datetime) -> Version:
        """Keep `text` as the newest version, unless it is that already."""
        numbers = self._numbers()
        if numbers:
            newest = self._stored(numbers[-1])
            if newest is not None and newest.text == text:
                return _version(newest)
        stored = _Stored((numbers[-1] if numbers else 0) + 1, iso(at), author, text)
        self._write(stored)
        for number in [*numbers, stored.number][: -self._kept]:
            self._file(number).unlink(missing_ok=True)
        return _version(stored)

    def versions(self) -> list[Version]:
        """Newest first."""
        found = (self._stored(number) for number in reversed(self._numbers()))
        return [_version(stored) for stored in found if stored is not None]

    def newest_text(self) -> str | None:
        """The text of the newest version; None if there is none, or it was damaged."""
        numbers = self._numbers()
        stored = self._stored(numbers[-1]) if numbers else None
        return stored.text if stored is not None else None

    def text(self, number: int) -> str:
        """Raises `NotFound`."""
        stored = self._stored(number)
        if stored is None:
            raise NotFound(N_("there is no version {number} of the configuration", number=number))
        return stored.text

    def _numbers(self) -> list[int]:
        return sorted(int(file.stem) for file in self._folder.glob("*.json") if file.stem.isdecimal())

    def _file(self, number: int) -> Path:
        return self._folder / f"{number:06d}.json"

    def _stored(self, number: int) -> _Stored | None:
        """None if it isn't there, or was damaged: a damaged one must not hide the others."""
        try:
            return msgspec.json.decode(self._file(number).read_bytes(), type=_Stored)
        except (OSError, msgspec.DecodeError):
            return None

    def _write(self, stored: _Stored) -> None:
        self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        target = self._file(stored.number)
        temporary = target.with_suffix(".new")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "wb") as file:
            file.write(msgspec.json.encode(stored))
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(target)


def _version(stored: _Stored) -> Version:
    return Version(number=stored.number, at=stored.at, author=stored.author)
