"""What a third party's own tests look like: the suite, and how its partner acts."""

from __future__ import annotations

from wtpd_platebook import manifest

from wtpd.testing import Sandbox, VehicleDataContract
from wtpd.vehicle_data.records import Query


class TestPlatebook(VehicleDataContract):
    manifest = manifest
    secrets = {"token": "sandbox-token"}  # noqa: RUF012 - a test's constant
    wrong_secrets = {"token": "another"}  # noqa: RUF012
    unknown = Query(vin="WVWDEXTESTSTUB009")

    async def registers(self, sandbox: Sandbox) -> Query:
        await sandbox.control.act("platebook", "vehicle", vin="WVWDEXTESTSTUB001", make="Volkswagen")
        return Query(vin="WVWDEXTESTSTUB001")
