"""What belongs to every change of the book, in its transaction: the row, one history entry, the outbox, the event
(spec: planner.md, rule 4; sync.md, 2)."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import uuid_utils

from wtpd.book import courtesy
from wtpd.book.plans import Plans
from wtpd.errors import VersionMismatch
from wtpd.planner.appointment import Appointment
from wtpd.planner.changes import diff
from wtpd.planner.history import Author, Change
from wtpd.store import appointments, customers, history, outbox
from wtpd.store.database import Tx
from wtpd.texts import N_

_DAYS_SIGNALLED = 62
"""A visit that lasts longer is signalled as a change of the whole site."""


@dataclass(frozen=True, slots=True)
class Source:
    """Who makes a change, the partner's channel that knows it already, and the history entry that it takes back."""

    author: Author
    channel: str | None = None
    undoes: int | None = None


def new_id() -> str:
    """UUIDv7: in the order of time, so new rows lie together."""
    return str(uuid_utils.uuid7())


def check_version(found: int, expected: int | None) -> None:
    """Raises `VersionMismatch` with the version that stands."""
    if expected is not None and expected != found:
        raise VersionMismatch(
            N_(
                "Somebody changed it meanwhile: it is at version {found}, not {expected}.",
                found=found,
                expected=expected,
            ),
            facts={"version": found},
        )


def record_new(
    tx: Tx, plans: Plans, appointment: Appointment, source: Source, extra: Mapping[str, Change] | None = None
) -> Appointment:
    """Keep a new appointment. `extra` are changes of its customer and vehicle that came with it. Raises `Refused` of
    kind `car-taken`."""
    try:
        appointments.insert(tx, appointment)
    except sqlite3.IntegrityError as error:
        raise courtesy.refused(tx, appointment, error, _zone(plans, appointment)) or error from error
    _belonging(tx, plans, None, appointment, source, "created", {**diff(None, appointment), **(extra or {})})
    return appointment


def record_many_new(tx: Tx, plans: Plans, new: Sequence[Appointment], author: Author, *, telling: bool = True) -> None:
    """Keep new appointments without courtesy cars, in a house whose sites are all in one country. Not `telling`: nobody
    hears of them from this transaction."""
    appointments.insert_many(tx, new)
    history.append_created(tx, [(appointment.id, diff(None, appointment)) for appointment in new], author)
    if telling:
        tell_new(tx, plans, new, author)


def tell_new(tx: Tx, plans: Plans, new: Sequence[Appointment], author: Author) -> None:
    """Tell partners and listeners of appointments that are new to them."""
    if outbox.anybody_hears(tx):
        for appointment in new:
            outbox.mark_change(tx, appointment.id, appointment.site, appointment.department)
    tx.emit_many(
        "appointment.created",
        [{"id": one.id, "site": one.site, "version": one.version, "actor": author.actor} for one in new],
    )
    for appointment in new:
        signal_days(tx, plans, appointment)


def record_change(
    tx: Tx,
    plans: Plans,
    before: Appointment,
    after: Appointment,
    source: Source,
    *,
    action: str = "changed",
    extra: Mapping[str, Change] | None = None,
) -> Appointment:
    """Keep a change and give the appointment its next version; if nothing differs, nothing happens. Raises `Refused`
    of kind `car-taken`."""
    changes = {**diff(before, after), **(extra or {})}
    if not changes:
        return before
    after = replace(after, version=before.version + 1)
    try:
        appointments.update(tx, before, after)
    except sqlite3.IntegrityError as error:
        raise courtesy.refused(tx, after, error, _zone(plans, after)) or error from error
    _belonging(tx, plans, before, after, source, action, changes)
    return after


def _belonging(
    tx: Tx,
    plans: Plans,
    before: Appointment | None,
    after: Appointment,
    source: Source,
    action: str,
    changes: Mapping[str, Change],
) -> None:
    if after.customer_id is not None and (before is None or before.customer_id != after.customer_id):
        customers.settle_home(tx, after.customer_id, after.site)
    courtesy.keep_contract(tx, before, after)
    history.append(tx, after.id, after.version, action, changes, source.author, undoes=source.undoes)
    outbox.mark_change(tx, after.id, after.site, after.department, except_channel=source.channel)
    tx.emit(f"appointment.{action}", id=after.id, site=after.site, version=after.version, actor=source.author.actor)
    for appointment in (before, after):
        if appointment is not None:
            signal_days(tx, plans, appointment)


def signal_days(tx: Tx, plans: Plans, appointment: Appointment) -> None:
    """What can be booked changed on every day of the visit: the courtesy car is away all the time."""
    zone = ZoneInfo(_zone(plans, appointment))
    first, last = appointment.drop_off.astimezone(zone).date(), appointment.collection.astimezone(zone).date()
    if (last - first).days > _DAYS_SIGNALLED:
        tx.signal(f"availability:{appointment.site}:*")
        return
    if appointment.courtesy_car is None:
        last = first
    for offset in range((last - first).days + 1):
        tx.signal(f"availability:{appointment.site}:{first + timedelta(days=offset)}")


def _zone(plans: Plans, appointment: Appointment) -> str:
    plan = plans.get((appointment.site, appointment.department))
    return plan.zone if plan else "Europe/Berlin"
