"""What two-way sync needs from a partner and from the book (spec: sync.md). Both sides are passed in.

An appointment crosses the border as *shared fields*: a flat mapping from a canonical field name to a JSON value. Times
are RFC 3339 in UTC with whole seconds. A field that is missing wasn't delivered, and is neither compared nor blanked;
a field that is blank is `""`, `None` or `[]` as its type says. `FIELDS` lists them all.

Everything in `BookPort` and `LedgerPort` runs inside one write transaction of the store, so it isn't async.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, Protocol

Fields = Mapping[str, Any]
"""Shared fields of one appointment, by canonical name."""

FIELDS: Mapping[str, str] = {
    "drop_off": "RFC 3339, UTC",
    "collection": "RFC 3339, UTC",
    "status": "a planner Status other than cancelled (cancelling is an act of its own)",
    "transport_option": "a TransportOption or the partner's own code",
    "courtesy_car": "the site's id of the car, or None",
    "customer_waiting": "bool",
    "advisor": "the site's id of the advisor, or None",
    "notes": "text",
    "interventions": "list of {code, title, description, labour_units, price_cents}",
    **{
        f"customer.{name}": "text"
        for name in (
            "company", "salutation", "title", "first_name", "last_name", "street", "house_number", "postcode", "city",
            "country", "email", "phone", "mobile", "business_email", "business_phone", "business_mobile",
        )
    },
    **{f"vehicle.{name}": "text" for name in ("plate", "vin", "make", "model", "fuel")},
    "vehicle.first_registration": "RFC 3339 date or None",
    "vehicle.inspection_due": "RFC 3339 date or None",
    "vehicle.odometer_km": "int or None",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One appointment as the partner has it now.

    `version` grows with each change there. `our_id` is our appointment id if the partner knows it. `changed_by` is
    `dealer`, `customer_app` or `dms` (us). `unknown` holds codes we have no word for, by field; such a field is left
    out of `fields`.
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
    links: Mapping[str, str] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    raw: Any = None
    """The message as it came, for quarantine and trace; JSON value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A feed item that couldn't be read: it goes to quarantine whole."""

    partner_id: str | None
    reason: str
    raw: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of the partner's change feed. `cursor` is where the next one starts."""

    items: Sequence[Incoming | Unreadable]
    cursor: str
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The partner's answer to a write."""

    partner_id: str
    version: int
    links: Mapping[str, str] = field(default_factory=dict)


Operation = Literal["create", "update", "cancel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A write to the partner that was decided and stored with its key before the call; repeated as it is until it is
    answered. `fields`: all shared fields for `create`, the changed ones for `update`, none for `cancel`. `full` is
    what both sides hold once it succeeded."""

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


class Partner(Protocol):
    """A partner that keeps appointments. `account` is our number there (a dealer number).

    Each call raises only the errors of `wtpd.sync.errors`; a write is safe to repeat with the same key.
    """

    async def changes(self, account: str, cursor: str | None, *, wait: float, limit: int) -> Page:
        """Changes behind `cursor` (None: from the beginning); waits up to `wait` seconds for the first one."""
        ...

    async def get(self, account: str, partner_id: str) -> Incoming: ...

    async def find(self, account: str, our_id: str) -> Incoming | None:
        """The live appointment there that carries our id."""
        ...

    async def write(self, intent: Intent) -> Receipt: ...


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
class Link:
    """The ledger's row: one appointment of ours, one of the partner's, and what both last agreed on.

    `tombstone`: cancelled; the pair never comes back to life."""

    channel: str
    account: str
    partner_id: str
    appointment_id: str
    version: int
    base: Fields
    tombstone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """Our side of one appointment. `present`: it is in the department connected to this channel and not cancelled."""

    appointment_id: str
    version: int
    fields: Fields
    cancelled: bool
    in_scope: bool
    account: str
    """The dealer number under which it belongs now."""
    owned: frozenset[str] = frozenset()
    """Fields that only we may change (a customer locked by a DMS)."""

    @property
    def present(self) -> bool:
        return self.in_scope and not self.cancelled


class BookPort(Protocol):
    """The appointment book, inside one write transaction. Every change leaves one history entry of actor `actor`."""

    def ours(self, channel: str, appointment_id: str) -> Ours | None: ...

    def create(self, channel: str, item: Incoming, *, actor: str) -> Ours:
        """Make the partner's appointment ours: match customer and vehicle, reserve the car, flag over the limit; list
        for attention what was left open. Raises `wtpd.errors.Invalid` if it can't be an appointment at all."""
        ...

    def update(
        self, channel: str, appointment_id: str, fields: Fields, *, actor: str, links: Mapping[str, str]
    ) -> Ours:
        """Take these fields over. What the book can't hold (a car that is taken) differs in the answer."""
        ...

    def cancel(self, channel: str, appointment_id: str, *, actor: str, reason: str | None) -> Ours: ...

    def attach(self, channel: str, appointment_id: str, partner_id: str, links: Mapping[str, str]) -> None:
        """Keep the partner's reference and links on the appointment; no history entry, no new version."""
        ...

    def attend(
        self,
        kind: str,
        *,
        channel: str,
        appointment_id: str | None,
        data: Mapping[str, Any],
        once: str | None = None,
    ) -> None:
        """List something for attention; `once` names it so that it's listed once while open."""
        ...


class LedgerPort(Protocol):
    """Links, cursors, outbox and quarantine of one channel, inside the same transaction."""

    def link_of(self, channel: str, appointment_id: str) -> Link | None:
        """The live link of our appointment."""
        ...

    def link_at(self, channel: str, account: str, partner_id: str) -> Link | None:
        """The link, live or tombstone, of the partner's appointment."""
        ...

    def put_link(self, link: Link) -> None: ...

    def cursor(self, channel: str, account: str) -> str | None: ...

    def set_cursor(self, channel: str, account: str, cursor: str) -> None: ...

    def mark(self, channel: str, appointment_id: str) -> None:
        """Put the appointment into the outbox: something must be sent (again)."""
        ...

    def pending(self, channel: str, limit: int, now: datetime) -> Sequence[Pending]:
        """The oldest outbox rows that are due."""
        ...

    def store_intent(self, intent: Intent) -> None: ...

    def intent_of(self, channel: str, appointment_id: str) -> Intent | None: ...

    def settle(self, channel: str, appointment_id: str, sent_version: int | None) -> None:
        """The row is done, unless the appointment was marked again since version `sent_version` (None: drop the
        intent, keep the row)."""
        ...

    def defer(self, channel: str, appointment_id: str, until: datetime, error: str) -> None: ...

    def reject(self, channel: str, appointment_id: str, reason: str) -> None:
        """The partner refuses this item; it waits until it is changed or somebody retries it."""
        ...

    def quarantine(self, channel: str, account: str, item: Incoming | Unreadable, reason: str) -> None: ...

    def live_links(self, channel: str, account: str, after: datetime) -> int:
        """How many linked appointments have their collection after `after`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An outbox row: the appointment, the version that was marked, and the stored intent, if a call was begun."""

    appointment_id: str
    marked_version: int
    attempts: int
    intent: Intent | None


class Transactions(Protocol):
    """Runs `work` in one durable write transaction; what it returns is returned once it is on disk."""

    async def write(self, work: Any) -> Any: ...

    async def write_many(self, works: Iterable[Any]) -> Sequence[Any]: ...
