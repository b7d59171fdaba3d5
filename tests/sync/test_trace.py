"""What is kept of each message to a partner and from it, and in which transaction."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.bookkeeping import MONDAY
from tests.support.partner_model import no_fault
from tests.support.sync_world import ACCOUNT, FIELDS, World
from wtpd.channel.errors import NeedsToken, PartnerError, Rejected, Transient
from wtpd.store import messages
from wtpd.store.database import Tx
from wtpd.store.messages import Message
from wtpd.store.session import StoreSession
from wtpd.sync.ports import Incoming, Intent, Receipt, Taken, Unreadable
from wtpd.texts import said


class Once:
    """Fails at the named moments, in order; each is used once."""

    def __init__(self, *planned: tuple[str, PartnerError]) -> None:
        self.planned = list(planned)

    def __call__(self, where: str) -> PartnerError | None:
        return self.planned.pop(0)[1] if self.planned and self.planned[0][0] == where else None


def brief(message: Message) -> tuple[str, str, str | None, int]:
    return message.direction, message.operation, message.outcome, message.attempts


def mornings(count: int) -> list[datetime]:
    """One on each working day."""
    return [MONDAY + timedelta(days=7 * (number // 5) + number % 5) for number in range(count)]


async def payload_of(world: World, message: Message) -> Any:
    return await world.read(lambda tx: messages.get(tx, message.id)[1])


async def test_a_booking_that_was_sent_is_one_message_that_its_echo_confirms(world: World) -> None:
    made = await world.make(notes="Räder")
    await world.sync("local")
    (call,) = await world.said(made.id)
    assert brief(call) == ("out", "create", "ok", 1)
    assert (call.partner_id, call.version, call.channel) == ("A-1", 1, "superservice/rostock")
    assert call.answered_at is not None
    assert call.echoed_at is None
    assert call.key in world.partner.answered
    sent = await payload_of(world, call)
    assert sent["notes"] == "Räder", "shared fields, since this partner tells no form of its own"
    await world.sync()
    (call,) = await world.said(made.id)
    assert call.echoed_at is not None
    assert await world.count("message") == 1


async def test_a_change_tells_its_fields_and_a_cancellation_is_a_message_too(world: World) -> None:
    made = await world.make()
    await world.sync("local")
    await world.change(made.id, notes="neu")
    await world.sync("local")
    await world.cancel(made.id)
    await world.sync("local")
    said = await world.said(made.id)
    assert [brief(one)[1:3] for one in said] == [("create", "ok"), ("update", "ok"), ("cancel", "ok")]
    assert [one.fields for one in said] == [(), ("notes",), ()]
    assert [one.version for one in said] == [1, 2, 3]


async def test_a_lost_answer_is_one_message_with_the_calls_counted(world: World) -> None:
    made = await world.make(notes="eins")
    world.partner.fault = Once(("after write", Transient("read timeout")), ("after write", Transient("read timeout")))
    await world.sync("local")
    (call,) = await world.said(made.id)
    assert brief(call) == ("out", "create", None, 0), "no answer yet"
    assert (await payload_of(world, call))["notes"] == "eins", "as it waits in the outbox"
    await world.sync("local")
    assert brief((await world.said(made.id))[0]) == ("out", "create", None, 1)
    await world.sync("local")
    (call,) = await world.said(made.id)
    assert brief(call) == ("out", "create", "ok", 3)
    assert world.partner.calls.count("write") == 3


async def test_after_a_crash_the_call_under_way_has_no_answer_yet(world: World) -> None:
    made = await world.make()
    world.partner.fault = Once(("after write", Transient("lost")))
    await world.sync("local")
    await world.restart()
    (call,) = await world.said(made.id)
    assert call.outcome is None
    await world.sync()
    (call,) = await world.said(made.id)
    assert brief(call)[:3] == ("out", "create", "ok")
    assert call.echoed_at is not None, "the feed told of it before it was answered"


async def test_calls_that_were_planned_but_not_made_are_not_counted(world: World) -> None:
    """The first call says that the token is refused; the others wait for a new one."""
    made = [await world.make(start=each) for each in mornings(20)]
    world.partner.fault = Once(("before write", NeedsToken("401", status=401)))
    await world.sync("local")
    calls = world.partner.calls.count("write")
    world.partner.fault = no_fault
    await world.channel.resume(by="maria")
    await world.sync("local")
    attempts = [(await world.said(one.id))[0].attempts for one in made]
    assert sum(attempts) == world.partner.calls.count("write")
    assert calls < len(made)


async def test_a_refusal_is_kept_with_the_partners_own_sentence(world: World) -> None:
    made = await world.make(notes="laut")
    refusal = Rejected("POST: 422", status=422, detail="advisor unknown")
    refusal.sent = {"remarks": "laut"}
    world.partner.fault = Once(("before write", refusal))
    await world.sync("local")
    (call,) = await world.said(made.id)
    assert (*brief(call), call.status, call.error) == ("out", "create", "refused", 1, 422, "advisor unknown")
    assert await payload_of(world, call) == {"remarks": "laut"}, "in the partner's own form, where that is known"


async def test_one_that_fails_alone_says_why_until_it_goes_through(world: World) -> None:
    made = [await world.make(start=each) for each in mornings(2)]
    world.partner.fault = Once(("before write", Transient("POST: 500", status=500)))
    await world.sync("local")
    (failed,) = [one for each in made for one in await world.said(each.id) if one.outcome != "ok"]
    assert (*brief(failed), str(failed.error), failed.status) == (
        "out", "create", "failed", 1, "its answer was HTTP 500", 500,
    )  # fmt: skip
    world.clock.advance(timedelta(minutes=10))
    await world.sync()
    (call,) = await world.said(failed.appointment_id or "")
    assert (*brief(call), call.error) == ("out", "create", "ok", 2, None)


async def test_what_changed_there_meanwhile_shows_both_calls_and_what_was_fetched(world: World) -> None:
    made = await world.make()
    await world.sync()
    await world.change(made.id, notes="von hier")
    world.partner.change(ACCOUNT, "A-1", transport_option="waiting")
    await world.sync("local")
    said = [brief(one)[:3] for one in await world.said(made.id)]
    assert said == [
        ("out", "create", "ok"), ("out", "update", "refused"), ("in", "update", "ok"), ("out", "update", "ok"),
    ]  # fmt: skip


async def test_what_a_partner_tells_is_kept_as_it_came_with_what_became_of_it(world: World) -> None:
    partner_id = world.partner.book(ACCOUNT, FIELDS)
    await world.sync()
    world.partner.change(ACCOUNT, partner_id, notes="laut")
    await world.sync()
    world.partner.cancel(ACCOUNT, partner_id)
    await world.sync()
    said = await world.said((await world.only()).id)
    assert [brief(one) for one in said] == [
        ("in", "create", "ok", 1), ("in", "update", "ok", 1), ("in", "cancel", "ok", 1),
    ]  # fmt: skip
    assert await payload_of(world, said[0]) == dict(FIELDS)
    assert await payload_of(world, said[1]) == {"notes": "laut"}


async def test_what_comes_twice_is_counted_and_not_kept_twice(world: World) -> None:
    world.partner.book(ACCOUNT, FIELDS)
    await world.sync()
    for _ in range(3):
        world.partner.tell(ACCOUNT, world.theirs())
        await world.sync()
    (message,) = await world.said((await world.only()).id)
    assert brief(message) == ("in", "create", "ok", 4)


async def test_an_older_state_is_kept_without_what_it_says(world: World) -> None:
    world.partner.book(ACCOUNT, FIELDS)
    old = world.theirs()
    world.partner.change(ACCOUNT, old.partner_id, notes="neu")
    world.partner.feed = world.partner.feed[1:]
    await world.sync()
    world.partner.tell(ACCOUNT, old)
    await world.sync()
    said = await world.said((await world.only()).id)
    assert [brief(one)[1:3] for one in said] == [("create", "ok"), ("late", "ignored")]
    assert await payload_of(world, said[1]) is None


async def test_a_message_in_quarantine_is_found_by_the_partners_number(world: World) -> None:
    world.partner.tell(ACCOUNT, Unreadable(partner_id="X-1", reason="dropOffTime: not a time", raw={"id": "X-1"}))
    world.partner.tell(ACCOUNT, Unreadable(partner_id="X-1", reason="dropOffTime: not a time", raw={"id": "X-1"}))
    await world.sync()
    (message,) = await world.read(lambda tx: messages.unlinked(tx, "X-1"))
    assert brief(message) == ("in", "quarantine", "quarantined", 2)
    assert str(message.error) == "dropOffTime: not a time"
    assert await payload_of(world, message) == {"id": "X-1"}
    assert await world.read(lambda tx: messages.unlinked(tx, "X-2")) == []


async def test_a_message_about_a_linked_one_that_cant_be_applied_stands_on_its_way(world: World) -> None:
    partner_id = world.partner.book(ACCOUNT, FIELDS)
    await world.sync()
    world.partner.change(ACCOUNT, partner_id, collection="2020-01-01T00:00:00Z")
    await world.sync()
    said = await world.said((await world.only()).id)
    assert [brief(one)[1:3] for one in said] == [("create", "ok"), ("quarantine", "quarantined")]
    assert await world.read(lambda tx: messages.unlinked(tx, partner_id)) == [], "it isn't without an appointment"


async def test_one_that_came_and_went_without_us_is_kept(world: World) -> None:
    partner_id = world.partner.book(ACCOUNT, FIELDS)
    world.partner.feed.clear()
    world.partner.cancel(ACCOUNT, partner_id)
    await world.sync()
    assert await world.ours() == []
    (message,) = await world.read(lambda tx: messages.unlinked(tx, partner_id))
    assert brief(message) == ("in", "none", "ignored", 1)


async def test_a_quiet_run_writes_nothing(world: World) -> None:
    await world.make()
    await world.sync()
    await world.sync()

    def written(tx: Tx) -> int:
        row = tx.one("SELECT total_changes()")
        assert row is not None
        return int(row[0])

    before = await world.write(written)
    assert (await world.sync()).is_quiet
    assert await world.write(written) == before


async def test_what_is_undone_leaves_no_message(world: World) -> None:
    """Too many cancellations at once: the page isn't applied, so nothing was received."""
    for number in range(30):
        world.partner.book(ACCOUNT, {**FIELDS, "customer.last_name": f"Nr {number}", "vehicle.plate": ""})
    await world.sync()
    count = await world.count("message")
    for partner_id in list(world.partner.held[ACCOUNT]):
        world.partner.cancel(ACCOUNT, partner_id)
    await world.sync()
    assert await world.count("message") == count


