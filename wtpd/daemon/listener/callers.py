"""Who may speak to the listener at all: by network, by the name under which the box was called. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


def plain(address: str) -> str:
    """An address as people write it: an IPv4 address that came over IPv6 as IPv4, without the scope of a link."""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = found.ipv4_mapped if found.version == 6 else None
    return str(mapped or found)


def neighbourhood(address: str) -> str:
    """What limits count as one caller: an IPv4 address; of IPv6 the /64, because one machine can have all of it."""
    found = ipaddress.ip_address(address)
    if found.version == 4:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False).network_address)


class Networks:
    """A list of networks and single addresses."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks: Sequence[IpNetwork] = [ipaddress.ip_network(one, strict=False) for one in networks]

    def __contains__(self, address: str) -> bool:
        found = ipaddress.ip_address(address)
        return any(found in one for one in self._networks if one.version == found.version)


def host_of(header: str) -> str:
    """The name in a Host header, without its port, in lower case; empty if it can't be one."""
    name = header.strip().lower()
    if name.startswith("["):
        inner, bracket, rest = name[1:].partition("]")
        return inner if bracket and (not rest or _is_port(rest)) else ""
    before, colon, port = name.partition(":")
    if colon and not _is_port(colon + port):
        return ""
    return before.removesuffix(".")


def _is_port(text: str) -> bool:
    return text[:1] == ":" and text[1:].isascii() and text[1:].isdigit() and len(text) <= 6


def is_ours(host: str, names: Iterable[str], local: str) -> bool:
    """Whether the box was called by one of its own names, or by the address at which the connection came in."""
    if not host:
        return False
    try:
        return plain(host) == local
    except ValueError:
        ours = {name.lower().removesuffix(".") for name in names}
        return host in ours or f"*.{host.partition('.')[2]}" in ours  # a certificate may be for all names of a domain
