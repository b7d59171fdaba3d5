"""What a register's answer about a plate means for a vehicle of the book; pure (contract: RDW open data)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from wtpd.vehicle_data.records import Flag

FRESH = timedelta(days=7)
FRESH_BLANK = timedelta(days=1)
"""For how long a vehicle isn't asked about again. A register that doesn't know a plate, or its fuel, today may know it
tomorrow."""

_SHORT = {
    "vw": "volkswagen", "mb": "mercedesbenz", "mercedes": "mercedesbenz", "alfa": "alfaromeo", "landrover": "rover",
    "rangerover": "rover", "dsautomobiles": "ds", "bmwi": "bmw", "chevy": "chevrolet",
}  # fmt: skip
"""Other names of makes; without blanks and accents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a register said of a plate."""

    make: str = ""
    model: str = ""
    fuel: str = ""
    first_registration: date | None = None
    inspection_due: date | None = None
    flags: tuple[Flag, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Nothing of a vehicle is left blank."""
        return all((self.make, self.model, self.fuel, self.first_registration, self.inspection_due))


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The last check of a vehicle by a source. `facts` and `at`: what was known last and when; None if the plate was
    never known. `is_known`: it was known when it was asked for last, at `asked_at`. `filled`: fields of the book that
    the source filled in, with the values."""

    vehicle_id: str
    source: str
    plate: str
    asked_at: datetime
    is_known: bool
    at: datetime | None = None
    facts: Facts | None = None
    filled: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """An appointment that is still to come; `plate` as it is written."""

    appointment_id: str
    site: str
    vehicle_id: str
    plate: str
    drop_off: datetime


def is_due(check: Check | None, drop_off: datetime, now: datetime, zone: ZoneInfo) -> bool:
    """Whether the vehicle of a visit is to be asked about now."""
    if check is None:
        return True
    is_whole = check.is_known and check.facts is not None and check.facts.is_whole
    if now - check.asked_at >= (FRESH if is_whole else FRESH_BLANK):
        return True
    return check.is_known and is_eve(check, drop_off, now, zone)


def is_eve(check: Check | None, drop_off: datetime, now: datetime, zone: ZoneInfo) -> bool:
    """Whether the day before the visit has come since the vehicle was asked about: dates are to be fresh then."""
    eve = drop_off.astimezone(zone).date() - timedelta(days=1)
    if now.astimezone(zone).date() < eve:
        return False
    return check is None or check.asked_at.astimezone(zone).date() < eve


def is_other_make(ours: str, theirs: str) -> bool:
    """Whether two makes can't be the same: then the plate is of another car. A blank one may be any."""
    one, other = _make(ours), _make(theirs)
    return bool(one and other) and not (one.startswith(other) or other.startswith(one))


def is_inspection_due(due: date | None, collection: datetime, zone: ZoneInfo) -> bool:
    """Whether the inspection runs out by the end of the visit, or has."""
    return due is not None and due <= collection.astimezone(zone).date()


def soonest(visits: Sequence[Visit]) -> dict[str, Visit]:
    """The next visit of each vehicle."""
    found: dict[str, Visit] = {}
    for visit in visits:
        known = found.get(visit.vehicle_id)
        if known is None or visit.drop_off < known.drop_off:
            found[visit.vehicle_id] = visit
    return found


def _make(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold())
    bare = re.sub(r"[^a-z0-9]", "", plain)
    return _SHORT.get(bare, bare)
