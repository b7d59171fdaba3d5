"""From what stands in a cell, or in a JSON file, to a typed value. Each function raises `Wrong`, which says what is
wrong and how to mend it. Blank is `""`, None or an empty tuple, as the field has it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any

import msgspec

from wtpd.book.importing.mapping import Format, fold
from wtpd.planner.appointment import Intervention
from wtpd.planner.phones import email_key
from wtpd.planner.plates import plate_key
from wtpd.planner.resources import Hours
from wtpd.planner.vin import normalise_vin, vin_problem
from wtpd.texts import N_, Text


class Wrong(Exception):
    """The value can't be read."""

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


_CLOCK = re.compile(r"(\d{1,2})[:.](\d{2})(?::\d{2})?(?:\s*(?:Uhr|uur|h))?", re.IGNORECASE)
_OFFSET = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})")
_GROUPED = re.compile(r"-?\d{1,3}(?:\.\d{3})+")
_PLAIN = re.compile(r"-?\d+(?:\.\d+)?")


def text(value: Any) -> str:
    """Blanks around it don't belong to it. A number of a JSON file is its digits."""
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise Wrong(N_("a text is expected here; put it in quotation marks"))
    return unicodedata.normalize("NFC", value).strip()


def day(value: Any, form: Format) -> date | None:
    written = text(value)
    if not written:
        return None
    for pattern in form.dates:
        match = pattern.fullmatch(written)
        if match:
            return _date(written, int(match["y"]), int(match["m"]), int(match["d"]))
    if any(pattern.fullmatch(written) for pattern in form.short_years):
        raise Wrong(N_("{value} has a year of two digits; write all four", value=written))
    raise Wrong(N_("{value} is no date; write it like {example}", value=written, example=_example(form)))


def moment(value: Any, form: Format) -> datetime | None:
    """A local time without zone, or, where the offset is written (RFC 3339), the moment itself."""
    written = text(value)
    if not written:
        return None
    if _OFFSET.fullmatch(written):
        try:
            return datetime.fromisoformat(written)
        except ValueError:
            raise Wrong(N_("{value} doesn't exist; check day and time", value=written)) from None
    parts = re.split(r"[T ,]+", written, maxsplit=1)
    if len(parts) != 2:
        raise Wrong(
            N_("{value} lacks the time; write it like {example}", value=written, example=f"{_example(form)} 08:30")
        )
    at = day(parts[0], form)
    if at is None:
        raise Wrong(N_("{value} is no date; write it like {example}", value=written, example=_example(form)))
    return datetime.combine(at, clock(parts[1]))


def clock(written: str) -> time:
    match = _CLOCK.fullmatch(written.strip())
    if match and int(match[1]) < 24 and int(match[2]) < 60:
        return time(int(match[1]), int(match[2]))
    raise Wrong(N_("{value} is no time of day; write it like {example}", value=written.strip(), example="08:30"))


