"""A dealership with two sites, and a database to keep its book in, for tests of the book and the store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, TypeVar

from wtpd.book.book import Book
from wtpd.book.draft import Draft
from wtpd.planner.appointment import Intervention
from wtpd.planner.history import Author
from wtpd.planner.resources import Advisor, CourtesyCar, DepartmentPlan, DropOffWindow
from wtpd.store.database import Database, Event, Tx

T = TypeVar("T")

NOW = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)
DESK = Author(actor="maria", interface="desk")
API = Author(actor="frontend", interface="api")
MONDAY = datetime(2026, 11, 9, 7, 0, tzinfo=UTC)
"""08:00 in Rostock."""


class Noon:
    """A clock that stands until somebody turns it."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def plan(site: str = "rostock", department: str = "Werkstatt", **other: Any) -> DepartmentPlan:
    """100 AW from Monday to Friday, 80 per cent of them to book."""
    window = DropOffWindow(start=time(7, 30), end=time(16), slot_minutes=30, places=2)
    values: dict[str, Any] = {
        "region": "MV",
        "capacity": dict.fromkeys(range(1, 6), 100.0),
        "load_limit": 80,
        "drop_off": dict.fromkeys(range(1, 6), (window,)),
    }
    return DepartmentPlan(site=site, department=department, **{**values, **other})


def make_book() -> Book:
    plans = [plan(), plan(department="Karosserie"), plan("guestrow")]
    return Book({(each.site, each.department): each for each in plans})


class Dealership:
    """A book in a database; `await` its `do` for one transaction."""

    def __init__(self, database: Database, book: Book, clock: Noon) -> None:
        self.database = database
        self.book = book
        self.clock = clock
        self.events: list[Event] = []
        self.signals: set[str] = set()
        database.listeners.append(self._heard)

    @classmethod
    async def open(cls, path: Path) -> Dealership:
        clock = Noon()
        dealership = cls(await Database.open(path, clock=clock), make_book(), clock)
        await dealership.do(dealership._furnish)
        dealership.events.clear()
        dealership.signals.clear()
        return dealership

    async def do(self, work: Callable[[Tx], T]) -> T:
        return await self.database.write(work)

    async def see(self, work: Callable[[Tx], T]) -> T:
        return await self.database.read(work)

    async def close(self) -> None:
        await self.database.close()

    def _heard(self, events: Any, signals: frozenset[str]) -> None:
        self.events.extend(events)
        self.signals |= signals

    def _furnish(self, tx: Tx) -> None:
        for number, site in ((1, "rostock"), (2, "rostock"), (3, "guestrow")):
            self.book.put_courtesy_car(
                tx, CourtesyCar(id=f"EW{number}", plate=f"HRO-EW {number}", site=site), author=DESK
            )
        for number, site in ((1, "rostock"), (2, "guestrow")):
            advisor = Advisor(id=f"SB{number}", name=f"Berater {number}", site=site, department="Werkstatt")
            self.book.put_advisor(tx, advisor, author=DESK)


def draft(start: datetime = MONDAY, hours: float = 4, units: float = 10, **other: Any) -> Draft:
    """A visit of some hours and AW in the workshop of Rostock."""
    values: dict[str, Any] = {"site": "rostock", "department": "Werkstatt", "drop_off": start}
    values["collection"] = start + timedelta(hours=hours)
    values["interventions"] = (Intervention(code="HU", title="Hauptuntersuchung", labour_units=units),)
    return Draft(**{**values, **other})
