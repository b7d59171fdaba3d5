"""What a connector gets of the house."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from wtpd.config.model import ConnectorSettings

if TYPE_CHECKING:
    from wtpd.clock import Clock
    from wtpd.connectors.kit.http import PartnerHttp


class Access(Protocol):
    """What a connector gets of the house: its settings in force, the clock, its credentials, and HTTP."""

    @property
    def settings(self) -> ConnectorSettings:
        """An instance of the manifest's `settings`."""
        ...

    @property
    def clock(self) -> Clock: ...

    async def secrets(self) -> Mapping[str, str]:
        """The credential fields for this connector, and its site if it is mapped by site, at the moment of use.
        Raises `NeedsToken` if there are none."""
        ...

    def http(
        self, address: str | None = None, *, size_limit: int | None = None, ca_file: str | None = None
    ) -> PartnerHttp:
        """A client for `address` (None: that of the settings) with the time limits of the settings; the connector
        closes it. `ca_file` as for `PartnerHttp`. Raises `Refused` if there is no address, `Invalid` for one that isn't
        https."""
        ...
