"""The daemon: its life from start to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from wtpd.clock import Clock, SystemClock
from wtpd.config.diff import Changes
from wtpd.config.environment import Environment
from wtpd.config.model import Config
from wtpd.config.watch import Notices
from wtpd.connectors.registry import Registry, load
from wtpd.daemon import systemd
from wtpd.daemon.assembly import Parts, build
from wtpd.daemon.ground import open_ground
from wtpd.daemon.health import FreeOf, free_of
from wtpd.daemon.lifecycle import STOP_SECONDS, Lifecycle, State, run_stages
from wtpd.daemon.logs import MESSAGES, Redactor
from wtpd.daemon.needs_restart import SetAtStart, tell
from wtpd.daemon.systemd import Notifier
from wtpd.daemon.systemd_status import SystemdStatus

log = logging.getLogger(__name__)


class CoreEnded(Exception):
    """A service without which the daemon makes no sense has ended."""


class Daemon:
    """`run` is its whole life; `stop` and `reload` can be called at any time of it, any number of times."""

    def __init__(
        self,
        environment: Environment,
        *,
        environ: Mapping[str, str],
        redactor: Redactor | None = None,
        clock: Clock | None = None,
        registry: Registry | None = None,
        chance: random.Random | None = None,
        notices: Notices | None = None,
        free_of: FreeOf = free_of,
    ) -> None:
        self.lifecycle = Lifecycle(self._entered)
        self.stopped_well = True
        self.ready = asyncio.Event()
        """Set once the API answers and the channels run."""
        self._environment = environment
        self._environ = environ
        self._redactor = redactor or Redactor()
        self._clock = clock or SystemClock()
        self._registry = registry
        self._chance = chance or random.Random()  # noqa: S311 - for jitter only
        self._notices = notices
        self._free_of = free_of
        self._notifier = Notifier.from_environment(environ)
        self.parts: Parts | None = None
        self._own_path: Path | None = None
        self._listens_at: Path | None = None
        self._reload = asyncio.Event()
        self._reporter: SystemdStatus | None = None

    def listen_to_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        """SIGTERM and SIGINT stop, SIGHUP reloads."""
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self.reload)

    def stop(self) -> None:
        self.lifecycle.stop()

    def reload(self) -> None:
        self._reload.set()

    async def run(self) -> int:
        """Until a stop: 0. If a core service dies: 1. Raises `WtpdError` if it can't start."""
        try:
            code = await self._live()
        finally:
            await self._end()
        return code

    async def _live(self) -> int:
        started = self._clock.monotonic()
        registry = await asyncio.to_thread(load) if self._registry is None else self._registry
        ground = await open_ground(
            self._environment,
            self._environ,
            registry=registry,
            redactor=self._redactor,
            clock=self._clock,
            chance=self._chance,
            free_of=self._free_of,
            state=lambda: str(self.lifecycle.state),
            apply=self._apply,
            notices=self._notices,
        )
        self.parts = parts = await build(ground)
        if self.lifecycle.stopping:
            return 0
        await parts.open_api(await asyncio.to_thread(self._socket, parts.settings.config))
        self._note_what_needs_a_restart(parts)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = self._start_core(group, parts)
                parts.keeper.start_channels()
                if self.lifecycle.enter(State.READY):
                    log.info(
                        "wtpd %s is ready after %.0f ms", parts.version,
                        (self._clock.monotonic() - started) * 1000, extra={"MESSAGE_ID": MESSAGES["started"]},
                    )  # fmt: skip
                await self.lifecycle.until_stopped()
                for task in tasks:
                    task.cancel()
        except ExceptionGroup as errors:
            for error in errors.exceptions:
                log.critical("A core service died; the daemon ends", exc_info=error)
            return 1
        return 0

    def _start_core(self, group: asyncio.TaskGroup, parts: Parts) -> list[asyncio.Task[None]]:
        self._reporter = reporter = SystemdStatus(parts, self._notifier, self._clock)
        services: dict[str, Callable[[], Awaitable[None]]] = {
            **parts.services,
            "reload": self._reloads,
            "status text": reporter.tell_status,
        }
        if self._notifier.watchdog is not None:
            services["watchdog"] = reporter.feed_watchdog
        return [group.create_task(self._core(name, work), name=name) for name, work in services.items()]

    async def _core(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        await work()
        if not self.lifecycle.stopping:
            raise CoreEnded(name)

    async def _end(self) -> None:
        """Everything that was begun, in the order of dependence, whatever state it is in."""
        self.lifecycle.stop()
        parts, self.parts = self.parts, None
        if parts is not None:
            self.stopped_well = await run_stages(parts.stages(), total=STOP_SECONDS)
        if self._own_path is not None:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(self._own_path.unlink)

    async def _apply(self, config: Config, changes: Changes) -> None:
        """New settings come into force."""
        if self.parts is None:
            return
        if not self.lifecycle.enter(State.RELOADING):
            return
        try:
            await self.parts.apply(config, changes)
            await asyncio.to_thread(self._let_in, config)
        finally:
            self.lifecycle.enter(State.READY)

    async def _reloads(self) -> None:
        while True:
            await self._reload.wait()
            self._reload.clear()
            if self.parts is not None:
                self._notifier.reloading()
                await self.parts.settings.reload()
                if self._reporter is not None:
                    await self._reporter.look()
                self._notifier.ready(self._status)

    @property
    def _status(self) -> str:
        return self._reporter.status if self._reporter is not None else ""

    def _socket(self, config: Config) -> socket.socket:
        """systemd's, or one of our own at the place that the environment or the settings say."""
        sock = systemd.inherited_socket(self._environ)
        if sock is None:
            path = self._environment.socket or Path(config.api.socket)
            sock = systemd.own_socket(path)
            self._own_path = path
        self._listens_at = Path(sock.getsockname())
        self._let_in(config)
        return sock

    def _note_what_needs_a_restart(self, parts: Parts) -> None:
        if self._listens_at is None:
            return
        parts.settings.at_start = SetAtStart(
            folder=parts.folder,
            folder_by_environment=self._environment.data_dir is not None,
            socket=self._listens_at,
            socket_by_environment=self._environment.socket is not None,
            activated=self._own_path is None,
        )
        tell(parts.settings.unapplied)

    def _let_in(self, config: Config) -> None:
        if self._listens_at is not None:
            systemd.let_in(self._listens_at, (config.api.read_group, config.api.admin_group))

    def _entered(self, state: State) -> None:
        if state is State.READY and not self.ready.is_set():
            self._notifier.ready(self._status)
            self.ready.set()
        elif state is State.STOPPING:
            if self.parts is not None:  # a start that failed has its reason to tell, and nothing to stop
                log.info("Stopping", extra={"MESSAGE_ID": MESSAGES["stopping"]})
            self._notifier.stopping()
