"""Attention (F5): what a technician sees of each entry, and what each key does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import TextArea

from tests.support.daemon import RunningDaemon, config_text, running_daemon
from tests.support.sandbox import DEALER, Sandbox, running_sandbox
from tests.support.tui import Tui, opened
from tests.support.tui_desk import Desk
from wtpd.store import attention
from wtpd.store.database import Tx
from wtpd.texts import N_
from wtpd.tui.screens.attention.edit import EditForm, fault_of
from wtpd.tui.widgets.bars import KeyBar
from wtpd.tui.widgets.sheet import Sheet
from wtpd.tui.widgets.table import Table

CHANNEL = "superservice/rostock"
ALONE = {"rostock": None}


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[tuple[RunningDaemon, Desk]]:
    """A daemon without partners, whose list is filled by hand."""
    async with running_daemon(folder, config_text(sites=ALONE)) as daemon:
        yield daemon, Desk(daemon.http)


@asynccontextmanager
async def looking(folder: Path, **options: Any) -> AsyncIterator[Tui]:
    async with opened(folder / "api.sock", **options) as tui:
        await tui.press("f5")
        await tui.until(lambda: tui.app.page.loaded)
        yield tui


async def lists(daemon: RunningDaemon, kind: str, appointment: Any = None, **data: Any) -> int:
    """Put an entry on the list, as the daemon's own parts do."""
    parts = daemon.daemon.parts
    assert parts is not None
    number = appointment["id"] if appointment else None

    def work(tx: Tx) -> int:
        return attention.add(tx, kind, channel=CHANNEL, appointment_id=number, data=data)

    return await parts.db.write(work)


async def lists_codes(daemon: RunningDaemon, desk: Desk) -> None:
    """Three entries of one kind, THREE on top, ONE below."""
    booked = await desk.visit()
    for code in ("ONE", "TWO", "THREE"):
        await lists(daemon, "unknown_code", booked, field="transport_option", code=code)


def conflict(field: str = "notes", ours: Any = "unsere", theirs: Any = "deren", base: Any = "alt") -> dict[str, Any]:
    return {"field": field, "base": base, "ours": ours, "theirs": theirs, "stands": "theirs", "partner_id": "A1"}


def keys(tui: Tui) -> str:
    """The key line."""
    return "".join(text for text, _ in tui.app.screen.query_one(KeyBar).parts())


def sheet(tui: Tui) -> str:
    """The entry under the cursor, all of it, without runs of blanks."""
    return " ".join(tui.app.page.query_one(Sheet).plain.split())


# Conflicts, with the partner's sandbox


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with running_sandbox(tmp_path / "sandbox") as running:
        yield running


@pytest.fixture
async def both(tmp_path: Path, sandbox: Sandbox) -> AsyncIterator[RunningDaemon]:
    async with running_daemon(tmp_path, config_text(partner=sandbox.partner("superservice"))) as running:
        assert (await running.enter_credentials()).status == 200
        await running.until_channel("healthy")
        yield running


async def until_listed(daemon: RunningDaemon) -> None:
    async def listed() -> Any:
        return (await daemon.http.get("/v1/attention?state=open")).json["items"]

    await daemon.until(listed)


async def disagree(daemon: RunningDaemon, sandbox: Sandbox) -> Any:
    """Both sides change the notes without hearing of each other: the appointment."""
    desk = Desk(daemon.http)
    booked = await desk.visit(day="2027-03-01", notes="alt")

    async def sent() -> bool:
        return bool((await daemon.channel())["waiting"] == 0)

    await daemon.until(sent)
    await daemon.http.post("/v1/connectors/superservice/pause", {})
    await daemon.http.patch(f"/v1/appointments/{booked['id']}", {"notes": "unsere"}, version="*", wtpd_initials="MK")
    await sandbox.control.act("superservice", "change", dealer=DEALER, id=booked["id"], notes="deren")
    await daemon.http.post("/v1/connectors/superservice/resume", {})
    await until_listed(daemon)
    return booked


