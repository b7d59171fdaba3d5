"""An import of 100,000 rows: rows a second, memory, and what bookings and readers notice of it meanwhile."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time as clock
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from bench.figures import Figure
from wtpd.book.book import Book
from wtpd.book.draft import Draft
from wtpd.book.importing import ImportFile
from wtpd.clock import SystemClock
from wtpd.daemon.importer import Importer
from wtpd.planner.history import Author
from wtpd.planner.resources import DepartmentPlan, DropOffWindow
from wtpd.store.database import Database, Tx

ROWS = 100_000
AUTHOR = Author(actor="bench", interface="import")
_DAY = datetime(2026, 12, 1, 8, tzinfo=UTC)
_BOOKED = datetime(2090, 1, 2, 9, tzinfo=UTC)


async def run(quick: bool) -> list[Figure]:
    rows = 2_000 if quick else ROWS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        book, database = _book(), folder / "wtpd.db"
        db = await Database.open(database)
        try:
            importer = Importer(db, book, folder, database, SystemClock())
            await importer.open()
            files = _lists(folder, rows)
            alone = [await _booking(db, book, number) for number in range(50)]
            before, started, waits = _memory("VmRSS"), clock.perf_counter(), []
            used = clock.process_time()
            importing = asyncio.create_task(importer.run(files, {"Rostock": "rostock"}, AUTHOR))
            seen: set[tuple[int, int]] = set()
            while not importing.done():
                waits.append(await _booking(db, book, 50 + len(waits)))
                if not len(waits) % 25:  # it counts everything, which costs more than the import of some rows
                    seen.add(await db.read(_counts))
                await asyncio.sleep(0.02)
            await importing
            seconds, used = clock.perf_counter() - started, clock.process_time() - used
        finally:
            await db.close()
    waits.sort()
    late, usual = waits[int(len(waits) * 0.99)], statistics.median(alone) * 1000
    return [
        Figure("rows a second", f"{rows / seconds:,.0f}", "≥ 4,000", rows / seconds >= 4000),
        Figure("CPU a row, bookings meanwhile included", f"{used / rows * 1e6:.0f} µs"),
        Figure("memory at the peak", f"{_memory('VmHWM'):.0f} MB", "≤ 180 MB", _memory("VmHWM") <= 180),
        Figure("memory afterwards", f"{_memory('VmRSS'):.0f} MB ({before:.0f} before)", "≤ 120 MB",
               _memory("VmRSS") <= 120),
        Figure("a booking meanwhile, p99", f"{late * 1000:.0f} ms (alone p50 {usual:.1f} ms)", "≤ 300 ms", late <= 0.3),
        Figure("the longest wait of a booking", f"{waits[-1] * 1000:.0f} ms", "≤ 250 ms", waits[-1] <= 0.25),
        Figure("states that a reader saw", str(len(seen)), "≤ 2 (nothing, everything)", len(seen) <= 2),
    ]  # fmt: skip


async def _booking(db: Database, book: Book, number: int) -> float:
    start = _BOOKED + timedelta(minutes=number)
    draft = Draft(site="rostock", department="Werkstatt", drop_off=start, collection=start + timedelta(hours=3))
    began = clock.perf_counter()
    await db.write(lambda tx: book.create(tx, draft, author=AUTHOR, allow_over_limit=True))
    return clock.perf_counter() - began


def _counts(tx: Tx) -> tuple[int, int]:
    listed = tx.one("SELECT count(*) FROM appointment WHERE drop_off < '2090'")
    people = tx.one("SELECT count(*) FROM customer")
    return int(people[0] if people else 0), int(listed[0] if listed else 0)


def _memory(name: str) -> float:
    """`VmRSS` or `VmHWM` of this process, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


def _book() -> Book:
    window = DropOffWindow(start=time(7, 30), end=time(17), slot_minutes=30, places=2)
    plan = DepartmentPlan(
        site="rostock", department="Werkstatt", zone="Europe/Berlin", region="MV",
        capacity=dict.fromkeys(range(1, 6), 400.0), drop_off=dict.fromkeys(range(1, 6), (window,)),
    )  # fmt: skip
    return Book({("rostock", "Werkstatt"): plan})


def _lists(folder: Path, rows: int) -> list[ImportFile]:
    """A quarter customers, a quarter vehicles, the rest appointments."""
    people = rows // 4
    customers = ["Kundennummer;Vorname;Nachname;Straße;Hausnummer;PLZ;Ort;E-Mail;Mobil"]
    vehicles = ["FIN;Kennzeichen;Marke;Modell;Halter;Kilometerstand"]
    visits = ["Terminnummer;Filiale;Annahme;Abholung;Kundennummer;FIN;Auftragsnummer;Eingriffe;Eingriffstext;AW;Preise"]
    for at in range(people):
        mobile = f"0171 {7000000 + at}"
        customers.append(f"{at};Vor{at};Nach{at};Weg;{at % 99};18055;Rostock;a{at}@example.org;{mobile}")
        vehicles.append(f"SJNFLKWT9X{at:07};HRO-{chr(65 + at // 9999)}X {at % 9999 + 1};NISSAN;Leaf;{at};{at}")
    for at in range(rows - 2 * people):
        start = _DAY + timedelta(days=at // 200, minutes=at % 200 * 2)
        visits.append(
            f"T{at};Rostock;{start:%d.%m.%Y %H:%M};{start + timedelta(hours=5):%d.%m.%Y %H:%M};{at % people};"
            f"SJNFLKWT9X{at % people:07};{40000 + at};HU | OEL;Hauptuntersuchung | Ölwechsel;20;149,50 | 99,00"
        )
    found = []
    for name, lines in (("kunden.csv", customers), ("fahrzeuge.csv", vehicles), ("termine.csv", visits)):
        (folder / name).write_text("\n".join(lines) + "\n", encoding="cp1252")
        found.append(ImportFile(name, folder / name))
    return found
