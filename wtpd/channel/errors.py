"""What can go wrong with a partner, classed by how we react (DESIGN.md, decision 4).

    PartnerError
    ├── Transient      network, timeout, 5xx: try again later with backoff
    ├── RateLimited    429: try again when it says; `retry_after` seconds
    ├── KeyUnavailable the key of our credential store can't be opened: try again by itself
    ├── NeedsToken     401: stop until somebody enters new credentials
    ├── NotAllowed      403: the login is good, but not for this account: stop until mapping or credentials change
    │   └── MissingRight  403 for one ability (receive, send, publish): that one pauses, the others go on
    ├── Precondition   412: somebody changed it there meanwhile: fetch, merge, send again
    ├── Duplicate      409: the partner has this appointment already
    ├── Rejected       other 4xx: this one item isn't taken; the others go on
    │   └── CursorRefused 400, 404 or 410 to a cursor of the feed: read the feed from its beginning
    └── PartnerBroken  an answer that breaks the contract: wrong type, cut short, wrong encoding
        ├── TooLarge      larger than the limit: ask for less
        └── BrokenItem    an answer about one appointment: that appointment waits, the others go on

The message is for the log and for support; it never holds a secret or the body of a message.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from wtpd.errors import WtpdError
from wtpd.texts import N_, Text
from wtpd.words import ABILITIES

Ability = Literal["receive", "send", "publish"]
"""What a channel does at its partner, each of which may need a right of its own."""


class PartnerError(Exception):
    """The root; never raised itself. `status` is the HTTP status, if there was one; `reason` says it for people, where
    more is known than the kind of error."""

    problem: Mapping[str, Any]
    """The partner's problem details (RFC 9457) of a 409, 412 or other 4xx, as they came; `{}` if there were none. For
    connectors only: may hold personal data, so it is never logged."""
    sent: Any = None
    """The body of the call that failed, as the partner was told (JSON value), for the trace; may be personal, too."""
    partner: str = ""
    """The partner's name for people, where whoever asked knows it (`named`)."""

    def __init__(self, message: str, *, status: int | None = None, reason: Text | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.problem = {}


class Transient(PartnerError):
    pass


class RateLimited(Transient):
    def __init__(self, message: str, *, retry_after: float, status: int | None = 429) -> None:
        super().__init__(message, status=status)
        self.retry_after = retry_after


class KeyUnavailable(Transient):
    """Our own key can't be opened, so that nobody was asked. `reason`: why and what to do, for people."""

    def __init__(self, message: str, *, reason: Text) -> None:
        super().__init__(message, reason=reason)


class NeedsToken(PartnerError):
    """`reason`: why, for people, where it is known: there is no entry, the key is lost. `entry`: provider and scope of
    the credentials that were refused, where the caller knows them."""

    entry: tuple[str, str] = "", ""

    def __init__(self, message: str, *, status: int | None = None, reason: Text | None = None) -> None:
        super().__init__(message, status=status, reason=reason)


class NotAllowed(PartnerError):
    """A 403. `account`: the dealer number that was asked for, where the 403 is about that; `covers`: the numbers for
    which the credentials are good, where the partner names them; `detail`: the partner's own sentence."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = 403,
        detail: str = "",
        account: str = "",
        covers: Sequence[str] = (),
    ) -> None:
        super().__init__(message, status=status)
        self.detail = detail
        self.account = account
        self.covers = tuple(covers)


class MissingRight(NotAllowed):
    """The credentials lack `right` (the partner's name for it), without which `ability` isn't possible."""

    def __init__(self, message: str, *, right: str, ability: Ability, status: int | None = 403) -> None:
        super().__init__(message, status=status)
        self.right = right
        self.ability = ability


class Precondition(PartnerError):
    pass


class Duplicate(PartnerError):
    pass


class Rejected(PartnerError):
    """`detail` is the partner's own sentence about the item; `reason`: ours, where the partner wasn't asked."""

    def __init__(
        self, message: str, *, status: int | None = None, detail: str = "", reason: Text | None = None
    ) -> None:
        super().__init__(message, status=status, reason=reason)
        self.detail = detail


class CursorRefused(Rejected):
    """The partner doesn't know this cursor any more (it was restored, or cursors end there)."""


class PartnerBroken(Transient):
    """Counts as transient for the channel: an answer like that is tried again later, with backoff."""


class TooLarge(PartnerBroken):
    """The answer is larger than the limit of `wtpd.connectors.kit.http`. A page of the feed is asked for again with a
    lower `limit`."""


class BrokenItem(PartnerBroken):
    """The answer about one appointment breaks the contract: trouble of that appointment, never of the partner."""


@contextmanager
def named(partner: str) -> Iterator[None]:
    """Errors of the partner that leave this block say whose they are."""
    try:
        yield
    except PartnerError as error:
        error.partner = error.partner or partner
        raise


def why(error: Exception) -> Text:
    """What went wrong, for people; the log has the call and the words of libraries."""
    if isinstance(error, WtpdError):
        return error.text
    if isinstance(reason := getattr(error, "reason", None), Text):
        return reason
    if not isinstance(error, PartnerError):
        return stumbled(error)
    if isinstance(error, MissingRight):
        return missing_right(error.right, error.ability)
    if isinstance(error, NotAllowed) and error.account:
        return not_covered(error.account, error.covers)
    detail = getattr(error, "detail", "")
    if detail:
        return N_("the answer was: {detail}", detail=detail)
    return next((text for kind, text in _WHY if isinstance(error, kind)), None) or by_status(error.status)


def stumbled(error: Exception) -> Text:
    """The sentence about a fault of wtpd, which the log tells in full."""
    return N_("wtpd stumbled over an error of its own ({error})", error=type(error).__name__)


def in_its_words(error: PartnerError) -> Text | str:
    """What the partner says itself about an item, where it says anything; else as `why`."""
    return error.reason or getattr(error, "detail", "") or why(error)


_WHY: tuple[tuple[type[PartnerError], Text], ...] = (
    (RateLimited, N_("too many calls; it asks us to wait")),
    (NeedsToken, N_("it doesn't accept the credentials")),
    (NotAllowed, N_("the credentials don't cover this")),
    (TooLarge, N_("its answer is too large")),
    (PartnerBroken, N_("its answer can't be understood")),
)
"""What each kind of error means, where nothing else is known."""


def by_status(status: int | None) -> Text:
    """The sentence about an answer of which only the HTTP status is known; None: there was none."""
    if status is None:
        return N_("no connection")
    return N_("its answer was HTTP {status}", status=status)


def not_covered(account: str, covers: Sequence[str]) -> Text:
    """The sentence about credentials that are good, but not for this dealer number."""
    if not covers:
        return N_("These credentials don't cover dealer number {number}.", number=account)
    return N_(
        "These credentials don't cover dealer number {number}; they belong to {covers}.",
        number=account, covers=", ".join(covers),
    )  # fmt: skip


def missing_right(right: str, ability: Ability) -> Text:
    """The sentence about a right that the credentials lack, and what pauses without it."""
    return N_("The right {right} is missing: {effect}.", right=right, effect=ABILITIES[ability])
