"""Days and times as people type them into forms."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wtpd.moments import NotUnderstood, read_day, read_moment

ROSTOCK = ZoneInfo("Europe/Berlin")
NEAR = datetime(2026, 12, 7, 8, 15, tzinfo=ROSTOCK)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("24.12. 9:30", "2026-12-24T09:30+01:00"),
        ("24.12.2026 09:30", "2026-12-24T09:30+01:00"),
        ("24.12.26 09:30", "2026-12-24T09:30+01:00"),
        ("24.12.2026, 9.30 Uhr", "2026-12-24T09:30+01:00"),
        ("Do 24.12. 9:30", "2026-12-24T09:30+01:00"),
        ("24-12-2026 9 uhr", "2026-12-24T09:00+01:00"),
        ("24/12 0930", "2026-12-24T09:30+01:00"),
        ("2026-12-24 09:30", "2026-12-24T09:30+01:00"),
        ("2026-12-24T09:30", "2026-12-24T09:30+01:00"),
        ("+1 10:00", "2026-12-08T10:00+01:00"),
        ("morgen 10:00", "2026-12-08T10:00+01:00"),
        ("9:30", "2026-12-07T09:30+01:00"),
        ("14", "2026-12-07T14:00+01:00"),
        ("24.12.", "2026-12-24T08:15+01:00"),
        ("1.7.2027 8:00", "2027-07-01T08:00+02:00"),
        ("2.1. 8:00", "2027-01-02T08:00+01:00"),
    ],
)
def test_read_as_meant(typed: str, expected: str) -> None:
    assert read_moment(typed, NEAR) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    "typed", ["", " ", "soon", "24.13. 8:00", "31.2. 8:00", "24.12. 25:00", "24.12. 8:61", "8:00 24.12. 2026", "8:0"]
)
def test_what_is_no_time_is_refused(typed: str) -> None:
    with pytest.raises(NotUnderstood) as caught:
        read_moment(typed, NEAR)
    assert caught.value.fault == "unreadable"


def test_an_hour_that_the_clocks_leave_out_is_none() -> None:
    with pytest.raises(NotUnderstood) as caught:
        read_moment("28.3.2027 2:30", NEAR)
    assert caught.value.fault == "skipped"


def test_an_hour_that_comes_twice_is_the_first_unless_it_stood_in_the_second() -> None:
    first = read_moment("25.10.2026 2:30", NEAR)
    assert first.utcoffset() == timedelta(hours=2)
    second = first.replace(fold=1)
    assert read_moment("25.10.2026 2:30", second).utcoffset() == timedelta(hours=1)


@settings(deadline=None, max_examples=200)
@given(day=st.dates(date(2000, 1, 1), date(2099, 12, 31)), hour=st.integers(3, 23), minute=st.integers(0, 59))
def test_what_the_form_shows_is_read_as_it_was(day: date, hour: int, minute: int) -> None:
    moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=ROSTOCK)
    for pattern in ("%d.%m.%Y %H:%M", "%d/%m/%Y %H:%M", "%d-%m-%Y %H:%M", "%Y-%m-%d %H:%M"):
        assert read_moment(moment.strftime(pattern), NEAR) == moment


@settings(deadline=None, max_examples=300)
@given(text=st.text(alphabet="0123456789.:-/+ thTuhrmo", max_size=20))
def test_whatever_is_typed_is_read_or_refused_in_words(text: str) -> None:
    for read in (lambda: read_moment(text, NEAR), lambda: read_day(text, NEAR.date())):
        try:
            assert read() is not None
        except NotUnderstood as error:
            assert error.fault in ("unreadable", "skipped")
