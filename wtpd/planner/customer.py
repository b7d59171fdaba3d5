"""The customer, person or company, and what they allow us to do with their addresses (spec: planner.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """Consent for one channel (`email`, `phone`, `sms`, `post`, `sinno_app`), with its proof."""

    allowed: bool
    since: date
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Kept as written. `number` is the dealership's own customer number; `locked_by` names the DMS that alone may
    change the master data (`None`: free)."""

    id: str
    number: str | None = None
    company: str = ""
    salutation: str = ""
    title: str = ""
    first_name: str = ""
    last_name: str = ""
    street: str = ""
    house_number: str = ""
    postcode: str = ""
    city: str = ""
    country: str = ""
    email: str = ""
    phone: str = ""
    mobile: str = ""
    business_email: str = ""
    business_phone: str = ""
    business_mobile: str = ""
    lease_company: str = ""
    origin: str = "planner"
    locked_by: str | None = None
    permissions: Mapping[str, Permission] = field(default_factory=dict)
    erased: bool = False
    version: int = 1

    @property
    def name(self) -> str:
        """As people say it: company, else title, first and last name."""
        return self.company or " ".join(part for part in (self.title, self.first_name, self.last_name) if part)
