"""F1: what is wrong with its next step, every channel, and what can be done with one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import RunningDaemon, config_text, running_daemon
from tests.support.hand_clock import HandClock
from tests.support.running_clock import START
from tests.support.sandbox import Sandbox, running_sandbox
from tests.support.tui import Tui, opened
from wtpd.tui.live import import_flag
from wtpd.tui.screens.overview import Overview
from wtpd.tui.screens.overview.runs import RunsPage
from wtpd.tui.terminal import Mode

NOBODY = "http://127.0.0.1:9"
"""A partner that can't be reached."""
CHANNEL = "superservice/rostock"
TWO_SITES = {"rostock": "00123", "wismar": "00456"}
BOOKING = {
    "site": "rostock",
    "department": "Werkstatt",
    "drop_off": "2027-03-01T07:00:00Z",
    "collection": "2027-03-01T15:00:00Z",
}


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with running_sandbox(tmp_path / "sandbox") as running:
        yield running


@asynccontextmanager
async def healthy(folder: Path, sandbox: Sandbox, **options: Any) -> AsyncIterator[tuple[RunningDaemon, Tui]]:
    """The overview of a dealership where all is well."""
    text = config_text(partner=sandbox.partner("superservice"))
    patient = text.replace("_timeout: 5s", "_timeout: 2min").replace("_timeout: 10s", "_timeout: 2min")
    async with running_daemon(folder, patient) as daemon:  # a busy machine may take its time while a call is held
        assert (await daemon.enter_credentials()).status == 200
        await daemon.until_channel("healthy")
        async with opened(folder / "api.sock", **options) as tui:
            await tui.until("Nothing is wrong.")
            yield daemon, tui


def row(tui: Tui, beginning: str = CHANNEL) -> str:
    return next((" ".join(line.split()) for line in tui.lines if line.startswith(beginning)), "")


def keys(tui: Tui) -> str:
    return tui.lines[-2]


async def test_what_is_wrong_stands_above_with_its_next_step(tmp_path: Path) -> None:
    text = config_text(partner=NOBODY, sites=TWO_SITES)
    async with running_daemon(tmp_path, text) as daemon, opened(tmp_path / "api.sock") as tui:
        await daemon.until_channel("needs_token", "superservice/wismar")
        await tui.until(lambda: tui.text.count("✖") >= 4)
        assert tui.lines[2].startswith("✖  SUPERSERVICE Connect, ")
        assert "→ Enter new credentials" in tui.flat
        assert "needs token" in row(tui)
        assert "needs token" in row(tui, "superservice/wismar")
        assert "wtpd 0" in tui.text, "the box"
        assert len(tui.lines) == 24


async def test_enter_on_a_problem_goes_where_it_is_mended(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text(partner=NOBODY)) as daemon:
        await daemon.until_channel("needs_token")
        async with opened(tmp_path / "api.sock") as tui:
            await tui.until("→ Enter new credentials")
            await tui.press("enter")
            await tui.until(lambda: tui.app.current_mode == "credentials")


async def test_the_cursor_of_the_channels_follows_the_problem(tmp_path: Path) -> None:
    text = config_text(partner=NOBODY, sites=TWO_SITES)
    async with running_daemon(tmp_path, text) as daemon:
        for site in TWO_SITES:
            await daemon.until_channel("needs_token", f"superservice/{site}")
        async with opened(tmp_path / "api.sock") as tui:
            await tui.until(lambda: tui.text.count("✖") >= 4)
            for one in ("home", "end"):
                await tui.press(one)
                site = next(line.split()[3].rstrip(":") for line in reversed(tui.lines[2:4]) if line.strip())
                await tui.until(f"superservice/{site} ✖")  # its runs are looked at


async def test_when_all_is_well_it_says_when_it_last_was(tmp_path: Path, sandbox: Sandbox) -> None:
    async with healthy(tmp_path, sandbox) as (_, tui):
        assert "● Nothing is wrong. The last exchange with a partner was" in tui.flat
        await tui.until("● all is well")


async def test_a_channel_is_synced_now_and_its_result_said(tmp_path: Path, sandbox: Sandbox) -> None:
    async with healthy(tmp_path, sandbox) as (_, tui):
        await tui.press("s")
        await tui.until(f"{CHANNEL}: nothing new on either side.")


