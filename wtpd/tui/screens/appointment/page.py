"""The page of one appointment: its sections, one at a time; on a wide terminal beside its data (spec: tui.md, 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult

from wtpd.client import ApiProblem, Event
from wtpd.texts import N_, Text
from wtpd.tui.actions import choose_action
from wtpd.tui.background import in_background
from wtpd.tui.cells import customer_cell, plate_cell
from wtpd.tui.keys import key
from wtpd.tui.page import sentence
from wtpd.tui.palette import Command
from wtpd.tui.screens.appointment import edit, facts, history
from wtpd.tui.screens.appointment.loaded import Loaded, fetch
from wtpd.tui.screens.appointment.one import OneAppointment
from wtpd.tui.screens.appointment.sections import SECTIONS, Sections, head, tabs
from wtpd.tui.screens.appointment.sending import send_again
from wtpd.tui.widgets.bars import Line
from wtpd.tui.widgets.dialogs import Read
from wtpd.tui.widgets.sheet import Sheet
from wtpd.tui.widgets.table import Table

ONLY_IN: Mapping[str, str] = {
    "menus": "data",
    "actions": "customer",
    "contract": "mobility",
    "undo": "history",
    "send": "trace",
}
"""Keys of one section."""
NEEDS: Mapping[str, Callable[[Loaded], object]] = {
    "edit": lambda loaded: not loaded.is_cancelled,
    "cancel": lambda loaded: not loaded.is_cancelled,
    "menus": lambda loaded: loaded.one["links"],
    "actions": lambda loaded: loaded.actions,
    "contract": lambda loaded: loaded.one["courtesy_car"],
    "undo": lambda loaded: loaded.history,
    "send": lambda loaded: True,
}
"""Keys that apply only to an appointment that was loaded, and of which this is true."""


class AppointmentPage(OneAppointment):
    NAME = "reception"
    FOLLOWS = (
        "appointment.",
        "customer.",
        "vehicle.",
        "resource.",
        "rental.",
        "attention.",
        "run.",
        "message.",
        "config.",
    )
    WRITES = frozenset({"edit", "cancel", "undo", "send", "actions"})
    BINDINGS: ClassVar[list[Any]] = [
        key("left,less_than_sign", "turn(-1)", N_("Part"), shown="←→"),
        key("right,greater_than_sign", "turn(1)"),
        key("e", "edit", N_("Edit")),
        key("x", "cancel", N_("Cancel")),
        key("u", "undo", N_("Undo")),
        key("g", "send", N_("Send")),
        key("a", "actions", N_("Actions")),
        key("c", "contract", N_("Contract")),
        key("m", "menus", N_("Menus")),
        key("escape", "dismiss(None)", N_("Back")),
    ]

    def __init__(self, appointment_id: str, section: str = "data") -> None:
        super().__init__(appointment_id)
        self.section = section if section in SECTIONS else "data"

    @property
    def title_text(self) -> Text | str:
        return N_("Appointment")

    def body(self) -> ComposeResult:
        yield Line(id="head")
        yield Line(id="sections")
        yield Sections(lambda: self.loaded_one)

    # Loading

    async def load(self) -> None:
        if not self.session.sites:
            self.session.sites = await self.api.sites()
        one = await self.api.appointments.get(self.appointment_id)
        loaded = Loaded(self.session, one) if self._loaded is None else replace(self._loaded, one=one)
        if one["customer"]:
            loaded.people[one["customer"]["id"]] = one["customer"]["name"]
        try:
            await fetch(self.api, loaded, self.section)
        except ApiProblem as problem:
            self.tell(sentence(problem), "bad")  # the rest is shown
        self._loaded = loaded

    def heard(self, event: Event) -> None:
        if self._concerns(event):
            super().heard(event)

    def _concerns(self, event: Event) -> bool:
        """Of the others' appointments, customers and vehicles nothing is shown here."""
        if event.kind.startswith(("attention.", "run.", "message.")):
            return self.section == "trace"
        if self._loaded is not None and event.kind.startswith("rental."):
            return self.section == "mobility"  # the customer's other rentals are shown too
        if self._loaded is None or not event.kind.startswith(("appointment.", "customer.", "vehicle.")):
            return True
        one = self._loaded.one
        return event.data.get("id") in (one["id"], one["customer_id"], one["vehicle_id"])

    # Drawing

    def draw(self) -> None:
        if self._loaded is None:
            return
        self.query_one("#head", Line).put(head(self._loaded))
        self.query_one("#sections", Line).put(tabs(self.section))
        self.query_one(Sections).draw(self.section)

    # What can be done

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ONLY_IN and self.section != ONLY_IN[action]:
            return False
        needs = NEEDS.get(action)
        if needs is not None and (self._loaded is None or not needs(self._loaded)):
            return False
        return super().check_action(action, parameters)

    def commands(self) -> Iterable[Command]:
        for name, title in SECTIONS.items():
            yield Command(N_("Appointment: {part}", part=title), lambda name=name: self.show_section(name))  # type: ignore[misc] # a lambda's default has no type

    def show_section(self, name: str) -> None:
        self.section = name
        self.draw()
        self.reload()

    def action_turn(self, by: int) -> None:
        names = list(SECTIONS)
        self.show_section(names[(names.index(self.section) + by) % len(names)])

    @on(Table.Chosen, "#history")
    def _open(self, event: Table.Chosen) -> None:
        entry = event.row
        self.app.push_screen(Read(N_("A change"), lambda sheet: history.write_entry(sheet, self.loaded_one, entry)))

    @in_background("action")
    async def action_edit(self) -> None:
        await edit.edit(self)

    @in_background("action")
    async def action_cancel(self) -> None:
        await edit.cancel(self)

    @in_background("action")
    async def action_undo(self) -> None:
        entry = self.query_one("#history", Table).row
        if entry is not None:
            await history.undo(self, entry)

    @in_background("action")
    async def action_send(self) -> None:
        await send_again(self, self.appointment_id)

    @in_background("action")
    async def action_actions(self) -> None:
        loaded = self.loaded_one
        ids = {
            "vehicle": loaded.one["vehicle_id"],
            "customer": loaded.one["customer_id"],
            "appointment": loaded.one["id"],
        }
        about = {"vehicle": plate_cell(loaded.one, self.hide)[0], "customer": customer_cell(loaded.one, self.hide)[0]}
        await choose_action(
            self, [(one, ids[one["on"]], about.get(one["on"], "")) for one in loaded.actions if ids[one["on"]]]
        )
        self.reload()

    @in_background("action")
    async def action_contract(self) -> None:
        text = await self.attempt(self.api.appointments.contract(self.appointment_id))
        if text is None:
            return

        def fill(sheet: Sheet) -> None:
            sheet.text(N_("The contract is hidden; F9 shows it.") if self.session.privacy.on else text)

        self.app.push_screen(Read(N_("Contract"), fill))

    def action_menus(self) -> None:
        links = self.loaded_one.one["links"]

        def fill(sheet: Sheet) -> None:
            for name, address in links.items():
                sheet.heading(facts.LINKS.get(name, name))
                sheet.text(address, facts.link_tint(address))

        self.app.push_screen(Read(N_("Web addresses"), fill))
