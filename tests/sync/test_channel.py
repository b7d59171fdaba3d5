"""When a channel runs, what state it is in, and what its runs leave behind."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.bookkeeping import MONDAY
from tests.support.sync_world import ACCOUNT, FIELDS, SPEC, World, until
from wtpd.channel.errors import NeedsToken, RateLimited, Rejected, Transient
from wtpd.channel.health import State
from wtpd.errors import Unavailable
from wtpd.sync import feed
from wtpd.sync.ports import Page


@asynccontextmanager
async def working(world: World, *, listening: bool = False) -> AsyncIterator[None]:
    """The channel's loops run meanwhile."""
    loops = [asyncio.create_task(world.channel.work())]
    if listening:
        loops.append(asyncio.create_task(world.channel.listen()))
    await until(lambda: world.channel.condition.state is not State.STARTING and world.clock.next_wake is not None)
    try:
        yield
    finally:
        for loop in loops:
            loop.cancel()
        for loop in loops:
            with suppress(asyncio.CancelledError):
                await loop
        await world.channel.close()


async def settled(world: World) -> None:
    """Whatever the loops had begun is over: three times a read and a write have come back from the database's threads,
    behind those of the loops."""
    for _ in range(3):
        await world.read(lambda tx: tx.one("SELECT 1"))
        await world.write(lambda tx: tx.one("SELECT 1"))
        for _ in range(20):
            await asyncio.sleep(0)


def calls(world: World, name: str) -> int:
    return world.partner.calls.count(name)


async def test_a_local_change_goes_at_once_and_those_after_it_go_together(world: World) -> None:
    async with working(world):
        await world.make()
        await until(lambda: len(world.partner.held[ACCOUNT]) == 1)
        for hour in (9, 10):
            await world.make(start=MONDAY.replace(hour=hour))
        await until(lambda: (world.clock.next_wake or 9) <= SPEC.burst)
        assert len(world.partner.held[ACCOUNT]) == 1
        world.clock.advance(SPEC.burst)
        await until(lambda: len(world.partner.held[ACCOUNT]) == 3)
        assert calls(world, "changes") == 1


async def test_the_interval_counts_from_the_end_of_a_run_and_jitter_never_makes_it_late(world: World) -> None:
    async with working(world):
        world.partner.book(ACCOUNT, FIELDS)
        wait = world.clock.next_wake
        assert wait is not None
        assert 0.9 * SPEC.interval <= wait <= SPEC.interval
        world.clock.advance(wait)
        await until(lambda: calls(world, "changes") == 2)


async def test_the_partners_change_arrives_by_long_poll(world: World) -> None:
    async with working(world, listening=True):
        await until(lambda: calls(world, "changes") == 2)
        world.partner.book(ACCOUNT, FIELDS)
        await until(lambda: calls(world, "changes") == 3)
        assert (await world.only()).origin == "mynissan"


async def test_a_run_that_was_faster_makes_the_long_polls_page_void(world: World) -> None:
    async with working(world, listening=True):
        await until(lambda: calls(world, "changes") == 2)
        world.partner.book(ACCOUNT, FIELDS)
        await world.sync()
        await until(lambda: calls(world, "changes") >= 4)
        await world.only()


async def test_a_cursor_that_the_long_poll_finds_refused_isnt_believed_again(world: World) -> None:
    """A restored partner takes it again when enough has changed there."""
    world.partner.book(ACCOUNT, FIELDS)
    await world.sync()
    changes, cursors = world.partner.changes, []

    async def refuses(account, cursor, *, wait, limit):
        cursors.append(cursor)
        if wait and cursor is not None:
            raise Rejected("410", status=410)
        return await changes(account, cursor, wait=0, limit=limit)

    world.partner.changes = refuses
    async with working(world, listening=True):
        await until(lambda: None in cursors, "the feed is read from its beginning")


