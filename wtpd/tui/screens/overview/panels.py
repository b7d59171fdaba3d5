"""The small parts of the overview around its two tables: the next step, the last runs, the box."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from textual.timer import Timer

from wtpd.client import ClientError, Json
from wtpd.language import say
from wtpd.texts import N_, N_n, Text
from wtpd.tui.background import background
from wtpd.tui.cells import channel_cell
from wtpd.tui.page import Page
from wtpd.tui.screens.overview.reports import counted
from wtpd.tui.screens.overview.runs import run_sign
from wtpd.tui.widgets.bars import Line
from wtpd.tui.widgets.lines import Span
from wtpd.tui.widgets.sheet import Sheet
from wtpd.words import SCREENS

REST = 0.15
"""Seconds that the cursor must rest on a channel before its runs are fetched."""
RUNS = 10
"""Runs in the line."""


class RunsLine(Line):
    """The last runs of the channel that the cursor rests on: a sign for each, the newest on the right and in words."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._channel: Json | None = None
        self._known: dict[str, list[Json]] = {}
        self._rest: Timer | None = None

    def look_at(self, channel: Json | None) -> None:
        self._channel = channel
        if self._rest is not None:
            self._rest.stop()
            self._rest = None
        if channel is not None and channel["id"] not in self._known:
            self._rest = self.set_timer(REST, self._ask)
        self.redraw()

    def forget(self) -> None:
        """There may be new ones."""
        self._known.clear()

    def redraw(self) -> None:
        channel = self._channel
        runs = self._known.get(channel["id"]) if channel is not None else None
        if channel is None or runs is None:
            self.put([])
            return
        session = self.wtpd.session
        title = [(f"{channel['id']} ", "dim")]
        if not runs:
            self.put([*title, (say(N_("no run yet")), "")])
            return
        signs = [run_sign(run, session.glyphs) for run in reversed(runs)]
        newest = runs[0]
        at = session.formats.moment(newest["ended_at"], session.zone(channel["site"]))
        self.put([*title, *signs, (f" {at} ", "dim"), (str(newest["error"] or counted(newest)), signs[-1][1])])

    def _ask(self) -> None:
        if self._channel is not None:
            background(self, partial(self._fetch, self._channel["id"]), "runs")

    async def _fetch(self, channel: str) -> None:
        connector, _, site = channel.partition("/")
        try:
            self._known[channel] = await self.wtpd.session.api.connectors.runs(connector, site=site or None, limit=RUNS)
        except ClientError:
            return  # the page says that the daemon is away, and loads anew when it is back
        self.redraw()


def write_problem(sheet: Sheet, page: Page, problem: Json) -> None:
    """The whole sentence, and the one next step."""
    sheet.text(problem["text"], "strong")
    if problem["touches"]:
        sheet.text(_touched(problem))
    sheet.text(f"{page.session.glyphs.to} {next_step(problem)}", "accent")


def next_step(problem: Json) -> str:
    """As the daemon says it, with the key of the screen in place of the program's name: we are in it."""
    place = problem.get("place") or {}
    names = list(SCREENS)
    number = names.index(place["screen"]) + 1 if place.get("screen") in names else 0
    return str(problem["next_step"]).replace("wtpd tui → ", f"F{number} " if number else "")


def _touched(problem: Json) -> Text:
    today = problem["touches_today"]
    if not today:
        return N_n("1 appointment is concerned, none of today.", "{count} appointments are concerned, none of today.",
                   count=problem["touches"])  # fmt: skip
    return N_n("1 appointment is concerned, {today} of today.", "{count} appointments are concerned, {today} of today.",
               count=problem["touches"], today=today)  # fmt: skip


def write_state(sheet: Sheet, page: Page, channel: Json, problem: Json | None) -> None:
    """How a channel is, in some lines; with the next step if that is a problem."""
    state, tint = channel_cell(channel["state"], page.session.glyphs)
    since = page.formats.ago(channel["since"])
    sheet.line((state, tint), (f"  {page.session.site_name(channel['site'])}  ", ""), (since, "dim"))
    if channel["reason"]:
        sheet.text(channel["reason"])
    elif channel["error"]:
        sheet.text(channel["error"], "bad")
    if problem is not None:
        sheet.text(f"{page.session.glyphs.to} {next_step(problem)}", "accent")


def all_is_well(page: Page, status: Json) -> str:
    """What is said when nothing is wrong."""
    newest = max((one["last_success"] for one in status["channels"] if one["last_success"]), default=None)
    said = say(N_("Nothing is wrong."))
    if newest is not None:
        said += " " + say(N_("The last exchange with a partner was {ago}.", ago=page.formats.ago(newest)))
        said += " " + say(N_("v compares both sides, field by field."))
    return f"{page.session.glyphs.ok} {said}"


def box_parts(page: Page, status: Json) -> list[Span]:
    """The box in one line."""
    formats, mail = page.formats, status["mail"]
    facts: Mapping[str, Any] = {
        "wtpd": status["version"],
        say(N_("up")): formats.away(status["started_at"]),
        say(N_("disk")): formats.size(status["disk"]["free"]),
        say(N_("database")): formats.size(status["disk"]["database"]),
        say(N_("mails")): mail["waiting"],
        say(N_("clock")): _clock(page, status["clock"]),
    }
    found: list[Span] = []
    for name, value in facts.items():
        found += [(f"{name} ", "dim"), (f"{value}  ", "")]
    if mail["error"]:
        found.append((say(N_("mails wait")), "bad"))
    return found


def _clock(page: Page, clock: Json) -> str:
    glyphs = page.session.glyphs
    return glyphs.warn if clock["jumped_at"] else glyphs.ok if clock["synchronised"] else "?"
