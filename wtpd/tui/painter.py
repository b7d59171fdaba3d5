"""Sends a terminal only what is other than what it shows already; a slow line is worth the comparison.

Textual draws whole widgets anew: a page that follows events would cost its 3 kB each time, though a number changed. The
painter reads what Textual would write (positions, colours, text: nothing else comes in pictures), keeps what the
terminal shows cell by cell, and writes the difference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.cells import cell_len

TOKEN = re.compile(r"\x1b\[(\d+);(\d+)H|\x1b\[([\d;]*)m|([^\x1b\r\n]+)|[\r\n]+")
GAP = 4
"""Equal cells between two different ones that are sent all the same: to step over them would cost as much."""
LOOKS = frozenset(("1", "2", "3", "22", "23", "39", "49", *map(str, range(30, 38)), *map(str, range(90, 98))))
"""What changes letters but not blanks."""
TAIL = "\x1b[K"

Cell = str | None
"""A sign with what is set above it; "" behind a wide one, None where nobody knows."""


class _NoPicture(Exception):
    """Something else is written."""


class Painter:
    """What a terminal of `columns` × `lines` shows, and how to make it show something else."""

    def __init__(self, columns: int, lines: int) -> None:
        self._size = (columns, lines)
        self._stale = False
        self._signs: list[list[Cell]] = []
        self._styles: list[list[str]] = []
        self._cursor: tuple[int, int] | None = None
        """Column and line, from 0; None where nobody knows."""
        self._clear()

    def forget(self) -> None:
        """The terminal may show anything: the next picture is sent whole."""
        self._stale = True

    def resize(self, columns: int, lines: int) -> None:
        if (columns, lines) != self._size:
            self._size = (columns, lines)
            self._stale = True

    def paint(self, picture: str) -> str:
        """What to write for what Textual wrote. Anything but a picture goes through as it is, and nothing is known
        afterwards."""
        if self._stale:
            self._clear()
        signs: dict[int, list[Cell]] = {}
        styles: dict[int, list[str]] = {}
        try:
            end = self._read(picture, signs, styles)
        except _NoPicture:
            self.forget()
            return picture
        written = [part for y in sorted(signs) for part in self._line(y, signs[y], styles[y])]
        if end is not None and end != (0, 0):
            written.append(self._move(*end))
        return "".join(written)

    # What Textual wants

    def _read(self, picture: str, signs: dict[int, list[Cell]], styles: dict[int, list[str]]) -> tuple[int, int] | None:
        """Put the picture into copies of the lines it touches; where the cursor stands at its end, if it was put
        there. Raises `_NoPicture`."""
        columns, lines = self._size
        x, y, style, at, row = 0, 0, "", 0, None
        for match in TOKEN.finditer(picture):
            if match.start() != at:
                raise _NoPicture
            at = match.end()
            row, column, look, text = match.groups()
            if row:
                x, y = int(column) - 1, int(row) - 1
            elif look is not None:
                style = _style(look)
            elif not text:
                x, y = 0, y + 1
            elif y < lines:
                if y not in signs:
                    signs[y], styles[y] = self._signs[y].copy(), self._styles[y].copy()
                x = _put(text, style, x, columns, signs[y], styles[y])
        if at != len(picture):
            raise _NoPicture
        return (min(x, columns - 1), min(y, lines - 1)) if row else None

    # What is written

    def _line(self, y: int, signs: list[Cell], styles: list[str]) -> Iterator[str]:
        """From what line `y` shows to what it is to show."""
        before, were = self._signs[y], self._styles[y]
        if signs == before and styles == were:
            return
        other = [x for x, (a, b, c, d) in enumerate(zip(signs, before, styles, were, strict=True)) if a != b or c != d]
        tail = len(signs)
        while tail and signs[tail - 1] == " " and not styles[tail - 1]:
            tail -= 1
        self._signs[y], self._styles[y] = signs, styles
        for first, last in _spans([x for x in other if x < tail], signs):
            yield from self._run(y, first, last, signs, styles)
        if other[-1] >= tail:
            yield self._move(next(x for x in other if x >= tail), y)
            yield TAIL

    def _run(self, y: int, first: int, last: int, signs: list[Cell], styles: list[str]) -> Iterator[str]:
        """The cells from `first` up to before `last`."""
        yield self._move(first, y)
        style = ""
        for x in range(first, last):
            if styles[x] != style:
                style = styles[x]
                yield f"\x1b[0;{style}m" if style else "\x1b[m"
            yield signs[x] or ""
        if style:
            yield "\x1b[m"
        self._cursor = (last, y) if last < len(signs) else None

    def _move(self, x: int, y: int) -> str:
        before, self._cursor = self._cursor, (x, y)
        if before == (x, y):
            return ""
        if before is not None and before[1] == y:
            return f"\x1b[{x + 1}G"
        return f"\x1b[{y + 1};{x + 1}H"

    def _clear(self) -> None:
        columns, lines = self._size
        self._stale = False
        self._cursor = None
        self._signs = [[None] * columns for _ in range(lines)]
        self._styles = [[""] * columns for _ in range(lines)]


def _put(text: str, style: str, x: int, columns: int, signs: list[Cell], styles: list[str]) -> int:
    """Put `text` at column `x` of a line; the column behind it."""
    cells: list[Cell] = list(text) if text.isascii() else _cells(text)
    room = max(0, columns - x)
    count = min(len(cells), room)
    signs[x : x + count] = cells[:count]
    inked = count
    if not set(style.split(";")) - LOOKS:  # blanks look alike in it: take them for plain ones
        while inked and cells[inked - 1] == " ":
            inked -= 1
    styles[x : x + count] = [style] * inked + [""] * (count - inked)
    return x + len(cells)


def _cells(text: str) -> list[Cell]:
    """One for each column: a wide sign has an empty one behind it; what has no width is part of the one before."""
    cells: list[Cell] = []
    for sign in text:
        width = cell_len(sign)
        if width == 0 and cells:
            cells[-1] = f"{cells[-1]}{sign}"
        elif width:
            cells += [sign, *[""] * (width - 1)]
    return cells


def _spans(other: list[int], signs: list[Cell]) -> Iterator[tuple[int, int]]:
    """Stretches that hold all of the columns `other`, and don't begin or end within a wide sign."""
    first = last = -1
    for x in other:
        if first < 0:
            first = x
        elif x - last > GAP or None in signs[last + 1 : x]:
            yield _whole(first, last + 1, signs)
            first = x
        last = x
    if first >= 0:
        yield _whole(first, last + 1, signs)


def _whole(first: int, last: int, signs: list[Cell]) -> tuple[int, int]:
    while first and signs[first] == "":
        first -= 1
    while last < len(signs) and signs[last] == "":
        last += 1
    return first, last


def _style(look: str) -> str:
    """The parameters of a colour sequence without those that say what is so anyway."""
    parts = look.split(";")
    if "38" in parts or "48" in parts:
        return look
    return ";".join(part for part in parts if part not in ("", "0", "39", "49"))
