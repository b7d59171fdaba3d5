"""One partner in the sandbox: its manifest, its side, its faults, and what the sandbox gives it."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

from wtpd.clock import Clock
from wtpd.connectors.kit.sandbox_side import Journal, PartnerSide
from wtpd.connectors.manifest import Manifest
from wtpd.sandbox.faults import FaultBoard
from wtpd.sandbox.state import State


class SandboxHost:
    """What one partner's side gets (`wtpd.connectors.kit.sandbox_side.Host`)."""

    def __init__(self, name: str, state: State, clock: Clock, seed: int, address: str) -> None:
        self._name = name
        self._state = state
        self.clock = clock
        self.chance = random.Random(f"{seed}/{name}")  # noqa: S311 - repeatable on purpose
        self.address = f"{address}/{name}"

    def journal(self, name: str) -> Journal:
        return self._state.journal(f"{self._name}/{name}")

    async def saved(self) -> None:
        await self._state.saved()


@dataclass(slots=True)
class Mounted:
    """One partner in the sandbox. `side` is another one after its data were put back."""

    manifest: Manifest
    side: PartnerSide
    faults: FaultBoard
    clock: Clock
    address: str
    host: SandboxHost
    state: State

    async def keep(self, name: str) -> None:
        """Keep a copy of what it holds."""
        await self.state.keep(self.manifest.name, name)

    async def put_back(self, name: str | None) -> bool:
        """Restore the copy `name`, or (None) empty the partner; logins and rules stay. False if there is no such copy.
        A poll that is being held open still belongs to the data before."""
        partner = self.manifest.name
        if name is not None and not await self.state.has_kept(partner, name):
            return False
        await self.state.put_back(partner, name, self.side.access_journals)
        assert self.manifest.sandbox is not None
        self.side = await asyncio.to_thread(self.manifest.sandbox, self.host)
        return True
