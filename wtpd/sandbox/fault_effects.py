"""Carries faults out: what the partner does wrong to one request, for real, on the connection."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import msgspec

from wtpd.clock import Clock
from wtpd.connectors.kit.asgi import Answer, problem, until_gone
from wtpd.connectors.kit.sandbox_side import Receive, Scope, Send
from wtpd.sandbox.faults import Fault

TRANSPORT = "wtpd.transport"
"""The ASGI extension by which `server.py` gives the connection's transport."""
HUGE = 11 * 1024 * 1024
PIECE = 64 * 1024

App = Callable[[Scope, Receive, Send], Awaitable[None]]

_TITLES = {
    401: "The token isn't valid",
    409: "There is such an appointment already",
    412: "There is a newer version",
    429: "Too many requests",
}


class Mischief:
    """One request and the fault that it gets."""

    def __init__(self, app: App, fault: Fault, clock: Clock, chance: random.Random) -> None:
        self._app = app
        self._fault = fault
        self._clock = clock
        self._chance = chance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._fault
        answer = Answer()
        if fault.working() == "first":
            await self._app(scope, receive, answer.take)
        match fault.kind:
            case "late":
                await self._late(answer, scope, receive, send)
            case "never":
                await until_gone(receive)
            case "status":
                await self._refusal().send(send)
            case "cut":
                await _cut(scope, receive)
            case "cut_middle":
                await _cut_middle(answer, scope, receive, send)
            case "huge":
                await _huge(answer, send)
            case "slow_drip":
                await self._drip(answer, receive, send)
            case _:
                self._spoil(answer)
                await answer.send(send)

    async def _late(self, answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
        await self._clock.sleep(self._fault.seconds)
        if self._fault.working() == "last":
            await self._app(scope, receive, send)
        elif self._fault.working() == "first":
            await answer.send(send)
        else:
            await self._refusal().send(send)

    def _refusal(self) -> Answer:
        fault = self._fault
        headers = {}
        if fault.retry_after is not None:
            headers["Retry-After"] = self._retry_after(fault.retry_after)
        elif fault.status == 429:
            headers["Retry-After"] = "1"
        if fault.status == 401:
            headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
        return problem(fault.status, _TITLES.get(fault.status, "This is a fault on demand"), headers)

    def _retry_after(self, said: str) -> str:
        kind, _, seconds = said.partition(":")
        if kind != "date":
            return said
        return format_datetime(self._clock.now() + timedelta(seconds=float(seconds or 1)), usegmt=True)

    def _spoil(self, answer: Answer) -> None:
        match self._fault.kind:
            case "garbage":
                answer.body = self._chance.randbytes(max(len(answer.body), 64))
            case "wrong_types":
                truth = msgspec.json.decode(answer.body or b"{}")
                answer.body = msgspec.json.encode(_wrong(truth, self._fault.field))
            case "wrong_encoding" if self._fault.encoding == "gzip":
                answer.header(b"content-encoding", b"gzip")
            case "wrong_encoding":
                text = answer.body.decode() + " " * 4
                if self._fault.encoding == "cp1252":
                    text = text.replace('"', '"ü', 1)
                answer.body = text.encode(self._fault.encoding, "replace")

    async def _drip(self, answer: Answer, receive: Receive, send: Send) -> None:
        """Byte by byte, as long as the caller listens."""
        gone = asyncio.create_task(until_gone(receive))
        try:
            answer.header(b"content-length", str(len(answer.body)).encode())
            await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
            for left in range(len(answer.body), 0, -1):
                await self._clock.sleep(self._fault.seconds)
                if gone.done():
                    return
                piece = answer.body[-left:][:1]
                await send({"type": "http.response.body", "body": piece, "more_body": left > 1})
        finally:
            gone.cancel()


async def _cut(scope: Scope, receive: Receive) -> None:
    _transport(scope).abort()
    await until_gone(receive)


async def _cut_middle(answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    """Half of the body under a header that promises all of it. Closed, not aborted: an abort would take back bytes
    that are still on their way."""
    answer.header(b"content-length", str(len(answer.body)).encode())
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body[: len(answer.body) // 2], "more_body": True})
    _transport(scope).close()
    await until_gone(receive)


async def _huge(answer: Answer, send: Send) -> None:
    """The true answer behind 11 MB of blanks: right JSON, so that only a limit of size is any help."""
    headers = [pair for pair in answer.headers if pair[0].lower() != b"content-length"]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    for _ in range(HUGE // PIECE):
        await send({"type": "http.response.body", "body": b" " * PIECE, "more_body": True})
    await send({"type": "http.response.body", "body": answer.body})


def _wrong(value: Any, field: str | None) -> Any:
    """`value` with every leaf, or only the one at the dotted path `field`, of another type."""
    if field is None:
        if isinstance(value, dict):
            return {name: _wrong(member, None) for name, member in value.items()}
        if isinstance(value, list) and value:
            return [_wrong(member, None) for member in value]
        return _other_type(value)
    first, _, rest = field.partition(".")
    if isinstance(value, list) and first.isdigit() and int(first) < len(value):
        changed = list(value)
        changed[int(first)] = _wrong(value[int(first)], rest) if rest else _other_type(value[int(first)])
        return changed
    if isinstance(value, dict) and first in value:
        return {**value, first: _wrong(value[first], rest) if rest else _other_type(value[first])}
    return value


def _other_type(value: Any) -> Any:
    if isinstance(value, str):
        return {"wrong": len(value)}
    return "wrong" if value is None or isinstance(value, (bool, int, float)) else 17


def _transport(scope: Scope) -> asyncio.Transport:
    transport: asyncio.Transport = scope["extensions"][TRANSPORT]
    return transport