def number(value: Any) -> float | None:
    """`1.149,50` → 1149.5, `1.149` → 1149, `12.5` → 12.5: a comma is decimal, a point before three digits isn't."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    written = text(value)
    bare = re.sub(r"[\s'’€]|EUR", "", written)
    if not bare:
        if written:
            raise Wrong(N_("{value} is no number", value=written))
        return None
    if "," in bare:
        whole, _, decimals = bare.rpartition(",")
        if "." not in whole or _GROUPED.fullmatch(whole):
            bare = f"{whole.replace('.', '')}.{decimals}"
    elif _GROUPED.fullmatch(bare):
        bare = bare.replace(".", "")
    if not _PLAIN.fullmatch(bare):
        raise Wrong(N_("{value} is no number; write it like {example}", value=written, example="1.149,50"))
    return float(bare)


def cents(value: Any) -> int | None:
    amount = number(value)
    if amount is None:
        return None
    exact = round(amount * 100)
    if abs(amount * 100 - exact) > 1e-6:
        raise Wrong(N_("{value} has more than two decimals", value=value))
    return exact


def units(value: Any) -> float | None:
    amount = number(value)
    if amount is not None and amount < 0:
        raise Wrong(N_("{value} is negative", value=value))
    return amount


def kilometres(value: Any) -> int | None:
    amount = number(re.sub(r"(?i)\s*km$", "", value.strip()) if isinstance(value, str) else value)
    if amount is None:
        return None
    if amount < 0 or amount != int(amount) or amount >= 10_000_000:
        raise Wrong(N_("{value} is no odometer reading; write whole kilometres", value=value))
    return int(amount)


def word(value: Any, words: Mapping[str, str]) -> str:
    """The value a word stands for."""
    written = text(value)
    if not written:
        return ""
    found = words.get(fold(written))
    if found is None:
        known = ", ".join(sorted(dict.fromkeys(words.values())))
        raise Wrong(N_("{value} isn't known here; it means one of: {known}", value=written, known=known))
    return found


def flag(value: Any, form: Format) -> bool | None:
    if isinstance(value, bool):
        return value
    found = word(value, form.words["flag"])
    return None if not found else found == "true"


def plate(value: Any) -> str:
    written = text(value)
    if written and not plate_key(written):
        raise Wrong(N_("{value} is no registration plate", value=written))
    return written


def vin(value: Any) -> str:
    number = normalise_vin(text(value))
    problem = vin_problem(number) if number else None
    if problem is not None:
        raise Wrong(problem)
    return number


def email(value: Any) -> str:
    address = text(value)
    if address and (email_key(address) is None or any(char.isspace() for char in address)):
        raise Wrong(N_("{value} is no e-mail address; correct it or leave the cell empty", value=address))
    return address


def items(value: Any, separator: str) -> tuple[str, ...]:
    """The parts of a cell, or a list of a JSON file."""
    if isinstance(value, list):
        return tuple(text(each) for each in value)
    return tuple(part.strip() for part in text(value).split(separator) if part.strip())


def parts(value: Any, separator: str, read: Callable[[Any], Any]) -> tuple[Any, ...]:
    """One value for each piece of work; an empty one in between counts. `"149,50 | "` → two."""
    if isinstance(value, list):
        return tuple(read(each) for each in value)
    if not isinstance(value, str):
        return () if value is None else (read(value),)
    return tuple(read(part) for part in value.split(separator)) if value.strip() else ()


def hours(value: Any, form: Format) -> Hours:
    """`08:00-12:00, 13:00-17:00` → two spans; a word for *not there* gives none."""
    if isinstance(value, list):
        spans = [f"{text(each[0])}-{text(each[1])}" for each in value if isinstance(each, list) and len(each) == 2]
        if len(spans) != len(value):
            raise Wrong(N_('working hours are a list like [["08:00", "17:00"]]'))
    else:
        written = text(value)
        spans = [] if fold(written) in form.words["absent"] else re.split(r"[,;/+]| und | en ", written)
    found: list[tuple[time, time]] = []
    for span in filter(None, map(str.strip, spans)):
        ends = [clock(end) for end in re.split(r"\s*(?:[-–]|bis|tot)\s*", span)]
        if len(ends) != 2 or ends[0] >= ends[1] or (found and ends[0] <= found[-1][1]):
            raise Wrong(
                N_("{value} are no working hours; write them like {example}", value=span, example="08:00-17:00")
            )
        found.append((ends[0], ends[1]))
    return tuple(found)


def interventions(value: Any) -> tuple[Intervention, ...]:
    """From a JSON file, in the form of the API."""
    try:
        return msgspec.convert(value or [], tuple[Intervention, ...])
    except msgspec.ValidationError as error:
        raise Wrong(N_("these are no interventions: {reason}", reason=str(error))) from None


def _date(written: str, year: int, month: int, dom: int) -> date:
    try:
        return date(year, month, dom)
    except ValueError:
        if month > 12 and dom <= 12:
            raise Wrong(
                N_("{value} has the month {month}; day and month are probably swapped", value=written, month=month)
            ) from None
        raise Wrong(N_("{value} doesn't exist in the calendar", value=written)) from None


def _example(form: Format) -> str:
    return form.date_forms[0].replace("yyyy", "2026").replace("m", "12").replace("d", "31")
