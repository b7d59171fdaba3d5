"""Our side and a partner, with everything real but the partner and the clock: for tests of two-way sync."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from tests.support.bookkeeping import DESK, draft, make_book
from tests.support.hand_clock import HandClock
from tests.support.partner_model import PartnerModel
from wtpd.book.availability import offers
from wtpd.book.book import Book
from wtpd.book.sync_port import SyncBook
from wtpd.channel.spec import ChannelSpec
from wtpd.planner.appointment import Appointment
from wtpd.planner.resources import Advisor, CourtesyCar
from wtpd.store import appointments, attention, channels, history, messages, runs
from wtpd.store.database import Database, Event, Tx
from wtpd.store.messages import Message
from wtpd.store.session import StoreSession, StoreTransactions
from wtpd.sync.channel import Channel
from wtpd.sync.ports import DayOffer, Incoming, RunRecord, Session
from wtpd.sync.resend import resend

T = TypeVar("T")

NOW = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)
ACCOUNT = "21774"
SPEC = ChannelSpec(
    id="superservice/rostock", connector="superservice", site="rostock", department="Werkstatt", account=ACCOUNT,
    actor="SUPERSERVICE",
)  # fmt: skip

FIELDS: Mapping[str, Any] = {
    "drop_off": "2026-11-10T08:00:00Z",
    "collection": "2026-11-10T15:00:00Z",
    "status": "scheduled",
    "transport_option": "none",
    "courtesy_car": None,
    "customer_waiting": False,
    "advisor": None,
    "notes": "",
    "interventions": [
        {"code": "INSP", "title": "Inspektion", "description": "", "labour_units": 8.0, "price_cents": None}
    ],
    "customer.first_name": "Heike",
    "customer.last_name": "Janssen",
    "customer.mobile": "+491711234567",
    "vehicle.plate": "HRO-HJ 12",
}
"""An appointment as the partner's customer makes it."""


