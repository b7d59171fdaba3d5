"""The only place where exceptions become HTTP answers (RFC 9457), in the caller's language.

    Invalid, KeyReused 422    NotFound 404    VersionMismatch 412    Refused 409    Forbidden 403
    Unavailable 503 (disk full: 507)    a partner's refusal or trouble 502    Http: its own status

Anything else is our bug: 500, the traceback goes to the log, and the caller learns nothing but that.
"""

from __future__ import annotations

import errno
import logging
import sqlite3
from collections.abc import Iterable

import msgspec

from wtpd.channel.errors import KeyUnavailable, NeedsToken, NotAllowed, PartnerError, Rejected, why
from wtpd.daemon.api.call import PROBLEM, Answer
from wtpd.errors import (
    Forbidden,
    Invalid,
    KeyReused,
    NotFound,
    Problem,
    Refused,
    Unavailable,
    VersionMismatch,
    WtpdError,
)  # fmt: skip
from wtpd.harmless import harmless
from wtpd.shape_words import of_shape
from wtpd.texts import N_, Text

log = logging.getLogger(__name__)

BASE = "https://wtpd.invalid/problems/"

_STATUS: tuple[tuple[type[WtpdError], int], ...] = (
    (VersionMismatch, 412),
    (KeyReused, 422),
    (Refused, 409),
    (Invalid, 422),
    (NotFound, 404),
    (Forbidden, 403),
    (Unavailable, 503),
)

_TITLES: dict[int, Text] = {
    400: N_("The request can't be read"),
    401: N_("The token isn't valid"),
    403: N_("Not allowed"),
    404: N_("Not found"),
    405: N_("Not possible here"),
    408: N_("The request took too long"),
    409: N_("Refused by a rule"),
    412: N_("Changed by somebody else meanwhile"),
    413: N_("The request is too large"),
    415: N_("Wrong kind of content"),
    421: N_("Wrong address"),
    422: N_("The input is wrong"),
    428: N_("A version is needed"),
    429: N_("Too many requests"),
    431: N_("The request is too large"),
    500: N_("Internal error"),
    502: N_("The partner refused or can't be reached"),
    503: N_("Not now"),
    507: N_("The disk is full"),
}


class Http(WtpdError):
    """Something wrong with the request as HTTP: no such route, wrong method, too large."""

    kind = "http"

    def __init__(self, status: int, kind: str, text: Text, *, headers: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(text, kind=kind)
        self.status = status
        self.headers = tuple(headers)


def answer_of(error: Exception, language: str) -> Answer:
    """The answer for anything that a handler raised."""
    if isinstance(error, Http):
        return problem(error.status, error, language, headers=error.headers)
    if isinstance(error, WtpdError):
        return problem(_status(error), error, language)
    if isinstance(error, PartnerError):
        return problem(502, _from_partner(error), language)
    if _disk_full(error):
        full = Unavailable(
            N_("The disk is full; nothing new can be kept. Free some space, then it goes on by itself."),
            kind="disk-full",
        )
        return problem(507, full, language)
    log.error("A request failed by a fault of the daemon", exc_info=error)
    bug = Unavailable(
        N_("Something went wrong in wtpd itself. The journal has the details; try again."), kind="internal"
    )
    return problem(500, bug, language)


def problem(status: int, error: WtpdError, language: str, *, headers: Iterable[tuple[str, str]] = ()) -> Answer:
    """`error` as application/problem+json; its facts become members of their own."""
    body: dict[str, object] = dict(error.facts)
    body |= {
        "type": BASE + error.kind,
        "title": _TITLES.get(status, _TITLES[500]).render(language),
        "status": status,
        "detail": harmless(error.text.render(language)),
    }
    if error.problems:
        body["errors"] = [
            {"field": harmless(one.field), "detail": harmless(one.text.render(language))} for one in error.problems
        ]
    content = msgspec.json.encode(body, enc_hook=str)
    return Answer(status, content, PROBLEM, (("content-language", language), *headers))


def _status(error: WtpdError) -> int:
    if isinstance(error, Unavailable) and error.kind == "disk-full":
        return 507
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def _from_partner(error: PartnerError) -> Unavailable:
    partner = error.partner or N_("The partner")
    if isinstance(error, KeyUnavailable) and error.reason is not None:  # nobody was asked
        return Unavailable(error.reason, kind="key-lost")
    if isinstance(error, NeedsToken):
        return Unavailable(_new_entry(error), kind="needs-token")
    if isinstance(error, NotAllowed):
        text = N_("The credentials don't cover this: {reason}", reason=error.detail or why(error))
        return Unavailable(text, kind="not-covered")
    if isinstance(error, Rejected) and error.detail:
        return Unavailable(
            N_("{partner} refuses: {detail}", partner=partner, detail=error.detail), kind="partner-refused"
        )
    text = N_("{partner} can't be reached: {reason}", partner=partner, reason=why(error))
    return Unavailable(text, kind="partner-trouble")


def _new_entry(error: NeedsToken) -> Text:
    """Why the credentials aren't good, and the command that enters others."""
    provider, scope = error.entry
    partner = error.partner or N_("The partner")
    reason = error.reason or N_("{partner} doesn't accept the credentials.", partner=partner)
    if not scope:
        return N_("{reason} To see all entries: wtpd credential", reason=reason)
    return N_(
        "{reason} Enter others ({scope}): wtpd credential set {provider} --scope {scope}",
        reason=reason, provider=provider, scope=scope,
    )  # fmt: skip


def _disk_full(error: Exception) -> bool:
    if isinstance(error, sqlite3.OperationalError):
        return getattr(error, "sqlite_errorname", "") == "SQLITE_FULL" or "disk is full" in str(error)
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def invalid_input(error: msgspec.ValidationError, *, prefix: str = "") -> Invalid:
    """A 422 that points at the field."""
    field, text = of_shape(error)
    return wrong(".".join(part for part in (prefix, field) if part), text)


def wrong(field: str, text: Text) -> Invalid:
    """One field at fault."""
    if not field:
        return Invalid(N_("The input isn't right: {reason}", reason=text), problems=[Problem("", text)])
    return Invalid(
        N_("The input isn't right: {field}: {reason}", field=field, reason=text), problems=[Problem(field, text)]
    )
