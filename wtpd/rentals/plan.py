"""Rules of rentals; pure (spec: carloop.md)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Literal

from wtpd.rentals.records import Rental, RentalRecord

Mismatch = Literal["appointment_cancelled", "starts_late", "ends_early", "cancelled_there"]
"""How a rental and its appointment disagree. `cancelled_there`: the partner cancelled the rental, and no other one took
its place."""


def merged(record: RentalRecord, theirs: Rental) -> RentalRecord:
    """The record with what the partner has. An older version than ours changes nothing."""
    if record.number == theirs.number and theirs.version < record.version:
        return record
    return replace(
        record,
        state=theirs.state,
        number=theirs.number,
        start=theirs.start,
        end=theirs.end,
        car=theirs.car,
        station=theirs.station or theirs.car.station,
        price=theirs.price or record.price,
        version=theirs.version,
        changed_at=theirs.changed_at,
        by_partner=theirs.by_partner,
        is_overdue=theirs.is_overdue,
        cancel_reason=theirs.cancel_reason,
        out_at=theirs.out_at,
        back_at=theirs.back_at,
        wanted_end=None if theirs.end == record.wanted_end or theirs.is_closed else record.wanted_end,
    )


def is_overdue(record: RentalRecord, now: datetime) -> bool:
    """The car should be back. Reckoned here too, since the partner's word is as old as its last change."""
    return record.state == "out" and (record.is_overdue or now > record.end)


def mismatch(
    record: RentalRecord | None, drop_off: datetime, collection: datetime, *, is_cancelled: bool
) -> Mismatch | None:
    """How the appointment's newest rental doesn't fit it. One that lies around the whole visit fits; a car that is out
    already began when it did."""
    if record is None or record.state in ("returned", "refused", "withdrawn"):
        return None
    if record.state in ("cancelled", "no_show"):
        is_ours = record.state == "cancelled" and not record.by_partner
        return None if is_ours or is_cancelled or record.is_replaced else "cancelled_there"
    if is_cancelled:
        return "appointment_cancelled"
    if record.start > drop_off and record.state != "out":
        return "starts_late"
    return "ends_early" if record.end < collection else None


def overlap(record: RentalRecord, start: datetime, end: datetime) -> bool:
    return record.is_live and record.start < end and start < record.end


def must_cancel_first(old: RentalRecord, car: str, start: datetime, end: datetime) -> bool:
    """Whether the old rental is in the way of the new one: the same car in an overlapping period. Else the new one is
    booked first, so that the customer is never without a car."""
    return old.car.id == car and overlap(old, start, end)


def newest(records: Iterable[RentalRecord]) -> RentalRecord | None:
    """The rental that counts for an appointment: the live one that isn't replaced, else the last one made."""
    found = sorted(records, key=lambda one: (one.is_live and not one.is_replaced, one.is_live, one.id))
    return found[-1] if found else None
