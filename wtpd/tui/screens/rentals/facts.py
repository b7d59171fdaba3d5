"""The rental of an appointment, to be read: state, car, period, price, station, and how it fits (spec: carloop.md)."""

from __future__ import annotations

from decimal import Decimal

from wtpd.client import Json
from wtpd.language import say
from wtpd.texts import N_
from wtpd.tui.cells import BLANK, word
from wtpd.tui.screens.appointment.loaded import Loaded
from wtpd.tui.widgets.sheet import Sheet
from wtpd.words import RENTAL_MISMATCHES, RENTALS


def write_rental(sheet: Sheet, loaded: Loaded) -> None:
    """The rental that counts for the appointment, and the customer's other ones in that time."""
    mobility = loaded.mobility
    if mobility is None:
        return
    one = mobility["rental"]
    sheet.heading(N_("rental car"))
    if mobility["refusal"]:
        sheet.text(mobility["refusal"], "warn")
    if one is None:
        sheet.text(N_("No rental car is booked for this appointment."), "dim")
    else:
        _write_one(sheet, loaded, one)
    if mobility["mismatch"]:
        sheet.text(RENTAL_MISMATCHES[mobility["mismatch"]], "warn")
    if mobility["others"]:
        sheet.heading(N_("The customer's other rentals in that time"))
    for other in mobility["others"]:
        sheet.text(f"{loaded.privacy.hide(other['car']['plate'])}  {_period(loaded, other)}  {_state(other)[0]}")


def _write_one(sheet: Sheet, loaded: Loaded, one: Json) -> None:
    sheet.fact(N_("state"), _state(one))
    sheet.fact(N_("number"), loaded.privacy.hide(one["number"]) or BLANK)
    sheet.fact(N_("plate"), loaded.privacy.hide(one["car"]["plate"]))
    sheet.fact(N_("begin"), loaded.formats.moment(one["start"], loaded.zone))
    sheet.fact(N_("until"), loaded.formats.moment(one["end"], loaded.zone))
    sheet.fact(N_("price"), price(loaded, one["price"]))
    sheet.fact(N_("station"), one["station"] or BLANK)
    if one["waiting"]:
        waiting = N_("The answer isn't known yet: {reason}. wtpd goes on by itself.", reason=one["waiting"])
        sheet.text(waiting, "warn")
    if one["reason"]:
        sheet.text(one["reason"], "warn")


def price(loaded: Loaded, value: Json | None) -> str:
    """No price is no price of nothing."""
    if value is None:
        return BLANK
    if value["currency"] == "EUR":
        return loaded.formats.money(int(Decimal(value["gross"]) * 100))
    return f"{value['gross']} {value['currency']}"


def _state(one: Json) -> tuple[str, str]:
    if one["overdue"]:
        return say(N_("overdue")), "bad"
    return word(RENTALS, one["state"]), ""


def _period(loaded: Loaded, one: Json) -> str:
    return f"{loaded.formats.moment(one['start'], loaded.zone)} – {loaded.formats.moment(one['end'], loaded.zone)}"
