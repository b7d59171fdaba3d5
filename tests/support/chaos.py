"""A partner in trouble: a TCP server on loopback that answers each HTTP request as badly as it is told.

async with ChaosServer(cut_short, answer(200, {"ok": True})) as server:
    ...  # the first request is cut short, all later ones are answered; server.url, server.requests
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: Mapping[str, str]
    """By name in lower case."""
    body: bytes


Behaviour = Callable[[asyncio.StreamWriter], Awaitable[bool]]
"""Answers one request; True: the connection lives on for the next one."""


class ChaosServer:
    """Each request takes the next behaviour; the last one is repeated for ever."""

    def __init__(self, *behaviours: Behaviour, tls: ssl.SSLContext | None = None) -> None:
        self._behaviours = list(behaviours)
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()
        self.requests: list[Request] = []
        self.connections = 0
        self.at_once = 0
        self.peak = 0
        """The most requests that were in work at the same time."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._one(reader, writer):
                    pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.requests.append(Request(method, target, headers, body))
        behaviour = self._behaviours.pop(0) if len(self._behaviours) > 1 else self._behaviours[0]
        self.at_once += 1
        self.peak = max(self.peak, self.at_once)
        try:
            return await behaviour(writer)
        finally:
            self.at_once -= 1


def answer(
    status: int, value: Any = None, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> Behaviour:
    """A whole answer: `value` as JSON, or `body` as it is."""
    content = body if body is not None else (json.dumps(value).encode() if value is not None else b"")
    fields = {"Content-Length": str(len(content)), "Content-Type": "application/json", **(headers or {})}

    async def behave(writer: asyncio.StreamWriter) -> bool:
        writer.write(_head(status, fields) + content)
        await writer.drain()
        return True

    return behave


def gathered(release: asyncio.Event, then: Behaviour) -> Behaviour:
    """Holds every request until `release` is set."""

    async def behave(writer: asyncio.StreamWriter) -> bool:
        await release.wait()
        return await then(writer)

    return behave


async def cut_short(writer: asyncio.StreamWriter) -> bool:
    """The connection ends in the middle of the body."""
    writer.write(_head(200, {"Content-Type": "application/json", "Content-Length": "100"}) + b'{"items": [')
    await writer.drain()
    return False


async def cut_in_chunks(writer: asyncio.StreamWriter) -> bool:
    """The connection ends between two chunks, without the last one."""
    fields = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    writer.write(_head(200, fields) + b"4\r\n[1,2\r\n")
    await writer.drain()
    return False


async def cut_in_head(writer: asyncio.StreamWriter) -> bool:
    """The connection ends before the head of the answer does."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Ty")
    await writer.drain()
    return False


async def drip(writer: asyncio.StreamWriter) -> bool:
    """A byte now and then, for ever: no read limit catches that, only the total one."""
    writer.write(_head(200, {"Content-Type": "application/json", "Content-Length": "100000"}))
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


async def stall(writer: asyncio.StreamWriter) -> bool:
    """The body begins and then nothing more comes."""
    writer.write(_head(200, {"Content-Type": "application/json", "Content-Length": "100"}) + b"[")
    await writer.drain()
    return await never(writer)


async def never(writer: asyncio.StreamWriter) -> bool:
    """The connection stays open and no answer comes."""
    await asyncio.Event().wait()
    return False


async def reset(writer: asyncio.StreamWriter) -> bool:
    """RST instead of an answer."""
    _linger_none(writer)
    writer.transport.abort()
    return False


async def reset_in_body(writer: asyncio.StreamWriter) -> bool:
    """RST in the middle of the body."""
    writer.write(_head(200, {"Content-Type": "application/json", "Content-Length": "100"}) + b"[")
    await writer.drain()
    return await reset(writer)


async def hang_up(writer: asyncio.StreamWriter) -> bool:
    """The connection ends without an answer."""
    return False


async def garbage(writer: asyncio.StreamWriter) -> bool:
    """No HTTP at all."""
    writer.write(b"\x00\x01\x02 SSH-2.0-OpenSSH_9.2\r\n\r\n\xff\xfe" * 20)
    await writer.drain()
    return False


def huge(size: int) -> Behaviour:
    """Endless-looking JSON without a length, `size` bytes of it."""

    async def behave(writer: asyncio.StreamWriter) -> bool:
        writer.write(_head(200, {"Content-Type": "application/json", "Connection": "close"}) + b'["')
        for _ in range(size // 65536):
            writer.write(b"x" * 65536)
            await writer.drain()
        return False

    return behave


def gzip_bomb(size: int) -> Behaviour:
    """A small gzip body that becomes `size` bytes."""
    return zipped(b'"' + b"x" * size + b'"')


def zipped(body: bytes, *, coding: str = "gzip", keep: int | None = None) -> Behaviour:
    """`body` compressed; only the first `keep` bytes of that are sent (as if they were all)."""
    packed = gzip.compress(body)[:keep]
    return answer(200, body=packed, headers={"Content-Encoding": coding})


def _head(status: int, fields: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _linger_none(writer: asyncio.StreamWriter) -> None:
    plain = writer.get_extra_info("socket")
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
