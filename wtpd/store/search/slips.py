"""Near misses: what nearly fits a text that finds nothing."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Sequence

from wtpd.store.database import Tx
from wtpd.store.search import vocabulary
from wtpd.store.search.finding import (
    INDEXED_PREFIX,
    all_of,
    by_telephone,
    matching,
    merged,
    newest,
    telephone_keys,
)
from wtpd.store.search.words import Word, is_international, query, telephone_digits

_MOST_LOOKED_UP = 160
"""Words that are looked up for one text; each costs a look into every segment of the index."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def near(tx: Tx, kind: str, text: str, limit: int) -> list[str]:
    """Ids of what nearly fits a text that finds nothing: one letter is wrong, missing, too many or swapped in one of
    its words, or two digits that stand side by side are swapped. The newest first."""
    words = query(text)
    numbers = [key for swapped in _swapped(text) for key in telephone_keys(tx, swapped)]
    found = merged(tx, kind, [], by_telephone(tx, kind, numbers, limit), limit)
    for place in sorted(range(len(words)), key=lambda place: -len(words[place][0])):
        if found:
            break
        others = [each for number, each in enumerate(words) if number != place]
        found = [each for _, each in _with_slip(tx, kind, words[place][0], others, limit)]
    return found


def _with_slip(tx: Tx, kind: str, word: str, others: Sequence[Word], limit: int) -> list[tuple[int, str]]:
    """Documents (number, id) that fit the other words and have a word that differs from `word` by one slip.

    Where the other words leave few documents, all of those are compared. Else words that differ by a slip are looked
    up: of a name those that some document has, of a number all that there can be, the likeliest first. A name is also
    compared with the newest documents that have its first half, because a digit may stand for a letter."""
    if not vocabulary.LEAST <= len(word) <= vocabulary.MOST:
        return []
    fits = _slipped(word)
    hits: set[tuple[int, str]] = set()
    if others and (rows := all_of(tx, kind, others, limit)) is not None:
        return sorted(_compared(rows, fits), reverse=True)[:limit]
    ways = _known_words(tx, word) if word.isalpha() else variants(word)
    if ways:
        hits |= set(matching(tx, kind, others, limit, also=ways[: _MOST_LOOKED_UP // (1 + len(others))]))
    if word.isalpha():
        head = word[: min(INDEXED_PREFIX, len(word) // 2)]
        hits |= _compared(newest(tx, kind, [(head,), *others]), fits)
    return sorted(hits, reverse=True)[:limit]


def _compared(rows: Iterable[sqlite3.Row], fits: Callable[[str], bool]) -> set[tuple[int, str]]:
    return {(row["doc"], row["id"]) for row in rows if fits(row["words"])}


def _known_words(tx: Tx, word: str) -> list[str]:
    return [each for each in vocabulary.similar(tx, word) if is_one_slip(word, each)]


def _slipped(word: str) -> Callable[[str], bool]:
    """Whether a document has a word that differs from `word` by one slip."""
    if not word.isalpha():
        ways = set(variants(word))
        return lambda document: not ways.isdisjoint(document.split())
    half = len(word) // 2
    # One slip leaves the first half or the second half of a word as it is, unless it swaps the letters between them.
    swapped = word[: half - 1] + word[half] + word[half - 1] + word[half + 1 :]
    likely = re.compile(
        rf"(?<!\S)(?:{word[:half]}\S{{{len(word) - half - 1},{len(word) - half + 1}}}"
        rf"|\S{{{half - 1},{half + 1}}}{word[half:]}|{swapped})(?!\S)"
    )
    known: dict[str, bool] = {}

    def fits(document: str) -> bool:
        for each in likely.findall(document):
            if each not in known:
                known[each] = is_one_slip(word, each)
            if known[each]:
                return True
        return False

    return fits


def is_one_slip(one: str, other: str) -> bool:
    """Whether two different words differ by one letter that is wrong, missing or too many, or by two swapped ones."""
    if one == other:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    mine, theirs = one[start:], other[start:]
    return (
        mine[1:] == theirs[1:]
        or mine[1:] == theirs
        or mine == theirs[1:]
        or (mine[:2] == theirs[1::-1] and len(mine) > 1 and mine[2:] == theirs[2:])
    )


def variants(number: str) -> list[str]:
    """What differs from a word with digits by two neighbours that are swapped or by a letter that is wrong or too many,
    the likeliest first; of a word of digits alone by two that are swapped."""
    if not number.isascii():
        return []
    places = range(len(number))
    ways = [number[:at] + number[at + 1] + number[at] + number[at + 2 :] for at in places[:-1]]
    if not number.isdigit():
        ways += [number[:at] + number[at + 1 :] for at in places]
        letters = [at for at in places if number[at].isalpha()]
        ways += [number[:at] + letter + number[at + 1 :] for at in letters for letter in _LETTERS]
    return [way for way in dict.fromkeys(ways) if way != number]


def _swapped(text: str) -> list[str]:
    """A telephone number with two neighbouring digits swapped, in each way."""
    digits = telephone_digits(text)
    sign = "+" if is_international(text) else ""
    places = range(1, len(digits) - 1)
    ways = (digits[:place] + digits[place + 1] + digits[place] + digits[place + 2 :] for place in places)
    return [sign + way for way in dict.fromkeys(ways) if way != digits]
