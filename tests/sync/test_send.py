"""Sending when answers are lost, the partner refuses, or it changed there meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.bookkeeping import MONDAY
from tests.support.sync_world import ACCOUNT, SPEC, World
from wtpd.book.sync_port import SyncBook
from wtpd.channel.errors import Duplicate, NeedsToken, PartnerError, RateLimited, Rejected, Transient
from wtpd.channel.health import State
from wtpd.store.database import Tx
from wtpd.store.ledger import Ledger
from wtpd.store.session import StoreSession, StoreTransactions
from wtpd.sync.answers import accept
from wtpd.sync.ports import Fields, Intent, Ours, Receipt


class Faults:
    """Fails at the named moments, in order; each is used once."""

    def __init__(self, *planned: tuple[str, PartnerError]) -> None:
        self.planned = list(planned)

    def __call__(self, where: str) -> PartnerError | None:
        if self.planned and self.planned[0][0] == where:
            return self.planned.pop(0)[1]
        return None


async def test_a_lost_answer_is_repeated_with_the_same_key_and_makes_no_second_one(world: World) -> None:
    await world.make()
    world.partner.fault = Faults(("after write", Transient("read timeout")))
    assert str((await world.sync("local")).error) == "no connection"
    await world.restart()
    await world.sync()
    assert len(world.partner.held[ACCOUNT]) == 1
    assert world.partner.calls.count("write") == 1, "the feed told of it, so it is looked up and not repeated"
    assert len(world.partner.answered) == 1
    assert (await world.sync()).is_quiet


async def test_a_change_after_a_lost_answer_is_sent_after_the_first_one(world: World) -> None:
    made = await world.make(notes="eins")
    world.partner.fault = Faults(("after write", Transient("read timeout")))
    await world.sync("local")
    await world.change(made.id, notes="zwei")
    await world.sync()
    await world.sync("local")
    assert world.theirs().fields["notes"] == "zwei"
    assert await world.attention() == []


async def test_a_lost_answer_that_comes_back_in_the_feed_is_no_conflict(world: World) -> None:
    made = await world.make(notes="eins")
    await world.sync()
    await world.change(made.id, notes="zwei")
    world.partner.fault = Faults(("after write", Transient("read timeout")))
    await world.sync("local")
    await world.change(made.id, notes="drei")
    await world.sync()
    await world.sync("local")
    assert world.theirs().fields["notes"] == "drei" == (await world.get(made.id)).notes
    assert await world.attention() == []


async def test_what_changed_there_meanwhile_is_merged_and_sent_again(world: World) -> None:
    made = await world.make()
    await world.sync()
    await world.change(made.id, notes="von hier")
    world.partner.change(ACCOUNT, world.theirs().partner_id, transport_option="waiting")
    record = await world.sync("local")  # doesn't look into the feed first
    assert record.sent == 1
    assert world.theirs().fields["notes"] == "von hier"
    assert (await world.get(made.id)).transport_option == "waiting"
    assert world.partner.calls[-3:] == ["write", "get", "write"]


async def test_it_gives_up_for_now_if_it_changes_there_as_often_as_it_is_sent(world: World) -> None:
    made = await world.make()
    await world.sync()
    partner_id = world.theirs().partner_id
    count = 0

    def meddle(where: str) -> None:
        nonlocal count
        if where == "before write":
            count += 1
            world.partner.change(ACCOUNT, partner_id, customer_waiting=bool(count % 2))

    world.partner.fault = meddle
    await world.change(made.id, notes="x")
    record = await world.sync("local")
    assert (record.sent, record.error) == (0, None)
    assert count == 4
    world.partner.fault = lambda _: None
    world.clock.advance(timedelta(minutes=10))
    await world.sync()
    assert world.theirs().fields["notes"] == "x"


async def test_one_that_is_there_already_is_linked(world: World) -> None:
    made = await world.make(notes="hier")
    await world.sync()
    await world.write(lambda tx: tx.run("DELETE FROM link"))
    await world.change(made.id, notes="neu")
    await world.sync("local")
    assert len(world.partner.held[ACCOUNT]) == 1
    assert (await world.sync()).error is None
    assert world.theirs().fields["notes"] == (await world.get(made.id)).notes == "hier"
    (entry,) = await world.attention("conflict")
    assert (entry.data["ours"], entry.data["theirs"]) == ("neu", "hier")


async def test_a_refused_one_waits_and_the_others_go_on(world: World) -> None:
    first = await world.make()
    await world.make(start=MONDAY.replace(hour=9))
    world.partner.fault = Faults(("before write", Rejected("no", status=422, detail="advisor unknown")))
    record = await world.sync()
    assert (record.sent, record.error) == (1, None)
    (entry,) = await world.attention("rejected")
    assert entry.data["reason"] == "advisor unknown"
    assert (await world.sync()).sent == 0
    refused = entry.appointment_id
    assert refused is not None
    await world.change(refused, notes="geändert")
    await world.sync("local")
    assert len(world.partner.held[ACCOUNT]) == 2
    assert await world.attention("rejected") == []
    assert first.id in {item.our_id for item in world.partner.held[ACCOUNT].values()}


async def test_a_refusal_of_what_is_cancelled_meanwhile_needs_nobody(world: World) -> None:
    made = await world.make()
    world.partner.fault = Faults(("before write", Rejected("no", status=422, detail="advisor unknown")))
    await world.sync()
    assert len(await world.attention("rejected")) == 1
    await world.cancel(made.id)
    await world.sync("local")
    assert await world.attention("rejected") == []
    assert await world.count("outbox") == 0


async def test_not_found_there_is_no_delete_and_it_is_sent_again(world: World) -> None:
    made = await world.make()
    await world.sync()
    del world.partner.held[ACCOUNT][world.theirs().partner_id]
    await world.change(made.id, notes="x")
    await world.sync("local")
    assert (await world.get(made.id)).is_live
    assert (world.theirs().our_id, world.theirs().fields["notes"]) == (made.id, "x")
    assert await world.attention() == []


async def test_a_wrong_token_stops_at_once_and_new_credentials_go_on(world: World) -> None:
    for hour in range(8, 14):
        await world.make(start=MONDAY.replace(hour=hour))
    spec = replace(SPEC, calls_at_once=1)
    await world.put(spec)
    world.partner.fault = lambda where: NeedsToken("401") if where == "before write" else None
    await world.sync("local")
    assert world.channel.condition.state is State.NEEDS_TOKEN
    assert world.partner.calls.count("write") == 1
    await world.restart()
    await world.channel.state.load()
    assert world.channel.condition.state is State.NEEDS_TOKEN
    world.partner.fault = lambda _: None
    await world.channel.credentials_changed()
    await world.sync()
    assert world.channel.condition.state is State.HEALTHY
    assert len(world.partner.held[ACCOUNT]) == 6


async def test_too_many_requests_stop_the_run_until_it_says(world: World) -> None:
    await world.make()
    world.partner.fault = Faults(("before write", RateLimited("slow down", retry_after=120)))
    await world.sync("local")
    assert world.channel.condition.state is State.RETRYING
    assert world.channel.state.patience.remaining() == pytest.approx(120)


async def test_a_partner_that_limits_requests_is_no_partner_that_fails(world: World) -> None:
    await world.make()
    for _ in range(12):
        world.partner.fault = Faults(("before write", RateLimited("slow down", retry_after=2)))
        await world.sync("local")
        assert world.channel.state.patience.remaining() == pytest.approx(2)
        world.clock.advance(2)
    assert not world.channel.state.patience.is_open


async def test_retry_after_is_capped_at_an_hour(world: World) -> None:
    await world.make()
    world.partner.fault = Faults(("before write", RateLimited("slow down", retry_after=86400)))
    await world.sync("local")
    assert world.channel.state.patience.remaining() == pytest.approx(3600)


async def test_a_dead_partner_is_called_a_few_times_and_no_appointment_waits_longer_than_it(world: World) -> None:
    for hour in range(7, 17):
        await world.make(start=MONDAY.replace(hour=hour))
    await world.put(replace(SPEC, calls_at_once=1))
    world.partner.fault = lambda where: Transient("connection refused") if where == "before write" else None
    record = await world.sync("local")
    assert str(record.error) == "no connection"
    assert world.partner.calls.count("write") == 3
    world.partner.fault = lambda _: None
    await world.sync()
    assert len(world.partner.held[ACCOUNT]) == 10


async def test_one_appointment_in_trouble_doesnt_stop_the_others(world: World) -> None:
    poison = await world.make()
    for hour in range(8, 14):
        await world.make(start=MONDAY.replace(hour=hour))
    write = world.partner.write

    async def fails_for_one(intent):
        if intent.appointment_id == poison.id:
            raise Transient("500", status=500)
        return await write(intent)

    world.partner.write = fails_for_one
    record = await world.sync()
    assert (record.sent, record.error) == (6, None)
    assert world.channel.condition.state is State.HEALTHY
    world.partner.write = write
    world.clock.advance(timedelta(minutes=6))
    assert (await world.sync()).sent == 1


async def test_a_bug_of_the_connector_with_one_appointment_is_logged_and_the_others_go_on(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    poison = await world.make()
    await world.make(start=MONDAY.replace(hour=9))
    write = world.partner.write

    async def stumbles(intent):
        if intent.appointment_id == poison.id:
            raise KeyError("labourUnits")
        return await write(intent)

    world.partner.write = stumbles
    assert (await world.sync()).sent == 1
    assert "KeyError" in caplog.text


async def test_a_change_during_the_call_is_sent_as_well(world: World) -> None:
    made = await world.make(notes="eins")
    write = world.partner.write

    async def slow(intent):
        receipt = await write(intent)
        world.partner.write = write
        await world.change(made.id, notes="zwei")
        return receipt

    world.partner.write = slow
    await world.sync("local")
    assert world.theirs().fields["notes"] == "eins"
    await world.sync("local")
    assert world.theirs().fields["notes"] == "zwei"


async def test_a_change_during_a_call_that_is_refused_is_sent_all_the_same(world: World) -> None:
    made = await world.make(notes="eins")
    write = world.partner.write

    async def refuses(intent):
        world.partner.write = write
        await world.change(made.id, notes="zwei")
        raise Rejected("no", status=422, detail="notes: not this one")

    world.partner.write = refuses
    await world.sync("local")
    await world.sync("local")
    assert world.theirs().fields["notes"] == "zwei"
    assert await world.attention("rejected") == []


async def test_many_are_sent_with_one_call_each(world: World) -> None:
    for number in range(150):
        await world.make(start=MONDAY.replace(hour=7 + number % 10, minute=number % 60), units=0)
    await world.put(replace(SPEC, department="Karosserie"))
    await world.put(SPEC)
    record = await world.sync("local")
    assert record.sent == 150
    assert record.requests == 150
    assert len({item.our_id for item in world.partner.live(ACCOUNT).values()}) == 150


async def test_an_answer_about_another_appointment_is_refused_and_the_others_are_settled(world: World) -> None:
    await world.make()
    await world.sync()
    odd = await world.make(start=MONDAY.replace(hour=9))
    await world.make(start=MONDAY.replace(hour=10))
    write = world.partner.write

    async def confused(intent):
        receipt = await write(intent)
        return replace(receipt, partner_id="A-1") if intent.appointment_id == odd.id else receipt

    world.partner.write = confused
    await world.sync("local")
    (entry,) = await world.attention("rejected")
    assert entry.appointment_id == odd.id
    assert await world.count("link") == 2


async def test_a_repeated_call_doesnt_take_back_what_the_feed_told_meanwhile(world: World) -> None:
    made = await world.make(notes="eins")
    world.partner.fault = Faults(("after write", Transient("read timeout")))
    await world.sync("local")
    world.partner.change(ACCOUNT, world.theirs().partner_id, notes="zwei")
    await world.sync()
    link = await world.read(lambda tx: Ledger(tx).link_of(SPEC.id, made.id))
    assert link is not None
    assert (link.version, link.base["notes"]) == (2, "zwei")


async def test_a_repeated_call_doesnt_bring_back_what_was_cancelled_there_meanwhile(world: World) -> None:
    made = await world.make()
    world.partner.fault = Faults(("after write", Transient("read timeout")))
    await world.sync("local")
    world.partner.cancel(ACCOUNT, world.theirs().partner_id)
    await world.sync()
    assert not (await world.get(made.id)).is_live
    assert await world.read(lambda tx: Ledger(tx).link_of(SPEC.id, made.id)) is None


@pytest.mark.parametrize(
    "fault", [Rejected("404", status=404), Rejected("422", status=422), Duplicate("409", status=409)]
)
async def test_a_call_that_may_have_been_taken_isnt_forgotten_when_looking_it_up_is_refused(
    world: World, fault: PartnerError
) -> None:
    made = await world.make()
    world.partner.fault = Faults(("after write", Transient("read timeout")))
    await world.sync("local")
    await world.cancel(made.id)
    world.partner.fault = Faults(("before find", fault))
    world.clock.advance(timedelta(minutes=10))
    await world.sync("local")
    world.clock.advance(timedelta(minutes=10))
    await world.sync("local")
    assert world.theirs().cancelled
    assert await world.count("outbox") == 0
    assert (await world.sync()).error is None
    assert await world.attention() == []


@pytest.mark.parametrize("fault", [Rejected("404", status=404), Rejected("422", status=422)])
async def test_nor_when_repeating_it_is_refused_and_looking_it_up_too(world: World, fault: PartnerError) -> None:
    made = await world.make()
    world.partner.fault = Faults(("after write", Transient("read timeout")))
    await world.sync("local")
    world.partner.fault = Faults(("before write", Rejected("422", status=422)), ("before find", fault))
    world.clock.advance(timedelta(minutes=10))
    await world.sync("local")
    await world.cancel(made.id)
    world.clock.advance(timedelta(minutes=10))
    await world.sync("local")
    assert world.theirs().cancelled
    assert await world.attention() == []


async def test_a_late_answer_to_a_cancellation_doesnt_take_back_its_newer_version(world: World) -> None:
    made = await world.make()
    await world.sync()
    await world.cancel(made.id)
    await world.sync("local")
    partner_id = world.theirs().partner_id

    def answer_late(tx: Tx) -> int:
        session = StoreSession(tx, SyncBook(world.book, tx))
        link = session.links.link_at(SPEC.id, ACCOUNT, partner_id)
        assert link is not None
        session.links.put_link(replace(link, version=5))
        call = Intent(
            channel=SPEC.id, account=ACCOUNT, appointment_id=made.id, key="k", operation="cancel", fields={}, full={},
            partner_id=partner_id, expected_version=1,
        )  # fmt: skip
        accept(session, SPEC, call, Receipt(partner_id=partner_id, version=2))
        link = session.links.link_at(SPEC.id, ACCOUNT, partner_id)
        assert link is not None
        return link.version

    assert await world.write(answer_late) == 5


class Fragile(SyncBook):
    """A book that can't hold a visit that waits."""

    def update(
        self, channel: str, appointment_id: str, fields: Fields, *, actor: str, links: Mapping[str, str]
    ) -> Ours:
        if fields.get("transport_option") == "waiting":
            raise sqlite3.IntegrityError("CHECK constraint failed: odd")
        return super().update(channel, appointment_id, fields, actor=actor, links=links)


