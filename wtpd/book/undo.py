"""Taking one entry of an appointment's history back (spec: tui.md, reception).

It is a change like any other: the fields that the entry changed get their old values, by whoever takes it back, as a
new entry that names the old one (`Entry.undoes`), under all rules of the book. Taking `created` back cancels. Taking a
cancellation back makes the appointment live again; the partner that knew it gets it anew, since what was cancelled
there stays cancelled (sync.md, 6).

Errors beside those of a change: `NotFound` for an entry of another appointment; `Refused` of kind `built-upon` (facts
`by`, `at`, `entry`, `fields`; `by` is None if it was changed outside of the appointment), `cancelled-there`, `erased`,
`nothing-to-undo`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

from wtpd.book import appointments as rules
from wtpd.book import checks, courtesy, load, shared_fields
from wtpd.book import customers as customer_rules
from wtpd.book import vehicles as vehicle_rules
from wtpd.book.book import Book
from wtpd.book.recording import Source, check_version, record_change
from wtpd.book.shared_fields import Visit
from wtpd.clock import iso_exact
from wtpd.errors import NotFound, Refused
from wtpd.planner.appointment import Appointment, Status
from wtpd.planner.changes import diff, json_value, merged, typed
from wtpd.planner.customer import Customer
from wtpd.planner.history import Author, Change, Entry
from wtpd.planner.vehicle import Vehicle
from wtpd.store import appointments, customers, history, outbox, vehicles
from wtpd.store.database import Tx
from wtpd.store.ledger import Ledger
from wtpd.store.outbox import Outbox
from wtpd.sync.ports import FIELDS
from wtpd.texts import N_, Text
from wtpd.words import field_name

_DERIVED = frozenset({"over_limit"})
"""Follows from the rest, so it is reckoned anew and not put back."""
_TOLD = frozenset(FIELDS) | {"site", "department", "customer_id", "vehicle_id"}
"""What partners hear of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undoing:
    """What taking an entry back does. `tells` are the channels that hear of it; at those in `anew` the appointment is
    cancelled and made again under a new number."""

    before: Visit
    after: Visit
    changes: Mapping[str, Change]
    tells: Sequence[str]
    anew: Sequence[str]

    @property
    def cancels(self) -> bool:
        return self.after.appointment.status is Status.CANCELLED


def undo(
    book: Book,
    tx: Tx,
    appointment_id: str,
    entry_id: int,
    *,
    author: Author,
    expected_version: int | None,
    allow_over_limit: bool = False,
) -> Appointment:
    """Take the entry back."""
    planned = plan(
        book, tx, appointment_id, entry_id, author=author, expected_version=expected_version,
        allow_over_limit=allow_over_limit,
    )  # fmt: skip
    _put_records(tx, planned.before, planned.after)
    return record_change(
        tx,
        book.plans,
        planned.before.appointment,
        planned.after.appointment,
        Source(author, undoes=entry_id),
        action="cancelled" if planned.cancels else "changed",
        extra={name: change for name, change in planned.changes.items() if "." in name},
    )


def plan(
    book: Book,
    tx: Tx,
    appointment_id: str,
    entry_id: int,
    *,
    author: Author,
    expected_version: int | None,
    allow_over_limit: bool = False,
) -> Undoing:
    """What `undo` would do; writes nothing. Raises what `undo` raises."""
    appointment = appointments.get(tx, appointment_id)
    check_version(appointment.version, expected_version)
    before = shared_fields.visit_of(tx, appointment)
    entries = history.of(tx, appointment_id)
    entry = next((one for one in entries if one.id == entry_id), None)
    if entry is None:
        raise NotFound(N_("The history of this appointment has no entry {id}.", id=entry_id))
    if before.customer is not None and before.customer.erased:
        raise Refused(N_("The customer was erased; nothing of this appointment is taken back."), kind="erased")
    if _cancels(entry) and entry.channel.startswith("sync:"):
        text = N_("{who} cancelled it, so its customer was told. Make a new appointment.", who=entry.actor)
        raise Refused(text, kind="cancelled-there", facts={"by": entry.actor})
    _refuse_if_built_upon(book, before, entries, entry)
    after = _restored(before, entry)
    wanted = _checked(book, tx, appointment, after.appointment, allow_over_limit)
    after = _with_records(tx, before, replace(after, appointment=wanted), author)
    changes = diff(appointment, wanted) | (shared_fields.record_changes(before, after) if _tells_records(entry) else {})
    if not changes.keys() - _DERIVED:
        raise Refused(N_("There is nothing to take back; it is as it was before."), kind="nothing-to-undo")
    tells = _hearing(tx, wanted, changes)
    came_back = appointment.status is Status.CANCELLED
    anew = [channel for channel in tells if came_back and _is_gone_there(tx, channel, appointment_id)]
    return Undoing(before=before, after=after, changes=changes, tells=tells, anew=anew)


