"""Sync whose knowledge is stale: messages out of order, a restored database or partner, refused cursors, numbers used
again, a second program under our label (sync.md, 13 to 22)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.bookkeeping import DESK, MONDAY
from tests.support.partner_model import PartnerModel, no_fault
from tests.support.sync_world import ACCOUNT, FIELDS, SPEC, World, settle, there
from wtpd.book.sync_port import SyncBook
from wtpd.channel.errors import PartnerBroken, PartnerError, Precondition, RateLimited, Rejected, TooLarge, Transient
from wtpd.channel.health import State
from wtpd.planner.appointment import Status
from wtpd.store import attention, channels
from wtpd.store.database import Tx
from wtpd.store.session import StoreSession
from wtpd.sync.decide import resolve
from wtpd.sync.ports import Incoming, Intent, Page, Receipt


def backup(world: World, to: Path) -> None:
    with closing(sqlite3.connect(world.path)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


async def restore(world: World, copy: Path, *, marked: bool) -> None:
    """The power goes, and an older copy of the file is put in its place."""
    await world.database.close()
    for each in ("-wal", "-shm"):
        world.path.with_name(world.path.name + each).unlink(missing_ok=True)
    world.path.write_bytes(copy.read_bytes())
    await world.start()
    if marked:
        await world.write(channels.mark_restored)


# Order of arrival


@pytest.mark.parametrize("page_size", [1, 100])
async def test_a_cancellation_that_comes_before_its_booking_keeps_it_dead(world: World, page_size: int) -> None:
    await world.put(replace(SPEC, page_size=page_size))
    for _ in range(12):
        world.partner.cancel(ACCOUNT, world.partner.book(ACCOUNT, FIELDS))
    world.partner.feed.sort(key=lambda entry: isinstance(entry[1], Incoming) and -entry[1].version)
    await settle(world, 2)
    assert await world.ours() == []
    assert (await world.channel.compare()).differences == []


async def test_a_feed_whose_items_cant_meet_ours_is_read_once_and_else_twice(world: World) -> None:
    await world.put(replace(SPEC, page_size=2))
    for hour in range(8, 13):
        world.partner.book(ACCOUNT, {**FIELDS, "drop_off": f"2026-11-10T{hour:02}:00:00Z"})
    await world.sync()
    assert world.partner.calls.count("changes") == 3
    assert len(await world.ours()) == 5
    await world.channel.resync()
    assert world.partner.calls.count("changes") == 3 + 5  # the first page is kept from the reading before
    assert len(await world.ours()) == 5


async def test_one_that_was_cancelled_before_it_was_ours_is_booked_when_it_lives_again_there(world: World) -> None:
    partner_id = world.partner.book(ACCOUNT, FIELDS)
    booked = world.theirs()
    world.partner.cancel(ACCOUNT, partner_id)
    world.partner.feed.pop(0)
    await world.sync()
    world.partner.tell(ACCOUNT, booked)
    await world.sync()
    assert await world.ours() == []
    world.partner.held[ACCOUNT][partner_id] = alive = replace(booked, version=3, changed_by="dealer")
    world.partner.tell(ACCOUNT, alive)
    await world.sync()
    assert (await world.only()).is_live


async def test_one_booked_there_and_cancelled_under_our_label_within_a_page_ends_here(world: World) -> None:
    """We don't know the cancellation: it was another program, or we, before our database was put back."""
    await world.sync()
    world.partner.cancel(ACCOUNT, world.partner.book(ACCOUNT, FIELDS), by="dms")
    await settle(world, 2)
    assert (await world.only()).status is Status.CANCELLED
    assert len(world.partner.held[ACCOUNT]) == 1


