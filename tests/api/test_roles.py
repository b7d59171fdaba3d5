"""Default deny: every route times every role; and that no secret comes out of any route."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import RunningDaemon
from tests.support.partners import KNOWN
from wtpd.clock import SystemClock
from wtpd.daemon.api.asgi import Api
from wtpd.daemon.api.auth import Account, Gate, Peer
from wtpd.daemon.api.call import Role
from wtpd.daemon.api.routes import Route

UIDS = {"root": 0, "own": 500, "admin": 1001, "reader": 1002, "stranger": 1003, "nobody": 65534}
GROUPS = {1001: {"wtpd-admin"}, 1002: {"wtpd"}, 1003: {"audio"}}


def gate() -> Gate:
    return Gate(
        admin_group="wtpd-admin",
        read_group="wtpd",
        clock=SystemClock(),
        lookup=lambda uid: Account(f"user{uid}", frozenset(GROUPS.get(uid, ()))),
        own_uid=500,
    )


async def ask(api: Api, route: Route, uid: int) -> int:
    """The status of an empty request; only whether it is 403 counts."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect" if sent else "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    path = re.sub(r"\{\w+\}", "x", route.path)
    scope = {
        "type": "http", "method": route.method, "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [], "state": {"peer": Peer(1, uid, uid)},
    }  # fmt: skip
    await api(scope, receive, send)
    return int(sent[0]["status"])


@pytest.mark.parametrize("who", UIDS)
async def test_every_route_for_everybody(daemon: RunningDaemon, who: str) -> None:
    parts = daemon.daemon.parts
    assert parts is not None
    api = Api(parts.api.router.routes, gate(), language="en")
    allowed: Callable[[Route], bool] = {
        "root": lambda route: True,
        "own": lambda route: True,
        "admin": lambda route: True,
        "reader": lambda route: route.role is Role.READ,
    }.get(who, lambda route: False)
    wrong = [
        f"{route.method} {route.path}: {status}"
        for route in api.router.routes
        if ((status := await ask(api, route, UIDS[who])) != 403) != allowed(route)
    ]
    assert not wrong


async def test_strangers_dont_even_learn_what_is_there(daemon: RunningDaemon) -> None:
    parts = daemon.daemon.parts
    assert parts is not None
    api = Api(parts.api.router.routes, gate(), language="en")

    async def nothing(call: Any) -> Any:
        raise AssertionError

    missing = Route(method="GET", path="/v1/nothing-here", role=Role.READ, handler=nothing, summary="-")
    assert await ask(api, missing, UIDS["stranger"]) == 403
    assert await ask(api, missing, UIDS["reader"]) == 404


async def test_whoever_may_only_read_changes_nothing(daemon: RunningDaemon) -> None:
    """What a reader may do: reads, the check of a configuration, which writes nothing, and to say where one is."""
    parts = daemon.daemon.parts
    assert parts is not None
    open_to_readers = [
        f"{route.method} {route.path}"
        for route in parts.api.router.routes
        if route.role is Role.READ and route.method != "GET"
    ]
    assert sorted(open_to_readers) == ["POST /v1/config/check", "PUT /v1/presence/{client}"]
    secrets = [route.path for route in parts.api.router.routes if route.role is Role.READ and "reveal" in route.path]
    assert not secrets


CANARY = "c4nary-S3cret-42"


async def test_no_secret_comes_out_of_any_route(
    daemon: RunningDaemon, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    http = daemon.http
    for name, provider in KNOWN.items():
        fields = {field.name: _sample(field.form) for field in provider.fields}
        reply = await http.put(f"/v1/credentials/{name}/general", {"fields": fields, "force": True})
        assert reply.status == 200, reply.json
        assert CANARY not in reply.content.decode()
        wrong = await http.put(f"/v1/credentials/{name}/general", {"fields": {**fields, "other": CANARY}})
        assert (wrong.status, CANARY in wrong.content.decode()) == (422, False)
    parts = daemon.daemon.parts
    assert parts is not None
    asked = 0
    for route in parts.api.router.routes:
        if "/events" in route.path:
            continue
        target = route.path.replace("{provider}", "superservice").replace("{scope}", "general")
        reply = await http.send(route.method, re.sub(r"\{\w+\}", "1", target), headers={"if-match": "*"})
        assert CANARY not in reply.content.decode(), f"{route.method} {route.path}"
        asked += 1
    assert asked > 60
    assert CANARY not in caplog.text
    database = b"".join(path.read_bytes() for path in (tmp_path / "data").glob("wtpd.db*"))
    assert CANARY.encode() not in database


def _sample(form: str) -> str:
    return {
        "https": f"https://partner.example/{CANARY}",
        "port": "587",
        "email": f"{CANARY}@example.org",
        "choice": "tls",
        "digits": "1234567",
    }.get(form, CANARY)
