"""How long a change takes from here to the partner, and from there to here, against the least that is possible: one
bare POST plus one fsync on the same disk."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path

from bench.channels import channel
from bench.dealership import Dealership, add, dealership
from bench.figures import Figure, at_most, fact, percentile
from bench.partner import partner
from wtpd.connectors.http import PartnerHttp
from wtpd.store.database import Event, Tx

PAUSE = 0.25
"""Seconds between two changes: longer than a burst is gathered for, so that each is on its own."""


async def run(quick: bool) -> list[Figure]:
    changes = 10 if quick else 200
    with partner() as address:
        async with dealership(1_000, linked=True) as place:
            bare = await _bare(address, place.path.parent, changes)
            outward, inward = await _both_ways(place, address, changes)
    p50, p99 = percentile(bare, 50) * 1000, percentile(bare, 99) * 1000
    return [
        fact("one bare POST plus one fsync, p50", p50, "ms"),
        fact("one bare POST plus one fsync, p99", p99, "ms"),
        fact("booked here → at the partner, p50", percentile(outward, 50) * 1000, "ms"),
        at_most("… against the bare one, p50", percentile(outward, 50) * 1000 / p50, 4, "×"),
        fact("booked here → at the partner, p99", percentile(outward, 99) * 1000, "ms"),
        at_most("… against the bare one, p99", percentile(outward, 99) * 1000 / p99, 10, "×"),
        fact("changed there → in the book, p50", percentile(inward, 50) * 1000, "ms"),
        at_most("… against the bare one, p50", percentile(inward, 50) * 1000 / p50, 4, "×"),
        fact("changed there → in the book, p99", percentile(inward, 99) * 1000, "ms"),
        at_most("… against the bare one, p99", percentile(inward, 99) * 1000 / p99, 10, "×"),
    ]


async def _bare(address: str, folder: Path, times: int) -> list[float]:
    http = PartnerHttp(address)
    body = {"note": "x" * 1000}
    descriptor = os.open(folder / "fsync", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    seconds = []
    for _ in range(times + 1):
        started = time.perf_counter()
        os.write(descriptor, b"x" * 4096)
        os.fdatasync(descriptor)
        await http.request("POST", "/v1/dealers/1/appointments", json=body, auth="bench")
        seconds.append(time.perf_counter() - started)
        await asyncio.sleep(0.02)
    os.close(descriptor)
    await http.request("GET", "/arrivals")
    await http.aclose()
    return seconds[1:]


async def _both_ways(place: Dealership, address: str, times: int) -> tuple[list[float], list[float]]:
    """Seconds from the call that books until the request is there, and from the change there until the commit here."""
    probe = PartnerHttp(address)
    async with channel(place, address) as (made, _):
        loops = [asyncio.create_task(made.work()), asyncio.create_task(made.listen())]
        await asyncio.sleep(1)
        await probe.request("GET", "/arrivals")
        outward = [await _outward(place, probe, 100_000 + number) for number in range(times)]
        inward = [await _inward(place, probe) for _ in range(times)]
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
    await probe.aclose()
    return outward, inward


async def _outward(place: Dealership, probe: PartnerHttp, number: int) -> float:
    def book(tx: Tx) -> None:
        add(tx, place.book, number)

    started = time.monotonic()
    await place.db.write(book)
    while True:
        await asyncio.sleep(PAUSE)
        arrivals = (await probe.request("GET", "/arrivals")).json["at"]
        if arrivals:
            return float(arrivals[0]) - started


async def _inward(place: Dealership, probe: PartnerHttp) -> float:
    done: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def heard(events: Sequence[Event], signals: frozenset[str]) -> None:
        if not done.done() and any(event.kind == "appointment.created" for event in events):
            done.set_result(time.monotonic())

    place.db.listeners.append(heard)
    started = time.monotonic()
    await probe.request("POST", "/feed/1")
    ended = await done
    place.db.listeners.remove(heard)
    await asyncio.sleep(PAUSE)
    return ended - started
