"""Spans of time in UTC, and local times in zones where an hour is missing or comes twice."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from wtpd.planner.resources import Period


def local_day(day: date, zone: str) -> Period:
    """The day in that zone; 23 or 25 hours where the clocks change."""
    tz = ZoneInfo(zone)
    start = datetime.combine(day, time(), tz).astimezone(UTC)
    return Period(start=start, end=datetime.combine(day + timedelta(days=1), time(), tz).astimezone(UTC))


def local_moment(day: date, at: time, zone: str) -> datetime | None:
    """The moment in UTC. None for a local time that the clocks skip; the first moment of one that comes twice."""
    tz = ZoneInfo(zone)
    local = datetime.combine(day, at, tz)
    moment = local.astimezone(UTC)
    return moment if moment.astimezone(tz).replace(tzinfo=None) == local.replace(tzinfo=None) else None


def local_span(day: date, start: time, end: time, zone: str) -> Period | None:
    """The span between two local times of a day; a bound that the clocks skip is as much later as they skip. None if
    nothing is left."""
    tz = ZoneInfo(zone)
    first = datetime.combine(day, start, tz).astimezone(UTC)
    last = datetime.combine(day, end, tz).astimezone(UTC)
    return Period(start=first, end=last) if first < last else None


def overlaps(one: Period, other: Period) -> bool:
    return one.start < other.end and other.start < one.end


def merged(periods: Iterable[Period]) -> list[Period]:
    """In order, without overlaps; those that touch become one. Reasons are dropped."""
    result: list[Period] = []
    for period in sorted(periods, key=lambda each: each.start):
        if result and period.start <= result[-1].end:
            result[-1] = Period(start=result[-1].start, end=max(result[-1].end, period.end))
        elif period.start < period.end:
            result.append(Period(start=period.start, end=period.end))
    return result


def without(spans: Iterable[Period], taken: Iterable[Period]) -> list[Period]:
    """What is left of the spans, in order."""
    blocks = merged(taken)
    free: list[Period] = []
    for span in merged(spans):
        start = span.start
        for block in blocks:
            if block.end <= start:
                continue
            if block.start >= span.end:
                break
            if start < block.start:
                free.append(Period(start=start, end=block.start))
            start = block.end
        if start < span.end:
            free.append(Period(start=start, end=span.end))
    return free


def length(periods: Iterable[Period]) -> timedelta:
    return sum((period.end - period.start for period in periods), timedelta())
