"""`/v1/availability` and `/v1/sites`: what can be booked, and where."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from wtpd.book import availability
from wtpd.book.book import Book
from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.collection import Page
from wtpd.daemon.api.days import check_days
from wtpd.daemon.api.routes import Route
from wtpd.daemon.api.shapes import Name, Sign
from wtpd.daemon.reload import Settings
from wtpd.store.database import Database, Tx

DAYS = 366


class Query(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Days from `from` to `to`, the last one included; one week if `to` is left out."""

    site: Sign
    department: Name
    first: date = msgspec.field(name="from")
    last: date | None = msgspec.field(name="to", default=None)


class DayView(Struct, frozen=True):
    """One day. In AW: `capacity`, `limit` (the share that the planner books), `booked`, `remaining`. The lists are as
    partners get them."""

    day: date
    capacity: float
    limit: float
    booked: float
    remaining: float
    slots: list[Mapping[str, Any]]
    advisors: list[Mapping[str, Any]]
    courtesy_cars: list[Mapping[str, Any]]


class DepartmentView(Struct, frozen=True):
    id: str
    minutes_per_unit: int
    load_limit: int


class SiteView(Struct, frozen=True):
    id: str
    name: str
    city: str
    time_zone: str
    language: str
    brands: list[str]
    departments: list[DepartmentView]


class AvailabilityRoutes:
    def __init__(self, db: Database, book: Book, settings: Settings) -> None:
        self._db = db
        self._book = book
        self._settings = settings

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET", path="/v1/availability", role=Role.READ, handler=self.availability, query=Query,
                result=Page[DayView], summary="What can be booked, day by day",
            ),
            Route(
                method="GET", path="/v1/sites", role=Role.READ, handler=self.sites, result=Page[SiteView],
                summary="Sites and their departments",
            ),
        ]  # fmt: skip

    async def availability(self, call: Call) -> Answer:
        query: Query = call.query
        check_days(query.first, query.first, at_most=1)
        last = query.last or query.first + timedelta(days=6)
        check_days(query.first, last, at_most=DAYS)
        days = [query.first + timedelta(days=number) for number in range((last - query.first).days + 1)]
        return answer(await self._db.read(lambda tx: Page(self._days(tx, query, days))))

    def _days(self, tx: Tx, query: Query, days: list[date]) -> list[DayView]:
        found = availability.offered_days(tx, self._book, query.site, query.department, days)
        return [
            DayView(
                day=offer.day,
                capacity=capacity,
                limit=offer.capacity,
                booked=booked,
                remaining=offer.remaining,
                slots=list(offer.slots),
                advisors=list(offer.advisors),
                courtesy_cars=list(offer.courtesy_cars),
            )
            for offer, capacity, booked in found
        ]

    async def sites(self, call: Call) -> Answer:
        config = self._settings.config
        sites = [
            SiteView(
                id=site.id,
                name=site.name,
                city=site.city,
                time_zone=site.time_zone,
                language=site.language or config.language,
                brands=list(site.brands),
                departments=[DepartmentView(one.id, one.minutes_per_unit, one.load_limit) for one in site.departments],
            )
            for site in config.sites
        ]
        return answer(Page(sites))
