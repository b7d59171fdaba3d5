"""`wtpd credential audit`, `rotate-key` and `start-over`: who did what, and the key that seals everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wtpd import language
from wtpd.cli.command import command, confirmed, option
from wtpd.cli.credential import show_result
from wtpd.cli.moments import ZONE, show_moment
from wtpd.texts import N_
from wtpd.words import CREDENTIAL_ACTIONS

if TYPE_CHECKING:
    from wtpd.cli.console import Console
    from wtpd.client import Json


@command("audit", N_("Who did what with credentials, the newest first."), example="wtpd credential audit --limit 20")
@option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, about=N_("Lines at most."))
def audit(console: Console, limit: int) -> None:
    lines = console.ask(lambda api: api.credentials.audit(limit=limit))["items"]
    console.answer(lines, lambda: _print(console, lines))


def _print(console: Console, lines: list[Json]) -> None:
    rows = [
        [
            show_moment(line["at"], ZONE, language.current()),
            line["actor"],
            language.say(CREDENTIAL_ACTIONS[line["action"]])
            if line["action"] in CREDENTIAL_ACTIONS
            else line["action"],
            line["provider"] or "–",
            line["scope"] or "–",
            show_result(line),
        ]
        for line in lines
    ]
    console.table([N_("when"), N_("who"), N_("what"), N_("provider"), N_("scope"), N_("result")], rows)


@command(
    "rotate-key",
    N_("Make a new key and seal all credentials with it. Stopped in the middle, it goes on by itself."),
    example="wtpd credential rotate-key",
)
def rotate_key(console: Console) -> None:
    answer = console.ask(lambda api: api.credentials.rotate_key())
    console.answer(answer, lambda: console.line(answer["detail"]))


@command(
    "start-over",
    N_("Give up what a lost key had sealed, so that it can be entered again. Bring the key back instead if you can."),
    example="wtpd credential start-over",
)
@option("--yes", is_flag=True, about=N_("Don't ask."))
def start_over(console: Console, yes: bool) -> int:
    question = N_("Give up all credentials that the key at hand doesn't open? They must be entered again.")
    if not yes and not confirmed(console, question):
        console.note(N_("Nothing was changed."))
        return 1
    answer = console.ask(lambda api: api.credentials.start_over())
    console.answer(answer, lambda: _say_lost(console, answer["lost"]))
    return 0


def _say_lost(console: Console, lost: list[str]) -> None:
    if not lost:
        console.line(N_("Nothing had to be given up."))
    for entry in lost:
        provider, _, scope = entry.partition("/")
        console.line(N_("Enter again: wtpd credential set {provider} --scope {scope}", provider=provider, scope=scope))
