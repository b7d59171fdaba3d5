"""A dealership, its rentals, and a partner of rentals in memory that loses answers when it is told to."""

from __future__ import annotations

import json
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from tests.support.bookkeeping import DESK, Dealership, draft
from wtpd.book import rentals as book
from wtpd.book.rentals import House, Order
from wtpd.calls.engine import Calls
from wtpd.channel.errors import CursorRefused, NeedsToken, Precondition, Transient
from wtpd.errors import Refused
from wtpd.rentals.feed import Feed
from wtpd.rentals.kinds import kinds
from wtpd.rentals.ports import (
    AlreadyOut,
    CarTaken,
    EndCollides,
    ReferenceUsed,
    RentalClosed,
    RentalPartner,
    RentalUnknown,
    Secrets,
    Session,
)
from wtpd.rentals.records import Booking, Car, Found, Rental, RentalPage, RentalRecord, Terms, Wish
from wtpd.store import attention, calls, rentals
from wtpd.store.database import Database
from wtpd.store.rentals import RentalSession

T = TypeVar("T")

CARS = tuple(Car(id=f"F{number}", plate=f"HRO-RC {number}", vehicle_class="KLEIN") for number in (1, 2, 3))
TERMS = Terms(stations=(), classes=(), features=(), currency="EUR", lead=timedelta(minutes=30))


class Transactions:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def read(self, work: Callable[[Session], Any]) -> Any:
        return await self._db.read(lambda tx: work(RentalSession(tx, book.visit_of)))

    async def write(self, work: Callable[[Session], Any]) -> Any:
        return await self._db.write(lambda tx: work(RentalSession(tx, book.visit_of)))


class Depot:
    """A `RentalPartner`, and its clerk. `script`: what becomes of the next calls; after it all goes well."""

    def __init__(self) -> None:
        self.rentals: dict[str, Rental] = {}
        self.bodies: dict[str, str] = {}
        self.log: list[str] = []
        self.script: list[str] = []
        self.changes_made = 0

    # --- the clerk

    def change(self, number: str, **values: Any) -> None:
        one = self.rentals[number]
        self.rentals[number] = replace(one, version=one.version + 1, by_partner=True, **values)
        self._note(number)

    def live(self, appointment: str) -> list[Rental]:
        return [one for one in self.rentals.values() if one.appointment == appointment and not one.is_closed]

    # --- the partner

    async def terms(self, secrets: Any) -> Terms:
        return TERMS

    async def search(self, secrets: Any, wish: Wish) -> Found:
        return Found(cars=tuple(car for car in CARS if self._is_free(car.id, wish.start, wish.end)))

    def encode_booking(self, booking: Booking) -> str:
        return json.dumps(
            [booking.reference, booking.appointment, booking.car, booking.start.isoformat(), booking.end.isoformat()]
        )

    def encode_end(self, end: datetime) -> str:
        return end.isoformat()

    def encode_cancellation(self, reason: str) -> str:
        return reason

    async def book(self, secrets: Any, body: str) -> Rental:
        return self._through(lambda: self._book(body), CarTaken("taken"))

    async def find(self, secrets: Any, reference: str) -> Rental | None:
        self._look()
        return next((one for one in self.rentals.values() if one.reference == reference), None)

    async def get(self, secrets: Any, number: str) -> Rental:
        self._look()
        if number not in self.rentals:
            raise RentalUnknown("unknown", status=404)
        return self.rentals[number]

    async def change_end(self, secrets: Any, number: str, version: int, body: str) -> Rental:
        return self._through(lambda: self._change_end(number, version, datetime.fromisoformat(body)), EndCollides("no"))

    async def cancel(self, secrets: Any, number: str, body: str) -> Rental:
        return self._through(lambda: self._cancel(number, body), AlreadyOut("out", status=409))

    async def changes(
        self, secrets: Any, cursor: str | None, since: datetime | None, *, limit: int = 100
    ) -> RentalPage:
        self._look()
        if cursor == "refused":
            raise CursorRefused("unknown cursor", status=400)
        seen = int(cursor or 0)
        rest = self.log[seen : seen + limit]
        found = tuple(self.rentals[number] for number in dict.fromkeys(rest))
        return RentalPage(rentals=found, cursor=str(seen + len(rest)), more=seen + len(rest) < len(self.log))

    async def close(self) -> None: ...

    # ---

    def _look(self) -> None:
        if self.script and self.script[0] in ("away", "login"):
            self._raise(self.script.pop(0))

    def _through(self, act: Callable[[], Rental], refusal: Exception) -> Rental:
        fault = self.script.pop(0) if self.script else "ok"
        if fault == "refuse":
            raise refusal
        self._raise(fault)
        answer = act()
        if fault == "lost":
            raise Transient("the answer was lost")
        return answer

    def _raise(self, fault: str) -> None:
        if fault == "away":
            raise Transient("no connection")
        if fault == "login":
            raise NeedsToken("401")

    def _book(self, body: str) -> Rental:
        reference, appointment, car, start, end = json.loads(body)
        known = next((one for one in self.rentals.values() if one.reference == reference), None)
        if known is not None:
            if self.bodies[reference] != body:
                raise ReferenceUsed("another body")
            return known
        first, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
        if not self._is_free(car, first, last):
            raise CarTaken("taken", alternatives=[one for one in CARS if self._is_free(one.id, first, last)])
        number = f"V{len(self.rentals) + 1}"
        self.bodies[reference] = body
        self.rentals[number] = Rental(
            number=number, reference=reference, appointment=appointment, state="reserved", start=first, end=last,
            car=next(one for one in CARS if one.id == car), version=1,
        )  # fmt: skip
        self._note(number)
        return self.rentals[number]

    def _change_end(self, number: str, version: int, end: datetime) -> Rental:
        one = self.rentals[number]
        if one.is_closed:
            raise RentalClosed("over", status=409)
        if one.version != version:
            raise Precondition("412")
        if not self._is_free(one.car.id, one.start, end, but=number):
            raise EndCollides("booked", latest_end=one.end)
        self.rentals[number] = replace(one, end=end, version=version + 1, by_partner=False)
        self._note(number)
        return self.rentals[number]

    def _cancel(self, number: str, reason: str) -> Rental:
        one = self.rentals[number]
        if one.state in ("out", "returned"):
            raise AlreadyOut("out", status=409)
        if one.state == "reserved":
            self.rentals[number] = replace(
                one, state="cancelled", version=one.version + 1, cancel_reason=reason, by_partner=False
            )
            self._note(number)
        return self.rentals[number]

    def _is_free(self, car: str, start: datetime, end: datetime, *, but: str = "") -> bool:
        held = [one for one in self.rentals.values() if one.car.id == car and not one.is_closed and one.number != but]
        return not any(one.start < end and start < one.end for one in held)

    def _note(self, number: str) -> None:
        self.log.append(number)


