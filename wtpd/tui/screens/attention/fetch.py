"""What an entry needs beside the list: the message in quarantine, the records that may be the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wtpd.client import ClientError, Json
from wtpd.tui.page import Page

_NEEDED = ("quarantine", "unmatched")


class Details:
    """Fetched when the cursor comes to an entry, and anew after the list was loaded anew."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._kept: dict[int, Json] = {}
        self._fresh: set[int] = set()

    def of(self, entry: Json) -> Json:
        """What is known: `message` (and `edited`), or `records`, the new one first; empty before it came."""
        return self._kept.get(entry["id"], {})

    def wanted(self, entry: Json) -> bool:
        return entry["kind"] in _NEEDED and entry["id"] not in self._fresh

    def stale(self) -> None:
        self._fresh.clear()

    async def fetch(self, entry: Json) -> bool:
        """Whether it came; if not, it is asked for again when the cursor comes by."""
        try:
            if entry["kind"] == "quarantine":
                detail = await self._page.api.attention.get(entry["id"])
            else:
                detail = {"records": await self._records(entry["data"])}
        except ClientError:
            return False
        self._kept[entry["id"]] = detail
        self._fresh.add(entry["id"])
        return True

    async def _records(self, data: Mapping[str, Any]) -> list[Json]:
        api = self._page.api
        part = api.vehicles if data.get("what") == "vehicle" else api.customers
        ids = [str(one) for one in (data.get("created"), *data.get("candidates", ())) if one]
        return [await part.get(one) for one in ids]
