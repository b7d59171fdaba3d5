"""Two sides, random edits, faults and crashes between any two steps: once they can talk again, both hold each
appointment once with the same content, and nobody makes history of an echo (sync.md, 1, 4 and 5)."""

from __future__ import annotations

import asyncio
import atexit
import random
import shutil
import sqlite3
import tempfile
import unicodedata
from collections.abc import Callable, Coroutine, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.support.bookkeeping import DESK, MONDAY, make_book
from tests.support.hand_clock import HandClock
from tests.support.partner_model import PartnerModel, no_fault
from tests.support.power import Fuse, FusedPartner, FusedTransactions, PowerCut
from tests.support.sync_world import ACCOUNT, FIELDS, NOW, SPEC, World
from wtpd.book import undo
from wtpd.channel.errors import PartnerError, Transient
from wtpd.clock import iso, iso_exact
from wtpd.errors import Invalid, Refused
from wtpd.planner.appointment import Status
from wtpd.store import channels, history
from wtpd.store.database import Tx
from wtpd.sync import decide
from wtpd.sync.channel import Channel
from wtpd.sync.plan import resembles
from wtpd.sync.ports import Incoming

T = TypeVar("T")

NOTES = st.sampled_from(["", "waschen", "laut", "eilt", " eilt", "  Öl prüfen \n", "o\u0308l"])
OPTION = st.sampled_from(["none", "waiting", "shuttle"])
CAR = st.sampled_from([None, "EW1", "EW2"])
PHONE = st.sampled_from(["", "+491711000001", "+491711000002"])
SURNAME = st.sampled_from(["Janssen", "Petersen"])
HOURS = st.integers(0, 30)
PICK = st.integers(0, 1000)


@cache
def furnished() -> Path:
    """A database with what every example starts from, made once."""
    folder = Path(tempfile.mkdtemp(prefix="wtpd-two-sides-"))
    atexit.register(shutil.rmtree, folder)

    async def make() -> None:
        world = await World.open(folder / "book.db")
        await world.close()

    asyncio.run(make())
    return folder / "book.db"


def squeezed(text: str) -> str:
    return " ".join(text.split())


def composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def with_car(option: str, car: str | None) -> str:
    return "courtesy_car" if car else option


