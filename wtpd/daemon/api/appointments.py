"""`/v1/appointments`: the reception desk's and the planner's door to the book."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import partial
from typing import Annotated, Any, get_type_hints
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from wtpd.book.book import Book
from wtpd.book.draft import Draft
from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.collection import Page
from wtpd.daemon.api.days import check_days, start_of, zone_of
from wtpd.daemon.api.errors import wrong
from wtpd.daemon.api.once import once
from wtpd.daemon.api.routes import Route
from wtpd.daemon.api.shapes import AppointmentInput, Input, Limit, Lines, Name, Search, Sign, given, patch_of, values_of
from wtpd.daemon.api.showing import label, shown
from wtpd.planner.appointment import Appointment, Status
from wtpd.planner.history import Change, Entry
from wtpd.store import appointments, cleaning, customers, history, privacy, vehicles
from wtpd.store.database import Database, Tx
from wtpd.texts import N_

PATH = "/v1/appointments"
RANGE = 3700
"""Days that a list may span."""


class CustomerLine(msgspec.Struct, frozen=True):
    """Whose appointment it is, in one line."""

    id: str
    name: str
    phone: str
    locked_by: str | None


class VehicleLine(msgspec.Struct, frozen=True):
    id: str
    plate: str
    vin: str
    make: str
    model: str


_FIELDS = tuple(field.name for field in dataclasses.fields(Appointment))
_HINTS = get_type_hints(Appointment)

AppointmentView = msgspec.defstruct(
    "AppointmentView",
    [
        *((name, _HINTS[name]) for name in _FIELDS),
        ("labour_units", float),
        ("customer", CustomerLine | None),
        ("vehicle", VehicleLine | None),
    ],
    frozen=True,
)
"""An appointment with its planned AW, and its customer and vehicle in one line each."""

Patch = patch_of(AppointmentInput)


class AppointmentPage(msgspec.Struct, frozen=True):
    """One page. `total`: how many there are in all, if that was asked for; a search doesn't know it. `similar`: nothing
    fits what was searched for, these nearly do."""

    items: list[AppointmentView]  # type: ignore[valid-type] # made above
    next_cursor: str | None = None
    total: int | None = None
    similar: bool = False


class ShownChange(msgspec.Struct, frozen=True):
    """One change in words: the field's name, the old and the new value."""

    label: str
    old: str
    new: str


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One change. `changes` hold values, `shown` says them in words. `undoes`: the entry that this one took back."""

    id: int
    appointment_id: str
    at: datetime
    actor: str
    channel: str
    action: str
    version: int
    changes: Mapping[str, Change]
    undoes: int | None
    shown: Mapping[str, ShownChange]


class ListQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`day`, or `from` to `to`: days of drop-off at the site, the last one included. With `q` the newest that fit;
    with `near` too, what nearly fits (one letter, two digits swapped) where nothing does.
    `offset` leaves so many out; `count` asks for how many there are in all."""

    site: Sign | None = None
    department: Name | None = None
    day: date | None = None
    first: date | None = msgspec.field(name="from", default=None)
    last: date | None = msgspec.field(name="to", default=None)
    q: Search | None = None
    near: bool = False
    status: Annotated[str, Meta(max_length=200)] | None = None
    customer_id: Sign | None = None
    vehicle_id: Sign | None = None
    cursor: Annotated[str, Meta(max_length=500)] | None = None
    offset: Annotated[int, Meta(ge=0, le=100_000_000)] = 0
    count: bool = False
    limit: Limit = 100


class HistoryQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`cursor`: the version of the appointment behind which to go on."""

    cursor: Annotated[int, Meta(ge=1, le=1 << 53)] | None = None
    limit: Limit = 500


class WriteQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    allow_over_limit: bool = False


class CancelInput(Input, frozen=True, kw_only=True):
    reason: Lines | None = None


class Appointments:
    def __init__(self, db: Database, book: Book) -> None:
        self._db = db
        self._book = book

    def routes(self) -> list[Route]:
        one = partial(Route, result=AppointmentView)
        writing = partial(one, role=Role.ADMIN, repeatable=True)
        return [
            Route(
                method="GET", path=PATH, role=Role.READ, handler=self.list, query=ListQuery,
                result=AppointmentPage, summary="List or search appointments",
            ),
            writing(
                method="POST", path=PATH, handler=self.create, query=WriteQuery, body=AppointmentInput, status=201,
                summary="Book an appointment",
            ),
            one(method="GET", path=f"{PATH}/{{id}}", role=Role.READ, handler=self.get, summary="One appointment"),
            writing(
                method="PATCH", path=f"{PATH}/{{id}}", handler=self.change, query=WriteQuery, body=Patch, patch=True,
                versioned=True, summary="Change an appointment",
            ),
            writing(
                method="POST", path=f"{PATH}/{{id}}/cancel", handler=self.cancel, body=CancelInput, versioned=True,
                summary="Cancel an appointment; it stays in the book",
            ),
            one(
                method="POST", path=f"{PATH}/{{id}}/erase-notes", role=Role.ADMIN, handler=self.erase_notes,
                summary="Blank notes that name somebody who was erased, in the history too",
            ),
            Route(
                method="GET", path=f"{PATH}/{{id}}/history", role=Role.READ, handler=self.history, query=HistoryQuery,
                result=Page[HistoryEntry], summary="Who changed what and when",
            ),
        ]  # fmt: skip

    async def list(self, call: Call) -> Answer:
        query: ListQuery = call.query
        which = self._filter(query)

        def work(tx: Tx) -> AppointmentPage:
            if query.q:
                return _search(tx, query, which)
            found, cursor = appointments.page(tx, which, cursor=query.cursor, offset=query.offset, limit=query.limit)
            return AppointmentPage(views(tx, found), cursor, appointments.count(tx, which) if query.count else None)

        return answer(await self._db.read(work))

    async def get(self, call: Call) -> Answer:
        return await self._db.read(lambda tx: one_view(tx, appointments.get(tx, call.params["id"])))

    async def create(self, call: Call) -> Answer:
        draft = Draft(**values_of(call.body, Draft))
        over = call.query.allow_over_limit

        def work(tx: Tx) -> Answer:
            made = self._book.create(tx, draft, author=call.author, allow_over_limit=over)
            return one_view(tx, made, status=201, location=f"{PATH}/{made.id}")

        return await self._write_once(call, work)

    async def change(self, call: Call) -> Answer:
        changes = given(call.body, AppointmentInput, Appointment)
        expected = call.expected_version
        over = call.query.allow_over_limit

        def work(tx: Tx) -> Answer:
            changed = self._book.change(
                tx, call.params["id"], changes, author=call.author, expected_version=expected, allow_over_limit=over
            )
            return one_view(tx, changed)

        return await self._write_once(call, work)

    async def cancel(self, call: Call) -> Answer:
        expected = call.expected_version

        def work(tx: Tx) -> Answer:
            cancelled = self._book.cancel(
                tx, call.params["id"], author=call.author, expected_version=expected, reason=call.body.reason
            )
            return one_view(tx, cancelled)

        return await self._write_once(call, work)

    async def erase_notes(self, call: Call) -> Answer:
        visit = call.params["id"]
        words = await self._db.read(lambda tx: privacy.words_of_notes(tx, visit))
        made = await self._db.write(lambda tx: one_view(tx, self._book.erase_notes(tx, visit, call.author)))
        await cleaning.clean(self._db, visit, words)
        return made

    async def history(self, call: Call) -> Answer:
        def work(tx: Tx) -> Page[HistoryEntry]:
            zone = zone_of(self._book, appointments.get(tx, call.params["id"]).site)
            query: HistoryQuery = call.query
            entries, more = history.part(tx, call.params["id"], after=query.cursor or 0, limit=query.limit)
            following = str(entries[-1].version) if more else None
            return Page([_entry(entry, zone, call.language) for entry in entries], following)

        return answer(await self._db.read(work))

    async def _write_once(self, call: Call, work: Any) -> Answer:
        named = call.params.get("id")
        return await self._db.write(once(call, work, appointment_of=lambda made: named or _made_id(made)))

    def _filter(self, query: ListQuery) -> appointments.Filter:
        first = query.day or query.first
        last = query.day or query.last
        zone = zone_of(self._book, query.site)
        if first is not None and last is not None:
            check_days(first, last, at_most=RANGE)
        elif first is not None or last is not None:
            check_days(first or last, first or last, at_most=RANGE)  # type: ignore[arg-type] # one of them is there
        return appointments.Filter(
            site=query.site,
            department=query.department,
            start=start_of(first, zone) if first else None,
            end=start_of(last + timedelta(days=1), zone) if last else None,
            statuses=_statuses(query.status) if query.status else None,
            customer_id=query.customer_id,
            vehicle_id=query.vehicle_id,
        )


def _search(tx: Tx, query: ListQuery, which: appointments.Filter) -> AppointmentPage:
    most, text = query.limit + query.offset, query.q or ""
    found = appointments.search(tx, text, most)
    similar = not found and query.near
    if similar:
        found = appointments.search_near(tx, text, most)
    kept = [one for one in found if _fits(one, which)][query.offset :]
    return AppointmentPage(views(tx, kept), similar=similar and bool(kept))


def views(tx: Tx, records: list[Appointment]) -> list[Any]:
    """The records as callers see them: two look-ups for all customers and vehicles."""
    people = customers.many(tx, [one.customer_id for one in records if one.customer_id])
    cars = vehicles.many(tx, [one.vehicle_id for one in records if one.vehicle_id])
    return [_view(one, people, cars) for one in records]


def _view(record: Appointment, people: Any, cars: Any) -> Any:
    person = people.get(record.customer_id)
    car = cars.get(record.vehicle_id)
    return AppointmentView(
        *(getattr(record, name) for name in _FIELDS),
        record.labour_units,
        person and CustomerLine(person.id, person.name, _phone(person), person.locked_by),
        car and VehicleLine(car.id, car.plate, car.vin, car.make, car.model),
    )


def _phone(person: Any) -> str:
    return str(person.mobile or person.phone or person.business_mobile or person.business_phone)


def one_view(tx: Tx, record: Appointment, *, status: int = 200, location: str | None = None) -> Answer:
    people = {}
    cars = {}
    if record.customer_id and (person := customers.find(tx, record.customer_id)):
        people[person.id] = person
    if record.vehicle_id and (car := vehicles.find(tx, record.vehicle_id)):
        cars[car.id] = car
    return answer(_view(record, people, cars), status=status, etag=record.version, location=location)


def _entry(entry: Entry, zone: ZoneInfo, language: str) -> HistoryEntry:
    words = {
        name: ShownChange(
            label(name, language), shown(name, change.old, zone, language), shown(name, change.new, zone, language)
        )
        for name, change in entry.changes.items()
    }
    kept = {field.name: getattr(entry, field.name) for field in dataclasses.fields(entry)}
    return HistoryEntry(**kept, shown=words)


def _made_id(made: Answer) -> str | None:
    return next((value.rsplit("/", 1)[-1] for name, value in made.headers if name == "location"), None)


def _statuses(text: str) -> list[Status]:
    try:
        return [Status(part.strip()) for part in text.split(",") if part.strip()]
    except ValueError:
        known = ", ".join(Status)
        raise wrong("status", N_("There is no such status; there are: {known}.", known=known)) from None


def _fits(one: Appointment, which: appointments.Filter) -> bool:
    return (
        which.site in (None, one.site)
        and which.department in (None, one.department)
        and (which.start is None or which.start <= one.drop_off)
        and (which.end is None or one.drop_off < which.end)
        and (which.statuses is None or one.status in which.statuses)
        and which.customer_id in (None, one.customer_id)
        and which.vehicle_id in (None, one.vehicle_id)
    )
