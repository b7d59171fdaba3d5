"""`wtpd attention`: what somebody has to decide: conflicts, quarantine, doubtful matches, cars left open."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

import click

from wtpd import language
from wtpd.cli.command import Group, argument, command, option
from wtpd.cli.moments import ZONE, show_moment
from wtpd.cli.values import show_value
from wtpd.texts import N_
from wtpd.words import ATTENTION, ATTENTION_FACTS, field_name

if TYPE_CHECKING:
    from wtpd.cli.console import Console
    from wtpd.client import Json

attention = Group(
    "attention",
    about=N_("What somebody has to decide: conflicts, quarantine, doubtful matches, cars left open."),
    example="wtpd attention\nwtpd attention resolve 12 theirs",
    default="list",
)


@command("list", N_("List what is open."), example="wtpd attention list --kind conflict", group=attention)
@option("--kind", type=click.Choice([*ATTENTION]), about=N_("Only of this kind."))
@option("--all", "everything", is_flag=True, about=N_("Also what was resolved."))
def list_attention(console: Console, kind: str | None, everything: bool) -> int:
    state = "all" if everything else "open"
    entries = console.ask(lambda api: api.attention.list(kind=kind, state=state))
    console.answer(entries, lambda: _print(console, entries))
    return 1 if any(not entry["resolved_at"] for entry in entries) else 0


def _print(console: Console, entries: Sequence[Json]) -> None:
    if not entries:
        console.line(N_("Nothing needs attention."))
    for entry in entries:
        title = language.say(ATTENTION[entry["kind"]]) if entry["kind"] in ATTENTION else entry["kind"]
        when = show_moment(entry["at"], ZONE, language.current())
        console.line(f"{entry['id']:>5}  {title}  {entry['channel'] or ''}  {when}", bold=True)
        console.line(f"       {entry['text']}")
        if entry["appointment_id"]:
            console.line(f"       wtpd show {entry['appointment_id']}")
        sides = {side["side"]: _side(side) for side in entry["sides"]}
        for name, value in entry["data"].items():
            shown = language.say(field_name(value)) if name == "field" else sides.get(name) or show_value(value)
            console.line(f"       {language.say(ATTENTION_FACTS.get(name, name))}: {shown}")
        for choice in entry["choices"]:
            console.line(f"       → {choice}: {entry['consequences'].get(choice, '')}".rstrip(": "))
        if entry["next_step"]:
            console.line(f"       → {entry['next_step']}")


def _side(side: Json) -> str:
    """The value, and who set it when."""
    who = [side["actor"] or "", show_moment(side["at"], ZONE, language.current()) if side["at"] else ""]
    said = ", ".join(part for part in who if part)
    return f"{side['shown']} ({said})" if said else str(side["shown"])


@command(
    "resolve",
    N_("Decide: ours puts our value back and sends it, theirs leaves the partner's, done closes the entry."),
    example="wtpd attention resolve 12 theirs",
    group=attention,
)
@argument("entry", metavar="ID", type=int)
@argument("choice", type=click.Choice(["ours", "theirs", "done"]))
def resolve(console: Console, entry: int, choice: str) -> None:
    answer = console.ask(lambda api: api.attention.resolve(entry, choice))
    console.answer(answer, lambda: console.line(N_("Resolved.")))


@command(
    "show",
    N_("One entry. With --json also the message from the quarantine, to be edited for retry."),
    example="wtpd attention show 12\nwtpd attention show 12 --json",
    group=attention,
)
@argument("entry", metavar="ID", type=int)
def show(console: Console, entry: int) -> None:
    found = console.ask(lambda api: api.attention.get(entry))
    console.answer(found, lambda: _print(console, [found]))


@command(
    "retry",
    N_("Apply a message from the quarantine again, or send again what the partner refused."),
    example="wtpd attention retry 12\nwtpd attention retry 12 --message mended.json",
    group=attention,
)
@argument("entry", metavar="ID", type=int)
@option(
    "--message",
    type=click.File("rb"),
    about=N_("A file (- for standard input) with the message as it should have been; the original stays kept."),
)
def retry(console: Console, entry: int, message: BinaryIO | None) -> None:
    edited = _message(message) if message is not None else None
    answer = console.ask(lambda api: api.attention.retry(entry, message=edited))
    console.answer(answer, lambda: console.line(N_("Tried again.")))


def _message(file: BinaryIO) -> Json:
    """Raises a usage error for what is no JSON object."""
    try:
        found = json.loads(file.read())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise click.BadParameter(language.say(N_("this is no JSON object")), param_hint="--message")
    return found


@command(
    "discard",
    N_("Give up a message from the quarantine, or what the partner refused."),
    example="wtpd attention discard 12",
    group=attention,
)
@argument("entry", metavar="ID", type=int)
def discard(console: Console, entry: int) -> None:
    answer = console.ask(lambda api: api.attention.discard(entry))
    console.answer(answer, lambda: console.line(N_("Discarded.")))
