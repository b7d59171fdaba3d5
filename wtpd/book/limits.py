"""How long and how large what the book keeps may be. Whatever comes in, from whomever, is held to this.

Each check gives the problems it finds, so that a form shows all of them at once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from wtpd.errors import Problem
from wtpd.texts import N_, Text

LINE = 200
"""Characters in a name, street, address and the like."""
SIGN = 64
"""Characters in an id, code or number."""
PARAGRAPHS = 10_000
"""Characters in notes and descriptions."""

FIRST_DAY = datetime(1990, 1, 1, tzinfo=UTC)
LAST_DAY = datetime(2100, 1, 1, tzinfo=UTC)

_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""C1 controls and marks that turn the direction of writing are kept out at the doors (forms of the API, files, messages
of partners) and not here: a record that has one from before must still change."""


def text(field: str, value: Any, longest: int, *, required: bool = False) -> Iterator[Problem]:
    problem = _wrong_text(value, longest, required=required)
    if problem is not None:
        yield Problem(field, problem)


def texts(record: Any, longest: Mapping[str, int]) -> Iterator[Problem]:
    """The text fields of a record, by their longest length; None is a text that isn't there."""
    for field, most in longest.items():
        value = getattr(record, field)
        if value is not None and not (type(value) is str and len(value) <= most and value.isprintable()):
            yield from text(field, value, most)


def moment(field: str, value: Any) -> Iterator[Problem]:
    if not isinstance(value, datetime) or value.tzinfo is None:
        yield Problem(field, N_("A time with its zone is needed, e.g. 2026-11-21T08:30:00+01:00."))
    elif not FIRST_DAY <= value < LAST_DAY:
        yield Problem(field, N_("{value} is no time an appointment book knows.", value=value))


def day(field: str, value: Any) -> Iterator[Problem]:
    if not isinstance(value, date) or isinstance(value, datetime):
        yield Problem(field, N_("A date is needed, e.g. 2026-11-21."))
    elif not date(1885, 1, 1) <= value < LAST_DAY.date():
        yield Problem(field, N_("{value} can't be right.", value=value))


def number(field: str, value: Any, least: float, most: float) -> Iterator[Problem]:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        yield Problem(field, N_("A number is needed."))
    elif not least <= value <= most:
        yield Problem(field, N_("Between {least} and {most} is allowed.", least=least, most=most))


def _wrong_text(value: Any, longest: int, *, required: bool) -> Text | None:
    if not isinstance(value, str):
        return N_("A text is needed.")
    if required and not value.strip():
        return N_("This is needed.")
    if value.isprintable() and len(value) <= longest:
        return None
    if len(value) > longest:
        return N_("{length} characters are too many; {longest} are allowed.", length=len(value), longest=longest)
    if _FORBIDDEN.search(value):
        return N_("There is a character in it that isn't one of a text.")
    return None