# A restored database


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("by", ["dms", "dealer"])
async def test_a_restored_database_takes_the_newer_values_back(
    world: World, tmp_path: Path, marked: bool, by: str
) -> None:
    made, moved = await world.make(notes="v1"), await world.make(start=MONDAY.replace(hour=9))
    await world.sync()
    backup(world, tmp_path / "copy.db")
    if by == "dms":
        await world.change(made.id, notes="new")
        await world.change(
            moved.id, drop_off=MONDAY + timedelta(days=7), collection=MONDAY + timedelta(days=7, hours=2)
        )
    else:
        world.partner.change(ACCOUNT, there(world, made.id).partner_id, notes="new")
        world.partner.change(ACCOUNT, there(world, moved.id).partner_id, drop_off="2026-11-09T10:00:00Z")
    await world.sync()
    held = dict(world.partner.held[ACCOUNT])
    await restore(world, tmp_path / "copy.db", marked=marked)
    await settle(world)
    assert world.partner.held[ACCOUNT] == held, "nothing was written there"
    assert (await world.get(made.id)).notes == "new"
    assert await world.shared(moved.id) | held[there(world, moved.id).partner_id].fields == await world.shared(moved.id)
    assert bool(await world.attention("database_restored")) == marked


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("reverse", [True, False])
async def test_one_that_left_and_came_back_since_lives_on_both_sides(
    world: World, tmp_path: Path, marked: bool, reverse: bool
) -> None:
    away = await world.make()
    await world.sync()
    backup(world, tmp_path / "copy.db")
    start = len(world.partner.feed)
    for department in ("Karosserie", "Werkstatt"):
        await world.change(away.id, department=department)
        await world.sync()
    if reverse:
        world.partner.feed[start:] = reversed(world.partner.feed[start:])
    held = dict(world.partner.held[ACCOUNT])
    await restore(world, tmp_path / "copy.db", marked=marked)
    await settle(world)
    assert (await world.get(away.id)).status is Status.SCHEDULED
    assert world.partner.held[ACCOUNT] == held, "neither cancelled nor booked again"
    await world.change(away.id, notes="weiter")
    await settle(world)
    assert there(world, away.id).fields["notes"] == "weiter"
    assert len(world.partner.held[ACCOUNT]) == 2


@pytest.mark.parametrize("marked", [True, False])
async def test_one_that_left_since_is_neither_cancelled_nor_booked_again_but_asked_about(
    world: World, tmp_path: Path, marked: bool
) -> None:
    away = await world.make()
    await world.sync()
    backup(world, tmp_path / "copy.db")
    await world.change(away.id, department="Karosserie")
    await world.sync()
    held = dict(world.partner.held[ACCOUNT])
    await restore(world, tmp_path / "copy.db", marked=marked)
    await settle(world)
    assert (await world.get(away.id)).status is Status.SCHEDULED
    assert world.partner.held[ACCOUNT] == held
    asked = [entry for entry in await world.attention("database_restored") if entry.appointment_id]
    assert [(entry.appointment_id, entry.data["question"]) for entry in asked] == [(away.id, "left")]


@pytest.mark.parametrize("marked", [True, False])
async def test_one_that_was_cancelled_at_the_desk_since_is_cancelled_here_too(
    world: World, tmp_path: Path, marked: bool
) -> None:
    made = await world.make()
    await world.sync()
    backup(world, tmp_path / "copy.db")
    await world.cancel(made.id)
    await world.sync()
    await restore(world, tmp_path / "copy.db", marked=marked)
    await settle(world)
    assert (await world.get(made.id)).status is Status.CANCELLED
    assert len(world.partner.held[ACCOUNT]) == 1


@pytest.mark.parametrize("marked", [True, False])
async def test_what_was_booked_since_the_copy_is_there_once(world: World, tmp_path: Path, marked: bool) -> None:
    waiting = await world.make(notes="wartet")
    backup(world, tmp_path / "copy.db")
    await world.sync()
    await world.make(start=MONDAY.replace(hour=10))
    world.partner.book(ACCOUNT, FIELDS)
    await settle(world)
    held = dict(world.partner.held[ACCOUNT])
    await restore(world, tmp_path / "copy.db", marked=marked)
    await settle(world)
    assert world.partner.held[ACCOUNT] == held
    assert len(await world.ours()) == 3
    assert (await world.get(waiting.id)).notes == "wartet"


@pytest.mark.parametrize("marked", [True, False])
async def test_one_that_is_cancelled_in_the_copy_and_live_there_is_asked_about(
    world: World, tmp_path: Path, marked: bool
) -> None:
    made = await world.make()
    await world.sync()
    await world.cancel(made.id)
    await world.sync()
    backup(world, tmp_path / "copy.db")
    world.partner.book(ACCOUNT, FIELDS, our_id=made.id, changed_by="dms", created_by="dms")
    await restore(world, tmp_path / "copy.db", marked=marked)
    await settle(world)
    assert len(world.partner.live(ACCOUNT)) == 1, "what is live there isn't cancelled unasked"
    (entry,) = await world.attention("conflict")
    assert (entry.data["field"], entry.data["theirs"]) == ("cancelled", False)


