"""F3: what is connected with whom, what is connected with nobody, and changing it without surprises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import RunningDaemon, config_text, running_daemon
from tests.support.sandbox import Sandbox, running_sandbox
from tests.support.tui import Tui, opened

SITES = {"rostock": "00123", "guestrow": None}
FORM = "What this cancels and sends"


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with running_sandbox(tmp_path / "sandbox") as running:
        yield running


async def book(daemon: RunningDaemon, count: int = 1, department: str = "Werkstatt", site: str = "rostock") -> None:
    """Appointments on as many working days of spring 2036: from Monday to Friday, none of them a holiday."""
    spring = (date(2036, 3, 3) + timedelta(days=number) for number in range(7 * count))
    for start in islice((day for day in spring if day.weekday() < 5), count):
        booking = {
            "site": site, "department": department, "drop_off": f"{start}T08:00:00Z", "collection": f"{start}T12:00:00Z"
        }  # fmt: skip
        reply = await daemon.http.post("/v1/appointments", booking)
        assert reply.status == 201, reply.json


@asynccontextmanager
async def mapping(folder: Path, text: str, **options: Any) -> AsyncIterator[tuple[RunningDaemon, Tui]]:
    """The screen at a daemon; a third appointment of Rostock is in a department that nobody serves."""
    async with running_daemon(folder, text) as daemon:
        await book(daemon, 2)
        await book(daemon, 1, "Karosserie")
        async with opened(folder / "api.sock", **options) as tui:
            await tui.press("f3")
            await tui.until("Departments with appointments to come")
            yield daemon, tui


async def linked(daemon: RunningDaemon, count: int) -> None:
    """Credentials are there, and everything of Werkstatt is at the partner."""
    assert (await daemon.enter_credentials()).status == 200

    async def sent() -> bool:
        channel = await daemon.channel()
        return bool(channel["state"] == "healthy" and channel["waiting"] == 0 and channel["last_success"])

    await daemon.until(sent)
    items = (await daemon.http.get("/v1/appointments?site=rostock&department=Werkstatt&limit=100")).json["items"]
    assert len(items) == count


async def edit(tui: Tui) -> None:
    await tui.press("e")
    await tui.until(FORM)


def entered(tui: Tui, field: str) -> str:
    """What stands in the open form."""
    values: dict[str, str] = tui.app.screen.values  # type: ignore[attr-defined] # the form
    return values[field]


async def save(tui: Tui) -> None:
    """From the open form, past the consequence."""
    await tui.press("enter")
    await tui.until("This would happen")
    await tui.press("enter")
    await tui.until("Saved.")


async def test_it_shows_who_serves_what_and_names_what_nobody_serves(tmp_path: Path) -> None:
    async with mapping(tmp_path, config_text(sites=SITES)) as (_, tui):
        text = await tui.until("▲ Karosserie, Autohaus Rostock: 1 upcoming appointment, connected with nobody")
        assert "● Werkstatt, Autohaus Rostock: 2 upcoming appointments, connected with SUPERSERVICE" in tui.flat
        lines = text.splitlines()
        assert "00123" in next(line for line in lines if line.startswith("Autohaus Rostock"))
        assert "not set up here" in next(line for line in lines if line.startswith("Autohaus Guestrow"))
        assert len(tui.lines) == 24


async def test_a_wide_terminal_shows_the_status_mails_too(tmp_path: Path) -> None:
    async with mapping(tmp_path, config_text(sites=SITES), size=(120, 40)) as (_, tui):
        await tui.until("status@guestrow.example")


async def test_a_new_appointment_appears_by_itself(tmp_path: Path) -> None:
    async with mapping(tmp_path, config_text(sites=SITES)) as (daemon, tui):
        await book(daemon, 1, "Karosserie", "guestrow")
        await tui.until("▲ Karosserie, Autohaus Guestrow: 1 upcoming appointment, connected with nobody")


async def test_a_change_says_its_consequence_and_shows_the_difference_before_it_is_saved(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    text = "# mind the numbers\n" + config_text(partner=sandbox.partner("superservice"))
    async with mapping(tmp_path, text) as (daemon, tui):
        await linked(daemon, 2)
        await edit(tui)
        await tui.press("right", "enter")
        await tui.until("2 appointments to come are cancelled at the partner, and their customers are told.")
        assert "1 appointment is sent." in tui.flat
        assert "-        department: Werkstatt" in tui.text
        assert "+        department: Karosserie" in tui.text
        assert daemon.config.read_text() == text
        await tui.press("enter")
        await tui.until("Saved.")
        assert daemon.config.read_text() == text.replace("department: Werkstatt", "department: Karosserie")
        await tui.until("▲ Werkstatt, Autohaus Rostock: 2 upcoming appointments, connected with nobody")


async def test_a_number_that_the_credentials_dont_cover_is_told_before_it_is_saved(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    await sandbox.control.act(
        "superservice", "client", client_id="sandbox", client_secret="sandbox-secret", dealers="00123,00124"
    )
    text = config_text(partner=sandbox.partner("superservice"))
    async with mapping(tmp_path, text) as (daemon, tui):
        await linked(daemon, 2)
        await edit(tui)
        await tui.press("tab", "end", "backspace")
        await tui.type("9")
        await tui.press("enter")
        await tui.until("These credentials don't cover dealer number 00129; they belong to 00123, 00124.")
        await tui.press("enter")
        await tui.until("Save dealer number 00129 all the same?")
        await tui.press("escape")
        await tui.until("Nothing was saved.")
        assert daemon.config.read_text() == text
        await tui.press("enter")
        await tui.until("These credentials don't cover")
        await tui.press("enter")
        await tui.until("all the same?")
        await tui.press("enter")
        await tui.until("Saved.")
        assert 'dealer_number: "00129"' in daemon.config.read_text()


async def test_who_goes_back_from_the_consequence_finds_everything_as_it_was_typed(tmp_path: Path) -> None:
    async with mapping(tmp_path, config_text(sites=SITES)) as (daemon, tui):
        before = daemon.config.read_text()
        await edit(tui)
        await tui.press("tab", "end", "backspace")
        await tui.type("9")
        await tui.press("enter")
        await tui.until('+ dealer_number: "00129"')
        await tui.press("escape")
        await tui.until("Nothing was saved.")
        assert entered(tui, "dealer_number") == "00129"
        await tui.press("escape")
        await tui.until_gone(FORM)
        assert daemon.config.read_text() == before


async def test_a_form_that_changes_nothing_says_so(tmp_path: Path) -> None:
    async with mapping(tmp_path, config_text(sites=SITES)) as (_, tui):
        await edit(tui)
        await tui.press("enter")
        await tui.until("Nothing was changed.")
        await tui.until_gone(FORM)


async def test_a_site_is_mapped_for_the_first_time_with_its_zeros(tmp_path: Path) -> None:
    async with mapping(tmp_path, config_text(sites=SITES)) as (daemon, tui):
        await tui.press("down")
        await edit(tui)
        await tui.press("tab")
        await tui.type("00124")
        await tui.press("tab", "end", "ctrl+u")
        await tui.type("neu@guestrow.example")
        await tui.press("enter")
        await tui.until("+ status_mail: neu@guestrow.example")
        await tui.press("enter")
        await tui.until("Saved.")
        assert "neu@guestrow.example" in daemon.config.read_text()
        items = (await daemon.http.get("/v1/mapping")).json["items"]
        assert items[1]["dealer_number"] == "00124"


async def test_more_than_twenty_cancellations_are_typed(tmp_path: Path, sandbox: Sandbox) -> None:
    async with running_daemon(tmp_path, config_text(partner=sandbox.partner("superservice"))) as daemon:
        await book(daemon, 21)
        await linked(daemon, 21)
        async with opened(tmp_path / "api.sock") as tui:
            await tui.press("f3")
            await tui.until("Departments with")
            await edit(tui)
            await tui.press("right", "enter")
            await tui.until("21 appointments to come are cancelled at the partner")
            await tui.press("enter")
            await tui.until("Type 21 to confirm it.")
            await tui.press("enter")
            await tui.type("20")
            await tui.press("enter")
            assert "department: Werkstatt" in daemon.config.read_text()
            await tui.press("backspace", "1", "enter")
            await tui.until("Saved.")
            assert "department: Karosserie" in daemon.config.read_text()


async def test_a_file_that_was_changed_by_hand_is_shown_with_ours_and_then_both_are_kept(tmp_path: Path) -> None:
    async with mapping(tmp_path, config_text(sites=SITES), size=(100, 40)) as (daemon, tui):
        await edit(tui)
        await tui.press("right")
        by_hand = daemon.config.read_text().replace("language: de", "language: nl  # ours is Dutch")
        daemon.config.write_text(by_hand)
        await tui.press("enter")
        await tui.until("Somebody was faster")
        assert "+language: nl  # ours is Dutch" in tui.text
        assert "+        department: Karosserie" in tui.text
        assert daemon.config.read_text() == by_hand
        await save(tui)
        assert daemon.config.read_text() == by_hand.replace("department: Werkstatt", "department: Karosserie")


async def test_a_broken_file_is_told_with_place_and_cure_and_isnt_written(tmp_path: Path) -> None:
    async with mapping(tmp_path, config_text(sites=SITES)) as (daemon, tui):
        broken = daemon.config.read_text().replace('"00123"', "00123")
        daemon.config.write_text(broken)
        await daemon.daemon.parts.settings.reload()  # type: ignore[union-attr] # it runs
        line = 1 + next(place for place, text in enumerate(broken.splitlines()) if "00123" in text)
        await tui.until(f'wtpd.yaml:{line}:24: dealer_number 00123 must be quoted ("00123")')
        await tui.press("e")
        await tui.until("Mend wtpd.yaml first: what is wrong with it is told below.")
        assert FORM not in tui.flat
        assert daemon.config.read_text() == broken


async def test_a_file_that_breaks_while_the_form_is_open_isnt_written_either(tmp_path: Path) -> None:
    async with mapping(tmp_path, config_text(sites=SITES)) as (daemon, tui):
        await edit(tui)
        await tui.press("right")
        broken = daemon.config.read_text().replace("language: de", "language: klingon")
        daemon.config.write_text(broken)
        await tui.press("enter")
        await tui.until("klingon")
        assert FORM in tui.flat
        assert entered(tui, "department") == "Karosserie"
        assert daemon.config.read_text() == broken


async def test_the_partner_says_who_we_are_there(tmp_path: Path, sandbox: Sandbox) -> None:
    async with mapping(tmp_path, config_text(partner=sandbox.partner("superservice"))) as (daemon, tui):
        await linked(daemon, 2)
        await tui.press("v")
        await tui.until("SUPERSERVICE Connect knows us under this dealer number.")
        assert "Autohaus Nordlicht Rostock" in tui.flat
        assert "NISSAN" in tui.flat
        assert "appointments.write" in tui.flat
        await tui.press("escape")
        await tui.until("Departments with")


async def test_a_wrong_dealer_number_is_said(tmp_path: Path, sandbox: Sandbox) -> None:
    text = config_text(partner=sandbox.partner("superservice"), sites={"rostock": "00123", "guestrow": "09999"})
    async with mapping(tmp_path, text) as (daemon, tui):
        given = {"client_id": "dealer-00123", "client_secret": "secret-00123"}
        await daemon.http.put("/v1/credentials/superservice/office:rostock", {"fields": given})
        await daemon.enter_credentials()
        await tui.press("down", "v")
        await tui.until("SUPERSERVICE Connect says no")
        assert "09999" in tui.flat


async def test_old_versions_are_listed_with_their_difference_and_come_back(tmp_path: Path) -> None:
    async with mapping(tmp_path, config_text(sites=SITES)) as (daemon, tui):
        first = daemon.config.read_text()
        await edit(tui)
        await tui.press("right")
        await save(tui)
        await tui.press("h")
        await tui.until("Versions of the settings")
        await tui.until("Nothing: the file is as it was in this version.")
        await tui.press("down")
        await tui.until("What going back to version 1 changes")
        assert "-        department: Karosserie" in tui.text
        assert "+        department: Werkstatt" in tui.text
        assert "by hand, in the file" in tui.text
        await tui.press("b")
        await tui.until("Put version 1 back?")
        await tui.press("enter")
        await tui.until("Version 1 is in force again.")
        assert daemon.config.read_text() == first
        await tui.press("escape")
        await tui.until("Departments with appointments")


@pytest.mark.parametrize("coming", [2, 21])
async def test_a_file_that_lost_a_site_is_shown_and_accepted_by_a_key(tmp_path: Path, coming: int) -> None:
    async with running_daemon(tmp_path, config_text(sites={"guestrow": None, "rostock": "00123"})) as daemon:
        await book(daemon, coming, site="guestrow")
        async with opened(tmp_path / "api.sock") as tui:
            await tui.press("f3")
            await tui.until("Departments with appointments to come")
            text = daemon.config.read_text()
            start, end = text.index("  - id: guestrow"), text.index("  - id: rostock")
            daemon.config.write_text(text[:start] + text[end:])
            await daemon.daemon.parts.settings.reload()  # type: ignore[union-attr] # it runs
            await tui.until("a Accept file")
            await tui.until("wtpd.yaml isn't in force")
            assert "wtpd.yaml has errors" not in tui.flat
            await tui.press("e")
            await tui.until("waits for a confirmation first: press a.")
            await tui.press("a")
            await tui.until("Apply the file without them?")
            await tui.until(f"sites.guestrow is missing: {coming} appointments to come, 0 past ones.")
            assert "-  - id: guestrow" in tui.text
            await tui.press("escape")
            await tui.until_gone("Apply the file without them?")
            assert (await daemon.http.get("/v1/config")).json["held"], "nothing was confirmed"
            await tui.press("a")
            await tui.until("Apply the file without them?")
            await tui.press("enter")
            if coming > 20:
                await tui.until("Type 21 to confirm it.")
                await tui.press("2", "1", "enter")
            await tui.until("The file is in force now.")
        assert len((await daemon.http.get("/v1/sites")).json["items"]) == 1


async def test_a_rollback_names_what_is_cancelled_and_what_is_sent(tmp_path: Path, sandbox: Sandbox) -> None:
    async with mapping(tmp_path, config_text(partner=sandbox.partner("superservice"))) as (daemon, tui):
        await linked(daemon, 2)
        await edit(tui)
        await tui.press("right")
        await save(tui)
        await daemon.until_channel("healthy")
        await tui.press("h")
        await tui.until("Versions of the settings")
        await tui.press("down")
        await tui.until("What going back to version 1 changes")
        await tui.press("b")
        await tui.until("Put version 1 back?")
        await tui.until("is cancelled at the partner, and its customer is told.")
        await tui.until("2 appointments are sent.")


async def test_other_screens_lead_to_a_row(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text(sites=SITES)), opened(tmp_path / "api.sock") as tui:
        await tui.until("problem")
        tui.app.go_to("mapping", "guestrow/superservice")
        await tui.until("SUPERSERVICE Connect at Autohaus Guestrow")
        tui.app.go_to("mapping", "superservice/rostock")
        await tui.until("SUPERSERVICE Connect at Autohaus Rostock")


async def test_two_who_change_the_same_thing_see_each_other(tmp_path: Path) -> None:
    async with mapping(tmp_path, config_text(sites=SITES)) as (daemon, tui):
        await edit(tui)
        target = "/v1/presence/somebody"
        await daemon.http.put(target, {"what": "mapping/rostock/superservice", "editing": True})
        await tui.until("is editing this too.")


async def test_a_form_survives_a_restart_of_the_daemon(tmp_path: Path) -> None:
    async with mapping(tmp_path, config_text(sites=SITES)) as (daemon, tui):
        await edit(tui)
        await tui.press("right")
        await daemon.stop()
        await tui.press("enter")
        await tui.until("The daemon doesn't answer; nothing was changed.")
        assert entered(tui, "department") == "Karosserie"
        async with running_daemon(tmp_path, "") as back:
            await tui.until(lambda: tui.app.reached)
            await save(tui)
            assert "department: Karosserie" in back.config.read_text()
