"""What a dealership gets from two-way sync: the real book, the real database, a partner in memory."""

from __future__ import annotations

from dataclasses import replace

from tests.support.bookkeeping import DESK, MONDAY
from tests.support.sync_world import ACCOUNT, FIELDS, SPEC, World, later
from wtpd.planner.appointment import Appointment, Status
from wtpd.store import channels
from wtpd.sync.apply import apply_page
from wtpd.sync.ports import Incoming, Page, Unreadable


async def test_an_appointment_made_here_is_there_with_its_link_here(world: World) -> None:
    made = await world.make(notes="Quietscht")
    record = await world.sync()
    assert record.sent == 1
    assert world.theirs().fields["notes"] == "Quietscht"
    assert world.theirs().our_id == made.id
    kept = await world.get(made.id)
    assert kept.references == {"superservice": world.theirs().partner_id}
    assert kept.links["menus"].endswith(world.theirs().partner_id)
    assert len(await world.history_of(made.id)) == 1


async def test_a_booking_made_there_is_here_once_by_superservice(world: World) -> None:
    world.partner.book(ACCOUNT, FIELDS)
    await world.sync()
    await world.sync()
    ours = await world.only()
    assert ours.origin == "mynissan"
    assert [entry[1:] for entry in await world.history_of(ours.id)] == [("SUPERSERVICE", "created")]
    assert world.partner.calls.count("write") == 0


async def test_each_side_gets_what_the_other_one_changed(world: World) -> None:
    made = await world.make()
    await world.sync()
    world.partner.change(ACCOUNT, world.theirs().partner_id, transport_option="waiting")
    await world.change(made.id, notes="Bitte waschen")
    await world.sync()
    assert (await world.get(made.id)).transport_option == "waiting"
    assert world.theirs().fields["notes"] == "Bitte waschen"
    assert world.theirs().fields["transport_option"] == "waiting"
    assert await world.attention("conflict") == []


async def test_nothing_happens_for_ever_once_both_agree(world: World) -> None:
    made = await world.make()
    world.partner.book(ACCOUNT, FIELDS)
    await world.sync()
    await world.sync()
    history, feed, runs = await world.count("history"), len(world.partner.feed), await world.count("run")
    events = await world.count("event")
    for _ in range(3):
        record = await world.sync()
        assert record.is_quiet
        assert record.requests == 1
    assert (await world.count("history"), len(world.partner.feed)) == (history, feed)
    assert (await world.count("run"), await world.count("event")) == (runs, events)
    assert (await world.get(made.id)).version == 1


async def test_a_field_changed_on_both_sides_is_a_conflict_and_the_partners_value_stands(world: World) -> None:
    made = await world.make(notes="alt")
    await world.sync()
    world.partner.change(ACCOUNT, world.theirs().partner_id, notes="von dort")
    await world.change(made.id, notes="von hier")
    record = await world.sync()
    assert record.conflicts == 1
    assert (await world.get(made.id)).notes == "von dort" == world.theirs().fields["notes"]
    (entry,) = await world.attention("conflict")
    assert (entry.data["base"], entry.data["ours"], entry.data["theirs"]) == ("alt", "von hier", "von dort")


async def test_the_same_change_on_both_sides_is_none(world: World) -> None:
    made = await world.make(notes="alt")
    await world.sync()
    world.partner.change(ACCOUNT, world.theirs().partner_id, notes="neu")
    await world.change(made.id, notes="neu")
    await world.sync()
    assert await world.attention() == []
    assert world.theirs().version == 2


async def test_cancelled_there_is_cancelled_here_with_its_reason(world: World) -> None:
    made = await world.make()
    await world.sync()
    world.partner.cancel(ACCOUNT, world.theirs().partner_id, reason="Kunde krank")
    await world.sync()
    ours = await world.get(made.id)
    assert (ours.status, ours.cancellation_reason) == (Status.CANCELLED, "Kunde krank")


