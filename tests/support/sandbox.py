"""A real sandbox on loopback, its control panel, and connectors that talk to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.running_clock import CLOCK
from wtpd.connectors.kit.http import PartnerHttp
from wtpd.connectors.manifest import AppointmentConnector, Secrets
from wtpd.connectors.superservice import manifest as superservice
from wtpd.sandbox.act import Control
from wtpd.sandbox.server import RunningSandbox, sandbox_server
from wtpd.sync.ports import Intent

DEALER = "00123"
"""A dealer that every new sandbox has."""
CLIENT = {"client_id": "sandbox", "client_secret": "sandbox-secret"}
"""Credentials that every new sandbox has, good for all dealers."""

FIELDS: Mapping[str, Any] = {
    "drop_off": "2027-03-01T07:00:00Z",
    "collection": "2027-03-01T15:30:00Z",
    "status": "scheduled",
    "transport_option": "courtesy_car",
    "courtesy_car": "EW1",
    "customer_waiting": False,
    "advisor": "SB1",
    "notes": "Schlüssel im Tresor; Räder eingelagert",
    "interventions": [
        {"code": "HU", "title": "Hauptuntersuchung", "description": "mit AU", "labour_units": 12, "price_cents": 14950},
        {"code": "", "title": "„Klappern“ hinten", "description": "", "labour_units": 2.5, "price_cents": None},
    ],
    "customer.company": "",
    "customer.salutation": "Herr",
    "customer.title": "Dr.",
    "customer.first_name": "Axel",
    "customer.last_name": "Lübs",
    "customer.street": "Bohnbachplatz",
    "customer.house_number": "142a",
    "customer.postcode": "18055",
    "customer.city": "Rostock",
    "customer.country": "DE",
    "customer.email": "axel.lübs@example.org",
    "customer.phone": "0381/602921",
    "customer.mobile": "0151 85641177",
    "customer.business_email": "",
    "customer.business_phone": "",
    "customer.business_mobile": "",
    "vehicle.plate": "HRO-AL 17",
    "vehicle.vin": "SJNFLKWT9X1458220",
    "vehicle.make": "NISSAN",
    "vehicle.model": "Leaf",
    "vehicle.fuel": "Elektro",
    "vehicle.first_registration": "2024-06-13",
    "vehicle.inspection_due": None,
    "vehicle.odometer_km": 35630,
}  # fmt: skip
"""A whole appointment of ours, as shared fields."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """`control` plays, faults and looks; `partner` gives the address to configure."""

    running: RunningSandbox
    control: Control

    def partner(self, name: str) -> str:
        return self.running.partner(name)


@asynccontextmanager
async def running_sandbox(folder: Path, **options: Any) -> AsyncIterator[Sandbox]:
    """The sandbox in this event loop, its state in `folder`; options as for `sandbox_server`."""
    async with sandbox_server(folder, **{"clock": CLOCK, **options}) as running, Control(running.address) as control:
        yield Sandbox(running, control)


@asynccontextmanager
async def superservice_connector(
    sandbox: Sandbox, secrets: Mapping[str, str] = CLIENT, *, transport: Any = None, **options: Any
) -> AsyncIterator[AppointmentConnector]:
    """SUPERSERVICE's connector, talking to the sandbox; options as for `PartnerHttp`."""
    http = PartnerHttp(sandbox.partner("superservice"), transport=transport, **options)
    assert superservice.connect is not None
    connector = superservice.connect(http, giving(secrets))
    try:
        yield connector
    finally:
        await connector.close()


def giving(secrets: Mapping[str, str]) -> Secrets:
    """A credential store that holds just these."""

    async def give() -> Mapping[str, str]:
        return secrets

    return give


@asynccontextmanager
async def partner_client(sandbox: Sandbox, partner: str = "superservice") -> AsyncIterator[httpx.AsyncClient]:
    """Plain HTTP to one partner."""
    async with httpx.AsyncClient(base_url=sandbox.partner(partner), trust_env=False, timeout=10) as client:
        yield client


def creation(our_id: str = "0193-a1", *, key: str | None = None, **changed: Any) -> Intent:
    """An intent to create an appointment there; `changed` fields are named with `__` for the dot."""
    fields = {**FIELDS, **{name.replace("__", "."): value for name, value in changed.items()}}
    return Intent(
        channel="superservice/rostock",
        account=DEALER,
        appointment_id=our_id,
        key=key or f"create-{our_id}",
        operation="create",
        fields=fields,
        full=fields,
    )


def update(our_id: str, partner_id: str, version: int | None, *, key: str, **changed: Any) -> Intent:
    """An intent to change fields of an appointment there."""
    fields = {name.replace("__", "."): value for name, value in changed.items()}
    return Intent(
        channel="superservice/rostock",
        account=DEALER,
        appointment_id=our_id,
        key=key,
        operation="update",
        fields=fields,
        full={**FIELDS, **fields},
        partner_id=partner_id,
        expected_version=version,
    )


def cancellation(our_id: str, partner_id: str, version: int | None, *, key: str, reason: str | None = None) -> Intent:
    """An intent to cancel an appointment there."""
    return Intent(
        channel="superservice/rostock",
        account=DEALER,
        appointment_id=our_id,
        key=key,
        operation="cancel",
        fields={},
        full={},
        partner_id=partner_id,
        expected_version=version,
        reason=reason,
    )
