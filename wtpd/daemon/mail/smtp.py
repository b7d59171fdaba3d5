"""Hands mails to the mail server: TLS verified, login, and what its answers mean (spec: mail.md).

aiosmtplib is loaded at the first mail.
"""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from wtpd.connectors.kit.http import tls_context
from wtpd.daemon.mail.addresses import BadAddress, on_wire
from wtpd.daemon.mail.reasons import trouble
from wtpd.texts import N_, Text

if TYPE_CHECKING:
    import aiosmtplib

TIME_LIMIT = 30.0
"""Seconds for each answer of the server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where and how to deliver. `security`: `starttls`, `tls` or `none`; no `user`: no login."""

    host: str
    port: int
    security: str
    user: str = ""
    password: str = field(default="", repr=False)


class MailDelayed(Exception):
    """Not now: try again later. `connection`: it concerns all mails, not this one alone. `login`: the server refused
    user and password."""

    def __init__(self, text: Text, *, connection: bool = True, login: bool = False) -> None:
        super().__init__(str(text))
        self.text = text
        self.connection = connection
        self.login = login


class MailRefused(Exception):
    """The server will never take this mail."""

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


class Connection(Protocol):
    async def send(self, sender: str, recipient: str, message: bytes) -> None:
        """Returns once the server took the mail. Raises `MailDelayed` or `MailRefused`."""
        ...

    async def close(self) -> None: ...


class Transport(Protocol):
    async def open(self, server: Server, dialogue: list[str] | None = None) -> Connection:
        """A connection that is logged in; what is said goes into `dialogue`, without the login's secrets. Raises
        `MailDelayed`."""
        ...


class SmtpTransport:
    """The real one."""

    def __init__(self, *, time_limit: float = TIME_LIMIT) -> None:
        self._time_limit = time_limit

    async def open(self, server: Server, dialogue: list[str] | None = None) -> Connection:
        if server.user and server.security == "none" and not _is_loopback(server.host):
            raise MailDelayed(N_("The password isn't sent to {host} without TLS.", host=server.host))
        said = [] if dialogue is None else dialogue
        smtp = _client(server, self._time_limit, said)
        async with _whole_connection(server, self._time_limit):
            said.append(f"* {server.host}:{server.port} ({server.security})")
            said += _shown(await smtp.connect())
            try:
                await _introduce(smtp, server, said)
            except BaseException:
                smtp.close()
                raise
        return _SmtpConnection(smtp, server, self._time_limit, said)


async def _introduce(smtp: aiosmtplib.SMTP, server: Server, said: list[str]) -> None:
    """EHLO, STARTTLS and login, as the settings want them."""
    await smtp.ehlo()
    if server.security == "starttls":
        if not smtp.supports_extension("starttls"):
            raise MailDelayed(
                N_("{host} doesn't offer STARTTLS on port {port}; with TLS from the first byte, set mail.security: tls",
                   host=server.host, port=server.port)
            )  # fmt: skip
        said.append("> STARTTLS")
        said += _shown(await smtp.starttls())
        await smtp.ehlo()
    if server.user:
        if not smtp.supported_auth_methods:
            raise MailDelayed(N_("{host} offers no login, but user and password are stored for it", host=server.host))
        await smtp.login(server.user, server.password)


