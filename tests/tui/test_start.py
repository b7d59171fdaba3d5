"""`wtpd tui` on a real terminal: how it begins, and that it leaves the terminal as it was however it ends."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import signal
import sys
from pathlib import Path

import pytest

from tests.support.daemon import config_text, daemon_process, running_daemon
from tests.support.pty_screen import CTRL_L, DOWN, WTPD, PtyScreen, on_pty
from wtpd.tui.driver import RESTORED

OPENED = "F1 Overview"
SCREENS = range(1, 9)


def tui(folder: Path, *arguments: str, language: str = "en") -> tuple[str, ...]:
    """`language` "": that of the house."""
    asked = ("--lang", language) if language else ()
    return (*WTPD, "tui", "--socket", str(folder / "api.sock"), *asked, *arguments)


def restored(terminal: PtyScreen) -> bool:
    """As a shell wants it: its own screen, a cursor, lines that wrap, no mouse, no marked pastes, and echo."""
    last = {match[1]: match[2] for match in re.finditer(rb"\x1b\[\?(\d+)([hl])", bytes(terminal.raw))}
    on, off = {b"25", b"7"}, {b"1049", b"2004", b"1000", b"1003", b"1006", b"1004"}
    return (
        terminal.echoes
        and all(last.get(mode, b"h") == b"h" for mode in on)
        and all(last.get(mode, b"l") == b"l" for mode in off)
    )


async def test_it_opens_moves_and_quits_and_the_terminal_is_as_it_was(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text()), on_pty(tui(tmp_path)) as terminal:
        await terminal.until(OPENED)
        assert not terminal.echoes
        terminal.type(DOWN + b"q")
        assert await terminal.ended() == 0
        assert restored(terminal)


@pytest.mark.parametrize(
    ("term", "expected"), [("xterm", "wtpd status"), ("dumb", "TERM")], ids=["no terminal", "dumb terminal"]
)
async def test_without_a_terminal_it_says_what_to_use_instead(tmp_path: Path, term: str, expected: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *tui(tmp_path),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "TERM": term},
    )
    out, told = await process.communicate()
    assert (process.returncode, out) == (2, b"")
    assert expected in told.decode()
    assert len(told.splitlines()) == 1


async def test_it_opens_without_a_daemon_and_connects_when_it_comes(tmp_path: Path) -> None:
    async with on_pty(tui(tmp_path)) as terminal:
        await terminal.until("no connection, trying again")
        async with running_daemon(tmp_path, config_text()):
            await terminal.until("The daemon is back.")
        await terminal.until("no connection, trying again")


async def test_the_language_is_the_houses_unless_one_is_asked_for(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text()):  # German
        for language, variables, palette in (
            ("", {"LANG": "en_GB.UTF-8"}, "Befehle"),
            ("en", {}, "Commands"),
            ("", {"WTPD_LANG": "en"}, "Commands"),
        ):
            async with on_pty(tui(tmp_path, language=language), **variables) as terminal:
                await terminal.until(f": {palette}")
                terminal.type(b"q")
                await terminal.ended()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
async def test_a_signal_ends_it_and_restores_the_terminal(tmp_path: Path, number: signal.Signals) -> None:
    async with running_daemon(tmp_path, config_text()), on_pty(tui(tmp_path)) as terminal:
        await terminal.until(OPENED)
        terminal.process.send_signal(number)
        assert await terminal.ended() == 128 + number
        assert restored(terminal)
        assert b"Traceback" not in terminal.raw


async def test_a_signal_ends_it_though_the_line_takes_nothing_any_more(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text()), on_pty(tui(tmp_path), size=(200, 50)) as terminal:
        await terminal.until(OPENED)
        terminal._forget()  # nobody reads any more
        for _ in range(60):
            terminal.type(CTRL_L)
            await asyncio.sleep(0.02)
        terminal.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            assert await terminal.process.wait() == 128 + signal.SIGTERM
        assert terminal.echoes


async def test_a_line_that_comes_back_shows_what_is_now(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text()), on_pty(tui(tmp_path), size=(200, 50)) as terminal:
        await terminal.until(OPENED)
        terminal._forget()
        for _ in range(60):
            terminal.type(CTRL_L)
            await asyncio.sleep(0.02)
        terminal.type(b"\x1bOR")
        asyncio.get_running_loop().add_reader(terminal.controller, terminal._readable)
        await terminal.until("[F3 Mapping]")


async def test_it_ends_when_the_line_is_cut(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text()) as daemon, on_pty(tui(tmp_path)) as terminal:
        await terminal.until(OPENED)
        terminal.hang_up()
        async with asyncio.timeout(20):
            assert await terminal.process.wait() in (128 + signal.SIGHUP, -signal.SIGHUP)
        assert (await daemon.http.get("/v1/status")).status == 200


async def test_it_can_be_stopped_and_brought_back(tmp_path: Path) -> None:
    script = f"set -m; {shlex.join(tui(tmp_path))} & fg %1; echo stopped; fg %1"
    async with running_daemon(tmp_path, config_text()), on_pty(["bash", "-c", script]) as terminal:
        await terminal.until(OPENED)
        child = await asyncio.to_thread(_child_of, terminal.process.pid)
        before = len(terminal.raw)
        os.kill(child, signal.SIGTSTP)
        await terminal.until(lambda: b"stopped" in terminal.raw[before:])
        assert b"\x1b[?1049l" in terminal.raw[before:]
        await terminal.until(lambda: b"\x1b[?1049h" in terminal.raw[before:])
        await terminal.until(lambda: b"Overview" in terminal.raw[before:] and not terminal.echoes)
        terminal.type(b"q")
        assert await terminal.ended() == 0
        assert restored(terminal)


def _child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


async def test_a_small_terminal_gets_a_sentence_until_it_is_larger(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text()), on_pty(tui(tmp_path), size=(70, 20)) as terminal:
        await terminal.until("70×20")
        assert "80×23" in terminal.flat
        terminal.resize(80, 23)  # what the status line of tmux leaves of 80×24
        await terminal.until(OPENED)
        terminal.resize(60, 24)
        await terminal.until("60×24")
        terminal.type(b"q")
        assert await terminal.ended() == 0


async def test_an_umlaut_of_a_latin1_terminal_is_taken_for_one(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text()), on_pty(tui(tmp_path), LANG="de_DE.ISO-8859-1") as terminal:
        await terminal.until(OPENED)
        terminal.type(b":")
        await terminal.until("What do you want to do?")
        terminal.type(b"r\xfcck")
        await terminal.until("ruck")  # drawn in ASCII; one sign stays one column wide
        terminal.type(b"\x1b")
        await terminal.until(lambda: "ruck" not in terminal.flat)
        terminal.type(b"q")
        assert await terminal.ended() == 0


async def test_what_comes_in_one_packet_is_done_in_the_order_it_was_typed(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text()), on_pty(tui(tmp_path)) as terminal:
        await terminal.until(": Commands")
        terminal.type(b":qx\x7fvy")  # at once: no letter of it may reach the screen below, where q quits
        await terminal.until("qvy")


KEYS = {
    "xterm": (b"\x1bOR", b"\x1bOQ", b"\x1b[15~", b"\x1bOP"),
    "putty": (b"\x1b[13~", b"\x1b[12~", b"\x1b[15~", b"\x1b[11~"),
    "linux": (b"\x1b[[C", b"\x1b[[B", b"\x1b[[E", b"\x1b[[A"),
    "screen": (b"\x1bOR", b"\x1bOQ", b"\x1b[15~", b"\x1bOP"),
    "tmux-256color": (b"\x1bOR", b"\x1bOQ", b"\x1b[15~", b"\x1bOP"),
    "vt100": (b"3", b"2", b"5", b"1"),
    "rxvt": (b"\x1b[13~", b"\x1b[12~", b"\x1bOT", b"\x1b[11~"),
}


@pytest.mark.parametrize("term", KEYS)
async def test_function_keys_as_terminals_send_them(tmp_path: Path, term: str) -> None:
    async with running_daemon(tmp_path, config_text()), on_pty(tui(tmp_path), TERM=term) as terminal:
        await terminal.until("[F1 Overview]")
        for keys, shown in zip(KEYS[term], ("[3 Mapping]", "[2 Desk]", "[5 Attend]", "[F1 Overview]"), strict=True):
            terminal.type(keys)
            await terminal.until(shown)


async def test_an_ascii_terminal_gets_no_other_byte_on_any_screen(tmp_path: Path) -> None:
    sites = {"rostock": "00123"}
    async with (
        running_daemon(tmp_path, config_text(sites=sites)),
        on_pty(tui(tmp_path, language="de"), LANG="C") as terminal,
    ):
        await terminal.until(": Befehle")
        for number in SCREENS:
            terminal.type(_function_key(number))
            await terminal.until(lambda number=number: re.search(rf"\[F?{number} ", terminal.flat))
            await terminal.quiet()
        terminal.type(_function_key(1) + b"?")
        await terminal.quiet()
        assert max(terminal.raw) < 128


async def test_no_colour_where_none_is_wanted(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text()), on_pty(tui(tmp_path), NO_COLOR="1") as terminal:
        await terminal.until(OPENED)
        for number in SCREENS:
            terminal.type(_function_key(number))
            await terminal.until(lambda number=number: re.search(rf"\[F?{number} ", terminal.flat))
        looks = {
            int(one) for match in re.finditer(rb"\x1b\[([\d;]+)m", bytes(terminal.raw)) for one in match[1].split(b";")
        }
        assert not {look for look in looks if 30 <= look <= 38 or 40 <= look <= 48 or look >= 90}


def _function_key(number: int) -> bytes:
    return {1: b"\x1bOP", 2: b"\x1bOQ", 3: b"\x1bOR", 4: b"\x1bOS"}.get(
        number, b"\x1b[%d~" % (10 + number + (number > 5))
    )


BROKEN = """
import sys
import wtpd.tui.app
from wtpd.client import Client
from wtpd.tui.app import WtpdApp
from wtpd.tui.formats import Formats
from wtpd.tui.session import Session
from wtpd.tui.start import run