async def test_a_partner_that_doesnt_hold_the_request_isnt_hammered(world: World) -> None:
    async with working(world, listening=True):
        changes = world.partner.changes

        async def at_once(account, cursor, *, wait, limit):
            return await changes(account, cursor, wait=0, limit=limit)

        world.partner.changes = at_once
        world.partner.book(ACCOUNT, FIELDS)
        await until(lambda: world.clock.sleepers >= 2, "the listener pauses beside the worker")
        assert (world.clock.next_wake or 0) >= 0.9 * SPEC.interval
        assert calls(world, "changes") <= 5


async def test_a_long_poll_that_fails_again_and_again_isnt_hammered(world: World) -> None:
    async with working(world, listening=True):
        await until(lambda: calls(world, "changes") == 2)
        changes = world.partner.changes

        async def fails(account, cursor, *, wait, limit):
            if wait:
                world.partner.calls.append("poll")
                raise Transient("502", status=502)
            return await changes(account, cursor, wait=0, limit=limit)

        world.partner.changes = fails
        world.partner.changed.set()
        await until(lambda: world.clock.sleepers >= 2)  # nothing was brought so soon: it waits for an interval
        world.clock.advance(SPEC.interval)
        for polls in (1, 2, 3):
            await until(lambda polls=polls: calls(world, "poll") == polls and world.clock.sleepers >= 2)
            await settled(world)
            assert calls(world, "poll") == polls
            world.clock.advance(SPEC.interval)


async def test_a_feed_that_repeats_its_page_in_the_long_poll_isnt_hammered(world: World) -> None:
    async with working(world, listening=True):
        await until(lambda: calls(world, "changes") == 2)
        world.partner.book(ACCOUNT, FIELDS)
        item = world.theirs()

        async def repeats(account, cursor, *, wait, limit):
            world.partner.calls.append("changes")
            return Page(items=[item] if wait else [], cursor=cursor or "1", more=False)

        world.partner.changes = repeats
        await until(lambda: world.clock.sleepers >= 2, "the listener pauses beside the worker")
        before = calls(world, "changes")
        await settled(world)
        assert calls(world, "changes") == before <= 12
        await world.only()


async def test_a_partner_in_trouble_is_called_when_it_is_time_and_not_for_each_change(world: World) -> None:
    world.partner.fault = lambda where: Transient("503", status=503) if where.startswith("before") else None
    async with working(world):
        assert world.channel.condition.state is State.RETRYING
        for hour in (8, 9, 10):
            await world.make(start=MONDAY.replace(hour=hour))
        await settled(world)
        assert calls(world, "changes") == 1
        world.partner.fault = lambda _: None
        world.clock.advance(world.clock.next_wake or 0)
        await until(lambda: world.channel.condition.state is State.HEALTHY)
        assert len(world.partner.held[ACCOUNT]) == 3


async def test_repeated_failure_opens_the_circuit_breaker_which_lets_one_call_through_now_and_then(
    world: World,
) -> None:
    world.partner.fault = lambda where: Transient("503", status=503) if where.startswith("before") else None
    for hour in (8, 9, 10):
        await world.make(start=MONDAY.replace(hour=hour))
    for _ in range(5):
        await world.sync()
    assert world.channel.state.patience.is_open
    assert world.channel.state.patience.remaining() >= 270
    before = len(world.partner.calls)
    await world.sync()
    assert len(world.partner.calls) == before + 1


async def test_each_change_of_state_is_logged_and_told_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "wtpd")
    await world.sync()
    world.partner.fault = lambda where: Transient("503", status=503) if where.startswith("before") else None
    for _ in range(4):
        await world.sync()
    world.partner.fault = lambda _: None
    await world.sync()
    told = [event.data["state"] for event in world.events if event.kind == "channel.changed"]
    assert told == ["healthy", "retrying", "healthy"]
    assert sum("retrying" in message for message in caplog.messages) == 2  # into it, and out of it


async def test_pausing_survives_a_restart(world: World) -> None:
    await world.channel.pause("maria")
    await world.restart()
    async with working(world):
        assert world.channel.condition.state is State.PAUSED
        assert str(world.channel.condition.reason) == "Paused by maria."
        assert world.partner.calls == []
        with pytest.raises(Unavailable):
            await world.sync()
        await world.make()
        await world.channel.resume(by="maria")
        await until(lambda: len(world.partner.held[ACCOUNT]) == 1)


