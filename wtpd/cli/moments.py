"""Times and days as people write and read them in de, en and nl, in the site's time zone; pure."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from wtpd import dates
from wtpd.moments import read_day

__all__ = ["ZONE", "read_day", "show_day", "show_exact", "show_moment", "show_recent", "show_time", "today"]

ZONE = "Europe/Berlin"
"""Where nothing says which site is meant."""

_WEEKDAYS = {
    "de": ("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "nl": ("ma", "di", "wo", "do", "vr", "za", "zo"),
}


def show_day(day: date, language: str) -> str:
    """`Mo 23.11.2026`, `Mon 23/11/2026`, `ma 23-11-2026`."""
    return f"{_WEEKDAYS[language][day.weekday()]} {dates.show_day(day, language)}"


def show_time(moment: str, zone: str) -> str:
    """The time of day of an RFC 3339 `moment`, as the clock on the wall shows it: `08:30`."""
    return dates.show_time(_local(moment, zone))


def show_moment(moment: str | None, zone: str, language: str) -> str:
    """Day and time; `–` for none."""
    if not moment:
        return "–"
    local = _local(moment, zone)
    return f"{show_day(local.date(), language)} {dates.show_time(local)}"


def show_exact(moment: str, zone: str, language: str) -> str:
    """With seconds and without the day of the week, where much happens within one minute."""
    return dates.show_moment(_local(moment, zone), language, seconds=True)


def show_recent(moment: str | None, zone: str, language: str, now: datetime) -> str:
    """The time alone if it is of today, else day and time; `–` for none."""
    if moment and _local(moment, zone).date() == today(zone, now):
        return show_time(moment, zone)
    return show_moment(moment, zone, language)


def today(zone: str, now: datetime) -> date:
    return now.astimezone(ZoneInfo(zone)).date()


def _local(moment: str, zone: str) -> datetime:
    parsed = datetime.fromisoformat(moment)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(ZoneInfo(zone))
