"""What can be booked at a site, day by day (spec: superservice.md, "What SUPERSERVICE needs to book").

The JSON values of a `DayOffer`; times are RFC 3339 in UTC, lists are in the order of time or id:

    slots          {"start", "free"}: free drop-off times, and how many cars can still come then
    advisors       {"id", "name", "periods": [{"start", "end"}]}: those who are there that day
    courtesy_cars  {"id", "plate", "make", "model", "vehicle_class", "features", "free": [{"start", "end"}]}: those
                   that are free for a part of that day

`capacity` and `remaining` both count up to the load limit; `remaining` is never less than 0. Everything depends on the
book alone, not on the time of day, so that a day is published again only when something changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from wtpd.book.book import Book
from wtpd.clock import iso
from wtpd.planner import capacity
from wtpd.planner.courtesy import free_periods
from wtpd.planner.periods import local_day, without
from wtpd.planner.resources import Advisor, Closure, CourtesyCar, DepartmentPlan, Period
from wtpd.planner.slots import advisor_hours, free_slots
from wtpd.store import appointments, resources
from wtpd.store.database import Tx
from wtpd.sync.ports import DayOffer


def offers(tx: Tx, book: Book, site: str, department: str, days: Sequence[date]) -> list[DayOffer]:
    """One offer for each of `days`, in their order. Raises `Invalid` for a site or department that isn't configured."""
    plan = book.plan(site, department)
    if not days:
        return []
    start, end = local_day(min(days), plan.zone).start, local_day(max(days), plan.zone).end
    closures = resources.closures(tx, site, start, end, department=department)
    advisors = [each for each in resources.advisors(tx, site=site, department=department) if each.active]
    cars = [each for each in resources.courtesy_cars(tx, site=site) if each.active]
    lent = {car.id: _lendings(tx, car, start, end) for car in cars}
    visits = _visits(tx, plan, start, end)
    return [_offer(plan, day, closures, advisors, cars, lent, visits.get(day, ())) for day in days]


def _offer(
    plan: DepartmentPlan,
    day: date,
    closures: Sequence[Closure],
    advisors: Sequence[Advisor],
    cars: Sequence[CourtesyCar],
    lent: Mapping[str, Sequence[Period]],
    visits: Sequence[tuple[datetime, float]],
) -> DayOffer:
    span = local_day(day, plan.zone)
    today = [each for each in closures if each.start < span.end and span.start < each.end]
    load = capacity.load(plan, day, today, booked=sum(units for _, units in visits), asked=0)
    slots = free_slots(plan, day, taken=[drop_off for drop_off, _ in visits], closures=today, advisors=advisors)
    return DayOffer(
        day=day,
        capacity=load.limit,
        remaining=max(0.0, round(load.limit - load.booked, 2)),
        slots=[{"start": iso(slot.start), "free": slot.free} for slot in slots],
        advisors=_advisors(plan, day, today, advisors),
        courtesy_cars=[
            {
                "id": car.id, "plate": car.plate, "make": car.make, "model": car.model,
                "vehicle_class": car.vehicle_class, "features": list(car.features), "free": _json(free),
            }
            for car in cars
            if (free := free_periods(car, span, lent[car.id]))
        ],
    )  # fmt: skip


def _advisors(
    plan: DepartmentPlan, day: date, closures: Sequence[Closure], advisors: Sequence[Advisor]
) -> list[dict[str, Any]]:
    """Nobody is there while the department is closed."""
    if capacity.is_holiday(plan, day):
        return []
    closed = capacity.applying(plan, closures)
    there = [(each, without(advisor_hours(each, day, plan.zone), closed)) for each in advisors]
    return [{"id": each.id, "name": each.name, "periods": _json(periods)} for each, periods in there if periods]


def _lendings(tx: Tx, car: CourtesyCar, start: datetime, end: datetime) -> list[Period]:
    return [Period(start=since, end=until) for _, since, until in appointments.lent(tx, car.id, start, end)]


def _visits(
    tx: Tx, plan: DepartmentPlan, start: datetime, end: datetime
) -> Mapping[date, list[tuple[datetime, float]]]:
    """Drop-off and AW of the live visits, by the day of drop-off."""
    found: dict[date, list[tuple[datetime, float]]] = defaultdict(list)
    for drop_off, units in appointments.drop_offs(tx, plan.site, plan.department, start, end):
        found[plan.zoned_day(drop_off)].append((drop_off, units))
    return found


def _json(periods: Sequence[Period]) -> list[dict[str, str]]:
    return [{"start": iso(each.start), "end": iso(each.end)} for each in periods]
