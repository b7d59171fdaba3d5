"""The keys of `connectors.rdw` in wtpd.yaml."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from wtpd.config.model import ConnectorSettings


class RdwSettings(ConnectorSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the register is asked. It is off without this section, and on with it unless `enabled` is false."""

    canary: Annotated[
        Annotated[str, Meta(max_length=16, pattern=r"^[A-Za-z0-9 -]+$", examples=["6-TJR-64"])] | None,
        Meta(description="a plate that is always known: asked before another one counts as unknown"),
    ] = None
