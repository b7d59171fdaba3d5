"""Somebody else's connector: the example package, built and installed beside wtpd, is used like ours, though no line
of ours names it."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import OFFLINE, RunningDaemon, config_text, running_daemon
from tests.support.hand_clock import HandClock
from tests.support.mail_server import MailServer
from tests.support.sandbox import Sandbox, running_sandbox
from tests.support.tui import opened
from tests.support.tui_desk import Desk
from wtpd.tui.screens.customers.page import open_customer
from wtpd.tui.widgets.form import Form

EXAMPLE = Path(__file__).parents[1] / "example_connector"
VIN = "WVWDEXTESTSTUB001"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the package was installed to."""
    folder = tmp_path_factory.mktemp("third-party")
    shutil.copytree(EXAMPLE, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--isolated", "install", "--quiet", "--no-index"]
    options = ["--no-deps", "--no-build-isolation", "--target", str(folder / "installed")]
    subprocess.run([*pip, *options, str(folder / "source")], check=True, capture_output=True, text=True)
    return folder / "installed"


@pytest.fixture
def installed(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """This process, with the package."""

    def forget() -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] == "wtpd_platebook"]:
            del sys.modules[name]

    forget()
    monkeypatch.setattr(sys, "path", [str(scratch), *sys.path])
    yield scratch
    forget()


@dataclass(frozen=True, slots=True)
class House:
    daemon: RunningDaemon
    sandbox: Sandbox
    mails: MailServer
    clock: HandClock


@pytest.fixture
async def house(installed: Path, tmp_path: Path) -> AsyncIterator[House]:
    clock = HandClock()
    async with MailServer() as mails, running_sandbox(tmp_path / "sandbox", clock=clock) as sandbox:
        await sandbox.control.act("platebook", "vehicle", vin=VIN, make="Volkswagen")
        connectors = f"{OFFLINE}  platebook:\n    address: {sandbox.partner('platebook')}\n"
        more = f"mail: {{host: 127.0.0.1, port: {mails.port}, security: none}}\n{connectors}"
        async with running_daemon(tmp_path, config_text(sites={"rostock": None}, more=more), clock=clock) as daemon:
            yield House(daemon, sandbox, mails, clock)


async def test_its_login_is_tried_and_kept_and_it_answers(house: House) -> None:
    wrong = await house.daemon.enter_credentials("platebook", token="wrong")
    assert wrong.status >= 400, "its own `verify` tries the login before it is stored"
    entered = await house.daemon.enter_credentials("platebook", token="sandbox-token")
    assert (entered.status, entered.json["tested"]) == (200, True)
    verified = await house.daemon.http.post("/v1/connectors/platebook/verify", {})
    assert [one["account"] for one in verified.json["items"]] == ["Autohaus"], verified.json
    found = await house.daemon.http.post("/v1/identifications", {"vin": VIN, "source": "platebook"})
    assert (found.status, found.json["title"], found.json["candidates"][0]["make"]) == (200, "Platebook", "Volkswagen")


async def test_its_refusal_is_a_problem_and_one_mail(house: House) -> None:
    await house.daemon.enter_credentials("platebook", token="sandbox-token")
    await house.sandbox.control.act("platebook", "token", token="another")
    await house.daemon.http.post("/v1/identifications", {"vin": VIN, "source": "platebook"})

    async def refused() -> bool:
        return any("Platebook" in one["text"] for one in await house.daemon.problems())

    async def mailed() -> bool:
        house.clock.advance(30)
        return bool(house.mails.mails)

    await house.daemon.until(refused)
    await house.daemon.until(mailed)
    house.clock.advance(3600)
    assert len(house.mails.mails) == 1
    assert "Platebook" in house.mails.mails[0].as_string()


async def test_it_shows_and_can_be_paused_like_ours(house: House, scratch: Path) -> None:
    await house.daemon.enter_credentials("platebook", token="sandbox-token")
    http, socket = house.daemon.http, str(house.daemon.folder / "api.sock")

    async def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(wtpd, scratch, *arguments, WTPD_SOCKET=socket, **environ)

    listed = (await http.get("/v1/connectors")).json["items"]
    [channel] = next(one["channels"] for one in listed if one["name"] == "platebook")
    assert (channel["id"], channel["state"], channel["makes_runs"]) == ("platebook", "healthy", False)
    assert channel in (await http.get("/v1/status")).json["channels"]
    assert "platebook" in (await run("status")).stdout
    assert "platebook" in (await run("credential")).stdout
    typed = {"_WTPD_COMPLETE": "bash_complete", "COMP_WORDS": "wtpd pause pl", "COMP_CWORD": "2"}
    assert (await run(**typed)).stdout.split() == ["plain,platebook"]
    assert (await run("pause", "platebook")).stdout == "platebook is paused.\n"
    refused = await http.post("/v1/identifications", {"vin": VIN, "source": "platebook"}, accept_language="en")
    assert (refused.status, refused.kind) == (503, "paused")
    assert [one["kind"] for one in await house.daemon.problems() if one["channel"] == "platebook"] == ["channel.paused"]
    actions = (await http.get("/v1/actions", accept_language="en")).json["items"]
    assert {one["available"] for one in actions if one["connector"] == "platebook"} == {False}
    async with opened(house.daemon.folder / "api.sock") as tui:
        await tui.until("platebook")
        await tui.until("paused")
    assert (await run("resume", "platebook")).returncode == 0
    assert (await http.post("/v1/identifications", {"vin": VIN, "source": "platebook"})).status == 200
    traced = await run("trace", "platebook")
    assert f"Platebook: was asked about {VIN}, and answered" in traced.stdout
    unwanted = await run("sync", "platebook")
    assert unwanted.returncode == 1
    assert "Platebook makes no runs" in unwanted.stderr


