"""The API over its unix socket with 100,000 appointments: one appointment against a bare protocol reading the same
row; a day; a booking; a search."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Self
from urllib.parse import urlencode

from bench.daemon import daemon
from bench.dealership import A_DAY, DEPARTMENT, SITE, START, dealership
from bench.figures import Figure, at_least, at_most, fact, median, percentile
from bench.processes import cpu_ms
from wtpd.clock import iso

CLIENTS = 8


class Client:
    """One connection, kept alive."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, path: Path) -> Client:
        return cls(*await asyncio.open_unix_connection(path, limit=2**22))

    async def ask(self, request: bytes) -> bytes:
        """The answer's body; it must be a success."""
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        body = await self._reader.readexactly(length)
        assert head[9:10] == b"2", head + body
        return body

    def close(self) -> None:
        self._writer.close()


Requests = Callable[[], bytes]


async def run(quick: bool) -> list[Figure]:
    size, asks, rounds = (1_000, 100, 1) if quick else (100_000, 3_000, 5)
    async with AsyncExitStack() as stack:
        place = await stack.enter_async_context(dealership(size))
        ids = await place.db.read(lambda tx: [row["id"] for row in tx.all("SELECT id FROM appointment")])
        await place.db.close()
        folder = place.path.parent
        running = await stack.enter_async_context(daemon(folder))
        bare = stack.enter_context(_Bare(place.path, folder / "bare.sock"))
        chance = random.Random(1)

        def one() -> bytes:
            return get(f"/v1/appointments/{chance.choice(ids)}")

        wtpd_times: list[float] = []
        bare_times: list[float] = []
        wtpd_rates: list[float] = []
        bare_rates: list[float] = []
        wtpd_cpu: list[float] = []
        bare_cpu: list[float] = []
        for _ in range(rounds):
            bare_times += await _times(bare.path, one, asks)
            wtpd_times += await _times(running.socket, one, asks)
            for rates, cpu, path, pid in (
                (bare_rates, bare_cpu, bare.path, bare.pid),
                (wtpd_rates, wtpd_cpu, running.socket, running.pid),
            ):
                before = cpu_ms(pid)
                rates.append(await _rate(path, one, asks))
                cpu.append((cpu_ms(pid) - before) * 1000 / asks)
        figures = _against(wtpd_times, bare_times, median(wtpd_rates), median(bare_rates))
        figures.append(fact("GET one, bare protocol, CPU", median(bare_cpu), "µs"))
        figures.append(fact("GET one, CPU", median(wtpd_cpu), "µs"))
        few = max(asks // 10, 50)
        figures += _milliseconds(
            f"day view of {A_DAY}", await _times(running.socket, lambda: _day(chance, size), few), 8
        )
        figures += _milliseconds("booking, durable", await _times(running.socket, _Bookings(size).next, few), 12)
        for what, words in _searches(size):
            times = await _times(running.socket, partial(_search, words, chance), few)
            figures += _milliseconds(f"search by {what} over the API", times, None)
        return figures


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


class _Bare:
    def __init__(self, database: Path, path: Path) -> None:
        self._arguments = [sys.executable, "-m", "bench.bare_api", str(database), str(path)]
        self.path = path

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._arguments, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self._process.stdout.readline()
        self.pid = self._process.pid
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()


def _against(times: Sequence[float], bare: Sequence[float], rate: float, bare_rate: float) -> list[Figure]:
    figures = []
    for percent in (50, 99):
        mine, least = percentile(times, percent) * 1000, percentile(bare, percent) * 1000
        figures.append(fact(f"GET one, bare protocol, p{percent}", least, "ms"))
        figures.append(fact(f"GET one, p{percent}", mine, "ms"))
        if percent == 99:
            figures.append(at_most("… against the bare protocol, p99", mine / least, 2.5, "×"))
    figures.append(fact(f"GET one, bare protocol, {CLIENTS} clients, requests/s", bare_rate))
    figures.append(fact(f"GET one, {CLIENTS} clients, requests/s", rate))
    figures.append(at_least("… of the bare protocol's rate", rate / bare_rate, 0.35))
    return figures


def _milliseconds(what: str, times: Sequence[float], limit: float | None) -> list[Figure]:
    p50, p99 = percentile(times, 50) * 1000, percentile(times, 99) * 1000
    last = fact(f"{what}, p99", p99, "ms") if limit is None else at_most(f"{what}, p99", p99, limit, "ms")
    return [fact(f"{what}, p50", p50, "ms"), last]


async def _times(path: Path, requests: Requests, count: int) -> list[float]:
    """Seconds of each of `count` requests, one after another, after a few to warm up."""
    client = await Client.connect(path)
    times = []
    for number in range(count + 20):
        request = requests()
        started = time.perf_counter()
        await client.ask(request)
        if number >= 20:
            times.append(time.perf_counter() - started)
    client.close()
    return times


async def _rate(path: Path, requests: Requests, count: int) -> float:
    clients = [await Client.connect(path) for _ in range(CLIENTS)]

    async def work(client: Client) -> None:
        for _ in range(count // CLIENTS):
            await client.ask(requests())

    started = time.perf_counter()
    await asyncio.gather(*(work(client) for client in clients))
    seconds = time.perf_counter() - started
    for client in clients:
        client.close()
    return count // CLIENTS * CLIENTS / seconds


def _day(chance: random.Random, size: int) -> bytes:
    day = (START + timedelta(days=chance.randrange(max(size // A_DAY, 1)))).date()
    return get("/v1/appointments?" + urlencode({"site": SITE, "day": day.isoformat(), "limit": "100"}))


class _Bookings:
    """New appointments on days behind those that are there."""

    def __init__(self, size: int) -> None:
        self._number = size

    def next(self) -> bytes:
        self._number += 1
        drop_off = START + timedelta(days=1 + self._number // A_DAY, minutes=10 * (self._number % A_DAY))
        body = json.dumps(
            {
                "site": SITE,
                "department": DEPARTMENT,
                "drop_off": iso(drop_off),
                "collection": iso(drop_off + timedelta(hours=3)),
                "interventions": [{"title": "Inspektion", "labour_units": 12}],
            }
        ).encode()
        head = (
            f"POST /v1/appointments HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: bench-{self._number}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def _searches(size: int) -> list[tuple[str, Callable[[random.Random], str]]]:
    return [
        ("name", lambda chance: f"Nachname{chance.randrange(size)}"),
        ("plate", lambda chance: f"HRO-{chr(65 + chance.randrange(26))}{chr(65 + chance.randrange(26))}"),
        ("number", lambda chance: f"VSSZZZ{chance.randrange(size):011}"),
    ]


def _search(words: Callable[[random.Random], str], chance: random.Random) -> bytes:
    return get("/v1/appointments?" + urlencode({"q": words(chance), "limit": "20"}))
