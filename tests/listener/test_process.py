"""The listener in a process of its own: killed at any moment, and flooded from others."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
import ssl
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path

import pytest

from tests.support.daemon import DaemonProcess, daemon_process
from tests.support.lan import Program, free_port, lan_text
from tests.support.push_connector import NAME, lines, person

pytestmark = pytest.mark.system

MEMORY_MAX = 256 << 20
"""As in the unit (MemoryMax)."""


def box(folder: Path, text: str) -> AbstractAsyncContextManager[DaemonProcess]:
    """A daemon in which the connector of the tests is installed."""
    site = folder / "site"
    (site / f"{NAME}-1.0.dist-info").mkdir(parents=True, exist_ok=True)
    (site / f"{NAME}-1.0.dist-info/METADATA").write_text(f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0\n")
    entry = f"[wtpd.connectors]\n{NAME} = tests.support.push_connector:push_manifest\n"
    (site / f"{NAME}-1.0.dist-info/entry_points.txt").write_text(entry)
    repository = Path(__file__).parents[2]
    return daemon_process(folder, text, PYTHONPATH=f"{site}{os.pathsep}{repository}")


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await holds():
            await asyncio.sleep(0.02)


async def listening(daemon: DaemonProcess) -> None:
    async def look() -> bool:
        return bool((await daemon.http.get("/v1/listener")).json["listening"])

    await until(look)


async def token(daemon: DaemonProcess, site: str = "rostock") -> str:
    body = {"connector": NAME, "site": site, "name": "DMS", "dealer_number": "00123"}
    made = await daemon.http.post("/v1/tokens", body)
    assert made.status == 201, made.json
    return str(made.json["token"])


async def test_what_was_acknowledged_survives_kills_and_is_applied_once(tmp_path: Path) -> None:
    port, chance = free_port(), random.Random(7)
    acknowledged: set[int] = set()
    number = 0
    dms = Program(port, tmp_path / "data/listener/listener.pem")

    async def deliver() -> None:
        nonlocal number
        while True:
            number += 1
            mine = number
            count, padding = chance.choice([(1, 10), (30, 40), (1, 2_000_000), (600, 900)])
            people = [person(mine * 1000 + each) for each in range(count)]
            body = lines(*people) + b" " * 0
            if count == 1:
                people[0]["street"] = "s" * 10
                body = lines(people[0]).replace(b"}", b"," + b" " * padding + b'"house_number": "1"}')
            try:
                reply = await dms.push(body, Prefer=chance.choice(["respond-async", ""]))
            except (OSError, ssl.SSLError, asyncio.IncompleteReadError, ValueError):
                return
            if reply.status // 100 == 2:
                acknowledged.update(mine * 1000 + each for each in range(count))

    for life in range(4):
        async with box(tmp_path, lan_text(port)) as daemon:
            await listening(daemon)
            if not dms.token:
                dms.token = await token(daemon)
            senders = [asyncio.create_task(deliver()) for _ in range(3)]
            seen = len(acknowledged)
            async with asyncio.timeout(60):
                while len(acknowledged) == seen and not all(one.done() for one in senders):
                    await asyncio.sleep(0.01)
                await asyncio.sleep(chance.uniform(0.0, 0.6))
            daemon.process.kill()
            await daemon.process.wait()
            for one in senders:
                one.cancel()
            await asyncio.gather(*senders, return_exceptions=True)
        assert acknowledged, life
    async with box(tmp_path, lan_text(port)) as daemon:

        async def all_applied() -> bool:
            bodies = (await daemon.http.get("/v1/pushed?limit=500")).json["items"]
            assert {one["state"] for one in bodies} <= {"stored", "done"}
            return all(one["state"] == "done" for one in bodies)

        await until(all_applied)
        found: list[str] = []
        cursor = ""
        while True:
            page = (await daemon.http.get(f"/v1/customers?limit=500{cursor}")).json
            found += [one["last_name"] for one in page["items"]]
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        assert len(found) == len(set(found)), "nobody twice"
        assert {f"Jansen{each}" for each in acknowledged} <= set(found), "nobody lost"
        bodies = (await daemon.http.get("/v1/pushed?limit=500")).json["items"]
        assert sum(one["accepted"] + one["unchanged"] for one in bodies) == len(found)
    with closing(sqlite3.connect(tmp_path / "data/wtpd.db")) as con:
        assert con.execute("SELECT count(*) FROM pushed WHERE state = 'receiving'").fetchone() == (0,)


FLOOD = """
import asyncio, gzip, json, random, socket, ssl, sys, time
port, source, seconds, token = int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), sys.argv[4]
context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE
chance, until = random.Random(source), time.monotonic() + seconds
held = []
bomb = gzip.compress(bytes(60 << 20), 9)
def head(method, length, more=""):
    return (f"{method} /push/lijst/v1/people HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nAuthorization: Bearer {token}\\r\\n"
            f"Content-Type: application/x-ndjson\\r\\nContent-Length: {length}\\r\\n{more}\\r\\n").encode()
