"""The one HTTP client for partners: time limits, throttle, size limit and error mapping, once (DESIGN.md, decision 4).

A connector's `client.py` calls `await http.request("POST", "/v1/…", json=…)` and gets an `Answer`, or one of the
errors of `wtpd.channel.errors`, whatever the partner did. Retrying, backoff and the circuit breaker aren't here; they
belong to the channel.

Requests go through a transport of httpx's API (docs/adr/0020); httpx and aiohttp are loaded at the first request.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import ssl
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, unquote_plus, urlencode

import msgspec

from wtpd.channel.errors import (
    Duplicate,
    NeedsToken,
    NotAllowed,
    PartnerBroken,
    PartnerError,
    Precondition,
    RateLimited,
    Rejected,
    Transient,
)
from wtpd.channel.tally import count_call
from wtpd.clock import Clock, SystemClock
from wtpd.connectors.kit.http_reading import answered_at, body_of, detail_of, json_of, retry_after
from wtpd.network_words import no_connection, of_system
from wtpd.texts import N_, Text
from wtpd.web_address import checked_address

if TYPE_CHECKING:
    import httpx

SIZE_LIMIT = 10 * 1024 * 1024
"""Bytes of an answer, after decompression."""
ERROR_SIZE_LIMIT = 64 * 1024
"""Bytes of an error's body that are looked at for its reason."""

_log = logging.getLogger("wtpd.http")


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx or 304, or one of the statuses asked for by `raw`. `headers` ignore case; `json` is None for an empty body.
    A raw answer's body is in `content`. `sent` is the JSON that it answers, as it went (`msgspec.Raw`)."""

    status: int
    headers: Mapping[str, str]
    json: Any
    content: bytes = b""
    sent: Any = None


Auth = tuple[str, str] | str
"""User and password for HTTP basic, or a bearer token. With a `form` the two are form-encoded inside Basic, as OAuth
has it (RFC 6749, 2.3.1); else they are UTF-8 as they stand (RFC 7617)."""


