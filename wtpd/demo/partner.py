"""SUPERSERVICE as the sandbox plays it: its people, what it holds, what it was asked, its faults (spec: sandbox.md)."""

from __future__ import annotations

from typing import Any

from wtpd.sandbox.act import Control

Json = dict[str, Any]

PARTNER = "superservice"


class Partner:
    """One partner of the sandbox at `address`; close it with `close`. Raises `Refused` and `Unavailable`."""

    def __init__(self, address: str) -> None:
        self._control = Control(address)

    async def close(self) -> None:
        await self._control.__aexit__(None, None, None)

    async def act(self, name: str, /, **arguments: Any) -> Any:
        """Somebody there does something; the answer is what came of it."""
        return await self._control.act(PARTNER, name, **arguments)

    async def appointments(self) -> list[Json]:
        """All that it holds, cancelled ones too."""
        held: list[Json] = (await self._control.state(PARTNER))["appointments"]
        return held

    async def fault(self, kind: str, **more: Any) -> None:
        """From now on it misbehaves so, until `behave`; `route` and `method` say where, `count` how often."""
        await self._control.fault(PARTNER, kind, **more)

    async def behave(self) -> None:
        await self._control.clear_faults(PARTNER)

    async def shown(self, kind: str | None = None) -> int:
        """How many requests got a fault so far, of the faults in force."""
        faults = (await self._control.faults(PARTNER))["items"]
        return sum(fault["shown"] for fault in faults if kind in (None, fault["kind"]))

    async def requests(self, **wanted: str) -> int:
        """How many requests it got, e.g. `method="POST", path="/v1/dealers/*/appointments"`."""
        total: int = (await self._control.requests(partner=PARTNER, limit=1, **wanted))["total"]
        return total