class Broken(WtpdApp):
    CSS_PATH = wtpd.tui.app.__file__.replace("app.py", "wtpd.tcss")

    def action_help(self):
        password = "sesam-" + "oeffne"
        self.push_screen(None, password)

    def action_repaint(self):
        typed = self.screen.query_one("Input").value
        int(typed)

sys.exit(run(Broken(Session(Client(sys.argv[1]), Formats("en")))))
"""


def broken(folder: Path) -> tuple[str, ...]:
    """The app with two mistakes in it."""
    (folder / "broken.py").write_text(BROKEN)
    return (sys.executable, str(folder / "broken.py"), str(folder / "api.sock"))


async def test_our_own_mistake_ends_it_cleanly_and_tells_no_secret(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text()), on_pty(broken(tmp_path)) as terminal:
        await terminal.until(OPENED)
        terminal.type(b"?")
        assert await terminal.ended() == 1
        assert restored(terminal)
        assert b"made a mistake" in terminal.raw
        assert b"Traceback" in terminal.raw
        assert b"sesam-oeffne" not in terminal.raw


async def test_what_was_typed_isnt_in_the_report_either(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text()), on_pty(broken(tmp_path)) as terminal:
        await terminal.until(OPENED)
        terminal.type(b":")
        await terminal.until("What do you want to do?")
        terminal.type(b"kanarienvogel" + CTRL_L)
        assert await terminal.ended() == 1
        report = bytes(terminal.raw).partition(b"Traceback")[2]
        assert b"invalid literal" in report
        assert b"kanarienvogel" not in report


def test_what_restores_it_when_all_hangs_covers_what_was_switched_on() -> None:
    assert {"1049l", "2004l", "1000l", "1003l", "1006l", "1004l", "25h", "7h"} <= set(
        re.findall(r"\?(\d+[hl])", RESTORED)
    )


LOADED = """
import importlib, pkgutil, sys, {package}
for module in pkgutil.walk_packages({package}.__path__, "{package}."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print([name for name in {unwanted!r} if name in sys.modules])
"""


@pytest.mark.parametrize(
    ("package", "unwanted"),
    [
        ("wtpd.tui", ("aiosqlite", "sqlite3", "starlette", "httpx", "wtpd.daemon", "wtpd.store", "wtpd.connectors")),
        ("wtpd.daemon", ("textual", "rich", "wtpd.tui", "wtpd.client")),
    ],
)
async def test_terminal_ui_and_daemon_load_nothing_of_each_other(package: str, unwanted: tuple[str, ...]) -> None:
    code = LOADED.format(package=package, unwanted=unwanted)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert out.decode().strip() == "[]"


async def test_a_daemon_started_by_the_command_loads_no_terminal_ui(tmp_path: Path) -> None:
    async with daemon_process(tmp_path, config_text(), arguments=("-X", "importtime", "-m", "wtpd", "run")) as daemon:
        assert await daemon.stop() == 0
        assert "textual" not in daemon.log
