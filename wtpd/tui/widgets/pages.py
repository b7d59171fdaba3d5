"""The rows of a table, page by page: those at hand, and how the others are fetched."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from wtpd.client import ClientError

PAGE = 100
"""Rows fetched at once."""
PAGES = 20
"""Pages kept."""

Row = Any
Fetch = Callable[[int, int], Awaitable[tuple[Sequence[Row], int]]]
"""`fetch(offset, limit)` → rows and how many there are in all."""


class Pages:
    """`total` rows, of which those of some pages are at hand. A table that shows something else gets others, so that
    a page that comes late is put where nobody looks any more."""

    def __init__(self, total: int, pages: dict[int, Sequence[Row]], fetch: Fetch | None = None) -> None:
        """`fetch` None: all that there is is in `pages`."""
        self.total = total
        self._pages = pages
        self._fetch = fetch
        self._wanted: set[int] = set()

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Pages:
        """All of them."""
        return cls(len(rows), {start // PAGE: rows[start : start + PAGE] for start in range(0, len(rows), PAGE)})

    @classmethod
    async def around(cls, fetch: Fetch, index: int) -> Pages:
        """With the page in which `index` is, or the last if there are fewer. Raises what `fetch` raises."""
        page = index // PAGE
        rows, total = await fetch(page * PAGE, PAGE)
        if not rows and total:
            page = (total - 1) // PAGE
            rows, total = await fetch(page * PAGE, PAGE)
        return cls(total, {page: rows}, fetch)

    def __len__(self) -> int:
        """Pages at hand."""
        return len(self._pages)

    def at(self, index: int) -> Row | None:
        """The row, if it is at hand."""
        rows, place = self._pages.get(index // PAGE, ()), index % PAGE
        return rows[place] if place < len(rows) else None

    def place_of(self, is_it: Callable[[Row], bool]) -> int | None:
        """Where the row is, if it is at hand."""
        for page, rows in self._pages.items():
            for place, row in enumerate(rows):
                if is_it(row):
                    return page * PAGE + place
        return None

    def want(self, index: int) -> bool:
        """Whether `fetch` is to be called for this row: nobody did yet."""
        page = index // PAGE
        if self._fetch is None or page in self._wanted or page in self._pages:
            return False
        self._wanted.add(page)
        return True

    async def fetch(self, index: int) -> bool:
        """Fetch the page of a row that was wanted; whether it came. The page that is farthest from it is let go."""
        assert self._fetch is not None
        page = index // PAGE
        try:
            rows, self.total = await self._fetch(page * PAGE, PAGE)
        except ClientError:
            return False  # it is wanted again once the daemon is back: all is loaded anew then
        finally:
            self._wanted.discard(page)
        self._pages[page] = rows
        if len(self._pages) > PAGES:
            del self._pages[max(self._pages, key=lambda one: abs(one - page))]
        return True
