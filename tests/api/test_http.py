"""HTTP itself: routing, limits, languages, roles, errors. Over a real unix socket, with routes of the test."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import socket
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import pytest
from uvicorn.protocols.http import httptools_impl

from tests.support.unix_http import UnixHttp, read_reply
from wtpd.channel.errors import NeedsToken, Rejected, Transient
from wtpd.clock import SystemClock
from wtpd.daemon.api import server as server_module
from wtpd.daemon.api.asgi import Api
from wtpd.daemon.api.auth import Account, Gate
from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.routes import Route
from wtpd.daemon.api.server import Server
from wtpd.daemon.systemd import own_socket
from wtpd.errors import Refused, Unavailable
from wtpd.texts import N_


class Item(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(max_length=5)]
    parts: list[Annotated[int, msgspec.Meta(le=9)]] = []


class Query(msgspec.Struct, forbid_unknown_fields=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=10)] = 5


async def echo(call: Call) -> Answer:
    return answer({"params": call.params, "limit": call.query.limit if hasattr(call.query, "limit") else None})


async def make(call: Call) -> Answer:
    return answer({"name": call.body.name, "by": call.author.actor, "channel": call.author.interface}, status=201)


FAULTS = {
    "full": sqlite3.OperationalError("database or disk is full"),
    "bug": KeyError("secret-detail"),
    "token": NeedsToken("401 from partner"),
    "rejected": Rejected("422", detail="no such code"),
    "network": Transient("connection refused"),
    "refused": Refused(N_("Full: {limit} AW.", limit=48), kind="over-limit", facts={"limit": 48, "booked": 47.5}),
    "stopped": Unavailable(N_("Not now.")),
}


async def fail(call: Call) -> Answer:
    raise FAULTS[call.params["how"]]


async def hang(call: Call) -> Answer:
    await asyncio.Event().wait()
    raise AssertionError


ROUTES = [
    Route(method="GET", path="/v1/items/{id}", role=Role.READ, handler=echo, summary="-", query=Query),
    Route(method="POST", path="/v1/items", role=Role.ADMIN, handler=make, summary="-", body=Item, max_body=1000),
    Route(method="GET", path="/v1/fail/{how}", role=Role.READ, handler=fail, summary="-"),
    Route(method="GET", path="/v1/hang", role=Role.READ, handler=hang, summary="-", seconds=0.02),
    Route(method="GET", path="/v1/hang-long", role=Role.READ, handler=hang, summary="-"),
]


@asynccontextmanager
async def serving(tmp_path: Path) -> AsyncIterator[tuple[UnixHttp, Server]]:
    gate = Gate(admin_group="a", read_group="r", clock=SystemClock())
    path = tmp_path / "api.sock"
    server = Server(Api(ROUTES, gate, language="de"), own_socket(path))
    await server.start()
    try:
        yield UnixHttp(path), server
    finally:
        await server.stop(0.1)


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[UnixHttp]:
    async with serving(tmp_path) as (client, _):
        yield client


async def test_path_and_query_are_typed(http: UnixHttp) -> None:
    reply = await http.get("/v1/items/a%2Fb%20c?limit=7")
    assert (reply.status, reply.json) == (200, {"params": {"id": "a/b c"}, "limit": 7})


async def test_head_has_the_headers_and_no_body(http: UnixHttp) -> None:
    reply = await http.send("HEAD", "/v1/items/x")
    assert reply.status == 200
    assert int(reply.headers["content-length"]) > 0


@pytest.mark.parametrize(
    ("method", "target", "body", "headers", "status", "kind"),
    [
        ("GET", "/v1/nothing", None, {}, 404, "no-such-route"),
        ("GET", "/v1/items/", None, {}, 404, "no-such-route"),
        ("GET", "/v1/items/%FF", None, {}, 400, "bad-request"),
        ("GET", "/v1/items/%00", None, {}, 404, "no-such-route"),
        ("GET", "/v1/items/x?limit=11", None, {}, 422, "invalid"),
        ("GET", "/v1/items/x?other=1", None, {}, 422, "invalid"),
        ("GET", "/v1/items/x?limit=%FF", None, {}, 400, "bad-request"),
        ("DELETE", "/v1/items", None, {}, 405, "method-not-allowed"),
        ("POST", "/v1/items", b"{", {}, 400, "malformed"),
        ("POST", "/v1/items", b"", {}, 422, "invalid"),
        ("POST", "/v1/items", b"\xff\xfe", {}, 400, "malformed"),
        ("POST", "/v1/items", b'{"name":"' + b"[" * 400, {}, 400, "malformed"),
        ("POST", "/v1/items", {"name": "Ada"}, {"content_type": "text/plain"}, 415, "media-type"),
        ("POST", "/v1/items", {"name": "x" * 2000}, {}, 413, "too-large"),
        ("POST", "/v1/items", {"name": "Ada", "parts": [1, "x"]}, {}, 422, "invalid"),
        ("GET", "/v1/fail/full", None, {}, 507, "disk-full"),
        ("GET", "/v1/fail/bug", None, {}, 500, "internal"),
        ("GET", "/v1/fail/token", None, {}, 502, "needs-token"),
        ("GET", "/v1/fail/rejected", None, {}, 502, "partner-refused"),
        ("GET", "/v1/fail/network", None, {}, 502, "partner-trouble"),
        ("GET", "/v1/fail/refused", None, {}, 409, "over-limit"),
        ("GET", "/v1/fail/stopped", None, {}, 503, "unavailable"),
        ("GET", "/v1/hang", None, {}, 503, "timeout"),
    ],
)
async def test_every_refusal_is_a_problem(
    http: UnixHttp, method: str, target: str, body: object, headers: dict[str, str], status: int, kind: str
) -> None:
    reply = await http.send(method, target, body, headers=headers)
    assert (reply.status, reply.kind) == (status, kind)
    assert reply.json["detail"]


async def test_a_bug_tells_the_caller_nothing(http: UnixHttp) -> None:
    assert b"secret-detail" not in (await http.get("/v1/fail/bug")).content


async def test_figures_are_members_of_the_problem(http: UnixHttp) -> None:
    reply = await http.get("/v1/fail/refused")
    assert (reply.json["limit"], reply.json["booked"]) == (48, 47.5)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"parts": []}, "name"),
        ({"name": "Ada", "colour": "red"}, "colour"),
        ({"name": "Augusta"}, "name"),
        ({"name": "Ada", "parts": [1, 12]}, "parts.1"),
        ({"name": "Ada", "parts": {}}, "parts"),
    ],
)
async def test_a_wrong_field_is_named(http: UnixHttp, body: object, field: str) -> None:
    reply = await http.post("/v1/items", body)
    assert [error["field"] for error in reply.json["errors"]] == [field]


async def test_405_says_what_is_possible(http: UnixHttp) -> None:
    reply = await http.send("PUT", "/v1/items/x")
    assert reply.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(("accepted", "language"), [("nl-NL, en", "nl"), ("fr, en;q=0.5", "en"), ("", "de")])
async def test_the_answer_is_in_the_callers_language(http: UnixHttp, accepted: str, language: str) -> None:
    reply = await http.get("/v1/nothing", accept_language=accepted)
    assert reply.headers["content-language"] == language


async def test_initials_of_a_shared_login_are_kept(http: UnixHttp) -> None:
    reply = await http.post("/v1/items", {"name": "Ada"}, wtpd_initials="MK", wtpd_channel="desk")
    assert reply.json["by"].endswith(" (MK)")
    assert reply.json["channel"] == "desk"


async def test_what_isnt_http_is_refused(http: UnixHttp) -> None:
    reply = await http.raw(b"EHLO mail\r\n\r\n")
    assert (reply.status, reply.kind) == (400, "bad-request")


async def test_an_endless_head_is_refused(http: UnixHttp) -> None:
    def pour() -> bytes:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(20)
            sock.connect(str(http.path))
            with contextlib.suppress(BrokenPipeError):
                sock.sendall(b"GET /v1/items/x HTTP/1.1\r\n" + (b"x-filler: " + b"y" * 1000 + b"\r\n") * 2000)
            return sock.recv(10_000)

    assert (await asyncio.to_thread(pour)).startswith(b"HTTP/1.1 431 ")


async def test_a_connection_serves_many_requests(http: UnixHttp) -> None:
    reader, writer = await asyncio.open_unix_connection(http.path)
    for number in range(3):
        writer.write(f"GET /v1/items/{number} HTTP/1.1\r\nhost: wtpd\r\n\r\n".encode())
        assert (await read_reply(reader)).json["params"] == {"id": str(number)}
    writer.close()


async def test_pipelined_requests_are_answered_in_order(http: UnixHttp) -> None:
    reader, writer = await asyncio.open_unix_connection(http.path)
    writer.write(b"".join(f"GET /v1/items/{n} HTTP/1.1\r\nhost: wtpd\r\n\r\n".encode() for n in range(5)))
    assert [(await read_reply(reader)).json["params"]["id"] for _ in range(5)] == list("01234")
    writer.close()


async def test_a_silent_connection_is_closed(http: UnixHttp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "HEAD_TIME", 0.02)
    reader, writer = await asyncio.open_unix_connection(http.path)
    writer.write(b"GET /v1/items/x HTTP/1.1\r\n")
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await asyncio.wait_for(reader.readexactly(1), 10)
    writer.close()


async def test_a_stop_cuts_off_what_hangs_and_can_be_repeated(tmp_path: Path) -> None:
    async with serving(tmp_path) as (http, server):
        hanging = asyncio.create_task(http.get("/v1/hang-long"))
        while not server.busy:
            await asyncio.sleep(0)
        await server.stop(0.05)
        await server.stop(0.05)
        reply = await hanging
        assert (reply.status, reply.kind) == (503, "stopping")


class Ticking:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.time = 0.0

    def monotonic(self) -> float:
        return self.time


async def test_roles_by_uid_and_group() -> None:
    from wtpd.daemon.api.auth import Peer

    groups = {1: {"wtpd-admin"}, 2: {"wtpd", "audio"}, 3: {"audio"}}
    clock = Ticking()
    gate = Gate(
        admin_group="wtpd-admin",
        read_group="wtpd",
        clock=clock,  # type: ignore[arg-type]
        lookup=lambda uid: Account(f"user{uid}", frozenset(groups.get(uid, ()))),
        own_uid=77,
    )

    async def role(uid: int, *, afresh: bool = False) -> Role | None:
        return (await gate.caller(Peer(1, uid, uid), afresh=afresh)).role

    assert [await role(uid) for uid in (0, 77, 1, 2, 3, 4)] == [
        Role.ADMIN, Role.ADMIN, Role.ADMIN, Role.READ, None, None,
    ]  # fmt: skip
    groups[1] = {"wtpd"}
    assert await role(1) is Role.ADMIN, "remembered for reading"
    assert await role(1, afresh=True) is Role.READ, "looked up for a write"
    groups[2] = set()
    clock.time += 11
    assert await role(2) is None, "not remembered for long"


OVERRIDDEN = (
    "_start_asgi_task", "_unsupported_upgrade_warning", "_unset_keepalive_if_required", "connection_made",
    "connection_lost", "data_received", "on_url", "on_header", "on_message_begin", "on_headers_complete",
    "on_message_complete", "on_response_complete", "send_400_response", "pause_writing", "resume_writing",
    "timeout_keep_alive_handler",
)  # fmt: skip


def test_what_we_override_of_uvicorn_is_there_and_called() -> None:
    """Some of it is private: another version may rename it, and our limits would be gone without a word."""
    source = inspect.getsource(httptools_impl)
    called = OVERRIDDEN[:3]
    for name in OVERRIDDEN:
        assert callable(getattr(httptools_impl.HttpToolsProtocol, name, None)), name
    for name in called:
        assert f"self.{name}(" in source, f"nobody calls {name}"
    task = inspect.signature(httptools_impl.HttpToolsProtocol._start_asgi_task)
    assert list(task.parameters) == ["self", "cycle", "app"]
    for attribute in ("self.pipeline", "self.cycle", "self.flow", "self.transport"):
        assert attribute in source, attribute
