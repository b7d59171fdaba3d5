"""F8: an appointment is found by what somebody has of it, its way is shown, and it is sent again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from tests.support.daemon import RunningDaemon, config_text, running_daemon
from tests.support.sandbox import Sandbox, running_sandbox
from tests.support.sync_world import SPEC
from tests.support.tui import Tui, opened
from wtpd.book.sync_port import SyncBook
from wtpd.client import Json
from wtpd.store.session import StoreSession
from wtpd.sync.apply import quarantine
from wtpd.sync.ports import Unreadable
from wtpd.tui.curtain import IDLE
from wtpd.tui.screens.appointment.page import AppointmentPage
from wtpd.tui.screens.trace import Trace

SITES = {"rostock": "00123"}


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with running_sandbox(tmp_path / "sandbox") as running:
        yield running


@asynccontextmanager
async def trace(
    folder: Path, sandbox: Sandbox | None = None, **options: Any
) -> AsyncIterator[tuple[RunningDaemon, Tui]]:
    """The screen; with a sandbox at a channel that works."""
    text = config_text(partner=sandbox.partner("superservice")) if sandbox else config_text(sites=SITES)
    async with running_daemon(folder, text) as daemon:
        if sandbox:
            assert (await daemon.enter_credentials()).status == 200
            await daemon.until_channel("healthy")
        async with opened(folder / "api.sock", **options) as tui:
            await tui.press("f8")
            await tui.until("What came of an appointment?")
            yield daemon, tui


async def book(daemon: RunningDaemon, plate: str, last_name: str, **more: Any) -> str:
    """Book for somebody new; the appointment's id."""
    customer = (await daemon.http.post("/v1/customers", {"last_name": last_name})).json["id"]
    vehicle = (await daemon.http.post("/v1/vehicles", {"plate": plate, "owner": customer})).json["id"]
    booking = {
        "site": "rostock", "department": "Werkstatt", "drop_off": "2027-03-01T07:00:00Z",
        "collection": "2027-03-01T15:00:00Z", "customer_id": customer, "vehicle_id": vehicle, **more,
    }  # fmt: skip
    reply = await daemon.http.post("/v1/appointments", booking)
    assert reply.status == 201, reply.json
    return str(reply.json["id"])


async def sent(daemon: RunningDaemon) -> None:
    """Until nothing waits to be sent."""

    async def empty() -> bool:
        return bool((await daemon.channel())["waiting"] == 0)

    await daemon.until(empty)


async def look_for(tui: Tui, words: str) -> None:
    await tui.press("slash")
    field = tui.app.screen.query_one("Input")
    field.value = words  # type: ignore[attr-defined] # an Input
    await tui.press("enter")


async def show_what_was_sent(daemon: RunningDaemon, tui: Tui) -> None:
    """The way of an appointment that the partner got."""
    await book(daemon, "HRO-AL 17", "Lübs")
    await sent(daemon)
    await look_for(tui, "Lübs")
    await tui.until("created there")


async def test_a_plate_leads_to_the_way_of_its_appointment(tmp_path: Path, sandbox: Sandbox) -> None:
    async with trace(tmp_path, sandbox) as (daemon, tui):
        await book(daemon, "HRO-AL 17", "Lübs")
        await sent(daemon)
        await tui.type("hro-al 17")
        await tui.press("enter")
        await tui.until("created there as A0000001")
        assert "HRO-AL 17  Lübs  01/03 08:00  ○ scheduled" in tui.text
        booked, created = (next(line for line in tui.lines if word in line) for word in ("Booked", "created there"))
        assert tui.lines.index(booked) < tui.lines.index(created), "oldest first"
        assert "→ ●" in created


async def test_enter_shows_the_message_as_it_was_sent(tmp_path: Path, sandbox: Sandbox) -> None:
    async with trace(tmp_path, sandbox) as (daemon, tui):
        await show_what_was_sent(daemon, tui)
        await tui.press("down", "enter")
        await tui.until("to the partner")
        await tui.until("attempts 1")
        await tui.until("partner's number A0000001")
        await tui.press("end")
        await tui.until('"registrationPlate": "HRO-AL 17"')
        await tui.press("escape")
        await tui.until(lambda: isinstance(tui.app.screen, Trace))


async def test_privacy_hides_who_it_was_and_what_was_said(tmp_path: Path, sandbox: Sandbox) -> None:
    async with trace(tmp_path, sandbox) as (daemon, tui):
        await show_what_was_sent(daemon, tui)
        await tui.press("f9")
        await tui.until_gone("Lübs")
        assert "HRO-AL" not in tui.text
        await tui.press("down", "enter")
        await tui.until("Hidden, as long as names and plates are")
        assert "Lübs" not in tui.text
        assert "A0000001" not in tui.text.replace("created there as A0000001", "")


async def test_what_is_being_read_is_hidden_too_when_nobody_types(tmp_path: Path, sandbox: Sandbox) -> None:
    async with trace(tmp_path, sandbox) as (daemon, tui):
        await show_what_was_sent(daemon, tui)
        await tui.press("down", "enter")
        await tui.until("The message")
        await tui.press("end")
        await tui.until("HRO-AL 17")
        tui.app._curtain.touched -= IDLE + 1
        tui.app._curtain.look()
        await tui.until("Hidden, as long as names and plates are")
        assert "HRO-AL" not in tui.text


async def test_esc_leaves_the_field_so_that_digits_are_keys_again(tmp_path: Path) -> None:
    async with trace(tmp_path) as (_daemon, tui):
        await tui.press("slash", "1")
        assert tui.app.screen.query_one(Input).value == "1", "the slash leads to the field, it is no part of it"
        assert "Esc To the list" in tui.flat
        await tui.press("escape", "1")
        await tui.until(lambda: tui.app.current_mode == "overview")


