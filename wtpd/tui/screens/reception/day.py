"""The day of a site by time, with how full it is (spec: tui.md, 2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult

from wtpd.client import Json
from wtpd.language import say
from wtpd.moments import NotUnderstood, read_day
from wtpd.texts import N_, N_n
from wtpd.tui.background import in_background
from wtpd.tui.keys import key
from wtpd.tui.page import Page
from wtpd.tui.palette import Command
from wtpd.tui.screens.appointment import open_appointment
from wtpd.tui.screens.reception.load import load_spans
from wtpd.tui.screens.reception.rows import columns, legend
from wtpd.tui.screens.reception.search import Search
from wtpd.tui.screens.reception.week import Week
from wtpd.tui.widgets.bars import Line
from wtpd.tui.widgets.dialogs import Choose
from wtpd.tui.widgets.fields import Field
from wtpd.tui.widgets.form import Form, wrong
from wtpd.tui.widgets.lines import Span
from wtpd.tui.widgets.sheet import Sheet
from wtpd.tui.widgets.table import Fetch, Table
from wtpd.words import STATUS

STANDING = ",".join(one for one in STATUS if one != "cancelled")


class Reception(Page):
    NAME = "reception"
    FOLLOWS = ("appointment.", "customer.", "vehicle.", "resource.", "config.")
    BINDINGS: ClassVar[list[Any]] = [
        key("left,less_than_sign", "turn(-1)", N_("Day"), shown="←→"),
        key("right,greater_than_sign", "turn(1)"),
        key("w", "week", N_("Week")),
        key("t", "today", N_("Today")),
        key("d", "date", N_("Date")),
        key("s", "site", N_("Site")),
        key("slash", "search", N_("Search")),
        key("c", "cancelled"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.day: date | None = None
        """The day that is wanted."""
        self.with_cancelled = True
        self._seen: tuple[str, date] | None = None
        """Site and day that are on the screen."""
        self._reception: Json = {}
        self._told_legend = False

    def body(self) -> ComposeResult:
        yield Line(id="day")
        yield Line(id="load")
        yield Table(
            columns(self, lambda one: self.formats.time(one["drop_off"], self._zone(one)), 5, N_("time")),
            key=lambda one: one["id"],
        )

    async def load(self) -> None:
        await self._find_site()
        site = self.session.site
        day = self.day = self.day or self._today
        table = self.query_one(Table)
        if not site:
            table.empty = N_("No site is set up yet: write it into wtpd.yaml.")
            return
        found = await self.api.reception(site, day.isoformat(), day.isoformat())
        stays = (site, day) == self._seen
        table.empty = N_("No appointments on this day. w shows the week, / searches on all days.")
        await table.serve(self._fetch(site, day), cursor=None if stays else 0)
        self._reception = found[0]
        self._seen = site, day

    async def _find_site(self) -> None:
        if not self.session.sites:
            self.session.sites = await self.api.sites()
        if not self.session.site and self.session.sites:
            self.session.site = str(self.session.sites[0]["id"])

    def _fetch(self, site: str, day: date) -> Fetch:
        which = {"site": site, "day": day.isoformat(), "status": None if self.with_cancelled else STANDING}

        async def fetch(offset: int, limit: int) -> tuple[Sequence[Json], int]:
            page = await self.api.appointments.list(**which, offset=offset, limit=limit, count=True)
            return page["items"], int(page["total"])

        return fetch

    @property
    def _today(self) -> date:
        """At the site."""
        return self.formats.today(self.session.zone(self.session.site))

    def _zone(self, one: Mapping[str, Any]) -> str | None:
        return self.session.zone(one["site"])

    def draw(self) -> None:
        table = self.query_one(Table)
        table.redraw()
        if self._seen is None:
            return
        site, day = self._seen
        count = self._reception["appointments"]
        visits = N_n("{count} appointment", "{count} appointments", count=count)
        hidden, today = N_("without cancelled"), N_("today")
        head: list[Span] = [
            (f" {self.session.site_name(site)}", "strong"),
            (f"  {self.formats.long_day(day)}", "title"),
            (f"  {say(visits)}", ""),
        ]
        if not self.with_cancelled:
            head.append((f"  ({say(hidden)})", "dim"))
        if day == self.formats.today(self.session.zone(site)):
            head.append((f"  {say(today)}", "accent"))
        self.query_one("#day", Line).put(head)
        self.query_one("#load", Line).put(self._loads())
        if not self._told_legend and any(one["origin"] != "planner" for one in table.seen):
            self._told_legend = True
            self.tell("".join(text for text, _ in legend(self.session.glyphs)))

    def _loads(self) -> list[Span]:
        """How full the day is, department by department: those that are closed and empty last."""
        found = self._reception["departments"]
        shown = sorted(found, key=lambda one: bool(one["closed"]) and not one["booked"])
        width = 16 if self.size.width < 120 else 24
        parts: list[Span] = []
        for one in shown:
            parts.append((f" {one['department']} ", ""))
            parts += load_spans(self.session, one, width if len(shown) < 3 else width // 2)
            parts.append((" ", ""))
        return parts

    def explain(self, sheet: Sheet) -> None:
        sheet.heading(N_("The signs"))
        for text, tint in legend(self.session.glyphs):
            if text.strip():
                sheet.text(text, tint)
        sheet.fact("c", N_("hides cancelled appointments, or shows them"))

    # What can be done

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "today":
            return self.day != self._today
        if action == "site":
            return len(self.session.sites) > 1
        return super().check_action(action, parameters)

    def commands(self) -> Iterable[Command]:
        about = N_("Hide cancelled appointments") if self.with_cancelled else N_("Show cancelled appointments")
        yield Command(about, self.action_cancelled, "c")
        yield Command(N_("A day on"), lambda: self.action_turn(1), ">")
        yield Command(N_("A day back"), lambda: self.action_turn(-1), "<")
        yield Command(N_("A week on"), lambda: self.action_turn(7))
        yield Command(N_("A week back"), lambda: self.action_turn(-7))

    def show_day(self, day: date, site: str | None = None) -> None:
        """Show this day, of `site` if it is another one."""
        if site is not None and site != self.session.site:
            self.wtpd.choose_site(site)
        self.day = day
        self.reload()

    @on(Table.Chosen)
    def _open(self, event: Table.Chosen) -> None:
        open_appointment(self.wtpd, event.row["id"])

    def action_turn(self, by: int) -> None:
        if self.day is not None:
            self.show_day(self.day + timedelta(days=by))

    def action_today(self) -> None:
        self.show_day(self._today)

    def action_week(self) -> None:
        def opened(day: date | None) -> None:
            if day is not None:
                self.show_day(day)

        if self.day is not None and self.session.site:
            self.app.push_screen(Week(self.session.site, self.day), opened)

    def action_date(self) -> None:
        async def submit(values: Mapping[str, str]) -> date:
            try:
                return read_day(values["day"], self._today)
            except NotUnderstood:
                example = self.formats.short_day(self._today)
                text = N_("“{typed}” is no day; write {example}, or +7 for in a week.", typed=values["day"],
                          example=example)  # fmt: skip
                raise wrong("day", text) from None

        def entered(day: date | None) -> None:
            if day is not None:
                self.show_day(day)

        hint = f"{self.formats.short_day(self._today)}  {self.formats.day(self._today)}  +7"
        field = Field(name="day", label=N_("Day"), required=True, hint=hint)
        self.app.push_screen(Form(N_("Go to a day"), [field], submit), entered)

    @in_background("site")
    async def action_site(self) -> None:
        """The next one where there are two, else a choice."""
        sites = self.session.sites
        if len(sites) == 2:
            chosen = next(one["id"] for one in sites if one["id"] != self.session.site)
        else:
            options = [(one["id"], one["name"]) for one in sites]
            chosen = await self.app.push_screen_wait(Choose(N_("Which site?"), options))
        if chosen is not None:
            self.wtpd.choose_site(str(chosen))

    def action_search(self) -> None:
        self.app.push_screen(Search())

    def action_cancelled(self) -> None:
        self.with_cancelled = not self.with_cancelled
        self.reload()
