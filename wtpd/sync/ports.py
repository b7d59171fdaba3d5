"""What two-way sync needs from a partner and from the book (spec: sync.md). Both sides are passed in.

An appointment crosses the border as *shared fields*: a flat mapping from a canonical field name to a JSON value. Times
are RFC 3339 in UTC with whole seconds. A field that is missing wasn't delivered, and is neither compared nor blanked;
a field that is blank is `""`, `None` or `[]` as its type says. `FIELDS` lists them all.

Everything in a `Session` runs inside one transaction of the store, so it isn't async.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar

from wtpd.channel.ports import ChannelRows
from wtpd.channel.records import Halt, PlannedChange, RunRecord
from wtpd.sync.records import (
    Answered,
    Cancellations,
    Case,
    DayOffer,
    Decision,
    Fields,
    Incoming,
    Intent,
    Link,
    Look,
    Made,
    Operation,
    Page,
    Pending,
    Published,
    Quarantined,
    Receipt,
    Taken,
    Unreadable,
)
from wtpd.texts import Text

T = TypeVar("T")

__all__ = [
    "FIELDS", "Answered", "AttentionPort", "BookPort", "Cancellations", "Case", "ChannelPort", "DayOffer",
    "Decision", "Fields", "Halt", "InboxPort", "Incoming", "Intent", "Link", "LinksPort", "Look", "Made",
    "MessagesPort", "Operation", "Ours", "OutboxPort", "Page", "Partner", "Pending", "PlannedChange", "Published",
    "Quarantined", "Receipt", "RunRecord", "Session", "Taken", "Transactions", "Unreadable",
]  # fmt: skip

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


class Partner(Protocol):
    """A partner that keeps appointments. `account` is our number there (a dealer number).

    Each call raises only the errors of `wtpd.channel.errors`; a write is safe to repeat with the same key.
    """

    async def changes(self, account: str, cursor: str | None, *, wait: float, limit: int) -> Page:
        """Changes behind `cursor` (None: from the beginning); waits up to `wait` seconds for the first one."""
        ...

    async def get(self, account: str, partner_id: str) -> Incoming: ...

    async def find(self, account: str, our_id: str) -> Incoming | None:
        """The live appointment there that carries our id."""
        ...

    def encode(self, intent: Intent) -> str:
        """The body of the request for `intent`, in the partner's form; no I/O. Raises `Rejected` for a value that the
        partner has no form for."""
        ...

    async def write(self, intent: Intent) -> Receipt:
        """Make the call; its body is `intent.body` where that is set."""
        ...

    async def publish(self, account: str, days: Sequence[DayOffer], key: str) -> None:
        """Say what can be booked on these days (at most 100); days that aren't named stay as they are."""
        ...


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
    reason: str | None = None
    """Why it was cancelled."""
    erased: bool = False
    """Its customer was erased: nobody is told of it any more."""
    upcoming: bool = True
    """Its collection lies in the future."""

    @property
    def present(self) -> bool:
        return self.in_scope and not self.cancelled and not self.erased


class BookPort(Protocol):
    """The appointment book, inside one write transaction. Every change leaves one history entry of actor `actor`."""

    def ours(self, channel: str, appointment_id: str) -> Ours | None: ...

    def create(self, channel: str, item: Incoming, *, actor: str) -> Ours:
        """Make the partner's appointment ours, with reference and links: match customer and vehicle, reserve the car,
        flag over the limit; list for attention what was left open.
        Raises `wtpd.errors.Invalid` if it can't be an appointment at all."""
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

    def possible_doubles(self, appointment_ids: Sequence[str]) -> Sequence[tuple[str, str]]:
        """Each with other appointments of its customer or vehicle at its site that were made through another interface
        and begin within two hours of it, without the cancelled ones."""
        ...

    def last_actor(self, appointment_id: str) -> str:
        """Who made the last change of the appointment."""
        ...


