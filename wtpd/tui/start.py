"""Opens the terminal UI on this terminal and leaves the terminal as it was, however it ends (spec: tui.md)."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from logging.handlers import MemoryHandler, SysLogHandler
from threading import Thread
from types import FrameType
from typing import TYPE_CHECKING, Any

from wtpd import language as speech
from wtpd.texts import LANGUAGES, N_

if TYPE_CHECKING:
    from wtpd.tui.app import WtpdApp
    from wtpd.tui.terminal import Mode

KEPT = 1000
"""Log records that are kept where the system has no log."""
GRACE = 3.0
"""Seconds after a signal in which the app may end by itself."""
PATIENCE = 1.0
"""Seconds for the daemon to say who we are, while the libraries are loaded."""
SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`language`: None asks the daemon for that of its settings. `mouse`: the app gets it, and the terminal no longer
    marks and copies."""

    socket: str
    mode: Mode
    language: str | None = None
    mouse: bool = False
    initials: str = ""


def start(options: Options) -> int:
    """Run it until its user quits; the exit code. Blocks; wants the main thread and a terminal."""
    me = _ask_meanwhile(options.socket)
    language = options.language or _known(me.get("language")) or speech.current()
    speech.use(language)

    from wtpd.client import Client
    from wtpd.tui.app import WtpdApp
    from wtpd.tui.formats import Formats
    from wtpd.tui.privacy import Privacy
    from wtpd.tui.session import Session

    glyphs = options.mode.glyphs
    session = Session(
        Client(options.socket, language=language, initials=options.initials, door="desk"),
        Formats(language),
        glyphs=glyphs,
        me=me or None,
        privacy=Privacy(glyphs.mask),
        initials=options.initials,
    )
    return run(WtpdApp(session, options.mode), mouse=options.mouse)


def run(app: WtpdApp, *, mouse: bool = False) -> int:
    """The app on this terminal, until it ends; the exit code. Blocks."""
    with _logging():
        asyncio.run(_run(app, mouse=mouse))
    if app.failure:
        print_failure(app.failure)
    return int(app.return_code or 0)


@contextmanager
def _logging(address: str = "/dev/log") -> Iterator[None]:
    """What is logged goes to the system's log (journald reads this socket too). Where there is none it is kept, and
    written to the standard error output once the app has left the terminal."""
    handler: logging.Handler
    try:
        handler = SysLogHandler(address)
        handler.ident = "wtpd-tui: "
    except OSError:
        later = logging.StreamHandler(sys.stderr)
        handler = MemoryHandler(capacity=KEPT, flushLevel=logging.CRITICAL + 1, target=later)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        with suppress(OSError, ValueError):  # there may be no terminal left
            handler.close()


async def _run(app: WtpdApp, *, mouse: bool) -> None:
    with _signals(app):
        await app.run_async(mouse=mouse)


@contextmanager
def _signals(app: WtpdApp) -> Iterator[None]:
    """The app ends on them; if it doesn't, because something hangs, the terminal is restored all the same."""
    loop = asyncio.get_running_loop()
    last: list[int] = []

    def begin(number: int, _: FrameType | None) -> None:
        last.append(number)
        signal.setitimer(signal.ITIMER_REAL, GRACE)
        loop.call_soon_threadsafe(app.end, number)

    def give_up(_: int, __: FrameType | None) -> None:
        abandon: Callable[[], object] | None = getattr(app._driver, "abandon", None)
        if abandon is not None:
            abandon()
        os._exit(128 + last[-1])

    before = {number: signal.signal(number, begin) for number in SIGNALS}
    before[signal.SIGALRM] = signal.signal(signal.SIGALRM, give_up)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def print_failure(failure: str) -> None:
    sentence = speech.say(N_("wtpd tui made a mistake and ended; the daemon goes on. Please report what follows."))
    with suppress(OSError):  # there may be no terminal left
        sys.stderr.write(f"{sentence}\n\n{failure}")
        sys.stderr.flush()


def _known(language: object) -> str:
    return language if isinstance(language, str) and language in LANGUAGES else ""


def _ask_meanwhile(path: str) -> dict[str, Any]:
    """What the daemon says of itself and its caller. While it answers, the libraries are loaded that the first picture
    wants; the client's own take longer and come later."""
    said: list[dict[str, Any]] = []
    asking = Thread(target=lambda: said.append(ask(path)), daemon=True)
    asking.start()
    import wtpd.tui.app  # noqa: F401 - see above

    asking.join(PATIENCE)
    return said[0] if said else {}


def ask(path: str) -> dict[str, Any]:
    """`GET /v1/session`, or nothing. Blocks for a second at most."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as wire:
            wire.settimeout(PATIENCE)
            wire.connect(path)
            wire.sendall(b"GET /v1/session HTTP/1.1\r\nHost: wtpd\r\nConnection: close\r\n\r\n")
            answer = b""
            while part := wire.recv(65536):
                answer += part
        head, _, body = answer.partition(b"\r\n\r\n")
        return dict(json.loads(body)) if b" 200 " in head.partition(b"\r\n")[0] else {}
    except (OSError, ValueError, TypeError):
        return {}
