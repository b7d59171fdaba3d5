"""`wtpd attention`: what somebody has to decide: conflicts, quarantine, doubtful matches, cars left open."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, BinaryIO

import click

from wtpd import language
from wtpd.cli.command import Group, argument, command, option
from wtpd.cli.moments import ZONE, show_moment
from wtpd.cli.values import show_value
from wtpd.texts import N_, Text
from wtpd.words import ATTENTION, ATTENTION_FACTS, RESOLUTIONS, field_name

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
        head = [f"{entry['id']:>5}", title, entry["channel"] or "", _moment(entry["at"])]
        console.line("  ".join(part for part in head if part), bold=True)
        _say(console, entry["text"])
        if entry["appointment_id"]:
            _say(console, f"{_visit(entry.get('appointment'))}wtpd show {entry['appointment_id']}")
        if entry.get("other"):
            _say(console, f"{_visit(entry['other'])}wtpd show {entry['data']['other']}")
        _print_facts(console, entry)
        for choice in entry["choices"]:
            _say(console, f"→ {_command(entry['id'], choice)}: {entry['consequences'].get(choice, '')}".rstrip(": "))
        if entry["next_step"]:
            _say(console, f"→ {entry['next_step']}")
        if entry.get("resolved_at"):
            _say(console, _decision(entry))


def _print_facts(console: Console, entry: Json) -> None:
    sides = {side["side"]: _side(side) for side in entry["sides"]}
    for name, words in ATTENTION_FACTS.items():
        if name not in entry["data"] or name in _ELSEWHERE:
            continue
        value = entry["data"][name]
        shown = language.say(field_name(value)) if name == "field" else sides.get(name) or _value(value)
        _say(console, f"{language.say(words)}: {shown}")
    if entry.get("stands"):
        _say(console, f"{language.say(N_('stands now'))}: {show_value(entry['current'])}")


_ELSEWHERE = ("inbox", "other")
"""Facts that are said otherwise."""


def _say(console: Console, text: str) -> None:
    console.line(f"       {text}")


def _command(number: int, choice: str) -> str:
    """The command that makes this choice."""
    if choice in ("retry", "discard"):
        return f"wtpd attention {choice} {number}"
    return f"wtpd attention resolve {number} {choice}" + (" --text …" if choice == "own" else "")


def _moment(at: str) -> str:
    return show_moment(at, ZONE, language.current())


def _visit(line: Json | None) -> str:
    """`HRO-AL 17 Lübs 01.03.2027 08:00  `"""
    if line is None:
        return ""
    return " ".join(part for part in (line["plate"], line["name"], _moment(line["drop_off"])) if part) + "  "


def _value(value: object) -> str:
    """A day as people write it."""
    try:
        day = date.fromisoformat(value) if isinstance(value, str) and len(value) == len("2026-11-30") else None
    except ValueError:
        day = None
    return language.say(Text("{day}", {"day": day})) if day else show_value(value)


def _decision(entry: Json) -> str:
    """How it was settled, by whom and when."""
    how = entry["resolution"] or ""
    words = language.say(RESOLUTIONS[how]) if how in RESOLUTIONS else how
    return language.say(
        N_("{decision}: {who}, {when}", decision=words, who=entry["resolved_by"] or "",
           when=_moment(entry["resolved_at"]))
    )  # fmt: skip


def _side(side: Json) -> str:
    """The value, and who set it when."""
    who = [side["actor"] or "", show_moment(side["at"], ZONE, language.current()) if side["at"] else ""]
    said = ", ".join(part for part in who if part)
    return f"{side['shown']} ({said})" if said else str(side["shown"])


@command(
    "resolve",
    N_(
        "Decide: ours puts our value back and sends it, theirs leaves the partner's, both keeps both texts, own puts "
        "the text of --text there, done closes the entry."
    ),
    example='wtpd attention resolve 12 theirs\nwtpd attention resolve 12 own --text "Räder im Auto, Kunde wartet"',
    group=attention,
)
@argument("entry", metavar="ID", type=int)
@argument("choice", type=click.Choice(["ours", "theirs", "both", "own", "done"]))
@option("--text", about=N_("The text that stands there instead of both, with own."))
def resolve(console: Console, entry: int, choice: str, text: str | None) -> None:
    if (choice == "own") != (text is not None):
        raise click.BadParameter(language.say(N_("own needs a text, and only own takes one")), param_hint="--text")
    answer = console.ask(lambda api: api.attention.resolve(entry, choice, value=text))
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
