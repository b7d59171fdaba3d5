"""Taking changes back with a partner on the other side: it is told, and no appointment is there twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.bookkeeping import DESK
from tests.support.sync_world import ACCOUNT, FIELDS, World
from wtpd.book import undo
from wtpd.book.sync_port import SyncBook
from wtpd.channel.errors import PartnerError, Transient
from wtpd.errors import Refused
from wtpd.planner.appointment import Appointment, Status
from wtpd.store import history
from wtpd.store.database import Tx
from wtpd.store.session import StoreSession
from wtpd.sync.decide import resolve
from wtpd.sync.ports import Intent, Receipt


async def take_back(world: World, number: str, entry: int = -1) -> Appointment:
    """The last entry of its history, or another one by its place."""

    def work(tx: Tx) -> Appointment:
        found = history.of(tx, number)[entry]
        return undo.undo(world.book, tx, number, found.id, author=DESK, expected_version=None)

    return await world.write(work)


async def at_peace(world: World) -> None:
    """Both sides agree, each has it once, and nothing more happens."""
    for _ in range(3):
        await world.sync()
    assert (await world.sync()).is_quiet
    ours = {one.id: one for one in await world.ours() if one.status is not Status.CANCELLED}
    live = {item.our_id: item for item in world.partner.live(ACCOUNT).values()}
    assert len(world.partner.live(ACCOUNT)) == len(live) == len(ours)
    for number, one in ours.items():
        (theirs,) = [
            item for item in world.partner.live(ACCOUNT).values() if item.partner_id == one.references["superservice"]
        ]
        assert theirs.our_id in (number, None)
        shared = await world.shared(number)
        assert {name: shared[name] for name in theirs.fields} == theirs.fields
    assert await world.count("outbox") == 0


async def test_a_change_of_ours_is_taken_back_there_too(world: World) -> None:
    made = await world.make(notes="alt")
    await world.sync()
    await world.change(made.id, notes="neu")
    await world.sync()
    await take_back(world, made.id)
    await world.sync("local")
    assert world.theirs().fields["notes"] == "alt"
    await at_peace(world)


async def test_a_change_of_theirs_is_taken_back_there(world: World) -> None:
    made = await world.make(notes="alt")
    await world.sync()
    world.partner.change(ACCOUNT, world.theirs().partner_id, notes="von dort")
    await world.sync()
    await take_back(world, made.id)
    await world.sync("local")
    assert world.theirs().fields["notes"] == "alt"
    await at_peace(world)
    assert [actor for _, actor, _ in await world.history_of(made.id)] == ["maria", "SUPERSERVICE", "maria"]


async def test_their_customers_new_number_is_taken_back_there(world: World) -> None:
    world.partner.book(ACCOUNT, FIELDS)
    await world.sync()
    world.partner.change(ACCOUNT, world.theirs().partner_id, customer__mobile="+491700000000")
    await world.sync()
    await take_back(world, (await world.only()).id)
    await at_peace(world)
    assert world.theirs().fields["customer.mobile"] == FIELDS["customer.mobile"]


async def test_their_booking_is_cancelled_there(world: World) -> None:
    world.partner.book(ACCOUNT, FIELDS)
    await world.sync()
    assert (await take_back(world, (await world.only()).id)).status is Status.CANCELLED
    await world.sync("local")
    assert world.theirs().cancelled
    await at_peace(world)


async def test_a_cancellation_that_is_there_already_comes_back_under_a_new_number(world: World) -> None:
    made = await world.make()
    await world.sync()
    old = world.theirs().partner_id
    await world.cancel(made.id)
    await world.sync("local")
    assert world.partner.held[ACCOUNT][old].cancelled
    assert (await take_back(world, made.id)).status is Status.SCHEDULED
    await world.sync("local")
    await at_peace(world)
    (there,) = world.partner.live(ACCOUNT).values()
    assert there.partner_id != old
    assert (await world.get(made.id)).references == {"superservice": there.partner_id}


async def test_a_cancellation_that_was_not_sent_yet_makes_nothing_anew(world: World) -> None:
    made = await world.make()
    await world.sync()
    await world.cancel(made.id)
    await take_back(world, made.id)
    await world.sync("local")
    await at_peace(world)
    assert world.partner.calls.count("write") == 1, "only the booking"


@pytest.mark.parametrize("lost", ["before write", "after write"])
async def test_a_cancellation_whose_answer_was_lost(world: World, lost: str) -> None:
    """It may be there or not; what was stored is repeated first, then the appointment comes anew."""
    made = await world.make()
    await world.sync()
    await world.cancel(made.id)
    world.partner.fault = lambda where: Transient("lost") if where == lost else None
    await world.sync("local")
    await take_back(world, made.id)
    world.partner.fault = lambda _: None
    await world.restart()
    await at_peace(world)
    assert [item.cancelled for item in world.partner.held[ACCOUNT].values()] == [True, False]


async def test_taken_back_while_the_cancellation_is_on_its_way(world: World) -> None:
    made = await world.make()
    await world.sync()
    await world.cancel(made.id)
    taken: list[Appointment] = []

    write = world.partner.write

    async def meanwhile(intent: Intent) -> Receipt:
        answer = await write(intent)
        if not taken:
            taken.append(await take_back(world, made.id))
        return answer

    world.partner.write = meanwhile  # type: ignore[method-assign] # somebody at the desk is quick
    await world.sync("local")
    await at_peace(world)
    assert [item.cancelled for item in world.partner.held[ACCOUNT].values()] == [True, False]


async def test_forth_and_back_and_forth_again(world: World) -> None:
    """Cancelled, taken back, and that taken back, again and again: each time it is there under a new number."""
    made = await world.make()
    await world.sync()
    await world.cancel(made.id)
    for number in range(2, 5):
        await world.sync("local")
        await take_back(world, made.id)
        await world.sync("local")
        stands = (await world.get(made.id)).status is Status.SCHEDULED
        assert stands == (number % 2 == 0) == bool(world.partner.live(ACCOUNT))
        await at_peace(world)


async def test_a_late_message_about_the_old_number_changes_nothing(world: World) -> None:
    made = await world.make()
    await world.sync()
    old = world.theirs()
    await world.cancel(made.id)
    await world.sync("local")
    await take_back(world, made.id)
    await world.sync("local")
    world.partner.tell(ACCOUNT, old)
    world.partner.tell(ACCOUNT, world.partner.held[ACCOUNT][old.partner_id])
    await at_peace(world)
    assert (await world.get(made.id)).status is Status.SCHEDULED


async def test_the_old_number_brought_to_life_there_is_a_conflict_and_no_double(world: World) -> None:
    made = await world.make()
    await world.sync()
    old = world.theirs().partner_id
    await world.cancel(made.id)
    await world.sync("local")
    await take_back(world, made.id)
    await world.sync("local")
    risen = replace(world.partner.held[ACCOUNT][old], version=9, cancelled=False)
    world.partner.tell(ACCOUNT, risen)
    await world.sync()
    (entry,) = await world.attention("conflict")
    assert entry.data["theirs"] is False
    assert len(await world.ours()) == 1


async def test_the_old_number_isnt_cancelled_again_while_the_appointment_is_live_under_a_new_one(world: World) -> None:
    made = await world.make()
    await world.sync()
    old = world.theirs().partner_id
    await world.cancel(made.id)
    await world.sync("local")
    await take_back(world, made.id)
    await world.sync("local")
    world.partner.tell(ACCOUNT, replace(world.partner.held[ACCOUNT][old], version=9, cancelled=False))
    await world.sync()
    (entry,) = await world.attention("conflict")

    def put_ours_back(tx: Tx) -> None:
        resolve(StoreSession(tx, SyncBook(world.book, tx)), entry.id, "ours", by="maria")

    with pytest.raises(Refused, match="booked there anew"):
        await world.write(put_ours_back)


async def test_what_they_cancelled_isnt_taken_back(world: World) -> None:
    made = await world.make()
    await world.sync()
    world.partner.cancel(ACCOUNT, world.theirs().partner_id)
    await world.sync()
    with pytest.raises(Refused, match="SUPERSERVICE"):
        await take_back(world, made.id)
    await at_peace(world)


async def test_a_move_to_another_department_is_taken_back_as_a_new_booking_there(world: World) -> None:
    made = await world.make()
    await world.sync()
    await world.change(made.id, department="Karosserie")
    await world.sync("local")
    assert world.theirs().cancelled
    await take_back(world, made.id)
    await world.sync("local")
    await at_peace(world)
    assert len(world.partner.live(ACCOUNT)) == 1


async def test_taken_back_on_a_run_that_breaks_everywhere(world: World) -> None:
    """Whatever call fails once, both sides agree in the end."""
    for step in range(6):
        made = await world.make()
        await world.sync()
        await world.cancel(made.id)
        await world.sync("local")
        await take_back(world, made.id)
        failing = step

        def fault(where: str) -> PartnerError | None:
            nonlocal failing
            failing -= 1
            return Transient(where) if failing == 0 else None

        world.partner.fault = fault
        await world.sync("local")
        await world.restart()
        world.partner.fault = lambda _: None
        await at_peace(world)
