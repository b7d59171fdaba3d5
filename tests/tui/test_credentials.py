"""F4: entering, trying, removing and asking about credentials; what is entered is seen nowhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import RunningDaemon, config_text, running_daemon
from tests.support.running_clock import CLOCK
from tests.support.sandbox import Sandbox, running_sandbox
from tests.support.tui import Tui, opened

SECRET = "sandbox-secret"
BY_OFFICE = "credentials:\n  superservice:\n    scope: office\n"
TRIED = "They are tried at the partner before they are stored."


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with running_sandbox(tmp_path / "sandbox") as running:
        yield running


@asynccontextmanager
async def credentials(folder: Path, text: str, **options: Any) -> AsyncIterator[tuple[RunningDaemon, Tui]]:
    """The screen at a daemon, where nothing is stored yet."""
    async with running_daemon(folder, text) as daemon, opened(folder / "api.sock", **options) as tui:
        await tui.press("f4")
        await tui.until("○ nothing stored")
        yield daemon, tui


async def fill(tui: Tui, client: str = "sandbox", secret: str = SECRET) -> None:
    """Open the form of the row and fill it in."""
    await tui.press("e")
    await tui.until("Good until")
    await tui.type(client)
    await tui.press("tab")
    await tui.paste(f" {secret[:5]}\n{secret[5:]}\r\n")
    await tui.until(f"{len(secret)} characters")


def row(tui: Tui, beginning: str = "SUPERSERVICE Connect") -> str:
    return next((" ".join(line.split()) for line in tui.lines if line.startswith(beginning)), "")


async def put(daemon: RunningDaemon, target: str, fields: dict[str, str], **more: Any) -> None:
    reply = await daemon.http.put(f"/v1/credentials/{target}", {"fields": fields, **more})
    assert reply.status == 200, reply.json


LOGIN = {"customer_number": "1234567", "user_name": "anna", "password": "geheim-geheim"}


async def test_what_is_needed_comes_first_and_the_rest_waits_below(tmp_path: Path) -> None:
    text = config_text(sites={"rostock": "00123"}, partner="http://127.0.0.1:9")
    async with credentials(tmp_path, text) as (_, tui):
        await tui.until("general ✖ needed, not entered")
        assert tui.lines[2].startswith("SUPERSERVICE Connect general")
        assert "SUPERSERVICE Connect has no general entry" in tui.flat
        assert "the provider wants: Client id, Client secret" in tui.flat
        assert "○ nothing stored" in row(tui, "DAT")
        assert len(tui.lines) == 24


async def test_a_good_one_is_tried_stored_and_never_seen(tmp_path: Path, sandbox: Sandbox) -> None:
    async with credentials(tmp_path, config_text(partner=sandbox.partner("superservice"))) as (daemon, tui):
        await tui.until("needed, not entered")
        await fill(tui)
        assert TRIED in tui.flat
        assert SECRET not in tui.svg
        await tui.press("enter")
        await tui.until("Tried and stored. They belong to Autohaus Nordlicht Rostock (00123).")
        await tui.until("general ● works")
        await daemon.until_channel("healthy")
        assert SECRET not in tui.svg
        assert not [one for one in vars(tui.app.page).values() if SECRET in repr(one)]


async def test_a_wrong_one_is_refused_and_the_form_stays(tmp_path: Path, sandbox: Sandbox) -> None:
    async with credentials(tmp_path, config_text(partner=sandbox.partner("superservice"))) as (daemon, tui):
        await tui.until("needed, not entered")
        await fill(tui, secret="something-else")
        await tui.press("enter")
        await tui.until("SUPERSERVICE Connect doesn't accept these credentials")
        assert "Nothing was stored." in tui.flat
        assert tui.app.screen.values["client_id"] == "sandbox"  # type: ignore[attr-defined] # the form
        assert "something-else" not in tui.svg
        items = (await daemon.http.get("/v1/credentials")).json["items"]
        assert not any(one["entries"] for one in items)


async def test_those_of_another_dealer_are_refused_by_name(tmp_path: Path, sandbox: Sandbox) -> None:
    sites = {"rostock": "00123", "guestrow": "00124"}
    text = config_text(partner=sandbox.partner("superservice"), sites=sites, more=BY_OFFICE)
    async with credentials(tmp_path, text) as (_, tui):
        await tui.until("office Autohaus Rostock ✖ needed")
        await tui.until("office Autohaus Guestrow ✖ needed")
        tui.app.go_to("credentials", "superservice/office:rostock")
        await fill(tui, "dealer-00124", "secret-00124")
        await tui.press("enter")
        await tui.until("These credentials belong to dealer number 00124 (Autohaus Nordlicht Güstrow)")
        await tui.until("but the mapping has 00123 for rostock.")


async def test_a_partner_that_is_down_lets_them_be_stored_untried_if_that_is_meant(tmp_path: Path) -> None:
    async with credentials(tmp_path, config_text(partner="http://127.0.0.1:9")) as (_, tui):
        await tui.until("needed, not entered")
        await fill(tui)
        await tui.press("enter")
        await tui.until("Store them untried?")
        await tui.press("escape")
        await tui.until("Nothing was stored.")
        assert tui.app.screen.values["client_secret"] == SECRET  # type: ignore[attr-defined] # the form
        await tui.press("enter")
        await tui.until("Store them untried?")
        await tui.press("enter")
        await tui.until("Stored untried: SUPERSERVICE Connect can't be reached")
        await tui.until("● stored")


async def test_a_field_left_empty_keeps_what_is_stored(tmp_path: Path, sandbox: Sandbox) -> None:
    async with credentials(tmp_path, config_text(partner=sandbox.partner("superservice"))) as (daemon, tui):
        await daemon.enter_credentials()
        await tui.until("● works")
        await tui.press("e")
        await tui.until("A field left empty keeps what is stored.")
        await tui.press("tab")
        await tui.type(SECRET)
        await tui.press("enter")
        await tui.until("Tried and stored.")


async def test_it_is_chosen_for_whom_they_are(tmp_path: Path) -> None:
    async with credentials(tmp_path, config_text()) as (daemon, tui):
        made = await daemon.http.post("/v1/assessors", {"id": "meier", "name": "Petra Meier"})
        assert made.status == 201
        await tui.until(lambda: tui.app.page.people)  # type: ignore[union-attr] # this screen
        tui.app.go_to("credentials", "cartv/general")
        await tui.press("enter")
        await tui.until("CARTV: for whom?")
        assert "In force: the general entry serves everything." in tui.flat
        assert "office Autohaus Rostock" in tui.flat
        await tui.press("end", "enter")
        await tui.until("CARTV: assessor Petra Meier")
        await tui.type("1234567")
        await tui.press("tab")
        await tui.type("petra")
        await tui.press("tab")
        await tui.type("geheim-geheim")
        await tui.press("enter")
        await tui.until("Stored untried: CARTV offers no way to try its credentials.")
        await tui.until("CARTV assessor Petra Meier ● stored")
        assert tui.app.page.row.key == "cartv/assessor:meier"  # type: ignore[union-attr] # this screen
        await tui.press("w")
        await tui.until("CARTV: whom is the order for?")
        await tui.press("enter")
        await tui.until("The order is refused.")
        assert "CARTV has no general entry" in tui.flat


async def test_a_choice_that_isnt_touched_leaves_what_is_stored(tmp_path: Path) -> None:
    async with credentials(tmp_path, config_text()) as (daemon, tui):
        mail = {"user_name": "box", "password": "geheim-geheim", "security": "none"}
        await put(daemon, "email/general", mail)
        await tui.until("E-mail general ● stored")
        tui.app.go_to("credentials", "email/general")
        await tui.press("e")
        await tui.until("as it is stored")
        assert tui.app.screen.values["security"] == ""  # type: ignore[attr-defined] # the form


async def test_a_day_until_which_they_are_good(tmp_path: Path) -> None:
    now = CLOCK.now()
    async with credentials(tmp_path, config_text()) as (daemon, tui):
        tui.app.go_to("credentials", "cartv/general")
        await tui.press("e")
        await tui.until("CARTV: for whom?")
        await tui.press("enter")
        await tui.until("Good until")
        await tui.type("10001")
        await tui.press("tab")
        await tui.type("rostock")
        await tui.press("tab")
        await tui.type("geheim-geheim")
        await tui.press("tab")
        await tui.type("next spring")
        await tui.press("enter")
        await tui.until("next spring is no day")
        await tui.press("ctrl+u")
        await tui.type((now + timedelta(days=5)).date().isoformat())
        await tui.press("enter")
        await tui.until("CARTV general ▲ expires in")
        entry = next(
            one["entries"][0]
            for one in (await daemon.http.get("/v1/credentials")).json["items"]
            if one["provider"] == "cartv"
        )
        assert datetime.fromisoformat(entry["expires_at"]) - now > timedelta(days=4)


async def test_it_is_tested_used_and_removed_with_its_consequence(tmp_path: Path, sandbox: Sandbox) -> None:
    async with credentials(tmp_path, config_text(partner=sandbox.partner("superservice"))) as (daemon, tui):
        await daemon.enter_credentials()
        await daemon.until_channel("healthy")
        await tui.until("● works")
        await tui.press("t")
        await tui.until("● They belong to Autohaus Nordlicht Rostock (00123).")
        assert "appointments.write" in tui.flat
        await tui.press("escape", "u")
        text = await tui.until("used for the first time: ok")
        assert "entered" in text
        assert "tested: ok" in text
        await tui.press("escape", "x")
        await tui.until("Forget the credentials of SUPERSERVICE Connect for general?")
        await tui.until("● all is well")
        await tui.until("SUPERSERVICE Connect stops at Autohaus Rostock until others are entered")
        await tui.press("escape", "x", "enter")
        await tui.until("Forgotten.")
        await tui.until("needed, not entered")


async def test_an_entry_of_an_office_goes_and_the_general_one_takes_over(tmp_path: Path) -> None:
    more = BY_OFFICE + "    fallback: general\n"
    text = config_text(sites={"rostock": "00123"}, more=more)
    async with credentials(tmp_path, text) as (daemon, tui):
        fields = {"client_id": "a", "client_secret": "geheim-geheim"}
        for scope in ("general", "office:rostock"):
            await put(daemon, f"superservice/{scope}", fields, force=True)
        await tui.until("office Autohaus Rostock ● stored")
        tui.app.go_to("credentials", "superservice/office:rostock")
        await tui.press("x")
        await tui.until("From then on the general entry serves in its place.")


async def test_a_lost_key_is_said_and_everything_can_be_entered_anew(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text()) as daemon:
        await put(daemon, "cartv/general", LOGIN)
    (tmp_path / "wtpd.key").unlink()
    async with credentials(tmp_path, "") as (_, tui):
        await tui.until("key lost: enter again")
        assert "Or press s to start over" in tui.flat
        await tui.press("s")
        await tui.until("Bring the key back instead if there is a copy of it")
        await tui.press("enter")
        await tui.until("Enter again: cartv/general")
        await tui.until_gone("key lost")
        await tui.until_gone("Or press s to start over")


async def test_the_key_is_changed_from_the_palette(tmp_path: Path) -> None:
    async with credentials(tmp_path, config_text()) as (daemon, tui):
        await put(daemon, "cartv/general", LOGIN)
        await tui.press("colon")
        await tui.type("new key")
        await tui.press("enter")
        await tui.until("Backups made before need the old key.")
        await tui.press("enter")
        await tui.until_gone("Seal all")
        audit = await daemon.until(lambda: _audited(daemon, "rotate"))
        assert audit


async def _audited(daemon: RunningDaemon, action: str) -> bool:
    lines = (await daemon.http.get("/v1/credentials/audit")).json["items"]
    return any(one["action"] == action for one in lines)


async def test_what_somebody_else_enters_appears_by_itself(tmp_path: Path) -> None:
    async with credentials(tmp_path, config_text()) as (daemon, tui):
        await put(daemon, "cartv/general", LOGIN)
        await tui.until("CARTV general ● stored")


async def test_a_secret_stays_in_its_form_while_the_daemon_is_away(tmp_path: Path, sandbox: Sandbox) -> None:
    async with credentials(tmp_path, config_text(partner=sandbox.partner("superservice"))) as (daemon, tui):
        await tui.until("needed, not entered")
        await fill(tui)
        await daemon.stop()
        await tui.press("enter")
        await tui.until("The daemon doesn't answer; nothing was changed.")
        async with running_daemon(tmp_path, "") as back:
            await tui.until(lambda: tui.app.reached)
            await tui.press("enter")
            await tui.until("Tried and stored.")
            await back.until_channel("healthy")
        assert SECRET not in tui.svg


async def test_a_newcomer_mends_a_broken_token_with_nothing_but_what_the_screens_say(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with running_daemon(tmp_path, config_text(partner=sandbox.partner("superservice"))) as daemon:
        await daemon.enter_credentials()
        await daemon.until_channel("healthy")
        await sandbox.control.fault("superservice", "status", status=401)
        await daemon.http.post("/v1/connectors/superservice/sync", {})
        await daemon.until_channel("needs_token")
        await sandbox.control.clear_faults("superservice")
        async with opened(tmp_path / "api.sock") as tui:
            await tui.until("Enter new credentials: F4 Credentials")
            await tui.press("enter")
            await tui.until("SUPERSERVICE Connect general ✖ refused")
            await tui.press("enter")
            await tui.until("A field left empty keeps what is stored.")
            await tui.type("sandbox")
            await tui.press("tab")
            await tui.paste(f"{SECRET}\n")
            await tui.press("enter")
            await tui.until("Tried and stored.")
            await tui.until("● works")
            await tui.press("f1")
            await tui.until("● all is well")
            await daemon.until_channel("healthy")
