"""Whether an appointment can be one: form and limits, whoever asks for it (spec: planner.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

from wtpd.book import limits
from wtpd.errors import Invalid, Problem, Refused
from wtpd.planner.appointment import Appointment, Element, Intervention, Status
from wtpd.store import customers, resources, vehicles
from wtpd.store.appointments import TIMES
from wtpd.store.database import Tx
from wtpd.texts import N_
from wtpd.words import STATUS

LONGEST_VISIT = timedelta(days=366)
_MOST_INTERVENTIONS = 200
_MOST_ELEMENTS = 200
_MOST_LINKS = 20

_TEXTS = {
    "site": limits.SIGN, "department": limits.SIGN, "advisor": limits.SIGN, "transport_option": limits.SIGN,
    "notes": limits.PARAGRAPHS, "dms_notes": limits.PARAGRAPHS, "origin": limits.SIGN,
    "dms_number": limits.SIGN, "work_order": limits.SIGN,
    "cancellation_reason": limits.PARAGRAPHS,
}  # fmt: skip

_NEXT: Mapping[Status, frozenset[Status]] = {
    Status.SCHEDULED: frozenset(set(Status) - {Status.CANCELLED}),
    Status.ARRIVED: frozenset({Status.SCHEDULED, Status.IN_WORK, Status.READY, Status.COMPLETED}),
    Status.IN_WORK: frozenset({Status.ARRIVED, Status.READY, Status.COMPLETED}),
    Status.READY: frozenset({Status.ARRIVED, Status.IN_WORK, Status.COMPLETED}),
    Status.COMPLETED: frozenset({Status.READY, Status.IN_WORK}),
    Status.NO_SHOW: frozenset({Status.SCHEDULED, Status.ARRIVED}),
    Status.CANCELLED: frozenset(),
}
"""What the desk may make of a status: forwards as it likes, back to correct a slip."""


def tidy(appointment: Appointment) -> Appointment:
    """Times in UTC and whole seconds, as they are kept. Raises `Invalid` for one without a zone."""
    problems = [problem for field in TIMES if getattr(appointment, field) is not None
                for problem in limits.moment(field, getattr(appointment, field))]  # fmt: skip
    reject(problems)
    moments = {field: getattr(appointment, field) for field in TIMES}
    if all(value is None or (value.tzinfo is UTC and not value.microsecond) for value in moments.values()):
        return appointment
    whole: dict[str, Any] = {
        field: value and value.astimezone(UTC).replace(microsecond=0) for field, value in moments.items()
    }
    return replace(appointment, **whole)


def form(appointment: Appointment) -> None:
    """Raises `Invalid` that names every field at fault."""
    reject([*limits.texts(appointment, _TEXTS), *_span(appointment), *_work(appointment), *_addresses(appointment)])


def links(wanted: Mapping[str, str]) -> None:
    """Raises `Invalid` that names every link at fault."""
    reject([*_links(wanted)])


def relations(tx: Tx, before: Appointment | None, after: Appointment) -> None:
    """Customer, vehicle and advisor exist; only those that changed are looked at, since an advisor may have left.
    Raises `Invalid`."""
    problems = []
    if after.customer_id is not None and (before is None or before.customer_id != after.customer_id):
        customer = customers.find(tx, after.customer_id)
        if customer is None or customer.erased:
            problems.append(Problem("customer_id", N_("There is no customer {id}.", id=after.customer_id)))
    new_vehicle = after.vehicle_id is not None and (before is None or before.vehicle_id != after.vehicle_id)
    if new_vehicle and vehicles.find(tx, after.vehicle_id or "") is None:
        problems.append(Problem("vehicle_id", N_("There is no vehicle {id}.", id=after.vehicle_id)))
    if after.advisor is not None and (before is None or before.advisor != after.advisor):
        advisor = resources.find_advisor(tx, after.advisor)
        if advisor is None or advisor.site != after.site or not advisor.active:
            text = N_("Site {site} has no service advisor {id}.", site=after.site, id=after.advisor)
            problems.append(Problem("advisor", text))
    reject(problems)


def transition(before: Appointment, after: Appointment) -> None:
    """Raises `Refused` of kind `status`."""
    if after.status is before.status or after.status in _NEXT[before.status]:
        return
    facts = {"from": before.status.value, "to": after.status.value}
    if after.status is Status.CANCELLED:
        raise Refused(N_("Cancel the appointment instead, with a reason."), kind="status", facts=facts)
    raise Refused(
        N_(
            "An appointment that is {before} can't become {after}.",
            before=STATUS[before.status],
            after=STATUS[after.status],
        ),
        kind="status",
        facts=facts,
    )


def reject(problems: Sequence[Problem]) -> None:
    """Raise `Invalid` if there are any."""
    if problems:
        first = problems[0]
        raise Invalid(N_("{field}: {problem}", field=first.field, problem=first.text), problems=problems)


def _span(appointment: Appointment) -> Iterator[Problem]:
    if appointment.collection <= appointment.drop_off:
        yield Problem("collection", N_("The collection must be after the drop-off."))
    elif appointment.collection - appointment.drop_off > LONGEST_VISIT:
        yield Problem("collection", N_("A visit lasts {days} days at most.", days=LONGEST_VISIT.days))


def _work(appointment: Appointment) -> Iterator[Problem]:
    if len(appointment.interventions) > _MOST_INTERVENTIONS:
        yield Problem("interventions", N_("{count} interventions are allowed at most.", count=_MOST_INTERVENTIONS))
        return
    for place, work in enumerate(appointment.interventions):
        yield from _intervention(f"interventions.{place}", work)


def _intervention(path: str, work: Intervention) -> Iterator[Problem]:
    yield from limits.text(f"{path}.code", work.code, limits.SIGN)
    yield from limits.text(f"{path}.title", work.title, limits.LINE * 5)
    yield from limits.text(f"{path}.description", work.description, limits.PARAGRAPHS)
    yield from limits.number(f"{path}.labour_units", work.labour_units, 0, 10_000)
    if work.price_cents is not None:
        yield from limits.number(f"{path}.price_cents", work.price_cents, -(10**9), 10**9)
    if len(work.elements) > _MOST_ELEMENTS:
        yield Problem(f"{path}.elements", N_("{count} elements are allowed at most.", count=_MOST_ELEMENTS))
        return
    for place, element in enumerate(work.elements):
        yield from _element(f"{path}.elements.{place}", element)


def _element(path: str, element: Element) -> Iterator[Problem]:
    yield from limits.text(f"{path}.code", element.code, limits.SIGN)
    yield from limits.text(f"{path}.title", element.title, limits.LINE * 5)
    yield from limits.number(f"{path}.quantity", element.quantity, -1_000_000, 1_000_000)
    if element.price_cents is not None:
        yield from limits.number(f"{path}.price_cents", element.price_cents, -(10**9), 10**9)


def _links(links: Mapping[str, str]) -> Iterator[Problem]:
    """They are shown to be opened, so only web addresses are taken."""
    if len(links) > _MOST_LINKS:
        yield Problem("links", N_("{count} links are allowed at most.", count=_MOST_LINKS))
        return
    for name, address in links.items():
        yield from limits.text(f"links.{name[:40]}", name, limits.SIGN)
        yield from limits.text(f"links.{name[:40]}", address, 2048)
        if not str(address).startswith(("https://", "http://")):
            yield Problem(f"links.{name[:40]}", N_("A web address is needed."))


def _addresses(appointment: Appointment) -> Iterator[Problem]:
    yield from _links(appointment.links)
    if len(appointment.references) > _MOST_LINKS:
        yield Problem("references", N_("{count} links are allowed at most.", count=_MOST_LINKS))
        return
    for partner, number in appointment.references.items():
        yield from limits.text(f"references.{partner[:40]}", partner, limits.SIGN, required=True)
        yield from limits.text(f"references.{partner[:40]}", number, 256, required=True)
