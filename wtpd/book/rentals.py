"""Asking for a rental car out of an appointment: what is checked and stored before the partner is called (spec:
carloop.md, rules 1 to 5). Each function is one transaction; the call is made by `wtpd.calls` afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from wtpd.calls.keys import new_key
from wtpd.calls.records import Call
from wtpd.errors import Invalid, Problem, Refused
from wtpd.planner.appointment import Appointment, Status
from wtpd.planner.customer import Customer
from wtpd.planner.history import Author
from wtpd.rentals.kinds import BOOK, CANCEL, END, REPLACED, TAKEN_BACK, Plan
from wtpd.rentals.plan import must_cancel_first
from wtpd.rentals.records import Booking, Car, Price, RentalRecord, Renter, Terms, Visit
from wtpd.store import appointments, calls, customers, rentals
from wtpd.store.calls import StoredCalls
from wtpd.store.database import Tx
from wtpd.store.rentals import StoredRentals
from wtpd.texts import N_
from wtpd.words import CUSTOMER

REASON = 200
"""Characters of a reason for a cancellation."""


class Encoder(Protocol):
    """The part of `RentalPartner` that makes bodies."""

    def encode_booking(self, booking: Booking) -> str: ...

    def encode_end(self, end: datetime) -> str: ...

    def encode_cancellation(self, reason: str) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Where the rental is made. `channel`: whose loop makes the calls; `language`: the site's; `terms`: the partner's,
    None where only an end is changed or a rental cancelled."""

    connector: str
    title: str
    channel: str
    encode: Encoder
    language: str = "de"
    terms: Terms | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be rented. `customer_id`: another renter than the customer of the appointment."""

    car: Car
    start: datetime
    end: datetime
    customer_id: str | None = None
    expected_price: Price | None = None


def visit_of(tx: Tx, appointment_id: str) -> Visit | None:
    found = appointments.find(tx, appointment_id)
    if found is None:
        return None
    return Visit(
        appointment_id=found.id, site=found.site, drop_off=found.drop_off, collection=found.collection,
        is_cancelled=found.status is Status.CANCELLED, customer_id=found.customer_id,
    )  # fmt: skip


def book(tx: Tx, house: House, appointment_id: str, order: Order, *, author: Author) -> RentalRecord:
    """Store the rental and the call that makes it, whose key is the record's reference. Raises `NotFound`, `Invalid`,
    and `Refused` of kind `has-rental`, `cancelled`, `too-late` or `renter-incomplete`."""
    record, body = _new(tx, house, appointments.get(tx, appointment_id), order, author)
    StoredRentals(tx).add(record, actor=author.actor)
    _store(tx, house, BOOK, record, body, author, {"take_back": house.encode.encode_cancellation(TAKEN_BACK)})
    return record


def rebook(tx: Tx, house: House, rental_id: str, order: Order, *, author: Author) -> RentalRecord:
    """*Cancel and book again*: store the new rental and the whole saga; returns the new record. The first call's key is
    `first_key` of it. Raises as `book`, and `Refused` of kind `not-reserved` or `under-way`."""
    old = _open_for_change(tx, rental_id)
    if old.state != "reserved":
        raise Refused(
            N_("Only a rental whose car hasn't been handed over can be booked again."), kind="not-reserved"
        )  # fmt: skip
    record, body = _new(tx, house, appointments.get(tx, old.appointment_id), order, author)
    record = replace(record, replaces=old.id)
    stored = StoredRentals(tx)
    stored.put(replace(old, is_replaced=True, reason=None), actor=author.actor)
    stored.add(record, actor=author.actor)
    cancellation = house.encode.encode_cancellation(REPLACED)
    if not must_cancel_first(old, order.car.id, order.start, order.end):
        plan = Plan(cancels=(old.id, cancellation))
        details = {**plan.details(), "take_back": house.encode.encode_cancellation(TAKEN_BACK)}
        _store(tx, house, BOOK, record, body, author, details)
        return record
    again = new_key(tx.now)
    restored = _encoded(tx, house, old, Order(car=old.car, start=old.start, end=old.end), old.customer_id, again)
    plan = Plan(then=(record.id, body), restore=(again, restored))
    details = {**plan.details(), "number": old.number}
    _store(tx, house, CANCEL, old, cancellation, author, details, key=f"{record.id}-1", saga=record.id)
    return record


def change_end(tx: Tx, house: House, rental_id: str, end: datetime, *, author: Author) -> str:
    """Store the call that changes the end; its key. Raises `NotFound`, `Invalid`, and `Refused` of kind `closed`,
    `too-late` or `under-way`."""
    record = _open_for_change(tx, rental_id)
    if end <= record.start:
        raise Invalid(
            N_("The rental can't end before it begins."),
            problems=[Problem("end", N_("The rental can't end before it begins."))],
        )
    if end <= tx.now:
        raise Refused(N_("The new end has passed already."), kind="too-late")
    StoredRentals(tx).put(replace(record, wanted_end=end, reason=None), actor=author.actor)
    details = {"number": record.number, "version": str(record.version), "end": end.isoformat()}
    return _store(tx, house, END, record, house.encode.encode_end(end), author, details, key=new_key(tx.now))


def cancel(tx: Tx, house: House, rental_id: str, reason: str, *, author: Author) -> str:
    """Store the call that cancels the rental; its key. Raises `NotFound`, `Invalid`, and `Refused` of kind `closed`,
    `handed-over` or `under-way`."""
    record = _open_for_change(tx, rental_id)
    if record.state == "out":
        raise Refused(N_("The car was handed over already; the rental ends when it comes back."), kind="handed-over")
    if not reason.strip():
        raise Invalid(N_("A reason is needed."), problems=[Problem("reason", N_("A reason is needed."))])
    body = house.encode.encode_cancellation(reason.strip()[:REASON])
    return _store(tx, house, CANCEL, record, body, author, {"number": record.number}, key=new_key(tx.now))


def withdrawable(tx: Tx, rental_id: str) -> str | None:
    """The key of the booking that can be taken back since its answer isn't known; None if there is none. A step of a
    saga can't be taken back."""
    for call in calls.open_of(tx, rental_id):
        if call.kind == BOOK and call.saga == call.key and Plan.of(call.details) == Plan():
            return call.key
    return None


