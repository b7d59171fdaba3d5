"""SUPERSERVICE's JSON ↔ shared fields of `wtpd.sync.ports`: pure, and beside `contract.yaml` and the sandbox the only
place that knows the partner's names and codes.

Reading is strict about types and lenient about the rest: a wrong type raises `WireError`, a member that is missing
wasn't delivered, a member that isn't known is ignored, a code that isn't known is kept in `Incoming.unknown`.
The message of a `WireError` says where and what, never the value, which may be personal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wtpd.connectors.values import (
    WireError,
    count,
    day_or_none,
    flag,
    list_,
    moment,
    number,
    object_,
    sign,
    text,
    whole_or_none,
)
from wtpd.sync.errors import Ability, MissingRight, NotAllowed, PartnerError, Rejected
from wtpd.sync.ports import DayOffer, Fields, Incoming, Intent, Page, Receipt, Unreadable

_STATUS = {
    "scheduled": "BOOKED",
    "arrived": "ARRIVED",
    "in_work": "IN_WORKSHOP",
    "ready": "READY_FOR_COLLECTION",
    "completed": "COMPLETED",
    "no_show": "NO_SHOW",
}
_CANCELLED = "CANCELLED"
_TRANSPORT = {
    "none": "NONE",
    "waiting": "WAIT",
    "courtesy_car": "LOAN_CAR",
    "rental_car": "RENTAL",
    "collection_delivery": "PICKUP_DELIVERY",
    "shuttle": "SHUTTLE",
}
_ORIGIN = {"dealer": "superservice_dealer", "customer_app": "mynissan"}
_JOB = {
    "code": ("code", ""),
    "title": ("title", ""),
    "description": ("description", ""),
    "labour_units": ("labourUnits", 0),
    "price_cents": ("priceCents", None),
}
"""An intervention's fields: the partner's name, and what it is where it isn't given."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,39}")
_CURSOR = re.compile(r"[A-Za-z0-9_-]{1,256}")


RIGHTS: Mapping[str, Ability] = {
    "appointments.read": "receive",
    "appointments.write": "send",
    "availability.write": "publish",
}
"""What wtpd needs at the partner, and what each right is for."""
_NEEDED: Mapping[Ability, str] = {ability: right for right, ability in RIGHTS.items()}
_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_NUMBERS_SHOWN = 10


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
    jobs = []
    for index, job in enumerate(list_(value, where)):
        place = f"{where}.{index}"
        given = {name: object_(job, place).get(theirs, blank) for name, (theirs, blank) in _JOB.items()}
        jobs.append(
            {
                "code": text(given["code"], f"{place}.code"),
                "title": text(given["title"], f"{place}.title"),
                "description": text(given["description"], f"{place}.description"),
                "labour_units": number(given["labour_units"], f"{place}.labourUnits"),
                "price_cents": whole_or_none(given["price_cents"], f"{place}.priceCents"),
            }
        )
    return jobs


# --- writing one value ----------------------------------------------------------------------------------------------


def _as_it_is(value: Any) -> Any:
    return value


def _to_code(words: Mapping[str, str]) -> Callable[[Any], str]:
    def write(value: str) -> str:
        """A word we don't know is the partner's own code that we kept."""
        code = words.get(value, value)
        if not _CODE.fullmatch(code):
            raise WireError("there is no code for this word")
        return code

    return write


def _to_jobs(value: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{theirs: work.get(name, blank) for name, (theirs, blank) in _JOB.items()} for work in value]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a shared field stands in the partner's appointment, and how it is read and written."""

    where: str
    """The dotted path."""
    holder: tuple[str, ...]
    """The objects around it, from outside."""
    member: str
    read: Callable[[Any, str], Any]
    write: Callable[[Any], Any]


def _place(where: str, read: Callable[[Any, str], Any], write: Callable[[Any], Any] = _as_it_is) -> _Place:
    *holder, member = where.split(".")
    return _Place(where, tuple(holder), member, read, write)