async def test_the_first_run_after_a_restore_reports(world: World, tmp_path: Path) -> None:
    made = await world.make()
    await world.sync()
    backup(world, tmp_path / "copy.db")
    await world.change(made.id, notes="neu")
    await world.sync()
    await restore(world, tmp_path / "copy.db", marked=True)
    await settle(world)
    (entry,) = await world.attention("database_restored")
    assert (entry.data["applied"], entry.data["sent"], entry.data["conflicts"]) == (1, 0, 0)


async def test_a_restored_database_sends_nothing_before_it_has_read_the_feed(world: World, tmp_path: Path) -> None:
    await world.make()
    backup(world, tmp_path / "copy.db")
    await restore(world, tmp_path / "copy.db", marked=True)
    world.partner.fault = lambda where: Transient("502", status=502) if where == "before changes" else None
    await world.sync()
    assert "write" not in world.partner.calls


# A refused cursor


@pytest.mark.parametrize("status", [400, 404, 410])
async def test_a_refused_cursor_starts_the_feed_from_its_beginning(world: World, status: int) -> None:
    made = await world.make(notes="eins")
    world.partner.book(ACCOUNT, FIELDS)
    await settle(world)
    for text in ("zwei", "drei"):
        await world.change(made.id, notes=text)
        await world.sync()
    history = await world.count("history")
    world.partner.refuse_cursors()
    world.partner.book(ACCOUNT, {**FIELDS, "drop_off": "2026-11-12T08:00:00Z", "collection": "2026-11-12T09:00:00Z"})
    await settle(world)
    assert world.channel.condition.state is State.HEALTHY
    assert len(await world.ours()) == 3
    assert await world.count("history") == history + 1, "what was known is no history again"
    assert await world.attention() == []
    assert (await world.sync()).is_quiet


async def test_sending_goes_on_while_only_the_feed_fails(world: World) -> None:
    world.partner.fault = lambda where: PartnerBroken("garbage") if where == "before changes" else None
    made = await world.make()
    record = await world.sync()
    assert (record.sent, str(record.error)) == (1, "its answer can't be understood")
    assert world.channel.condition.state is State.RETRYING
    for text in ("a", "b", "c", "d", "e", "f"):
        await world.change(made.id, notes=text)
        await world.sync()
    assert world.theirs().fields["notes"] == "f"
    world.partner.fault = lambda _: None
    await world.sync()
    assert world.channel.condition.state is State.HEALTHY


# A restored or emptied partner


async def test_a_partner_that_was_restored_gets_our_content_again(world: World) -> None:
    made = await world.make(notes="v1")
    await world.sync()
    copy = world.partner.copy()
    for text in ("v2", "v3"):
        await world.change(made.id, notes=text)
        await world.sync()
    world.partner.restore(copy)
    world.partner.change(ACCOUNT, world.theirs().partner_id, transport_option="shuttle")
    await settle(world)
    assert world.theirs().fields["notes"] == "v3" == (await world.get(made.id)).notes
    await world.change(made.id, notes="v4")
    await settle(world)
    assert world.theirs().fields["notes"] == "v4"
    assert (await world.sync()).is_quiet


@pytest.mark.parametrize("cancelled", [False, True])
async def test_a_change_in_a_restored_partner_that_gets_the_number_of_ours_is_noticed(
    world: World, cancelled: bool
) -> None:
    made = await world.make(notes="v1")
    await world.sync()
    copy = world.partner.copy()
    await world.change(made.id, notes="v2")
    await world.sync()
    world.partner.restore(copy)
    partner_id = world.theirs().partner_id
    if cancelled:
        world.partner.cancel(ACCOUNT, partner_id)
    else:
        world.partner.change(ACCOUNT, partner_id, notes="deren")
    await settle(world)
    ours = await world.get(made.id)
    assert ours.is_live is not cancelled
    assert len(world.partner.live(ACCOUNT)) == (0 if cancelled else 1)
    if not cancelled:
        assert world.theirs().fields["notes"] == ours.notes == "v2"
    (entry,) = await world.attention("partner_restored")
    assert entry.data["older"] == 1
    assert (await world.sync()).is_quiet


