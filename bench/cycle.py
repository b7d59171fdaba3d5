"""A run without changes, and one with ten, at many linked appointments."""

from __future__ import annotations

import time

from bench.channels import channel
from bench.dealership import DESK, Dealership, dealership
from bench.figures import Figure, at_most, fact, median
from bench.partner import partner
from wtpd.store.database import Tx

CHANGES = 10


async def run(quick: bool) -> list[Figure]:
    sizes, rounds = ((200, 1_000), 5) if quick else ((1_000, 50_000), 41)
    small, large = sizes
    quiet: dict[int, float] = {}
    figures: list[Figure] = []
    for size in sizes:
        async with dealership(size, linked=True) as place:
            with partner() as address:
                seconds, requests, writes = await _quiet(place, address, rounds)
                quiet[size] = seconds
                if size == large:
                    figures += [
                        at_most(f"a run without changes, {size:,} linked", seconds * 1000, 3, "ms"),
                        at_most("… its requests", requests, 2),
                        at_most("… rows it writes", writes, 0),
                    ]
                    changed = await _with_changes(place, address, rounds)
                    figures.append(
                        at_most(
                            f"a run with {CHANGES} changes here, beyond a quiet one",
                            (changed - seconds) * 1000 / CHANGES,
                            3,
                            "ms a change",
                        )
                    )
    figures.append(at_most(f"{large:,} against {small:,} linked", quiet[large] / quiet[small], 1.2, "×"))
    figures.append(fact(f"a run without changes, {small:,} linked", quiet[small] * 1000, "ms"))
    return figures


async def _quiet(place: Dealership, address: str, rounds: int) -> tuple[float, float, int]:
    """Seconds and requests a run, and rows written by all of them."""
    async with channel(place, address, long_poll=0.0) as made:
        for _ in range(3):
            await made.run("interval")
        times = []
        calls, before = 0, await place.db.write(_written)
        for _ in range(rounds):
            started = time.perf_counter()
            record = await made.run("interval")
            times.append(time.perf_counter() - started)
            assert record.error is None, record.error
            calls += record.requests
        after = await place.db.write(_written)
        return median(times), calls / rounds, after - before


def _written(tx: Tx) -> int:
    """Rows that this connection has written so far."""
    row = tx.one("SELECT total_changes()")
    return int(row[0]) if row else 0


async def _with_changes(place: Dealership, address: str, rounds: int) -> float:
    """Seconds for a run that sends ten changes, without the time for making them."""
    ids = await place.db.read(lambda tx: [row["id"] for row in tx.all("SELECT id FROM appointment LIMIT 1000")])
    times = []
    async with channel(place, address, long_poll=0.0) as made:
        for number in range(min(rounds, 15)):

            def change(tx: Tx, number: int = number) -> None:
                for appointment_id in ids[number * CHANGES : (number + 1) * CHANGES]:
                    place.book.change(
                        tx, appointment_id, {"notes": f"geändert {number}"}, author=DESK, expected_version=None
                    )

            await place.db.write(change)
            started = time.perf_counter()
            record = await made.run("interval")
            times.append(time.perf_counter() - started)
            assert record.error is None, record.error
            assert record.sent == CHANGES, record
    return median(times)
