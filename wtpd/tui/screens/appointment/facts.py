"""The sections of the appointment page that are read: data, work, customer and vehicle, mobility."""

from __future__ import annotations

from collections.abc import Iterable

from wtpd.client import Json
from wtpd.language import say
from wtpd.texts import N_
from wtpd.tui.cells import BLANK, origin_cell, origin_name, status_cell, word
from wtpd.tui.screens.appointment.loaded import ROLES, Loaded
from wtpd.tui.screens.rentals.facts import write_rental
from wtpd.tui.tints import LINK
from wtpd.tui.widgets.sheet import Sheet
from wtpd.words import CUSTOMER, ELEMENTS, FIELDS, PERMISSIONS, TRANSPORT, VEHICLE, partner_number

TIMES = ("planned_in", "planned_out", "car_in", "car_out")
MENUS = "superservice_menus"
LINKS = {MENUS: "SUPERSERVICE Menus"}
"""Names of the web addresses that partners give."""
PARTNERS = {"superservice": "SUPERSERVICE"}
_KINDS = {"customer": FIELDS["customer_id"], "vehicle": FIELDS["vehicle_id"], "order": N_("order")}


def write_data(sheet: Sheet, loaded: Loaded) -> None:
    """Everything that is filled in, the important first."""
    one, glyphs = loaded.one, loaded.session.glyphs
    sheet.fact(FIELDS["drop_off"], loaded.moment("drop_off"))
    sheet.fact(FIELDS["collection"], loaded.moment("collection"))
    sheet.fact(FIELDS["status"], status_cell(one, glyphs))
    if one["cancellation_reason"]:
        sheet.fact(N_("reason"), loaded.value("cancellation_reason", one["cancellation_reason"]))
    if one["over_limit"]:
        sheet.fact(FIELDS["over_limit"], (f"{glyphs.warn} {say(N_('yes'))}", "warn"))
    write_remarks(sheet, loaded)
    sheet.fact(FIELDS["site"], f"{loaded.session.site_name(one['site'])}, {one['department']}")
    _given(sheet, loaded, ("advisor",))
    sheet.fact(FIELDS["transport_option"], _transport(loaded))
    if one["customer_waiting"]:
        sheet.fact(FIELDS["customer_waiting"], say(N_("yes")))
    _given(sheet, loaded, ("notes", "dms_notes", "work_order", "dms_number", "dms_created_at", *TIMES))
    for name in ("quote_made", "billed", "internal_order"):
        if one[name]:
            sheet.fact(FIELDS[name], say(N_("yes")))
    sign, tint = origin_cell(one["origin"], glyphs)
    sheet.fact(FIELDS["origin"], (f"{sign} {origin_name(one['origin'])}", tint))
    for partner, number in one["references"].items():
        sheet.fact(N_("{partner} number", partner=PARTNERS.get(partner, partner)), loaded.privacy.hide(number))
    for name, address in one["links"].items():
        sheet.fact(LINKS.get(name, name), (address, link_tint(address)))


def write_remarks(sheet: Sheet, loaded: Loaded) -> None:
    """What public registers say of the vehicle that the workshop should know."""
    for check in loaded.checks:
        for remark in check["remarks"]:
            sheet.text(f"{loaded.session.glyphs.warn} {remark['text']}", "warn")


def link_tint(address: str) -> str:
    """The tint by which a web address can be clicked on; plain for what might steer the terminal."""
    is_safe = address.startswith(("https://", "http://")) and address.isprintable()
    return f"{LINK}{address}" if is_safe else ""


def write_work(sheet: Sheet, loaded: Loaded) -> None:
    """Each piece of work with AW and price, and what they come to."""
    works = loaded.one["interventions"]
    sheet.heading(FIELDS["interventions"])
    if not works:
        sheet.text(N_("No work is planned yet."), "dim")
        return
    formats = loaded.formats
    for work in works:
        units = say(N_("{units} AW", units=formats.number(work["labour_units"])))
        price = formats.money(work["price_cents"])
        sheet.fact(work["code"] or BLANK, f"{work['title']}  ({', '.join(one for one in (units, price) if one)})")
        if work["description"]:
            sheet.text(loaded.privacy.hide(work["description"]), "dim", indent=4)
        for element in work.get("elements") or ():
            sheet.text(_element(element, loaded), "dim", indent=4)
    prices = [work["price_cents"] for work in works if work["price_cents"] is not None]
    total = say(N_("{units} AW", units=formats.number(loaded.one["labour_units"])))
    if prices:
        total += f", {formats.money(sum(prices))}"
    if len(prices) not in (0, len(works)):
        missing = N_("without those that have no price")
        total += f" ({say(missing)})"
    sheet.line()
    sheet.fact(N_("in all"), (total, "strong"))


def _element(element: Json, loaded: Loaded) -> str:
    """`part  N-1234 Ölfilter × 2, 29,90 €`"""
    formats = loaded.formats
    name = " ".join(part for part in (element["code"], loaded.privacy.hide(element["title"])) if part)
    count = f" × {formats.number(element['quantity'])}" if element["quantity"] != 1 else ""
    price = formats.money(element["price_cents"])
    return f"{word(ELEMENTS, element['kind'])}  {name}{count}{', ' if price else ''}{price}"


