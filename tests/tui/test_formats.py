"""Dates, times and numbers, as people of each language write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.tui import nothing_logged
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


@pytest.mark.parametrize("language", ["de", "en", "nl"])
def test_a_moment_of_a_clock_that_was_wrong_is_said_too(language):
    one = formats(language)
    with nothing_logged():
        for days in range(-1500, 1501):
            moment = f"{NOW + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"
            for said in (one.ago(moment), one.away(moment), one.moment(moment)):
                assert said
                assert said != moment, days


@pytest.mark.parametrize("language", ["de", "en", "nl"])
def test_what_cant_be_formatted_is_shown_as_it_came_and_logged_once(language):
    one = formats(language)
    with nothing_logged() as logged:
        for odd in ("yesterday", "2026-13-45T99:00:00Z"):
            for formatter in (one.ago, one.away, one.moment, one.time, one.exact, one.day, one.short_day, one.long_day,
                              one.weekday):  # fmt: skip
                assert formatter(odd) == odd
                assert formatter(odd) == odd
        assert one.money("much") == one.number("much") == one.size("much") == one.span("much") == "much"
        assert one.moment("2026-11-22T13:05:00Z", "Europe/Nowhere") == "2026-11-22T13:05:00Z"
        assert not [one for one in logged if "yesterday" in one or "much" in one], "the value may be personal"
        assert len(logged) == len(set(logged))
        logged.clear()


def test_nothing_stays_nothing():
    one = formats("de")
    assert (one.time(None), one.moment(None), one.money(None), one.size(None)) == ("", "", "", "")


def test_sizes():
    one = formats("de")
    assert one.size(999) == "999 B"
    assert one.size(12_900_000_000) == "12,9 GB"
    assert one.size(150_400_000) == "150 MB"
