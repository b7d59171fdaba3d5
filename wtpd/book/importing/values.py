"""From what stands in a cell, or in a JSON file, to a typed value. Each function raises `Wrong`, which says what is
wrong and how to mend it. Blank is `""`, None or an empty tuple, as the field has it.
"""

from __future__ import annotations

import math
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
from wtpd.shape_words import why_shape
from wtpd.texts import N_, Text


class Wrong(Exception):
    """The value can't be read."""

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


FIRST_YEAR, LAST_YEAR = 1990, 2099
"""Of appointments; as `wtpd.book.limits` has it."""

_CLOCK = re.compile(r"(\d{1,2})[:.](\d{2})(?::\d{2}(?:[.,]\d{1,7})?)?(?:\s*(?:Uhr|uur|h))?", re.IGNORECASE)
_MIDNIGHT = re.compile(r"(?:[T ]\s{0,9}0{1,2}:00(?::00(?:[.,]0{1,9})?)?(?:Z|\+00:00)?|\s{1,9}12:00(?::00)?\s{1,9}AM)$")
"""What programs that know only points in time write behind a date."""
_NO_DATES = re.compile(r"0000|0001|1753-01-01|1899-12-3[01]|1900-01-0[01]|9999")
"""How programs write that there is no date: SQL Server's, .NET's, Excel's and Access's first day, and the last year."""
_ROUNDED = re.compile(r"[+-]?\d+(?:[.,]\d+)?E\+?\d+", re.IGNORECASE)
_UNWRAPPED = re.compile(r'="(.*)"|\'(?=[\d+(])([\d\s()/+.-]*)', re.DOTALL)
"""How Excel is made to take digits for a text: a formula, or an apostrophe before them."""
_SHEET_ERROR = re.compile(
    r"#(?:N/A|NV|N/B|REF!|BEZUG!|VERW!|VALUE!|WERT!|WAARDE!|DIV/0!|DEEL/0!|NAME\?|NAAM\?|NUM!|ZAHL!|GETAL!|NULL!|LEEG!)"
)
_BLANKS = str.maketrans(dict.fromkeys("\u00a0\u2007\u2009\u202f", " "))
_INVISIBLE = re.compile(r"[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
"""Marks for the direction of writing, which address books put around numbers, and blanks without width."""
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
_OFFSET = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})")
_GROUPED = re.compile(r"-?\d{1,3}(?:\.\d{3})+")
_SIMPLE = re.compile(r"[0-9]{1,9}(?:,[0-9]{1,4})?")
_DATE_AND_TIME = re.compile(r"[T ,]+")
_LONGEST_BARE_DATE = 10
_PLAIN = re.compile(r"-?\d+(?:\.\d+)?")


def text(value: Any) -> str:
    """Blanks around it don't belong to it. A number of a JSON file is its digits."""
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise Wrong(N_("a text is expected here; put it in quotation marks"))
    written = value.strip()
    if written.isascii() and written.isprintable() and written[:1] not in ("=", "'", "#"):
        return written
    value = _INVISIBLE.sub("", value.translate(_BLANKS)).strip()
    unwrapped = _UNWRAPPED.fullmatch(value)
    if unwrapped:
        value = (unwrapped[1] or unwrapped[2] or "").replace('""', '"').strip()
    if value.startswith("#") and _SHEET_ERROR.fullmatch(value):
        raise Wrong(N_("{value} is an error of the spreadsheet; correct the formula or empty the cell", value=value))
    if _NO_TEXT.search(value):
        raise Wrong(N_("there is a character in it that isn't one of a text; export the list again or type it anew"))
    return unicodedata.normalize("NFC", value)


def sign(value: Any) -> str:
    """A number that is a name: of a customer, a telephone, a postcode. Excel shows those with many digits rounded, and
    writes them so into the file."""
    written = text(value)
    if "+" in written and _ROUNDED.fullmatch(written):
        raise Wrong(
            N_("{value} was rounded by Excel; format the column as text there and export it again", value=written)
        )
    return written


def contact(value: Any, form: Format) -> str:
    """A telephone number; a word for *there is none* is blank."""
    written = sign(value)
    return "" if _says_none(written, form) else written


def day(value: Any, form: Format) -> date | None:
    """A midnight behind it doesn't count; a date that stands for *none* is none."""
    written = text(value)
    if not written:
        return None
    if len(written) > _LONGEST_BARE_DATE:
        written = _MIDNIGHT.sub("", written)
    if written == "00:00:00" or is_no_date(written, form):  # day 0 of a workbook
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
            return _sensible(written, datetime.fromisoformat(written))
        except ValueError:
            raise Wrong(N_("{value} doesn't exist; check day and time", value=written)) from None
    parts = _DATE_AND_TIME.split(written, maxsplit=1)
    if len(parts) != 2:
        raise Wrong(
            N_("{value} lacks the time; write it like {example}", value=written, example=f"{_example(form)} 08:30")
        )
    at = day(parts[0], form)
    if at is None:
        raise Wrong(N_("{value} stands for no date; write the day and the time of the appointment", value=written))
    return _sensible(written, datetime.combine(at, clock(parts[1])))