async def test_a_partner_that_was_emptied_gets_what_is_still_to_come_again(world: World) -> None:
    made = [await world.make(start=MONDAY.replace(hour=hour)) for hour in range(7, 12)]
    empty = PartnerModel().copy()
    await world.sync()
    world.partner.restore(empty)
    await settle(world)
    assert sorted(item.our_id or "" for item in world.partner.live(ACCOUNT).values()) == sorted(one.id for one in made)
    assert all(one.is_live for one in await world.ours())
    (entry,) = await world.attention("partner_restored")
    assert (entry.data["missing"], entry.data["older"]) == (5, 0)


async def test_a_partner_that_lost_more_than_twenty_stops_the_channel_until_somebody_confirms(world: World) -> None:
    for number in range(21):
        await world.make(start=MONDAY + timedelta(hours=number))
    await world.sync()
    world.partner.restore(PartnerModel().copy())
    await world.sync()
    assert world.channel.condition.state is State.STOPPED
    assert world.partner.live(ACCOUNT) == {}
    (entry,) = await world.attention("partner_restored")
    assert (entry.data["missing"], entry.data["stopped"]) == (21, True)
    await world.channel.resume(by="maria", accept_cancellations=True)
    await settle(world)
    assert len(world.partner.live(ACCOUNT)) == 21


@pytest.mark.parametrize("is_down", [True, False])
async def test_what_somebody_accepted_survives_a_restart_and_trouble(world: World, is_down: bool) -> None:
    for number in range(21):
        await world.make(start=MONDAY + timedelta(hours=number))
    await world.sync()
    world.partner.restore(PartnerModel().copy())
    await world.sync()
    await world.channel.resume(by="maria", accept_cancellations=True)
    if is_down:
        world.partner.fault = lambda where: Transient("down")
        assert (await world.sync()).error is not None
        world.partner.fault = no_fault
    await world.restart()
    await world.channel.state.load()
    await settle(world)
    assert len(world.partner.live(ACCOUNT)) == 21
    world.partner.restore(PartnerModel().copy())
    await world.restart()
    await world.channel.state.load()
    await world.sync()
    assert world.channel.condition.state is State.STOPPED, "it is asked about the next time again"


async def test_a_comparison_that_the_partner_puts_off_is_gone_on_with(world: World) -> None:
    for number in range(20):
        await world.make(start=MONDAY + timedelta(hours=number))
    await world.sync()
    world.partner.restore(PartnerModel().copy())
    calls = 0

    def busy(where: str) -> PartnerError | None:
        nonlocal calls
        calls += where in ("before get", "before find")
        return RateLimited("later", status=429, retry_after=60) if calls > 40 else None

    for _ in range(8):
        world.clock.advance(timedelta(minutes=10))
        calls, world.partner.fault = 0, busy
        record = await world.sync()
        if record.error is None:
            break
    world.partner.fault = no_fault
    assert record.error is None
    await settle(world)
    assert len(world.partner.live(ACCOUNT)) == 20


async def test_a_partner_that_was_restored_and_takes_the_cursor_all_the_same_is_read_from_the_beginning(
    world: World,
) -> None:
    made = [await world.make(start=MONDAY + timedelta(hours=number)) for number in range(3)]
    await world.sync()
    world.partner.held.clear()
    world.partner.feed.clear()
    partner_id = world.partner.book(ACCOUNT, FIELDS)
    for number in range(4):
        world.partner.change(ACCOUNT, partner_id, notes=f"{number}")
    await world.change(made[0].id, notes="neu")
    await settle(world)
    assert len(await world.ours()) == 4
    assert len(world.partner.live(ACCOUNT)) == 4


