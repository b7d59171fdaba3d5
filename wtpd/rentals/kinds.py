"""The calls to a partner of rentals, and the saga *cancel and book again* (spec: carloop.md).

The saga is decided and encoded as a whole when a person asks for it; each step stores the next one with its answer.

another car:                     book the new one ──► cancel the old one
same car, overlapping period:    cancel the old one ──► book the new one ─ refused ─► book the old one again
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from wtpd.calls.ports import Kind
from wtpd.calls.records import Call
from wtpd.channel.errors import Duplicate, PartnerError, Precondition, in_its_words
from wtpd.rentals.plan import merged
from wtpd.rentals.ports import Desk, RentalClosed, RentalUnknown, Session
from wtpd.rentals.records import Rental, RentalRecord
from wtpd.rentals.review import review
from wtpd.texts import N_, Text

BOOK, END, CANCEL = "rental.book", "rental.end", "rental.cancel"

REPLACED, TAKEN_BACK = "Umbuchung", "Buchung zurückgenommen"
"""Reasons of cancellations by wtpd itself; the partner's clerks read them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The later steps of a saga, as they stand in the details of each of its calls. `then`: the booking that follows a
    cancellation, `restore`: the booking of the old car again; each is the record's id and the encoded body. `cancels`:
    the record that is cancelled once the booking is made."""

    then: tuple[str, str] | None = None
    restore: tuple[str, str] | None = None
    cancels: tuple[str, str] | None = None

    def details(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in ("then", "restore", "cancels"):
            step = getattr(self, name)
            if step is not None:
                found |= {name: step[0], f"{name}_body": step[1]}
        return found

    @classmethod
    def of(cls, details: Mapping[str, str]) -> Plan:
        def step(name: str) -> tuple[str, str] | None:
            return (details[name], details[f"{name}_body"]) if name in details else None

        return cls(step("then"), step("restore"), step("cancels"))


def kinds(connector: str, title: str, desk: Desk) -> dict[str, Kind[Session]]:
    return {
        BOOK: _Book(connector, title, desk),
        END: _End(connector, title, desk),
        CANCEL: _Cancel(connector, title, desk),
    }


class _OfRental:
    def __init__(self, connector: str, title: str, desk: Desk) -> None:
        self._connector = connector
        self._title = title
        self._desk = desk

    async def _fetch(self, call: Call) -> Rental:
        number = call.details["number"]
        return await self._desk.ask(call.site, lambda partner, secrets: partner.get(secrets, number))

    def _take(self, session: Session, call: Call, theirs: Rental) -> RentalRecord:
        record = replace(merged(session.rentals.get(call.subject), theirs), reason=None)
        self._put(session, call, record, _ACTIONS[call.kind])
        return record

    def _put(self, session: Session, call: Call, record: RentalRecord, action: str = "changed") -> None:
        session.rentals.put(record, actor=call.by, action=action)
        review(session, self._connector, record.appointment_id)

    def _told_later(self, session: Session, call: Call, reason: Text | str | None) -> None:
        """A refusal that comes after whoever asked was told to wait is listed."""
        if not call.attempts or call.is_withdrawn:
            return
        record = session.rentals.get(call.subject)
        data = {
            "plate": record.car.plate,
            "action": _ACTIONS[call.kind],
            "reason": reason or "",
            "partner": self._title,
        }
        session.attention.add(
            "rental_refused", channel=self._connector, appointment_id=record.appointment_id, data=data, once=record.id
        )

    def _next(self, session: Session, call: Call, kind: str, step: tuple[str, str], details: Mapping[str, str]) -> None:
        """Store the saga's next call, about a record and with a body."""
        record = session.rentals.get(step[0])
        key = record.reference if kind == BOOK else f"{call.saga}-{call.step + 1}"
        session.calls.add(
            Call(
                key=key, channel=call.channel, kind=kind, subject=record.id, site=record.site, body=step[1],
                details={**details, "number": record.number}, saga=call.saga, step=call.step + 1, by=call.by,
            )
        )  # fmt: skip

    def _double(self, session: Session, record: RentalRecord) -> None:
        session.attention.add(
            "rental_double", channel=self._connector, appointment_id=record.appointment_id, once=record.appointment_id,
            data={"rental": record.id, "plate": record.car.plate, "number": record.number, "partner": self._title},
        )  # fmt: skip


