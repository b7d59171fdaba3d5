"""When a courtesy car is free (spec: planner.md, rule 2; that it isn't lent twice is the database's business)."""

from __future__ import annotations

from collections.abc import Iterable

from wtpd.planner.periods import without
from wtpd.planner.resources import CourtesyCar, Period


def free_periods(car: CourtesyCar, span: Period, reservations: Iterable[Period]) -> list[Period]:
    """The parts of `span` in which the car is neither reserved (drop-off to collection) nor out of service."""
    if not car.active:
        return []
    return without([span], [*reservations, *car.out_of_service])
