"""Channels of partners that send by themselves, over the listener: there is nobody to ask, only to wait for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wtpd.clock import Clock
from wtpd.config.channels import Wanted
from wtpd.config.model import Config
from wtpd.connectors.manifest import Manifest, Verified
from wtpd.daemon.channels.asked import Ask, AskedChannel, Entries
from wtpd.daemon.channels.channel import Place
from wtpd.errors import Refused
from wtpd.store.database import Database
from wtpd.texts import N_, Text


class ReceiverChannels:
    """`config`: the settings in force. While such a channel is paused, the listener asks its partner to come again."""

    makes_runs = False
    is_testable = False

    def __init__(self, db: Database, entries: Entries, clock: Clock, config: Callable[[], Config]) -> None:
        self._db = db
        self._entries = entries
        self._clock = clock
        self._config = config

    def takes(self, manifest: Manifest) -> bool:
        return manifest.receives is not None

    async def take_settings(self, config: Config) -> None:
        """The listener asks for its settings each time."""

    def make(self, config: Config, manifest: Manifest, wanted: Wanted) -> AskedChannel:
        async def verify(by: str) -> Verified:
            raise _cant(manifest)

        return AskedChannel(wanted, manifest, Ask(verify=verify, off=self._off), self._db, self._entries, self._clock)

    async def probe(
        self, config: Config, manifest: Manifest, place: Place, fields: Mapping[str, str] | None = None
    ) -> Verified:
        raise _cant(manifest)

    def _off(self) -> Text | None:
        if self._config().listener.enabled:
            return None
        return N_("the listener is switched off in wtpd.yaml (listener.enabled)")


def _cant(manifest: Manifest) -> Refused:
    text = N_("{title} sends by itself and can't be asked. What came in: wtpd listener received", title=manifest.title)
    return Refused(text, kind="not-testable")
