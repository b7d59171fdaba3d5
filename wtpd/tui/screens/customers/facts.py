"""One customer to read: who it is, how they may be written to, and what they drive."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from wtpd.client import Json
from wtpd.language import say
from wtpd.texts import N_
from wtpd.tui.cells import BLANK, name_of, origin_name
from wtpd.tui.page import Page
from wtpd.tui.widgets.sheet import Sheet
from wtpd.words import CUSTOMER, PERMISSIONS

SOON = timedelta(days=60)
"""An inspection due so soon is marked."""
_REACHED_BY = ("email", "phone", "mobile", "business_email", "business_phone", "business_mobile")


def write_customer(
    page: Page, sheet: Sheet, customer: Json, vehicles: Sequence[Json], known_as: Sequence[Json], *, sinno: bool
) -> None:
    """`known_as`: the partners' numbers of the customer; `sinno`: some connector can do something for customers."""
    glyphs = page.session.glyphs
    if customer["erased"]:
        sheet.text(N_("This person was erased; what is left tells nothing of them."), "warn")
        return
    salutation = f"{customer['salutation']} " if customer["salutation"] else ""
    sheet.text(page.hide(salutation + name_of(customer)), "strong")
    if customer["locked_by"]:
        text = N_("Kept by {dms}: these data can be changed only there.", dms=customer["locked_by"])
        sheet.text(f"{glyphs.dms} {say(text)}", "warn")
    _write_contact(page, sheet, customer)
    sheet.fact(CUSTOMER["lease_company"], page.hide(customer["lease_company"]))
    for one in known_as:
        number = " ".join(part for part in (one["company"], one["partner_id"]) if part)
        sheet.fact(N_("{partner} number", partner=one["connector"]), page.hide(number))
    _write_vehicles(page, sheet, vehicles)
    _write_permissions(page, sheet, customer)
    if not sinno:
        sheet.heading(N_("SiNNO app"))
        sheet.text(N_("SiNNO isn't connected."), "dim")


def _write_contact(page: Page, sheet: Sheet, customer: Json) -> None:
    person = " ".join(part for part in (customer["title"], customer["first_name"], customer["last_name"]) if part)
    if customer["company"] and person:
        sheet.fact(N_("person"), page.hide(person))
    sheet.fact(CUSTOMER["number"], page.hide(customer["number"]))
    street = " ".join(part for part in (customer["street"], customer["house_number"]) if part)
    city = " ".join(part for part in (customer["country"], customer["postcode"], customer["city"]) if part)
    sheet.fact(N_("address"), page.hide(", ".join(part for part in (street, city) if part)))
    for name in _REACHED_BY:
        sheet.fact(CUSTOMER[name], page.hide(customer[name]))
    sheet.fact(N_("from"), origin_name(customer["origin"]))


def _write_permissions(page: Page, sheet: Sheet, customer: Json) -> None:
    glyphs, given = page.session.glyphs, customer["permissions"]
    sheet.heading(N_("May be written to or called"))
    for channel, label in PERMISSIONS.items():
        one = given.get(channel)
        if one is None:
            continue
        sign, tint, said = (glyphs.check, "ok", N_("yes")) if one["allowed"] else (glyphs.bad, "bad", N_("no"))
        text = N_("{said}, since {day}: {source}", said=said, day=page.formats.day(one["since"]),
                  source=page.hide(one["source"]))  # fmt: skip
        sheet.fact(label, (f"{sign} {say(text)}", tint))
    unasked = [say(label) for channel, label in PERMISSIONS.items() if channel not in given]
    sheet.fact(N_("not asked"), (", ".join(unasked), "dim") if unasked else "")


def _write_vehicles(page: Page, sheet: Sheet, vehicles: Sequence[Json]) -> None:
    sheet.heading(N_("Vehicles"))
    for car in vehicles:
        plate = page.hide(car["plate"]) or BLANK
        told = [f"{car['make']} {car['model']}".strip(), page.hide(car["vin"])]
        sheet.fact(plate, "  ".join(part for part in told if part) or BLANK)
        if car["warranty_end"]:
            sheet.fact("", say(N_("warranty until {day}", day=page.formats.day(car["warranty_end"]))))
        if car["inspection_due"]:
            today = page.formats.today()
            due = car["inspection_due"]
            is_soon = due <= (today + SOON).isoformat()
            sign = f" {page.session.glyphs.warn}" if is_soon else ""
            text = N_("inspection due {day}", day=page.formats.day(due))
            sheet.fact("", (f"{say(text)}{sign}", "warn" if is_soon else ""))
    if not vehicles:
        sheet.text(N_("No vehicle is known."), "dim")
