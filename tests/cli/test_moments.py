"""Days and times as people type and read them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wtpd.cli.moments import read_day, show_day, show_moment, show_time, today

TODAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2026-11-23", date(2026, 11, 23)),
        ("23.11.2026", date(2026, 11, 23)),
        ("23.11.", date(2026, 11, 23)),
        ("23.11", date(2026, 11, 23)),
        ("23-11-2026", date(2026, 11, 23)),
        ("3/12", date(2026, 12, 3)),
        ("2.1.", date(2027, 1, 2)),
        ("today", TODAY),
        ("Heute", TODAY),
        ("vandaag", TODAY),
        ("morgen", date(2026, 11, 22)),
        ("gisteren", date(2026, 11, 20)),
        ("+3", date(2026, 11, 24)),
        ("-1", date(2026, 11, 20)),
        ("24.12.26", date(2026, 12, 24)),
        ("24/12/26", date(2026, 12, 24)),
        ("17.5.98", date(1998, 5, 17)),
        ("29.2.", date(2028, 2, 29)),
    ],
)
def test_a_day_is_read_as_it_is_typed(typed: str, meant: date) -> None:
    near_leap_year = date(2027, 11, 1)
    assert read_day(typed, near_leap_year if typed == "29.2." else TODAY) == meant


@pytest.mark.parametrize(
    "typed", ["", "soon", "32.11.", "2026-13-01", "11", "26-11-23", "29.2.26", "0.0.", "29.2.2026"]
)
def test_what_is_no_day_is_refused(typed: str) -> None:
    with pytest.raises(ValueError):
        read_day(typed, date(2025, 6, 1))


@given(
    st.dates(date(1990, 1, 1), date(2150, 12, 31)), st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%Y"])
)
@settings(deadline=None)
def test_every_full_day_is_read_back(day: date, form: str) -> None:
    assert read_day(day.strftime(form), TODAY) == day


@given(st.dates(date(1990, 1, 1), date(2150, 12, 31)), st.integers(-180, 180))
@settings(deadline=None)
def test_a_day_without_year_is_the_nearest(now: date, away: int) -> None:
    meant = now + timedelta(days=away)
    if (meant.month, meant.day) != (2, 29):
        assert read_day(f"{meant.day}.{meant.month}.", now) == meant


def test_a_moment_is_shown_on_the_clock_of_the_site() -> None:
    assert show_time("2026-11-23T07:30:00Z", "Europe/Berlin") == "08:30"
    assert show_time("2026-07-23T07:30:00Z", "Europe/Berlin") == "09:30"
    assert show_moment("2026-11-22T23:30:00Z", "Europe/Amsterdam", "nl") == "ma 23-11-2026 00:30"
    assert show_moment("2026-11-22T23:30:00Z", "Europe/Berlin", "de") == "Mo 23.11.2026 00:30"
    assert show_moment(None, "Europe/Berlin", "de") == "–"


def test_a_day_is_shown_in_each_language() -> None:
    assert [show_day(date(2026, 11, 25), language) for language in ("de", "en", "nl")] == [
        "Mi 25.11.2026",
        "Wed 25/11/2026",
        "wo 25-11-2026",
    ]


def test_today_is_the_sites_day() -> None:
    assert today("Europe/Berlin", datetime(2026, 11, 20, 23, 30, tzinfo=UTC)) == date(2026, 11, 21)
