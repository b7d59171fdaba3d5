"""Every command that a text names can be typed as it is written, in each language."""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from babel.messages.pofile import read_po

import wtpd as package
from wtpd.channel.health import Condition, State
from wtpd.cli.main import COMMANDS, wtpd
from wtpd.daemon import commands, problems
from wtpd.daemon.channels.channel import Row
from wtpd.store.attention import KINDS
from wtpd.texts import N_, Text

LOCALE = Path(package.__file__).parent / "locale"
VALUES = {
    "connector": "superservice", "site": "rostock", "provider": "superservice", "scope": "general", "id": "7",
    "ID": "7", "PROVIDER": "dat", "VIN": "VSSZZZ6JZ9R000001", "ADDRESS": "a@b.example",
}  # fmt: skip
NOW = datetime(2026, 11, 21, tzinfo=UTC)
_NAMED = re.compile(r"wtpd (?P<rest>[a-z](?:[^.,;:)`“”\"\n]|\.(?=[\w/]))*)")


def texts(language: str) -> Iterator[str]:
    with (LOCALE / ("de" if language == "en" else language) / "LC_MESSAGES" / "wtpd.po").open("rb") as file:
        for message in read_po(file):
            given = message.id if language == "en" else message.string
            yield from (given,) if isinstance(given, str) else given


def named_commands(text: str) -> Iterator[list[str]]:
    """The arguments of each command named in `text`: as far as the words are part of a command."""
    for found in _NAMED.finditer(text):
        words = found["rest"].split()
        if words[0] not in COMMANDS:
            continue
        arguments = [words[0]]
        group: click.Command | None = wtpd.get_command(click.Context(wtpd), words[0])
        for word in words[1:]:
            filled = re.sub(r"\{(\w+)\}", lambda place: VALUES.get(place[1], place[0]), word)
            if isinstance(group, click.Group) and word in group.list_commands(click.Context(group)):
                group = group.get_command(click.Context(group), word)
            elif not (
                word.startswith("--")
                or re.search(r"\w\.\w|\./", word)
                or filled != word
                or re.fullmatch("[A-ZÄÖÜ]{2,}", word)
            ):
                break
            arguments.append(VALUES.get(word, "7" if word.isupper() else filled))
        yield arguments


@pytest.mark.parametrize("language", ["de", "en", "nl"])
def test_every_command_in_a_text_can_be_typed(language: str) -> None:
    named = {tuple(one) for text in texts(language) for one in named_commands(text)}
    assert len(named) > 15
    for arguments in sorted(named):
        _parse(wtpd, list(arguments))


@pytest.mark.parametrize("site", ["rostock", ""])
@pytest.mark.parametrize("state", problems._CHANNELS)
@pytest.mark.parametrize("step", [None, N_("Confirm it: wtpd tui → Overview")])
def test_every_next_step_of_a_channel_has_a_command(state: State, site: str, step: Text | None) -> None:
    condition = Condition(state=state, since=NOW, reason=None, step=step)
    row = Row(
        id="superservice/rostock", connector="superservice", site=site, title="SUPERSERVICE", account="00123",
        department="Werkstatt", condition=condition,
    )  # fmt: skip
    [problem] = problems.of_channels([row], problems.NOTHING, lambda connector, site: "office:rostock")
    assert "wtpd tui → " in problem.next_step.render("en")
    _parse(wtpd, problem.command.split()[1:])


@pytest.mark.parametrize("command", [commands.ENTRIES, commands.FILE, commands.MAPPING,
                                     commands.enter("dat", "user:anna"), *map(commands.listed, KINDS)])  # fmt: skip
def test_every_command_of_a_problem_can_be_typed(command: str) -> None:
    _parse(wtpd, command.split()[1:])


def test_no_problem_of_the_daemon_names_a_screen_alone() -> None:
    """Whatever else says `wtpd tui → …` as a next step: it has a command beside it."""
    source = Path(problems.__file__).read_text(encoding="utf-8")
    made = [ast.unparse(node) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)
            and ast.unparse(node.func) == "Problem"]  # fmt: skip
    named = [one for one in made if "_DECIDE" in one or "_CHANNELS" in one or "credentials" in one]
    assert len(named) > 3
    assert [one for one in named if "command=" not in one] == []


def _parse(group: click.Group, arguments: list[str]) -> None:
    context = click.Context(group, info_name="wtpd")
    command: click.Command = group
    while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        name, found, arguments = command.resolve_command(context, arguments)
        assert found is not None, name
        command = found
    if not arguments or "--help" in arguments:
        return  # only its name is mentioned
    with contextlib.suppress(click.exceptions.Exit):  # --help and --version do their work while they are read
        command.make_context(command.name, arguments, parent=context)
