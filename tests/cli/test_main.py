"""The program as a whole: exit codes, languages, JSON, a daemon that isn't there."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from tests.support.api_stub import ApiStub, Reply, problem
from tests.support.terminal import Terminal, flat
from wtpd.cli.main import COMMANDS, wtpd


def commands(group: click.Group = wtpd, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize("names", [*commands()], ids=" ".join)
def test_every_command_has_help_with_an_example(terminal: Terminal, names: tuple[str, ...]) -> None:
    said = terminal.wtpd(*names, "--help")
    assert said.code == 0
    assert "Example:" in said.out
    assert f"wtpd {' '.join(names)}" in said.out.split("Example:")[1]


def test_every_command_does_json(terminal: Terminal) -> None:
    for names in commands():
        said = terminal.wtpd(*names, "--help")
        assert "--json" in said.out or "Commands:" in said.out, names


def test_the_commands_of_the_spec_are_there() -> None:
    wanted = (
        "run status sync pause resume verify appointments show config mapping import sandbox demo credential attention "
        "log"
    )
    assert set(wanted.split()) <= set(COMMANDS)


def test_without_a_daemon_it_says_how_to_start_it(terminal: Terminal) -> None:
    said = terminal.wtpd("status")
    assert said.code == 3
    assert "systemctl start wtpd" in said.err
    assert terminal.environment["WTPD_SOCKET"] in said.err
    assert said.out == ""


def test_without_a_daemon_json_is_json_still(terminal: Terminal) -> None:
    said = terminal.wtpd("status", "--json")
    assert said.code == 3
    assert said.json["error"] == "unreachable"


def test_wrong_usage_is_two(terminal: Terminal) -> None:
    assert terminal.wtpd("frobnicate").code == 2
    assert terminal.wtpd("pause").code == 2
    assert terminal.wtpd("status", "--frobnicate").code == 2
    assert terminal.wtpd("--lang", "xx", "status").code == 2


def test_a_refusal_is_one_with_the_daemons_sentence(terminal: Terminal, api: ApiStub) -> None:
    errors = [{"field": "site", "detail": "gibt es nicht"}]
    api.on("POST", "/v1/connectors/superservice/pause", problem(422, "invalid", "So nicht.", errors=errors))
    said = terminal.wtpd("pause", "superservice", "--lang", "de")
    assert (said.code, said.out) == (1, "")
    assert said.err.splitlines() == ["So nicht.", "  site: gibt es nicht"]
    assert api.requests[0].headers["Accept-Language"] == "de"


def test_a_refusal_as_json_keeps_its_figures(terminal: Terminal, api: ApiStub) -> None:
    api.on("POST", "/v1/connectors/superservice/pause", problem(409, "refused", "Voll.", limit=80))
    said = terminal.wtpd("pause", "superservice", "--json")
    assert said.code == 1
    assert said.json == {"error": "refused", "detail": "Voll.", "errors": [], "limit": 80}


def test_a_daemon_that_dies_during_the_call_is_three(terminal: Terminal, api: ApiStub) -> None:
    api.on("POST", "/v1/connectors/superservice/pause", Reply(hang_up=True))
    said = terminal.wtpd("pause", "superservice")
    assert said.code == 3
    assert "went away" in said.err


def test_the_socket_can_be_named(terminal: Terminal, tmp_path: Path) -> None:
    with ApiStub(tmp_path / "other.sock") as other:
        other.on("POST", "/v1/connectors/superservice/pause", {"items": [], "next_cursor": None})
        assert terminal.wtpd("pause", "superservice", "--socket", str(tmp_path / "other.sock")).code == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed(terminal: Terminal, shell: str) -> None:
    said = terminal.wtpd("completion", shell)
    assert said.code == 0
    assert "_WTPD_COMPLETE" in said.out


def test_the_shell_is_told_what_fits() -> None:
    environment = os.environ | {"_WTPD_COMPLETE": "bash_complete", "COMP_WORDS": "wtpd st", "COMP_CWORD": "1"}
    done = subprocess.run([sys.executable, "-m", "wtpd"], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["plain,status"]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("pause ", ["superservice"]),
        ("sync superservice --site r", ["rostock"]),
        ("log --connector s", ["superservice"]),
        ("credential set s", ["superservice", "sinno"]),
        ("credential remove superservice --scope o", ["office:rostock", "office:guestrow"]),
        ("mapping set rostock ", ["superservice"]),
        ("mapping set rostock superservice --department W", ["Werkstatt"]),
        ("attention resolve ", ["12", "7"]),
        ("mail retry ", ["3"]),
    ],
)
def test_the_shell_completes_what_the_daemon_knows(tmp_path: Path, typed: str, offered: list[str]) -> None:
    with ApiStub(tmp_path / "api.sock") as api:
        api.on("GET", "/v1/connectors", page([{"name": "superservice", "title": "SUPERSERVICE Connect"}]))
        api.on("GET", "/v1/sites", page([{"id": name, "name": name.title()} for name in ("rostock", "guestrow")]))
        mapped = {"partner": "superservice", "title": "SUPERSERVICE", "departments": ["Werkstatt", "Karosserie"]}
        api.on("GET", "/v1/mapping", page([mapped, mapped]))
        providers = [{"provider": name, "title": name} for name in ("superservice", "dat", "sinno")]
        api.on("GET", "/v1/credentials", page(providers))
        api.on("GET", "/v1/attention", page([{"id": 12, "text": "x"}, {"id": 7, "text": "y"}]))
        api.on("GET", "/v1/mail", page([{"id": 3}]))
        assert completed(typed, str(tmp_path / "api.sock")) == offered


def test_without_a_daemon_nothing_is_completed_and_nothing_said(tmp_path: Path) -> None:
    assert completed("pause ", str(tmp_path / "none.sock")) == []


def page(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"items": items, "next_cursor": None}


def completed(typed: str, socket: str) -> list[str]:
    """What bash is offered at the end of the line."""
    line = f"wtpd {typed}"
    environment = os.environ | {
        "_WTPD_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" ")),
        "WTPD_SOCKET": socket,
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-m", "wtpd"], env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return [row.partition(",")[2] for row in done.stdout.split()]


def test_pause_names_the_channel(terminal: Terminal, api: ApiStub) -> None:
    api.on("POST", "/v1/connectors/superservice/pause", page([]))
    assert "superservice at rostock is paused." in terminal.wtpd("pause", "superservice", "--site", "rostock").out
    assert "superservice is paused." in terminal.wtpd("pause", "superservice").out


def test_help_and_status_load_only_what_they_need() -> None:
    program = (
        "import sys; from wtpd.cli.main import run; run(['status', '--help'], {}); run(['--help'], {});"
        "print([name for name in ('httpx', 'msgspec', 'asyncio', 'ssl', 'babel', 'uvicorn', 'sqlite3', 'yaml')"
        " if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = f"{shlex.quote(sys.executable)} -m wtpd completion bash | head -c 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_version_is_the_packages(terminal: Terminal) -> None:
    said = terminal.wtpd("--version")
    assert said.code == 0
    assert flat(said.out).startswith("wtpd 0.")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("status", "--no-such-option", "--json"), 2),
        (("import", "/no/such/file", "--json"), 2),
        (("config", "check", "/no/such/file", "--json"), 1),
    ],
)
def test_what_is_wrong_with_the_call_is_json_too_if_that_was_asked_for(
    terminal: Terminal, arguments: tuple[str, ...], code: int
) -> None:
    said = terminal.wtpd(*arguments)
    assert (said.code, said.err) == (code, "")
    assert said.json["detail"]


def test_a_daemon_that_gives_no_answer_in_time_is_not_called_gone() -> None:
    from wtpd.cli.main import unreachable
    from wtpd.client import Unreachable

    said = unreachable(Unreachable("/run/x.sock", "TimeoutError", sent=True, late=30.0))
    assert "no answer within 30 s" in said
    assert "went away" not in said
