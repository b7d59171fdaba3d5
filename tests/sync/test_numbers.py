"""Numbers of the partner that stand for another appointment than the ledger says: given again after it was emptied or
restored, or moved between sites (sync.md, 15, 17, 19 and 20)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.bookkeeping import MONDAY
from tests.support.partner_model import PartnerModel
from tests.support.sync_world import ACCOUNT, FIELDS, SPEC, World, settle, there
from wtpd.book.sync_port import SyncBook
from wtpd.channel.health import State
from wtpd.planner.appointment import Status
from wtpd.store import channels
from wtpd.store.database import Tx
from wtpd.store.session import StoreSession
from wtpd.sync.decide import retry


async def test_a_number_that_the_partner_uses_again_goes_to_quarantine(world: World) -> None:
    partner_id = world.partner.book(ACCOUNT, {**FIELDS, "notes": "alt"})
    await world.sync()
    other = replace(world.theirs(), fields={**FIELDS, "notes": "jemand anderes"}, created_at="2026-12-01T00:00:00Z")
    for version in (1, 7):
        world.partner.tell(ACCOUNT, replace(other, version=version))
    await world.sync()
    assert (await world.only()).notes == "alt"
    assert [entry.data["partner_id"] for entry in await world.attention("quarantine")] == [partner_id] * 2


async def test_a_number_that_stands_for_ours_again_after_the_partner_was_emptied_is_ours(world: World) -> None:
    """We booked it there anew, and don't remember, because our database is a copy of before."""
    partner_id = world.partner.book(ACCOUNT, {**FIELDS, "notes": "alt"})
    await world.sync()
    made = await world.only()
    anew = replace(
        world.theirs(), our_id=made.id, created_by="dms", changed_by="dms", created_at="2026-11-02T05:00:00Z"
    )
    earlier = replace(anew, created_at="2026-10-01T00:00:00Z", version=9)
    world.partner.held[ACCOUNT] = {partner_id: anew}
    world.partner.tell(ACCOUNT, anew)
    world.partner.tell(ACCOUNT, earlier)
    world.partner.cancel(ACCOUNT, partner_id, by="customer_app")
    await settle(world)
    assert await world.attention("quarantine") == []
    assert (await world.only()).status is Status.CANCELLED
    assert len(world.partner.held[ACCOUNT]) == 1, "it isn't booked there once more"


async def test_numbers_that_two_sites_swap_replay_no_history(world: World) -> None:
    made = await world.make(notes="erster")
    await world.sync()
    await world.change(made.id, notes="zweiter")
    world.partner.book(ACCOUNT, FIELDS)
    await settle(world)
    changes = await world.count("history")
    other = replace(SPEC, id="superservice/guestrow", site="guestrow", account="31000")
    await world.write(lambda tx: channels.put(tx, other))
    await world.put(replace(SPEC, account="31000"))
    await settle(world)
    assert (await world.get(made.id)).notes == "zweiter"
    await world.put(replace(SPEC))
    await settle(world)
    assert (await world.get(made.id)).notes == "zweiter"
    assert await world.count("history") == changes
    assert await world.attention("conflict") == []
    live = world.partner.live(ACCOUNT).values()
    assert sorted(item.fields["notes"] for item in live) == ["", "zweiter"]