PLACES: Mapping[str, _Place] = {
    "drop_off": _place("dropOffTime", moment),
    "collection": _place("collectionTime", moment),
    "status": _place("status", _code_of(_STATUS), _to_code(_STATUS)),
    "transport_option": _place("transport.option", _code_of(_TRANSPORT), _to_code(_TRANSPORT)),
    "courtesy_car": _place("transport.loanCarId", sign),
    "customer_waiting": _place("customerWaiting", flag),
    "advisor": _place("advisorId", sign),
    "notes": _place("notes", text),
    "interventions": _place("jobs", _jobs, _to_jobs),
    "customer.company": _place("customer.companyName", text),
    "customer.salutation": _place("customer.salutation", text),
    "customer.title": _place("customer.title", text),
    "customer.first_name": _place("customer.firstName", text),
    "customer.last_name": _place("customer.lastName", text),
    "customer.street": _place("customer.address.street", text),
    "customer.house_number": _place("customer.address.houseNumber", text),
    "customer.postcode": _place("customer.address.postalCode", text),
    "customer.city": _place("customer.address.city", text),
    "customer.country": _place("customer.address.country", text),
    "customer.email": _place("customer.contact.email", text),
    "customer.phone": _place("customer.contact.phone", text),
    "customer.mobile": _place("customer.contact.mobile", text),
    "customer.business_email": _place("customer.contact.businessEmail", text),
    "customer.business_phone": _place("customer.contact.businessPhone", text),
    "customer.business_mobile": _place("customer.contact.businessMobile", text),
    "vehicle.plate": _place("vehicle.registrationPlate", text),
    "vehicle.vin": _place("vehicle.vin", text),
    "vehicle.make": _place("vehicle.make", text),
    "vehicle.model": _place("vehicle.model", text),
    "vehicle.fuel": _place("vehicle.fuel", text),
    "vehicle.first_registration": _place("vehicle.firstRegistration", day_or_none),
    "vehicle.inspection_due": _place("vehicle.inspectionDue", day_or_none),
    "vehicle.odometer_km": _place("vehicle.odometerKm", whole_or_none),
}
"""Every shared field; a test compares it with `FIELDS`."""


# --- what comes in --------------------------------------------------------------------------------------------------


def appointment(raw: Any, account: str, *, changed_by: str | None = None) -> Incoming:
    """One appointment of dealer `account`. Raises `WireError`."""
    body = object_(raw, "appointment")
    partner_id = _partner_id(body)
    version = count(body.get("version"), "version")
    if body.get("dealerNumber", account) != account:
        raise WireError("dealerNumber: another dealer's appointment")
    cancelled = text(body.get("status"), "status", 64) == _CANCELLED
    fields, unknown = _fields(body)
    if cancelled:
        unknown.pop("status", None)
    our_id = body.get("dmsAppointmentId")
    return Incoming(
        partner_id=partner_id,
        version=version,
        fields=fields,
        cancelled=cancelled,
        changed_by=changed_by or text(body.get("changedBy", ""), "changedBy", 64),
        our_id=None if our_id is None else text(our_id, "dmsAppointmentId", 64) or None,
        reason=_reason(body) if cancelled else None,
        origin=_ORIGIN.get(text(body.get("createdBy", ""), "createdBy", 64)),
        links=_links(body),
        unknown=unknown,
        raw=raw,
    )


def page(raw: Any, account: str) -> Page:
    """A page of the change feed. An item that can't be read is `Unreadable`; raises `WireError` if the page as a
    whole can't be."""
    body = object_(raw, "page")
    cursor = body.get("nextCursor")
    if not isinstance(cursor, str) or not _CURSOR.fullmatch(cursor):
        raise WireError("nextCursor: not a cursor")
    items = body.get("items")
    if not isinstance(items, list):
        raise WireError("items: not a list")
    return Page(
        items=[_item(item, account) for item in items], cursor=cursor, more=flag(body.get("hasMore"), "hasMore")
    )


def found(raw: Any, account: str, our_id: str) -> Incoming | None:
    """The live appointment with our id, from a search's answer. Raises `WireError`."""
    for index, item in enumerate(list_(object_(raw, "answer").get("items"), "items")):
        incoming = appointment(item, account)
        if incoming.our_id != our_id:
            raise WireError(f"items.{index}.dmsAppointmentId: not the one that was asked for")
        if not incoming.cancelled:
            return incoming
    return None


