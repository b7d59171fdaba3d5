"""Lists as dealerships export them, and an empty book with two sites to import them into."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time
from pathlib import Path

import wtpd.demo
from tests.support.bookkeeping import Dealership, Noon
from wtpd.book.book import Book
from wtpd.book.importing import ImportFile, ImportResult, run_import
from wtpd.errors import Invalid
from wtpd.planner.history import Author
from wtpd.planner.resources import DepartmentPlan, DropOffWindow
from wtpd.store.database import Database

AUTOHAUS = Path(wtpd.demo.__file__).parent / "autohaus"
SITES = {"rostock": "rostock", "Rostock": "rostock", "Autohaus Güstrow": "guestrow", "Güstrow": "guestrow"}
IMPORTER = Author(actor="anna", interface="import")

ADVISORS = "Kürzel;Name;Filiale;Abteilung;Arbeitszeit Mo-Fr\nSB1;Ilse Schlosser;Rostock;Werkstatt;08:00-17:00\n"
CARS = "Nummer;Kennzeichen;Marke;Modell;Filiale\nEW1;B-T 4268E;NISSAN;Leaf;Rostock\nEW2;GÜ-N 31;NISSAN;Juke;Güstrow\n"
CUSTOMERS = (
    "Kundennummer;Vorname;Nachname;Firma;E-Mail;Mobil\n"
    "10000;Jörg;Müller;;joerg@example.org;0171 74517017\n"
    "10001;;;Kohl & Söhne AG;;\n"
)
VEHICLES = (
    "FIN;Kennzeichen;Marke;Modell;Halter;Kilometerstand\n"
    "SJNFLKWT9X1458220;HRO-AB 12;NISSAN;Leaf;10000;1.234\n"
    ";B-MW 1;NISSAN;Micra;10001;\n"
)
HEADINGS = (
    "Terminnummer;Filiale;Abteilung;Annahme;Abholung;Serviceberater;Kundennummer;Amtl. Kennzeichen;FIN;"
    "Auftragsnummer;Eingriffe;Eingriffstext;AW;Preise;Ersatzwagen;Bemerkung;Status\n"
)
VISIT = (
    "T1;Rostock;Werkstatt;09.11.2026 08:00;09.11.2026 16:00;SB1;10000;HRO-AB 12;SJNFLKWT9X1458220;"
    "40000;HU | OEL;Hauptuntersuchung | Ölwechsel;20;149,50 | 1.119,00;EW1;Schlüssel im Tresor;geplant\n"
)
BASE = {"berater.csv": ADVISORS, "autos.csv": CARS, "kunden.csv": CUSTOMERS, "fahrzeuge.csv": VEHICLES}


def lists(texts: dict[str, str], encoding: str = "cp1252") -> list[ImportFile]:
    return [ImportFile(name, text.encode(encoding)) for name, text in texts.items()]


def autohaus() -> list[ImportFile]:
    """The example export of a dealership with 1,500 appointments."""
    return [ImportFile(path.name, path.read_bytes()) for path in sorted(AUTOHAUS.glob("*.csv"))]


async def empty_dealership(path: Path, *, zone: str = "Europe/Berlin") -> Dealership:
    """Two sites with a workshop and a body shop each; nobody and nothing in it yet."""
    clock = Noon()
    window = DropOffWindow(start=time(7, 30), end=time(17), slot_minutes=30, places=2)
    plans = [
        DepartmentPlan(
            site=site,
            department=department,
            zone=zone,
            region="MV",
            capacity=dict.fromkeys(range(1, 6), 400.0),
            drop_off=dict.fromkeys(range(1, 6), (window,)),
        )
        for site in ("rostock", "guestrow")
        for department in ("Werkstatt", "Karosserie")
    ]
    book = Book({(plan.site, plan.department): plan for plan in plans})
    return Dealership(await Database.open(path, clock=clock), book, clock)


async def bring(dealership: Dealership, files: Sequence[ImportFile]) -> ImportResult:
    return await dealership.do(lambda tx: run_import(tx, dealership.book, files, SITES, IMPORTER))


async def refusal(dealership: Dealership, files: Sequence[ImportFile]) -> dict[str, str]:
    """What is wrong by place, of an import that is refused and leaves nothing behind."""
    before = await dealership.see(everything)
    try:
        await bring(dealership, files)
    except Invalid as error:
        assert await dealership.see(everything) == before, "nothing of it was imported"
        return {problem.field: str(problem.text) for problem in error.problems}
    raise AssertionError("the import went through")


def everything(tx: object) -> dict[str, int]:
    """How many rows each table of the book has."""
    tables = ("advisor", "courtesy_car", "customer", "vehicle", "appointment", "history", "event", "outbox")
    return {table: tx.one(f"SELECT count(*) FROM {table}")[0] for table in tables}  # type: ignore[attr-defined] # a Tx
