"""The calls to Carloop: its address and token, the queue, and what an answer is that isn't Carloop's. Raises only the
errors of `wtpd.channel.errors`.

Answers with an error are given back, too: their meaning is the connector's. Numbers of answers are `Decimal`, since
prices are among them.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from wtpd.channel.errors import NeedsToken, PartnerBroken
from wtpd.connectors.carloop.settings import CarloopSettings
from wtpd.connectors.carloop.turns import Queue
from wtpd.connectors.carloop.wire import SCHEME
from wtpd.connectors.kit.http import Answer, PartnerHttp
from wtpd.connectors.manifest import Access
from wtpd.errors import Invalid
from wtpd.texts import N_

T = TypeVar("T")

SIZE_LIMIT = 16 * 1024 * 1024
"""Bytes of an answer: a list has no limit that could be asked for."""
LARGE = 128 * 1024
"""Bytes from which an answer is read in a thread."""

SECRET = 4
"""Characters from which a token is taken out of what the partner says."""
_READ = frozenset(range(200, 300)) | frozenset(range(400, 500)) - {401, 408, 425, 429}
"""Statuses whose answers are read here."""
_WEB_PAGE = N_("this is Carloop's web page, not its interface; check the address in its credentials")
_REDIRECT = N_("the address leads to another one, which isn't followed; enter the interface's own address")
_BROKEN = N_("its answer can't be understood")

_decode = msgspec.json.Decoder(float_hook=Decimal).decode


@dataclass(frozen=True, slots=True)
class Reply:
    """`json` is None where the body is none; `call` names the call in messages."""

    status: int
    json: Any
    etag: str
    call: str
    size: int = 0


class Client:
    """One for all addresses and tokens that there are entries for."""

    def __init__(self, access: Access) -> None:
        assert isinstance(access.settings, CarloopSettings)
        self._access = access
        self._settings = access.settings
        self._https: dict[str, PartnerHttp] = {}
        self._queues: dict[bytes, Queue] = {}

    async def call(
        self,
        secrets: Mapping[str, str],
        method: str,
        path: str,
        *,
        body: str | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Make the call when its turn comes. Redirects, web pages and other answers that aren't Carloop's interface are
        `PartnerBroken`, each with its sentence; credentials without a usable address or token `NeedsToken`."""
        address, token = secrets.get("address", ""), secrets.get("token", "")
        http = self._http(address)
        fields = {"Authorization": f"{SCHEME} {_checked(token)}", **(headers or {})}
        content = None if body is None else body.encode()
        if content is not None:
            fields["Content-Type"] = "application/json"

        async def send() -> Answer:
            return await http.request(method, path, content=content, raw=_READ, params=params, headers=fields)

        try:
            answer = await self._queue(address, token).take(send)
        except PartnerBroken as error:
            if error.status is not None and 300 <= error.status < 400:
                error.reason = _REDIRECT
            raise
        return await _reply(answer, f"{method} {path}: {answer.status}", token)

    async def close(self) -> None:
        for http in self._https.values():
            await http.aclose()

    def _http(self, address: str) -> PartnerHttp:
        if (http := self._https.get(address)) is None:
            try:
                if not address:
                    raise NeedsToken("no address", reason=N_("the credentials hold no web address"))
                http = self._access.http(address, size_limit=SIZE_LIMIT, ca_file=self._settings.ca_file)
            except Invalid as error:
                raise NeedsToken("the address isn't usable", reason=error.text) from None
            self._https[address] = http
        return http

    def _queue(self, address: str, token: str) -> Queue:
        whose = hashlib.sha256(f"{address}\n{token}".encode()).digest()
        if (queue := self._queues.get(whose)) is None:
            queue = self._queues[whose] = Queue(self._settings.calls_per_second)
        return queue


async def read(reader: Callable[[Any], T], reply: Reply) -> T:
    """`reader` of the answer, in a thread for a large one."""
    if reply.size < LARGE:
        return reader(reply.json)
    return await asyncio.to_thread(reader, reply.json)


def _checked(token: str) -> str:
    if not (token.isascii() and token.isprintable() and token and " " not in token):
        raise NeedsToken(
            "the token isn't usable", reason=N_("the token is blank, or holds a character that no token has")
        )
    return token


async def _reply(answer: Answer, call: str, token: str) -> Reply:
    content, kind = answer.content, answer.headers.get("content-type", "").lower()
    if answer.status >= 400 and len(token) >= SECRET:
        content = content.replace(token.encode(), b"***")  # its sentence is shown and logged
    if "html" in kind or content[:256].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise PartnerBroken(f"{call}: a web page", status=answer.status, reason=_WEB_PAGE)
    value: Any = None
    if content:
        try:
            value = _json(content) if len(content) < LARGE else await asyncio.to_thread(_json, content)
        except (ValueError, RecursionError):
            if answer.status < 300:
                raise PartnerBroken(f"{call}: the answer isn't JSON", status=answer.status, reason=_BROKEN) from None
    return Reply(answer.status, value, answer.headers.get("etag", ""), call, len(content))


def _json(content: bytes) -> Any:
    r"""Raises ValueError. A rental isn't lost over `NaN`, which counts as null, or half an emoji (`\ud83d`), for which
    a question mark stands; JSON has neither."""
    try:
        return _decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        value = json.loads(content.decode("utf-8-sig"), parse_constant=lambda _: None)
        return _decode(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
