"""Words of letters that documents have, each under itself and under itself without one letter: two words that differ by
one slip share one of these keys, so a near miss costs a look for each letter, however many documents there are.

A word that a document no longer has stays until `drop_left_words` finds that no other one has it: nothing looks for
that while somebody waits for a booking.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from wtpd.store.database import Tx, to_json

KINDS = ("appointment", "customer", "vehicle")
LEAST, MOST = 4, 20
"""Letters of a word that near misses are looked for, at least and at most."""
_KEPT = re.compile(rf"(?<!\S)[a-z]{{{LEAST - 1},{MOST + 1}}}(?!\S)")


def update(tx: Tx, before: Iterable[str], after: Iterable[str]) -> None:
    """`before`, `after`: what the documents that are written said, and what they say."""
    old, new = (set(_KEPT.findall(" ".join(documents))) for documents in (before, after))
    if added := new - old:
        rows = tx.all(
            """SELECT value AS word FROM json_each(?)
               WHERE NOT EXISTS (SELECT 1 FROM search_slip WHERE key = value AND word = value)""",
            (to_json(sorted(added)),),
        )
        pairs = ((key, row["word"]) for row in rows for key in _keys(row["word"]))
        tx.run_many("INSERT INTO search_slip (key, word) VALUES (?, ?)", sorted(pairs))
    if left := old - new:
        tx.run_many("INSERT OR IGNORE INTO search_left_word (word) VALUES (?)", [(word,) for word in sorted(left)])


def drop_left_words(tx: Tx, most: int) -> bool:
    """Drop up to `most` of the words that left a document, if no document has them. Returns whether some are left to be
    looked at."""
    words = [row["word"] for row in tx.all("SELECT word FROM search_left_word LIMIT ?", (most,))]
    gone = [word for word in words if not _is_in_use(tx, word)]
    tx.run_many("DELETE FROM search_slip WHERE key = ? AND word = ?", [(key, w) for w in gone for key in _keys(w)])
    tx.run_many("DELETE FROM search_left_word WHERE word = ?", [(word,) for word in words])
    return len(words) == most


def similar(tx: Tx, word: str) -> list[str]:
    """Kept words that differ from `word` by one slip; some that differ by more are among them."""
    rows = tx.all(
        """SELECT DISTINCT word FROM search_slip
           WHERE key IN (SELECT value FROM json_each(?)) AND word <> ? ORDER BY word""",
        (to_json(sorted(_keys(word))), word),
    )
    return [row["word"] for row in rows]


def _keys(word: str) -> set[str]:
    return {word, *_without_a_letter(word)}


def _without_a_letter(word: str) -> Iterator[str]:
    return (word[:place] + word[place + 1 :] for place in range(len(word)))


def _is_in_use(tx: Tx, word: str) -> bool:
    return any(
        tx.one(f"SELECT 1 FROM search_{kind} WHERE search_{kind} MATCH ? LIMIT 1", (f'"{word}"',)) for kind in KINDS
    )
