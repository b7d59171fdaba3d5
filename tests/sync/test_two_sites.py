"""As `test_two_sides`, and two sites swap their dealer numbers, the partner gives a number to another appointment, and
rights are taken and given back, all between any two steps (sync.md, 1, 20, 21 and 23)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.support.bookkeeping import MONDAY
from tests.support.sync_world import FIELDS, SPEC
from tests.sync.test_two_sides import HOURS, NOTES, PICK, TwoSides
from wtpd.book.sync_port import SyncBook
from wtpd.channel.errors import Ability
from wtpd.channel.spec import ChannelSpec
from wtpd.clock import iso
from wtpd.errors import WtpdError
from wtpd.store import attention, channels
from wtpd.store.database import Tx
from wtpd.store.session import StoreSession
from wtpd.sync.channel import Channel
from wtpd.sync.decide import retry

OTHER = "31000"
ABILITIES: Sequence[Ability] = ("receive", "send", "publish")
ASKS = ("conflict", "database_restored", "quarantine", "rejected", "keeps_refusing")
"""Entries by which a person sees that both sides may differ about an appointment."""


class TwoSites(TwoSides):
    def __init__(self) -> None:
        super().__init__()
        self.other_account = OTHER

    @property
    def other(self) -> ChannelSpec:
        """The channel of the other site."""
        return replace(SPEC, id="superservice/guestrow", site="guestrow", account=self.other_account)

    @initialize(small_pages=st.booleans())
    def open(self, small_pages: bool) -> None:
        super().open(small_pages)
        self.partner.marks = True
        self._map()

    def _map(self) -> None:
        """As when the settings are read: both mappings at once."""
        self.do(self.world.write(lambda tx: channels.put(tx, self.other)))
        self.do(self.world.put(replace(self.world.spec, account=self.account)))

    # Two sites

    @rule(hours=HOURS, notes=NOTES)
    def book_at_the_other(self, hours: int, notes: str) -> None:
        start = MONDAY + timedelta(hours=hours)
        times = {"drop_off": iso(start), "collection": iso(start + timedelta(hours=2))}
        self.partner.book(self.other_account, {**FIELDS, **times, "notes": notes})

    @precondition(lambda self: self.partner.live(self.other_account))
    @rule(pick=PICK, notes=NOTES)
    def change_at_the_other(self, pick: int, notes: str) -> None:
        live = sorted(self.partner.live(self.other_account))
        self.partner.change(self.other_account, live[pick % len(live)], notes=notes)

    @rule()
    def the_other_syncs(self) -> None:
        self.do(self._sync_other())

    async def _sync_other(self) -> None:
        channel = Channel(
            self.other, self.partner, self.world.transactions, clock=self.world.clock, chance=random.Random(1)
        )
        await channel.run()

    @rule()
    def numbers_are_swapped(self) -> None:
        self.account, self.other_account = self.other_account, self.account
        self._map()

    @precondition(lambda self: self.copy is not None)
    @rule()
    def both_are_mapped_after_a_restore(self) -> None:
        self._map()

    # Numbers and rights

    @precondition(lambda self: self.partner.live(self.account))
    @rule(pick=PICK, notes=NOTES, hours=HOURS)
    def a_number_is_given_away(self, pick: int, notes: str, hours: int) -> None:
        start = MONDAY + timedelta(hours=hours)
        times = {"drop_off": iso(start), "collection": iso(start + timedelta(hours=2))}
        self.partner.give_away(self.account, self._one_there(pick), {**FIELDS, **times, "notes": notes})

    @rule(abilities=st.sets(st.sampled_from(ABILITIES)))
    def rights_are_taken_or_given(self, abilities: set[Ability]) -> None:
        self.partner.lacking = abilities

    # In the end

    async def _heal_and_check(self) -> None:
        self.partner.lacking = set()
        await self.world.write(lambda tx: channels.put(tx, self.other))
        await self.world.put(replace(self.world.spec, account=self.account))
        for _ in range(8):
            self.world.clock.advance(timedelta(minutes=10))
            await self._try_again()
            record = await self.world.sync()
            assert record.error is None
            await self._sync_other()
        await self._check_nothing_happens_any_more()
        for spec in (self.world.spec, self.other):
            await self._check(spec)
        mine = [
            item.our_id for account in (self.account, self.other_account)
            for item in self.partner.live(account).values() if item.our_id
        ]  # fmt: skip
        assert len(mine) == len(set(mine)), "booked twice"

    async def _try_again(self) -> None:
        """A person has what lies in quarantine and what was refused tried again."""
        for kind in ("quarantine", "rejected"):
            for entry in await self.world.attention(kind):
                await self._retry(entry)

    async def _retry(self, entry: attention.Attention) -> None:
        spec = self.other if entry.channel == self.other.id else self.world.spec

        def work(tx: Tx) -> None:
            session = StoreSession(tx, SyncBook(self.world.book, tx))
            retry(session, entry.id, spec, self.partner.parse, by="maria")

        with suppress(WtpdError):
            await self.world.write(work)

    async def _check(self, spec: ChannelSpec) -> None:
        """What is live there is linked once with one of ours, or a person is asked; what is linked and present here is
        equal; and what is present here is there, or a person is asked."""
        live = self.partner.live(spec.account)
        rows = await self.world.read(
            lambda tx: tx.all("SELECT * FROM link WHERE channel = ? AND account = ?", (spec.id, spec.account))
        )
        links = {row["partner_id"]: row["appointment_id"] for row in rows if not row["tombstone"]}
        closed = {row["partner_id"]: row["appointment_id"] for row in rows if row["tombstone"]}
        asked = {each.appointment_id for kind in ASKS for each in await self.world.attention(kind)}
        assert len(set(links.values())) == len(links)
        for partner_id, item in live.items():
            if partner_id not in links:
                assert closed.get(partner_id, item.our_id) in asked, item
                continue
            shared = await self.world.shared(links[partner_id])
            differs = {name: (shared[name], value) for name, value in item.fields.items() if shared[name] != value}
            assert differs.keys() <= self._may_differ(shared, item), (partner_id, links[partner_id], differs)
        present = {
            each.id for each in await self.world.ours()
            if each.site == spec.site and each.department == spec.department and each.is_live
        }  # fmt: skip
        there = {links[partner_id] for partner_id in live if partner_id in links}
        assert present <= there | asked, "it is here, and not there"


TestTwoSites = pytest.mark.timeout(300)(TwoSites.TestCase)
TestTwoSites.settings = settings(deadline=None, max_examples=20, stateful_step_count=25)
