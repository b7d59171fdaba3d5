"""At the end of the demo the terminal UI opens on the same terminal."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path

import pytest

from tests.support.pty_screen import WTPD, on_pty

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]
LONG = 200.0


async def test_somebody_at_a_terminal_looks_around_and_q_ends_it_all(tmp_path: Path) -> None:
    folder = tmp_path / "house"
    async with on_pty((*WTPD, "demo", "--dir", str(folder)), WTPD_LANG="en") as terminal:
        await terminal.until("[F1 Overview]", patience=LONG)
        await terminal.until("superservice/rostock")
        terminal.type(b"\x1bOQ")
        await terminal.until("Autohaus")
        terminal.type(b"q")
        assert await terminal.ended() == 0
        assert b"Both sides agree" in terminal.raw
        assert terminal.echoes
    assert _running(folder) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_stop_ends_the_terminal_ui_too(tmp_path: Path, number: signal.Signals) -> None:
    folder = tmp_path / "house"
    async with on_pty((*WTPD, "demo", "--dir", str(folder)), WTPD_LANG="en") as terminal:
        await terminal.until("[F1 Overview]", patience=LONG)
        terminal.process.send_signal(number)
        assert await terminal.ended() == 128 + number
        assert terminal.echoes
    assert _running(folder) == []


async def test_the_terminal_ui_ends_with_a_demo_that_was_killed(tmp_path: Path) -> None:
    folder = tmp_path / "house"
    async with on_pty((*WTPD, "demo", "--dir", str(folder)), WTPD_LANG="en") as terminal:
        await terminal.until("[F1 Overview]", patience=LONG)
        terminal.process.kill()
        async with asyncio.timeout(30):
            while _running(folder):
                await asyncio.sleep(0.05)


def _running(folder: Path) -> list[str]:
    """Processes that have the folder on their command line."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            found.append(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in found if str(folder) in line]