async def test_it_is_on_the_screens(house: House) -> None:
    async with opened(house.daemon.folder / "api.sock") as tui:
        await tui.press("f4")
        await tui.until("Platebook")


# Its own button, which no port knows


async def a_car(house: House) -> Any:
    await house.daemon.enter_credentials("platebook", token="sandbox-token")
    desk = Desk(house.daemon.http)
    person = await desk.customer()
    return await desk.vehicle("HRO-AL 17", owner=person["id"], vin=VIN, make="", model="")


async def test_its_button_has_a_door(house: House) -> None:
    car = await a_car(house)
    target = "/v1/connectors/platebook/actions/owners"
    asked = await house.daemon.http.post(target, {"on": car["id"]}, accept_language="en")
    assert (asked.status, asked.kind) == (409, "not-confirmed")
    body = {"on": car["id"], "confirmed": True}
    done = (await house.daemon.http.post(target, body, accept_language="en")).json
    assert done["facts"] == [{"name": "owners", "label": "Earlier owners", "value": 4}]
    assert done["remarks"] == [{"text": "Platebook knows 4 earlier owners.", "tone": "warn"}]
    newer = {**body, "fields": {"since": "2026-01-01"}}
    assert (await house.daemon.http.post(target, newer)).json["data"] == {"owners": 1}
    wrong = await house.daemon.http.post(target, {**body, "fields": {"since": "yesterday"}})
    assert (wrong.status, wrong.json["errors"][0]["field"]) == (422, "since")
    identified = await house.daemon.http.post("/v1/connectors/platebook/actions/identify", {"on": car["id"]})
    assert identified.json["filled"] == {"make": "Volkswagen"}, "the house does what every source can"


async def test_its_button_is_on_the_page_of_the_vehicle(house: House) -> None:
    car = await a_car(house)
    async with opened(house.daemon.folder / "api.sock") as tui:
        open_customer(tui.app, car["owner"])
        await tui.until("HRO-AL 17")
        await tui.press("ctrl+p")
        await tui.until("What do you want to do?")
        await tui.type("earlier owners")
        await tui.until("Platebook: Ask for earlier owners (HRO-AL 17)")
        await tui.press("enter")
        await tui.until("Platebook tells the owners that somebody asked.")
        await tui.press("enter")
        await tui.until(lambda: isinstance(tui.app.screen, Form))
        await tui.press("f2")
        await tui.until("Platebook knows 4 earlier owners.")
        assert "Earlier owners" in tui.text


async def test_its_button_is_a_command(house: House, scratch: Path) -> None:
    car = await a_car(house)
    socket = str(house.daemon.folder / "api.sock")

    async def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(wtpd, scratch, *arguments, WTPD_SOCKET=socket, **environ)

    listed = await run("action", "platebook")
    assert listed.returncode == 0, listed.stderr
    assert "Ask for earlier owners" in listed.stdout
    assert "platebook owners: --field since=2026-11-21" in listed.stdout
    unasked = await run("action", "platebook", "owners", car["id"])
    assert unasked.returncode == 1
    assert "Platebook tells the owners that somebody asked." in unasked.stderr
    assert "--yes" in unasked.stderr
    done = await run("action", "platebook", "owners", car["id"], "--field", "since=2026-01-01", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Earlier owners: 1\nPlatebook knows one earlier owner.\n"
    wrong = await run("action", "platebook", "owners", car["id"], "--field", "since=yesterday", "--yes")
    assert wrong.returncode == 1
    assert "since: This is no date" in wrong.stderr
    for words, position, completed in (
        ("wtpd action pl", "2", "platebook"),
        ("wtpd action platebook o", "3", "owners"),
        ("wtpd action platebook owners x --field s", "6", "since="),
    ):
        offered = await run(_WTPD_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=position)
        assert completed in offered.stdout, offered


def wtpd(scratch: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"PYTHONPATH": str(scratch), "WTPD_LANG": "en"} | more
    return subprocess.run(
        [sys.executable, "-m", "wtpd", *arguments], env=environ, capture_output=True, text=True, check=False
    )


def test_settings_and_command_line_know_it(scratch: Path, tmp_path: Path) -> None:
    file = tmp_path / "wtpd.yaml"
    text = config_text(sites={"rostock": None}, more="connectors:\n  platebook:\n    read_timeout: 5s\n")
    file.write_text(text)
    checked = wtpd(scratch, "config", "check", str(file))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    file.write_text(text.replace("read_timeout: 5s", "interval: 1min"))
    checked = wtpd(scratch, "config", "check", str(file))
    assert checked.returncode == 1
    assert "interval has no effect with platebook" in checked.stdout + checked.stderr
    acts = wtpd(scratch, "sandbox", "act", "platebook", "--help").stdout
    assert "register a vehicle" in acts


def test_without_the_package_nobody_knows_it(tmp_path: Path) -> None:
    file = tmp_path / "wtpd.yaml"
    file.write_text(config_text(sites={"rostock": None}, more="connectors:\n  platebook:\n    read_timeout: 5s\n"))
    checked = wtpd(tmp_path, "config", "check", str(file))
    assert checked.returncode == 1
    assert "platebook" in checked.stdout + checked.stderr


def test_no_line_of_ours_names_it() -> None:
    ours = Path(__file__).parents[2] / "wtpd"
    assert [path for path in ours.rglob("*.py") if "platebook" in path.read_text().lower()] == []