async def test_a_conflict_shows_both_sides_and_what_each_choice_does(
    tmp_path: Path, both: RunningDaemon, sandbox: Sandbox
) -> None:
    await disagree(both, sandbox)
    async with looking(tmp_path) as tui:
        await tui.until("notes: unsere | deren")
        said = sheet(tui)
        assert "ours SUPERSERVICE ✓ stands" in said
        assert "unsere deren" in said
        assert "(MK)" in said
        assert "agreed before alt" in said
        assert "o Ours Puts unsere back and sends it to SUPERSERVICE Connect." in said
        assert "t Theirs deren stays" in said
        assert "HRO-AL 17 Axel Lübs" in said
        assert "o Ours t Theirs b Both w Own text a Appointment k Kind s Settled" in keys(tui)
        assert "Discard" not in keys(tui)


async def test_one_key_puts_ours_back_and_the_partner_gets_it(
    tmp_path: Path, both: RunningDaemon, sandbox: Sandbox
) -> None:
    booked = await disagree(both, sandbox)
    async with looking(tmp_path) as tui:
        await tui.until("notes: unsere | deren")
        await tui.press("o")
        await tui.until("Our value was put back")
        await tui.until("Nothing waits for a decision.")
    assert (await Desk(both.http).get(booked))["notes"] == "unsere"

    async def there() -> bool:
        state = await sandbox.control.state("superservice")
        return "unsere" in json.dumps(state, ensure_ascii=False)

    await both.until(there)


async def broken(daemon: RunningDaemon, sandbox: Sandbox) -> None:
    """A message of the partner that breaks the contract."""
    await sandbox.control.act("superservice", "book", dealer=DEALER, last_name="Müller")

    async def here() -> Any:
        return (await daemon.http.get("/v1/appointments")).json["items"]

    [one] = await daemon.until(here)
    number = one["references"]["superservice"]
    await sandbox.control.act("superservice", "break", dealer=DEALER, id=number, fields={"dropOffTime": 17})
    await until_listed(daemon)


async def test_a_message_in_quarantine_is_read_edited_and_applied(
    tmp_path: Path, both: RunningDaemon, sandbox: Sandbox
) -> None:
    await broken(both, sandbox)
    async with looking(tmp_path, size=(100, 40)) as tui:
        await tui.until('"appointment": {')
        assert "r Retry e Edit x Discard" in keys(tui)
        await tui.press("enter")
        await tui.until("The message as it came")
        await tui.press("escape", "e")
        await tui.until("the original stays kept")
        area = tui.app.screen.query_one(TextArea)
        original = area.text

        area.text = original.replace('"dropOffTime": 17', '"dropOffTime" 17')
        await tui.press("f2")
        line = next(place for place, text in enumerate(area.text.splitlines(), start=1) if '"dropOffTime" 17' in text)
        await tui.until(f"This is no JSON: line {line}, column")
        assert area.cursor_location[0] == line - 1

        area.text = original
        await tui.press("f2")
        await tui.until("still can't be read")
        assert area.text == original, "a refusal leaves what was typed"

        mended = json.loads(original)
        mended["appointment"] |= {"dropOffTime": "2036-03-03T08:00:00Z", "collectionTime": "2036-03-03T12:00:00Z"}
        area.text = json.dumps(mended)
        await tui.press("f2")
        await tui.until("The edited message was applied")
        await tui.until("Nothing waits for a decision.")
        await tui.press("s")
        await tui.until("applied:")
        await tui.until(lambda: "As it was edited and applied" in sheet(tui))
    [one] = (await both.http.get("/v1/appointments")).json["items"]
    assert one["drop_off"] == "2036-03-03T08:00:00Z"


async def test_a_message_that_is_still_broken_says_what_is_wrong(
    tmp_path: Path, both: RunningDaemon, sandbox: Sandbox
) -> None:
    await broken(both, sandbox)
    async with looking(tmp_path) as tui:
        await tui.until("dropOffTime: ")
        await tui.press("r")
        await tui.until("The message still can't be read: dropOffTime: ")