async def test_a_412_that_repeats_is_listed_and_sending_again_drops_the_stored_call(world: World) -> None:
    made = await world.make(notes="eins")
    await world.sync()
    await world.change(made.id, notes="zwei")

    async def refuses(intent: Intent) -> Receipt:
        raise Precondition("412", status=412)

    write, world.partner.write = world.partner.write, refuses  # type: ignore[method-assign]
    assert (await world.sync("local")).error is None
    (entry,) = await world.attention("keeps_refusing")
    assert entry.appointment_id == made.id
    world.partner.write = write  # type: ignore[method-assign]
    assert await world.resend(made.id) == "queued"
    await world.sync("local")
    assert world.theirs().fields["notes"] == "zwei"
    assert await world.attention() == [] or all(each.resolved_at for each in await world.attention())


# Another program under our label


async def test_a_change_under_our_label_that_isnt_ours_is_taken_over_and_ends_there(world: World) -> None:
    made = await world.make(notes="eins")
    await world.sync()
    await world.change(made.id, notes="zwei")
    await world.sync()
    for _ in range(10):
        if world.theirs().fields["notes"] != "one":
            world.partner.change(ACCOUNT, world.theirs().partner_id, by="dms", notes="one")
        await world.sync()
    assert (await world.get(made.id)).notes == "one" == world.theirs().fields["notes"]
    assert world.partner.calls.count("write") == 2


async def test_ping_pong_with_another_program_ends_after_three_rounds_and_is_listed(world: World) -> None:
    """The DMS owns the customer here, and the other program owns it there."""
    customer = await world.write(
        lambda tx: world.book.create_customer(tx, {"last_name": "Petersen", "locked_by": "incadea"}, author=DESK)
    )
    await world.make(customer_id=customer.id)
    await world.sync()
    for _ in range(10):
        if world.theirs().fields["customer.street"] != "Am Strande":
            world.partner.change(ACCOUNT, world.theirs().partner_id, by="dms", customer__street="Am Strande")
        await world.sync()
    assert world.partner.calls.count("write") <= 5
    (entry,) = await world.attention("second_writer")
    assert entry.data["dealer_number"] == ACCOUNT
    assert (await world.sync()).is_quiet


async def test_a_desk_change_goes_there_though_another_program_has_written_over_ours_before(world: World) -> None:
    """wtpd has stopped answering that program; somebody here hasn't."""
    made = await world.make(notes="eins")
    await world.sync()
    for number in range(4):
        await world.change(made.id, notes=f"Tisch {number}")
        await world.sync()
        world.partner.change(ACCOUNT, world.theirs().partner_id, by="dms", notes=f"Programm {number}")
        await world.sync()
    await world.change(made.id, notes="Tisch")
    world.partner.change(ACCOUNT, world.theirs().partner_id, by="dms", transport_option="shuttle")
    await settle(world)
    ours = await world.get(made.id)
    assert (ours.notes, ours.transport_option) == ("Tisch", "shuttle")
    assert world.theirs().fields["notes"] == "Tisch"
    assert len(await world.attention("second_writer")) == 1


# The partner's answer


async def test_a_text_that_the_partner_shortens_stays_whole_here(world: World) -> None:
    world.partner.longest = 20
    long = "Radschloss im Handschuhfach; NICHT waschen (Folierung)!"
    made = await world.make(notes=long)
    await world.sync()
    await world.sync()
    world.partner.change(ACCOUNT, world.theirs().partner_id, transport_option="shuttle")
    await settle(world)
    ours = await world.get(made.id)
    assert (ours.notes, ours.transport_option) == (long, "shuttle")
    (entry,) = await world.attention("shortened")
    assert (entry.data["field"], entry.data["ours"], entry.data["theirs"]) == ("notes", long, long[:20])
    assert world.partner.calls.count("write") == 1
    assert (await world.sync()).is_quiet


async def test_a_shortened_text_whose_answer_was_lost_stays_whole_here(world: World) -> None:
    world.partner.longest = 20
    made = await world.make(notes="kurz")
    await world.sync()
    long = "Radschloss im Handschuhfach; NICHT waschen (Folierung)!"
    await world.change(made.id, notes=long)
    world.partner.fault = _once("after write", Transient("lost"))
    await world.sync("local")
    await settle(world)
    assert (await world.get(made.id)).notes == long
    assert world.theirs().version == 2


def _once(at: str, error: PartnerError) -> Any:
    left = [error]
    return lambda where: left.pop() if where == at and left else None


# A lost answer


