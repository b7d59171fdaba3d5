"""Names that the settings take from the world: countries, time zones, makes, hosts and mail addresses; and the likely
right one for a wrong one. Pure."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache

from wtpd.texts import N_, Text

_ZONE_OF = {
    "AD": "Andorra", "AL": "Tirane", "AT": "Vienna", "BA": "Sarajevo", "BE": "Brussels", "BG": "Sofia",
    "CH": "Zurich", "CY": "Nicosia", "CZ": "Prague", "DE": "Berlin", "DK": "Copenhagen", "EE": "Tallinn",
    "ES": "Madrid", "FI": "Helsinki", "FR": "Paris", "GB": "London", "GR": "Athens", "HR": "Zagreb", "HU": "Budapest",
    "IE": "Dublin", "IT": "Rome", "LI": "Vaduz", "LT": "Vilnius", "LU": "Luxembourg", "LV": "Riga", "MC": "Monaco",
    "MD": "Chisinau", "ME": "Podgorica", "MK": "Skopje", "MT": "Malta", "NL": "Amsterdam", "NO": "Oslo",
    "PL": "Warsaw", "PT": "Lisbon", "RO": "Bucharest", "RS": "Belgrade", "SE": "Stockholm", "SI": "Ljubljana",
    "SK": "Bratislava", "SM": "San_Marino", "TR": "Istanbul", "UA": "Kyiv", "XK": "Belgrade",
}  # fmt: skip
"""Country (ISO 3166) → where its clocks are kept; Iceland's name isn't below Europe/."""
COUNTRIES = frozenset((*_ZONE_OF, "IS"))
_SPOKEN = {
    "GERMANY": "DE", "DEUTSCHLAND": "DE", "D": "DE", "GER": "DE", "BRD": "DE", "NETHERLANDS": "NL", "NEDERLAND": "NL",
    "HOLLAND": "NL", "NIEDERLANDE": "NL", "UK": "GB", "EL": "GR", "AU": "AT", "SW": "SE",
}  # fmt: skip
"""What people write for a country."""

BRANDS = (
    "ABARTH", "AIWAYS", "ALFA ROMEO", "ALPINA", "ALPINE", "ASTON MARTIN", "AUDI", "BENTLEY", "BMW", "BYD", "CADILLAC",
    "CHEVROLET", "CHRYSLER", "CITROEN", "CUPRA", "DACIA", "DAEWOO", "DAIHATSU", "DODGE", "DS", "FERRARI", "FIAT",
    "FORD", "GENESIS", "HONDA", "HYUNDAI", "INFINITI", "ISUZU", "IVECO", "JAGUAR", "JEEP", "KIA", "LADA", "LANCIA",
    "LAND ROVER", "LEAPMOTOR", "LEXUS", "LOTUS", "LYNK", "MAN", "MASERATI", "MAXUS", "MAZDA", "MERCEDES",
    "MERCEDES-BENZ", "MG", "MINI", "MITSUBISHI", "NIO", "NISSAN", "OPEL", "PEUGEOT", "POLESTAR", "PORSCHE", "RENAULT",
    "ROVER", "SAAB", "SEAT", "SKODA", "SMART", "SSANGYONG", "SUBARU", "SUZUKI", "TESLA", "TOYOTA", "VAUXHALL",
    "VOLKSWAGEN", "VOLVO", "VW", "XPENG",
)  # fmt: skip
"""Makes as they are written in the settings. Others are allowed; these are for suggestions."""


def unknown_country(country: str) -> Text:
    """The sentence for a country that isn't one of `COUNTRIES`."""
    return N_(
        "country {country} is unknown; possible: {allowed}", country=country, allowed=", ".join(sorted(COUNTRIES))
    )


