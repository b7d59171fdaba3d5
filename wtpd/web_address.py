"""Web addresses of partners, as the settings and the HTTP client accept them."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

from wtpd.errors import Invalid, Problem
from wtpd.texts import N_, Text


def checked_address(address: str) -> str:
    """`address` without a slash at its end. Raises `Invalid` unless it is `https://`, or `http://` to this machine."""
    try:
        parts = urlsplit(address)
        usable = parts.port is None or parts.port > 0  # `port` raises ValueError for an impossible one
    except ValueError:
        usable = False
    if not usable or any(character.isspace() or not character.isprintable() for character in address):
        raise _invalid(N_("This is no web address."))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _invalid(N_("The address must begin with https:// and name a host."))
    if parts.username is not None or parts.query or parts.fragment:
        raise _invalid(N_("The address must hold neither user, password, ? nor #. Enter secrets as credentials."))
    if parts.scheme == "http" and not _is_loopback(parts):
        raise _invalid(N_("The address must begin with https://; plain http:// is allowed to this machine only."))
    return address.rstrip("/")


def _is_loopback(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _invalid(text: Text) -> Invalid:
    return Invalid(text, problems=[Problem("address", text)])
