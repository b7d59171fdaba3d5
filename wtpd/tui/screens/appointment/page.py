"""The page of one appointment: its sections, one at a time; on a wide terminal beside its data (spec: tui.md, 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from wtpd.client import ApiProblem, Event
from wtpd.language import say
from wtpd.texts import N_, Text
from wtpd.tui.actions import choose_action
from wtpd.tui.cells import customer_cell, origin_cell, plate_cell, status_cell
from wtpd.tui.keys import key
from wtpd.tui.page import Page, sentence
from wtpd.tui.palette import Command
from wtpd.tui.screens.appointment import edit, facts, history
from wtpd.tui.screens.appointment.loaded import Loaded, fetch
from wtpd.tui.screens.appointment.sending import send_again
from wtpd.tui.widgets.bars import Line
from wtpd.tui.widgets.dialogs import Read
from wtpd.tui.widgets.lines import Span
from wtpd.tui.widgets.sheet import Sheet
from wtpd.tui.widgets.table import Table
from wtpd.tui.widgets.way import Way

WIDE = 120
SECTIONS: Mapping[str, Text] = {
    "data": N_("Data"),
    "work": N_("Work"),
    "customer": N_("Customer"),
    "mobility": N_("Mobility"),
    "history": N_("History"),
    "trace": N_("Trace"),
}
ONLY_IN: Mapping[str, str] = {
    "menus": "data",
    "actions": "customer",
    "contract": "mobility",
    "undo": "history",
    "send": "trace",
}
"""Keys of one section."""
_SHEETS: Mapping[str, Callable[[Sheet, Loaded], None]] = {
    "data": facts.write_data,
    "work": facts.write_work,
    "customer": facts.write_people,
    "mobility": facts.write_mobility,
}


class AppointmentPage(Page):
    NAME = "reception"
    FOLLOWS = ("appointment.", "customer.", "vehicle.", "resource.", "attention.", "run.", "message.", "config.")
    WRITES = frozenset({"edit", "cancel", "undo", "send", "actions"})
    DEFAULT_CSS = """
    AppointmentPage #data { width: 56; display: none; border-right: solid $foreground 30%; }
    AppointmentPage #right { width: 1fr; }
    """
    BINDINGS: ClassVar[list[Any]] = [
        key("left", "turn(-1)", N_("Part"), shown="< >"),
        key("right", "turn(1)"),
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
        super().__init__()
        self.appointment_id = appointment_id
        self.section = section if section in SECTIONS else "data"
        self._loaded: Loaded | None = None
        self._drawn = ""
        """The section that is on the screen."""

    @property
    def title_text(self) -> Text | str:
        return N_("Appointment")

    @property
    def loaded_one(self) -> Loaded:
        """What was fetched; only once something was."""
        if self._loaded is None:
            raise RuntimeError("nothing was loaded yet")
        return self._loaded

    def body(self) -> ComposeResult:
        yield Line(id="head")
        yield Line(id="sections")
        with Horizontal():
            yield Sheet(id="data", label=23)
            with Vertical(id="right"):
                yield Sheet(id="facts", label=27)
                yield Table(history.columns(self), key=lambda one: one["id"], id="history")
                yield Way(id="trace")

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
        if self._loaded is None or not event.kind.startswith(("appointment.", "customer.", "vehicle.")):
            return True
        one = self._loaded.one
        return event.data.get("id") in (one["id"], one["customer_id"], one["vehicle_id"])

    # Drawing

    def draw(self) -> None:
        if self._loaded is None:
            return
        self.query_one("#head", Line).put(self._head(self._loaded))
        self._draw_sections()
        wide = self.size.width >= WIDE
        data = self.query_one("#data", Sheet)
        data.display = wide
        if wide:
            facts.write_data(data.clear(), self._loaded)
            data.done()
        shown = "work" if wide and self.section == "data" else self.section
        target = self._target
        for widget in self.query_one("#right").children:
            widget.display = widget is target
        if isinstance(target, Sheet):
            self._write(target.clear(), shown)
            target.done(keep_place=self._drawn == shown)
        else:
            self._fill(target)
        self._drawn = shown
        self.call_after_refresh(self._focus_shown)

    @property
    def _target(self) -> Sheet | Table:
        """What shows the section, and has the keys."""
        if self.section in _SHEETS:
            return self.query_one("#facts", Sheet)
        return self.query_one(f"#{self.section}", Table)

    def _focus_shown(self) -> None:
        """Keys go to what is seen; after it is laid out, since hiding something takes its focus away."""
        data, target = self.query_one("#data", Sheet), self._target
        if self.focused is not target and not (self.focused is data and data.display):
            target.focus()

    def _write(self, sheet: Sheet, section: str) -> None:
        loaded = self.loaded_one
        if section in ("data", "work") or section in loaded.sections:
            _SHEETS[section](sheet, loaded)
        else:
            sheet.text(N_("One moment, please"), "dim")

    def _fill(self, table: Table) -> None:
        loaded = self.loaded_one
        if self.section not in loaded.sections:
            table.empty = N_("One moment, please")
            table.show(())
        elif isinstance(table, Way):
            table.empty = N_("Nothing was exchanged about this appointment; g sends it to its partners.")
            table.show(loaded.trace, loaded.zone)
        else:
            table.show(loaded.history)
        if self._drawn != self.section:
            table.move_to(table.total - 1 if isinstance(table, Way) else 0)

    def _head(self, loaded: Loaded) -> list[Span]:
        one, glyphs = loaded.one, self.session.glyphs
        plate, customer = plate_cell(one, self.hide)[0], customer_cell(one, self.hide)[0]
        return [
            (f" {plate}", "strong"),
            (f"  {customer}", "strong"),
            (f"  {loaded.moment('drop_off')}  ", "title"),
            status_cell(one, glyphs),
            ("  ", ""),
            origin_cell(one["origin"], glyphs),
            (f"  {glyphs.warn}" if one["over_limit"] else "", "warn"),
        ]

    def _draw_sections(self) -> None:
        parts: list[Span] = []
        for name, title in SECTIONS.items():
            here = name == self.section
            parts.append((f"[{say(title)}]" if here else f" {say(title)} ", "chosen" if here else "dim"))
        self.query_one("#sections", Line).put(parts)

    def on_resize(self) -> None:
        if self.loaded:
            self.draw()

    # What can be done

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ONLY_IN and self.section != ONLY_IN[action]:
            return False
        if not self._applies(action):
            return False
        return super().check_action(action, parameters)

    def _applies(self, action: str) -> bool:
        loaded = self._loaded
        if action in ("turn", "dismiss") or action not in ("menus", "edit", "cancel", "actions", "contract", *ONLY_IN):
            return True
        if loaded is None:
            return False
        return {
            "menus": bool(loaded.one["links"]),
            "edit": not loaded.is_cancelled,
            "cancel": not loaded.is_cancelled,
            "actions": bool(loaded.actions),
            "contract": bool(loaded.one["courtesy_car"]),
        }.get(action, True)

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

    @work(exclusive=True, group="action")
    async def action_edit(self) -> None:
        await edit.edit(self)

    @work(exclusive=True, group="action")
    async def action_cancel(self) -> None:
        await edit.cancel(self)

    @work(exclusive=True, group="action")
    async def action_undo(self) -> None:
        entry = self.query_one("#history", Table).row
        if entry is not None:
            await history.undo(self, entry)

    @work(exclusive=True, group="action")
    async def action_send(self) -> None:
        await send_again(self, self.appointment_id)

    @work(exclusive=True, group="action")
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

    @work(exclusive=True, group="action")
    async def action_contract(self) -> None:
        text = await self.attempt(self.api.appointments.contract(self.appointment_id))
        if text is not None:
            hidden = say(N_("The contract is hidden; F9 shows it."))
            shown = hidden if self.session.privacy.on else text
            self.app.push_screen(Read(N_("Contract"), lambda sheet: sheet.text(shown)))

    def action_menus(self) -> None:
        links = self.loaded_one.one["links"]

        def fill(sheet: Sheet) -> None:
            for name, address in links.items():
                sheet.heading(facts.LINKS.get(name, name))
                sheet.text(address, facts.link_tint(address))

        self.app.push_screen(Read(N_("Web addresses"), fill))
