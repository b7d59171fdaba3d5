"""SUPERSERVICE's JSON ↔ shared fields of `wtpd.sync.ports`: pure, and beside `contract.yaml` and the sandbox the only
place that knows the partner's names and codes.

An item needs its identity (id, version, dealer number, our id) and a drop-off: an odd one raises `WireError`, whose
message says where and what, never the value, which may be personal. Every other value that is odd (a wrong type, out of
range, too long) is left out or cut, and listed in `Incoming.dropped`, since a booking is worth more than one of its
values. A member that is missing wasn't delivered, one that isn't known is ignored, a code that isn't known is kept in
`Incoming.unknown`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any

import msgspec

from wtpd.clock import from_iso, iso
from wtpd.connectors.kit.values import (
    Odd,
    WireError,
    count,
    flag,
    list_,
    moment,
    object_,
    paragraph,
    text,
)
from wtpd.connectors.superservice.wire_places import NOTES, PLACES, UnknownCode, visit_time
from wtpd.sync.ports import DayOffer, Fields, Incoming, Intent, Page, Receipt, Unreadable
from wtpd.texts import N_
from wtpd.words import field_name

_CANCELLED = "CANCELLED"
_LEFT = "LEFT_DEPARTMENT"
"""Cause of a cancellation."""
_ORIGIN = {"dealer": "superservice_dealer", "customer_app": "mynissan"}
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_CURSOR = re.compile(r"[A-Za-z0-9_-]{1,256}")
_SHOWN = 1000
"""Characters of an odd value that are listed."""
_STAND_IN = timedelta(hours=1)
"""The length of a visit whose collection can't be read, or isn't after its drop-off."""
_LONGEST = timedelta(days=366)
_GROUPS = [
    (path, [(name, place.member, place.read, place.where) for name, place in places])
    for path, places in groupby(PLACES.items(), lambda each: each[1].holder)
]
"""Neighbours of `PLACES` that stand in the same object, which is looked for once."""
_HOLDERS = {"transport": "transport_option", "customer": "customer_id", "vehicle": "vehicle_id"}
"""The name under which an odd object is listed."""


# --- what comes in --------------------------------------------------------------------------------------------------


def appointment(raw: Any, account: str, *, changed_by: str | None = None) -> Incoming:
    """One appointment of dealer `account`. Raises `WireError`."""
    body = object_(raw, "appointment")
    partner_id = _partner_id(body)
    version = count(body.get("version"), "version")
    if body.get("dealerNumber", account) != account:
        raise WireError("dealerNumber", N_("another dealer's appointment"))
    our_id = body.get("dmsAppointmentId")
    fields, unknown, dropped = _fields(body)
    if "drop_off" not in fields:
        visit_time(body.get("dropOffTime"), "dropOffTime")  # which says how it is wrong
    _mend_collection(body, fields, dropped)
    cancelled, reason, left = _cancellation(body, unknown, dropped)
    created_by = _plain(body.get("createdBy"))
    return Incoming(
        partner_id=partner_id,
        version=version,
        fields=fields,
        cancelled=cancelled,
        changed_by=changed_by or _plain(body.get("changedBy")),
        our_id=None if our_id is None else text(our_id, "dmsAppointmentId", 64) or None,
        reason=reason,
        left=left,
        origin=_ORIGIN.get(created_by),
        created_by=created_by,
        created_at=_created_at(body),
        links=_links(body, dropped),
        unknown=unknown,
        dropped=dropped,
        raw=raw,
    )


def page(raw: Any, account: str) -> Page:
    """A page of the change feed. An item that can't be read is `Unreadable`; raises `WireError` if the page as a
    whole can't be."""
    body = object_(raw, "page")
    cursor = body.get("nextCursor")
    if not isinstance(cursor, str) or not _CURSOR.fullmatch(cursor):
        raise WireError("nextCursor", N_("not a cursor"))
    items = body.get("items")
    if not isinstance(items, list):
        raise WireError("items", N_("not a list"))
    return Page(
        items=[_item(item, account) for item in items], cursor=cursor, more=flag(body.get("hasMore"), "hasMore")
    )


def found(raw: Any, account: str, our_id: str) -> Incoming | None:
    """The live appointment with our id, from a search's answer. Raises `WireError`."""
    for index, item in enumerate(list_(object_(raw, "answer").get("items"), "items")):
        incoming = appointment(item, account)
        if incoming.our_id != our_id:
            raise WireError(f"items.{index}.dmsAppointmentId", N_("not the one that was asked for"))
        if not incoming.cancelled:
            return incoming
    return None


def receipt(raw: Any, account: str, status: int | None = None, sent: Any = None) -> Receipt:
    """A write's answer. Its number and version are needed; `held` is the appointment as the partner keeps it, where the
    answer can be read so far. Raises `WireError`."""
    body = object_(raw, "appointment")
    partner_id, version = _partner_id(body), count(body.get("version"), "version")
    try:
        held = appointment(raw, account) if "dropOffTime" in body else None
    except WireError:
        held = None
    links = _links(body, {}) if held is None else held.links
    return Receipt(partner_id=partner_id, version=version, links=links, held=held, status=status, sent=sent)


