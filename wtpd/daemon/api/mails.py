"""`POST /v1/mail/test`: one mail now, with everything that was said to and by the mail server."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from wtpd.config.model import Email
from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.routes import Route
from wtpd.daemon.api.shapes import Sign
from wtpd.daemon.mail.mailer import Tested


class TestMailInput(Struct, frozen=True, forbid_unknown_fields=True):
    """`address`: instead of the site's own."""

    site: Sign
    address: Email | None = None


class TestedView(Struct, frozen=True):
    """`dialogue`, line by line: `>` we, `<` the server."""

    ok: bool
    sent_to: str
    error: str | None
    dialogue: list[str]


class Tests(Protocol):
    async def test(self, site: str, address: str | None = None) -> Tested: ...


class MailRoutes:
    def __init__(self, mailer: Tests) -> None:
        self._mailer = mailer

    def routes(self) -> list[Route]:
        return [
            Route(
                method="POST", path="/v1/mail/test", role=Role.ADMIN, handler=self.test, body=TestMailInput,
                result=TestedView, seconds=120, summary="Send a test mail",
            )
        ]  # fmt: skip

    async def test(self, call: Call) -> Answer:
        tested = await self._mailer.test(call.body.site, call.body.address)
        error = tested.error.render(call.language) if tested.error else None
        return answer(TestedView(error is None, tested.sent_to, error, list(tested.dialogue)))
