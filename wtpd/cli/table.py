"""A table as lines of text; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wtpd.harmless import harmless

GAP = 2
NARROWEST = 6
"""A column isn't cut below this."""


@dataclass(frozen=True, slots=True)
class Table:
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]

    def lines(self, width: int | None) -> Iterator[str]:
        """Head and rows; the widest columns are cut until a line fits into `width` (None: nothing is cut)."""
        rows = [[" ".join(harmless(cell).split()) for cell in row] for row in (self.heads, *self.rows)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        if width is not None:
            widths = fitted(widths, width - GAP * (len(widths) - 1))
        for row in rows:
            cells = [cut(cell, size).ljust(size) for cell, size in zip(row, widths, strict=True)]
            yield (" " * GAP).join(cells).rstrip()


def needed(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Columns of the terminal that the table needs if nothing is cut."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    return sum(widths) + GAP * (len(widths) - 1)


def fitted(widths: Sequence[int], available: int) -> list[int]:
    """`widths`, the widest ones narrowed first, until they add up to `available` or none can give more."""
    narrowed = list(widths)
    while sum(narrowed) > available and max(narrowed) > NARROWEST:
        widest = max(range(len(narrowed)), key=narrowed.__getitem__)
        narrowed[widest] -= 1
    return narrowed


def cut(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 1] + "…"