async def test_a_wrong_token_in_the_long_poll_stops_it(world: World) -> None:
    async with working(world, listening=True):
        await until(lambda: calls(world, "changes") == 2)
        world.partner.fault = lambda where: NeedsToken("401") if where == "after changes" else None
        world.partner.changed.set()
        await until(lambda: world.channel.condition.state is State.NEEDS_TOKEN)
        before = len(world.partner.calls)
        world.clock.advance(timedelta(hours=3))
        await settled(world)
        assert len(world.partner.calls) == before
        assert world.channel.next_run is None


async def test_retry_after_of_the_long_poll_is_honoured(world: World) -> None:
    async with working(world, listening=True):
        await until(lambda: calls(world, "changes") == 2)
        world.partner.fault = lambda where: RateLimited("429", retry_after=90) if where == "after changes" else None
        world.partner.changed.set()
        await until(lambda: world.channel.condition.state is State.RETRYING)
        before = len(world.partner.calls)
        world.partner.fault = lambda _: None
        world.clock.advance(80)
        await settled(world)
        assert len(world.partner.calls) == before
        world.clock.advance(11)
        await until(lambda: world.channel.condition.state is State.HEALTHY)


async def test_a_run_leaves_a_record(world: World) -> None:
    await world.make()
    world.partner.book(ACCOUNT, FIELDS)
    await world.sync()
    (record,) = await world.runs()
    assert (record.trigger, record.fetched, record.applied, record.sent) == ("manual", 1, 1, 1)
    assert record.requests == 2
    (event,) = [event for event in world.events if event.kind == "run.finished"]
    assert event.data["sent"] == 1


async def test_quiet_runs_are_counted_together_and_written_with_the_next_one_that_isnt(world: World) -> None:
    for _ in range(3):
        await world.sync()
    assert await world.runs() == []
    await world.make()
    await world.sync()
    newest, quiet = await world.runs()
    assert newest.sent == 1
    assert (quiet.quiet, quiet.requests) == (3, 3)


async def test_quiet_runs_are_written_once_an_hour_and_at_the_end(world: World) -> None:
    await world.sync()
    world.clock.advance(timedelta(hours=1))
    await world.sync()
    assert [record.quiet for record in await world.runs()] == [2]
    await world.sync()
    await world.channel.close()
    assert sorted(record.quiet for record in await world.runs()) == [1, 2]


async def test_a_failed_run_leaves_its_error(world: World) -> None:
    world.partner.fault = lambda where: Transient("no route to host") if where.startswith("before") else None
    await world.sync()
    (record,) = await world.runs()
    assert str(record.error) == "no connection"


async def test_a_dry_run_says_what_a_run_would_do_and_writes_nothing_anywhere(world: World) -> None:
    made = await world.make(notes="alt")
    await world.sync()
    world.partner.change(ACCOUNT, world.theirs().partner_id, transport_option="waiting")
    world.partner.book(ACCOUNT, FIELDS)
    world.partner.book(ACCOUNT, {**FIELDS, "collection": "2026-11-10T07:00:00Z"})
    await world.change(made.id, notes="neu")
    tables = ("appointment", "history", "customer", "link", "inbox", "attention", "run", "event")
    before = [await world.count(table) for table in tables]
    outbox = await world.read(lambda tx: [tuple(row) for row in tx.all("SELECT * FROM outbox")])
    writes = calls(world, "write")
    record = await world.channel.run(dry_run=True)
    assert {(each.side, each.action) for each in record.planned} == {
        ("here", "update"), ("here", "create"), ("here", "quarantine"), ("there", "update"),
    }  # fmt: skip
    fields = {(each.side, each.action): dict(each.fields) for each in record.planned}
    assert fields["here", "update"] == {"transport_option": ("none", "waiting")}
    assert fields["there", "update"] == {"notes": ("alt", "neu")}
    assert [await world.count(table) for table in tables] == before
    assert await world.read(lambda tx: [tuple(row) for row in tx.all("SELECT * FROM outbox")]) == outbox
    assert calls(world, "write") == writes
    assert (await world.sync()).sent == 1


