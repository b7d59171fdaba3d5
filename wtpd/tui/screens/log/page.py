"""The log itself: follow, stand still, choose, search, open what a line speaks of.

While the screen is looked at it holds a stream of its own, which only says that there are new lines; those that fit are
asked for. So a flood of lines, or a restart of the daemon, costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, Static
from textual.worker import Worker

from wtpd.client import ApiProblem
from wtpd.language import say
from wtpd.texts import N_, Text
from wtpd.tui.background import background
from wtpd.tui.keys import key
from wtpd.tui.page import Page, sentence
from wtpd.tui.palette import Command
from wtpd.tui.screens.appointment import open_appointment
from wtpd.tui.screens.log.cells import columns, write_line
from wtpd.tui.screens.log.lines import Filter, Lines
from wtpd.tui.widgets.bars import Line
from wtpd.tui.widgets.dialogs import Choose, Read
from wtpd.tui.widgets.lines import Span
from wtpd.tui.widgets.table import Table

ASKED: Mapping[str, Text] = {
    "info": N_("all lines"),
    "warning": N_("warnings and errors"),
    "error": N_("errors only"),
}
"""The levels that can be asked for, each with what is worse."""


class Log(Page):
    NAME = "log"
    AUTO_FOCUS = "Table"
    DEFAULT_CSS = """
    Log Horizontal { height: 1; padding: 0 1; display: none; }
    Log Static { width: 2; }
    Log Input { border: none; height: 1; padding: 0; }
    """
    BINDINGS: ClassVar[list[Any]] = [
        key("l", "level", N_("Level")),
        key("c", "connector", N_("Partner")),
        key("s", "site", N_("Site")),
        key("slash", "search", N_("Search")),
        key("f", "follow", N_("Follow")),
        key("d", "details", N_("Details")),
        key("escape", "all_words"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.wanted = Filter()
        self.following = True
        self._lines: Lines | None = None
        self._titles: dict[str, str] = {}
        self._at: int | None = None
        """The line that the cursor was put on, to know when somebody moves it."""
        self._stream: Worker[None] | None = None

    def body(self) -> ComposeResult:
        yield Line(id="filter")
        with Horizontal():
            yield Static("/", markup=False)
            yield Input(placeholder=say(N_("Words that stand in the line")), compact=True)
        yield Table(
            columns(self),
            key=lambda line: line["id"],
            empty=N_("No such line. Esc looks for all words again, l for all levels."),
        )

    # What is loaded

    async def load(self) -> None:
        if not self._titles:
            self._titles = {one["name"]: one["title"] for one in await self.api.connectors.list()}
        lines = self._lines
        if lines is None or lines.wanted != self.wanted:
            lines = Lines(self.api.log.list, self.wanted)
        await lines.catch_up()
        if self.following:
            lines.trim()
        self._lines = lines

    async def _load_older(self, lines: Lines) -> None:
        if await self.attempt(lines.go_back()) and lines is self._lines:
            self.draw()

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        if self._stream is None:
            self._stream = background(self, self._listen, "lines")

    def on_screen_suspend(self) -> None:
        if self._stream is not None:
            self._stream.cancel()
            self._stream = None

    async def _listen(self) -> None:
        def connected(up: bool) -> None:
            if up and self.loaded:
                self.stale()  # there may have been lines meanwhile

        try:
            async for _ in self.api.events(kinds="log.line", connected=connected):
                self.stale()
        except ApiProblem as error:
            self.tell(sentence(error), "bad")

    # What is seen

    def draw(self) -> None:
        self.query_one(Input).password = self.session.privacy.on
        table = self.query_one(Table)
        table.show(self._lines.all if self._lines else ())
        if self.following:
            table.move_to(table.total - 1)
        self._at = table.row["id"] if table.row else None
        self._draw_filter()

    def _draw_filter(self) -> None:
        wanted, glyphs = self.wanted, self.session.glyphs
        parts: list[Span] = [(say(ASKED[wanted.level]), "strong")]
        if wanted.connector:
            parts.append((f"  {self._titles.get(wanted.connector, wanted.connector)}", "strong"))
        if wanted.site:
            parts.append((f"  {self.session.site_name(wanted.site)}", "strong"))
        if wanted.words:
            parts.append((f"  /{self.hide(wanted.words)}", "strong"))
        sign = glyphs.ok if self.following else glyphs.paused
        state = N_("follows") if self.following else N_("stands still; End follows")
        follows = f"{sign} {say(state)}"
        self.query_one("#filter", Line).put(
            [(" ", ""), *parts, ("  ", ""), (follows, "ok" if self.following else "warn")]
        )

    @on(Table.Moved)
    def _moved(self, event: Table.Moved) -> None:
        table = event.table
        at = table.row["id"] if table.row else None
        if at != self._at:
            self._at = at
            self._follow(table.cursor >= table.total - 1)
        lines = self._lines
        if table.cursor == 0 and not self.following and lines is not None and lines.older is not None:
            background(self, partial(self._load_older, lines), "older")
        self.refresh_bindings()

    @on(Table.Chosen)
    def _chosen(self, event: Table.Chosen) -> None:
        if event.row["appointment_id"]:
            open_appointment(self.wtpd, event.row["appointment_id"])
        else:
            self.action_details()

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "connector":
            return len(self._titles) > 1
        if action == "site":
            return len(self.session.sites) > 1
        if action == "details":  # of a line that speaks of nothing else they are behind Enter
            row = self.query_one(Table).row if self.loaded else None
            return row is not None and bool(row["appointment_id"])
        return super().check_action(action, parameters)

    def action_level(self) -> None:
        levels = list(ASKED)
        self._want(replace(self.wanted, level=levels[(levels.index(self.wanted.level) + 1) % len(levels)]))

    def action_connector(self) -> None:
        self._choose(N_("Lines of which partner?"), "connector", list(self._titles.items()))

    def action_site(self) -> None:
        self._choose(N_("Lines of which site?"), "site", [(one["id"], one["name"]) for one in self.session.sites])

    def _choose(self, question: Text, field: str, options: Sequence[tuple[str, str]]) -> None:
        def chosen(value: str | None) -> None:
            if value is not None:
                self._want(replace(self.wanted, **{field: value}))

        self.app.push_screen(Choose(question, [("", N_("all")), *options]), chosen)

    def action_search(self) -> None:
        self.query_one(Horizontal).display = True
        self.query_one(Input).focus()

    @on(Input.Submitted)
    def _searched(self, event: Input.Submitted) -> None:
        self._want(replace(self.wanted, words=event.value.strip()))

    def action_all_words(self) -> None:
        self._want(replace(self.wanted, words=""))

    def action_follow(self) -> None:
        self._follow(not self.following)
        if self.following:
            self.draw()

    def action_details(self) -> None:
        line = self.query_one(Table).row
        if line is not None:
            self.app.push_screen(Read(N_("Line of the log"), lambda sheet: write_line(sheet, self, line)))

    def commands(self) -> Iterable[Command]:
        yield Command(N_("Show all lines of the log again"), lambda: self._want(Filter()))

    def _want(self, wanted: Filter) -> None:
        self.query_one(Input).value = wanted.words
        self.query_one(Horizontal).display = bool(wanted.words)
        self.query_one(Table).focus()
        if wanted != self.wanted:
            self.wanted = wanted
            self.following = True
            self._draw_filter()
            self.reload()

    def _follow(self, following: bool) -> None:
        if following != self.following:
            self.following = following
            self._draw_filter()
