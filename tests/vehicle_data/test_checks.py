"""When a vehicle is asked about, and what a register's answer means."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from wtpd.vehicle_data.checks import Check, Facts, is_due, is_eve, is_inspection_due, is_other_make

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


WHOLE = Facts(
    make="VOLVO", model="V60", fuel="Benzine", first_registration=date(2021, 5, 17), inspection_due=date(2027, 5, 17)
)


def check(days_ago: float, *, known: bool = True, **blank: Any) -> Check:
    asked = NOW - timedelta(days=days_ago)
    facts = replace(WHOLE, **blank)
    return Check(vehicle_id="v", source="rdw", plate="12ABC3", asked_at=asked, is_known=known, facts=facts)


@pytest.mark.parametrize(
    ("found", "in_days", "due"),
    [
        (None, 30, True),
        (check(6.9), 30, False),
        (check(7), 30, True),
        (check(0.5, known=False), 30, False),
        (check(1, known=False), 30, True),
        (check(0.9, fuel=""), 30, False),
        (check(1, fuel=""), 30, True),
        (check(1, model=""), 30, True),
        (check(1, first_registration=None), 30, True),
        (check(1, inspection_due=None), 30, True),
        (check(2), 1, True),
        (check(0.2), 1, False),
        (check(2), 2, False),
        (check(2), 0.1, True),
    ],
)
def test_a_vehicle_is_asked_about_after_a_week_and_the_day_before(
    found: Check | None, in_days: float, due: bool
) -> None:
    assert is_due(found, NOW + timedelta(days=in_days), NOW, AMSTERDAM) is due


def test_the_day_before_is_one_of_the_site() -> None:
    drop_off = datetime(2026, 12, 3, 7, tzinfo=UTC)
    found = check(3)
    assert not is_eve(found, drop_off, datetime(2026, 12, 1, 22, 59, tzinfo=UTC), AMSTERDAM)
    assert is_eve(found, drop_off, datetime(2026, 12, 1, 23, 0, tzinfo=UTC), AMSTERDAM)


@pytest.mark.parametrize(
    ("ours", "theirs", "other"),
    [
        ("VW", "VOLKSWAGEN", False), ("Volkswagen", "VOLKSWAGEN", False), ("Mercedes", "MERCEDES-BENZ", False),
        ("Citroën", "CITROEN", False), ("Skoda", "ŠKODA", False), ("BMW", "BMW I", False), ("", "VOLVO", False),
        ("VOLVO", "", False), ("Alfa", "ALFA ROMEO", False), ("NISSAN", "VOLVO", True), ("BMW", "MINI", True),
    ],
)  # fmt: skip
def test_another_make_is_told_from_another_way_of_writing(ours: str, theirs: str, other: bool) -> None:
    assert is_other_make(ours, theirs) is other


@pytest.mark.parametrize(
    ("due", "suggested"),
    [
        (None, False), (date(2026, 12, 1), True), (date(2026, 12, 3), True), (date(2026, 12, 4), False),
        (date(2026, 1, 1), True),
    ],
)  # fmt: skip
def test_an_inspection_that_runs_out_by_the_end_of_the_visit(due: date | None, suggested: bool) -> None:
    assert is_inspection_due(due, datetime(2026, 12, 3, 22, 30, tzinfo=UTC), AMSTERDAM) is suggested
