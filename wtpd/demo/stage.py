"""What the chapters of the demo need: both sides at hand, and patience with a limit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
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
from wtpd.texts import N_, Text
from wtpd.words import CHANNEL_STATES

Json = dict[str, Any]

ZONE = ZoneInfo("Europe/Berlin")
PATIENCE = 40.0
"""Seconds in which something must have happened."""
AHEAD = 60
"""Days in which the demo looks for room."""
GLANCE = 0.05
REST = 150.0
"""Seconds in which both sides must have come to rest; a call that failed is repeated after some seconds."""
MOVES = ("fetched", "applied", "sent", "published")


class Stuck(Exception):
    """Something that should have happened didn't; `text` says what."""

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


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
        errors: list[Text | str] = []
        try:
            async with asyncio.timeout(REST):
                while True:
                    runs = await self.api.connectors.sync(PARTNER)
                    errors = [run["error"] for run in runs if run["error"]]
                    moving = errors or any(run[name] for run in runs for name in MOVES)
                    if not moving and not any(channel["waiting"] for channel in await self.channels()):
                        return
                    await asyncio.sleep(GLANCE)
        except TimeoutError:
            reasons = [_state(channel) for channel in await self.channels()] + errors
            text = N_("after {seconds} s there was still something to sync: {reasons}",
                      seconds=int(REST), reasons=_listed(reasons))  # fmt: skip
            raise Stuck(text) from None

    async def channels(self) -> list[Json]:
        return [
            channel
            for connector in await self.api.connectors.list()
            if connector["name"] == PARTNER
            for channel in connector["channels"]
        ]

    async def until(self, happened: Callable[[], Awaitable[Any]], wanted: Text) -> None:
        """Look again and again. Raises `Stuck` with `wanted` after `PATIENCE` seconds."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    if await happened():
                        return
                    await asyncio.sleep(GLANCE)
        except TimeoutError:
            text = N_("this didn't happen within {seconds} s: {event}", seconds=int(PATIENCE), event=wanted)
            raise Stuck(text) from None

    @asynccontextmanager
    async def misbehaving(self, *faults: Json) -> AsyncIterator[None]:
        """SUPERSERVICE shows `faults` meanwhile."""
        for fault in faults:
            await self.partner.fault(**fault)
        try:
            yield
        finally:
            await self.partner.behave()

    async def open_days(self, site: str, least: int, *, units: float = 60) -> list[date]:
        """Days with room for `units` AW and more, from tomorrow on. Raises `Stuck` if there are fewer than `least`."""
        offers = await self.api.availability(
            site,
            DEPARTMENT,
            (self.today + timedelta(days=1)).isoformat(),
            (self.today + timedelta(days=AHEAD)).isoformat(),
        )
        days = [date.fromisoformat(one["day"]) for one in offers if one["remaining"] >= units and one["slots"]]
        if len(days) < least:
            raise Stuck(
                N_("{site} has only {count} days with {units} AW free in the next {days} days",
                   site=site, count=len(days), units=int(units), days=AHEAD)
            )  # fmt: skip
        return days

    async def day_with_car(self, site: str, after: date, hours: tuple[int, int]) -> tuple[date, str]:
        """The first day from `after` on with room in the workshop and a courtesy car that is free during `hours`, and
        the car's id. Raises `Stuck` if there is none."""
        days = [day for day in await self.open_days(site, 1) if day >= after]
        for day in days:
            if car := await self._free_car(site, at(day, hours[0]), at(day, hours[1])):
                return day, car
        raise Stuck(
            N_("{site} has no courtesy car free on the days with room in the next {days} days", site=site, days=AHEAD)
        )

    async def _free_car(self, site: str, start: str, end: str) -> str | None:
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
        raise Stuck(N_("appointment {id} of SUPERSERVICE isn't in the book", id=partner_id))

    async def imported(self, site: str, count: int) -> list[Json]:
        """Appointments of the imported lists that are to come, for the desk to work on."""
        now = datetime.now(UTC)
        found = []
        async for appointment in self.api.appointments.all(
            site=site, department=DEPARTMENT, status="scheduled", limit=200
        ):
            to_come = datetime.fromisoformat(appointment["collection"]) > now
            if to_come and "import" in (appointment.get("references") or {}):
                found.append(appointment)
            if len(found) == count:
                return found
        raise Stuck(N_("{site} has only {count} imported appointments", site=site, count=len(found)))

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
        """Number of open conflicts."""
        return len(await self.api.attention.list(kind="conflict", state="open"))


def _state(channel: Json) -> Text:
    state = CHANNEL_STATES.get(channel["state"], channel["state"])
    return N_("{channel} {state}, {count} waiting", channel=channel["id"], state=state, count=channel["waiting"])


def _listed(texts: Sequence[Text | str]) -> Text | str:
    """The texts one after the other, still to be translated."""
    first, *others = texts
    return N_("{first}; {others}", first=first, others=_listed(others)) if others else first


def at(day: date, hour: int, minute: int = 0) -> str:
    """A moment on the clock of the workshop, as the API writes it."""
    return datetime.combine(day, time(hour, minute), ZONE).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
