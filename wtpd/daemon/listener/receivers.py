"""Makes the receivers of the connectors whose partners send by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from wtpd.clock import Clock
from wtpd.config.model import Config, ConnectorSettings
from wtpd.connectors.kit.access import ConnectorAccess
from wtpd.connectors.kit.http import PartnerHttp
from wtpd.connectors.manifest import Manifest
from wtpd.connectors.receiver import Receiver
from wtpd.daemon.failures import Failures
from wtpd.texts import N_


class OfChannel(Protocol):
    """Gives the credential fields for a connector at a site. Raises `NeedsToken`, `KeyUnavailable`."""

    async def __call__(self, connector: str, site: str) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class ReceiverAccess:
    """`Access` with the settings in force whenever they are asked for: a receiver lives as long as the daemon. Its
    secrets are those that serve no site in particular."""

    manifest: Manifest
    config: Callable[[], Config]
    clock: Clock
    of_channel: OfChannel

    @property
    def settings(self) -> ConnectorSettings:
        return self.config().connectors.get(self.manifest.name) or self.manifest.settings()

    async def secrets(self) -> Mapping[str, str]:
        return await self.of_channel(self.manifest.name, "")

    def http(
        self, address: str | None = None, *, size_limit: int | None = None, ca_file: str | None = None
    ) -> PartnerHttp:
        now = ConnectorAccess(self.manifest.name, self.settings, self.clock, self.secrets)
        return now.http(address, size_limit=size_limit, ca_file=ca_file)


def make(
    manifests: Iterable[Manifest],
    config: Callable[[], Config],
    clock: Clock,
    of_channel: OfChannel,
    failures: Failures,
) -> Mapping[str, Receiver]:
    """The receivers by connector. A connector whose receiver can't be made is a problem of its own only."""
    found: dict[str, Receiver] = {}
    for manifest in manifests:
        if manifest.receives is None:
            continue
        try:
            found[manifest.name] = manifest.receives(ReceiverAccess(manifest, config, clock, of_channel))
        except Exception as error:
            what = N_("Receiving what {partner} sends", partner=manifest.title)
            failures.failed(f"listener: {manifest.name}", what, error)
    return found
