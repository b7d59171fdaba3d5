"""The appointment: one visit of one vehicle, from drop-off to collection (spec: planner.md, vocabulary.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    SCHEDULED = "scheduled"
    ARRIVED = "arrived"
    IN_WORK = "in_work"
    READY = "ready"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"


FREE = (Status.CANCELLED, Status.NO_SHOW)
"""States in which the appointment takes neither capacity nor slot nor courtesy car."""


class TransportOption(StrEnum):
    """How the customer stays mobile. A partner's code that isn't listed is kept as text."""

    NONE = "none"
    WAITING = "waiting"
    COURTESY_CAR = "courtesy_car"
    RENTAL_CAR = "rental_car"
    COLLECTION_DELIVERY = "collection_delivery"
    SHUTTLE = "shuttle"


ORIGIN_PLANNER = "planner"
ORIGIN_DEALER = "superservice_dealer"
"""Origins; a work order of a DMS has `dms:<name>`."""


class ElementKind(StrEnum):
    LABOUR = "labour"
    PART = "part"
    MENU = "menu"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """What an intervention consists of in the DMS. `price_cents`: of all of the quantity, in euro cents with tax."""

    kind: ElementKind
    code: str = ""
    title: str = ""
    quantity: float = 1
    price_cents: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervention:
    """One piece of work. `labour_units` in AW of the department, `price_cents` in euro cents with tax. `elements` come
    from a DMS and stay here; no partner of two-way sync has them."""

    code: str = ""
    title: str
    description: str = ""
    labour_units: float = 0
    price_cents: int | None = None
    elements: tuple[Element, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """Times are UTC. `version` counts from 1 and grows by one with each change; it is the ETag."""

    id: str
    site: str
    department: str
    drop_off: datetime
    collection: datetime
    status: Status = Status.SCHEDULED
    customer_id: str | None = None
    vehicle_id: str | None = None
    advisor: str | None = None
    interventions: tuple[Intervention, ...] = ()
    transport_option: str = TransportOption.NONE
    courtesy_car: str | None = None
    customer_waiting: bool = False
    notes: str = ""
    origin: str = ORIGIN_PLANNER
    references: Mapping[str, str] = field(default_factory=dict)
    """The partners' ids of this appointment, by partner, e.g. `{"superservice": "A-17", "import": "T100000"}`."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Web addresses that partners gave for it, by name, e.g. `superservice_menus`."""
    dms_number: str | None = None
    work_order: str | None = None
    planned_in: datetime | None = None
    planned_out: datetime | None = None
    car_in: datetime | None = None
    car_out: datetime | None = None
    quote_made: bool = False
    billed: bool = False
    dms_notes: str = ""
    """Notes of the DMS, apart from ours."""
    dms_created_at: datetime | None = None
    """When the order was made in the DMS."""
    internal_order: bool = False
    over_limit: bool = False
    cancellation_reason: str | None = None
    version: int = 1

    @property
    def labour_units(self) -> float:
        """Planned AW of the whole visit."""
        return round(sum(work.labour_units for work in self.interventions), 2)

    @property
    def is_live(self) -> bool:
        """Takes capacity, slot and courtesy car."""
        return self.status not in FREE
