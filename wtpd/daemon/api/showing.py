"""Values of an appointment as people read them: in their language, on the clock of the site."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from wtpd.dates import show_time
from wtpd.texts import N_, Text, said
from wtpd.words import ORIGINS, STATUS, TRANSPORT, field_name

BLANK = "–"
_WORDS: Mapping[str, Mapping[str, Text]] = {"status": STATUS, "transport_option": TRANSPORT, "origin": ORIGINS}


def shown(field: str, value: Any, zone: ZoneInfo, language: str, *, same_day: bool = False) -> str:
    """The JSON value of a field. `same_day`: of a time, the hour says it all."""
    if value in (None, "") or (isinstance(value, list | dict) and not value):
        return BLANK
    if isinstance(value, bool):
        return (N_("yes") if value else N_("no")).render(language)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list):
        return ", ".join(_item(one) for one in value)
    if isinstance(value, dict):
        parts = ((label(name, language), shown(name, one, zone, language)) for name, one in value.items())
        return ", ".join(f"{name}: {one}" for name, one in parts)
    word = _WORDS.get(field, {}).get(str(value))
    if word is not None:
        return word.render(language)
    moment = _moment(value)
    if moment is None:
        return str(value)
    if isinstance(moment, datetime) and same_day:
        return show_time(moment.astimezone(zone))
    at = moment.astimezone(zone) if isinstance(moment, datetime) else moment
    return Text("{at}", {"at": at}).render(language)


def are_of_one_day(values: tuple[Any, ...], zone: ZoneInfo) -> bool:
    """Whether all are times, of one day."""
    moments = [_moment(value) for value in values]
    days = {moment.astimezone(zone).date() if isinstance(moment, datetime) else None for moment in moments}
    return len(days) == 1 and None not in days


def label(field: str, language: str) -> str:
    """The name of a field."""
    return said(field_name(field), language)


def _item(value: Any) -> str:
    """Of a piece of work its title."""
    return str(value.get("title") or value.get("code") or BLANK) if isinstance(value, Mapping) else str(value)


def _moment(value: Any) -> date | None:
    """The time or date that a text is in JSON."""
    if not isinstance(value, str) or value[4:5] != "-" or not value[:4].isdigit():
        return None
    try:
        return datetime.fromisoformat(value) if value[10:11] == "T" else date.fromisoformat(value)
    except ValueError:
        return None
