"""Do both sides hold the same? Compared here once more, field by field, with nothing taken from the code that syncs:
what the partner holds (`GET /_sandbox/superservice/state`) against what the book holds (the local API). Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Record = Mapping[str, Any]

PARTNER = "superservice"

STATUS = {
    "scheduled": "BOOKED",
    "arrived": "ARRIVED",
    "in_work": "IN_WORKSHOP",
    "ready": "READY_FOR_COLLECTION",
    "completed": "COMPLETED",
    "no_show": "NO_SHOW",
    "cancelled": "CANCELLED",
}
TRANSPORT = {
    "none": "NONE",
    "waiting": "WAIT",
    "courtesy_car": "LOAN_CAR",
    "rental_car": "RENTAL",
    "collection_delivery": "PICKUP_DELIVERY",
    "shuttle": "SHUTTLE",
}
NAMES = {
    "status": "status",
    "drop_off": "dropOffTime",
    "collection": "collectionTime",
    "transport_option": "transport.option",
    "courtesy_car": "transport.loanCarId",
    "customer_waiting": "customerWaiting",
    "advisor": "advisorId",
    "notes": "notes",
    "interventions": "jobs",
    "customer.company": "customer.companyName",
    "customer.salutation": "customer.salutation",
    "customer.title": "customer.title",
    "customer.first_name": "customer.firstName",
    "customer.last_name": "customer.lastName",
    "customer.street": "customer.address.street",
    "customer.house_number": "customer.address.houseNumber",
    "customer.postcode": "customer.address.postalCode",
    "customer.city": "customer.address.city",
    "customer.country": "customer.address.country",
    "customer.email": "customer.contact.email",
    "customer.phone": "customer.contact.phone",
    "customer.mobile": "customer.contact.mobile",
    "customer.business_email": "customer.contact.businessEmail",
    "customer.business_phone": "customer.contact.businessPhone",
    "customer.business_mobile": "customer.contact.businessMobile",
    "vehicle.plate": "vehicle.registrationPlate",
    "vehicle.vin": "vehicle.vin",
    "vehicle.make": "vehicle.make",
    "vehicle.model": "vehicle.model",
    "vehicle.fuel": "vehicle.fuel",
    "vehicle.first_registration": "vehicle.firstRegistration",
    "vehicle.inspection_due": "vehicle.inspectionDue",
    "vehicle.odometer_km": "vehicle.odometerKm",
}
"""Our name of each field that both sides hold, and the partner's."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that isn't the same, or (`field` empty) an appointment that only one side holds."""

    ours: str
    theirs: str
    field: str
    our_value: Any = None
    their_value: Any = None


@dataclass(slots=True)
class Comparison:
    """`agreed`: appointments that are equal in every field on both sides; `past`: ours that were over before they were
    ever sent, so that the partner needn't know them; `fields`: values compared; `doubles`: appointments that one side
    holds more than once."""

    ours: int = 0
    theirs: int = 0
    agreed: int = 0
    past: int = 0
    fields: int = 0
    cancelled: int = 0
    doubles: list[str] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        return not self.differences and not self.doubles


def compare(ours: Sequence[Record], theirs: Sequence[Record], now: datetime) -> Comparison:
    """`ours`: appointments of the connected departments, each with its `customer` and `vehicle` records put in;
    `theirs`: all that the partner holds. The partner must hold each of ours that is linked or to come at `now`."""
    result = Comparison(ours=len(ours), theirs=len(theirs))
    result.doubles = doubles(ours, theirs)
    at_partner = {str(record["id"]): record for record in theirs}
    for mine in ours:
        partner_id = (mine.get("references") or {}).get(PARTNER)
        their = at_partner.pop(partner_id, None) if partner_id else None
        if their is not None:
            _pair(result, mine, their)
        elif not partner_id and datetime.fromisoformat(mine["collection"]) <= now:
            result.past += 1
        elif partner_id or mine["status"] != "cancelled":
            # What was cancelled before it was ever sent has no reason to be there.
            result.differences.append(Difference(mine["id"], partner_id or "", ""))
    # Cancelled there and known to us under a later number (it moved away and came back), or never known: only what
    # still stands there counts.
    for left in at_partner.values():
        if left["status"] != "CANCELLED":
            result.differences.append(Difference("", str(left["id"]), ""))
    return result


def _pair(result: Comparison, mine: Record, their: Record) -> None:
    before = len(result.differences)
    cancelled = mine["status"] == "cancelled"
    # A cancelled appointment isn't kept up to date at the partner; that it is cancelled is what counts.
    names = ("status",) if cancelled else tuple(NAMES)
    for name in names:
        our_value, their_value = _ours(mine, name), _theirs(their, NAMES[name])
        result.fields += 1
        if our_value != their_value:
            result.differences.append(Difference(mine["id"], str(their["id"]), name, our_value, their_value))
    if their.get("dmsAppointmentId") not in (None, mine["id"]):
        result.differences.append(Difference(mine["id"], str(their["id"]), "id", mine["id"], their["dmsAppointmentId"]))
    if len(result.differences) == before:
        result.agreed += 1
        result.cancelled += cancelled


def doubles(ours: Iterable[Record], theirs: Iterable[Record]) -> list[str]:
    """Ids that stand for more than one living appointment: ours at the partner, the partner's in our book."""
    booked_there = Counter(
        str(record["dmsAppointmentId"])
        for record in theirs
        if record.get("dmsAppointmentId") and record["status"] != "CANCELLED"
    )
    booked_here = Counter(
        str(record["references"][PARTNER]) for record in ours if (record.get("references") or {}).get(PARTNER)
    )
    return sorted(name for counts in (booked_there, booked_here) for name, count in counts.items() if count > 1)


def _ours(record: Record, name: str) -> Any:
    value = _at(record, name)
    if name == "status":
        return STATUS.get(value, value)
    if name == "transport_option":
        return TRANSPORT.get(value, value)
    if name == "interventions":
        return [
            (work["code"], work["title"], work["description"], float(work["labour_units"]), work["price_cents"])
            for work in value
        ]
    return _plain(value)


def _theirs(record: Record, path: str) -> Any:
    value = _at(record, path)
    if path == "jobs":
        return [
            (
                job.get("code", ""),
                job["title"],
                job.get("description", ""),
                float(job.get("labourUnits", 0)),
                job.get("priceCents"),
            )
            for job in value
        ]
    return _plain(value)


def _at(record: Any, path: str) -> Any:
    for part in path.split("."):
        record = (record or {}).get(part)
    return record


def _plain(value: Any) -> Any:
    """Nothing is nothing, however it is written; a moment is the same in any zone."""
    if value in ("", None):
        return None
    if isinstance(value, str) and len(value) > 18 and value[10:11] == "T":
        return datetime.fromisoformat(value)
    return value