async def silent():
    held.append(await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0)))
async def tls(data):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, local_addr=(source, 0))
    writer.write(data)
    held.append((reader, writer))
    try:
        await asyncio.wait_for(reader.read(), chance.choice([0.05, 1]))
    except TimeoutError:
        pass
async def one():
    while time.monotonic() < until:
        try:
            await asyncio.wait_for(chance.choice([
                silent, lambda: tls(b"GET / HTTP/1.1\\r\\nA: "), lambda: tls(b"\\0" * 100000),
                lambda: tls(head("POST", 20 << 20) + b"x" * (8 << 20)), lambda: tls(head("POST", 50) + b"{"),
                lambda: tls(head("POST", len(bomb), "Content-Encoding: gzip\\r\\n") + bomb),
                lambda: tls(head("GET", 0) * 200), lambda: tls(b"GET / HTTP/1.1\\r\\n" + b"a: b\\r\\n" * 100000),
            ])(), 5)
        except (OSError, ssl.SSLError, TimeoutError, asyncio.IncompleteReadError):
            await asyncio.sleep(0.01)
        while len(held) > 300:
            held.pop(0)[1].close()
async def main():
    await asyncio.gather(*(one() for _ in range(24)))
asyncio.run(main())
"""


async def test_a_flood_neither_ends_it_nor_fills_its_memory_nor_keeps_others_out(tmp_path: Path) -> None:
    """Three machines of the network do what they can, one of them with a stolen token."""
    port = free_port()
    async with box(tmp_path, lan_text(port)) as daemon:
        await listening(daemon)
        dms = Program(port, tmp_path / "data/listener/listener.pem", await token(daemon), source="127.0.0.77")
        stolen = await token(daemon, "guestrow")
        wrong = stolen[:-4] + "aaaa"
        floods = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-c", FLOOD, str(port), f"127.0.0.{number + 2}", "8", stolen if number == 0 else wrong,
                stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
            )
            for number in range(3)
        ]  # fmt: skip
        delivered = 0
        while any(one.returncode is None for one in floods):
            try:
                delivered += (await dms.push(lines(person(delivered)))).status == 200
            except (OSError, ssl.SSLError, asyncio.IncompleteReadError):
                continue
            assert (await daemon.http.get("/v1/health")).status == 200
        for one in floods:
            _, errors = await one.communicate()
            assert one.returncode == 0, errors.decode()[-2000:]
        assert delivered > 5, "others are served meanwhile"
        status = Path(f"/proc/{daemon.pid}/status").read_text()
        peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) << 10
        assert peak < MEMORY_MAX, peak >> 20
        assert daemon.process.returncode is None
        assert "Traceback" not in daemon.log, daemon.log[-3000:]
        problems = (await daemon.http.get("/v1/status")).json["problems"]
        assert "listener.wrong_token" in {one["kind"] for one in problems}, json.dumps(problems)
        assert (await dms.push(lines(person(999_999)))).status == 200
        print(f"peak {peak >> 20} MB, {delivered} delivered")
