"""Mail addresses as they go over the wire: internationalised domains in ASCII (RFC 5891), a local part outside ASCII
only by SMTPUTF8 (RFC 6531). Pure."""

from __future__ import annotations

import re
from email.utils import parseaddr

from wtpd.texts import N_, Text

LONGEST_LOCAL, LONGEST = 64, 254
"""Octets (RFC 5321, 4.5.3.1; RFC 3696, erratum 1690)."""

_LOCAL = re.compile(r"[^\s\x00-\x20\x7f-\xa0()<>\[\]:;@\\,\"]+")
_DOMAIN = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)


class BadAddress(Exception):
    """`text` says why nothing can be sent to the address."""

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


def on_wire(address: str) -> str:
    """`address` with its domain in ASCII. Raises `BadAddress` for one that no server could take."""
    local, at, domain = address.rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or local[0] == "." or local[-1] == "." or ".." in local:
        raise BadAddress(N_("{address} isn't a mail address.", address=_shown(address)))
    ascii_domain = _ascii(domain)
    if ascii_domain is None or not _DOMAIN.fullmatch(ascii_domain):
        raise BadAddress(N_("{address} isn't a mail address: its domain isn't valid.", address=_shown(address)))
    whole = f"{local}@{ascii_domain}"
    if len(local.encode()) > LONGEST_LOCAL or len(whole.encode()) > LONGEST:
        raise BadAddress(N_("The address {address} is too long.", address=_shown(address)))
    if parseaddr(whole)[1] != whole:  # what libraries would make of it is something else
        raise BadAddress(N_("{address} isn't a mail address.", address=_shown(address)))
    return whole


def domain_of(address: str) -> str:
    """The domain for headers such as `Message-ID`, in ASCII; `localhost` if the address has none that is valid."""
    try:
        return on_wire(address).rpartition("@")[2]
    except BadAddress:
        return "localhost"


def in_header(address: str) -> str:
    """As `on_wire`; an address that can't be sent to stands as it is, in one line."""
    try:
        return on_wire(address)
    except BadAddress:
        return _shown(address)


def _ascii(domain: str) -> str | None:
    if domain.isascii():
        return domain
    import idna  # only for those who need it: its tables are large

    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return None


def _shown(address: str) -> str:
    return "".join(c if c.isprintable() else "·" for c in address)[:LONGEST]
