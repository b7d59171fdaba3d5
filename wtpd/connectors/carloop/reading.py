"""Lenient readers of JSON values, which know no names of Carloop's: a value that is odd counts as not given.

`wtpd.connectors.kit.values` has the strict ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, time
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from wtpd.clock import from_iso
from wtpd.connectors.kit.values import WireError
from wtpd.connectors.kit.values import moment as strict_moment
from wtpd.harmless import harmless
from wtpd.texts import N_

T = TypeVar("T")

LIST_LIMIT = 20_000
"""Items of one list that are read; a list beyond it breaks the contract."""
ID_LIMIT = 200

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(?:[.,]\d+)? ?([Zz]|[+-]\d\d:?\d\d)", re.ASCII)
"""RFC 3339, 5.6: lower case, a blank instead of T, any number of digits of a second, a leap second."""
_TIME = re.compile(r"([01]\d|2[0-4]):([0-5]\d)(?::[0-5]\d)?", re.ASCII)
_WHOLE = re.compile(r"\d{1,15}", re.ASCII)


def every(read: Callable[[Mapping[str, Any]], T | None], body: Mapping[str, Any], name: str) -> tuple[T, ...]:
    """The objects of a list that `read` can read."""

    def each() -> Iterator[T]:
        for item in items(body, name):
            if isinstance(item, dict) and (one := read(item)) is not None:
                yield one

    return tuple(each())


def items(body: Mapping[str, Any], name: str) -> list[Any]:
    """A list that isn't one has no items. Raises `WireError` for one that is too long."""
    value = body.get(name)
    if not isinstance(value, list):
        return []
    if len(value) > LIST_LIMIT:
        raise WireError(name, N_("more than {limit} items", limit=LIST_LIMIT))
    return value


def identity(value: Any) -> str:
    """An id, also written as a number, or as an object that has one; blank if there is none. It is kept as it is, since
    it goes back to the partner."""
    if isinstance(value, dict):
        value = value.get("id")
    value = digits(value)
    if not isinstance(value, str) or len(value) > ID_LIMIT or not value.isprintable():
        return ""
    return value if value.strip() else ""


def line(value: Any, limit: int) -> str:
    """A text in one line, cut; a whole number as it is written; anything else is none."""
    value = digits(value)
    return harmless(value[: limit * 4]).strip()[:limit] if isinstance(value, str) else ""


def digits(value: Any) -> Any:
    """A whole number as text; anything else as it is."""
    return str(value) if type(value) is int and abs(value) < 10**30 else value


def number(value: Any, *, most: int) -> int:
    """A whole number from 0, also written as `1.0` or as text; else 0."""
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value)
    if isinstance(value, Decimal) and value.is_finite() and abs(value) <= most and value == int(value):
        value = int(value)
    return value if type(value) is int and 0 <= value <= most else 0


def moment(value: Any, where: str) -> datetime:
    """In UTC and whole seconds. A time without offset isn't guessed. Raises `WireError`."""
    read = _MOMENT.fullmatch(value) if isinstance(value, str) and len(value) < 64 else None
    if read is None:
        raise WireError(where, N_("not a time with offset (RFC 3339)"))
    day, minutes, seconds, offset = read.groups()
    return from_iso(strict_moment(f"{day}T{minutes}:{'59' if seconds == '60' else seconds}{offset}", where))


def moment_or_none(value: Any) -> datetime | None:
    try:
        return moment(value, "")
    except WireError:
        return None


def clock(value: Any) -> time | None:
    """`24:00` is the last moment of the day."""
    read = _TIME.fullmatch(value) if isinstance(value, str) else None
    if read is None:
        return None
    return time(int(read[1]), int(read[2])) if read[1] != "24" else time.max


def zone(value: Any) -> str:
    """The name of a time zone, blank if there is no such zone."""
    name = line(value, 64)
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # `ZoneInfoNotFoundError` is a KeyError
        return ""
    return name
