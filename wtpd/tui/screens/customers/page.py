"""One customer on top of the screen it was opened from: data, permissions, vehicles, appointments.

open_customer(self.wtpd, customer_id)
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from wtpd.client import Event, Json
from wtpd.texts import N_, Text
from wtpd.tui import cells
from wtpd.tui.actions import actions_on, choose_action, offers
from wtpd.tui.background import background
from wtpd.tui.keys import key
from wtpd.tui.page import Page
from wtpd.tui.palette import Command
from wtpd.tui.screens.customers.facts import write_customer
from wtpd.tui.screens.customers.forms import edit_contact, edit_permission
from wtpd.tui.screens.customers.rights import RIGHTS, ahead, ask_to_erase, show_export
from wtpd.tui.shell import Shell
from wtpd.tui.widgets.dialogs import Choose
from wtpd.tui.widgets.sheet import Sheet
from wtpd.tui.widgets.table import Column, Table


def open_customer(app: Shell, customer_id: str) -> None:
    """Show a customer on top of the current screen; Esc goes back there."""
    app.push_screen(CustomerPage(customer_id))


class CustomerPage(Page):
    NAME = "customers"
    FOLLOWS = ("customer.", "vehicle.", "appointment.")
    WRITES = frozenset({"edit", "permissions", "act", "rights"})
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - as Textual declares it
    DEFAULT_CSS = """
    CustomerPage #split { layout: vertical; }
    CustomerPage Sheet { height: 1fr; }
    CustomerPage Table { height: 7; border-top: solid $primary; }
    CustomerPage.-wide #split { layout: horizontal; }
    CustomerPage.-wide Sheet { width: 1fr; height: 1fr; }
    CustomerPage.-wide Table { width: 50%; height: 1fr; border-top: none; border-left: solid $primary; }
    """
    BINDINGS: ClassVar[list[Any]] = [
        key("e", "edit", N_("Edit")),
        key("p", "permissions", N_("Permissions")),
        key("a", "act", N_("Actions")),
        key("g", "rights", N_("GDPR")),
        key("escape", "dismiss", N_("Back")),
    ]

    def __init__(self, customer_id: str) -> None:
        super().__init__()
        self.customer_id = customer_id
        self.customer: Json = {}
        self._vehicles: Sequence[Json] = ()
        self._newest: Sequence[Json] = ()
        """The first page of the appointments."""
        self._actions: Sequence[Json] = ()
        self._known_as: Sequence[Json] = ()
        """The partners' numbers of the customer."""

    def body(self) -> ComposeResult:
        with Container(id="split"):
            yield Sheet()
            yield Table(
                [
                    Column("", lambda one: cells.origin_cell(one["origin"], self.session.glyphs), width=1),
                    Column(N_("Appointment"), self._drop_off_cell, width=16),
                    Column(N_("Status"), lambda one: cells.status_cell(one, self.session.glyphs), width=15),
                    Column(N_("Vehicle"), lambda one: cells.plate_cell(one, self.hide), width=11),
                    Column(N_("Work"), cells.work_of),
                    Column(N_("Site"), lambda one: self.session.site_name(one["site"]), width=16, from_width=90),
                ],
                key=lambda one: one["id"],
                empty=N_("No appointments yet."),
            )

    async def load(self) -> None:
        self.customer, vehicles, actions, page, self._known_as = await asyncio.gather(
            self.api.customers.get(self.customer_id),
            self.api.vehicles.list(customer=self.customer_id),
            actions_on(self, "customer", "vehicle"),
            self.api.appointments.list(customer_id=self.customer_id, count=True, limit=1),
            self.api.partner_records("customer", self.customer_id),
        )
        self._vehicles, self._actions = vehicles["items"], actions
        await self._serve(page["total"])

    async def _serve(self, total: int) -> None:
        """The appointments, the newest first; the API lists them from the first on."""

        async def fetch(offset: int, limit: int) -> tuple[list[Json], int]:
            end = max(0, total - offset)
            start = max(0, end - limit)
            if start == end:
                return [], total
            page = await self.api.appointments.list(customer_id=self.customer_id, offset=start, limit=end - start)
            rows = page["items"][::-1]
            if offset == 0:
                self._newest = rows
            return rows, total

        await self.query_one(Table).serve(fetch)

    def draw(self) -> None:
        sheet = self.query_one(Sheet).clear()
        sinno = any(one["on"] == "customer" for one in self._actions)
        write_customer(self, sheet, self.customer, self._vehicles, self._known_as, sinno=sinno)
        sheet.done()
        self.query_one(Table).redraw()
        self.wtpd.redraw_bars()

    def heard(self, event: Event) -> None:
        """Only what may concern this customer."""
        own = {self.customer_id, *(one["id"] for one in (*self._vehicles, *self._newest))}
        if event.kind == "appointment.created" or event.kind == "reset" or event.data.get("id") in own:
            super().heard(event)

    def commands(self) -> Iterable[Command]:
        for action, record_id, about in self._options:
            yield from offers(self, [action], record_id, about=about)

    @property
    def title_text(self) -> Text | str:
        name = cells.name_of(self.customer) if self.customer else ""
        return N_("Customer {name}", name=self.hide(name)) if name else N_("Customer")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        customer = self.customer
        if action in self.WRITES and (not customer or customer["erased"]):
            return False
        if action == "edit" and customer["locked_by"]:
            return False
        if action == "act" and not self._options:
            return False
        return super().check_action(action, parameters)

    @property
    def _options(self) -> list[tuple[Json, str, str]]:
        """Each action with the record that it can be done on, and what to call that."""
        customer = [(one, self.customer_id, "") for one in self._actions if one["on"] == "customer"]
        cars = [
            (one, car["id"], self.hide(car["plate"] or car["vin"]))
            for car in self._vehicles
            for one in self._actions
            if one["on"] == "vehicle"
        ]
        return [*customer, *cars]

    def _drop_off_cell(self, one: Json) -> str:
        return self.formats.moment(one["drop_off"], self.session.zone(one["site"]))

    # Keys

    @on(Table.Chosen)
    def _chosen(self, event: Table.Chosen) -> None:
        from wtpd.tui.screens.appointment import open_appointment

        open_appointment(self.wtpd, event.row["id"])

    def action_edit(self) -> None:
        if self.session.privacy.on:
            self.tell(N_("Names are hidden; press F9 first, then edit."), "warn")
        else:
            edit_contact(self, self.customer, self.reload)

    def action_permissions(self) -> None:
        background(self, partial(edit_permission, self, self.customer, self.reload), "permission")

    def action_act(self) -> None:
        background(self, partial(choose_action, self, self._options), "action")

    def action_rights(self) -> None:
        background(self, self._choose_right, "rights")

    async def _choose_right(self) -> None:
        right = await self.wtpd.push_screen_wait(Choose(N_("The person's rights"), list(RIGHTS.items())))
        if right == "export":
            await show_export(self, self.customer)
        elif right == "erase":
            ask_to_erase(self, self.customer, ahead(self, self._newest), self.reload)