# --- what goes out --------------------------------------------------------------------------------------------------


def creation(intent: Intent) -> dict[str, Any]:
    """The body that makes an appointment. Raises `WireError` for a value that can't be said."""
    return {"dmsAppointmentId": intent.appointment_id, **_body(intent.fields)}


def patch(intent: Intent) -> dict[str, Any]:
    """The merge patch with the changed fields. Raises `WireError` for a value that can't be said."""
    return _body(intent.fields)


def cancellation(intent: Intent) -> dict[str, Any]:
    """The body that cancels; its cause tells an appointment that left the department from one that is cancelled."""
    body: dict[str, Any] = {"reason": intent.reason[:1000]} if intent.reason else {}
    return body | ({"cause": _LEFT} if intent.left else {})


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
        return Unreadable(partner_id=_id_if_any(raw), reason=error.text, raw=raw)


def _item(raw: Any, account: str) -> Incoming | Unreadable:
    try:
        item = object_(raw, "item")
        return appointment(item.get("appointment"), account, changed_by=_plain(item.get("changedBy")))
    except WireError as error:
        body = raw.get("appointment") if isinstance(raw, dict) else None
        return Unreadable(partner_id=_id_if_any(body), reason=error.text, raw=raw)


def _id_if_any(body: Any) -> str | None:
    """The id of an appointment that can't be read, if at least that can."""
    try:
        return _partner_id(object_(body, "appointment"))
    except WireError:
        return None


def _partner_id(body: Mapping[str, Any]) -> str:
    partner_id = body.get("id")
    if not isinstance(partner_id, str) or not _ID.fullmatch(partner_id):
        raise WireError("id", N_("not an appointment id"))
    return partner_id


def _fields(body: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str], dict[str, str]]:
    """The fields that were delivered, the codes without a word of ours, and the odd values."""
    fields: dict[str, Any] = {}
    unknown: dict[str, str] = {}
    dropped: dict[str, str] = {}
    for path, places in _GROUPS:
        holder = _holder(body, path, dropped) if path else body
        if not holder:
            continue
        for name, member, read, where in places:
            if member not in holder:
                continue
            value = holder[member]
            try:
                fields[name] = read(value, where)
            except UnknownCode as code:
                unknown[name] = str(code)
            except Odd as odd:
                fields[name] = odd.kept
                dropped[name] = _shown(value)
            except WireError:
                dropped[name] = _shown(value)
    return fields, unknown, dropped


def _holder(body: Mapping[str, Any], path: tuple[str, ...], dropped: dict[str, str]) -> Mapping[str, Any]:
    """The object at `path`; an empty one if it wasn't delivered."""
    for part in path:
        found = body.get(part, {})
        if not isinstance(found, dict):
            dropped[_HOLDERS[path[0]]] = _shown(found)
            return {}
        body = found
    return body


def _mend_collection(body: Mapping[str, Any], fields: dict[str, Any], dropped: dict[str, str]) -> None:
    """A visit has an end after its begin. One that can't be is replaced, the same each time it is read."""
    drop_off, collection = fields["drop_off"], fields.get("collection")
    if collection is None and "collectionTime" not in body:
        return
    if collection is None or collection <= drop_off or from_iso(collection) > from_iso(drop_off) + _LONGEST:
        dropped["collection"] = _shown(body["collectionTime"])
        fields["collection"] = iso(from_iso(drop_off) + _STAND_IN)


def _cancellation(
    body: Mapping[str, Any], unknown: dict[str, str], dropped: dict[str, str]
) -> tuple[bool, str | None, bool]:
    """Whether it is cancelled, why, and whether it left the department. Where the status can't be read, its
    cancellation tells."""
    given = body.get("cancellation")
    facts = given if isinstance(given, dict) else {}
    if body.get("status") != _CANCELLED and not ("status" in dropped and facts):
        return False, None, False
    unknown.pop("status", None)
    reason = facts.get("reason")
    said = paragraph(NOTES)(reason[:NOTES], "cancellation.reason") if isinstance(reason, str) else ""
    return True, said or None, facts.get("cause") == _LEFT


def _created_at(body: Mapping[str, Any]) -> str:
    try:
        return moment(body.get("createdAt"), "createdAt")
    except WireError:
        return ""


def _links(body: Mapping[str, Any], dropped: dict[str, str]) -> dict[str, str]:
    """Web addresses only: they are shown to people, who open them."""
    links = body.get("links") or {}
    menus = links.get("menus") if isinstance(links, dict) else links
    if menus is None:
        return {}
    if not isinstance(menus, str) or len(menus) > 2048 or not menus.isprintable():
        dropped["links"] = _shown(menus)
        return {}
    return {"superservice_menus": menus} if menus.startswith(("https://", "http://")) else {}


def _plain(value: Any) -> str:
    """A short code of the partner; "" where there is none."""
    return value if isinstance(value, str) and len(value) <= 64 else ""


def _shown(value: Any) -> str:
    """An odd value as text."""
    said = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return said[:_SHOWN]


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
            raise WireError(field_name(name), error.text) from None
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
