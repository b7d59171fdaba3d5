"""Accepts connections from the local network: who isn't let in costs one accept, and no TLS.

asyncio's own server would take every connection, with 256 KiB of buffer for each TLS handshake, before anybody could
count them.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable

from wtpd.daemon.api.limits import Bounds, Places
from wtpd.daemon.listener.callers import Networks, neighbourhood, plain
from wtpd.daemon.listener.protocol import LanProtocol

log = logging.getLogger(__name__)

BOUNDS = Bounds(connections=64, kept=0, per_caller=16, opened=(10.0, 40.0))
"""Connections over TLS at the same time; one address has 16, and opens 10 a second in the long run."""
HANDSHAKE = 10.0
"""Seconds in which the TLS handshake must be done."""
AT_ONCE = 32
"""Connections that are accepted before others get their turn."""
REST = 1.0
"""Seconds without accepting after the process ran out of file descriptors."""
TOLD = 60.0
"""Seconds between two log lines about callers that aren't let in."""

MakeProtocol = Callable[["Visitor"], LanProtocol]


class Visitor:
    """One accepted connection, from before its handshake to its end."""

    def __init__(self, address: str, local: str, leave: Callable[[Visitor], None]) -> None:
        self.address = address
        self.local = local
        """The box's address at which it came in."""
        self.caller = neighbourhood(address)
        self.protocol: LanProtocol | None = None
        self.task: asyncio.Task[None] | None = None
        self._leave = leave

    @property
    def idle(self) -> bool:
        return self.protocol is None or self.protocol.idle

    @property
    def unsent(self) -> int:
        return self.protocol.unsent if self.protocol is not None else 0

    def drop(self) -> None:
        if self.protocol is not None:
            self.protocol.drop()
        elif self.task is not None:
            self.task.cancel()

    def leave(self) -> None:
        """The connection is gone."""
        self._leave(self)


class Doorway:
    """Accepts at `sock` until it is closed. `networks` and `context` can be replaced; both count for new callers."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, networks: Networks, make: MakeProtocol) -> None:
        self.context = context
        self.networks = networks
        self.places: Places[str] = Places(lambda _: False, BOUNDS)
        self.refused = 0
        """Connections that weren't let in."""
        self._make = make
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._handshakes: set[asyncio.Task[None]] = set()
        self._told = -TOLD
        self._resting: asyncio.TimerHandle | None = None
        self._loop.add_reader(sock, self._accept)

    def close(self) -> None:
        """Accept nobody any more, and end the handshakes under way."""
        self._loop.remove_reader(self._sock)
        if self._resting is not None:
            self._resting.cancel()
        self._sock.close()
        for task in list(self._handshakes):
            task.cancel()

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                sock, peer = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                log.error("Connections can't be accepted for a moment: %s", error)
                self._loop.remove_reader(self._sock)
                self._resting = self._loop.call_later(REST, self._go_on)
                return
            self._admit(sock, peer[0])

    def _go_on(self) -> None:
        self._resting = None
        self._loop.add_reader(self._sock, self._accept)

    def _admit(self, sock: socket.socket, peer: str) -> None:
        sock.setblocking(False)
        address, local = plain(peer), plain(sock.getsockname()[0])
        visitor = Visitor(address, local, self._left)
        if address not in self.networks:
            self._refuse(sock, address, "its network isn't among listener.networks")
        elif not self.places.take(visitor.caller, visitor, self._loop.time()):
            self._refuse(sock, address, "it has too many connections, or opens them too fast")
        else:
            visitor.task = self._loop.create_task(self._shake_hands(sock, visitor))
            self._handshakes.add(visitor.task)
            visitor.task.add_done_callback(self._handshakes.discard)

    async def _shake_hands(self, sock: socket.socket, visitor: Visitor) -> None:
        try:
            await self._loop.connect_accepted_socket(
                lambda: self._make(visitor), sock, ssl=self.context, ssl_handshake_timeout=HANDSHAKE,
                ssl_shutdown_timeout=5.0,
            )  # fmt: skip
        except (OSError, ssl.SSLError, TimeoutError) as error:
            log.debug("%s: no TLS handshake: %s", visitor.address, error)
            visitor.leave()
        except BaseException:  # asyncio closes the socket
            visitor.leave()
            raise

    def _left(self, visitor: Visitor) -> None:
        self.places.leave(visitor.caller, visitor)

    def _refuse(self, sock: socket.socket, address: str, reason: str) -> None:
        sock.close()
        self.refused += 1
        now = self._loop.time()
        if now - self._told >= TOLD:
            self._told = now
            log.warning("A connection from %s is refused: %s", address, reason)
