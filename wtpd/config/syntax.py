"""Sentences for texts that aren't YAML, or that YAML reads as something else than their writer meant."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date, datetime
from itertools import islice
from typing import Any

import yaml

from wtpd.config.errors import ConfigError, ConfigErrors, Place
from wtpd.texts import N_, Text

MAX_DEPTH = 40

MAX_BYTES = 500_000
MAX_LINES = 10_000

_INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_NUMBER_OF_YAML_1_2 = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+")
"""What newer YAML programs, and the editors that use them, read as a number."""


def decode(data: bytes, name: str = "wtpd.yaml") -> str:
    """The file as text. A UTF-8 mark at its beginning is dropped. Raises `ConfigErrors` naming the first bad byte."""
    if len(data) > MAX_BYTES:
        raise _one(
            Place(1, 1), N_("the file has {size} bytes; {limit} are allowed", size=len(data), limit=MAX_BYTES), name
        )
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _one(Place(1, 1), N_("the file is saved as UTF-16; save it as UTF-8"), name)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig")
        if error.reason == "unexpected end of data":
            text = N_("the file ends in the middle of a character: it was cut off while it was saved; save it again")
            raise _one(_end_of(before), text, name) from None
        looks = data[error.start : error.start + 1].decode("cp1252", errors="replace")
        text = N_("this byte isn't UTF-8 ({character} in Windows-1252?); save the file as UTF-8", character=looks)
        raise _one(_end_of(before), text, name) from None


def check_characters(text: str, name: str) -> None:
    """Raises `ConfigErrors` for too many lines, and for control characters, which YAML forbids and editors don't
    show (the first 20)."""
    if (lines := text.count("\n")) > MAX_LINES:
        raise _one(
            Place(1, 1), N_("the file has {count} lines; {limit} are allowed", count=lines, limit=MAX_LINES), name
        )
    errors = [
        ConfigError(
            place=_end_of(text[: match.start()]),
            path="",
            text=N_("the invisible character {code} stands here; take it out", code=f"U+{ord(match[0]):04X}"),
            name=name,
        )
        for match in islice(_INVISIBLE.finditer(text), 20)
    ]
    if errors:
        raise ConfigErrors(errors)


def must_be_quoted(word: str, text: str, value: Any) -> Text:
    """`word` is how the key (or list entry) is called, `text` what was written, `value` what YAML made of it."""
    if word == text:
        return N_('{text} must be quoted ("{text}"): YAML reads it as {value}', text=text, value=_meaning(value))
    return N_(
        '{word} {text} must be quoted ("{text}"): YAML reads it as {value}',
        word=word, text=text, value=_meaning(value),
    )  # fmt: skip


def misread_number(text: str) -> int | float | None:
    """The number that other YAML programs see in a text which PyYAML takes for a word: `1e3`, `00189`, `0o17`."""
    if not _NUMBER_OF_YAML_1_2.fullmatch(text):
        return None
    if text.startswith("0o"):
        return int(text, 8)
    number = float(text)
    return int(number) if math.isfinite(number) and number == int(number) else number


def _meaning(value: Any) -> Text:
    if isinstance(value, bool):
        return N_("the truth value {value}", value=str(value).lower())
    if isinstance(value, (datetime, date)):
        return N_("the date {value}", value=value.isoformat())
    if isinstance(value, (int, float)):
        return N_("the number {value}", value=value)
    return N_("nothing")


def explain(error: yaml.YAMLError, text: str, name: str) -> list[ConfigError]:
    """Why the text isn't YAML, and what to do; tabs before it are named each."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    tabs = [
        ConfigError(place=Place(row, each.index("\t") + 1), path="", text=_TAB, name=name)
        for row, each in enumerate(text.split("\n")[: line + 1], start=1)
        if each.strip() and "\t" in each[: len(each) - len(each.lstrip())]
    ]
    if tabs:
        return tabs
    place, sentence = _sentence(error, text, Place(line + 1, column + 1))
    return [ConfigError(place=place, path="", text=sentence, name=name)]


_TAB = N_("indented with a tab; YAML wants spaces")
_INDENTED = N_("this line doesn't fit to those above: check how far it is indented, and quotes and colons before it")

_SENTENCES: tuple[tuple[str, Callable[[str], Text]], ...] = (
    (
        "mapping values are not allowed",
        lambda _: N_(
            "a colon too many here (put the text in quotes), wrong indentation, or no colon in the line above"
        ),
    ),
    ("unexpected end of stream|end of the stream", lambda _: N_("the quotation mark that opens here is never closed")),
    (
        "could not find expected ':'",
        lambda _: N_("a colon with a blank behind it is missing in this line, or a closing quotation mark"),
    ),
    ("unknown escape", lambda _: N_(r'in "double quotes" a backslash is written twice (\\); or use single quotes')),
    ("',' or '\\]'", lambda _: N_("the bracket [ that opens here isn't closed, or a comma is missing in it")),
    ("',' or '}}?'", lambda _: N_("the brace {{ that opens here isn't closed, or a comma is missing in it")),
    (
        "cannot start any token|alphabetic or numeric character",
        lambda found: N_("a text can't begin with {found}; put it in quotes", found=found),
    ),
    ("nesting depth", lambda _: N_("nested more than {depth} deep", depth=MAX_DEPTH)),
    ("block sequence entries are not allowed", lambda _: N_("a list begins with - on a line of its own")),
    (
        "expected comment or line break",
        lambda _: N_("behind | or > nothing else may stand in the line; put the text in quotes"),
    ),
    ("expected <document start>", lambda _: N_("the document ended above; take out the lines --- and ...")),
    ("incompatible YAML|directive", lambda _: N_("take out the line that begins with %")),
    ("expected key|expected '-' indicator|expected <block end>", lambda _: _INDENTED),
)


def _sentence(error: yaml.YAMLError, text: str, place: Place) -> tuple[Place, Text]:
    problem = str(getattr(error, "problem", None) or error)
    if "mapping values are not allowed" in problem and (above := _without_colon(text, place.line - 1)) is not None:
        return above, _NO_COLON
    for pattern, make in _SENTENCES:
        if re.search(pattern, problem):
            opened = getattr(error, "context_mark", None)
            if pattern.startswith(("unexpected", "','", "could not", "cannot")) and opened is not None:
                place = Place(opened.line + 1, opened.column + 1)
            return place, make(_character(text, place))
    return place, N_("this can't be read as YAML: check colons, quotes and how far the lines are indented")


_NO_COLON = N_("a colon with a blank behind it is missing in this line")


def _without_colon(text: str, above: int) -> Place | None:
    """Where the nearest line with content begins, counted up from line `above`, if it has no key."""
    lines = text.split("\n")
    for number in range(above, 0, -1):
        line = lines[number - 1]
        bare = line.strip()
        if bare and not bare.startswith("#"):
            has_key = ": " in bare or bare.endswith(":") or bare[-1] in "|>,[{\"'" or bare == "-"
            return None if has_key else Place(number, len(line) - len(line.lstrip()) + 1)
    return None


def _character(text: str, place: Place) -> str:
    lines = text.split("\n")
    row = lines[place.line - 1] if place.line <= len(lines) else ""
    return row[place.column - 1 : place.column]


def _end_of(before: str) -> Place:
    return Place(before.count("\n") + 1, len(before) - before.rfind("\n"))


def _one(place: Place, text: Text, name: str) -> ConfigErrors:
    return ConfigErrors([ConfigError(place=place, path="", text=text, name=name)])