class PartnerHttp:
    """Calls one partner under `base_url`. Time limits in seconds; close it with `aclose()`.

    Raises `Invalid` for an address that isn't HTTPS (plain HTTP is allowed to this machine only). `ca_file` (PEM) holds
    certificate authorities that are trusted beside the system's. `transport` is for tests and benchmarks.
    """

    def __init__(
        self,
        base_url: str,
        *,
        connect_timeout: float = 5.0,
        read_timeout: float = 15.0,
        total_timeout: float = 30.0,
        calls_at_once: int = 8,
        size_limit: int = SIZE_LIMIT,
        ca_file: str | None = None,
        clock: Clock | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._base = checked_address(base_url)
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._total_timeout = total_timeout
        self._size_limit = size_limit
        self._ca_file = ca_file
        self._places = asyncio.Semaphore(calls_at_once)
        self._clock = clock or SystemClock()
        self._transport = transport
        self._loading = asyncio.Lock()
        self._closed = False

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
        raw: Collection[int] = (),
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - a setting of the call; ends in Transient
        auth: Auth | None = None,
    ) -> Answer:
        """Send one request and read its whole answer.

        `path` begins with `/` and continues the base address; its parts are quoted already. A `json` body is
        `application/json` unless `headers` say another type.

        `content` is sent as it is, for a partner that doesn't speak JSON; `headers` say its type. Answers with a status
        in `raw` aren't read: they may hold anything, and a SOAP 1.1 fault comes with 500.

        `timeout` (seconds, for connecting, reading and all) makes it a long poll: it takes no place among the
        `calls_at_once`, since it would block that place for nothing.

        Raises the errors of `wtpd.channel.errors` only: 401 `NeedsToken`; 403 `NotAllowed`; 409 `Duplicate`; 412
        `Precondition`; 429, and 503 with `Retry-After`, `RateLimited`; 408, 425, 5xx, network and time limits
        `Transient`; other 4xx `Rejected`; an answer beyond the size limit `TooLarge`; redirects and answers that break
        the contract `PartnerBroken`. Their `sent` is the JSON.
        """
        encoded, fields = _outgoing(json, form, headers, idempotency_key, auth)
        target = self._base + _checked_path(path) + (f"?{urlencode(params)}" if params else "")
        sent = msgspec.Raw(encoded) if json is not None and encoded is not None else None
        call = _Call(method, path, target, encoded if content is None else content, fields, form, raw, sent)
        try:
            if timeout is not None:
                return await self._within(call, timeout, timeout)
            async with self._places:
                return await self._within(call, self._total_timeout, self._read_timeout)
        except PartnerError as error:
            error.sent = sent
            raise

    async def aclose(self) -> None:
        """Close all connections; safe to call twice."""
        self._closed = True
        async with self._loading:  # a first request may just be making it
            if self._transport is not None:
                await self._transport.aclose()

    async def _within(self, call: _Call, total: float, read: float) -> Answer:
        if self._closed:
            raise Transient("the client is closed: the service is stopping", reason=N_("the service is stopping"))
        transport = self._transport or await self._load()
        count_call()
        started = time.perf_counter()
        outcome = "no answer"
        try:
            async with asyncio.timeout(total):
                answer = await self._exchange(transport, call, read)
            outcome = str(answer.status)
            return answer
        except TimeoutError:
            outcome = "time limit"
            reason = N_("not finished within {seconds} s", seconds=round(total))
            raise Transient(f"{call}: not finished within {total:g} s", reason=reason) from None
        except PartnerError as error:
            outcome = f"{error.status or ''} {type(error).__name__}".strip()
            raise
        finally:
            if _log.isEnabledFor(logging.DEBUG):
                _log.debug("%s: %s in %.1f ms", call, outcome, (time.perf_counter() - started) * 1000)

    async def _exchange(self, transport: httpx.AsyncBaseTransport, call: _Call, read: float) -> Answer:
        import httpx

        limits = {"connect": min(self._connect_timeout, read), "read": read, "write": read, "pool": None}
        request = httpx.Request(
            call.method, _url(call.target), content=call.content, headers=call.headers, extensions={"timeout": limits}
        )
        slow = N_("no answer within {seconds} s", seconds=f"{read:g}")
        with _network_errors(call, slow):
            response = await transport.handle_async_request(request)
        try:
            as_it_is = response.status_code in call.raw
            if not as_it_is and response.status_code >= 300 and response.status_code != 304:
                raise await self._refusal(call, response)
            slow = N_("the answer stopped coming for {seconds} s", seconds=f"{read:g}")
            with _network_errors(call, slow, begun=True):
                body = await body_of(response, self._size_limit, str(call))
            if as_it_is:
                return Answer(response.status_code, response.headers, None, body)
            return Answer(response.status_code, response.headers, json_of(response, body, str(call)), sent=call.sent)
        finally:
            with contextlib.suppress(*_failures()):
                await response.aclose()

    async def _refusal(self, call: _Call, response: httpx.Response) -> PartnerError:
        """The error for a status that isn't a success."""
        status = response.status_code
        message = f"{call}: {status}"
        if status < 400:
            return PartnerBroken(f"{message}, a redirect, which isn't followed", status=status)
        problem: Any = None
        with contextlib.suppress(PartnerError, *_failures()):
            problem = json_of(response, await body_of(response, ERROR_SIZE_LIMIT, str(call)), str(call))
        said = response.headers.get("retry-after")
        if status == 429 or (status == 503 and said):
            now = answered_at(response.headers.get("date"), self._clock.now())
            return RateLimited(message, retry_after=retry_after(said, now), status=status)
        if status >= 500 or status in (408, 425):
            return Transient(message, status=status)
        if status == 401:
            return NeedsToken(message, status=status)
        detail = call.without_secrets(detail_of(problem))
        if status == 403:
            return _with_problem(NotAllowed(message, status=status, detail=detail), problem)
        if status == 409:
            return _with_problem(Duplicate(message, status=status), problem)
        if status == 412:
            return _with_problem(Precondition(message, status=status), problem)
        return _with_problem(Rejected(message, status=status, detail=detail), problem)

    async def _load(self) -> httpx.AsyncBaseTransport:
        """Make the transport; the first time in a process this loads the libraries, in a thread."""
        async with self._loading:
            if self._transport is None:
                secure = self._base.startswith("https:")
                self._transport = await asyncio.to_thread(_make_transport, secure, self._ca_file)
            return self._transport


@cache
def tls_context() -> ssl.SSLContext:
    """Verifies against the system's certificate authorities (package ca-certificates); shared, since each copy
    costs a megabyte."""
    return ssl.create_default_context()


