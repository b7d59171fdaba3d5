"""Drop-off slots: the same, however they are counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from wtpd.planner.periods import local_day, local_moment, overlaps
from wtpd.planner.resources import Closure, DepartmentPlan, DropOffWindow, Period
from wtpd.planner.slots import Slot, free_slots

SITE, DEPARTMENT = "rostock", "Werkstatt"
ZONES = st.sampled_from(["Europe/Berlin", "Europe/Amsterdam", "UTC", "Australia/Lord_Howe", "America/Havana"])
DAYS = st.one_of(
    st.dates(date(2026, 1, 1), date(2027, 12, 31)),
    st.sampled_from([date(2026, 3, 29), date(2026, 10, 25), date(2026, 3, 8), date(2026, 4, 5), date(2026, 10, 4)]),
)
"""Those of the second kind are days on which a clock changes somewhere."""


@dataclass(frozen=True)
class Seen:
    """A plan, a day, and drop-offs and closures by the minutes after the day's first moment."""

    plan: DepartmentPlan
    day: date
    taken: list[datetime]
    closures: list[Closure]


@st.composite
def windows(draw: st.DrawFn) -> DropOffWindow:
    first, hours = draw(st.integers(0, 21)), draw(st.integers(0, 4))
    start, end = time(first, draw(st.sampled_from([0, 30]))), time(min(first + hours, 23), 59)
    minutes, places = draw(st.sampled_from([15, 20, 45, 60])), draw(st.integers(1, 3))
    return DropOffWindow(start=start, end=end, slot_minutes=minutes, places=places)


@st.composite
def seen(draw: st.DrawFn) -> Seen:
    zone, day = draw(ZONES), draw(DAYS)
    plan = DepartmentPlan(
        site=SITE, department=DEPARTMENT, zone=zone, region="MV",
        drop_off={day.isoweekday(): tuple(draw(st.lists(windows(), max_size=3)))}, closed_on_holidays=False,
    )  # fmt: skip
    first = local_day(day, zone).start
    minutes = st.integers(-90, 26 * 60)
    taken = [first + timedelta(minutes=minute) for minute in draw(st.lists(minutes, max_size=30))]
    closures = [
        Closure(
            id="c",
            site=SITE,
            department=None,
            start=first + timedelta(minutes=minute),
            end=first + timedelta(minutes=minute + long),
        )
        for minute, long in draw(st.lists(st.tuples(minutes, st.integers(1, 90)), max_size=2))
    ]
    return Seen(plan, day, taken, closures)


def one_by_one(asked: Seen) -> list[Slot]:
    """Each slot's moment by the time zone, and each drop-off compared with each slot."""
    places: dict[datetime, tuple[Period, int]] = {}
    for window in asked.plan.drop_off[asked.day.isoweekday()]:
        start, end = (at.hour * 60 + at.minute for at in (window.start, window.end))
        for minute in range(start, end - window.slot_minutes + 1, window.slot_minutes):
            moment = local_moment(asked.day, time(minute // 60, minute % 60), asked.plan.zone)
            if moment is None:
                continue
            slot = Period(start=moment, end=moment + timedelta(minutes=window.slot_minutes))
            if not any(overlaps(slot, Period(start=each.start, end=each.end)) for each in asked.closures):
                before = places.get(moment, (slot, 0))
                places[moment] = (before[0], before[1] + window.places)
    offered = [places[moment] for moment in sorted(places)]
    cars = [_slot_of([slot for slot, _ in offered], each) for each in asked.taken if _is_on(asked, each)]
    left = [(slot.start, count - cars.count(slot.start)) for slot, count in offered]
    return [Slot(start, free) for start, free in left if free > 0]


def _slot_of(offered: Sequence[Period], moment: datetime) -> datetime | None:
    holding = [slot.start for slot in offered if slot.start <= moment < slot.end]
    return holding[-1] if holding else None


def _is_on(asked: Seen, moment: datetime) -> bool:
    span = local_day(asked.day, asked.plan.zone)
    return span.start <= moment.astimezone(UTC) < span.end


@given(seen())
def test_free_slots_are_those_of_looking_at_each_one(asked: Seen) -> None:
    found = free_slots(asked.plan, asked.day, taken=asked.taken, closures=asked.closures)
    assert found == one_by_one(asked)
