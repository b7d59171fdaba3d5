"""What the partner is told about what can be booked: only what changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.support.bookkeeping import MONDAY
from tests.support.partner_model import PartnerModel
from tests.support.sync_world import SPEC, World
from wtpd.channel.errors import Rejected, Transient
from wtpd.channel.health import State
from wtpd.sync.ports import Intent, Receipt


async def _open(world: World, **other: int) -> None:
    await world.put(replace(SPEC, horizon_days=30, **other), published=True)


async def test_at_the_start_all_days_of_the_horizon_are_told(world: World) -> None:
    await _open(world)
    record = await world.sync()
    assert record.published == 30
    assert min(world.partner.published) == "2026-11-02"
    assert max(world.partner.published) == "2026-12-01"


async def test_at_most_a_hundred_days_go_in_a_call(world: World) -> None:
    await world.put(replace(SPEC, horizon_days=230), published=True)
    await world.sync()
    assert len(world.partner.published) == 230
    assert len(set(world.partner.publish_keys)) == 3


async def test_a_booking_updates_its_day_only(world: World) -> None:
    await _open(world)
    await world.sync()
    before = world.partner.published["2026-11-09"]
    await world.make(start=MONDAY)
    record = await world.sync("local")
    assert record.published == 1
    assert world.partner.published["2026-11-09"].remaining < before.remaining


async def test_under_another_number_everything_is_told_anew(world: World) -> None:
    await _open(world)
    await world.sync()
    world.partner.published.clear()
    await world.put(replace(SPEC, account="21775", horizon_days=30), published=True)
    await world.sync()
    assert len(world.partner.published) == 30


async def test_a_day_that_is_as_it_was_isnt_told_again(world: World) -> None:
    await _open(world)
    await world.sync()
    made = await world.make(start=MONDAY)
    await world.cancel(made.id)
    calls = world.partner.calls.count("publish")
    await world.sync()
    await world.restart()
    await _open(world)
    assert (await world.sync()).published == 0
    assert world.partner.calls.count("publish") == calls


async def test_a_new_day_brings_a_new_day_at_the_end_of_the_horizon(world: World) -> None:
    await _open(world)
    await world.sync()
    world.clock.advance(timedelta(days=1))
    assert (await world.sync()).published == 1
    assert "2026-12-02" in world.partner.published


async def test_a_lost_answer_is_repeated_with_the_same_key(world: World) -> None:
    await _open(world)
    world.partner.fault = lambda where: Transient("timeout") if where == "after publish" else None
    await world.sync()
    assert world.channel.condition.state is State.RETRYING
    world.partner.fault = lambda _: None
    await world.restart()
    await _open(world)
    assert (await world.sync()).published == 30
    first, second = world.partner.publish_keys
    assert first == second


async def test_trouble_with_availability_alone_delays_no_appointment(world: World) -> None:
    await _open(world)
    world.partner.fault = lambda where: Rejected("no", status=422) if where == "before publish" else None
    record = await world.sync()
    assert str(record.error) == "what can be booked couldn't be published: its answer was HTTP 422"
    assert world.channel.condition.state is State.HEALTHY
    await world.make()
    assert (await world.sync("local")).sent == 1
    assert world.partner.calls.count("publish") == 1
    world.partner.fault = lambda _: None
    world.clock.advance(SPEC.interval)
    assert (await world.sync()).published == 30


async def test_a_partner_whose_feed_begins_again_is_told_all_days_before_anything_is_sent(world: World) -> None:
    await _open(world)
    await world.make(start=MONDAY)
    await world.sync()
    world.partner.published.clear()
    world.partner.refuse_cursors()
    await world.make(start=MONDAY + timedelta(days=1))
    world.partner.calls.clear()
    record = await world.sync()
    assert record.published == 30
    assert len(world.partner.published) == 30
    assert world.partner.calls.index("publish") < world.partner.calls.index("write")
    again = await world.sync()
    assert again.published == 0


class Strict(PartnerModel):
    """It refuses an appointment that names a courtesy car that was never published."""

    async def write(self, intent: Intent) -> Receipt:
        known = {car["id"] for day in self.published.values() for car in day.courtesy_cars}
        if intent.fields.get("courtesy_car") not in {None, *known}:
            self.calls.append("refused")
            raise Rejected("This sign was never published.", status=422)
        return await super().write(intent)


async def test_what_an_appointment_names_is_published_before_it_is_sent(world: World) -> None:
    world.partner = Strict()
    await world.make(courtesy_car="EW1", transport_option="courtesy_car")
    await _open(world)
    assert (await world.sync()).sent == 1
    assert "refused" not in world.partner.calls
    assert await world.attention("rejected") == []


async def test_refused_ones_are_sent_again_once_what_they_name_was_published(world: World) -> None:
    world.partner = Strict()
    await world.make(courtesy_car="EW1", transport_option="courtesy_car")
    await world.put(SPEC)  # without availability
    await world.sync()
    assert len(await world.attention("rejected")) == 1
    await _open(world)
    await world.sync()
    await world.sync()
    assert await world.attention("rejected") == []
    assert world.theirs().fields["courtesy_car"] == "EW1"
