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
from wtpd.connectors.kit.http import PartnerHttp
from wtpd.store.database import Event, Tx

PAUSE = 0.25
"""Seconds between two changes: longer than a burst is gathered for, so that each is on its own."""


async def run(quick: bool) -> list[Figure]:
    changes = 10 if quick else 150
    with partner() as address:
        async with dealership(1_000, linked=True) as place:
            bare, outward, inward = await _interleaved(place, address, changes)
    p50, p99 = percentile(bare, 50) * 1000, percentile(bare, 99) * 1000
    figures = [fact("one bare POST plus one fsync, p50", p50, "ms"), fact("… p99", p99, "ms")]
    for what, times in (("booked here → at the partner", outward), ("changed there → in the book", inward)):
        mine50, mine99 = percentile(times, 50) * 1000, percentile(times, 99) * 1000
        figures += [
            fact(f"{what}, p50", mine50, "ms"),
            at_most("… against the bare one, p50", mine50 / p50, 4, "×"),
            fact(f"{what}, p99", mine99, "ms"),
            at_most("… against the bare one, p99", mine99 / p99, 10, "×"),
        ]
    return figures


async def _interleaved(place: Dealership, address: str, times: int) -> tuple[list[float], list[float], list[float]]:
    """Seconds of bare ones, of changes on their way out and of changes on their way in, taken in turns."""
    probe = PartnerHttp(address)
    bare, outward, inward = [], [], []
    async with channel(place, address) as made:
        loops = [asyncio.create_task(made.work()), asyncio.create_task(made.listen())]
        await asyncio.sleep(1)
        await _bare(place.path.parent, probe)
        for number in range(times):
            bare.append(await _bare(place.path.parent, probe))
            outward.append(await _outward(place, probe, 100_000 + number))
            inward.append(await _inward(place, probe))
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
    await probe.aclose()
    return bare, outward, inward


async def _bare(folder: Path, probe: PartnerHttp) -> float:
    """One write of a page that is on disk, and one request that is answered."""
    descriptor = os.open(folder / "fsync", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        started = time.monotonic()
        os.write(descriptor, b"x" * 4096)
        os.fdatasync(descriptor)
        await probe.request("POST", "/v1/dealers/1/appointments", json={"note": "x" * 1000}, auth="bench")
        return time.monotonic() - started
    finally:
        os.close(descriptor)
        await probe.request("GET", "/arrivals")


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
