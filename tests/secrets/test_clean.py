"""What people paste is freed of what they didn't mean; wrong values are named by field, never repeated."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.partners import KNOWN
from wtpd.errors import Invalid
from wtpd.secrets.clean import check_complete, clean
from wtpd.secrets.providers import Field, Provider, provider
from wtpd.texts import N_

SUPERSERVICE = KNOWN["superservice"]
ACME = Provider(
    name="acme",
    title="Acme",
    fields=(
        Field(name="address", label=N_("Web address"), form="https"),
        Field(name="token", label=N_("Token"), secret=True, form="code"),
    ),
)


@pytest.mark.parametrize(
    "pasted",
    [
        "s3cret\n",
        "s3cret\r\n",
        " s3cret ",
        "\u00a0s3cret\u202f",
        "\u200bs3\u200bcret",
        "\ufeffs3cret",
        "s3c\nret",
        "\ts3cret",
    ],
)
def test_line_ends_and_invisible_characters_are_dropped(pasted: str) -> None:
    assert clean(SUPERSERVICE, {"client_secret": pasted}) == {"client_secret": "s3cret"}


def test_a_space_within_a_password_stays() -> None:
    assert clean(KNOWN["dat"], {"password": " correct horse "}) == {"password": "correct horse"}
    assert clean(KNOWN["dat"], {"password": "correct\u00a0horse"}) == {"password": "correct horse"}


def test_a_client_secret_keeps_its_blanks() -> None:
    given = {"client_id": " cl:ient 1", "client_secret": "secret:&=+% o  x \n"}
    assert clean(SUPERSERVICE, given) == {"client_id": "cl:ient 1", "client_secret": "secret:&=+% o  x"}


@pytest.mark.parametrize("pasted", ["ab cd", "ab\u00a0cd", "ab\r\n   cd", "a b\u202fc d\n"])
def test_tokens_and_numbers_have_no_blanks(pasted: str) -> None:
    """As a mail breaks them into lines, or a web page sets them in groups."""
    assert clean(ACME, {"token": pasted}) == {"token": "abcd"}
    assert clean(KNOWN["dat"], {"customer_number": "1\u00a0234 567"}) == {"customer_number": "1234567"}


@pytest.mark.parametrize("number", ["12345a", "12.345", "1234567-1", "١٢٣", "-5", "1e6"])
def test_a_number_of_dat_is_digits(number: str) -> None:
    with pytest.raises(Invalid, match="consists of digits only"):
        clean(KNOWN["dat"], {"customer_number": number})


@pytest.mark.parametrize("name", ["hunter2", "Hunter-2", "x" * 40, "pass word"])
def test_what_is_no_fields_name_may_be_a_secret_and_isnt_repeated(name: str) -> None:
    with pytest.raises(Invalid) as caught:
        clean(SUPERSERVICE, {name: "x"})
    assert [problem.field for problem in caught.value.problems] == ["…"]
    assert name not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "field", "value", "expected"),
    [
        ("superservice", "client_secret", " \u200b ", "Client secret is empty"),
        ("superservice", "client_secret", "x" * 5000, "Client secret is longer than 4096 characters"),
        ("superservice", "client_secret", "hunter2\x07", "Client secret holds a control character"),
        (
            "acme",
            "address",
            "http://hunter2.example.com",
            "Web address isn't a web address that begins with https://",
        ),
        ("acme", "address", "https://user:hunter2@example.com", "Web address isn't a web address"),
        ("acme", "address", "https://[hunter2", "Web address isn't a web address"),
        ("email", "port", "hunter2", "Port isn't a number from 1 to 65535"),
        ("email", "port", "70000", "Port isn't a number from 1 to 65535"),
        ("email", "security", "hunter2", "Security must be one of starttls, tls, none"),
        ("email", "sender", "hunter2", "Sender address isn't an e-mail address"),
        ("dat", "signature", "hunter2", "DAT has no field signature; it has: customer_number, user_name, password"),
    ],
)
def test_a_wrong_value_is_named_but_not_repeated(name: str, field: str, value: str, expected: str) -> None:
    with pytest.raises(Invalid) as caught:
        clean({**KNOWN, ACME.name: ACME}[name], {field: value})
    (problem,) = caught.value.problems
    assert problem.field == field
    assert expected in str(problem.text)
    assert "hunter2" not in f"{caught.value} {problem.text}"


def test_all_missing_fields_are_named_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        check_complete(KNOWN["dat"], {"user_name": "x"})
    assert [problem.field for problem in caught.value.problems] == ["customer_number", "password"]


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        ("superservice", "assessor:meier"),
        ("superservice", "general:x"),
        ("superservice", "office"),
        ("superservice", "office:"),
        ("superservice", "office: x"),
        ("dat", "user:meier"),
        ("email", "box"),
        ("email", ""),
    ],
)
def test_a_scope_that_a_provider_does_not_have(name: str, scope: str) -> None:
    with pytest.raises(Invalid, match="has no entries for the scope"):
        provider(name, KNOWN).check_scope(scope)


@pytest.mark.parametrize(
    ("name", "scope"),
    [("superservice", "office:rostock"), ("dat", "assessor:meier"), ("email", "user:anna"), ("cartv", "general")],
)
def test_a_scope_that_a_provider_has(name: str, scope: str) -> None:
    provider(name, KNOWN).check_scope(scope)


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=40))
def test_cleaning_twice_is_cleaning_once(value: str) -> None:
    try:
        once = clean(SUPERSERVICE, {"client_secret": value})
    except Invalid:
        return
    assert clean(SUPERSERVICE, once) == once


@pytest.mark.parametrize("address", ["https://cars.example.com", "http://127.0.0.1:8080/carloop", "http://localhost"])
def test_an_address_is_https_or_on_this_machine(address: str) -> None:
    assert clean(ACME, {"address": address}) == {"address": address}
