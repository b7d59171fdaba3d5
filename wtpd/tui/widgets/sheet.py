"""A page of text to read: headings, facts, paragraphs, differences; scrolled by keys, few bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.cells import set_cell_size
from textual import events
from textual.binding import Binding
from textual.strip import Strip
from textual.widget import Widget

from wtpd.language import say
from wtpd.texts import Text
from wtpd.tui.widgets.lines import Cell, Span, cell_width, spans, strip, wrapped


class Sheet(Widget, can_focus=True):
    """Build it anew with `clear` and the `add_…` methods, then `done`; it keeps its place."""

    DEFAULT_CSS = "Sheet { height: 1fr; }"
    BINDINGS: ClassVar[list[Any]] = [
        Binding("up", "scroll(-1)", show=False),
        Binding("down", "scroll(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "edge(-1)", show=False),
        Binding("end", "edge(1)", show=False),
    ]

    def __init__(self, *, id: str | None = None, label: int = 22) -> None:  # noqa: A002 - Textual's name
        """`label`: columns for the labels of facts."""
        super().__init__(id=id)
        self._label = label
        self._blocks: list[tuple[str, Any]] = []
        self._lines: list[list[Span]] = []
        self._width = 0
        self.top = 0

    def clear(self) -> Sheet:
        self._blocks = []
        return self

    def heading(self, text: Text | str) -> Sheet:
        if self._blocks:
            self._blocks.append(("line", []))
        self._blocks.append(("line", [(say(text), "title")]))
        return self

    def fact(self, label: Text | str, value: Cell | Text | None) -> Sheet:
        """A label and its value; nothing if there is no value."""
        shown = say(value) if isinstance(value, Text) else value
        if shown:
            self._blocks.append(("fact", (say(label), spans(shown))))
        return self

    def text(self, text: Text | str, tint: str = "", *, indent: int = 0) -> Sheet:
        self._blocks.append(("text", (say(text), tint, indent)))
        return self

    def line(self, *parts: Span) -> Sheet:
        """One line as it is; what is too long is cut."""
        self._blocks.append(("line", list(parts)))
        return self

    def diff(self, text: str) -> Sheet:
        """A unified diff in colour; its signs say the same without."""
        for line in text.splitlines():
            tint = {"+": "added", "-": "removed", "@": "accent"}.get(line[:1], "")
            self._blocks.append(("text", (line, tint, 0)))
        return self

    def done(self, *, keep_place: bool = True) -> None:
        """Draw it."""
        if not keep_place:
            self.top = 0
        self._lay_out()
        self.refresh()

    @property
    def plain(self) -> str:
        """All of it as text."""
        return "\n".join("".join(text for text, _ in line).rstrip() for line in self._lines)

    def _lay_out(self) -> None:
        self._width = self.size.width
        width = max(20, self._width)
        self._lines = []
        for kind, block in self._blocks:
            if kind == "line":
                self._lines.append(block)
            elif kind == "text":
                text, tint, indent = block
                self._lines += [[(" " * indent + one, tint)] for one in wrapped(text, width - indent)]
            else:
                label, value = block
                self._fact(label, value, width)
        self.top = max(0, min(self.top, len(self._lines) - max(1, self.size.height)))

    def _fact(self, label: str, value: Sequence[Span], width: int) -> None:
        size = min(self._label, width // 2)
        head = set_cell_size(label, size - 1) + " "
        room = width - size
        whole = "".join(text for text, _ in value)
        if cell_width(whole) <= room and "\n" not in whole:
            self._lines.append([(head, "dim"), *value])
            return
        tint = value[0][1] if value else ""
        for number, one in enumerate(wrapped(whole, room)):
            self._lines.append([(head if number == 0 else " " * size, "dim"), (one, tint)])

    def on_resize(self) -> None:
        if self.size.width != self._width or self.top:
            self._lay_out()
            self.refresh()

    def render_line(self, y: int) -> Strip:
        index = self.top + y
        parts = self._lines[index] if index < len(self._lines) else []
        return strip(parts, self.size.width, self.rich_style, more=self.app.glyphs.more)  # type: ignore[attr-defined] # our App

    def action_scroll(self, by: int) -> None:
        self._to(self.top + by)

    def action_page(self, by: int) -> None:
        self._to(self.top + by * max(1, self.size.height - 1))

    def action_edge(self, side: int) -> None:
        self._to(0 if side < 0 else len(self._lines))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self._to(self.top + 3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self._to(self.top - 3)

    def _to(self, top: int) -> None:
        top = max(0, min(top, len(self._lines) - max(1, self.size.height)))
        if top != self.top:
            self.top = top
            self.refresh()
