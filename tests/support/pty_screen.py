"""A program on a real terminal of its own, seen as its user sees it (pyte emulates the terminal).

async with on_pty(["wtpd", "tui"], size=(80, 24), TERM="putty") as terminal:
    await terminal.until("Overview")
    terminal.type(F3)
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import signal
import struct
import sys
import termios
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import pyte

PATIENCE = 30.0
"""Seconds until a test gives up; never reached when all is well."""
QUIET = 0.3
"""Seconds without a byte after which a picture is taken for finished, where there is nothing to wait for."""
DOWN, UP, PAGE_DOWN, ENTER, ESCAPE = b"\x1b[B", b"\x1b[A", b"\x1b[6~", b"\r", b"\x1b"
CTRL_L = b"\x0c"
WTPD = (sys.executable, "-m", "wtpd")


@dataclass
class PtyScreen:
    """`raw`: every byte that came. `modes` as the program left them: `?25` is there if the cursor is seen."""

    process: asyncio.subprocess.Process
    controller: int
    screen: pyte.Screen
    raw: bytearray = field(default_factory=bytearray)
    _stream: pyte.ByteStream = field(init=False)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._stream = pyte.ByteStream(self.screen)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    @property
    def flat(self) -> str:
        return " ".join(self.text.split())

    @property
    def attributes(self) -> list[object]:
        """The line's settings: echo and so on."""
        return termios.tcgetattr(self.controller)

    @property
    def echoes(self) -> bool:
        return bool(int(self.attributes[3]) & termios.ECHO)  # type: ignore[call-overload] # flags are numbers

    def type(self, keys: bytes) -> None:
        os.write(self.controller, keys)

    def resize(self, columns: int, lines: int) -> None:
        self.screen.resize(lines, columns)
        fcntl.ioctl(self.controller, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    async def until(self, wanted: str | Callable[[], object], *, patience: float = PATIENCE) -> str:
        """Wait until it is on the screen, or true; then the screen."""
        try:
            async with asyncio.timeout(patience):
                while not (wanted in self.flat if isinstance(wanted, str) else wanted()):
                    self._news.clear()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(0.2):
                            await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"never seen: {wanted!r}\n{self.text}\n{bytes(self.raw[-2000:])!r}") from None
        return self.text

    async def quiet(self, seconds: float = QUIET) -> int:
        """Until nothing came for a moment; how many bytes came since the call."""
        before = len(self.raw)
        while True:
            self._news.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._news.wait()
            except TimeoutError:
                return len(self.raw) - before

    async def ended(self) -> int:
        """Its exit code, once all it wrote was read."""
        async with asyncio.timeout(PATIENCE):
            code = await self.process.wait()
        self._read()
        return code

    def hang_up(self) -> None:
        """The window is closed, or the line cut."""
        self._forget()
        os.close(self.controller)
        self.controller = -1

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            while data := os.read(self.controller, 65536):
                self.raw += data
                self._stream.feed(data)
                self._news.set()

    def _readable(self) -> None:
        before = len(self.raw)
        self._read()
        if len(self.raw) == before:  # nobody holds the other side any more
            self._forget()

    def _forget(self) -> None:
        asyncio.get_running_loop().remove_reader(self.controller)


@contextlib.asynccontextmanager
async def on_pty(
    command: Sequence[str], *, size: tuple[int, int] = (80, 24), **variables: str
) -> AsyncIterator[PtyScreen]:
    """`command` as the leader of a session with a terminal of its own; killed at the end if it still runs. Of the
    environment only what `variables` say tells of the terminal."""
    controller, terminal = pty.openpty()
    told = ("SSH", "LC_", "LANG", "TERM", "COLORTERM", "NO_COLOR", "COLUMNS", "LINES", "TMUX", "STY", "WTPD_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(told)}
    environment |= {"TERM": "xterm-256color", "LANG": "C.UTF-8"} | variables
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=environment,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(terminal)
    os.set_blocking(controller, False)
    shown = PtyScreen(process, controller, pyte.Screen(*size))
    asyncio.get_running_loop().add_reader(controller, shown._readable)
    try:
        yield shown
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        if shown.controller >= 0:
            shown.hang_up()
