"""Implausibly many cancellations at once stop the channel and ask."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.bookkeeping import MONDAY
from tests.support.sync_world import ACCOUNT, SPEC, World
from wtpd.errors import Unavailable
from wtpd.planner.appointment import Status
from wtpd.sync.health import State


async def _linked(world: World, count: int) -> list[str]:
    for number in range(count):
        await world.make(start=MONDAY.replace(hour=7 + number % 10, minute=number % 60), units=0)
    await world.sync()
    return list(world.partner.live(ACCOUNT))


async def _cancelled(world: World) -> int:
    return sum(each.status is Status.CANCELLED for each in await world.ours())


async def test_many_cancellations_stop_it_and_nothing_of_that_page_is_applied(world: World) -> None:
    for partner_id in (await _linked(world, 60))[:21]:
        world.partner.cancel(ACCOUNT, partner_id)
    await world.sync()
    assert world.channel.condition.state is State.STOPPED
    assert await _cancelled(world) == 0
    (entry,) = await world.attention("mass_cancellation")
    assert entry.data == {"cancelled": 21, "linked": 60}
    with pytest.raises(Unavailable):
        await world.sync()


async def test_it_stays_stopped_after_a_restart_and_goes_on_when_somebody_accepts_them(world: World) -> None:
    for partner_id in (await _linked(world, 60))[:21]:
        world.partner.cancel(ACCOUNT, partner_id)
    await world.sync()
    await world.restart()
    await world.channel.standing.load()
    assert world.channel.condition.state is State.STOPPED
    await world.channel.resume(by="maria", accept_cancellations=True)
    await world.sync()
    assert await _cancelled(world) == 21
    assert await world.attention("mass_cancellation") == []


async def test_it_stops_again_if_they_arent_accepted(world: World) -> None:
    for partner_id in (await _linked(world, 60))[:21]:
        world.partner.cancel(ACCOUNT, partner_id)
    await world.sync()
    await world.channel.resume(by="maria")
    await world.sync()
    assert world.channel.condition.state is State.STOPPED


async def test_small_pages_count_together(world: World) -> None:
    linked = await _linked(world, 60)
    await world.put(replace(SPEC, page_size=5))
    for partner_id in linked[:30]:
        world.partner.cancel(ACCOUNT, partner_id)
    await world.sync()
    assert world.channel.condition.state is State.STOPPED
    assert await _cancelled(world) == 20


async def test_up_to_a_fifth_is_plausible(world: World) -> None:
    for partner_id in (await _linked(world, 110))[:22]:
        world.partner.cancel(ACCOUNT, partner_id)
    await world.sync()
    assert world.channel.condition.state is State.HEALTHY
    assert await _cancelled(world) == 22


async def test_up_to_twenty_are_plausible_however_few_there_are(world: World) -> None:
    for partner_id in await _linked(world, 20):
        world.partner.cancel(ACCOUNT, partner_id)
    await world.sync()
    assert await _cancelled(world) == 20
