"""What the sync engine takes and keeps: a partner's items, links, intents, outbox rows, quarantine, trace, runs. Handed
on by `wtpd.sync.ports`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from wtpd.texts import Text

Fields = Mapping[str, Any]
"""Shared fields of one appointment, by canonical name."""

Operation = Literal["create", "update", "cancel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One appointment as the partner has it now.

    `version` grows with each change there. `our_id` is our appointment id if the partner knows it. `changed_by` is
    `dealer`, `customer_app` or `dms` (a program of the dealer: we, or another one). `unknown` holds codes without a
    word of ours, by field; such a field is left out of `fields`.
    """

    partner_id: str
    version: int
    fields: Fields
    cancelled: bool
    changed_by: str
    our_id: str | None = None
    reason: str | None = None
    origin: str | None = None
    """Origin for an appointment that the book doesn't have yet, e.g. `mynissan`."""
    left: bool = False
    """Of a cancellation: the appointment left the connected department; its customer comes all the same."""
    created_by: str = ""
    """With `created_at` (RFC 3339, UTC) the creation facts, which never change; "" where the partner doesn't say. They
    tell whether the partner has used a number again."""
    created_at: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    dropped: Mapping[str, str] = field(default_factory=dict)
    """Odd optional values, as text and by field, that were left out of `fields` or shortened there."""
    raw: Any = None
    """The message as it came, for quarantine and trace; JSON value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A feed item that couldn't be read: it goes to quarantine whole."""

    partner_id: str | None
    reason: Text | str
    raw: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of the partner's change feed. `cursor` is where the next one starts."""

    items: Sequence[Incoming | Unreadable]
    cursor: str
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The partner's answer to a write. `held`: the appointment as the partner says it is now, where the answer tells.
    For the trace also its `status` (HTTP) and the body `sent`, in the partner's own form (JSON value)."""

    partner_id: str
    version: int
    links: Mapping[str, str] = field(default_factory=dict)
    held: Incoming | None = None
    status: int | None = None
    sent: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOffer:
    """What can be booked at a site on one day: `capacity` and `remaining` in AW, the rest as JSON values in the form
    of `wtpd.book.availability`."""

    day: date
    capacity: float
    remaining: float
    slots: Sequence[Mapping[str, Any]]
    advisors: Sequence[Mapping[str, Any]]
    courtesy_cars: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A write to the partner that was decided and stored with its key before the call, and is repeated byte for byte.

    `fields`: all shared fields for `create`, the changed ones for `update`, none for `cancel`. `full`: the fields that
    both sides hold once it succeeded. `body`: the encoded request, made by `Partner.encode`; None for an intent of an
    older version of wtpd. `left`: a cancellation because the appointment left the connected department."""

    channel: str
    account: str
    appointment_id: str
    key: str
    operation: Operation
    fields: Fields
    full: Fields
    partner_id: str | None = None
    expected_version: int | None = None
    reason: str | None = None
    left: bool = False
    body: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The creation facts of an appointment of the partner's; "" and None where it didn't say. See `Incoming`."""

    our_id: str | None
    by: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The ledger's row: one appointment of ours, one of the partner's, and the fields both last agreed on.

    `base` has the partner's values; `apart` the agreed differences: our value of a field that both sides hold
    differently and leave so (the partner shortened it, a courtesy car can't be had).

    `tombstone`: closed; the pair never comes back to life, and `apart` says `cancelled` where it is live there all the
    same. `let_go`: it was closed without a cancellation. With
    `appointment_id` "" it is an appointment that was cancelled before it ever was ours."""

    channel: str
    account: str
    partner_id: str
    appointment_id: str
    version: int
    base: Fields
    apart: Fields = field(default_factory=dict)
    tombstone: bool = False
    let_go: bool = False
    made: Made | None = None
    wrote: bool = False
    """The partner's `version` was written by us."""
    rounds: int = 0
    """How often in a row another program wrote over it after we had written."""

    @property
    def passed_by(self) -> bool:
        """It was cancelled there before it ever was ours."""
        return not self.appointment_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An outbox row, with the stored intent, if a call was begun, and the live link, if there is one."""

    seq: int
    appointment_id: str
    attempts: int
    intent: Intent | None
    link: Link | None
    look: bool = False
    """What the partner has is fetched first, because somebody asked for it to be sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    id: int
    channel: str
    account: str
    payload: Any
    """The message as it came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An entry of the attention list, as deciding needs it."""

    id: int
    kind: str
    channel: str | None
    appointment_id: str | None
    data: Mapping[str, Any]
    open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellations:
    """What the partner cancelled within the minute `at`, `ahead` of it still to come."""

    at: datetime
    cancelled: int
    ahead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What the partner was told can be booked: a hash for each day (RFC 3339). `key` and `calling` belong to a call
    that wasn't answered yet."""

    days: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    calling: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """How a call to the partner ended: it was taken, refused for good, or failed for now. One that was refused without
    an `error` is overtaken: what the partner has was fetched and merged. `sent` as in `Receipt`."""

    outcome: Literal["ok", "refused", "failed"]
    partner_id: str | None = None
    version: int | None = None
    status: int | None = None
    error: Text | str = ""
    sent: Any = None


Decision = Literal["create", "update", "cancel", "none", "echo", "late", "quarantine"]
"""What became of an item of the partner: what it did to the book; `none`: it said nothing new, `echo`: nothing but what
we had written there, `late`: we knew a newer version, or this one."""


Look = Literal["look", "same", "differs", "gone", "anew"]
"""What asking the partner for an appointment brought: nothing yet, the same as here, something else, nothing any more;
or it wasn't asked, since it was never there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What was decided about an item, for the trace. `inbox`: where it is kept in quarantine, and the `reason`."""

    decision: Decision
    appointment_id: str | None = None
    inbox: int | None = None
    reason: Text | str = ""
