"""What holds for all screens: keys, palette, help, read-only, privacy, a daemon that goes and comes, two people."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from tests.support.daemon import config_text, running_daemon
from tests.support.tui import opened
from wtpd.language import say
from wtpd.tui.curtain import IDLE
from wtpd.tui.palette import Palette
from wtpd.words import SCREENS

ONE_SITE = {"rostock": "00123"}


async def test_every_screen_has_its_function_key_and_its_number(tmp_path):
    async with running_daemon(tmp_path, config_text(sites=ONE_SITE)), opened(tmp_path / "api.sock") as tui:
        for number, name in enumerate(SCREENS, start=1):
            await tui.press(f"f{number}")
            await tui.until(lambda name=name: tui.app.current_mode == name)
            await tui.until(say(SCREENS[name]))
        await tui.press("f1")
        await tui.until(lambda: tui.app.current_mode == "overview")
        await tui.press("3")  # where no field takes it
        await tui.until(lambda: tui.app.current_mode == "mapping")


@pytest.mark.parametrize("language", ["de", "en", "nl"])
async def test_the_frame_fits_eighty_columns(tmp_path, language):
    async with (
        running_daemon(tmp_path, config_text(sites=ONE_SITE)),
        opened(tmp_path / "api.sock", language=language) as tui,
    ):
        for number in range(1, 9):
            await tui.press(f"f{number}")
            await tui.until(lambda number=number: tui.app.current_mode == list(SCREENS)[number - 1])
            await tui.until(lambda: tui.app.page.loaded)
            await tui.pilot.pause()
            assert len(tui.lines) == 24
            assert not [line for line in tui.lines[-2:] if line.rstrip().endswith("…")], tui.text


async def test_the_palette_finds_a_screen_by_some_letters(tmp_path):
    async with running_daemon(tmp_path, config_text(sites=ONE_SITE)), opened(tmp_path / "api.sock") as tui:
        await tui.press("ctrl+p")
        await tui.until("What do you want to do?")
        await tui.type("creden")
        await tui.press("enter")
        await tui.until(lambda: tui.app.current_mode == "credentials")


async def test_the_palette_says_when_nothing_fits(tmp_path):
    async with running_daemon(tmp_path, config_text(sites=ONE_SITE)), opened(tmp_path / "api.sock") as tui:
        await tui.press("colon")
        await tui.type("xyzzy")
        await tui.until("Nothing is called that.")
        await tui.press("enter")
        await tui.until(lambda: not isinstance(tui.app.screen, Palette))


async def test_help_names_the_keys_of_this_screen(tmp_path):
    async with running_daemon(tmp_path, config_text(sites=ONE_SITE)), opened(tmp_path / "api.sock") as tui:
        await tui.press("question_mark")
        text = await tui.until("goes back")
        assert "F9" in text
        await tui.press("escape")
        await tui.until_gone("goes back")


async def test_q_quits_with_success(tmp_path):
    async with running_daemon(tmp_path, config_text(sites=ONE_SITE)), opened(tmp_path / "api.sock") as tui:
        await tui.press("q")
        await tui.until(lambda: tui.app.return_code == 0)


async def test_ctrl_c_says_how_to_quit(tmp_path):
    async with running_daemon(tmp_path, config_text(sites=ONE_SITE)), opened(tmp_path / "api.sock") as tui:
        await tui.press("ctrl+c")
        await tui.until("q quits")


async def test_without_a_daemon_it_says_so_and_finds_it_when_it_comes(tmp_path):
    async with opened(tmp_path / "api.sock") as tui:
        await tui.until("no connection, trying again")
        async with running_daemon(tmp_path, config_text(sites=ONE_SITE)):
            await tui.until_gone("no connection")
            await tui.until(lambda: tui.app.session.may_write)


async def test_it_survives_a_restart_of_the_daemon(tmp_path):
    async with running_daemon(tmp_path, config_text(sites=ONE_SITE)) as daemon, opened(tmp_path / "api.sock") as tui:
        await tui.until("problem")
        await daemon.stop()
        await tui.until("no connection, trying again")
        async with running_daemon(tmp_path, ""):
            await tui.until("The daemon is back.")
            await tui.until_gone("no connection")


async def test_privacy_has_a_key_and_comes_by_itself_when_nobody_types(tmp_path):
    async with running_daemon(tmp_path, config_text(sites=ONE_SITE)), opened(tmp_path / "api.sock") as tui:
        await tui.press("f9")
        await tui.until("[hidden]")
        await tui.press("f9")
        await tui.until_gone("[hidden]")
        tui.app._curtain.touched -= IDLE + 1
        tui.app._curtain.look()
        await tui.until("[hidden]")


async def test_privacy_hides_what_was_typed_too_in_an_open_form_as_well(tmp_path):
    async with running_daemon(tmp_path, config_text(sites=ONE_SITE)), opened(tmp_path / "api.sock") as tui:
        await tui.press("f8")
        await tui.until(lambda: tui.app.current_mode == "trace")
        await tui.type("mentzel")
        await tui.until("mentzel")
        await tui.press("f9")
        await tui.until_gone("mentzel")
        await tui.press("f9")
        await tui.until("mentzel")
        tui.app.action_initials()
        await tui.until("Who are you?")
        await tui.type("MK")
        await tui.press("f9")
        await tui.until(lambda: "MK" not in tui.box)
        await tui.press("f9")
        await tui.until(lambda: "MK" in tui.box)


async def test_initials_are_asked_for_once_where_several_share_a_login(tmp_path):
    import getpass

    shared = f"api:\n  shared_logins: [{getpass.getuser()}]\n"
    async with running_daemon(tmp_path, config_text(sites=ONE_SITE, more=shared)) as daemon:
        async with opened(tmp_path / "api.sock") as tui:
            await tui.until("Who are you?")
            await tui.type("MK")
            await tui.press("enter")
            await tui.until_gone("Who are you?")
            made = await tui.app.session.api.customers.create({"last_name": "Muster"})
            assert made["id"]
        assert await daemon.http.get("/v1/status")
        async with opened(tmp_path / "api.sock", initials="MK") as tui:
            await tui.until("problem")
            assert "Who are you?" not in tui.flat


async def test_a_slash_searches_on_all_days_from_every_screen_and_types_no_slash(tmp_path):
    async with running_daemon(tmp_path, config_text(sites=ONE_SITE)), opened(tmp_path / "api.sock") as tui:
        for screen in ("f1", "f3", "f4", "f5"):
            await tui.press(screen, "slash", "slash", "x")
            await tui.until("Reception: search")
            assert tui.app.screen.query_one(Input).value == "x"
            await tui.press("escape")
            await tui.until_gone("Reception: search")
        await tui.press("f6", "slash")
        await tui.until("Type a name, a plate")
        assert tui.app.screen.query_one(Input).value == ""
