"""Vehicle data in nobody's own words: what is asked of a source, and what it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

Restriction = Literal["ALL", "REPAIR", "APPRAISAL"]
"""All vehicles, or only those that can be calculated (repair) or valued (appraisal)."""

Taxation = Literal["REGULAR", "DIFFERENCE"]
"""Regular taxation, or taxation of the margin; without it the source takes the usual one."""

Flag = Literal["open_recall", "odometer_illogical", "exported", "not_insured"]
"""What a register reports of a vehicle that the workshop should know."""


@dataclass(frozen=True, slots=True)
class Place:
    """`language` of the texts (de, nl, en) and `country` of the market (ISO 3166)."""

    language: str
    country: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a source is asked about: a VIN or a plate, never both. `plate` is in capitals without separators."""

    vin: str = ""
    plate: str = ""
    restriction: Restriction = "ALL"

    @property
    def subject(self) -> str:
        return self.vin or self.plate


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A vehicle that the query may stand for; a field that the source doesn't give is empty.

    `make`, `model`, `fuel`, `first_registration` and `inspection_due` are written as the book keeps them; `name` is the
    model in the source's own words. `code` is the source's short name of the vehicle. `is_complete`: it can be valued.
    `extras`: pieces of special equipment; None where they aren't known. `reference` names the vehicle in further calls
    to the same source, `details` is everything else it said; both are JSON values in the source's own terms."""

    make: str = ""
    model: str = ""
    name: str = ""
    variant: str = ""
    fuel: str = ""
    vin: str = ""
    code: str = ""
    first_registration: date | None = None
    inspection_due: date | None = None
    is_complete: bool = False
    extras: int | None = None
    flags: tuple[Flag, ...] = ()
    reference: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The answer to a query: the most probable vehicle first. `is_partial`: the source knows data of the vehicle, but
    can't name it completely. `note`: the source's own words about that, or about knowing nothing."""

    candidates: tuple[Candidate, ...]
    is_partial: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, and its form for keeping (`text`), which `VehicleDataSource.read` reads again."""

    identity: Identity
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Valuation:
    """What a vehicle is valued by. `reference` and `extras` as in `Candidate`; `mileage` in km, `registered`: first
    registration, `vin`: 17 characters or empty."""

    reference: Mapping[str, Any]
    mileage: int
    registered: date
    vin: str = ""
    taxation: Taxation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Prices in cents of `currency`, without and with VAT; the original price is the one when new."""

    sales: int | None
    sales_gross: int | None
    purchase: int | None
    purchase_gross: int | None
    original_gross: int | None = None
    currency: str = "EUR"
    data_month: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """Key of a kept answer: equal questions have equal answers. `subject`: the VIN or the plate; `locale`: of the
    texts, and whose data, as the source calls it."""

    source: str
    subject: str
    restriction: str
    locale: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A kept answer: `text` as in `Reply`."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Unread:
    """An answer that was paid for and couldn't be read, for `reason`. `content` is empty where it was too large."""

    at: datetime
    reason: str
    charset: str | None
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What a vehicle of the book is at a source; it counts as long as the vehicle has this VIN. `code`, `extras` and
    `reference` as in `Candidate`."""

    vehicle_id: str
    source: str
    vin: str
    code: str
    at: datetime
    actor: str
    extras: int | None = None
    reference: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Login:
    """Credential fields for one call, and where to note how they were taken: `ok` or `refused`; `scope` is that of the
    entry. It shows itself to nobody."""

    fields: Mapping[str, str]
    note: Callable[[str], Awaitable[None]]
    scope: str = ""

    def __repr__(self) -> str:
        return "Login(***)"


@dataclass(frozen=True, slots=True)
class Found:
    """An answer as it is handed out. `at`: when the source gave it. `is_kept`: the source wasn't asked now.
    `asked_today`: queries of this subject; `limit`: how many of them a day are possible, None for any number."""

    source: str
    title: str
    subject: str
    answer: Identity
    at: datetime
    is_kept: bool
    asked_today: int
    limit: int | None
