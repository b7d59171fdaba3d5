"""Sending again: what somebody gets who asks for it, and that nothing is ever booked twice by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.bookkeeping import DESK
from tests.support.partner_model import Fault, no_fault
from tests.support.sync_world import ACCOUNT, FIELDS, World
from wtpd.channel.errors import PartnerError, Rejected, Transient
from wtpd.errors import Refused
from wtpd.planner.appointment import Status
from wtpd.store import channels


def refusing(*errors: PartnerError, where: str = "before write") -> Fault:
    left = list(errors)
    return lambda at: left.pop(0) if left and at == where else None


async def operations(world: World, appointment_id: str) -> list[str]:
    return [one.operation for one in await world.said(appointment_id) if one.direction == "out"]


async def test_a_refused_one_is_sent_again(world: World) -> None:
    made = await world.make()
    world.partner.fault = refusing(Rejected("no", status=422, detail="advisor unknown"))
    await world.sync("local")
    assert world.partner.held[ACCOUNT] == {}
    assert await world.resend(made.id) == "queued"
    assert await world.attention("rejected") == [], "it isn't open any more"
    await world.sync("local")
    assert world.theirs().our_id == made.id
    said = await world.said(made.id)
    assert [(one.operation, one.outcome) for one in said] == [("create", "refused"), ("anew", "ok"), ("create", "ok")]
    assert said[1].actor == "maria"
    assert (await world.sync()).error is None
    assert (await world.sync()).is_quiet


async def test_one_that_is_refused_again_is_listed_again(world: World) -> None:
    made = await world.make()
    refusals = [Rejected("no", status=422, detail="advisor unknown") for _ in range(2)]
    world.partner.fault = refusing(*refusals)
    await world.sync("local")
    world.events.clear()
    await world.resend(made.id)
    await world.sync("local")
    assert len(await world.attention("rejected")) == 1
    assert [event.kind for event in world.events if event.kind.startswith("attention")] == [
        "attention.resolved", "attention.opened",
    ]  # fmt: skip


async def test_a_deferred_one_is_due_at_once(world: World) -> None:
    made = await world.make()
    other = await world.make(start=made.drop_off + timedelta(days=1))
    world.partner.fault = refusing(Transient("500", status=500))
    await world.sync("local")
    await world.resend(made.id)
    await world.resend(other.id)
    await world.sync("local")
    assert {item.our_id for item in world.partner.live(ACCOUNT).values()} == {made.id, other.id}


async def test_what_is_equal_is_looked_at_and_left_alone(world: World) -> None:
    made = await world.make()
    await world.sync()
    await world.sync()
    version, feed = world.theirs().version, len(world.partner.feed)
    assert await world.resend(made.id) == "queued"
    record = await world.sync("local")
    assert (record.sent, record.error) == (0, None)
    assert world.partner.calls[-1] == "get"
    assert (world.theirs().version, len(world.partner.feed)) == (version, feed)
    assert await operations(world, made.id) == ["create", "same"]
    assert await world.count("outbox") == 0
    assert (await world.get(made.id)).version == made.version


async def test_what_the_partner_lost_of_ours_is_sent_again(world: World) -> None:
    """It went back to an older state without telling, as after a restored backup."""
    made = await world.make(notes="Schlüssel im Tresor")
    await world.sync()
    await world.sync()
    held = world.partner.held[ACCOUNT]
    item = world.theirs()
    held[item.partner_id] = replace(item, fields={**item.fields, "notes": ""})
    assert (await world.sync()).is_quiet, "nothing tells of it"
    await world.resend(made.id)
    await world.sync("local")
    assert world.theirs().fields["notes"] == "Schlüssel im Tresor"
    assert (await world.get(made.id)).notes == "Schlüssel im Tresor"
    assert await operations(world, made.id) == ["create", "differs", "update"]
    assert await world.attention() == []


async def test_an_older_version_there_is_brought_up_to_date(world: World) -> None:
    made = await world.make(notes="eins")
    await world.sync()
    old = world.theirs()
    await world.change(made.id, notes="zwei")
    await world.sync()
    world.partner.held[ACCOUNT][old.partner_id] = old
    await world.resend(made.id)
    await world.sync("local")
    assert world.theirs().fields["notes"] == "zwei"


async def test_what_changed_there_is_taken_over_as_ever(world: World) -> None:
    made = await world.make()
    await world.sync()
    world.partner.change(ACCOUNT, world.theirs().partner_id, notes="von dort")
    await world.resend(made.id)
    await world.sync("local")
    assert (await world.get(made.id)).notes == "von dort"
    assert await operations(world, made.id) == ["create", "differs"]
    assert (await world.sync()).error is None
    assert (await world.sync()).is_quiet


async def test_one_that_is_gone_there_is_made_anew_once(world: World) -> None:
    made = await world.make()
    await world.sync()
    world.partner.held[ACCOUNT].clear()
    await world.resend(made.id)
    await world.sync("local")
    assert world.theirs().our_id == made.id
    assert await operations(world, made.id) == ["create", "gone", "create"]
    await world.sync()
    assert len(world.partner.held[ACCOUNT]) == 1


async def test_one_that_is_there_under_another_number_is_linked_and_not_made_again(world: World) -> None:
    made = await world.make()
    await world.sync()
    held = world.partner.held[ACCOUNT]
    item = held.pop("A-1")
    held["B-7"] = replace(item, partner_id="B-7")
    await world.resend(made.id)
    await world.sync("local")
    assert world.theirs().partner_id == "B-7"
    assert world.partner.calls.count("write") == 1
    assert (await world.get(made.id)).references == {"superservice": "B-7"}


async def test_one_that_was_cancelled_there_without_telling_is_cancelled_here(world: World) -> None:
    made = await world.make()
    await world.sync()
    item = world.theirs()
    world.partner.held[ACCOUNT][item.partner_id] = replace(item, cancelled=True, changed_by="dealer")
    await world.resend(made.id)
    await world.sync("local")
    assert (await world.get(made.id)).status is Status.CANCELLED


async def test_a_call_under_way_is_repeated_under_its_key_before_anything_else(world: World) -> None:
    made = await world.make()
    world.partner.fault = refusing(Transient("lost"), where="after write")
    await world.sync("local")
    for _ in range(3):
        await world.resend(made.id)
    for _ in range(3):
        await world.sync("local")
    assert len(world.partner.held[ACCOUNT]) == 1
    assert len(world.partner.answered) == 1
    assert await world.count("outbox") == 0


async def test_while_the_partner_is_away_it_stays_queued(world: World) -> None:
    made = await world.make()
    await world.sync()
    world.partner.fault = lambda where: Transient("down")
    await world.resend(made.id)
    assert str((await world.sync("local")).error) == "no connection"
    world.partner.fault = no_fault
    world.clock.advance(timedelta(minutes=10))
    await world.sync()
    assert await operations(world, made.id) == ["create", "same"]


async def test_a_look_that_is_refused_is_listed(world: World) -> None:
    made = await world.make()
    await world.sync()
    world.partner.fault = refusing(Rejected("GET: 422", status=422), where="before get")
    await world.resend(made.id)
    await world.sync("local")
    (entry,) = await world.attention("rejected")
    assert entry.appointment_id == made.id
    look = (await world.said(made.id))[-1]
    assert (look.operation, look.outcome, str(look.error)) == ("look", "refused", "its answer was HTTP 422")
    await world.resend(made.id)
    await world.sync("local")
    assert await operations(world, made.id) == ["create", "look", "same"], "what was refused stays told"


async def test_a_look_whose_answer_cannot_be_taken_over_is_told_all_the_same(world: World) -> None:
    made = await world.make()
    await world.sync()
    world.partner.change(ACCOUNT, world.theirs().partner_id, collection="2020-01-01T07:00:00Z")
    await world.resend(made.id)
    world.events.clear()
    await world.sync("local")
    assert {entry.kind for entry in await world.attention()} == {"quarantine", "rejected"}
    looks = [one for one in await world.said(made.id) if one.operation == "differs"]
    assert [one.outcome for one in looks] == ["ok"]
    assert [event.kind for event in world.events].count("message.looked") == 1


async def test_who_did_not_ask_is_told_of_no_look(world: World) -> None:
    made = await world.make()
    await world.sync()
    world.partner.change(ACCOUNT, world.theirs().partner_id, transport_option="waiting")
    await world.change(made.id, notes="von hier")
    await world.sync("local")
    assert world.theirs().fields["notes"] == "von hier", "fetched, merged and sent"
    assert "message.looked" not in [event.kind for event in world.events]


async def test_what_neither_side_has_any_more_is_equal(world: World) -> None:
    made = await world.make()
    await world.sync()
    await world.cancel(made.id)
    await world.sync()
    assert await world.resend(made.id) == "equal"
    assert await world.count("outbox") == 0


async def test_a_cancellation_that_was_refused_is_sent_again(world: World) -> None:
    made = await world.make()
    await world.sync()
    await world.cancel(made.id)
    world.partner.fault = refusing(Rejected("no", status=409, detail="being worked on"))
    await world.sync("local")
    assert not world.theirs().cancelled
    await world.resend(made.id)
    await world.sync("local")
    assert world.theirs().cancelled


async def test_nobody_is_told_of_an_erased_customer(world: World) -> None:
    world.partner.book(ACCOUNT, FIELDS)
    await world.sync()
    visit = await world.only()
    await world.change(visit.id, status="completed")
    await world.sync()
    await world.write(lambda tx: world.book.erase_customer(tx, visit.customer_id or "", DESK))
    with pytest.raises(Refused, match="erased"):
        await world.resend(visit.id)


async def test_a_look_waits_while_the_channel_is_switched_off_and_is_done_afterwards(world: World) -> None:
    made = await world.make()
    await world.sync()
    await world.resend(made.id)
    await world.write(lambda tx: channels.deactivate(tx, world.spec.id))
    await world.restart()
    await world.sync()
    assert (await world.said(made.id))[-1].operation == "same"


async def test_a_dry_run_leaves_a_look_where_it_is(world: World) -> None:
    made = await world.make()
    await world.sync()
    await world.resend(made.id)
    record = await world.channel.run(dry_run=True)
    assert record.planned == []
    assert await world.count("outbox") == 1