async def test_a_run_that_fails_says_why(tmp_path: Path, sandbox: Sandbox) -> None:
    async with healthy(tmp_path, sandbox) as (_, tui):
        await sandbox.control.fault("superservice", "status", status=500, route="*/changes")
        await tui.press("s")
        await tui.until(f"{CHANNEL}: the run failed:")
        await tui.until(lambda: "retrying" in row(tui))


async def test_two_presses_start_one_run(tmp_path: Path) -> None:
    clock = HandClock(START)
    async with running_sandbox(tmp_path / "sandbox", clock=clock) as sandbox, healthy(tmp_path, sandbox) as (_, tui):
        await sandbox.control.fault("superservice", "late", seconds=600, route="*/changes", method="GET")
        await tui.press("s", "s")
        await tui.until("syncing, one moment please.")
        assert "… syncing" in row(tui)
        await tui.press("down", "f7")
        await tui.until(lambda: tui.app.current_mode == "log")  # nobody waits for it
        await sandbox.control.clear_faults("superservice")
        clock.advance(600)
        await tui.until(f"{CHANNEL}: nothing new on either side.")
        await tui.press("f1")
        await tui.until(lambda: "● healthy" in row(tui))


async def test_a_dry_run_says_field_by_field_what_a_run_would_do(tmp_path: Path, sandbox: Sandbox) -> None:
    async with healthy(tmp_path, sandbox) as (daemon, tui):
        await tui.press("p", "enter")
        await tui.until("‖ paused")
        await daemon.http.post("/v1/appointments", {**BOOKING, "notes": "Schlüssel im Tresor"})
        await sandbox.control.act("superservice", "book", dealer="00123", last_name="Lübs", plate="HRO-AL 17")
        await tui.press("y")
        await tui.until("A run would take 2 steps. Nothing was written.")
        await tui.until("Book here:")
        await tui.until("last name – → Lübs")
        await tui.press("end")
        await tui.until("Book at the partner: 01/03 08:00")
        await tui.until("notes – → Schlüssel im Tresor")
        assert (await daemon.http.get("/v1/appointments")).json["items"][1:] == []


async def test_a_dry_run_hides_who_it_is_about(tmp_path: Path, sandbox: Sandbox) -> None:
    async with healthy(tmp_path, sandbox) as (_, tui):
        await tui.press("p", "enter")
        await tui.until("‖ paused")
        await sandbox.control.act("superservice", "book", dealer="00123", last_name="Lübs", plate="HRO-AL 17")
        await tui.press("f9", "y")
        await tui.until("A run would take one step.")
        plan = tui.text
        await tui.press("pagedown")
        assert "•••" in plan + tui.text
        assert "Lübs" not in plan + tui.text
        assert "HRO-AL" not in plan + tui.text


async def test_pausing_names_its_consequence_and_the_same_key_resumes(tmp_path: Path, sandbox: Sandbox) -> None:
    async with healthy(tmp_path, sandbox) as (daemon, tui):
        await tui.press("p")
        await tui.until("Nothing is fetched from SUPERSERVICE Connect and nothing is sent there for Autohaus Rostock")
        await tui.press("escape")
        await tui.until_gone("Nothing is fetched")
        assert (await daemon.channel())["state"] == "healthy"
        await tui.press("p", "enter")
        await tui.until("‖ paused")
        await tui.until("Paused by")
        await tui.until(lambda: "p Resume" in keys(tui) and "s Sync" not in keys(tui))
        await tui.press("p")
        await tui.until(f"{CHANNEL} runs again.")
        await tui.until("● healthy")


async def test_verifying_says_who_we_are_there(tmp_path: Path, sandbox: Sandbox) -> None:
    async with healthy(tmp_path, sandbox) as (_, tui):
        await tui.press("v")
        await tui.until("Ask SUPERSERVICE Connect who we are there")
        await tui.press("enter")
        await tui.until("Who we are at SUPERSERVICE Connect")
        assert "dealer number 00123" in tui.flat
        assert "brand NISSAN" in tui.flat


async def test_comparing_says_what_differs(tmp_path: Path, sandbox: Sandbox) -> None:
    async with healthy(tmp_path, sandbox) as (daemon, tui):
        await tui.press("v", "down", "enter")
        await tui.until("No difference: both sides agree.")
        await tui.press("escape")
        await daemon.http.post("/v1/connectors/superservice/pause", {})
        await sandbox.control.act("superservice", "book", dealer="00123", last_name="Lübs")
        await tui.until("‖ paused")
        await tui.press("v", "down", "enter")
        await tui.until("1 difference:")
        await tui.until("(on its way)")