class LinksPort(Protocol):
    """Links and cursors of the channels."""

    def link_of(self, channel: str, appointment_id: str) -> Link | None:
        """The live link of our appointment."""
        ...

    def link_at(self, channel: str, account: str, partner_id: str) -> Link | None:
        """The link, live or tombstone, of the partner's appointment; also one that was cancelled before it was ours,
        whose `appointment_id` is ""."""
        ...

    def has_links(self, channel: str, account: str) -> bool:
        """Whether anything is, or was, linked by the channel, or under the account by another one of its connector."""
        ...

    def elsewhere(self, channel: str, account: str, partner_id: str) -> str | None:
        """Our appointment that another channel of the same connector linked with it, when the number was its."""
        ...

    def was_closed(self, channel: str, account: str, appointment_id: str) -> bool:
        """Our appointment has a tombstone under that number of ours."""
        ...

    def pass_by(self, channel: str, account: str, partner_id: str, version: int) -> None:
        """Remember an appointment that was cancelled there before it ever was ours."""
        ...

    def release(self, link: Link) -> None:
        """Delete the link: the partner has used its number again."""
        ...

    def put_link(self, link: Link) -> None: ...

    def cursor(self, channel: str, account: str) -> str | None: ...

    def set_cursor(self, channel: str, account: str, cursor: str) -> None: ...

    def is_replay(self, channel: str, account: str) -> bool:
        """The feed is being read from its beginning: later items may be newer than an item at hand."""
        ...

    def replayed(self, channel: str, account: str) -> None:
        """The feed was read from its beginning to its end."""
        ...

    def rewind(self, channel: str, account: str) -> None:
        """Forget the cursor: the feed is read from its beginning next."""
        ...

    def live_links(self, channel: str, account: str, after: datetime) -> int:
        """How many linked appointments have their collection after `after`."""
        ...

    def links_after(self, channel: str, account: str, partner_id: str, limit: int) -> Sequence[Link]:
        """The live links in the order of their partner ids, behind `partner_id` (`""`: from the first)."""
        ...

    def links_ahead(self, channel: str, account: str, partner_id: str, limit: int) -> Sequence[Link]:
        """As `links_after`, of appointments whose collection lies in the future."""
        ...

    def closed_but_live(self, channel: str, account: str) -> Sequence[Link]:
        """The closed links whose appointment is live there all the same, as far as we know."""
        ...

    def unlinked(self, channel: str, limit: int) -> Sequence[str]:
        """Appointments that belong to the channel, have no live link and don't wait in the outbox; without past
        ones and those whose customer was erased."""
        ...


class OutboxPort(Protocol):
    """What must be sent: one row for each channel and appointment."""

    def mark(self, channel: str, appointment_id: str) -> None:
        """Put the appointment into the outbox: something must be sent (again)."""
        ...

    def pending(self, channel: str, *, after: int, limit: int) -> Sequence[Pending]:
        """The rows that are due behind the row number `after`, oldest first."""
        ...

    def hurry(self, channel: str) -> None:
        """Rows that were deferred are due now."""
        ...

    def is_waiting(self, channel: str, appointment_id: str) -> bool: ...

    def next_due(self, channel: str) -> datetime | None:
        """When the next deferred row may be tried; None if no row is deferred."""
        ...

    def store_intent(self, intent: Intent) -> None: ...

    def intent_of(self, channel: str, appointment_id: str) -> Intent | None:
        """The call that was begun for the appointment and not answered yet."""
        ...

    def settle(self, channel: str, appointment_id: str) -> None:
        """The intent was answered: the row is done, unless the appointment was marked again meanwhile."""
        ...

    def done(self, channel: str, appointment_id: str) -> None:
        """Nothing is left to be sent."""
        ...

    def drop_intent(self, channel: str, appointment_id: str) -> None:
        """The intent was answered by a no; the row is planned anew."""
        ...

    def defer(self, channel: str, appointment_id: str, until: datetime, error: str) -> None:
        """Try again later; an intent stays as it is."""
        ...

    def reject(self, channel: str, appointment_id: str, reason: Text | str) -> None:
        """The partner refuses this item; it waits until it is changed or somebody retries it."""
        ...

    def retry(self, channel: str, appointment_id: str) -> None: ...

    def retry_all(self, channel: str) -> int:
        """Everything that the partner refused is due again; gives how many appointments that are."""
        ...

    def look(self, channel: str, appointment_id: str) -> None:
        """As `mark`, and what the partner has is fetched first and held against ours."""
        ...


