"""The contract of a courtesy car shows the customer as at the booking, and nothing in it can break the page."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from tests.support.bookkeeping import DESK, Dealership, draft
from wtpd.book import contract
from wtpd.config.model import Site
from wtpd.errors import NotFound
from wtpd.store.database import Tx

SITE = Site(id="rostock", name="Autohaus <Nord> & Söhne", street="Ring 1", postcode="18055", city="Rostock")


async def lent(dealership: Dealership, **customer: str) -> str:
    def book(tx: Tx) -> str:
        values = {"first_name": "Jörg", "last_name": "Müller", "number": "10000", "street": "Weg", "house_number": "7",
                  "postcode": "18273", "city": "Güstrow", "mobile": "0171 74517017", **customer}  # fmt: skip
        person = dealership.book.create_customer(tx, values, author=DESK)
        car = dealership.book.create_vehicle(tx, {"plate": "hro-ab 12", "make": "NISSAN"}, author=DESK)
        asked = draft(courtesy_car="EW1", customer_id=person.id, vehicle_id=car.id, work_order="40000")
        return dealership.book.create(tx, asked, author=DESK).id

    return await dealership.do(book)


async def papers(dealership: Dealership, appointment: str, language: str = "de") -> tuple[str, str]:
    made = await dealership.see(lambda tx: contract.of_appointment(tx, appointment, SITE))
    return contract.as_text(made, language), contract.as_html(made, language)


class Page(HTMLParser):
    """Elements and texts of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.elements.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


async def test_both_forms_hold_customer_car_and_times(dealership: Dealership) -> None:
    text, html = await papers(dealership, await lent(dealership))
    for value in ("Jörg Müller", "Weg 7, 18273 Güstrow", "0171 74517017", "10000", "EW1", "HRO-EW 1", "40000",
                  "HRO-AB 12, NISSAN", "09.11.2026 08:00", "09.11.2026 12:00", "Ring 1, 18055 Rostock"):  # fmt: skip
        assert value in text
        assert value in Page(html).texts
    assert "Autohaus <Nord> & Söhne" in text
    assert "Autohaus <Nord> & Söhne" in Page(html).texts


@pytest.mark.parametrize(
    ("language", "time"),
    [("de", "09.11.2026 08:00"), ("nl", "09-11-2026 08:00"), ("en", "09/11/2026 08:00"), ("fr", "09/11/2026 08:00")],
)
async def test_each_language_writes_times_its_way(dealership: Dealership, language: str, time: str) -> None:
    text, html = await papers(dealership, await lent(dealership), language)
    assert time in text
    assert time in html


async def test_a_name_is_text_and_never_markup(dealership: Dealership) -> None:
    plain = Page((await papers(dealership, await lent(dealership, number="1")))[1])
    name = '<script>alert("x")</script> & $title {place} \u202egnorw'
    text, html = await papers(dealership, await lent_another(dealership, name))
    page = Page(html)
    assert page.elements == plain.elements
    assert 'Jörg <script>alert("x")</script> & $title {place}  gnorw' in page.texts
    assert "\u202e" not in text + html


async def lent_another(dealership: Dealership, name: str) -> str:
    def book(tx: Tx) -> str:
        values = {"first_name": "Jörg", "last_name": name, "number": "2", "street": "Weg", "mobile": "0171 74517017",
                  "city": "Güstrow"}  # fmt: skip
        person = dealership.book.create_customer(tx, values, author=DESK)
        car = dealership.book.create_vehicle(tx, {"plate": "hro-ab 13"}, author=DESK)
        asked = draft(courtesy_car="EW2", customer_id=person.id, vehicle_id=car.id, work_order="1")
        return dealership.book.create(tx, asked, author=DESK).id

    return await dealership.do(book)


async def test_the_customer_stays_as_at_the_booking(dealership: Dealership) -> None:
    appointment = await lent(dealership)

    def move(tx: Tx) -> None:
        person = dealership.book.change(tx, appointment, {"notes": "x"}, author=DESK, expected_version=None).customer_id
        dealership.book.change_customer(tx, person or "", {"city": "Wismar"}, author=DESK, expected_version=None)

    await dealership.do(move)
    text, _ = await papers(dealership, appointment)
    assert "Güstrow" in text
    assert "Wismar" not in text


async def test_a_cancelled_visit_has_no_valid_contract(dealership: Dealership) -> None:
    appointment = await lent(dealership)
    await dealership.do(lambda tx: dealership.book.cancel(tx, appointment, author=DESK, expected_version=None))
    text, html = await papers(dealership, appointment, "en")
    assert "isn't valid" in text
    assert 'class="notice"' in html


async def test_without_customer_there_are_blanks_to_fill_in(dealership: Dealership) -> None:
    made = await dealership.do(lambda tx: dealership.book.create(tx, draft(courtesy_car="EW1"), author=DESK))
    text, _ = await papers(dealership, made.id, "en")
    assert text.count("_" * 30 + "\n") >= 7


async def test_a_visit_without_courtesy_car_has_none(dealership: Dealership) -> None:
    made = await dealership.do(lambda tx: dealership.book.create(tx, draft(), author=DESK))
    with pytest.raises(NotFound) as caught:
        await papers(dealership, made.id)
    assert caught.value.kind == "no-contract"
    with pytest.raises(NotFound):
        await papers(dealership, "nothing")


async def test_a_site_that_is_gone_from_the_configuration_is_named_by_its_id(dealership: Dealership) -> None:
    appointment = await lent(dealership)
    made = await dealership.see(lambda tx: contract.of_appointment(tx, appointment, None))
    assert "rostock" in contract.as_text(made, "de")
