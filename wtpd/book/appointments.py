"""Booking, changing and cancelling an appointment (spec: planner.md, rules)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from wtpd.book import checks, courtesy, load
from wtpd.book.draft import Draft
from wtpd.book.plans import Plans, plan_of
from wtpd.book.recording import Source, check_version, new_id, record_change, record_new
from wtpd.errors import Invalid, Problem, Refused
from wtpd.planner.appointment import Appointment, Status
from wtpd.planner.changes import merged
from wtpd.planner.history import Author
from wtpd.store import appointments, privacy
from wtpd.store.database import Tx
from wtpd.texts import N_

CHANGEABLE = frozenset(field.name for field in fields(Appointment)) - {
    "id", "version", "origin", "references", "links", "over_limit", "cancellation_reason",
}  # fmt: skip
"""What `change` may be asked for; the rest follows from how an appointment came about."""

_DRAFT_FIELDS = tuple(field.name for field in fields(Draft) if field.name != "id")


def create(plans: Plans, tx: Tx, draft: Draft, *, author: Author, allow_over_limit: bool = False) -> Appointment:
    plan = plan_of(plans, draft.site, draft.department)
    after = made(draft, _id_of(tx, draft))
    checks.relations(tx, None, after)
    _free_references(tx, after)
    after = load.flagged(tx, plan, None, after, allow_over_limit=allow_over_limit)
    courtesy.check(tx, None, after, plan.zone)
    return record_new(tx, plans, after, Source(author))


def made(draft: Draft, appointment_id: str) -> Appointment:
    """The appointment that a draft is, not kept yet; nothing is looked up. Raises `Invalid` that names every field at
    fault."""
    values = {name: getattr(draft, name) for name in _DRAFT_FIELDS}
    values["status"] = _status(draft.status)
    asked = {"courtesy_car": draft.courtesy_car, "transport_option": draft.transport_option}
    after = courtesy.with_option(checks.tidy(Appointment(id=appointment_id, **values)), asked)
    checks.form(after)
    return after


def change(
    plans: Plans,
    tx: Tx,
    appointment_id: str,
    changes: Mapping[str, Any],
    *,
    author: Author,
    expected_version: int | None,
    allow_over_limit: bool = False,
) -> Appointment:
    before = appointments.get(tx, appointment_id)
    check_version(before.version, expected_version)
    checks.reject([Problem(name, N_("This can't be changed.")) for name in changes if name not in CHANGEABLE])
    asked = dict(changes)
    if "status" in asked:
        asked["status"] = _status(asked["status"])
    after = courtesy.with_option(checks.tidy(merged(before, asked)), asked)
    if after == before:
        return before
    _still_open(before)
    checks.transition(before, after)
    checks.form(after)
    checks.relations(tx, before, after)
    if (after.site, after.department) != (before.site, before.department):
        plan_of(plans, after.site, after.department)
    plan = plans.get((after.site, after.department))
    after = load.flagged(tx, plan, before, after, allow_over_limit=allow_over_limit)
    courtesy.check(tx, before, after, plan.zone if plan else "Europe/Berlin")
    return record_change(tx, plans, before, after, Source(author))


def cancel(
    plans: Plans,
    tx: Tx,
    appointment_id: str,
    *,
    author: Author,
    expected_version: int | None,
    reason: str | None = None,
) -> Appointment:
    before = appointments.get(tx, appointment_id)
    check_version(before.version, expected_version)
    check_cancellable(before)
    return cancelled(plans, tx, before, Source(author), reason)


def cancelled(plans: Plans, tx: Tx, before: Appointment, source: Source, reason: str | None) -> Appointment:
    """Cancel, whatever was; one that is cancelled already stays as it is."""
    if before.status is Status.CANCELLED:
        return before
    after = replace(before, status=Status.CANCELLED, cancellation_reason=reason or None)
    checks.form(after)
    return record_change(tx, plans, before, after, source, action="cancelled")


def erase_notes(plans: Plans, tx: Tx, appointment_id: str, author: Author) -> Appointment:
    """Blank the notes, descriptions of work and the reason of a cancellation, in the history and in what was exchanged
    with partners too."""
    before = appointments.get(tx, appointment_id)
    work = tuple(replace(each, description="") for each in before.interventions)
    after = replace(before, notes="", dms_notes="", cancellation_reason=None, interventions=work)
    after = record_change(tx, plans, before, after, Source(author))
    privacy.erase_notes(tx, appointment_id, author.actor)
    return after


def check_cancellable(before: Appointment) -> None:
    """Raises `Refused` of kind `status`."""
    if before.status is Status.COMPLETED:
        raise Refused(
            N_("The appointment is completed; it can't be cancelled any more."),
            kind="status",
            facts={"from": Status.COMPLETED.value, "to": Status.CANCELLED.value},
        )


def _still_open(before: Appointment) -> None:
    if before.status is Status.CANCELLED:
        raise Refused(N_("The appointment is cancelled; make a new one."), kind="cancelled")


def _status(value: Any) -> Status:
    try:
        return Status(value)
    except ValueError:
        text = N_("There is no status {status}.", status=value)
        raise Invalid(text, problems=[Problem("status", text)]) from None


def _id_of(tx: Tx, draft: Draft) -> str:
    if draft.id is None:
        return new_id()
    if not draft.id or len(draft.id) > 64 or appointments.find(tx, draft.id) is not None:
        raise Refused(N_("There is an appointment {id} already.", id=draft.id[:64]), kind="duplicate")
    return draft.id


def _free_references(tx: Tx, appointment: Appointment) -> None:
    """A partner's number stands for one appointment. Raises `Refused` of kind `duplicate`."""
    for partner, number in appointment.references.items():
        other = appointments.by_reference(tx, partner, number)
        if other is not None:
            raise Refused(
                N_("{partner} {number} is an appointment of the book already.", partner=partner, number=number),
                kind="duplicate",
                facts={"appointment": other.id},
            )