async def test_after_many_cancellations_it_asks_with_the_number(tmp_path: Path, sandbox: Sandbox) -> None:
    async with healthy(tmp_path, sandbox) as (daemon, tui):
        await sandbox.control.act("superservice", "book", dealer="00123", count=22)
        await daemon.until(lambda: _appointments(daemon, "scheduled"))
        await sandbox.control.act("superservice", "cancel-many", dealer="00123")
        await tui.until("✖ stopped")
        await tui.until(lambda: "p Resume" in keys(tui))
        await tui.press("p")
        await tui.until("SUPERSERVICE Connect cancels 22 of 22 appointments.")
        await tui.press("down", "enter")
        await tui.until("Type 22 to confirm it.")
        await tui.press("enter")
        assert "Type 22" in tui.text, "not without the number"
        await tui.type("22")
        await tui.press("enter")
        await tui.until(f"{CHANNEL} runs again.")
        await daemon.until(lambda: _appointments(daemon, "cancelled"))


async def test_after_another_dealer_number_it_asks_with_the_number(tmp_path: Path, sandbox: Sandbox) -> None:
    async with healthy(tmp_path, sandbox) as (daemon, tui):
        await sandbox.control.act("superservice", "book", dealer="00123", count=22)
        await daemon.until(lambda: _appointments(daemon, "scheduled"))
        await sandbox.control.act("superservice", "dealer", dealer="00124")
        daemon.config.write_text(daemon.config.read_text().replace('"00123"', '"00124"'))
        daemon.daemon.reload()
        await tui.until("✖ stopped")
        await tui.until(lambda: "p Resume" in keys(tui))
        await tui.press("p")
        await tui.until("Going on cancels 22 appointments at SUPERSERVICE Connect")
        await tui.press("escape")
        await tui.until_gone("Going on cancels")
        await tui.until(lambda: "✖ stopped" in row(tui))
        await tui.press("p")
        await tui.until("Type 22 to confirm it.")
        await tui.type("22")
        await tui.press("enter")
        await tui.until(f"{CHANNEL} runs again.")


async def test_the_palette_syncs_all_channels(tmp_path: Path, sandbox: Sandbox) -> None:
    async with healthy(tmp_path, sandbox) as (_, tui):
        await tui.press("colon")
        await tui.type("sync all")
        await tui.press("enter")
        await tui.until(f"{CHANNEL}: nothing new on either side.")


async def test_other_screens_lead_to_a_channel_and_to_the_box(tmp_path: Path, sandbox: Sandbox) -> None:
    async with healthy(tmp_path, sandbox) as (_, tui):
        await tui.press("f7")
        await tui.until(lambda: tui.app.current_mode == "log")
        tui.app.go_to("overview", "disk")
        await tui.until("disk free")
        await tui.press("escape")
        tui.app.go_to("overview", CHANNEL)
        await tui.until(lambda: tui.app.current_mode == "overview")
        assert tui.app.focused is not None
        assert tui.app.focused.id == "channels"


async def test_a_run_that_found_nothing_is_seen_though_it_leaves_no_record(tmp_path: Path, sandbox: Sandbox) -> None:
    async with healthy(tmp_path, sandbox) as (daemon, tui):
        page = tui.app.page
        assert isinstance(page, Overview)
        before = page._status["channels"][0]["last_success"]
        await daemon.http.post("/v1/connectors/superservice/sync", {})
        await tui.until(lambda: page._status["channels"][0]["last_success"] > before)


async def _appointments(daemon: RunningDaemon, status: str) -> bool:
    found = (await daemon.http.get("/v1/appointments?limit=50")).json["items"]
    return len([one for one in found if one["status"] == status]) == 22


async def test_the_runs_of_a_channel_and_what_each_did(tmp_path: Path, sandbox: Sandbox) -> None:
    async with healthy(tmp_path, sandbox) as (daemon, tui):
        await daemon.http.post("/v1/appointments", BOOKING)
        await tui.until(lambda: "1 sent" in tui.text or "1 fetched" in tui.text)  # the line of the last runs
        await tui.press("h")
        await tui.until(lambda: isinstance(tui.app.screen, RunsPage))
        await tui.until("Runs of superservice/rostock")
        await tui.until("a change here")
        await tui.press("enter")
        await tui.until("calls of the partner")
        await tui.press("escape")
        await tui.until_gone("calls of the partner")
        await tui.press("escape")
        await tui.until(lambda: tui.app.current_mode == "overview")
        await tui.until("● healthy")


