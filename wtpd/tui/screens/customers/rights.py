"""The person's rights: to see what is held on them, and to be forgotten (GDPR, articles 15 and 17)."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence

from wtpd.client import Json
from wtpd.language import say
from wtpd.texts import N_, Text
from wtpd.tui.background import background
from wtpd.tui.cells import GONE
from wtpd.tui.page import Page
from wtpd.tui.pretty import write_pretty
from wtpd.tui.widgets.dialogs import Read
from wtpd.tui.widgets.sheet import Sheet

RIGHTS: Mapping[str, Text] = {
    "export": N_("Show everything held on this person"),
    "erase": N_("Erase this person"),
}
MOST = 2
"""Appointments that are named in one line."""
_OVER = ("completed", *GONE)


async def show_export(page: Page, customer: Json) -> None:
    """Everything held on one person, to read; and how it gets into a file."""
    if page.session.privacy.on:
        page.tell(N_("Names are hidden; press F9 first."), "warn")
        return
    held = await page.attempt(page.api.customers.export(customer["id"]))
    if held is None:
        return

    def fill(sheet: Sheet) -> None:
        if page.session.privacy.on:
            sheet.text(N_("Names are hidden; press F9 first."), "warn")
            return
        sheet.text(N_("Into a file, on the box:"))
        sheet.text(
            f"curl --unix-socket {shlex.quote(page.api.socket)} "
            f"http://wtpd/v1/customers/{customer['id']}/export > export.json",
            "accent",
        )
        sheet.text("")
        write_pretty(sheet, held)

    page.wtpd.push_screen(Read(N_("Everything held on this person"), fill))


def ahead(page: Page, appointments: Sequence[Json]) -> list[Json]:
    """Those that aren't over: as long as there is one, the person can't be erased."""
    return [one for one in appointments if one["status"] not in _OVER and not page.formats.is_past(one["collection"])]


def ask_to_erase(page: Page, customer: Json, coming: Sequence[Json], done: Callable[[], object]) -> None:
    """Say what it means, have it typed, do it."""
    if coming:
        days = [page.formats.moment(one["drop_off"], page.session.zone(one["site"])) for one in coming[::-1]]
        shown = ", ".join(days[:MOST]) + (f" {page.session.glyphs.more}" if len(days) > MOST else "")
        page.tell(N_("First complete or cancel what lies ahead: {days}", days=shown), "warn")
        return

    async def erase() -> None:
        if await page.attempt(page.api.customers.erase(customer["id"]), N_("The person was erased.")) is not None:
            done()

    page.wtpd.confirm(
        N_("Erase this person for good?"),
        consequence(),
        lambda: background(page, erase, "erase"),
        typed=customer["number"] or say(N_("erase")),
    )


def consequence() -> Text:
    return N_(
        "Name, addresses, numbers and permissions are blanked everywhere: here, in past appointments, their history, "
        "kept messages and waiting mails. Past appointments stay, without the person. Partners keep what they were "
        "sent; ask them too. It can't be undone."
    )
