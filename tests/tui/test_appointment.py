"""The page of one appointment: read, change, cancel, take back, and follow its way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import RunningDaemon, config_text, running_daemon
from tests.support.sandbox import running_sandbox
from tests.support.tui import Tui, opened
from tests.support.tui_desk import NOW, Desk, desk_of, only_reads
from wtpd.store import vehicle_checks
from wtpd.tui.screens.appointment import open_appointment
from wtpd.vehicle_data.checks import Check, Facts


@asynccontextmanager
async def page_of(folder: Path, one: Any, section: Any = "data", **options: Any) -> AsyncIterator[Tui]:
    """The page of appointment `one`, on top of the reception view."""
    async with opened(folder / "api.sock", now=lambda: NOW, **options) as tui:
        await tui.press("f2")
        await tui.until(lambda: tui.app.current_mode == "reception" and tui.app.page.loaded)
        open_appointment(tui.app, one["id"], section)
        await tui.until(lambda: tui.app.page.loaded and hasattr(tui.app.page, "appointment_id"))
        yield tui


async def section(tui: Tui, name: str) -> str:
    """Go to a section with the keys; what is seen then, once it is there."""
    while tui.app.page.section != name:
        await tui.press("right")
    return await tui.until(lambda: name in tui.app.page.loaded_one.sections) or tui.text


async def open_form(tui: Tui) -> None:
    await tui.press("e")
    await tui.until("Change the appointment")


async def fill(tui: Tui, field: str, text: str) -> None:
    """Into a field of the form that is open, instead of what is there."""
    tui.app.screen.filling(field).focus_field()
    await tui.pilot.pause()
    await tui.press("end", "ctrl+u")
    await tui.paste(text)


# Reading


async def test_the_data_are_there_in_the_time_of_the_site(desk: Desk, tmp_path: Path) -> None:
    await desk.advisor()
    one = await desk.visit(
        advisor="SB1", notes="Schlüssel im Tresor", work_order="40815", planned_in="2027-03-01T08:30:00+01:00"
    )
    async with page_of(tmp_path, one) as tui:
        await tui.until("Ilse Schlosser (SB1)")
        text = tui.flat
        assert "HRO-AL 17 Axel Lübs Mon 01/03 08:00" in text
        assert "drop-off Mon 01/03 08:00" in text
        assert "collection Mon 01/03 16:00" in text
        assert "planned in 01/03 08:30" in text
        assert "notes Schlüssel im Tresor" in text
        assert "work order 40815" in text
        assert "origin · planner" in text


async def test_the_work_with_units_prices_and_what_they_come_to(desk: Desk, tmp_path: Path) -> None:
    works = [
        {"code": "HU", "title": "Hauptuntersuchung", "labour_units": 12, "price_cents": 14950},
        {"code": "", "title": "Klappern", "description": "hinten links", "labour_units": 2.5},
    ]
    one = await desk.visit(interventions=works)
    async with page_of(tmp_path, one) as tui:
        await section(tui, "work")
        text = tui.flat
        assert "HU Hauptuntersuchung (12 AW, €149.50)" in text
        assert "Klappern (2.5 AW)" in text
        assert "hinten links" in text
        assert "in all 14.5 AW, €149.50 (without those that have no price)" in text


async def test_customer_and_vehicle_with_what_they_allow(desk: Desk, tmp_path: Path) -> None:
    permissions = {
        "email": {"allowed": True, "since": "2026-01-02", "source": "form"},
        "sms": {"allowed": False, "since": "2026-01-02", "source": "form"},
    }
    customer = await desk.customer(
        salutation="Herr", street="Bohnbachplatz", house_number="142a", postcode="18055", city="Rostock",
        mobile="0151 85641177", permissions=permissions,
    )  # fmt: skip
    driver = await desk.customer(first_name="Berta", last_name="Busch")
    vehicle = await desk.vehicle(
        vin="SJNFXYJCNPB607554", inspection_due="2027-08-31", owner=customer["id"], driver=driver["id"]
    )
    one = await desk.book(customer_id=customer["id"], vehicle_id=vehicle["id"])
    async with page_of(tmp_path, one, "customer") as tui:
        text = " ".join((await tui.until("Berta Busch")).split())
        assert "name Herr Axel Lübs" in text
        assert "address Bohnbachplatz 142a, 18055 Rostock" in text
        assert "mobile 0151 85641177" in text
        assert "by e-mail since 02/01/2026 (form); not by SMS since 02/01/2026 (form)" in text
        assert "VIN SJNFXYJCNPB607554" in text
        assert "inspection due 31/08/2027" in text
        assert "owner Axel Lübs" in text


async def test_an_appointment_without_customer_and_vehicle_says_so(desk: Desk, tmp_path: Path) -> None:
    one = await desk.book()
    async with page_of(tmp_path, one, "customer") as tui:
        await tui.until("No customer is set.")
        await tui.until("No vehicle is set.")


async def test_the_courtesy_car_and_its_contract(desk: Desk, tmp_path: Path) -> None:
    await desk.car()
    one = await desk.visit(courtesy_car="EW1", transport_option="courtesy_car")
    async with page_of(tmp_path, one, "mobility") as tui:
        await tui.until("HRO-EW 1")
        assert "lent Mon 01/03 08:00 – Mon 01/03 16:00" in tui.flat
        await tui.press("c")
        await tui.until("Lübs")
        await tui.press("f9")
        await tui.until("The contract is hidden; F9 shows it.")


async def test_a_rental_car_has_to_be_booked_by_hand_while_carloop_isnt_connected(desk: Desk, tmp_path: Path) -> None:
    one = await desk.visit(transport_option="rental_car")
    async with page_of(tmp_path, one, "mobility") as tui:
        await tui.until("Carloop isn't connected")
    other = await desk.visit("HRO-B 2", transport_option="shuttle")
    async with page_of(tmp_path, other, "mobility") as tui:
        await tui.until("shuttle")
        assert "Carloop" not in tui.text


async def test_a_wide_terminal_shows_the_data_beside_each_section(desk: Desk, tmp_path: Path) -> None:
    one = await desk.visit(notes="Schlüssel im Tresor")
    async with page_of(tmp_path, one, "history", size=(120, 40)) as tui:
        await tui.until("booked, by a program")
        assert "Schlüssel im Tresor" in tui.text
        await tui.pilot.resize_terminal(80, 24)
        await tui.until(lambda: "Schlüssel" not in tui.text and "booked, by a program" in tui.text)


@pytest.mark.parametrize("name", ["data", "customer", "mobility", "history"])
async def test_privacy_hides_people_in_every_section(desk: Desk, tmp_path: Path, name: str) -> None:
    await desk.car()
    customer = await desk.customer(mobile="0151 85641177", street="Bohnbachplatz")
    vehicle = await desk.vehicle(vin="SJNFXYJCNPB607554", owner=customer["id"])
    one = await desk.book(
        customer_id=customer["id"], vehicle_id=vehicle["id"], notes="geheim", work_order="40815",
        courtesy_car="EW1", transport_option="courtesy_car",
    )  # fmt: skip
    await desk.change(one, notes="ganz geheim")
    async with page_of(tmp_path, one, name, size=(130, 40)) as tui:
        await tui.until(lambda: name in tui.app.page.loaded_one.sections)
        await tui.until("geheim")
        await tui.press("f9")
        await tui.until_gone("geheim")
        for secret in ("Lübs", "HRO-AL 17", "HRO-EW 1", "0151", "Bohnbach", "SJNF", "40815"):
            assert secret not in tui.text, secret


async def test_it_follows_what_others_do(desk: Desk, tmp_path: Path) -> None:
    one = await desk.visit()
    async with page_of(tmp_path, one) as tui:
        await desk.change(one, status="arrived", notes="wartet vorn")
        await tui.until("wartet vorn")
        await tui.until("arrived")


async def test_one_that_isnt_there_is_said(desk: Desk, tmp_path: Path) -> None:
    await desk.visit()
    async with opened(tmp_path / "api.sock") as tui:
        open_appointment(tui.app, "0193-nobody")
        await tui.until("There is no appointment")
        await tui.press("escape")
        await tui.until(lambda: tui.app.page.NAME == "overview")


# Changing


async def test_what_was_changed_in_the_form_is_saved_and_nothing_else(desk: Desk, tmp_path: Path) -> None:
    await desk.advisor()
    await desk.car()
    one = await desk.visit(notes="alt")
    async with page_of(tmp_path, one) as tui:
        await open_form(tui)
        await fill(tui, "drop_off", "01/03/2027 9:30")
        tui.app.screen.filling("status").focus_field()
        await tui.press("right")
        tui.app.screen.filling("advisor").focus_field()
        await tui.press("right")
        tui.app.screen.filling("customer_waiting").focus_field()
        await tui.press("right", "enter")
        await tui.until("Saved.")
        await tui.until("drop-off Mon 01/03 09:30")
    entry = (await desk.history(one))[-1]
    assert set(entry["changes"]) == {"drop_off", "status", "advisor", "customer_waiting"}
    after = await desk.get(one)
    assert (after["status"], after["advisor"], after["customer_waiting"]) == ("arrived", "SB1", True)
    assert (after["drop_off"], after["collection"]) == ("2027-03-01T08:30:00Z", one["collection"])


async def test_a_courtesy_car_is_chosen_and_given_back(desk: Desk, tmp_path: Path) -> None:
    await desk.car()
    one = await desk.visit()
    async with page_of(tmp_path, one) as tui:
        await open_form(tui)
        tui.app.screen.filling("courtesy_car").focus_field()
        await tui.press("right")
        await tui.until("EW1 HRO-EW 1")
        await tui.press("enter")
        await tui.until("Saved.")
        assert (await desk.get(one))["courtesy_car"] == "EW1"
        await tui.until("EW1")
        await open_form(tui)
        tui.app.screen.filling("courtesy_car").focus_field()
        await tui.press("left", "enter")
        await tui.until_gone("Change the appointment")
        assert (await desk.get(one))["courtesy_car"] is None


async def test_a_form_in_which_nothing_was_changed_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    one = await desk.visit(drop_off="2027-03-01T08:00:30+01:00")
    async with page_of(tmp_path, one) as tui:
        await open_form(tui)
        await tui.press("enter")
        await tui.until("Nothing was changed.")
    assert (await desk.get(one))["version"] == one["version"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("soon", "drop-off: “soon” is no day and time; write 01/03/2027 08:00."),
        ("28/03/2027 02:30", "the clocks go forward then; this time doesn't exist."),
        ("02/03/2027 08:00", "collection"),
    ],
)
async def test_what_cant_be_is_said_in_the_form_and_stays_typed(
    desk: Desk, tmp_path: Path, typed: str, said: str
) -> None:
    one = await desk.visit()
    async with page_of(tmp_path, one) as tui:
        await open_form(tui)
        await fill(tui, "drop_off", typed)
        await tui.press("enter")
        await tui.until(said)
        assert tui.app.screen.filling("drop_off").value == typed
    assert (await desk.get(one))["version"] == one["version"]


async def test_a_status_that_cant_follow_is_refused_in_words(desk: Desk, tmp_path: Path) -> None:
    one = await desk.visit()
    await desk.change(one, status="arrived")
    await desk.change(one, status="in_work")
    async with page_of(tmp_path, one) as tui:
        await open_form(tui)
        tui.app.screen.filling("status").focus_field()
        await tui.press("left", "left", "enter")
        await tui.until("An appointment that is in work can't become scheduled.")


async def test_a_full_day_is_booked_only_after_asking(desk: Desk, tmp_path: Path) -> None:
    await desk.book(day="2027-03-02", units=45)
    one = await desk.visit()
    async with page_of(tmp_path, one) as tui:
        for _ in range(2):
            await open_form(tui)
            await fill(tui, "collection", "02/03/2027 16:00")
            await fill(tui, "drop_off", "02/03/2027 08:00")
            await tui.press("enter")
            await tui.until("Book over the limit?")
            assert "45 of 48 AW are booked, 10 are asked for." in tui.flat
            await tui.press("n")
            await tui.until("Change the appointment")
            assert (await desk.get(one))["version"] == 1
            await tui.press("escape")
        await open_form(tui)
        await fill(tui, "collection", "02/03/2027 16:00")
        await fill(tui, "drop_off", "02/03/2027 08:00")
        await tui.press("enter")
        await tui.until("Book over the limit?")
        await tui.press("enter")
        await tui.until("Saved.")
        await tui.until("over the load limit ▲ yes")


async def test_who_was_slower_sees_what_the_other_did_before_it_is_changed(desk: Desk, tmp_path: Path) -> None:
    one = await desk.visit(notes="alt")
    async with page_of(tmp_path, one) as tui:
        await open_form(tui)
        await fill(tui, "drop_off", "01/03/2027 09:00")
        other = await desk.change(one, notes="Kunde ruft an", drop_off="2027-03-01T07:30:00+01:00")
        await tui.press("enter")
        await tui.until("Enter saves yours on top of that.")
        assert "drop-off: 01/03 08:00 → 01/03 07:30" in tui.box
        assert "notes: alt → Kunde ruft an" in tui.box
        assert tui.app.screen.filling("drop_off").value == "01/03/2027 09:00"
        assert (await desk.get(one))["version"] == other["version"]
        await tui.press("enter")
        await tui.until("Saved.")
    after = await desk.get(one)
    assert (after["drop_off"], after["notes"]) == ("2027-03-01T08:00:00Z", "Kunde ruft an")


async def test_a_form_survives_a_lost_connection(tmp_path: Path) -> None:
    async with desk_of(tmp_path) as desk:
        one = await desk.visit()
    async with running_daemon(tmp_path, "") as daemon, page_of(tmp_path, one) as tui:
        await open_form(tui)
        await fill(tui, "drop_off", "01/03/2027 09:00")
        await daemon.stop()
        await tui.press("enter")
        await tui.until("The daemon")
        assert tui.app.screen.filling("drop_off").value == "01/03/2027 09:00"
        async with running_daemon(tmp_path, ""):
            await tui.until(lambda: tui.app.reached)
            await tui.press("enter")
            await tui.until("Saved.")


async def test_hidden_notes_are_not_to_be_edited_blindly(desk: Desk, tmp_path: Path) -> None:
    one = await desk.visit(notes="geheim")
    async with page_of(tmp_path, one) as tui:
        await tui.press("f9", "e")
        await tui.until("Change the appointment")
        assert "geheim" not in tui.text
        await fill(tui, "drop_off", "01/03/2027 09:00")
        await tui.press("enter")
        await tui.until("Saved.")
    assert (await desk.get(one))["notes"] == "geheim"


@pytest.mark.parametrize("hidden_first", [True, False])
async def test_the_curtain_over_an_open_form_changes_nothing_of_the_notes(
    desk: Desk, tmp_path: Path, hidden_first: bool
) -> None:
    """Signs that hide are never saved, and what was written before the curtain fell is."""
    one = await desk.visit(notes="geheim")
    async with page_of(tmp_path, one) as tui:
        await tui.press(*(["f9"] if hidden_first else []))
        await open_form(tui)
        if not hidden_first:
            await fill(tui, "notes", "neu")
        await tui.press("f9")
        await fill(tui, "drop_off", "01/03/2027 09:00")
        await tui.press("enter")
        await tui.until("Saved.")
    after = await desk.get(one)
    assert (after["notes"], after["drop_off"]) == ("geheim" if hidden_first else "neu", "2027-03-01T08:00:00Z")


async def test_two_who_edit_the_same_see_each_other(desk: Desk, tmp_path: Path) -> None:
    one = await desk.visit()
    async with page_of(tmp_path, one) as tui, page_of(tmp_path, one, initials="BB") as other:
        await open_form(tui)
        await other.press("e")
        await other.until("is editing this too")
        await tui.until("BB")


# Cancelling and taking back


async def test_a_cancellation_names_its_consequence_and_keeps_the_reason(desk: Desk, tmp_path: Path) -> None:
    await desk.car()
    one = await desk.visit(courtesy_car="EW1", transport_option="courtesy_car")
    async with page_of(tmp_path, one) as tui:
        await tui.press("x")
        await tui.until("Cancel this appointment?")
        assert "It stays in the book, cancelled. Courtesy car EW1 is free again." in tui.box
        await tui.paste("Kunde krank")
        await tui.press("enter")
        await tui.until("The appointment is cancelled")
        await tui.until("reason Kunde krank")
        assert " x Cancel" not in tui.lines[-2]
        assert " e Edit" not in tui.lines[-2]
    after = await desk.get(one)
    assert (after["status"], after["cancellation_reason"]) == ("cancelled", "Kunde krank")


async def test_the_history_says_who_did_what_and_takes_it_back(desk: Desk, tmp_path: Path) -> None:
    one = await desk.visit(notes="alt")
    await desk.change(one, notes="neu", drop_off="2027-03-01T09:00:00+01:00")
    async with page_of(tmp_path, one, "history") as tui:
        await tui.until("drop-off: 01/03 08:00")
        await tui.press("enter")
        text = await tui.until("A change")
        assert "drop-off: 01/03 08:00 → 01/03 09:00" in text
        await tui.press("escape", "u")
        await tui.until("Take this back?")
        assert "notes: neu → alt" in tui.box
        await tui.press("enter")
        await tui.until("It was taken back; the history keeps both.")
        await tui.until("taken back:")
    after = await desk.get(one)
    assert (after["notes"], after["drop_off"]) == ("alt", one["drop_off"])
    assert len(await desk.history(one)) == 3


async def test_a_cancellation_is_taken_back(desk: Desk, tmp_path: Path) -> None:
    one = await desk.visit()
    await desk.cancel(one)
    async with page_of(tmp_path, one, "history") as tui:
        await tui.until("cancelled: krank")
        await tui.press("u")
        await tui.until("The appointment stands again.")
        await tui.press("enter")
        await tui.until("○ scheduled")
    assert (await desk.get(one))["status"] == "scheduled"


async def test_what_others_built_upon_isnt_taken_back_and_the_reason_is_said(desk: Desk, tmp_path: Path) -> None:
    one = await desk.visit(notes="alt")
    await desk.change(one, notes="neu")
    await desk.change(one, notes="neuer")
    async with page_of(tmp_path, one, "history") as tui:
        await tui.until("notes: neu → neuer")
        await tui.press("down", "u")
        await tui.until("This can't be taken back")
        await tui.press("escape")
    assert (await desk.get(one))["notes"] == "neuer"


# Who may only read


async def test_one_who_only_reads_sees_the_keys_that_change_something_in_parentheses(
    desk: Desk, tmp_path: Path
) -> None:
    one = await desk.visit()
    async with page_of(tmp_path, one) as tui:
        only_reads(tui)
        await tui.until("(e Edit)")
        assert "(x Cancel)" in tui.text
        await tui.press("e", "x")
        await section(tui, "history")
        await tui.until("(u Undo)")
        assert not [one for one in tui.app.screen_stack if type(one).__name__ == "Form"]


# With a partner


@asynccontextmanager
async def at_superservice(folder: Path) -> AsyncIterator[tuple[RunningDaemon, Desk, Any]]:
    """An appointment that is at SUPERSERVICE already."""
    async with running_sandbox(folder / "sandbox") as sandbox:
        text = config_text(partner=sandbox.partner("superservice"))
        async with running_daemon(folder, text) as daemon:
            assert (await daemon.enter_credentials()).status == 200
            await daemon.until_channel("healthy")
            desk = Desk(daemon.http)
            one = await desk.visit()

            async def linked() -> Any:
                found = await desk.get(one)
                return found if found["links"] else None

            yield daemon, desk, await daemon.until(linked)


async def test_the_link_to_the_menus_is_shown_in_full_to_be_copied_or_clicked(tmp_path: Path) -> None:
    async with at_superservice(tmp_path) as (_, _, one), page_of(tmp_path, one) as tui:
        address = one["links"]["superservice_menus"]
        await tui.until(" m Menus")
        await tui.press("m")
        await tui.until("Web addresses")
        await tui.until(address)
        links = {
            segment.style.link
            for strip in tui.app.screen._compositor.render_strips()
            for segment in strip
            if segment.style is not None and segment.style.link
        }
        assert links == {address}


async def test_the_trace_shows_each_message_and_sends_again(tmp_path: Path) -> None:
    async with at_superservice(tmp_path) as (_, _, one), page_of(tmp_path, one, "trace") as tui:
        await tui.until("created there as")
        table = tui.app.page.query_one("#trace")
        while table.row["message"] is None:
            await tui.press("up")
        await tui.press("enter")
        await tui.until("The message")
        await tui.until("idempotency key")
        await tui.press("escape", "f9", "enter")
        await tui.until("Hidden, as long as names and plates are: F9 shows them.")
        assert "Lübs" not in tui.text
        await tui.press("escape", "f9", "g")
        await tui.until("Send this appointment again?")
        await tui.press("enter")
        await tui.until("On its way again: superservice/rostock.")
        await tui.until("sent again; both sides have the same")


async def test_a_cancellation_is_said_to_reach_the_partner(tmp_path: Path) -> None:
    async with at_superservice(tmp_path) as (_, _, one), page_of(tmp_path, one) as tui:
        await tui.press("x")
        await tui.until("It is cancelled at SUPERSERVICE Connect too.")


# What connectors offer


async def test_actions_on_the_vehicle_are_offered_and_say_why_they_cant_be_done(desk: Desk, tmp_path: Path) -> None:
    one = await desk.visit()
    async with page_of(tmp_path, one, "customer") as tui:
        await tui.until(" a Actions")
        await tui.press("a")
        await tui.until("What shall be done?")
        assert "Identify by the VIN" in tui.flat
        await tui.press("enter")
        await tui.until_gone("What shall be done?")
        await tui.until(lambda: tui.app.message[0])


@pytest.mark.parametrize("language", ["de", "en", "nl"])
async def test_the_keys_of_each_section_fit_eighty_columns(desk: Desk, tmp_path: Path, language: str) -> None:
    await desk.car()
    one = await desk.visit(courtesy_car="EW1", transport_option="courtesy_car")
    async with page_of(tmp_path, one, language=language) as tui:
        for name in ("data", "work", "customer", "mobility", "history", "trace"):
            await section(tui, name)
            await tui.pilot.pause()
            assert not tui.lines[-2].rstrip().endswith("…"), tui.text


# What public registers say


async def test_what_rdw_says_of_the_vehicle_stands_on_the_page(tmp_path: Path) -> None:
    more = "connectors:\n  rdw:\n    address: http://127.0.0.1:9\n"
    text = config_text(sites={"rostock": None}, more=more).replace("region: MV", "country: NL")
    async with running_daemon(tmp_path, text) as daemon:
        desk = Desk(daemon.http)
        one = await desk.visit()
        vehicle = (await daemon.http.post("/v1/vehicles", {"plate": "12-ABC-3", "make": "VOLVO"})).json
        changed = await daemon.http.patch(
            f"/v1/appointments/{one['id']}", {"vehicle_id": vehicle["id"]}, version=one["version"]
        )
        assert changed.status == 200, changed.json
        check = Check(
            vehicle_id=vehicle["id"], source="rdw", plate="12ABC3", asked_at=NOW, at=NOW, is_known=True,
            facts=Facts(make="VOLVO", flags=("open_recall",)), filled={"make": "VOLVO"},
        )  # fmt: skip
        parts = daemon.daemon.parts
        assert parts is not None
        await parts.db.write(lambda tx: vehicle_checks.put(tx, check))
        async with page_of(tmp_path, changed.json) as tui:
            await tui.until("A recall is open, by RDW.")
            await section(tui, "customer")
            await tui.until("VOLVO (RDW)")