async def test_the_box_is_told_of_as_a_whole(tmp_path: Path, sandbox: Sandbox) -> None:
    async with healthy(tmp_path, sandbox) as (_, tui):
        await tui.press("b")
        for word in ("version", "in service", "disk free", "database", "clock", "mails waiting"):
            await tui.until(word)


async def test_who_may_only_read_sees_the_keys_in_parentheses(tmp_path: Path, sandbox: Sandbox) -> None:
    async with healthy(tmp_path, sandbox) as (_, tui):
        tui.app.session.me = {**(tui.app.session.me or {}), "role": "read"}
        tui.app.page.refresh_bindings()  # type: ignore[union-attr] # it is there
        await tui.until("(s Sync)")
        assert "(p Pause)" in keys(tui)
        assert " h Runs" in keys(tui)
        await tui.press("s")
        assert "syncing" not in tui.text


async def test_a_wide_terminal_shows_channel_and_box_at_the_side(tmp_path: Path, sandbox: Sandbox) -> None:
    async with healthy(tmp_path, sandbox, size=(140, 40)) as (_, tui):
        await tui.until("disk free")
        assert "dealer number" in tui.text


async def test_signs_are_ascii_where_the_terminal_is(tmp_path: Path, sandbox: Sandbox) -> None:
    async with healthy(tmp_path, sandbox, mode=Mode(utf8=False)) as (_, tui):
        tui.app.session.glyphs = Mode(utf8=False).glyphs
        tui.app.page.draw()  # type: ignore[union-attr] # it is there
        await tui.until("+ healthy")


@pytest.mark.parametrize("language", ["de", "en", "nl"])
async def test_all_of_it_fits_eighty_columns(tmp_path: Path, language: str) -> None:
    text = config_text(partner=NOBODY, sites={f"site{number}": f"0012{number}" for number in range(8)})
    async with running_daemon(tmp_path, text), opened(tmp_path / "api.sock", language=language) as tui:
        await tui.until(lambda: tui.app.page is not None and tui.app.page.loaded)
        await tui.until(lambda: tui.text.count("superservice/site") >= 5)
        assert len(tui.lines) == 24
        assert "wtpd 0" in tui.lines[-4], "the box, above message, keys and screens"
        assert not keys(tui).rstrip().endswith("…")


async def test_without_the_daemon_there_is_nothing_to_ask_of_it(tmp_path: Path) -> None:
    async with opened(tmp_path / "api.sock") as tui:
        await tui.until("no connection")
        assert "b Box" not in keys(tui)
        await tui.press("b", "h", "s", "v")
        await tui.press("colon")
        await tui.type("sync all")
        await tui.press("enter")
        await tui.pilot.pause()
        assert "no connection" in tui.text


def test_the_top_line_says_how_far_an_import_is() -> None:
    said = [import_flag({"phase": phase, "done": done, "total": total}) for phase, done, total in (
        ("reading", 0, 0), ("writing", 450, 1000), ("telling", 0, 0), ("idle", 0, 0))]  # fmt: skip
    assert [each and each.render("de") for each in said] == [
        "Import: Listen lesen", "Import: Schreiben, 45 %", "Import: Partnersysteme benachrichtigen", None,
    ]  # fmt: skip


async def test_an_import_under_way_stands_in_the_top_line(tmp_path: Path, sandbox: Sandbox) -> None:
    async with healthy(tmp_path, sandbox) as (_, tui):
        tui.app.note_import(import_flag({"phase": "writing", "done": 45, "total": 100}))
        await tui.until("[import: writing, 45 %]")
        tui.app.note_import(import_flag({"phase": "idle", "done": 0, "total": 0}))
        await tui.until(lambda: "import:" not in tui.lines[0])


async def test_the_box_tells_the_door_on_the_local_network(tmp_path: Path) -> None:
    text = config_text(more="listener: {enabled: true, address: 192.0.2.9}\n")
    async with running_daemon(tmp_path, text) as daemon, opened(tmp_path / "api.sock") as tui:
        await daemon.until(lambda: _has(daemon, "listener"))
        await tui.until("The box has no address 192.0.2.9")
        await tui.press("b")
        await tui.until("192.0.2.9 8443")
        assert "doesn't listen" in tui.text


async def _has(daemon: RunningDaemon, kind: str) -> bool:
    return kind in {one["kind"] for one in await daemon.problems()}