class World:
    """`open` it, do something on either side, `sync`, and look."""

    def __init__(self, path: Path, partner: PartnerModel, clock: HandClock, book: Book) -> None:
        self.path = path
        self.partner = partner
        self.clock = clock
        self.book = book
        self.spec = SPEC
        self.events: list[Event] = []
        self.database: Database
        self.transactions: StoreTransactions
        self.channel: Channel

    @classmethod
    async def open(cls, path: Path, spec: ChannelSpec = SPEC) -> World:
        world = cls(path, PartnerModel(), HandClock(NOW), make_book())
        world.spec = spec
        await world.start()
        await world.write(world.furnish)
        return world

    async def start(self) -> None:
        """As the daemon does it: open the file, put the mapping into force, make the channel."""
        self.database = await Database.open(self.path, clock=self.clock, readers=1)
        self.transactions = StoreTransactions(self.database, lambda tx: SyncBook(self.book, tx))
        await self.put(self.spec)

    async def put(self, spec: ChannelSpec, *, published: bool = False) -> None:
        self.spec = spec
        await self.write(lambda tx: channels.put(tx, spec))
        self.channel = Channel(
            spec, self.partner, self.transactions, clock=self.clock, chance=random.Random(1),
            offers=self.offers if published else None,
        )  # fmt: skip
        self.database.listeners[:] = [lambda events, signals: self._heard(events, signals)]

    async def restart(self) -> None:
        """Lose all that is in memory."""
        await self.database.close()
        await self.start()

    async def close(self) -> None:
        await self.database.close()

    def offers(self, session: Session, days: Sequence[date]) -> Sequence[DayOffer]:
        return offers(session.tx, self.book, self.spec.site, self.spec.department, days)

    def _heard(self, events: Sequence[Event], signals: frozenset[str]) -> None:
        self.events += events
        self.channel.notice(signals)

    # Doing

    async def write(self, work: Callable[[Tx], T]) -> T:
        return await self.database.write(work)

    async def read(self, work: Callable[[Tx], T]) -> T:
        return await self.database.read(work)

    async def sync(self, trigger: str = "manual") -> RunRecord:
        return await self.channel.run(trigger)

    async def make(self, **other: Any) -> Appointment:
        return await self.write(lambda tx: self.book.create(tx, draft(**other), author=DESK, allow_over_limit=True))

    async def change(self, appointment_id: str, **changes: Any) -> Appointment:
        return await self.write(
            lambda tx: self.book.change(
                tx, appointment_id, changes, author=DESK, expected_version=None, allow_over_limit=True
            )
        )

    async def cancel(self, appointment_id: str, reason: str | None = None) -> Appointment:
        return await self.write(
            lambda tx: self.book.cancel(tx, appointment_id, author=DESK, expected_version=None, reason=reason)
        )

    async def resend(self, appointment_id: str, by: str = "maria") -> str:
        def work(tx: Tx) -> str:
            return resend(StoreSession(tx, SyncBook(self.book, tx)), self.spec.id, appointment_id, by=by)

        return await self.write(work)

    def furnish(self, tx: Tx) -> None:
        for number in (1, 2):
            car = CourtesyCar(id=f"EW{number}", plate=f"HRO-EW {number}", site="rostock")
            self.book.put_courtesy_car(tx, car, author=DESK)
            advisor = Advisor(id=f"SB{number}", name=f"Berater {number}", site="rostock", department="Werkstatt")
            self.book.put_advisor(tx, advisor, author=DESK)

    # Looking

    async def ours(self) -> list[Appointment]:
        rows = await self.read(lambda tx: [row["id"] for row in tx.all("SELECT id FROM appointment ORDER BY id")])
        return [await self.get(each) for each in rows]

    async def get(self, appointment_id: str) -> Appointment:
        return await self.read(lambda tx: appointments.get(tx, appointment_id))

    async def only(self) -> Appointment:
        (appointment,) = await self.ours()
        return appointment

    async def shared(self, appointment_id: str) -> Mapping[str, Any]:
        ours = await self.read(lambda tx: SyncBook(self.book, tx).ours(self.spec.id, appointment_id))
        assert ours is not None
        return ours.fields

    def theirs(self, account: str = ACCOUNT) -> Incoming:
        (item,) = self.partner.held[account].values()
        return item

    async def attention(self, kind: str | None = None) -> list[attention.Attention]:
        return await self.read(lambda tx: attention.page(tx, kind=kind))

    async def history_of(self, appointment_id: str) -> list[tuple[str, str]]:
        entries = await self.read(lambda tx: history.of(tx, appointment_id))
        return sorted((entry.version, entry.actor, entry.action) for entry in entries)

    async def said(self, appointment_id: str) -> list[Message]:
        """What was said about it, oldest first."""
        return await self.read(lambda tx: messages.of_appointment(tx, appointment_id)[::-1])

    async def runs(self) -> list[RunRecord]:
        return await self.read(lambda tx: runs.page(tx))

    async def count(self, table: str) -> int:
        return await self.read(lambda tx: int(tx.all(f"SELECT count(*) AS n FROM {table}")[0]["n"]))


async def settle(world: World, runs: int = 3) -> None:
    """Let both sides come to rest."""
    for _ in range(runs):
        world.clock.advance(timedelta(minutes=10))
        assert (await world.sync()).error is None


def there(world: World, our_id: str) -> Incoming:
    """The live appointment of the partner with our id."""
    (item,) = [item for item in world.partner.live(ACCOUNT).values() if item.our_id == our_id]
    return item


def later(hours: float) -> str:
    return (NOW + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


async def until(condition: Callable[[], bool], what: str = "") -> None:
    """Let everything else go on until `condition` holds."""
    deadline = asyncio.get_running_loop().time() + 10
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"never happened: {what or condition}")
        await asyncio.sleep(0)
