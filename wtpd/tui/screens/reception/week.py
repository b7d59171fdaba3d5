"""The week of a site: a line per day, and how full each department is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult

from wtpd.client import Json
from wtpd.language import say
from wtpd.texts import N_, N_n, Text
from wtpd.tui.keys import key
from wtpd.tui.page import Page
from wtpd.tui.screens.reception.load import load_spans
from wtpd.tui.widgets.bars import Line
from wtpd.tui.widgets.lines import Cell
from wtpd.tui.widgets.table import Column, Table
from wtpd.words import SCREENS

BAR = 10
LOAD = 29
"""Columns for a department: its bar and its figures."""


class Week(Page):
    """Dismissed with the day that was chosen, or None."""

    NAME = "reception"
    FOLLOWS = ("appointment.", "resource.", "config.")
    BINDINGS: ClassVar[list[Any]] = [
        key("left,less_than_sign", "turn(-7)", N_("Week"), shown="←→"),
        key("right,greater_than_sign", "turn(7)"),
        key("t", "today", N_("Today")),
        key("escape,w", "dismiss(None)", N_("Back")),
    ]

    def __init__(self, site: str, day: date) -> None:
        super().__init__()
        self._site = site
        self._day = day
        """The day under the cursor."""
        self._days: list[Json] = []

    @property
    def title_text(self) -> Text | str:
        return N_("{screen}: week", screen=SCREENS["reception"])

    @property
    def _monday(self) -> date:
        return self._day - timedelta(days=self._day.weekday())

    def body(self) -> ComposeResult:
        yield Line(id="week")
        yield Table([], key=lambda one: one["day"])

    async def load(self) -> None:
        monday = self._monday
        sunday = monday + timedelta(days=6)
        self._days = await self.api.reception(self._site, monday.isoformat(), sunday.isoformat())

    def draw(self) -> None:
        first = date.fromisoformat(self._days[0]["day"])
        count = sum(one["appointments"] for one in self._days)
        title = N_("Week {number}, {first} to {last}", number=self.formats.week(first),
                   first=self.formats.short_day(first), last=self.formats.day(first + timedelta(days=6)))  # fmt: skip
        visits = N_n("{count} appointment", "{count} appointments", count=count)
        self.query_one(Line).put(
            [
                (f" {self.session.site_name(self._site)}", "strong"),
                (f"  {say(title)}", "title"),
                (f"  {say(visits)}", ""),
            ]
        )
        table = self.query_one(Table)
        table.columns = (
            Column(N_("day"), self._day_cell, width=9),
            Column(N_("appts"), lambda one: str(one["appointments"]), width=6, right=True),
            *(self._column(one["department"], number) for number, one in enumerate(self._days[0]["departments"])),
        )
        table.show(self._days)
        table.go_to(self._day.isoformat())

    def _day_cell(self, one: Mapping[str, Any]) -> Cell:
        today = one["day"] == self.formats.today(self.session.zone(self._site)).isoformat()
        return f"{self.formats.weekday(one['day'])} {self.formats.short_day(one['day'])}", "accent" if today else ""

    def _column(self, department: str, number: int) -> Column:
        return Column(
            department,
            lambda one: self._load_of(one, department),
            from_width=0 if number < 2 else 20 + LOAD * (number + 1),
        )

    def _load_of(self, day: Mapping[str, Any], department: str) -> Cell:
        found = next((one for one in day["departments"] if one["department"] == department), None)
        return load_spans(self.session, found, BAR) if found else ""

    @on(Table.Moved)
    def _moved(self, event: Table.Moved) -> None:
        """It may be of the week that was left meanwhile by a key: only the weekday counts."""
        if event.row is not None:
            self._day = self._monday + timedelta(days=date.fromisoformat(event.row["day"]).weekday())

    @on(Table.Chosen)
    def _chosen(self, event: Table.Chosen) -> None:
        self.dismiss(date.fromisoformat(event.row["day"]))

    def action_turn(self, by: int) -> None:
        self._day += timedelta(days=by)
        self.reload()

    def action_today(self) -> None:
        self._day = self.formats.today(self.session.zone(self._site))
        self.reload()
