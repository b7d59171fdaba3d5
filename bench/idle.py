"""The daemon with nothing to do: memory, wake-ups and CPU, with SUPERSERVICE connected and its long poll open; and its
memory after a first sync."""

from __future__ import annotations

import asyncio

from bench.daemon import Running, daemon
from bench.dealership import dealership
from bench.figures import Figure, at_most, fact
from bench.partner import partner
from bench.processes import cpu_ms, megabytes, wakes_of


async def run(quick: bool) -> list[Figure]:
    size, settle, watch = (200, 3, 5) if quick else (50_000, 60, 120)
    figures = []
    with partner() as address:
        connector = {"superservice": {"address": address}}
        async with dealership(size, linked=True) as place:
            folder = place.path.parent
            await place.db.close()
            async with daemon(folder, connectors=connector) as running:
                await _connected(running)
                figures += await _watched(running.pid, size, settle, watch)
        async with dealership(size) as place:
            folder = place.path.parent
            await place.db.close()
            async with daemon(folder, connectors=connector) as running:
                await _connected(running)
                await asyncio.sleep(settle)
                figures.append(at_most(f"RSS after a first sync of {size:,}", megabytes(running.pid), 65, "MB"))
                figures.append(fact("… at its peak", megabytes(running.pid, "VmHWM"), "MB"))
    return figures


async def _connected(running: Running) -> None:
    """With credentials, and everything sent."""
    fields = {"fields": {"client_id": "bench", "client_secret": "bench-secret"}}
    await asyncio.to_thread(running.ask, "PUT", "/v1/credentials/superservice/general", fields)
    async with asyncio.timeout(600):
        while True:
            answer = await asyncio.to_thread(running.ask, "GET", "/v1/connectors")
            found = [channel for one in answer["items"] for channel in one["channels"] if channel["state"] == "healthy"]
            if found and not found[0]["waiting"]:
                return
            await asyncio.sleep(0.5)


async def _watched(pid: int, size: int, settle: float, watch: float) -> list[Figure]:
    await asyncio.sleep(settle)
    cpu, wakes = cpu_ms(pid), wakes_of(pid)
    await asyncio.sleep(watch)
    return [
        at_most(f"idle RSS, {size:,} linked", megabytes(pid), 55, "MB"),
        at_most("wake-ups", (wakes_of(pid) - wakes) / watch, 1, "/s"),
        at_most("CPU", (cpu_ms(pid) - cpu) * 60 / watch, 10, "ms/min"),
    ]
