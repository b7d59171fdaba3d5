"""Numbers, addresses, names and VINs are compared, not how they are typed."""

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wtpd.planner.customer import Customer
from wtpd.planner.names import name_key
from wtpd.planner.phones import contact_keys, e164, e164_all, personal_keys, region_of
from wtpd.planner.vin import is_vin, normalise_vin, vin_problem


@pytest.mark.parametrize(
    ("written", "country", "number"),
    [
        ("0171 74517017", "DE", "+4917174517017"),
        ("+49 160 20361589", "DE", "+4916020361589"),
        ("0049 172 92434105", "DE", "+4917292434105"),
        ("0381/70816", "DE", "+4938170816"),
        ("(0381) 708-16", "", None),
        ("030 9870385", "NL", "+31309870385"),
        ("+49 171 745 17017 (Frau)", "DE", "+4917174517017"),
        ("0171 7451701 priv.", "DE", "+491717451701"),
        ("0171 7451701 gesch.", "NL", None),
        ("Tel. 0381/70816, ab 18:00", "DE", "+4938170816"),
        ("0381 70816 App. 12", "DE", "+4938170816"),
        ("0381 70816/17", "DE", "+4938170816"),
        ("0800 FLOWERS", "DE", None),
        ("0049 (0)381 70816", "", "+4938170816"),
        ("06-42345678", "Atlantis", None),
        ("06 12345678", "NL", "+31612345678"),
        ("06 12345678", "Nederland", "+31612345678"),
        ("+31 6 12345678", "DE", "+31612345678"),
        ("nach 18 Uhr", "DE", None),
        ("unbekannt", "DE", None),
        ("", "DE", None),
        ("12", "DE", None),
        ("70816", "DE", None),
        ("612 345 678", "ES", "+34612345678"),
    ],
)
def test_telephone_numbers_in_e164(written: str, country: str, number: str | None) -> None:
    assert e164(written, region_of(country)) == number


def test_every_number_of_a_field_is_read() -> None:
    assert e164_all("0171 7451701 (Frau) / 0381 70816; +31 6 42345678", "DE") == (
        "+491717451701", "+4938170816", "+31642345678",
    )  # fmt: skip


def test_a_blank_country_is_that_of_the_site() -> None:
    person = Customer(id="c", mobile="06 42345678", phone="030 9870385")
    assert contact_keys(person, "NL") == ("+31642345678", "+31309870385")
    assert contact_keys(person, "") == ()
    assert contact_keys(Customer(id="d", country="Niederlande", mobile="06 42345678"), "DE") == ("+31642345678",)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("", "NL"),
        (" nl ", "NL"),
        ("D", "DE"),
        ("Frankrijk", "FR"),
        ("Österreich", "AT"),
        ("UK", "GB"),
        ("Atlantis", ""),
    ],
)
def test_countries_as_people_write_them(written: str, code: str) -> None:
    assert region_of(written, "NL") == code


@given(st.text(max_size=60), st.sampled_from(["DE", "NL", "AT", "BE", ""]))
def test_whatever_is_written_a_key_is_a_number_in_e164(text: str, region: str) -> None:
    for number in e164_all(text, region):
        assert re.fullmatch(r"\+[1-9][0-9]{6,16}", number)


@given(st.integers(10**8, 10**9 - 1), st.text("abcdefghijklmnopqrstuvwxyzÄÖÜß() .", max_size=20))
def test_words_behind_a_number_are_no_digits(number: int, words: str) -> None:
    assert e164(f"0{number} {words}", "NL") == e164(f"0{number}", "NL")


def test_contacts_of_a_customer_without_repeats() -> None:
    customer = Customer(
        id="c",
        email="Axel.Lübs@Example.org ",
        business_email="axel.lübs@example.org",
        phone="0381/602921",
        mobile="0151 85641177",
        business_mobile="0049 151 85641177",
    )
    assert contact_keys(customer, "DE") == ("axel.lübs@example.org", "+4915185641177", "+49381602921")
    assert personal_keys(customer, "DE") == ("axel.lübs@example.org", "+4915185641177")
    assert contact_keys(Customer(id="d", email="@", phone="-"), "DE") == ()


def test_phonenumbers_is_loaded_with_the_first_number_only() -> None:
    code = (
        "import sys, wtpd.planner.phones, wtpd.planner.capacity; print({'phonenumbers', 'holidays'} & set(sys.modules))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Jörg", "Müller", ""), ("joerg", "MUELLER", "")),
        (("Dr. Jörg", "Müller", ""), ("Jörg", "Müller", "")),
        (("", "Herr Jörg Müller", ""), ("Jörg", "Müller", "")),
        (("Karl-Heinz", "Groß", ""), ("Karl Heinz", "Gross", "")),
        (("René", "Lefèvre", ""), ("Rene", "Lefevre", "")),
        (("Jan", "van 't Hoff", ""), ("JAN", "VAN T HOFF", "")),
        (("Gilda", "Scheibe", "Sager Meyer AG"), ("", "", "Firma Sager-Meyer AG")),
        (("", "", "Lehmann Weinhage GmbH & Co. OHG"), ("", "", "Lehmann Weinhage GmbH und Co OHG")),
        (("", "Dr.", ""), ("", "dr", "")),
    ],
)
def test_the_same_name(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    assert name_key(*one) == name_key(*other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Jörg", "Müller", ""), ("Jürg", "Müller", "")),
        (("Jörg", "Müller", ""), ("Jörg", "Muller", "")),
        (("", "", "Kohl AG"), ("", "", "Kohl KG")),
        (("Anna", "Frank", ""), ("Frank", "Anna", "")),
    ],
)
def test_not_the_same_name(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    assert name_key(*one) != name_key(*other)


def test_no_name_has_no_key() -> None:
    assert name_key("", " ", "-") == ""


def test_a_vin_is_checked_for_form_only() -> None:
    assert normalise_vin("*wvw zzz-1k z6w 000001*") == "WVWZZZ1KZ6W000001"
    assert is_vin("WVWZZZ1KZ6W000001")
    assert vin_problem("WVWZZZ1KZ6W000001") is None


@pytest.mark.parametrize(
    ("vin", "said"),
    [
        ("WVWZZZ1KZ6W00000O", "O doesn't occur"),
        ("WVWZZZ1KZ6W0001", "15 characters"),
        ("WVWZZZ1KZ6W00000ß", "only the letters"),
    ],
)
def test_a_wrong_vin_says_what_is_wrong(vin: str, said: str) -> None:
    assert said in str(vin_problem(vin))
