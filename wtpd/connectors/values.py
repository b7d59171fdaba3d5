"""Reading values from a partner's message, strict about types; for the connectors' `wire.py`.

`where` is the value's dotted path. Whatever can't be read raises `WireError`, whose text says where and what, never
the value, which may be personal.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

from wtpd.clock import iso

TEXT_LIMIT = 10_000
LIST_LIMIT = 500
NUMBER_LIMIT = 2**53
"""The largest whole number that JSON carries exactly everywhere."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_FRACTION = re.compile(r"\.\d+", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""Characters that no text of ours holds: a booking is worth more than the line feed of somebody's spreadsheet."""
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class WireError(ValueError):
    """The partner's message breaks the contract; the text says where and how."""


def text(value: Any, where: str, limit: int = TEXT_LIMIT) -> str:
    if not isinstance(value, str):
        raise WireError(f"{where}: not a text")
    if len(value) > limit:
        raise WireError(f"{where}: longer than {limit} characters")
    return _CONTROL.sub("", value)


def sign(value: Any, where: str) -> str | None:
    """A short sign of an advisor or a car; nobody is `null`, and `""` is taken for it."""
    return None if value is None else text(value, where, 64) or None


def flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise WireError(f"{where}: neither true nor false")
    return value


def whole(value: Any, where: str) -> int:
    if type(value) is not int:
        raise WireError(f"{where}: not a whole number")
    if abs(value) >= NUMBER_LIMIT:
        raise WireError(f"{where}: out of range")
    return value


def whole_or_none(value: Any, where: str) -> int | None:
    return None if value is None else whole(value, where)


def count(value: Any, where: str) -> int:
    """A whole number from 1."""
    if whole(value, where) < 1:
        raise WireError(f"{where}: less than 1")
    return whole(value, where)


def number(value: Any, where: str) -> float:
    """From 0 to 100,000."""
    if type(value) not in (int, float):
        raise WireError(f"{where}: not a number")
    if not 0 <= value <= 100_000:
        raise WireError(f"{where}: out of range")
    return float(value)


def moment(value: Any, where: str) -> str:
    """A time as shared fields have it, from RFC 3339 with any offset."""
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise WireError(f"{where}: not a time with offset (RFC 3339)")
    whole_seconds = _FRACTION.sub("", value)  # shared fields have no more, and Python 3.11 reads no nanoseconds
    try:
        read = datetime.fromisoformat(whole_seconds).astimezone(UTC)
    except (ValueError, OverflowError):
        raise WireError(f"{where}: no such time") from None
    if not 1900 <= read.year < 3000:
        raise WireError(f"{where}: out of range")
    return iso(read)


def day_or_none(value: Any, where: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise WireError(f"{where}: not a date")
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise WireError(f"{where}: no such date") from None


def object_(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WireError(f"{where}: not an object")
    return value


def list_(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise WireError(f"{where}: not a list")
    if len(value) > LIST_LIMIT:
        raise WireError(f"{where}: more than {LIST_LIMIT} items")
    return value
