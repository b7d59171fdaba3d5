"""`/v1/mail`: mails that aren't sent, and what a person does about them; a test mail with the server's dialogue."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Protocol

from msgspec import Meta, Struct

from wtpd.config.model import Email
from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.collection import Page, cut
from wtpd.daemon.api.routes import Route
from wtpd.daemon.api.shapes import Sign
from wtpd.daemon.mail.mailer import Tested
from wtpd.errors import NotFound
from wtpd.store import mail
from wtpd.store.database import Database
from wtpd.texts import N_


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


class RetryInput(Struct, frozen=True, forbid_unknown_fields=True):
    """`to`: another recipient, from now on for this mail whatever the settings say."""

    to: Email | None = None


class CountView(Struct, frozen=True):
    """How many mails it was done with."""

    count: int


class MailsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """`cursor`: `next_cursor` of the page before."""

    cursor: Annotated[int, Meta(ge=1)] | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 100


class UnsentView(Struct, frozen=True, kw_only=True):
    """A mail that isn't sent. `state`: `waiting` is tried again at `next_try`; `refused` isn't tried any more.
    `reason`: why it wasn't sent at the last attempt. `chosen`: a person chose the recipient."""

    id: int
    state: Literal["waiting", "refused"]
    site: str
    recipient: str
    sender: str
    subject: str
    queued_at: datetime
    attempts: int
    next_try: datetime | None
    reason: str | None
    chosen: bool


class Mails(Protocol):
    """What the mailer does for people."""

    async def test(self, site: str, address: str | None = None) -> Tested: ...

    async def retry(self, number: int | None, recipient: str | None = None) -> int: ...


class MailRoutes:
    def __init__(self, db: Database, mailer: Mails) -> None:
        self._db = db
        self._mailer = mailer

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET", path="/v1/mail", role=Role.READ, handler=self.list, query=MailsQuery,
                result=Page[UnsentView], summary="Mails that aren't sent: waiting and refused ones, newest first",
            ),
            Route(
                method="POST", path="/v1/mail/test", role=Role.ADMIN, handler=self.test, body=TestMailInput,
                result=TestedView, seconds=120, summary="Send a test mail",
            ),
            Route(
                method="POST", path="/v1/mail/retry", role=Role.ADMIN, handler=self.retry_all, result=CountView,
                summary="Try all unsent mails again now",
            ),
            Route(
                method="POST", path="/v1/mail/dismiss", role=Role.ADMIN, handler=self.dismiss_all, result=CountView,
                summary="Give up all refused mails",
            ),
            Route(
                method="POST", path="/v1/mail/{id}/retry", role=Role.ADMIN, handler=self.retry, body=RetryInput,
                result=CountView, summary="Try an unsent mail again now, to another recipient if wanted",
            ),
            Route(
                method="POST", path="/v1/mail/{id}/dismiss", role=Role.ADMIN, handler=self.dismiss, result=CountView,
                summary="Give up an unsent mail",
            ),
        ]  # fmt: skip

    async def list(self, call: Call) -> Answer:
        limit = call.query.limit
        found = await self._db.read(lambda tx: mail.unsent(tx, before=call.query.cursor, limit=limit + 1))
        items, cursor = cut(found, limit)
        return answer(Page([_view(one, call.language) for one in items], cursor))

    async def test(self, call: Call) -> Answer:
        tested = await self._mailer.test(call.body.site, call.body.address)
        error = tested.error.render(call.language) if tested.error else None
        dialogue = [f"! {error}" if line.startswith("! ") else line for line in tested.dialogue]
        return answer(TestedView(error is None, tested.sent_to, error, dialogue))

    async def retry(self, call: Call) -> Answer:
        return answer(CountView(await self._mailer.retry(_number(call), call.body.to)))

    async def retry_all(self, call: Call) -> Answer:
        return answer(CountView(await self._mailer.retry(None)))

    async def dismiss(self, call: Call) -> Answer:
        number = _number(call)
        return answer(CountView(await self._db.write(lambda tx: mail.dismiss(tx, number))))

    async def dismiss_all(self, call: Call) -> Answer:
        return answer(CountView(await self._db.write(mail.dismiss)))


def _number(call: Call) -> int:
    number = call.number("id")
    if number is None:
        raise NotFound(N_("There is no unsent mail {id}.", id=call.params["id"]))
    return number


def _view(one: mail.Mail, language: str) -> UnsentView:
    reason = one.refused or one.error
    return UnsentView(
        id=one.id,
        state="refused" if one.refused else "waiting",
        site=one.site,
        recipient=one.recipient,
        sender=one.sender,
        subject=_subject(one.message),
        queued_at=one.queued_at,
        attempts=one.attempts,
        next_try=None if one.refused else one.not_before or one.queued_at,
        reason=reason.render(language) if reason else None,
        chosen=one.chosen,
    )


def _subject(message: bytes) -> str:
    """As people read it; empty if it can't be read."""
    from email.errors import HeaderParseError
    from email.header import decode_header, make_header
    from email.parser import BytesHeaderParser

    try:
        raw = BytesHeaderParser().parsebytes(message.partition(b"\r\n\r\n")[0])["Subject"]
        subject = str(make_header(decode_header(str(raw or ""))))
    except (HeaderParseError, LookupError, ValueError):
        return ""
    return "".join(c if c.isprintable() else " " for c in " ".join(subject.split()))[:300]
