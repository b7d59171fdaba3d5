"""The API as an ASGI application: find the route, ask the gate, read the body, call the handler, answer."""

from __future__ import annotations

import asyncio
import hashlib
import math
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any

import msgspec

from wtpd.daemon.api.auth import Gate
from wtpd.daemon.api.call import JSON, MERGE_PATCH, Answer, Call, Caller, Receive, Role, Send, Stream, query_of
from wtpd.daemon.api.errors import Http, answer_of, invalid_input
from wtpd.daemon.api.limits import Requests
from wtpd.daemon.api.routes import Route, Router
from wtpd.errors import Forbidden, Unavailable, WtpdError
from wtpd.texts import N_, Text, best_language

BODY_TIME = 30.0
"""Seconds in which a request's body must have come; of an upload, the next piece."""


SLOWED = 0.5
"""Seconds after which a caller that asks too often learns of it."""


class Api:
    """`language`: what callers get who don't ask for one; replaced when the configuration changes. `refusal` says why
    nothing new can be kept just now, if so."""

    def __init__(
        self,
        routes: Iterable[Route],
        gate: Gate,
        *,
        language: str,
        refusal: Callable[[], WtpdError | None] = lambda: None,
    ) -> None:
        self.router = Router(routes)
        self.language = language
        self.gate = gate
        self._requests = Requests()
        self._refusal = refusal
        self._decoders: dict[int, msgspec.json.Decoder[Any]] = {}

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        language = best_language(headers.get("accept-language"), self.language)
        try:
            found = await self._in_turn(scope, headers, language, receive)
        except Exception as error:
            found = answer_of(error, language)
        except asyncio.CancelledError:  # the stop came first; to say so is this task's last act
            found = answer_of(Unavailable(N_("The service is stopping."), kind="stopping"), language)
        if isinstance(found, Stream):
            await _send_stream(found, receive, send)
        else:
            await _send_answer(found, send)

    async def _in_turn(
        self, scope: Mapping[str, Any], headers: Mapping[str, str], language: str, receive: Receive
    ) -> Answer | Stream:
        """The answer, if the caller doesn't ask too much at once."""
        uid = scope["state"]["peer"].uid
        if self.gate.is_privileged(uid):
            return await self._respond(scope, headers, language, receive)
        seconds = self._requests.begin(uid, asyncio.get_running_loop().time())
        try:
            if self._requests.crowded(uid):
                raise _too_many(1.0, hang_up=True)
            if seconds:
                await asyncio.sleep(SLOWED)  # who doesn't listen to the answer doesn't get many of them
                raise _too_many(seconds)
            return await self._respond(scope, headers, language, receive)
        finally:
            self._requests.end(uid)

    async def _respond(
        self, scope: Mapping[str, Any], headers: Mapping[str, str], language: str, receive: Receive
    ) -> Answer | Stream:
        method = scope["method"]
        caller = await self.gate.caller(scope["state"]["peer"], afresh=method not in ("GET", "HEAD"))
        if caller.role is None:
            raise Forbidden(N_("{user} may not use wtpd; membership in a group is needed.", user=caller.name))
        route, params = self.router.find(method, scope["raw_path"])
        _check_role(route, caller)
        call = Call(
            method=method,
            path=scope["path"],
            params=params,
            query_string=scope["query_string"],
            headers=headers,
            language=language,
            caller=caller,
            state=scope["state"],
        )
        if route.keeps and (refusal := self._refusal()) is not None:
            raise refusal
        await self._read(call, route, receive)
        if method == "HEAD" and "text/event-stream" in route.media_types:
            return Answer(200, media_type="text/event-stream")
        try:
            async with asyncio.timeout(route.seconds) as limit:
                return await route.handler(call)
        except TimeoutError:
            if not limit.expired():
                raise
            raise Http(503, "timeout", N_("This took too long; ask again in a moment.")) from None

    async def _read(self, call: Call, route: Route, receive: Receive) -> None:
        """The query and the body, typed. Raises `Http` or `Invalid`."""
        call.query = _query(call.query_string, route)
        if call.method in ("GET", "HEAD", "DELETE"):
            return
        _check_announced(call, route)
        if route.upload:
            call.pieces = _pieces(receive, route.max_body)
            return
        call.raw = await _body(call, route, receive)
        if route.versioned and "if-match" not in call.headers:
            raise Http(428, "version-needed", N_("The header If-Match must say which version is meant."))
        if route.body is not None:
            call.body = self._decode(route, call.raw or b"{}")

    def _decode(self, route: Route, raw: bytes) -> Any:
        decoder = self._decoders.get(id(route))
        if decoder is None:
            decoder = self._decoders[id(route)] = msgspec.json.Decoder(route.body)
        try:
            return decoder.decode(raw)
        except msgspec.ValidationError as error:
            raise invalid_input(error) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Http(400, "malformed", _not_json(error)) from None


