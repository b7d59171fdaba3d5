"""The keys of `connectors.carloop` in wtpd.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from wtpd.config.model import ConnectorSettings
from wtpd.texts import N_, Text


class CarloopSettings(ConnectorSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How Carloop is called. Its web address stands with its token in the credentials."""

    ca_file: Annotated[
        Annotated[str, Meta(pattern=r"^/", max_length=1024, examples=["/etc/wtpd/carloop-ca.pem"])] | None,
        Meta(
            description="certificates (PEM) that are trusted beside the system's, for a server of the dealership's own"
        ),
    ] = None
    calls_per_second: Annotated[
        int, Meta(ge=1, le=50, description="calls with one token, at most; Carloop takes five")
    ] = 5

    def problems(self) -> Iterator[tuple[tuple[str, ...], Text]]:
        if self.address is not None:
            yield ("address",), N_("the address stands with the token: wtpd credential set carloop; remove this line")
