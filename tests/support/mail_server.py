"""Real SMTP servers on loopback: one that takes mails, and ways in which it doesn't."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class MailServer:
    """`answers`: what the next mails get instead of `250`, at the end of DATA; `drop` hangs up there without a word.
    `logins`: user → password; if there are any, nothing goes without login. `utf8`: it offers SMTPUTF8."""

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        implicit: bool = False,
        logins: dict[str, str] | None = None,
        port: int = 0,
        utf8: bool = False,
    ) -> None:
        self._tls = tls
        self._implicit = implicit
        self._logins = logins
        self._utf8 = utf8
        self.port = port
        self.answers: list[str] = []
        self.recipient_answers: list[str] = []
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.connections = 0
        self.offers_login = True
        self._sessions: list[SMTP] = []

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._session, "127.0.0.1", self.port, ssl=self._tls if self._implicit else None
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for session in self._sessions:
            if session.transport is not None and not session.transport.is_closing():
                session.transport.abort()
        await asyncio.sleep(0)

    def _session(self) -> SMTP:
        self.connections += 1
        starttls = self._tls is not None and not self._implicit
        options: dict[str, Any] = {}
        if not self.offers_login:
            options = {"auth_exclude_mechanism": ["PLAIN", "LOGIN"]}
        if self._logins is not None:
            options = {
                "auth_required": True,
                "auth_require_tls": self._tls is not None and not self._implicit,
                "authenticator": self._authenticate,
            }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # aiosmtpd doesn't see that implicit TLS is TLS
            session = SMTP(
                self,
                hostname="localhost",
                tls_context=self._tls if starttls else None,
                require_starttls=starttls,
                loop=asyncio.get_running_loop(),
                enable_SMTPUTF8=self._utf8,
                **options,
            )
        self._sessions.append(session)
        return session

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        assert self._logins is not None
        good = self._logins.get(data.login.decode()) == data.password.decode()
        return AuthResult(success=good, handled=False)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.recipient_answers:
            return self.recipient_answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.answers.pop(0) if self.answers else "250 taken"
        if answer == "drop":
            self._keep(envelope)
            assert server.transport is not None
            server.transport.abort()
        elif answer.startswith("250"):
            self._keep(envelope)
        return answer

    def _keep(self, envelope: Envelope) -> None:
        assert isinstance(envelope.content, bytes)
        self.recipients.append(list(envelope.rcpt_tos))
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