def receipt(raw: Any, status: int | None = None, sent: Any = None) -> Receipt:
    """What a write's answer must tell; the rest of it isn't looked at. Raises `WireError`."""
    body = object_(raw, "appointment")
    partner_id, version = _partner_id(body), count(body.get("version"), "version")
    return Receipt(partner_id=partner_id, version=version, links=_links(body), status=status, sent=sent)


def token(raw: Any) -> tuple[str, float]:
    """The access token and its life in seconds. Raises `WireError`."""
    body = object_(raw, "token")
    value = text(body.get("access_token"), "access_token", 4096)
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise WireError("access_token: can't be a token")
    if text(body.get("token_type"), "token_type", 64).lower() != "bearer":
        raise WireError("token_type: not Bearer")
    return value, float(count(body.get("expires_in"), "expires_in"))


@dataclass(frozen=True, slots=True)
class Dealer:
    """The dealer record. `rights`: what the credentials may do there; None where the partner doesn't say."""

    number: str
    name: str
    brand: str
    rights: tuple[str, ...] | None

    @property
    def missing(self) -> dict[str, Ability]:
        """The rights that wtpd needs and the credentials lack, with the ability that each is for."""
        return {} if self.rights is None else {right: RIGHTS[right] for right in RIGHTS if right not in self.rights}


def dealer(raw: Any) -> Dealer:
    """Raises `WireError`."""
    body = object_(raw, "dealer")
    given = body.get("rights")
    rights = None if given is None else tuple(text(right, "rights", 64) for right in list_(given, "rights"))
    brand = text(body.get("brand") or "", "brand", 64)
    return Dealer(
        text(body.get("dealerNumber"), "dealerNumber", 64), text(body.get("name"), "name", 200), brand, rights
    )


def refusal(error: NotAllowed, account: str, ability: Ability) -> PartnerError | None:
    """The error that a 403 means by its problem type; None if its type isn't one of the contract."""
    problem = error.problem
    said = problem.get("type")
    kind = said.rpartition("/")[2] if isinstance(said, str) else ""
    if kind == "dealer-not-covered":
        return not_allowed(error, account)
    if kind == "right-missing":
        right = problem.get("right")
        known = right if isinstance(right, str) and right in RIGHTS else _NEEDED[ability]
        return MissingRight(str(error), right=known, ability=RIGHTS[known], status=error.status)
    if kind == "appointment-forbidden":
        return Rejected(str(error), status=error.status, detail=error.detail)
    return None


def not_allowed(error: NotAllowed, account: str) -> NotAllowed:
    """A 403 about the dealer number, with the numbers that the credentials cover, where the partner names them."""
    named = error.problem.get("dealerNumbers")
    numbers = (
        {one for one in named if isinstance(one, str) and _NUMBER.fullmatch(one)} if isinstance(named, list) else ()
    )
    covers = sorted(one for one in numbers if one != account)[:_NUMBERS_SHOWN]
    return NotAllowed(str(error), status=error.status, detail=error.detail, account=account, covers=covers)


def lacking(error: NotAllowed, ability: Ability) -> MissingRight:
    """The right that `ability` needs is missing."""
    return MissingRight(str(error), right=_NEEDED[ability], ability=ability, status=error.status)


# --- what goes out --------------------------------------------------------------------------------------------------


def creation(intent: Intent) -> dict[str, Any]:
    """The body that makes an appointment. Raises `WireError` for a value that can't be said."""
    return {"dmsAppointmentId": intent.appointment_id, **_body(intent.fields)}


def patch(intent: Intent) -> dict[str, Any]:
    """The merge patch with the changed fields. Raises `WireError` for a value that can't be said."""
    return _body(intent.fields)


def cancellation(intent: Intent) -> dict[str, Any]:
    return {"reason": intent.reason[:1000]} if intent.reason else {}


