"""Implausibly many cancellations at once stop the channel and ask."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.bookkeeping import MONDAY
from tests.support.sync_world import ACCOUNT, SPEC, World
from wtpd.channel.errors import NeedsToken
from wtpd.channel.health import State
from wtpd.errors import Unavailable
from wtpd.planner.appointment import Status
from wtpd.store import channels


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
    await world.channel.state.load()
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


async def test_what_is_told_in_many_answers_counts_together_for_an_hour(world: World) -> None:
    linked = await _linked(world, 60)
    for number, partner_id in enumerate(linked[:25]):
        world.partner.cancel(ACCOUNT, partner_id)
        if number == 10:
            await world.restart()
        await world.sync("feed")
        if world.channel.condition.state is State.STOPPED:
            break
        world.clock.advance(60)
    assert await _cancelled(world) == 20


async def test_an_hour_later_they_are_plausible_again(world: World) -> None:
    linked = await _linked(world, 60)
    for start in (0, 20, 40):
        for partner_id in linked[start : start + 20]:
            world.partner.cancel(ACCOUNT, partner_id)
        await world.sync()
        world.clock.advance(3600)
    assert world.channel.condition.state is State.HEALTHY
    assert await _cancelled(world) == 60


async def test_a_clock_that_was_set_back_forgets_what_seems_to_lie_ahead(world: World) -> None:
    linked = await _linked(world, 60)
    for partner_id in linked[:20]:
        world.partner.cancel(ACCOUNT, partner_id)
    await world.sync()
    world.clock.advance(-3 * 3600)
    for partner_id in linked[20:40]:
        world.partner.cancel(ACCOUNT, partner_id)
    await world.sync()
    assert world.channel.condition.state is State.HEALTHY
    assert await _cancelled(world) == 40


async def test_past_visits_that_are_cancelled_dont_make_the_guard_laxer(world: World) -> None:
    """A fifth is a fifth of those that are linked and still to come, the cancelled ones of these added."""
    linked = await _linked(world, 120)
    world.clock.advance(timedelta(days=400))
    for number in range(90):
        await world.make(start=MONDAY.replace(year=2028, hour=7 + number % 10), units=0)
    await world.sync()
    for partner_id in linked[:21]:
        world.partner.cancel(ACCOUNT, partner_id)
    await world.sync()
    assert world.channel.condition.state is State.STOPPED
    (entry,) = await world.attention("mass_cancellation")
    assert entry.data == {"cancelled": 21, "linked": 90}


async def test_what_somebody_accepted_doesnt_count_any_more(world: World) -> None:
    linked = await _linked(world, 60)
    for partner_id in linked[:21]:
        world.partner.cancel(ACCOUNT, partner_id)
    await world.sync()
    await world.channel.resume(by="maria", accept_cancellations=True)
    await world.sync()
    world.partner.cancel(ACCOUNT, linked[21])
    await world.sync()
    assert world.channel.condition.state is State.HEALTHY
    assert await _cancelled(world) == 22


async def _mistyped(world: World, count: int = 21) -> None:
    """A digit of the dealer number is another one in the file, and nobody was asked."""
    await _linked(world, count)
    await world.put(replace(SPEC, account="21775"))
    await world.channel.state.load()


async def test_a_mistyped_number_cancels_nothing_before_somebody_confirms_it(world: World) -> None:
    await _mistyped(world)
    await world.sync("local")
    assert world.channel.condition.state is State.STOPPED
    assert len(world.partner.live(ACCOUNT)) == 21
    (entry,) = await world.attention("mass_cancellation")
    assert (entry.data["cancelled"], entry.data["mapping"]) == (21, True)


async def test_taken_back_all_is_as_it_was(world: World) -> None:
    await _mistyped(world)
    await world.sync()
    await world.put(SPEC)
    await world.channel.state.load()
    record = await world.sync()
    assert (record.error, record.sent, len(world.partner.live(ACCOUNT))) == (None, 0, 21)
    assert await world.attention("mass_cancellation") == []


async def test_without_a_confirmation_it_stops_again_also_after_a_restart(world: World) -> None:
    await _mistyped(world)
    await world.sync()
    await world.channel.resume(by="maria")
    await world.restart()
    await world.sync()
    assert world.channel.condition.state is State.STOPPED
    assert len(world.partner.live(ACCOUNT)) == 21


async def test_confirmed_they_are_cancelled_there_and_sent_under_the_new_number(world: World) -> None:
    await _mistyped(world)
    await world.sync()
    await world.channel.resume(by="maria", accept_cancellations=True)
    await world.sync()
    await world.sync("local")
    assert (len(world.partner.live(ACCOUNT)), len(world.partner.live("21775"))) == (0, 21)


async def test_what_was_confirmed_beforehand_is_done(world: World) -> None:
    await _linked(world, 21)
    await world.write(lambda tx: channels.confirm(tx, SPEC.id, SPEC.department, "21775"))
    await world.put(replace(SPEC, account="21775"))
    await world.sync()
    assert world.channel.condition.state is State.HEALTHY
    assert len(world.partner.live(ACCOUNT)) == 0


async def test_a_confirmation_is_good_for_one_change(world: World) -> None:
    await _linked(world, 21)
    await world.write(lambda tx: channels.confirm(tx, SPEC.id, SPEC.department, "21775"))
    for account, cancelled in (("21775", True), (ACCOUNT, True), ("21775", False)):
        await world.put(replace(SPEC, account=account))
        await world.channel.resume(by="maria", accept_cancellations=account == ACCOUNT)
        await world.sync()
        await world.sync("local") if cancelled else None
    assert world.channel.condition.state is State.STOPPED
    assert len(world.partner.live(ACCOUNT)) == 21


async def test_twenty_need_no_confirmation(world: World) -> None:
    await _mistyped(world, 20)
    await world.sync()
    assert len(world.partner.live(ACCOUNT)) == 0


async def test_another_number_may_take_the_credentials_that_the_first_one_refused(world: World) -> None:
    world.partner.fault = lambda where: NeedsToken("no", status=403) if where == "before changes" else None
    await world.sync()
    assert world.channel.condition.state is State.NEEDS_TOKEN
    await world.put(replace(SPEC, account="21775"))
    await world.channel.state.load()
    assert world.channel.condition.state is State.STARTING
