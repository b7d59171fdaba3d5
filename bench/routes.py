"""Every GET route of the API with 100,000 appointments, against the time that a call of a reader may take.

The routes are those of the daemon's own OpenAPI document, so that a new one is measured without a line here, unless it
needs a value that only `_VALUES` knows. What counts is the processor time of the whole daemon, which a busy machine
doesn't change; beside it stands what a caller waits.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

from bench.api import Client, get
from bench.daemon import daemon
from bench.dealership import A_DAY, DEPARTMENT, SITE, START, dealership
from bench.figures import Figure, at_most, percentile
from bench.processes import cpu_ms

LIMIT = 50.0
"""Milliseconds that a call of a reader may take (spec: operations.md)."""
_STREAMS = ("text/event-stream",)


async def run(quick: bool) -> list[Figure]:
    size, asks = (1_000, 10) if quick else (100_000, 100)
    async with AsyncExitStack() as stack:
        place = await stack.enter_async_context(dealership(size))
        values = await place.db.read(lambda tx: {**_VALUES, **_ids(tx)})
        await place.db.close()
        running = await stack.enter_async_context(daemon(place.path.parent))
        client = await Client.connect(running.socket)
        document = json.loads(await client.ask(get("/v1/openapi.json")))
        figures, left_out = [], []
        for path, address in _addresses(document, values, size):
            if address is None:
                left_out.append(path)
                continue
            try:
                figures.append(await _measured(client, running.pid, path, get(address), asks))
            except AssertionError as refused:  # nothing of the kind is there, or it isn't switched on
                left_out.append(f"{path} ({str(refused)[11:16].strip()})")
        client.close()
        return [*figures, Figure("not measured", ", ".join(left_out) or "none")]


def _ids(tx: Any) -> dict[str, str]:
    """A record of each kind, from the middle of the book."""
    found = {}
    for kind in ("appointment", "customer", "vehicle"):
        count = tx.one(f"SELECT count(*) AS n FROM {kind}")["n"]
        found[kind] = tx.one(f"SELECT id FROM {kind} ORDER BY id LIMIT 1 OFFSET ?", (count // 2,))["id"]
    return found


_VALUES: Mapping[str, str] = {
    "site": SITE,
    "department": DEPARTMENT,
    "connector": "superservice",
    "partner": "superservice",
    "provider": "superservice",
    "q": "Nachname",
    "kind": "customer",
}
"""What a path or a needed question stands for, by its name."""


def _addresses(document: Any, values: Mapping[str, str], size: int) -> Iterator[tuple[str, str | None]]:
    """Path → what to ask for; None where a value isn't known."""
    day = START + timedelta(days=size // A_DAY // 2)
    times = {"from": f"{day:%Y-%m-%d}", "to": f"{day + timedelta(days=61):%Y-%m-%d}", "day": f"{day:%Y-%m-%d}"}
    known = {**times, **values}
    for path, operations in document["paths"].items():
        if "get" not in operations or _is_stream(operations["get"]):
            continue
        record = next((values[kind] for kind in ("appointment", "customer", "vehicle") if f"/{kind}s/{{" in path), None)
        named = known | ({"id": record} if record else {})
        address, whole = path, True
        for name in re.findall(r"\{(\w+)\}", path):
            whole &= name in named
            address = address.replace(f"{{{name}}}", quote(named.get(name, "")))
        asked = operations["get"].get("parameters", ())
        needed = [one["name"] for one in asked if one.get("required") and one["in"] == "query"]
        whole &= all(name in named for name in needed)
        question = urlencode({name: named[name] for name in needed if name in named})
        yield path, (f"{address}?{question}" if question else address) if whole else None
    place = {"site": SITE, "department": DEPARTMENT}
    year = {"from": times["from"], "to": f"{day + timedelta(days=365):%Y-%m-%d}"}
    for path, questions in (
        ("/v1/appointments", ({"q": "Nachname"}, {"q": "HRO"}, {"q": "n", "limit": "500"}, {"limit": "500"},
                              {"site": SITE, "day": times["day"]}, {"site": SITE, "offset": "50000"})),
        ("/v1/customers", ({"q": "Nachname"}, {"q": "e"}, {"limit": "500"})),
        ("/v1/vehicles", ({"q": "HRO"}, {"q": "VSSZZZ"}, {"limit": "500"})),
        ("/v1/availability", (place | year,)),
    ):  # fmt: skip
        for words in questions:
            address = f"{path}?{urlencode(words)}"
            yield address, address


def _is_stream(operation: Any) -> bool:
    return any(kind in answer.get("content", ()) for answer in operation["responses"].values() for kind in _STREAMS)


async def _measured(client: Client, pid: int, path: str, request: bytes, asks: int) -> Figure:
    for _ in range(3):
        await client.ask(request)
    waits, costs = [], []
    for _ in range(asks):
        before, started = cpu_ms(pid), time.perf_counter()
        await client.ask(request)
        waits.append((time.perf_counter() - started) * 1000)
        costs.append(cpu_ms(pid) - before)
    note = f" (waited {percentile(waits, 99):.0f} ms)"
    return at_most(f"GET {path}, processor, p99", percentile(costs, 99), LIMIT, "ms", note=note)
