"""What can be changed of a customer: contact data, and what they allow, with date and source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from wtpd.client import Json
from wtpd.moments import NotUnderstood, read_day
from wtpd.texts import N_
from wtpd.tui.page import Page
from wtpd.tui.widgets.dialogs import Choose
from wtpd.tui.widgets.fields import Field
from wtpd.tui.widgets.form import Form, wrong
from wtpd.words import CUSTOMER, PERMISSIONS

CONTACT = tuple(name for name in CUSTOMER if name != "permissions")


def edit_contact(page: Page, customer: Json, done: Callable[[], object]) -> None:
    """A form with the master data; only what was changed is sent."""
    fields = [Field(name=name, label=CUSTOMER[name], value=str(customer[name] or "")) for name in CONTACT]

    async def submit(values: Mapping[str, str]) -> bool:
        changes = {name: values[name] or None for name in CONTACT if values[name] != (customer[name] or "")}
        if changes:
            await page.api.customers.change(customer["id"], changes, version=customer["version"])
        return bool(changes)

    def answered(changed: bool | None) -> None:
        if changed is not None:
            page.tell(N_("Saved.") if changed else N_("Nothing was changed."), "ok" if changed else "")
            done()

    about = N_("What is changed here is sent to the partners with the coming appointments.")
    page.wtpd.push_screen(
        Form(N_("Contact data"), fields, submit, about=about, what=f"customer/{customer['id']}"), answered
    )


async def edit_permission(page: Page, customer: Json, done: Callable[[], object]) -> None:
    """Choose the way, then say yes or no with date and source. Must run in a worker."""
    channel = await page.wtpd.push_screen_wait(
        Choose(N_("Which permission was given or taken back?"), list(PERMISSIONS.items()))
    )
    if channel is None:
        return
    given = customer["permissions"].get(channel) or {}
    today = page.formats.today()

    async def submit(values: Mapping[str, str]) -> bool:
        permission = {
            "allowed": values["allowed"] == "yes",
            "since": _day(values["since"], today).isoformat(),
            "source": values["source"],
        }
        await page.api.customers.change(
            customer["id"], {"permissions": {channel: permission}}, version=customer["version"]
        )
        return True

    fields = [
        Field(
            name="allowed", label=N_("Allowed"), form="choice", choices=[("yes", N_("yes")), ("no", N_("no"))],
            value="no" if given.get("allowed") is False else "yes",
        ),
        Field(name="since", label=N_("Since"), form="date", value=page.formats.day(today), required=True),
        Field(
            name="source", label=N_("Source"), value="", required=True,
            hint=N_("how it was given: signed form, call, e-mail"),
        ),
    ]  # fmt: skip
    form = Form(PERMISSIONS[channel], fields, submit, what=f"customer/{customer['id']}")
    if await page.wtpd.push_screen_wait(form):
        page.tell(N_("Saved, with date and source."), "ok")
        done()


def _day(text: str, today: date) -> date:
    """Raises what a form shows: no day, or one that is still to come."""
    try:
        day = read_day(text, today)
    except NotUnderstood:
        raise wrong("since", N_("{text} is no day.", text=text)) from None
    if day > today:
        raise wrong("since", N_("A permission can't be given in the future."))
    return day