def availability(days: Sequence[DayOffer]) -> dict[str, Any]:
    """What can be booked, in the form of `wtpd.book.availability`."""
    return {"days": [_day(offer) for offer in days]}


def etag(version: int | None) -> str:
    """The `If-Match` for a version; None is for any."""
    return "*" if version is None else f'"v{version}"'


def kept(raw: Any, account: str) -> Incoming | Unreadable:
    """A message that was kept in quarantine, a whole feed item or an appointment alone, read again."""
    if isinstance(raw, dict) and "appointment" in raw:
        return _item(raw, account)
    try:
        return appointment(raw, account)
    except WireError as error:
        return Unreadable(partner_id=_id_if_any(raw), reason=str(error), raw=raw)


def _item(raw: Any, account: str) -> Incoming | Unreadable:
    try:
        item = object_(raw, "item")
        return appointment(item.get("appointment"), account, changed_by=text(item.get("changedBy"), "changedBy", 64))
    except WireError as error:
        body = raw.get("appointment") if isinstance(raw, dict) else None
        return Unreadable(partner_id=_id_if_any(body), reason=str(error), raw=raw)


def _id_if_any(body: Any) -> str | None:
    """The id of an appointment that can't be read, if at least that can."""
    try:
        return _partner_id(object_(body, "appointment"))
    except WireError:
        return None


def _partner_id(body: Mapping[str, Any]) -> str:
    partner_id = body.get("id")
    if not isinstance(partner_id, str) or not _ID.fullmatch(partner_id):
        raise WireError("id: not an appointment id")
    return partner_id


def _fields(body: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The fields that were delivered, and the codes we have no word for."""
    fields: dict[str, Any] = {}
    unknown: dict[str, str] = {}
    holders: dict[tuple[str, ...], Mapping[str, Any]] = {(): body}
    for name, place in PLACES.items():
        holder = holders.get(place.holder)
        if holder is None:
            holder = holders[place.holder] = _holder(body, place.holder)
        if place.member not in holder:
            continue
        try:
            fields[name] = place.read(holder[place.member], place.where)
        except UnknownCode as code:
            unknown[name] = str(code)
    return fields, unknown


def _holder(body: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any]:
    """The object at `path`; an empty one if it wasn't delivered."""
    for part in path:
        body = object_(body.get(part, {}), ".".join(path))
    return body


def _reason(body: Mapping[str, Any]) -> str | None:
    given = body.get("cancellation")
    if given is None:
        return None
    return text(object_(given, "cancellation").get("reason", ""), "cancellation.reason") or None


def _links(body: Mapping[str, Any]) -> dict[str, str]:
    """Web addresses only: they are shown to people, who open them."""
    given = object_(body.get("links", {}), "links").get("menus")
    if given is None:
        return {}
    menus = text(given, "links.menus", 2048)
    return {"superservice_menus": menus} if menus.startswith(("https://", "http://")) else {}


def _body(fields: Fields) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for name, value in fields.items():
        place = PLACES[name]
        holder = body
        for part in place.holder:
            holder = holder.setdefault(part, {})
        try:
            holder[place.member] = place.write(value)
        except WireError as error:
            raise WireError(f"{name}: {error}") from None
    return body


def _day(offer: DayOffer) -> dict[str, Any]:
    return {
        "date": offer.day.isoformat(),
        "capacity": offer.capacity,
        "remaining": offer.remaining,
        "dropOffSlots": [{"time": slot["start"], "places": slot["free"]} for slot in offer.slots],
        "advisors": [
            {"advisorId": advisor["id"], "name": advisor["name"], "present": _spans(advisor["periods"])}
            for advisor in offer.advisors
        ],
        "loanCars": [_car(car) for car in offer.courtesy_cars],
    }


def _car(car: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "loanCarId": car["id"],
        "registrationPlate": car["plate"],
        "make": car["make"],
        "model": car["model"],
        "vehicleClass": car["vehicle_class"],
        "features": car["features"],
        "free": _spans(car["free"]),
    }


def _spans(spans: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    return [{"from": span["start"], "to": span["end"]} for span in spans]