def _not_json(error: Exception) -> Text:
    """The place is in msgspec's sentence, which is English and stays out of ours."""
    if isinstance(error, RecursionError):
        return N_("The content isn't JSON: it is nested too deeply.")
    found = re.search(r"\(byte (\d+)\)", str(error))
    if found is not None:
        return N_("The content isn't JSON: byte {place} doesn't belong there.", place=found[1])
    if "truncated" in str(error):
        return N_("The content isn't JSON: it ends too early.")
    return N_("The content isn't JSON.")


def fingerprint(call: Call) -> str:
    """What makes a repeated request the same: method, path and body."""
    return hashlib.sha256(b"\0".join((call.method.encode(), call.path.encode(), call.raw))).hexdigest()


def _check_role(route: Route, caller: Caller) -> None:
    if route.role is Role.ADMIN and caller.role is not Role.ADMIN:
        raise Forbidden(N_("{user} may only read; this needs the right to change things.", user=caller.name))


def _query(query_string: bytes, route: Route) -> msgspec.Struct:
    try:
        return msgspec.convert(query_of(query_string), route.query, strict=False)
    except msgspec.ValidationError as error:
        raise invalid_input(error) from None
    except (UnicodeDecodeError, ValueError):
        raise Http(400, "bad-request", N_("The address isn't UTF-8.")) from None


def _check_announced(call: Call, route: Route) -> None:
    announced = call.headers.get("content-length", "0")
    if announced.isdigit() and int(announced[:18]) > route.max_body:
        raise _too_large(route.max_body, int(announced[:18]))


async def _body(call: Call, route: Route, receive: Receive) -> bytes:
    try:
        async with asyncio.timeout(BODY_TIME):
            raw = b"".join([piece async for piece in _pieces(receive, route.max_body)])
    except TimeoutError:
        raise _too_slow() from None
    if raw and route.body is not None:
        kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != JSON and not (kind == MERGE_PATCH and route.patch):
            wanted = f"{MERGE_PATCH}, {JSON}" if route.patch else JSON
            raise Http(415, "media-type", N_("The content must be {wanted}.", wanted=wanted))
    return raw


async def _pieces(receive: Receive, limit: int) -> AsyncIterator[bytes]:
    size = 0
    while True:
        try:
            async with asyncio.timeout(BODY_TIME):
                message = await receive()
        except TimeoutError:
            raise _too_slow() from None
        if message["type"] == "http.disconnect":
            raise Http(400, "bad-request", N_("The content was cut off."))
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise _too_large(limit)
        if piece:
            yield piece
        if not message.get("more_body"):
            return


def _too_slow() -> Http:
    return Http(408, "timeout", N_("The content took too long to come."), headers=_CLOSE)


_CLOSE = (("connection", "close"),)


def _too_many(seconds: float, *, hang_up: bool = False) -> Http:
    return Http(
        429,
        "too-many-requests",
        N_("You ask too often or for too much at once; try again in a moment."),
        headers=(("retry-after", str(math.ceil(seconds))), *(_CLOSE if hang_up else ())),
    )


def _too_large(limit: int, announced: int | None = None) -> Http:
    most = limit >> 20
    if announced is None:
        text = N_("The content is too large: at most {megabytes} MB.", megabytes=most)
    else:
        text = N_(
            "The content is too large: it has {size:.1f} MB, at most {megabytes} MB are taken; split it.",
            size=announced / (1 << 20), megabytes=most,
        )  # fmt: skip
    return Http(413, "too-large", text, headers=_CLOSE)


async def _send_answer(answer: Answer, send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in answer.headers]
    if answer.status not in (204, 304):
        headers.append((b"content-type", answer.media_type.encode("latin-1")))
        headers.append((b"content-length", str(len(answer.content)).encode("ascii")))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.content})


async def _send_stream(stream: Stream, receive: Receive, send: Send) -> None:
    headers = [(b"content-type", stream.media_type.encode("latin-1"))]
    headers += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in stream.headers]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await stream.run(receive, send)
