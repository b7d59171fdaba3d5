"""Registration plates: kept as written, found by a normalised key (spec: planner.md).

A German plate is district, letters, digits: the separator between district and letters is part of it (`B-MW 1` is not
`BM-W 1`), all others are decoration. Its key is `BM-W1`; the months of a seasonal plate aren't part of its name
(FZV § 10), the H and E behind the digits are. Every other plate is known by its letters and digits alone, so the key
of `12-ABC-3` is `12ABC3`. A German plate typed without its separator can be several plates: its key has none
either, and `plate_keys_for_search` gives every reading.

Dutch plates have six characters, and two hyphens that follow from them; where they stand says nothing, so a Dutch plate
is known by its characters. `AB-CD-12` is the one way of writing that both countries have: at a Dutch site it is
`ABCD12`, elsewhere `AB-CD12`. The fourteen sidecodes are those of the RDW
(rdw.nl, "uitleg over de cijfers en letters op de kentekenplaat"; kentekenkennis.nl/sidecode); python-stdnum has no
kenteken.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

SIDECODES = (
    "XX-99-99", "99-99-XX", "99-XX-99", "XX-99-XX", "XX-XX-99", "99-XX-XX", "99-XXX-9",
    "9-XXX-99", "XX-999-X", "X-999-XX", "XXX-99-X", "X-99-XXX", "9-XX-999", "999-XX-9",
)  # fmt: skip
"""Sidecode 1 to 14; X a letter, 9 a digit."""

_SIDECODE_OF = {pattern.replace("-", ""): pattern for pattern in SIDECODES}

_SEASON = re.compile(r"[ -](0[1-9]|1[0-2])[-/](0[1-9]|1[0-2])$")
_GERMAN = re.compile(r"([A-ZÄÖÜ]{1,3})[ -]([A-Z]{1,2})[ -]?([1-9]\d{0,3})[ -]?([EH]?)")
_GERMAN_RUN_TOGETHER = re.compile(r"([A-ZÄÖÜ]{3})([A-Z]{2})[ -]?([1-9]\d{0,3})[ -]?([EH]?)")
"""Five letters can only be three and two, so nothing is lost with the separator."""
_WITHOUT_SEPARATOR = re.compile(r"([A-ZÄÖÜ]{2,5})([1-9]\d{0,3}[EH]?)")
_SEPARATORS = re.compile(r"[\s\-‐‑‒–—−_.:·•]+")
_DECORATION = re.compile(r"[^\w\s\-‐‑‒–—−.:·•/]+")
"""Neither letters, digits nor separators; the slash stands in a season."""


@lru_cache(maxsize=1024)
def plate_key(text: str, country: str = "DE") -> str:
    """The key under which the plate is kept: `hro-kp 48e` → `HRO-KP48E`, `12-ABC-3` → `12ABC3`, "" for none. The key of
    a key is the key itself. `country`: the two-letter code of the site's country."""
    spaced = _spaced(text)
    compact = _compact(spaced)
    if country == "NL" and _is_dutch(spaced, compact):
        return compact
    german = _german(spaced) or _german(compact)
    return f"{german[0]}-{german[1]}{german[2]}" if german else compact


@lru_cache(maxsize=1024)
def plate_keys_for_search(text: str) -> tuple[str, ...]:
    """All keys under which the plate somebody typed may be kept. Without a separator that is every German reading:
    `BMW1` → `BMW1`, `B-MW1`, `BM-W1`; with one it is that reading and the plate kept without separator."""
    key = plate_key(text)
    if not key:
        return ()
    if "-" in key:
        return key, key.replace("-", "")
    match = _WITHOUT_SEPARATOR.fullmatch(key)
    if match is None or _is_grouped_dutch(text):
        return (key,)
    letters, rest = match.groups()
    readings = ((letters[:at], letters[at:]) for at in range(max(1, len(letters) - 2), min(3, len(letters) - 1) + 1))
    return key, *(f"{district}-{own}{rest}" for district, own in readings if own.isascii())


