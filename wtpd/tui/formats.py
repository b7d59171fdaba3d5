"""Dates, times and numbers as people of a language write them (Unicode CLDR, through Babel)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cached_property, lru_cache, wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeAlias
from zoneinfo import ZoneInfo

from wtpd import dates
from wtpd.language import say
from wtpd.texts import N_
from wtpd.tui.crash import log

if TYPE_CHECKING:
    from babel import Locale

P = ParamSpec("P")
Formatter: TypeAlias = "Callable[Concatenate[Formats, P], str]"

LOCALES = {"de": "de_DE", "en": "en_GB", "nl": "nl_NL"}


def _or_raw(method: Formatter[P]) -> Formatter[P]:
    """A value that can't be formatted is shown as it came, and the reason is logged once: a date from a clock that was
    wrong must not end the app. The value itself isn't logged, it may be personal."""

    @wraps(method)
    def formatted(self: Formats, /, *args: P.args, **kwargs: P.kwargs) -> str:
        try:
            return method(self, *args, **kwargs)
        except Exception as error:
            _log_once(method.__name__, self.language, type(error).__name__)
            return str(next(iter(args), ""))

    return formatted


@lru_cache(maxsize=256)
def _log_once(formatter: str, language: str, error: str) -> None:
    log.error("a value can't be formatted: %s, language %s: %s", formatter, language, error)


@lru_cache(maxsize=4096)
def moment_of(text: str) -> datetime:
    """An RFC 3339 time of the API."""
    return datetime.fromisoformat(text)


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    return ZoneInfo(name)


class Formats:
    """One language's ways. Times are given as the API's texts (RFC 3339) and shown in `zone`, the site's; without one
    in `home`."""

    def __init__(self, language: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.language = language
        self.now = now
        self.home: str | None = None
        """The time zone of what belongs to no site; the box's own if it isn't known."""
        self._name = LOCALES.get(language, "en_GB")

    @cached_property
    def locale(self) -> Locale:
        from babel import Locale

        return Locale.parse(self._name)

    def local(self, text: str, zone: str | None = None) -> datetime:
        return moment_of(text).astimezone(self._zone(zone))

    def today(self, zone: str | None = None) -> date:
        """The day it is there now."""
        return self.now().astimezone(self._zone(zone)).date()

    @_or_raw
    def time(self, text: str | None, zone: str | None = None) -> str:
        """`14:05`; nothing for no time."""
        return dates.show_time(self.local(text, zone)) if text else ""

    @_or_raw
    def moment(self, text: str | None, zone: str | None = None) -> str:
        """Day and time, short: `22.11. 14:05`; with the year if it is another one than this."""
        if not text:
            return ""
        local = self.local(text, zone)
        day = self.short_day if local.year == self.today(zone).year else self.day
        return f"{day(local.date())} {dates.show_time(local)}"

    @_or_raw
    def exact(self, text: str | None, zone: str | None = None) -> str:
        """With seconds: `22.11.2026 14:05:09`."""
        if not text:
            return ""
        local = self.local(text, zone)
        return dates.show_moment(local, self.language, seconds=True)

    @_or_raw
    def day(self, day: date | str) -> str:
        """`22.11.2026`"""
        return dates.show_day(_date(day), self.language)

    @_or_raw
    def short_day(self, day: date | str) -> str:
        """`22.11.`"""
        return self._pattern(day, {"de": "dd.MM.", "nl": "dd-MM"}.get(self.language, "dd/MM"))

    @_or_raw
    def long_day(self, day: date | str) -> str:
        """`Sonntag, 22. November 2026`"""
        from babel.dates import format_date

        return format_date(_date(day), "full", locale=self.locale)

    @_or_raw
    def weekday(self, day: date | str) -> str:
        """`So`"""
        return self._pattern(day, "EEE").rstrip(".")

    def week(self, day: date | str) -> int:
        """The number of the week (ISO 8601)."""
        return _date(day).isocalendar().week

    @_or_raw
    def number(self, value: float) -> str:
        """`1.234,5`"""
        from babel.numbers import format_decimal

        return format_decimal(round(value, 2), locale=self.locale)

    @_or_raw
    def money(self, cents: int | None) -> str:
        """`1.234,50 €`; nothing for no price."""
        from babel.numbers import format_currency

        return "" if cents is None else format_currency(cents / 100, "EUR", locale=self.locale)

    @_or_raw
    def size(self, size: int | None) -> str:
        """Bytes as `12,3 MB`."""
        if size is None:
            return ""
        value, unit = float(size), "B"
        for unit in ("B", "kB", "MB", "GB", "TB"):
            if value < 1000 or unit == "TB":
                break
            value /= 1000
        return f"{self.number(round(value, 1 if value < 100 else 0))} {unit}"

    @_or_raw
    def ago(self, text: str | None, now: datetime | None = None) -> str:
        """How long ago, or in how long: `vor 3 Min.`, `in 2 Std.`"""
        if not text:
            return ""
        from babel.dates import format_timedelta

        away = moment_of(text) - (now or self.now())
        if abs(away.total_seconds()) < 5:
            return say(N_("now"))
        return format_timedelta(away, add_direction=True, format="short", locale=self.locale, threshold=1.2)

    def is_past(self, text: str) -> bool:
        return moment_of(text) <= self.now()

    @_or_raw
    def away(self, text: str | None) -> str:
        """How far away it is, to or from, short: `3 Min.`"""
        if not text:
            return ""
        from babel.dates import format_timedelta

        away = abs(moment_of(text) - self.now())
        return format_timedelta(away, format="short", locale=self.locale, threshold=1.2)

    @_or_raw
    def span(self, seconds: float) -> str:
        """`3 Tage`, `2 Stunden`"""
        from babel.dates import format_timedelta

        return format_timedelta(int(seconds), locale=self.locale, threshold=1.2)

    def _zone(self, zone: str | None) -> ZoneInfo | None:
        name = zone or self.home
        return zone_of(name) if name else None

    def _pattern(self, day: date | str, pattern: str) -> str:
        return _patterned(_date(day), pattern, self._name)


def _date(day: date | str) -> date:
    return date.fromisoformat(day) if isinstance(day, str) else day


@lru_cache(maxsize=2048)
def _patterned(day: date, pattern: str, locale: str) -> str:
    from babel.dates import format_date

    return format_date(day, pattern, locale=locale)