async def test_discarding_names_what_is_lost_and_can_be_given_up(
    tmp_path: Path, both: RunningDaemon, sandbox: Sandbox
) -> None:
    await broken(both, sandbox)
    async with looking(tmp_path) as tui:
        await tui.until("dropOffTime: ")
        await tui.press("x")
        await tui.until("What the message says isn't taken over; SUPERSERVICE Connect isn't told.")
        await tui.press("n")
        await tui.until_gone("Discard this message?")
        assert "Discarded." not in tui.flat
        await tui.press("x")
        await tui.until("Discard this message?")
        await tui.press("y")
        await tui.until("Discarded.")
        await tui.until("Nothing waits for a decision.")


# The other kinds, each with its way out

KINDS: dict[str, dict[str, Any]] = {
    "second_writer": {"dealer_number": "00123", "partner_id": "A1"},
    "partner_restored": {"missing": 30, "older": 2, "stopped": True},
    "keeps_refusing": {"reason": "HTTP 500"},
    "shortened": {"field": "notes", "ours": "sehr lang", "theirs": "sehr"},
    "dropped_value": {"field": "vehicle.first_registration", "value": "0001-01-01"},
    "database_restored": {"applied": 3, "sent": 4, "conflicts": 0},
    "plate_moved": {"plate": "HRO-AL 17", "old_vin": "VF1", "new_vin": "SJN2"},
    "named_in_note": {"customer": "x"},
    "wrong_plate": {"plate": "12-ABC-3", "ours": "BMW", "theirs": "VOLVO", "model": "V60", "vehicle": "v1"},
}
WAYS = {
    "second_writer": "Enter opens an appointment whose history shows it",
    "partner_restored": "Enter goes to the Overview, where it is resumed",
    "keeps_refusing": "g forgets the call that fails and sends the appointment as it is now",
    "shortened": "Enter opens the appointment, where the text can be made shorter",
    "dropped_value": "Enter opens the appointment; enter the right value there",
    "database_restored": "wtpd verify superservice --site rostock --compare",
    "plate_moved": "F6 finds the other car's owner",
    "named_in_note": "n blanks the notes, in the history too",
    "wrong_plate": "Enter opens the appointment; enter the right plate there",
}


async def test_each_kind_says_its_way_out_with_a_key(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, desk):
        booked = await desk.visit()
        for kind, data in KINDS.items():
            await lists(daemon, kind, None if kind in ("partner_restored", "plate_moved") else booked, **data)
        async with looking(tmp_path) as tui:
            table = tui.app.page.query_one(Table)
            await tui.until(lambda: table.total == len(KINDS))
            seen = set()
            for place in range(len(KINDS)):
                table.move_to(place)
                await tui.pilot.pause()
                kind = table.row["kind"]
                await tui.until(lambda: WAYS[table.row["kind"]] in sheet(tui))
                assert "None" not in sheet(tui)
                seen.add(kind)
            assert seen == set(WAYS)


async def test_a_possible_double_shows_both_and_opens_the_chosen_one(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, desk):
        one, other = await desk.visit(), await desk.book(day="2027-03-02")
        await lists(daemon, "possible_double", one, other=other["id"])
        async with looking(tmp_path) as tui:
            await tui.until("the other one")
            assert "02/03" in sheet(tui)
            await tui.press("enter")
            await tui.until("Which appointment?")
            await tui.press("down", "enter")
            await tui.until("[Data]")
            assert "02/03" in tui.text


async def test_notes_that_name_an_erased_person_are_blanked_by_a_key(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, desk):
        booked = await desk.visit(notes="Frau Lübs ruft an")
        await lists(daemon, "named_in_note", booked, customer="x")
        async with looking(tmp_path) as tui:
            await tui.until("n Erase notes")
            await tui.press("n")
            await tui.until("Blank these notes?")
            await tui.press("y")
            await tui.until("The notes were erased.")
        assert (await desk.get(booked))["notes"] == ""


