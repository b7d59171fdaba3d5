"""A daemon's API over a real unix socket with answers set by the test: what clients see when the daemon says so."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Reply:
    """`raw` is sent as it is (server-sent events); `hang_up`: the connection is closed without an answer."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    hang_up: bool = False


def problem(status: int, kind: str, detail: str, **more: Any) -> Reply:
    body = {"type": f"https://wtpd.invalid/problems/{kind}", "title": kind, "status": status, "detail": detail, **more}
    return Reply(body, status, {"Content-Type": "application/problem+json"})


class ApiStub:
    """Use it as `with ApiStub(path) as api`; `api.on("GET", "/v1/status", Reply(...))`; `/v1/x/*` stands for all paths
    below. Several replies to one route
    are given one after the other, the last one again and again."""

    def __init__(self, socket: Path) -> None:
        self.socket = str(socket)
        self.requests: list[Request] = []
        self._replies: dict[tuple[str, str], list[Reply | Callable[[Request], Reply]]] = {}
        self._server = _Server(self.socket, self)

    def on(
        self, method: str, path: str, *replies: Reply | Callable[[Request], Reply] | dict[str, Any] | list[Any]
    ) -> None:
        self._replies[method, path] = [Reply(one) if isinstance(one, (dict, list)) else one for one in replies]

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        folder = request.path.rpartition("/")[0] + "/*"
        replies = self._replies.get((request.method, request.path)) or self._replies.get((request.method, folder))
        if not replies:
            return problem(404, "no-such-route", f"nothing at {request.path}")
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        return reply(request) if callable(reply) else reply

    def __enter__(self) -> ApiStub:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path: str, stub: ApiStub) -> None:
        self.stub = stub
        super().__init__(path, _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        is_json = self.headers.get("Content-Type", "").endswith("json")
        body = (json.loads(raw) if is_json else raw) if raw else None
        reply = self.server.stub.answer(Request(self.command, parts.path, query, dict(self.headers), body))
        if reply.hang_up:
            self.close_connection = True
            return
        content = reply.raw if reply.raw is not None else b"" if reply.body is None else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815 - http.server's names

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's signature
        """Quiet."""
