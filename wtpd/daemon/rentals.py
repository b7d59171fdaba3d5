"""Rental cars out of an appointment, for whoever asks: search, book, change the end, cancel, book again.

A car is looked up again right before it is booked, unless the search still counts; then the call is made at once, and
so are those that follow it. What can't be finished now goes on by itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from wtpd.book import rentals as use_cases
from wtpd.book.rentals import House, Order
from wtpd.calls.records import Done, Outcome, Refused, Waiting
from wtpd.channel.errors import NeedsToken, PartnerError, Rejected, in_its_words, why
from wtpd.clock import Clock, iso
from wtpd.daemon.channels.channel import UNUSABLE
from wtpd.daemon.channels.rentals import RentalChannel
from wtpd.daemon.fleet import Fleet
from wtpd.daemon.reload import Settings
from wtpd.errors import NotFound, Unavailable
from wtpd.errors import Refused as NotPossible
from wtpd.planner.history import Author
from wtpd.rentals.ports import (
    AlreadyOut,
    CarTaken,
    EndCollides,
    PriceChanged,
    RentalClosed,
    RentalPartner,
    RenterIncomplete,
    RenterRefused,
    Secrets,
    TooLate,
)
from wtpd.rentals.records import Car, Found, Price, RentalRecord, Terms, Wish
from wtpd.store import appointments, calls, rentals
from wtpd.store.database import Database, Tx
from wtpd.texts import N_, Text

T = TypeVar("T")

TERMS_KEPT = 300.0
"""Seconds for which the partner's terms count."""
SEARCH_KEPT = timedelta(minutes=5)
"""How long a search counts that doesn't say it."""
MOST = 2000
"""Cars of searches that are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """What somebody wants to rent: the car's id at the partner; the period, None: the appointment's. `price`: the one
    that was shown; another one is refused. `customer_id`: another renter."""

    car: str
    start: datetime | None = None
    end: datetime | None = None
    price: Price | None = None
    customer_id: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it. `waiting`: it isn't known yet, and why; None: it is done."""

    rental_id: str
    waiting: Text | None = None


@dataclass(frozen=True, slots=True)
class _Seen:
    car: Car
    start: datetime
    end: datetime
    until: datetime


