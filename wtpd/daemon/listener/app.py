"""What the listener serves, as an ASGI application: `/push/<connector>/…` for partners' programs (spec: api.md).

    POST /push/<connector>/<path>      a body: stored, then applied; answered by the connector
    GET  /push/<connector>             for the partner's "test connection": who we are, by the token
    GET  /push/<connector>/bodies/ID   the answer to a body that was taken with 202

No browser has any business here: there is no CORS, and what comes with an Origin is refused.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from wtpd.channel.errors import PartnerError
from wtpd.clock import Clock, iso
from wtpd.connectors.receiver import Head, Receiver, Signature
from wtpd.daemon.api.call import JSON, Answer, Receive, Send, answer
from wtpd.daemon.api.errors import Http, answer_of
from wtpd.daemon.api.limits import Bucket
from wtpd.daemon.listener import callers, intake
from wtpd.daemon.listener.apply import Waiters, unreadable_reason
from wtpd.daemon.listener.intake import CLOSE, CODINGS, too_large, wrong_signature
from wtpd.daemon.listener.receivers import OfChannel
from wtpd.daemon.listener.tokens import Tokens
from wtpd.errors import Unavailable, WtpdError
from wtpd.store import pushed, tokens
from wtpd.store.database import Database, Tx
from wtpd.store.pushed import Body, Source
from wtpd.store.tokens import Token
from wtpd.texts import N_, best_language

log = logging.getLogger(__name__)

SLOWED = 0.5
"""Seconds until somebody learns that a token is wrong."""
PATIENCE = 20.0
"""Seconds for which the answer to a body waits until it is applied; then it is 202."""
BYTES = (2.0 * (1 << 20), 256.0 * (1 << 20))
"""Bytes of bodies by one token: how many a second, and how many at once after a pause."""
ALL_AT_ONCE = 16
"""Bodies that come in at the same time, of all tokens."""
DRAINED = 64 << 20
"""Bytes of a refused body that are read and thrown away, so that its sender reads the answer."""
DRAIN_TIME = 10.0
DRAINED_UNKNOWN = 1 << 20
"""As `DRAINED`, of somebody without a token."""
LONGEST_KEY = 255
LONGEST_SIGNATURE = 4096
_KEPT_HEADERS = ("content-type", "content-encoding", "prefer", "user-agent")
_ONCE = ("host", "authorization", "content-length", "content-type", "content-encoding", "idempotency-key", "origin")
_HEADERS = (("cache-control", "no-store"), ("x-content-type-options", "nosniff"))


@dataclass(slots=True)
class _Load:
    """What one token asks for just now."""

    requests: Bucket
    bytes: Bucket = field(default_factory=lambda: Bucket(*BYTES))
    bodies: int = 0


@dataclass(slots=True, kw_only=True)
class Request:
    """One request; `pending`: there is a body of it that nobody has read."""

    method: str
    path: str
    headers: Mapping[str, str]
    address: str
    local: str
    receive: Receive
    pending: bool
    doubled: frozenset[str] = frozenset()
    """Names of headers that came more than once."""
    known: bool = False
    """Its token was right."""


class ListenerApp:
    """`names`: of the box; `refusal`: why nothing is taken from a connector just now, at a site. Both are asked each
    time."""

    def __init__(
        self,
        db: Database,
        checked: Tokens,
        receivers: Mapping[str, Receiver],
        waiters: Waiters,
        clock: Clock,
        *,
        secrets: OfChannel,
        names: Callable[[], tuple[str, ...]],
        refusal: Callable[[str, str], WtpdError | None],
        language: Callable[[], str],
    ) -> None:
        self._db = db
        self._tokens = checked
        self._receivers = receivers
        self._waiters = waiters
        self._clock = clock
        self._secrets = secrets
        self._names = names
        self._refusal = refusal
        self.language = language
        self._loads: dict[str, _Load] = {}
        self._bodies = 0

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        headers, doubled = _headers(scope["headers"])
        twice = next((name for name in _ONCE if name in doubled), "")
        language = best_language(headers.get("accept-language"), self.language())
        request = Request(
            method=scope["method"], path=scope["path"], headers=headers, address=scope["state"]["address"],
            local=scope["state"]["local"], receive=receive, pending=_has_body(headers), doubled=doubled,
        )  # fmt: skip
        try:
            if twice:
                raise _twice(twice)
            found = await self._respond(request, language)
        except Exception as error:
            found = _refused(error, language)
            request.pending = request.pending and found.status != 408
        except asyncio.CancelledError:  # the stop came first; to say so is this task's last act
            found = _refused(Unavailable(N_("The service is stopping."), kind="stopping"), language)
            request.pending = False
        if request.pending:
            await _drain(request)
        await _send(found, send)

    async def _respond(self, request: Request, language: str) -> Answer:
        if not callers.is_ours(callers.host_of(request.headers.get("host", "")), self._names(), request.local):
            text = N_("The box has no such name or address; those it has: wtpd listener")
            raise Http(421, "wrong-host", text, headers=CLOSE)
        if "origin" in request.headers:
            raise Http(403, "forbidden", N_("Web pages can't use this address."), headers=CLOSE)
        connector, path = _place(request.path)
        token = await self._token(request, connector)
        request.known = True
        receiver = self._receivers.get(connector)
        if receiver is None:
            raise _nothing()
        load = self._load(token, receiver)
        if seconds := load.requests.take(self._clock.monotonic()):
            raise _too_many(seconds)
        if request.method == "GET":
            return await self._get(request, token, path, language)
        if request.method != "POST":
            raise Http(405, "method-not-allowed", N_("Possible here: GET and POST."), headers=(("allow", "GET, POST"),))
        return await self._post(request, token, receiver, path, load, language)

    async def _token(self, request: Request, connector: str) -> Token:
        """Raises `Http` 401, or 429 for an address that sent too many wrong ones: both the same whatever is wrong."""
        token = self._tokens.check(request.headers.get("authorization", ""), connector, request.address)
        if token is not None:
            return token
        seconds = self._tokens.wait_for(request.address)
        self._tokens.was_wrong(request.address)
        if seconds:
            raise _too_many(seconds, hang_up=True)
        await self._clock.sleep(SLOWED)
        challenge = ("www-authenticate", 'Bearer realm="wtpd"')
        raise Http(401, "wrong-token", N_("The token isn't valid here."), headers=(challenge, *CLOSE))

    def _load(self, token: Token, receiver: Receiver) -> _Load:
        load = self._loads.get(token.id)
        if load is None:
            rate = receiver.limits.per_second
            load = self._loads[token.id] = _Load(Bucket(rate, max(2 * rate, 1.0)))
        return load

    async def _get(self, request: Request, token: Token, path: str, language: str) -> Answer:
        await self._note_use(token, request.address)
        if not path:
            return answer({"site": token.site, "dealer_number": token.account, "server_time": iso(self._clock.now())})
        kind, _, number = path[1:].partition("/")
        if kind == "bodies" and number.isascii() and number.isdigit() and len(number) < 16:
            return await self._answer_to(int(number), token, language)
        raise _nothing()

    async def _post(
        self, request: Request, token: Token, receiver: Receiver, path: str, load: _Load, language: str
    ) -> Answer:
        source = _source(request, token, path, receiver.signed_by)
        head = Head(method="POST", path=path, headers=source.headers, site=token.site, account=token.account)
        if (refusal := self._refusal(token.connector, token.site)) is not None:
            raise refusal
        if source.headers.get("content-encoding", "") not in CODINGS:
            text = N_("The content may be packed with gzip only.")
            raise Http(415, "media-type", text, headers=(("accept-encoding", "gzip"),))
        if (early := receiver.check(head)) is not None:
            return Answer(early.status, early.content, early.media_type)
        announced = _announced(request.headers)
        if announced > receiver.limits.sent:
            raise too_large(receiver.limits.sent)
        signature = await self._signature(receiver, head, token)
        size = announced if "transfer-encoding" not in request.headers else receiver.limits.sent
        async with self._room(load, receiver, size):
            body = await intake.take(self._db, source, request.receive, receiver.limits, signature)
            request.pending = False
        await self._note_use(token, request.address)
        if "respond-async" not in request.headers.get("prefer", ""):
            await self._until_applied(body)
        return await self._answer_to(body, token, language)

    async def _signature(self, receiver: Receiver, head: Head, token: Token) -> Signature | None:
        """Raises `Http` 401 for a head without a signature that could be right, `Unavailable` while there is no secret
        to check it by."""
        if not receiver.signed_by:
            return None
        try:
            secrets = await self._secrets(token.connector, token.site)
        except PartnerError as error:
            log.warning("A signature of %s/%s can't be checked: %s", token.connector, token.site, error)
            raise Unavailable(N_("Signatures can't be checked now; send it again later."), kind="no-secret") from None
        found = receiver.signature(head, secrets)
        if found is None:
            raise wrong_signature(source_of=f"{token.connector}/{token.site}")
        return found

    async def _note_use(self, token: Token, address: str) -> None:
        if self._tokens.must_note(token):
            await self._db.write(lambda tx: tokens.used(tx, token.id, address))

    @asynccontextmanager
    async def _room(self, load: _Load, receiver: Receiver, size: int) -> AsyncIterator[None]:
        """A place for a body that comes in. Raises `Http` 429."""
        if load.bodies >= receiver.limits.at_once or self._bodies >= ALL_AT_ONCE:
            raise _too_many(1.0)
        if seconds := load.bytes.take(self._clock.monotonic(), float(max(size, 1))):
            raise _too_many(seconds)
        load.bodies += 1
        self._bodies += 1
        try:
            yield
        finally:
            load.bodies -= 1
            self._bodies -= 1

    async def _until_applied(self, body: int) -> None:
        ended = self._waiters.expect(body)
        found = await self._db.read(lambda tx: pushed.get(tx, body))
        if found.state != "stored":
            ended.cancel()
            return
        await asyncio.wait({ended}, timeout=PATIENCE)
        ended.cancel()

    async def _answer_to(self, number: int, token: Token, language: str) -> Answer:
        """The kept answer to a body of this token's site. Raises `Http`."""

        def work(tx: Tx) -> tuple[Body, bytes]:
            return pushed.get(tx, number), pushed.reply(tx, number)

        body, reply = await self._db.read(work)
        if (body.source.connector, body.source.account) != (token.connector, token.account):
            raise _nothing()
        if body.state == "unreadable":
            reason, kind = unreadable_reason(body)
            raise Http(body.status or 400, kind, reason or N_("The content is no longer kept."))
        if body.state == "done" and body.status is not None:
            replayed = (("batch-replayed", "true"),) if body.repeats else ()
            return Answer(body.status, reply, body.media_type or JSON, replayed)
        where = f"/push/{token.connector}/bodies/{number}"
        return answer({"id": number, "state": "waiting", "received": body.size}, status=202, location=where)