async def test_a_lost_booking_that_was_cancelled_there_since_isnt_booked_again(world: World) -> None:
    made = await world.make()
    world.partner.fault = _once("after write", Transient("lost"))
    await world.sync("local")
    world.partner.cancel(ACCOUNT, world.theirs().partner_id)
    world.partner.forget_keys()
    await world.restart()
    await settle(world)
    assert (await world.get(made.id)).status is Status.CANCELLED
    assert world.partner.live(ACCOUNT) == {}
    assert len(world.partner.held[ACCOUNT]) == 1
    assert await world.count("outbox") == 0


async def test_a_lost_booking_is_looked_up_when_the_key_may_be_forgotten(world: World) -> None:
    made = await world.make()
    world.partner.fault = _once("after write", Transient("lost"))
    await world.sync("local")
    world.partner.forget_keys()
    world.clock.advance(timedelta(days=2))
    world.partner.fault = lambda where: PartnerBroken("no feed") if where == "before changes" else None
    await world.sync()
    assert world.theirs().our_id == made.id
    assert world.partner.calls.count("write") == 1


async def test_a_repeated_call_is_the_same_byte_for_byte(world: World) -> None:
    bodies: list[tuple[str, str | None]] = []
    write = world.partner.write

    async def recording(intent: Intent) -> Receipt:
        bodies.append((intent.key, intent.body))
        return await write(intent)

    world.partner.write = recording  # type: ignore[method-assign]
    made = await world.make(notes="eins")
    await world.sync()
    await world.change(made.id, notes="zwei", customer_waiting=True)
    for _ in range(2):
        world.partner.fault = _once("after write", Transient("lost"))
        await world.sync("local")
        await world.restart()
    world.clock.advance(timedelta(minutes=10))
    await world.sync("local")
    repeated = [body for key, body in bodies if key == bodies[-1][0]]
    assert len(repeated) == 3
    assert repeated[0] is not None
    assert len(set(repeated)) == 1


# The feed


async def test_a_feed_that_never_ends_is_given_up_and_what_is_ours_is_sent(world: World) -> None:
    world.partner.book(ACCOUNT, FIELDS)
    await world.sync()
    item, calls = world.theirs(), 0

    async def endless(account: str, cursor: str | None, *, wait: float, limit: int) -> Page:
        nonlocal calls
        calls += 1
        return Page(items=[item], cursor=f"{calls + 1000}", more=True)

    world.partner.changes = endless  # type: ignore[method-assign]
    made = await world.make()
    record = await world.sync()
    assert calls <= 25
    assert record.error is not None
    assert world.channel.condition.state is State.RETRYING
    assert there(world, made.id)


