"""The listener as a core service: it listens as the settings say, and its troubles are problems in status, never the
daemon's end (spec: api.md)."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import logging
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from uvicorn.config import Config as HttpConfig
from uvicorn.server import ServerState

from wtpd.clock import Clock
from wtpd.config.model import Config, Listener
from wtpd.daemon.api.server import KEEP_ALIVE, finish
from wtpd.daemon.listener import certificate
from wtpd.daemon.listener.app import ListenerApp
from wtpd.daemon.listener.callers import Networks
from wtpd.daemon.listener.certificate import Identity
from wtpd.daemon.listener.doorway import Doorway, Visitor
from wtpd.daemon.listener.protocol import LanProtocol
from wtpd.errors import Refused, Unavailable, WtpdError
from wtpd.network_words import of_system
from wtpd.texts import N_, Text

log = logging.getLogger(__name__)

LOOK_EVERY = 30.0
"""Seconds between two looks at the certificate's files and the box's address."""
AGAIN = 10.0
"""Seconds until it is tried again after a trouble."""
BACKLOG = 64


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the listener doesn't work as it should, and what to do about it."""

    text: Text
    next_step: Text
    since: datetime


class ListenerService:
    """`run` is a core service. `on_change` is called when a trouble came or went."""

    def __init__(
        self,
        app: ListenerApp,
        config: Callable[[], Config],
        folder: Path,
        environ: Mapping[str, str],
        clock: Clock,
        *,
        on_change: Callable[[], None],
    ) -> None:
        self.trouble: Trouble | None = None
        self.identity: Identity | None = None
        """The certificate in use; None while nothing listens."""
        self._app = app
        self._config = config
        self._folder = folder / "listener"
        handed = environ.get("CREDENTIALS_DIRECTORY")
        self._credentials = Path(handed) if handed else None
        self._clock = clock
        self._on_change = on_change
        self._changed = asyncio.Event()
        self._turn = asyncio.Lock()
        self._in_force = Listener()
        self._seen: tuple[Any, ...] = ()
        self._doorway: Doorway | None = None
        self._http = HttpConfig(
            app, ws="none", lifespan="off", interface="asgi3", loop="none", log_config=None, access_log=False,
            date_header=False, server_header=False, proxy_headers=False, timeout_keep_alive=KEEP_ALIVE,
        )  # fmt: skip
        self._state = ServerState()

    @property
    def settings(self) -> Listener:
        return self._config().listener

    @property
    def listening(self) -> bool:
        return self._doorway is not None

    @property
    def connections(self) -> int:
        return len(self._state.connections)

    @property
    def refused(self) -> int:
        """Connections that weren't let in since it began to listen."""
        return self._doorway.refused if self._doorway is not None else 0

    @property
    def names(self) -> tuple[str, ...]:
        """Names and addresses under which the box may be called."""
        mine = self.identity.names if self.identity is not None else ()
        return (*mine, *self.settings.names)

    def notice(self) -> None:
        """The settings may have changed."""
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._changed.clear()
            async with self._turn:
                await self._look()
            if self._doorway is None and self.trouble is None:
                await self._changed.wait()  # it is off: nobody wakes up for it
            else:
                await self._rest(AGAIN if self.trouble is not None else LOOK_EVERY)

    async def renew(self) -> None:
        """Replace wtpd's own certificate now. Raises `Refused` where the house has one of its own, or none is used."""
        if not self.settings.enabled:
            raise Refused(N_("The listener is off: set listener.enabled in wtpd.yaml."), kind="listener-off")
        if self.settings.certificate is not None:
            raise Refused(N_("The certificate is the house's own; wtpd doesn't replace it."), kind="own-certificate")
        async with self._turn:
            await asyncio.to_thread(certificate.renew, self.settings, self._folder, self._clock.now())
            log.warning("The listener's certificate was renewed by a person: its fingerprint is another one now")
            await self._look()

    async def stop(self, seconds: float) -> None:
        """Take no new connections, let the requests under way finish, then cut them off."""
        self._shut()
        await finish(self._state, seconds)

    async def _look(self) -> None:
        try:
            await self._bring_into_force(self.settings)
            self._well()
        except WtpdError as error:
            self._wrong(error.text, _STEPS.get(error.kind, _LOOK_STEP))
        except Exception as error:
            log.exception("The listener failed")
            self._wrong(N_("wtpd stumbled over an error of its own ({error})", error=type(error).__name__), _LOOK_STEP)

    async def _bring_into_force(self, wanted: Listener) -> None:
        if not wanted.enabled:
            self._shut()
            return
        await asyncio.to_thread(self._folder.mkdir, mode=0o700, exist_ok=True)
        now = self._clock.now()
        found = await asyncio.to_thread(certificate.identity, wanted, self._folder, self._credentials, now)
        seen = await asyncio.to_thread(_stamps, found, wanted)
        if self._doorway is None or seen != self._seen or wanted != self._in_force:
            context = await asyncio.to_thread(certificate.context, found, wanted.client_ca)
            if self._doorway is None or (wanted.address, wanted.port) != self._place:
                self._shut()
                sock = await asyncio.to_thread(_bound, wanted.address, wanted.port)
                self._doorway = Doorway(sock, context, Networks(wanted.networks), self._protocol)
                log.info("Listening on the local network at %s port %d", wanted.address, wanted.port)
            self._doorway.context, self._doorway.networks = context, Networks(wanted.networks)
            if self.identity is not None and self.identity.fingerprint != found.fingerprint:
                log.warning("The listener's certificate changed; its fingerprint is now %s", found.fingerprint)
        self.identity, self._seen, self._in_force = found, seen, wanted
        await asyncio.to_thread(check_address, wanted.address)

    @property
    def _place(self) -> tuple[str, int]:
        return self._in_force.address, self._in_force.port

    def _protocol(self, visitor: Visitor) -> LanProtocol:
        return LanProtocol(self._http, self._state, visitor, self._app.language)

    def _shut(self) -> None:
        if self._doorway is not None:
            self._doorway.close()
            log.info("Not listening on the local network any more")
        self._doorway, self.identity = None, None

    def _well(self) -> None:
        if self.trouble is not None:
            log.info("The listener works again")
            self.trouble = None
            self._on_change()

    def _wrong(self, text: Text, step: Text) -> None:
        before, self.trouble = self.trouble, Trouble(text, step, self._clock.now())
        if before is not None:
            self.trouble = replace(self.trouble, since=before.since)
        if before is None or before.text != text:
            log.error("The listener: %s", text)
            self._on_change()

    async def _rest(self, seconds: float) -> None:
        waiting = [asyncio.ensure_future(self._changed.wait()), asyncio.ensure_future(self._clock.sleep(seconds))]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()


