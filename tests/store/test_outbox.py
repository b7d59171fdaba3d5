"""The outbox: who must hear of a change, and what a call in between means for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.support.bookkeeping import DESK, Dealership, draft
from tests.support.sync_world import SPEC
from wtpd.store import attention, channels, outbox
from wtpd.store.database import Tx
from wtpd.store.ledger import Ledger
from wtpd.store.outbox import Outbox
from wtpd.sync.ports import Intent, Link

OTHER = replace(SPEC, id="carloop/rostock", connector="carloop", account="7", department="Karosserie")


def _rows(tx: Tx) -> list[tuple[str, int]]:
    return [(row["channel"], row["marked_version"]) for row in tx.all("SELECT * FROM outbox ORDER BY channel")]


def _link(appointment_id: str, *, channel: str = SPEC.id, tombstone: bool = False) -> Link:
    return Link(
        channel=channel, account="1", partner_id="A-1", appointment_id=appointment_id, version=1, base={},
        tombstone=tombstone,
    )  # fmt: skip


def _intent(appointment_id: str) -> Intent:
    return Intent(
        channel=SPEC.id, account="1", appointment_id=appointment_id, key="k", operation="create",
        fields={"notes": "x"}, full={"notes": "x"},
    )  # fmt: skip


async def _made(dealership: Dealership) -> str:
    """An appointment in the workshop, with both channels there and nothing in the outbox."""
    made = await dealership.do(lambda tx: dealership.book.create(tx, draft(), author=DESK))
    await dealership.do(lambda tx: [channels.put(tx, spec) for spec in (SPEC, OTHER)])
    await dealership.do(lambda tx: tx.run("DELETE FROM outbox"))
    dealership.signals.clear()
    return made.id


async def test_a_change_is_marked_for_the_channel_of_its_department_and_wakes_it(dealership: Dealership) -> None:
    made = await _made(dealership)
    await dealership.do(lambda tx: outbox.mark_change(tx, made, "rostock", "Werkstatt"))
    assert await dealership.see(_rows) == [(SPEC.id, 1)]
    assert dealership.signals == {f"outbox:{SPEC.id}"}


async def test_one_that_moved_away_is_marked_for_who_knows_it(dealership: Dealership) -> None:
    made = await _made(dealership)
    await dealership.do(lambda tx: Ledger(tx).put_link(_link(made)))
    await dealership.do(lambda tx: outbox.mark_change(tx, made, "guestrow", "Werkstatt"))
    assert await dealership.see(_rows) == [(SPEC.id, 1)]


async def test_one_that_moved_away_before_it_was_sent_is_marked_again(dealership: Dealership) -> None:
    """Else a call that is under way would leave it there."""
    made = await _made(dealership)
    await dealership.do(lambda tx: outbox.mark_change(tx, made, "rostock", "Werkstatt"))
    await dealership.do(lambda tx: outbox.mark_change(tx, made, "guestrow", "Werkstatt"))
    assert await dealership.see(_rows) == [(SPEC.id, 2)]


async def test_a_tombstone_knows_nothing(dealership: Dealership) -> None:
    made = await _made(dealership)
    await dealership.do(lambda tx: Ledger(tx).put_link(_link(made, tombstone=True)))
    await dealership.do(lambda tx: outbox.mark_change(tx, made, "guestrow", "Werkstatt"))
    assert await dealership.see(_rows) == []


async def test_where_the_change_came_from_isnt_told(dealership: Dealership) -> None:
    made = await _made(dealership)
    await dealership.do(lambda tx: outbox.mark_change(tx, made, "rostock", "Werkstatt", except_channel=SPEC.id))
    assert await dealership.see(_rows) == []


async def test_a_mark_during_the_call_keeps_the_row(dealership: Dealership) -> None:
    made = await _made(dealership)
    await dealership.do(lambda tx: outbox.mark(tx, SPEC.id, made))
    await dealership.do(lambda tx: Outbox(tx).store_intent(_intent(made)))
    await dealership.do(lambda tx: outbox.mark(tx, SPEC.id, made))
    await dealership.do(lambda tx: Outbox(tx).settle(SPEC.id, made))
    (pending,) = await dealership.see(lambda tx: Outbox(tx).pending(SPEC.id, after=0, limit=9))
    assert pending.intent is None
    await dealership.do(lambda tx: Outbox(tx).store_intent(_intent(made)))
    await dealership.do(lambda tx: Outbox(tx).settle(SPEC.id, made))
    assert await dealership.see(_rows) == []


async def test_an_intent_is_kept_as_it_is(dealership: Dealership) -> None:
    made = await _made(dealership)
    intent = _intent(made)
    await dealership.do(lambda tx: outbox.mark(tx, SPEC.id, made))
    await dealership.do(lambda tx: Outbox(tx).store_intent(intent))
    assert await dealership.see(lambda tx: Outbox(tx).intent_of(SPEC.id, made)) == intent


async def test_a_deferred_row_waits_for_its_moment(dealership: Dealership) -> None:
    made = await _made(dealership)
    await dealership.do(lambda tx: outbox.mark(tx, SPEC.id, made))
    until = dealership.clock.now() + timedelta(seconds=30)
    await dealership.do(lambda tx: Outbox(tx).defer(SPEC.id, made, until, "503"))
    assert await dealership.see(lambda tx: Outbox(tx).pending(SPEC.id, after=0, limit=9)) == []
    assert await dealership.see(lambda tx: Outbox(tx).next_due(SPEC.id)) == until
    dealership.clock.at += timedelta(seconds=30)
    assert len(await dealership.see(lambda tx: Outbox(tx).pending(SPEC.id, after=0, limit=9))) == 1


async def test_a_refused_row_waits_until_it_is_changed_or_retried(dealership: Dealership) -> None:
    made = await _made(dealership)
    await dealership.do(lambda tx: outbox.mark(tx, SPEC.id, made))
    await dealership.do(lambda tx: Outbox(tx).reject(SPEC.id, made, "no"))
    assert await dealership.see(lambda tx: outbox.waiting(tx, SPEC.id)) == 0
    (entry,) = await dealership.see(lambda tx: attention.page(tx, kind="rejected"))
    assert entry.data == {"reason": "no"}
    await dealership.do(lambda tx: outbox.mark(tx, SPEC.id, made))
    assert await dealership.see(lambda tx: outbox.waiting(tx, SPEC.id)) == 1


async def test_what_runs_all_the_time_uses_an_index(dealership: Dealership) -> None:
    queries = (
        "SELECT * FROM outbox o LEFT JOIN link l ON l.channel = o.channel AND l.appointment_id = o.appointment_id"
        " AND NOT l.tombstone WHERE o.channel = 'x' AND o.seq > 0 AND o.rejected IS NULL ORDER BY o.seq LIMIT 1",
        "SELECT min(not_before) FROM outbox WHERE channel = 'x' AND rejected IS NULL",
        "SELECT cursor FROM feed WHERE channel = 'x' AND account = '1'",
        "SELECT partner_id FROM inbox WHERE channel = 'x' AND state = 'quarantined' AND partner_id IS NOT NULL",
    )
    for query in queries:
        plan = await dealership.see(
            lambda tx, sql=query: [row["detail"] for row in tx.all(f"EXPLAIN QUERY PLAN {sql}")]
        )
        assert all(("USING" in detail and "INDEX" in detail) or "PRIMARY KEY" in detail for detail in plan), plan


async def test_a_clock_that_was_set_back_makes_nothing_wait_for_a_day(dealership: Dealership) -> None:
    made = await _made(dealership)
    await dealership.do(lambda tx: outbox.mark(tx, SPEC.id, made))
    until = dealership.clock.now() + timedelta(minutes=5)
    await dealership.do(lambda tx: Outbox(tx).defer(SPEC.id, made, until, "503"))
    assert await dealership.see(lambda tx: len(Outbox(tx).pending(SPEC.id, after=0, limit=9))) == 0
    dealership.clock.at -= timedelta(days=1)
    assert await dealership.see(lambda tx: len(Outbox(tx).pending(SPEC.id, after=0, limit=9))) == 1
