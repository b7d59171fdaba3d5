"""The way to the terminal and back: keys in, pictures out, and everything as it was afterwards.

Textual's own driver takes input for UTF-8 and ends with a traceback where it isn't, stops for ever when the line does,
and asks terminals questions that old ones answer with rubbish on the screen.
"""

from __future__ import annotations

import codecs
import os
import selectors
import sys
import termios
import time
from codecs import getincrementaldecoder
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Condition, Thread
from typing import Any

from textual import constants, events
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from wtpd.tui.painter import Painter
from wtpd.tui.sequences import KeyParser
from wtpd.tui.shell import Shell
from wtpd.tui.terminal import HEIGHT, WIDTH, size_of

ESCAPE = constants.ESCAPE_DELAY
"""Seconds after which Esc alone is the key, and no beginning of another one."""
BEHIND = 256 * 1024
"""Characters waiting for a line that doesn't take them; pictures after that are dropped, and drawn anew later."""
LAST = 1.0
"""Seconds for what is still to be written at the end."""
RESTORED = "\x1b[?2004l\x1b[?7h\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1049l\x1b[?25h\x1b[?1004l\x1b[0m"
"""Paste, wrap, mouse, the other screen, cursor, focus and colours as a shell wants them."""


def _as_latin1(error: UnicodeError) -> tuple[str, int]:
    """An umlaut of a terminal that isn't set to UTF-8."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("wtpd.latin1", _as_latin1)
# Kitty's keyboard protocol would gain us nothing, and stays behind when we are killed.
constants.DISABLE_KITTY_KEY = True  # type: ignore[misc] # Final, but read each time the driver starts
_NOT_SENT = ("\x1b[<u", "\x1b]22;")
"""The end of that protocol, which Textual writes all the same, and the mouse's shape: old terminals show letters."""


class Output(Thread):
    """Writes to the terminal, so that a slow line holds up nothing else. `caught_up` is called, in this thread, when
    pictures were dropped and the line takes some again; `lost` when there is no terminal any more."""

    def __init__(
        self, fileno: int, encoding: str, *, caught_up: Callable[[], object], lost: Callable[[], object]
    ) -> None:
        super().__init__(daemon=True, name="terminal-output")
        self.caught_up, self.lost = caught_up, lost
        self._fileno, self._encoding = fileno, encoding
        self._waiting: deque[str | None] = deque()
        self._size = 0
        self._dropped = False
        self._changed = Condition()

    def write(self, text: str) -> None:
        with self._changed:
            if self._dropped or self._size > BEHIND:
                self._dropped = True
                return
            self._size += len(text)
            self._waiting.append(text)
            self._changed.notify()

    def stop(self) -> None:
        """Write what waits, for a moment."""
        with self._changed:
            self._waiting += [RESTORED, None] if self._dropped else [None]
            self._changed.notify()
        self.join(LAST)

    def run(self) -> None:
        while (text := self._next()) is not None:
            data = text.encode(self._encoding, "replace")
            try:
                while data:
                    data = data[os.write(self._fileno, data) :]
            except OSError:
                self.lost()
                return

    def _next(self) -> str | None:
        """All that waits, at once: fewer packets."""
        with self._changed:
            while not self._waiting:
                if self._dropped:
                    self._dropped = False
                    self.caught_up()
                self._changed.wait()
            texts = []
            while self._waiting and self._waiting[0] is not None:
                texts.append(self._waiting.popleft() or "")
            self._size = 0
            return "".join(texts) if texts else self._waiting.popleft()


