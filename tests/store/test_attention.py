"""The list of what somebody must look at."""

from __future__ import annotations

import pytest

from tests.support.bookkeeping import Dealership
from wtpd.errors import NotFound
from wtpd.store import attention
from wtpd.texts import N_


async def test_something_is_listed_once_while_it_is_open_with_its_newest_facts(dealership: Dealership) -> None:
    first = await dealership.do(lambda tx: attention.add(tx, "conflict", data={"ours": 1}, once="a:notes"))
    again = await dealership.do(lambda tx: attention.add(tx, "conflict", data={"ours": 2}, once="a:notes"))
    assert first == again
    (entry,) = await dealership.see(attention.page)
    assert entry.data == {"ours": 2}
    assert [event.kind for event in dealership.events] == ["attention.opened"]


async def test_what_was_resolved_is_listed_anew_when_it_happens_again(dealership: Dealership) -> None:
    first = await dealership.do(lambda tx: attention.add(tx, "conflict", data={}, once="a:notes"))
    assert await dealership.do(lambda tx: attention.resolve(tx, first, by="maria", resolution="theirs"))
    assert not await dealership.do(lambda tx: attention.resolve(tx, first, by="maria", resolution="ours"))
    second = await dealership.do(lambda tx: attention.add(tx, "conflict", data={}, once="a:notes"))
    assert second != first
    resolved = await dealership.see(lambda tx: attention.get(tx, first))
    assert (resolved.resolved_by, resolved.resolution) == ("maria", "theirs")


async def test_it_is_found_by_kind_state_and_page(dealership: Dealership) -> None:
    for kind in ("conflict", "quarantine", "conflict"):
        await dealership.do(lambda tx, kind=kind: attention.add(tx, kind, channel="c", data={}))
    numbers = [entry.id for entry in await dealership.see(lambda tx: attention.page(tx, kind="conflict"))]
    assert len(numbers) == 2
    older = await dealership.see(lambda tx: attention.page(tx, kind="conflict", after=numbers[0]))
    assert [entry.id for entry in older] == numbers[1:]
    await dealership.do(lambda tx: attention.resolve(tx, numbers[0], by="maria", resolution="done"))
    assert len(await dealership.see(lambda tx: attention.page(tx, state="all"))) == 3
    assert len(await dealership.see(lambda tx: attention.page(tx, state="resolved"))) == 1
    assert await dealership.see(attention.counts) == {"conflict": 1, "quarantine": 1}
    assert await dealership.see(lambda tx: attention.counts_of(tx, "other")) == {}


async def test_an_unknown_one_is_said_to_be_unknown(dealership: Dealership) -> None:
    with pytest.raises(NotFound):
        await dealership.see(lambda tx: attention.get(tx, 99))


async def test_a_reason_is_kept_so_that_it_can_be_read_in_any_language(dealership: Dealership) -> None:
    reason = N_("{what} {detail}", what=N_("Braces {{}}"), detail="x{y}")
    number = await dealership.do(lambda tx: attention.add(tx, "rejected", data={"reason": reason, "plain": "a{b}"}))
    entry = await dealership.see(lambda tx: attention.get(tx, number))
    assert str(attention.text(entry.data["reason"])) == "Braces {} x{y}"
    assert str(attention.text(entry.data["plain"])) == "a{b}"
