"""A dealership's Monday morning, the same at every run: for looking at screens. Its clock stands still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support.daemon import OFFLINE, RunningDaemon, config_text
from tests.support.hand_clock import HandClock
from wtpd.book.book import Book
from wtpd.book.draft import Draft
from wtpd.book.sync_port import SyncBook
from wtpd.channel.spec import ChannelSpec
from wtpd.clock import iso
from wtpd.planner.appointment import Intervention
from wtpd.planner.history import Author
from wtpd.planner.resources import Advisor, CourtesyCar
from wtpd.store.database import Tx
from wtpd.store.session import StoreSession
from wtpd.sync.apply import apply_page
from wtpd.sync.ports import Incoming, Page, Unreadable

MORNING = datetime(2026, 11, 23, 8, 10, tzinfo=UTC)
"""Monday, 9:10 in Rostock."""
DESK = Author(actor="maria (MK)", interface="desk")
FREE = 12 << 30
SPEC = ChannelSpec(
    id="superservice/rostock", connector="superservice", site="rostock", account="00123", department="Werkstatt",
    actor="SUPERSERVICE",
)  # fmt: skip

PEOPLE = (
    ("Anna", "Brandt", "HRO-AB 123", "NISSAN", "Qashqai"), ("Jörg", "Müller", "HRO-JM 77", "NISSAN", "Juke"),
    ("Özlem", "Yıldız", "LWL-OY 8", "NISSAN", "Leaf"),
    ("Karl-Heinz", "von der Wiesche", "B-KH 1001", "NISSAN", "X-Trail"),
    ("Petra", "Schäfer", "HRO-PS 42", "NISSAN", "Micra"), ("Dirk", "Jansen", "HRO-DJ 5", "NISSAN", "Townstar"),
    ("Eva", "Lindner", "HRO-EL 901", "NISSAN", "Ariya"), ("Tim", "Böhm", "GÜ-TB 33", "NISSAN", "Note"),
)  # fmt: skip
WORKS = (
    ("W10", "Wartung mit Ölwechsel", 12), ("HU", "HU/AU", 6), ("BR1", "Bremsen vorn erneuern", 14),
    ("RW", "Räderwechsel", 5), ("KL", "Klimaanlage prüfen", 8), ("DG", "Diagnose Motorleuchte", 4),
    ("ST", "Steinschlag reparieren", 7), ("W20", "Große Inspektion", 24),
)  # fmt: skip


def clock() -> HandClock:
    return HandClock(MORNING)


def settings() -> str:
    """One mapped site, one that isn't; the partner can't be asked, as there is no token."""
    return config_text(partner="http://127.0.0.1:9", sites={"rostock": "00123", "guestrow": None}).replace(
        "connectors:\n", OFFLINE, 1
    )


def free_of(path: Path) -> int:
    return FREE


async def fill(daemon: RunningDaemon) -> dict[str, str]:
    """Eight visits of the day, what came from the partner, a conflict and a message in quarantine; the ids by name."""
    parts = daemon.daemon.parts
    assert parts is not None
    return await parts.db.write(lambda tx: _fill(tx, parts.book))


def _fill(tx: Tx, book: Book) -> dict[str, str]:
    advisor = Advisor(id="SB1", name="Schulz, Ina", site="rostock", department="Werkstatt")
    book.put_advisor(tx, advisor, author=DESK)
    car = CourtesyCar(id="EW1", plate="HRO-EW 1", make="NISSAN", model="Micra", vehicle_class="A", site="rostock")
    book.put_courtesy_car(tx, car, author=DESK)
    ids = {}
    for number, person in enumerate(PEOPLE):
        ids[person[1]] = _visit(tx, book, number, *person)
    first = ids["Brandt"]
    book.change(tx, first, {"status": "arrived"}, author=DESK, expected_version=None)
    book.change(tx, ids["Jansen"], {"notes": "Winterreifen im Kofferraum"}, author=DESK, expected_version=None)
    book.cancel(tx, ids["Böhm"], author=DESK, expected_version=None, reason="Kunde ist krank")
    _from_partner(tx, book, ids)
    return ids


def _visit(tx: Tx, book: Book, number: int, first: str, last: str, plate: str, make: str, model: str) -> str:
    customer = book.create_customer(
        tx,
        {
            "number": f"K{1000 + number}", "first_name": first, "last_name": last, "street": "Lange Straße",
            "house_number": str(number + 1), "postcode": "18055", "city": "Rostock",
            "email": f"{number}@example.com", "mobile": f"+49151000000{number:02}",
        },
        author=DESK,
    )  # fmt: skip
    vehicle = book.create_vehicle(
        tx,
        {"plate": plate, "vin": f"SJNFAAJ11U10000{number:02}", "make": make, "model": model, "owner": customer.id},
        author=DESK,
    )  # fmt: skip
    start = MORNING.replace(hour=6, minute=0) + timedelta(minutes=30 * number)
    code, title, units = WORKS[number]
    made = book.create(
        tx,
        Draft(
            site="rostock", department="Werkstatt", drop_off=start, collection=start + timedelta(hours=7),
            customer_id=customer.id, vehicle_id=vehicle.id, advisor="SB1",
            interventions=(Intervention(code=code, title=title, labour_units=units, price_cents=units * 1250),),
            transport_option="courtesy_car" if number == 1 else "waiting" if number == 3 else "none",
            courtesy_car="EW1" if number == 1 else None, work_order=f"WO{4711 + number}",
        ),
        author=DESK,
        allow_over_limit=True,
    )  # fmt: skip
    return made.id


def _from_partner(tx: Tx, book: Book, ids: dict[str, str]) -> None:
    """Two bookings of the app, a change on both sides, and a message that can't be read."""
    session = StoreSession(tx, SyncBook(book, tx))
    booked = [_booking("A-1", 1, "mynissan", 12, "Nina", "Krüger", "HRO-NK 21"),
              _booking("A-2", 1, "superservice_dealer", 13, "Ole", "Hansen", "NWM-OH 9")]  # fmt: skip
    apply_page(session, SPEC, None, Page(items=booked, cursor="2", more=False))
    link = session.links.link_at(SPEC.id, SPEC.account, "A-1")
    assert link is not None
    ids["Krüger"] = link.appointment_id
    book.change(tx, link.appointment_id, {"notes": "Rückruf am Vormittag"}, author=DESK, expected_version=None)
    changed = _booking("A-1", 2, "mynissan", 12, "Nina", "Krüger", "HRO-NK 21", notes="Bitte innen reinigen")
    odd = Unreadable(partner_id="A-9", reason="dropOff is missing", raw={"id": "A-9", "status": "SCHEDULED"})
    apply_page(session, SPEC, "2", Page(items=[changed, odd], cursor="4", more=False))


def _booking(
    number: str, version: int, origin: str, hour: int, first: str, last: str, plate: str, **more: Any
) -> Incoming:
    start = MORNING.replace(hour=hour, minute=0)
    fields = {
        "drop_off": iso(start), "collection": iso(start + timedelta(hours=2)), "status": "scheduled",
        "transport_option": "waiting", "notes": "", "advisor": "SB1", "customer_waiting": True, "courtesy_car": None,
        "interventions": [
            {"code": "W10", "title": "Wartung", "description": "", "labour_units": 10, "price_cents": 19900}
        ],
        "customer.first_name": first, "customer.last_name": last, "customer.email": f"{last.lower()}@example.com",
        "vehicle.plate": plate, "vehicle.make": "NISSAN", "vehicle.model": "Qashqai", **more,
    }  # fmt: skip
    raw = {"id": number, "version": version, "plate": plate}
    return Incoming(
        partner_id=number, version=version, fields=fields, cancelled=False, changed_by="customer_app", origin=origin,
        links={"superservice_menus": f"https://menus.example/{number}"}, raw=raw,
    )  # fmt: skip
