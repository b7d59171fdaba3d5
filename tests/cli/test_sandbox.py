"""`wtpd sandbox`: served by one process, played by another."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.terminal import Terminal

pytestmark = pytest.mark.system


@pytest.fixture
def running(tmp_path: Path) -> Iterator[dict[str, str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "wtpd", "sandbox", "--state", str(tmp_path / "state"), "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line == "}\n":
            break
    yield json.loads("".join(lines))
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 0


def test_people_on_the_partners_side_are_played_from_the_command_line(
    terminal: Terminal, running: dict[str, str], tmp_path: Path
) -> None:
    act = ("sandbox", "act", "superservice")
    where = ("--state", str(tmp_path / "state"))
    assert terminal.wtpd(*act, "dealer", "--dealer", "00123", *where).code == 0
    booked = terminal.wtpd(*act, "book", "--dealer", "00123", "--last-name", "Jansen", *where, "--json")
    assert booked.json["customer"]["lastName"] == "Jansen"
    said = terminal.wtpd(
        *act, "cancel", "--dealer", "00123", "--id", booked.json["id"], "--address", running["address"]
    )
    assert said.code == 0
    assert "CANCELLED" in said.out


def test_what_the_sandbox_refuses_is_said(terminal: Terminal, running: dict[str, str]) -> None:
    where = ("--address", running["address"])
    said = terminal.wtpd("sandbox", "act", "superservice", "cancel", "--dealer", "99999", "--id", "A1", *where)
    assert said.code == 1
    assert "there is no dealer 99999" in said.err


def test_without_a_sandbox_it_says_how_to_start_one(terminal: Terminal, tmp_path: Path) -> None:
    said = terminal.wtpd("sandbox", "act", "superservice", "dealer", "--dealer", "1", "--state", str(tmp_path))
    assert said.code == 1
    assert "wtpd sandbox" in said.err


def test_an_act_knows_its_arguments(terminal: Terminal) -> None:
    act = ("sandbox", "act", "superservice")
    assert terminal.wtpd(*act, "book").code == 2
    assert terminal.wtpd(*act, "book", "--dealer", "1", "--by", "nobody").code == 2
    assert terminal.wtpd(*act, "book", "--dealer", "1", "--fields", "{broken").code == 2
    assert terminal.wtpd(*act, "fly").code == 2


def test_an_answer_is_shown_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    from wtpd.cli.console import Console
    from wtpd.cli.sandbox import _played

    _played(Console({}), {"dealer": "00123", "name": "Autohaus"})
    assert capsys.readouterr().out == "dealer=00123  name=Autohaus\n"
