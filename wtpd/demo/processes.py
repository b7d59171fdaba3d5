"""Processes of the demo: started, waited for, killed or stopped, always within a time limit."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

STOP = 12.0
"""Seconds that a process gets to stop by itself (the daemon needs 10 at most)."""
START = 30.0
POLL = 0.05


class Failed(Exception):
    """A process didn't come up; `log` is where it said why."""

    def __init__(self, name: str, log: Path, reason: str) -> None:
        super().__init__(f"{name}: {reason} (see {log}) {_last_line(log)}".rstrip())
        self.name = name
        self.log = log
        self.reason = reason


@dataclass(slots=True)
class Process:
    """`wtpd …` as a process of its own, whose output goes to a file."""

    name: str
    arguments: tuple[str, ...]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    _process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self, ready: Callable[[], Awaitable[bool]]) -> None:
        """Returns once `ready()` says so. Raises `Failed` if the process ends before, or in `START` seconds."""
        with self.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "wtpd",
                *self.arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=_clean(os.environ) | dict(self.environment),
                # Ctrl-C on the terminal is the demo's to handle: it stops them in order.
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(START):
                while not await ready():
                    if not self.alive:
                        raise Failed(self.name, self.log, f"ended with {self._process.returncode}")
                    await asyncio.sleep(POLL)
        except TimeoutError:
            await self.stop()
            raise Failed(self.name, self.log, f"not ready after {START:.0f} s") from None

    async def kill(self) -> None:
        """As a power cut would: no chance to tidy up."""
        if self._process is not None and self.alive:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()

    async def stop(self) -> None:
        """Politely, then not."""
        if self._process is None or not self.alive:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(STOP):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    def kill_now(self) -> None:
        """Without waiting; for the way out when nothing can be awaited any more."""
        if self._process is not None and self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)


def _last_line(log: Path) -> str:
    try:
        return next(reversed(log.read_text(errors="replace").strip().splitlines()), "")
    except OSError:
        return ""


def _clean(environment: Mapping[str, str]) -> dict[str, str]:
    """Without what would lead a process of the demo to the real daemon, or to systemd."""
    foreign = ("WTPD_", "NOTIFY_SOCKET", "LISTEN_", "WATCHDOG_", "CREDENTIALS_DIRECTORY")
    return {name: value for name, value in environment.items() if not name.startswith(foreign)}
