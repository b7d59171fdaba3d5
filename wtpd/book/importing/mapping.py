"""The mapping file: which heading is which field, how dates are written, what words mean.

It ships with the program (`mapping.yaml`); headings and words are compared folded, see `fold`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated, Literal

import msgspec

FieldType = Literal[
    "text", "sign", "contact", "site", "plate", "vin", "email", "date",
    "moment", "kilometres", "flag", "list", "hours", "word", "works",
    "units", "prices", "interventions",
]  # fmt: skip

KINDS = ("advisors", "courtesy_cars", "customers", "vehicles", "appointments")
"""In the order in which they are imported: each needs those before it."""


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    type: FieldType
    headings: Annotated[list[str], msgspec.Meta(min_length=1)]
    required: bool = False


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    dates: list[str]
    between_works: str
    between_list_items: str
    kinds: dict[str, dict[str, Column]]
    words: dict[str, dict[str, list[str]]]


@dataclass(frozen=True, slots=True)
class Format:
    """The mapping file made ready for use. `headings`: kind → folded heading → field; `words`: set → folded word →
    value; `dates` with the groups y, m and d, and the same patterns for years of two digits."""

    columns: Mapping[str, Mapping[str, Column]]
    headings: Mapping[str, Mapping[str, str]]
    words: Mapping[str, Mapping[str, str]]
    date_forms: Sequence[str]
    dates: tuple[re.Pattern[str], ...]
    short_years: tuple[re.Pattern[str], ...]
    between_works: str
    between_list_items: str

    def field_of(self, kind: str, heading: str) -> tuple[str, tuple[int, ...]] | None:
        """The field a column holds, and for hours the ISO weekdays that its heading names. A canonical name is always
        understood."""
        folded = fold(heading)
        field = self.headings[kind].get(folded)
        if field is None and heading in self.columns[kind]:
            field = heading
        if field is not None and self.columns[kind][field].type != "hours":
            return field, ()
        for name, column in self.columns[kind].items():
            if column.type == "hours":
                for start in column.headings:
                    days = self.days(heading[len(start) :]) if folded.startswith(fold(start)) else ()
                    if days:
                        return name, days
        return (field, ()) if field is not None else None

    def heading(self, kind: str, field: str) -> str:
        """How messages call the column of a field."""
        return self.columns[kind][field].headings[0]

    def days(self, text: str) -> tuple[int, ...]:
        """`Mo-Fr` → 1 to 5, `Mo, Mi` → 1 and 3; empty if it says anything else."""
        found: list[int] = []
        for part in re.split(r"[,+/&]|\bund\b|\ben\b", text.strip()):
            ends = [self.words["day"].get(fold(end)) for end in re.split(r"[-–]|\bbis\b|\bt/m\b", part)]
            if not 1 <= len(ends) <= 2 or None in ends:
                return ()
            first, last = int(ends[0] or 0), int(ends[-1] or 0)
            found += range(first, last + 1)
        return tuple(found)


@lru_cache(maxsize=1024)
def fold(text: str) -> str:
    """Without case, blanks, punctuation and accents; ä is ae."""
    if text.isascii():
        return "".join(filter(str.isalnum, text.lower()))
    spelled = unicodedata.normalize("NFC", text).casefold()
    for umlaut, letters in (("ä", "ae"), ("ö", "oe"), ("ü", "ue")):
        spelled = spelled.replace(umlaut, letters)
    return "".join(char for char in unicodedata.normalize("NFKD", spelled) if char.isalnum())


@cache
def shipped() -> Format:
    """The mapping file of this program."""
    return load((Path(__file__).parent / "mapping.yaml").read_bytes())


def load(content: bytes) -> Format:
    """Raises `msgspec.ValidationError` for a mapping file that doesn't fit, ValueError for one that contradicts
    itself."""
    import yaml

    file = msgspec.convert(yaml.safe_load(content), _File)
    return Format(
        columns=file.kinds,
        headings={
            kind: _inverted({name: column.headings for name, column in columns.items()})
            for kind, columns in file.kinds.items()
        },
        words={name: _inverted(values) for name, values in file.words.items()},
        date_forms=file.dates,
        dates=tuple(_pattern(form, years=4) for form in file.dates),
        short_years=tuple(_pattern(form, years=2) for form in file.dates),
        between_works=file.between_works,
        between_list_items=file.between_list_items,
    )


def _inverted(words: Mapping[str, Sequence[str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for value, spellings in words.items():
        for word in map(fold, spellings):
            if found.setdefault(word, value) != value:
                raise ValueError(f"{word!r} is both {found[word]!r} and {value!r}")
    return found


def _pattern(form: str, *, years: int) -> re.Pattern[str]:
    parts = {"yyyy": rf"(?P<y>\d{{{years}}})", "m": r"(?P<m>\d{1,2})", "d": r"(?P<d>\d{1,2})"}
    pieces = re.split(r"(yyyy|mm?|dd?)", form)
    return re.compile(
        "".join(parts.get("yyyy" if piece == "yyyy" else piece[:1], re.escape(piece)) for piece in pieces)
    )
