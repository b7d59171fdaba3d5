"""The sandbox as tests use it, with SUPERSERVICE's connector."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.running_clock import CLOCK
from wtpd.clock import Clock
from wtpd.config.model import ConnectorSettings
from wtpd.connectors.kit.http import PartnerHttp
from wtpd.connectors.manifest import AppointmentPartner, Secrets
from wtpd.connectors.superservice import manifest as superservice
from wtpd.testing import Sandbox, giving
from wtpd.testing import running_sandbox as a_running_sandbox
from wtpd.testing.intents import ACCOUNT, FIELDS, cancellation, creation, update

__all__ = [
    "CLIENT", "DEALER", "FIELDS", "Sandbox", "cancellation", "creation", "giving", "partner_client", "running_sandbox",
    "superservice_connector", "update",
]  # fmt: skip

DEALER = ACCOUNT
"""A dealer that every new sandbox has."""
CLIENT = {"client_id": "sandbox", "client_secret": "sandbox-secret"}
"""Credentials that every new sandbox has, good for all dealers."""


@asynccontextmanager
async def running_sandbox(folder: Path, **options: Any) -> AsyncIterator[Sandbox]:
    """The sandbox in this event loop with the clock of the tests; options as for `sandbox_server`."""
    async with a_running_sandbox(folder, **{"clock": CLOCK, **options}) as sandbox:
        yield sandbox


@asynccontextmanager
async def superservice_connector(
    sandbox: Sandbox, secrets: Mapping[str, str] = CLIENT, *, transport: Any = None, **options: Any
) -> AsyncIterator[AppointmentPartner]:
    """SUPERSERVICE's connector, talking to the sandbox; options as for `PartnerHttp`."""
    http = PartnerHttp(sandbox.partner("superservice"), transport=transport, **options)
    assert superservice.appointments is not None
    connector = superservice.appointments(OneClient(http, giving(secrets)))
    try:
        yield connector
    finally:
        await connector.close()


SETTINGS = superservice.settings()


@dataclass(frozen=True)
class OneClient:
    """Gives a connector just this HTTP client."""

    client: PartnerHttp
    secrets: Secrets
    settings: ConnectorSettings = SETTINGS
    clock: Clock = CLOCK

    def http(
        self, address: str | None = None, *, size_limit: int | None = None, ca_file: str | None = None
    ) -> PartnerHttp:
        return self.client


@asynccontextmanager
async def partner_client(sandbox: Sandbox, partner: str = "superservice") -> AsyncIterator[httpx.AsyncClient]:
    """Plain HTTP to one partner."""
    async with httpx.AsyncClient(base_url=sandbox.partner(partner), trust_env=False, timeout=10) as client:
        yield client
