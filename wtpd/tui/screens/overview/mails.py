"""The status mails that aren't sent: why, and what to do about each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult

from wtpd.client import Json
from wtpd.language import say
from wtpd.texts import N_, N_n, Text
from wtpd.tui.background import background
from wtpd.tui.keys import key
from wtpd.tui.page import Page
from wtpd.tui.palette import Command
from wtpd.tui.widgets.fields import Field
from wtpd.tui.widgets.form import Form
from wtpd.tui.widgets.lines import Span
from wtpd.tui.widgets.sheet import Sheet
from wtpd.tui.widgets.table import Column, Table


class MailsPage(Page):
    """`r` tries one again, `e` sends it to another address, `d` gives it up."""

    NAME = "overview"
    FOLLOWS = ("mail.", "config.")
    WRITES = frozenset(("retry", "readdress", "give_up"))
    AUTO_FOCUS = "Table"
    BINDINGS: ClassVar[list[Any]] = [
        key("r", "retry", N_("Retry")),
        key("e", "readdress", N_("Recipient")),
        key("d", "give_up", N_("Dismiss")),
        key("escape", "back", N_("Back")),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._mails: list[Json] = []

    @property
    def title_text(self) -> Text | str:
        return N_("Unsent mails")

    def body(self) -> ComposeResult:
        yield Table(
            [
                Column("", self._sign, width=2),
                Column(N_("since"), lambda one: self.formats.ago(one["queued_at"]), width=14),
                Column(N_("recipient"), lambda one: self.hide(one["recipient"]), width=30),
                Column(N_("reason"), lambda one: one["reason"] or say(N_("not tried yet"))),
            ],
            key=lambda one: one["id"],
            empty=N_("Every mail was sent."),
        )
        yield Sheet(id="mail")

    def on_mount(self) -> None:
        sheet = self.query_one(Sheet)
        sheet.can_focus = False
        sheet.styles.height = 8
        super().on_mount()

    async def load(self) -> None:
        self._mails = await self.api.mails.list()

    def draw(self) -> None:
        self.query_one(Table).show(self._mails)
        self._draw_mail()
        self.refresh_bindings()

    def commands(self) -> Iterable[Command]:
        enabled = self.loaded and bool(self._mails) and self.session.may_write
        yield Command(N_("Try all unsent mails now"), self._retry_all, enabled=enabled)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in self.WRITES and self._row is None:
            return False
        return super().check_action(action, parameters)

    def action_back(self) -> None:
        self.app.pop_screen()

    def action_retry(self) -> None:
        if self._row is not None:
            self._do(partial(self.api.mails.retry, self._row["id"]), N_("The mail is tried now."))

    def action_give_up(self) -> None:
        row = self._row
        if row is None:
            return
        consequence = N_("Nobody is told what was in it: {subject}", subject=row["subject"])
        self.wtpd.confirm(
            N_("Give up this mail?"),
            consequence,
            lambda: self._do(partial(self.api.mails.dismiss, row["id"]), N_("The mail is given up.")),
        )

    def action_readdress(self) -> None:
        row = self._row
        if row is None:
            return

        async def submit(values: Mapping[str, str]) -> int:
            return await self.api.mails.retry(row["id"], to=values["to"])

        field = Field(name="to", label=N_("Recipient"), value=row["recipient"], required=True)
        about = N_("Only for this mail. The site's address for the others is on the screen Mapping.")
        self.app.push_screen(Form(N_("Send to another address"), [field], submit, about=about))

    @property
    def _row(self) -> Json | None:
        row: Json | None = self.query_one(Table).row if self.loaded else None
        return row

    def _retry_all(self) -> None:
        count = len(self._mails)
        self._do(self.api.mails.retry, N_n("1 mail is tried now.", "{count} mails are tried now.", count=count))

    def _do(self, call: Callable[[], Awaitable[int]], done: Text) -> None:
        async def work() -> None:
            await self.attempt(call(), done)

        background(self, work, "mail", exclusive=False)

    @on(Table.Moved)
    def _moved(self) -> None:
        self._draw_mail()
        self.refresh_bindings()

    def _sign(self, one: Json) -> Span:
        glyphs = self.session.glyphs
        return (glyphs.bad, "bad") if one["state"] == "refused" else (glyphs.warn, "warn")

    def _draw_mail(self) -> None:
        sheet, row = self.query_one(Sheet).clear(), self._row
        if row is not None:
            sheet.text(row["subject"], "strong")
            sheet.fact(N_("recipient"), self.hide(row["recipient"]))
            if row["reason"]:
                sheet.text(row["reason"], "bad" if row["state"] == "refused" else "")
            sheet.fact(N_("attempts"), str(row["attempts"]))
            if row["state"] == "waiting":
                sheet.fact(N_("next attempt"), self.formats.ago(row["next_try"]))
        sheet.done()