async def test_cancelled_here_is_cancelled_there(world: World) -> None:
    made = await world.make()
    await world.sync()
    await world.cancel(made.id)
    await world.sync()
    assert world.theirs().cancelled


async def test_cancelled_on_one_side_and_changed_on_the_other_stays_cancelled_and_is_listed(world: World) -> None:
    here, there = await world.make(), await world.make(start=MONDAY.replace(hour=9))
    await world.sync()
    ids = {item.our_id: key for key, item in world.partner.held[ACCOUNT].items()}
    await world.cancel(here.id)
    world.partner.change(ACCOUNT, ids[here.id], notes="komme später")
    await world.change(there.id, notes="bitte volltanken")
    world.partner.cancel(ACCOUNT, ids[there.id])
    await world.sync()
    assert all(item.cancelled for item in world.partner.held[ACCOUNT].values())
    assert all(each.status is Status.CANCELLED for each in await world.ours())
    entries = {entry.appointment_id: entry.data for entry in await world.attention("conflict")}
    assert entries[here.id]["theirs"] == {"notes": "komme später"}
    assert entries[there.id]["ours"] == {"notes": "bitte volltanken"}


async def test_moving_to_another_department_cancels_there_and_coming_back_sends_it_anew(world: World) -> None:
    made = await world.make()
    await world.sync()
    await world.change(made.id, department="Karosserie")
    await world.sync()
    assert world.theirs().cancelled
    assert (await world.get(made.id)).status is Status.SCHEDULED
    await world.change(made.id, department="Werkstatt")
    await world.sync()
    (live,) = world.partner.live(ACCOUNT).values()
    assert live.our_id == made.id
    assert (await world.get(made.id)).status is Status.SCHEDULED


async def test_what_changed_there_isnt_lost_when_it_moves_away_here(world: World) -> None:
    made = await world.make()
    await world.sync()
    world.partner.change(ACCOUNT, world.theirs().partner_id, notes="Kindersitz")
    await world.change(made.id, department="Karosserie")
    await world.sync()
    assert (await world.get(made.id)).notes == "Kindersitz"
    assert world.theirs().cancelled


async def test_a_late_message_doesnt_bring_a_cancelled_one_back(world: World) -> None:
    made = await world.make()
    await world.sync()
    early = world.theirs()
    await world.cancel(made.id)
    await world.sync()
    world.partner.tell(ACCOUNT, replace(early, fields={**early.fields, "notes": "spät"}))
    record = await world.sync()
    assert record.applied == 0
    assert (await world.only()).status is Status.CANCELLED


async def test_an_older_version_is_ignored(world: World) -> None:
    partner_id = world.partner.book(ACCOUNT, FIELDS)
    first = world.theirs()
    world.partner.change(ACCOUNT, partner_id, notes="neu")
    await world.sync()
    world.partner.tell(ACCOUNT, first)
    await world.sync()
    assert (await world.only()).notes == "neu"


async def test_a_booking_that_asks_for_a_taken_car_stands_without_it_until_the_desk_decides(world: World) -> None:
    await world.make(start=MONDAY, hours=8, courtesy_car="EW1", transport_option="courtesy_car")
    wish = {**FIELDS, "drop_off": "2026-11-09T08:00:00Z", "collection": "2026-11-09T12:00:00Z"}
    partner_id = world.partner.book(ACCOUNT, {**wish, "transport_option": "courtesy_car", "courtesy_car": "EW1"})
    await world.sync()
    (entry,) = await world.attention("car_open")
    assert entry.data["courtesy_car"] == "EW1"
    assert world.partner.held[ACCOUNT][partner_id].version == 1, "our side takes no car off the partner's booking"
    await world.sync()
    assert (await world.sync()).is_quiet
    (ours,) = [each for each in await world.ours() if each.origin == "mynissan"]
    await world.change(ours.id, courtesy_car="EW2")
    await world.sync()
    assert world.partner.held[ACCOUNT][partner_id].fields["courtesy_car"] == "EW2"