async def test_what_changed_there_and_breaks_the_book_is_kept_and_the_others_go_on(world: World) -> None:
    world.transactions = StoreTransactions(world.database, lambda tx: Fragile(world.book, tx))
    await world.put(SPEC)
    broken, sound = await world.make(notes="a"), await world.make(notes="b")
    await world.sync()
    theirs = next(item for item in world.partner.live(ACCOUNT).values() if item.our_id == broken.id)
    world.partner.change(ACCOUNT, theirs.partner_id, transport_option="waiting")
    for made in (broken, sound):
        await world.change(made.id, notes="neu")
    record = await world.sync("local")
    assert (record.sent, record.quarantined) == (1, 1)
    assert {entry.kind for entry in await world.attention()} == {"quarantine", "rejected"}


async def test_a_refusal_after_a_lost_answer_doesnt_turn_our_own_words_into_theirs(world: World) -> None:
    made = await world.make(notes="eins")
    await world.sync()
    await world.change(made.id, notes="zwei")
    world.partner.fault = Faults(
        ("after write", Transient("read timeout")), ("before write", Rejected("404 from a gateway", status=404))
    )
    await world.sync("local")
    world.partner.change(ACCOUNT, world.theirs().partner_id, notes="zwei", vehicle__model="Leaf")
    del world.partner.feed[-2]  # a feed may tell the newest state only
    await world.restart()
    await world.sync("local")
    await world.change(made.id, notes="drei")
    await world.sync()
    assert world.theirs().fields["notes"] == "drei" == (await world.get(made.id)).notes
    assert await world.attention("conflict") == []


async def test_a_run_that_somebody_asks_for_doesnt_wait_out_a_backoff(world: World) -> None:
    await world.make()
    world.partner.fault = Faults(("before write", Transient("500", status=500)))
    await world.sync("local")
    await world.sync("interval")
    assert world.partner.held[ACCOUNT] == {}
    assert (await world.sync("manual")).sent == 1