async def test_comparing_finds_what_isnt_equal(world: World) -> None:
    made = await world.make()
    await world.make(start=MONDAY.replace(hour=9))
    await world.sync()
    assert (await world.channel.compare()).differences == []
    assert (await world.channel.compare()).compared == 2
    partner_id = next(key for key, item in world.partner.held[ACCOUNT].items() if item.our_id == made.id)
    silent = replace(world.partner.held[ACCOUNT][partner_id], fields={"notes": "heimlich"})
    world.partner.tell(ACCOUNT, silent)
    (difference,) = (await world.channel.compare()).differences
    assert (difference.field, difference.ours, difference.theirs) == ("notes", "", "heimlich")
    assert not difference.waiting
    await world.change(made.id, notes="unterwegs")
    assert [each.waiting for each in (await world.channel.compare()).differences] == [True]
    await world.make(start=MONDAY.replace(hour=11))
    await world.write(lambda tx: tx.run("DELETE FROM outbox"))
    assert {each.field for each in (await world.channel.compare()).differences} == {"notes", "appointment"}


async def test_an_error_of_our_own_shows_and_leaves_the_channel_usable(world: World) -> None:
    changes = world.partner.changes

    async def stumbles(*_: object, **__: object) -> None:
        raise KeyError("nextCursor")

    world.partner.changes = stumbles
    with pytest.raises(KeyError):
        await world.sync()
    assert world.channel.condition.state is State.RETRYING
    world.partner.changes = changes
    assert (await world.sync()).error is None


async def test_a_page_that_moves_no_cursor_writes_none(world: World) -> None:
    world.partner.book(ACCOUNT, FIELDS)
    await world.sync()
    await world.write(
        lambda tx: tx.run("CREATE TRIGGER one BEFORE UPDATE ON feed BEGIN SELECT RAISE(ABORT, 'it was written'); END")
    )
    changes, item = world.partner.changes, world.theirs()

    async def again(account, cursor, *, wait, limit):
        page = await changes(account, cursor, wait=wait, limit=limit)
        return replace(page, items=[item], cursor=cursor)

    world.partner.changes = again
    assert (await world.sync()).error is None


async def test_a_run_reads_a_thousand_pages_and_the_next_one_follows_at_once(world: World, monkeypatch) -> None:
    monkeypatch.setattr(feed, "PAGES", 3)
    await world.put(replace(SPEC, page_size=1))
    for hour in range(8, 13):
        world.partner.book(ACCOUNT, {**FIELDS, "drop_off": f"2026-11-10T{hour:02}:00:00Z"})
    assert (await world.sync()).fetched == 3
    next_run = world.channel.next_run
    assert next_run is not None
    assert next_run <= world.clock.now()
    assert (await world.sync()).fetched == 2
    assert len(await world.ours()) == 5


async def test_the_loop_goes_on_when_another_run_stopped_the_channel_while_it_waited(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    entered, go_on = asyncio.Event(), asyncio.Event()
    changes = world.partner.changes

    async def slow(account, cursor, *, wait, limit):
        entered.set()
        await go_on.wait()
        raise NeedsToken("401")

    world.partner.changes = slow
    manual = asyncio.create_task(world.sync())
    await entered.wait()
    pausing = asyncio.create_task(world.channel.pause("maria"))
    loop = asyncio.create_task(world.channel.work())
    await settled(world)
    go_on.set()
    await manual
    await pausing
    await settled(world)
    assert not loop.done()
    assert world.channel.condition.state is State.PAUSED
    world.partner.changes = changes
    await world.channel.resume(by="maria")
    await until(lambda: world.channel.condition.state is State.HEALTHY)
    loop.cancel()
    with suppress(asyncio.CancelledError):
        await loop
    assert not [record for record in caplog.records if record.exc_info]