def _headers(raw: list[tuple[bytes, bytes]]) -> tuple[dict[str, str], frozenset[str]]:
    """In lower case, and the names of those that are given more than once."""
    found: dict[str, str] = {}
    doubled: set[str] = set()
    for name_bytes, value in raw:
        name = name_bytes.decode("latin-1")
        if name in found:
            doubled.add(name)
        found[name] = value.decode("latin-1")
    return found, frozenset(doubled)


def _twice(name: str) -> Http:
    return Http(400, "bad-request", N_("The header {name} is given twice.", name=name), headers=CLOSE)


def _has_body(headers: Mapping[str, str]) -> bool:
    """Not one that its sender holds back until it is asked for (RFC 9110, Expect)."""
    if "100-continue" in headers.get("expect", "").lower():
        return False
    return "transfer-encoding" in headers or _announced(headers) > 0


def _announced(headers: Mapping[str, str]) -> int:
    length = headers.get("content-length", "0")
    return int(length[:18]) if length.isascii() and length.isdigit() else 0


def _place(path: str) -> tuple[str, str]:
    """`/push/carsys/v1/orders` → ("carsys", "/v1/orders"). Another path has no connector, so no token is right."""
    parts = path.split("/", 3)
    if len(parts) < 3 or parts[:2] != ["", "push"] or len(path) > 500:
        return "", ""
    return parts[2], f"/{parts[3]}" if len(parts) == 4 and parts[3] else ""


