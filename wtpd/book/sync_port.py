"""The appointment book as two-way sync sees it: `wtpd.sync.ports.BookPort` inside one write transaction.

What comes from a partner is never refused for load or for a car that is taken: it is held as far as it can be, flagged
or left open, and listed for attention. Only what can't be an appointment at all raises `Invalid`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

from wtpd.book import appointments as rules
from wtpd.book import checks, courtesy, load, shared_fields
from wtpd.book.book import Book
from wtpd.book.partner_records import Found, Origin, resolve
from wtpd.book.recording import Source, new_id, record_change, record_new
from wtpd.book.shared_fields import Visit
from wtpd.errors import Invalid, NotFound, Problem
from wtpd.planner.appointment import ORIGIN_DEALER, Appointment, Status
from wtpd.planner.changes import merged
from wtpd.planner.history import Author, Change
from wtpd.store import appointments, attention, channels, history
from wtpd.store.channels import Mapped
from wtpd.store.database import Tx
from wtpd.sync.ports import Fields, Incoming, Ours
from wtpd.texts import N_

_NEEDED = ("drop_off", "collection")
_OWNED = frozenset(shared_fields.OF_CUSTOMER)
"""What the DMS owns of a locked customer."""
DOUBLE = timedelta(hours=2)
"""Appointments of one customer or vehicle that begin within this time may be the same visit."""
_REASONS = {"car-taken": "taken", "car-out-of-service": "out_of_service"}


class _Open(NamedTuple):
    """A courtesy car that couldn't be had. `reason`: `taken`, `out_of_service`, or `unknown` at that site."""

    car: str
    reason: str


