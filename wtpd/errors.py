"""What can go wrong in wtpd, as exceptions that say it in a sentence for people.

    WtpdError
    ├── Invalid            the input is wrong; `problems` names each field            (API 422)
    ├── NotFound           there is no such thing                                     (API 404)
    ├── Refused            a rule of the planner forbids it                           (API 409)
    │   ├── VersionMismatch  somebody changed it meanwhile                            (API 412)
    │   └── KeyReused        an idempotency key came back with another request        (API 422)
    ├── Forbidden          the caller's role doesn't allow it                         (API 403)
    └── Unavailable        not now: disk full, key lost, partner stopped              (API 503)

`kind` is stable and machine-readable; it is the last part of the problem type in the API (RFC 9457).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wtpd.texts import Text


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one field; `field` is a dotted path such as `interventions.0.labour_units`."""

    field: str
    text: Text


class WtpdError(Exception):
    """The root; never raised itself."""

    kind = "error"

    def __init__(
        self,
        text: Text,
        *,
        kind: str | None = None,
        problems: Sequence[Problem] = (),
        facts: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(str(text))
        self.text = text
        self.kind = kind or type(self).kind
        self.problems = tuple(problems)
        self.facts = dict(facts or {})
        """Figures for machines, e.g. `limit`, `booked`, `asked`; part of the API's answer, so never a secret."""


class Invalid(WtpdError):
    kind = "invalid"


class NotFound(WtpdError):
    kind = "not-found"


class Refused(WtpdError):
    kind = "refused"


class VersionMismatch(Refused):
    kind = "version-mismatch"


class KeyReused(Refused):
    kind = "idempotency-key-reused"


class Forbidden(WtpdError):
    kind = "forbidden"


class Unavailable(WtpdError):
    kind = "unavailable"
