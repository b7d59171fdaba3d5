"""What a site works with: advisors, courtesy cars, closures (spec: planner.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

Hours = tuple[tuple[time, time], ...]
"""Spans of one day in local time, in order, not overlapping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From `start` up to, not including, `end`; UTC."""

    start: datetime
    end: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisor:
    """`id` is the dealership's short sign (`SB1`). `weekly_hours` by ISO weekday, 1 = Monday."""

    id: str
    name: str
    site: str
    department: str
    weekly_hours: Mapping[int, Hours] = field(default_factory=dict)
    absences: tuple[Period, ...] = ()
    active: bool = True
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CourtesyCar:
    """`id` is the dealership's own number (`EW1`); `vehicle_class` and `features` are filters for partners."""

    id: str
    plate: str
    make: str = ""
    model: str = ""
    vehicle_class: str = ""
    features: tuple[str, ...] = ()
    site: str
    out_of_service: tuple[Period, ...] = ()
    active: bool = True
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """A time without acceptance or capacity; `department` None closes the whole site."""

    id: str
    site: str
    department: str | None
    start: datetime
    end: datetime
    reason: str = ""
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DropOffWindow:
    """Cars are accepted from `start` to `end`, every `slot_minutes`, `places` at a time; local time."""

    start: time
    end: time
    slot_minutes: int = 15
    places: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DepartmentPlan:
    """From the configuration. `capacity` in AW and `drop_off` by ISO weekday; `load_limit` in per cent of the
    capacity; `zone` an IANA name; `region` a federal state or province for the public holidays (`MV`, `NH`)."""

    site: str
    department: str
    zone: str = "Europe/Berlin"
    country: str = "DE"
    region: str | None = None
    capacity: Mapping[int, float] = field(default_factory=dict)
    load_limit: int = 100
    minutes_per_unit: int = 5
    drop_off: Mapping[int, tuple[DropOffWindow, ...]] = field(default_factory=dict)
    closed_on_holidays: bool = True
    open_on: frozenset[date] = frozenset()
    """Days that are worked although they are public holidays."""

    def zoned_day(self, moment: datetime) -> date:
        """The department's day on which `moment` falls."""
        return moment.astimezone(ZoneInfo(self.zone)).date()
