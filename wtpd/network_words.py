"""Why a host can't be reached, as texts for people: the words of libraries are English and may hold anything. Pure."""

from __future__ import annotations

import errno
import re
import socket
import ssl

from wtpd.texts import N_, Text

CERTIFICATES: dict[int, Text] = {
    9: N_("it isn't valid yet; is the clock right?"),
    10: N_("it has expired"),
    18: N_("it is signed by itself"),
    19: N_("it is signed by itself"),
    20: N_("its issuer isn't known here"),
    21: N_("its issuer isn't known here"),
    62: N_("it is for another name"),
    64: N_("it is for another address"),
}
"""Reasons against a certificate, by OpenSSL's code (verify(1))."""

NETWORK: dict[int, Text] = {
    errno.ECONNREFUSED: N_("nothing listens there"),
    errno.ENETUNREACH: N_("there is no way to its network"),
    errno.EHOSTUNREACH: N_("there is no way to it"),
    errno.ECONNRESET: N_("it hung up"),
    errno.EPIPE: N_("it hung up"),
}
"""Reasons against a connection, by errno."""


def number_of(error: OSError) -> int | None:
    """The errno; of several addresses that were tried in vain, asyncio tells it in its sentence only."""
    if error.errno is not None:
        return error.errno
    found = re.search(r"\[Errno (\d+)\]", str(error))
    return int(found[1]) if found else None


def no_connection(error: BaseException) -> Text:
    """Why there is no connection, from the innermost cause of `error` that says it."""
    chain = [error]
    while (inner := chain[-1].__cause__ or chain[-1].__context__) is not None and len(chain) < 20:
        chain.append(inner)
    for one in reversed(chain):
        if (text := _reason(one)) is not None:
            return N_("no connection: {why}", why=text)
    return N_("no connection")


def _reason(error: BaseException) -> Text | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = CERTIFICATES.get(error.verify_code)
        if why is None:
            return N_("its certificate isn't trusted (OpenSSL {code})", code=error.verify_code)
        return N_("its certificate isn't trusted: {why}", why=why)
    if isinstance(error, ssl.SSLError):
        return N_("it doesn't speak TLS")
    if isinstance(error, socket.gaierror):
        return N_("its name can't be resolved (DNS)")
    if isinstance(error, TimeoutError):
        return N_("it doesn't answer")
    if isinstance(error, OSError) and (number := number_of(error)) is not None:
        return NETWORK.get(number)
    return None