async def test_a_dry_run_leaves_no_message(world: World) -> None:
    world.partner.book(ACCOUNT, FIELDS)
    await world.make()
    await world.channel.run(dry_run=True)
    assert await world.count("message") == 0


async def test_an_answer_about_another_appointment_is_kept_as_a_failure(world: World) -> None:
    first = await world.make()
    await world.sync()
    second = await world.make(start=first.drop_off + timedelta(days=1))

    async def wrong(intent: Intent) -> Receipt:
        return Receipt(partner_id="A-1", version=9)

    world.partner.write = wrong  # type: ignore[method-assign] # a partner that mixes things up
    await world.sync("local")
    (call,) = await world.said(second.id)
    assert brief(call) == ("out", "create", "failed", 1)
    assert "linked with another" in str(call.error)


@pytest.mark.parametrize("kept", [True, False])
async def test_messages_are_kept_as_long_as_they_shall_be(world: World, kept: bool) -> None:
    await world.make()
    await world.sync()
    border = world.clock.now() + timedelta(seconds=-1 if kept else 1)
    assert await world.write(lambda tx: messages.prune(tx, border)) == (0 if kept else 1)
    assert await world.count("message") == (1 if kept else 0)


async def test_the_answer_to_a_call_whose_message_was_pruned_is_taken_all_the_same(world: World) -> None:
    await world.make()
    world.partner.fault = Once(("after write", Transient("lost")))
    await world.sync("local")
    await world.write(lambda tx: tx.run("DELETE FROM message"))
    world.clock.advance(timedelta(minutes=1))
    assert (await world.sync("local")).sent == 1
    assert await world.count("outbox") == 0


