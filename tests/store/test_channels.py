"""Channels and what a mapping means for what must be sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.support.bookkeeping import DESK, MONDAY, NOW, Dealership, draft
from tests.support.sync_world import SPEC
from wtpd.store import channels
from wtpd.store.channels import Channels
from wtpd.store.database import Tx
from wtpd.store.ledger import Ledger
from wtpd.sync.ports import Halt, Link, Published


def _outbox(tx: Tx) -> list[str]:
    return [row["appointment_id"] for row in tx.all("SELECT * FROM outbox ORDER BY seq")]


def _link(appointment_id: str, account: str = SPEC.account) -> Link:
    return Link(
        channel=SPEC.id, account=account, partner_id=appointment_id, appointment_id=appointment_id, version=1, base={}
    )


async def _make(dealership: Dealership, **other: object) -> str:
    made = await dealership.do(
        lambda tx: dealership.book.create(tx, draft(**other), author=DESK, allow_over_limit=True)
    )
    return made.id


async def test_the_first_mapping_sends_what_is_still_to_come_and_isnt_cancelled_soonest_first(
    dealership: Dealership,
) -> None:
    await _make(dealership, start=NOW - timedelta(days=5))
    later, soon = await _make(dealership, start=MONDAY + timedelta(days=1)), await _make(dealership)
    gone = await _make(dealership, start=MONDAY.replace(hour=9))
    await dealership.do(lambda tx: dealership.book.cancel(tx, gone, author=DESK, expected_version=None))
    await _make(dealership, department="Karosserie")
    await dealership.do(lambda tx: channels.put(tx, SPEC))
    assert await dealership.see(_outbox) == [soon, later]
    assert f"outbox:{SPEC.id}" in dealership.signals


async def test_the_same_mapping_again_sends_nothing(dealership: Dealership) -> None:
    await _make(dealership)
    await dealership.do(lambda tx: channels.put(tx, SPEC))
    await dealership.do(lambda tx: tx.run("DELETE FROM outbox"))
    await dealership.do(lambda tx: channels.put(tx, replace(SPEC, interval=60)))
    assert await dealership.see(_outbox) == []


async def test_the_preview_tells_what_a_change_would_do(dealership: Dealership) -> None:
    linked, waiting = await _make(dealership), await _make(dealership, start=MONDAY.replace(hour=9))
    body = await _make(dealership, department="Karosserie")
    await dealership.do(lambda tx: channels.put(tx, SPEC))
    await dealership.do(lambda tx: Ledger(tx).put_link(_link(linked)))

    async def preview(department: str, account: str) -> tuple[int, int]:
        effect = await dealership.see(lambda tx: channels.preview(tx, SPEC.id, "rostock", department, account))
        assert effect.unlinks == 0
        return effect.cancels, effect.sends

    assert await preview("Werkstatt", SPEC.account) == (0, 1)
    assert await preview("Karosserie", SPEC.account) == (1, 1)
    assert await preview("Werkstatt", "30001") == (1, 2)
    await dealership.do(lambda tx: tx.run("DELETE FROM outbox"))
    await dealership.do(lambda tx: channels.put(tx, replace(SPEC, department="Karosserie")))
    assert await dealership.see(_outbox) == [linked, body]
    assert waiting not in await dealership.see(_outbox)


async def test_with_another_number_the_new_one_was_told_nothing_yet(dealership: Dealership) -> None:
    await dealership.do(lambda tx: channels.put(tx, SPEC))
    told = Published(days={"2026-11-09": "abc"}, key="k", calling={"2026-11-10": "def"})
    await dealership.do(lambda tx: Channels(tx).set_published(SPEC.id, told))
    assert await dealership.see(lambda tx: Channels(tx).published(SPEC.id)) == told
    await dealership.do(lambda tx: channels.put(tx, replace(SPEC, account="30001")))
    assert await dealership.see(lambda tx: Channels(tx).published(SPEC.id)) == Published()


async def test_a_halt_is_kept(dealership: Dealership) -> None:
    await dealership.do(lambda tx: channels.put(tx, SPEC))
    halt = Halt(stopped="needs_token", since=NOW)
    await dealership.do(lambda tx: Channels(tx).set_halt(SPEC.id, halt))
    assert await dealership.see(lambda tx: Channels(tx).halt(SPEC.id)) == halt


async def test_a_channel_that_isnt_configured_any_more_keeps_its_links(dealership: Dealership) -> None:
    linked = await _make(dealership)
    await dealership.do(lambda tx: channels.put(tx, SPEC))
    await dealership.do(lambda tx: Ledger(tx).put_link(_link(linked)))
    await dealership.do(lambda tx: channels.deactivate(tx, SPEC.id))
    mapped = await dealership.see(lambda tx: channels.mapped(tx, SPEC.id))
    assert mapped is not None
    assert not mapped.active
    assert await dealership.see(lambda tx: Ledger(tx).link_of(SPEC.id, linked)) is not None