class InboxPort(Protocol):
    """Quarantine: messages that couldn't be applied, kept whole."""

    def quarantine(self, channel: str, account: str, item: Incoming | Unreadable, reason: Text | str) -> int:
        """Keep it; gives its number."""
        ...

    def waiting(self, channel: str) -> frozenset[str]:
        """The partner's ids that have something in quarantine."""
        ...

    def supersede(self, channel: str, partner_id: str, version: int) -> None:
        """A message of `version` was applied: what waits with this or an older version is done with."""

    def supersede_earlier(self, number: int, *, by: str) -> None:
        """The kept message is applied: what came earlier about the same number of the partner is done with."""

    def get(self, number: int) -> Quarantined:
        """Raises `wtpd.errors.NotFound` if it isn't in quarantine (any more)."""
        ...

    def close(
        self, number: int, state: Literal["applied", "discarded"], *, by: str, edited: Mapping[str, Any] | None = None
    ) -> None:
        """`edited`: what was applied instead of the message; the message stays kept."""
        ...


class MessagesPort(Protocol):
    """What was said to the partner and by it, kept for the trace in the transaction that it belongs to."""

    def called(self, intent: Intent) -> None:
        """A call was decided; it has no answer yet."""
        ...

    def unanswered(self, key: str) -> None:
        """The call was made, or may have been, and is repeated because no answer came."""
        ...

    def answered(self, intent: Intent, answer: Answered) -> None: ...

    def asked(self, channel: str, appointment_id: str, look: Look, *, by: str) -> None:
        """Somebody wants it sent again."""
        ...

    def looked(self, channel: str, appointment_id: str, look: Look, answer: Answered) -> None:
        """What came of it."""
        ...

    def received(self, channel: str, item: Incoming | Unreadable, taken: Taken) -> None: ...


class AttentionPort(Protocol):
    def add(
        self, kind: str, *, channel: str, appointment_id: str | None, data: Mapping[str, Any], once: str
    ) -> None: ...

    def get(self, number: int) -> Case:
        """Raises `wtpd.errors.NotFound`."""
        ...

    def resolve(self, number: int, *, by: str, resolution: str) -> bool:
        """Close an entry; False if it was closed already."""
        ...

    def resolve_once(self, kind: str, once: str, *, by: str, resolution: str) -> None: ...

    def add_new(
        self, kind: str, *, channel: str, appointment_id: str | None, data: Mapping[str, Any], once: str
    ) -> None:
        """As `add`, but an entry of that name that was closed stays closed."""
        ...

    def disputed(self, channel: str, appointment_id: str) -> Set[str]:
        """The fields of the appointment with an open conflict."""
        ...


class ChannelPort(ChannelRows, Protocol):
    """The channel's row, with what only the exchange of appointments keeps there."""

    def cancellations(self, channel: str) -> Sequence[Cancellations]:
        """What the partner cancelled of late, as it was set."""
        ...

    def set_cancellations(self, channel: str, cancellations: Sequence[Cancellations]) -> None: ...

    def leaving(self, channel: str) -> int:
        """How many appointments a mapping, which nobody has confirmed yet, would cancel at the partner."""
        ...

    def let_leave(self, channel: str) -> None:
        """Somebody has confirmed it."""
        ...

    def restored(self, channel: str) -> int:
        """1: the database is an older copy of itself, 2: the first run since is under way, 0: it isn't."""
        ...

    def set_restored(self, channel: str, state: int) -> None: ...

    def published(self, channel: str) -> Published: ...

    def set_published(self, channel: str, published: Published) -> None: ...

    def signs(self, channel: str) -> Set[str]:
        """The advisors and courtesy cars that were published to the channel's dealer number."""
        ...

    def set_signs(self, channel: str, signs: Set[str]) -> None: ...


class Session(Protocol):
    """Everything inside one transaction of the store."""

    @property
    def now(self) -> datetime: ...
    @property
    def tx(self) -> Any:
        """The store's own transaction, for functions that are passed in."""
        ...

    @property
    def book(self) -> BookPort: ...
    @property
    def links(self) -> LinksPort: ...
    @property
    def outbox(self) -> OutboxPort: ...
    @property
    def inbox(self) -> InboxPort: ...
    @property
    def messages(self) -> MessagesPort: ...
    @property
    def attention(self) -> AttentionPort: ...
    @property
    def channels(self) -> ChannelPort: ...

    def savepoint(self) -> AbstractContextManager[None]:
        """What is written inside is undone alone if the inside raises."""
        ...


class Transactions(Protocol):
    """Opens sessions; `write` returns once what was written is on disk. What `work` raises undoes it."""

    async def read(self, work: Callable[[Session], T]) -> T: ...

    async def write(self, work: Callable[[Session], T]) -> T: ...
