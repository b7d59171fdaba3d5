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

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import msgspec

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


class OfferedDay(NamedTuple):
    """The offer of a day, the whole capacity of the day, and what is booked on it, beyond the limit too; in AW."""

    offer: DayOffer
    capacity: float
    booked: float


class _Visits(NamedTuple):
    """Drop-off times of live visits, in order, and the AW of each."""

    drop_offs: Sequence[datetime]
    units: Sequence[float]

    def within(self, span: Period) -> _Visits:
        first, end = bisect_left(self.drop_offs, span.start), bisect_left(self.drop_offs, span.end)
        return _Visits(self.drop_offs[first:end], self.units[first:end])


def offers(tx: Tx, book: Book, site: str, department: str, days: Sequence[date]) -> list[DayOffer]:
    """One offer for each of `days`, in their order. Raises `Invalid` for a site or department that isn't configured."""
    return [each.offer for each in offered_days(tx, book, site, department, days)]


def offered_days(tx: Tx, book: Book, site: str, department: str, days: Sequence[date]) -> list[OfferedDay]:
    """As `offers`, with what is booked."""
    plan = book.plan(site, department)
    if not days:
        return []
    start, end = local_day(min(days), plan.zone).start, local_day(max(days), plan.zone).end
    closures = resources.closures(tx, site, start, end, department=department)
    advisors = [each for each in resources.advisors(tx, site=site, department=department) if each.active]
    cars = [each for each in resources.courtesy_cars(tx, site=site) if each.active]
    lent = {car.id: _lendings(tx, car, start, end) for car in cars}
    found = appointments.drop_offs(tx, plan.site, plan.department, start, end)
    visits = _Visits([drop_off for drop_off, _ in found], [units for _, units in found])
    return [_offer(plan, day, closures, advisors, cars, lent, visits) for day in days]


def _offer(
    plan: DepartmentPlan,
    day: date,
    closures: Sequence[Closure],
    advisors: Sequence[Advisor],
    cars: Sequence[CourtesyCar],
    lent: Mapping[str, Sequence[Period]],
    visits: _Visits,
) -> OfferedDay:
    span = local_day(day, plan.zone)
    coming = visits.within(span)
    today = [each for each in closures if each.start < span.end and span.start < each.end]
    full, booked = capacity.capacity(plan, day, today), sum(coming.units)
    limit = capacity.limit_of(plan, full)
    slots = free_slots(plan, day, taken=coming.drop_offs, closures=today, advisors=advisors)
    starts = msgspec.to_builtins([slot.start for slot in slots])  # as `iso`, but all at once
    offer = DayOffer(
        day=day,
        capacity=limit,
        remaining=max(0.0, round(limit - booked, 2)),
        slots=[{"start": start, "free": slot.free} for start, slot in zip(starts, slots, strict=True)],
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
    return OfferedDay(offer, full, round(booked, 2))


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


def _json(periods: Sequence[Period]) -> list[dict[str, str]]:
    return [{"start": iso(each.start), "end": iso(each.end)} for each in periods]
