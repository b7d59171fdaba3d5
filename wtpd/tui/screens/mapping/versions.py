"""Below F3: the versions of wtpd.yaml that were in force, what changed since each, and how to go back to one."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult

from wtpd.client import ClientError, Json
from wtpd.language import say
from wtpd.texts import N_, Text
from wtpd.tui.background import background
from wtpd.tui.cells import BLANK
from wtpd.tui.keys import key
from wtpd.tui.page import Page, sentence
from wtpd.tui.screens.mapping.change import MANY, Differences, consequence
from wtpd.tui.widgets.dialogs import Confirm
from wtpd.tui.widgets.sheet import Sheet
from wtpd.tui.widgets.table import Column, Table

RESTS = 0.1
"""Seconds that the cursor rests on a version before its difference is fetched."""


class GoBack(Differences):
    """What an old version would change; Enter brings it back."""

    BINDINGS: ClassVar[list[Any]] = [
        key("enter", "dismiss(True)", N_("Roll back")),
        key("escape", "dismiss(False)", N_("Back")),
    ]


class Accept(Differences):
    """What a held file lacks; Enter applies it."""

    BINDINGS: ClassVar[list[Any]] = [
        key("enter", "dismiss(True)", N_("Apply")),
        key("escape", "dismiss(False)", N_("Back")),
    ]


async def accept_file(page: Page) -> None:
    """Show what the held file lacks, ask, and apply it."""
    view, _ = await page.api.config.get()
    held = view["held"]
    if held is None:
        page.tell(N_("Nothing waits for a confirmation."), "ok")
        return
    about: Text = N_("wtpd.yaml isn't in force, because something is missing in it:")
    for one in held["losses"]:
        about = N_("{text} {loss}", text=about, loss=lost(one))
    heading = N_("Apply the file without them?")
    if not await page.app.push_screen_wait(Accept(heading, about, ("", held["diff"]))):
        return
    coming = sum(int(one["coming"]) for one in held["losses"])
    if coming > MANY and not await page.app.push_screen_wait(Confirm(heading, about, typed=str(coming))):
        return
    if await page.attempt(page.api.config.accept(held["etag"]), N_("The file is in force now.")) is not None:
        page.stale()


def lost(one: Json) -> Text:
    """A thing that is missing in a file, with the appointments that hang on it."""
    return N_(
        "{name} is missing: {coming} appointments to come, {past} past ones.",
        name=one["name"],
        coming=one["coming"],
        past=one["past"],
    )


class Versions(Page):
    NAME = "mapping"
    FOLLOWS = ("config.",)
    WRITES = frozenset({"roll_back"})
    BINDINGS: ClassVar[list[Any]] = [
        key("b", "roll_back", N_("Roll back")),
        key("escape", "back", N_("Back")),
    ]
    DEFAULT_CSS = """
    Versions Table { height: 1fr; }
    Versions Sheet { height: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._versions: list[Json] = []
        self._broken = False
        self._diff: tuple[int, str] | None = None
        """A version, and what changed since."""

    @property
    def title_text(self) -> Text | str:
        return N_("Versions of the settings")

    def body(self) -> ComposeResult:
        yield Table(
            [
                Column(N_("Version"), lambda row: str(row["number"]), width=8, right=True),
                Column(N_("In force since"), lambda row: self.formats.moment(row["at"]), width=18),
                Column(N_("By"), lambda row: _author(row["author"])),
            ],
            key=lambda row: row["number"],
            empty=N_("No version was kept yet."),
        )
        yield Sheet()

    async def load(self) -> None:
        self._versions = await self.api.config.history()
        self._broken = bool((await self.api.status())["config_errors"])
        self._diff = None

    def draw(self) -> None:
        self.query_one(Table).show(self._versions)
        self._draw_sheet()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "roll_back" and not (self._diff and self._diff[1]):
            return False
        return super().check_action(action, parameters)

    @on(Table.Moved)
    def _moved(self, event: Table.Moved) -> None:
        if event.row is not None and (self._diff is None or self._diff[0] != event.row["number"]):
            self._diff = None
            background(self, partial(self._fetch, event.row["number"]), "diff")

    async def _fetch(self, number: int) -> None:
        await asyncio.sleep(RESTS)
        try:
            answer = await self._preview(number)
        except ClientError as error:
            self.tell(sentence(error), "bad")
            return
        self._diff = number, str(answer["diff"])
        self._draw_sheet()
        self.refresh_bindings()

    async def _preview(self, number: int) -> Json:
        """What going back would change in the file; whoever may only read sees what changed since."""
        if not self.session.may_write:
            return await self.api.config.diff(number)
        shown, _ = await self.api.config.rollback(number, preview=True)
        return shown

    def _draw_sheet(self) -> None:
        sheet = self.query_one(Sheet).clear()
        if self._diff is not None:
            number, diff = self._diff
            if self.session.may_write:
                sheet.heading(N_("What going back to version {number} changes", number=number))
            else:
                sheet.heading(N_("What changed since version {number}", number=number))
            if diff:
                sheet.diff(diff)
            else:
                sheet.text(N_("Nothing: the file is as it was in this version."), "dim")
        sheet.done(keep_place=False)

    def action_roll_back(self) -> None:
        if self._diff is not None:
            background(self, partial(self._roll_back, self._diff[0]), "roll back")

    async def _roll_back(self, number: int) -> None:
        try:
            shown, etag = await self.api.config.rollback(number, preview=True)
        except ClientError as error:
            self.tell(sentence(error), "bad")
            return
        about: Text | str = consequence(shown)
        for one in shown["losses"]:
            about = N_("{text} {loss}", text=about, loss=lost(one))
        if self._broken:
            about = N_("{text} What stands in the file by hand and isn't in force is lost.", text=about)
        heading = N_("Put version {version} back?", version=number)
        if not await self.app.push_screen_wait(GoBack(heading, about, ("", shown["diff"]))):
            return
        concerned = int(shown["cancels"]) + int(shown["stops"])
        if concerned > MANY and not await self.app.push_screen_wait(Confirm(heading, about, typed=str(concerned))):
            return
        confirm = concerned if concerned > MANY else None
        done = N_("Version {version} is in force again.", version=number)
        if await self.attempt(self.api.config.rollback(number, confirm=confirm, etag=etag), done) is not None:
            self.stale()

    def action_back(self) -> None:
        self.dismiss()


def _author(author: str) -> str:
    """`file` stands for whoever wrote into it by hand."""
    return say(N_("by hand, in the file")) if author == "file" else author or BLANK
