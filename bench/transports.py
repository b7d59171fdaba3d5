"""HTTP clients side by side (docs/adr/0020): 1 kB POSTs to one bare server at 1, 8 and 32 at once, interleaved.

httpx2 isn't one of our dependencies; it is measured where it is installed (`pip install httpx2`).
"""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

from bench.figures import Figure, fact, median
from bench.loopback import loopback
from wtpd.connectors.kit.http import PartnerHttp

Call = Callable[[], Awaitable[object]]
Client = tuple[Call, Call]
"""One request, and closing."""

BODY = b'{"note": "' + b"x" * 1000 + b'"}'
TYPE = {"Content-Type": "application/json"}
AT_ONCE = (1, 8, 32)


async def httpx_own(url: str) -> Client:
    import httpx

    client = httpx.AsyncClient()
    return lambda: client.post(f"{url}/x", content=BODY, headers=TYPE), client.aclose


async def httpx2_own(url: str) -> Client:
    import httpx2  # type: ignore[import-not-found]  # only where somebody wants to compare

    client = httpx2.AsyncClient()
    return lambda: client.post(f"{url}/x", content=BODY, headers=TYPE), client.aclose


async def httpx_over_aiohttp(url: str) -> Client:
    import httpx
    from httpx_aiohttp import AiohttpTransport

    client = httpx.AsyncClient(transport=AiohttpTransport())
    return lambda: client.post(f"{url}/x", content=BODY, headers=TYPE), client.aclose


async def httpx_aiohttp_without_client(url: str) -> Client:
    import httpx
    from httpx_aiohttp import AiohttpTransport

    transport = AiohttpTransport()

    async def call() -> None:
        request = httpx.Request("POST", f"{url}/x", content=BODY, headers=TYPE)
        response = await transport.handle_async_request(request)
        await response.aread()
        await response.aclose()

    return call, transport.aclose


async def partner_http(url: str) -> Client:
    http = PartnerHttp(url, calls_at_once=64)
    body = {"note": "x" * 1000}
    return lambda: http.request("POST", "/x", json=body, idempotency_key="k", auth="token"), http.aclose


async def aiohttp_alone(url: str) -> Client:
    import aiohttp

    session = aiohttp.ClientSession()

    async def call() -> None:
        async with session.post(f"{url}/x", data=BODY, headers=TYPE) as response:
            await response.read()

    return call, session.close


def clients() -> list[Callable[[str], Awaitable[Client]]]:
    forks = [httpx2_own] if importlib.util.find_spec("httpx2") else []
    return [httpx_own, *forks, httpx_over_aiohttp, httpx_aiohttp_without_client, partner_http, aiohttp_alone]


async def rate(make: Callable[[str], Awaitable[Client]], url: str, at_once: int, requests: int) -> float:
    """Requests a second."""
    call, close = await make(url)
    await asyncio.gather(*(call() for _ in range(at_once)))
    left = iter(range(requests))

    async def work() -> None:
        for _ in left:
            await call()

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(at_once)))
    seconds = time.perf_counter() - started
    await close()
    return requests / seconds


def import_cost(statement: str) -> tuple[float, float]:
    """Milliseconds and megabytes (RSS of the process afterwards) of one statement in a fresh interpreter."""
    program = (
        "import asyncio, time; t = time.perf_counter(); " + statement + "; d = time.perf_counter() - t; "
        "print(d * 1000, int(next(l for l in open('/proc/self/status') if 'VmRSS' in l).split()[1]) / 1024)"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout.split()
    return float(output[0]), float(output[1])


async def run(quick: bool) -> list[Figure]:
    rounds, requests = (1, 200) if quick else (7, 1000)
    rates: dict[tuple[str, int], list[float]] = {}
    with loopback() as url:
        for _ in range(rounds):
            for at_once in AT_ONCE:
                for make in clients():
                    rates.setdefault((make.__name__, at_once), []).append(await rate(make, url, at_once, requests))
    figures = []
    for make in clients():
        values = " / ".join(f"{median(rates[make.__name__, n]):,.0f}" for n in AT_ONCE)
        figures.append(Figure(f"{make.__name__}: requests/s at 1 / 8 / 32", values))
    for statement in ("pass", "import httpx", "import aiohttp", "import httpx, httpx_aiohttp"):
        costs = [import_cost(statement) for _ in range(rounds)]
        memory = median([cost[1] for cost in costs])
        figures.append(fact(f"`{statement}`", median([cost[0] for cost in costs]), "ms", note=f", RSS {memory:.0f} MB"))
    return figures
