"""Entries of the attention list as callers see them: with both sides of a conflict, and what each choice does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from msgspec import Struct

from wtpd.book import shared_fields
from wtpd.book.book import Book
from wtpd.daemon.api import attention_words as words
from wtpd.daemon.api.attention_steps import next_step
from wtpd.daemon.api.days import zone_of
from wtpd.daemon.api.showing import are_of_one_day, label, shown
from wtpd.daemon.fleet import Fleet
from wtpd.planner.appointment import Appointment, Status
from wtpd.planner.customer import Customer
from wtpd.planner.history import Entry
from wtpd.planner.vehicle import Vehicle
from wtpd.store import appointments, attention, customers, history, inbox, vehicles
from wtpd.store.attention import Attention
from wtpd.store.database import Tx
from wtpd.sync.plan import CANCELLED


class Side(Struct, frozen=True):
    """One side of a conflict: `ours` or `theirs`, its value, also as people read it, and who set it when, as far as
    the history knows."""

    side: Literal["ours", "theirs"]
    value: Any
    shown: str
    actor: str | None
    at: datetime | None


class VisitLine(Struct, frozen=True):
    """The appointment that it is about, in one line."""

    plate: str
    name: str
    drop_off: datetime


class AttentionView(Struct, frozen=True, kw_only=True):
    """One entry. `text` says it in a sentence, `data` has the facts, `choices` what can be done, `consequences` what
    each of them does; `next_step` is the way out where choosing doesn't settle it. `sides`, `field_label`, `stands`
    (whose value the field has now, `other` if it is a third one) and `current` (that value, as people read it) belong
    to a conflict; `other` is the second of two appointments that may be the same. `message`: for one entry in
    quarantine, the partner's message as it came, and `edited` what somebody made of it before it was applied."""

    id: int
    kind: str
    channel: str | None
    appointment_id: str | None
    at: datetime
    text: str
    data: Mapping[str, Any]
    choices: list[str]
    consequences: Mapping[str, str]
    next_step: str | None
    field_label: str | None
    sides: list[Side]
    stands: Literal["ours", "theirs", "other"] | None
    current: str | None
    appointment: VisitLine | None
    other: VisitLine | None
    resolved_at: datetime | None
    resolved_by: str | None
    resolution: str | None
    message: Any = None
    edited: Any = None