class TwoSides(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.made_here: list[str] = []
        self.touched_there: set[str] = set()
        self.customers: dict[str, str] = {}
        self.copy: bytes | None = None
        self.was_restored = False
        self.their_copy: tuple[dict[str, dict[str, Incoming]], int] | None = None
        self.they_were_restored = False
        self.shortens = False
        self.account = ACCOUNT

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    @initialize(small_pages=st.booleans())
    def open(self, small_pages: bool) -> None:
        path = Path(self.folder.name) / "book.db"
        shutil.copy(furnished(), path)
        self.partner = PartnerModel()
        self.world = World(path, self.partner, HandClock(NOW), make_book())
        self.world.spec = replace(SPEC, page_size=2 if small_pages else 100, calls_at_once=3)
        self.do(self.world.start())

    # Here

    @rule(notes=NOTES, car=CAR, hours=HOURS, phone=PHONE)
    def make_here(self, notes: str, car: str | None, hours: int, phone: str) -> None:
        async def make() -> None:
            name = f"Kunde{len(self.made_here)}"
            customer = await self.world.write(
                lambda tx: self.world.book.create_customer(tx, {"last_name": name, "mobile": phone}, author=DESK)
            )
            with suppress(Refused):
                start = MONDAY + timedelta(hours=hours)
                made = await self.world.make(
                    start=start, notes=notes, courtesy_car=car, customer_id=customer.id,
                    transport_option=with_car("none", car),
                )  # fmt: skip
                self.made_here.append(made.id)
                self.customers[made.id] = customer.id

        self.do(make())

    @precondition(lambda self: self.do(self.world.ours()))
    @rule(pick=PICK, notes=NOTES, option=OPTION, car=CAR)
    def change_here(self, pick: int, notes: str, option: str, car: str | None) -> None:
        async def change() -> None:
            ours = await self.world.ours()
            with suppress(Refused, Invalid):  # Invalid: the appointment stands at another site, which has other cars
                await self.world.change(
                    ours[pick % len(ours)].id, notes=notes, transport_option=with_car(option, car), courtesy_car=car
                )

        self.do(change())

    @precondition(lambda self: self.made_here)
    @rule(pick=PICK, phone=PHONE)
    def change_customer_here(self, pick: int, phone: str) -> None:
        customer = self.customers[self.made_here[pick % len(self.made_here)]]
        self.do(
            self.world.write(
                lambda tx: self.world.book.change_customer(
                    tx, customer, {"mobile": phone}, author=DESK, expected_version=None
                )
            )
        )

    @precondition(lambda self: self.do(self.world.ours()))
    @rule(pick=PICK)
    def cancel_here(self, pick: int) -> None:
        async def cancel() -> None:
            ours = await self.world.ours()
            with suppress(Refused):
                await self.world.cancel(ours[pick % len(ours)].id)

        self.do(cancel())

    @precondition(lambda self: self.do(self.world.ours()))
    @rule(pick=PICK)
    def move_here(self, pick: int) -> None:
        async def move() -> None:
            ours = await self.world.ours()
            one = ours[pick % len(ours)]
            other = "Karosserie" if one.department == "Werkstatt" else "Werkstatt"
            with suppress(Refused, Invalid):
                await self.world.change(one.id, department=other)

        self.do(move())

    @precondition(lambda self: self.do(self.world.ours()))
    @rule(pick=PICK, entry=PICK)
    def take_back_here(self, pick: int, entry: int) -> None:
        """Any entry of the history, whoever made it; most are refused, the last one seldom."""

        def take_back(tx: Tx) -> None:
            entries = history.of(tx, number)
            chosen = entries[-1 - (entry % len(entries) if entry % 3 else 0)]
            undo.undo(self.world.book, tx, number, chosen.id, author=DESK, expected_version=None)

        ours = self.do(self.world.ours())
        number = ours[pick % len(ours)].id
        with suppress(Refused, Invalid):
            self.do(self.world.write(take_back))

    @precondition(lambda self: self.do(self.world.ours()))
    @rule(pick=PICK)
    def send_again(self, pick: int) -> None:
        ours = self.do(self.world.ours())
        self.do(self.world.resend(ours[pick % len(ours)].id))

    # There

    @rule(notes=NOTES, car=CAR, hours=HOURS, phone=PHONE, surname=SURNAME)
    def book_there(self, notes: str, car: str | None, hours: int, phone: str, surname: str) -> None:
        start = MONDAY + timedelta(hours=hours)
        fields = {
            **FIELDS,
            "notes": notes,
            "courtesy_car": car,
            "transport_option": with_car("none", car),
            "drop_off": iso(start),
            "collection": iso(start + timedelta(hours=5)),
            "customer.mobile": phone,
            "customer.last_name": surname,
        }
        self.partner.book(self.account, fields)

    @precondition(lambda self: self.partner.live(self.account))
    @rule(pick=PICK, notes=NOTES, option=OPTION, car=CAR, phone=PHONE)
    def change_there(self, pick: int, notes: str, option: str, car: str | None, phone: str) -> None:
        partner_id = self._one_there(pick)
        self.partner.change(
            self.account, partner_id, notes=notes, transport_option=with_car(option, car), courtesy_car=car,
            customer__mobile=phone,
        )  # fmt: skip

    @precondition(lambda self: self.partner.live(self.account))
    @rule(pick=PICK, surname=SURNAME)
    def rename_there(self, pick: int, surname: str) -> None:
        self.partner.change(self.account, self._one_there(pick), customer__last_name=surname)

    @precondition(lambda self: self.partner.live(self.account))
    @rule(pick=PICK)
    def cancel_there(self, pick: int) -> None:
        self.partner.cancel(self.account, self._one_there(pick))

    def _one_there(self, pick: int) -> str:
        live = self.partner.live(self.account)
        item = live[sorted(live)[pick % len(live)]]
        self.touched_there.add(item.our_id or "")
        return item.partner_id

    @precondition(lambda self: self.partner.feed)
    @rule(pick=PICK)
    def a_message_comes_late_or_twice(self, pick: int) -> None:
        account, item = self.partner.feed[pick % len(self.partner.feed)]
        self.partner.tell(account, item)

    # What makes knowledge stale

    @precondition(lambda self: len(self.partner.feed) > self.partner.oldest_unread)
    @rule(pick=PICK, other=PICK)
    def messages_come_out_of_order(self, pick: int, other: int) -> None:
        """Two messages that nobody has read yet change places."""
        start = self.partner.oldest_unread
        first, second = (start + each % (len(self.partner.feed) - start) for each in (pick, other))
        feed = self.partner.feed
        feed[first], feed[second] = feed[second], feed[first]

    @rule()
    def cursors_are_refused(self) -> None:
        self.partner.refuse_cursors()

    @rule()
    def keys_are_forgotten(self) -> None:
        self.partner.forget_keys()

    @precondition(lambda self: self.partner.live(self.account))
    @rule(pick=PICK, notes=NOTES)
    def another_program_writes(self, pick: int, notes: str) -> None:
        self.partner.change(self.account, self._one_there(pick), by="dms", notes=notes)

    @precondition(lambda self: self.copy is not None)
    @rule(marked=st.booleans())
    def we_are_restored(self, marked: bool) -> None:
        if self.copy is None:
            return
        self.do(self.world.database.close())
        for each in ("-wal", "-shm"):
            self.world.path.with_name(self.world.path.name + each).unlink(missing_ok=True)
        self.world.path.write_bytes(self.copy)
        self.do(self.world.start())
        if marked:
            self.do(self.world.write(channels.mark_restored))
        self.was_restored = True
        known = {each.id for each in self.do(self.world.ours())}
        self.made_here = [each for each in self.made_here if each in known]

    @precondition(lambda self: self.copy is None)
    @rule()
    def a_backup_is_made(self) -> None:
        path = self.world.path.with_suffix(".copy")
        with closing(sqlite3.connect(self.world.path)) as source, closing(sqlite3.connect(path)) as target:
            source.backup(target)
        self.copy = path.read_bytes()

    @precondition(lambda self: self.their_copy is None)
    @rule()
    def the_partner_makes_a_backup(self) -> None:
        self.their_copy = self.partner.copy()

    @rule(counts_again=st.booleans())
    def the_partner_is_restored_or_emptied(self, counts_again: bool) -> None:
        """Without a backup nothing is left there."""
        self.partner.restore(self.their_copy or ({}, 0), counts_again=counts_again)
        self.they_were_restored = True

    @rule(longest=st.sampled_from([None, 3, 5]))
    def the_partner_shortens_texts(self, longest: int | None) -> None:
        self.partner.longest = longest
        self.shortens = self.shortens or longest is not None

    @rule(tidy=st.sampled_from([None, str.upper, str.strip, squeezed, composed]))
    def the_partner_tidies_texts(self, tidy: Callable[[str], str] | None) -> None:
        self.partner.tidy = tidy
        self.shortens = self.shortens or tidy is not None

    # Between

    @rule(local=st.booleans(), faults=st.lists(st.sampled_from(["", "", "lost", "down"]), max_size=12))
    def sync(self, local: bool, faults: list[str]) -> None:
        planned = list(faults)

        def fault(where: str) -> PartnerError | None:
            kind = planned.pop(0) if planned else ""
            failing = (kind == "down" and where.startswith("before")) or (kind == "lost" and where.startswith("after"))
            return Transient(kind) if failing else None

        self.partner.fault = fault
        self.do(self.world.sync("local" if local else "manual"))
        self.partner.fault = no_fault

    @rule(local=st.booleans(), steps=st.integers(0, 25), lost=st.booleans())
    def crash(self, local: bool, steps: int, lost: bool) -> None:
        """The power goes after so many steps; `lost`: an answer of the partner was lost as well."""
        fuse = Fuse(steps)
        channel = Channel(
            self.world.spec, FusedPartner(self.partner, fuse), FusedTransactions(self.world.transactions, fuse),
            clock=self.world.clock, chance=random.Random(1),
        )  # fmt: skip
        self.partner.fault = lambda where: Transient("lost") if lost and where == "after write" else None
        with suppress(PowerCut, BaseExceptionGroup):
            self.do(channel.run("local" if local else "manual"))
        self.partner.fault = no_fault
        self.do(self.world.restart())

    @rule(minutes=st.integers(1, 20))
    def time_passes(self, minutes: int) -> None:
        self.world.clock.advance(timedelta(minutes=minutes))

    # In the end

    def teardown(self) -> None:
        try:
            if hasattr(self, "world"):
                self.do(self._heal_and_check())
                self.do(self.world.close())
        finally:
            self.loop.close()
            self.folder.cleanup()

    async def _heal_and_check(self) -> None:
        for _ in range(6):
            self.world.clock.advance(timedelta(minutes=10))
            record = await self.world.sync()
            assert record.error is None
        if self.they_were_restored:
            await self._decide_used_numbers()
        await self._check_nothing_happens_any_more()
        if self.was_restored or self.they_were_restored:
            await self._check_nothing_is_lost_or_twice()
            return
        await self._check_both_sides_are_equal()
        await self._check_history()
        await self._check_trace()

    async def _decide_used_numbers(self) -> None:
        """A number that stands for another appointment is in quarantine (sync.md, 20) until a person looks: what the
        partner has now is taken as new."""
        for entry in await self.world.attention("quarantine"):
            now = self.partner.held[self.account].get(entry.data["partner_id"])

            def work(session: Any, number: int = entry.id, now: Incoming | None = now) -> None:
                if now is None:
                    decide.discard(session, number, by="maria")
                else:
                    decide.retry(session, number, self.world.spec, lambda raw: now, by="maria")

            await self.world.transactions.write(work)
        for _ in range(3):
            self.world.clock.advance(timedelta(minutes=10))
            await self.world.sync()

    async def _check_nothing_happens_any_more(self) -> None:
        before = await self.world.count("history"), len(self.partner.feed)
        record = await self.world.sync()
        assert record.is_quiet, record
        assert (await self.world.count("history"), len(self.partner.feed)) == before
        assert await self.world.count("outbox") == 0
        assert await self.world.attention("quarantine") == []

    async def _check_nothing_is_lost_or_twice(self) -> None:
        """After a restore a person may be asked, so both sides needn't be equal; but what is live there is linked once
        with one of ours, and what is linked and present here is equal."""
        live = self.partner.live(self.account)
        rows = await self.world.read(lambda tx: tx.all("SELECT * FROM link WHERE NOT tombstone"))
        links = {row["partner_id"]: row["appointment_id"] for row in rows}
        closed = await self.world.read(lambda tx: tx.all("SELECT * FROM link WHERE tombstone"))
        closed_with = {row["partner_id"]: row["appointment_id"] for row in closed}
        asked = {each.appointment_id for each in await self.world.attention() if each.appointment_id}
        assert len(set(links.values())) == len(links)
        for partner_id, item in live.items():
            if partner_id not in links:
                assert closed_with.get(partner_id, item.our_id) in asked, item
                continue
            shared = await self.world.shared(links[partner_id])
            differs = {name for name, value in item.fields.items() if shared[name] != value}
            assert differs <= self._may_differ(shared, item), (shared, item.fields)
        mine = [item.our_id for item in live.values() if item.our_id]
        assert len(mine) == len(set(mine)), "booked twice"

    async def _check_both_sides_are_equal(self) -> None:
        ours = {each.id: each for each in await self.world.ours()}
        present = {
            each.id for each in ours.values() if each.department == "Werkstatt" and each.status is not Status.CANCELLED
        }
        links = await self.world.read(
            lambda tx: {row["partner_id"]: row["appointment_id"] for row in tx.all("SELECT * FROM link")}
        )
        live = self.partner.live(self.account)
        assert sorted(links[partner_id] for partner_id in live) == sorted(present)
        for partner_id, item in live.items():
            shared = await self.world.shared(links[partner_id])
            differs = {name for name, value in item.fields.items() if shared[name] != value}
            assert differs <= self._may_differ(shared, item), (shared, item.fields)
            assert "courtesy_car" not in differs or shared["courtesy_car"] is None, (
                "a car that can't be had is open here"
            )
        booked_there = {
            key for key, item in self.partner.held[self.account].items() if item.origin == "mynissan" and key in links
        }
        assert len(ours) == len(self.made_here) + len({links[key] for key in booked_there})
        assert len({links[key] for key in booked_there}) == len(booked_there)
        may_differ = {"courtesy_car", "notes", "customer.last_name"} if self.shortens else {"courtesy_car"}
        assert {each.field for each in (await self.world.channel.compare()).differences} <= may_differ

    def _may_differ(self, shared: Mapping[str, Any], item: Incoming) -> set[str]:
        """A car that can't be had, and a text of ours that the partner keeps shorter."""
        shaped = {"notes", "customer.last_name"} if self.shortens else set()
        return {"courtesy_car"} | {
            name for name in shaped if name in item.fields and resembles(shared[name], item.fields[name])
        }

    async def _check_history(self) -> None:
        for each in await self.world.ours():
            entries = await self.world.history_of(each.id)
            assert [version for version, _, _ in entries] == list(range(1, each.version + 1))
            if each.id in self.made_here and each.id not in self.touched_there:
                assert {actor for _, actor, _ in entries} == {"maria"}

    async def _check_trace(self) -> None:
        """No call is left without an answer, none is said to be taken that the partner never saw, and whatever it did
        to the book is there."""
        rows = await self.world.read(lambda tx: tx.all("SELECT * FROM message ORDER BY id"))
        calls = [row for row in rows if row["direction"] == "out" and row["key"]]
        assert {row["outcome"] for row in calls} <= {"ok", "refused"}
        answered = self.partner.answered | self.partner.forgotten
        assert {row["key"] for row in calls if row["outcome"] == "ok"} <= answered.keys()
        assert answered.keys() <= {row["key"] for row in calls}
        assert all(row["attempts"] > 0 for row in calls)
        assert [row["id"] for row in rows if row["operation"] == "look"] == []
        taken = {
            (row["appointment_id"], row["at"]) for row in rows if row["operation"] in ("create", "update", "cancel")
        }
        for each in await self.world.ours():
            for entry in await self.world.read(lambda tx, number=each.id: history.of(tx, number)):
                assert entry.actor != "SUPERSERVICE" or (each.id, iso_exact(entry.at)) in taken


TestTwoSides = TwoSides.TestCase
TestTwoSides.settings = settings(deadline=None, max_examples=25, stateful_step_count=30)
