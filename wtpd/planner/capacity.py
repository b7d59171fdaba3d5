"""What a department can do on a day, and whether one more visit still fits (spec: planner.md, rules 1 and 6).

A visit's AW count on the day of its drop-off, all of them, however long it lasts: that is the day the reception sells,
and nobody says beforehand on which later day which piece of work is done.

A closure takes the share of the day's capacity that it takes of the working time. The working time is what lies between
the first and the last drop-off window of the weekday; without windows it is the whole day.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from wtpd.planner.periods import length, local_day, local_span, merged, without
from wtpd.planner.public_holidays import holidays_of
from wtpd.planner.resources import Closure, DepartmentPlan, Period
from wtpd.texts import N_, Text

_ROUNDING = 1e-6
"""AW are sums of decimal fractions."""


@dataclass(frozen=True, slots=True)
class Load:
    """The figures behind a yes or no, in AW of the department. `limit` = capacity × load limit."""

    limit: float
    booked: float
    asked: float
    closed: Text | None = None
    """Why the department doesn't work on that day."""

    @property
    def exceeded(self) -> bool:
        """Work that is asked for goes beyond the limit; a visit without AW does only where the day is closed."""
        return self.closed is not None or (self.asked > 0 and self.booked + self.asked > self.limit + _ROUNDING)


def is_holiday(plan: DepartmentPlan, day: date) -> bool:
    """Whether the department rests because of a public holiday."""
    return holiday_name(plan, day) is not None


def holiday_name(plan: DepartmentPlan, day: date) -> str | None:
    """The public holiday for which the department rests, as it is called there."""
    if not plan.closed_on_holidays or day in plan.open_on:
        return None
    return holidays_of(plan.country, plan.region, day.year).get(day)


def why_closed(plan: DepartmentPlan, day: date, closures: Iterable[Closure]) -> Text | None:
    """Why nothing can be done on that day; None: the department works, or never says how much it can do."""
    closures = list(closures)
    if capacity(plan, day, closures) or not any(plan.capacity.values()):
        return None
    if not plan.capacity.get(day.isoweekday(), 0):
        return N_("Nothing is planned on this weekday.")
    holiday = holiday_name(plan, day)
    if holiday is not None:
        return N_("Public holiday: {name}.", name=holiday)
    reasons = [one.reason for one in closures if one.reason and one.department in (None, plan.department)]
    return N_("Closed: {reason}", reason=", ".join(dict.fromkeys(reasons))) if reasons else N_("Closed.")


def applying(plan: DepartmentPlan, closures: Iterable[Closure]) -> list[Period]:
    """The closures of the department or its whole site, as periods in order."""
    return merged(
        Period(start=closure.start, end=closure.end)
        for closure in closures
        if closure.site == plan.site and closure.department in (None, plan.department)
    )


def working_time(plan: DepartmentPlan, day: date) -> Period:
    """Between the first and the last drop-off window of the weekday; else the whole day."""
    windows = plan.drop_off.get(day.isoweekday(), ())
    if windows:
        start, end = min(window.start for window in windows), max(window.end for window in windows)
        span = local_span(day, start, end, plan.zone)
        if span is not None:
            return span
    return local_day(day, plan.zone)


def capacity(plan: DepartmentPlan, day: date, closures: Iterable[Closure] = ()) -> float:
    """AW that the department can do on its day `day`."""
    full = plan.capacity.get(day.isoweekday(), 0)
    if not full or is_holiday(plan, day):
        return 0.0
    work = working_time(plan, day)
    left = length(without([work], applying(plan, closures)))
    return round(full * (left / length([work])), 2)


def limit_of(plan: DepartmentPlan, full: float) -> float:
    """The AW of a day's capacity `full` that the planner books."""
    return round(full * plan.load_limit / 100, 2)


def load(plan: DepartmentPlan, day: date, closures: Iterable[Closure], *, booked: float, asked: float) -> Load:
    """The day's figures if a visit with `asked` AW came to the `booked` ones."""
    closures = list(closures)
    limit = limit_of(plan, capacity(plan, day, closures))
    return Load(limit=limit, booked=booked, asked=asked, closed=why_closed(plan, day, closures))
