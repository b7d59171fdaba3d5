"""Dates, times and numbers, as people of each language write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from wtpd import language as speech
from wtpd.tui.formats import Formats

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
BERLIN = "Europe/Berlin"


def formats(language: str) -> Formats:
    speech.use(language)
    return Formats(language, lambda: NOW)


@pytest.mark.parametrize(
    ("language", "day", "long", "moment", "number", "money"),
    [
        ("de", "22.11.2026", "Sonntag, 22. November 2026", "22.11. 14:05", "1.234,5", "1.234,50\u00a0€"),
        ("nl", "22-11-2026", "zondag 22 november 2026", "22-11 14:05", "1.234,5", "€\u00a01.234,50"),
        ("en", "22/11/2026", "Sunday, 22 November 2026", "22/11 14:05", "1,234.5", "€1,234.50"),
    ],
)
def test_by_locale(language, day, long, moment, number, money):
    one = formats(language)
    assert one.day("2026-11-22") == day
    assert one.long_day("2026-11-22") == long
    assert one.moment("2026-11-22T13:05:00Z", BERLIN) == moment
    assert one.number(1234.5) == number
    assert one.money(123450) == money


def test_times_are_those_of_the_site_in_summer_too():
    one = formats("de")
    assert one.time("2026-11-22T13:05:00Z", BERLIN) == "14:05"
    assert one.time("2026-07-22T13:05:00Z", BERLIN) == "15:05"
    assert one.exact("2026-10-25T00:30:00Z", BERLIN) == "25.10.2026 02:30:00"
    assert one.moment("2025-01-02T13:05:00Z", BERLIN) == "02.01.2025 14:05"


def test_how_long_ago_and_how_soon():
    one = formats("de")
    assert one.ago("2026-11-22T11:57:00Z") == "vor 3 Min."
    assert one.ago("2026-11-22T14:00:00Z") == "in 2 Std."
    assert one.ago("2026-11-20T11:00:00Z") == "vor 2 Tagen"
    assert one.ago(None) == ""


def test_nothing_stays_nothing():
    one = formats("de")
    assert (one.time(None), one.moment(None), one.money(None), one.size(None)) == ("", "", "", "")


def test_sizes():
    one = formats("de")
    assert one.size(999) == "999 B"
    assert one.size(12_900_000_000) == "12,9 GB"
    assert one.size(150_400_000) == "150 MB"
