"""Days and times as people of a language read them: one form for texts, mails, documents, command line and terminal UI.
Pure."""

from __future__ import annotations

from datetime import date, datetime

_DAYS = {"de": "%d.%m.%Y", "en": "%d/%m/%Y", "nl": "%d-%m-%Y"}


def show_day(day: date, language: str) -> str:
    """`23.11.2026`, `23/11/2026`, `23-11-2026`."""
    return day.strftime(_DAYS.get(language, _DAYS["en"]))


def show_time(local: datetime, *, seconds: bool = False) -> str:
    """`08:30`, on the clock of the zone that it comes with."""
    return local.strftime("%H:%M:%S" if seconds else "%H:%M")


def show_moment(local: datetime, language: str, *, seconds: bool = False) -> str:
    """Day and time."""
    return f"{show_day(local, language)} {show_time(local, seconds=seconds)}"