class _Book(_OfRental):
    """Makes a rental. `subject`: the record; `key`: its reference. `details`: a `Plan`, and the body of a cancellation
    if it is withdrawn too late (`take_back`)."""

    async def make(self, call: Call) -> Rental:
        return await self._desk.ask(call.site, lambda partner, secrets: partner.book(secrets, call.body))

    async def look(self, call: Call) -> Rental | None:
        return await self._desk.ask(call.site, lambda partner, secrets: partner.find(secrets, call.key))

    def done(self, session: Session, call: Call, answer: Rental) -> None:
        record = self._take(session, call, answer)
        plan = Plan.of(call.details)
        if not record.is_live:  # somebody there cancelled it before our repeated call
            self._failed(session, call, record, plan)
        elif call.is_withdrawn:
            self._next(session, call, CANCEL, (record.id, call.details["take_back"]), {})
        elif plan.cancels is not None:
            self._next(session, call, CANCEL, plan.cancels, {"for": record.id})

    def refused(self, session: Session, call: Call, error: PartnerError) -> None:
        self._not_made(session, call, "refused", in_its_words(error))

    def withdrawn(self, session: Session, call: Call) -> None:
        self._not_made(session, call, "withdrawn", None)

    def _not_made(self, session: Session, call: Call, state: str, reason: Text | str | None) -> None:
        record = replace(session.rentals.get(call.subject), state=state, reason=reason)
        self._put(session, call, record, state)
        self._told_later(session, call, reason)
        self._failed(session, call, record, Plan.of(call.details))

    def _failed(self, session: Session, call: Call, record: RentalRecord, plan: Plan) -> None:
        """There is no rental: the old one stays, or is booked again, or the customer has no car."""
        if plan.cancels is not None:
            old = session.rentals.get(plan.cancels[0])
            self._put(session, call, replace(old, is_replaced=False))
        elif plan.restore is not None:
            again, body = plan.restore
            session.rentals.add(self._again(session, record, again), actor=call.by)
            self._next(session, call, BOOK, (again, body), {})
        elif call.step > 1:
            plate, reason = record.car.plate, record.reason or ""
            session.attention.add(
                "rental_missing", channel=self._connector, appointment_id=record.appointment_id,
                data={"rental": record.id, "plate": plate, "reason": reason, "partner": self._title},
                once=record.appointment_id,
            )  # fmt: skip

    def _again(self, session: Session, failed: RentalRecord, reference: str) -> RentalRecord:
        """The record of the old rental's repetition; its id is its reference."""
        assert failed.replaces is not None
        old = session.rentals.get(failed.replaces)
        return RentalRecord(
            id=reference, reference=reference, state="asking", replaces=old.id, appointment_id=old.appointment_id,
            customer_id=old.customer_id, site=old.site, connector=old.connector, start=old.start, end=old.end,
            car=old.car, station=old.station, price=old.price, made_by=failed.made_by,
        )  # fmt: skip


class _End(_OfRental):
    """Changes a rental's end. `details`: its `number` and the `version` that was seen."""

    async def make(self, call: Call) -> Rental:
        number, version = call.details["number"], int(call.details["version"])
        return await self._desk.ask(
            call.site, lambda partner, secrets: partner.change_end(secrets, number, version, call.body)
        )

    async def look(self, call: Call) -> Rental | None:
        found = await self._fetch(call)
        return found if found.end == datetime.fromisoformat(call.details["end"]) else None

    def done(self, session: Session, call: Call, answer: Rental) -> None:
        self._take(session, call, answer)

    def refused(self, session: Session, call: Call, error: PartnerError) -> None:
        changed = isinstance(error, Precondition | Duplicate)
        reason = N_("{partner} has changed the rental meanwhile.", partner=self._title)
        self._give_up(session, call, reason if changed else in_its_words(error))

    def withdrawn(self, session: Session, call: Call) -> None:
        self._give_up(session, call, None)

    def _give_up(self, session: Session, call: Call, reason: Text | str | None) -> None:
        record = session.rentals.get(call.subject)
        self._put(session, call, replace(record, wanted_end=None, reason=reason))
        self._told_later(session, call, reason)


class _Cancel(_OfRental):
    """Cancels a rental. `details`: a `Plan`; `for`: the record that
    has taken its place already."""

    async def make(self, call: Call) -> Rental:
        number = call.details["number"]
        return await self._desk.ask(call.site, lambda partner, secrets: partner.cancel(secrets, number, call.body))

    async def look(self, call: Call) -> Rental | None:
        found = await self._fetch(call)
        return found if found.state == "cancelled" else None

    def done(self, session: Session, call: Call, answer: Rental) -> None:
        self._take(session, call, answer)
        plan = Plan.of(call.details)
        if plan.then is not None:
            self._next(session, call, BOOK, plan.then, Plan(restore=plan.restore).details())

    def refused(self, session: Session, call: Call, error: PartnerError) -> None:
        plan, old = Plan.of(call.details), session.rentals.get(call.subject)
        reason = in_its_words(error)
        if plan.then is not None:  # the old car can't be given back, so the new rental isn't made
            new = session.rentals.get(plan.then[0])
            self._put(session, call, replace(new, state="refused", reason=reason), "refused")
            old = replace(old, is_replaced=False)
        self._put(session, call, replace(old, reason=reason))
        self._told_later(session, call, reason)
        if "for" in call.details and not isinstance(error, RentalUnknown | RentalClosed):
            self._double(session, old)

    def withdrawn(self, session: Session, call: Call) -> None:
        """Only a person's own cancellation is withdrawn: it is as if nobody had asked."""


_ACTIONS = {BOOK: "booked", END: "extended", CANCEL: "cancelled"}