class Views:
    def __init__(self, fleet: Fleet, book: Book) -> None:
        self._fleet = fleet
        self._book = book

    def one(self, tx: Tx, number: int, language: str) -> AttentionView:
        """With the message, if it is about one."""
        entry = attention.get(tx, number)
        message, edited = None, None
        if entry.kind == "quarantine" and "inbox" in entry.data:
            message, edited = inbox.kept(tx, int(entry.data["inbox"]))
        return self._view(tx, entry, _visits(tx, [entry]), language, message, edited)

    def many(self, tx: Tx, entries: Sequence[Attention], language: str) -> list[AttentionView]:
        visits = _visits(tx, entries)
        return [self._view(tx, entry, visits, language) for entry in entries]

    def _view(
        self,
        tx: Tx,
        entry: Attention,
        visits: Mapping[str, _Visit],
        language: str,
        message: Any = None,
        edited: Any = None,
    ) -> AttentionView:
        visit = visits.get(entry.appointment_id or "")
        zone = zone_of(self._book, visit.appointment.site if visit else _site(entry))
        data = words.facts(entry, language)
        field = str(data.get("field", "")) if entry.kind == "conflict" else ""
        same_day = are_of_one_day((data.get("ours"), data.get("theirs")), zone)

        def show(name: str, value: Any) -> str:
            return shown(name, value, zone, language, same_day=same_day)

        current = _current(visit, field) if visit and field else None
        partner = self._fleet.title_of(entry.channel or "")
        step = next_step(entry, partner)
        return AttentionView(
            id=entry.id,
            kind=entry.kind,
            channel=entry.channel,
            appointment_id=entry.appointment_id,
            at=entry.at,
            text=words.sentence(entry, language),
            data=data,
            choices=words.choices(entry),
            consequences={
                choice: text.render(language) for choice, text in words.consequences(entry, partner, show).items()
            },
            next_step=step.render(language) if step else None,
            field_label=label(field, language) if field else None,
            sides=self._sides(tx, entry, field, show) if field else [],
            stands=_stands(entry.data, current) if visit and field and field != CANCELLED else None,
            current=show(field, current) if visit and field and field != CANCELLED else None,
            appointment=visit.line if visit else None,
            other=other.line if (other := visits.get(str(data.get("other", "")))) else None,
            resolved_at=entry.resolved_at,
            resolved_by=entry.resolved_by,
            resolution=entry.resolution,
            message=message,
            edited=edited,
        )

    def _sides(self, tx: Tx, entry: Attention, field: str, show: words.Show) -> list[Side]:
        manifest = self._fleet.manifests.get((entry.channel or "").partition("/")[0])
        partner = manifest.actor if manifest else entry.channel
        arrived = entry.at + timedelta(seconds=1)  # the list keeps whole seconds
        entries = [one for one in reversed(history.of(tx, entry.appointment_id or "")) if one.at < arrived]
        ours, theirs = entry.data.get("ours"), entry.data.get("theirs")
        other = next((one for one in entries if one.actor == partner and _sets(one, field, theirs)), None)
        earlier = [one for one in entries if other is None or one.version < other.version]
        mine = next((one for one in earlier if one.actor != partner and _sets(one, field, ours)), None)
        return [
            Side("ours", ours, show(field, ours), mine.actor if mine else None, mine.at if mine else None),
            Side("theirs", theirs, show(field, theirs), partner, other.at if other else entry.at),
        ]


class _Visit(Struct, frozen=True):
    appointment: Appointment
    customer: Customer | None
    vehicle: Vehicle | None
    line: VisitLine


def _visits(tx: Tx, entries: Sequence[Attention]) -> dict[str, _Visit]:
    """The appointments that they are about, by id: three look-ups for all."""
    ids = {str(one) for entry in entries for one in (entry.appointment_id, entry.data.get("other")) if one}
    if not ids:
        return {}
    found = appointments.many(tx, sorted(ids))
    people = customers.many(tx, [one.customer_id for one in found if one.customer_id])
    cars = vehicles.many(tx, [one.vehicle_id for one in found if one.vehicle_id])
    visits = {}
    for one in found:
        person, car = people.get(one.customer_id or ""), cars.get(one.vehicle_id or "")
        line = VisitLine(car.plate if car else "", person.name if person else "", one.drop_off)
        visits[one.id] = _Visit(one, person, car, line)
    return visits


def _current(visit: _Visit, field: str) -> Any:
    """The value that the field of a conflict has now."""
    if field == CANCELLED:
        return visit.appointment.status is Status.CANCELLED
    return shared_fields.of(shared_fields.Visit(visit.appointment, visit.customer, visit.vehicle)).get(field)


def _stands(data: Mapping[str, Any], current: Any) -> Literal["ours", "theirs", "other"]:
    """The side whose value it is; the partner's is looked at first, since it stands until somebody decides."""
    for side in ("theirs", "ours"):
        if (data.get(side) or None) == (current or None):
            return "theirs" if side == "theirs" else "ours"
    return "other"


def _sets(entry: Entry, field: str, value: Any) -> bool:
    """Whether it is this entry that gave the field its value. In a conflict about a cancellation, one side's value is
    what it changed meanwhile."""
    if field != CANCELLED:
        return field in entry.changes and entry.changes[field].new == value
    if isinstance(value, Mapping):
        return any(name in entry.changes and entry.changes[name].new == one for name, one in value.items())
    return value is True and entry.action == "cancelled"


def _site(entry: Attention) -> str | None:
    return (entry.channel or "").partition("/")[2] or None