class SyncBook:
    """Made for one transaction."""

    def __init__(self, book: Book, tx: Tx) -> None:
        self._book = book
        self._tx = tx
        self._channels: dict[str, Mapped] = {}
        self._last: Appointment | None = None
        """The appointment that was given last, as it is now."""
        self._alone: str | None = None
        """The appointment made last, if its customer and its vehicle have no other one."""

    def ours(self, channel: str, appointment_id: str) -> Ours | None:
        appointment = appointments.find(self._tx, appointment_id)
        return None if appointment is None else self._ours(channel, shared_fields.visit_of(self._tx, appointment))

    def create(self, channel: str, item: Incoming, *, actor: str) -> Ours:
        mapped = self._mapped(channel)
        plan = self._book.plan(mapped.site, mapped.department)
        asked = shared_fields.wanted(item.fields)
        missing = [Problem(name, N_("This is needed.")) for name in _NEEDED if not asked.appointment.get(name)]
        checks.reject(missing)
        draft = Appointment(
            id=new_id(),
            site=mapped.site,
            department=mapped.department,
            origin=item.origin or ORIGIN_DEALER,
            references={mapped.connector: item.partner_id},
            links=dict(item.links),
            **asked.appointment,
        )
        after = _checked(draft)
        blank = Visit(draft, None, None)
        found = resolve(self._tx, None, None, asked.customer, asked.vehicle, self._origin(mapped, after))
        after = replace(after, customer_id=_id(found.customer), vehicle_id=_id(found.vehicle))
        after, open_car = self._with_car(None, after)
        after = load.flagged(self._tx, plan, None, after, allow_over_limit=True)
        self._alone = after.id if found.are_new else None
        record_new(self._tx, self._book.plans, after, self._source(mapped, actor))
        self._list(mapped, blank, Visit(after, found.customer, found.vehicle), found, open_car)
        return self._ours(channel, Visit(after, found.customer, found.vehicle))

    def update(
        self, channel: str, appointment_id: str, fields: Fields, *, actor: str, links: Mapping[str, str]
    ) -> Ours:
        mapped = self._mapped(channel)
        before = shared_fields.visit_of(self._tx, appointments.get(self._tx, appointment_id))
        if before.appointment.status is Status.CANCELLED:
            return self._ours(channel, before)
        asked = shared_fields.wanted(fields)
        after = _checked(merged(before.appointment, {**asked.appointment, "links": links}))
        if "interventions" in asked.appointment:
            work = shared_fields.with_elements(before.appointment.interventions, after.interventions)
            after = replace(after, interventions=work)
        origin = self._origin(mapped, after)
        found = Found(before.customer, before.vehicle)
        if asked.customer or asked.vehicle:
            found = resolve(self._tx, before.customer, before.vehicle, asked.customer, asked.vehicle, origin)
        after = replace(after, customer_id=_id(found.customer), vehicle_id=_id(found.vehicle))
        after, open_car = self._with_car(before.appointment, after)
        plan = self._book.plans.get((after.site, after.department))
        after = load.flagged(self._tx, plan, before.appointment, after, allow_over_limit=True)
        visit = Visit(after, found.customer, found.vehicle)
        extra = shared_fields.record_changes(before, visit)
        after = self._record(mapped, before.appointment, after, actor, extra)
        visit = replace(visit, appointment=after)
        self._list(mapped, before, visit, found, open_car)
        return self._ours(channel, visit)

    def cancel(self, channel: str, appointment_id: str, *, actor: str, reason: str | None) -> Ours:
        before = shared_fields.visit_of(self._tx, appointments.get(self._tx, appointment_id))
        source = self._source(self._mapped(channel), actor)
        after = rules.cancelled(self._book.plans, self._tx, before.appointment, source, reason)
        return self._ours(channel, replace(before, appointment=after))

    def attach(self, channel: str, appointment_id: str, partner_id: str, links: Mapping[str, str]) -> None:
        connector = self._mapped(channel).connector
        reference, before = appointments.known_at(self._tx, appointment_id, connector)
        if reference != partner_id:
            is_first = reference is None
            appointments.put_reference(self._tx, appointment_id, connector, partner_id, is_first=is_first)
        if any(before.get(name) != address for name, address in links.items()):
            checks.links({**before, **links})
            appointments.put_links(self._tx, appointment_id, links)

    def possible_doubles(self, appointment_ids: Sequence[str]) -> Sequence[tuple[str, str]]:
        asked = [each for each in appointment_ids if each != self._alone]
        return appointments.neighbours(self._tx, asked, DOUBLE) if asked else ()

    def last_actor(self, appointment_id: str) -> str:
        return history.last_actor(self._tx, appointment_id)

    def _record(
        self, mapped: Mapped, before: Appointment, after: Appointment, actor: str, extra: Mapping[str, Change]
    ) -> Appointment:
        """New links alone are no change of the appointment."""
        if dict(after.links) != dict(before.links):
            appointments.put_links(self._tx, before.id, after.links)
            before = replace(before, links=after.links)
        source = self._source(mapped, actor)
        return record_change(self._tx, self._book.plans, before, after, source, extra=extra)

    def _with_car(self, before: Appointment | None, after: Appointment) -> tuple[Appointment, _Open | None]:
        """The appointment without its courtesy car if it can't have it, and the car that is left open."""
        obstacle = courtesy.obstacle(self._tx, after) if courtesy.needs_look(before, after) else None
        if obstacle is None:
            return after, None
        reason = _REASONS.get(obstacle.kind, "unknown")
        return replace(after, courtesy_car=None), _Open(after.courtesy_car or "", reason)

    def _list(self, mapped: Mapped, before: Visit, after: Visit, found: Found, open_car: _Open | None) -> None:
        """What somebody must look at: the car that couldn't be had, the day that is too full, records in doubt."""
        appointment = after.appointment
        for what, made, candidates in found.unmatched:
            data = {"what": what, "created": made, "candidates": list(candidates)}
            self._attend("unmatched", mapped, appointment, data, what)
        if found.kept:
            self._attend("locked_customer", mapped, appointment, {"fields": list(found.kept)})
        if open_car is not None:
            data = {"courtesy_car": open_car.car, "reason": open_car.reason}
            self._attend("car_open", mapped, appointment, data, open_car.car)
        if appointment.over_limit and not before.appointment.over_limit:
            plan = self._book.plan(appointment.site, appointment.department)
            figures = load.of_day(self._tx, plan, appointment)
            facts = {
                "day": plan.zoned_day(appointment.drop_off).isoformat(),
                "limit": figures.limit,
                "booked": figures.booked,
                "asked": figures.asked,
            }
            self._attend("over_limit", mapped, appointment, facts)

    def _attend(
        self, kind: str, mapped: Mapped, appointment: Appointment, data: Mapping[str, Any], part: str = ""
    ) -> None:
        once = f"{mapped.channel}:{appointment.id}:{part}"
        attention.add(self._tx, kind, channel=mapped.channel, appointment_id=appointment.id, data=data, once=once)

    def _ours(self, channel: str, visit: Visit) -> Ours:
        mapped, appointment = self._mapped(channel), visit.appointment
        self._last = appointment
        locked = visit.customer is not None and visit.customer.locked_by is not None
        return Ours(
            appointment_id=appointment.id,
            version=appointment.version,
            fields=shared_fields.of(visit),
            cancelled=appointment.status is Status.CANCELLED,
            in_scope=mapped.active and (appointment.site, appointment.department) == (mapped.site, mapped.department),
            account=mapped.account,
            owned=_OWNED if locked else frozenset(),
            reason=appointment.cancellation_reason,
            erased=visit.customer is not None and visit.customer.erased,
            upcoming=appointment.collection > self._tx.now,
        )

    def _mapped(self, channel: str) -> Mapped:
        known = self._channels.get(channel)
        if known is None:
            known = channels.mapped(self._tx, channel)
            if known is None:
                raise NotFound(N_("There is no channel {channel}.", channel=channel))
            self._channels[channel] = known
        return known

    def _source(self, mapped: Mapped, actor: str) -> Source:
        return Source(Author(actor=actor, interface=f"sync:{mapped.connector}"), channel=mapped.channel)

    def _origin(self, mapped: Mapped, appointment: Appointment) -> Origin:
        return Origin(mapped.connector, appointment.origin, {appointment.id: mapped.channel}, mapped.site)


def _checked(appointment: Appointment) -> Appointment:
    """In the form in which it is kept. Raises `Invalid`."""
    if appointment.status is Status.CANCELLED:
        raise Invalid(N_("A cancelled appointment can't be taken over."))
    tidy = checks.tidy(appointment)
    checks.form(tidy)
    return tidy


def _id(record: Any) -> str | None:
    return None if record is None else str(record.id)
