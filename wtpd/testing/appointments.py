"""The suite for connectors of appointments both ways."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from wtpd.channel.errors import (
    BrokenItem,
    Duplicate,
    NeedsToken,
    NotAllowed,
    PartnerBroken,
    PartnerError,
    Precondition,
    RateLimited,
    Rejected,
    TooLarge,
    Transient,
)
from wtpd.connectors.manifest import AppointmentPartner
from wtpd.sync.ports import Incoming, Intent, Unreadable
from wtpd.testing import intents
from wtpd.testing.intents import FIELDS
from wtpd.testing.sandbox import Sandbox, running_sandbox

FAULTS: list[tuple[dict[str, Any], type[PartnerError]]] = [
    ({"kind": "status", "status": 400}, Rejected),
    ({"kind": "status", "status": 401}, NeedsToken),
    ({"kind": "status", "status": 403}, NotAllowed),
    ({"kind": "status", "status": 404}, Rejected),
    ({"kind": "status", "status": 409}, Duplicate),
    ({"kind": "status", "status": 412}, Precondition),
    ({"kind": "status", "status": 422}, Rejected),
    ({"kind": "status", "status": 429}, RateLimited),
    ({"kind": "status", "status": 429, "retry_after": "date:30"}, RateLimited),
    ({"kind": "status", "status": 500}, Transient),
    ({"kind": "status", "status": 503}, Transient),
    ({"kind": "status", "status": 503, "retry_after": "7"}, RateLimited),
    ({"kind": "cut", "work": "none"}, Transient),
    ({"kind": "cut"}, Transient),
    ({"kind": "cut_middle"}, PartnerBroken),
    ({"kind": "garbage"}, PartnerBroken),
    ({"kind": "wrong_types"}, BrokenItem),
    ({"kind": "huge"}, TooLarge),
    ({"kind": "wrong_encoding"}, PartnerBroken),
    ({"kind": "wrong_encoding", "encoding": "cp1252"}, PartnerBroken),
    ({"kind": "wrong_encoding", "encoding": "gzip"}, PartnerBroken),
]
SLOW: list[dict[str, Any]] = [
    {"kind": "late", "seconds": 60},
    {"kind": "late", "seconds": 60, "work": "first"},
    {"kind": "never"},
    {"kind": "never", "work": "first"},
    {"kind": "slow_drip", "seconds": 0.01},
]


def _name(value: Any) -> str | None:
    if isinstance(value, dict):
        return "-".join(str(part) for part in value.values())
    return value.__name__ if isinstance(value, type) else None


class AppointmentContract(ABC):
    partner: str
    """The connector's name."""
    account: str

    @abstractmethod
    def connecting(self, sandbox: Sandbox, **options: Any) -> AbstractAsyncContextManager[AppointmentPartner]:
        """The connector, talking to the sandbox."""

    @abstractmethod
    async def books(self, sandbox: Sandbox, by: str = "dealer") -> str:
        """Somebody at the partner books; its id there."""

    @abstractmethod
    async def changes_notes(self, sandbox: Sandbox, partner_id: str, notes: str) -> None: ...

    @abstractmethod
    async def cancels(self, sandbox: Sandbox, partner_id: str, reason: str) -> None: ...

    @abstractmethod
    async def uses_unknown_transport(self, sandbox: Sandbox, partner_id: str) -> str:
        """The code."""

    @abstractmethod
    async def breaks(self, sandbox: Sandbox, partner_id: str) -> None:
        """An item of the feed breaks the contract."""

    @abstractmethod
    async def held(self, sandbox: Sandbox) -> int:
        """How many appointments the partner holds."""

    def creation(self, our_id: str, **options: Any) -> Intent:
        return intents.creation(our_id, account=self.account, **options)

    def update(self, our_id: str, partner_id: str, version: int | None, **options: Any) -> Intent:
        return intents.update(our_id, partner_id, version, account=self.account, **options)

    def cancellation(self, our_id: str, partner_id: str, version: int | None, **options: Any) -> Intent:
        return intents.cancellation(our_id, partner_id, version, account=self.account, **options)

    @pytest.fixture
    async def sandbox(self, tmp_path: Path) -> AsyncIterator[Sandbox]:
        async with running_sandbox(tmp_path) as sandbox:
            yield sandbox

    @pytest.fixture
    async def connector(self, sandbox: Sandbox) -> AsyncIterator[AppointmentPartner]:
        async with self.connecting(sandbox) as connector:
            yield connector

    # --- what we send

    async def test_all_that_is_sent_is_there(self, connector: AppointmentPartner) -> None:
        receipt = await connector.write(self.creation("a-1"))
        there = await connector.get(self.account, receipt.partner_id)
        assert dict(there.fields) == dict(FIELDS)
        assert (there.our_id, there.version, there.cancelled, there.changed_by) == (
            "a-1",
            receipt.version,
            False,
            "dms",
        )

    async def test_creating_again_with_the_same_key_makes_no_second_one(
        self, connector: AppointmentPartner, sandbox: Sandbox
    ) -> None:
        first = await connector.write(self.creation("a-1"))
        assert await connector.write(self.creation("a-1")) == first
        assert await self.held(sandbox) == 1

    async def test_creating_again_with_another_key_is_told_as_duplicate_and_is_found(
        self, connector: AppointmentPartner, sandbox: Sandbox
    ) -> None:
        first = await connector.write(self.creation("a-1"))
        with pytest.raises(Duplicate):
            await connector.write(self.creation("a-1", key="another"))
        found = await connector.find(self.account, "a-1")
        assert found is not None
        assert found.partner_id == first.partner_id
        assert await self.held(sandbox) == 1

    async def test_nothing_is_found_where_nothing_is(self, connector: AppointmentPartner) -> None:
        assert await connector.find(self.account, "a-1") is None

    async def test_a_change_is_made_for_its_version_only(self, connector: AppointmentPartner, sandbox: Sandbox) -> None:
        made = await connector.write(self.creation("a-1"))
        await self.changes_notes(sandbox, made.partner_id, "von dort")
        stale = self.update("a-1", made.partner_id, made.version, key="k-2", notes="von hier")
        with pytest.raises(Precondition):
            await connector.write(stale)
        there = await connector.get(self.account, made.partner_id)
        assert there.fields["notes"] == "von dort"
        receipt = await connector.write(self.update("a-1", made.partner_id, there.version, key="k-3", notes="von hier"))
        assert receipt.version > there.version
        assert (await connector.get(self.account, made.partner_id)).fields["notes"] == "von hier"

    async def test_a_change_touches_nothing_else(self, connector: AppointmentPartner) -> None:
        made = await connector.write(self.creation("a-1"))
        changed: dict[str, Any] = {
            "customer.mobile": "",
            "courtesy_car": None,
            "vehicle.odometer_km": 40000,
            "interventions": [],
        }
        intent = self.update("a-1", made.partner_id, made.version, key="k-2", **changed)
        await connector.write(intent)
        there = await connector.get(self.account, made.partner_id)
        assert dict(there.fields) == {**FIELDS, **changed}

    async def test_a_change_repeated_with_its_key_is_made_once(self, connector: AppointmentPartner) -> None:
        made = await connector.write(self.creation("a-1"))
        intent = self.update("a-1", made.partner_id, made.version, key="k-2", notes="neu")
        first = await connector.write(intent)
        assert await connector.write(intent) == first

    async def test_a_cancelled_one_is_gone_and_its_number_is_free(self, connector: AppointmentPartner) -> None:
        made = await connector.write(self.creation("a-1"))
        cancel = self.cancellation("a-1", made.partner_id, made.version, key="k-2", reason="Kunde hat abgesagt")
        first = await connector.write(cancel)
        assert await connector.write(cancel) == first
        there = await connector.get(self.account, made.partner_id)
        assert (there.cancelled, there.reason) == (True, "Kunde hat abgesagt")
        assert await connector.find(self.account, "a-1") is None
        assert (await connector.write(self.creation("a-1", key="k-3"))).partner_id != made.partner_id

    async def test_what_the_partner_cant_take_is_rejected_with_its_reason(self, connector: AppointmentPartner) -> None:
        with pytest.raises(Rejected) as refused:
            await connector.write(self.creation("a-1", collection=FIELDS["drop_off"]))
        assert refused.value.detail

    # --- what we are told

    async def test_the_feed_tells_every_change_in_order(self, connector: AppointmentPartner, sandbox: Sandbox) -> None:
        booked = await self.books(sandbox, by="customer_app")
        await self.changes_notes(sandbox, booked, "Bitte Reifendruck prüfen")
        await self.cancels(sandbox, booked, "krank")
        page = await connector.changes(self.account, None, wait=0, limit=100)
        items = [item for item in page.items if isinstance(item, Incoming)]
        assert [item.version for item in items] == [1, 2, 3]
        assert [item.cancelled for item in items] == [False, False, True]
        assert (items[0].origin, items[0].changed_by, items[0].our_id) == ("mynissan", "customer_app", None)
        assert items[1].fields["notes"] == "Bitte Reifendruck prüfen"
        assert items[2].reason == "krank"

    async def test_pages_join_without_gap_or_overlap(self, connector: AppointmentPartner, sandbox: Sandbox) -> None:
        booked = [await self.books(sandbox) for _ in range(5)]
        told: list[str | None] = []
        cursor, more = None, True
        while more:
            page = await connector.changes(self.account, cursor, wait=0, limit=2)
            assert len(page.items) <= 2
            told += [item.partner_id for item in page.items]
            cursor, more = page.cursor, page.more
        assert told == booked
        end = await connector.changes(self.account, cursor, wait=0, limit=2)
        assert (list(end.items), end.more) == ([], False)

    async def test_a_waiting_call_is_answered_at_the_next_change(
        self, connector: AppointmentPartner, sandbox: Sandbox
    ) -> None:
        start = await connector.changes(self.account, None, wait=0, limit=100)
        waiting = asyncio.create_task(connector.changes(self.account, start.cursor, wait=30, limit=100))
        booked = await self.books(sandbox)
        page = await asyncio.wait_for(waiting, 10)
        assert [item.partner_id for item in page.items] == [booked]

    async def test_our_own_change_is_marked_as_ours(self, connector: AppointmentPartner) -> None:
        await connector.write(self.creation("a-1"))
        page = await connector.changes(self.account, None, wait=0, limit=100)
        [item] = page.items
        assert isinstance(item, Incoming)
        assert (item.changed_by, item.our_id, item.origin) == ("dms", "a-1", None)

    async def test_an_unknown_code_is_kept_as_text_and_its_field_left_alone(
        self, connector: AppointmentPartner, sandbox: Sandbox
    ) -> None:
        booked = await self.books(sandbox)
        code = await self.uses_unknown_transport(sandbox, booked)
        there = await connector.get(self.account, booked)
        assert dict(there.unknown) == {"transport_option": code}
        assert "transport_option" not in there.fields
        assert "drop_off" in there.fields

    async def test_a_broken_item_doesnt_stop_the_page(self, connector: AppointmentPartner, sandbox: Sandbox) -> None:
        broken = await self.books(sandbox)
        await self.breaks(sandbox, broken)
        good = await self.books(sandbox)
        page = await connector.changes(self.account, None, wait=0, limit=100)
        first, second, third = page.items
        assert isinstance(first, Incoming)
        assert isinstance(second, Unreadable)
        assert (second.partner_id, bool(second.reason), bool(second.raw)) == (broken, True, True)
        assert third.partner_id == good

    @pytest.mark.parametrize("kind", ["repeat", "reorder", "delay"])
    async def test_a_disturbed_feed_still_tells_everything(
        self, connector: AppointmentPartner, sandbox: Sandbox, kind: str
    ) -> None:
        booked = {await self.books(sandbox) for _ in range(6)}
        await sandbox.control.fault(self.partner, kind)
        told: set[str | None] = set()
        cursor, more = None, True
        while more:
            page = await connector.changes(self.account, cursor, wait=0, limit=4)
            told |= {item.partner_id for item in page.items}
            cursor, more = page.cursor, page.more
        assert told == booked

    # --- a partner in trouble

    @pytest.mark.parametrize(("fault", "error"), FAULTS, ids=_name)
    async def test_each_fault_has_its_error(
        self, connector: AppointmentPartner, sandbox: Sandbox, fault: dict[str, Any], error: type[PartnerError]
    ) -> None:
        await connector.verify(self.account)  # a token is there, so that the fault meets the write
        await sandbox.control.fault(self.partner, **fault)
        with pytest.raises(PartnerError) as raised:
            await connector.write(self.creation("a-1"))
        assert type(raised.value) is error
        await sandbox.control.clear_faults(self.partner)
        await connector.write(self.creation("a-1"))
        assert await self.held(sandbox) == 1

    @pytest.mark.parametrize("fault", SLOW, ids=_name)
    async def test_a_slow_partner_is_given_up(self, sandbox: Sandbox, fault: dict[str, Any]) -> None:
        async with self.connecting(sandbox, read_timeout=0.5, total_timeout=1.0) as connector:
            await connector.verify(self.account)
            await sandbox.control.fault(self.partner, **fault)
            with pytest.raises(Transient):
                await connector.write(self.creation("a-1"))
        await sandbox.control.clear_faults(self.partner)
        async with self.connecting(sandbox) as connector:
            await connector.write(self.creation("a-1"))
        assert await self.held(sandbox) == 1

    async def test_the_time_to_wait_is_the_partners(self, connector: AppointmentPartner, sandbox: Sandbox) -> None:
        await connector.verify(self.account)
        await sandbox.control.fault(self.partner, "status", status=429, retry_after="17")
        with pytest.raises(RateLimited) as raised:
            await connector.write(self.creation("a-1"))
        assert raised.value.retry_after == 17

    async def test_a_spoilt_feed_is_the_partners_error(self, connector: AppointmentPartner, sandbox: Sandbox) -> None:
        await self.books(sandbox)
        for fault in ({"kind": "wrong_types"}, {"kind": "garbage"}, {"kind": "huge"}, {"kind": "cut_middle"}):
            await sandbox.control.fault(self.partner, route="*changes*", **fault)
            with pytest.raises(PartnerBroken):
                await connector.changes(self.account, None, wait=0, limit=10)
            await sandbox.control.clear_faults(self.partner)
        page = await connector.changes(self.account, None, wait=0, limit=10)
        assert len(page.items) == 1
