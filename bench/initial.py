"""The first sync, out and in, as a share of what the client alone can do in the same run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from bench.channels import channel
from bench.dealership import ACCOUNT, CHANNEL, SPEC, Dealership, dealership
from bench.figures import Figure, at_least, at_most, fact, median
from bench.partner import partner
from wtpd.book.sync_port import SyncBook
from wtpd.connectors.kit.http import PartnerHttp
from wtpd.connectors.superservice import wire
from wtpd.store.database import Tx
from wtpd.sync.ports import Intent

AT_ONCE = 8
PEER = 650.0
"""Items a second of vdirsyncer, filesystem → in-memory CalDAV, on such a machine (quality.md)."""


async def run(quick: bool) -> list[Figure]:
    items, rounds = (500, 1) if quick else (10_000, 3)
    outward, alone, requests, inward, pages = [], [], [], [], []
    cpu_out, cpu_alone, cpu_in = [], [], []
    for _ in range(rounds):
        with partner() as address:
            async with dealership(items) as place:
                bodies = await _bodies(place)
                began = time.process_time()
                alone.append(items / await _raw(address, bodies))
                cpu_alone.append((time.process_time() - began) / items)
                began = time.process_time()
                seconds, calls = await _send_all(place, address)
                cpu_out.append((time.process_time() - began) / items)
                outward.append(items / seconds)
                requests.append(calls / items)
        with partner() as address:
            async with dealership(0) as place:
                began = time.process_time()
                fetched, applied = await _receive_all(place, address, items)
                cpu_in.append((time.process_time() - began) / items)
                pages.append(items / fetched)
                inward.append(items / applied)
    out, raw = median(outward), median(alone)
    return [
        fact("the client alone, items/s", raw, note=_cpu(cpu_alone)),
        fact("first sync out, ledger durable, items/s", out, note=_cpu(cpu_out)),
        at_least("… of the client alone", out / raw, 0.7),
        at_least("… of vdirsyncer's 650 items/s", out / PEER, 2.5, "×", note=" (4 × is the stretch goal)"),
        at_most("… requests an item", median(requests), 1.01),
        fact("fetching the pages alone, items/s", median(pages)),
        fact("first sync in, items/s", median(inward), note=_cpu(cpu_in)),
        at_least("… of fetching the pages and one transaction a page", median(inward) / median(pages), 0.7),
    ]


def _cpu(seconds: Sequence[float]) -> str:
    """What other work on the machine doesn't change."""
    return f" ({median(seconds) * 1e6:.0f} µs of CPU each)"


async def _bodies(place: Dealership) -> list[Any]:
    """What the first sync will post."""

    def work(tx: Tx) -> list[Any]:
        port = SyncBook(place.book, tx)
        bodies = []
        for row in tx.all("SELECT id FROM appointment"):
            ours = port.ours(CHANNEL, row["id"])
            assert ours is not None
            bodies.append(wire.creation(_intent(row["id"], ours.fields)))
        return bodies

    async with channel(place, "http://127.0.0.1:1"):
        return await place.db.read(work)


def _intent(appointment_id: str, fields: Any) -> Intent:
    return Intent(
        channel=CHANNEL,
        account=ACCOUNT,
        appointment_id=appointment_id,
        key="k",
        operation="create",
        fields=fields,
        full=fields,
    )


async def _raw(address: str, bodies: Sequence[Any]) -> float:
    """Seconds for posting the same bodies with the same client, as many at once, nothing stored."""
    http = PartnerHttp(address, calls_at_once=AT_ONCE)
    left = iter(enumerate(bodies))

    async def work() -> None:
        for number, body in left:
            await http.request(
                "POST", f"/v1/dealers/{ACCOUNT}/appointments", json=body, idempotency_key=f"{number}", auth="bench"
            )

    await http.request("GET", "/arrivals")
    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    seconds = time.perf_counter() - started
    await http.aclose()
    return seconds


async def _send_all(place: Dealership, address: str) -> tuple[float, int]:
    async with channel(place, address, at_once=AT_ONCE, long_poll=0.0) as made:
        started = time.perf_counter()
        record = await made.run()
        seconds = time.perf_counter() - started
        waiting = await place.db.read(lambda tx: tx.all("SELECT count(*) AS n FROM outbox")[0]["n"])
        assert record.error is None, record.error
        assert waiting == 0, waiting
        return seconds, record.requests


async def _receive_all(place: Dealership, address: str, items: int) -> tuple[float, float]:
    """Seconds for the pages with an empty transaction each, and for the whole first sync in."""
    http = PartnerHttp(address)
    await http.request("POST", f"/feed/{items}")
    started = time.perf_counter()
    cursor, more = "c0", True
    while more:
        params = {"cursor": cursor, "limit": SPEC.page_size}
        page = (await http.request("GET", f"/v1/dealers/{ACCOUNT}/changes", params=params)).json
        await place.db.write(lambda tx: tx.emit("bench.page"))
        cursor, more = page["nextCursor"], page["hasMore"]
    fetched = time.perf_counter() - started
    await http.aclose()
    async with channel(place, address, long_poll=0.0) as made:
        started = time.perf_counter()
        record = await made.run()
        applied = time.perf_counter() - started
        assert record.error is None, record.error
        assert record.applied == items, record
        return fetched, applied
