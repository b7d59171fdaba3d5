"""Attention (F5): what somebody has to decide, the heaviest first, and what follows from each choice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from wtpd.client import Json
from wtpd.language import say
from wtpd.texts import N_, Text
from wtpd.tui.cells import name_of
from wtpd.tui.keys import key
from wtpd.tui.page import Page
from wtpd.tui.palette import Command
from wtpd.tui.screens.attention import entries
from wtpd.tui.screens.attention.decide import Decisions, can_be_edited
from wtpd.tui.screens.attention.detail import LABEL, Writer, appointment_line, headline, write_message
from wtpd.tui.screens.attention.fetch import Details
from wtpd.tui.widgets.dialogs import Choose, Read
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
        key("d", "decide('done')", N_("Done")),
        key("r", "decide('retry')", N_("Retry")),
        key("e", "decide('edit')", N_("Edit")),
        key("x", "decide('discard')", N_("Discard")),
        key("c", "customer", N_("Customer")),
        key("a", "appointment", N_("Appointment")),
        key("k", "kind", N_("Kind")),
        key("s", "settled", N_("Settled")),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._entries: list[Json] = []
        self._kind = ""
        self._with_settled = False
        self._next: int | None = None
        """The entry that the cursor goes to when the list is there again."""
        self._details = Details(self)
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
            )
            yield Sheet(label=LABEL)

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(30, self.query_one(Table).redraw)

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw_entry)

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
        table.empty = N_("Nothing waits for a decision. Press s to see what was decided.")
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
                lambda kind=kind: self._filter(kind),  # type: ignore[misc] # mypy doesn't infer lambdas with defaults
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
        if action in ("decide", "customer", "appointment") and not self._applies(action, parameters):
            return False
        return super().check_action(action, parameters)

    def _applies(self, action: str, parameters: tuple[object, ...]) -> bool:
        entry = self.entry
        if entry is None:
            return False
        if action == "decide":
            return can_be_edited(entry) if parameters[0] == "edit" else parameters[0] in entry["choices"]
        return bool(entry["appointment_id"]) if action == "appointment" else _concerns_customer(entry)

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
        sheet.done()

    @on(Table.Moved)
    def _moved(self) -> None:
        entry, sheet = self.entry, self.query_one(Sheet)
        sheet.top = 0
        self._draw_entry()
        self.refresh_bindings()
        if entry is not None and self._details.wanted(entry):
            self.run_worker(self._fetch_detail(entry), group="detail", exclusive=True, exit_on_error=True)

    async def _fetch_detail(self, entry: Json) -> None:
        fetched = await self._details.fetch(entry)
        current = self.entry
        if fetched and current is not None and current["id"] == entry["id"]:
            self._draw_entry()

    # Keys

    @on(Table.Chosen)
    def _chosen(self) -> None:
        """Enter: the whole message, the way out, or the appointment."""
        entry = self.entry
        if entry is None:
            return
        if entry["kind"] == "quarantine":
            self._read_message(entry)
        elif entry["kind"] == "mass_cancellation":
            self.wtpd.action_go_to("overview")
        elif entry["appointment_id"]:
            self.action_appointment()

    def _read_message(self, entry: Json) -> None:
        detail = self._details.of(entry)
        if "message" in detail:
            self.wtpd.push_screen(Read(N_("The message as it came"), lambda sheet: write_message(self, sheet, detail)))

    def action_appointment(self) -> None:
        from wtpd.tui.screens.appointment import open_appointment

        entry = self.entry
        if entry is not None and entry["appointment_id"]:
            open_appointment(self.wtpd, entry["appointment_id"], "mobility" if entry["kind"] == "car_open" else "data")

    def action_customer(self) -> None:
        if (entry := self.entry) is not None:
            self.run_worker(self._open_customer(entry), group="customer", exclusive=True, exit_on_error=True)

    def action_kind(self) -> None:
        found = ["", *self._kinds]
        self._filter(found[(found.index(self._kind) + 1) % len(found)] if self._kind in found else "")

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
        ids = [one["id"] for one in self._shown if entries.is_open(one) or one["id"] == decided]
        if decided in ids:
            place = ids.index(decided)
            self._next = next(iter([*ids[place + 1 :], *reversed(ids[:place])]), None)
        self.reload()

    def _filter(self, kind: str) -> None:
        self._kind = kind
        self.draw()

    async def _open_customer(self, entry: Json) -> None:
        from wtpd.tui.screens.customers.page import open_customer

        records: Sequence[Json] = self._details.of(entry).get("records", ())
        if entry["kind"] == "locked_customer":
            found = await self.attempt(self.api.appointments.get(entry["appointment_id"]))
            chosen = found and found["customer_id"]
        elif len(records) > 1:
            lines = [(one["id"], self.hide(name_of(one)) or one["id"]) for one in records]
            chosen = await self.wtpd.push_screen_wait(Choose(N_("Which customer?"), lines))
        else:
            chosen = entry["data"].get("created")
        if chosen:
            open_customer(self.wtpd, str(chosen))


def _concerns_customer(entry: Json) -> bool:
    if entry["kind"] == "unmatched":
        return bool(entry["data"].get("what") == "customer")
    return entry["kind"] == "locked_customer" and bool(entry["appointment_id"])
