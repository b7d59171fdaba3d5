"""A part of the API, as its classes share it (`records.py`, `resources.py`)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

from wtpd.client.http import Http, Json


class Resource:
    """A part of the API; `path` is where it begins."""

    def __init__(self, http: Http, path: str) -> None:
        self._http = http
        self._path = path

    def _of(self, *parts: str) -> str:
        return "/".join((self._path, *(quote(part, safe="") for part in parts)))

    async def _pages(self, path: str, **query: Any) -> AsyncIterator[list[Json]]:
        """The records of one page after the other."""
        cursor = None
        while True:
            page = await self._http.get(path, **query, cursor=cursor)
            yield page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return


def given(**values: Any) -> Json:
    """Without what wasn't given."""
    return {name: value for name, value in values.items() if value is not None}


def items(answer: Any) -> list[Json]:
    """The records of an answer, be it a page or a bare list."""
    found: list[Json] = answer if isinstance(answer, list) else answer["items"]
    return found
