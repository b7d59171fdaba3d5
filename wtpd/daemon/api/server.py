"""Serves the API on a unix socket: uvicorn's HTTP protocol without its server loop, which would tick ten times a
second (docs/performance.md). Nothing wakes up while nobody asks."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from wtpd.daemon.api.auth import peer_of
from wtpd.daemon.api.call import PROBLEM

log = logging.getLogger(__name__)

CONNECTIONS = 512
HEAD = 64 * 1024
"""Bytes of a request's head, at most (beyond the first piece that was read)."""
HEAD_TIME = 15.0
"""Seconds in which a request's head must have come."""
KEEP_ALIVE = 120
BACKLOG = 128


class PeerProtocol(HttpToolsProtocol):
    """Puts the peer's credentials into the request's state, and bounds what uvicorn doesn't: number of connections,
    size and time of the head."""

    _head = 0
    _in_head = True
    _began = False
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            log.warning("More than %d connections to the API: one is refused", CONNECTIONS)
            transport.abort()
            return
        self.app_state = {"peer": peer_of(transport.get_extra_info("socket")), "abort": transport.abort}
        self._patience = self.loop.call_later(HEAD_TIME, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_there()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._began = False
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        if self._patience is None:
            self._patience = self.loop.call_later(HEAD_TIME, self.transport.abort)
        if not self._began:  # the first piece may hold the end of another request
            self._head += len(data)
        if self._head > HEAD:
            self._refuse(b"431 Request Header Fields Too Large", b"too-large", b"The head is too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._began, self._head = True, True, 0

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_is_there()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(b"400 Bad Request", b"bad-request", b"This isn't HTTP.")

    def _unsupported_upgrade_warning(self) -> None:
        """Not worth a warning: the request is answered as if it hadn't asked."""

    def _head_is_there(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _refuse(self, status: bytes, kind: bytes, detail: bytes) -> None:
        """Answer before there is a request whose language could be known, and hang up."""
        number, _, title = status.partition(b" ")
        body = b'{"type":"https://wtpd.invalid/problems/%b","title":"%b","status":%b,"detail":"%b"}' % (
            kind, title, number, detail,
        )  # fmt: skip
        self.transport.write(
            b"HTTP/1.1 %b\r\ncontent-type: %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
            % (status, PROBLEM.encode(), len(body), body)
        )
        self.transport.close()


class Server:
    """The listening API. `start`, then `stop` once or more."""

    def __init__(self, app: Any, sock: socket.socket) -> None:
        self._config = Config(
            app, http=PeerProtocol, ws="none", lifespan="off", interface="asgi3", loop="none", log_config=None,
            access_log=False, date_header=False, server_header=False, proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE,
        )  # fmt: skip
        self._state = ServerState()
        self._socket = sock
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._config.load()
        loop = asyncio.get_running_loop()
        # The path is systemd's or ours to remove, never asyncio's (which does so by itself since 3.13).
        stays: dict[str, Any] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
        self._server = await loop.create_unix_server(
            lambda: PeerProtocol(self._config, self._state, {}), sock=self._socket, backlog=BACKLOG, **stays
        )

    async def stop(self, seconds: float = 3.0) -> None:
        """Take no new connections, let the requests under way finish for `seconds`, then cut them off."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        tasks = set(self._state.tasks)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
            if late:
                log.warning("%d requests were cut off by the stop", len(late))
                await asyncio.wait(late, timeout=1)
        for connection in list(self._state.connections):
            connection.transport.abort()

    @property
    def busy(self) -> int:
        """Requests under way."""
        return len(self._state.tasks)
