"""The contract for a courtesy car, to be printed and signed: as plain text and as HTML (spec: planner.md, rule 3).

The customer's data are those of the booking, kept in the database; car, times and vehicle are those of the appointment
as it is now. What is known only when the car is handed over (odometer, fuel, driving licence) is left blank, to be
filled in by hand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template
from zoneinfo import ZoneInfo

from wtpd.config.model import Site
from wtpd.dates import show_moment
from wtpd.errors import NotFound
from wtpd.planner.appointment import Appointment
from wtpd.planner.customer import Customer
from wtpd.planner.plates import formatted
from wtpd.planner.resources import CourtesyCar
from wtpd.planner.vehicle import Vehicle
from wtpd.store import appointments, contracts, resources, vehicles
from wtpd.store.database import Tx
from wtpd.texts import LANGUAGES, N_, Text

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
"""Control characters and those that turn the direction of writing: nothing of it belongs on paper."""

Line = tuple[Text, str | datetime | None]
"""A label and its value; None is a blank to fill in by hand, an empty text isn't shown."""


@dataclass(frozen=True, slots=True)
class Contract:
    """The contract in no language yet. Times are local to the site."""

    notice: Text | None
    sections: Sequence[tuple[Text, Sequence[Line]]]


TITLE = N_("Courtesy car contract")
SIGNATURES = (N_("Place, date, signature of the customer"), N_("Place, date, signature of the workshop"))


def of_appointment(tx: Tx, appointment_id: str, site: Site | None) -> Contract:
    """The contract of an appointment at `site` (None: it isn't configured any more). Raises `NotFound`, of kind
    `no-contract` if the appointment has no courtesy car."""
    appointment = appointments.get(tx, appointment_id)
    kept = contracts.find(tx, appointment_id)
    if kept is None:
        raise NotFound(N_("This appointment has no courtesy car, so it has no contract."), kind="no-contract")
    site = site or Site(id=appointment.site, name=appointment.site)
    zone = ZoneInfo(site.time_zone)
    vehicle = vehicles.find(tx, appointment.vehicle_id) if appointment.vehicle_id else None
    return Contract(
        notice=None if appointment.is_live else N_("The appointment was cancelled: this contract isn't valid."),
        sections=(
            (N_("Lender"), _lender(site)),
            (N_("Customer"), _customer(kept.customer, kept.at.astimezone(zone))),
            (N_("Courtesy car"), _car(resources.get_courtesy_car(tx, kept.courtesy_car), site)),
            (N_("Lending"), _lending(appointment, vehicle, zone, site)),
            (N_("At the handover"), _handover()),
        ),
    )


def as_text(contract: Contract, language: str) -> str:
    """Plain text, at most 100 columns as long as the values are short."""
    language = language if language in LANGUAGES else "en"
    title = TITLE.render(language)
    parts = [title, "=" * len(title), ""]
    if contract.notice is not None:
        parts += [f"*** {contract.notice.render(language)} ***", ""]
    for heading, lines in contract.sections:
        name = heading.render(language)
        parts += [name, "-" * len(name)]
        labels = [(label.render(language), _shown(value, language)) for label, value in lines if value != ""]
        width = max((len(label) for label, _ in labels), default=0)
        parts += [f"{label:<{width}}  {'_' * 30 if value is None else value}" for label, value in labels]
        parts.append("")
    for signature in SIGNATURES:
        parts += ["", "", "_" * 40, signature.render(language)]
    return "\n".join(parts) + "\n"


def as_html(contract: Contract, language: str) -> str:
    """A page that stands for itself and prints on A4. Every value is escaped."""
    language = language if language in LANGUAGES else "en"
    notice = contract.notice.render(language) if contract.notice is not None else ""
    return _page().substitute(
        language=language,
        title=escape(TITLE.render(language)),
        notice=f'<p class="notice">{escape(notice)}</p>' if notice else "",
        sections="\n".join(_section(heading, lines, language) for heading, lines in contract.sections),
        signatures="".join(f"<div>{escape(each.render(language))}</div>" for each in SIGNATURES),
    )


def _section(heading: Text, lines: Sequence[Line], language: str) -> str:
    rows = "".join(
        f"<tr><th>{escape(label.render(language))}</th><td>{escape(_shown(value, language) or '')}</td></tr>"
        for label, value in lines
        if value != ""
    )
    return f"<h2>{escape(heading.render(language))}</h2><table>{rows}</table>"


def _page() -> Template:
    return Template((Path(__file__).parent / "contract.html").read_text(encoding="utf-8"))


def _shown(value: str | datetime | None, language: str) -> str | None:
    if isinstance(value, datetime):
        return show_moment(value, language)
    return value if value is None else _CONTROL.sub(" ", value)


def _lender(site: Site) -> list[Line]:
    return [
        (N_("Name"), site.name),
        (N_("Address"), _joined(site.street, f"{site.postcode} {site.city}")),
        (N_("E-mail"), site.email or ""),
    ]


def _customer(customer: Customer | None, at: datetime) -> list[Line]:
    """Blanks to fill in where the booking had no customer, or the person's data were erased."""
    if customer is None:
        return [(N_("Name"), None), (N_("Address"), None), (N_("Telephone"), None)]
    person = " ".join(filter(None, (customer.title, customer.first_name, customer.last_name)))
    address = _joined(
        f"{customer.street} {customer.house_number}", f"{customer.postcode} {customer.city}", customer.country
    )
    phones = (customer.mobile, customer.phone, customer.business_mobile, customer.business_phone)
    return [
        (N_("Customer number"), customer.number or ""),
        (N_("Company"), customer.company),
        (N_("Name"), person or None),
        (N_("Address"), address or None),
        (N_("Telephone"), next(filter(None, phones), None)),
        (N_("E-mail"), customer.email or customer.business_email),
        (N_("Data as of"), at),
    ]


def _car(car: CourtesyCar, site: Site) -> list[Line]:
    return [
        (N_("Number"), car.id),
        (N_("Plate"), formatted(car.plate, site.country)),
        (N_("Make and model"), f"{car.make} {car.model}".strip()),
        (N_("Class"), car.vehicle_class),
        (N_("Features"), ", ".join(car.features)),
    ]


def _lending(appointment: Appointment, vehicle: Vehicle | None, zone: ZoneInfo, site: Site) -> list[Line]:
    own = ""
    if vehicle is not None:
        plate = formatted(vehicle.plate, site.country)
        own = ", ".join(filter(None, (plate, f"{vehicle.make} {vehicle.model}".strip(), vehicle.vin)))
    return [
        (N_("From"), appointment.drop_off.astimezone(zone)),
        (N_("Until"), appointment.collection.astimezone(zone)),
        (N_("Customer's own car"), own),
        (N_("Work order"), appointment.work_order or ""),
        (N_("Appointment"), appointment.references.get("import") or appointment.id),
    ]


def _handover() -> list[Line]:
    return [
        (N_("Driving licence number, issued by"), None),
        (N_("Odometer out / back (km)"), None),
        (N_("Fuel or charge out / back"), None),
        (N_("Damage"), None),
    ]


def _joined(*parts: str) -> str:
    return ", ".join(part.strip() for part in parts if part.strip())