def _refuse_if_built_upon(book: Book, before: Visit, entries: Sequence[Entry], entry: Entry) -> None:
    """Nothing that came later is overwritten."""
    later = [one for one in entries if one.version > entry.version]
    settled = _settled(later)
    for one in reversed(later):
        if one.id not in settled and (fields := [*_clashes(entry, one)]):
            plan = book.plans.get((before.appointment.site, before.appointment.department))
            _refuse_for(fields, one, plan.zone if plan else "UTC")
    if before.appointment.status is Status.CANCELLED and not _cancels(entry):
        raise Refused(N_("The appointment is cancelled; take the cancellation back first."), kind="cancelled")
    if entry.action != "created" and (fields := [*_different(before, entry)]):
        _refuse_for(fields)


def _settled(later: Sequence[Entry]) -> set[int]:
    """Those that were taken back, with those that took them back: together they changed nothing."""
    known = {one.id for one in later}
    settled: set[int] = set()
    for one in reversed(later):
        if one.id not in settled and one.undoes in known:
            settled |= {one.id, one.undoes}
    return settled


def _clashes(entry: Entry, later: Entry) -> Iterator[str]:
    """Fields of the later entry that hang together with those of this one. Whatever happened to an appointment was
    built upon its being made."""
    mine = entry.changes.keys() - _DERIVED
    for name in later.changes.keys() - _DERIVED:
        if entry.action == "created" or any(_hang_together(name, own) for own in mine):
            yield name


def _hang_together(one: str, other: str) -> bool:
    """The same field, the two that lend a car, a record and what it says."""
    pair = {one, other}
    if len(pair) == 1 or pair == {"courtesy_car", "transport_option"}:
        return True
    return any(f"{record}_id" in pair and {one.split(".")[0], other.split(".")[0]} == {record, f"{record}_id"}
               for record in ("customer", "vehicle"))  # fmt: skip


def _different(before: Visit, entry: Entry) -> Iterator[str]:
    """Fields that don't say any more what the entry made of them."""
    records = shared_fields.of(before)
    for name, change in entry.changes.items():
        if name in _DERIVED or _follows(name, entry):
            continue
        value = records.get(name) if "." in name else json_value(getattr(before.appointment, name))
        if value != change.new:
            yield name


def _refuse_for(fields: Sequence[str], later: Entry | None = None, zone: str = "UTC") -> NoReturn:
    names = _listed([field_name(name) for name in sorted(fields)])
    if later is None:
        text = N_("{fields}: that was changed elsewhere since.", fields=names)
        facts: dict[str, object] = {"by": None, "at": None, "entry": None}
    else:
        when = later.at.astimezone(ZoneInfo(zone))
        text = N_(
            "{who} changed this after that, on {when}: {fields}. Take that back first.",
            who=later.actor, when=when, fields=names,
        )  # fmt: skip
        facts = {"by": later.actor, "at": iso_exact(later.at), "entry": later.id}
    raise Refused(text, kind="built-upon", facts={**facts, "fields": sorted(fields)})


def _listed(names: Sequence[Text | str]) -> Text:
    """Names in a row, each in the reader's language."""
    places = {f"name{number}": name for number, name in enumerate(names)}
    return Text(", ".join(f"{{{place}}}" for place in places), places)


