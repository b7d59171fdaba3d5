"""The port of connectors whose partner sends by itself: what comes in over the listener (DESIGN.md, ports).

The listener knows the caller by its token, stores the whole body, and answers for the connector; the connector reads
the body into items, applies each over the book that it is given, and words the answer. It sees no socket and no
database. A body is read again after a crash, so `items` must give the same items for the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal, Protocol

from wtpd.planner.customer import Customer
from wtpd.planner.vehicle import Vehicle
from wtpd.texts import Text

MEGABYTE = 1 << 20

Result = Literal["accepted", "unchanged", "quarantined"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PushLimits:
    """`sent`: bytes of a body as it comes; `unpacked`: bytes out of gzip; `ratio`: of the two; `items`: of one body;
    `at_once`: bodies of one token; `per_second`: requests of one token."""

    sent: int = 20 * MEGABYTE
    unpacked: int = 64 * MEGABYTE
    ratio: int = 100
    items: int = 10_000
    at_once: int = 4
    per_second: float = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A request without its body. `path`: below `/push/<connector>`; `headers` in lower case: those of the content,
    `prefer`, `user-agent` and the receiver's `signed_by`; `account`: the dealer number that the token stands for,
    `site` the one of ours."""

    method: str
    path: str
    headers: Mapping[str, str]
    site: str
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer in the form that the partner wants."""

    status: int = 200
    content: bytes = b""
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing out of a body. `key`: the partner's number of it; `content` is the connector's own."""

    key: str
    content: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemResult:
    """What came of an item. `reason`: a stable sign, `field`: the partner's name of the field at fault."""

    key: str
    result: Result
    reason: str = ""
    field: str = ""


class Unreadable(Exception):
    """The whole body can't be read: nothing of it is applied. `status` and `kind` are those of the answer."""

    def __init__(self, reason: Text, *, status: int = 400, kind: str = "unreadable") -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.status = status
        self.kind = kind


class Signature(Protocol):
    """Checks that a body is its sender's, over its bytes as they came (packed, if it is)."""

    def feed(self, data: bytes) -> None:
        """The next piece, half a megabyte at most, in the event loop: as quick as a hash."""
        ...

    def is_good(self) -> bool:
        """Called once, behind the last piece."""
        ...


class PushBook(Protocol):
    """The book, for one item: what is written is on disk together with the item's result."""

    def customer(self, partner_id: str, customer: Customer, *, company: str = "") -> Result:
        """Keep a person as the partner has it, found by the partner's id, else by what the person is. Blank fields
        leave ours alone. Raises `Invalid` for values that no record can hold."""
        ...

    def vehicle(
        self, partner_id: str, vehicle: Vehicle, *, company: str = "", people: Mapping[str, str] | None = None
    ) -> Result:
        """As `customer`, of a vehicle; `people`: partner's ids of `driver`, `owner` and `contractor`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What came of a whole body: how many items of each result, and those that weren't simply accepted."""

    received: int
    accepted: int
    unchanged: int
    quarantined: int
    items: Sequence[ItemResult] = field(default_factory=tuple)


class Receiver(Protocol):
    """What a connector does with what its partner sends."""

    @property
    def limits(self) -> PushLimits: ...

    @property
    def signed_by(self) -> tuple[str, ...]:
        """Names, in lower case, of headers that sign a body or belong to its signature (a time, an event's number).
        They are in the `Head`, and there must be one of each at most. None: bodies aren't signed."""
        ...

    def signature(self, head: Head, secrets: Mapping[str, str]) -> Signature | None:
        """What checks a signed body; None if the head has no signature that could be right, or has an old one.
        `secrets`: the credential fields that serve the site. Not called where `signed_by` is empty. A body whose
        signature isn't right is refused with 401, and nothing of it is kept."""
        ...

    def check(self, head: Head) -> Reply | None:
        """Whether a body so announced is taken (None), before it is read: path, kind of content. No I/O."""
        ...

    def items(self, head: Head, body: BinaryIO) -> Iterator[Item | ItemResult]:
        """The items of an unpacked body, and results of those that can't be read; on a thread, no other I/O. Raises
        `Unreadable`."""
        ...

    def apply(self, book: PushBook, head: Head, item: Item) -> ItemResult:
        """Bring an item into the book; a few milliseconds, in the writer's thread, no I/O. `Invalid` that it raises
        makes the item quarantined."""
        ...

    def answer(self, head: Head, summary: Summary) -> Reply:
        """The answer to a body that was applied."""
        ...
