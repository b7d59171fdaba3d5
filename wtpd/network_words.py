"""Why a host can't be reached or a file be used, as texts for people: the words of libraries are English and may hold
anything. Pure."""

from __future__ import annotations

import errno
import re
import socket

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


SYSTEM: dict[int, Text] = {
    errno.EACCES: N_("permission denied"),
    errno.EPERM: N_("the system doesn't permit it"),
    errno.ENOENT: N_("there is no such file or folder"),
    errno.EISDIR: N_("it is a folder"),
    errno.ENOTDIR: N_("a part of the path is no folder"),
    errno.EEXIST: N_("it is there already"),
    errno.EROFS: N_("the disk can only be read"),
    errno.ENOSPC: N_("the disk is full"),
    errno.EDQUOT: N_("the disk is full"),
    errno.EIO: N_("the disk doesn't work as it should"),
    errno.ENAMETOOLONG: N_("its name is too long"),
    errno.ELOOP: N_("its links lead in a circle"),
    errno.EADDRINUSE: N_("another program listens there already"),
    errno.EADDRNOTAVAIL: N_("the box has no such address"),
    errno.EMFILE: N_("too many files are open"),
    errno.ENFILE: N_("too many files are open"),
}
"""Reasons against the use of a file, a folder or a socket, by errno."""


def of_system(error: OSError) -> Text:
    """Why the operating system refuses something. Its own words are English, and may come from a library."""
    number = number_of(error)
    known = SYSTEM.get(number) or NETWORK.get(number) if number is not None else None
    if known is not None:
        return known
    return N_("error {number} of the operating system", number=number if number is not None else type(error).__name__)


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
    import ssl  # 10 ms, which commands without it don't need

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
