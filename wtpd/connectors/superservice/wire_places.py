"""The shared fields in SUPERSERVICE's appointment: where each stands, its codes, how it is read and written. Pure; a
part of `wire.py`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wtpd.connectors.kit.values import (
    Odd,
    WireError,
    day_or_none,
    flag,
    line,
    list_,
    moment,
    number,
    paragraph,
    sign,
    text,
    within,
)
from wtpd.texts import N_

_STATUS = {
    "scheduled": "BOOKED",
    "arrived": "ARRIVED",
    "in_work": "IN_WORKSHOP",
    "ready": "READY_FOR_COLLECTION",
    "completed": "COMPLETED",
    "no_show": "NO_SHOW",
}
_TRANSPORT = {
    "none": "NONE",
    "waiting": "WAIT",
    "courtesy_car": "LOAN_CAR",
    "rental_car": "RENTAL",
    "collection_delivery": "PICKUP_DELIVERY",
    "shuttle": "SHUTTLE",
}
_LINE, NOTES = 200, 10_000
_MOST_JOBS = 200
_JOB: Mapping[str, tuple[str, Any, Callable[[Any, str], Any]]] = {
    "code": ("code", "", line(64)),
    "title": ("title", "", paragraph(1000)),
    "description": ("description", "", paragraph(NOTES)),
    "labour_units": ("labourUnits", 0, lambda value, where: number(value, where, 10_000)),
    "price_cents": ("priceCents", None, within(-(10**9), 10**9)),
}
"""An intervention's fields: the partner's name, the value where none is given, and how it is read."""

_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,39}")


class UnknownCode(Exception):
    """A well-formed code that we have no word for."""


# --- codes and jobs -------------------------------------------------------------------------------------------------


def _code_of(words: Mapping[str, str]) -> Callable[[Any, str], str]:
    by_code = {code: word for word, code in words.items()}

    def read(value: Any, where: str) -> str:
        code = text(value, where, 64)
        if code not in by_code:
            raise UnknownCode(code)
        return by_code[code]

    return read


def _jobs(value: Any, where: str) -> list[dict[str, Any]]:
    """Raises `Odd` with the jobs as far as they can be read."""
    jobs: list[dict[str, Any]] = []
    odd = len(list_(value, where)) > _MOST_JOBS
    for index, job in enumerate(value[:_MOST_JOBS]):
        if not isinstance(job, dict):
            odd = True
            continue
        read, is_odd = _job(job, f"{where}.{index}")
        jobs.append(read)
        odd = odd or is_odd
    if odd:
        raise Odd(jobs)
    return jobs


def _job(job: Mapping[str, Any], place: str) -> tuple[dict[str, Any], bool]:
    """An intervention, and whether one of its values was odd."""
    read: dict[str, Any] = {}
    odd = False
    for name, (theirs, blank, reader) in _JOB.items():
        try:
            read[name] = reader(job.get(theirs, blank), f"{place}.{theirs}")
        except Odd as cut:
            read[name], odd = cut.kept, True
        except WireError:
            read[name], odd = blank, True
    return read, odd


def visit_time(value: Any, where: str) -> str:
    """A time that the appointment book knows."""
    read = moment(value, where)
    if not "1990" <= read < "2100":
        raise WireError(where, N_("out of range"))
    return read


# --- writing one value ----------------------------------------------------------------------------------------------


def _as_it_is(value: Any) -> Any:
    return value


def _to_code(words: Mapping[str, str]) -> Callable[[Any], str]:
    def write(value: str) -> str:
        """A word we don't know is the partner's own code that we kept."""
        code = words.get(value, value)
        if not _CODE.fullmatch(code):
            raise WireError("", N_("there is no code for this word"))
        return code

    return write


def _to_jobs(value: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{theirs: work.get(name, blank) for name, (theirs, blank, _) in _JOB.items()} for work in value]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a shared field stands in the partner's appointment, and how it is read and written."""

    where: str
    """The dotted path."""
    holder: tuple[str, ...]
    """The objects around it, from outside."""
    member: str
    read: Callable[[Any, str], Any]
    write: Callable[[Any], Any]


def _place(where: str, read: Callable[[Any, str], Any], write: Callable[[Any], Any] = _as_it_is) -> Place:
    *holder, member = where.split(".")
    return Place(where, tuple(holder), member, read, write)


PLACES: Mapping[str, Place] = {
    "drop_off": _place("dropOffTime", visit_time),
    "collection": _place("collectionTime", visit_time),
    "status": _place("status", _code_of(_STATUS), _to_code(_STATUS)),
    "transport_option": _place("transport.option", _code_of(_TRANSPORT), _to_code(_TRANSPORT)),
    "courtesy_car": _place("transport.loanCarId", sign),
    "customer_waiting": _place("customerWaiting", flag),
    "advisor": _place("advisorId", sign),
    "notes": _place("notes", paragraph(NOTES)),
    "interventions": _place("jobs", _jobs, _to_jobs),
    "customer.company": _place("customer.companyName", paragraph(_LINE)),
    "customer.salutation": _place("customer.salutation", paragraph(_LINE)),
    "customer.title": _place("customer.title", paragraph(_LINE)),
    "customer.first_name": _place("customer.firstName", paragraph(_LINE)),
    "customer.last_name": _place("customer.lastName", paragraph(_LINE)),
    "customer.street": _place("customer.address.street", paragraph(_LINE)),
    "customer.house_number": _place("customer.address.houseNumber", line(_LINE)),
    "customer.postcode": _place("customer.address.postalCode", line(_LINE)),
    "customer.city": _place("customer.address.city", paragraph(_LINE)),
    "customer.country": _place("customer.address.country", line(_LINE)),
    "customer.email": _place("customer.contact.email", line(_LINE)),
    "customer.phone": _place("customer.contact.phone", line(_LINE)),
    "customer.mobile": _place("customer.contact.mobile", line(_LINE)),
    "customer.business_email": _place("customer.contact.businessEmail", line(_LINE)),
    "customer.business_phone": _place("customer.contact.businessPhone", line(_LINE)),
    "customer.business_mobile": _place("customer.contact.businessMobile", line(_LINE)),
    "vehicle.plate": _place("vehicle.registrationPlate", line(20)),
    "vehicle.vin": _place("vehicle.vin", line(32)),
    "vehicle.make": _place("vehicle.make", paragraph(_LINE)),
    "vehicle.model": _place("vehicle.model", paragraph(_LINE)),
    "vehicle.fuel": _place("vehicle.fuel", paragraph(_LINE)),
    "vehicle.first_registration": _place("vehicle.firstRegistration", day_or_none),
    "vehicle.inspection_due": _place("vehicle.inspectionDue", day_or_none),
    "vehicle.odometer_km": _place("vehicle.odometerKm", within(0, 9_999_999)),
}
"""Every shared field; a test compares it with `FIELDS`."""
