"""Attention (F5): what somebody has to decide, the heaviest first, and what follows from each choice."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from wtpd.client import Json
from wtpd.language import say
from wtpd.texts import N_, Text
from wtpd.tui.background import background
from wtpd.tui.keys import key
from wtpd.tui.page import Page
from wtpd.tui.palette import Command
from wtpd.tui.screens.attention import entries
from wtpd.tui.screens.attention.decide import Decisions, does
from wtpd.tui.screens.attention.detail import LABEL, Writer, appointment_line, headline
from wtpd.tui.screens.attention.fetch import Details
from wtpd.tui.screens.attention.leads import Leads, concerns_customer
from wtpd.tui.widgets.lines import Cell
from wtpd.tui.widgets.sheet import Sheet
from wtpd.tui.widgets.table import Column, Table
from wtpd.words import SCREENS

SETTLED = 500
"""How many of what was decided are shown, the latest ones."""


class Attention(Page):
    NAME = "attention"
    FOLLOWS = ("attention.",)
    WRITES = frozenset({"decide"})
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - as Textual declares it
    DEFAULT_CSS = """
    Attention #split { layout: vertical; }
    Attention Table { height: 8; }
    Attention Sheet { height: 1fr; border-top: solid $primary; }
    Attention.-wide #split { layout: horizontal; }
    Attention.-wide Table { width: 55%; height: 1fr; }
    Attention.-wide Sheet { width: 1fr; height: 1fr; border-top: none; border-left: solid $primary; padding: 0 0 0 1; }
    """
    BINDINGS: ClassVar[list[Any]] = [
        key("o", "decide('ours')", N_("Ours")),
        key("t", "decide('theirs')", N_("Theirs")),
        key("b", "decide('both')", N_("Both")),
        key("w", "decide('own')", N_("Own text")),
        key("d", "decide('done')", N_("Done")),
        key("g", "decide('send')", N_("Send")),
        key("n", "decide('erase')", N_("Erase notes")),
        key("r", "decide('retry')", N_("Retry")),
        key("e", "decide('edit')", N_("Edit")),
        key("x", "decide('discard')", N_("Discard")),
        key("c", "customer", N_("Customer")),
        key("a", "appointment", N_("Appointment")),
        key("k", "kind", N_("Kind")),
        key("s", "settled", N_("Settled")),
        key("escape", "all_kinds", N_("All")),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._entries: list[Json] = []
        self._kind = ""
        self._with_settled = False
        self._next: int | None = None
        """The entry that the cursor goes to when the list is there again."""
        self._drawn: int | None = None
        """The entry on the sheet."""
        self._details = Details(self)
        self._leads = Leads(self, self._details)
        self._decisions = Decisions(self, self._go_on)

    def body(self) -> ComposeResult:
        with Container(id="split"):
            yield Table(
                [
                    Column(N_("Kind"), lambda one: entries.kind_cell(one, self.session.glyphs), width=15),
                    Column(N_("What"), self._what_cell, share=2),
                    Column(N_("Appointment"), self._appointment_cell),
                    Column(N_("When"), lambda one: (self.formats.ago(one["at"]), "dim"), width=12, right=True),
                ],
                key=lambda one: one["id"],
                empty=N_("Nothing waits for a decision. Press s to see what was decided."),
            )
            yield Sheet(label=LABEL)

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(30, self.query_one(Table).redraw)

    async def load(self) -> None:
        found = await self.api.attention.list(state="open")
        if self._with_settled:
            found += await self.api.attention.list(state="resolved", most=SETTLED)
        self._entries = entries.in_order(found)
        self._details.stale()

    def draw(self) -> None:
        table = self.query_one(Table)
        if self._kind and not self._shown:
            self._kind = ""  # the last one of its kind was decided
        table.show(self._shown)
        if self._next is not None:
            table.go_to(self._next)
            self._next = None
        self._draw_entry()
        self.wtpd.redraw_bars()

    def focus_on(self, key: str) -> None:
        """`key`: a kind."""
        self._kind = key
        if self.loaded:
            self.draw()

    def commands(self) -> Iterable[Command]:
        for kind in self._kinds:
            yield Command(
                N_("Show only: {kind}", kind=entries.kind_name(kind)),
                partial(self._filter, kind),
                "k",
            )

    @property
    def title_text(self) -> Text | str:
        name = say(SCREENS[self.NAME])
        return f"{name}: {entries.kind_name(self._kind)}" if self._kind else name

    @property
    def entry(self) -> Json | None:
        """The one under the cursor."""
        row: Json | None = self.query_one(Table).row if self.is_mounted else None
        return row

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "all_kinds":
            return bool(self._kind)
        if action in ("decide", "customer", "appointment") and not self._applies(action, parameters):
            return False
        return super().check_action(action, parameters)

    def _applies(self, action: str, parameters: tuple[object, ...]) -> bool:
        entry = self.entry
        if entry is None:
            return False
        if action == "decide":
            return does(entry, str(parameters[0]))
        return bool(entry["appointment_id"]) if action == "appointment" else concerns_customer(entry)

    # What it shows

    @property
    def _kinds(self) -> list[str]:
        """The kinds that there are, the heaviest first."""
        return sorted({one["kind"] for one in self._entries}, key=entries.weight)

    @property
    def _shown(self) -> list[Json]:
        return [one for one in self._entries if self._kind in ("", one["kind"])]

    def _what_cell(self, entry: Json) -> Cell:
        return headline(self, entry), "" if entries.is_open(entry) else "dim"

    def _appointment_cell(self, entry: Json) -> Cell:
        zone = self.session.zone(entries.site_of(entry) or self.session.site)
        return appointment_line(self, entry, zone) or (str(entry["channel"] or ""), "dim")

    def _draw_entry(self) -> None:
        entry, sheet = self.entry, self.query_one(Sheet).clear()
        if entry is not None:
            Writer(self, sheet, entry, self._details.of(entry)).write()
        drawn, self._drawn = self._drawn, entry["id"] if entry is not None else None
        sheet.done(keep_place=drawn == self._drawn)

    @on(Table.Moved)
    def _moved(self) -> None:
        entry = self.entry
        if (entry["id"] if entry is not None else None) != self._drawn:
            self._draw_entry()
        self.refresh_bindings()
        if entry is not None and self._details.wanted(entry):
            background(self, partial(self._fetch_detail, entry), "detail")

    async def _fetch_detail(self, entry: Json) -> None:
        fetched = await self._details.fetch(entry)
        current = self.entry
        if fetched and current is not None and current["id"] == entry["id"]:
            self._draw_entry()

    # Keys

    @on(Table.Chosen)
    def _chosen(self) -> None:
        if (entry := self.entry) is not None:
            self._leads.enter(entry)

    def action_appointment(self) -> None:
        if (entry := self.entry) is not None:
            self._leads.appointment(entry)

    def action_customer(self) -> None:
        if (entry := self.entry) is not None:
            self._leads.customer(entry)

    def action_kind(self) -> None:
        found = ["", *self._kinds]
        self._filter(found[(found.index(self._kind) + 1) % len(found)] if self._kind in found else "")

    def action_all_kinds(self) -> None:
        self._filter("")

    def action_settled(self) -> None:
        self._with_settled = not self._with_settled
        self.tell(N_("With what was decided; s hides it.") if self._with_settled else N_("Only what is open."))
        self.reload()

    def action_decide(self, choice: str) -> None:
        if (entry := self.entry) is not None:
            self._decisions.make(choice, entry, self._details.of(entry))

    # After a decision

    def _go_on(self, decided: int) -> None:
        """Load anew, with the cursor on the open entry below the one that was decided, else on the one above."""
        self._next = entries.after(self._shown, decided)
        self.reload()

    def _filter(self, kind: str) -> None:
        self._kind = kind
        self.draw()
        self.refresh_bindings()