class Desk:
    def __init__(self, depot: Depot) -> None:
        self._depot = depot

    async def ask(self, site: str, work: Callable[[RentalPartner, Secrets], Awaitable[T]]) -> T:
        return await work(self._depot, {"token": "t"})


@dataclass
class RentalWorld:
    dealership: Dealership
    appointment: str
    depot: Depot = field(default_factory=Depot)

    @classmethod
    async def open(cls, path: Path) -> RentalWorld:
        dealership = await Dealership.open(path)
        person = {"last_name": "Muster", "first_name": "Eva", "email": "eva@example.org"}
        customer = await dealership.do(lambda tx: dealership.book.create_customer(tx, person, author=DESK))
        made = await dealership.do(
            lambda tx: dealership.book.create(tx, draft(customer_id=customer.id), author=DESK, allow_over_limit=True)
        )
        world = cls(dealership, made.id)
        world.start()
        return world

    def start(self) -> None:
        """As after a crash: what the process knew is gone."""
        transactions = Transactions(self.dealership.database)
        desk = Desk(self.depot)
        self.calls = Calls(
            "carloop", kinds("carloop", "Carloop", desk), transactions, clock=self.dealership.clock,
            chance=random.Random(0),
        )  # fmt: skip
        self.feed = Feed("carloop", "Carloop", "Carloop", transactions)

    @property
    def house(self) -> House:
        return House(connector="carloop", title="Carloop", channel="carloop", encode=self.depot, terms=TERMS)

    async def order(self, car: int = 0, hours: float = 4, delay: float = 0) -> Order:
        visit = await self.dealership.see(lambda tx: book.visit_of(tx, self.appointment))
        assert visit is not None
        start = visit.drop_off + timedelta(hours=delay)
        return Order(car=CARS[car], start=start, end=start + timedelta(hours=hours))

    async def book(self, order: Order) -> RentalRecord:
        return await self.dealership.do(lambda tx: book.book(tx, self.house, self.appointment, order, author=DESK))

    async def rebook(self, rental: str, order: Order) -> RentalRecord:
        return await self.dealership.do(lambda tx: book.rebook(tx, self.house, rental, order, author=DESK))

    async def cancel(self, rental: str, reason: str = "doch nicht") -> str:
        return await self.dealership.do(lambda tx: book.cancel(tx, self.house, rental, reason, author=DESK))

    async def change_end(self, rental: str, end: datetime) -> str:
        return await self.dealership.do(lambda tx: book.change_end(tx, self.house, rental, end, author=DESK))

    async def made(self, car: int = 0) -> RentalRecord:
        """A rental that is booked."""
        record = await self.book(await self.order(car))
        await self.calls.perform(record.reference)
        return await self.record(record.id)

    async def record(self, rental: str) -> RentalRecord:
        return await self.dealership.see(lambda tx: rentals.get(tx, rental))

    async def records(self) -> list[RentalRecord]:
        return await self.dealership.see(lambda tx: rentals.of_appointment(tx, self.appointment))

    async def listed(self) -> dict[str, Any]:
        """What is listed for attention, by kind."""
        entries = await self.dealership.see(lambda tx: attention.page(tx))
        return {entry.kind: entry.data for entry in entries if entry.kind.startswith("rental")}

    async def rest(self) -> None:
        """Make each open call until there is none."""
        for _ in range(60):
            due = await self.dealership.do(self._due)
            if not due:
                return
            for key in due:
                await self.calls.perform(key)
        raise AssertionError("calls don't come to an end")

    def _due(self, tx: Any) -> list[str]:
        stored = calls.StoredCalls(tx)
        stored.hurry("carloop")
        return [call.key for call in stored.due("carloop", limit=50)]

    async def refresh(self) -> int:
        return await self.feed.read(self.depot, {}, "general")

    async def tried(self, ask: Any) -> Any:
        """What a person asks for; None if it is refused at the desk."""
        with suppress(Refused):
            return await ask
        return None
