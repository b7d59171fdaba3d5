"""Capacity, slots and free cars of a department, right on the days on which the clocks change."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from wtpd.planner.capacity import Load, capacity, load, why_closed, working_time
from wtpd.planner.courtesy import free_periods
from wtpd.planner.periods import length, local_day, local_moment, merged, overlaps, without
from wtpd.planner.public_holidays import holidays_of
from wtpd.planner.resources import Advisor, Closure, CourtesyCar, DepartmentPlan, DropOffWindow, Period
from wtpd.planner.slots import Slot, advisor_hours, free_slots, slots

SPRING, AUTUMN, MONDAY = date(2026, 3, 29), date(2026, 10, 25), date(2026, 11, 23)
EVERY_DAY = range(1, 8)


def plan(*windows: DropOffWindow, capacity: float = 100, **more: object) -> DepartmentPlan:
    windows = windows or (DropOffWindow(start=time(8), end=time(12), slot_minutes=60, places=2),)
    return DepartmentPlan(
        site="rostock",
        department="Werkstatt",
        region="MV",
        capacity=dict.fromkeys(EVERY_DAY, capacity),
        drop_off=dict.fromkeys(EVERY_DAY, windows),
        **more,  # type: ignore[arg-type] # each test names its own field
    )


def at(hour: int, minute: int = 0, day: int = 23) -> datetime:
    """UTC in November 2026; Rostock is an hour ahead."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def closure(start: datetime, end: datetime, department: str | None = None, site: str = "rostock") -> Closure:
    return Closure(id="x", site=site, department=department, start=start, end=end)


def test_a_day_has_23_24_or_25_hours() -> None:
    assert [length([local_day(day, "Europe/Berlin")]) for day in (SPRING, MONDAY, AUTUMN)] == [
        timedelta(hours=23),
        timedelta(hours=24),
        timedelta(hours=25),
    ]


def test_a_local_time_that_is_skipped_is_none_and_one_that_comes_twice_is_the_first() -> None:
    assert local_moment(SPRING, time(2, 30), "Europe/Berlin") is None
    assert local_moment(AUTUMN, time(2, 30), "Europe/Berlin") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_the_working_time_ends_with_the_latest_window_in_whatever_order_they_are() -> None:
    late = DropOffWindow(start=time(13), end=time(18), slot_minutes=60, places=2)
    early = DropOffWindow(start=time(8), end=time(12), slot_minutes=60, places=2)
    for windows in ((early, late), (late, early)):
        assert working_time(plan(*windows), MONDAY) == Period(start=at(7), end=at(17))


def test_closures_take_their_share_of_the_working_time() -> None:
    assert capacity(plan(), MONDAY) == 100
    assert capacity(plan(), MONDAY, [closure(at(7), at(8))]) == 75
    assert capacity(plan(), MONDAY, [closure(at(7), at(8)), closure(at(7), at(9), "Werkstatt")]) == 50
    assert capacity(plan(), MONDAY, [closure(at(0), at(23))]) == 0
    assert capacity(plan(), MONDAY, [closure(at(0), at(23), "Karosserie"), closure(at(0), at(23), site="x")]) == 100
    assert capacity(plan(), MONDAY, [closure(at(12), at(20))]) == 100


def test_public_holidays_close_unless_the_department_says_otherwise() -> None:
    reformation = date(2026, 10, 31)
    assert capacity(plan(), reformation) == 0
    assert slots(plan(), reformation) == []
    assert capacity(plan(closed_on_holidays=False), reformation) == 100
    assert date(2026, 4, 27) in holidays_of("NL", "NH", 2026)
    assert holidays_of("QQ", None, 2026) == {}


