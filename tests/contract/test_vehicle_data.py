from __future__ import annotations

import hashlib

from tests.support.dat import SAMPLE_VIN, UNKNOWN
from wtpd.connectors.dat import manifest as dat
from wtpd.connectors.rdw import manifest as rdw
from wtpd.testing import Sandbox, VehicleDataContract
from wtpd.vehicle_data.records import Place, Query


def login(password: str) -> dict[str, str]:
    signature = hashlib.sha256(f"1234567:sandbox:{password}".encode()).hexdigest().upper()
    return {"customer_number": "1234567", "user_name": "sandbox", "password": password, "signature": signature}


class TestDat(VehicleDataContract):
    manifest = dat
    secrets = login("sandbox-secret")
    wrong_secrets = login("another")
    unknown = Query(vin=UNKNOWN)

    async def registers(self, sandbox: Sandbox) -> Query:
        return Query(vin=SAMPLE_VIN)


class TestRdw(VehicleDataContract):
    manifest = rdw
    wrong_secrets = {"app_token": "wrong-token"}  # noqa: RUF012 - a test's constant
    place = Place("nl", "NL")
    unknown = Query(plate="99XXX9")

    async def registers(self, sandbox: Sandbox) -> Query:
        await sandbox.control.act("rdw", "vehicle", plate="12-ABC-3", make="VOLVO", model="VOLVO V60")
        return Query(plate="12ABC3")
