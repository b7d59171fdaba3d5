"""Advisors, courtesy cars and closures (spec: planner.md). Each change alters what can be booked at the site."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from datetime import timedelta
from itertools import pairwise

from wtpd.book import limits
from wtpd.book.checks import reject
from wtpd.book.plans import Plans, plan_of
from wtpd.book.recording import check_version, new_id
from wtpd.clock import iso
from wtpd.errors import Problem
from wtpd.planner.changes import diff
from wtpd.planner.history import Author
from wtpd.planner.periods import overlaps
from wtpd.planner.resources import Advisor, Closure, CourtesyCar, Period
from wtpd.store import appointments, attention, resources
from wtpd.store.database import Tx
from wtpd.texts import N_

_MOST_PERIODS = 1000
_LONGEST_CLOSURE = timedelta(days=3660)


def put_advisor(
    plans: Plans, tx: Tx, advisor: Advisor, *, author: Author, expected_version: int | None = None
) -> Advisor:
    before = resources.find_advisor(tx, advisor.id)
    check_version(before.version if before else 0, expected_version)
    reject([*_sign(advisor.id), *limits.text("name", advisor.name, limits.LINE, required=True)])
    reject([*_hours(advisor), *_periods("absences", advisor.absences)])
    plan_of(plans, advisor.site, advisor.department)
    if before is not None and not diff(before, advisor):
        return before
    after = replace(advisor, version=before.version + 1 if before else 1)
    resources.put_advisor(tx, after)
    _changed(tx, "advisor", after.id, before.site if before else after.site, after.site)
    return after


def put_courtesy_car(
    plans: Plans, tx: Tx, car: CourtesyCar, *, author: Author, expected_version: int | None = None
) -> CourtesyCar:
    before = resources.find_courtesy_car(tx, car.id)
    check_version(before.version if before else 0, expected_version)
    reject([*_sign(car.id), *_car(car), *_periods("out_of_service", car.out_of_service), *_site(plans, car.site)])
    if before is not None and not diff(before, car):
        return before
    after = replace(car, version=before.version + 1 if before else 1)
    resources.put_courtesy_car(tx, after)
    _list_stranded(tx, before, after)
    _changed(tx, "courtesy_car", after.id, before.site if before else after.site, after.site)
    return after


def put_closure(
    plans: Plans, tx: Tx, closure: Closure, *, author: Author, expected_version: int | None = None
) -> Closure:
    closure = replace(closure, id=closure.id or new_id())
    before = resources.find_closure(tx, closure.id)
    check_version(before.version if before else 0, expected_version)
    period = Period(start=closure.start, end=closure.end, reason=closure.reason)
    reject([*_sign(closure.id), *_period("", period), *_site(plans, closure.site)])
    if closure.end - closure.start > _LONGEST_CLOSURE:
        reject([Problem("end", N_("A closure lasts {days} days at most.", days=_LONGEST_CLOSURE.days))])
    if closure.department is not None:
        plan_of(plans, closure.site, closure.department)
    whole = replace(closure, start=closure.start.replace(microsecond=0), end=closure.end.replace(microsecond=0))
    if before is not None and not diff(before, whole):
        return before
    after = replace(whole, version=before.version + 1 if before else 1)
    resources.put_closure(tx, after)
    _changed(tx, "closure", after.id, before.site if before else after.site, after.site)
    return after


def remove_closure(
    plans: Plans, tx: Tx, closure_id: str, *, author: Author, expected_version: int | None = None
) -> None:
    before = resources.get_closure(tx, closure_id)
    check_version(before.version, expected_version)
    resources.delete_closure(tx, closure_id)
    _changed(tx, "closure", closure_id, before.site)


def _changed(tx: Tx, resource: str, resource_id: str, *sites: str) -> None:
    tx.emit("resource.changed", resource=resource, id=resource_id, site=sites[-1])
    for site in sites:
        tx.signal(f"availability:{site}:*")


def _list_stranded(tx: Tx, before: CourtesyCar | None, after: CourtesyCar) -> None:
    """Bookings stand when their car goes out of service; the desk must find them another one."""
    for period in after.out_of_service:
        if before is not None and period in before.out_of_service:
            continue
        for appointment, start, end in appointments.lent(tx, after.id, period.start, period.end):
            if end > tx.now and overlaps(period, Period(start=start, end=end)):
                attention.add(
                    tx, "car_open", appointment_id=appointment,
                    data={"courtesy_car": after.id, "reason": "out_of_service", "from": iso(period.start),
                          "until": iso(period.end)},
                    once=f"{appointment}:{after.id}",
                )  # fmt: skip


def _sign(sign: str) -> Iterator[Problem]:
    yield from limits.text("id", sign, limits.SIGN, required=True)


def _site(plans: Plans, site: str) -> Iterator[Problem]:
    if not any(known == site for known, _ in plans):
        yield Problem("site", N_("There is no site {site}.", site=site))


def _car(car: CourtesyCar) -> Iterator[Problem]:
    texts = {field.name: limits.LINE for field in fields(CourtesyCar) if field.name in _CAR_TEXTS}
    yield from limits.texts(car, texts)
    if len(car.features) > 50:
        yield Problem("features", N_("{count} features are allowed at most.", count=50))
    for feature in car.features:
        yield from limits.text("features", feature, limits.LINE, required=True)


_CAR_TEXTS = ("plate", "make", "model", "vehicle_class")


def _hours(advisor: Advisor) -> Iterator[Problem]:
    for weekday, spans in advisor.weekly_hours.items():
        path = f"weekly_hours.{weekday}"
        if not 1 <= weekday <= 7:
            yield Problem(path, N_("Weekdays are 1 (Monday) to 7."))
        moments = [moment for span in spans for moment in span]
        if any(earlier >= later for earlier, later in pairwise(moments)):
            yield Problem(path, N_("The times must be in order and must not overlap."))


def _periods(field: str, periods: Sequence[Period]) -> Iterator[Problem]:
    if len(periods) > _MOST_PERIODS:
        yield Problem(field, N_("{count} periods are allowed at most.", count=_MOST_PERIODS))
        return
    for place, period in enumerate(periods):
        yield from _period(f"{field}.{place}.", period)


def _period(path: str, period: Period) -> Iterator[Problem]:
    problems = [*limits.moment(f"{path}start", period.start), *limits.moment(f"{path}end", period.end)]
    yield from problems
    if not problems and period.start >= period.end:
        yield Problem(f"{path}end", N_("The end must be after the start."))
    yield from limits.text(f"{path}reason", period.reason, limits.LINE)
