"""ASGI's small change, for the partners' sides in the sandbox: taking a body, keeping an answer, sending one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from wtpd.connectors.kit.sandbox_side import Message, Receive, Send

BODY_LIMIT = 20 * 1024 * 1024


class TooLarge(Exception):
    pass


class Gone(Exception):
    """The caller closed the connection before its request was complete."""


async def body_of(receive: Receive) -> bytes:
    """The request's body. Raises `TooLarge` beyond 20 MB, `Gone`."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY_LIMIT:
            raise TooLarge
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives `body` first, and then whatever comes."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return pending.pop() if pending else await receive()

    return receive_again


async def until_gone(receive: Receive) -> None:
    """Wait until the caller closes the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


@dataclass(slots=True)
class Answer:
    """An answer as it is kept or changed before it is sent; as `send` of an app it takes one down."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = list(message.get("headers", []))
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")

    def header(self, name: bytes, value: bytes) -> None:
        """Set a header anew."""
        self.headers = [pair for pair in self.headers if pair[0].lower() != name]
        self.headers.append((name, value))

    async def send(self, send: Send) -> None:
        self.header(b"content-length", str(len(self.body)).encode())
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


def problem(status: int, title: str, headers: Mapping[str, str] | None = None, **more: Any) -> Answer:
    """An error as RFC 9457 has it."""
    document = {"type": "about:blank", "title": title, "status": status} | more
    answer = Answer(status, [(b"content-type", b"application/problem+json")], msgspec.json.encode(document))
    for name, value in (headers or {}).items():
        answer.header(name.lower().encode(), value.encode())
    return answer