def write_people(sheet: Sheet, loaded: Loaded) -> None:
    """Customer and vehicle, with what the customer allows."""
    _write_customer(sheet, loaded)
    _write_vehicle(sheet, loaded)
    if loaded.known_as:
        sheet.heading(N_("At partners"))
    for one in loaded.known_as:
        sheet.fact(_KINDS[one["kind"]], loaded.privacy.hide(partner_number(one)))


def _write_vehicle(sheet: Sheet, loaded: Loaded) -> None:
    sheet.heading(FIELDS["vehicle_id"])
    vehicle = loaded.vehicle
    if vehicle is None:
        sheet.text(N_("No vehicle is set."), "dim")
        return
    sources = {name: check["title"] for check in loaded.checks for name in check["filled"]}
    for name, label in VEHICLE.items():
        if name not in ROLES and vehicle[name] not in (None, ""):
            source = f"  ({sources[name]})" if name in sources else ""
            sheet.fact(label, loaded.value(name, vehicle[name]) + source)
    for name in ROLES:
        if vehicle[name]:
            sheet.fact(VEHICLE[name], loaded.privacy.hide(loaded.people.get(vehicle[name], vehicle[name])))


def _write_customer(sheet: Sheet, loaded: Loaded) -> None:
    sheet.heading(FIELDS["customer_id"])
    customer = loaded.customer
    if customer is None:
        sheet.text(N_("No customer is set."), "dim")
        return
    if customer["erased"]:
        sheet.text(N_("This customer was erased on request."), "warn")
    if customer["locked_by"]:
        sheet.text(N_("Its master data are changed only in {dms}.", dms=customer["locked_by"]), "warn")
    street = " ".join(_filled(customer[name] for name in ("street", "house_number")))
    town = " ".join(_filled(customer[name] for name in ("postcode", "city", "country")))
    person = " ".join(_filled(customer[name] for name in ("salutation", "title", "first_name", "last_name")))
    hide = loaded.privacy.hide
    sheet.fact(CUSTOMER["company"], hide(customer["company"]))
    sheet.fact(N_("name"), hide(person))
    sheet.fact(N_("address"), hide(", ".join(_filled((street, town)))))
    for name in (
        "phone",
        "mobile",
        "email",
        "business_phone",
        "business_mobile",
        "business_email",
        "number",
        "lease_company",
    ):
        sheet.fact(CUSTOMER[name], hide(customer[name]))
    sheet.fact(CUSTOMER["permissions"], _permissions(loaded, customer["permissions"]))


def _permissions(loaded: Loaded, permissions: dict[str, dict[str, object]]) -> str:
    """`by e-mail since 01.02.2026 (form); not by SMS`"""
    told = []
    for channel, one in permissions.items():
        known = {
            "channel": word(PERMISSIONS, channel),
            "day": loaded.formats.day(str(one["since"])),
            "source": loaded.privacy.hide(one["source"]),
        }
        if one["allowed"]:
            told.append(say(N_("{channel} since {day} ({source})", **known)))
        else:
            told.append(say(N_("not {channel} since {day} ({source})", **known)))
    return "; ".join(told) or say(N_("none on record"))


def write_mobility(sheet: Sheet, loaded: Loaded) -> None:
    """How the customer stays mobile."""
    one = loaded.one
    sheet.heading(FIELDS["transport_option"])
    sheet.text(_transport(loaded) or say(TRANSPORT["none"]))
    if one["customer_waiting"]:
        sheet.text(N_("The customer waits in the workshop."))
    if one["courtesy_car"]:
        _write_car(sheet, loaded)
    elif one["transport_option"] == "courtesy_car":
        sheet.text(N_("No courtesy car is chosen yet; e chooses one."), "warn")
    if one["transport_option"] == "rental_car" and not loaded.rents_out:
        sheet.text(N_("Carloop isn't connected: the rental car is booked there by hand."), "warn")
    write_rental(sheet, loaded)


def _write_car(sheet: Sheet, loaded: Loaded) -> None:
    car = loaded.car or {}
    sheet.heading(FIELDS["courtesy_car"])
    sheet.fact(N_("sign"), str(loaded.one["courtesy_car"]))
    sheet.fact(VEHICLE["plate"], loaded.privacy.hide(car.get("plate")))
    sheet.fact(VEHICLE["model"], " ".join(_filled(str(car.get(name) or "") for name in ("make", "model"))))
    sheet.fact(N_("vehicle class"), str(car.get("vehicle_class") or ""))
    sheet.fact(N_("features"), ", ".join(car.get("features") or ()))
    sheet.fact(N_("lent"), f"{loaded.moment('drop_off')} – {loaded.moment('collection')}")
    sheet.line()
    sheet.text(N_("c shows the contract, to be printed and signed."), "dim")


def _transport(loaded: Loaded) -> str:
    one = loaded.one
    option = word(TRANSPORT, one["transport_option"])
    return f"{option}, {one['courtesy_car']}" if one["courtesy_car"] else option


def _given(sheet: Sheet, loaded: Loaded, names: Iterable[str]) -> None:
    for name in names:
        if loaded.one[name]:
            sheet.fact(FIELDS[name], loaded.value(name, loaded.one[name]))


def _filled(parts: Iterable[str]) -> list[str]:
    return [part for part in parts if part]