class Rentals:
    def __init__(self, db: Database, fleet: Fleet, settings: Settings, clock: Clock) -> None:
        self._db = db
        self._fleet = fleet
        self._settings = settings
        self._clock = clock
        self._terms: dict[tuple[str, str], tuple[float, Terms]] = {}
        self._seen: dict[tuple[str, str, str], _Seen] = {}

    def channel(self, connector: str | None = None) -> RentalChannel:
        """The channel of the connector, or of the first that rents out cars. Raises `NotPossible` of kind
        `no-rentals` with the reason if there is none that can be asked now."""
        refusal: NotPossible | None = None
        for name in [connector] if connector else self.connectors():
            try:
                found = self._fleet.working(name)[0]
            except (NotFound, NotPossible) as error:
                reason: Text | None = error.text
            else:
                condition = found.row.condition
                if condition.state not in UNUSABLE and isinstance(found, RentalChannel):
                    return found
                reason = condition.reason
            refusal = refusal or _not_now(self.title_of(name), reason)
        raise refusal or NotPossible(N_("No partner rents out cars here."), kind="no-rentals")

    def connectors(self) -> list[str]:
        """The connectors that rent out cars."""
        return [name for name, one in self._fleet.manifests.items() if one.rentals is not None]

    def title_of(self, connector: str) -> str:
        """Of the connector, for people."""
        return self._fleet.title_of(connector)

    def station_name(self, record: RentalRecord) -> str:
        """Of the rental's station, where the partner's terms are known; else its id."""
        known = (terms for (connector, _), (_, terms) in self._terms.items() if connector == record.connector)
        stations = (one for terms in known for one in terms.stations)
        return next((one.name for one in stations if one.id == record.station), record.station)

    async def terms(self, site: str, channel: RentalChannel | None = None) -> Terms:
        """Stations, classes and features for the site. Raises `Unavailable`, `NotPossible`."""
        channel = channel or self.channel()
        key = channel.manifest.name, channel.desk.scope(site)
        kept = self._terms.get(key)
        if kept is not None and self._clock.monotonic() - kept[0] < TERMS_KEPT:
            return kept[1]
        found = await self._asked(channel, site, lambda partner, secrets: partner.terms(secrets))
        self._terms[key] = self._clock.monotonic(), found
        return found

    async def search(self, site: str, wish: Wish, channel: RentalChannel | None = None) -> Found:
        """The cars that are free in the whole period. Raises `Unavailable`, `NotPossible`."""
        channel = channel or self.channel()
        terms = await self.terms(site, channel)
        if wish.start <= self._clock.now() + terms.lead:
            raise use_cases.too_late(terms.lead)
        found = await self._asked(channel, site, lambda partner, secrets: partner.search(secrets, wish))
        until = found.valid_until or self._clock.now() + SEARCH_KEPT
        for car in found.cars:
            self._seen[channel.manifest.name, channel.desk.scope(site), car.id] = _Seen(
                car, wish.start, wish.end, until
            )
        while len(self._seen) > MOST:
            del self._seen[next(iter(self._seen))]
        return found

    async def book(
        self, appointment_id: str, want: Want, *, author: Author, first: Callable[[Tx, RentalRecord], None]
    ) -> Result:
        """Rent a car for the appointment. `first` is called in the transaction that stores it. Raises `NotFound`,
        `Invalid`, `Unavailable`, and `NotPossible` of the kinds of `use_cases.book` and of `problem_of`."""
        channel, house, order = await self._order(appointment_id, want)

        def work(tx: Tx) -> RentalRecord:
            record = use_cases.book(tx, house, appointment_id, order, author=author)
            first(tx, record)
            return record

        record = await self._db.write(work)
        return await self._follow(channel, record, record.reference)

    async def rebook(
        self, rental_id: str, want: Want, *, author: Author, first: Callable[[Tx, RentalRecord], None]
    ) -> Result:
        """*Cancel and book again*. Raises as `book`."""
        old = await self._db.read(lambda tx: rentals.get(tx, rental_id))
        channel, house, order = await self._order(old.appointment_id, want, old=old)

        def work(tx: Tx) -> tuple[RentalRecord, str]:
            record = use_cases.rebook(tx, house, rental_id, order, author=author)
            first(tx, record)
            return record, use_cases.first_key(tx, record)

        record, key = await self._db.write(work)
        return await self._follow(channel, record, key)

    async def change_end(self, rental_id: str, end: datetime, *, author: Author) -> Result:
        """Raises as `use_cases.change_end` and `book`."""
        channel, record = await self._known(rental_id)
        house = self._house(channel, record.site, None)
        key = await self._db.write(lambda tx: use_cases.change_end(tx, house, rental_id, end, author=author))
        return await self._follow(channel, record, key)

    async def cancel(self, rental_id: str, reason: str, *, author: Author) -> Result:
        """Raises as `use_cases.cancel` and `book`."""
        channel, record = await self._known(rental_id)
        house = self._house(channel, record.site, None)
        key = await self._db.write(lambda tx: use_cases.cancel(tx, house, rental_id, reason, author=author))
        return await self._follow(channel, record, key)

    async def withdraw(self, rental_id: str) -> Result:
        """Take a booking back whose answer isn't known. Raises `NotPossible` of kind `not-waiting`."""
        channel, record = await self._known(rental_id)
        key = await self._db.read(lambda tx: use_cases.withdrawable(tx, rental_id))
        if key is None:
            raise NotPossible(N_("No booking of this rental is waiting that could be taken back."), kind="not-waiting")
        outcome = await channel.calls.withdraw(key)
        if isinstance(outcome, Done):
            return await self._rest(channel, record, key)
        return Result(rental_id, _waiting(outcome))

    async def refresh(self, rental_id: str) -> None:
        """Fetch the rental's state now. Raises as `terms`."""
        channel, record = await self._known(rental_id)
        if record.number:
            fetched = await self._asked(
                channel, record.site, lambda partner, secrets: partner.get(secrets, record.number)
            )
            await channel.feed.take(fetched)

    # ---

    async def _known(self, rental_id: str) -> tuple[RentalChannel, RentalRecord]:
        record = await self._db.read(lambda tx: rentals.get(tx, rental_id))
        return self.channel(record.connector), record

    async def _order(
        self, appointment_id: str, want: Want, *, old: RentalRecord | None = None
    ) -> tuple[RentalChannel, House, Order]:
        visit = await self._db.read(lambda tx: appointments.get(tx, appointment_id))
        channel = self.channel(old.connector if old is not None else None)
        terms = await self.terms(visit.site, channel)
        start, end = want.start or visit.drop_off, want.end or visit.collection
        if old is not None and old.car.id == want.car and start < old.end and old.start < end:
            car = old.car  # the old rental is in the way of a search
        else:
            car = await self._car(channel, visit.site, want, start, end)
        customer = want.customer_id or (old.customer_id if old is not None else None)
        order = Order(car=car, start=start, end=end, customer_id=customer, expected_price=want.price and car.price)
        return channel, self._house(channel, visit.site, terms), order

    async def _car(self, channel: RentalChannel, site: str, want: Want, start: datetime, end: datetime) -> Car:
        """The car as it was found for this period, looked up again where that doesn't count any more."""
        key = channel.manifest.name, channel.desk.scope(site), want.car
        seen = self._seen.get(key)
        if seen is None or (seen.start, seen.end) != (start, end) or seen.until <= self._clock.now():
            found = await self.search(site, Wish(start=start, end=end), channel)
            if all(car.id != want.car for car in found.cars):
                raise _taken(found.cars)
            seen = self._seen[key]
        if want.price is not None and seen.car.price is not None and seen.car.price != want.price:
            raise _other_price(seen.car.price)
        return seen.car

    def _house(self, channel: RentalChannel, site: str, terms: Terms | None) -> House:
        config = self._settings.config
        language = next((one.language for one in config.sites if one.id == site), None) or config.language
        name, title = channel.manifest.name, channel.manifest.title
        return House(
            connector=name, title=title, channel=name, encode=channel.desk.partner, language=language, terms=terms
        )

    async def _follow(self, channel: RentalChannel, record: RentalRecord, key: str) -> Result:
        """Make the call and those that follow it. Raises the problem of the first that is refused."""
        outcome = await channel.calls.perform(key)
        if not isinstance(outcome, Done | Refused):
            return Result(record.id, _waiting(outcome))
        saga = record.id if key != record.id and key.startswith(record.id) else key
        rest = await self._rest(channel, record, saga)
        if isinstance(outcome, Refused):
            raise problem_of(outcome.error, channel.manifest.title)
        return rest

    async def _rest(self, channel: RentalChannel, record: RentalRecord, saga: str) -> Result:
        """The further steps of a saga."""
        refusal: PartnerError | None = None
        while True:
            following = await self._db.read(lambda tx: calls.open_of_saga(tx, saga))
            if not following:
                break
            outcome = await channel.calls.perform(following[0].key)
            if isinstance(outcome, Refused):
                refusal = refusal or outcome.error
            elif not isinstance(outcome, Done):
                return Result(record.id, _waiting(outcome))
        if refusal is not None:
            raise problem_of(refusal, channel.manifest.title)
        return Result(record.id)

    async def _asked(
        self, channel: RentalChannel, site: str, work: Callable[[RentalPartner, Secrets], Awaitable[T]]
    ) -> T:
        title = channel.manifest.title
        try:
            return await channel.desk.ask(site, work)
        except Rejected as error:
            raise problem_of(error, title) from None
        except PartnerError as error:
            kind = "needs-token" if isinstance(error, NeedsToken) else "partner-unavailable"
            raise Unavailable(
                N_("{title} can't be asked: {reason}", title=title, reason=why(error)), kind=kind
            ) from None


