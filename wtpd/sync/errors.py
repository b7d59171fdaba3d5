"""What can go wrong with a partner, classed by how we react (DESIGN.md, decision 4).

    PartnerError
    ├── Transient      network, timeout, 5xx: try again later with backoff
    ├── RateLimited    429: try again when it says; `retry_after` seconds
    ├── NeedsToken     401/403: stop until somebody enters new credentials
    ├── Precondition   412: somebody changed it there meanwhile: fetch, merge, send again
    ├── Duplicate      409: the partner has this appointment already
    ├── Rejected       other 4xx: this one item isn't taken; the others go on
    └── PartnerBroken  an answer that breaks the contract: wrong type, cut short, wrong encoding
        └── TooLarge   an answer beyond the size limit: a smaller page may be read

The message is for the log and for support; it never holds a secret or the body of a message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wtpd.texts import Text


class PartnerError(Exception):
    """The root; never raised itself. `status` is the HTTP status, if there was one."""

    problem: Mapping[str, Any]
    """The partner's problem details (RFC 9457) of a 409, 412 or other 4xx, as they came; `{}` if there were none. For
    connectors only: may hold personal data, so it is never logged."""
    sent: Any = None
    """The body of the call that failed, as the partner was told (JSON value), for the trace; may be personal, too."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.problem = {}


class Transient(PartnerError):
    pass


class RateLimited(Transient):
    def __init__(self, message: str, *, retry_after: float, status: int | None = 429) -> None:
        super().__init__(message, status=status)
        self.retry_after = retry_after


class NeedsToken(PartnerError):
    """`reason`: why, for people, where it is known: there is no entry, the key is lost."""

    def __init__(self, message: str, *, status: int | None = None, reason: Text | None = None) -> None:
        super().__init__(message, status=status)
        self.reason = reason


class Precondition(PartnerError):
    pass


class Duplicate(PartnerError):
    pass


class Rejected(PartnerError):
    """`detail` is the partner's own sentence about the item."""

    def __init__(self, message: str, *, status: int | None = None, detail: str = "") -> None:
        super().__init__(message, status=status)
        self.detail = detail


class PartnerBroken(Transient):
    """Counts as transient for the channel: an answer like that is tried again later, with backoff."""


class TooLarge(PartnerBroken):
    pass


def why(error: Exception) -> Text | str:
    """What went wrong: for people where it is known, else as the log says it."""
    if isinstance(error, NeedsToken) and error.reason is not None:
        return error.reason
    return str(error) or type(error).__name__
