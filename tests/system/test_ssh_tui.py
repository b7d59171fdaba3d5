"""The terminal UI as support staff use it: over a real ssh, in real tmux and screen."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from tests.support.daemon import PATIENCE, DaemonProcess, config_text, daemon_process
from tests.support.pty_screen import DOWN, ENTER, WTPD, on_pty
from tests.support.sshd import SSHD, Sshd, running_sshd

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]
needs_sshd = pytest.mark.skipif(SSHD is None or shutil.which("ssh") is None, reason="sshd and ssh aren't installed")
SITES = {"rostock": "00123", "wismar": "00456"}
OFFLINE = "connectors:\n  superservice:\n    address: http://127.0.0.1:9\n  dat:\n    enabled: false\n"


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[DaemonProcess]:
    async with daemon_process(tmp_path, config_text(sites=SITES, more=OFFLINE)) as running:
        yield running


@pytest.fixture
async def sshd(tmp_path: Path) -> AsyncIterator[Sshd]:
    folder = tmp_path / "ssh"
    folder.mkdir()
    async with running_sshd(folder) as running:
        yield running


def tui(daemon: DaemonProcess, *arguments: str) -> tuple[str, ...]:
    return (*WTPD, "tui", "--lang", "en", "--socket", str(daemon.folder / "api.sock"), *arguments)


def remote(daemon: DaemonProcess) -> str:
    """What the shell on the other side is given."""
    return f"cd {shlex.quote(os.getcwd())} && exec {shlex.join(tui(daemon))}"


async def processes_of(daemon: DaemonProcess) -> list[int]:
    """The terminal UIs that are open at this daemon."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            parts = file.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"tui" in parts and str(daemon.folder / "api.sock").encode() in parts:
            found.append(int(file.parent.name))
    return found


@needs_sshd
async def test_a_mapping_is_mended_over_ssh(daemon: DaemonProcess, sshd: Sshd) -> None:
    async with on_pty(sshd.command(remote(daemon))) as terminal:
        await terminal.until("[F1 Overview]")
        terminal.type(DOWN + b"\x1bOR")
        await terminal.until("[3 Mapping]")
        await terminal.until("Autohaus Wismar")
        terminal.type(DOWN + b"e")
        await terminal.until("Dealer number *")
        terminal.type(b"\x1bOB" + b"\x7f" * 5 + b"00789" + ENTER)
        await terminal.until('+ dealer_number: "00789"')
        terminal.type(ENTER)
        await terminal.until(lambda: _number(daemon.config, "wismar") == "00789")
        assert _number(daemon.config, "rostock") == "00123"
        await terminal.until("00789")
        terminal.type(b"q")
        assert await terminal.ended() == 0
        assert terminal.echoes
        assert terminal.raw.rindex(b"\x1b[?1049l") > terminal.raw.rindex(b"\x1b[?1049h")


def _number(config: Path, site: str) -> str:
    sites = yaml.safe_load(config.read_text())["sites"]
    return str(next(one for one in sites if one["id"] == site)["partners"]["superservice"]["dealer_number"])


@needs_sshd
async def test_a_cut_connection_ends_it_and_the_daemon_goes_on(daemon: DaemonProcess, sshd: Sshd) -> None:
    async with on_pty(sshd.command(remote(daemon))) as terminal:
        await terminal.until("[F1 Overview]")
        assert len(await processes_of(daemon)) == 1
        terminal.process.kill()
        async with asyncio.timeout(PATIENCE):
            while await processes_of(daemon):
                await asyncio.sleep(0.05)
    assert (await daemon.http.get("/v1/status")).status == 200


KEYS = {
    "xterm": b"\x1bOR",
    "putty": b"\x1b[13~",
    "screen": b"\x1bOR",
    "tmux": b"\x1bOR",
    "linux": b"\x1b[[C",
}


@needs_sshd
@pytest.mark.parametrize("term", KEYS)
async def test_terminals_and_their_function_keys(daemon: DaemonProcess, sshd: Sshd, term: str) -> None:
    async with on_pty(sshd.command(remote(daemon)), TERM=term) as terminal:
        await terminal.until("[F1 Overview]")
        terminal.type(KEYS[term])
        await terminal.until("[3 Mapping]")
        terminal.type(b"q")
        assert await terminal.ended() == 0


@needs_sshd
async def test_a_login_that_gets_the_terminal_ui_and_nothing_else(daemon: DaemonProcess, tmp_path: Path) -> None:
    folder = tmp_path / "forced"
    folder.mkdir()
    only = f"ForceCommand {remote(daemon)}\nDisableForwarding yes"
    async with (
        running_sshd(folder, more=only) as sshd,
        on_pty(sshd.command("cat /etc/passwd; bash")) as terminal,
    ):
        await terminal.until("[F1 Overview]")
        terminal.type(b"q")
        assert await terminal.ended() == 0
        assert b"root:" not in terminal.raw


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux isn't installed")
async def test_in_tmux(daemon: DaemonProcess, tmp_path: Path) -> None:
    tmux = ("tmux", "-f", "/dev/null", "-S", str(tmp_path / "tmux"))
    async with on_pty((*tmux, "new-session", shlex.join(tui(daemon))), size=(80, 24)) as terminal:  # a line is tmux's
        await terminal.until("[F1 Overview]")
        terminal.type(b"\x1bOR")
        await terminal.until("[3 Mapping]")
        terminal.type(b"\x1b[11~")
        await terminal.until("[F1 Overview]")
        terminal.type(b"q")
        assert await terminal.ended() == 0


@pytest.mark.skipif(shutil.which("screen") is None, reason="screen isn't installed")
async def test_in_screen(daemon: DaemonProcess, tmp_path: Path) -> None:
    command = ("screen", "-U", "-c", "/dev/null", "-S", tmp_path.name, *tui(daemon))
    async with on_pty(command, SCREENDIR=str(_own(tmp_path / "screens"))) as terminal:
        await terminal.until("[F1 Overview]")
        terminal.type(b"\x1bOR")
        await terminal.until("[3 Mapping]")
        terminal.type(b"q")
        assert await terminal.ended() == 0


def _own(folder: Path) -> Path:
    folder.mkdir(mode=0o700)
    return folder
