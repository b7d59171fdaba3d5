"""The overview itself: the table of what is wrong with its next step, the table of channels, their runs, the box."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from wtpd.client import Json
from wtpd.texts import N_
from wtpd.tui.actions import actions_on, offers
from wtpd.tui.keys import key
from wtpd.tui.palette import Command
from wtpd.tui.screens.overview.channel_page import ChannelPage, sync
from wtpd.tui.screens.overview.columns import of_channels, of_problems
from wtpd.tui.screens.overview.mails import MailsPage
from wtpd.tui.screens.overview.panels import RunsLine, all_is_well, box_parts, write_problem, write_state
from wtpd.tui.screens.overview.reports import write_box, write_channel
from wtpd.tui.screens.overview.runs import RunsPage
from wtpd.tui.widgets.bars import Line
from wtpd.tui.widgets.dialogs import Read
from wtpd.tui.widgets.sheet import Sheet
from wtpd.tui.widgets.table import Table

TICK = 30.0
"""Seconds after which times such as `3 min ago` are written anew."""
OTHER_LINES = 10
"""Lines of the screen that aren't the two tables: four bars, the next step, the runs, the box."""


class Overview(ChannelPage):
    NAME = "overview"
    NOTES_PROBLEMS = True
    FOLLOWS = ("channel.", "run.", "attention.", "config.", "credentials.", "mail.")
    AUTO_FOCUS = "#problems"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - as Textual has it
    DEFAULT_CSS = """
    Overview #next { height: 4; }
    Overview #channels { min-height: 4; }
    Overview #side { width: 42; padding: 0 0 0 2; display: none; }
    Overview.-wide #side { display: block; }
    Overview.-wide #box { display: none; }
    """
    BINDINGS: ClassVar[list[Any]] = [
        key("h", "history", N_("Runs")),
        key("b", "box", N_("Box")),
        key("m", "mails", N_("Mails")),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._status: Json = {}
        self._actions: list[Json] = []
        self._wanted: str | None = None
        """Where the cursor should go once there is something."""

    def body(self) -> ComposeResult:
        with Horizontal():
            with Vertical():
                yield Table(of_problems(self), key=_problem_key, id="problems")
                yield Sheet(id="next")
                yield Table(
                    of_channels(self, self.busy),
                    key=lambda one: one["id"],
                    empty=N_("No connector is set up yet. F3 says which site works with which partner."),
                    id="channels",
                )
                yield RunsLine(id="runs")
                yield Line(id="box")
            yield Sheet(id="side", label=16)

    def on_mount(self) -> None:
        for sheet in self.query(Sheet):
            sheet.can_focus = False
        self.set_interval(TICK, self._tick)
        super().on_mount()

    @property
    def channel(self) -> Json | None:
        row: Json | None = self.query_one("#channels", Table).row
        return row

    async def load(self) -> None:
        if not self.titles:
            self.titles = {one["name"]: one["title"] for one in await self.api.connectors.list()}
            self._actions = await actions_on(self, "connector")
        self._status = await self.api.status()
        self.wtpd.note_problems(self._status["problems"])
        self.query_one(RunsLine).forget()

    def draw(self) -> None:
        problems, channels = (self.query_one(name, Table) for name in ("#problems", "#channels"))
        first = not problems.total and not channels.total
        found = self._status["problems"]
        problems.heading, problems.empty = bool(found), all_is_well(self, self._status)
        problems.styles.height = self._height_of_problems()
        at_the_top = problems.cursor == 0
        problems.show(found)
        if at_the_top:  # a worse one comes to be the first: it is what one should see
            problems.move_to(0)
        channels.show(self._status["channels"])
        if first and not found:
            channels.focus()
        self.query_one("#box", Line).put(box_parts(self, self._status))
        self._draw_cursor()
        self._go_to_wanted()

    def draw_busy(self) -> None:
        self.query_one("#channels", Table).redraw()

    def focus_on(self, key: str) -> None:
        self._wanted = key
        if self.loaded:
            self._go_to_wanted()

    def commands(self) -> Iterable[Command]:
        yield Command(N_("Sync all channels now"), self._sync_all, enabled=self.loaded and self.session.may_write)
        yield from offers(self, self._actions, "")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "box" and not self.loaded:
            return False
        return super().check_action(action, parameters)

    def action_history(self) -> None:
        if self.channel is not None:
            self.app.push_screen(RunsPage(self.channel))

    def action_box(self) -> None:
        self.app.push_screen(Read(N_("The box"), lambda sheet: write_box(sheet, self, self._status)))

    def action_mails(self) -> None:
        self.app.push_screen(MailsPage())

    def _sync_all(self) -> None:
        for channel in self._status["channels"]:
            if self.can("sync", channel) and channel["id"] not in self.busy:
                self.start(N_("syncing"), sync, channel)

    # The cursor

    @on(Table.Chosen)
    def _chosen(self, event: Table.Chosen) -> None:
        """Of a problem, where it is mended; of a channel, its runs."""
        if event.table.id == "channels":
            self.action_history()
            return
        place = event.row["place"]
        if place["screen"] == self.NAME:
            self.focus_on(place["key"])
        else:
            self.wtpd.go_to(place["screen"], place["key"])

    @on(Table.Moved)
    def _moved(self, event: Table.Moved) -> None:
        if event.table.id == "problems" and event.table.has_focus and event.row and event.row["channel"]:
            self.query_one("#channels", Table).go_to(event.row["channel"])
        self._draw_cursor()
        self.refresh_bindings()

    def on_descendant_focus(self) -> None:
        if self.loaded:
            self._draw_cursor()

    def _draw_cursor(self) -> None:
        """What belongs to the row under the cursor."""
        problems, channels = (self.query_one(name, Table) for name in ("#problems", "#channels"))
        sheet = self.query_one("#next", Sheet).clear()
        if problems.row is not None and not channels.has_focus:
            write_problem(sheet, self, problems.row)
        elif channels.row is not None:
            name = channels.row["id"]
            problem = next((one for one in self._status["problems"] if one["channel"] == name), None)
            write_state(sheet, self, channels.row, problem)
        sheet.done(keep_place=False)
        self.query_one(RunsLine).look_at(channels.row)
        self._draw_side()

    def _draw_side(self) -> None:
        side = self.query_one("#side", Sheet)
        if not side.display:
            return
        side.clear()
        if self.channel is not None:
            side.heading(self.channel["id"])
            write_channel(side, self, self.channel)
        side.heading(N_("The box"))
        write_box(side, self, self._status)
        side.done()

    def _go_to_wanted(self) -> None:
        wanted, self._wanted = self._wanted, None
        if wanted is None:
            return
        channels = self.query_one("#channels", Table)
        if wanted == "mails":
            self.action_mails()
        elif channels.go_to(wanted):
            channels.focus()
        else:
            self.action_box()

    def _height_of_problems(self) -> int:
        """The tables share what there is; that of the channels keeps at least half of it, if it needs that much."""
        problems, channels = len(self._status["problems"]), len(self._status["channels"])
        room = self.size.height - OTHER_LINES + self.has_class("-wide")
        if not problems:
            return 3
        return max(3, min(problems + 1, room - min(channels + 1, room // 2)))

    def _tick(self) -> None:
        """Time goes by."""
        if self.loaded and self.is_current:
            self.draw()


def _problem_key(problem: Json) -> tuple[Any, ...]:
    return problem["kind"], problem["channel"], problem["place"]["key"]
