"""A table that draws only what is seen and fetches only what is drawn.

Textual's DataTable measures every row it is given; this one asks for the pages in view. The cursor moves inside the
view and the view jumps by a page, so that a key costs a few hundred bytes on a slow line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, ClassVar

from textual import events
from textual.binding import Binding
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from wtpd.language import say
from wtpd.texts import Text
from wtpd.tui.background import background
from wtpd.tui.widgets.columns import Column, cells, heading
from wtpd.tui.widgets.lines import strip, wrapped
from wtpd.tui.widgets.pages import PAGE, Fetch, Pages, Row

__all__ = ["Column", "Fetch", "Table"]


class Table(Widget, can_focus=True):
    """`key` tells rows apart, so that the cursor stays on its row when the rows are loaded anew. `empty`: what to do
    next if there is nothing."""

    DEFAULT_CSS = "Table { height: 1fr; }"
    BINDINGS: ClassVar[list[Any]] = [
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "first", show=False),
        Binding("end", "last", show=False),
        Binding("enter", "choose", show=False),
    ]

    class Chosen(Message):
        """Enter on a row."""

        def __init__(self, table: Table, row: Row) -> None:
            super().__init__()
            self.table, self.row = table, row

        @property
        def control(self) -> Table:
            return self.table

    class Moved(Message):
        """The cursor stands on another row; None if there is none."""

        def __init__(self, table: Table, row: Row | None) -> None:
            super().__init__()
            self.table, self.row = table, row

        @property
        def control(self) -> Table:
            return self.table

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        key: Callable[[Row], Any],
        empty: Text | str = "",
        heading: bool = True,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.key = key
        self.empty: Text | str = empty
        self.heading = heading
        self.top = 0
        self.cursor = 0
        self._pages = Pages.of(())
        self._filled = False
        """It was told what to show, were it nothing."""

    # What it shows

    def show(self, rows: Sequence[Row]) -> None:
        """Show these rows; the cursor stays on its row if that is still there."""
        self._put(Pages.of(rows), self.row)

    async def serve(self, fetch: Fetch, *, cursor: int | None = None) -> None:
        """Show what `fetch` gives, page by page as it comes into view. Raises what `fetch` raises for the page that
        the cursor is in; the rows stay as they were then."""
        pages = await Pages.around(fetch, max(0, self.cursor if cursor is None else cursor))
        kept = None
        if cursor is None:
            kept = self.row  # of now: it may have been moved meanwhile
        else:
            self.cursor = cursor
        self._put(pages, kept)

    @property
    def total(self) -> int:
        """Rows, loaded or not."""
        return self._pages.total

    def at(self, index: int) -> Row | None:
        """The row, if it is loaded."""
        return self._pages.at(index)

    @property
    def row(self) -> Row | None:
        """The row under the cursor, if it is loaded."""
        return self.at(self.cursor) if self.total else None

    @property
    def seen(self) -> Iterable[Row]:
        """The rows in view that are loaded."""
        for index in range(self.top, min(self.total, self.top + self._seen)):
            if (row := self.at(index)) is not None:
                yield row

    def go_to(self, key: Any) -> bool:
        """Put the cursor on the loaded row with this key."""
        place = self._pages.place_of(lambda row: bool(self.key(row) == key))
        if place is not None:
            self.move_to(place)
        return place is not None

    def move_to(self, index: int) -> None:
        """Put the cursor on this row, or the nearest."""
        index = self._nearest(index)
        before, self.cursor = self.cursor, index
        if self._keep_in_view():
            self.refresh()
        elif before != index:
            self._refresh_row(before)
            self._refresh_row(index)
        if before != index:
            self.post_message(self.Moved(self, self.row))

    def redraw(self) -> None:
        """The rows are the same, but read otherwise (privacy, time)."""
        self.refresh()

    # Keys and mouse

    def action_move(self, by: int) -> None:
        self.move_to(self.cursor + by)

    def action_page(self, by: int) -> None:
        self.move_to(self.cursor + by * max(1, self._seen - 1))

    def action_first(self) -> None:
        self.move_to(0)

    def action_last(self) -> None:
        self.move_to(self.total - 1)

    def action_choose(self) -> None:
        if (row := self.row) is not None:
            self.post_message(self.Chosen(self, row))

    def on_click(self, event: events.Click) -> None:
        index = self.top + event.y - self._head
        if event.y >= self._head and index < self.total:
            self.move_to(index)
            if event.chain > 1:
                self.action_choose()

    def on_mouse_scroll_down(self) -> None:
        self.action_move(3)

    def on_mouse_scroll_up(self) -> None:
        self.action_move(-3)

    def on_focus(self) -> None:
        self._refresh_row(self.cursor)

    def on_blur(self) -> None:
        self._refresh_row(self.cursor)

    def on_resize(self) -> None:
        self._keep_in_view()
        self.refresh()

    # Drawing

    @property
    def _head(self) -> int:
        return int(self.heading)

    @property
    def _seen(self) -> int:
        """Rows in view."""
        return max(1, self.size.height - self._head)

    def _nearest(self, index: int) -> int:
        return max(0, min(index, self.total - 1))

    def _keep_in_view(self) -> bool:
        """Whether the view jumped, by a page, so that the cursor is in it."""
        before = self.top
        seen = self._seen
        if self.cursor < self.top:
            self.top = max(0, self.cursor - seen + 1)
        elif self.cursor >= self.top + seen:
            self.top = self.cursor
        self.top = max(0, min(self.top, self.total - seen))
        return self.top != before

    def _refresh_row(self, index: int) -> None:
        y = index - self.top + self._head
        if self._head <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def _put(self, pages: Pages, kept: Row | None) -> None:
        """Show these from now on, the cursor on the row `kept` if it is at hand."""
        self._pages, self._filled = pages, True
        if kept is not None:
            wanted = self.key(kept)
            place = pages.place_of(lambda row: bool(self.key(row) == wanted))
            self.cursor = self.cursor if place is None else place
        self._settle()

    def _settle(self) -> None:
        """Draw all of it, and say what the cursor is on."""
        self.cursor = self._nearest(self.cursor)
        self._keep_in_view()
        self.refresh()
        self.post_message(self.Moved(self, self.row))

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        more = self.app.glyphs.more  # type: ignore[attr-defined] # our App
        if self.heading and y == 0:
            return strip(heading(self.columns, width, more=more), width, base)
        index = self.top + y - self._head
        if index >= self.total:
            return strip([(self._hint(y - self._head - 1), "dim")], width, base, more=more)
        row = self.at(index)
        if row is None:
            self._want(index)
            return strip([(f" {more}", "dim")], width, base)
        parts = cells(self.columns, row, width, more=more)
        if index == self.cursor and self.has_focus:
            parts = [("".join(text for text, _ in parts), "chosen")]
        elif index == self.cursor:
            parts = [(text, tint or "strong") for text, tint in parts]
        return strip(parts, width, base, more=more)

    def _hint(self, place: int) -> str:
        """A line of what to do next, if there is nothing."""
        if self.total or not self._filled:
            return ""
        lines = wrapped(say(self.empty), max(10, self.size.width - 4))
        return f"  {lines[place]}" if 0 <= place < len(lines) else ""

    # Fetching

    def _want(self, index: int) -> None:
        if self._pages.want(index):
            background(self, partial(self._load, self._pages, index), "table", exclusive=False)

    async def _load(self, pages: Pages, index: int) -> None:
        if not await pages.fetch(index) or pages is not self._pages:
            return
        if index // PAGE == self.cursor // PAGE or self.cursor >= self.total:
            self._settle()
        else:
            self.refresh()
