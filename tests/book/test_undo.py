"""Taking entries of the history back: what stands then, and what is refused with whose name."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.bookkeeping import DESK, MONDAY, NOW, Dealership, draft, make_book
from wtpd.book import undo
from wtpd.book.sync_port import SyncBook
from wtpd.book.undo import Undoing
from wtpd.errors import Invalid, NotFound, Refused, VersionMismatch
from wtpd.planner.appointment import Appointment, Intervention, Status
from wtpd.planner.changes import json_value
from wtpd.planner.history import Author, Entry
from wtpd.planner.resources import Advisor
from wtpd.store import appointments, contracts, customers, history, outbox, vehicles
from wtpd.store.database import Tx
from wtpd.store.ledger import Ledger
from wtpd.store.migrations import migrate
from wtpd.sync.ports import Incoming, Link

OTTO = Author(actor="otto", interface="cli")
CHANNEL = "superservice/rostock"
HOUR = timedelta(hours=1)


class Desk:
    """One appointment, and whoever works at it."""

    def __init__(self, dealership: Dealership, number: str) -> None:
        self.dealership = dealership
        self.book = dealership.book
        self.number = number

    async def change(self, author: Author = DESK, **changes: Any) -> int:
        """The id of the entry that it made."""
        await self.dealership.do(
            lambda tx: self.book.change(tx, self.number, changes, author=author, expected_version=None)
        )
        return (await self.entries())[-1].id

    async def cancel(self, reason: str | None = None) -> int:
        await self.dealership.do(
            lambda tx: self.book.cancel(tx, self.number, author=DESK, expected_version=None, reason=reason)
        )
        return (await self.entries())[-1].id

    async def undo(self, entry: int, *, version: int | None = None, over: bool = False) -> Appointment:
        return await self.dealership.do(
            lambda tx: undo.undo(
                self.book, tx, self.number, entry, author=OTTO, expected_version=version, allow_over_limit=over
            )
        )

    async def preview(self, entry: int) -> Undoing:
        return await self.dealership.see(
            lambda tx: undo.plan(self.book, tx, self.number, entry, author=OTTO, expected_version=None)
        )

    async def partner(self, work: Callable[[SyncBook], Any]) -> int:
        await self.dealership.do(lambda tx: work(SyncBook(self.book, tx)))
        return (await self.entries())[-1].id

    async def entries(self) -> list[Entry]:
        return await self.dealership.see(lambda tx: history.of(tx, self.number))

    async def stands(self) -> Appointment:
        return await self.dealership.see(lambda tx: appointments.get(tx, self.number))

    async def refused(self, entry: int) -> Refused:
        """It is refused, the preview says the same, and nothing was written."""
        before = await self.stands(), await self.entries()
        with pytest.raises(Refused) as planned:
            await self.preview(entry)
        with pytest.raises(Refused) as done:
            await self.undo(entry)
        assert (await self.stands(), await self.entries()) == before
        assert str(planned.value) == str(done.value)
        return done.value


async def booked(dealership: Dealership, **other: Any) -> Desk:
    made = await dealership.do(lambda tx: dealership.book.create(tx, draft(**other), author=DESK))
    return Desk(dealership, made.id)


def connect(tx: Tx) -> None:
    tx.run(
        """INSERT INTO channel (id, connector, site, department, account, active)
           VALUES (?, 'superservice', 'rostock', 'Werkstatt', 'D1', 1)""",
        (CHANNEL,),
    )


def link(tx: Tx, number: str, **other: Any) -> None:
    known = {"channel": CHANNEL, "account": "D1", "partner_id": "A-1", "version": 1, "base": {}}
    Ledger(tx).put_link(Link(appointment_id=number, **(known | other)))
    tx.run("DELETE FROM outbox")


async def test_a_change_is_taken_back_as_a_change_of_its_own(dealership: Dealership) -> None:
    desk = await booked(dealership, notes="alt")
    entry = await desk.change(notes="neu", drop_off=MONDAY + HOUR, collection=MONDAY + 5 * HOUR)
    dealership.events.clear()
    after = await desk.undo(entry, version=2)
    assert (after.notes, after.drop_off, after.collection, after.version) == ("alt", MONDAY, MONDAY + 4 * HOUR, 3)
    last = (await desk.entries())[-1]
    assert (last.actor, last.action, last.undoes, last.version) == ("otto", "changed", entry, 3)
    assert (last.changes["notes"].old, last.changes["notes"].new) == ("neu", "alt")
    assert [event.kind for event in dealership.events] == ["appointment.changed"]


async def test_only_the_fields_of_the_entry_go_back(dealership: Dealership) -> None:
    desk = await booked(dealership)
    entry = await desk.change(notes="neu")
    await desk.change(work_order="4711")
    after = await desk.undo(entry)
    assert (after.notes, after.work_order) == ("", "4711")


async def test_who_built_upon_it_is_told(dealership: Dealership) -> None:
    desk = await booked(dealership)
    entry = await desk.change(notes="eins", work_order="4711")
    later = await desk.change(OTTO, notes="zwei")
    refusal = await desk.refused(entry)
    assert refusal.kind == "built-upon"
    assert refusal.facts == {"by": "otto", "at": "2026-11-02T06:00:00.000000Z", "entry": later, "fields": ["notes"]}
    said = refusal.text.render("de")
    assert "otto" in said
    assert "02.11.2026 07:00" in said, "on the clock of the site"


async def test_in_reverse_order_everything_goes_back(dealership: Dealership) -> None:
    desk = await booked(dealership)
    first = await desk.change(notes="eins")
    second = await desk.change(notes="zwei")
    await desk.undo(second)
    assert (await desk.stands()).notes == "eins"
    await desk.undo(first)
    assert (await desk.stands()).notes == ""


async def test_an_entry_is_taken_back_once(dealership: Dealership) -> None:
    desk = await booked(dealership)
    entry = await desk.change(notes="eins")
    await desk.undo(entry)
    refusal = await desk.refused(entry)
    assert (refusal.kind, refusal.facts["by"]) == ("built-upon", "otto")


async def test_taking_back_is_taken_back_like_anything_else(dealership: Dealership) -> None:
    desk = await booked(dealership)
    entry = await desk.change(notes="eins")
    await desk.undo(entry)
    undone = (await desk.entries())[-1].id
    assert (await desk.undo(undone)).notes == "eins"
    assert (await desk.undo((await desk.entries())[-1].id)).notes == ""


async def test_an_older_entry_put_back_in_between_counts(dealership: Dealership) -> None:
    """1: notes, 2 takes 1 back, 3: notes anew, and 2 isn't to be taken back over it."""
    desk = await booked(dealership)
    first = await desk.change(notes="eins")
    await desk.undo(first)
    second = (await desk.entries())[-1].id
    await desk.change(notes="drei")
    assert (await desk.refused(second)).kind == "built-upon"


