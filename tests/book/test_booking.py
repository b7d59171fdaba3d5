"""Booking, changing, cancelling: what the desk gets, and what stays behind of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.bookkeeping import API, DESK, MONDAY, Dealership, draft, plan
from wtpd.errors import Invalid, Refused, VersionMismatch
from wtpd.planner.appointment import Appointment, Intervention, Status
from wtpd.planner.history import Change
from wtpd.planner.resources import Closure
from wtpd.store import appointments, history, outbox
from wtpd.store.database import Tx


async def book(dealership: Dealership, *args: Any, **other: Any) -> Appointment:
    asked = draft(*args, **other)
    return await dealership.do(lambda tx: dealership.book.create(tx, asked, author=DESK))


async def change(dealership: Dealership, appointment: Appointment, /, **changes: Any) -> Appointment:
    return await dealership.do(
        lambda tx: dealership.book.change(tx, appointment.id, changes, author=API, expected_version=appointment.version)
    )


async def test_a_booking_is_kept_with_its_author(dealership: Dealership) -> None:
    made = await book(dealership, notes="Bitte anrufen", advisor="SB1")
    assert await dealership.see(lambda tx: appointments.get(tx, made.id)) == made
    (entry,) = await dealership.see(lambda tx: history.of(tx, made.id))
    assert (entry.actor, entry.channel, entry.action, entry.version) == ("maria", "desk", "created", 1)
    assert entry.changes["drop_off"] == Change(None, "2026-11-09T07:00:00Z")
    (event,) = dealership.events
    assert (event.kind, event.data["id"], event.data["version"]) == ("appointment.created", made.id, 1)


async def test_times_are_kept_in_utc_and_whole_seconds(dealership: Dealership) -> None:
    start = datetime.fromisoformat("2026-11-09T08:00:00.250+01:00")
    made = await book(dealership, start)
    assert made.drop_off == datetime(2026, 11, 9, 7, 0, 0, tzinfo=UTC)
    assert await dealership.see(lambda tx: appointments.get(tx, made.id)) == made


async def test_each_change_leaves_one_entry_with_old_and_new(dealership: Dealership) -> None:
    made = await book(dealership, notes="alt")
    changed = await change(dealership, made, notes="neu", customer_waiting=True)
    assert (changed.version, changed.notes) == (2, "neu")
    entries = await dealership.see(lambda tx: history.of(tx, made.id))
    assert len(entries) == 2
    assert entries[1].changes == {"notes": Change("alt", "neu"), "customer_waiting": Change(False, True)}
    assert (entries[1].actor, entries[1].channel, entries[1].action) == ("frontend", "api", "changed")


async def test_a_change_that_changes_nothing_leaves_nothing(dealership: Dealership) -> None:
    made = await book(dealership, notes="alt")
    dealership.events.clear()
    same = await change(dealership, made, notes="alt", drop_off=MONDAY.astimezone() + timedelta(microseconds=3))
    assert same == made
    assert len(await dealership.see(lambda tx: history.of(tx, made.id))) == 1
    assert dealership.events == []


async def test_who_saw_an_older_version_is_told_the_current_one(dealership: Dealership) -> None:
    made = await book(dealership)
    await change(dealership, made, notes="first")
    with pytest.raises(VersionMismatch) as refusal:
        await change(dealership, made, notes="second")
    assert refusal.value.facts == {"version": 2}
    with pytest.raises(VersionMismatch):
        await dealership.do(lambda tx: dealership.book.cancel(tx, made.id, author=DESK, expected_version=1))


async def test_cancelling_keeps_the_appointment_and_the_reason(dealership: Dealership) -> None:
    made = await book(dealership)
    for _ in range(2):
        gone = await dealership.do(
            lambda tx: dealership.book.cancel(tx, made.id, author=DESK, expected_version=None, reason="krank")
        )
    assert (gone.status, gone.cancellation_reason, gone.version) == (Status.CANCELLED, "krank", 2)
    entries = await dealership.see(lambda tx: history.of(tx, made.id))
    assert [entry.action for entry in entries] == ["created", "cancelled"]
    assert entries[1].changes["status"] == Change("scheduled", "cancelled")


async def test_a_cancelled_appointment_stays_cancelled(dealership: Dealership) -> None:
    made = await book(dealership)
    gone = await dealership.do(lambda tx: dealership.book.cancel(tx, made.id, author=DESK, expected_version=1))
    for changes in ({"status": Status.SCHEDULED}, {"notes": "x"}):
        with pytest.raises(Refused) as refusal:
            await change(dealership, gone, **changes)
        assert refusal.value.kind == "cancelled"


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        (["arrived", "in_work", "ready", "completed"], None),
        (["completed", "ready"], None),
        (["no_show", "scheduled", "arrived"], None),
        (["arrived", "scheduled", "no_show"], None),
        (["arrived"], "no_show"),
        (["completed"], "scheduled"),
        (["no_show"], "in_work"),
        ([], "cancelled"),
    ],
)
async def test_a_visit_goes_its_way(dealership: Dealership, path: list[str], refused: str | None) -> None:
    made = await book(dealership)
    for status in path:
        made = await change(dealership, made, status=status)
        assert made.status == status
    if refused is not None:
        with pytest.raises(Refused) as refusal:
            await change(dealership, made, status=refused)
        assert refusal.value.kind == "status"
        assert refusal.value.facts["to"] == refused


async def test_a_completed_visit_cant_be_cancelled(dealership: Dealership) -> None:
    made = await change(dealership, await book(dealership), status="completed")
    with pytest.raises(Refused, match="completed"):
        await dealership.do(lambda tx: dealership.book.cancel(tx, made.id, author=DESK, expected_version=None))


async def test_what_exceeds_the_limit_is_refused_with_the_figures(dealership: Dealership) -> None:
    await book(dealership, units=70)
    with pytest.raises(Refused, match="09/11/2026 is full: 70 of 80 AW are booked") as refusal:
        await book(dealership, units=10.5)
    assert refusal.value.kind == "over-limit"
    assert refusal.value.facts == {"day": "2026-11-09", "limit": 80, "booked": 70, "asked": 10.5}
    assert (await book(dealership, units=10)).over_limit is False
    assert (await book(dealership, units=0)).over_limit is False
    assert (await book(dealership, MONDAY + timedelta(days=1), units=80)).over_limit is False
    assert (await book(dealership, units=80, department="Karosserie")).over_limit is False


async def test_it_is_taken_and_flagged_if_that_is_allowed(dealership: Dealership) -> None:
    made = await dealership.do(
        lambda tx: dealership.book.create(tx, draft(units=81), author=DESK, allow_over_limit=True)
    )
    assert made.over_limit
    eased = await change(dealership, made, interventions=(Intervention(title="Räder", labour_units=5),))
    assert not eased.over_limit


async def test_a_full_day_leaves_in_peace_what_takes_no_more_of_it(dealership: Dealership) -> None:
    made = await dealership.do(
        lambda tx: dealership.book.create(tx, draft(units=90), author=DESK, allow_over_limit=True)
    )
    dealership.book.plans = {key: replace(each, load_limit=200) for key, each in dealership.book.plans.items()}
    made = await change(dealership, made, notes="neu")
    made = await change(dealership, made, drop_off=MONDAY + timedelta(hours=1))
    assert made.over_limit, "it is flagged as it was booked"
    dealership.book.plans = {key: replace(each, load_limit=80) for key, each in dealership.book.plans.items()}
    made = await change(dealership, made, interventions=(Intervention(title="Weniger", labour_units=85),))
    assert made.over_limit
    for changes in (
        {"interventions": (Intervention(title="Mehr", labour_units=86),)},
        {"site": "guestrow"},
        {"department": "Karosserie"},
        {"drop_off": MONDAY + timedelta(days=1), "collection": MONDAY + timedelta(days=2)},
    ):
        with pytest.raises(Refused) as refusal:
            await change(dealership, made, **changes)
        assert refusal.value.kind == "over-limit"


async def test_who_comes_back_after_not_showing_up_needs_room_again(dealership: Dealership) -> None:
    made = await change(dealership, await book(dealership, units=50), status="no_show")
    await book(dealership, units=50)
    with pytest.raises(Refused) as refusal:
        await change(dealership, made, status="scheduled")
    assert refusal.value.kind == "over-limit"


async def test_a_closed_day_has_no_capacity(dealership: Dealership) -> None:
    day = MONDAY - timedelta(hours=8)
    closure = Closure(id="", site="rostock", department=None, start=day, end=day + timedelta(days=1), reason="Inventur")
    await dealership.do(lambda tx: dealership.book.put_closure(tx, closure, author=DESK))
    with pytest.raises(Refused) as refusal:
        await book(dealership, units=1)
    assert refusal.value.facts["limit"] == 0


@pytest.mark.parametrize(
    ("day", "full"),
    [("2026-03-29T05:00", "2026-03-28T22:59"), ("2026-10-25T06:00", "2026-10-24T21:59")],
)
async def test_the_load_is_that_of_the_departments_own_day(dealership: Dealership, day: str, full: str) -> None:
    """On the days of 23 and 25 hours, too: the local day begins at 23:00 and 22:00 UTC."""
    sunday = {7: 10.0, 6: 10.0}
    dealership.book.plans = {("rostock", "Werkstatt"): plan(capacity=sunday, load_limit=100)}
    await book(dealership, datetime.fromisoformat(day).replace(tzinfo=UTC), units=10)
    await book(dealership, datetime.fromisoformat(full).replace(tzinfo=UTC), units=10)
    with pytest.raises(Refused):
        await book(dealership, datetime.fromisoformat(full).replace(tzinfo=UTC) + timedelta(minutes=1), units=1)


LONG = "x" * 20_000
WRONG: dict[str, dict[str, Any]] = {
    "site": {"site": "nowhere"},
    "department": {"department": "Lackiererei"},
    "collection": {"collection": MONDAY},
    "drop_off": {"drop_off": datetime(2026, 11, 9, 7, 0)},  # noqa: DTZ001 - without a zone
    "notes": {"notes": LONG},
    "work_order": {"work_order": "a\x00b"},
    "dms_number": {"dms_number": "\ud800"},
    "transport_option": {"transport_option": LONG},
    "customer_id": {"customer_id": "nobody"},
    "vehicle_id": {"vehicle_id": "no car"},
    "advisor": {"advisor": "SB2"},
    "courtesy_car": {"courtesy_car": "EW3"},
    "status": {"status": "gone"},
    "links.menus": {"links": {"menus": "javascript:alert(1)"}},
    "interventions.0.labour_units": {"interventions": (Intervention(title="x", labour_units=float("nan")),)},
    "interventions.0.title": {"interventions": (Intervention(title=LONG),)},
    "interventions.0.price_cents": {"interventions": (Intervention(title="x", price_cents=10**12),)},
    "interventions": {"interventions": (Intervention(title="x"),) * 201},
    "planned_in": {"planned_in": datetime(1066, 10, 14, tzinfo=UTC)},
}


@pytest.mark.parametrize("field", WRONG)
async def test_what_makes_no_sense_is_refused_by_field(dealership: Dealership, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        await book(dealership, **WRONG[field])
    assert [problem.field for problem in refusal.value.problems] == [field]
    assert dealership.events == []


@pytest.mark.parametrize("days", [367, 10_000])
async def test_a_visit_cant_last_for_years(dealership: Dealership, days: int) -> None:
    with pytest.raises(Invalid, match="366 days at most"):
        await book(dealership, collection=MONDAY + timedelta(days=days))


@pytest.mark.parametrize("field", ["id", "version", "origin", "references", "links", "over_limit", "nonsense"])
async def test_what_follows_from_how_it_came_about_cant_be_changed(dealership: Dealership, field: str) -> None:
    made = await book(dealership)
    with pytest.raises(Invalid) as refusal:
        await change(dealership, made, **{field: "x"})
    assert [problem.field for problem in refusal.value.problems] == [field]


async def test_an_advisor_who_left_stays_with_the_visits_he_had(dealership: Dealership) -> None:
    made = await book(dealership, advisor="SB1")

    def leave(tx: Any) -> None:
        from wtpd.store import resources

        advisor = resources.get_advisor(tx, "SB1")
        dealership.book.put_advisor(tx, replace(advisor, active=False), author=DESK)

    await dealership.do(leave)
    assert (await change(dealership, made, notes="x")).advisor == "SB1"
    with pytest.raises(Invalid, match="no service advisor SB1"):
        await book(dealership, advisor="SB1")


async def test_a_department_that_is_gone_from_the_configuration_keeps_its_visits_changeable(
    dealership: Dealership,
) -> None:
    made = await book(dealership, department="Karosserie")
    dealership.book.plans = {("rostock", "Werkstatt"): plan()}
    made = await change(dealership, made, notes="x", status="arrived")
    made = await change(dealership, made, department="Werkstatt")
    with pytest.raises(Invalid, match="no department Karosserie"):
        await change(dealership, made, department="Karosserie")


async def test_a_partners_number_is_booked_once(dealership: Dealership) -> None:
    made = await book(dealership, references={"import": "T1"})
    with pytest.raises(Refused, match="import T1 is an appointment of the book already") as refusal:
        await book(dealership, references={"import": "T1"})
    assert refusal.value.facts == {"appointment": made.id}
    with pytest.raises(Refused, match="already"):
        await book(dealership, id=made.id)


async def test_the_days_that_changed_are_signalled(dealership: Dealership) -> None:
    made = await book(dealership, hours=60, courtesy_car="EW1")
    days = {f"availability:rostock:2026-11-{day:02}" for day in (9, 10, 11)}
    assert dealership.signals == days
    dealership.signals.clear()
    await change(dealership, made, drop_off=MONDAY + timedelta(days=7), collection=MONDAY + timedelta(days=7, hours=2))
    assert dealership.signals == days | {"availability:rostock:2026-11-16"}


async def test_a_change_is_marked_for_the_channels_of_its_department(dealership: Dealership) -> None:
    def connect(tx: Any) -> None:
        tx.run(
            """INSERT INTO channel (id, connector, site, department, account, active)
               VALUES ('superservice/rostock', 'superservice', 'rostock', 'Werkstatt', 'D1', 1)"""
        )

    await dealership.do(connect)
    made = await book(dealership)
    await book(dealership, department="Karosserie")
    assert await dealership.see(lambda tx: outbox.waiting(tx, "superservice/rostock")) == 1
    assert "outbox:superservice/rostock" in dealership.signals
    await change(dealership, made, department="Karosserie")
    marks = await dealership.see(lambda tx: tx.one("SELECT marked_version FROM outbox")[0])
    assert marks == 2


async def test_a_closed_day_says_why_and_takes_no_visit_without_work_either(dealership: Dealership) -> None:
    def close(tx: Tx) -> None:
        closure = Closure(
            id="", site="rostock", department=None, start=MONDAY - timedelta(hours=7), end=MONDAY + timedelta(hours=17),
            reason="Betriebsausflug",
        )  # fmt: skip
        dealership.book.put_closure(tx, closure, author=DESK)

    await dealership.do(close)
    asked = draft(units=0)
    with pytest.raises(Refused, match="Closed: Betriebsausflug") as refusal:
        await dealership.do(lambda tx: dealership.book.create(tx, asked, author=DESK))
    assert refusal.value.kind == "over-limit"
    made = await dealership.do(lambda tx: dealership.book.create(tx, asked, author=DESK, allow_over_limit=True))
    assert made.over_limit