def _restored(before: Visit, entry: Entry) -> Visit:
    """The visit with the values that the entry found."""
    if entry.action == "created":
        return replace(before, appointment=replace(before.appointment, status=Status.CANCELLED))
    old = {name: change.old for name, change in entry.changes.items() if name not in _DERIVED}
    own = typed(Appointment, {name: value for name, value in old.items() if "." not in name})
    person = typed(Customer, _of(old, "customer"))
    car = typed(Vehicle, _of(old, "vehicle"))
    if "odometer_km" in car:  # nobody knows any more when the old one was read
        car |= {"odometer_date": None, "odometer_source": ""}
    return Visit(
        merged(before.appointment, own),
        replace(before.customer, **person) if before.customer and person else before.customer,
        vehicle_rules.tidy(replace(before.vehicle, **car)) if before.vehicle and car else before.vehicle,
    )


def _of(old: Mapping[str, Any], record: str) -> dict[str, Any]:
    prefix = f"{record}."
    return {name.removeprefix(prefix): value for name, value in old.items() if name.startswith(prefix)}


def _follows(name: str, entry: Entry) -> bool:
    """The entry put another record in its place, and with that goes what it says."""
    record, dot, _ = name.partition(".")
    return bool(dot) and f"{record}_id" in entry.changes


def _checked(book: Book, tx: Tx, before: Appointment, after: Appointment, allow_over_limit: bool) -> Appointment:
    """As any change is: the rules are those of today. Raises what `Book.change` raises."""
    if after.status is Status.CANCELLED:
        rules.check_cancellable(before)
        checks.form(after)
        return after
    comes_back = before.status is Status.CANCELLED
    if not comes_back:
        checks.transition(before, after)
    checks.form(after)
    checks.relations(tx, None if comes_back else before, after)
    if comes_back or (after.site, after.department) != (before.site, before.department):
        book.plan(after.site, after.department)
    plan = book.plans.get((after.site, after.department))
    after = load.flagged(tx, plan, before, after, allow_over_limit=allow_over_limit)
    courtesy.check(tx, before, after, plan.zone if plan else "Europe/Berlin")
    return after


def _with_records(tx: Tx, before: Visit, after: Visit, author: Author) -> Visit:
    """With the customer and vehicle that it refers to then. Raises `Invalid` or `Refused` for values that they can't
    have."""
    appointment, person, car = after.appointment, after.customer, after.vehicle
    if appointment.customer_id != before.appointment.customer_id:
        person = customers.find(tx, appointment.customer_id) if appointment.customer_id else None
    elif before.customer is not None and person is not None and person != before.customer:
        customer_rules.check(person, strict=False)
        customer_rules.refuse_if_locked(before.customer, person, author)
    if appointment.vehicle_id != before.appointment.vehicle_id:
        car = vehicles.find(tx, appointment.vehicle_id) if appointment.vehicle_id else None
    elif car is not None and car != before.vehicle:
        vehicle_rules.check(car)
    return Visit(appointment, person, car)


def _hearing(tx: Tx, after: Appointment, changes: Mapping[str, Change]) -> list[str]:
    """The channels that are told. One that doesn't know the appointment needn't hear that it is cancelled."""
    if changes.keys().isdisjoint(_TOLD):
        return []
    found = outbox.hearing(tx, after.id, after.site, after.department)
    if after.status is Status.CANCELLED:
        return [channel for channel in found if _is_known_there(tx, channel, after.id)]
    return found


def _is_known_there(tx: Tx, channel: str, appointment_id: str) -> bool:
    calling = Outbox(tx).intent_of(channel, appointment_id)
    return calling is not None or Ledger(tx).link_of(channel, appointment_id) is not None


def _is_gone_there(tx: Tx, channel: str, appointment_id: str) -> bool:
    """The cancellation is there already, or on its way."""
    calling = Outbox(tx).intent_of(channel, appointment_id)
    return calling is not None or Ledger(tx).link_of(channel, appointment_id) is None


def _cancels(entry: Entry) -> bool:
    status = entry.changes.get("status")
    return entry.action != "created" and status is not None and status.new == Status.CANCELLED


def _tells_records(entry: Entry) -> bool:
    return any("." in name for name in entry.changes)


def _put_records(tx: Tx, before: Visit, after: Visit) -> None:
    if before.customer and after.customer and before.customer.id == after.customer.id:
        customer_rules.put(tx, before.customer, after.customer)
    if before.vehicle and after.vehicle and before.vehicle.id == after.vehicle.id:
        vehicle_rules.put(tx, before.vehicle, after.vehicle)