def test_holidays_are_those_of_the_library_and_load_one_country_only() -> None:
    code = """
import sys
from wtpd.planner.public_holidays import holidays_of
found = {each: holidays_of(*each, 2026) for each in (("DE", "MV"), ("DE", "BY"), ("NL", None))}
loaded = [name for name in sys.modules if name.startswith("holidays.countries")]
import holidays
dutch = holidays.country_holidays("NL", years=2026, language="nl")
good_friday = {("NL", None): set(dutch.get_named("Goede vrijdag"))}
assert all(
    set(days) == set(holidays.country_holidays(*each, years=2026)) - good_friday.get(each, set())
    for each, days in found.items()
)
from holidays.countries import France  # the library is as it was
print(sorted(loaded))
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown == "['holidays.countries.germany', 'holidays.countries.netherlands']\n"


def test_the_load_says_limit_booked_and_asked() -> None:
    limited = plan(load_limit=80)
    assert load(limited, MONDAY, (), booked=70, asked=10) == Load(limit=80, booked=70, asked=10)
    assert not load(limited, MONDAY, (), booked=70, asked=10).exceeded
    assert load(limited, MONDAY, (), booked=70, asked=10.1).exceeded
    assert not load(limited, MONDAY, (), booked=500, asked=0).exceeded
    assert not Load(limit=0.3, booked=0.1, asked=0.2).exceeded


def test_free_slots_are_windows_less_bookings_and_closures() -> None:
    assert free_slots(plan(), MONDAY, taken=[]) == [Slot(at(hour), 2) for hour in (7, 8, 9, 10)]
    busy = free_slots(plan(), MONDAY, taken=[at(7), at(7, 40), at(8, 59)], closures=[closure(at(9, 30), at(9, 45))])
    assert busy == [Slot(at(8), 1), Slot(at(10), 2)]


def test_a_slot_that_is_overbooked_is_gone() -> None:
    assert free_slots(plan(), MONDAY, taken=[at(7)] * 3)[0] == Slot(at(8), 2)


def test_slots_are_bounded_by_the_advisors_who_are_there() -> None:
    hours = {1: ((time(8), time(10)), (time(10, 30), time(17)))}
    here = Advisor(id="SB1", name="A", site="rostock", department="Werkstatt", weekly_hours=hours)
    away = Advisor(
        id="SB2", name="B", site="rostock", department="Werkstatt", weekly_hours=hours,
        absences=(Period(start=at(8), end=at(9)),),
    )  # fmt: skip
    gone = Advisor(id="SB3", name="C", site="rostock", department="Werkstatt", weekly_hours=hours, active=False)
    found = free_slots(plan(), MONDAY, taken=[at(7)], advisors=[here, away, gone])
    assert found == [Slot(at(7), 1), Slot(at(8), 1), Slot(at(10), 2)]
    assert advisor_hours(away, MONDAY, "Europe/Berlin") == [
        Period(start=at(7), end=at(8)),
        Period(start=at(9, 30), end=at(16)),
    ]
    assert advisor_hours(gone, MONDAY, "Europe/Berlin") == []


def test_a_department_without_advisors_is_not_bounded_by_them() -> None:
    assert len(free_slots(plan(), MONDAY, taken=[], advisors=[])) == 4


def test_windows_that_overlap_add_up() -> None:
    both = plan(
        DropOffWindow(start=time(8), end=time(9), slot_minutes=30), DropOffWindow(start=time(8, 30), end=time(9, 30))
    )
    assert [(slot.start, slot.free) for slot in free_slots(both, MONDAY, taken=[])] == [
        (at(7), 1), (at(7, 30), 2), (at(7, 45), 1), (at(8), 1), (at(8, 15), 1),
    ]  # fmt: skip


def test_a_window_across_the_change_of_clocks_offers_each_local_time_that_exists_once() -> None:
    night = plan(DropOffWindow(start=time(1), end=time(4), slot_minutes=30))
    spring = [slot.start.strftime("%H:%M") for slot in free_slots(night, SPRING, taken=[])]
    assert spring == ["00:00", "00:30", "01:00", "01:30"]
    autumn = [slot.start.strftime("%H:%M") for slot in free_slots(night, AUTUMN, taken=[])]
    assert autumn == ["23:00", "23:30", "00:00", "00:30", "02:00", "02:30"]


moments = st.integers(0, 200).map(lambda quarter: at(0, day=1) + timedelta(minutes=15 * quarter))
periods = st.builds(lambda start, quarters: Period(start=start, end=start + timedelta(minutes=15 * quarters)), moments,
                    st.integers(0, 40))  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(st.lists(periods), st.lists(periods))
def test_what_is_free_and_what_is_taken_make_up_the_whole(spans: list[Period], taken: list[Period]) -> None:
    free = without(spans, taken)
    whole, blocks = merged(spans), merged(taken)
    assert all(not overlaps(one, block) for one in free for block in blocks)
    assert all(one.end <= two.start for one, two in pairwise(free))
    used = [
        Period(start=max(one.start, block.start), end=min(one.end, block.end))
        for one in whole
        for block in blocks
        if overlaps(one, block)
    ]
    assert length(free) + length(used) == length(whole)


@settings(deadline=None, max_examples=200)
@given(st.dates(date(2025, 1, 1), date(2028, 12, 31)), st.sampled_from(["Europe/Berlin", "Europe/Amsterdam", "UTC"]))
def test_days_follow_each_other_without_gap(day: date, zone: str) -> None:
    assert local_day(day, zone).end == local_day(day + timedelta(days=1), zone).start


@settings(deadline=None, max_examples=100)
@given(
    st.sampled_from([SPRING, AUTUMN, MONDAY, date(2027, 3, 28), date(2027, 10, 31)]),
    st.integers(0, 23),
    st.integers(1, 60),
    st.sampled_from([5, 15, 20, 30, 60]),
    st.integers(1, 3),
    st.lists(st.integers(0, 25 * 12), max_size=20),
)
def test_free_slots_on_days_of_clock_change(
    day: date, hour: int, quarters: int, minutes: int, places: int, taken: list[int]
) -> None:
    until = min(hour * 60 + quarters * 15, 23 * 60 + 59)
    window = DropOffWindow(start=time(hour), end=time(until // 60, until % 60), slot_minutes=minutes, places=places)
    department = plan(window, closed_on_holidays=False)
    whole = local_day(day, department.zone)
    drop_offs = [
        moment for moment in (whole.start + timedelta(minutes=5 * each) for each in taken) if moment < whole.end
    ]
    everything = slots(department, day)
    found = free_slots(department, day, taken=drop_offs)
    local = [slot.start.astimezone(ZoneInfo(department.zone)).time() for slot, _ in everything]
    assert local == sorted(set(local)), "each local time once"
    assert all(window.start <= each < window.end for each in local)
    assert all(whole.start <= slot.start < whole.end for slot in found)
    offered = sum(count for _, count in everything)
    in_slots = sum(any(slot.start <= moment < slot.end for slot, _ in everything) for moment in drop_offs)
    assert sum(slot.free for slot in found) >= offered - in_slots
    assert all(1 <= slot.free <= places for slot in found)


CAR = CourtesyCar(
    id="EW1", plate="B-T 4268E", site="rostock", out_of_service=(Period(start=at(6, day=25), end=at(10, day=25)),)
)


def test_a_car_is_free_between_its_reservations_and_services() -> None:
    span = Period(start=at(0, day=23), end=at(0, day=26))
    assert free_periods(CAR, span, [Period(start=at(8, day=22), end=at(9, day=24))]) == [
        Period(start=at(9, day=24), end=at(6, day=25)),
        Period(start=at(10, day=25), end=at(0, day=26)),
    ]
    assert free_periods(CAR, Period(start=at(0), end=at(9)), [Period(start=at(9), end=at(10))]) == [
        Period(start=at(0), end=at(9))
    ]
    assert free_periods(CourtesyCar(id="x", plate="", site="rostock", active=False), span, []) == []


@settings(deadline=None, max_examples=100)
@given(periods, st.lists(periods))
def test_a_free_period_of_a_car_can_be_lent(span: Period, reservations: list[Period]) -> None:
    for period in free_periods(CAR, span, reservations):
        assert free_periods(CAR, period, reservations) == [period]
        assert span.start <= period.start < period.end <= span.end


def test_a_dutch_holiday_that_is_no_day_off_closes_nothing_and_a_day_can_be_opened() -> None:
    good_friday, easter_monday = date(2027, 3, 26), date(2027, 3, 29)
    dutch = DepartmentPlan(
        site="u", department="W", country="NL", region="UT", capacity=dict.fromkeys(range(1, 6), 50.0)
    )
    assert capacity(dutch, good_friday) == 50
    assert capacity(dutch, easter_monday) == 0
    assert capacity(replace(dutch, country="DE", region="MV"), good_friday) == 0
    assert capacity(replace(dutch, open_on=frozenset({easter_monday})), easter_monday) == 50
    closed = why_closed(replace(dutch, country="DE", region="MV"), good_friday, ())
    assert closed is not None
    assert closed.render("de") == "Feiertag: Karfreitag."
