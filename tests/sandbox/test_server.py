from __future__ import annotations

import asyncio
import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.sandbox import CLIENT, DEALER, creation, giving, partner_client, running_sandbox
from wtpd.connectors.kit.http import PartnerHttp
from wtpd.connectors.superservice.connector import Superservice
from wtpd.errors import Refused, Unavailable
from wtpd.sandbox.act import Control
from wtpd.sandbox.server import ADDRESS_FILE

SCRIPT = """
import asyncio, sys
from pathlib import Path
from wtpd.sandbox.server import run_sandbox
asyncio.run(run_sandbox("127.0.0.1", 0, Path(sys.argv[1]), 1, lambda running: print(running.address, flush=True)))
"""


@contextmanager
def process(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The sandbox as a process of its own, and its address."""
    with subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder)], stdout=subprocess.PIPE, text=True) as sandbox:
        assert sandbox.stdout is not None
        try:
            yield sandbox, sandbox.stdout.readline().strip()
        finally:
            sandbox.kill()


@pytest.mark.system
async def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    with process(tmp_path) as (sandbox, address):
        async with Control(address) as control:
            await control.act("superservice", "book", dealer=DEALER)
            many = asyncio.create_task(control.act("superservice", "book", dealer=DEALER, count=1000))
            booked = [await control.act("superservice", "book", dealer=DEALER, notes=str(n)) for n in range(30)]
            await many
            http = PartnerHttp(f"{address}/superservice")
            receipt = await Superservice(http, giving(CLIENT)).write(creation("a-1"))
            sandbox.kill()
            sandbox.wait()
            await http.aclose()
    with process(tmp_path) as (_, address):
        async with Control(address) as control:
            held = {one["id"]: one for one in (await control.state("superservice"))["appointments"]}
    assert len(held) == 1032
    assert held[receipt.partner_id]["dmsAppointmentId"] == "a-1"
    assert all(held[one["id"]] == {**one, "links": held[one["id"]]["links"]} for one in booked)


@pytest.mark.system
async def test_it_ends_when_it_is_told_to_and_says_where_it_listens(tmp_path: Path) -> None:
    with process(tmp_path) as (sandbox, address):
        assert (tmp_path / ADDRESS_FILE).read_text().strip() == address
        sandbox.send_signal(signal.SIGTERM)
        assert sandbox.wait(10) == 0
    assert not (tmp_path / ADDRESS_FILE).exists()


async def test_it_ends_at_once_while_somebody_waits(tmp_path: Path) -> None:
    async with running_sandbox(tmp_path) as sandbox, partner_client(sandbox) as http:
        await sandbox.control.fault("superservice", "never", count=1)
        await sandbox.control.fault("superservice", "late", seconds=600, count=1)
        waiting = [asyncio.create_task(http.get("/v1/x", timeout=60)) for _ in range(2)]
        while (await sandbox.control.requests())["total"] < 2:
            await asyncio.sleep(0)
    ends = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 5)
    assert all(isinstance(end, Exception) for end in ends)


async def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    async with running_sandbox(tmp_path / "one") as sandbox:
        port = int(sandbox.running.address.rpartition(":")[2])
        with pytest.raises(Unavailable, match=str(port)):
            async with running_sandbox(tmp_path / "two", port=port):
                pass


async def test_requests_can_be_counted_and_compared(tmp_path: Path) -> None:
    async with running_sandbox(tmp_path / "state") as sandbox, partner_client(sandbox) as http:
        await http.post("/v1/a?b=c", content=b"abc", headers={"Idempotency-Key": "k-1"})
        await http.get("/v1/a")
        await http.get("/v1/b")
        found = await sandbox.control.requests(method="POST,PATCH")
        [noted] = found["items"]
        assert (noted["partner"], noted["path"], noted["query"], noted["key"]) == (
            "superservice",
            "/v1/a",
            "b=c",
            "k-1",
        )
        assert noted["body_sha256"] == hashlib.sha256(b"abc").hexdigest()
        assert noted["status"] == 404
        assert (await sandbox.control.requests(path="/v1/*", method="GET"))["total"] == 2
        assert (await sandbox.control.requests(after=noted["id"]))["total"] == 2
        assert (await sandbox.control.requests(partner="carloop"))["total"] == 0
        limited = await sandbox.control.requests(limit=1)
        assert (len(limited["items"]), limited["total"]) == (1, 3)
        with pytest.raises(Refused):
            await sandbox.control.requests(colour="red")
        with pytest.raises(Refused):
            await sandbox.control.requests(after="x")
    async with running_sandbox(tmp_path / "state") as sandbox, partner_client(sandbox) as http:
        assert (await sandbox.control.requests())["total"] == 3
        await http.get("/v1/c")
        assert (await sandbox.control.requests())["last_id"] == 4


async def test_what_is_there_can_be_seen(tmp_path: Path) -> None:
    async with running_sandbox(tmp_path) as sandbox, partner_client(sandbox) as http:
        index = (await http.get(f"{sandbox.running.address}/_sandbox")).json()
        assert index["partners"]["superservice"]["address"] == sandbox.partner("superservice")
        acts = (await http.get(f"{sandbox.running.address}/_sandbox/superservice/acts")).json()
        assert {"book", "change", "move", "cancel", "cancel-many", "reopen", "unknown-code", "break"} <= {
            act["name"] for act in acts
        }
        assert (await http.get(f"{sandbox.running.address}/nobody/v1")).status_code == 404
        assert (await http.get(f"{sandbox.running.address}/_sandbox/nobody/state")).status_code == 404


async def test_a_request_that_is_too_large_is_refused(tmp_path: Path) -> None:
    async with running_sandbox(tmp_path) as sandbox, partner_client(sandbox) as http:
        assert (await http.post("/v1/a", content=b"x" * (21 * 1024 * 1024))).status_code == 413
        assert (await http.get("/v1/a")).status_code == 404


async def test_the_same_seed_plays_the_same(tmp_path: Path) -> None:
    async def played(folder: Path, seed: int) -> str:
        async with running_sandbox(folder, seed=seed) as sandbox:
            for _ in range(8):
                await sandbox.control.act("superservice", "book", dealer=DEALER)
            await sandbox.control.fault("superservice", "status", share=0.5)
            async with partner_client(sandbox) as http:
                return json.dumps([(await http.get("/v1/x")).status_code for _ in range(20)])

    first = await played(tmp_path / "a", 1)
    assert await played(tmp_path / "b", 1) == first
    assert await played(tmp_path / "c", 2) != first
