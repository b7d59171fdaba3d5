"""`wtpd config`: check a file (without the daemon), and what is in force."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wtpd import language
from wtpd.cli.command import Group, argument, command, confirmed, option
from wtpd.cli.moments import ZONE, show_moment
from wtpd.cli.values import show_value
from wtpd.harmless import harmless_json
from wtpd.texts import N_, Text
from wtpd.words import consequence

if TYPE_CHECKING:
    from wtpd.cli.console import Console
    from wtpd.client import Client, Json
    from wtpd.config.errors import ConfigError

DEFAULT_FILE = "/etc/wtpd/wtpd.yaml"
MANY = 20
"""Where more appointments are concerned than these, their number is typed to confirm it."""

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
    known = registry()
    errors: Sequence[ConfigError] = ()
    warnings: Sequence[ConfigError] = ()
    try:
        loaded = load(
            _read(name), name=Path(name).name, manifests=known.manifests.values(), providers=known.providers.values()
        )
        warnings = loaded.warnings
    except ConfigErrors as found:
        errors = found.errors
    mail_logins: Json = {} if errors or file is not None else _mail_logins(console)
    answer = {
        "ok": not errors,
        "errors": [_as_json(error) for error in errors],
        "warnings": [_as_json(warning) for warning in warnings],
        "mail_logins": mail_logins,
    }
    console.answer(answer, lambda: _checked(console, name, errors, warnings, mail_logins))
    return 1 if errors else 0


def _mail_logins(console: Console) -> Json:
    """By site, whom its status mails log in as, or why as nobody; empty while the daemon, who knows, is away. Asked for
    the file in force only."""
    from wtpd.client import ClientError

    async def ask(api: Client) -> Json:
        return {one["id"]: await api.credentials.explain("email", office=one["id"]) for one in await api.sites()}

    try:
        found = console.ask(ask)
    except ClientError:
        return {}
    return {
        site: {"entry": one["entry"], "reason": one["reason"], "notes": one["notes"]} for site, one in found.items()
    }


def _read(name: str) -> bytes:
    from wtpd.config.file import read_bytes
    from wtpd.config.syntax import MAX_BYTES

    return sys.stdin.buffer.read(MAX_BYTES + 1) if name == "-" else read_bytes(Path(name))


def _as_json(error: ConfigError) -> dict[str, Any]:
    return {
        "line": error.place.line,
        "column": error.place.column,
        "path": error.path,
        "detail": language.say(error.text),
    }


def _checked(
    console: Console,
    name: str,
    errors: Sequence[ConfigError],
    warnings: Sequence[ConfigError],
    mail_logins: Json,
) -> None:
    for error in errors:
        console.line(error.render(language.current()), colour="red")
    for warning in warnings:
        console.line(N_("{place}: note: {text}", place=_place(warning), text=warning.text), colour="yellow")
    for site, one in mail_logins.items():
        words = N_("status mails of {site}: {reason}", site=site, reason=one["reason"])
        if one["entry"] is None:
            words = N_("status mails of {site} are sent without a login: {reason}", site=site, reason=one["reason"])
        console.line(words, colour=None if one["entry"] else "yellow")
        for note in one["notes"]:
            console.line(f"  {note}", colour="yellow")
    if not errors:
        console.line(N_("{name} is all right.", name=name), colour="green")


def _place(error: ConfigError) -> str:
    return f"{error.name}:{error.place.line}:{error.place.column}"


@command("show", N_("What is in force, and where each value comes from."), example="wtpd config show", group=config)
def show(console: Console) -> int:
    answer, _ = console.ask(lambda api: api.config.get())
    console.answer(answer, lambda: _show(console, answer))
    return 1 if answer["errors"] or answer.get("held") else 0


def _show(console: Console, answer: Json) -> None:
    if answer["errors"]:
        console.line(N_("The file has errors; the last good settings stay in force:"), bold=True)
    for error in answer["errors"]:
        console.line(error["message"], colour="red")
    if answer.get("held"):
        console.line(
            N_("The file isn't in force; wtpd config accept confirms it. The settings before stay in force:"), bold=True
        )
    rows = [[one["path"], show_value(one["value"]), _origin(one["origin"])] for one in answer["settings"]]
    console.table([N_("setting"), N_("value"), N_("from")], rows)


def _origin(origin: str) -> str:
    words = {"default": N_("default"), "start": N_("since the last start"), "systemd": N_("systemd's socket")}
    return language.say(words[origin]) if origin in words else origin


@command("schema", N_("Print the JSON schema of the file, for editors."), example="wtpd config schema", group=config)
def schema(console: Console) -> None:
    from wtpd.config.kinds import Kinds
    from wtpd.config.schema import schema as made
    from wtpd.connectors.registry import load as registry

    click.echo(harmless_json(made(Kinds.of(registry().manifests.values())), indent=2))


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
    console.answer(answer, lambda: console.lines((answer.get("diff") or "").removesuffix("\n")))


@command("rollback", N_("Put a version back in force."), example="wtpd config rollback 12", group=config)
@argument("version", type=int)
@option("--yes", is_flag=True, about=N_("Don't ask."))
def rollback(console: Console, version: int, yes: bool) -> int:
    may_write(console)

    async def look(api: Client) -> tuple[Json, str]:
        return await api.config.rollback(version, preview=True)

    shown, etag = console.ask(look)
    concerned = int(shown["cancels"]) + int(shown["stops"])
    _show_consequence(console, shown)
    if not yes and not _agreed(console, N_("Put version {version} back?", version=version), concerned):
        console.note(N_("Nothing was changed."))
        return 1

    async def go_back(api: Client) -> tuple[Json, str]:
        return await api.config.rollback(version, confirm=concerned if concerned > MANY else None, etag=etag)

    answer, _ = console.ask(go_back)
    console.answer(answer, lambda: console.line(N_("Version {version} is in force again.", version=version)))
    return 0


@command(
    "accept",
    N_("Confirm a file that isn't applied because sites, partners or connectors are missing in it."),
    example="wtpd config accept",
    group=config,
)
@option("--yes", is_flag=True, about=N_("Don't ask."))
def accept(console: Console, yes: bool) -> int:
    may_write(console)
    view, _ = console.ask(lambda api: api.config.get())
    held = view.get("held")
    if not held:
        console.answer({"held": None}, lambda: console.line(N_("Nothing waits for a confirmation.")))
        return 0
    if held["diff"]:
        console.lines(str(held["diff"]).rstrip(), err=True)
    _show_losses(console, held["losses"])
    coming = sum(int(one["coming"]) for one in held["losses"])
    if not yes and not _agreed(console, N_("Apply the file without them?"), coming):
        console.note(N_("Nothing was changed."))
        return 1
    answer = console.ask(lambda api: api.config.accept(held["etag"]))
    console.answer(answer, lambda: console.line(N_("The file is in force now.")))
    return 0


def may_write(console: Console) -> None:
    """Raises a sentence if whoever asks may only read: before anything is shown or asked."""
    session = console.ask(lambda api: api.session())
    if session.get("role") == "read":
        raise click.ClickException(
            language.say(N_("You may only read. Members of the group wtpd-admin may change the configuration."))
        )


def _show_consequence(console: Console, shown: Json) -> None:
    if shown["diff"]:
        console.lines(str(shown["diff"]).rstrip(), err=True)
    _show_losses(console, shown["losses"])
    for text in consequence(shown["cancels"], shown.get("unlinks", 0), shown["sends"]):
        console.note(text)


def _show_losses(console: Console, losses: Sequence[Json]) -> None:
    for one in losses:
        console.note(
            N_(
                "{name} is missing: {coming} appointments to come, {past} past ones",
                name=one["name"],
                coming=one["coming"],
                past=one["past"],
            )
        )


def _agreed(console: Console, question: Text, concerned: int) -> bool:
    if concerned <= MANY:
        return confirmed(console, question)
    if not console.interactive:
        return False
    typed = language.say(N_("Type the number of appointments concerned ({count}) to go on", count=concerned))
    return bool(click.prompt(typed, default="", show_default=False, err=True) == str(concerned))