def same_plate(one: str, other: str) -> bool:
    """Whether both can be the same plate: equal keys, or one is written without separator and the other is a reading
    of it. Empty plates are no plates."""
    first, second = plate_key(one), plate_key(other)
    if not first or not second:
        return False
    return first == second or first in plate_keys_for_search(other) or second in plate_keys_for_search(one)


def formatted(text: str, country: str = "DE") -> str:
    """As it stands on the car: `lro-nr 77` → `LRO-NR 77`, `12abc3` → `12-ABC-3`; a plate of no certain form stays as it
    was written. `country` decides where a German plate can look like a Dutch one (`ABCD12`)."""
    spaced = _spaced(text)
    plate = _compact(spaced)
    pattern = _SIDECODE_OF.get(_shape(plate))
    german = _german(spaced)
    could_be_german = german is not None or _WITHOUT_SEPARATOR.fullmatch(plate) is not None
    if pattern and (country == "NL" or _shape(spaced) == pattern or not could_be_german):
        characters = iter(plate)
        return "".join("-" if place == "-" else next(characters) for place in pattern)
    if german is not None:
        district, letters, digits, season = german
        return f"{district}-{letters} {digits}{season}"
    return " ".join(text.split())


def dutch_key(text: str) -> str:
    """The key of a plate of the Dutch form, `12ABC3`; "" for any other."""
    spaced = _spaced(text)
    compact = _compact(spaced)
    return compact if _is_dutch(spaced, compact) else ""


def _is_dutch(spaced: str, compact: str) -> bool:
    """The characters of a sidecode, with no separator where that sidecode has none: `B-MW 12E` stays German."""
    pattern = _SIDECODE_OF.get(_shape(compact))
    return pattern is not None and _gaps(spaced) <= _gaps(pattern)


def _gaps(text: str) -> set[int]:
    """How many characters stand before each separator."""
    found, count = set(), 0
    for character in text:
        if character.isalnum():
            count += 1
        else:
            found.add(count)
    return found


def _is_grouped_dutch(text: str) -> bool:
    """Written in the three groups of its sidecode: nobody writes a German plate like `AB-12-34`."""
    groups = _spaced(text).replace(" ", "-")
    return _shape(groups) in SIDECODES


def _german(spaced: str) -> tuple[str, str, str, str] | None:
    """District, letters, digits with E or H, and the season as ` 04/10` or nothing."""
    for without_season, season in ((spaced, ""), *_season(spaced)):
        match = _GERMAN.fullmatch(without_season) or _GERMAN_RUN_TOGETHER.fullmatch(without_season)
        if match:
            return match[1], match[2], match[3] + match[4], season
    return None


def _season(spaced: str) -> tuple[tuple[str, str], ...]:
    match = _SEASON.search(spaced)
    return ((spaced[: match.start()], f" {match[1]}/{match[2]}"),) if match else ()


@lru_cache(maxsize=512)
def _spaced(text: str) -> str:
    """Upper case, each run of separators one hyphen or, if it was white space alone, one space. Characters that are
    neither letters, digits nor separators are dropped: quotes, brackets, zero-width spaces of a pasted mail."""
    composed = text if text.isascii() else unicodedata.normalize("NFC", text)
    upper = composed.upper()
    plain = _DECORATION.sub("", upper if upper.isascii() else unicodedata.normalize("NFC", upper))
    return _SEPARATORS.sub(lambda match: " " if match[0].isspace() else "-", plain).strip("- /")


@lru_cache(maxsize=512)
def _compact(spaced: str) -> str:
    characters = "".join(filter(str.isalnum, spaced))
    return characters if characters.isascii() else unicodedata.normalize("NFC", characters)


def _shape(plate: str) -> str:
    return "".join("9" if char in "0123456789" else "X" if "A" <= char <= "Z" else char for char in plate)
