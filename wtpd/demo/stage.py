"""What the chapters of the demo need: both sides at hand, and patience with a limit."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from wtpd.client import ApiProblem, Client
from wtpd.demo.house import House
from wtpd.demo.partner import PARTNER, Partner
from wtpd.demo.report import Report
from wtpd.demo.settings import DEPARTMENT

Json = dict[str, Any]

ZONE = ZoneInfo("Europe/Berlin")
PATIENCE = 20.0
"""Seconds in which something must have happened."""
GLANCE = 0.05
REST = 60.0
"""Seconds in which both sides must have come to rest; a call that failed is repeated after some seconds."""
MOVES = ("fetched", "applied", "sent", "published")


class Stuck(Exception):
    """Something that should have happened didn't."""


@dataclass(slots=True)
class Stage:
    """`known`: appointments of earlier chapters, by a name of ours; `today` is the workshop's."""

    house: House
    report: Report
    today: date
    known: dict[str, Json] = field(default_factory=dict)

    @property
    def api(self) -> Client:
        return self.house.api

    @property
    def partner(self) -> Partner:
        return self.house.partner

    async def settle(self) -> None:
        """Run until nothing waits and nothing moves any more. Raises `Stuck`."""
        moving: list[Json] = []
        try:
            async with asyncio.timeout(REST):
                while True:
                    runs = await self.api.connectors.sync(PARTNER)
                    moving = [run for run in runs if run["error"] or any(run[name] for name in MOVES)]
                    if not moving and not any(channel["waiting"] for channel in await self.channels()):
                        return
                    await asyncio.sleep(GLANCE)
        except TimeoutError:
            states = [f"{one['id']} {one['state']}, {one['waiting']} waiting" for one in await self.channels()]
            raise Stuck(f"still not at rest after {REST:.0f} s: {'; '.join(states)}; {moving}") from None

    async def channels(self) -> list[Json]:
        return [
            channel
            for connector in await self.api.connectors.list()
            if connector["name"] == PARTNER
            for channel in connector["channels"]
        ]

    async def until(self, happened: Callable[[], Awaitable[Any]]) -> None:
        """Look again and again. Raises `Stuck` after `PATIENCE` seconds."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    if await happened():
                        return
                    await asyncio.sleep(GLANCE)
        except TimeoutError:
            what = inspect.getdoc(happened) or getattr(happened, "__name__", str(happened))
            raise Stuck(f"didn't happen in {PATIENCE:.0f} s: {what}") from None

    @asynccontextmanager
    async def misbehaving(self, *faults: Json) -> AsyncIterator[None]:
        """SUPERSERVICE shows `faults` meanwhile."""
        for fault in faults:
            await self.partner.fault(**fault)
        try:
            yield
        finally:
            await self.partner.behave()

    async def open_days(self, site: str, count: int, *, units: float = 60) -> list[date]:
        """The next days with room for `units` AW and more, from tomorrow on."""
        offers = await self.api.availability(
            site,
            DEPARTMENT,
            (self.today + timedelta(days=1)).isoformat(),
            (self.today + timedelta(days=60)).isoformat(),
        )
        days = [date.fromisoformat(one["day"]) for one in offers if one["remaining"] >= units and one["slots"]]
        if len(days) < count:
            raise Stuck(f"{site} has only {len(days)} days with {units} AW free in the next 60 days")
        return days[:count]

    async def free_car(self, site: str, start: str, end: str) -> str | None:
        """A courtesy car that is free from `start` to `end`."""
        offers = await self.api.availability(site, DEPARTMENT, start[:10], start[:10])
        for car in offers[0]["courtesy_cars"]:
            if any(span["start"] <= start and end <= span["end"] for span in car["free"]):
                return str(car["id"])
        return None

    async def here(self, partner_id: str) -> Json:
        """Our appointment of the partner's `partner_id`, which must have come. Raises `Stuck`."""
        async for appointment in self.api.appointments.all(department=DEPARTMENT, limit=500):
            if (appointment.get("references") or {}).get(PARTNER) == partner_id:
                return appointment
        raise Stuck(f"{partner_id} isn't in our book")

    async def imported(self, site: str, count: int) -> list[Json]:
        """Appointments of the imported lists, for the desk to work on; past ones too, since the lists have a date."""
        found = []
        async for appointment in self.api.appointments.all(
            site=site, department=DEPARTMENT, status="scheduled", limit=200
        ):
            if "import" in (appointment.get("references") or {}):
                found.append(appointment)
            if len(found) == count:
                return found
        raise Stuck(f"{site} has only {len(found)} imported appointments")

    async def book_here(self, site: str, day: date, hour: int, **more: Any) -> Json:
        """The desk books two hours of work."""
        work = {"code": "INSP-K", "title": "Inspektion klein", "labour_units": 4}
        return await self.api.appointments.create(
            {
                "site": site,
                "department": DEPARTMENT,
                "drop_off": at(day, hour),
                "collection": at(day, hour + 2),
                "interventions": [work],
                **more,
            }
        )

    async def refusal(self, site: str, day: date) -> str | None:
        """What the desk is told when it books on `day` without insisting; None if it may."""
        try:
            await self.book_here(site, day, 15)
        except ApiProblem as problem:
            return problem.detail
        return None

    async def conflicts(self) -> int:
        """a conflict in the list"""
        return len(await self.api.attention.list(kind="conflict", state="open"))


def at(day: date, hour: int, minute: int = 0) -> str:
    """A moment on the clock of the workshop, as the API writes it."""
    return datetime.combine(day, time(hour, minute), ZONE).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
