"""What is seen of one appointment: a section at a time; on a wide terminal beside its data."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from wtpd.language import say
from wtpd.texts import N_, Text
from wtpd.tui.cells import customer_cell, origin_cell, plate_cell, status_cell
from wtpd.tui.screens.appointment import facts, history
from wtpd.tui.screens.appointment.loaded import Loaded
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
_SHEETS: Mapping[str, Callable[[Sheet, Loaded], None]] = {
    "data": facts.write_data,
    "work": facts.write_work,
    "customer": facts.write_people,
    "mobility": facts.write_mobility,
}
"""Those that are read; history and trace are tables, with the names of their sections."""
_ALWAYS = ("data", "work")
"""What they show stands in the appointment itself."""


def head(loaded: Loaded) -> list[Span]:
    """Whose appointment it is and when, its status and its origin."""
    one, glyphs, hide = loaded.one, loaded.session.glyphs, loaded.privacy.hide
    return [
        (f" {plate_cell(one, hide)[0]}", "strong"),
        (f"  {customer_cell(one, hide)[0]}", "strong"),
        (f"  {loaded.moment('drop_off')}  ", "title"),
        status_cell(one, glyphs),
        ("  ", ""),
        origin_cell(one["origin"], glyphs),
        (f"  {glyphs.warn}" if one["over_limit"] else "", "warn"),
    ]


def tabs(section: str) -> list[Span]:
    """The names of the sections, that of `section` marked."""
    return [
        (f"[{say(title)}]", "chosen") if name == section else (f" {say(title)} ", "dim")
        for name, title in SECTIONS.items()
    ]


class Sections(Horizontal):
    """`loaded`: what the page has now; asked only once something was loaded."""

    DEFAULT_CSS = """
    Sections #data { width: 56; display: none; border-right: solid $foreground 30%; }
    Sections #right { width: 1fr; }
    """

    def __init__(self, loaded: Callable[[], Loaded]) -> None:
        super().__init__()
        self._loaded = loaded
        self._section = ""
        self._drawn = ""
        """What the right side shows; not the section where that is beside it already."""

    def compose(self) -> ComposeResult:
        yield Sheet(id="data", label=23)
        with Vertical(id="right"):
            yield Sheet(id="facts", label=27)
            yield Table(history.columns(self._loaded), key=lambda one: one["id"], id="history")
            yield Way(id="trace")

    def draw(self, section: str) -> None:
        self._section = section
        wide = self.screen.size.width >= WIDE
        data = self.query_one("#data", Sheet)
        data.display = wide
        if wide:
            facts.write_data(data.clear(), self._loaded())
            data.done()
        shown = "work" if wide and section == "data" else section
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
        if self._section in _SHEETS:
            return self.query_one("#facts", Sheet)
        return self.query_one(f"#{self._section}", Table)

    def _focus_shown(self) -> None:
        """Keys go to what is seen; after it is laid out, since hiding something takes its focus away."""
        data, target, focused = self.query_one("#data", Sheet), self._target, self.screen.focused
        if focused is not target and not (focused is data and data.display):
            target.focus()

    def _write(self, sheet: Sheet, shown: str) -> None:
        loaded = self._loaded()
        if shown in _ALWAYS or shown in loaded.sections:
            _SHEETS[shown](sheet, loaded)
        else:
            sheet.text(N_("One moment, please"), "dim")

    def _fill(self, table: Table) -> None:
        loaded = self._loaded()
        if self._section not in loaded.sections:
            table.empty = N_("One moment, please")
            table.show(())
        elif isinstance(table, Way):
            table.empty = N_("Nothing was exchanged about this appointment; g sends it to its partners.")
            table.show(loaded.trace, loaded.zone)
        else:
            table.show(loaded.history)
        if self._drawn != self._section:
            table.move_to(table.total - 1 if isinstance(table, Way) else 0)
