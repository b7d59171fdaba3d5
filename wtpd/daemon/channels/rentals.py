"""Channels of partners that rent out cars."""

from __future__ import annotations

from collections.abc import Mapping

from wtpd.clock import Clock
from wtpd.config.channels import Wanted
from wtpd.config.model import Config
from wtpd.connectors.kit.access import ConnectorAccess
from wtpd.connectors.manifest import Manifest, Verified
from wtpd.daemon.channels.asked import Ask, AskedChannel, Entries
from wtpd.daemon.channels.channel import Place
from wtpd.daemon.channels.vehicle_data import Verify
from wtpd.errors import Refused
from wtpd.store.database import Database
from wtpd.texts import N_


class RentalChannels:
    """`verify` tries what is stored and notes the result."""

    makes_runs = False
    is_testable = True

    def __init__(self, db: Database, entries: Entries, clock: Clock, *, verify: Verify) -> None:
        self._db = db
        self._entries = entries
        self._clock = clock
        self._verify = verify

    def takes(self, manifest: Manifest) -> bool:
        return manifest.rentals is not None

    async def take_settings(self, config: Config) -> None:
        """Nothing here lives longer than a call."""

    def make(self, config: Config, manifest: Manifest, wanted: Wanted) -> AskedChannel:
        ask = Ask(verify=lambda by: self._verify(manifest.name, by))
        return AskedChannel(wanted, manifest, ask, self._db, self._entries, self._clock)

    async def probe(
        self, config: Config, manifest: Manifest, place: Place, fields: Mapping[str, str] | None = None
    ) -> Verified:
        if fields is None or manifest.rentals is None:
            raise Refused(N_("{title} knows no dealer numbers.", title=manifest.title), kind="not-testable")

        async def secrets() -> Mapping[str, str]:
            return fields

        settings = config.connectors.get(manifest.name, manifest.settings())
        connector = manifest.rentals(ConnectorAccess(manifest.name, settings, self._clock, secrets))
        try:
            return await connector.verify(fields)
        finally:
            await connector.close()
