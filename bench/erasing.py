"""Erasing a person among 100,000 appointments: how long others wait to write, and what is left in the file."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.dealership import DESK, Dealership, add, dealership, draft
from bench.figures import Figure, at_most, fact, percentile
from wtpd.store import cleaning, customers, privacy
from wtpd.store.database import Tx

PAUSE = 0.002


async def run(quick: bool) -> list[Figure]:
    size, people = (2_000, 3) if quick else (100_000, 20)
    async with dealership(size) as house:
        for number in range(people):
            await house.db.write(lambda tx, number=number: _person(tx, house, size + number))  # type: ignore[misc]
        alone = await _waits(house, size, lambda: asyncio.sleep(5 if not quick else 0.5))
        ids = await house.db.read(lambda tx: [row["id"] for row in tx.all(_PEOPLE)])
        took: list[float] = []
        waits: list[float] = []
        for person in ids:
            started = time.perf_counter()
            waits += await _waits(house, size, lambda person=person: _erase(house, person))  # type: ignore[misc]
            took.append(time.perf_counter() - started)
        due = await house.db.read(lambda tx: tx.all("SELECT id FROM erasure WHERE cleaned_at IS NULL"))
        left = _left(house.path, range(size, size + people))
        return [
            fact("a booking alone, p50", percentile(alone, 50) * 1000, "ms"),
            fact("… longest", max(alone) * 1000, "ms"),
            fact(f"an erasure among {size:,}, p50", percentile(took, 50) * 1000, "ms"),
            fact("a booking meanwhile, p50", percentile(waits, 50) * 1000, "ms"),
            at_most("… p99", percentile(waits, 99) * 1000, 300, "ms"),
            at_most("… longest", max(waits) * 1000, 300, "ms"),
            at_most("erasures after which the file must be written again", len(due), 0, ""),
            at_most(f"people of {people} who can still be read in file or journal", left, 0, ""),
        ]


_PEOPLE = "SELECT id FROM customer WHERE last_name LIKE 'Zwetschgen%' ORDER BY id"


def _person(tx: Tx, house: Dealership, number: int) -> None:
    """An appointment whose customer was changed some times and came for the last time."""
    visit = add(tx, house.book, number)
    row = tx.one("SELECT customer_id, version FROM appointment WHERE id = ?", (visit,))
    assert row is not None
    for turn in range(5):
        change = {"last_name": f"Zwetschgen{number}", "email": f"zwetschgen{number}@example.org", "city": "x" * turn}
        house.book.change_customer(tx, row["customer_id"], change, author=DESK, expected_version=None)
    house.book.change(
        tx, visit, {"notes": f"Zwetschgen{number} ruft an"}, author=DESK, expected_version=None, allow_over_limit=True
    )
    house.book.cancel(tx, visit, author=DESK, expected_version=None)


async def _erase(house: Dealership, person: str) -> None:
    """As the API does it."""
    traces = await house.db.read(lambda tx: privacy.look(tx, customers.get(tx, person)))
    await house.db.write(lambda tx: house.book.erase_customer(tx, person, DESK, traces))
    await cleaning.clean(house.db, person, traces.words, traces.packed)


async def _waits(house: Dealership, number: int, work: Callable[[], Awaitable[None]]) -> list[float]:
    """Seconds that bookings take, one after the other, while `work` runs."""
    waits = []
    task = asyncio.ensure_future(work())
    while not task.done():
        started = time.perf_counter()
        await house.db.write(lambda tx: house.book.create(tx, draft(number), author=DESK, allow_over_limit=True))
        waits.append(time.perf_counter() - started)
        await asyncio.sleep(PAUSE)
    await task
    return waits


def _left(path: Path, numbers: range) -> int:
    pieces = [each.read_bytes() for each in path.parent.glob(f"{path.name}*")]
    words = [(f"Zwetschgen{number}".encode(), f"zwetschgen{number}".encode()) for number in numbers]
    return sum(any(word in piece for piece in pieces for word in pair) for pair in words)