async def test_a_message_about_a_number_used_again_is_settled_by_what_is_there_now(world: World) -> None:
    """The partner was emptied, counts from the beginning and got ours again; we don't remember, as our database is a
    copy of before: each number stands for another one of ours than the ledger says."""
    made = [await world.make(start=MONDAY + timedelta(hours=hour), notes=f"{hour}") for hour in range(4)]
    await world.sync()
    numbers = {item.our_id: partner_id for partner_id, item in world.partner.held[ACCOUNT].items()}
    turned = dict(zip([one.id for one in made], [numbers[one.id] for one in [*made[1:], made[0]]], strict=True))
    held = {item.our_id: item for item in world.partner.held[ACCOUNT].values()}
    world.partner.held[ACCOUNT] = {
        number: replace(held[our_id], partner_id=number, created_at="2026-11-03T00:00:00Z")
        for our_id, number in turned.items()
    }
    world.partner.feed = [(ACCOUNT, item) for item in world.partner.held[ACCOUNT].values()]
    world.partner.refuse_cursors()
    writes = world.partner.calls.count("write")
    await settle(world)
    assert await world.attention("quarantine") == []
    assert world.partner.calls.count("write") == writes, "all of them are there"
    await world.change(made[0].id, notes="neu")
    await settle(world)
    assert there(world, made[0].id).fields["notes"] == "neu"
    assert there(world, made[0].id).partner_id == turned[made[0].id]
    assert [there(world, one.id).fields["notes"] for one in made[1:]] == ["1", "2", "3"]


async def test_many_numbers_that_stand_for_others_of_ours_stop_the_channel(world: World) -> None:
    """What they stood for isn't there any more, so a person says whether it is sent again."""
    made = [await world.make(start=MONDAY + timedelta(hours=hour)) for hour in range(42)]
    await world.sync()
    items = sorted(world.partner.held[ACCOUNT].values(), key=lambda item: item.partner_id)
    world.partner.held[ACCOUNT] = {
        before.partner_id: replace(after, partner_id=before.partner_id, created_at="2026-11-03T00:00:00Z")
        for before, after in zip(items[:21], items[21:], strict=True)
    }
    for item in world.partner.live(ACCOUNT).values():
        world.partner.tell(ACCOUNT, item)
    await world.sync()
    assert world.channel.condition.state is State.STOPPED
    assert len(world.partner.live(ACCOUNT)) == 21
    await world.channel.resume(by="maria", accept_cancellations=True)
    await settle(world)
    assert sorted(item.our_id or "" for item in world.partner.live(ACCOUNT).values()) == sorted(one.id for one in made)


@pytest.mark.parametrize("is_ours", [True, False])
async def test_a_change_isnt_sent_to_a_number_that_may_stand_for_another(world: World, is_ours: bool) -> None:
    """A message about it lies in quarantine, and versions may be the same by chance. Only for one that we booked there
    it is certain that it isn't there any more; about another one a person decides."""
    if is_ours:
        await world.make(notes="unseres")
    else:
        world.partner.book(ACCOUNT, {**FIELDS, "notes": "unseres"})
    await world.sync()
    made = await world.only()
    partner_id = world.theirs().partner_id
    world.partner.give_away(ACCOUNT, partner_id, {**FIELDS, "notes": "fremd"})
    other = world.theirs()
    await world.sync()
    await world.change(made.id, notes="neu")
    await settle(world)
    assert world.partner.held[ACCOUNT][partner_id] == other, "the stranger's is as it was"
    assert partner_id in {entry.data["partner_id"] for entry in await world.attention("quarantine")}
    if is_ours:
        assert there(world, made.id).fields["notes"] == "neu"
    else:
        assert [entry.appointment_id for entry in await world.attention("rejected")] == [made.id]


async def test_an_answer_about_another_appointment_is_listed(world: World) -> None:
    """The partner gave its number away, and we haven't heard of it yet."""
    made = await world.make(notes="unseres")
    await world.sync()
    (partner_id,) = world.partner.held[ACCOUNT]
    world.partner.held[ACCOUNT][partner_id] = replace(
        world.theirs(), our_id=None, created_by="dealer", created_at="2026-12-01T00:00:00Z"
    )
    await world.change(made.id, notes="neu")
    await world.sync("local")
    (entry,) = await world.attention("rejected")
    assert entry.appointment_id == made.id


