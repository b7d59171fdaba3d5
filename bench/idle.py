"""The daemon with nothing to do: memory, wake-ups and CPU, with SUPERSERVICE connected and its long poll open; and its
memory after a first sync."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from bench.daemon import Running, daemon
from bench.dealership import dealership
from bench.figures import Figure, at_most, fact
from bench.partner import partner


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
                figures.append(at_most(f"RSS after a first sync of {size:,}", _megabytes(running.pid), 65, "MB"))
                figures.append(fact("… at its peak", _megabytes(running.pid, "VmHWM"), "MB"))
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
    cpu, wakes = _cpu_ms(pid), _wakes(pid)
    await asyncio.sleep(watch)
    return [
        at_most(f"idle RSS, {size:,} linked", _megabytes(pid), 55, "MB"),
        at_most("wake-ups", (_wakes(pid) - wakes) / watch, 1, "/s"),
        at_most("CPU", (_cpu_ms(pid) - cpu) * 60 / watch, 10, "ms/min"),
    ]


def _megabytes(pid: int, which: str = "VmRSS") -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(which)).split()[1]) / 1024


def _wakes(pid: int) -> int:
    """How often any of its threads went to sleep by itself."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        lines = (task / "status").read_text().splitlines()
        total += int(next(line for line in lines if line.startswith("voluntary")).split()[1])
    return total


def _cpu_ms(pid: int) -> float:
    """Milliseconds of CPU so far, from the scheduler, which counts finer than clock ticks."""
    nanoseconds = sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir())
    if nanoseconds:
        return nanoseconds / 1e6
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")
