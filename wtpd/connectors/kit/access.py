"""What the house gives to a connector: `Access` of the manifest, for the settings of one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wtpd.clock import Clock
from wtpd.config.model import ConnectorSettings, seconds
from wtpd.connectors.kit.http import SIZE_LIMIT, PartnerHttp
from wtpd.connectors.manifest import Secrets
from wtpd.errors import Refused
from wtpd.texts import N_


@dataclass(frozen=True, slots=True)
class ConnectorAccess:
    """`connector`: its name; `credentials`: gives the fields of the entry that serves it."""

    connector: str
    settings: ConnectorSettings
    clock: Clock
    credentials: Secrets

    async def secrets(self) -> Mapping[str, str]:
        return await self.credentials()

    def http(
        self, address: str | None = None, *, size_limit: int | None = None, ca_file: str | None = None
    ) -> PartnerHttp:
        settings = self.settings
        address = address or settings.address
        if address is None:
            raise Refused(
                N_("No address is set for {connector} (connectors.{connector}.address).", connector=self.connector)
            )
        return PartnerHttp(
            address,
            connect_timeout=seconds(settings.connect_timeout),
            read_timeout=seconds(settings.read_timeout),
            total_timeout=seconds(settings.total_timeout),
            calls_at_once=settings.calls_at_once,
            size_limit=SIZE_LIMIT if size_limit is None else size_limit,
            ca_file=ca_file,
            clock=self.clock,
        )
