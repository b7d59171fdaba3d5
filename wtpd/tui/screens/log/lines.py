"""The lines of the daemon's log that are here: a window of it, which grows at both ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from wtpd.client import Json

PART = 200
"""Lines that are asked for at once."""
PARTS = 10
"""After a longer absence than this many the window begins anew."""
MOST = 5000
"""Lines kept while following; older ones can be asked for again."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which lines are wanted; an empty one wants all."""

    level: str = "info"
    connector: str = ""
    site: str = ""
    words: str = ""

    @property
    def query(self) -> dict[str, str | None]:
        return {
            "level": self.level,
            "connector": self.connector or None,
            "site": self.site or None,
            "q": self.words or None,
        }


class Lines:
    """The lines that `wanted` lets through. `ask`: `Client.log.list`. All that asks raises `ClientError`."""

    def __init__(self, ask: Callable[..., Awaitable[Json]], wanted: Filter) -> None:
        self.wanted = wanted
        self.all: list[Json] = []
        """Oldest first."""
        self.older: str | None = None
        """Where older ones are found; None if there are none."""
        self._ask = ask

    async def catch_up(self) -> None:
        """Fetch what came behind the newest line that is here; begin anew if that is too much."""
        newer = await self._newer() if self.all else None
        if newer is not None:
            self.all += newer
            return
        page = await self._part()
        self.all, self.older = page["items"][::-1], page["next_cursor"]

    async def go_back(self) -> bool:
        """Fetch a part of what is older; False if the window began anew meanwhile."""
        before = self.older
        page = await self._part(before)
        if before != self.older:
            return False
        self.all[:0] = page["items"][::-1]
        self.older = page["next_cursor"]
        return True

    def trim(self) -> None:
        """Forget the older half of too many lines."""
        if len(self.all) > MOST:
            del self.all[: -(MOST // 2)]
            self.older = str(self.all[0]["id"])

    async def _newer(self) -> list[Json] | None:
        """Lines behind the newest one, oldest first; None if that is too far away."""
        last = self.all[-1]["id"]
        found: list[Json] = []
        before = None
        for _ in range(PARTS):
            page = await self._part(before)
            newer = [line for line in page["items"] if line["id"] > last]
            found += newer
            before = page["next_cursor"]
            if before is None or len(newer) < len(page["items"]):
                return found[::-1]
        return None

    async def _part(self, before: str | None = None) -> Json:
        """Newest first."""
        return await self._ask(**self.wanted.query, limit=PART, before=before)