def _not_now(title: str, reason: Text | None) -> NotPossible:
    if reason is None:
        return NotPossible(N_("{title} can't be asked now.", title=title), kind="no-rentals")
    return NotPossible(N_("{title} can't be asked: {reason}", title=title, reason=reason), kind="no-rentals")


def problem_of(error: PartnerError, title: str) -> NotPossible:
    """What a partner's refusal means to whoever asked; `facts` are JSON values. Kinds: `car-taken`, `price-changed`,
    `end-collides`, `renter-refused`, `renter-incomplete`, `too-late`, `handed-over`, `closed`, `partner-refused`."""
    match error:
        case CarTaken():
            return _taken(error.alternatives)
        case PriceChanged():
            return _other_price(error.price)
        case EndCollides():
            text = N_("The car is booked again before that. A shorter end, or another car: cancel and book again.")
            latest = None if error.latest_end is None else iso(error.latest_end)
            facts = {"latest_end": latest, "alternatives": msgspec.to_builtins(error.alternatives)}
            return NotPossible(text, kind="end-collides", facts=facts)
        case RenterRefused():
            text = N_("{title} doesn't rent to this customer.", title=title)
            return NotPossible(text, kind="renter-refused", facts={"said": error.said})
        case RenterIncomplete():
            text = N_("{title} needs more about the customer: {reason}", title=title, reason=in_its_words(error))
            return NotPossible(text, kind="renter-incomplete", facts={"field": error.field})
    kinds: tuple[tuple[type[PartnerError], str], ...] = (
        (TooLate, "too-late"), (AlreadyOut, "handed-over"), (RentalClosed, "closed"),
    )  # fmt: skip
    kind = next((name for one, name in kinds if isinstance(error, one)), "partner-refused")
    return NotPossible(N_("{title} refuses: {reason}", title=title, reason=in_its_words(error)), kind=kind)


def _taken(cars: tuple[Car, ...]) -> NotPossible:
    text = N_("This car isn't free any more in that period. Choose another one.")
    return NotPossible(text, kind="car-taken", facts={"alternatives": msgspec.to_builtins(cars)})


def _other_price(price: Price | None) -> NotPossible:
    text = N_("The price is another one now. Nothing was booked; look at it, and confirm again.")
    facts = {"price": None if price is None else {"gross": str(price.gross), "currency": price.currency}}
    return NotPossible(text, kind="price-changed", facts=facts)


def _waiting(outcome: Outcome[Any]) -> Text | None:
    """Why it isn't done yet; None: it was taken back."""
    if not isinstance(outcome, Waiting) or outcome.error is None:
        return None
    return why(outcome.error)
