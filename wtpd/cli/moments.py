"""Times and days as people write and read them in de, en and nl, in the site's time zone; pure."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

ZONE = "Europe/Berlin"
"""Where nothing says which site is meant."""

_WEEKDAYS = {
    "de": ("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "nl": ("ma", "di", "wo", "do", "vr", "za", "zo"),
}
_DAYS = {"de": "%d.%m.%Y", "en": "%d/%m/%Y", "nl": "%d-%m-%Y"}
_WORDS = {
    "today": 0, "heute": 0, "vandaag": 0,
    "tomorrow": 1, "morgen": 1,
    "yesterday": -1, "gestern": -1, "gisteren": -1,
}  # fmt: skip


def show_day(day: date, language: str) -> str:
    """`Mo 23.11.2026`, `Mon 23/11/2026`, `ma 23-11-2026`."""
    return f"{_WEEKDAYS[language][day.weekday()]} {day.strftime(_DAYS[language])}"


def show_time(moment: str, zone: str) -> str:
    """The time of day of an RFC 3339 `moment`, as the clock on the wall shows it: `08:30`."""
    return _local(moment, zone).strftime("%H:%M")


def show_moment(moment: str | None, zone: str, language: str) -> str:
    """Day and time; `–` for none."""
    if not moment:
        return "–"
    local = _local(moment, zone)
    return f"{show_day(local.date(), language)} {local:%H:%M}"


def read_day(text: str, today: date) -> date:
    """A day as people type it: `2026-11-23`, `23.11.2026`, `23.11.`, `23-11-2026`, `23/11`, `today`, `morgen`, `+3`.
    Without a year it is the one that brings it nearest to `today`. Raises ValueError."""
    word = text.strip().lower()
    if word in _WORDS:
        return today + timedelta(days=_WORDS[word])
    if re.fullmatch(r"[+-]\d{1,4}", word):
        return today + timedelta(days=int(word))
    if re.fullmatch(r"\d{4}-\d\d-\d\d", word):
        return date.fromisoformat(word)
    found = re.fullmatch(r"(\d{1,2})[./-](\d{1,2})[./-]?(\d{4})?", word)
    if found is None:
        raise ValueError(text)
    day, month, year = found.groups()
    if year:
        return date(int(year), int(month), int(day))
    near = []
    for guess in (today.year - 1, today.year, today.year + 1):
        try:
            near.append(date(guess, int(month), int(day)))
        except ValueError:
            continue  # 29 February
    if not near:
        raise ValueError(text)
    return min(near, key=lambda candidate: abs(candidate - today))


def today(zone: str, now: datetime) -> date:
    return now.astimezone(ZoneInfo(zone)).date()


def _local(moment: str, zone: str) -> datetime:
    parsed = datetime.fromisoformat(moment)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(ZoneInfo(zone))
