"""Days and times as people type them, in German, English and Dutch; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

Fault = Literal["unreadable", "skipped"]

_WORDS = {
    "today": 0, "heute": 0, "vandaag": 0,
    "tomorrow": 1, "morgen": 1,
    "yesterday": -1, "gestern": -1, "gisteren": -1,
}  # fmt: skip
_WEEKDAY = re.compile(r"^(?:mo|di|mi|do|fr|sa|so|mon|tue|wed|thu|fri|sat|sun|ma|wo|vr|za|zo)[.,]?\s+")
_ADDED = re.compile(r"[+-]\d{1,4}")
_ISO = re.compile(r"\d{4}-\d\d-\d\d")
_DAY = re.compile(r"(\d{1,2})[./-](\d{1,2})(?:[./-]?(\d{4})|[./](\d\d)|[./-])?")
_CLOCK = re.compile(r"(\d{1,2})(?:[:.h](\d\d))?")
_DIGITS = re.compile(r"(\d{1,2})(\d\d)")


class NotUnderstood(ValueError):
    """What was typed is no day or time. `fault` `skipped`: a time that the clocks leave out that day."""

    def __init__(self, text: str, fault: Fault = "unreadable") -> None:
        super().__init__(text)
        self.fault: Fault = fault


def read_day(text: str, today: date) -> date:
    """A day as people type it: `2026-11-23`, `23.11.2026`, `23.11.26`, `23.11.`, `23-11-2026`, `23/11`, `today`,
    `morgen`, `+3`. Without a year or its century it is the one nearest to `today`. Raises `NotUnderstood`."""
    word = text.strip().lower()
    if word in _WORDS:
        return today + timedelta(days=_WORDS[word])
    try:
        if _ADDED.fullmatch(word):
            return today + timedelta(days=int(word))
        if _ISO.fullmatch(word):
            return date.fromisoformat(word)
        found = _DAY.fullmatch(word)
        if found and (year := found[3]):
            return date(int(year), int(found[2]), int(found[1]))
    except (ValueError, OverflowError):
        raise NotUnderstood(text) from None
    if not found:
        raise NotUnderstood(text)
    middle, step = today.year, 1
    if found[4]:
        middle, step = today.year - today.year % 100 + int(found[4]), 100
    near = _in_years(int(found[1]), int(found[2]), (middle - step, middle, middle + step))
    if not near:
        raise NotUnderstood(text)
    return min(near, key=lambda candidate: abs(candidate - today))


def _in_years(day: int, month: int, years: Iterable[int]) -> list[date]:
    """The day in those of the years that have it; 29 February isn't in all."""
    near = []
    for year in years:
        try:
            near.append(date(year, month, day))
        except ValueError:
            continue
    return near


def read_moment(text: str, near: datetime) -> datetime:
    """A day and a time as people type them (`23.11. 8:30`, `2026-11-23 08:30`, `Mo 23.11.2026 8 Uhr`, `+1 8:30`), or
    only one of them; the other is that of `near`, whose zone it is in too. Raises `NotUnderstood`."""
    words = text.strip().lower().removesuffix("uhr").removesuffix("h").strip()
    words = re.sub(r"(\d)t(\d)", r"\1 \2", _WEEKDAY.sub("", words))
    parts = words.replace(",", " ").split()
    today = near.date()
    if len(parts) == 2:
        day, clock = read_day(parts[0], today), _read_clock(parts[1])
    elif len(parts) == 1 and _is_clock(parts[0]):
        day, clock = today, _read_clock(parts[0])
    elif len(parts) == 1:
        day, clock = read_day(parts[0], today), near.time().replace(second=0, microsecond=0)
    else:
        raise NotUnderstood(text)
    return _on_the_clock(datetime.combine(day, clock, near.tzinfo), near, text)


def _is_clock(word: str) -> bool:
    return ":" in word or word.isdigit()


def _read_clock(word: str) -> time:
    """`8`, `8:30`, `8.30`, `0830`"""
    found = _CLOCK.fullmatch(word) or _DIGITS.fullmatch(word)
    try:
        if found is not None:
            return time(int(found[1]), int(found[2] or 0))
    except ValueError:
        pass  # 25:00
    raise NotUnderstood(word)


def _on_the_clock(local: datetime, near: datetime, text: str) -> datetime:
    """An hour that comes twice is the first of both, or the one that `near` stands in; one that is left out when the
    clocks go forward is none."""
    if local.replace(tzinfo=None) == near.replace(tzinfo=None, second=0, microsecond=0):
        local = local.replace(fold=near.fold)
    try:
        back = local.astimezone(UTC).astimezone(local.tzinfo)
    except OverflowError:
        raise NotUnderstood(text) from None
    if back.replace(tzinfo=None) != local.replace(tzinfo=None):
        raise NotUnderstood(text, "skipped")
    return local
