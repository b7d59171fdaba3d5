"""`/v1/rentals` and `/v1/appointments/{id}/rentals`: rental cars out of an appointment (spec: carloop.md)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Annotated

from msgspec import Meta, Struct

from wtpd.book.rentals import renter_of, withdrawable
from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.collection import Page
from wtpd.daemon.api.errors import wrong
from wtpd.daemon.api.once import first_answer, once
from wtpd.daemon.api.routes import Route
from wtpd.daemon.api.shapes import Input, Line, Moment, Sign
from wtpd.daemon.rentals import Rentals, Result, Want
from wtpd.errors import Refused
from wtpd.planner.appointment import Appointment, Status
from wtpd.rentals.plan import Mismatch, is_overdue, mismatch, newest, overlap
from wtpd.rentals.records import RENTER_FIELDS, Car, Choice, Price, RentalRecord, Station, Terms, Wish
from wtpd.store import appointments, customers, rentals
from wtpd.store.database import Database, Tx
from wtpd.texts import N_, Text

CarId = Annotated[str, Meta(min_length=1, max_length=100)]
Ids = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=100)], ...], Meta(max_length=100)]


class PriceInput(Input, frozen=True, kw_only=True):
    """`gross`: for the whole period, with VAT, as text (`119.00`)."""

    gross: Annotated[str, Meta(max_length=16, pattern=r"^[0-9]{1,9}(\.[0-9]{1,2})?$(?!\n)")]
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)")]


class PeriodInput(Input, frozen=True, kw_only=True):
    """Without them the appointment's drop-off and collection."""

    start: Moment | None = None
    end: Moment | None = None


class SearchInput(PeriodInput, frozen=True, kw_only=True):
    """`classes`: one of them, `features`: all of them; by the ids of the terms."""

    station: Annotated[str, Meta(max_length=100)] | None = None
    classes: Ids = ()
    features: Ids = ()


class BookInput(PeriodInput, frozen=True, kw_only=True):
    """`price`: the one that was shown; if it is another one now nothing is booked. `customer_id`: another renter than
    the appointment's customer."""

    car: CarId
    price: PriceInput | None = None
    customer_id: Sign | None = None


class EndInput(Input, frozen=True, kw_only=True):
    end: Moment


class CancelInput(Input, frozen=True, kw_only=True):
    reason: Annotated[Line, Meta(min_length=1)]