async def test_taking_a_booking_back_cancels_it_and_frees_the_car(dealership: Dealership) -> None:
    desk = await booked(dealership, courtesy_car="EW1", transport_option="courtesy_car")
    (made,) = await desk.entries()
    preview = await desk.preview(made.id)
    assert preview.cancels
    dealership.events.clear()
    assert (await desk.undo(made.id)).status is Status.CANCELLED
    last = (await desk.entries())[-1]
    assert (last.action, last.undoes) == ("cancelled", made.id)
    assert [event.kind for event in dealership.events] == ["appointment.cancelled"]
    await booked(dealership, courtesy_car="EW1", transport_option="courtesy_car")


async def test_a_booking_that_was_worked_at_is_cancelled_by_hand(dealership: Dealership) -> None:
    desk = await booked(dealership)
    (made,) = await desk.entries()
    await desk.change(status="arrived")
    refusal = await desk.refused(made.id)
    assert (refusal.kind, refusal.facts["fields"]) == ("built-upon", ["status"])


async def test_what_was_taken_back_in_between_is_nothing_built_upon(dealership: Dealership) -> None:
    desk = await booked(dealership)
    (made,) = await desk.entries()
    await desk.undo(await desk.change(status="arrived"))
    assert (await desk.undo(made.id)).status is Status.CANCELLED


async def test_a_cancellation_is_taken_back_with_car_and_contract(dealership: Dealership) -> None:
    customer = await dealership.do(lambda tx: dealership.book.create_customer(tx, {"last_name": "Lübs"}, author=DESK))
    desk = await booked(dealership, courtesy_car="EW1", transport_option="courtesy_car", customer_id=customer.id)
    entry = await desk.cancel("krank")
    after = await desk.undo(entry)
    assert (after.status, after.cancellation_reason, after.courtesy_car) == (Status.SCHEDULED, None, "EW1")
    contract = await dealership.see(lambda tx: contracts.find(tx, desk.number))
    assert contract is not None
    assert contract.courtesy_car == "EW1"
    with pytest.raises(Refused) as taken:
        await booked(dealership, courtesy_car="EW1", transport_option="courtesy_car")
    assert taken.value.kind == "car-taken"


