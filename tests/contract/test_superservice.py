from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.support.openapi import CheckedTransport
from tests.support.sandbox import (
    CLIENT,
    DEALER,
    Sandbox,
    cancellation,
    creation,
    running_sandbox,
    superservice_connector,
    update,
)
from wtpd.channel.errors import Duplicate, NeedsToken, Precondition, Rejected
from wtpd.connectors.manifest import AppointmentPartner
from wtpd.connectors.superservice.sandbox import contract
from wtpd.sync.ports import DayOffer
from wtpd.testing import AppointmentContract

PARTNER = "superservice"

DAY = {"start": "2027-03-01T07:00:00Z", "end": "2027-03-01T16:00:00Z"}
OFFER = DayOffer(
    day=date(2027, 3, 1),
    capacity=320.0,
    remaining=12.5,
    slots=[{"start": "2027-03-01T06:30:00Z", "free": 2}],
    advisors=[{"id": "SB1", "name": "Ilse Schlosser", "periods": [DAY]}],
    courtesy_cars=[
        {
            "id": "EW1", "plate": "B-T 4268E", "make": "NISSAN", "model": "Leaf", "vehicle_class": "Kompakt",
            "features": ["Schaltung"], "free": [DAY],
        }
    ],
)  # fmt: skip


class TestSuperservice(AppointmentContract):
    partner = PARTNER
    account = DEALER

    def connecting(self, sandbox: Sandbox, **options: Any) -> AbstractAsyncContextManager[AppointmentPartner]:
        return superservice_connector(sandbox, **options)

    async def books(self, sandbox: Sandbox, by: str = "dealer") -> str:
        return str((await sandbox.control.act(PARTNER, "book", dealer=DEALER, by=by))["id"])

    async def changes_notes(self, sandbox: Sandbox, partner_id: str, notes: str) -> None:
        await sandbox.control.act(PARTNER, "change", dealer=DEALER, id=partner_id, notes=notes)

    async def cancels(self, sandbox: Sandbox, partner_id: str, reason: str) -> None:
        await sandbox.control.act(PARTNER, "cancel", dealer=DEALER, id=partner_id, reason=reason)

    async def uses_unknown_transport(self, sandbox: Sandbox, partner_id: str) -> str:
        changed = await sandbox.control.act(PARTNER, "unknown-code", dealer=DEALER, id=partner_id)
        return str(changed["transport"]["option"])

    async def breaks(self, sandbox: Sandbox, partner_id: str) -> None:
        await sandbox.control.act(PARTNER, "break", dealer=DEALER, id=partner_id)

    async def held(self, sandbox: Sandbox) -> int:
        return len((await sandbox.control.state(PARTNER))["appointments"])


class TestEveryExchangeKeepsTheContract:
    """Client and sandbox are each checked against `contract.yaml`, not against each other."""

    @pytest.fixture
    async def sandbox(self, tmp_path: Path) -> AsyncIterator[Sandbox]:
        async with running_sandbox(tmp_path) as sandbox:
            yield sandbox

    async def test_success(self, sandbox: Sandbox) -> None:
        transport = CheckedTransport(contract(), "/superservice")
        async with superservice_connector(sandbox, transport=transport) as connector:
            assert (await connector.verify(DEALER)).facts["brand"] == "NISSAN"
            made = await connector.write(creation("a-1"))
            made = await connector.write(update("a-1", made.partner_id, made.version, key="k-2", notes="neu"))
            await connector.get(DEALER, made.partner_id)
            await connector.find(DEALER, "a-1")
            await sandbox.control.act(PARTNER, "book", dealer=DEALER, by="customer_app")
            await connector.write(cancellation("a-1", made.partner_id, made.version, key="k-3"))
            await connector.changes(DEALER, None, wait=0, limit=10)
            await connector.publish(DEALER, [OFFER], "k-4")
        operations = {described for described, status in transport.seen if status < 300}
        assert operations == {
            "token", "dealer", "createAppointment", "changeAppointment", "appointment", "findAppointments",
            "cancelAppointment", "changes", "publishAvailability",
        }  # fmt: skip
        [day] = (await sandbox.control.state(PARTNER))["availability"][DEALER]
        assert (day["date"], day["remaining"], day["advisors"][0]["advisorId"]) == ("2027-03-01", 12.5, "SB1")

    async def test_refusals(self, sandbox: Sandbox) -> None:
        transport = CheckedTransport(contract(), "/superservice")
        async with superservice_connector(sandbox, transport=transport) as connector:
            made = await connector.write(creation("a-1"))
            with pytest.raises(Duplicate) as duplicate:
                await connector.write(creation("a-1", key="k-2"))
            assert duplicate.value.problem["appointmentId"] == made.partner_id
            with pytest.raises(Precondition):
                await connector.write(update("a-1", made.partner_id, 7, key="k-3", notes="neu"))
            with pytest.raises(Rejected):
                await connector.write(update("a-1", "A9999999", 1, key="k-4", notes="neu"))
            with pytest.raises(Rejected):
                await connector.write(creation("a-2", transport_option="MAGIC_CARPET"))
            with pytest.raises(Rejected):
                await connector.write(creation("a-3", key="create-a-1"))
            with pytest.raises(Rejected):
                await connector.verify("99999")
        assert {status for _, status in transport.seen} == {200, 201, 404, 409, 412, 422}

    async def test_a_wrong_secret(self, sandbox: Sandbox) -> None:
        transport = CheckedTransport(contract(), "/superservice")
        wrong = {**CLIENT, "client_secret": "wrong-secret"}
        async with superservice_connector(sandbox, wrong, transport=transport) as connector:
            with pytest.raises(NeedsToken):
                await connector.verify(DEALER)
        assert transport.seen == [("token", 401)]