async def test_both_texts_or_one_of_ones_own_settle_a_conflict(
    tmp_path: Path, both: RunningDaemon, sandbox: Sandbox
) -> None:
    booked = await disagree(both, sandbox)
    async with looking(tmp_path) as tui:
        await tui.until("notes: unsere | deren")
        await tui.press("w")
        await tui.until("A text of your own")
        area = tui.app.screen.query_one(TextArea)
        assert area.text == "deren\nunsere"
        area.text = "beide zusammen"
        await tui.press("f2")
        await tui.until("Your text stands there now")
        await tui.press("s")
        await tui.until(lambda: "stands now beide zusammen" in sheet(tui))
        assert "another value was set:" in sheet(tui)
        assert "✓ stands" not in sheet(tui)
    assert (await Desk(both.http).get(booked))["notes"] == "beide zusammen"


# The list


async def test_what_is_heaviest_comes_first_and_a_key_shows_one_kind(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, desk):
        booked = await desk.visit()
        await lists(daemon, "unknown_code", booked, field="transport_option", code="VALET")
        await lists(daemon, "conflict", booked, **conflict())
        await lists(daemon, "mass_cancellation", cancelled=40, linked=50)
        async with looking(tmp_path) as tui:
            await tui.until("VALET")
            shown = [line.split()[1] for line in tui.lines[2:5]]
            assert shown == ["Stopped", "Conflict", "Unknown"]
            await tui.press("k", "k")
            await tui.until("Attention: Conflict")
            assert "VALET" not in tui.text
            await tui.press("k", "k")
            await tui.until("VALET")
            await tui.until("Stopped")


async def test_the_cursor_goes_on_to_the_next_one_after_a_decision(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, desk):
        await lists_codes(daemon, desk)
        async with looking(tmp_path) as tui:
            await tui.until("TWO")
            await tui.press("down")
            await tui.until(lambda: "code TWO" in sheet(tui))
            await tui.press("d")
            await tui.until("Closed.")
            await tui.until(lambda: "code ONE" in sheet(tui))
            assert "THREE" in tui.text
            await tui.press("d")
            await tui.until(lambda: "code THREE" in sheet(tui))


async def test_the_cursor_doesnt_follow_what_was_decided(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, desk):
        await lists_codes(daemon, desk)
        async with looking(tmp_path) as tui:
            await tui.press("s")
            await tui.until("With what was decided")
            await tui.press("down")
            await tui.until(lambda: "code TWO" in sheet(tui))
            await tui.press("d")
            await tui.until("✓ Unknown code")
            await tui.until(lambda: "code ONE" in sheet(tui))


async def test_what_was_decided_is_shown_with_who_and_when(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, desk):
        number = await lists(daemon, "conflict", await desk.visit(), **conflict())
        await daemon.http.post(f"/v1/attention/{number}/resolve", {"choice": "theirs"}, wtpd_initials="MK")
        async with looking(tmp_path) as tui:
            await tui.until("Press s to see what was decided.")
            await tui.press("s")
            await tui.until("✓ Conflict")
            await tui.until(lambda: "✓ the partner's stays:" in sheet(tui))
            assert "(MK)" in sheet(tui)
            assert "Theirs" not in keys(tui)
            await tui.press("s")
            await tui.until("Nothing waits for a decision.")


async def test_the_list_is_live_and_a_late_decision_is_told(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, desk):
        booked = await desk.visit()
        async with looking(tmp_path) as tui:
            await tui.until("Nothing waits for a decision.")
            number = await lists(daemon, "rejected", booked, reason="kein Werkstattplatz")
            await tui.until("kein Werkstattplatz")
            await tui.press("x")
            await tui.until("Give up sending it?")
            await daemon.http.post(f"/v1/attention/{number}/discard")
            await tui.press("y")
            await tui.until("This has been decided already.")
            await tui.until("Nothing waits for a decision.")


