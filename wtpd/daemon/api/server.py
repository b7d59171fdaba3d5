"""Serves the API on a unix socket: uvicorn's HTTP protocol without its server loop, which would tick ten times a
second (docs/performance.md). Nothing wakes up while nobody asks."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Callable
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from wtpd.daemon.api.asgi import Api
from wtpd.daemon.api.auth import Peer, peer_of
from wtpd.daemon.api.call import PROBLEM
from wtpd.daemon.api.errors import Http, problem
from wtpd.daemon.api.limits import UNSENT, Places
from wtpd.texts import N_, Text

log = logging.getLogger(__name__)

HEAD = 64 * 1024
"""Bytes of a request's head, at most (beyond the first piece that was read)."""
HEAD_TIME = 15.0
"""Seconds in which a request's head must have come."""
PIPELINED = 8
"""Requests that may wait on one connection behind the one that is being answered."""
KEEP_ALIVE = 120
TAKE_TIME = 30.0
"""Seconds in which a caller must have taken some of what waits for it."""
BACKLOG = 128


class _TooManyRequestsWait(Exception):
    """Stops the parser in the middle of what was read."""


class BoundedProtocol(HttpToolsProtocol):
    """Bounds what uvicorn doesn't: connections and unsent bytes of each caller, pipelined requests, size and time of
    the head. Who the caller is, the class below says."""

    head = HEAD
    """Bytes of a request's head, at most (beyond the first piece that was read)."""

    _head = 0
    _in_head = True
    _began = False
    _reading = False
    _refused = False
    _patience: asyncio.TimerHandle | None = None
    _taking: asyncio.TimerHandle | None = None
    _running: RequestResponseCycle | None = None

    def __init__(self, config: Config, state: ServerState, language: Callable[[], str]) -> None:
        super().__init__(config, state, {})
        self._language = language

    def admit(self) -> dict[str, Any] | None:
        """Give the new connection a place: the state of its requests, or None if it gets none."""
        raise NotImplementedError

    def leave(self) -> None:
        """The connection is gone; safe to call twice."""
        raise NotImplementedError

    def unsent_elsewhere(self) -> int:
        """Bytes that the caller hasn't taken yet from its other connections."""
        raise NotImplementedError

    @property
    def caller(self) -> str:
        """For the log."""
        raise NotImplementedError

    @property
    def idle(self) -> bool:
        """No request is being read or answered."""
        if self._reading:
            return False
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]  # None at first

    @property
    def unsent(self) -> int:
        """Bytes that the caller hasn't taken yet."""
        return self.transport.get_write_buffer_size()

    def drop(self) -> None:
        """Make room for another connection."""
        self.cut_off()

    def cut_off(self) -> None:
        """End the connection at once; a request under way writes nothing more, since TLS has no transport then."""
        self._silence()
        self.transport.abort()

    def _silence(self) -> None:
        """Of pipelined requests, uvicorn knows only the newest; the one that is being answered is another."""
        for cycle in (self._running, self.cycle):
            if cycle is not None:
                cycle.disconnected = True

    def warn(self, text: str, *args: object) -> None:
        """Say in the log what a caller did that it shouldn't do."""
        log.warning(text, *args)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        state = self.admit()
        if state is None:
            self.warn("Too many connections by %s: one is refused", self.caller)
            self._refuse(
                429, "too-many-connections", N_("You have too many connections to wtpd; close some, or wait a moment.")
            )
            return
        self.app_state = {**state, "abort": self.cut_off}
        self._patience = self.loop.call_later(HEAD_TIME, self.cut_off)

    def connection_lost(self, exc: Exception | None) -> None:
        self.leave()
        self._silence()
        self._head_is_there()
        self._stop_waiting()
        self._unset_keepalive_if_required()
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused or self.transport.is_closing():
            return  # the answer is on its way; what still comes is not read
        self._began = False
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        if self._patience is None:
            self._patience = self.loop.call_later(HEAD_TIME, self.cut_off)
        if not self._began:  # the first piece may hold the end of another request
            self._head += len(data)
        if self._head > self.head:
            self._refuse(431, "too-large", N_("The head of the request is too large."))

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= PIPELINED:
            raise _TooManyRequestsWait
        super().on_message_begin()
        self._in_head, self._began, self._reading, self._head = True, True, True, 0

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_is_there()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._reading = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        if not self.pipeline and self.cycle.more_body:
            self.transport.close()  # nobody reads the rest of the content
            return
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        if len(self.pipeline) >= PIPELINED:
            self.warn("%s sends requests without waiting for answers: cut off", self.caller)
            self.cut_off()
            return
        self._refuse(400, "bad-request", N_("This isn't HTTP."))

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.unsent_elsewhere() > UNSENT:
            self.warn("%s doesn't take the answers it asked for: cut off", self.caller)
            self.cut_off()
            return
        self._wait_for_reader(self.unsent)

    def resume_writing(self) -> None:
        self._stop_waiting()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        if self.unsent:
            self.cut_off()
        super().timeout_keep_alive_handler()

    def _unsupported_upgrade_warning(self) -> None:
        """Not worth a warning: the request is answered as if it hadn't asked."""

    def _head_is_there(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _wait_for_reader(self, left: int) -> None:
        """Look again after `TAKE_TIME` whether the caller took some of the bytes `left`."""
        self._stop_waiting()
        self._taking = self.loop.call_later(TAKE_TIME, self._look_at_reader, left)

    def _look_at_reader(self, left: int) -> None:
        if self.unsent >= left:
            self.cut_off()
        else:
            self._wait_for_reader(self.unsent)

    def _stop_waiting(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _refuse(self, status: int, kind: str, text: Text) -> None:
        """Answer before there is a request whose language could be known, and hang up."""
        self._refused = True
        self._head_is_there()
        body = problem(status, Http(status, kind, text), self._language()).content
        retry = b"retry-after: 1\r\n" if status == 429 else b""
        self.transport.write(
            b"%bcontent-type: %b\r\ncontent-length: %d\r\n%bconnection: close\r\n\r\n%b"
            % (STATUS_LINE[status], PROBLEM.encode(), len(body), retry, body)
        )
        self._silence()
        self.transport.close()
        self._taking = self.loop.call_later(TAKE_TIME, self.cut_off)


class PeerProtocol(BoundedProtocol):
    """The caller is the process at the other end of the unix socket, known by its uid."""

    _peer = Peer(0, 0, 0)

    def __init__(self, config: Config, state: ServerState, places: Places[int], language: Callable[[], str]) -> None:
        super().__init__(config, state, language)
        self._places = places

    def admit(self) -> dict[str, Any] | None:
        self._peer = peer_of(self.transport.get_extra_info("socket"))
        if not self._places.take(self._peer.uid, self, self.loop.time()):
            return None
        return {"peer": self._peer}

    def leave(self) -> None:
        self._places.leave(self._peer.uid, self)

    def unsent_elsewhere(self) -> int:
        return self._places.unsent_by_others(self._peer.uid, self)

    @property
    def caller(self) -> str:
        return f"uid {self._peer.uid}"


class Server:
    """The listening API. `start`, then `stop` once or more."""

    def __init__(self, api: Api, sock: socket.socket) -> None:
        self._api = api
        self._places = Places(api.gate.is_privileged)
        self._config = Config(
            api, http=PeerProtocol, ws="none", lifespan="off", interface="asgi3", loop="none", log_config=None,
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
        self._server = await loop.create_unix_server(self._protocol, sock=self._socket, backlog=BACKLOG, **stays)

    def _protocol(self) -> PeerProtocol:
        return PeerProtocol(self._config, self._state, self._places, lambda: self._api.language)

    async def stop(self, seconds: float = 3.0) -> None:
        """Take no new connections, let the requests under way finish for `seconds`, then cut them off."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        await finish(self._state, seconds)

    @property
    def busy(self) -> int:
        """Requests under way."""
        return len(self._state.tasks)


async def finish(state: ServerState, seconds: float) -> None:
    """Let the requests under way finish for `seconds`, then cut them off, and all connections."""
    for connection in list(state.connections):
        connection.shutdown()
    tasks = set(state.tasks)
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            log.warning("%d requests were cut off by the stop", len(late))
            await asyncio.wait(late, timeout=1)
    for connection in list(state.connections):
        connection.transport.abort()
