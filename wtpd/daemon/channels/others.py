"""Channels of connectors that have no port of wtpd's, only actions that people start."""

from __future__ import annotations

from collections.abc import Mapping

from wtpd.clock import Clock
from wtpd.config.channels import Wanted
from wtpd.config.model import Config
from wtpd.connectors.manifest import Manifest, Verified
from wtpd.daemon.channels.asked import Ask, AskedChannel, Entries
from wtpd.daemon.channels.channel import Place
from wtpd.errors import Refused
from wtpd.store.database import Database
from wtpd.texts import N_


class OtherChannels:
    """Takes every connector, so it comes last."""

    makes_runs = False
    is_testable = False

    def __init__(self, db: Database, entries: Entries, clock: Clock) -> None:
        self._db = db
        self._entries = entries
        self._clock = clock

    def takes(self, manifest: Manifest) -> bool:
        return True

    async def take_settings(self, config: Config) -> None:
        """Nothing here depends on them."""

    def make(self, config: Config, manifest: Manifest, wanted: Wanted) -> AskedChannel:
        async def verify(by: str) -> Verified:
            raise _cant(manifest)

        return AskedChannel(wanted, manifest, Ask(verify=verify), self._db, self._entries, self._clock)

    async def probe(
        self, config: Config, manifest: Manifest, place: Place, fields: Mapping[str, str] | None = None
    ) -> Verified:
        raise _cant(manifest)


def _cant(manifest: Manifest) -> Refused:
    text = N_("{provider} offers no way to try its credentials.", provider=manifest.title)
    return Refused(text, kind="not-testable")
