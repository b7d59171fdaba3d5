"""The demo's appointments lie around the day on which somebody runs it."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime

import pytest

from wtpd.demo.lists import WRITTEN, lists


def rows(today: date) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(lists(today)["termine.csv"].decode("cp1252")), delimiter=";"))


def moments(today: date, column: str) -> list[datetime]:
    return [datetime.strptime(row[column], "%d.%m.%Y %H:%M").replace(tzinfo=UTC) for row in rows(today)]


@pytest.mark.parametrize("today", [WRITTEN, date(2027, 3, 3), date(2031, 7, 13), date(2024, 2, 29)])
def test_there_are_past_and_coming_appointments_whenever_it_runs(today: date) -> None:
    days = [moment.date() for moment in moments(today, "Abholung")]
    assert sum(day < today for day in days) > 400
    assert sum(day > today for day in days) > 400


def test_only_the_days_are_moved_and_by_whole_weeks() -> None:
    before, after = rows(WRITTEN), rows(date(2028, 6, 1))
    moved = {
        (new - old).days % 7 == 0 and new.time() == old.time()
        for column in ("Annahme", "Abholung")
        for old, new in zip(moments(WRITTEN, column), moments(date(2028, 6, 1), column), strict=True)
    }
    assert moved == {True}
    times = ("Annahme", "Abholung")
    assert [{k: v for k, v in row.items() if k not in times} for row in before] == [
        {k: v for k, v in row.items() if k not in times} for row in after
    ]
