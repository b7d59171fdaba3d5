"""The load limit of a department's day (spec: planner.md, rule 1)."""

from __future__ import annotations

from dataclasses import replace

from wtpd.errors import Refused
from wtpd.planner import capacity
from wtpd.planner.appointment import Appointment
from wtpd.planner.capacity import Load
from wtpd.planner.periods import local_day
from wtpd.planner.resources import DepartmentPlan
from wtpd.store import appointments, resources
from wtpd.store.database import Tx
from wtpd.texts import N_


def of_day(tx: Tx, plan: DepartmentPlan, appointment: Appointment) -> Load:
    """The figures of the day of drop-off if this appointment came to the others."""
    day = plan.zoned_day(appointment.drop_off)
    span = local_day(day, plan.zone)
    closures = resources.closures(tx, plan.site, span.start, span.end, department=plan.department)
    booked = appointments.booked_units(tx, plan.site, plan.department, span.start, span.end, without=appointment.id)
    return capacity.load(plan, day, closures, booked=booked, asked=appointment.labour_units)


def flagged(
    tx: Tx, plan: DepartmentPlan | None, before: Appointment | None, after: Appointment, *, allow_over_limit: bool
) -> Appointment:
    """`after` with its over-the-limit flag as it is now. Raises `Refused` of kind `over-limit` if it asks for more than
    is left, unless that is allowed. An appointment that takes no more of a full day than it did is left in peace, and
    so is one of a department that isn't configured any more (no plan)."""
    if plan is None or not after.is_live or (before is not None and _same_load(plan, before, after)):
        return after
    load = of_day(tx, plan, after)
    if load.exceeded and not allow_over_limit and _takes_more(plan, before, after):
        day = plan.zoned_day(after.drop_off)
        text = N_(
            "{day} is full: {booked:g} of {limit:g} AW are booked, {asked:g} are asked for.",
            day=day, booked=load.booked, limit=load.limit, asked=load.asked,
        )  # fmt: skip
        if load.closed is not None:
            text = N_("{day} can't be booked. {reason}", day=day, reason=load.closed)
        facts = {"day": day.isoformat(), "limit": load.limit, "booked": load.booked, "asked": load.asked}
        raise Refused(text, kind="over-limit", facts=facts)
    return after if after.over_limit == load.exceeded else replace(after, over_limit=load.exceeded)


def _same_load(plan: DepartmentPlan, before: Appointment, after: Appointment) -> bool:
    return _same_day(plan, before, after) and before.labour_units == after.labour_units


def _takes_more(plan: DepartmentPlan, before: Appointment | None, after: Appointment) -> bool:
    return before is None or not _same_day(plan, before, after) or after.labour_units > before.labour_units


def _same_day(plan: DepartmentPlan, before: Appointment, after: Appointment) -> bool:
    return (
        before.is_live
        and (before.site, before.department) == (after.site, after.department)
        and plan.zoned_day(before.drop_off) == plan.zoned_day(after.drop_off)
    )
