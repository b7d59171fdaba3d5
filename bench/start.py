"""Start to READY with 100,000 appointments, against a bare interpreter that imports asyncio and sqlite3."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

from bench.daemon import daemon
from bench.dealership import dealership
from bench.figures import Figure, at_most, fact, median


async def run(quick: bool) -> list[Figure]:
    size, rounds = (1_000, 3) if quick else (100_000, 15)
    bare, ready = [], []
    async with dealership(size) as place:
        folder = place.path.parent
        await place.db.close()
        async with daemon(folder):  # the first start takes the mapping into force and fills the outbox
            pass
        for _ in range(rounds):
            bare.append(await asyncio.to_thread(_bare))
            async with daemon(folder) as running:
                ready.append(running.seconds_to_ready)
    return [
        fact("`python -c 'import asyncio, sqlite3'`", median(bare) * 1000, "ms"),
        at_most(f"start to READY, {size:,} appointments", median(ready) * 1000, 500, "ms"),
        at_most("… against the bare interpreter", median(ready) / median(bare), 4, "×"),
    ]


def _bare() -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import asyncio, sqlite3"], check=True)
    return time.perf_counter() - started
