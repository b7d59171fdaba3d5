"""Words that records are found by and words of a query, normalised alike; pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from wtpd.planner.names import name_key
from wtpd.planner.plates import formatted
from wtpd.planner.vin import is_vin

Word = tuple[str, ...]
"""A word of a query, with each of its ways of spelling."""

LONGEST = 64
"""Characters of a word that are indexed."""
_WORD = re.compile(r"[^\W_]+")
_MOST_WORDS = 8
_LONGEST_QUERY = 200
_LONGEST_GROUP = 5
_LONGEST_PLATE = 9
_MOST_DIGITS = 4
_TELEPHONE = re.compile(r"[+(\d][\d\s()/.+-]*")
_LEAST_DIGITS = 5
_MOST_TELEPHONE = 17
_VIN = 17
_FOLDED = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ß": "ss", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
"""Letters that Unicode doesn't take apart, as a keyboard without them writes them."""
_DIGRAPH = re.compile(r"(?<=[aou])e")
_NO_NAMES = frozenset(("firma", "fa", "und"))
"""What `name_key` leaves out of a company's name."""
_GROUP = re.compile(r"[^\W\d_]+|\d+")
_SPOKEN = (8, 7, 6)


def plain_query(text: str) -> list[Word]:
    """The words of a query: `Müller` → `mueller`, `muller`."""
    words = [word[:LONGEST] for word in _readings(text[:_LONGEST_QUERY])[0][:_MOST_WORDS]]
    return [tuple(dict.fromkeys((word, _bare(word)))) if word.isalpha() else (word,) for word in words]


def query(text: str) -> list[Word]:
    """As `plain_query`, a plate in it as one word: `Lübs HRO-KP 48` → `luebs`/`lubs`, `hrokp48`."""
    words = plain_query(text)
    for length in (3, 2):
        for first in range(len(words) - length + 1):
            run = [word[0] for word in words[first : first + length]]
            if _is_plate(run):
                return [*words[:first], ("".join(run),), *words[first + length :]]
    return words


def _is_plate(run: list[str]) -> bool:
    """Two or three short groups of letters and digits, as a plate or the end of one is read out."""
    joined = "".join(run)
    digits = sum(char.isdigit() for char in joined)
    if not 1 <= digits <= _MOST_DIGITS or len(joined) > _LONGEST_PLATE or digits == len(joined):
        return False
    return all(len(part) <= _LONGEST_GROUP for part in run) and joined.isascii()


def is_whole(word: str) -> bool:
    """Whether no longer word can begin with this one: it is a whole VIN, which the index finds straight."""
    return len(word) == _VIN and is_vin(word.upper()) and not word.isalpha()


def telephone_digits(text: str) -> str:
    """The digits of a text that can be a telephone number or the beginning of one; "" for any other text."""
    digits = "".join(char for char in text if char.isdigit())
    if not _TELEPHONE.fullmatch(text.strip()) or not _LEAST_DIGITS <= len(digits) <= _MOST_TELEPHONE:
        return ""
    return digits


def is_international(text: str) -> bool:
    """Whether a telephone number begins with a plus sign."""
    return text.strip(" (").startswith("+")


def names(*texts: str | None) -> Iterator[str]:
    """The words of names and places, as they are and without the e of an umlaut."""
    for text in texts:
        for words in _readings(text):
            for word in words:
                yield word
                if "e" in word:
                    yield _bare(word)


def numbers(*texts: str | None) -> Iterator[str]:
    """The parts of each number, and the number in one word."""
    for text in filter(None, texts):
        for words in _readings(text):
            yield from words
            yield "".join(words)


@lru_cache(maxsize=1024)
def car(plate: str | None, vin: str | None) -> tuple[str, ...]:
    """The plate as a whole, its groups, and its ends (`48e`, `kp48e`), however it was written; of a VIN people say the
    last six, seven or eight characters. Kept, since a vehicle and its appointments are often indexed together."""
    words: list[str] = []
    if plate:
        words += numbers(plate)
        parts = _readings(formatted(plate))[0]
        for each in (parts, _GROUP.findall("".join(parts))):
            for place, part in enumerate(each):
                words += (part, "".join(each[place:]))
    whole = (vin or "").lower()
    words.append(whole)
    if len(whole) > _SPOKEN[0]:
        words += (whole[-length:] for length in _SPOKEN)
    return tuple(dict.fromkeys(words))


def _readings(text: str | None) -> list[list[str]]:
    """The words of a text as `name_key` spells them (ü is ue) and, if that differs, as a keyboard without umlauts
    does (ü is u)."""
    if not text:
        return [[]]
    if text.isascii():
        return [[word for word in _WORD.findall(text.lower().replace("'", "")) if word not in _NO_NAMES]]
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_FOLDED))
    bare = _WORD.findall("".join(char for char in plain if not unicodedata.combining(char)))
    return [name_key("", "", text).split(), bare]


def _bare(word: str) -> str:
    """As people write an umlaut who have none: `mueller` and `müller` are `muller`, `bauer` is `baur`."""
    return _DIGRAPH.sub("", word)
