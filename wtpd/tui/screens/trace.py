"""F8: the way of one appointment between DMS, planner and partners, found by what somebody has of it: a plate, a
name, a number (spec: tui.md, 8)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, Static

from wtpd.client import Json
from wtpd.language import say
from wtpd.texts import N_
from wtpd.tui.background import background
from wtpd.tui.cells import BLANK, customer_cell, plate_cell, status_cell
from wtpd.tui.keys import key
from wtpd.tui.page import Page
from wtpd.tui.screens.appointment import open_appointment
from wtpd.tui.screens.appointment.sending import send_again
from wtpd.tui.widgets.bars import Line
from wtpd.tui.widgets.fields import Sought
from wtpd.tui.widgets.lines import Cell, Span
from wtpd.tui.widgets.table import Column, Table
from wtpd.tui.widgets.way import Way

LIST = 6
"""Lines for the list of what was found, at least; of a larger terminal a quarter."""


class Trace(Page):
    NAME = "trace"
    FOLLOWS = ("appointment.", "run.", "attention.")
    WRITES = frozenset({"send"})
    AUTO_FOCUS = "Input"
    DEFAULT_CSS = """
    Trace Horizontal { height: 1; padding: 0 1; }
    Trace Static { width: 2; }
    Trace Input { border: none; height: 1; padding: 0; }
    Trace #found { display: none; }
    """
    BINDINGS: ClassVar[list[Any]] = [
        key("slash", "search", N_("Search")),
        key("g", "send", N_("Send again")),
        key("a", "appointment", N_("Appointment")),
        key("escape", "into", N_("To the list")),  # out of the field, where digits are keys again
        key("escape", "back"),
        key("down", "into"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._words = ""
        self._found: Sequence[Json] = ()
        """Appointments, and messages that led to none."""
        self._id: str | None = None
        """The appointment whose way is shown."""
        self._appointment: Json | None = None
        self._way: Sequence[Json] = ()

    def body(self) -> ComposeResult:
        with Horizontal():
            yield Static("/", markup=False)
            hint = N_("Plate, VIN, name, order number, number or key of a message; Enter")
            yield Sought(placeholder=say(hint), compact=True)
        yield Table(
            [
                Column(N_("drop-off"), self._when, width=12),
                Column(N_("plate"), self._plate, width=12),
                Column(N_("customer"), self._customer),
                Column(N_("status"), self._status, width=14),
                Column(N_("site"), lambda one: self.session.site_name(one.get("site")), width=20, from_width=100),
            ],
            key=lambda one: one.get("id") or one.get("message"),
            id="found",
        )
        yield Line(id="head")
        yield Way(id="way")

    @property
    def way(self) -> Way:
        return self.query_one(Way)

    async def load(self) -> None:
        words, one = self._words, self._id
        found = await self.api.trace(words) if words else ()
        appointment = await self.api.appointments.get(one) if one is not None else None
        way = await self.api.appointments.trace(one) if one is not None else ()
        if (words, one) == (self._words, self._id):  # a search didn't come in between
            self._found, self._appointment, self._way = found, appointment, way

    def draw(self) -> None:
        self.query_one(Input).password = self.session.privacy.on
        listed = self.query_one("#found", Table)
        listed.display = len(self._found) > 1
        listed.styles.height = min(max(LIST, self.size.height // 4), len(self._found) + 1)
        listed.show(self._found)
        one = self._appointment
        self.way.empty = self._hint()
        self.way.show(self._way, self.session.zone(one["site"]) if one else None)
        self.query_one("#head", Line).put(self._head())

    def focus_on(self, key: str) -> None:
        """`key`: an appointment's id."""
        self._words, self._found = "", ()
        self._go(key)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("into", "search"):
            typing = self.is_mounted and self.query_one(Input).has_focus
            return typing == (action == "into")
        if action in ("send", "appointment") and self._appointment is None:
            return False
        return super().check_action(action, parameters)

    # Finding

    @on(Input.Submitted)
    def _searched(self, event: Input.Submitted) -> None:
        if words := event.value.strip():
            background(self, partial(self._search, words), "search")

    async def _search(self, words: str) -> None:
        found = await self.attempt(self.api.trace(words))
        if found is None:
            return
        self._words, self._found, self._id = words, found, None
        self._appointment, self._way = None, ()
        self.draw()
        self.refresh_bindings()
        if not found:
            self.tell(N_("Nothing is known of {words}.", words=self.hide(words)), "warn")
        elif len(found) == 1:
            self._show(found[0])
        else:
            table = self.query_one("#found", Table)
            table.move_to(0)
            table.focus()
            self.tell(N_("{count} found; Enter shows the way of one.", count=len(found)))

    @on(Table.Chosen, "#found")
    def _chosen(self, event: Table.Chosen) -> None:
        self._show(event.row)

    def _show(self, one: Json) -> None:
        if "message" in one:
            background(self, partial(self.way.open_message, one["message"]), "message")
        else:
            self._go(one["id"])

    def _go(self, appointment_id: str) -> None:
        self._id = appointment_id
        self.reload()
        self.way.focus()

    # Keys

    def action_search(self) -> None:
        self.query_one(Input).focus()

    def action_back(self) -> None:
        """From the way to what was found, else to the screen that led here."""
        listed = self.query_one("#found", Table)
        if self.way.has_focus and listed.display:
            listed.focus()
        else:
            raise SkipAction

    def action_into(self) -> None:
        """From the field to what was found."""
        listed = self.query_one("#found", Table)
        (listed if listed.display else self.way).focus()

    def action_appointment(self) -> None:
        if self._id is not None:
            open_appointment(self.wtpd, self._id)

    def action_send(self) -> None:
        if self._id is not None:
            background(self, partial(send_again, self, self._id), "send")

    # Cells

    def _when(self, one: Json) -> str:
        if "message" in one:
            return self.formats.moment(one["at"])
        return self.formats.moment(one["drop_off"], self.session.zone(one["site"]))

    def _plate(self, one: Json) -> Cell:
        return one["channel"].partition("/")[0] if "message" in one else plate_cell(one, self.hide)

    def _customer(self, one: Json) -> Cell:
        return self.session.privacy.hide_in(one["title"]) if "message" in one else customer_cell(one, self.hide)

    def _status(self, one: Json) -> Span:
        return (say(N_("no appointment")), "dim") if "message" in one else status_cell(one, self.session.glyphs)

    def _head(self) -> list[Span]:
        one = self._appointment
        if one is None:
            return []
        plate, name = plate_cell(one, self.hide), customer_cell(one, self.hide)
        at = self.formats.moment(one["drop_off"], self.session.zone(one["site"]))
        place = f"{self.session.site_name(one['site'])}, {one['department'] or BLANK}"
        status, gap = status_cell(one, self.session.glyphs), ("  ", "")
        return [(" ", ""), (plate[0], "title"), gap, name, gap, (at, ""), gap, status, gap, (place, "dim")]

    def _hint(self) -> str:
        if self._id is None and not self._found:
            return say(
                N_(
                    "What came of an appointment? Type above its plate, the customer's name, the VIN, the order "
                    "number, the partner's number of it, or the number of a message, then Enter."
                )
            )
        if self._id is None:
            return say(N_("Enter on one of the list above shows its way."))
        return say(N_("Nothing was exchanged about this appointment; g sends it to its partners."))
