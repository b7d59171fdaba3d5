"""The lines around every screen: who and what at the top; message, keys and screens at the bottom."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from textual.strip import Strip
from textual.widget import Widget

from wtpd.language import say
from wtpd.texts import N_, N_n, Text
from wtpd.tui.keys import in_signs
from wtpd.tui.shell import Shell
from wtpd.tui.widgets.lines import Span, cell_width, fitted, strip, wrapped
from wtpd.words import SCREENS

if TYPE_CHECKING:
    from textual.screen import Screen


SHORT: dict[str, Text] = {
    "reception": N_("Desk"),
    "credentials": N_("Access"),
    "attention": N_("Attend"),
    "log": N_("Lines"),
}
"""The names of screens that are too long for the bar of a terminal with 80 columns."""


class Bar(Widget):
    """One line of tinted text."""

    DEFAULT_CSS = "Bar { height: 1; }"

    @property
    def wtpd(self) -> Shell:
        return cast("Shell", self.app)

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._drawn: list[Span] | None = None

    def parts(self) -> list[Span]:
        raise NotImplementedError

    def renew(self) -> None:
        """Draw it anew if it says something else now: a line costs some hundred bytes."""
        if self.parts() != self._drawn:
            self.refresh()

    def render_line(self, y: int) -> Strip:
        self._drawn = self.parts()
        return strip(self._drawn, self.size.width, self.rich_style, more=self.wtpd.glyphs.more)


class Line(Bar):
    """A line that its screen writes."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._parts: list[Span] = []

    def put(self, parts: Iterable[Span]) -> None:
        parts = list(parts)
        if parts != self._parts:
            self._parts = parts
            self.refresh()

    def parts(self) -> list[Span]:
        return self._parts


class TopBar(Bar):
    """The screen's name and the box on the left; how things are and what holds for this terminal on the right. Nothing
    in it is bold: terminals that show bold as a colour show it as grey on grey when it is reversed."""

    DEFAULT_CSS = "TopBar { height: 1; text-style: reverse; }"

    def parts(self) -> list[Span]:
        app, glyphs = self.wtpd, self.wtpd.glyphs
        page = self.screen
        title = say(getattr(page, "title_text", "") or "wtpd")
        left = f" {title}"
        box = str(app.session.me["box"]) if app.session.me else "wtpd"
        tail = " ".join([*self._flags(), self._condition()]) + " "
        room = self.size.width - cell_width(tail)
        head = fitted([(left, ""), (f" {glyphs.line} {box}" if box else "", "")], max(0, room), more=glyphs.more)
        return [*head, (tail, "")]

    def _flags(self) -> list[str]:
        app = self.wtpd
        found: list[Text] = []
        if app.importing is not None:
            found.append(app.importing)
        if app.session.privacy.on:
            found.append(N_("hidden"))
        if app.session.me is not None and not app.session.may_write:
            found.append(N_("read only"))
        return [f"[{say(one)}]" for one in found]

    def _condition(self) -> str:
        app, glyphs = self.wtpd, self.wtpd.glyphs
        if not app.reached:
            lost = N_("no connection, trying again")
            return f"{glyphs.bad} {say(lost)}"
        if app.problems is None:
            return ""
        count = len(app.problems)
        text = N_n("{count} problem", "{count} problems", count=count) if count else N_("all is well")
        return f"{glyphs.warn if count else glyphs.ok} {say(text)}"


class MessageBar(Bar):
    """What was done, or why not; stays until something else is said. Takes more lines for a long sentence."""

    DEFAULT_CSS = "MessageBar { height: 1; }"
    MOST = 4
    """Lines."""

    def parts(self) -> list[Span]:
        text, tint = self.wtpd.message
        return [(text, tint)] if text else []

    def renew(self) -> None:
        if self.parts() != self._drawn:
            self._fit()
        super().renew()

    def on_resize(self) -> None:
        self._fit()

    def _fit(self) -> None:
        self.styles.height = min(self.MOST, max(1, len(self._lines())))

    def render_line(self, y: int) -> Strip:
        self._drawn = self.parts()
        lines = self._lines()
        tint = self.wtpd.message[1]
        more = y == self.MOST - 1 and len(lines) > self.MOST
        text = " ".join(lines[y:]) if more else lines[y] if y < len(lines) else ""
        return strip([(f" {text}", tint)], self.size.width, self.rich_style, more=self.wtpd.glyphs.more)

    def _lines(self) -> list[str]:
        return wrapped(self.wtpd.message[0], max(20, self.app.size.width - 2))


class KeyBar(Bar):
    """The keys of the screen and of what has the focus; those that aren't allowed now are in parentheses."""

    DEFAULT_CSS = "KeyBar { height: 1; }"

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, screen: Screen[object]) -> None:
        self.renew()

    def parts(self) -> list[Span]:
        """Where there is no room, the keys that are the same everywhere lose their names."""
        found = self._parts(general=True)
        wide = sum(cell_width(text) for text, _ in found) > self.size.width
        return self._parts(general=False) if wide else found

    def _parts(self, *, general: bool) -> list[Span]:
        found: list[Span] = []
        seen = set()
        active = self.screen.active_bindings
        enter = active.get("enter")
        for one in active.values():
            binding = one.binding
            if not binding.show or binding.action in seen or binding.system:
                continue
            seen.add(binding.action)
            named = general or one.node is not self.app or binding.action == "come_back"
            label = f" {say(Text(binding.description))}" if named else ""
            shown = in_signs(binding.key_display or binding.key, self.wtpd.glyphs)
            if shown == "Enter" and enter is not None and enter.binding.show and enter.binding is not binding:
                shown = binding.key.upper()  # a field of several lines takes Enter for itself
            if one.enabled:
                found += [(" ", ""), (shown, "accent"), (label, "")]
            else:
                found += [(" ", ""), (f"({shown}{label})", "dim")]
        return found


class ScreenBar(Bar):
    """F1 to F8 and where one is."""

    DEFAULT_CSS = "ScreenBar { height: 1; text-style: reverse; }"

    def parts(self) -> list[Span]:
        found: list[Span] = []
        wide = self.size.width >= 120
        for number, name in enumerate(SCREENS, start=1):
            label = say(SCREENS[name] if wide else SHORT.get(name, SCREENS[name]))
            sign = f"F{number}" if wide or number == 1 else str(number)
            here = name == self.wtpd.current_mode
            found.append((f"[{sign} {label}]", "") if here else (f" {sign} {label}" + " " * wide, ""))
        return found
