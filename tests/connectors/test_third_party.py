"""Somebody else's connector: the example package, built and installed beside wtpd, is used like ours, though no line
of ours names it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.daemon import OFFLINE, RunningDaemon, config_text, running_daemon
from tests.support.hand_clock import HandClock
from tests.support.mail_server import MailServer
from tests.support.sandbox import Sandbox, running_sandbox
from tests.support.tui import opened

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


async def test_it_is_on_the_screens(house: House) -> None:
    async with opened(house.daemon.folder / "api.sock") as tui:
        await tui.press("f4")
        await tui.until("Platebook")


def wtpd(scratch: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"PYTHONPATH": str(scratch), "WTPD_LANG": "en"}
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
