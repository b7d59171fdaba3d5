"""Serves the sandbox over real HTTP: for `wtpd sandbox`, the demo and tests alike."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from uvicorn import Config, Server
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from wtpd.clock import Clock, SystemClock
from wtpd.connectors import registry
from wtpd.connectors.kit.sandbox_side import Receive, Scope, Send
from wtpd.connectors.manifest import Manifest
from wtpd.errors import Unavailable
from wtpd.network_words import of_system
from wtpd.sandbox.app import Sandbox
from wtpd.sandbox.fault_effects import TRANSPORT
from wtpd.sandbox.state import State
from wtpd.texts import N_

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

ADDRESS_FILE = "address"
"""In the state folder, while the sandbox runs: where it listens."""


@dataclass(frozen=True, slots=True)
class RunningSandbox:
    """`address` is like `http://127.0.0.1:43567`. `sandbox` is for tests in the same process."""

    address: str
    sandbox: Sandbox

    def partner(self, name: str) -> str:
        """The address to configure for a connector."""
        return f"{self.address}/{name}"


class _Protocol(HttpToolsProtocol):
    """Puts the connection's transport into the scope, so that faults can cut it."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: self.transport}  # type: ignore[dict-item]  # extensions may hold anything


@contextlib.asynccontextmanager
async def sandbox_server(
    folder: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    seed: int = 0,
    manifests: Iterable[Manifest] | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[RunningSandbox]:
    """Run the sandbox in this event loop, its state in `folder`. `manifests`: all that are installed, if not given.

    Raises `Unavailable` if the port or the folder is taken.
    """
    state = await State.open(folder)
    try:
        listener = _listen(host, port)
        address = _address(listener)
        if manifests is None:
            manifests = (await asyncio.to_thread(registry.load)).manifests.values()
        sandbox = await Sandbox.open(state, manifests, clock=clock or SystemClock(), seed=seed, address=address)
        async with _serving(sandbox, listener):
            yield RunningSandbox(address, sandbox)
    finally:
        await state.close()


async def run_sandbox(host: str, port: int, folder: Path, seed: int, ready: Callable[[RunningSandbox], None]) -> None:
    """Run the sandbox until SIGINT or SIGTERM; `ready` is called once it listens."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    note = folder / ADDRESS_FILE
    try:
        async with sandbox_server(folder, host=host, port=port, seed=seed) as running:
            await asyncio.to_thread(note.write_text, running.address + "\n")
            ready(running)
            await stop.wait()
            await asyncio.to_thread(note.unlink, missing_ok=True)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


@contextlib.asynccontextmanager
async def _serving(app: Sandbox, listener: socket.socket) -> AsyncIterator[None]:
    """uvicorn without its main loop, which ticks ten times a second, and without its patience at the end."""
    stopping = False

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except asyncio.CancelledError:
            if not stopping:  # else it is us, and uvicorn would log it as the app's error
                raise

    config = Config(
        _as_asgi3(call),
        http=_Protocol,
        ws="none",
        proxy_headers=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        backlog=1024,
    )
    config.load()
    server = Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    try:
        yield
    finally:
        stopping = True
        for listening in server.servers:
            listening.close()
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        tasks = list(server.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _as_asgi3(app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> ASGI3Application:
    return app  # type: ignore[return-value]  # uvicorn's private types are narrower than ASGI's


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio sets no TCP_NODELAY
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise Unavailable(
            N_("The sandbox can't listen on {address}: {reason}", address=f"{host}:{port}", reason=of_system(error))
        ) from error
    return listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
