from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from wtpd.clock import iso
from wtpd.connectors.carloop import manifest as carloop
from wtpd.testing import RentalContract, Sandbox


class TestCarloop(RentalContract):
    manifest = carloop
    secrets = {"token": "sandboxtoken0123456789"}  # noqa: RUF012 - a test's constant
    wrong_secrets = {"token": "another"}  # noqa: RUF012

    async def reserves(self, sandbox: Sandbox, car: str, start: datetime, end: datetime) -> None:
        await sandbox.control.act("carloop", "reserve", car=car, start=iso(start), end=iso(end))

    async def prices(self, sandbox: Sandbox, car: str, per_day: Decimal) -> None:
        await sandbox.control.act("carloop", "car", car=car, rate=str(per_day))

    async def swaps(self, sandbox: Sandbox, number: str, car: str) -> None:
        await sandbox.control.act("carloop", "swap", number=number, car=car)

    async def cancels(self, sandbox: Sandbox, number: str) -> None:
        await sandbox.control.act("carloop", "cancel", number=number)

    async def hands_over(self, sandbox: Sandbox, number: str) -> None:
        await sandbox.control.act("carloop", "hand-over", number=number)

    async def takes_back(self, sandbox: Sandbox, number: str) -> None:
        await sandbox.control.act("carloop", "take-back", number=number)

    async def uses_unknown_state(self, sandbox: Sandbox, number: str) -> str:
        await sandbox.control.act("carloop", "state", number=number, to="IN_REINIGUNG")
        return "IN_REINIGUNG"

    async def refuses_cursors(self, sandbox: Sandbox) -> None:
        await sandbox.control.act("carloop", "rules", refuse_cursors=True)

    async def held(self, sandbox: Sandbox) -> int:
        rentals = (await sandbox.control.state("carloop"))["rentals"]
        return sum(one["status"] != "STORNIERT" for one in rentals)