async def test_a_locked_customer_changes_only_through_its_dms(world: World) -> None:
    customer = await world.write(
        lambda tx: world.book.create_customer(
            tx, {"first_name": "Ole", "last_name": "Petersen", "locked_by": "incadea"}, author=DESK
        )
    )
    made = await world.make(customer_id=customer.id)
    await world.sync()
    world.partner.change(ACCOUNT, world.theirs().partner_id, customer__street="Am Strande", notes="ok")
    await world.sync()
    assert world.theirs().fields["customer.street"] == ""
    assert (await world.get(made.id)).notes == "ok"
    (entry,) = await world.attention("locked_customer")
    assert entry.data["theirs"] == "Am Strande"


async def test_our_own_appointment_in_the_feed_is_linked_and_not_made_anew(world: World) -> None:
    """A backup that was restored doesn't know the link any more."""
    made = await world.make(notes="hier")
    await world.sync()
    await world.write(lambda tx: tx.run("DELETE FROM link"))
    await world.write(lambda tx: tx.run("DELETE FROM feed"))
    await world.sync()
    assert (await world.only()).id == made.id
    assert len(world.partner.live(ACCOUNT)) == 1
    assert await world.attention() == []


async def test_an_item_that_cant_be_applied_is_kept_whole_and_the_page_goes_on(world: World) -> None:
    bad = world.partner.book(ACCOUNT, {**FIELDS, "collection": "2026-11-10T07:00:00Z"})
    world.partner.book(ACCOUNT, {**FIELDS, "notes": "gut"})
    world.partner.tell(ACCOUNT, Unreadable(partner_id=None, reason="no id", raw={"x": 1}))
    record = await world.sync()
    assert record.quarantined == 2
    assert (await world.only()).notes == "gut"
    entries = await world.attention("quarantine")
    assert {entry.data["partner_id"] for entry in entries} == {bad, None}


async def test_a_newer_version_supersedes_what_is_in_quarantine(world: World) -> None:
    bad = world.partner.book(ACCOUNT, {**FIELDS, "collection": "2026-11-10T07:00:00Z"})
    await world.sync()
    world.partner.change(ACCOUNT, bad, collection="2026-11-10T17:00:00Z")
    await world.sync()
    assert await world.attention("quarantine") == []
    assert (await world.only()).collection.hour == 17


async def test_an_item_that_fails_halfway_leaves_nothing_behind(world: World) -> None:
    """Here at the very end, when the appointment is made already and a code can't be listed."""
    world.partner.book(ACCOUNT, FIELDS, unknown={"transport_option": object()})
    record = await world.sync()
    assert record.quarantined == 1
    for table in ("customer", "appointment", "history", "link"):
        assert await world.count(table) == 0
    assert not [event for event in world.events if event.kind == "appointment.created"]


async def test_a_page_from_elsewhere_in_the_feed_is_dropped(world: World) -> None:
    partner_id = world.partner.book(ACCOUNT, FIELDS)
    await world.sync()
    page = Page(items=[replace(world.theirs(), version=9, cancelled=True)], cursor="0", more=False)
    done = await world.transactions.write(lambda session: apply_page(session, SPEC, start=None, page=page))
    assert done.dropped
    assert (await world.only()).status is Status.SCHEDULED
    assert await world.transactions.read(lambda session: session.links.cursor(SPEC.id, ACCOUNT)) == "1"
    assert partner_id


async def test_unknown_codes_are_listed_and_dont_come_back_as_ours(world: World) -> None:
    fields = {name: value for name, value in FIELDS.items() if name != "transport_option"}
    world.partner.book(ACCOUNT, fields, unknown={"transport_option": "E_SCOOTER"})
    await world.sync()
    (entry,) = await world.attention("unknown_code")
    assert entry.data["code"] == "E_SCOOTER"
    ours = await world.only()
    await world.change(ours.id, notes="x")
    await world.sync()
    assert "transport_option" not in world.theirs().fields
    await world.change(ours.id, transport_option="shuttle")
    await world.sync()
    assert world.theirs().fields["transport_option"] == "shuttle"


