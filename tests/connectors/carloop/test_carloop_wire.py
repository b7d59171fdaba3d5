"""Carloop's JSON as values, and back."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wtpd.connectors.carloop import wire
from wtpd.connectors.carloop.sandbox import contract
from wtpd.connectors.kit.values import WireError
from wtpd.rentals.records import RENTER_FIELDS, STATES, Booking, Price, Renter, Wish

BERLIN = ZoneInfo("Europe/Berlin")
START, END = datetime(2027, 3, 1, 9, tzinfo=UTC), datetime(2027, 3, 3, 9, tzinfo=UTC)
BOOKING = Booking(
    reference="R-1",
    appointment="T-1",
    car="101",
    start=START,
    end=END,
    renter=Renter(last_name="Jürgens", email="i@x.de"),
)  # fmt: skip
RENTAL: dict[str, Any] = {
    "nr": "V000001", "externeReferenz": "R-1", "terminReferenz": "T-1", "status": "RESERVIERT", "ueberfaellig": False,
    "von": "2027-03-01T10:00:00+01:00", "bis": "2027-03-03T10:00:00+01:00", "station": "1",
    "fahrzeug": {"fahrzeugId": "101", "kennzeichen": "HRO-CL 101", "klasse": "K", "eigenschaften": ["NAV"]},
    "kunde": {"nachname": "Jürgens"}, "preis": {"brutto": Decimal("79.80"), "waehrung": "EUR"}, "version": 3,
    "geaendertAm": "2027-02-01T10:00:00+01:00", "geaendertVon": "SCHNITTSTELLE", "stornoGrund": None,
    "abgeholtAm": None, "zurueckAm": None,
}  # fmt: skip


def sent(booking: Booking) -> Any:
    return json.loads(wire.booking(booking))


# --- out


def test_a_booking_says_what_the_contract_lists_and_leaves_blanks_out() -> None:
    assert sent(BOOKING) == {
        "externeReferenz": "R-1", "terminReferenz": "T-1", "fahrzeugId": "101", "von": "2027-03-01T09:00:00+00:00",
        "bis": "2027-03-03T09:00:00+00:00", "kunde": {"nachname": "Jürgens", "email": "i@x.de"},
    }  # fmt: skip


def test_every_field_of_a_renter_has_its_place() -> None:
    values = {name: name for name in RENTER_FIELDS} | {"birth_date": date(1970, 1, 2)}
    said = sent(replace(BOOKING, renter=Renter(**values)))["kunde"]
    assert said.keys() == contract().document["components"]["schemas"]["Kunde"]["properties"].keys()
    assert said["geburtsdatum"] == "1970-01-02" and said["dmsNummer"] == "dms_number"


@pytest.mark.parametrize("amount", ["219.90", "0.10", "1234567.89", "0.29", "100.00", "19.99", "4.35"])
def test_an_expected_price_is_a_number_with_two_decimals(amount: str) -> None:
    body = wire.booking(replace(BOOKING, expected_price=Price(Decimal(amount), "EUR")))
    assert f'"brutto":{amount},' in body


def test_periods_over_the_end_of_summer_time_keep_their_25_hours() -> None:
    start, end = datetime(2027, 10, 30, 12, tzinfo=BERLIN), datetime(2027, 10, 31, 12, tzinfo=BERLIN)
    said = json.loads(wire.search(Wish(start=start, end=end)))
    assert (said["von"], said["bis"]) == ("2027-10-30T10:00:00+00:00", "2027-10-31T11:00:00+00:00")
    back = wire.rental(RENTAL | {"von": "2027-10-30T12:00:00+02:00", "bis": "2027-10-31T12:00:00+01:00"})
    assert back.end - back.start == timedelta(hours=25)
    first, second = (wire.rental(RENTAL | {"von": f"2027-10-31T02:30:00+0{n}:00"}).start for n in (2, 1))
    assert second - first == timedelta(hours=1), "the hour that comes twice"


def test_a_search_for_anything_names_no_station() -> None:
    assert json.loads(wire.search(Wish(start=START, end=END))).keys() == {"von", "bis", "klassen", "eigenschaften"}
    wish = Wish(start=START, end=END, station="1", classes=("K", "M"), features=("NAV",))
    said = json.loads(wire.search(wish))
    assert (said["station"], said["klassen"], said["eigenschaften"]) == ("1", ["K", "M"], ["NAV"])


@pytest.mark.parametrize(
    "changed",
    [
        {"reference": " "},
        {"car": ""},
        {"end": START},
        {"end": START - timedelta(days=1)},
        {"reference": "\udc00"},
        {"renter": Renter(last_name="\ud83d")},
    ],
)
def test_what_cant_be_said_raises(changed: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        wire.booking(replace(BOOKING, **changed))


def test_a_cancellation_needs_a_reason() -> None:
    with pytest.raises(WireError):
        wire.cancellation(" \n")


def test_a_list_is_asked_for_by_one_of_cursor_and_time() -> None:
    assert wire.changed("c1", START) == {"cursor": "c1"}
    assert wire.changed(None, START) == {"geaendertSeit": "2027-03-01T09:00:00+00:00"}
    assert wire.changed(None, None) == {}


# --- in: rentals


def test_a_rental_is_read() -> None:
    read = wire.rental(RENTAL)
    assert (read.number, read.reference, read.state, read.version) == ("V000001", "R-1", "reserved", 3)
    assert (read.start, read.end) == (START, END)
    assert (read.car.id, read.car.plate, read.car.features) == ("101", "HRO-CL 101", ("NAV",))
    assert read.price == Price(Decimal("79.80"), "EUR")
    assert not read.by_partner and not read.is_overdue and read.out_at is None


def test_every_state_of_the_contract_is_known_and_an_unknown_one_stays() -> None:
    codes = contract().document["components"]["schemas"]["Vorgang"]["properties"]["status"]["x-known-codes"]
    assert {wire.rental(RENTAL | {"status": code}).state for code in codes} == {*STATES}
    odd = wire.rental(RENTAL | {"status": "IN_REINIGUNG"})
    assert (odd.state, odd.is_closed) == ("IN_REINIGUNG", False)


@pytest.mark.parametrize(
    "written",
    [
        "2027-03-01T10:00:00+01:00",
        "2027-03-01T09:00:00Z",
        "2027-03-01t09:00:00z",
        "2027-03-01 09:00:00Z",
        "2027-03-01T09:00:00.123456789012Z",
        "2027-03-01T09:00:00.5+00:00",
        "2027-03-01T04:00:00-05:00",
        "2027-03-01T09:00:00-00:00",
        "2027-03-01T14:45:00+05:45",
    ],
)
def test_every_notation_of_rfc_3339_is_read(written: str) -> None:
    assert wire.rental(RENTAL | {"von": written}).start == START


def test_a_leap_second_is_the_last_one_of_its_minute() -> None:
    assert wire.rental(RENTAL | {"bis": "2027-06-30T23:59:60Z"}).end == datetime(2027, 6, 30, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    ["2027-03-01T10:00:00", "2027-03-01", "01.03.2027 10:00", 1803891600, None, "", "9999-12-31T23:59:59-12:00", {}],
)
def test_a_time_without_offset_isnt_guessed(written: Any) -> None:
    for name in ("von", "bis"):
        with pytest.raises(WireError):
            wire.rental(RENTAL | {name: written})
    odd = RENTAL | dict.fromkeys(("geaendertAm", "abgeholtAm", "zurueckAm"), written)
    read = wire.rental(odd)
    assert (read.changed_at, read.out_at, read.back_at) == (None, None, None)


@pytest.mark.parametrize("name", ["nr", "status", "von", "bis"])
@pytest.mark.parametrize("value", [None, "", [], {}, True, "\x00", 1.5])
def test_a_rental_without_what_it_needs_raises_without_its_values(name: str, value: Any) -> None:
    with pytest.raises(WireError) as caught:
        wire.rental(RENTAL | {name: value, "kunde": {"nachname": "Geheim"}})
    assert name in str(caught.value) and "Geheim" not in str(caught.value)


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
OPTIONAL = sorted({*RENTAL} - {"nr", "status", "von", "bis"})


@given(st.dictionaries(st.sampled_from(OPTIONAL), ODD))
def test_no_odd_value_loses_a_rental(odd: dict[str, Any]) -> None:
    read = wire.rental(RENTAL | odd | {"neu": odd})
    assert (read.number, read.state, read.start, read.end) == ("V000001", "reserved", START, END)
    assert isinstance(read.price, Price | None) and read.version >= 0


@given(st.sets(st.sampled_from(OPTIONAL)))
def test_no_missing_value_loses_a_rental(missing: set[str]) -> None:
    read = wire.rental({name: value for name, value in RENTAL.items() if name not in missing})
    assert (read.number, read.start) == ("V000001", START)


@given(ODD)
def test_any_answer_is_read_or_breaks_the_contract(answer: Any) -> None:
    for reader in (wire.terms, wire.found, wire.page, wire.rental):
        with contextlib.suppress(WireError):
            reader(answer)
    assert wire.refused(answer).alternatives == ()


def test_a_huge_number_is_no_trouble() -> None:
    huge = 10**6000
    odd = {"version": huge, "station": huge, "terminReferenz": huge, "preis": {"brutto": huge, "waehrung": "EUR"}}
    read = wire.rental(RENTAL | odd)
    assert (read.version, read.station, read.price) == (0, "", None)
    odd = {"version": Decimal("1E+999999"), "preis": {"brutto": Decimal("1E+999999"), "waehrung": "EUR"}}
    assert wire.rental(RENTAL | odd).price is None


@pytest.mark.parametrize(
    ("gross", "expected"),
    [
        (Decimal("219.90"), "219.90"),
        (Decimal("219.9"), "219.90"),
        (219.9, "219.90"),
        (Decimal("219.89999999999998"), "219.90"),
        (219, "219.00"),
        (0, "0.00"),
        ("219.90", "219.90"),
        ("219,90", "219.90"),
        (Decimal("2.199E+2"), "219.90"),
    ],
)
def test_a_price_has_two_decimals(gross: Any, expected: str) -> None:
    assert str(wire.price({"brutto": gross, "waehrung": "EUR"})).count(expected) == 1


@pytest.mark.parametrize(
    "price",
    [
        None, {}, {"brutto": 5}, {"waehrung": "EUR"}, {"brutto": None, "waehrung": "EUR"}, "219.90", 219.9,
        {"brutto": True, "waehrung": "EUR"}, {"brutto": -1, "waehrung": "EUR"}, {"brutto": "viel", "waehrung": "EUR"},
        {"brutto": Decimal("NaN"), "waehrung": "EUR"}, {"brutto": Decimal("Infinity"), "waehrung": "EUR"},
        {"brutto": 5, "waehrung": "€"}, {"brutto": 5, "waehrung": 978}, {"brutto": 10**12, "waehrung": "EUR"},
    ],
)  # fmt: skip
def test_a_price_that_isnt_one_is_none_and_not_zero(price: Any) -> None:
    assert wire.price(price) is None


@given(st.decimals(min_value=0, max_value=1_000_000, places=2))
def test_a_price_comes_back_as_it_was_sent(amount: Decimal) -> None:
    body = wire.booking(replace(BOOKING, expected_price=Price(amount, "EUR")))
    decode = msgspec.json.Decoder(float_hook=Decimal).decode
    assert wire.price(decode(body)["erwarteterPreis"]) == Price(amount, "EUR")


# --- in: pages, terms, cars, errors


def test_an_unreadable_rental_of_a_page_is_named_and_the_others_are_read() -> None:
    other = RENTAL | {"nr": "V000002", "von": "2027-03-01T10:00:00"}
    page = wire.page({"vorgaenge": [RENTAL, other, 7], "cursor": "c1", "weitere": True})
    assert [one.number for one in page.rentals] == ["V000001"]
    assert page.unreadable.keys() == {"V000002", "#2"} and "von" in page.unreadable["V000002"]
    assert (page.cursor, page.more) == ("c1", True)


def test_a_page_without_cursor_is_the_last_one() -> None:
    page = wire.page({"vorgaenge": []})
    assert (page.cursor, page.more) == ("", False)


@pytest.mark.parametrize("cursor", ["a\x00b", [], "x" * 5000])
def test_a_cursor_that_isnt_one_breaks_the_page(cursor: Any) -> None:
    with pytest.raises(WireError):
        wire.page({"vorgaenge": [], "cursor": cursor})


def test_terms_are_read_and_what_is_odd_in_them_is_left_out() -> None:
    hours = [
        {"tag": "MO", "von": "07:30", "bis": "18:00"},
        {"tag": "SO", "von": "00:00", "bis": "24:00"},
        {"tag": "DI", "von": "18:00", "bis": "07:30"},
        {"tag": "XX", "von": "07:30", "bis": "18:00"},
        {"tag": "MI", "von": "7.30 Uhr", "bis": None},
    ]
    terms = wire.terms(
        {
            "stationen": [
                {"id": "1", "name": "Rostock\x1b[31m", "zeitzone": "Europe/Berlin", "oeffnungszeiten": hours},
                {"id": 2, "name": "Güstrow", "zeitzone": "Mars/Olympus"},
                {"name": "ohne Id"},
            ],
            "klassen": [{"id": "K", "bezeichnung": "Kleinwagen", "acriss": "ECMR"}, {"id": "M"}, None],
            "waehrung": "EUR",
            "minVorlaufMinuten": "90",
            "pflichtfelder": ["kunde.email", "nachname", "fuehrerschein", 4, "email"],
            "neu": 1,
        }
    )
    first, second = terms.stations
    assert [(one.weekday, one.start, one.end) for one in first.hours] == [
        (0, time(7, 30), time(18)),
        (6, time(0), time.max),
    ]
    assert "\x1b" not in first.name and (second.id, second.time_zone) == ("2", "")
    assert [one.name for one in terms.classes] == ["Kleinwagen", "M"] and terms.features == ()
    assert (terms.lead, terms.currency) == (timedelta(minutes=90), "EUR")
    assert terms.required == ("email", "last_name", "fuehrerschein", "4")
    assert terms.branch == f"{first.name}, Güstrow"


@pytest.mark.parametrize("answer", [None, [], {}, {"stationen": None}, "<html>"])
def test_what_is_no_terms_breaks_the_contract(answer: Any) -> None:
    with pytest.raises(WireError):
        wire.terms(answer)


def test_a_car_without_an_id_cant_be_booked_and_is_left_out() -> None:
    car = {"fahrzeugId": 17, "klasse": {"id": "K", "bezeichnung": "Kleinwagen"}, "eigenschaften": None}
    found = wire.found({"fahrzeuge": [car, {"kennzeichen": "HRO-CL 1"}, "x"], "gueltigBis": "gleich"})
    [read] = found.cars
    assert (read.id, read.vehicle_class, read.price, found.valid_until) == ("17", "K", None, None)


def test_errors_are_read_with_what_stands_beside_them() -> None:
    car = {"fahrzeugId": "102", "kennzeichen": "HRO-CL 102"}
    fault = {"code": "FAHRZEUG_NICHT_FREI", "feld": None, "text": "Vergeben.\n"}
    for answer in (
        {"fehler": [fault], "alternativen": [car], "spaetestesEnde": "2027-03-03T10:00:00+01:00"},
        {"fehler": [fault | {"alternativen": [car], "spaetestesEnde": "2027-03-03T10:00:00+01:00"}]},
        {"fehler": fault | {"alternativen": [car], "spaetestesEnde": "2027-03-03T10:00:00+01:00"}},
    ):
        said = wire.refused(answer)
        assert said.by_code("FAHRZEUG_NICHT_FREI") and said.text == "Vergeben."
        assert [one.id for one in said.alternatives] == ["102"] and said.latest_end == END


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("kunde.email", "email"), ("email", "email"), ("/kunde/plz", "postcode"), ("kunde.Nachname", "last_name")],
)
def test_a_field_is_named_as_ours(theirs: str, ours: str) -> None:
    assert wire.renter_field(theirs) == ours
    assert wire.renter_field("kunde.fuehrerschein") == "kunde.fuehrerschein"


@pytest.mark.parametrize(("tag", "version"), [('"v3"', 3), ('W/"v3"', 3), ('"3"', 3), ("", 0), ('"abc"', 0)])
def test_a_version_is_read_from_an_etag(tag: str, version: int) -> None:
    assert wire.version_of(tag) == version
    assert wire.etag(3) == '"v3"'


def test_ids_that_are_numbers_go_back_as_numbers() -> None:
    terms = {"stationen": [{"id": 1}], "klassen": [{"id": 2}], "eigenschaften": [{"id": "NAV"}]}
    known = wire.numbers(terms) | wire.numbers({"fahrzeuge": [{"fahrzeugId": 101, "eigenschaften": [3, True]}]})
    assert known == {"1", "2", "3", "101"}
    wish = Wish(start=START, end=END, station="1", classes=("2", "K"), features=("NAV",))
    said = json.loads(wire.search(wish, known))
    assert (said["station"], said["klassen"], said["eigenschaften"]) == (1, [2, "K"], ["NAV"])
    assert json.loads(wire.booking(BOOKING, known))["fahrzeugId"] == 101
    assert sent(BOOKING)["fahrzeugId"] == "101"


@given(ODD)
def test_numbers_are_looked_for_in_any_answer(answer: Any) -> None:
    assert all(one.lstrip("-").isdecimal() for one in wire.numbers({"fahrzeuge": [answer], "klassen": answer}))
