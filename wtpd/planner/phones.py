"""Telephone numbers and e-mail addresses in the form in which they are compared (spec: superservice.md).

Numbers stay as written in the record; for comparing they are brought to E.164 by `phonenumbers`, which is imported when
the first number is seen.
"""

from __future__ import annotations

import re
from functools import lru_cache

from wtpd.planner.customer import Customer

_REGIONS = {
    "": "DE", "D": "DE", "DEUTSCHLAND": "DE", "GERMANY": "DE", "DUITSLAND": "DE",
    "NEDERLAND": "NL", "NIEDERLANDE": "NL", "NETHERLANDS": "NL", "THE NETHERLANDS": "NL", "HOLLAND": "NL",
    "A": "AT", "ÖSTERREICH": "AT", "AUSTRIA": "AT", "OOSTENRIJK": "AT",
    "B": "BE", "BELGIEN": "BE", "BELGIUM": "BE", "BELGIË": "BE",
}  # fmt: skip


_PLAIN_GERMAN = re.compile(r"0([1-9](?:[ /-]?[0-9]){6,10})")
"""As nine out of ten are written; what `phonenumbers` makes of it is known, and takes it fifty times as long."""


def region_of(country: str) -> str:
    """The two-letter code for a country as people write it; DE where it says nothing that is known."""
    name = country.strip().upper()
    if len(name) == 2 and name.isalpha():
        return name
    return _REGIONS.get(name, "DE")


@lru_cache(maxsize=1024)
def e164(text: str, country: str = "DE") -> str | None:
    """`0171 74517017` → `+4917174517017`; None for what is no number or lacks its area code. The number needn't be in
    use: its length is checked, not its range, since numbering plans change more often than our library."""
    if not any(char.isdigit() for char in text):
        return None
    plain = _PLAIN_GERMAN.fullmatch(text) if region_of(country) == "DE" else None
    if plain:
        return "+49" + "".join(char for char in plain[1] if char.isdigit())
    import phonenumbers

    region = region_of(country)
    trunk = phonenumbers.ndd_prefix_for_region(region, True)
    if trunk and not text.strip(" (/-.").startswith((trunk, "+")):
        return None
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def email_key(text: str) -> str | None:
    """The address for comparing: lower case; None if it isn't one."""
    address = text.strip().casefold()
    return address if "@" in address.strip("@") else None


def contact_keys(customer: Customer) -> tuple[str, ...]:
    """All addresses of the customer for finding, without repeats."""
    return _keys(
        customer,
        (customer.email, customer.business_email),
        (customer.mobile, customer.business_mobile, customer.phone, customer.business_phone),
    )


def personal_keys(customer: Customer) -> tuple[str, ...]:
    """The addresses that tell people apart: e-mail and mobile; a household shares its telephone."""
    return _keys(customer, (customer.email, customer.business_email), (customer.mobile, customer.business_mobile))


def _keys(customer: Customer, emails: tuple[str, ...], numbers: tuple[str, ...]) -> tuple[str, ...]:
    found = [email_key(text) for text in emails if text] + [e164(text, customer.country) for text in numbers if text]
    return tuple(dict.fromkeys(key for key in found if key))
