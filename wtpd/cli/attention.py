"""`wtpd attention`: what somebody has to decide: conflicts, quarantine, doubtful matches, cars left open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from wtpd.cli import language
from wtpd.cli.command import Group, argument, command, option
from wtpd.cli.moments import ZONE, show_moment
from wtpd.cli.values import show_value
from wtpd.texts import N_, Text
from wtpd.words import field_name

if TYPE_CHECKING:
    from wtpd.cli.console import Console
    from wtpd.client import Json

KINDS: Mapping[str, Text] = {
    "conflict": N_("Conflict"),
    "quarantine": N_("Quarantine"),
    "unmatched": N_("Perhaps the same customer"),
    "car_open": N_("Courtesy car left open"),
    "over_limit": N_("Over the load limit"),
    "unknown_code": N_("Unknown code"),
    "rejected": N_("Refused by the partner"),
    "mass_cancellation": N_("Many cancellations at once"),
    "locked_customer": N_("Customer belongs to the DMS"),
}

FACTS: Mapping[str, Text] = {
    "field": N_("field"),
    "base": N_("agreed before"),
    "ours": N_("ours"),
    "theirs": N_("the partner's"),
    "reason": N_("reason"),
    "code": N_("code"),
    "partner_id": N_("number at the partner"),
    "inbox": N_("message"),
    "courtesy_car": N_("courtesy car"),
    "day": N_("day"),
    "booked": N_("AW booked"),
    "limit": N_("AW allowed"),
    "asked": N_("AW asked for"),
    "from": N_("beginning"),
    "until": N_("end"),
    "cancelled": N_("cancellations"),
    "linked": N_("linked appointments"),
}

attention = Group(
    "attention",
    about=N_("What somebody has to decide: conflicts, quarantine, doubtful matches, cars left open."),
    example="wtpd attention\nwtpd attention resolve 12 theirs",
    default="list",
)


@command("list", N_("List what is open."), example="wtpd attention list --kind conflict", group=attention)
@option("--kind", type=click.Choice([*KINDS]), about=N_("Only of this kind."))
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
        title = language.say(KINDS[entry["kind"]]) if entry["kind"] in KINDS else entry["kind"]
        when = show_moment(entry["at"], ZONE, language.current())
        console.line(f"{entry['id']:>5}  {title}  {entry['channel'] or ''}  {when}", bold=True)
        console.line(f"       {entry['text']}")
        if entry["appointment_id"]:
            console.line(f"       wtpd show {entry['appointment_id']}")
        for name, value in entry["data"].items():
            shown = language.say(field_name(value)) if name == "field" else show_value(value)
            console.line(f"       {language.say(FACTS.get(name, name))}: {shown}")
        if entry["choices"]:
            console.line(f"       → {', '.join(entry['choices'])}")


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
    "retry",
    N_("Apply a message from the quarantine again, or send again what the partner refused."),
    example="wtpd attention retry 12",
    group=attention,
)
@argument("entry", metavar="ID", type=int)
def retry(console: Console, entry: int) -> None:
    answer = console.ask(lambda api: api.attention.retry(entry))
    console.answer(answer, lambda: console.line(N_("Tried again.")))


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
