"""What wtpd needs from a partner that rents out cars (spec: carloop.md; DESIGN.md, ports).

`secrets` are the fields of the credential entry that serves the site, at the moment of use. Bodies are encoded apart
from the call, so that they are on disk before it and are repeated byte for byte.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from wtpd.calls.ports import CallsPort
from wtpd.channel.errors import Rejected
from wtpd.rentals.records import Booking, Car, Found, Price, Rental, RentalPage, RentalRecord, Terms, Visit, Wish
from wtpd.texts import N_, Text

T = TypeVar("T")

Secrets = Mapping[str, str]


class CarTaken(Rejected):
    """Somebody else has booked the car; `alternatives` are free in the whole period."""

    def __init__(
        self, message: str, *, alternatives: Sequence[Car] = (), status: int | None = 409, detail: str = ""
    ) -> None:
        super().__init__(message, status=status, detail=detail)
        self.alternatives = tuple(alternatives)


class PriceChanged(Rejected):
    """The rental would cost another price than the one that was shown; nothing was booked."""

    def __init__(self, message: str, *, price: Price | None, status: int | None = 409, detail: str = "") -> None:
        super().__init__(message, status=status, detail=detail)
        self.price = price


class ReferenceUsed(Rejected):
    """Our reference stands for another rental there."""


class EndCollides(Rejected):
    """The car is booked again before the wanted end. `latest_end`: until when it can be had."""

    def __init__(
        self,
        message: str,
        *,
        latest_end: datetime | None = None,
        alternatives: Sequence[Car] = (),
        status: int | None = 409,
        detail: str = "",
    ) -> None:
        super().__init__(message, status=status, detail=detail)
        self.latest_end = latest_end
        self.alternatives = tuple(alternatives)


class RenterRefused(Rejected):
    """The partner doesn't rent to this person. `said` is its text about the person: for whoever asked, and kept
    nowhere: in no log, no mail, no history, no trace. So it isn't `detail`."""

    def __init__(self, message: str, *, said: str = "", status: int | None = 422) -> None:
        super().__init__(message, status=status, reason=N_("It doesn't rent to this customer."))
        self.said = said


class RenterIncomplete(Rejected):
    """A field of the renter is missing or wrong; `field` is one of `RENTER_FIELDS`, or the partner's own word."""

    def __init__(
        self, message: str, *, field: str, status: int | None = 422, detail: str = "", reason: Text | None = None
    ) -> None:
        super().__init__(message, status=status, detail=detail, reason=reason)
        self.field = field


class TooLate(Rejected):
    """The period begins in the past, or too soon, by the partner's clock."""


class AlreadyOut(Rejected):
    """The car was handed over already: the rental can't be cancelled any more."""


class RentalClosed(Rejected):
    """The rental is over or cancelled: nothing of it can be changed."""


class RentalUnknown(Rejected):
    """The partner has no rental of this number."""


class RentalPartner(Protocol):
    """A partner that rents out cars. Each call raises only the errors of `wtpd.channel.errors` and of this file.

    `book`, `change_end` and `cancel` are safe to repeat with the same body: a second call changes nothing more.
    """

    async def terms(self, secrets: Secrets) -> Terms:
        """Stations, classes and features, and the partner's terms."""
        ...

    async def search(self, secrets: Secrets, wish: Wish) -> Found:
        """The cars that are free in the whole period. Raises `TooLate`. An id of the wish that the partner doesn't know
        finds nothing, and is named in `Found.unknown`."""
        ...

    def encode_booking(self, booking: Booking) -> str:
        """The body for `book`, without I/O. Raises `Rejected` for a value that the partner has no form for."""
        ...

    def encode_end(self, end: datetime) -> str:
        """The body for `change_end`."""
        ...

    def encode_cancellation(self, reason: str) -> str:
        """The body for `cancel`; `reason` isn't blank."""
        ...

    async def book(self, secrets: Secrets, body: str) -> Rental:
        """Make the rental. Repeated, the answer is the rental as it is now, which may be cancelled meanwhile.

        Raises `CarTaken`, `PriceChanged`, `ReferenceUsed`, `RenterRefused`, `RenterIncomplete`, `TooLate`."""
        ...

    async def find(self, secrets: Secrets, reference: str) -> Rental | None:
        """The rental that was made with our reference."""
        ...

    async def get(self, secrets: Secrets, number: str) -> Rental:
        """Raises `RentalUnknown`."""
        ...

    async def change_end(self, secrets: Secrets, number: str, version: int, body: str) -> Rental:
        """Change the end of the rental of this `version`. Raises `Precondition` if it was changed meanwhile,
        `EndCollides`, `RentalClosed`, `RentalUnknown`, `TooLate`."""
        ...

    async def cancel(self, secrets: Secrets, number: str, body: str) -> Rental:
        """Cancel the rental; a cancelled one stays so. Raises `AlreadyOut`, `RentalClosed`, `RentalUnknown`."""
        ...

    async def changes(
        self, secrets: Secrets, cursor: str | None, since: datetime | None, *, limit: int = 100
    ) -> RentalPage:
        """Rentals made through the interface that changed behind `cursor`, else since `since`, else all. Raises
        `CursorRefused`."""
        ...

    async def close(self) -> None: ...


class Desk(Protocol):
    """The partner as it is to be asked now, by the settings and credentials in force."""

    async def ask(self, site: str, work: Callable[[RentalPartner, Secrets], Awaitable[T]]) -> T:
        """Do `work` with the partner and the credentials that serve the site. Raises `NeedsToken` if there are none,
        and what `work` raises."""
        ...


class RentalsPort(Protocol):
    """Our rentals, inside one transaction."""

    def get(self, rental_id: str) -> RentalRecord:
        """Raises `NotFound`."""
        ...

    def known(self, connector: str, reference: str, number: str) -> RentalRecord | None:
        """The record of a partner's rental, by our reference or its number."""
        ...

    def of_appointment(self, appointment_id: str) -> Sequence[RentalRecord]: ...

    def add(self, record: RentalRecord, *, actor: str) -> None:
        """Raises `Refused` of kind `has-rental` if the appointment holds a car already."""
        ...

    def put(self, record: RentalRecord, *, actor: str, action: str = "changed") -> None:
        """Keep the record; one entry of its history if it differs in what people see. Raises as `add`."""
        ...

    def cursor(self, connector: str, scope: str) -> tuple[str, datetime] | None:
        """How far the changes were read with the credentials of that scope, and when."""
        ...

    def set_cursor(self, connector: str, scope: str, cursor: str) -> None: ...


class Cases(Protocol):
    """What people have to look at, inside one transaction."""

    def add(
        self, kind: str, *, channel: str, appointment_id: str | None, data: Mapping[str, Any], once: str
    ) -> None: ...

    def resolve_once(self, kind: str, once: str, *, by: str, resolution: str) -> None: ...


class RentalBook(Protocol):
    """The appointment book, inside one transaction, as far as rentals need it."""

    def visit(self, appointment_id: str) -> Visit | None: ...


class Session(Protocol):
    """One transaction."""

    @property
    def now(self) -> datetime: ...

    @property
    def calls(self) -> CallsPort: ...

    @property
    def rentals(self) -> RentalsPort: ...

    @property
    def attention(self) -> Cases: ...

    @property
    def visits(self) -> RentalBook: ...
