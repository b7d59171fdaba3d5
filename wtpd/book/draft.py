"""What somebody asks the book to keep, before it has an id and a version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from wtpd.planner.appointment import ORIGIN_PLANNER, Intervention, Status, TransportOption


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An appointment to be made. `id`: only where it has one already; else the book gives it one."""

    site: str
    department: str
    drop_off: datetime
    collection: datetime
    id: str | None = None
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
    links: Mapping[str, str] = field(default_factory=dict)
    dms_number: str | None = None
    work_order: str | None = None
    planned_in: datetime | None = None
    planned_out: datetime | None = None
    car_in: datetime | None = None
    car_out: datetime | None = None
    quote_made: bool = False
    billed: bool = False
    dms_notes: str = ""
    dms_created_at: datetime | None = None
    internal_order: bool = False
