"""`/v1/reception`: how full the days of a site are, department by department."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import msgspec
from msgspec import Struct

from wtpd.book.book import Book
from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.collection import Page
from wtpd.daemon.api.days import check_days, start_of, zone_of
from wtpd.daemon.api.routes import Route
from wtpd.daemon.api.shapes import Name, Sign
from wtpd.planner import capacity
from wtpd.planner.resources import Closure, DepartmentPlan
from wtpd.store import appointments, resources
from wtpd.store.appointments import DayLoad
from wtpd.store.database import Database, Tx
from wtpd.texts import N_

DAYS = 62


class ReceptionQuery(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Days from `from` to `to`, the last one included; 62 at most."""

    site: Sign
    first: date = msgspec.field(name="from")
    last: date = msgspec.field(name="to")
    department: Name | None = None


class ReceptionLoad(Struct, frozen=True):
    """One department on one day, in AW. `limit`: the share of the capacity that the planner books, `load_limit` in per
    cent. `appointments` are those that aren't cancelled or no-shows. `closed` says why nothing can be done, if so."""

    department: str
    capacity: float
    limit: float
    load_limit: int
    booked: float
    appointments: int
    closed: str | None


class ReceptionDay(Struct, frozen=True):
    """One day of the site; `weekday` from 1 (Monday)."""

    day: date
    weekday: int
    appointments: int
    departments: list[ReceptionLoad]


class ReceptionRoutes:
    def __init__(self, db: Database, book: Book) -> None:
        self._db = db
        self._book = book

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET", path="/v1/reception", role=Role.READ, handler=self.days, query=ReceptionQuery,
                result=Page[ReceptionDay], summary="How full the days of a site are",
            )
        ]  # fmt: skip

    async def days(self, call: Call) -> Answer:
        query: ReceptionQuery = call.query
        check_days(query.first, query.last, at_most=DAYS)
        plans = self._plans(query)
        return answer(await self._db.read(lambda tx: Page(self._days(tx, query, plans, call.language))))

    def _plans(self, query: ReceptionQuery) -> Mapping[str, DepartmentPlan]:
        """By department. Raises `Invalid` for a site or department that isn't configured."""
        found = {
            department: plan
            for (site, department), plan in self._book.plans.items()
            if site == query.site and query.department in (None, department)
        }
        if not found:
            self._book.plan(query.site, query.department or "")
        return found

    def _days(
        self, tx: Tx, query: ReceptionQuery, plans: Mapping[str, DepartmentPlan], language: str
    ) -> list[ReceptionDay]:
        zone = zone_of(self._book, query.site)
        days = [query.first + timedelta(days=number) for number in range((query.last - query.first).days + 1)]
        bounds = [start_of(day, zone) for day in (*days, days[-1] + timedelta(days=1))]
        loads: list[dict[str, DayLoad]] = [{} for _ in days]
        for load in appointments.loads(tx, query.site, bounds, query.department):
            loads[load.day][load.department] = load
        closures = resources.closures(tx, query.site, bounds[0], bounds[-1])
        found = []
        for number, day in enumerate(days):
            today = [each for each in closures if each.start < bounds[number + 1] and bounds[number] < each.end]
            there = [_load(plan, day, loads[number].get(name), today, language) for name, plan in plans.items()]
            there += [_left_over(load, language) for name, load in loads[number].items() if name not in plans]
            found.append(ReceptionDay(day, day.isoweekday(), sum(one.appointments for one in there), there))
        return found


def _load(
    plan: DepartmentPlan, day: date, load: DayLoad | None, closures: Sequence[Closure], language: str
) -> ReceptionLoad:
    units = capacity.capacity(plan, day, closures)
    reason = capacity.why_closed(plan, day, closures) or (None if units else N_("Nothing is planned on this weekday."))
    closed = None if reason is None else reason.render(language)
    return ReceptionLoad(
        department=plan.department,
        capacity=units,
        limit=round(units * plan.load_limit / 100, 2),
        load_limit=plan.load_limit,
        booked=load.units if load else 0.0,
        appointments=load.appointments if load else 0,
        closed=closed,
    )


def _left_over(load: DayLoad, language: str) -> ReceptionLoad:
    """Appointments in a department that isn't configured any more."""
    closed = N_("This department isn't set up any more.").render(language)
    return ReceptionLoad(load.department, 0.0, 0.0, 0, load.units, load.appointments, closed)