def is_no_date(written: str, form: Format) -> bool:
    """Whether a date stands for *none*, like 30.12.1899."""
    for pattern in form.dates:
        match = pattern.fullmatch(written)
        if match:
            return bool(_NO_DATES.match(f"{match['y']}-{int(match['m']):02}-{int(match['d']):02}"))
    return False


def _sensible(written: str, moment: datetime) -> datetime:
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise Wrong(
            N_("{value} can't be a time of an appointment; write a year from {first} to {last}", value=written,
               first=FIRST_YEAR, last=LAST_YEAR)
        )  # fmt: skip
    return moment


def clock(written: str) -> time:
    match = _CLOCK.fullmatch(written.strip())
    if match and int(match[1]) < 24 and int(match[2]) < 60:
        return time(int(match[1]), int(match[2]))
    raise Wrong(N_("{value} is no time of day; write it like {example}", value=written.strip(), example="08:30"))


def number(value: Any) -> float | None:
    """`1.149,50` → 1149.5, `1.149` → 1149, `12.5` → 12.5: a comma is decimal, a point before three digits isn't.
    `149,-` → 149, `10,00-` → -10. Raises `Wrong` for what is not a finite number."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not -LARGEST <= value <= LARGEST:  # NaN is neither
            raise Wrong(N_("{value} is no number that can be meant here", value=_short(value)))
        return float(value)
    written = text(value)
    if _SIMPLE.fullmatch(written):
        return float(written.replace(",", "."))
    bare = re.sub(r"[\s'’€]|EUR", "", written.translate(_DASHES))
    bare = re.sub(r"[,.]-{1,2}$", "", bare)
    if len(bare) > 1 and bare.endswith("-") and bare[0] != "-":
        bare = f"-{bare[:-1]}"
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
        raise Wrong(N_("{value} is no number; write it like {example}", value=_short(written), example="1.149,50"))
    if len(bare) > 30:
        raise Wrong(N_("{value} is no number that can be meant here", value=_short(written)))
    return float(bare)


LARGEST = 1e12
_MOST_UNITS = 10_000
_MOST_CENTS = 10**9


def _short(value: Any) -> str:
    """The beginning of what is written, so that a message isn't flooded."""
    if isinstance(value, int) and abs(value) > 10**15:
        return "10¹⁵…" if value > 0 else "-10¹⁵…"
    written = str(value)
    return written if len(written) <= 60 else f"{written[:60]}…"


def cents(value: Any) -> int | None:
    amount = number(value)
    if amount is None:
        return None
    exact = round(amount * 100)
    if abs(amount * 100 - exact) > 1e-6:
        raise Wrong(N_("{value} has more than two decimals", value=value))
    if abs(exact) > _MOST_CENTS:
        raise Wrong(N_("{value} is too large; at most {most} is allowed", value=value, most=_MOST_CENTS // 100))
    return exact


def units(value: Any) -> float | None:
    """AW; the unit may stand behind them."""
    if isinstance(value, str) and not value[-1:].isdecimal():
        value = re.sub(r"(?i)\s{0,9}(aw|ae)$", "", value.strip())
    amount = number(value)
    if amount is not None and amount < 0:
        raise Wrong(N_("{value} is negative", value=value))
    if amount is not None and amount > _MOST_UNITS:
        raise Wrong(N_("{value} is too large; at most {most} is allowed", value=value, most=_MOST_UNITS))
    return amount


def kilometres(value: Any) -> int | None:
    amount = number(re.sub(r"(?i)(?<!\s)\s*km\Z", "", value.strip()) if isinstance(value, str) else value)
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


def email(value: Any, form: Format) -> str:
    address = text(value)
    if _says_none(address, form):
        return ""
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
        ends = [clock(end) for end in re.split(r"(?<!\s)\s*(?:[-–]|bis|tot)\s*", span)]
        if len(ends) != 2 or ends[0] >= ends[1] or (found and ends[0] <= found[-1][1]):
            raise Wrong(
                N_("{value} are no working hours; write them like {example}", value=span, example="08:00-17:00")
            )
        found.append((ends[0], ends[1]))
    return tuple(found)


def interventions(value: Any) -> tuple[Intervention, ...]:
    """From a JSON file, in the form of the API."""
    try:
        found = msgspec.convert(value or [], tuple[Intervention, ...])
    except msgspec.ValidationError as error:
        raise Wrong(N_("these are no interventions: {reason}", reason=why_shape(error))) from None
    for work in found:
        for written in (work.code, work.title, work.description):
            text(written)
        if not math.isfinite(work.labour_units):
            raise Wrong(N_("{value} is no number that can be meant here", value=work.labour_units))
        units(work.labour_units)
        cents(None if work.price_cents is None else _whole(work.price_cents) / 100)
    return found


def _whole(number: int) -> int:
    if abs(number) > LARGEST:
        raise Wrong(N_("{value} is no number that can be meant here", value=_short(number)))
    return number


def _says_none(written: str, form: Format) -> bool:
    """Whether a cell for an address says that there is none: `-`, `n.v.t.`, `keine`."""
    if not written or len(written) > 20:
        return False
    folded = fold(written)
    return not folded or folded in form.words["nothing"]


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