async def test_of_one_that_never_stops_only_the_newest_are_given_out(world: World) -> None:
    made = await world.make()
    await world.sync()

    def flood(tx: Tx) -> None:
        session = StoreSession(tx, None)  # type: ignore[arg-type] # the book isn't used
        for version in range(2, 700):
            item = Incoming(
                partner_id="A-1", version=version, fields={}, cancelled=False, changed_by="dealer", raw={"v": version}
            )
            session.messages.received(world.spec.id, item, Taken(decision="update", appointment_id=made.id))

    await world.write(flood)
    said = await world.said(made.id)
    assert (len(said), said[-1].version) == (messages.MOST, 699)


@pytest.mark.parametrize(
    ("language", "reason"),
    [("de", "die Antwort war HTTP 500"), ("en", "its answer was HTTP 500"), ("nl", "het antwoord was HTTP 500")],
)
async def test_a_reason_of_ours_is_kept_so_that_each_reader_gets_it(world: World, language: str, reason: str) -> None:
    made = await world.make()
    world.partner.fault = Once(("before write", Transient("POST: 500", status=500)))
    await world.sync("local")
    (call,) = await world.said(made.id)
    assert said(call.error or "", language) == reason


@pytest.mark.parametrize("words", ["nope", "{}", '{"msgid": "x {y}", "args": {}}', '{"args":{},"msgid":"{y}"}', "a{b}"])
async def test_the_partners_own_words_stay_as_they_are(world: World, words: str) -> None:
    made = await world.make()
    world.partner.fault = Once(("before write", Rejected("POST: 422", status=422, detail=words)))
    await world.sync("local")
    (call,) = await world.said(made.id)
    assert str(call.error) == words
    (entry,) = await world.attention("rejected")
    assert entry.data["reason"] == words
