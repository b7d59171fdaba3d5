"""`/v1/appointments/{id}/contract`: the contract of the courtesy car, to be printed and signed; text or HTML."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from wtpd.book.book import Book
from wtpd.config.model import Site
from wtpd.daemon.api.call import Answer, Call, Role
from wtpd.daemon.api.days import zone_of
from wtpd.daemon.api.routes import Route
from wtpd.daemon.reload import Settings
from wtpd.errors import NotFound
from wtpd.planner.customer import Customer
from wtpd.planner.resources import CourtesyCar
from wtpd.store import appointments, contracts, resources
from wtpd.store.database import Database, Tx
from wtpd.texts import N_, Text

Section = tuple[Text, list[tuple[Text, str]]]

_MOMENTS = {"de": "%d.%m.%Y %H:%M", "nl": "%d-%m-%Y %H:%M", "en": "%Y-%m-%d %H:%M"}

_PAGE = """<!doctype html>
<html lang="{language}"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:11pt/1.4 sans-serif;margin:2cm;max-width:17cm}}h1{{font-size:16pt}}
h2{{font-size:12pt;margin:1.2em 0 .3em}}
dl{{display:grid;grid-template-columns:5cm 1fr;margin:0}}dt{{color:#555}}dd{{margin:0}}p.sign{{margin-top:3cm}}</style>
<h1>{title}</h1>
{body}<p class="sign">{sign}</p></html>
"""


class ContractRoutes:
    def __init__(self, db: Database, book: Book, settings: Settings) -> None:
        self._db = db
        self._book = book
        self._settings = settings

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET", path="/v1/appointments/{id}/contract", role=Role.READ, handler=self.get,
                media_types=("text/plain", "text/html"), summary="The contract of the courtesy car",
            )
        ]  # fmt: skip

    async def get(self, call: Call) -> Answer:
        sections = await self._db.read(lambda tx: self._sections(tx, call.params["id"], call.language))
        accepted = call.headers.get("accept", "")
        html = accepted.find("text/html") >= 0 and not -1 < accepted.find("text/plain") < accepted.find("text/html")
        if html:
            return Answer(content=_html(sections, call.language).encode(), media_type="text/html; charset=utf-8")
        return Answer(content=_text(sections, call.language).encode(), media_type="text/plain; charset=utf-8")

    def _sections(self, tx: Tx, appointment_id: str, language: str) -> list[Section]:
        appointment = appointments.get(tx, appointment_id)
        contract = contracts.find(tx, appointment_id)
        if contract is None:
            raise NotFound(N_("This appointment has no courtesy car, so it has no contract."), kind="no-contract")
        zone = zone_of(self._book, appointment.site)
        site = next((one for one in self._settings.config.sites if one.id == appointment.site), None)
        lent = [
            (N_("From"), _moment(appointment.drop_off, zone, language)),
            (N_("Until"), _moment(appointment.collection, zone, language)),
            (N_("Appointment"), appointment.id),
            (N_("Booked"), _moment(contract.at, zone, language)),
        ]
        return [
            (N_("Lender"), _lender(site) if site else []),
            (N_("Customer"), _customer(contract.customer) if contract.customer else []),
            (N_("Courtesy car"), _car(resources.get_courtesy_car(tx, contract.courtesy_car))),
            (N_("Lending"), lent),
        ]


def _lender(site: Site) -> list[tuple[Text, str]]:
    return [(N_("Name"), site.name), (N_("Address"), _address(site.street, "", site.postcode, site.city))]


def _customer(customer: Customer) -> list[tuple[Text, str]]:
    phone = customer.mobile or customer.phone or customer.business_mobile or customer.business_phone
    address = _address(customer.street, customer.house_number, customer.postcode, customer.city)
    person = " ".join(part for part in (customer.title, customer.first_name, customer.last_name) if part)
    return [
        (N_("Company"), customer.company),
        (N_("Name"), person),
        (N_("Address"), address),
        (N_("Telephone"), phone),
        (N_("E-mail"), customer.email or customer.business_email),
    ]


def _car(car: CourtesyCar) -> list[tuple[Text, str]]:
    return [
        (N_("Plate"), car.plate),
        (N_("Model"), f"{car.make} {car.model}".strip()),
        (N_("Class"), car.vehicle_class),
        (N_("Number"), car.id),
    ]


def _address(street: str, number: str, postcode: str, city: str) -> str:
    parts = (f"{street} {number}".strip(), f"{postcode} {city}".strip())
    return ", ".join(part for part in parts if part)


def _moment(moment: datetime, zone: ZoneInfo, language: str) -> str:
    return moment.astimezone(zone).strftime(_MOMENTS.get(language, _MOMENTS["en"]))


_TITLE = N_("Contract for a courtesy car")
_SIGN = N_("Date and signature of the customer: ____________________")


def _filled(sections: Iterable[Section]) -> list[Section]:
    kept = [(head, [(name, value) for name, value in lines if value]) for head, lines in sections]
    return [section for section in kept if section[1]]


def _text(sections: Iterable[Section], language: str) -> str:
    title = _TITLE.render(language)
    lines = [title, "=" * len(title)]
    for head, values in _filled(sections):
        lines += ["", head.render(language)]
        lines += [f"  {name.render(language) + ':':<14} {value}" for name, value in values]
    return "\n".join([*lines, "", "", _SIGN.render(language), ""])


def _html(sections: Iterable[Section], language: str) -> str:
    body = ""
    for head, values in _filled(sections):
        rows = "".join(f"<dt>{escape(name.render(language))}</dt><dd>{escape(value)}</dd>" for name, value in values)
        body += f"<h2>{escape(head.render(language))}</h2><dl>{rows}</dl>\n"
    return _PAGE.format(
        language=language, title=escape(_TITLE.render(language)), body=body, sign=escape(_SIGN.render(language))
    )
