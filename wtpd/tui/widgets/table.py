"""A table that draws only what is seen and fetches only what is drawn.

Textual's DataTable measures every row it is given; this one asks for the pages in view. The cursor moves inside the
view and the view jumps by a page, so that a key costs a few hundred bytes on a slow line.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from wtpd.client import ClientError
from wtpd.language import say
from wtpd.texts import Text
from wtpd.tui.widgets.lines import Cell, Span, fitted, spans, strip, wrapped

PAGE = 100
"""Rows fetched at once."""
PAGES = 20
"""Pages kept."""

Row = Any
Fetch = Callable[[int, int], Awaitable[tuple[Sequence[Row], int]]]
"""`fetch(offset, limit)` → rows and how many there are in all."""


@dataclass(frozen=True, slots=True)
class Column:
    """`cell` makes the text out of a row, each time it is drawn. `width` 0: takes what is left, shared by `share`.
    `from_width`: shown only in a table at least that wide."""

    title: Text | str
    cell: Callable[[Row], Cell]
    width: int = 0
    right: bool = False
    from_width: int = 0
    share: int = 1


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
        self.total = 0
        self.top = 0
        self.cursor = 0
        self._pages: OrderedDict[int, Sequence[Row]] = OrderedDict()
        self._fetch: Fetch | None = None
        self._loading: set[int] = set()
        self._generation = 0
        self._filled = False
        """It was told what to show, were it nothing."""

    # What it shows

    def show(self, rows: Sequence[Row]) -> None:
        """Show these rows; the cursor stays on its row if that is still there."""
        kept = self.row
        self._filled = True
        self._fetch = None
        self._generation += 1
        self._pages = OrderedDict(
            (page, rows[page * PAGE : (page + 1) * PAGE]) for page in range((len(rows) + PAGE - 1) // PAGE)
        )
        self.total = len(rows)
        self._return_to(kept, rows)

    async def serve(self, fetch: Fetch, *, cursor: int | None = None) -> None:
        """Show what `fetch` gives, page by page as it comes into view. Raises what `fetch` raises for the page that
        the cursor is in; the rows stay as they were then."""
        wanted = max(0, self.cursor if cursor is None else cursor)
        kept = self.row if cursor is None else None
        page = wanted // PAGE
        rows, total = await fetch(page * PAGE, PAGE)
        if not rows and total:
            page = max(0, total - 1) // PAGE
            rows, total = await fetch(page * PAGE, PAGE)
        self._fetch = fetch
        self._filled = True
        self._generation += 1
        self._loading.clear()
        self._pages = OrderedDict({page: rows})
        self.total = total
        self.cursor = wanted
        self._return_to(kept, rows, page * PAGE)

    def at(self, index: int) -> Row | None:
        """The row, if it is loaded."""
        rows = self._pages.get(index // PAGE)
        place = index % PAGE
        return rows[place] if rows is not None and place < len(rows) else None

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
        for page, rows in self._pages.items():
            for place, row in enumerate(rows):
                if self.key(row) == key:
                    self._set_cursor(page * PAGE + place)
                    return True
        return False

    def move_to(self, index: int) -> None:
        self._set_cursor(index)

    def redraw(self) -> None:
        """The rows are the same, but read otherwise (privacy, time)."""
        self.refresh()

    # Keys and mouse

    def action_move(self, by: int) -> None:
        self._set_cursor(self.cursor + by)

    def action_page(self, by: int) -> None:
        self._set_cursor(self.cursor + by * max(1, self._seen - 1))

    def action_first(self) -> None:
        self._set_cursor(0)

    def action_last(self) -> None:
        self._set_cursor(self.total - 1)

    def action_choose(self) -> None:
        if (row := self.row) is not None:
            self.post_message(self.Chosen(self, row))

    def on_click(self, event: events.Click) -> None:
        index = self.top + event.y - self._head
        if event.y >= self._head and index < self.total:
            self._set_cursor(index)
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

    def _set_cursor(self, index: int) -> None:
        index = max(0, min(index, self.total - 1))
        before, self.cursor = self.cursor, index
        if self._keep_in_view():
            self.refresh()
        elif before != index:
            self._refresh_row(before)
            self._refresh_row(index)
        if before != index:
            self.post_message(self.Moved(self, self.row))

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

    def _return_to(self, kept: Row | None, rows: Sequence[Row], offset: int = 0) -> None:
        if kept is not None:
            wanted = self.key(kept)
            for place, row in enumerate(rows):
                if self.key(row) == wanted:
                    self.cursor = offset + place
                    break
        self.cursor = max(0, min(self.cursor, self.total - 1))
        self._keep_in_view()
        self.refresh()
        self.post_message(self.Moved(self, self.row))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        base = self.rich_style
        sign = self.app.glyphs.more  # type: ignore[attr-defined] # our App
        if self.heading and y == 0:
            return self._heading(width, base, sign)
        index = self.top + y - self._head
        if index >= self.total:
            return self._blank(y, width, base, sign)
        row = self.at(index)
        if row is None:
            self._want(index // PAGE)
            return strip([(f" {sign}", "dim")], width, base)
        parts = self._cells(row, width, sign)
        if index == self.cursor and self.has_focus:
            return strip([("".join(text for text, _ in parts), "chosen")], width, base, more=sign)
        if index == self.cursor:
            return strip([(text, tint or "strong") for text, tint in parts], width, base, more=sign)
        return strip(parts, width, base, more=sign)

    def _heading(self, width: int, base: Style, sign: str) -> Strip:
        parts: list[Span] = []
        for column, size in self._layout(width):
            title = "".join(text for text, _ in fitted([(say(column.title), "")], size, right=column.right, more=sign))
            parts += [(title, "dim"), (" ", "")]
        return strip(parts, width, base)

    def _cells(self, row: Row, width: int, sign: str) -> list[Span]:
        parts: list[Span] = []
        for column, size in self._layout(width):
            parts += fitted(spans(column.cell(row)), size, right=column.right, more=sign)
            parts.append((" ", ""))
        return parts

    def _layout(self, width: int) -> list[tuple[Column, int]]:
        """The columns that fit, with their widths."""
        shown = [column for column in self.columns if width >= column.from_width]
        left = width - sum(column.width for column in shown) - len(shown)
        shares = sum(column.share for column in shown if not column.width) or 1
        return [(one, one.width or max(3, left * one.share // shares)) for one in shown]

    def _blank(self, y: int, width: int, base: Style, sign: str) -> Strip:
        text = ""
        if not self.total and self._filled:
            lines = wrapped(say(self.empty), max(10, width - 4))
            place = y - self._head - 1
            text = f"  {lines[place]}" if 0 <= place < len(lines) else ""
        return strip([(text, "dim")], width, base, more=sign)

    # Fetching

    def _want(self, page: int) -> None:
        if self._fetch is None or page in self._loading:
            return
        self._loading.add(page)
        self.run_worker(self._load(page, self._fetch, self._generation), group="table", exit_on_error=False)

    async def _load(self, page: int, fetch: Fetch, generation: int) -> None:
        try:
            rows, total = await fetch(page * PAGE, PAGE)
        except ClientError:
            return  # it is asked for again once the daemon is back: the page is loaded anew then
        finally:
            if generation == self._generation:
                self._loading.discard(page)
        if generation != self._generation:
            return
        self._pages[page] = rows
        while len(self._pages) > PAGES:
            self._pages.popitem(last=False)
        self.total = total
        self.refresh()
        if self.cursor // PAGE == page:
            self.post_message(self.Moved(self, self.row))
