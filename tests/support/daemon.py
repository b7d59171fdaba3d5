"""The real daemon for tests: in this process, or as a process of its own; over a real unix socket, with real SQLite.

    async with running_daemon(tmp_path, config_text()) as daemon:
        reply = await daemon.http.get("/v1/status")

In this process a blocking call in the event loop is an error (blockbuster).
"""

from __future__ import annotations

import asyncio
import io
import os
import random
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blockbuster import BlockBuster, blockbuster_ctx

from tests.support.running_clock import CLOCK
from tests.support.unix_http import Reply, UnixHttp
from wtpd.clock import Clock
from wtpd.config.environment import Environment
from wtpd.connectors.registry import Registry
from wtpd.daemon.app import Daemon
from wtpd.daemon.health import free_of

PATIENCE = 60.0
"""Seconds after which a test gives up waiting; never reached when all is well."""

SITE = """\
  - id: {site}
    name: Autohaus {name}
    street: Hansestraße 1
    postcode: "18055"
    city: {name}
    region: MV
    status_mail: status@{site}.example
    brands: [NISSAN]
    departments:
      - id: Werkstatt
        capacity: {{mon: 48, tue: 48, wed: 48, thu: 48, fri: 48}}
        load_limit: 100
        drop_off: {{mon: [{{times: "07:00-17:00", slot_minutes: 15, places: 2}}]}}
      - id: Karosserie
        capacity: {{mon: 20}}
"""
NOBODY_MAILS = "mail: {host: 127.0.0.1, port: 9, security: none}\n"
"""A box without a mail server has a problem; this one is away, which shows only once mails have waited a while."""
OFFLINE = "connectors:\n  dat:\n    enabled: false\n"
"""Nobody outside is asked: DAT's real address is its default."""
MAPPING = """\
    partners:
      superservice:
        dealer_number: "{number}"
        department: Werkstatt
"""


def config_text(*, partner: str | None = None, more: str = "", sites: Mapping[str, str | None] | None = None) -> str:
    """A dealership; `sites`: id → dealer number (None: not mapped). `partner`: address of SUPERSERVICE."""
    sites = {"rostock": "00123" if partner else None} if sites is None else sites
    text = "language: de\nmodules: [online_booking]\n" + more
    if not re.search(r"(?m)^mail:", more):
        text += NOBODY_MAILS
    if partner:
        text += (
            f"connectors:\n  superservice:\n    address: {partner}\n    interval: 1h\n    long_poll: 20s\n"
            "    burst: 1ms\n    connect_timeout: 2s\n    read_timeout: 5s\n    total_timeout: 10s\n"
        )
    text += "sites:\n"
    for site, number in sites.items():
        text += SITE.format(site=site, name=site.capitalize())
        text += MAPPING.format(number=number) if number else ""
    return text


@dataclass
class RunningDaemon:
    daemon: Daemon
    folder: Path
    http: UnixHttp
    config: Path
    task: asyncio.Task[int] = field(repr=False)

    async def stop(self) -> int:
        """Ask it to stop; its exit code."""
        self.daemon.stop()
        async with asyncio.timeout(PATIENCE):
            return await self.task

    async def until(self, holds: Callable[[], Awaitable[Any]]) -> Any:
        """Wait for something to become true, by asking again and again."""
        async with asyncio.timeout(PATIENCE):
            while not (found := await holds()):
                await asyncio.sleep(0.01)
        return found

    async def channel(self, id: str = "superservice/rostock") -> Any:  # noqa: A002 - the channel's own word
        """The channel as the API shows it."""
        connectors = (await self.http.get("/v1/connectors")).json["items"]
        return next(one for connector in connectors for one in connector["channels"] if one["id"] == id)

    async def until_channel(self, state: str, id: str = "superservice/rostock") -> Any:  # noqa: A002
        async def look() -> Any:
            channel = await self.channel(id)
            return channel if channel["state"] == state else None

        return await self.until(look)

    async def problems(self, *, language: str = "en") -> list[Any]:
        problems: list[Any] = (await self.http.get("/v1/status", accept_language=language)).json["problems"]
        return problems

    async def enter_credentials(self, provider: str = "superservice", **fields: str) -> Reply:
        given = fields or {"client_id": "sandbox", "client_secret": "sandbox-secret"}
        return await self.http.put(f"/v1/credentials/{provider}/general", {"fields": given})


@contextmanager
def nothing_blocks() -> Iterator[BlockBuster]:
    """A blocking call of our code in the event loop raises. The terminal UI, a process of its own, may read files."""
    with blockbuster_ctx("wtpd", excluded_modules=["wtpd.tui"]) as guard:
        yield guard


