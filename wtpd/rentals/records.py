"""Rentals in nobody's own words: what a partner offers, what is booked with it, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Literal, get_args

from wtpd.texts import Text

State = Literal["reserved", "out", "returned", "cancelled", "no_show"]
STATES: tuple[State, ...] = get_args(State)
CLOSED = frozenset({"returned", "cancelled", "no_show"})
"""States after which nothing happens any more."""

RENTER_FIELDS = (
    "number", "company", "salutation", "title", "first_name", "last_name", "birth_date", "street", "house_number",
    "address_addition", "postcode", "city", "country", "email", "phone", "mobile", "language", "dms_number",
)  # fmt: skip
"""The fields of `Renter`, as `Terms.required` names them."""


@dataclass(frozen=True, slots=True)
class Price:
    """For the whole period, with VAT; two decimals."""

    gross: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Opening:
    """`weekday`: 0 is Monday."""

    weekday: int
    start: time
    end: time


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    id: str
    name: str
    time_zone: str = ""
    hours: tuple[Opening, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """A vehicle class or a vehicle feature."""

    id: str
    name: str
    acriss: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a partner offers, and on which terms. `lead`: a rental begins later than now plus this. `required`: fields
    of the renter that must not be blank; one that isn't in `RENTER_FIELDS` is in the partner's word. `branch`: the name
    of the branch that the credentials belong to, where the partner gives one."""

    stations: tuple[Station, ...]
    classes: tuple[Choice, ...]
    features: tuple[Choice, ...]
    currency: str
    lead: timedelta = timedelta()
    required: tuple[str, ...] = ()
    branch: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is searched for: free from `start` to `end` (aware), of one of `classes` (none: any), with all `features`;
    `station` None: at any."""

    start: datetime
    end: datetime
    station: str | None = None
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Car:
    """A rental car; `vehicle_class` and `features` are ids of the terms. `ready_from`: when it can be handed over."""

    id: str
    plate: str
    vehicle_class: str = ""
    features: tuple[str, ...] = ()
    station: str = ""
    ready_from: datetime | None = None
    price: Price | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The answer to a search, which holds no car; after `valid_until` it is to be made again. `unknown`: where nothing
    was found, ids of the wish that the partner doesn't offer with these credentials (another branch's station)."""

    cars: tuple[Car, ...]
    valid_until: datetime | None = None
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Renter:
    """Who rents, with the fields of our customer as written; `language`: de, en or nl."""

    number: str = ""
    company: str = ""
    salutation: str = ""
    title: str = ""
    first_name: str = ""
    last_name: str = ""
    birth_date: date | None = None
    street: str = ""
    house_number: str = ""
    address_addition: str = ""
    postcode: str = ""
    city: str = ""
    country: str = ""
    email: str = ""
    phone: str = ""
    mobile: str = ""
    language: str = ""
    dms_number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A rental to be made. `reference` is ours, unique for ever; `appointment`: how the partner is told of our
    appointment. `expected_price`: the partner refuses to book at another one."""

    reference: str
    appointment: str
    car: str
    start: datetime
    end: datetime
    renter: Renter
    expected_price: Price | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rental:
    """A rental as the partner has it. `state`: a `State`, or the partner's own word for one that we don't know.
    `version` is what `change_end` must name. `is_overdue`: by the partner. `by_partner`: the last change was made there
    and not through its interface. `out_at`, `back_at`: when the car was handed over and came back."""

    number: str
    reference: str
    appointment: str = ""
    state: str
    start: datetime
    end: datetime
    car: Car
    station: str = ""
    price: Price | None = None
    is_overdue: bool = False
    version: int = 0
    changed_at: datetime | None = None
    by_partner: bool = False
    cancel_reason: str = ""
    out_at: datetime | None = None
    back_at: datetime | None = None

    @property
    def is_closed(self) -> bool:
        return self.state in CLOSED


@dataclass(frozen=True, slots=True, kw_only=True)
class RentalPage:
    """Changed rentals, oldest change first; `unreadable`: numbers of items that break the contract, with the reason."""

    rentals: tuple[Rental, ...]
    cursor: str
    more: bool
    unreadable: Mapping[str, str] = field(default_factory=dict)


RecordState = Literal["asking", "reserved", "out", "returned", "cancelled", "no_show", "refused", "withdrawn"]
OVER = frozenset({*CLOSED, "refused", "withdrawn"})
"""States of a record in which no car is held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RentalRecord:
    """A rental as we keep it, for one appointment. `state`: `asking` while it isn't known whether it was made,
    `refused` or `withdrawn` if nothing came of it, else as in `Rental`. `reference` is ours, `number` the partner's.

    `by_partner`: its last change was made there. `is_replaced`: another rental takes its place, or it is one too many;
    an appointment has one other at most, which the database sees to. `replaces`: the record whose place it takes.
    `wanted_end`: an end that the partner was asked for and hasn't answered yet. `reason`: why nothing came of the last
    thing that was asked for."""

    id: str
    appointment_id: str
    site: str
    connector: str
    reference: str
    state: str
    start: datetime
    end: datetime
    car: Car
    customer_id: str | None = None
    number: str = ""
    station: str = ""
    price: Price | None = None
    version: int = 0
    changed_at: datetime | None = None
    by_partner: bool = False
    is_overdue: bool = False
    cancel_reason: str = ""
    out_at: datetime | None = None
    back_at: datetime | None = None
    replaces: str | None = None
    is_replaced: bool = False
    wanted_end: datetime | None = None
    reason: Text | str | None = None
    made_by: str = ""
    created_at: datetime | None = None

    @property
    def is_live(self) -> bool:
        """A car is held, or may be."""
        return self.state not in OVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """An appointment, as far as rentals need it."""

    appointment_id: str
    site: str
    drop_off: datetime
    collection: datetime
    is_cancelled: bool = False
    customer_id: str | None = None
