"""How much one page of a list may hold, beside how many records: a list of the longest texts must fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

MOST = 1 << 20
"""Characters of the long columns on one page; five hundred ordinary appointments have a third of that."""

R = TypeVar("R")


def characters(row: Iterable[object]) -> int:
    """Those of all texts of a row."""
    return sum(len(value) for value in row if type(value) is str)


def fill(rows: Iterable[R], limit: int, size: Callable[[R], int]) -> tuple[list[R], bool]:
    """As many of the rows as one page may hold, at least one, and whether more follow. `rows` is read no further, so a
    cursor of the database is better than a list; `size` gives the characters of a row that count."""
    found: list[R] = []
    held = 0
    for row in rows:
        if len(found) >= limit or held >= MOST:
            return found, True
        found.append(row)
        held += size(row)
    return found, False
