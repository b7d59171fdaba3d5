"""Why a mail server couldn't be used, as texts for people. Pure."""

from __future__ import annotations

import errno
import socket
import ssl

from wtpd.network_words import CERTIFICATES, NETWORK, number_of
from wtpd.texts import N_, Text


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
        why = CERTIFICATES.get(error.verify_code)
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
    if isinstance(error, OSError) and (number := number_of(error)) is not None:
        why = NETWORK.get(number)
        if why is not None:
            return N_("{host} can't be reached on port {port}: {why}", host=host, port=port, why=why)
        name = errno.errorcode.get(number, str(number))
        return N_("{host} can't be reached on port {port} ({code})", host=host, port=port, code=name)
    return None
