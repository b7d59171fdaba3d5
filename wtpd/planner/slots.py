"""Free drop-off times and the hours of the advisors (spec: planner.md, rule 6).

A slot is offered once per local time: one that the clocks skip isn't there, one that comes twice is the first of the
two. An advisor accepts one car at a time. A department that keeps no advisors isn't bounded by them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise

from wtpd.planner.capacity import applying, is_holiday
from wtpd.planner.periods import local_day, local_moment, local_span, overlaps, without
from wtpd.planner.resources import Advisor, Closure, DepartmentPlan, DropOffWindow, Period

_PLAIN_DAY = timedelta(days=1)
"""On a day of this length no clock changes, so local times lie as far apart as their moments."""


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
    span = local_day(day, plan.zone)
    is_plain = span.end - span.start == _PLAIN_DAY
    closed = applying(plan, closures)
    offered: list[tuple[Period, int]] = []
    for at, after, length, places in _pattern(tuple(plan.drop_off.get(day.isoweekday(), ()))):
        start = span.start + after if is_plain else local_moment(day, at, plan.zone)
        if start is None:
            continue
        slot = Period(start=start, end=start + length)
        if closed and any(overlaps(slot, each) for each in closed):
            continue
        if offered and offered[-1][0].start == start:
            offered[-1] = (offered[-1][0], offered[-1][1] + places)
        else:
            offered.append((slot, places))
    return offered


@lru_cache(maxsize=256)
def _pattern(windows: tuple[DropOffWindow, ...]) -> list[tuple[time, timedelta, timedelta, int]]:
    """Each slot of the windows in order: local time, the time since midnight, its length, and its places."""
    found = [
        (
            time(minute // 60, minute % 60),
            timedelta(minutes=minute),
            timedelta(minutes=window.slot_minutes),
            window.places,
        )
        for window in windows
        for minute in range(_minute(window.start), _minute(window.end) - window.slot_minutes + 1, window.slot_minutes)
    ]
    return sorted(found, key=lambda slot: slot[0])


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
    for (slot, places), cars in zip(offered, used, strict=True):
        if staffed:
            there = sum(any(span.start <= slot.start and slot.end <= span.end for span in spans) for spans in hours)
            places = min(places, there)
        if places > cars:
            result.append(Slot(slot.start, places - cars))
    return result


def _used(offered: Sequence[Period], taken: Iterable[datetime], day: Period) -> list[int]:
    """How many drop-offs of the day fall into each slot of those `offered`, which are in order. Where slots overlap,
    the one that began last counts."""
    coming = sorted(moment for moment in taken if day.start <= moment < day.end)
    if all(one.end <= other.start for one, other in pairwise(offered)):
        return [bisect_left(coming, slot.end) - bisect_left(coming, slot.start) for slot in offered]
    used = [0] * len(offered)
    for moment in coming:
        for place in reversed(range(len(offered))):
            if offered[place].start <= moment < offered[place].end:
                used[place] += 1
                break
    return used


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute
