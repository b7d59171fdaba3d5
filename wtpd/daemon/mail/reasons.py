"""Why a mail server couldn't be used, as texts for people. Pure."""

from __future__ import annotations

import errno
import re
import socket
import ssl

from wtpd.texts import N_, Text

_CERTIFICATES: dict[int, Text] = {
    9: N_("it isn't valid yet; is the clock right?"),
    10: N_("it has expired"),
    18: N_("it is signed by itself"),
    19: N_("it is signed by itself"),
    20: N_("its issuer isn't known here"),
    21: N_("its issuer isn't known here"),
    62: N_("it is for another name"),
    64: N_("it is for another address"),
}
"""By OpenSSL's code (verify(1))."""

_NETWORK: dict[int, Text] = {
    errno.ECONNREFUSED: N_("nothing listens there"),
    errno.ENETUNREACH: N_("there is no way to its network"),
    errno.EHOSTUNREACH: N_("there is no way to it"),
    errno.ECONNRESET: N_("it hung up"),
    errno.EPIPE: N_("it hung up"),
}


def trouble(error: BaseException, host: str, port: int, seconds: float) -> Text:
    """The innermost cause of `error`, never in its own words, which are English and may hold anything."""
    chain = [error]
    while (inner := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(inner)
    for one in reversed(chain):
        if (text := _reason(one, host, port, seconds)) is not None:
            return text
    return N_("{host} speaks SMTP in an unexpected way ({error})", host=host, error=type(error).__name__)


def _reason(error: BaseException, host: str, port: int, seconds: float) -> Text | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = _CERTIFICATES.get(error.verify_code)
        if why is None:
            return N_("the certificate of {host} isn't trusted (OpenSSL {code})", host=host, code=error.verify_code)
        return N_("the certificate of {host} isn't trusted: {why}", host=host, why=why)
    if isinstance(error, ssl.SSLError):
        return N_("{host} doesn't speak TLS on port {port}; see mail.security", host=host, port=port)
    if isinstance(error, socket.gaierror):
        return N_("the name {host} can't be resolved (DNS)", host=host)
    if isinstance(error, TimeoutError) or type(error).__name__.endswith("TimeoutError"):
        return N_(
            "{host} doesn't answer within {seconds} s on port {port}", host=host, seconds=round(seconds), port=port
        )
    if type(error).__name__ == "SMTPServerDisconnected":
        return N_("{host} hung up in the middle of the talk", host=host)
    if isinstance(error, OSError) and (number := _number(error)) is not None:
        why = _NETWORK.get(number)
        if why is not None:
            return N_("{host} can't be reached on port {port}: {why}", host=host, port=port, why=why)
        name = errno.errorcode.get(number, str(number))
        return N_("{host} can't be reached on port {port} ({code})", host=host, port=port, code=name)
    return None


def _number(error: OSError) -> int | None:
    """The errno; of several addresses that were tried in vain, asyncio tells it in its sentence only."""
    if error.errno is not None:
        return error.errno
    found = re.search(r"\[Errno (\d+)\]", str(error))
    return int(found[1]) if found else None
