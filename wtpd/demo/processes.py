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

from wtpd.texts import N_, Text

STOP = 12.0
"""Seconds that a process gets to stop by itself (the daemon needs 10 at most)."""
START = 60.0
POLL = 0.05


LAUNCHER = "wtpd.cli.demo_child"
"""Runs `wtpd …` so that it ends with the process that started it."""


class Failed(Exception):
    """A process didn't start; `text` says why."""

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


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
                *command(*self.arguments, ends_by=signal.SIGKILL),
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
                        raise Failed(
                            N_("{program} ended with exit code {code}; its last line: {line}",
                               program=self.name, code=self._process.returncode, line=_last_line(self.log))
                        )  # fmt: skip
                    await asyncio.sleep(POLL)
        except TimeoutError:
            await self.stop()
            raise Failed(
                N_("{program} wasn't ready after {seconds} s; its last line: {line}",
                   program=self.name, seconds=int(START), line=_last_line(self.log))
            ) from None  # fmt: skip

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


def command(*arguments: str, ends_by: signal.Signals) -> list[str]:
    """The command line of `wtpd …` that gets the signal `ends_by` when this process ends, even by SIGKILL."""
    return [sys.executable, "-m", LAUNCHER, str(os.getpid()), str(ends_by.value), *arguments]


def _last_line(log: Path) -> str:
    try:
        return next(reversed(log.read_text(errors="replace").strip().splitlines()), "–")
    except OSError:
        return "–"


def _clean(environment: Mapping[str, str]) -> dict[str, str]:
    """Without what would lead a process of the demo to the real daemon, or to systemd."""
    foreign = ("WTPD_", "NOTIFY_SOCKET", "LISTEN_", "WATCHDOG_", "CREDENTIALS_DIRECTORY")
    return {name: value for name, value in environment.items() if not name.startswith(foreign)}