def first_key(tx: Tx, record: RentalRecord) -> str:
    """The key of the call that is due for a new rental: its own booking, or the cancellation that comes first."""
    return record.reference if StoredCalls(tx).get(record.reference) is not None else f"{record.id}-1"


def _new(tx: Tx, house: House, appointment: Appointment, order: Order, author: Author) -> tuple[RentalRecord, str]:
    if appointment.status is Status.CANCELLED:
        raise Refused(N_("The appointment is cancelled; no rental car is booked for it."), kind="cancelled")
    if order.end <= order.start:
        raise Invalid(
            N_("The rental can't end before it begins."),
            problems=[Problem("end", N_("The rental can't end before it begins."))],
        )
    terms = house.terms or Terms(stations=(), classes=(), features=(), currency="")
    if order.start <= tx.now + terms.lead:
        raise too_late(terms.lead)
    reference = new_key(tx.now)
    customer_id = order.customer_id or appointment.customer_id
    record = RentalRecord(
        id=reference, reference=reference, state="asking", appointment_id=appointment.id, customer_id=customer_id,
        site=appointment.site, connector=house.connector, start=order.start, end=order.end, car=order.car,
        station=order.car.station, price=order.expected_price or order.car.price, made_by=author.actor,
    )  # fmt: skip
    return record, _encoded(tx, house, record, order, customer_id, reference)


def _encoded(tx: Tx, house: House, record: RentalRecord, order: Order, customer_id: str | None, reference: str) -> str:
    customer = None if customer_id is None else customers.get(tx, customer_id)
    if customer is None or customer.erased:
        raise Refused(N_("The appointment has no customer; a rental needs one."), kind="renter-incomplete")
    renter = renter_of(customer, house.language)
    _check_complete(customer, renter, house)
    return house.encode.encode_booking(
        Booking(
            reference=reference, appointment=record.appointment_id, car=order.car.id, start=order.start, end=order.end,
            renter=renter, expected_price=order.expected_price,
        )
    )  # fmt: skip


def renter_of(customer: Customer, language: str) -> Renter:
    """The customer as a renter; business addresses stand in where the private ones are blank."""
    return Renter(
        number=customer.number or "", company=customer.company, salutation=customer.salutation, title=customer.title,
        first_name=customer.first_name, last_name=customer.last_name, street=customer.street,
        house_number=customer.house_number, postcode=customer.postcode, city=customer.city, country=customer.country,
        email=customer.email or customer.business_email, phone=customer.phone or customer.business_phone,
        mobile=customer.mobile or customer.business_mobile, language=language,
        dms_number=(customer.number or "") if customer.locked_by else "",
    )  # fmt: skip


def _check_complete(customer: Customer, renter: Renter, house: House) -> None:
    missing = [name for name in (house.terms.required if house.terms else ()) if getattr(renter, name, None) == ""]
    if not missing:
        return
    field = CUSTOMER.get(missing[0], missing[0])
    if customer.locked_by:
        text = N_(
            "{partner} needs this of the renter: {field}. {dms} keeps this customer: enter it there, or choose another "
            "customer.",
            partner=house.title, field=field, dms=customer.locked_by,
        )  # fmt: skip
    else:
        text = N_(
            "{partner} needs this of the renter: {field}. Enter it with the customer.", partner=house.title, field=field
        )
    raise Refused(text, kind="renter-incomplete", facts={"fields": missing, "locked_by": customer.locked_by})


def too_late(lead: timedelta) -> Refused:
    """The refusal of a period that doesn't begin later than now and `lead`."""
    text = N_("A rental must begin in the future.")
    if minutes := int(lead.total_seconds() // 60):
        text = N_("A rental must begin more than {minutes} minutes from now.", minutes=minutes)
    return Refused(text, kind="too-late")


def _open_for_change(tx: Tx, rental_id: str) -> RentalRecord:
    record = rentals.get(tx, rental_id)
    if calls.open_of(tx, rental_id) or record.state == "asking":
        raise Refused(
            N_("Something is under way for this rental, and its answer isn't known yet. It goes on by itself."),
            kind="under-way",
        )
    if not record.is_live:
        raise Refused(N_("This rental is over."), kind="closed")
    return record


def _store(
    tx: Tx,
    house: House,
    kind: str,
    record: RentalRecord,
    body: str,
    author: Author,
    details: dict[str, str],
    *,
    key: str = "",
    saga: str = "",
) -> str:
    key = key or record.reference
    StoredCalls(tx).add(
        Call(
            key=key, channel=house.channel, kind=kind, subject=record.id, site=record.site, body=body, details=details,
            saga=saga or key, by=author.actor,
        )
    )  # fmt: skip
    return key
