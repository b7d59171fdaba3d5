"""`wtpd sandbox`: every partner as a real HTTP server on loopback, for trying and training, and the people there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wtpd import language
from wtpd.cli.command import Command, Group, Option, argument, command, option
from wtpd.cli.extras import SANDBOX, need
from wtpd.cli.values import show_value
from wtpd.texts import N_

if TYPE_CHECKING:
    from wtpd.cli.console import Console
    from wtpd.connectors.kit.sandbox_side import Act, Argument
    from wtpd.connectors.manifest import Manifest
    from wtpd.sandbox.server import RunningSandbox

sandbox = Group(
    "sandbox",
    about=N_("Every partner as a real HTTP server on this machine, for trying and training."),
    example="wtpd sandbox --port 8700\nwtpd sandbox act superservice book --dealer 00123 --last-name Jansen",
    default="serve",
)


_STATE = N_("Folder of the sandbox's state, where its address is noted.")


def state_folder(environment: Mapping[str, str]) -> Path:
    """Where the sandbox keeps its state unless it is told."""
    home = environment.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(home) / "wtpd-sandbox"


@command(
    "serve",
    N_("Serve until Ctrl-C; what it holds survives a restart."),
    example="wtpd sandbox serve --port 8700",
    group=sandbox,
)
@option("--host", default="127.0.0.1", show_default=True, about=N_("Where it listens."))
@option("--port", type=click.IntRange(0, 65535), default=0, about=N_("Its port; 0 takes a free one."))
@option("--state", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), about=N_("Folder for its state."))
@option("--seed", type=int, default=0, about=N_("Makes chance repeatable."))
def serve(console: Console, host: str, port: int, state: Path | None, seed: int) -> None:
    need(*SANDBOX)
    import asyncio

    from wtpd.sandbox.server import run_sandbox

    folder = state or state_folder(console.environment)
    folder.mkdir(parents=True, exist_ok=True)

    def ready(running: RunningSandbox) -> None:
        partners = {name: running.partner(name) for name in running.sandbox.partners}
        console.answer(
            {"address": running.address, "state": str(folder), "partners": partners},
            lambda: _serving(console, running.address, folder, partners),
        )

    asyncio.run(run_sandbox(host, port, folder, seed, ready))


def _serving(console: Console, address: str, folder: Path, partners: Mapping[str, str]) -> None:
    console.line(N_("The sandbox listens on {address}; its state is in {folder}.", address=address, folder=str(folder)))
    for name, url in partners.items():
        console.line(f"  {name}: {url}")


class Acts(Group):
    """Partners, and below each what its people can do, as the manifests tell it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_manifests()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        manifest = _manifests().get(cmd_name)
        if manifest is None:
            return None
        people = Group(
            cmd_name,
            about=N_("What the people at {partner} can do.", partner=manifest.title),
            example=f"wtpd sandbox act {cmd_name} {manifest.acts[0].name} --help",
        )
        for act in manifest.acts:
            people.add_command(_command(cmd_name, act))
        return people


sandbox.add_command(
    Acts(
        "act",
        about=N_("Play the people on a partner's side: book, move, change, cancel."),
        example="wtpd sandbox act superservice book --dealer 00123 --last-name Jansen",
    )
)


def _manifests() -> dict[str, Manifest]:
    from wtpd.connectors import registry

    return {name: one for name, one in registry.load().manifests.items() if one.sandbox is not None and one.acts}


def _command(partner: str, act: Act) -> click.Command:
    """An act as a command; options named as its arguments."""

    @click.pass_obj
    def play(console: Console, /, address: str | None, state: Path | None, **arguments: Any) -> None:
        import asyncio

        switches = {one.name for one in act.arguments if one.kind == "bool"}
        given = {
            name: value
            for name, value in arguments.items()
            if value is not None and (value is not False or name in switches)
        }
        answer = asyncio.run(_play(_address(console, address, state), partner, act.name, given))
        console.answer(answer, lambda: _played(console, answer))

    needed = " ".join(f"--{one.name.replace('_', '-')} …" for one in act.arguments if one.required)
    return Command(
        act.name,
        about=act.help,
        example=f"wtpd sandbox act {partner} {act.name} {needed}".rstrip(),
        callback=play,
        params=[*map(_option, act.arguments), *_where()],
    )


