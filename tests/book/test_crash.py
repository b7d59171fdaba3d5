"""Pulling the plug: a process that books is killed at any moment, again and again, on the same file."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from wtpd.store import appointments, history
from wtpd.store.database import Database

PROGRAM = """
import asyncio, sys
from pathlib import Path
from tests.support.bookkeeping import API, DESK, MONDAY, draft, make_book
from wtpd.planner.resources import CourtesyCar
from wtpd.store.database import Database

async def write(database, book, name):
    number = 0
    while True:
        number += 1
        def work(tx):
            person = book.create_customer(tx, {"last_name": f"Kunde {name}"}, author=DESK)
            made = book.create(tx, draft(units=0, customer_id=person.id), author=DESK)
            return book.change(tx, made.id, {"notes": f"{name} {number}"}, author=API, expected_version=1).id
        print(await database.write(work), flush=True)

async def main():
    database = await Database.open(Path(sys.argv[1]))
    await asyncio.gather(*(write(database, make_book(), name) for name in "abcd"))

asyncio.run(main())
"""


@pytest.mark.system
async def test_every_booking_that_was_confirmed_is_there_whole(tmp_path: Path) -> None:
    path, confirmed = tmp_path / "book.db", set()
    chance = random.Random(7)
    root = Path(__file__).parents[2]
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(path)], stdout=subprocess.PIPE, text=True, cwd=root
        )
        assert process.stdout is not None
        for _ in range(chance.randrange(1, 120)):
            confirmed.add(process.stdout.readline().strip())
        process.send_signal(signal.SIGKILL)
        confirmed.update(
            line.strip() for line in process.communicate()[0].splitlines(keepends=True) if line.endswith("\n")
        )
        assert process.returncode == -signal.SIGKILL
    con = sqlite3.connect(path)
    assert con.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    con.close()

    database = await Database.open(path)
    ids = await database.read(lambda tx: [row[0] for row in tx.all("SELECT id FROM appointment")])
    assert confirmed <= set(ids)
    records = await database.read(lambda tx: appointments.many(tx, ids))
    entries = await database.read(lambda tx: {each: history.of(tx, each) for each in ids})
    people = await database.read(lambda tx: tx.one("SELECT count(*) FROM customer")[0])
    found = await database.read(lambda tx: len(appointments.search(tx, "kunde", limit=100_000)))
    await database.close()
    assert all(record.version == 2 and record.notes for record in records)
    assert all([entry.action for entry in entries[each]] == ["created", "changed"] for each in ids)
    assert people == len(ids) == found