async def test_and_that_is_taken_back_to_a_cancellation_with_its_reason(dealership: Dealership) -> None:
    desk = await booked(dealership)
    await desk.undo(await desk.cancel("krank"))
    again = await desk.undo((await desk.entries())[-1].id)
    assert (again.status, again.cancellation_reason) == (Status.CANCELLED, "krank")
    assert (await desk.entries())[-1].action == "cancelled"


async def test_a_car_that_was_lent_meanwhile(dealership: Dealership) -> None:
    desk = await booked(dealership, courtesy_car="EW1", transport_option="courtesy_car")
    entry = await desk.cancel()
    other = await booked(dealership, courtesy_car="EW1", transport_option="courtesy_car")
    refusal = await desk.refused(entry)
    assert (refusal.kind, refusal.facts["appointment"]) == ("car-taken", other.number)


async def test_a_day_that_was_filled_meanwhile(dealership: Dealership) -> None:
    desk = await booked(dealership, units=50)
    entry = await desk.cancel()
    await booked(dealership, units=70)
    refusal = await desk.refused(entry)
    assert (refusal.kind, refusal.facts["booked"], refusal.facts["asked"]) == ("over-limit", 70, 50)
    assert (await desk.undo(entry, over=True)).over_limit


async def test_an_advisor_who_left_meanwhile(dealership: Dealership) -> None:
    desk = await booked(dealership, advisor="SB1")
    entry = await desk.cancel()
    gone = Advisor(id="SB1", name="Berater 1", site="rostock", department="Werkstatt", active=False)
    await dealership.do(lambda tx: dealership.book.put_advisor(tx, gone, author=DESK))
    with pytest.raises(Invalid, match="SB1"):
        await desk.undo(entry)
    assert (await desk.stands()).status is Status.CANCELLED


async def test_a_status_goes_back_only_where_it_may(dealership: Dealership) -> None:
    desk = await booked(dealership)
    entry = await desk.change(status="completed")
    assert (await desk.refused(entry)).kind == "status"
    other = await booked(dealership)
    assert (await other.undo(await other.change(status="no_show"))).status is Status.SCHEDULED


async def test_nothing_else_is_taken_back_while_it_is_cancelled(dealership: Dealership) -> None:
    desk = await booked(dealership)
    entry = await desk.change(notes="neu")
    cancelled = await desk.cancel()
    assert (await desk.refused(entry)).kind == "cancelled"
    await desk.undo(cancelled)
    assert (await desk.undo(entry)).notes == ""


async def test_car_and_transport_option_hang_together(dealership: Dealership) -> None:
    desk = await booked(dealership, courtesy_car="EW1", transport_option="courtesy_car")
    entry = await desk.change(courtesy_car="EW2")
    await desk.change(transport_option="waiting")
    assert (await desk.refused(entry)).facts["fields"] == ["courtesy_car", "transport_option"]


async def test_another_ones_entry_isnt_found(dealership: Dealership) -> None:
    desk, other = await booked(dealership), await booked(dealership)
    (made,) = await other.entries()
    for entry in (made.id, 4711):
        with pytest.raises(NotFound):
            await desk.undo(entry)


async def test_a_stale_version_is_refused(dealership: Dealership) -> None:
    desk = await booked(dealership)
    entry = await desk.change(notes="neu")
    with pytest.raises(VersionMismatch):
        await desk.undo(entry, version=1)


async def test_a_partners_change_goes_back_with_its_customer_and_vehicle(dealership: Dealership) -> None:
    await dealership.do(connect)
    person = await dealership.do(
        lambda tx: dealership.book.create_customer(tx, {"last_name": "Lübs", "mobile": "0171 1"}, author=DESK)
    )
    car = await dealership.do(
        lambda tx: dealership.book.create_vehicle(tx, {"plate": "HRO-A 1", "odometer_km": 10}, author=DESK)
    )
    desk = await booked(dealership, customer_id=person.id, vehicle_id=car.id)
    await dealership.do(lambda tx: link(tx, desk.number))
    given = {"customer.mobile": "0171 2222", "vehicle.odometer_km": 99, "notes": "von dort"}
    entry = await desk.partner(lambda book: book.update(CHANNEL, desk.number, given, actor="SUPERSERVICE", links={}))
    preview = await desk.preview(entry)
    assert preview.tells == [CHANNEL]
    assert (await desk.undo(entry)).notes == ""
    assert (await dealership.see(lambda tx: customers.get(tx, person.id))).mobile == "0171 1"
    known = await dealership.see(lambda tx: vehicles.get(tx, car.id))
    assert (known.odometer_km, known.odometer_date, known.odometer_source) == (10, None, "")
    last = (await desk.entries())[-1]
    assert {name: change.new for name, change in last.changes.items()} == {
        "notes": "", "customer.mobile": "0171 1", "vehicle.odometer_km": 10,
    }  # fmt: skip
    assert await dealership.see(lambda tx: outbox.waiting(tx, CHANNEL)) == 1


