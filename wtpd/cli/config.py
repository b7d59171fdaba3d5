"""`wtpd config`: check a file (without the daemon), and what is in force."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wtpd import language
from wtpd.cli.command import Group, argument, command, confirmed, option
from wtpd.cli.moments import ZONE, show_moment
from wtpd.cli.values import show_value
from wtpd.texts import N_

if TYPE_CHECKING:
    from wtpd.cli.console import Console
    from wtpd.client import Client, Json

DEFAULT_FILE = "/etc/wtpd/wtpd.yaml"

config = Group(
    "config",
    about=N_("The configuration file: check, show, history, roll back."),
    example="wtpd config check wtpd.yaml\nwtpd config show",
)


@command(
    "check",
    N_("Check a file without applying it; needs no daemon. FILE: /etc/wtpd/wtpd.yaml if not given, - is stdin."),
    example="wtpd config check wtpd.yaml",
    group=config,
)
@argument("file", required=False, metavar="[FILE]")
def check(console: Console, file: str | None) -> int:
    from wtpd.config.errors import ConfigErrors
    from wtpd.config.load import load
    from wtpd.connectors.registry import load as registry

    name = file or console.environment.get("WTPD_CONFIG") or DEFAULT_FILE
    try:
        load(_read(name), name=Path(name).name, manifests=registry().manifests.values())
    except ConfigErrors as errors:
        found = errors.errors
    else:
        found = ()
    answer = {
        "ok": not found,
        "errors": [
            {
                "line": error.place.line,
                "column": error.place.column,
                "path": error.path,
                "detail": language.say(error.text),
            }
            for error in found
        ],
    }
    console.answer(answer, lambda: _checked(console, name, [error.render(language.current()) for error in found]))
    return 1 if found else 0


def _read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except FileNotFoundError:
        raise click.ClickException(language.say(N_("there is no file {path}", path=name))) from None
    except OSError as error:
        raise click.ClickException(f"{name}: {error.strerror}") from None


def _checked(console: Console, name: str, errors: Sequence[str]) -> None:
    for error in errors:
        console.line(error, colour="red")
    if not errors:
        console.line(N_("{name} is all right.", name=name), colour="green")


@command("show", N_("What is in force, and where each value comes from."), example="wtpd config show", group=config)
def show(console: Console) -> int:
    answer, _ = console.ask(lambda api: api.config.get())
    console.answer(answer, lambda: _show(console, answer))
    return 1 if answer["errors"] else 0


def _show(console: Console, answer: Json) -> None:
    if answer["errors"]:
        console.line(N_("The file has errors; the last good settings stay in force:"), bold=True)
    for error in answer["errors"]:
        console.line(error["message"], colour="red")
    rows = [[one["path"], show_value(one["value"]), _origin(one["origin"])] for one in answer["settings"]]
    console.table([N_("setting"), N_("value"), N_("from")], rows)


def _origin(origin: str) -> str:
    return language.say(N_("default")) if origin == "default" else origin


@command("schema", N_("Print the JSON schema of the file, for editors."), example="wtpd config schema", group=config)
def schema(console: Console) -> None:
    from wtpd.config.schema import schema as made

    click.echo(json.dumps(made(), ensure_ascii=False, indent=2))


@command("history", N_("The versions that were in force."), example="wtpd config history", group=config)
def history(console: Console) -> None:
    versions = console.ask(lambda api: api.config.history())
    console.answer(versions, lambda: _history(console, versions))


def _history(console: Console, versions: Sequence[Json]) -> None:
    rows = [
        [
            str(one["number"]),
            show_moment(one["at"], ZONE, language.current()),
            one["author"] or "–",
        ]
        for one in versions
    ]
    console.table([N_("version"), N_("in force since"), N_("by")], rows)


@command("diff", N_("What changed since a version."), example="wtpd config diff 12", group=config)
@argument("version", type=int, required=False)
def diff(console: Console, version: int | None) -> None:
    answer = console.ask(lambda api: api.config.diff(version))
    console.answer(answer, lambda: click.echo(answer.get("diff") or "", nl=not answer.get("diff")))


@command("rollback", N_("Put a version back in force."), example="wtpd config rollback 12", group=config)
@argument("version", type=int)
@option("--yes", is_flag=True, about=N_("Don't ask."))
def rollback(console: Console, version: int, yes: bool) -> int:
    async def difference(api: Client) -> Json:
        return await api.config.diff(version)

    if not yes:
        console.note(str(console.ask(difference).get("diff") or ""))
        if not confirmed(console, N_("Put version {version} back?", version=version)):
            console.note(N_("Nothing was changed."))
            return 1
    answer = console.ask(lambda api: api.config.rollback(version))
    console.answer(answer, lambda: console.line(N_("Version {version} is in force again.", version=version)))
    return 0
