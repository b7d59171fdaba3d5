"""HTTP/1.1 (RFC 9112) over a unix socket: what is read goes through llhttp (httptools), as in the daemon. An HTTP
library for the whole web costs a command of the shell more time than all the rest of it, and the terminal UI a fifth of
its memory (docs/adr/0054)."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from httptools import HttpParserError, HttpResponseParser

PIECE = 1 << 16
"""Bytes read at once."""


Body = bytes | Path
"""What is sent: as it is, or the content of a file, read as it is sent."""


class NotConnected(Exception):
    """Nobody listens at the socket, or one may not use it; nothing was sent."""


class Broken(Exception):
    """The connection ended during the call, or something else than HTTP came back."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; the names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes = b""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        return self.content.decode()

    def json(self) -> Any:
        return json.loads(self.content)


class Wire:
    """Connections to the socket `path`, kept open for the next call; of one event loop. `headers` go with each call."""

    def __init__(self, path: str, headers: Mapping[str, str]) -> None:
        self._path = path
        self._headers = {"Host": "wtpd", **headers}
        self._idle: list[_Connection] = []

    async def call(
        self, method: str, target: str, *, headers: Mapping[str, str], body: Body | None = None, patience: float
    ) -> Answer:
        """One call. An answer that comes before all of the body is sent ends the sending. Raises `NotConnected`,
        `Broken`, or TimeoutError after `patience` seconds; OSError for a file that can't be read."""
        connection = None
        try:
            async with asyncio.timeout(patience):
                connection = await self._connection()
                answer = await connection.ask(method, target, {**self._headers, **headers}, body)
                content = b"".join([part async for part in connection.content()])
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        if connection.spent or answer.headers.get("connection", "").lower() == "close":
            connection.close()
        else:
            self._idle.append(connection)
        return Answer(answer.status, answer.headers, content)

    @asynccontextmanager
    async def stream(
        self, target: str, *, headers: Mapping[str, str]
    ) -> AsyncIterator[tuple[Answer, AsyncIterator[str]]]:
        """A GET whose answer never ends: the answer without its content, and its lines as they come. Raises as `call`
        does, but waits for ever."""
        connection = await _Connection.open(self._path)
        try:
            answer = await connection.ask("GET", target, {**self._headers, **headers}, None)
            yield answer, _lines(connection.content())
        finally:
            connection.close()

    async def close(self) -> None:
        """Let go of all connections; the next call opens a new one."""
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    async def _connection(self) -> _Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            connection.close()
        return await _Connection.open(self._path)


class _Connection:
    """One connection; one call at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._response = _Response()
        self.spent = False
        """It can't be used for another call."""

    @classmethod
    async def open(cls, path: str) -> _Connection:
        try:
            return cls(*await asyncio.open_unix_connection(path))
        except OSError as error:
            raise NotConnected(error.strerror or str(error)) from error

    @property
    def usable(self) -> bool:
        """The other side hasn't closed it meanwhile."""
        return not self._reader.at_eof() and self._reader.exception() is None and not self._writer.is_closing()

    def close(self) -> None:
        self._writer.close()

    async def ask(self, method: str, target: str, headers: Mapping[str, str], body: Body | None) -> Answer:
        """Send it, and read the head of the answer."""
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        if body is not None or method in ("POST", "PUT", "PATCH"):
            lines.append(f"Content-Length: {await _size(body)}")
        # Header values with other letters than Latin-1's are no use to the API; a line end must not make a new header.
        head = "\r\n".join(line.replace("\r", " ").replace("\n", " ") for line in lines).encode("latin-1", "replace")
        self._response = _Response()
        with _broken():
            if body is None or (isinstance(body, bytes) and len(body) <= PIECE):
                self._writer.write(head + b"\r\n\r\n" + (body or b""))
                with suppress(ConnectionError):  # the answer may have come before all was read: it says why
                    await self._writer.drain()
                while not self._response.begun:
                    await self._read()
            else:
                await self._send_long(head + b"\r\n\r\n", body)
        return Answer(self._response.status, self._response.headers)

    async def _send_long(self, head: bytes, body: Body) -> None:
        """A body in pieces, while an answer may come already: the daemon says that it is too large and hangs up. What
        it said then is read from the socket itself, since asyncio drops it once a write fails."""
        spare = self._writer.get_extra_info("socket").dup()
        reading = asyncio.create_task(self._read_head())
        try:
            self._writer.write(head)
            async for piece in _pieces(body):
                self._writer.write(piece)
                sending = asyncio.ensure_future(self._writer.drain())
                await asyncio.wait((sending, reading), return_when=asyncio.FIRST_COMPLETED)
                if reading.done() or (sending.done() and sending.exception() is not None):
                    self.spent = True  # the rest of the body isn't sent any more
                    sending.cancel()
                    await asyncio.wait((sending,))
                    break
                await sending
            try:
                await reading
            except (OSError, EOFError):
                if self._response.begun or not self._read_rest(spare):
                    raise
        finally:
            reading.cancel()
            await asyncio.wait((reading,))
            spare.close()

    async def _read_head(self) -> None:
        while not self._response.begun:
            await self._read()

    def _read_rest(self, spare: socket.socket) -> bool:
        """What the other side had sent before it hung up; whether that is a whole answer."""
        self.spent = True
        with suppress(OSError):
            spare.setblocking(False)
            while data := spare.recv(PIECE):
                self._response.feed(data)
        return self._response.complete

    async def content(self) -> AsyncIterator[bytes]:
        """What follows the head, piece by piece."""
        response = self._response
        while True:
            parts, response.parts = response.parts, []
            for part in parts:
                yield part
            if response.complete:
                return
            with _broken():
                await self._read()

    async def _read(self) -> None:
        data = await self._reader.read(PIECE)
        if not data:
            raise EOFError
        self._response.feed(data)


class _Response:
    """One answer, as far as it has come (the callbacks are llhttp's)."""

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self.headers: dict[str, str] = {}
        self.parts: list[bytes] = []
        self.begun = self.complete = False

    def feed(self, data: bytes) -> None:
        """Raises `HttpParserError` for what isn't HTTP."""
        self._parser.feed_data(data)

    @property
    def status(self) -> int:
        return int(self._parser.get_status_code())

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.begun = True

    def on_body(self, part: bytes) -> None:
        self.parts.append(part)

    def on_message_complete(self) -> None:
        self.complete = True


class _broken:  # noqa: N801 - reads as a statement
    """What goes wrong inside is a broken connection."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, EOFError | HttpParserError):
            raise Broken("the daemon closed the connection") from error
        if isinstance(error, OSError) and not isinstance(error, TimeoutError):
            raise Broken(error.strerror or str(error)) from error


async def _size(body: Body | None) -> int:
    if isinstance(body, Path):
        return (await asyncio.to_thread(body.stat)).st_size
    return len(body or b"")


async def _pieces(body: Body) -> AsyncIterator[bytes]:
    if isinstance(body, bytes):
        for start in range(0, len(body), PIECE):
            yield body[start : start + PIECE]
        return
    left = await _size(body)
    with await asyncio.to_thread(body.open, "rb") as file:
        while left > 0:
            piece = await asyncio.to_thread(file.read, min(PIECE * 4, left))
            if not piece:  # it became shorter meanwhile, and so much was announced
                raise EOFError
            left -= len(piece)
            yield piece


async def _lines(parts: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Lines without their ends."""
    rest = b""
    async for part in parts:
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            yield line.decode().removesuffix("\r")
    if rest:
        yield rest.decode()