async def test_more_items_than_asked_for_are_applied_in_pieces(world: World) -> None:
    await world.put(replace(SPEC, page_size=10))
    for hour in range(25):
        start = MONDAY + timedelta(hours=hour)
        fields = {
            **FIELDS, "drop_off": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "collection": (start + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }  # fmt: skip
        world.partner.book(ACCOUNT, fields)
    changes, writes = world.partner.changes, 0
    write = world.transactions.write

    async def all_at_once(account: str, cursor: str | None, *, wait: float, limit: int) -> Page:
        return await changes(account, cursor, wait=wait, limit=1000)

    async def counting(work: Any) -> Any:
        nonlocal writes
        writes += 1
        return await write(work)

    world.partner.changes = all_at_once  # type: ignore[method-assign]
    world.transactions.write = counting  # type: ignore[method-assign]
    record = await world.sync()
    assert (record.applied, len(await world.ours())) == (25, 25)
    assert writes >= 3


@pytest.mark.parametrize("says_more", [True, False])
@pytest.mark.parametrize("size", [1, 3, 50])
async def test_pages_of_any_size_that_say_wrongly_whether_there_are_more_lose_nothing(
    world: World, says_more: bool, size: int
) -> None:
    await world.put(replace(SPEC, page_size=4))
    for _ in range(9):
        world.partner.book(ACCOUNT, FIELDS)
    changes = world.partner.changes

    async def odd(account: str, cursor: str | None, *, wait: float, limit: int) -> Page:
        page = await changes(account, cursor, wait=0, limit=size)
        return replace(page, more=says_more and bool(page.items))

    world.partner.changes = odd  # type: ignore[method-assign]
    await settle(world, 10)
    assert len(await world.ours()) == 9
    assert (await world.sync()).is_quiet


async def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones(world: World) -> None:
    for _ in range(5):
        world.partner.book(ACCOUNT, FIELDS)
    changes, limits = world.partner.changes, []

    async def choking(account: str, cursor: str | None, *, wait: float, limit: int) -> Page:
        limits.append(limit)
        if limit > 3:
            raise TooLarge("larger than 10 MB", status=200)
        return await changes(account, cursor, wait=wait, limit=limit)

    world.partner.changes = choking  # type: ignore[method-assign]
    assert (await world.sync()).error is None
    assert len(await world.ours()) == 5
    assert limits[:6] == [100, 50, 25, 12, 6, 3]


async def test_a_broken_answer_about_one_appointment_is_its_own_trouble(world: World) -> None:
    made = await world.make()
    await world.sync()
    await world.change(made.id, notes="x")
    get = world.partner.get

    async def broken(account: str, partner_id: str) -> Incoming:
        raise PartnerBroken("customer: not an object")

    world.partner.get = broken  # type: ignore[method-assign]
    world.partner.held[ACCOUNT][world.theirs().partner_id] = replace(world.theirs(), version=9)
    for _ in range(6):
        record = await world.sync()
        world.clock.advance(timedelta(minutes=6))
        assert record.error is None
    assert world.channel.condition.state is State.HEALTHY
    assert [entry.appointment_id for entry in await world.attention("keeps_refusing")] == [made.id]
    world.partner.get = get  # type: ignore[method-assign]
    await settle(world)
    assert world.theirs().fields["notes"] == "x"


async def test_a_404_to_the_first_request_of_the_feed_is_trouble(world: World) -> None:
    world.partner.fault = lambda where: Rejected("404", status=404) if where == "before changes" else None
    assert str((await world.sync()).error) == "its answer was HTTP 404"


# What is past


async def test_a_first_sync_sends_what_is_still_to_come(world: World) -> None:
    await world.make(start=MONDAY - timedelta(days=14))
    coming = await world.make()
    await world.put(replace(SPEC, account="31000"))
    await settle(world)
    assert [item.our_id for item in world.partner.live("31000").values()] == [coming.id]


async def test_a_new_mapping_cancels_what_is_still_to_come_and_lets_past_ones_go(world: World) -> None:
    for day in (0, 1):
        await world.make(start=MONDAY + timedelta(days=day))
    await world.sync()
    world.clock.advance(MONDAY + timedelta(hours=20) - world.clock.now())
    effect = await world.read(lambda tx: channels.preview(tx, SPEC.id, "rostock", "Karosserie", ACCOUNT))
    assert effect == channels.Effect(cancels=1, unlinks=1, sends=0)
    await world.put(replace(SPEC, department="Karosserie"))
    await settle(world)
    assert sorted(item.cancelled for item in world.partner.held[ACCOUNT].values()) == [False, True]
    assert [item.left for item in world.partner.held[ACCOUNT].values() if item.cancelled] == [True]
    assert await world.attention() == []
    assert all(one.is_live for one in await world.ours())


async def test_what_a_restored_partner_has_live_again_is_booked_if_it_never_was_ours(world: World) -> None:
    partner_id = world.partner.book(ACCOUNT, FIELDS)
    backup = world.partner.copy()
    world.partner.cancel(ACCOUNT, partner_id)
    await settle(world)
    assert await world.ours() == []
    world.partner.restore(backup)
    await settle(world)
    assert (await world.only()).is_live
    assert (await world.channel.compare()).differences == []


@pytest.mark.parametrize("by_us", [True, False])
async def test_what_a_restored_partner_has_live_again_and_is_cancelled_here_is_listed(
    world: World, by_us: bool
) -> None:
    made = await world.make()
    await world.sync()
    backup = world.partner.copy()
    if by_us:
        await world.cancel(made.id)
    else:
        world.partner.cancel(ACCOUNT, world.theirs().partner_id)
    await settle(world)
    world.partner.restore(backup)
    await settle(world)
    (entry,) = await world.attention("conflict")
    assert (entry.appointment_id, entry.data["theirs"]) == (made.id, False)
    assert not world.theirs().cancelled

    def put_ours_back(tx: Tx) -> None:
        resolve(StoreSession(tx, SyncBook(world.book, tx)), entry.id, "ours", by="maria")

    await world.write(put_ours_back)
    await settle(world)
    assert world.theirs().cancelled
    assert await world.attention("conflict") == []


@pytest.mark.parametrize("is_ours", [True, False])
async def test_what_a_restored_partner_has_live_in_the_version_of_its_cancellation_is_noticed(
    world: World, is_ours: bool
) -> None:
    """It was changed there since, so it counts versions that we know otherwise."""
    if is_ours:
        await world.make()
    else:
        await world.sync()
        world.partner.book(ACCOUNT, FIELDS)
    if is_ours:
        await world.sync()
    booked = world.theirs()
    backup = world.partner.copy()
    world.partner.cancel(ACCOUNT, booked.partner_id)
    if not is_ours:
        world.partner.feed.pop(0)  # it came and went without us
    await settle(world, 1)
    world.partner.restore(backup)
    world.partner.change(ACCOUNT, booked.partner_id, notes="doch")
    assert world.theirs().version == 2
    await settle(world)
    if is_ours:
        assert len(await world.attention("conflict")) == 1
    else:
        assert (await world.only()).notes == "doch"


@pytest.mark.parametrize("is_again", [True, False])
async def test_a_conflict_about_one_that_is_live_there_settles_when_the_partner_loses_it(
    world: World, is_again: bool
) -> None:
    """`is_again`: its number stands for another one of ours afterwards."""
    made = await world.make()
    await world.sync()
    backup = world.partner.copy()
    world.partner.cancel(ACCOUNT, world.theirs().partner_id)
    await settle(world)
    world.partner.restore(backup)
    await settle(world)
    (entry,) = await world.attention("conflict")
    assert (entry.appointment_id, entry.resolved_at) == (made.id, None)
    world.partner.restore(PartnerModel().copy(), counts_again=True)
    if is_again:
        await world.make(start=MONDAY.replace(hour=10))
        await world.sync("local")
    else:
        await settle(world)
    assert [each for each in await world.attention("conflict") if each.resolved_at is None] == []
    (settled,) = await world.read(lambda tx: attention.page(tx, kind="conflict", state="all"))
    assert settled.resolution == "gone"
    await settle(world)
    assert len(world.partner.live(ACCOUNT)) == int(is_again)
    assert (await world.sync()).is_quiet


async def test_another_write_of_ours_under_the_version_that_we_know_is_noticed(world: World, tmp_path: Path) -> None:
    """Both sides were put back, each to another moment, and count the same version of different texts."""
    made = await world.make(notes="v1")
    await world.sync()
    theirs = world.partner.copy()
    await world.change(made.id, notes="v2")
    await settle(world)
    backup(world, tmp_path / "copy.db")
    world.partner.restore(theirs)
    await settle(world)
    await world.change(made.id, notes="v2 dort")
    await settle(world)
    (partner_id,) = world.partner.held[ACCOUNT]
    world.partner.held[ACCOUNT][partner_id] = again = replace(
        theirs[0][ACCOUNT][partner_id], version=2, changed_by="dms",
        fields={**theirs[0][ACCOUNT][partner_id].fields, "notes": "v2 dort"},
    )  # fmt: skip
    world.partner.feed = [(ACCOUNT, theirs[0][ACCOUNT][partner_id]), (ACCOUNT, again)]
    await restore(world, tmp_path / "copy.db", marked=True)
    await settle(world)
    assert (await world.get(made.id)).notes == world.theirs().fields["notes"]
    assert (await world.sync()).is_quiet


async def test_a_loss_that_a_look_comes_upon_after_an_earlier_comparison_is_followed(world: World) -> None:
    made = [await world.make(start=MONDAY + timedelta(hours=hour)) for hour in range(2)]
    await world.sync()
    await world.channel.resync()
    world.partner.held[ACCOUNT].clear()
    world.partner.feed.clear()
    for _ in range(4):  # so that the cursor is one that it knows
        world.partner.book(ACCOUNT, FIELDS)
    await world.resend(made[0].id)
    await world.sync("local")
    await settle(world)
    live = {item.our_id for item in world.partner.live(ACCOUNT).values()}
    assert {one.id for one in made} <= live