class _SmtpConnection:
    def __init__(self, smtp: aiosmtplib.SMTP, server: Server, time_limit: float, dialogue: list[str]) -> None:
        self._smtp = smtp
        self._server = server
        self._time_limit = time_limit
        self._dialogue = dialogue

    async def send(self, sender: str, recipient: str, message: bytes) -> None:
        import aiosmtplib

        sender, recipient = _wire(sender), _wire(recipient)
        options = self._options(sender, recipient)
        encoding = "utf-8" if options else "ascii"
        async with _whole_connection(self._server, self._time_limit):
            try:
                await self._smtp.mail(sender, options=options, encoding=encoding)
                await self._smtp.rcpt(recipient, encoding=encoding)
                self._dialogue.append(f"> DATA ({len(message)} bytes)")
                self._dialogue += _shown(await self._smtp.data(message))
            except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPRecipientRefused, aiosmtplib.SMTPDataError) as error:
                if self._smtp.is_connected and error.code != 421:
                    await self._smtp.rset()
                answer = N_("{code} {answer}", code=error.code, answer=_line(error.message))
                if 500 <= error.code < 600:
                    raise MailRefused(answer) from None
                raise MailDelayed(answer, connection=error.code == 421) from None

    def _options(self, *addresses: str) -> list[str]:
        """What MAIL needs for these addresses. Raises `MailRefused` if the server doesn't know it."""
        foreign = next((address for address in addresses if not address.isascii()), None)
        if foreign is None:
            return []
        if not self._smtp.supports_extension("smtputf8"):
            raise MailRefused(
                N_(
                    "{host} doesn't take addresses with letters such as those before the @ in {address} (SMTPUTF8)",
                    host=self._server.host, address=foreign,
                )
            )  # fmt: skip
        return ["SMTPUTF8", "BODY=8BITMIME"]

    async def close(self) -> None:
        import aiosmtplib

        try:
            if self._smtp.is_connected:
                await self._smtp.quit()
        except (aiosmtplib.SMTPException, OSError):
            self._smtp.close()


def _wire(address: str) -> str:
    try:
        return on_wire(address)
    except BadAddress as bad:
        raise MailRefused(bad.text) from None


@asynccontextmanager
async def _whole_connection(server: Server, time_limit: float) -> AsyncIterator[None]:
    """What goes wrong with the connection or the login, as `MailDelayed`."""
    import aiosmtplib

    host = server.host
    try:
        yield
    except aiosmtplib.SMTPAuthenticationError as error:
        raise MailDelayed(
            N_("{host} refuses the login: {code} {answer}", host=host, code=error.code, answer=_line(error.message)),
            login=error.code >= 500,
        ) from None
    except aiosmtplib.SMTPResponseException as error:
        if error.code < 200:  # the library's own words about what is no answer
            raise MailDelayed(trouble(error, host, server.port, time_limit)) from None
        raise MailDelayed(
            N_("{host} answers {code} {answer}", host=host, code=error.code, answer=_line(error.message))
        ) from None
    except (aiosmtplib.SMTPException, OSError) as error:
        raise MailDelayed(trouble(error, host, server.port, time_limit)) from None


def _client(server: Server, time_limit: float, dialogue: list[str]) -> aiosmtplib.SMTP:
    import aiosmtplib

    class Talking(aiosmtplib.SMTP):
        """Writes down what is said; of a login only that there was one."""

        _in_login = False

        async def execute_command(self, *words: bytes, **options: Any) -> aiosmtplib.SMTPResponse:
            begins = words[0].upper() == b"AUTH"
            shown = [*words[:2], b"(hidden)"] if begins else [b"(hidden)"] if self._in_login else words
            dialogue.append("> " + b" ".join(shown).decode("utf-8", "replace"))
            answer = await super().execute_command(*words, **options)
            self._in_login = (begins or self._in_login) and answer.code == 334
            dialogue.extend(["< 334 (hidden)"] if self._in_login else _shown(answer))
            return answer

    return Talking(
        hostname=server.host,
        port=server.port,
        use_tls=server.security == "tls",
        start_tls=False,
        tls_context=None if server.security == "none" else tls_context(),
        timeout=time_limit,
    )


def _shown(answer: aiosmtplib.SMTPResponse) -> list[str]:
    """Line by line: an answer can have several."""
    return [f"< {answer.code} {line}" for line in answer.message.splitlines() or [""]]


def _line(text: str) -> str:
    """One line, shortened: answers of servers can be long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= 200 else line[:199] + "…"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