async def test_of_several_one_is_chosen(tmp_path: Path) -> None:
    async with trace(tmp_path) as (daemon, tui):
        for plate in ("HRO-AL 17", "HRO-AL 18"):
            await book(daemon, plate, "Lübs")
        await look_for(tui, "Lübs")
        await tui.until("2 found; Enter shows the way of one.")
        await tui.until("Enter on one of the list above shows its way.")
        second = [line.split()[3] for line in tui.lines if "HRO-AL" in line][1]
        await tui.press("down", "enter")
        await tui.until("Booked")
        [head] = [line for line in tui.lines if "Werkstatt" in line]
        assert f"HRO-AL {second}" in head
        await tui.press("escape", "up", "enter")
        await tui.until(lambda: any(f"HRO-AL {second}" not in line for line in tui.lines if "Werkstatt" in line))


async def test_a_search_holds_against_a_load_that_is_under_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with trace(tmp_path) as (daemon, tui):
        await book(daemon, "HRO-AL 17", "Lübs")
        for plate in ("HRO-MM 1", "HRO-MM 2"):
            await book(daemon, plate, "Müller")
        await look_for(tui, "HRO-AL 17")
        await tui.until("Booked")
        appointments, asked, answer = tui.app.session.api.appointments, asyncio.Event(), asyncio.Event()
        get = appointments.get

        async def slowly(number: str) -> Json:
            asked.set()
            await answer.wait()
            return await get(number)

        monkeypatch.setattr(appointments, "get", slowly)
        page = tui.app.page
        assert isinstance(page, Trace)
        page.reload()
        await asked.wait()
        await look_for(tui, "Müller")
        await tui.until("2 found")
        answer.set()
        await tui.until(lambda: not any(worker.group == "load" for worker in tui.app.workers))
        await tui.pilot.pause()
        assert "Lübs" not in tui.text
        assert tui.text.count("HRO-MM") == 2
        assert "2 found" in tui.text


async def test_what_nobody_knows_is_said(tmp_path: Path) -> None:
    async with trace(tmp_path) as (_, tui):
        await tui.type("xyz")
        await tui.press("enter")
        await tui.until("Nothing is known of xyz.")


async def test_a_message_that_led_to_no_appointment_is_found_by_the_partners_number(tmp_path: Path) -> None:
    async with trace(tmp_path) as (daemon, tui):
        parts = daemon.daemon.parts
        assert parts is not None
        item = Unreadable(partner_id="X-1", reason="no time", raw={"id": "X-1", "dropOffTime": "soon"})
        await parts.db.write(lambda tx: quarantine(StoreSession(tx, SyncBook(parts.book, tx)), SPEC, item, item.reason))
        await look_for(tui, "X-1")
        await tui.until("a message that couldn't be applied")
        await tui.until('"dropOffTime": "soon"')
        assert "partner's number X-1" in tui.box


async def test_it_is_sent_again_after_its_consequence_was_read(tmp_path: Path, sandbox: Sandbox) -> None:
    async with trace(tmp_path, sandbox) as (daemon, tui):
        await book(daemon, "HRO-AL 17", "Lübs")
        await sent(daemon)
        await look_for(tui, "HRO-AL 17")
        await tui.until("g Send again")
        await tui.press("g")
        await tui.until("the partner may tell the customer of it")
        await tui.press("enter")
        await tui.until("On its way again: superservice/rostock.")


async def test_what_goes_nowhere_says_why_it_isn_t_sent(tmp_path: Path) -> None:
    async with trace(tmp_path) as (daemon, tui):
        await book(daemon, "HRO-AL 17", "Lübs", department="Karosserie")
        await look_for(tui, "HRO-AL 17")
        await tui.until("g Send again")
        await tui.press("g", "enter")
        await tui.until("This appointment goes to no partner")


async def test_who_may_only_read_can_t_send(tmp_path: Path) -> None:
    async with trace(tmp_path) as (daemon, tui):
        await book(daemon, "HRO-AL 17", "Lübs")
        tui.app.session.me = {**(tui.app.session.me or {}), "role": "read"}
        await look_for(tui, "HRO-AL 17")
        await tui.until("(g Send again)")


async def test_a_opens_the_appointment(tmp_path: Path) -> None:
    async with trace(tmp_path) as (daemon, tui):
        await book(daemon, "HRO-AL 17", "Lübs")
        await look_for(tui, "HRO-AL 17")
        await tui.until("a Appointment")
        await tui.press("a")
        await tui.until(lambda: isinstance(tui.app.screen, AppointmentPage))


async def test_another_screen_can_show_an_appointment_here(tmp_path: Path) -> None:
    async with trace(tmp_path) as (daemon, tui):
        one = await book(daemon, "HRO-AL 17", "Lübs")
        await tui.press("f1")
        await tui.until(lambda: tui.app.current_mode == "overview")
        tui.app.go_to("trace", one)
        await tui.until("Booked")
        assert isinstance(tui.app.page, Trace)
        assert "HRO-AL 17" in tui.text


async def test_the_way_grows_while_it_is_looked_at(tmp_path: Path) -> None:
    async with trace(tmp_path) as (daemon, tui):
        one = await book(daemon, "HRO-AL 17", "Lübs")
        await look_for(tui, "HRO-AL 17")
        await tui.until("Booked")
        changed = await daemon.http.patch(f"/v1/appointments/{one}", {"notes": "Schlüssel im Tresor"}, version=1)
        assert changed.status == 200, changed.json
        await tui.until("Changed: notes")
