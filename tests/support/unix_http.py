"""A bare HTTP client over a unix socket, so that tests see the bytes that the API sends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def kind(self) -> str:
        """The kind of problem, e.g. `version-mismatch`."""
        assert self.headers["content-type"] == "application/problem+json", (self.status, self.headers, self.content)
        assert self.json["status"] == self.status
        return str(self.json["type"].rsplit("/", 1)[-1])

    @property
    def etag(self) -> str:
        return self.headers["etag"]


class UnixHttp:
    """One request a connection; simple and honest."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def get(self, target: str, **headers: str) -> Reply:
        return await self.send("GET", target, headers=headers)

    async def post(self, target: str, body: Any = None, **headers: str) -> Reply:
        return await self.send("POST", target, body, headers=headers)

    async def put(self, target: str, body: Any = None, **headers: str) -> Reply:
        return await self.send("PUT", target, body, headers=headers)

    async def patch(self, target: str, body: Any, *, version: int | str | None, **headers: str) -> Reply:
        if version is not None:
            headers["If_Match"] = version if isinstance(version, str) else f'"{version}"'
        return await self.send("PATCH", target, body, headers=headers)

    async def delete(self, target: str, **headers: str) -> Reply:
        return await self.send("DELETE", target, headers=headers)

    async def send(
        self, method: str, target: str, body: Any = None, *, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """`body` as JSON, or bytes as they are. Underscores in header names stand for hyphens."""
        named = {name.replace("_", "-").lower(): value for name, value in (headers or {}).items()}
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        if content:
            named.setdefault("content-type", "application/json")
        named |= {"host": "wtpd", "content-length": str(len(content)), "connection": "close"}
        head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in named.items())
        return await self.raw(head.encode() + b"\r\n" + content, method=method)

    async def raw(self, data: bytes, *, method: str = "GET") -> Reply:
        """Send bytes, read one whole reply."""
        reader, writer = await asyncio.open_unix_connection(self.path, limit=1 << 24)
        try:
            writer.write(data)
            return await read_reply(reader, has_body=method != "HEAD")
        finally:
            writer.close()

    @asynccontextmanager
    async def events(self, target: str = "/v1/events", **headers: str) -> AsyncIterator[EventReader]:
        reader, writer = await asyncio.open_unix_connection(self.path)
        try:
            lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
            writer.write(f"GET {target} HTTP/1.1\r\nhost: wtpd\r\n{lines}\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"200 OK" in head, head
            events = EventReader(reader)
            assert await events.piece() == ": wtpd\n\n"
            yield events
        finally:
            writer.close()


class EventReader:
    """Server-sent events, as (id, kind, data)."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._text = ""

    async def piece(self) -> str:
        """One chunk of the body; empty at its end."""
        size = int(await self._reader.readline(), 16)
        piece = await self._reader.readexactly(size)
        await self._reader.readexactly(2)
        return piece.decode()

    async def next(self) -> tuple[int, str, Any]:
        while "\n\n" not in self._text:
            piece = await asyncio.wait_for(self.piece(), 20)
            if not piece:
                raise EOFError
            self._text += piece
        block, self._text = self._text.split("\n\n", 1)
        fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        if not fields:
            return await self.next()
        return int(fields.get("id", 0)), fields["event"], json.loads(fields["data"])


async def read_reply(reader: asyncio.StreamReader, *, has_body: bool = True) -> Reply:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status, *lines = head.split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
    content = await reader.readexactly(int(headers.get("content-length", "0"))) if has_body else b""
    return Reply(int(status.split(" ")[1]), headers, content)
