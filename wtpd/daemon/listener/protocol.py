"""HTTP/1.1 from the local network, with limits for the head that are narrower than those of the unix socket."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

from uvicorn.config import Config
from uvicorn.server import ServerState

from wtpd.daemon.api.server import BoundedProtocol
from wtpd.texts import N_

HEAD = 16 * 1024
"""Bytes of a request's line and headers, at most."""
HEADERS = 64
"""Headers of a request, at most."""


TOLD = 10.0
"""Seconds between two log lines about callers who do what they shouldn't: there may be thousands."""

_http_log = logging.getLogger(f"{__name__}.uvicorn")
_http_log.setLevel(logging.ERROR)  # that something isn't HTTP is nothing to log for each request
log = logging.getLogger(__name__)


class _TooMuchHead(Exception):
    """Stops the parser in the middle of the head."""


class Visit(Protocol):
    """The connection, as far as the protocol needs to know it."""

    protocol: LanProtocol | None

    @property
    def address(self) -> str: ...
    @property
    def local(self) -> str: ...
    def leave(self) -> None: ...


class LanProtocol(BoundedProtocol):
    """The caller is an address of the local network; its place was taken when the connection was accepted."""

    head = HEAD
    _told = -TOLD
    _bytes = 0
    _too_much = False

    def __init__(self, config: Config, state: ServerState, visit: Visit, language: Callable[[], str]) -> None:
        super().__init__(config, state, language)
        self._visit = visit
        self.logger = _http_log

    def admit(self) -> dict[str, Any] | None:
        self._visit.protocol = self
        return {"address": self._visit.address, "local": self._visit.local}

    def leave(self) -> None:
        self._visit.leave()

    def unsent_elsewhere(self) -> int:
        return 0

    @property
    def caller(self) -> str:
        return self._visit.address

    def warn(self, text: str, *args: object) -> None:
        now = self.loop.time()
        if now - LanProtocol._told >= TOLD:
            LanProtocol._told = now
            log.warning(text, *args)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._bytes = 0

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        if len(self.headers) >= HEADERS:
            self._stop()
        super().on_header(name, value)

    def send_400_response(self, msg: str) -> None:
        if self._too_much:
            self._refuse(431, "too-large", N_("The head of the request is too large."))
        else:
            super().send_400_response(msg)

    def _count(self, size: int) -> None:
        self._bytes += size
        if self._bytes > HEAD:
            self._stop()

    def _stop(self) -> None:
        self._too_much = True
        raise _TooMuchHead
