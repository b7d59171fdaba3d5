"""The ledger of links and cursors."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from tests.support.bookkeeping import DESK, MONDAY, NOW, Dealership, draft
from tests.support.sync_world import SPEC
from wtpd.store import channels
from wtpd.store.ledger import Ledger
from wtpd.sync.ports import Link


async def _link(dealership: Dealership, partner_id: str = "A-1", hour: int = 7) -> Link:
    await dealership.do(lambda tx: channels.put(tx, SPEC))
    made = await dealership.do(
        lambda tx: dealership.book.create(tx, draft(start=MONDAY.replace(hour=hour)), author=DESK)
    )
    link = Link(
        channel=SPEC.id, account="1", partner_id=partner_id, appointment_id=made.id, version=1, base={"notes": "ä"}
    )
    await dealership.do(lambda tx: Ledger(tx).put_link(link))
    return link


async def test_a_link_is_found_from_both_sides(dealership: Dealership) -> None:
    link = await _link(dealership)
    assert await dealership.see(lambda tx: Ledger(tx).link_of(SPEC.id, link.appointment_id)) == link
    assert await dealership.see(lambda tx: Ledger(tx).link_at(SPEC.id, "1", "A-1")) == link


async def test_a_tombstone_is_found_by_the_partners_id_only(dealership: Dealership) -> None:
    link = await _link(dealership)
    await dealership.do(lambda tx: Ledger(tx).put_link(replace(link, tombstone=True)))
    assert await dealership.see(lambda tx: Ledger(tx).link_of(SPEC.id, link.appointment_id)) is None
    buried = await dealership.see(lambda tx: Ledger(tx).link_at(SPEC.id, "1", "A-1"))
    assert buried is not None
    assert buried.tombstone


async def test_an_appointment_has_one_live_link(dealership: Dealership) -> None:
    link = await _link(dealership)
    with pytest.raises(sqlite3.IntegrityError):
        await dealership.do(lambda tx: Ledger(tx).put_link(replace(link, partner_id="A-2")))


async def test_a_feed_has_one_cursor_for_each_account(dealership: Dealership) -> None:
    await dealership.do(lambda tx: channels.put(tx, SPEC))
    for cursor in ("5", "9"):
        await dealership.do(lambda tx, cursor=cursor: Ledger(tx).set_cursor(SPEC.id, "1", cursor))
    assert await dealership.see(lambda tx: Ledger(tx).cursor(SPEC.id, "1")) == "9"
    assert await dealership.see(lambda tx: Ledger(tx).cursor(SPEC.id, "2")) is None


async def test_links_are_counted_and_walked_through(dealership: Dealership) -> None:
    for number in range(3):
        await _link(dealership, f"A-{number}", 7 + number)
    assert await dealership.see(lambda tx: Ledger(tx).live_links(SPEC.id, "1", NOW)) == 3
    assert await dealership.see(lambda tx: Ledger(tx).live_links(SPEC.id, "1", MONDAY.replace(hour=12))) == 1
    first = await dealership.see(lambda tx: Ledger(tx).links_after(SPEC.id, "1", "", 2))
    rest = await dealership.see(lambda tx: Ledger(tx).links_after(SPEC.id, "1", first[-1].partner_id, 2))
    assert [link.partner_id for link in (*first, *rest)] == ["A-0", "A-1", "A-2"]
