"""Search by plate, name and number among 1,000,000 appointments, against a LIKE scan of the same words."""

from __future__ import annotations

import hashlib
import inspect
import random
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.figures import Figure, at_most, fact, percentile
from wtpd.store import search
from wtpd.store.database import Database, Tx
from wtpd.store.migrations import scripts
from wtpd.store.search import vocabulary

FOLDER = Path(tempfile.gettempdir()) / "wtpd-bench-search"
BATCH = 20_000
LIMIT = 20
FIRST = ("anna", "bernd", "carla", "dieter", "erika", "frank", "gisela", "hans")
LAST = ("mueller", "schmidt", "schneider", "fischer", "weber", "meyer", "wagner", "becker")
"""Common names: an eighth of all has each of them."""


async def run(quick: bool) -> list[Figure]:
    size, rounds = (20_000, 20) if quick else (1_000_000, 300)
    db = await Database.open(await _kept(size))
    try:
        figures = []
        for what, words in _questions(size):
            times, cpu = await db.read(partial(_times, words, rounds))
            figures.append(fact(f"search by {what} among {size:,}, p50", percentile(times, 50) * 1000, "ms"))
            figures.append(at_most("… p99", percentile(times, 99) * 1000, 5, "ms"))
            figures.append(at_most("… p99 of the CPU time", percentile(cpu, 99) * 1000, 5, "ms"))
        times, cpu = await db.read(partial(_scan, size))
        figures.append(fact("a LIKE scan of the same, p50", percentile(times, 50) * 1000, "ms"))
        figures.append(fact("… p50 of the CPU time", percentile(cpu, 50) * 1000, "ms"))
        return figures
    finally:
        await db.close()


async def _kept(size: int) -> Path:
    """The database to search in; made once and kept in the temporary folder, by size and how it is made."""
    made_by = repr(scripts()) + "".join(inspect.getsource(each) for each in (_fill, _document, _plate))
    path = FOLDER / f"search-{size}-{hashlib.sha256(made_by.encode()).hexdigest()[:12]}.db"
    if not path.exists():
        FOLDER.mkdir(exist_ok=True)
        for stale in FOLDER.glob(f"search-{size}-*"):
            stale.unlink()
        making = path.with_suffix(".making")
        db = await Database.open(making)
        try:
            for first in range(0, size, BATCH):
                await db.write(partial(_fill, first, min(first + BATCH, size)))
        finally:
            await db.close()
        making.rename(path)
    return path


def _fill(first: int, last: int, tx: Tx) -> None:
    """Documents as `search.touch_appointment` writes them, without the appointments behind them."""
    rows = [(number + 1, f"{number:036}", _document(number)) for number in range(first, last)]
    tx.run_many("INSERT INTO search_appointment_text (doc, id, words) VALUES (?, ?, ?)", rows)
    tx.run_many("INSERT INTO search_appointment (rowid, words) VALUES (?, ?)", [(doc, words) for doc, _, words in rows])
    vocabulary.update(tx, [], [words for _, _, words in rows])
    people = [(f"+49170{number:07}", f"{number:036}") for number in range(first, last)]
    tx.run_many(
        "INSERT INTO customer (id, origin, version) VALUES (?, 'planner', 1)", [(person,) for _, person in people]
    )
    tx.run_many("INSERT INTO customer_contact (contact, customer_id) VALUES (?, ?)", people)


def _document(number: int) -> str:
    plate = _plate(number)
    vin = f"vsszzz{number:011}"
    names = f"{FIRST[number % 8]} {LAST[number // 8 % 8]} nachname{number}"
    parts = plate.split()
    ends = " ".join("".join(parts[place:]) for place in range(3))
    return f"{names} {plate} {ends} {vin} {vin[-8:]} {vin[-7:]} {vin[-6:]} wo{number}"


def _plate(number: int) -> str:
    return f"hro {chr(97 + number // 26 % 26)}{chr(97 + number % 26)} {number % 9000 + 1}"


Question = Callable[[random.Random], str]


def _questions(size: int) -> list[tuple[str, Question]]:
    return [
        ("plate", lambda chance: _plate(chance.randrange(size)).upper()),
        ("the beginning of a plate", lambda chance: "HRO-" + chr(65 + chance.randrange(26))),
        ("a rare name", lambda chance: f"Nachname{chance.randrange(size)}"),
        ("a common name", lambda chance: chance.choice(LAST).title()),
        ("two common names", lambda chance: f"{chance.choice(FIRST)} {chance.choice(LAST)}"),
        ("the beginning of a name", lambda chance: chance.choice(LAST)[:3]),
        ("VIN", lambda chance: f"VSSZZZ{chance.randrange(size):011}"),
        ("the end of a VIN", lambda chance: f"{chance.randrange(size):07}"),
        ("work order", lambda chance: f"WO{chance.randrange(size)}"),
        ("a plate in two parts", lambda chance: " ".join(_plate(chance.randrange(size)).split()[1:])),
        ("a long word that isn't there", lambda chance: f"Nachnamexyz{chance.choice('abcdef')}"),
        ("the beginning of a VIN that all share", lambda chance: "VSSZZZ000"),
        ("a name with a wrong plate", lambda chance: f"{chance.choice(FIRST)} HRO-QÄ {chance.randrange(1, 9)}"),
        (
            "a name and a plate of another",
            lambda chance: f"Nachname{chance.randrange(size)} {_plate(chance.randrange(size))}",
        ),
        ("a near miss of a name", lambda chance: chance.choice(("Mueler", "Schnmidt", "Fischre", "Wagmer"))),
        ("a near miss of a number", lambda chance: f"WO{chance.randrange(size)}"[::-1]),
        ("telephone", lambda chance: f"0170 {chance.randrange(size):07}"),
        ("what isn't there", lambda chance: f"xyz{chance.randrange(size)}"),
    ]


def _times(question: Question, rounds: int, tx: Tx) -> tuple[list[float], list[float]]:
    """Seconds of each search, by the wall and of CPU."""
    chance = random.Random(1)

    def ask(_: int) -> None:
        words = question(chance)
        if not search.appointments(tx, words, LIMIT):
            search.near(tx, "appointment", words, LIMIT)

    times, cpu = _taken(rounds + 5, ask)
    return times[5:], cpu[5:]


def _scan(size: int, tx: Tx) -> tuple[list[float], list[float]]:
    sql = "SELECT id FROM search_appointment_text WHERE words LIKE ? LIMIT ?"
    return _taken(3, lambda number: tx.all(sql, (f"%nachname{size // 2 + number}%", LIMIT)))


def _taken(rounds: int, work: Callable[[int], object]) -> tuple[list[float], list[float]]:
    times, cpu = [], []
    for number in range(rounds):
        started, worked = time.perf_counter(), time.thread_time()
        work(number)
        times.append(time.perf_counter() - started)
        cpu.append(time.thread_time() - worked)
    return times, cpu
