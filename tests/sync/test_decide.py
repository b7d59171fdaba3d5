"""What a person decides about conflicts, quarantine and refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.sync_world import ACCOUNT, FIELDS, SPEC, World
from wtpd.channel.errors import Rejected
from wtpd.errors import Refused
from wtpd.planner.appointment import Status
from wtpd.store import attention, inbox
from wtpd.sync import decide
from wtpd.sync.ports import Incoming, Session


async def _conflict(world: World) -> int:
    made = await world.make(notes="alt")
    await world.sync()
    world.partner.change(ACCOUNT, world.theirs().partner_id, notes="von dort")
    await world.change(made.id, notes="von hier")
    await world.sync()
    (entry,) = await world.attention("conflict")
    return entry.id


async def _decide(world: World, work: Callable[[Session], Any]) -> None:
    await world.transactions.write(work)


async def test_one_key_puts_ours_back_and_sends_it(world: World) -> None:
    number = await _conflict(world)
    await _decide(world, lambda session: decide.resolve(session, number, "ours", by="maria"))
    await world.sync("local")
    ours = await world.only()
    assert ours.notes == "von hier" == world.theirs().fields["notes"]
    assert (await world.history_of(ours.id))[-1][1] == "maria"
    assert await world.attention("conflict") == []


async def test_theirs_stands(world: World) -> None:
    number = await _conflict(world)
    await _decide(world, lambda session: decide.resolve(session, number, "theirs", by="maria"))
    assert (await world.sync()).is_quiet
    assert await world.attention("conflict") == []
    assert (await world.only()).notes == "von dort"


@pytest.mark.parametrize(
    ("choice", "value", "notes"), [("both", None, "von dort\nvon hier"), ("own", "so soll es sein", "so soll es sein")]
)
async def test_a_third_way_out_of_a_conflict_about_a_text(
    world: World, choice: decide.Choice, value: str | None, notes: str
) -> None:
    number = await _conflict(world)
    await _decide(world, lambda session: decide.resolve(session, number, choice, by="maria", value=value))
    await world.sync("local")
    assert (await world.only()).notes == notes == world.theirs().fields["notes"]
    assert await world.attention("conflict") == []


async def test_both_times_of_a_visit_cant_stand(world: World) -> None:
    made = await world.make()
    await world.sync()
    world.partner.change(ACCOUNT, world.theirs().partner_id, collection="2026-11-09T17:00:00Z")
    await world.change(made.id, collection=made.collection + timedelta(hours=1))
    await world.sync()
    (entry,) = await world.attention("conflict")
    with pytest.raises(Refused):
        await _decide(world, lambda session: decide.resolve(session, entry.id, "both", by="maria"))


@pytest.mark.parametrize("where", ["here", "there"])
async def test_a_conflict_whose_field_changes_afterwards_is_settled_by_that(world: World, where: str) -> None:
    number = await _conflict(world)
    made = await world.only()
    if where == "here":
        await world.change(made.id, notes="geklärt")
    else:
        world.partner.change(ACCOUNT, world.theirs().partner_id, notes="geklärt")
    await world.sync()
    assert await world.attention("conflict") == []
    entry = await world.read(lambda tx: attention.get(tx, number))
    assert (entry.resolution, entry.resolved_by) == ("changed", "maria" if where == "here" else "SUPERSERVICE")


async def test_a_conflict_stays_open_when_another_field_changes(world: World) -> None:
    await _conflict(world)
    made = await world.only()
    await world.change(made.id, customer_waiting=True)
    await world.sync()
    assert len(await world.attention("conflict")) == 1


async def test_a_number_used_again_is_taken_over_when_a_person_says_so(world: World) -> None:
    partner_id = world.partner.book(ACCOUNT, {**FIELDS, "notes": "alt"})
    await world.sync()
    other = replace(world.theirs(), fields={**FIELDS, "notes": "neu"}, created_at="2026-12-01T00:00:00Z", raw={"n": 1})
    world.partner.held[ACCOUNT][partner_id] = other
    world.partner.tell(ACCOUNT, other)
    await world.sync()
    (entry,) = await world.attention("quarantine")
    await _decide(world, lambda session: decide.retry(session, entry.id, SPEC, lambda raw: other, by="maria"))
    assert sorted(one.notes for one in await world.ours()) == ["alt", "neu"]
    await world.sync()
    assert sorted(item.fields["notes"] for item in world.partner.live(ACCOUNT).values()) == ["alt", "neu"]


async def test_the_same_visit_booked_on_both_sides_is_listed_once(world: World) -> None:
    world.partner.book(ACCOUNT, {**FIELDS, "drop_off": "2026-11-10T08:00:00Z"})
    await world.sync()
    theirs = await world.only()
    mine = await world.make(
        start=theirs.drop_off + timedelta(hours=1), customer_id=theirs.customer_id, vehicle_id=theirs.vehicle_id
    )
    await world.make(start=theirs.drop_off + timedelta(hours=5), customer_id=theirs.customer_id)
    for _ in range(2):
        await world.sync()
    (entry,) = await world.attention("possible_double")
    assert {entry.appointment_id, entry.data["other"]} == {theirs.id, mine.id}
    await _decide(world, lambda session: decide.resolve(session, entry.id, "done", by="maria"))
    await world.change(mine.id, notes="x")
    await world.write(lambda tx: tx.run("DELETE FROM link WHERE appointment_id = ?", (mine.id,)))
    await world.resend(mine.id)
    await world.sync()
    assert await world.attention("possible_double") == []


async def test_a_decision_is_made_once(world: World) -> None:
    number = await _conflict(world)
    await _decide(world, lambda session: decide.resolve(session, number, "theirs", by="maria"))
    with pytest.raises(Refused):
        await _decide(world, lambda session: decide.resolve(session, number, "ours", by="maria"))


async def test_a_cancelled_one_isnt_put_back(world: World) -> None:
    made = await world.make()
    await world.sync()
    await world.change(made.id, notes="x")
    world.partner.cancel(ACCOUNT, world.theirs().partner_id)
    await world.sync()
    (entry,) = await world.attention("conflict")
    with pytest.raises(Refused):
        await _decide(world, lambda session: decide.resolve(session, entry.id, "ours", by="maria"))
    await _decide(world, lambda session: decide.resolve(session, entry.id, "done", by="maria"))


async def test_a_message_in_quarantine_is_tried_again(world: World) -> None:
    bad = world.partner.book(ACCOUNT, {**FIELDS, "collection": "2026-11-10T07:00:00Z"})
    await world.sync()
    (entry,) = await world.attention("quarantine")

    def parse(raw: Any) -> Incoming:
        return Incoming(
            partner_id=bad, version=1, fields={**raw, "collection": "2026-11-10T16:00:00Z"}, cancelled=False,
            changed_by="customer_app", raw=raw,
        )  # fmt: skip

    await _decide(world, lambda session: decide.retry(session, entry.id, SPEC, parse, by="maria"))
    assert (await world.only()).collection.hour == 16
    assert await world.attention("quarantine") == []


async def test_a_message_that_still_cant_be_applied_stays(world: World) -> None:
    bad = world.partner.book(ACCOUNT, {**FIELDS, "collection": "2026-11-10T07:00:00Z"})
    await world.sync()
    (entry,) = await world.attention("quarantine")

    def parse(raw: Any) -> Incoming:
        return Incoming(partner_id=bad, version=1, fields=raw, cancelled=False, changed_by="dealer", raw=raw)

    with pytest.raises(Exception, match=r"(?i)collection|drop"):
        await _decide(world, lambda session: decide.retry(session, entry.id, SPEC, parse, by="maria"))
    assert len(await world.attention("quarantine")) == 1
    await _decide(world, lambda session: decide.discard(session, entry.id, by="maria"))
    assert await world.attention("quarantine") == []


async def test_a_refused_one_is_tried_again_on_request(world: World) -> None:
    await world.make()
    world.partner.fault = lambda where: Rejected("no", status=422) if where == "before write" else None
    await world.sync()
    world.partner.fault = lambda _: None
    (entry,) = await world.attention("rejected")
    await _decide(world, lambda session: decide.retry(session, entry.id, SPEC, lambda raw: raw, by="maria"))
    await world.sync("local")
    assert len(world.partner.held[ACCOUNT]) == 1
    assert await world.attention() == []


async def test_one_that_came_back_to_life_there_can_be_cancelled_there_again(world: World) -> None:
    made = await world.make()
    await world.sync()
    world.partner.cancel(ACCOUNT, world.theirs().partner_id)
    await world.sync()
    cancelled = world.theirs()
    world.partner.held[ACCOUNT][cancelled.partner_id] = replace(cancelled, version=9, cancelled=False)
    world.partner.tell(ACCOUNT, world.theirs())
    await world.sync()
    (entry,) = await world.attention("conflict")
    await _decide(world, lambda session: decide.resolve(session, entry.id, "ours", by="maria"))
    await world.sync("local")
    assert world.theirs().cancelled
    assert (await world.sync()).applied == 0
    assert (await world.get(made.id)).status is Status.CANCELLED
    assert await world.attention() == []


async def test_a_kept_message_belongs_to_the_number_it_came_under(world: World) -> None:
    bad = world.partner.book(ACCOUNT, {**FIELDS, "collection": "2026-11-10T07:00:00Z"})
    await world.sync()
    (entry,) = await world.attention("quarantine")
    spec = replace(SPEC, account="30000")
    await world.put(spec)
    mended = replace(world.partner.held[ACCOUNT][bad], fields=FIELDS)
    await _decide(world, lambda session: decide.retry(session, entry.id, spec, lambda _: mended, by="maria"))
    await world.sync()
    await world.sync("local")
    assert [item.cancelled for item in world.partner.held[ACCOUNT].values()] == [True]
    assert [item.cancelled for item in world.partner.held["30000"].values()] == [False]


async def test_our_car_that_is_lent_meanwhile_isnt_said_to_be_back(world: World) -> None:
    made = await world.make(transport_option="courtesy_car", courtesy_car=None)
    await world.sync()
    world.partner.change(ACCOUNT, world.theirs().partner_id, courtesy_car="EW2")
    await world.change(made.id, courtesy_car="EW1")
    await world.sync()
    (entry,) = await world.attention("conflict")
    other = await world.make(transport_option="courtesy_car", courtesy_car="EW1")
    with pytest.raises(Refused, match="courtesy car"):
        await _decide(world, lambda session: decide.resolve(session, entry.id, "ours", by="maria"))
    assert (await world.get(made.id)).courtesy_car == "EW2"
    await world.cancel(other.id)
    await _decide(world, lambda session: decide.resolve(session, entry.id, "ours", by="maria"))
    assert (await world.get(made.id)).courtesy_car == "EW1"


async def test_an_edited_message_stays_at_its_version(world: World) -> None:
    """A higher one would make wtpd deaf to what the partner says next."""
    bad = world.partner.book(ACCOUNT, {**FIELDS, "collection": "2026-11-10T07:00:00Z"})
    await world.sync()
    (entry,) = await world.attention("quarantine")

    def parse(raw: Any) -> Incoming:
        fields = {name: value for name, value in raw.items() if name in FIELDS}
        return Incoming(
            partner_id=raw.get("id", bad), version=raw.get("version", 1), fields=fields, cancelled=False,
            changed_by="customer_app", raw=raw,
        )  # fmt: skip

    for wrong in ({"version": 99}, {"id": "A-99"}):
        edited = {**FIELDS, **wrong}
        with pytest.raises(Refused):
            await _decide(
                world, lambda session, edited=edited: decide.retry(
                    session, entry.id, SPEC, parse, by="maria", edited=edited
                )
            )  # fmt: skip
    assert len(await world.attention("quarantine")) == 1
    await _decide(
        world, lambda session: decide.retry(session, entry.id, SPEC, parse, by="maria", edited=dict(FIELDS))
    )  # fmt: skip
    assert (await world.only()).collection.hour == 15
    original, kept = await world.read(lambda tx: inbox.kept(tx, int(entry.data["inbox"])))
    assert (original["collection"], kept["collection"]) == ("2026-11-10T07:00:00Z", "2026-11-10T15:00:00Z")


async def test_what_the_partner_refused_has_no_message_to_edit(world: World) -> None:
    await world.make()
    world.partner.fault = lambda where: Rejected("no", status=422) if where == "before write" else None
    await world.sync()
    (entry,) = await world.attention("rejected")
    with pytest.raises(Refused):
        await _decide(
            world, lambda session: decide.retry(session, entry.id, SPEC, lambda raw: raw, by="maria", edited={})
        )
