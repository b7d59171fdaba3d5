"""What a caller sees on the wire, fault by fault. A small partner that counts is enough for that."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tests.support.running_clock import CLOCK
from tests.support.sandbox import Sandbox, partner_client, running_sandbox
from wtpd.connectors.kit.asgi import Answer, body_of
from wtpd.connectors.kit.sandbox_side import Host, Receive, Scope, Send
from wtpd.connectors.manifest import Manifest
from wtpd.errors import Refused
from wtpd.sandbox.faults import Fault, FaultBoard

IMPATIENT = httpx.Timeout(10, read=0.05)


class Counter:
    """A partner that counts its requests, and tells the count in an answer."""

    def __init__(self, host: Host) -> None:
        self.count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await body_of(receive)
        self.count += 1
        body = {"count": self.count, "name": "Lübs", "list": [1, {"flag": True}], "path": scope["path"]}
        await Answer(200, [(b"content-type", b"application/json")], msgspec.json.encode(body)).send(send)

    def state(self) -> Any:
        return self.count

    async def act(self, name: str, arguments: Mapping[str, Any]) -> Any:
        return None


COUNTER = Manifest(name="counter", title="Counter", actor="COUNTER", sandbox=Counter)


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with running_sandbox(tmp_path, manifests=[COUNTER], seed=7) as sandbox:
        yield sandbox


@pytest.fixture
async def http(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with partner_client(sandbox, "counter") as client:
        yield client


async def worked(sandbox: Sandbox) -> int:
    return int(await sandbox.control.state("counter"))


async def test_without_a_fault_all_is_well(http: httpx.AsyncClient) -> None:
    answer = await http.get("/a/b")
    assert answer.json() == {"count": 1, "name": "Lübs", "list": [1, {"flag": True}], "path": "/a/b"}
    assert abs((parsedate_to_datetime(answer.headers["date"]) - CLOCK.now()).total_seconds()) < 5


@pytest.mark.parametrize("status", [401, 409, 412, 429, 500, 503])
async def test_a_status_without_the_work(http: httpx.AsyncClient, sandbox: Sandbox, status: int) -> None:
    await sandbox.control.fault("counter", "status", status=status, count=1)
    answer = await http.post("/x")
    assert answer.status_code == status
    assert answer.json()["status"] == status
    assert ("retry-after" in answer.headers) == (status == 429)
    assert await worked(sandbox) == 0
    assert (await http.post("/x")).status_code == 200


async def test_a_status_after_the_work(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await sandbox.control.fault("counter", "status", status=500, work="first")
    assert (await http.post("/x")).status_code == 500
    assert await worked(sandbox) == 1


async def test_when_to_come_again(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await sandbox.control.fault("counter", "status", status=429, retry_after="7", count=1)
    assert (await http.get("/x")).headers["retry-after"] == "7"
    await sandbox.control.fault("counter", "status", status=503, retry_after="date:90")
    answer = await http.get("/x")
    wait = parsedate_to_datetime(answer.headers["retry-after"]) - parsedate_to_datetime(answer.headers["date"])
    assert wait.total_seconds() == 90


async def test_cut_after_the_work(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await sandbox.control.fault("counter", "cut", count=1)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        await http.post("/x")
    assert await worked(sandbox) == 1
    [noted] = (await sandbox.control.requests())["items"]
    assert (noted["status"], noted["fault"]) == (None, "cut")


async def test_cut_before_the_work(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await sandbox.control.fault("counter", "cut", work="none")
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        await http.post("/x")
    assert await worked(sandbox) == 0


async def test_cut_in_the_middle(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await sandbox.control.fault("counter", "cut_middle", count=1)
    with pytest.raises(httpx.RemoteProtocolError, match="complete"):
        await http.post("/x")
    assert (await http.post("/x")).json()["count"] == 2


async def test_garbage(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await sandbox.control.fault("counter", "garbage")
    answer = await http.get("/x")
    assert answer.status_code == 200
    with pytest.raises(ValueError):  # broken JSON or broken UTF-8
        json.loads(answer.content)


async def test_wrong_types_everywhere_or_in_one_place(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await sandbox.control.fault("counter", "wrong_types", count=1)
    assert (await http.get("/x")).json() == {
        "count": "wrong", "name": {"wrong": 4}, "list": ["wrong", {"flag": "wrong"}], "path": {"wrong": 2},
    }  # fmt: skip
    await sandbox.control.fault("counter", "wrong_types", field="list.1.flag", count=1)
    assert (await http.get("/x")).json() == {"count": 2, "name": "Lübs", "list": [1, {"flag": "wrong"}], "path": "/x"}
    await sandbox.control.fault("counter", "wrong_types", field="absent.0", count=1)
    assert (await http.get("/x")).json()["count"] == 3


async def test_huge(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await sandbox.control.fault("counter", "huge")
    answer = await http.get("/x")
    assert len(answer.content) > 10 * 1024 * 1024
    assert answer.json()["count"] == 1


async def test_drip_by_drip(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await sandbox.control.fault("counter", "slow_drip")
    async with http.stream("GET", "/x") as answer:
        pieces = [piece async for piece in answer.aiter_raw()]
    assert len(pieces) > 10
    assert json.loads(b"".join(pieces))["count"] == 1


async def test_wrong_encodings(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await sandbox.control.fault("counter", "wrong_encoding", count=1)
    assert "Lübs" in (await http.get("/x")).content.decode("utf-16")
    await sandbox.control.fault("counter", "wrong_encoding", encoding="cp1252", count=1)
    with pytest.raises(UnicodeDecodeError):
        (await http.get("/x")).content.decode()
    await sandbox.control.fault("counter", "wrong_encoding", encoding="gzip", count=1)
    with pytest.raises(httpx.DecodingError):
        await http.get("/x")
    with pytest.raises(gzip.BadGzipFile):
        gzip.decompress((await http.get("/x")).content)


async def test_late_works_last_unless_it_is_told_otherwise(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await sandbox.control.fault("counter", "late", seconds=60, count=1)
    with pytest.raises(httpx.ReadTimeout):
        await http.post("/x", timeout=IMPATIENT)
    assert await worked(sandbox) == 0
    await sandbox.control.fault("counter", "late", seconds=60, work="first", count=1)
    with pytest.raises(httpx.ReadTimeout):
        await http.post("/x", timeout=IMPATIENT)
    assert await worked(sandbox) == 1
    await sandbox.control.fault("counter", "late", seconds=0.01, count=1)
    assert (await http.post("/x")).json()["count"] == 2


async def test_what_works_late_works_though_nobody_waits_any_more(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await sandbox.control.fault("counter", "late", seconds=0.1, count=1)
    with pytest.raises(httpx.ReadTimeout):
        await http.post("/x", timeout=IMPATIENT)
    async with asyncio.timeout(5):
        while await worked(sandbox) == 0:
            await asyncio.sleep(0.01)


async def test_never(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await sandbox.control.fault("counter", "never")
    with pytest.raises(httpx.ReadTimeout):
        await http.post("/x", timeout=IMPATIENT)
    assert await worked(sandbox) == 0
    [noted] = (await sandbox.control.requests())["items"]
    assert noted["status"] is None


async def test_a_wrong_clock(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await sandbox.control.fault("counter", "clock_skew", seconds=-3600)
    behind = CLOCK.now() - parsedate_to_datetime((await http.get("/x")).headers["date"])
    assert 3590 < behind.total_seconds() < 3610


async def test_a_fault_meets_what_it_is_for(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await sandbox.control.fault(
        "counter", "status", status=500, method="POST", route="/dealers/*/things", skip=1, count=2
    )
    ends = [
        (await http.request(method, path)).status_code
        for method, path in [
            ("GET", "/dealers/1/things"), ("POST", "/other"), ("POST", "/dealers/1/things"),
            ("POST", "/dealers/2/things"), ("POST", "/dealers/3/things"), ("POST", "/dealers/4/things"),
        ]
    ]  # fmt: skip
    assert ends == [200, 200, 200, 500, 500, 200]
    [rule] = (await sandbox.control.faults("counter"))["items"]
    assert (rule["met"], rule["shown"]) == (3, 2)


async def test_faults_are_taken_back(http: httpx.AsyncClient, sandbox: Sandbox) -> None:
    first = await sandbox.control.fault("counter", "status", status=500)
    await sandbox.control.fault("counter", "status", status=503)
    assert (await http.get("/x")).status_code == 500
    await sandbox.control.remove_fault("counter", first["id"])
    assert (await http.get("/x")).status_code == 503
    with pytest.raises(Refused):
        await sandbox.control.remove_fault("counter", first["id"])
    await sandbox.control.clear_faults("counter")
    assert (await http.get("/x")).status_code == 200


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "boring"},
        {"kind": "late", "second": 1},
        {"kind": "status", "status": 200},
        {"kind": "cut", "count": 0},
        {"kind": "cut", "share": 1.5},
    ],
)
async def test_a_fault_that_makes_no_sense_is_refused(sandbox: Sandbox, fault: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        await sandbox.control.fault("counter", **fault)


def test_a_share_of_the_requests_is_the_same_for_the_same_seed() -> None:
    def chosen(seed: str) -> list[bool]:
        board = FaultBoard(seed)
        board.add(Fault(kind="cut", share=0.3))
        return [board.pick("GET", "/x")[0] is not None for _ in range(1000)]

    assert chosen("1") == chosen("1") != chosen("2")
    assert 230 < sum(chosen("1")) < 370