def _source(request: Request, token: Token, path: str, signed_by: tuple[str, ...]) -> Source:
    for name in signed_by:
        if name in request.doubled:
            raise _twice(name)
        if len(request.headers.get(name, "")) > LONGEST_SIGNATURE:
            raise Http(400, "invalid-header", N_("The header {name} isn't understood.", name=name))
    key = request.headers.get("idempotency-key")
    if key is not None and (not 0 < len(key) <= LONGEST_KEY or not key.isprintable()):
        raise Http(400, "invalid-header", N_("The header {name} isn't understood.", name="Idempotency-Key"))
    kept = {name: request.headers[name][:200] for name in _KEPT_HEADERS if name in request.headers}
    kept |= {name: request.headers[name] for name in signed_by if name in request.headers}
    if "content-encoding" in kept:
        kept["content-encoding"] = kept["content-encoding"].strip().lower()
    return Source(
        connector=token.connector, site=token.site, account=token.account, token=token.id, address=request.address,
        path=path, headers=kept, key=key,
    )  # fmt: skip


def _nothing() -> Http:
    return Http(404, "no-such-route", N_("There is nothing at this address."))


def _too_many(seconds: float, *, hang_up: bool = False) -> Http:
    text = N_("You ask too often or for too much at once; try again in a moment.")
    retry = ("retry-after", str(math.ceil(seconds)))
    return Http(429, "too-many-requests", text, headers=(retry, *(CLOSE if hang_up else ())))


def _refused(error: Exception, language: str) -> Answer:
    """As the local API answers, but what can't be kept now is 503: the sender shall come again."""
    found = answer_of(error, language)
    if found.status in (503, 507):
        return Answer(503, found.content, found.media_type, (*found.headers, ("retry-after", "60"), *CLOSE))
    return found


async def _drain(request: Request) -> None:
    """Read what its sender still sends, which else might never look at the answer."""
    left = DRAINED if request.known else DRAINED_UNKNOWN
    deadline = asyncio.get_running_loop().time() + (DRAIN_TIME if request.known else DRAIN_TIME / 2)
    try:
        while left > 0:
            message = await intake.next_message(request.receive, deadline)
            left -= len(message.get("body", b""))
            if not message.get("more_body"):
                return
    except Http:
        return


async def _send(found: Answer, send: Send) -> None:
    named = (*found.headers, *_HEADERS)
    headers = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in named]
    if found.status != 204:
        headers.append((b"content-type", found.media_type.encode("latin-1")))
        headers.append((b"content-length", str(len(found.content)).encode("ascii")))
    await send({"type": "http.response.start", "status": found.status, "headers": headers})
    await send({"type": "http.response.body", "body": found.content})
