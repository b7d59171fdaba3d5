"""F7: the daemon's log, live, the newest line at the bottom (spec: tui.md, 7). The lines are English, as in the
journal.

While the screen is looked at it holds a stream of its own, which only says that there are new lines; those that fit are
asked for. So a flood of lines, or a restart of the daemon, costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, Static
from textual.worker import Worker

from wtpd.client import ApiProblem, Json
from wtpd.language import say
from wtpd.texts import N_, Text
from wtpd.tui.background import background
from wtpd.tui.keys import key
from wtpd.tui.page import Page, sentence
from wtpd.tui.palette import Command
from wtpd.tui.screens.appointment import open_appointment
from wtpd.tui.widgets.bars import Line
from wtpd.tui.widgets.dialogs import Choose, Read
from wtpd.tui.widgets.lines import Span
from wtpd.tui.widgets.sheet import Sheet
from wtpd.tui.widgets.table import Column, Table

LEVELS: Mapping[str, tuple[str, str]] = {
    "debug": ("planner", "dim"),
    "info": ("idle", ""),
    "warning": ("warn", "warn"),
    "error": ("bad", "bad"),
    "critical": ("bad", "bad"),
}
"""Glyph and tint of each level."""
ASKED: Mapping[str, Text] = {
    "info": N_("all lines"),
    "warning": N_("warnings and errors"),
    "error": N_("errors only"),
}
"""The levels that can be asked for, each with what is worse."""
PART = 200
"""Lines that are asked for at once."""
PARTS = 10
"""After a longer absence than this many the list begins anew."""
MOST = 5000
"""Lines kept while following; older ones can be asked for again."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which lines are wanted; an empty one wants all."""

    level: str = "info"
    connector: str = ""
    site: str = ""
    words: str = ""

    @property
    def query(self) -> dict[str, str | None]:
        return {
            "level": self.level,
            "connector": self.connector or None,
            "site": self.site or None,
            "q": self.words or None,
        }


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
        self._lines: list[Json] = []
        """Oldest first."""
        self._loaded_for: Filter | None = None
        self._older: str | None = None
        """Where older lines are found."""
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
            [
                Column("", self._sign, width=2),
                Column(N_("when"), self._when, width=12),
                Column(N_("channel"), lambda line: line["channel"] or "", width=22, from_width=110),
                Column(N_("line"), lambda line: (self._masked(line["message"]), LEVELS[line["level"]][1])),
            ],
            key=lambda line: line["id"],
            empty=N_("No such line. Esc looks for all words again, l for all levels."),
        )

    # What is loaded

    async def load(self) -> None:
        if not self._titles:
            self._titles = {one["name"]: one["title"] for one in await self.api.connectors.list()}
        wanted = self.wanted
        newer = await self._newer(wanted) if wanted == self._loaded_for else None
        if newer is None:
            page = await self.api.log.list(**wanted.query, limit=PART)
            self._lines, self._older = page["items"][::-1], page["next_cursor"]
        else:
            self._lines += newer
        self._loaded_for = wanted
        if self.following and len(self._lines) > MOST:
            del self._lines[: len(self._lines) - MOST // 2]
            self._older = str(self._lines[0]["id"])

    async def _newer(self, wanted: Filter) -> list[Json] | None:
        """Lines behind the newest one that is here, oldest first; None if that is too far away."""
        last = self._lines[-1]["id"] if self._lines else 0
        found: list[Json] = []
        before = None
        for _ in range(PARTS):
            page = await self.api.log.list(**wanted.query, limit=PART, before=before)
            newer = [line for line in page["items"] if line["id"] > last]
            found += newer
            before = page["next_cursor"]
            if before is None or len(newer) < len(page["items"]):
                return found[::-1]
        return None

    async def _load_older(self) -> None:
        wanted, before = self.wanted, self._older
        page = await self.attempt(self.api.log.list(**wanted.query, limit=PART, before=before))
        if page is None or not self.is_there or wanted != self._loaded_for or before != self._older:
            return
        self._lines[:0] = page["items"][::-1]
        self._older = page["next_cursor"]
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
        table = self.query_one(Table)
        table.show(self._lines)
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

    def _sign(self, line: Json) -> Span:
        glyph, tint = LEVELS[line["level"]]
        return getattr(self.session.glyphs, glyph), tint

    def _when(self, line: Json) -> str:
        local = self.formats.local(line["at"], self._zone)
        if local.date() == self.formats.today(self._zone):
            return f"{local:%H:%M:%S}"
        return self.formats.moment(line["at"], self._zone)

    @property
    def _zone(self) -> str | None:
        """The clock on which the other screens show times, too."""
        return self.session.zone(self.session.site)

    def _masked(self, text: str) -> str:
        return self.session.privacy.hide_in(text)

    @on(Table.Moved)
    def _moved(self, event: Table.Moved) -> None:
        table = event.table
        at = table.row["id"] if table.row else None
        if at != self._at:
            self._at = at
            self._follow(table.cursor >= table.total - 1)
        if table.cursor == 0 and not self.following and self._older is not None:
            background(self, self._load_older, "older")
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
        self.query_one(Horizontal).display = bool(event.value.strip())
        self.query_one(Table).focus()
        self._want(replace(self.wanted, words=event.value.strip()))

    def action_all_words(self) -> None:
        self.query_one(Input).value = ""
        self.query_one(Horizontal).display = False
        self.query_one(Table).focus()
        self._want(replace(self.wanted, words=""))

    def action_follow(self) -> None:
        self._follow(not self.following)
        if self.following:
            self.draw()

    def action_details(self) -> None:
        line = self.query_one(Table).row
        if line is not None:
            self.app.push_screen(Read(N_("Line of the log"), lambda sheet: self._write(sheet, line)))

    def commands(self) -> Iterable[Command]:
        yield Command(N_("Show all lines of the log again"), lambda: self._want(Filter()))

    def _want(self, wanted: Filter) -> None:
        if wanted != self.wanted:
            self.wanted = wanted
            self.following = True
            self._draw_filter()
            self.reload()

    def _follow(self, following: bool) -> None:
        if following != self.following:
            self.following = following
            self._draw_filter()

    def _write(self, sheet: Sheet, line: Json) -> None:
        sheet.fact(N_("when"), self.formats.exact(line["at"], self._zone))
        sheet.fact(N_("level"), (line["level"], LEVELS[line["level"]][1]))
        sheet.fact(N_("channel"), line["channel"])
        sheet.fact(N_("part of wtpd"), line["logger"])
        sheet.fact(N_("appointment"), line["appointment_id"])
        for name, value in line["fields"].items():
            sheet.fact(name, self.session.privacy.hide_field(name, self._masked(str(value))))
        sheet.heading(N_("The line"))
        for one in self._masked(line["message"]).splitlines():
            sheet.text(one.lstrip(), indent=len(one) - len(one.lstrip()))
