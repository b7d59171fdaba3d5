"""The app as its screens, bars and helpers see it; `wtpd.tui.app.WtpdApp` is the one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from textual import events
from textual.app import App

from wtpd.texts import Text
from wtpd.tui.crash import Mishaps
from wtpd.tui.glyphs import Glyphs
from wtpd.tui.session import Session
from wtpd.tui.terminal import Mode


class Shell(App[int]):
    session: Session
    terminal_mode: Mode
    mishaps: Mishaps
    reached: bool
    """The daemon answers."""
    importing: Text | None
    """How far the import is that is under way."""
    problems: list[Any] | None
    """What is wrong now, for the top line."""
    message: tuple[str, str]
    """What the message line says, and its tint."""

    @property
    def glyphs(self) -> Glyphs:
        return self.session.glyphs

    @abstractmethod
    def tell(self, text: Text | str, tint: str = "") -> None:
        """Say something in the message line."""

    @abstractmethod
    def redraw_bars(self) -> None:
        """Draw the lines around the screens that say something else now."""

    def note_problems(self, problems: list[Any]) -> None:
        """What is wrong now, for the top line."""
        self.problems = problems
        self.redraw_bars()

    def note_import(self, flag: Text | None) -> None:
        """What the top line says of an import; the events come faster than it changes."""
        if flag != self.importing:
            self.importing = flag
            self.redraw_bars()

    @abstractmethod
    def confirm(
        self, question: Text | str, consequence: Text | str, then: Callable[[], object], typed: str = ""
    ) -> None:
        """Ask, and do `then` on yes."""

    @abstractmethod
    def go_to(self, name: str, key: str | None = None) -> None:
        """To the screen `name`, its cursor on `key`; Esc leads back."""

    @abstractmethod
    def choose_site(self, site: str) -> None:
        """Look at another site; all screens that show one follow."""

    @abstractmethod
    def typed(self, key: events.Key | events.Paste) -> None:
        """Take what was typed at the terminal; it waits for its turn."""

    @abstractmethod
    def hung_up(self) -> None:
        """There is no terminal any more."""

    @abstractmethod
    def action_go_to(self, name: str) -> None: ...

    @abstractmethod
    def action_privacy(self) -> None: ...

    @abstractmethod
    def action_initials(self) -> None: ...

    @abstractmethod
    def action_help(self) -> None: ...

    @abstractmethod
    def action_repaint(self) -> None: ...

    @abstractmethod
    def action_quit_wtpd(self) -> None: ...
