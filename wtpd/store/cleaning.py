"""Leaving no byte of what was erased in the file (docs/adr/0042).

SQLite overwrites what is deleted (`secure_delete`), but deleted words stay in old segments of the full-text index, and
copies of rows in the journal: `clean` merges and cuts those at once, in steps between which other writers come.
Copies in the gaps of pages that were rearranged before can only be ruled out by writing the file again: `rewrite` does
that at night, once for all erasures of the day.
"""

from __future__ import annotations

import asyncio

from wtpd.clock import iso
from wtpd.store import search
from wtpd.store.database import Database, Tx

PAGES = 64
"""Pages that are merged or given back in one transaction."""
_TRIES = 50
_PAUSE = 0.1
"""Seconds until the journal is tried again, while a reader needs it."""


async def clean(db: Database) -> None:
    """Right after an erasure; writers wait for one small step at most."""
    for kind in search.KINDS:
        begin = True
        while await db.write(lambda tx, kind=kind, begin=begin: search.merge(tx, kind, PAGES, begin=begin)):  # type: ignore[misc]
            begin = False
    while await db.write(_give_back):
        pass
    for _ in range(_TRIES):
        if await db.empty_journal():
            return
        await asyncio.sleep(_PAUSE)


async def rewrite(db: Database) -> bool:
    """Write the file again if that is due, and note it in the records of the erasures. Returns whether it was due."""
    due = await db.read(_due)
    if not due:
        return False
    await clean(db)
    await db.rewrite()
    await db.write(lambda tx: tx.run("UPDATE erasure SET cleaned_at = ? WHERE id <= ?", (iso(tx.now), due)))
    return True


async def is_due(db: Database) -> bool:
    """Whether somebody was erased since the file was written as a whole."""
    return bool(await db.read(_due))


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
