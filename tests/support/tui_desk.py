"""A day at the reception desk for tests of the screens: customers, vehicles and appointments, made through the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.daemon import config_text, running_daemon
from tests.support.running_clock import START
from tests.support.tui import Tui
from tests.support.unix_http import UnixHttp

DAY = "2027-03-01"
"""A Monday; 48 AW in Werkstatt, 20 in Karosserie."""
NOW = START
"""07:00 of that day in Rostock."""


class Desk:
    """Books by plain HTTP; each answer is the record as the API shows it."""

    def __init__(self, http: UnixHttp) -> None:
        self.http = http

    async def customer(self, **fields: Any) -> Any:
        return await self._made("/v1/customers", {"first_name": "Axel", "last_name": "Lübs", **fields})

    async def vehicle(self, plate: str = "HRO-AL 17", **fields: Any) -> Any:
        return await self._made("/v1/vehicles", {"plate": plate, "make": "NISSAN", "model": "Leaf", **fields})

    async def advisor(self, number: str = "SB1", name: str = "Ilse Schlosser", site: str = "rostock") -> Any:
        return await self._made(
            "/v1/advisors", {"id": number, "name": name, "site": site, "department": "Werkstatt", "weekly_hours": {}}
        )

    async def car(self, number: str = "EW1", plate: str = "HRO-EW 1", site: str = "rostock") -> Any:
        return await self._made("/v1/courtesy-cars", {"id": number, "plate": plate, "model": "Micra", "site": site})

    async def book(
        self, start: str = "08:00", end: str = "16:00", *, day: str = DAY, units: float = 10, over: bool = False,
        **fields: Any,
    ) -> Any:  # fmt: skip
        """Winter time in Rostock."""
        body = {
            "site": "rostock",
            "department": "Werkstatt",
            "drop_off": f"{day}T{start}:00+01:00",
            "collection": f"{day}T{end}:00+01:00",
            "interventions": [{"code": "HU", "title": "Hauptuntersuchung", "labour_units": units}],
            **fields,
        }
        return await self._made(f"/v1/appointments{'?allow_over_limit=true' if over else ''}", body)

    async def visit(
        self, plate: str = "HRO-AL 17", last_name: str = "Lübs", start: str = "08:00", **fields: Any
    ) -> Any:
        """An appointment with its customer and vehicle."""
        customer = await self.customer(last_name=last_name)
        vehicle = await self.vehicle(plate, owner=customer["id"])
        return await self.book(start, customer_id=customer["id"], vehicle_id=vehicle["id"], **fields)

    async def change(self, appointment: Any, **changes: Any) -> Any:
        reply = await self.http.patch(f"/v1/appointments/{appointment['id']}", changes, version="*")
        assert reply.status == 200, reply.json
        return reply.json

    async def cancel(self, appointment: Any, reason: str = "krank") -> Any:
        reply = await self.http.post(f"/v1/appointments/{appointment['id']}/cancel", {"reason": reason}, if_match="*")
        assert reply.status == 200, reply.json
        return reply.json

    async def get(self, appointment: Any) -> Any:
        return (await self.http.get(f"/v1/appointments/{appointment['id']}")).json

    async def history(self, appointment: Any) -> Any:
        return (await self.http.get(f"/v1/appointments/{appointment['id']}/history")).json["items"]

    async def _made(self, target: str, body: Any) -> Any:
        reply = await self.http.post(target, body)
        assert reply.status == 201, reply.json
        return reply.json


@asynccontextmanager
async def desk_of(folder: Path, sites: dict[str, str | None] | None = None) -> AsyncIterator[Desk]:
    """The desk of a daemon that runs in `folder`, of Rostock alone unless `sites` says otherwise."""
    async with running_daemon(folder, config_text(sites=sites or {"rostock": None})) as daemon:
        yield Desk(daemon.http)


def only_reads(tui: Tui) -> None:
    """From now on the user may only read."""
    assert tui.app.session.me is not None
    tui.app.session.me = {**tui.app.session.me, "role": "read"}
    tui.app.page.refresh_bindings()