@dataclass(frozen=True, slots=True)
class _Call:
    """One request; as text it is its method and path, which is all that logs and messages may tell of it."""

    method: str
    path: str
    target: str
    content: bytes | None
    headers: Mapping[str, str]
    form: Mapping[str, str] | None
    raw: Collection[int] = ()
    sent: msgspec.Raw | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path.partition('?')[0]}"

    def without_secrets(self, text: str) -> str:
        """`text`, which the partner sent, without what we sent it in confidence."""
        scheme, _, credentials = self.headers.get("Authorization", "").partition(" ")
        confidential = {credentials, *(self.form or {}).values()}
        if scheme == "Basic":
            parts = base64.b64decode(credentials).decode().split(":", 1)
            confidential.update(parts, map(unquote_plus, parts))
        for secret in sorted(confidential, key=len, reverse=True):
            if len(secret) >= 4:
                text = text.replace(secret, "…")
        return text


def _outgoing(
    json: Any,
    form: Mapping[str, str] | None,
    headers: Mapping[str, str] | None,
    idempotency_key: str | None,
    auth: Auth | None,
) -> tuple[bytes | None, dict[str, str]]:
    fields = {"User-Agent": "wtpd", "Accept": "application/json", "Accept-Encoding": "gzip"}
    content = None
    if json is not None:
        content = msgspec.json.encode(json)
        fields["Content-Type"] = "application/json"
    elif form is not None:
        content = urlencode(form).encode()
        fields["Content-Type"] = "application/x-www-form-urlencoded"
    if idempotency_key is not None:
        fields["Idempotency-Key"] = idempotency_key
    if isinstance(auth, str):
        fields["Authorization"] = f"Bearer {auth}"
    elif auth is not None:
        parts = map(quote_plus, auth) if form is not None else auth
        fields["Authorization"] = "Basic " + base64.b64encode(":".join(parts).encode()).decode()
    fields.update(headers or {})
    return content, fields


def _checked_path(path: str) -> str:
    """`path`, unless it would leave the partner's host: then ValueError, since that is our own mistake."""
    if not path.startswith("/") or path.startswith("//") or "#" in path or "\\" in path:
        raise ValueError("a path begins with one slash and stays below the partner's address")
    return path


@contextlib.contextmanager
def _network_errors(call: _Call, slow: Text, *, begun: bool = False) -> Iterator[None]:
    """Turn what transports raise into ours. Causes are dropped, since their texts may hold addresses with secrets."""
    import httpx

    try:
        yield
    except (httpx.ReadTimeout, httpx.WriteTimeout):
        raise Transient(f"{call}: {slow}", reason=slow) from None
    except _failures() as error:
        reason = network_reason(error)
        if begun:
            raise PartnerBroken(
                f"{call}: the answer was cut short ({reason})", reason=N_("its answer was cut short")
            ) from None
        if _is_garbage(error):
            raise PartnerBroken(f"{call}: the answer isn't HTTP") from None
        raise Transient(f"{call}: no connection ({reason})", reason=no_connection(error)) from None


@lru_cache(maxsize=64)
def _url(target: str) -> httpx.URL:
    """Parsed once: most calls go to few addresses, and parsing costs a fifth of a call."""
    import httpx

    return httpx.URL(target)


@cache
def _failures() -> tuple[type[Exception], ...]:
    import aiohttp
    import httpx

    return httpx.TransportError, aiohttp.ClientError, ConnectionError, ssl.SSLError


def _is_garbage(error: BaseException) -> bool:
    import aiohttp
    import httpx

    return isinstance(error, (aiohttp.ClientResponseError, httpx.RemoteProtocolError))


def network_reason(error: BaseException) -> str:
    """What the innermost cause was, in words of the system or as its class, never as its own text."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate isn't trusted: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


def _with_problem(error: PartnerError, problem: Any) -> PartnerError:
    if isinstance(problem, dict):
        error.problem = problem
    return error


def _with_authorities(ca_file: str) -> ssl.SSLContext:
    """Raises `Transient` if the file can't be used: it is read again at the next request."""
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(ca_file)
    except ssl.SSLError:
        why = N_("it holds no certificate")
    except OSError as error:
        why = of_system(error)
    else:
        return context
    reason = N_("the file {file} (ca_file) can't be used: {why}", file=ca_file, why=why)
    raise Transient(f"ca_file {ca_file}: {why}", reason=reason)


def _make_transport(secure: bool, ca_file: str | None) -> httpx.AsyncBaseTransport:
    import aiohttp
    from httpx_aiohttp import AiohttpTransport

    if secure and ca_file is not None:
        context = _with_authorities(ca_file)
    else:
        context = tls_context() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=0, ssl=context, keepalive_timeout=60)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    transport: httpx.AsyncBaseTransport = AiohttpTransport(verify=context, client=session)
    return transport
