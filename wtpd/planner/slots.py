"""Free drop-off times and the hours of the advisors (spec: planner.md, rule 6).

A slot is offered once per local time: one that the clocks skip isn't there, one that comes twice is the first of the
two. An advisor accepts one car at a time. A department that keeps no advisors isn't bounded by them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from wtpd.planner.capacity import applying, is_holiday
from wtpd.planner.periods import local_day, local_moment, local_span, overlaps, without
from wtpd.planner.resources import Advisor, Closure, DepartmentPlan, DropOffWindow, Period


@dataclass(frozen=True, slots=True)
class Slot:
    """A drop-off time, UTC, and how many cars can still come then."""

    start: datetime
    free: int


def advisor_hours(advisor: Advisor, day: date, zone: str) -> list[Period]:
    """When the advisor is there on the local day `day`: weekly hours less absences."""
    if not advisor.active:
        return []
    spans = (local_span(day, start, end, zone) for start, end in advisor.weekly_hours.get(day.isoweekday(), ()))
    return without([span for span in spans if span is not None], advisor.absences)


def slots(plan: DepartmentPlan, day: date, closures: Iterable[Closure] = ()) -> list[tuple[Period, int]]:
    """Each drop-off slot of the day with its places, in order, as if nothing was booked."""
    if is_holiday(plan, day):
        return []
    closed = applying(plan, closures)
    places: dict[datetime, tuple[Period, int]] = {}
    for window in plan.drop_off.get(day.isoweekday(), ()):
        for at in _times(window):
            start = local_moment(day, at, plan.zone)
            if start is None:
                continue
            slot = Period(start=start, end=start + timedelta(minutes=window.slot_minutes))
            if not any(overlaps(slot, each) for each in closed):
                before = places.get(start)
                places[start] = (slot, window.places) if before is None else (before[0], before[1] + window.places)
    return [places[start] for start in sorted(places)]


def free_slots(
    plan: DepartmentPlan,
    day: date,
    *,
    taken: Iterable[datetime],
    closures: Iterable[Closure] = (),
    advisors: Sequence[Advisor] = (),
) -> list[Slot]:
    """The slots with a place left. `taken`: the drop-off times of the department's live appointments; each takes a
    place of the slot it falls into. `advisors`: those of the department."""
    offered = slots(plan, day, closures)
    used = _used([slot for slot, _ in offered], taken, local_day(day, plan.zone))
    staffed = any(advisor.active for advisor in advisors)
    hours = [advisor_hours(advisor, day, plan.zone) for advisor in advisors]
    result = []
    for slot, places in offered:
        if staffed:
            there = sum(any(span.start <= slot.start and slot.end <= span.end for span in spans) for spans in hours)
            places = min(places, there)
        free = places - used.get(slot.start, 0)
        if free > 0:
            result.append(Slot(slot.start, free))
    return result


def _used(offered: Sequence[Period], taken: Iterable[datetime], day: Period) -> Mapping[datetime, int]:
    """How many drop-offs fall into each slot. Where slots overlap, the one that began last counts."""
    used: dict[datetime, int] = {}
    for moment in taken:
        if not day.start <= moment < day.end:
            continue
        holding = [slot.start for slot in offered if slot.start <= moment < slot.end]
        if holding:
            used[holding[-1]] = used.get(holding[-1], 0) + 1
    return used


def _times(window: DropOffWindow) -> Iterable[time]:
    """The local times at which a slot begins that ends within the window."""
    first, last = _minute(window.start), _minute(window.end)
    for minute in range(first, last - window.slot_minutes + 1, window.slot_minutes):
        yield time(minute // 60, minute % 60)


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute
