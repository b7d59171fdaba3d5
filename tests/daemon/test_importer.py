"""Imports beside everything else: seen all at once, others write meanwhile, and a kill in the middle loses nothing."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.bookkeeping import Dealership
from tests.support.lists import (
    BASE,
    CUSTOMERS,
    HEADINGS,
    IMPORTER,
    SITES,
    VISIT,
    autohaus,
    empty_dealership,
    everything,
    lists,
)
from wtpd.book.draft import Draft
from wtpd.book.importing import ImportFile, transfer
from wtpd.channel.spec import ChannelSpec
from wtpd.daemon.importer import Importer, Progress
from wtpd.errors import Invalid, Unavailable
from wtpd.planner.history import Author
from wtpd.store import appointments, channels, customers, history, imports, outbox, search, vehicles
from wtpd.store.database import Database, Tx

DESK = Author(actor="maria", interface="desk")


class House:
    """A dealership with an importer; `phases` as they came."""

    def __init__(self, folder: Path, dealership: Dealership) -> None:
        self.folder, self.dealership = folder, dealership
        self.db: Database = dealership.database
        self.phases: list[Progress] = []
        self.importer = Importer(
            self.db, dealership.book, folder, folder / "wtpd.db", dealership.clock, self.phases.append
        )

    @classmethod
    async def open(cls, folder: Path) -> House:
        house = cls(folder, await empty_dealership(folder / "wtpd.db"))
        await house.importer.open()
        return house

    async def bring(self, files: list[ImportFile]) -> Any:
        return await self.importer.run(files, SITES, IMPORTER)

    async def close(self) -> None:
        await self.importer.close()
        await self.dealership.close()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    opened = await House.open(tmp_path)
    yield opened
    await opened.close()


def visits(*rows: str) -> list[ImportFile]:
    return lists({"termine.csv": HEADINGS + "".join(rows)})


def left(house: House) -> list[str]:
    return sorted(path.name for path in (house.folder / "imports").iterdir())


async def test_the_example_dealership_comes_in_once_and_leaves_nothing_behind(house: House) -> None:
    first = await house.bring(autohaus())
    assert sum(each.created for each in first.counts.values()) == 2615
    assert first.over_limit > 0
    before = await house.db.read(everything)
    assert (before["history"], before["event"], before["appointment"]) == (1500, 2615, 1500)
    second = await house.bring(autohaus())
    assert all((each.created, each.changed) == (0, 0) for each in second.counts.values())
    assert (await house.db.read(everything), second.over_limit) == (before, 0)
    assert left(house) == []
    assert await house.db.read(imports.current) is None
    assert [phase.phase for phase in house.phases][-1] == "idle"


async def test_everything_of_a_new_appointment_is_there(house: House) -> None:
    await house.bring([*lists(BASE), *visits(VISIT)])

    def look(tx: Tx) -> None:
        found = appointments.by_reference(tx, "import", "T1")
        assert found is not None
        assert (found.courtesy_car, found.labour_units, found.version) == ("EW1", 20, 1)
        [entry] = history.of(tx, found.id)
        assert (entry.actor, entry.channel, entry.action) == ("anna", "import", "created")
        assert tx.one("SELECT customer FROM courtesy_contract WHERE appointment_id = ?", (found.id,)) is not None
        assert search.appointments(tx, "hroab12", 5) == [found.id]
        assert [each.number for each in customers.by_contacts(tx, ["joerg@example.org"])] == ["10000"]

    await house.db.read(look)
    kinds = sorted({event.kind for event in house.dealership.events})
    assert kinds == ["appointment.created", "customer.changed", "resource.changed", "vehicle.changed"]
    assert "availability:rostock:2026-11-09" in house.dealership.signals


async def test_who_looks_meanwhile_sees_nothing_and_then_everything(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "PORTION", 20)
    seen: set[tuple[int, ...]] = set()
    over = False

    def look(tx: Tx) -> tuple[int, ...]:
        found = tuple(tx.one(f"SELECT count(*) FROM {kind}")[0] for kind in imports.TABLES)  # type: ignore[index]
        page, _ = appointments.page(tx, appointments.Filter(site="rostock"), offset=1, limit=5)
        assert bool(page) == bool(found[-1])
        assert bool(search.customers(tx, "ne", 3) and customers.search(tx, "ne")) <= bool(found[2])
        return found

    async def watch() -> None:
        while not over:
            seen.add(await house.db.read(look))

    watching = asyncio.create_task(watch())
    await house.bring(autohaus())
    seen.add(await house.db.read(look))
    over = True
    await watching
    assert seen == {(0, 0, 0, 0, 0), (6, 9, 500, 600, 1500)}
    assert sum(phase.phase == "writing" for phase in house.phases) > 100


async def test_a_mapping_that_begins_meanwhile_sends_nothing_that_is_not_shown_yet(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "PORTION", 20)
    spec = ChannelSpec(id="superservice/rostock", connector="superservice", site="rostock", department="Werkstatt",
                       account="00123", actor="SUPERSERVICE")  # fmt: skip
    day = [datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 12, 31, tzinfo=UTC)]
    ahead = lists({"termine.csv": HEADINGS + "".join(
        VISIT.replace("T1", f"T{number}").replace("09.11.2026", f"{number % 28 + 1:02}.02.2027").replace("EW1", "")
        for number in range(200))})  # fmt: skip
    importing = asyncio.create_task(house.bring([*lists(BASE), *ahead]))
    while house.importer.progress.phase != "writing" or house.importer.progress.done < 40:
        assert not importing.done()
        await asyncio.sleep(0)
    begun = await house.db.write(lambda tx: (channels.put(tx, spec), outbox.waiting(tx, spec.id), imports.current(tx)))
    assert (begun[1], begun[2].state) == (0, "writing")  # type: ignore[union-attr]
    shown = await house.db.read(lambda tx: (appointments.loads(tx, "rostock", day), imports.current(tx)))
    if shown[1] is not None and shown[1].state == "writing":
        assert shown[0] == []
    await importing
    assert await house.db.read(lambda tx: outbox.waiting(tx, spec.id)) == 200
    [load] = await house.db.read(lambda tx: appointments.loads(tx, "rostock", day))
    assert load.appointments == 200


async def test_the_desk_books_meanwhile(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "PORTION", 20)
    booked = 0
    importing = asyncio.create_task(house.bring(autohaus()))
    start = datetime(2027, 6, 1, 8, tzinfo=UTC)
    during = set()
    while not importing.done():
        draft = Draft(site="rostock", department="Werkstatt", drop_off=start, collection=start + timedelta(hours=1))
        made = await house.db.write(lambda tx, draft=draft: house.dealership.book.create(tx, draft, author=DESK))  # type: ignore[misc]
        assert await house.db.read(lambda tx, made=made: appointments.find(tx, made.id)) == made  # type: ignore[misc]
        during.add(house.importer.progress.phase)
        booked, start = booked + 1, start + timedelta(minutes=1)
    await importing
    assert (await house.db.read(everything))["appointment"] == 1500 + booked
    assert {"checking", "writing"} <= during


async def test_a_problem_leaves_everything_as_it_was(house: House) -> None:
    await house.bring(lists(BASE))
    before = await house.db.read(everything)
    wrong = VISIT.replace("T1", "T2").replace(";10000;", ";99999;")
    with pytest.raises(Invalid) as caught:
        await house.bring(visits(VISIT, wrong))
    assert [problem.field for problem in caught.value.problems] == ["termine.csv:3:Kundennummer"]
    assert (await house.db.read(everything), left(house)) == (before, [])
    assert await house.db.read(imports.current) is None


async def test_changes_of_the_list_and_of_the_desk_are_merged_as_before(house: House) -> None:
    await house.bring([*lists(BASE), *visits(VISIT)])
    found = await house.db.read(lambda tx: appointments.by_reference(tx, "import", "T1"))
    assert found is not None
    changed = {"notes": "Kunde kommt später"}
    await house.db.write(
        lambda tx: house.dealership.book.change(tx, found.id, changed, author=DESK, expected_version=None)
    )
    result = await house.bring([*lists({**BASE, "kunden.csv": CUSTOMERS.replace("Müller", "Meyer")}),
                                *visits(VISIT.replace("09.11.2026 16:00", "09.11.2026 17:00"))])  # fmt: skip
    assert (result.counts["customers"].changed, result.counts["appointments"].changed) == (1, 1)
    assert [warning.field for warning in result.warnings] == ["termine.csv:2:Bemerkung"]
    after = await house.db.read(lambda tx: appointments.get(tx, found.id))
    assert (after.notes, after.collection.hour, after.version) == ("Kunde kommt später", 16, 3)
    entries = await house.db.read(lambda tx: history.of(tx, found.id))
    assert [(entry.channel, [*entry.changes]) for entry in entries[1:]] == [
        ("desk", ["notes"]),
        ("import", ["collection"]),
    ]


async def test_cars_may_change_places(house: House) -> None:
    await house.bring([*lists(BASE), *visits(VISIT)])
    moved = VISIT.replace("09.11.2026", "10.11.2026")
    await house.bring(visits(moved, VISIT.replace("T1", "T2")))
    for reference in ("T1", "T2"):
        found = await house.db.read(lambda tx, name=reference: appointments.by_reference(tx, "import", name))  # type: ignore[misc]
        assert found is not None
        assert found.courtesy_car == "EW1"


class Meanwhile:
    """Does something once, when the lists have been checked and nothing is written yet."""

    def __init__(self, house: House, monkeypatch: pytest.MonkeyPatch, work: Any) -> None:
        enter = imports.enter

        def entered(tx: Tx, state: str) -> None:
            if state == "writing":
                work(tx)
            enter(tx, state)

        monkeypatch.setattr(imports, "enter", entered)


async def test_a_customer_whom_somebody_made_meanwhile_is_the_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = house.dealership.book
    values = {"number": "10000", "last_name": "Müller"}
    Meanwhile(house, monkeypatch, lambda tx: book.create_customer(tx, values, author=DESK))
    result = await house.bring([*lists(BASE), *visits(VISIT)])
    assert ["10000" in str(warning.text) for warning in result.warnings] == [True]

    def look(tx: Tx) -> None:
        customer = customers.by_number(tx, "10000")
        found = appointments.by_reference(tx, "import", "T1")
        [car] = vehicles.by_vin(tx, "SJNFLKWT9X1458220")
        assert customer is not None
        assert found is not None
        assert customer.first_name == ""
        assert found.customer_id == car.owner == customer.id
        assert history.of(tx, found.id)[0].changes["customer_id"].new == customer.id

    await house.db.read(look)


async def test_a_car_that_was_lent_meanwhile_is_left_open(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.bring(lists(BASE))
    start = datetime(2026, 11, 9, 9, tzinfo=UTC)
    draft = Draft(site="rostock", department="Werkstatt", drop_off=start, collection=start + timedelta(hours=1),
                  courtesy_car="EW1")  # fmt: skip
    Meanwhile(house, monkeypatch, lambda tx: house.dealership.book.create(tx, draft, author=DESK))
    result = await house.bring(visits(VISIT))
    assert "EW1" in str(result.warnings[0].text)
    found = await house.db.read(lambda tx: appointments.by_reference(tx, "import", "T1"))
    assert found is not None
    assert (found.courtesy_car, found.transport_option) == (None, "none")
    assert await house.db.read(lambda tx: tx.one("SELECT count(*) FROM attention WHERE kind = 'car_open'")[0]) == 1  # type: ignore[index]


async def test_a_record_that_was_changed_meanwhile_is_left(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.bring([*lists(BASE), *visits(VISIT)])
    customer = await house.db.read(lambda tx: customers.by_number(tx, "10000"))
    assert customer is not None
    book = house.dealership.book
    change = {"city": "Bützow"}
    Meanwhile(
        house, monkeypatch, lambda tx: book.change_customer(tx, customer.id, change, author=DESK, expected_version=None)
    )
    result = await house.bring(lists({"kunden.csv": CUSTOMERS.replace("Müller", "Meyer")}))
    assert "10000" in str(result.warnings[0].text)
    after = await house.db.read(lambda tx: customers.get(tx, customer.id))
    assert (after.last_name, after.city) == ("Müller", "Bützow")


async def test_who_refers_to_a_hidden_customer_shows_it(house: House) -> None:
    await house.bring(lists(BASE))
    await house.db.write(lambda tx: imports.begin(tx, "plan-x", "anna"))
    await house.db.on_readers(imports.hide)
    await house.db.write(lambda tx: imports.enter(tx, "writing"))
    customer = await house.db.write(lambda tx: customers.by_number(tx, "10000"))
    assert customer is not None
    await house.db.write(lambda tx: tx.run("INSERT INTO import_pending VALUES (?, 'customer')", (customer.id,)))
    assert await house.db.read(lambda tx: customers.find(tx, customer.id)) is None
    with pytest.raises(Unavailable):
        await house.db.write(lambda tx: house.dealership.book.erase_customer(tx, customer.id, DESK))
    start = datetime(2027, 1, 4, 9, tzinfo=UTC)
    draft = Draft(site="rostock", department="Werkstatt", drop_off=start, collection=start + timedelta(hours=1),
                  customer_id=customer.id)  # fmt: skip
    await house.db.write(lambda tx: house.dealership.book.create(tx, draft, author=DESK))
    assert await house.db.read(lambda tx: customers.find(tx, customer.id)) == customer


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.daemon.test_importer import House, autohaus
from wtpd.book.importing import transfer

transfer.PORTION = 50
folder, phase, least = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

async def main():
    house = await House.open(folder)
    def look(progress):
        if progress.phase == phase and progress.done >= least:
            os.kill(os.getpid(), signal.SIGKILL)
    house.importer._on_progress = look
    await house.bring(autohaus())

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("phase", "least", "comes_in"),
    [("checking", 0, False), ("checking", 1500, False), ("writing", 50, True), ("writing", 1300, True),
     ("telling", 0, True)],
)  # fmt: skip
async def test_after_a_kill_it_is_nothing_or_everything(tmp_path: Path, phase: str, least: int, comes_in: bool) -> None:
    killed = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", KILLED, str(tmp_path), phase, str(least)], check=False, timeout=150
    )
    assert killed.returncode == -signal.SIGKILL
    house = await House.open(tmp_path)
    try:
        hidden = dict.fromkeys(await house.db.read(everything), 0)
        seen = await house.db.read(everything)
        if phase != "telling":
            assert {name: seen[name] for name in ("customer", "vehicle", "appointment")} == {
                name: hidden[name] for name in ("customer", "vehicle", "appointment")
            }
        serving = asyncio.create_task(house.importer.serve())
        while await house.db.read(imports.current) is not None or left(house):
            await asyncio.sleep(0)
        serving.cancel()
        await asyncio.wait((serving,))
        after = await house.db.read(everything)
        assert (after["appointment"], after["history"], after["event"]) == (
            (1500, 1500, 2615) if comes_in else (0, 0, 0)
        )
        again = await house.bring(autohaus())
        assert {each.created for each in again.counts.values()} == ({0} if comes_in else {6, 9, 500, 600, 1500})
        assert left(house) == []
    finally:
        await house.close()
