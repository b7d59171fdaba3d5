"""The plans of all departments, as the planner's rules want them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time

from wtpd.config.model import Config, Department, DropOff, Site
from wtpd.config.rules import span
from wtpd.planner.resources import DepartmentPlan, DropOffWindow

ISO_WEEKDAYS = {"mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6, "sun": 7}


def plans(config: Config) -> Mapping[tuple[str, str], DepartmentPlan]:
    """(site id, department id) → plan. The settings must have passed the rules."""
    return {(site.id, part.id): _plan(site, part) for site in config.sites for part in site.departments}


def _plan(site: Site, part: Department) -> DepartmentPlan:
    return DepartmentPlan(
        site=site.id,
        department=part.id,
        zone=site.time_zone,
        country=site.country,
        region=site.region,
        capacity={ISO_WEEKDAYS[day]: units for day, units in part.capacity.items()},
        load_limit=part.load_limit,
        minutes_per_unit=part.minutes_per_unit,
        drop_off={
            ISO_WEEKDAYS[day]: tuple(sorted((_window(each) for each in windows), key=lambda window: window.start))
            for day, windows in part.drop_off.items()
        },
        closed_on_holidays=part.closed_on_holidays,
        open_on=frozenset(date.fromisoformat(day) for day in part.open_on),
    )


def _window(window: DropOff) -> DropOffWindow:
    start, end = span(window)
    return DropOffWindow(
        start=time.fromisoformat(start),
        end=time.fromisoformat(end),
        slot_minutes=window.slot_minutes,
        places=window.places,
    )
