"""Channels of the sources of vehicle data: asked by VIN or plate, whenever somebody wants to know."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from wtpd.clock import Clock
from wtpd.config.channels import Wanted
from wtpd.config.model import Config
from wtpd.connectors.manifest import Manifest, Verified
from wtpd.daemon.channels.asked import Ask, AskedChannel, Entries, Failing
from wtpd.daemon.channels.channel import Place
from wtpd.errors import Refused
from wtpd.store.database import Database
from wtpd.texts import N_

Verify = Callable[[str, str], Awaitable[Verified]]
"""Tries the stored credentials of a connector, for a person: both by name."""


class Sources(Protocol):
    """The engine's side: tries credentials at a source."""

    async def verify(self, source: str, fields: Mapping[str, str]) -> Verified: ...


class VehicleDataChannels:
    """`verify` tries what is stored and notes the result; `failing`: since when a register can't be asked."""

    makes_runs = False
    is_testable = True

    def __init__(
        self,
        db: Database,
        sources: Sources,
        entries: Entries,
        clock: Clock,
        *,
        verify: Verify,
        failing: Callable[[str], Failing | None],
    ) -> None:
        self._db = db
        self._sources = sources
        self._entries = entries
        self._clock = clock
        self._verify = verify
        self._failing = failing

    def takes(self, manifest: Manifest) -> bool:
        return manifest.vehicle_data is not None

    async def take_settings(self, config: Config) -> None:
        """The engine asks for its settings each time."""

    def make(self, config: Config, manifest: Manifest, wanted: Wanted) -> AskedChannel:
        ask = Ask(verify=lambda by: self._verify(manifest.name, by), failing=lambda: self._failing(manifest.name))
        return AskedChannel(wanted, manifest, ask, self._db, self._entries, self._clock)

    async def probe(
        self, config: Config, manifest: Manifest, place: Place, fields: Mapping[str, str] | None = None
    ) -> Verified:
        if fields is None:
            raise Refused(N_("{title} knows no dealer numbers.", title=manifest.title), kind="not-testable")
        return await self._sources.verify(manifest.name, fields)
