"""The runs of one channel: what each did, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult

from wtpd.client import Json
from wtpd.language import say
from wtpd.texts import N_, N_n, Text
from wtpd.tui.formats import moment_of
from wtpd.tui.glyphs import Glyphs
from wtpd.tui.keys import key
from wtpd.tui.page import Page
from wtpd.tui.screens.overview.reports import COUNTS, counted, write_channel
from wtpd.tui.widgets.dialogs import Read
from wtpd.tui.widgets.lines import Span
from wtpd.tui.widgets.sheet import Sheet
from wtpd.tui.widgets.table import Column, Table

SHOWN = 200
"""Runs in the list."""
TRIGGERS: Mapping[str, Text] = {
    "start": N_("start"),
    "interval": N_("by time"),
    "feed": N_("news from the partner"),
    "local": N_("a change here"),
    "manual": N_("by hand"),
}
"""What set a run off."""


def run_sign(run: Json, glyphs: Glyphs) -> Span:
    """How a run ended: failed, with something to decide, with something done, with nothing to do."""
    if run["error"]:
        return glyphs.bad, "bad"
    if run["conflicts"] or run["quarantined"]:
        return glyphs.warn, "warn"
    if run["applied"] or run["sent"] or run["published"]:
        return glyphs.ok, "ok"
    return glyphs.idle, "dim"


class RunsPage(Page):
    """Enter shows one run as a whole."""

    NAME = "overview"
    FOLLOWS = ("run.", "channel.")
    AUTO_FOCUS = "Table"
    BINDINGS: ClassVar[list[Any]] = [key("escape", "back", N_("Back"))]

    def __init__(self, channel: Json) -> None:
        super().__init__()
        self._channel = channel
        self._runs: list[Json] = []

    @property
    def title_text(self) -> Text | str:
        return N_("Runs of {channel}", channel=self._channel["id"])

    def body(self) -> ComposeResult:
        yield Sheet(id="channel")
        yield Table(
            [
                Column("", lambda run: run_sign(run, self.session.glyphs), width=2),
                Column(N_("when"), lambda run: self._when(run["started_at"]), width=15),
                Column(N_("because of"), lambda run: say(TRIGGERS.get(run["trigger"], run["trigger"])), width=21),
                Column(N_("what it did"), _done),
                Column(N_("took"), lambda run: _seconds(run, self), width=7, right=True, from_width=90),
            ],
            key=lambda run: (run["started_at"], run["trigger"]),
            empty=N_("There was no run yet."),
        )

    def on_mount(self) -> None:
        sheet = self.query_one(Sheet)
        sheet.can_focus = False
        sheet.styles.height = 8
        super().on_mount()

    async def load(self) -> None:
        connector, _, site = self._channel["id"].partition("/")
        self._runs = await self.api.connectors.runs(connector, site=site or None, limit=SHOWN)
        channels = (await self.api.status())["channels"]
        self._channel = next((one for one in channels if one["id"] == self._channel["id"]), self._channel)

    def draw(self) -> None:
        sheet = self.query_one(Sheet)
        write_channel(sheet.clear(), self, self._channel)
        last = self._channel["last_success"]
        if last and (not self._runs or last > self._runs[0]["ended_at"]):
            sheet.text(N_("Runs since the last one below found nothing to do; they are listed once an hour."), "dim")
        sheet.done()
        self.query_one(Table).show(self._runs)

    def action_back(self) -> None:
        self.app.pop_screen()

    @on(Table.Chosen)
    def _chosen(self, event: Table.Chosen) -> None:
        run = event.row
        self.app.push_screen(Read(self.title_text, lambda sheet: self._write(sheet, run)))

    def _when(self, moment: str) -> str:
        return self.formats.moment(moment, self.session.zone(self._channel["site"]))

    def _write(self, sheet: Sheet, run: Json) -> None:
        zone = self.session.zone(self._channel["site"])
        sheet.fact(N_("began"), self.formats.exact(run["started_at"], zone))
        sheet.fact(N_("ended"), self.formats.exact(run["ended_at"], zone))
        sheet.fact(N_("because of"), TRIGGERS.get(run["trigger"], run["trigger"]))
        if run["error"]:
            sheet.fact(N_("error"), (run["error"], "bad"))
        for name, word in COUNTS.items():
            sheet.fact(word, str(run[name]))
        sheet.fact(N_("calls of the partner"), str(run["requests"]))
        if run["quiet"]:
            sheet.text(_quiet(run), "dim")


def _done(run: Json) -> Span:
    if run["error"]:
        return run["error"], "bad"
    return (say(_quiet(run)), "dim") if run["quiet"] > 1 else (counted(run), "")


def _quiet(run: Json) -> Text:
    return N_n("1 run found nothing to do", "{count} runs in a row found nothing to do", count=run["quiet"])


def _seconds(run: Json, page: Page) -> str:
    took = (moment_of(run["ended_at"]) - moment_of(run["started_at"])).total_seconds()
    return "" if run["quiet"] > 1 else f"{page.formats.number(round(took, 1))} s"
