"""What doesn't fit between an appointment and its rentals, listed for people (spec: carloop.md, 5)."""

from __future__ import annotations

from wtpd.rentals.plan import mismatch, newest
from wtpd.rentals.ports import Session


def review(session: Session, connector: str, appointment_id: str) -> None:
    """List a mismatch of the appointment, and close what fits again."""
    records = session.rentals.of_appointment(appointment_id)
    counts, visit = newest(records), session.visits.visit(appointment_id)
    wrong = None
    if counts is not None and counts.number and visit is not None:
        wrong = mismatch(counts, visit.drop_off, visit.collection, is_cancelled=visit.is_cancelled)
    if wrong is not None and counts is not None:
        session.attention.add(
            "rental_mismatch", channel=connector, appointment_id=appointment_id, once=appointment_id,
            data={"mismatch": wrong, "rental": counts.id, "plate": counts.car.plate, "number": counts.number},
        )  # fmt: skip
    else:
        session.attention.resolve_once("rental_mismatch", appointment_id, by=connector, resolution="fits")
    held = [one for one in records if one.is_live and one.number]
    if held:
        session.attention.resolve_once("rental_missing", appointment_id, by=connector, resolution="has_car")
    if len(held) < 2:
        session.attention.resolve_once("rental_double", appointment_id, by=connector, resolution="one_car")