@asynccontextmanager
async def running_daemon(
    folder: Path,
    text: str,
    *,
    clock: Clock | None = None,
    registry: Registry | None = None,
    environ: Mapping[str, str] | None = None,
    free_of: Callable[[Path], int] = free_of,
    wait: bool = True,
    watching: bool = False,
    environment: Environment | None = None,
) -> AsyncIterator[RunningDaemon]:
    """The daemon in this event loop, its data below `folder`. An existing wtpd.yaml there is used as it is when `text`
    is empty. `clock`: that of the tests, unless another is given. Hand edits are seen only if it is `watching`; that
    costs up to a second at the end. `environment`: other places than those below `folder`."""
    config = folder / "wtpd.yaml"
    if text:
        config.write_text(text)
    environment = environment or Environment(
        config=config, data_dir=folder / "data", socket=folder / "api.sock", key_file=folder / "wtpd.key"
    )
    with nothing_blocks():
        daemon = Daemon(
            environment,
            environ=environ or {},
            clock=clock or CLOCK,
            registry=registry,
            chance=random.Random(1),
            notices=None if watching else _no_notices,
            free_of=free_of,
        )
        task = asyncio.create_task(daemon.run(), name="daemon")
        running = RunningDaemon(daemon, folder, UnixHttp(folder / "api.sock"), config, task)
        try:
            if wait:
                await _ready(daemon, task)
            yield running
        finally:
            daemon.stop()
            await asyncio.wait({task}, timeout=PATIENCE)
            if not task.done():
                raise AssertionError(f"the daemon doesn't stop; what still runs:\n{_stacks()}")
            if not task.cancelled():
                task.exception()


def _stacks() -> str:
    out = io.StringIO()
    for task in asyncio.all_tasks():
        task.print_stack(file=out)
    return out.getvalue()


async def _no_notices(path: Path, stop: asyncio.Event) -> AsyncIterator[object]:
    await stop.wait()
    return
    yield


async def _ready(daemon: Daemon, task: asyncio.Task[int]) -> None:
    waiting = asyncio.create_task(daemon.ready.wait())
    async with asyncio.timeout(PATIENCE):
        await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
    if not waiting.done():
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        task.result()
        raise AssertionError("the daemon ended before it was ready")


@dataclass
class DaemonProcess:
    """`heard`: what it told systemd, in order."""

    process: asyncio.subprocess.Process
    folder: Path
    http: UnixHttp
    config: Path
    heard: list[str]
    _ready: asyncio.Event
    _news: asyncio.Event

    @property
    def pid(self) -> int:
        return self.process.pid

    async def ready(self) -> None:
        """Until it said READY=1. Raises AssertionError with what it wrote if it ended before."""
        ended = asyncio.create_task(self.process.wait())
        ready = asyncio.create_task(self._ready.wait())
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait({ended, ready}, return_when=asyncio.FIRST_COMPLETED)
        for task in (ended, ready):
            task.cancel()
        if not self._ready.is_set():
            raise AssertionError(f"ended with {self.process.returncode}:\n{self.log}")

    async def until_heard(self, beginning: str) -> str:
        """The first message to systemd that begins so."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for message in self.heard:
                    if message.startswith(beginning):
                        return message
                self._news.clear()
                await self._news.wait()

    async def ended(self) -> int:
        """Its exit code."""
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()

    async def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()

    @property
    def log(self) -> str:
        return (self.folder / "daemon.log").read_text()


@asynccontextmanager
async def daemon_process(
    folder: Path, text: str, *, arguments: tuple[str, ...] = ("-m", "wtpd.daemon"), wait: bool = True, **environ: str
) -> AsyncIterator[DaemonProcess]:
    """The daemon as a process of its own; it is killed at the end if it still runs."""
    config = folder / "wtpd.yaml"
    if text:
        config.write_text(text)
    ready, news = asyncio.Event(), asyncio.Event()
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(folder / "notify"))
        manager.setblocking(False)

        def hear() -> None:
            heard.append(manager.recv(4096).decode())
            news.set()
            if heard[-1].startswith("READY=1"):
                ready.set()

        asyncio.get_running_loop().add_reader(manager, hear)
        environment = {
            **os.environ,
            "WTPD_DATA_DIR": str(folder / "data"),
            "WTPD_SOCKET": str(folder / "api.sock"),
            "WTPD_KEY_FILE": str(folder / "wtpd.key"),
            "NOTIFY_SOCKET": str(folder / "notify"),
            **environ,
        }
        with (folder / "daemon.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, "--config", str(config), env=environment, stdout=log, stderr=log
            )
        running = DaemonProcess(process, folder, UnixHttp(folder / "api.sock"), config, heard, ready, news)
        try:
            if wait:
                await running.ready()
            yield running
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            asyncio.get_running_loop().remove_reader(manager)
            (folder / "notify").unlink()