@lru_cache(maxsize=64)
def unknown_zone(zone: str, country: str) -> Text:
    """The sentence for a time zone that doesn't exist: with the one that is nearly written so, or else that of the
    site's country, which is what `Europe/Rostock` and `MEZ` mean."""
    from zoneinfo import available_timezones

    zones = sorted(available_timezones())
    lower = {name.lower(): name for name in zones}
    written = zone.strip().replace(" ", "_").lower()
    near = difflib.get_close_matches(written[:64], lower, n=1, cutoff=0.87)
    suggestion = lower[near[0]] if near else _zone_of(country)
    if suggestion not in zones:
        return N_("time zone {zone} is unknown; right is, for example: Europe/Berlin", zone=zone)
    return N_("time zone {zone} is unknown; did you mean {suggestion}?", zone=zone, suggestion=suggestion)


def _zone_of(country: str) -> str:
    return f"Europe/{_ZONE_OF[country]}" if country in _ZONE_OF else "Atlantic/Reykjavik"


def meant_brand(brand: str, wanted: Iterable[str]) -> str | None:
    """The make that `brand` is a misspelling of: one that a connector wants, or another well-known one."""
    known = [*wanted, *BRANDS]
    if brand in known:
        return None
    near = difflib.get_close_matches(brand, known, n=1, cutoff=0.8)
    return near[0] if near else None


_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE | re.ASCII)
_LOCAL = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]{1,64}(\.[\w!#$%&'*+/=?^`{|}~-]{1,64})*")


def host(name: str) -> Text | None:
    """What is wrong with the name of a mail server, with the cure; None if nothing is."""
    bare = name.strip()
    if "://" in bare:
        bare = bare.partition("://")[2].strip("/")
        return N_("host is a name without a scheme: write {host}", host=bare)
    if name != bare or any(character.isspace() for character in name):
        return N_("host {host} has a blank in it; take it out", host=name)
    if is_ip(name):
        return None
    before, colon, port = name.rpartition(":")
    if colon and port.isdecimal():
        return N_("the port isn't part of host: write host: {host} and port: {port}", host=before, port=port)
    if not _is_domain(name):
        return N_("host {host} can't be the name of a server; right is, for example: mail.autohaus.example", host=name)
    return None


def mail_address(key: str, address: str) -> Text | None:
    """Why no mail can be sent to an address, with the cure; None if one can."""
    local, _, domain = address.rpartition("@")
    if not _is_domain(domain) or "." not in domain:
        return N_(
            "{key} {address}: {domain} can't be the name of a mail domain", key=key, address=address, domain=domain
        )
    if not _LOCAL.fullmatch(local) or len(local.encode()) > 64:
        return N_(
            "{key} {address}: {local} can't stand before the @ of a mail address",
            key=key, address=address, local=local,
        )  # fmt: skip
    return None


def is_ascii_local(address: str) -> bool:
    """Whether every mail server takes the part before the `@`."""
    return address.rpartition("@")[0].isascii()


def network(text: str) -> Text | None:
    """What is wrong with an address or a network, with the cure; None if nothing is."""
    try:
        ipaddress.ip_network(text)
    except ValueError:
        try:
            right = ipaddress.ip_network(text, strict=False)
        except ValueError:
            return N_("{network} is no network; right is, for example: 192.168.10.0/24", network=text)
        return N_("{network} names an address within a network; write {right}", network=text, right=right)
    return None


def is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_domain(name: str) -> bool:
    """Also with letters beyond ASCII, which are converted (IDNA)."""
    try:
        ascii_name = name.encode("idna").decode("ascii")
    except UnicodeError:
        return False
    return 0 < len(ascii_name) <= 253 and all(_LABEL.fullmatch(label) for label in ascii_name.split("."))


def unknown(what: Text, name: str, all_names: Iterable[str]) -> Text:
    """That there is no such thing: with a name that is nearly the same, or all there are."""
    known = sorted(all_names)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return N_("there is no {what} {name}; did you mean {suggestion}?", what=what, name=name, suggestion=near[0])
    return N_("there is no {what} {name}; known: {known}", what=what, name=name, known=", ".join(known) or "-")
