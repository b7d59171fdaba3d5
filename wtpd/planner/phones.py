"""Telephone numbers and e-mail addresses in the form in which they are compared (spec: superservice.md, planner.md 7).

Numbers stay as written in the record; for comparing they are brought to E.164 by `phonenumbers`, which is imported when
the first number is seen.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

from wtpd.planner.customer import Customer

_SIGNS = {
    "D": "DE", "A": "AT", "B": "BE", "L": "LU", "F": "FR", "I": "IT", "E": "ES", "P": "PT", "S": "SE", "N": "NO",
    "UK": "GB", "HOLLAND": "NL", "DIE NIEDERLANDE": "NL", "THE NETHERLANDS": "NL", "BRD": "DE",
    "DEUTSCHLAND": "DE", "GERMANY": "DE", "DUITSLAND": "DE", "NEDERLAND": "NL", "NIEDERLANDE": "NL",
    "NETHERLANDS": "NL",
}  # fmt: skip
"""Signs on cars, everyday names, and the two countries that nearly every record names."""

_PLAIN_GERMAN = re.compile(r"(0|\+49 ?)([1-9][0-9]{1,4}[ /-]?[0-9](?:[ -]?[0-9]){3,7})")
"""As nine out of ten are written; what `phonenumbers` makes of it is known, and takes it fifty times as long."""
_NUMBER = re.compile(r"[+(]{0,3}\d[\d\s()/.‐‑‒–—−·-]*")
"""Digits and what stands between them. A word ends a number: its letters are no keypad digits."""
_MOST_NUMBERS = 4
"""Numbers that are read from one field."""
_LEAST_DIGITS = 6
"""Digits of a number with its area code, without the trunk zero; a house number or a year has fewer."""


def region_of(country: str, home: str = "") -> str:
    """The two-letter code of a country as people write it (`NL`, `Nederland`, `D`). A blank country is `home`, the
    country of the site; a name that nobody knows is "", so that no number is read in the wrong country."""
    name = " ".join(country.split()).upper()
    if not name:
        return home
    known = _SIGNS.get(name)
    if known is not None:
        return known
    if len(name) == 2 and name.isascii() and name.isalpha():
        return name
    return _territories().get(name.casefold(), "")


def e164(text: str, region: str) -> str | None:
    """The first number in the text: `0171 74517017` in DE → `+4917174517017`; None if there is none."""
    return next(iter(e164_all(text, region)), None)


@lru_cache(maxsize=1024)
def e164_all(text: str, region: str) -> tuple[str, ...]:
    """Every number in the text, in E.164 and without repeats: `0171 7451701 (Frau) / 0381 70816` has two. `region` is
    the country whose rules hold for a number without country code; "" reads only those that carry one. What lacks its
    area code or can't be a number there is left out. A number needn't be in use: its length is checked, not its range,
    since numbering plans change more often than our library."""
    plain = _PLAIN_GERMAN.fullmatch(text)
    if plain and (plain[1] != "0" or region == "DE"):
        return ("+49" + "".join(char for char in plain[2] if char.isdigit()),)
    pieces = (piece for run in _NUMBER.findall(unicodedata.normalize("NFKC", text)) for piece in _split(run))
    found = [_parsed(piece, region) for piece, _ in zip(pieces, range(_MOST_NUMBERS * 2), strict=False)]
    return tuple(dict.fromkeys(number for number in found if number))[:_MOST_NUMBERS]


def email_key(text: str) -> str | None:
    """The address for comparing: lower case; None if it isn't one."""
    address = text.strip().casefold()
    return address if "@" in address.strip("@") else None


def contact_keys(customer: Customer, home: str) -> tuple[str, ...]:
    """All addresses of the customer for finding, without repeats. `home`: two-letter code of the country that a blank
    country means; "" if nobody knows."""
    return _keys(
        customer,
        (customer.email, customer.business_email),
        (customer.mobile, customer.business_mobile, customer.phone, customer.business_phone),
        home,
    )


def personal_keys(customer: Customer, home: str) -> tuple[str, ...]:
    """The addresses that tell people apart: e-mail and mobile; a household shares its telephone. `home` as above."""
    return _keys(customer, (customer.email, customer.business_email), (customer.mobile, customer.business_mobile), home)


def _keys(customer: Customer, emails: tuple[str, ...], numbers: tuple[str, ...], home: str) -> tuple[str, ...]:
    region = region_of(customer.country, home)
    found = [email_key(text) for text in emails if text]
    found += [number for text in numbers if text for number in e164_all(text, region)]
    return tuple(dict.fromkeys(key for key in found if key))


def _split(run: str) -> list[str]:
    """A stroke ends a number that is whole already (`0381 70816/17`); before that it stands behind the area code."""
    pieces, current = [], ""
    for part in run.split("/"):
        if current and sum(char.isdigit() for char in current) >= _whole(current):
            pieces.append(current)
            current = part
        else:
            current += part
    return [*pieces, current]


def _whole(number: str) -> int:
    """Digits from which on a number is more than its area code; `0049 38204` has nine."""
    return 10 if number.strip(" (").startswith(("+", "00")) else 7


def _parsed(text: str, region: str) -> str | None:
    digits = sum(char.isdigit() for char in text)
    if not _LEAST_DIGITS <= digits <= 20:
        return None
    import phonenumbers

    bare = text.strip(" (/-.")
    international = bare.startswith(("+", "00"))
    if not international:
        trunk = phonenumbers.ndd_prefix_for_region(region, True) if region else None
        if not region or (trunk and not bare.startswith(trunk)):
            return None
    elif bare.startswith("00") and not region:
        bare = f"+{bare[2:]}"
    try:
        number = phonenumbers.parse(bare, region or None)
    except phonenumbers.NumberParseException:
        return None
    if len(str(number.national_number)) < _LEAST_DIGITS or not _has_length(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _has_length(number: Any) -> bool:
    """The length of a line or a mobile of its country, or any number in use there (a Dutch 085 number)."""
    import phonenumbers

    kinds = (phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE)
    possible = phonenumbers.ValidationResult.IS_POSSIBLE
    return any(
        phonenumbers.is_possible_number_for_type_with_reason(number, kind) == possible for kind in kinds
    ) or phonenumbers.is_valid_number(number)


@lru_cache(maxsize=1)
def _territories() -> dict[str, str]:
    """Names of countries in German, Dutch and English, from the Unicode CLDR."""
    from babel import Locale

    return {
        name.casefold(): code
        for language in ("de", "nl", "en")
        for code, name in Locale(language).territories.items()
        if len(code) == 2 and code.isalpha()
    }
