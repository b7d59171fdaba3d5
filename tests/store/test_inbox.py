"""Quarantine: messages kept whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import pytest

from tests.support.bookkeeping import Dealership
from tests.support.sync_world import SPEC
from wtpd.errors import NotFound
from wtpd.store import attention, channels, inbox
from wtpd.store.inbox import Inbox
from wtpd.sync.ports import Incoming, Unreadable

ITEM = Incoming(
    partner_id="A-1", version=3, fields={}, cancelled=False, changed_by="dealer", raw={"id": "A-1", "x": [1, None]}
)


async def _quarantined(dealership: Dealership, *items: Incoming | Unreadable) -> list[int]:
    await dealership.do(lambda tx: channels.put(tx, SPEC))
    for item in items:
        await dealership.do(lambda tx, item=item: Inbox(tx).quarantine(SPEC.id, "1", item, "broken"))
    return await dealership.see(lambda tx: [entry.data["inbox"] for entry in reversed(attention.page(tx))])


async def test_a_message_is_kept_whole_with_its_reason(dealership: Dealership) -> None:
    (number,) = await _quarantined(dealership, ITEM)
    kept = await dealership.see(lambda tx: Inbox(tx).get(number))
    assert kept.payload == ITEM.raw
    (entry,) = await dealership.see(attention.page)
    assert (entry.kind, entry.data["reason"], entry.data["partner_id"]) == ("quarantine", "broken", "A-1")


async def test_the_same_message_is_kept_once(dealership: Dealership) -> None:
    assert len(await _quarantined(dealership, ITEM, ITEM)) == 1
    assert await dealership.see(lambda tx: inbox.count(tx, SPEC.id)) == 1


async def test_a_message_that_is_written_in_another_way_when_it_comes_again_is_kept_once(
    dealership: Dealership,
) -> None:
    for item in (ITEM, Unreadable(partner_id="A-2", reason="broken", raw={"at": "2026-12-01T08:00:00Z"})):
        again = replace(item, raw={"at": "2026-12-01T09:00:00+01:00", "x": 3})
        await _quarantined(dealership, item, again)
    assert await dealership.see(lambda tx: inbox.count(tx, SPEC.id)) == 2
    kept = await dealership.see(lambda tx: Inbox(tx).get(2).payload)
    assert kept == {"at": "2026-12-01T09:00:00+01:00", "x": 3}


async def test_a_newer_one_that_was_applied_is_the_end_of_older_ones(dealership: Dealership) -> None:
    unreadable = Unreadable(partner_id="A-1", reason="no version", raw=1)
    await _quarantined(dealership, ITEM, replace(ITEM, version=9), unreadable)
    assert await dealership.see(lambda tx: Inbox(tx).waiting(SPEC.id)) == {"A-1"}
    await dealership.do(lambda tx: Inbox(tx).supersede(SPEC.id, "A-1", 5))
    assert await dealership.see(lambda tx: inbox.count(tx, SPEC.id)) == 1
    assert len(await dealership.see(attention.page)) == 1


async def test_what_was_discarded_is_out_of_quarantine(dealership: Dealership) -> None:
    (number,) = await _quarantined(dealership, ITEM)
    await dealership.do(lambda tx: Inbox(tx).close(number, "discarded", by="maria"))
    with pytest.raises(NotFound):
        await dealership.see(lambda tx: Inbox(tx).get(number))
    assert await dealership.see(attention.page) == []


@pytest.mark.parametrize("edited", [None, {"mended": True}])
async def test_a_message_that_a_person_has_decided_isnt_listed_again(
    dealership: Dealership, edited: dict[str, Any] | None
) -> None:
    """A feed that is read again, or a look at the appointment, brings the very same message."""
    item = Unreadable(partner_id="A-1", raw={"broken": 1}, reason="no time")
    (first,) = await _quarantined(dealership, item)
    state: Literal["applied", "discarded"] = "discarded" if edited is None else "applied"
    await dealership.do(lambda tx: Inbox(tx).close(first, state, by="maria", edited=edited))
    assert await dealership.do(lambda tx: Inbox(tx).quarantine(SPEC.id, "1", item, "broken")) == first
    assert await dealership.see(lambda tx: inbox.count(tx, SPEC.id)) == 0
    other = replace(item, raw={"broken": 2})
    assert await dealership.do(lambda tx: Inbox(tx).quarantine(SPEC.id, "1", other, "broken")) != first
    assert await dealership.see(lambda tx: inbox.count(tx, SPEC.id)) == 1, "another message is another question"
