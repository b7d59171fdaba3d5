"""F3: which department a partner serves at each site, and under which number; and what is connected with nobody."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.timer import Timer

from wtpd.client import Event, Json
from wtpd.texts import N_
from wtpd.tui.background import background
from wtpd.tui.cells import BLANK, channel_cell
from wtpd.tui.keys import key
from wtpd.tui.page import Page
from wtpd.tui.palette import Command
from wtpd.tui.screens.mapping import about
from wtpd.tui.screens.mapping.change import change_mapping
from wtpd.tui.screens.mapping.versions import Versions, accept_file
from wtpd.tui.widgets.dialogs import Read
from wtpd.tui.widgets.lines import Span
from wtpd.tui.widgets.sheet import Sheet
from wtpd.tui.widgets.table import Column, Table

COUNT_AGAIN = 1.0
"""Seconds after a change of an appointment."""


class Mapping(Page):
    NAME = "mapping"
    FOLLOWS = ("config.", "channel.")
    WRITES = frozenset({"edit", "verify", "accept"})
    BINDINGS: ClassVar[list[Any]] = [
        key("e", "edit", N_("Edit")),
        key("v", "verify", N_("Verify")),
        key("h", "history", N_("Versions")),
        key("a", "accept", N_("Accept file")),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (150, "-wide")]  # noqa: RUF012 - Textual declares it so
    DEFAULT_CSS = """
    Mapping #halves { layout: vertical; }
    Mapping.-wide #halves { layout: horizontal; }
    Mapping.-wide #halves > Table { width: 1fr; max-height: 100%; }
    Mapping.-wide #coverage { width: 56; margin: 0 0 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[Json] = []
        self._coverage: list[Json] = []
        self._channels: dict[str, Json] = {}
        self._errors: list[Json] = []
        self._held = False
        self._file = ""
        self._etag = ""
        self._wanted = ""
        """What the cursor is to stand on once it is loaded."""
        self._counting: Timer | None = None

    def body(self) -> ComposeResult:
        with Container(id="halves"):
            yield Table(
                [
                    Column(N_("Site"), lambda row: row["site_name"]),
                    Column(N_("Partner"), lambda row: row["title"]),
                    Column(N_("Department"), lambda row: row["department"] or BLANK, width=10),
                    Column(N_("Number"), lambda row: row["dealer_number"] or BLANK, width=9),
                    Column(N_("Status mail"), about.status_mail, from_width=100),
                    Column(N_("State"), self._state, width=17),
                ],
                key=key_of,
                empty=N_(
                    "No site is set up yet. Write the first one into wtpd.yaml (sites:); it is taken up by itself."
                ),
            )
            yield Sheet(id="coverage")

    async def load(self) -> None:
        self._rows, self._etag = await self.api.mapping.current()
        self._coverage = await self.api.mapping.coverage()
        status = await self.api.status()
        self._channels = {one["id"]: one for one in status["channels"]}
        self._errors = status["config_errors"]
        self._held = any(one["kind"] == "config_held" for one in status["problems"])
        if self._errors:
            self._file = str((await self.api.config.get())[0]["file"])

    def draw(self) -> None:
        table = self.query_one(Table)
        table.styles.max_height = max(4, len(self._rows) + 1)
        table.show(self._rows)
        if self._wanted and self._go_to(self._wanted):
            self._wanted = ""  # the sheet follows the table, which says where its cursor is

    def heard(self, event: Event) -> None:
        """Appointments come and go by the hundred during a sync; how many there are is counted now and then."""
        super().heard(event)
        if event.kind.startswith("appointment.") and self._counting is None:
            self._counting = self.set_timer(COUNT_AGAIN, self._count_again)

    def _count_again(self) -> None:
        self._counting = None
        self.stale()

    def focus_on(self, key: str) -> None:
        if not (self.loaded and self._go_to(key)):
            self._wanted = key

    def commands(self) -> Iterable[Command]:
        for row in self._rows:
            if row["state"] != "not_available":
                name = N_("Map {partner} at {site}", partner=row["title"], site=row["site_name"])
                yield Command(name, partial(self._edit, row), enabled=self.session.may_write)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        row = self._row
        if action == "edit" and (row is None or row["state"] == "not_available"):
            return False
        if action == "accept" and not self._held:
            return False
        if action == "verify" and (row is None or row["state"] != "ready"):
            return False
        return super().check_action(action, parameters)

    # Keys

    @on(Table.Chosen)
    def _chosen(self, event: Table.Chosen) -> None:
        if self.session.may_write:
            self._edit(event.row)

    @on(Table.Moved)
    def _moved(self) -> None:
        self.refresh_bindings()
        self._draw_sheet()

    def action_edit(self) -> None:
        if self._row is not None:
            self._edit(self._row)

    def _edit(self, row: Json) -> None:
        if row["state"] == "not_available":
            self.tell(str(row["reason"]), "warn")
        elif self._held:
            self.tell(N_("wtpd.yaml waits for a confirmation first: press a."), "warn")
        elif self._errors:
            self.tell(N_("Mend wtpd.yaml first: what is wrong with it is told below."), "bad")
        else:
            change_mapping(self, row, self._etag)

    def action_verify(self) -> None:
        if self._row is not None:
            background(self, partial(self._verify, self._row), "verify")

    def action_accept(self) -> None:
        background(self, partial(accept_file, self), "accept")

    def action_history(self) -> None:
        self.app.push_screen(Versions())

    async def _verify(self, row: Json) -> None:
        self.tell(N_("Asking {partner} who we are there", partner=row["title"]))
        found = await self.attempt(self.api.connectors.verify(row["partner"], site=row["site"]))
        if not found:
            return
        self.tell("")
        glyphs = self.session.glyphs
        self.app.push_screen(Read(about.name_of(row), lambda sheet: about.write_verified(sheet, row, found[0], glyphs)))

    # Drawing

    @property
    def _row(self) -> Json | None:
        row: Json | None = self.query_one(Table).row if self.is_mounted else None
        return row

    def _go_to(self, wanted: str) -> bool:
        """`rostock/superservice`, or the channel's own name, `superservice/rostock`."""
        first, _, second = wanted.partition("/")
        table = self.query_one(Table)
        return table.go_to((first, second)) or table.go_to((second, first))

    def _channel(self, row: Json) -> Json | None:
        return self._channels.get(f"{row['partner']}/{row['site']}")

    def _state(self, row: Json) -> Span:
        channel = self._channel(row)
        state = str(channel["state"]) if channel and row["state"] == "ready" else str(row["state"])
        return channel_cell(state, self.session.glyphs)

    def _draw_sheet(self) -> None:
        sheet, glyphs, row = self.query_one(Sheet).clear(), self.session.glyphs, self._row
        about.write_errors(sheet, self._errors, self._file, glyphs, held=self._held)
        if row is not None:
            about.write_row(sheet, row, self._channel(row))
        titles = {one["partner"]: one["title"] for one in self._rows}
        about.write_coverage(sheet, self._coverage, titles, glyphs)
        sheet.done()


def key_of(row: Json) -> tuple[str, str]:
    return row["site"], row["partner"]