@command(
    "fault",
    N_("Put a fault of a partner in force, or take all of them back with clear; without a kind, list them."),
    example="wtpd sandbox fault superservice status --option status=503 --option count=3\n"
    "wtpd sandbox fault superservice clear",
    group=sandbox,
)
@argument("partner")
@argument("kind", required=False)
@option(
    "--option", "options", metavar="NAME=VALUE", multiple=True, about=N_("Of the fault: route, count, share, seconds …")
)
@option("--address", envvar="WTPD_SANDBOX", about=N_("Address of the sandbox (WTPD_SANDBOX)."))
@option("--state", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), about=_STATE)
def fault(
    console: Console, partner: str, kind: str | None, options: tuple[str, ...], address: str | None, state: Path | None
) -> None:
    from wtpd.sandbox.act import Control

    async def work(control: Control) -> Any:
        if kind == "clear":
            await control.clear_faults(partner)
        elif kind is not None:
            await control.fault(partner, kind, **dict(map(_pair, options)))
        return await control.faults(partner)

    answer = _control(_address(console, address, state), work)
    console.answer(answer, lambda: _faults(console, answer["items"]))


def _pair(given: str) -> tuple[str, Any]:
    """`count=3` as name and JSON value; what is no JSON is a text."""
    import json

    name, separator, value = given.partition("=")
    if not separator:
        raise click.BadParameter(given, param_hint="--option")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _faults(console: Console, items: Sequence[Mapping[str, Any]]) -> None:
    for one in items:
        facts = "  ".join(f"{name}={value}" for name, value in one.items() if name not in ("id", "kind"))
        console.line(f"{one['id']}  {one['kind']}  {facts}")
    if not items:
        console.line(N_("No fault is in force."))


@command(
    "data",
    N_("Keep a copy of a partner's data, put it back as a restored backup, or empty the partner; logins stay."),
    example="wtpd sandbox data superservice snapshot\nwtpd sandbox data superservice restore",
    group=sandbox,
)
@argument("partner")
@argument("what", type=click.Choice(["snapshot", "restore", "empty"]))
@option("--name", default="snapshot", about=N_("Name of the copy."))
@option("--address", envvar="WTPD_SANDBOX", about=N_("Address of the sandbox (WTPD_SANDBOX)."))
@option("--state", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), about=_STATE)
def data(console: Console, partner: str, what: str, name: str, address: str | None, state: Path | None) -> None:
    from wtpd.sandbox.act import Control

    async def work(control: Control) -> Any:
        if what == "empty":
            await control.empty(partner)
        elif what == "restore":
            await control.restore(partner, name)
        else:
            await control.snapshot(partner, name)
        return {"partner": partner, "done": what, "name": name}

    answer = _control(_address(console, address, state), work)
    console.answer(answer, lambda: console.line(N_("Done.")))


def _control(address: str, work: Callable[[Any], Awaitable[Any]]) -> Any:
    import asyncio

    from wtpd.sandbox.act import Control

    async def drive() -> Any:
        async with Control(address) as control:
            return await work(control)

    return asyncio.run(drive())


def _where() -> list[click.Parameter]:
    return [
        Option(["--address"], envvar="WTPD_SANDBOX", about=N_("Address of the sandbox (WTPD_SANDBOX).")),
        Option(
            ["--state"],
            metavar="DIR",
            type=click.Path(file_okay=False, path_type=Path),
            about=_STATE,
        ),
    ]


_TYPES: Mapping[str, click.ParamType[Any] | None] = {"int": click.INT, "float": click.FLOAT}


def _option(argument: Argument) -> click.Option:
    kind: click.ParamType[Any] | None = _TYPES.get(argument.kind)
    if argument.choices:
        kind = click.Choice(argument.choices)
    elif argument.kind == "json":
        kind = Json()
    elif argument.kind == "bool":
        kind = OnOff()
    return Option(
        [f"--{argument.name.replace('_', '-')}", argument.name],
        about=argument.help,
        required=argument.required,
        type=kind,
        is_flag=argument.kind == "flag",
    )


class OnOff(click.ParamType[Any]):
    name = "on|off"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value not in ("on", "off"):
            self.fail(f"{value!r}: on|off", param, ctx)
        return value == "on"


class Json(click.ParamType[Any]):
    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        import json

        try:
            return json.loads(value)
        except ValueError as error:
            self.fail(f"{value!r}: {error}", param, ctx)


def _address(console: Console, address: str | None, state: Path | None) -> str:
    from wtpd.sandbox.server import ADDRESS_FILE

    if address:
        return address.rstrip("/")
    note = (state or state_folder(console.environment)) / ADDRESS_FILE
    try:
        return note.read_text().strip()
    except OSError:
        text = N_("No sandbox runs here. Start it with: wtpd sandbox – or name it with --address.")
        raise click.ClickException(language.say(text)) from None


async def _play(address: str, partner: str, act: str, given: Mapping[str, Any]) -> Any:
    from wtpd.sandbox.act import Control

    async with Control(address) as control:
        return await control.act(partner, act, **given)


def _played(console: Console, answer: Any) -> None:
    known = [str(answer[name]) for name in ("id", "status", "dropOffTime") if name in answer]
    facts = (f"{name}={show_value(value)}" for name, value in answer.items())
    console.line("  ".join(known or map(str, answer.get("ids") or facts)))