async def test_another_department_takes_over_and_the_first_one_is_cancelled_there(world: World) -> None:
    workshop = await world.make()
    body = await world.make(department="Karosserie", start=MONDAY.replace(hour=9))
    await world.sync()
    spec = replace(SPEC, department="Karosserie")
    preview = await world.read(lambda tx: channels.preview(tx, SPEC.id, "rostock", "Karosserie", ACCOUNT))
    assert preview == channels.Effect(cancels=1, unlinks=0, sends=1)
    await world.put(spec)
    await world.sync()
    (live,) = world.partner.live(ACCOUNT).values()
    assert live.our_id == body.id
    assert (await world.get(workshop.id)).status is Status.SCHEDULED


async def test_with_a_new_dealer_number_all_is_cancelled_there_and_sent_under_the_new_one(world: World) -> None:
    made = await world.make()
    await world.sync()
    await world.put(replace(SPEC, account="30001"))
    await world.sync("local")
    await world.sync("local")
    assert world.theirs(ACCOUNT).cancelled
    assert [item.our_id for item in world.partner.live("30001").values()] == [made.id]


async def test_what_changed_while_the_channel_was_off_is_sent_when_it_is_on_again(world: World) -> None:
    made = await world.make()
    await world.sync()
    await world.write(lambda tx: channels.deactivate(tx, SPEC.id))
    await world.change(made.id, notes="inzwischen")
    await world.put(SPEC)
    await world.sync()
    assert world.theirs().fields["notes"] == "inzwischen"


async def test_a_message_for_a_second_one_with_our_id_is_quarantined(world: World) -> None:
    made = await world.make()
    await world.sync()
    world.partner.tell(ACCOUNT, Incoming(
        partner_id="A-99", version=1, fields=dict(FIELDS), cancelled=False, changed_by="dealer", our_id=made.id,
        raw={},
    ))  # fmt: skip
    record = await world.sync()
    assert record.quarantined == 1
    assert len(await world.ours()) == 1


async def _reopened(world: World) -> Appointment:
    """Cancelled on both sides, and brought back to life there."""
    made = await world.make()
    await world.sync()
    await world.cancel(made.id)
    await world.sync()
    before = world.theirs()
    again = replace(before, version=before.version + 1, cancelled=False, changed_by="dealer")
    world.partner.held[ACCOUNT][before.partner_id] = again
    world.partner.tell(ACCOUNT, again)
    return made


async def test_one_that_is_brought_back_to_life_there_stays_cancelled_and_is_listed_once(world: World) -> None:
    made = await _reopened(world)
    world.partner.tell(ACCOUNT, world.theirs())
    assert (await world.sync()).conflicts == 1
    assert (await world.get(made.id)).status is Status.CANCELLED
    (entry,) = await world.attention("conflict")
    assert (entry.appointment_id, entry.data["field"], entry.data["theirs"]) == (made.id, "cancelled", False)
    assert (await world.sync()).is_quiet


async def test_it_is_off_the_list_once_it_is_cancelled_there_again(world: World) -> None:
    await _reopened(world)
    await world.sync()
    world.partner.cancel(ACCOUNT, world.theirs().partner_id)
    await world.sync()
    assert await world.attention("conflict") == []


async def test_nobody_is_told_of_the_visits_of_an_erased_customer(world: World) -> None:
    world.partner.book(ACCOUNT, {**FIELDS, "drop_off": later(-72), "collection": later(-70)})
    await world.sync()
    visit = await world.only()
    await world.write(lambda tx: world.book.erase_customer(tx, visit.customer_id or "", DESK))
    await world.change(visit.id, work_order="4711")
    world.partner.change(ACCOUNT, world.theirs().partner_id, notes="Frau Janssen rief an")
    assert (await world.sync()).sent == 0
    assert len(world.partner.held[ACCOUNT]) == 1
    assert (await world.get(visit.id)).notes == ""
    assert await world.attention() == []
    assert (await world.channel.compare()).differences == []
