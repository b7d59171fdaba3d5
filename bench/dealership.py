"""A dealership to measure with: a database with any number of appointments, made through the book's own door.

Databases are made once and copied; they are kept in the temporary folder, by size and schema.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec

from wtpd.book.book import Book
from wtpd.book.draft import Draft
from wtpd.book.sync_port import SyncBook
from wtpd.channel.spec import ChannelSpec
from wtpd.config.model import Config
from wtpd.config.plans import plans
from wtpd.planner.appointment import Intervention
from wtpd.planner.history import Author
from wtpd.store import channels
from wtpd.store.database import Database, Tx
from wtpd.store.ledger import Ledger
from wtpd.store.migrations import scripts
from wtpd.sync.ports import FIELDS, Link

SITE, DEPARTMENT, ACCOUNT = "rostock", "Werkstatt", "00123"
CHANNEL = f"superservice/{SITE}"
DESK = Author(actor="bench", interface="desk")
START = datetime(2036, 11, 24, 7, 0, tzinfo=UTC)
"""Far ahead: what is past isn't sent for the first time."""
A_DAY = 60
"""Appointments a day."""
BATCH = 500
SPEC = ChannelSpec(
    id=CHANNEL,
    connector="superservice",
    site=SITE,
    department=DEPARTMENT,
    account=ACCOUNT,
    actor="SUPERSERVICE",
    fields=frozenset(FIELDS),
)


@dataclass(frozen=True, slots=True)
class Dealership:
    db: Database
    book: Book
    path: Path


def settings(folder: Path, **more: object) -> dict[str, object]:
    """The content of a `wtpd.yaml` for it."""
    open_days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    department = {
        "id": DEPARTMENT,
        "capacity": dict.fromkeys(open_days, 100_000),
        "drop_off": {day: [{"times": "08:00-17:00", "places": 100}] for day in open_days},
        "closed_on_holidays": False,
    }
    site = {
        "id": SITE,
        "name": "Autohaus Rostock",
        "status_mail": "status@autohaus.example",
        "brands": ["NISSAN"],
        "departments": [department],
        "partners": {"superservice": {"dealer_number": ACCOUNT, "department": DEPARTMENT}},
    }
    return {"data_dir": str(folder), "modules": ["online_booking"], "sites": [site], **more}


@asynccontextmanager
async def dealership(
    appointments: int, *, linked: bool = False, folder: Path | None = None
) -> AsyncIterator[Dealership]:
    """A copy of its own of a database with so many appointments; `linked`: all of them are at the partner already."""
    template = await _template(appointments, linked)
    with tempfile.TemporaryDirectory(prefix="wtpd-bench-") as scratch:
        path = (folder or Path(scratch)) / "wtpd.db"
        shutil.copy(template, path)
        db = await Database.open(path)
        try:
            yield Dealership(db, book_of(path.parent), path)
        finally:
            await db.close()


def book_of(folder: Path) -> Book:
    return Book(plans(msgspec.convert(settings(folder), Config)))


def draft(number: int, customer: str | None = None, vehicle: str | None = None) -> Draft:
    """Appointment number `number`, sixty a day."""
    drop_off = START + timedelta(days=number // A_DAY, minutes=10 * (number % A_DAY))
    return Draft(
        site=SITE,
        department=DEPARTMENT,
        drop_off=drop_off,
        collection=drop_off + timedelta(hours=3),
        customer_id=customer,
        vehicle_id=vehicle,
        interventions=(Intervention(code="I1", title="Inspektion", description="Service nach Plan", labour_units=12),),
        notes=f"Bitte anrufen, wenn fertig ({number})",
    )


def add(tx: Tx, book: Book, number: int) -> str:
    """One appointment with a customer and a vehicle; gives its id."""
    customer = book.create_customer(
        tx,
        {
            "first_name": f"Vorname{number % 997}",
            "last_name": f"Nachname{number}",
            "email": f"kunde{number}@example.org",
            "mobile": f"+49170{number:07}",
            "city": "Rostock",
        },
        author=DESK,
    )
    vehicle = book.create_vehicle(
        tx,
        {"plate": f"HRO-{_letters(number)} {number % 9000 + 1}", "vin": f"VSSZZZ{number:011}", "driver": customer.id},
        author=DESK,
    )
    return book.create(tx, draft(number, customer.id, vehicle.id), author=DESK).id


def _letters(number: int) -> str:
    return chr(65 + number // 26 % 26) + chr(65 + number % 26)


async def _template(appointments: int, linked: bool) -> Path:
    """The database to copy; made if it isn't there yet."""
    schema = hashlib.sha256((repr(scripts()) + Path(__file__).read_text()).encode()).hexdigest()
    folder = Path(tempfile.gettempdir()) / "wtpd-bench"
    folder.mkdir(exist_ok=True)
    path = folder / f"{appointments}{'-linked' if linked else ''}-{schema[:12]}.db"
    if path.exists():
        return path
    for stale in folder.iterdir():
        if schema[:12] not in stale.name:
            stale.unlink()
    making = path.with_suffix(".making")
    making.unlink(missing_ok=True)
    if linked:
        shutil.copy(await _template(appointments, False), making)
    db = await Database.open(making)
    try:
        book = book_of(folder)
        if linked:
            await _link_all(db, book)
        else:
            await _fill(db, book, appointments)
        await db.write(lambda tx: tx.run("DELETE FROM event"))
    finally:
        await db.close()
    making.rename(path)
    return path


async def _fill(db: Database, book: Book, appointments: int) -> None:
    def work(first: int, tx: Tx) -> None:
        for number in range(first, min(first + BATCH, appointments)):
            add(tx, book, number)

    for first in range(0, appointments, BATCH):
        await db.write(partial(work, first))


async def _link_all(db: Database, book: Book) -> None:
    """As after an initial sync: a link for each appointment, nothing to send, a cursor."""

    def work(tx: Tx) -> None:
        channels.put(tx, SPEC)
        ledger, port = Ledger(tx), SyncBook(book, tx)
        for row in tx.all("SELECT id FROM appointment"):
            ours = port.ours(CHANNEL, row["id"])
            assert ours is not None
            ledger.put_link(
                Link(
                    channel=CHANNEL,
                    account=ACCOUNT,
                    partner_id=f"A-{row['id']}",
                    appointment_id=row["id"],
                    version=1,
                    base=ours.fields,
                )
            )
        tx.run("DELETE FROM outbox")
        ledger.set_cursor(CHANNEL, ACCOUNT, "c0")
        ledger.replayed(CHANNEL, ACCOUNT)

    await db.write(work)
