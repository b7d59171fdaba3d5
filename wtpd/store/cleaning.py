"""Leaving no byte of what was erased in the file (docs/adr/0042).

SQLite overwrites what is deleted (`secure_delete`), but deleted words stay in old segments of the full-text index, and
copies of rows in the journal: `clean` merges and cuts those at once, in steps between which other writers come. Then it
looks whether the erased words are anywhere in the bytes of file and journal. Only where one still is, as in the gap of
a page that was rearranged before, or where the daemon was stopped meanwhile, `rewrite` writes the whole file at night.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable

from wtpd.clock import iso
from wtpd.store import search
from wtpd.store.database import Database, Tx

PAGES = 64
"""Pages that are merged or given back in one transaction."""
WORDS = 200
"""Words that are looked at in one transaction."""
_SHORTEST, _LONGEST = 5, 60
"""Characters of a word that is looked for; shorter ones are in many other bytes by chance."""
_TRIES = 50
_PAUSE = 0.1
"""Seconds until the journal is tried again, while a reader needs it."""


async def clean(db: Database, erased: str = "", words: Iterable[str] = (), packed: Iterable[bytes] = ()) -> None:
    """Right after an erasure; writers wait for one small step at most. `erased`: id of the customer or appointment;
    `words`, `packed`: what nobody else's records say, as text and as deflated bytes. If nothing of it is left, the
    record of the erasure says so."""
    await drop_left_words(db)
    for kind in search.KINDS:
        begin = True
        while await db.write(lambda tx, kind=kind, begin=begin: search.merge(tx, kind, PAGES, begin=begin)):  # type: ignore[misc]
            begin = False
    while await db.write(_give_back):
        pass
    for _ in range(_TRIES):
        if await db.empty_journal():
            break
        await asyncio.sleep(_PAUSE)
    pieces = _pieces(words)
    if pieces and not await db.holds([*pieces, *packed]):
        await db.write(lambda tx: tx.run(f"{_CLEANED} customer_id = ?", (iso(tx.now), erased)))


async def drop_left_words(db: Database) -> None:
    """Drop words from the list for near misses that no record has any more."""
    while await db.write(lambda tx: search.drop_left_words(tx, WORDS)):
        pass


async def rewrite(db: Database) -> bool:
    """Write the file again if that is due, and note it in the records of the erasures. Returns whether it was due. All
    writers wait meanwhile."""
    due = await db.read(_due)
    if not due:
        return False
    await clean(db)
    await db.rewrite()
    await db.write(lambda tx: tx.run(f"{_CLEANED} id <= ?", (iso(tx.now), due)))
    return True


async def is_due(db: Database) -> bool:
    """Whether somebody was erased of whom something may be left in the file."""
    return bool(await db.read(_due))


_CLEANED = "UPDATE erasure SET cleaned_at = ? WHERE done = 1 AND cleaned_at IS NULL AND"


def _pieces(words: Iterable[str]) -> list[bytes]:
    """The longest piece of each word that JSON writes as it is, as it was written and as the index has it."""
    found: dict[bytes, None] = {}
    for word in words:
        piece = max(re.split(r'["\\\x00-\x1f\x7f]', word), key=len).strip()[:_LONGEST]
        for form in (piece, piece.casefold()):
            if len(form) >= _SHORTEST:
                found[form.encode("utf-8", "surrogatepass")] = None
    return list(found)


def _due(tx: Tx) -> int:
    """The newest erasure that is waiting; 0: none."""
    row = tx.one("SELECT max(id) AS newest FROM erasure WHERE done = 1 AND cleaned_at IS NULL")
    return int(row["newest"] or 0) if row else 0


def _give_back(tx: Tx) -> bool:
    free = tx.one("PRAGMA freelist_count")
    if free is None or not free[0]:
        return False
    tx.run(f"PRAGMA incremental_vacuum({PAGES:d})").fetchall()
    left = tx.one("PRAGMA freelist_count")
    return left is not None and 0 < left[0] < free[0]