async def test_a_problem_leads_to_its_kind(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, desk):
        booked = await desk.visit()
        await lists(daemon, "conflict", booked, **conflict())
        await lists(daemon, "over_limit", booked, day="2027-03-01", limit=48.0, booked=47.5, asked=4.0)
        async with looking(tmp_path) as tui:
            await tui.until("01/03: 51.5 of 48 AW")
            tui.app.page.focus_on("over_limit")
            await tui.until("Attention: Over the load limit")
            assert "Conflict" not in tui.text


async def test_what_is_being_read_stays_where_it_is_when_another_entry_comes(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, desk):
        booked = await desk.visit()
        await lists(daemon, "rejected", booked, reason="kein Werkstattplatz. " * 60)
        async with looking(tmp_path) as tui:
            await tui.until("kein Werkstattplatz")
            read = tui.app.page.query_one(Sheet)
            await tui.until(lambda: "x Discard" in sheet(tui))
            read.action_edge(1)
            place = read.top
            assert place > 0
            await lists(daemon, "unknown_code", booked, field="transport_option", code="VALET")
            await tui.until("VALET")
            await tui.pilot.pause()
            assert read.top == place
            tui.app.page.query_one(Table).action_last()
            await tui.until(lambda: "code VALET" in sheet(tui))
            assert read.top == 0, "another one is read from its beginning"


# What an entry leads to


async def test_enter_opens_the_appointment_an_open_car_at_its_mobility(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, desk):
        await lists(daemon, "car_open", await desk.visit(), courtesy_car="EW1", reason="taken")
        async with looking(tmp_path) as tui:
            await tui.until("The courtesy car that was asked for is lent")
            await tui.until(lambda: "courtesy car EW1" in sheet(tui))
            await tui.press("enter")
            await tui.until("[Mobility]")
            await tui.press("escape")
            await tui.until("The courtesy car that was asked for is lent")


async def test_a_stopped_channel_leads_to_the_overview(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, _desk):
        await lists(daemon, "mass_cancellation", cancelled=40, linked=50)
        async with looking(tmp_path) as tui:
            await tui.until("Nothing is exchanged until then.")
            await tui.until(lambda: "cancellations 40" in sheet(tui))
            await tui.press("enter")
            await tui.until(lambda: tui.app.current_mode == "overview")
            await tui.press("escape")
            await tui.until(lambda: tui.app.current_mode == "attention")


async def test_esc_takes_the_filter_off_and_then_goes_back_to_where_one_came_from(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, desk):
        booked = await desk.visit()
        await lists(daemon, "rejected", booked, reason=N_("{number} is no telephone number.", number="0171 999"))
        await lists(daemon, "conflict", booked, **conflict("customer.email", "wir@example.org", "sie@example.org", ""))
        async with opened(tmp_path / "api.sock", size=(100, 24)) as tui:
            await tui.until("[F1 Overview]")
            tui.app.go_to("attention", "conflict")
            await tui.until("Attention: Conflict")
            await tui.until("Esc All")
            await tui.press("escape")
            await tui.until_gone("Attention: Conflict")
            await tui.until("Esc Back")
            await tui.press("escape")
            await tui.until(lambda: tui.app.current_mode == "overview")
            await tui.press("f5", "escape")
            assert tui.app.current_mode == "attention", "nobody was led here"


async def test_records_that_may_be_the_same_stand_side_by_side(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, desk):
        new = await desk.customer(first_name="A.", mobile="0171 1")
        known = await desk.customer(first_name="Anna", mobile="0171 2", number="4711")
        other = await desk.customer(first_name="Anne")
        ids = [known["id"], other["id"]]
        await lists(daemon, "unmatched", await desk.book(), what="customer", created=new["id"], candidates=ids)
        async with looking(tmp_path) as tui:
            await tui.until("there already (+1)")
            assert "name A. Lübs Anna Lübs" in sheet(tui)
            assert "customer number – 4711" in sheet(tui)
            await tui.press("c")
            await tui.until("Which customer?")
            await tui.press("down", "enter")
            await tui.until("Customer Anna Lübs")
            await tui.press("escape")
            await tui.until("there already (+1)")


