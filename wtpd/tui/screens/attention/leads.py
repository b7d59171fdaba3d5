"""Where an entry leads to: the message as it came, the way out, the appointment, the customer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from wtpd.client import Json
from wtpd.texts import N_
from wtpd.tui.background import background
from wtpd.tui.cells import name_of
from wtpd.tui.page import Page
from wtpd.tui.screens.appointment import Section, open_appointment
from wtpd.tui.screens.attention.detail import STOPS, visit_line, write_message
from wtpd.tui.screens.attention.entries import site_of
from wtpd.tui.screens.attention.fetch import Details
from wtpd.tui.widgets.dialogs import Choose, Read


class Leads:
    def __init__(self, page: Page, details: Details) -> None:
        self._page, self._details = page, details

    def enter(self, entry: Json) -> None:
        """What Enter does: the whole message, the way out, or the appointment."""
        if entry["kind"] == "quarantine":
            self._read_message(entry)
        elif entry["kind"] in STOPS and entry["next_step"]:
            self._page.wtpd.go_to("overview")
        elif entry.get("other") and entry["appointment_id"]:
            background(self._page, partial(self._one_of_two, entry), "appointment")
        elif entry["appointment_id"]:
            self.appointment(entry)

    def appointment(self, entry: Json) -> None:
        section: Section = "mobility" if entry["kind"] == "car_open" else "data"
        open_appointment(self._page.wtpd, entry["appointment_id"], section)

    async def _one_of_two(self, entry: Json) -> None:
        page = self._page
        zone = page.session.zone(site_of(entry) or page.session.site)
        lines = [
            (entry["appointment_id"], visit_line(page, entry["appointment"], zone)),
            (str(entry["data"]["other"]), visit_line(page, entry["other"], zone)),
        ]
        chosen = await page.wtpd.push_screen_wait(Choose(N_("Which appointment?"), lines))
        if chosen:
            open_appointment(page.wtpd, str(chosen), "data")

    def customer(self, entry: Json) -> None:
        background(self._page, partial(self._customer, entry), "customer")

    def _read_message(self, entry: Json) -> None:
        page, detail = self._page, self._details.of(entry)
        if "message" in detail:
            heading = N_("The message as it came")
            page.wtpd.push_screen(Read(heading, lambda sheet: write_message(page, sheet, detail)))

    async def _customer(self, entry: Json) -> None:
        from wtpd.tui.screens.customers.page import open_customer

        page = self._page
        records: Sequence[Json] = self._details.of(entry).get("records", ())
        if entry["kind"] == "locked_customer":
            found = await page.attempt(page.api.appointments.get(entry["appointment_id"]))
            chosen = found and found["customer_id"]
        elif len(records) > 1:
            lines = [(one["id"], page.hide(name_of(one)) or one["id"]) for one in records]
            chosen = await page.wtpd.push_screen_wait(Choose(N_("Which customer?"), lines))
        else:
            chosen = entry["data"].get("created")
        if chosen:
            open_customer(page.wtpd, str(chosen))


def concerns_customer(entry: Json) -> bool:
    if entry["kind"] == "unmatched":
        return bool(entry["data"].get("what") == "customer")
    return entry["kind"] == "locked_customer" and bool(entry["appointment_id"])