async def test_a_partner_put_back_to_an_earlier_booking_of_ours_under_the_number_gets_our_changes(world: World) -> None:
    made = await world.make(notes="eins")
    await world.sync()
    world.partner.held[ACCOUNT][world.theirs().partner_id] = earlier = replace(
        world.theirs(), created_at="2026-10-01T00:00:00Z", version=3, changed_by="dealer"
    )
    world.partner.tell(ACCOUNT, earlier)
    await world.change(made.id, notes="zwei")
    await settle(world)
    assert world.theirs().fields["notes"] == "zwei"
    assert await world.count("outbox") == 0


async def test_a_kept_message_that_is_tried_again_is_held_against_what_is_there_now(world: World) -> None:
    partner_id = world.partner.book(ACCOUNT, {**FIELDS, "notes": "alt"})
    await world.sync()
    booked = world.theirs()
    other = replace(booked, fields={**FIELDS, "notes": "eins"}, created_at="2026-12-01T00:00:00Z")
    for version in (1, 2, 3):
        world.partner.tell(ACCOUNT, replace(other, version=version))
    await world.sync()
    world.partner.held[ACCOUNT][partner_id] = replace(other, version=2, fields={**FIELDS, "notes": "zwei"})
    entry = next(entry for entry in await world.attention("quarantine") if entry.data["inbox"] == 3)

    def try_again(tx: Tx) -> None:
        session = StoreSession(tx, SyncBook(world.book, tx))
        retry(session, entry.id, world.spec, lambda _: replace(other, version=3), by="maria")

    await world.write(try_again)
    await settle(world)
    (new,) = [one for one in await world.ours() if one.notes != "alt"]
    assert new.notes == world.partner.held[ACCOUNT][partner_id].fields["notes"]


async def test_a_kept_cancellation_that_is_tried_again_doesnt_hide_one_that_is_live_there_now(world: World) -> None:
    """The partner was restored meanwhile, and takes our cursor."""
    partner_id = world.partner.book(ACCOUNT, {**FIELDS, "notes": "alt"})
    await world.sync()
    world.partner.give_away(ACCOUNT, partner_id, {**FIELDS, "notes": "neu"})
    alive = world.theirs()
    await world.sync()
    gone = replace(alive, version=4, cancelled=True)
    world.partner.tell(ACCOUNT, gone)
    await world.sync()
    world.partner.feed.pop()
    world.partner.tell(ACCOUNT, alive)
    newest = max(await world.attention("quarantine"), key=lambda entry: entry.id)

    def try_again(tx: Tx) -> None:
        session = StoreSession(tx, SyncBook(world.book, tx))
        retry(session, newest.id, world.spec, lambda _: gone, by="maria")

    await world.write(try_again)
    await settle(world)
    assert "neu" in [one.notes for one in await world.ours()]


@pytest.mark.parametrize("reverse", [True, False])
async def test_a_number_used_again_before_anything_was_read_hides_neither(world: World, reverse: bool) -> None:
    """Versions of one number count only within one appointment."""
    await world.make()  # with links, only the newest state of each is applied when the feed is read from its beginning
    await world.sync()
    partner_id = world.partner.book(ACCOUNT, {**FIELDS, "notes": "alt"})
    world.partner.change(ACCOUNT, partner_id, notes="älter")
    world.partner.give_away(ACCOUNT, partner_id, {**FIELDS, "notes": "neu"})
    if reverse:
        world.partner.feed.reverse()
    await world.channel.resync()
    notes = sorted(one.notes for one in await world.ours())
    quarantined = len(await world.attention("quarantine"))
    assert (notes, quarantined) == ((["", "neu"], 0) if reverse else (["", "älter"], 1))


async def test_one_that_gets_its_old_number_again_is_linked_with_it_before_the_feed_tells(world: World) -> None:
    """The partner is emptied twice in a row, so the feed never tells of the second booking."""
    made = await world.make()
    await world.sync()
    for _ in range(2):
        world.partner.restore(PartnerModel().copy(), counts_again=True)
        await world.sync()
    assert there(world, made.id).partner_id == "A-1"
    assert (await world.channel.compare()).differences == []