async def test_a_customer_that_was_changed_elsewhere_since(dealership: Dealership) -> None:
    await dealership.do(connect)
    person = await dealership.do(lambda tx: dealership.book.create_customer(tx, {"last_name": "Lübs"}, author=DESK))
    desk = await booked(dealership, customer_id=person.id)
    entry = await desk.partner(
        lambda book: book.update(CHANNEL, desk.number, {"customer.mobile": "1"}, actor="SUPERSERVICE", links={})
    )
    await dealership.do(
        lambda tx: dealership.book.change_customer(
            tx, person.id, {"mobile": "0381 77"}, author=DESK, expected_version=None
        )
    )
    refusal = await desk.refused(entry)
    assert (refusal.kind, refusal.facts["by"], refusal.facts["fields"]) == ("built-upon", None, ["customer.mobile"])


async def test_another_customer_goes_back_as_a_whole(dealership: Dealership) -> None:
    await dealership.do(connect)
    person = await dealership.do(lambda tx: dealership.book.create_customer(tx, {"last_name": "Lübs"}, author=DESK))
    desk = await booked(dealership, customer_id=person.id)
    given = {"customer.last_name": "Müller", "customer.mobile": "0171 5555555"}
    entry = await desk.partner(lambda book: book.update(CHANNEL, desk.number, given, actor="SUPERSERVICE", links={}))
    assert (await desk.stands()).customer_id != person.id
    assert (await desk.undo(entry)).customer_id == person.id
    changes = (await desk.entries())[-1].changes
    assert changes["customer.last_name"].new == "Lübs"


async def test_what_the_partner_cancelled_stays_cancelled(dealership: Dealership) -> None:
    await dealership.do(connect)
    desk = await booked(dealership)
    entry = await desk.partner(
        lambda book: book.cancel(CHANNEL, desk.number, actor="SUPERSERVICE", reason="by customer")
    )
    refusal = await desk.refused(entry)
    assert (refusal.kind, refusal.facts["by"]) == ("cancelled-there", "SUPERSERVICE")


async def test_a_partners_booking_is_cancelled_and_told(dealership: Dealership) -> None:
    await dealership.do(connect)
    item = Incoming(
        partner_id="A-1", version=1, cancelled=False, changed_by="customer_app", origin="mynissan",
        fields={"drop_off": "2026-11-09T07:00:00Z", "collection": "2026-11-09T09:00:00Z"},
    )  # fmt: skip
    made = await dealership.do(lambda tx: SyncBook(dealership.book, tx).create(CHANNEL, item, actor="SUPERSERVICE"))
    desk = Desk(dealership, made.appointment_id)
    await dealership.do(lambda tx: link(tx, desk.number))
    (entry,) = await desk.entries()
    preview = await desk.preview(entry.id)
    assert (preview.cancels, preview.tells, preview.anew) == (True, [CHANNEL], [])
    await desk.undo(entry.id)
    assert await dealership.see(lambda tx: outbox.waiting(tx, CHANNEL)) == 1


async def test_a_booking_that_was_never_sent_is_told_to_nobody(dealership: Dealership) -> None:
    await dealership.do(connect)
    desk = await booked(dealership)
    (made,) = await desk.entries()
    assert (await desk.preview(made.id)).tells == []


async def test_what_no_partner_hears_of_is_told_to_nobody(dealership: Dealership) -> None:
    await dealership.do(connect)
    desk = await booked(dealership)
    await dealership.do(lambda tx: link(tx, desk.number))
    assert (await desk.preview(await desk.change(work_order="4711"))).tells == []
    assert (await desk.preview(await desk.change(notes="neu"))).tells == [CHANNEL]


