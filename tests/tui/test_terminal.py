"""Which mode follows from what a terminal says of itself, and what `--check` tells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.segment import Segment
from textual.color import Color

from tests.support.daemon import config_text, running_daemon
from tests.support.pty_screen import WTPD, on_pty
from wtpd.tui.glyphs import ASCII, UNICODE
from wtpd.tui.terminal import AsciiFilter, Terminal, as_started


@pytest.mark.parametrize(
    ("variables", "codeset"),
    [
        ({"LANG": "de_DE.UTF-8"}, "utf-8"),
        ({"LANG": "de_DE.utf8"}, "utf-8"),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, "utf-8"),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, "ascii"),
        ({"LANG": "de_DE@euro"}, "iso-8859-1"),
        ({"LANG": "de_DE.ISO-8859-15"}, "iso-8859-15"),
        ({"LANG": "", "LC_ALL": ""}, "ascii"),
        ({}, "ascii"),
    ],
)
def test_utf8_is_written_only_where_the_locale_says_so(variables: dict[str, str], codeset: str) -> None:
    terminal = Terminal.of({"TERM": "xterm", **variables})
    assert terminal.codeset == codeset
    assert terminal.mode().utf8 is (codeset == "utf-8")


UTF8 = {"LANG": "de_DE.UTF-8"}


def test_the_linux_console_gets_umlauts_but_plain_signs() -> None:
    mode = Terminal.of({"TERM": "linux", **UTF8}).mode()
    assert mode.utf8
    assert mode.glyphs == ASCII


@pytest.mark.parametrize("term", ["xterm", "xterm-256color", "putty", "putty-256color", "screen", "tmux-256color"])
def test_other_terminals_get_all_signs(term: str) -> None:
    assert Terminal.of({"TERM": term, **UTF8}).mode().glyphs == UNICODE
    assert Terminal.of({"TERM": term, **UTF8}).mode(ascii_only=True).glyphs == ASCII


@pytest.mark.parametrize(
    ("ground", "theme"),
    [("0;15", "ansi-light"), ("0;default;7", "ansi-light"), ("15;0", "ansi-dark"), ("", "ansi-dark")],
)
def test_a_light_ground_is_known_where_the_terminal_tells(ground: str, theme: str) -> None:
    terminal = Terminal.of({"TERM": "xterm", "COLORFGBG": ground})
    assert terminal.mode().theme == theme
    assert terminal.mode(theme="dark").theme == "ansi-dark"
    assert terminal.mode(theme="light").theme == "ansi-light"


@pytest.mark.parametrize(
    ("variables", "colours"),
    [
        ({"TERM": "xterm-256color"}, 256),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, 1 << 24),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, 0),
        ({"TERM": "linux"}, 16),
        ({"TERM": "vt220"}, 0),
    ],
)
def test_colours(variables: dict[str, str], colours: int) -> None:
    assert Terminal.of(variables).colours == colours


def test_questions_are_asked_only_of_a_near_and_modern_terminal() -> None:
    near = {"TERM": "xterm-256color"}
    assert Terminal.of(near).mode().rich
    for variables in (
        {"SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"},
        {"TMUX": "/tmp/tmux-0/default,1,0"},
        {"STY": "1.x"},
    ):
        assert not Terminal.of({**near, **variables}).mode().rich
    assert not Terminal.of({"TERM": "linux"}).mode().rich


def test_a_locale_that_python_chose_itself_doesnt_count() -> None:
    said = {"LC_CTYPE": "C.UTF-8", "LANG": "C"}  # this process wasn't started with LC_CTYPE by the tests' own rule
    began = b"LC_CTYPE=" in Path("/proc/self/environ").read_bytes()
    assert ("LC_CTYPE" in as_started(said)) is began
    assert as_started({"LC_CTYPE": "de_DE.UTF-8"}) == {"LC_CTYPE": "de_DE.UTF-8"}


@pytest.mark.parametrize("text", ["Güstrow – 3 Plätze", "€ 12,50 …", "●▲✖◆◇│─┌┐", "Škoda Ïnes Đ", "日本", "a\u0301"])
def test_ascii_keeps_every_column(text: str) -> None:
    from rich.cells import cell_len

    (shown,) = AsciiFilter().apply([Segment(text)], Color.parse("black"))
    assert shown.text.isascii()
    assert cell_len(shown.text) == cell_len(text)


async def test_check_tells_what_this_terminal_can_do(tmp_path: Path) -> None:
    command = (*WTPD, "tui", "--check", "--lang", "en", "--socket", str(tmp_path / "api.sock"))
    async with running_daemon(tmp_path, config_text()):
        variables = {"TERM": "putty", "SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"}
        async with on_pty(command, size=(100, 40), **variables) as terminal:
            assert await terminal.ended() == 0
            for told in (
                "100×40",
                "putty",
                "behind ssh",
                "UTF-8",
                "dark ground",
                "may read and change",
                "ESC[n~",
                "works here",
            ):
                assert told in terminal.flat


@pytest.mark.parametrize(
    ("variables", "size", "told"),
    [
        ({}, (70, 24), "it must be at least 80x23"),
        ({"TERM": "dumb"}, (80, 24), "can't show pages"),
    ],
)
async def test_check_says_what_is_missing(
    tmp_path: Path, variables: dict[str, str], size: tuple[int, int], told: str
) -> None:
    command = (*WTPD, "tui", "--check", "--lang", "en", "--ascii", "--socket", str(tmp_path / "api.sock"))
    async with running_daemon(tmp_path, config_text()), on_pty(command, size=size, **variables) as terminal:
        assert await terminal.ended() == 1
        assert told in terminal.flat
        assert max(terminal.raw) < 128


async def test_check_without_a_daemon_says_how_to_start_it(tmp_path: Path) -> None:
    command = (*WTPD, "tui", "--check", "--json", "--lang", "en", "--socket", str(tmp_path / "api.sock"))
    async with on_pty(command, size=(300, 40)) as terminal:
        assert await terminal.ended() == 1
        told = json.loads(bytes(terminal.raw))
        assert "systemctl start wtpd" in told["daemon"]["problem"]
        assert told["size"] == {"columns": 300, "lines": 40}