_LOOK_STEP = N_("wtpd tries it again by itself. The journal says more: journalctl -u wtpd -p err")
_STEPS: Mapping[str, Text] = {
    "port-taken": N_("End the other program, or set another listener.port in wtpd.yaml; see: ss -ltnp"),
    "address-gone": N_("Give the box this address, or correct listener.address in wtpd.yaml; see: ip address"),
    "certificate": N_(
        "Correct listener.certificate and listener.key in wtpd.yaml, or take both out, then see: wtpd listener"
    ),
}


def _stamps(found: Identity, wanted: Listener) -> tuple[Any, ...]:
    """What changes when somebody puts other files in place."""
    paths = [found.certificate, found.key, *([Path(wanted.client_ca)] if wanted.client_ca else [])]
    stamps: list[Any] = [found.fingerprint]
    for path in paths:
        with contextlib.suppress(OSError):
            stat = path.stat()
            stamps.append((str(path), stat.st_mtime_ns, stat.st_ino))
    return tuple(stamps)


def _bound(address: str, port: int) -> socket.socket:
    """A listening socket. Raises `Unavailable`."""
    family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind((address, port))
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise _cant_listen(address, port, error) from error
    return sock


def check_address(address: str) -> None:
    """Raises `Unavailable` if the box hasn't the address any more; a socket that listens there wouldn't say so."""
    found = ipaddress.ip_address(address)
    if found.is_unspecified:
        return
    family = socket.AF_INET6 if found.version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            raise _cant_listen(address, 0, error) from error


def _cant_listen(address: str, port: int, error: OSError) -> Unavailable:
    if error.errno == errno.EADDRINUSE:
        text = N_("Another program listens at {address} port {port} already.", address=address, port=port)
        return Unavailable(text, kind="port-taken")
    if error.errno == errno.EADDRNOTAVAIL:
        return Unavailable(N_("The box has no address {address}.", address=address), kind="address-gone")
    text = N_(
        "wtpd can't listen at {address} port {port}: {reason}", address=address, port=port, reason=of_system(error)
    )
    return Unavailable(text, kind="cant-listen")
