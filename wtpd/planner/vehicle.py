"""The vehicle (spec: planner.md)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """`plate` as it is written on the car; `vin` upper case, 17 characters or empty; owner, driver and contractor
    are customer ids; `odometer_km` was read on `odometer_date` by `odometer_source`."""

    id: str
    plate: str = ""
    vin: str = ""
    make: str = ""
    model: str = ""
    fuel: str = ""
    engine_number: str = ""
    notes: str = ""
    first_registration: date | None = None
    inspection_due: date | None = None
    warranty_start: date | None = None
    warranty_end: date | None = None
    odometer_km: int | None = None
    odometer_date: date | None = None
    odometer_source: str = ""
    driver: str | None = None
    owner: str | None = None
    contractor: str | None = None
    version: int = 1
