"""Customers (F6): found by name, plate, VIN, telephone or number while one types; Enter opens one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.timer import Timer
from textual.widgets import Input, Static

from wtpd.client import Json
from wtpd.language import say
from wtpd.texts import N_, Text
from wtpd.tui.cells import BLANK, name_of
from wtpd.tui.keys import key
from wtpd.tui.page import Page
from wtpd.tui.screens.customers.page import open_customer
from wtpd.tui.widgets.fields import Sought
from wtpd.tui.widgets.lines import Cell
from wtpd.tui.widgets.table import Column, Table
from wtpd.words import SCREENS

MOST = 100
"""Customers that are shown for a search."""
CARS = 500
"""Vehicles that are fetched for them: some have several. The API gives no more at once."""
PAUSE = 0.12
"""Seconds without a key until it is looked for what was typed."""
_ROLES = ("driver", "owner", "contractor")
_PHONES = ("mobile", "phone", "business_mobile", "business_phone")


class Find(Sought):
    """Down goes to what was found."""

    BINDINGS: ClassVar[list[Any]] = [
        key("down,pagedown", "to_list", N_("To the list"), shown="Down"),
        key("escape", "to_list"),
    ]

    def action_to_list(self) -> None:
        self.screen.query_one(Table).focus()


class Customers(Page):
    NAME = "customers"
    FOLLOWS = ("customer.", "vehicle.")
    AUTO_FOCUS = "Find"
    DEFAULT_CSS = """
    Customers #search { height: 1; }
    Customers #search Static { width: auto; padding: 0 1; }
    Customers Find { width: 1fr; background: $boost; }
    Customers #kept { height: 1; text-style: dim; display: none; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[Any]] = [key("slash", "find", N_("Search"))]

    def __init__(self) -> None:
        super().__init__()
        self._typed = ""
        self._similar = False
        self._found: list[Json] = []
        self._cars: Mapping[str, list[str]] = {}
        self._timer: Timer | None = None

    def body(self) -> ComposeResult:
        with Horizontal(id="search"):
            yield Static(say(N_("Search")), markup=False)
            yield Find(placeholder=say(N_("name, plate, VIN, telephone or number")), compact=True)
        yield Table(
            [
                Column("", self._lock_cell, width=1),
                Column(N_("Name"), self._name_cell, share=3),
                Column(N_("City"), lambda one: self.hide(one["city"]), width=12),
                Column(N_("Telephone"), self._phone_cell, width=15),
                Column(N_("No."), lambda one: self.hide(one["number"]), width=8),
                Column(N_("Vehicles"), self._cars_cell, share=2),
                Column(N_("Kept by"), lambda one: (one["locked_by"] or "", "dim"), width=10, from_width=110),
            ],
            key=lambda one: one["id"],
        )
        kept = say(N_("kept by the DMS"))
        yield Static(f"{self.session.glyphs.dms} {kept}", id="kept", markup=False)

    async def load(self) -> None:
        if not self._typed:
            self._found, self._cars, self._similar = [], {}, False
            return
        page = await self.api.customers.list(q=self._typed, limit=MOST, near=True)
        found, self._similar = page["items"], bool(page.get("similar"))
        cars: defaultdict[str, list[str]] = defaultdict(list)
        if found:
            ids = ",".join(one["id"] for one in found)
            for car in (await self.api.vehicles.list(customer=ids, limit=CARS))["items"]:
                for holder in {car[role] for role in _ROLES} - {None}:
                    cars[holder].append(car["plate"] or car["vin"][-8:] or car["model"])
        self._found, self._cars = found, cars

    def draw(self) -> None:
        table = self.query_one(Table)
        table.empty = (
            N_("No customer is called that, has that number, or such a vehicle.")
            if self._typed
            else N_("Type a name, a plate, a telephone number or a customer number.")
        )
        table.show(self._found)
        self.query_one("#kept").display = any(one["locked_by"] for one in self._found)
        self.wtpd.redraw_bars()

    @property
    def title_text(self) -> Text | str:
        name = say(SCREENS[self.NAME])
        if not self._typed:
            return name
        if self._similar:
            return f"{name}: {say(N_('Nothing fits exactly. Similar ones:'))}"
        return f"{name}: {len(self._found)}{'+' if len(self._found) == MOST else ''}"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "find" and self.is_mounted and self.query_one(Find).has_focus:
            return False
        return super().check_action(action, parameters)

    # Cells

    def _lock_cell(self, one: Json) -> Cell:
        return (self.session.glyphs.dms if one["locked_by"] else "", "dim")

    def _name_cell(self, one: Json) -> Cell:
        first, last, company = one["first_name"], one["last_name"], one["company"]
        person = ", ".join(part for part in (last, first) if part)
        return self.hide(f"{company} ({person})" if company and person else company or person or name_of(one))

    def _phone_cell(self, one: Json) -> Cell:
        return self.hide(next((one[name] for name in _PHONES if one[name]), ""))

    def _cars_cell(self, one: Json) -> Cell:
        cars = self._cars.get(one["id"], ())
        return ", ".join(self.hide(car) for car in cars) if cars else (BLANK, "dim")

    # Keys

    def action_find(self) -> None:
        self.query_one(Find).focus()

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        self._typed = event.value.strip()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(PAUSE, self._search)

    def _search(self) -> None:
        self.query_one(Table).move_to(0)
        self.reload()

    @on(Input.Submitted)
    def _submitted(self) -> None:
        """Enter opens the only one that was found, else goes to the list."""
        table = self.query_one(Table)
        if table.total == 1:
            table.action_choose()
        elif table.total:
            table.focus()

    @on(Table.Chosen)
    def _chosen(self, event: Table.Chosen) -> None:
        open_customer(self.wtpd, event.row["id"])
