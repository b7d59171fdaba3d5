"""Reading values from a partner's message, strict about types; for the connectors' `wire.py`.

`where` is the value's dotted path. Whatever can't be read raises `WireError`, whose text says where and what, never
the value, which may be personal.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from wtpd.clock import iso
from wtpd.texts import N_, Text

TEXT_LIMIT = 10_000
LIST_LIMIT = 500
NUMBER_LIMIT = 2**53
"""The largest whole number that JSON carries exactly everywhere."""

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d)(:\d\d)?(?:\.\d{1,9})?(?:([Zz])|([+-]\d\d):?(\d\d))", re.ASCII)
_USUAL = re.compile(r"(?:19|2\d)\d\d-\d\d-\d\dT[012]\d:\d\d:\d\dZ", re.ASCII)
"""A time that is in the form of shared fields already, from 1900 to 2999."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Characters that no text of ours holds: a booking is worth more than the line feed of somebody's spreadsheet."""
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class WireError(ValueError):
    """A message breaks the contract. `where`: the path of the value, as the message has it, or the name of a field of
    ours; `problem`: how it is wrong. As a string both, in English, for the log; `text` for people."""

    def __init__(self, where: Text | str, problem: Text | None = None) -> None:
        super().__init__(": ".join(str(part) for part in (where, problem) if part))
        self.text: Text = _sentence(where, problem)


def _sentence(where: Text | str, problem: Text | None) -> Text:
    if problem is None:
        return N_("its answer can't be understood")
    return N_("{field}: {detail}", field=where, detail=problem) if where else problem


class Odd(Exception):
    """A value that can't be kept as it is. `kept`: the part of it that can be."""

    def __init__(self, kept: Any) -> None:
        super().__init__()
        self.kept = kept


def text(value: Any, where: str, limit: int = TEXT_LIMIT) -> str:
    if not isinstance(value, str):
        raise WireError(where, N_("not a text"))
    if len(value) > limit:
        raise WireError(where, N_("longer than {limit} characters", limit=limit))
    return value if value.isprintable() else _CONTROL.sub("", value)


def paragraph(limit: int) -> Callable[[Any, str], str]:
    """A reader of texts that are cut at `limit` characters (`Odd`); null is no text."""

    def read(value: Any, where: str) -> str:
        if value is None:
            return ""
        if isinstance(value, str) and len(value) > limit:
            raise Odd(_CONTROL.sub("", value[:limit]))
        return text(value, where, limit)

    return read


def line(limit: int) -> Callable[[Any, str], str]:
    """A reader of texts of which a part is worth nothing (a plate, a number, an address); null is no text."""

    def read(value: Any, where: str) -> str:
        return "" if value is None else text(value, where, limit)

    return read


def within(least: float, most: float) -> Callable[[Any, str], Any]:
    """A reader of whole numbers between the two, or null."""

    def read(value: Any, where: str) -> int | None:
        found = whole_or_none(value, where)
        if found is not None and not least <= found <= most:
            raise WireError(where, N_("out of range"))
        return found

    return read


def sign(value: Any, where: str) -> str | None:
    """A short sign of an advisor or a car; nobody is `null`, and `""` is taken for it."""
    return None if value is None else text(value, where, 64) or None


def flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise WireError(where, N_("neither true nor false"))
    return value


def whole(value: Any, where: str) -> int:
    """A whole number, also written as `1.0` or `1e3`: JSON and JSON Schema have one kind of number (RFC 8259, 6)."""
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int:
        raise WireError(where, N_("not a whole number"))
    if abs(value) >= NUMBER_LIMIT:
        raise WireError(where, N_("out of range"))
    return value


def whole_or_none(value: Any, where: str) -> int | None:
    return None if value is None else whole(value, where)


def count(value: Any, where: str) -> int:
    """A whole number from 1."""
    if (found := whole(value, where)) < 1:
        raise WireError(where, N_("less than 1"))
    return found


def number(value: Any, where: str, most: float = 100_000) -> float:
    """From 0 to `most`."""
    if type(value) not in (int, float):
        raise WireError(where, N_("not a number"))
    if not 0 <= value <= most:
        raise WireError(where, N_("out of range"))
    return float(value)


def moment(value: Any, where: str) -> str:
    """A time as shared fields have it, from RFC 3339 with any offset. Taken as well: no seconds, an offset without its
    colon, a lower-case `t` or `z`."""
    if isinstance(value, str) and _USUAL.fullmatch(value):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            raise WireError(where, N_("no such time")) from None
        return value
    found = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise WireError(where, N_("not a time with offset (RFC 3339)"))
    day, minutes, seconds, zulu, hours, rest = found.groups()
    offset = "+00:00" if zulu else f"{hours}:{rest}"
    try:  # without the fraction, which shared fields don't have
        read = datetime.fromisoformat(f"{day}T{minutes}{seconds or ':00'}{offset}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise WireError(where, N_("no such time")) from None
    if not 1900 <= read.year < 3000:
        raise WireError(where, N_("out of range"))
    return iso(read)


def day_or_none(value: Any, where: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise WireError(where, N_("not a date"))
    try:
        found = date.fromisoformat(value)
    except ValueError:
        raise WireError(where, N_("no such date")) from None
    if not 1885 <= found.year < 2100:
        raise WireError(where, N_("out of range"))
    return value


def object_(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WireError(where, N_("not an object"))
    return value


def list_(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise WireError(where, N_("not a list"))
    if len(value) > LIST_LIMIT:
        raise WireError(where, N_("more than {limit} items", limit=LIST_LIMIT))
    return value