async def test_nothing_of_an_erased_customer_comes_back(dealership: Dealership) -> None:
    person = await dealership.do(lambda tx: dealership.book.create_customer(tx, {"last_name": "Lübs"}, author=DESK))
    desk = await booked(dealership, customer_id=person.id)
    entry = await desk.cancel()
    dealership.clock.at = MONDAY + timedelta(days=9)
    await dealership.do(lambda tx: dealership.book.erase_customer(tx, person.id, DESK))
    assert (await desk.refused(entry)).kind == "erased"


async def test_an_erased_customer_isnt_put_back_in_anothers_place(dealership: Dealership) -> None:
    people = [
        await dealership.do(lambda tx, name=name: dealership.book.create_customer(tx, {"last_name": name}, author=DESK))
        for name in ("Lübs", "Müller")
    ]
    desk = await booked(dealership, customer_id=people[0].id)
    entry = await desk.change(customer_id=people[1].id)
    await dealership.do(lambda tx: dealership.book.erase_customer(tx, people[0].id, DESK))
    with pytest.raises(Invalid, match="customer"):
        await desk.undo(entry)


async def test_the_entry_that_was_taken_back_cannot_be_forged_afterwards(dealership: Dealership) -> None:
    desk = await booked(dealership)
    entry = await desk.change(notes="neu")
    await desk.undo(entry)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        await dealership.do(lambda tx: tx.run("UPDATE history SET undoes = NULL WHERE undoes IS NOT NULL"))


changes = st.one_of(
    st.builds(lambda text: {"notes": text}, st.sampled_from(["", "eins", "zwei", "drei"])),
    st.builds(
        lambda start, hours: {"drop_off": MONDAY + start * HOUR, "collection": MONDAY + (start + hours) * HOUR},
        st.integers(0, 50), st.integers(1, 5),
    ),
    st.builds(lambda car: {"courtesy_car": car}, st.sampled_from([None, "EW1", "EW2"])),
    st.builds(lambda option: {"transport_option": option}, st.sampled_from(["none", "waiting"])),
    st.builds(lambda status: {"status": status}, st.sampled_from(["scheduled", "arrived", "no_show"])),
    st.builds(
        lambda units: {"interventions": (Intervention(title="HU", labour_units=units),)}, st.integers(0, 40)
    ),
    st.builds(lambda person: {"customer_id": person}, st.sampled_from([None, "c1", "c2"])),
    st.just({"cancel": True}),
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(asked=st.lists(changes, max_size=8))
def test_taken_back_in_reverse_order_the_first_state_stands(asked: list[dict[str, Any]]) -> None:
    """Whatever was done, as far as it can be undone; and once more forwards, by taking back what took back."""
    tx, book, number = _bare_book()
    first = _state(tx, number)
    for one in asked:
        if appointments.get(tx, number).status is Status.CANCELLED:
            break
        if "cancel" in one:
            book.cancel(tx, number, author=DESK, expected_version=None, reason="krank")
        elif not _is_one_way(tx, number, one):
            book.change(tx, number, one, author=DESK, expected_version=None, allow_over_limit=True)
    last = _state(tx, number)
    done = [entry.id for entry in history.of(tx, number)[1:]]
    for entry in reversed(done):
        undo.undo(book, tx, number, entry, author=OTTO, expected_version=None, allow_over_limit=True)
    assert _state(tx, number) == first
    undone = [entry.id for entry in history.of(tx, number) if entry.undoes]
    assert len(undone) == len(done)
    for entry in reversed(undone):
        undo.undo(book, tx, number, entry, author=OTTO, expected_version=None, allow_over_limit=True)
    assert _state(tx, number) == last


def _is_one_way(tx: Tx, number: str, change: dict[str, Any]) -> bool:
    """Between arrived and absent only one way is allowed."""
    return {change.get("status"), appointments.get(tx, number).status.value} == {"arrived", "no_show"}


def _bare_book() -> tuple[Tx, Any, str]:
    con = sqlite3.connect(":memory:", isolation_level=None)
    con.row_factory = sqlite3.Row
    migrate(con, Path(":memory:"))
    book, tx = make_book(), Tx(con, NOW)
    for sign in ("EW1", "EW2"):
        tx.run("INSERT INTO courtesy_car (id, plate, site, version) VALUES (?, ?, 'rostock', 1)", (sign, sign))
    for customer in ("c1", "c2"):
        book.create_customer(tx, {"id": customer, "last_name": customer}, author=DESK)
    return tx, book, book.create(tx, draft(notes="alt"), author=DESK).id


def _state(tx: Tx, number: str) -> Any:
    state = json_value(appointments.get(tx, number))
    del state["version"]
    return state
