"""What is shown on a terminal that is too small for the screens."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static

from wtpd.language import say
from wtpd.texts import N_
from wtpd.tui.terminal import HEIGHT, WIDTH


class TooSmall(Screen[None]):
    """Covers all until there is room; nothing is lost below."""

    DEFAULT_CSS = "TooSmall { align: center middle; } TooSmall Static { width: 100%; height: auto; padding: 0 1; }"
    BINDINGS: ClassVar[list[Any]] = []

    def compose(self) -> ComposeResult:
        yield Static(markup=False)

    def on_mount(self) -> None:
        self.say_size()

    def on_resize(self) -> None:
        self.say_size()

    def say_size(self) -> None:
        width, height = self.app.size
        text = N_(
            "This terminal has {width}×{height} characters; wtpd needs {least}. Make it larger, or q to quit.",
            width=width,
            height=height,
            least=f"{WIDTH}×{HEIGHT}",
        )
        self.query_one(Static).update(say(text))