async def test_a_customer_of_the_dms_can_be_looked_at(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, desk):
        await lists(daemon, "locked_customer", await desk.visit(), fields=["email", "mobile"])
        async with looking(tmp_path) as tui:
            await tui.until("differs there")
            assert "e-mail of the customer, mobile of the customer" in sheet(tui)
            await tui.press("c")
            await tui.until("Customer Axel Lübs")


# Who looks, and where


async def test_privacy_hides_persons_values_and_messages(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, desk):
        booked = await desk.visit()
        reason = N_("{number} is no telephone number.", number="0171 999")
        await lists(daemon, "rejected", booked, reason=reason)
        await lists(daemon, "conflict", booked, **conflict("customer.email", "wir@example.org", "sie@example.org", ""))
        async with looking(tmp_path) as tui:
            await tui.until("0171 999")
            await tui.press("f9", "down")
            await tui.until("Puts our value back and sends it to the partner.")
            for word in ("Lübs", "HRO-AL", "0171", "example.org"):
                assert word not in tui.text
            await tui.press("up", "f9")
            await tui.until("0171 999")


async def test_editing_asks_to_show_names_first(tmp_path: Path, both: RunningDaemon, sandbox: Sandbox) -> None:
    await broken(both, sandbox)
    async with looking(tmp_path, size=(100, 40)) as tui:
        await tui.until('"appointment": {')
        await tui.press("f9", "e")
        await tui.until("press F9 first")
        assert not isinstance(tui.app.screen, EditForm)
        assert "Müller" not in tui.text


async def test_who_may_only_read_sees_it_before_pressing_a_key(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, desk):
        await lists(daemon, "conflict", await desk.visit(), **conflict())
        async with looking(tmp_path) as tui:
            await tui.until("notes: unsere | deren")
            assert tui.app.session.me is not None
            tui.app.session.me = {**tui.app.session.me, "role": "read"}
            tui.app.page.refresh_bindings()
            await tui.until("(o Ours) (t Theirs)")
            await tui.press("t")
            assert (await daemon.http.get("/v1/attention?state=open")).json["items"]


@pytest.mark.parametrize("language", ["de", "en", "nl"])
async def test_the_keys_of_every_kind_fit_eighty_columns(tmp_path: Path, language: str) -> None:
    async with house(tmp_path) as (daemon, desk):
        booked = await desk.visit()
        await lists(daemon, "mass_cancellation", cancelled=40, linked=50)
        await lists(daemon, "quarantine", partner_id="A1", reason="x")
        await lists(daemon, "rejected", booked, reason="x")
        await lists(daemon, "conflict", booked, **conflict())
        await lists(daemon, "car_open", booked, courtesy_car="EW1", reason="taken")
        await lists(daemon, "unmatched", booked, what="customer", created=None, candidates=[])
        async with looking(tmp_path, language=language) as tui:
            table = tui.app.page.query_one(Table)
            await tui.until(lambda: table.total == 6)
            for place in range(6):
                table.move_to(place)
                await tui.pilot.pause()
                assert not tui.lines[-2].rstrip().endswith("…"), tui.text


async def test_wide_terminals_show_the_entry_beside_the_list(tmp_path: Path) -> None:
    async with house(tmp_path) as (daemon, desk):
        await lists(daemon, "conflict", await desk.visit(), **conflict())
        async with looking(tmp_path, size=(140, 40)) as tui:
            await tui.until("agreed before")
            line = next(line for line in tui.lines if "▲ Conflict" in line)
            assert "Both sides changed notes" in line or "│" in line
            assert tui.app.page.query_one(Sheet).region.x > 60


# What is no message


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [('{"a": 1,\n "b" 2}', 2, 6), ("", 1, 1), ("[1]", 1, 1), ('{"a": NaN}', 1, 1), ("[" * 100_000, 1, 1)],
)
def test_what_is_no_message_is_found_with_its_place(text: str, line: int, column: int) -> None:
    found = fault_of(text)
    assert found is not None
    assert found[1:] == (line, column)


def test_a_json_object_is_a_message() -> None:
    assert fault_of('{"appointment": {"notes": "ü"}}') is None
