"""The terminal UI in this process, at a real daemon behind its socket, driven by keys as a user does.

async with opened(daemon.folder / "api.sock", language="de") as tui:
    await tui.press("f2")
    await tui.until("Annahmeansicht")
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from textual.pilot import Pilot

from tests.support.running_clock import CLOCK
from wtpd import language as speech
from wtpd.client import Client
from wtpd.texts import load_catalogues
from wtpd.tui.app import WtpdApp
from wtpd.tui.formats import Formats
from wtpd.tui.session import Session
from wtpd.tui.terminal import Mode
from wtpd.tui.widgets.dialogs import Dialog

PATIENCE = 20.0
"""Seconds until a test gives up; never reached when all is well."""


@dataclass
class Tui:
    """What is on the screen, and the keys."""

    app: WtpdApp
    pilot: Pilot[int]
    mishaps: list[str]
    """What it logged of its own mistakes."""

    @property
    def lines(self) -> list[str]:
        """The screen, line by line."""
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip) for strip in strips]

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines)

    @property
    def svg(self) -> str:
        return self.app.export_screenshot(simplify=True)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        """Into the field that has the focus."""
        names = {" ": "space", "/": "slash", ".": "full_stop", "-": "minus", ":": "colon", "@": "at", ",": "comma"}
        await self.pilot.press(*(names.get(char, char) for char in text))

    async def paste(self, text: str) -> None:
        from textual import events

        self.app.screen.post_message(events.Paste(text))
        await self.pilot.pause()

    async def until(self, wanted: str | Callable[[], object]) -> str:
        """Wait until it is on the screen, or true; then the screen."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not (wanted in self.flat or wanted in self.box if isinstance(wanted, str) else wanted()):
                    await self.pilot.pause(0.02)
        except TimeoutError:
            raise AssertionError(f"never seen: {wanted!r}\n{self.text}") from None
        return self.text

    async def until_gone(self, unwanted: str) -> None:
        await self.until(lambda: unwanted not in self.flat)

    @property
    def flat(self) -> str:
        """The screen without runs of blanks, so that a sentence may be broken anywhere."""
        return " ".join(self.text.split())

    @property
    def box(self) -> str:
        """As `flat`, of the dialog only, without what is to be seen beside it."""
        boxes = self.app.screen.query("Dialog > Vertical") if isinstance(self.app.screen, Dialog) else ()
        for one in boxes:
            left, top, width, height = one.region
            lines = self.lines[top + 1 : top + height - 1]
            return " ".join(" ".join(line[left + 1 : left + width - 1] for line in lines).split())
        return ""


@contextmanager
def nothing_logged() -> Iterator[list[str]]:
    """The terminal UI survives its own mistakes, so that a test wouldn't see them: what it logs is an error here. A
    test of such a mistake takes the messages off the list."""
    messages: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(self.format(record))

    handler = Kept(logging.WARNING)
    log = logging.getLogger("wtpd.tui")
    log.addHandler(handler)
    try:
        yield messages
        assert not messages, "\n".join(messages)
    finally:
        log.removeHandler(handler)


@asynccontextmanager
async def opened(
    socket: Path,
    *,
    language: str = "en",
    size: tuple[int, int] = (80, 24),
    mode: Mode | None = None,
    initials: str = "",
    now: Callable[[], datetime] = CLOCK.now,
) -> AsyncIterator[Tui]:
    """The app at the daemon behind `socket`; it has greeted it when this returns, if it is there. Nothing may go wrong
    in it unnoticed: see `nothing_logged`."""
    await asyncio.to_thread(load_catalogues)
    speech.use(language)
    session = Session(
        Client(str(socket), language=language, initials=initials), Formats(language, now), initials=initials
    )
    app = WtpdApp(session, mode)
    with nothing_logged() as mishaps:
        async with app.run_test(size=size) as pilot:
            tui = Tui(app, pilot, mishaps)
            if socket.exists():
                await tui.until(lambda: session.me is not None)
            yield tui