class SiteQuery(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    site: Sign


class ListQuery(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    site: Sign | None = None


class PriceView(Struct, frozen=True):
    gross: str
    currency: str


class CarView(Struct, frozen=True, kw_only=True):
    """`vehicle_class` and `features` are ids of the terms; `ready_from`: when it can be handed over. `price` null: the
    partner gives none."""

    id: str
    plate: str
    vehicle_class: str
    features: tuple[str, ...]
    station: str
    ready_from: datetime | None
    price: PriceView | None


class TermsView(Struct, frozen=True, kw_only=True):
    """`lead_minutes`: a rental begins later than now plus this. `branch`: of the credentials, where the partner names
    it."""

    partner: str
    stations: tuple[Station, ...]
    classes: tuple[Choice, ...]
    features: tuple[Choice, ...]
    currency: str
    lead_minutes: int
    branch: str


class FoundView(Struct, frozen=True, kw_only=True):
    """`unknown`: ids that were searched for and that these credentials' branch doesn't have."""

    start: datetime
    end: datetime
    cars: list[CarView]
    valid_until: datetime | None
    unknown: tuple[str, ...]


class HistoryView(Struct, frozen=True, kw_only=True):
    at: datetime
    actor: str
    action: str
    changes: Mapping[str, tuple[str, str]]


class RentalView(Struct, frozen=True, kw_only=True):
    """A rental. `state`: `asking` while it isn't known whether it was made, `refused` or `withdrawn` if nothing came of
    it, else `reserved`, `out`, `returned`, `cancelled`, `no_show`, or the partner's own word. `waiting`: what was asked
    for isn't answered yet, and why. `reason`: why nothing came of it. `is_replaced`: another rental takes its place.
    `can_withdraw`: the booking can be taken back."""

    id: str
    appointment_id: str
    site: str
    partner: str
    number: str
    state: str
    start: datetime
    end: datetime
    car: CarView
    station: str
    price: PriceView | None
    overdue: bool
    is_replaced: bool
    replaces: str | None
    wanted_end: datetime | None
    cancel_reason: str
    out_at: datetime | None
    back_at: datetime | None
    reason: str | None
    made_by: str
    can_withdraw: bool
    waiting: str | None = None
    history: list[HistoryView] = []


class RenterView(Struct, frozen=True, kw_only=True):
    """`locked_by`: the DMS that alone may change the data."""

    customer_id: str
    name: str
    locked_by: str | None
    fields: Mapping[str, str]


class MobilityView(Struct, frozen=True, kw_only=True):
    """What the appointment's page shows. `refusal`: why nothing can be rented now. `rental`: the one that counts;
    `rentals`: all of the appointment, newest first; `others`: of the same customer in the same time. `mismatch`: how
    the rental doesn't fit the appointment."""

    appointment_id: str
    start: datetime
    end: datetime
    renter: RenterView | None
    rental: RentalView | None
    rentals: list[RentalView]
    others: list[RentalView]
    mismatch: Mismatch | None
    refusal: str | None


class RentalRoutes:
    def __init__(self, db: Database, service: Rentals) -> None:
        self._db = db
        self._service = service

    def routes(self) -> list[Route]:
        of = "/v1/appointments/{id}/rentals"
        one = "/v1/rentals/{id}"
        asking = partial(Route, method="POST", role=Role.ADMIN, result=RentalView, seconds=120)
        return [
            Route(
                method="GET", path="/v1/rentals", role=Role.READ, handler=self.list, query=ListQuery,
                result=Page[RentalView], summary="The rentals that hold a car, soonest first",
            ),
            Route(
                method="GET", path="/v1/rentals/terms", role=Role.READ, handler=self.terms, query=SiteQuery,
                result=TermsView, seconds=60, summary="Stations, vehicle classes and features of the rental partner",
            ),
            Route(
                method="GET", path=of, role=Role.READ, handler=self.mobility, result=MobilityView,
                summary="The mobility offer of an appointment: its rentals, and what can be rented",
            ),
            Route(
                method="POST", path=f"{of}/search", role=Role.ADMIN, handler=self.search, body=SearchInput,
                result=FoundView, seconds=60, summary="Search the rental cars that are free in the whole period",
            ),
            asking(
                path=of, handler=self.book, body=BookInput, status=201, repeatable=True,
                summary="Rent a car for an appointment",
            ),
            Route(method="GET", path=one, role=Role.READ, handler=self.get, result=RentalView, summary="One rental"),
            asking(path=f"{one}/end", handler=self.change_end, body=EndInput, summary="Change the end of a rental"),
            asking(path=f"{one}/cancel", handler=self.cancel, body=CancelInput, summary="Cancel a rental"),
            asking(
                path=f"{one}/rebook", handler=self.rebook, body=BookInput, status=201, repeatable=True,
                summary="Cancel a rental and book again, as one step",
            ),
            asking(
                path=f"{one}/withdraw", handler=self.withdraw,
                summary="Take a booking back whose answer isn't known yet",
            ),
            asking(path=f"{one}/refresh", handler=self.refresh, summary="Fetch the rental's state from the partner"),
        ]  # fmt: skip

    async def list(self, call: Call) -> Answer:
        query: ListQuery = call.query

        def work(tx: Tx) -> Page[RentalView]:
            found = [record for name in self._service.connectors() for record in rentals.live(tx, name, query.site)]
            return Page([self._view(tx, record) for record in found], None)

        return answer(await self._db.read(work))

    async def terms(self, call: Call) -> Answer:
        channel = self._service.channel()
        found = await self._service.terms(call.query.site, channel)
        return answer(_terms(found, channel.manifest.title))

    async def mobility(self, call: Call) -> Answer:
        refusal: Text | None = None
        try:
            self._service.channel()
        except Refused as error:
            refusal = error.text
        return answer(await self._db.read(lambda tx: self._mobility(tx, call.params["id"], refusal)))

    async def search(self, call: Call) -> Answer:
        wanted: SearchInput = call.body
        visit = await self._db.read(lambda tx: appointments.get(tx, call.params["id"]))
        start, end = _period(wanted, visit)
        wish = Wish(
            start=start, end=end, station=wanted.station or None, classes=wanted.classes, features=wanted.features
        )
        found = await self._service.search(visit.site, wish)
        view = FoundView(
            start=start, end=end, cars=[_car(car) for car in found.cars], valid_until=found.valid_until,
            unknown=found.unknown,
        )  # fmt: skip
        return answer(view)

    async def book(self, call: Call) -> Answer:
        known = await self._repeated(call)
        if known is not None:
            return await self._shown(Result(known), status=201)
        want, first = _want(call.body), self._first(call)
        result = await self._service.book(call.params["id"], want, author=call.author, first=first)
        return await self._shown(result, status=201)

    async def rebook(self, call: Call) -> Answer:
        known = await self._repeated(call)
        if known is not None:
            return await self._shown(Result(known), status=201)
        want, first = _want(call.body), self._first(call)
        result = await self._service.rebook(call.params["id"], want, author=call.author, first=first)
        return await self._shown(result, status=201)

    async def get(self, call: Call) -> Answer:
        return await self._shown(Result(call.params["id"]))

    async def change_end(self, call: Call) -> Answer:
        return await self._shown(await self._service.change_end(call.params["id"], call.body.end, author=call.author))

    async def cancel(self, call: Call) -> Answer:
        return await self._shown(await self._service.cancel(call.params["id"], call.body.reason, author=call.author))

    async def withdraw(self, call: Call) -> Answer:
        return await self._shown(await self._service.withdraw(call.params["id"]))

    async def refresh(self, call: Call) -> Answer:
        await self._service.refresh(call.params["id"])
        return await self._shown(Result(call.params["id"]))

    # ---

    def _first(self, call: Call):  # type: ignore[no-untyped-def] # called by the service with the record
        """A repeated request is answered with the rental that the first one made."""

        def first(tx: Tx, record: RentalRecord) -> None:
            once(call, lambda _: Answer(201, record.id.encode()), appointment_of=lambda _: record.appointment_id)(tx)

        return first

    async def _repeated(self, call: Call) -> str | None:
        first = await self._db.read(lambda tx: first_answer(tx, call))
        return None if first is None else first.content.decode()

    async def _shown(self, result: Result, *, status: int = 200) -> Answer:
        def work(tx: Tx) -> RentalView:
            record = rentals.get(tx, result.rental_id)
            return self._view(tx, record, waiting=result.waiting, with_history=True)

        view = await self._db.read(work)
        return answer(view, status=202 if view.waiting is not None else status)

    def _mobility(self, tx: Tx, appointment_id: str, refusal: Text | None) -> MobilityView:
        visit = appointments.get(tx, appointment_id)
        records = rentals.of_appointment(tx, appointment_id)
        counts = newest(records)
        is_cancelled = visit.status is Status.CANCELLED
        if refusal is None and is_cancelled:
            refusal = N_("The appointment is cancelled; no rental car is booked for it.")
        others = [] if visit.customer_id is None else rentals.of_customer(tx, visit.customer_id)
        return MobilityView(
            appointment_id=visit.id, start=visit.drop_off, end=visit.collection, renter=_renter(tx, visit),
            rental=None if counts is None else self._view(tx, counts, with_history=True),
            rentals=[self._view(tx, one) for one in reversed(records)],
            others=[
                self._view(tx, one)
                for one in others
                if one.appointment_id != visit.id and overlap(one, visit.drop_off, visit.collection)
            ],
            mismatch=mismatch(counts, visit.drop_off, visit.collection, is_cancelled=is_cancelled),
            refusal=None if refusal is None else str(refusal),
        )  # fmt: skip

    def _view(
        self, tx: Tx, record: RentalRecord, *, waiting: Text | None = None, with_history: bool = False
    ) -> RentalView:
        history = rentals.history(tx, record.id) if with_history else []
        return RentalView(
            id=record.id, appointment_id=record.appointment_id, site=record.site,
            partner=self._service.title_of(record.connector), number=record.number, state=record.state,
            start=record.start, end=record.end, car=_car(record.car), station=self._service.station_name(record),
            price=_price(record.price), overdue=is_overdue(record, tx.now), is_replaced=record.is_replaced,
            replaces=record.replaces, wanted_end=record.wanted_end, cancel_reason=record.cancel_reason,
            out_at=record.out_at, back_at=record.back_at, reason=None if record.reason is None else str(record.reason),
            made_by=record.made_by, can_withdraw=withdrawable(tx, record.id) is not None,
            waiting=self._waiting(tx, record, waiting),
            history=[
                HistoryView(at=one.at, actor=one.actor, action=one.action, changes=one.changes) for one in history
            ],
        )  # fmt: skip

    def _waiting(self, tx: Tx, record: RentalRecord, told: Text | None) -> str | None:
        """Why what was asked for isn't answered yet; None: nothing is under way."""
        under_way = rentals.under_way(tx, record.id)
        if told is None and under_way is None:
            return None
        return str(told or under_way or N_("it is being asked"))


def _want(wanted: BookInput) -> Want:
    price = None
    if wanted.price is not None:
        try:
            price = Price(Decimal(wanted.price.gross).quantize(Decimal("0.01")), wanted.price.currency)
        except InvalidOperation:
            raise wrong("price.gross", N_("This is no price.")) from None
    return Want(
        car=wanted.car, start=wanted.start, end=wanted.end, price=price, customer_id=wanted.customer_id
    )  # fmt: skip


def _period(wanted: PeriodInput, visit: Appointment) -> tuple[datetime, datetime]:
    start, end = wanted.start or visit.drop_off, wanted.end or visit.collection
    if end <= start:
        raise wrong("end", N_("The rental can't end before it begins."))
    return start, end


def _renter(tx: Tx, visit: Appointment) -> RenterView | None:
    found = None if visit.customer_id is None else customers.find(tx, visit.customer_id)
    if found is None or found.erased:
        return None
    renter = renter_of(found, "")
    values = {name: value for name in RENTER_FIELDS if (value := str(getattr(renter, name) or ""))}
    return RenterView(customer_id=found.id, name=found.name, locked_by=found.locked_by, fields=values)


def _terms(terms: Terms, title: str) -> TermsView:
    return TermsView(
        partner=title, stations=terms.stations, classes=terms.classes, features=terms.features,
        currency=terms.currency, lead_minutes=int(terms.lead.total_seconds() // 60), branch=terms.branch,
    )  # fmt: skip


def _car(car: Car) -> CarView:
    return CarView(
        id=car.id, plate=car.plate, vehicle_class=car.vehicle_class, features=car.features, station=car.station,
        ready_from=car.ready_from, price=_price(car.price),
    )  # fmt: skip


def _price(price: Price | None) -> PriceView | None:
    return None if price is None else PriceView(str(price.gross), price.currency)