class TerminalDriver(LinuxDriver):
    """Textual's driver for a real terminal, made fit for old terminals and bad lines. The app is a `Shell`."""

    def __init__(self, app: Any, **rest: Any) -> None:
        super().__init__(app, **rest)
        self._wtpd: Shell = app
        assert sys.__stdout__ is not None
        self._out = sys.__stdout__.fileno()
        self._wake: tuple[int, int] | None = None
        self._output: Output | None = None
        self._painter = Painter(*self._get_terminal_size())

    # Out

    def write(self, data: str) -> None:
        if self._output is not None and not data.startswith(_NOT_SENT) and (needed := self._painter.paint(data)):
            self._output.write(needed)

    def forget(self) -> None:
        """The terminal may show anything: all is sent with the next picture."""
        self._painter.forget()

    def resized(self, columns: int, lines: int) -> None:
        """Pictures of this size follow."""
        self._painter.resize(columns, lines)

    def start_application_mode(self) -> None:
        self._output = Output(
            self._out,
            "utf-8" if self._wtpd.terminal_mode.utf8 else "ascii",
            caught_up=lambda: self._tell(self._wtpd.action_repaint),
            lost=lambda: self._tell(self._wtpd.hung_up),
        )
        self._output.start()
        self._wake = os.pipe()
        super().start_application_mode()  # type: ignore[no-untyped-call] # Textual's
        if self._writer_thread is not None:
            self._writer_thread.stop()  # it has written nothing
            self._writer_thread = None

    def disable_input(self) -> None:
        self.exit_event.set()
        if self._wake is not None:
            os.write(self._wake[1], b"x")
        if self._key_thread is not None:
            self._key_thread.join()
            self._key_thread = None
        super().disable_input()
        self.exit_event.clear()

    def close(self) -> None:
        if self._output is not None:
            self._output.stop()
            self._output = None
        if self._wake is not None:
            for end in self._wake:
                os.close(end)
            self._wake = None

    def abandon(self) -> None:
        """Restore the terminal now, whatever hangs; for the very end. Never waits."""
        if self.attrs_before is not None:
            with suppress(termios.error):
                termios.tcflush(self._out, termios.TCOFLUSH)
                termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)
        with suppress(OSError):
            os.set_blocking(self._out, False)
            try:
                os.write(self._out, RESTORED.encode())
            finally:
                os.set_blocking(self._out, True)

    def _get_terminal_size(self) -> tuple[int, int]:
        """What the terminal says, not what COLUMNS and LINES said when the shell began."""
        columns, lines = size_of(self._out)
        return (columns, lines) if columns and lines else (WIDTH, HEIGHT)

    def _query_in_band_window_resize(self) -> None:
        """SIGWINCH does it, through ssh too."""

    def _request_terminal_sync_mode_support(self) -> None:
        """Only where nothing but the answer can come back."""
        if self._wtpd.terminal_mode.rich:
            super()._request_terminal_sync_mode_support()

    # In

    def run_input_thread(self) -> None:
        """Feeds what comes from the terminal to Textual's parser until the end; sleeps as long as nothing comes."""
        assert self._wake is not None
        wake = self._wake[0]
        parser = KeyParser()
        decoder = getincrementaldecoder("utf-8")("wtpd.latin1")
        with selectors.DefaultSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            selector.register(wake, selectors.EVENT_READ)
            fresh = 0.0
            while not self.exit_event.is_set():
                waits = time.monotonic() - fresh < 2 * ESCAPE
                ready = [key.fd for key, _ in selector.select(ESCAPE if waits else None)]
                if self.fileno in ready:
                    try:
                        data = os.read(self.fileno, 4096)
                    except OSError:
                        data = b""
                    if not data:  # its window was closed, or the line was cut
                        self._tell(self._wtpd.hung_up)
                        return
                    fresh = time.monotonic()
                    self._told(parser.feed(text) if (text := decoder.decode(data)) else ())
                elif not ready and (rest := decoder.decode(b"", final=True)):
                    decoder.reset()
                    self._told(parser.feed(rest))
                self._told(parser.tick())

    def send_message(self, message: Message) -> None:
        if isinstance(message, events.Key | events.Paste):
            self._tell(lambda: self._wtpd.typed(message))
        else:
            super().send_message(message)

    def _told(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.process_message(message)

    def _tell(self, what: Callable[[], object]) -> None:
        with suppress(RuntimeError):  # the loop has ended already
            self._loop.call_soon_threadsafe(what)
