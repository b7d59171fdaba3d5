"""`wtpd status`: what is wrong first, then every connector and site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from wtpd import language
from wtpd.cli.command import argument, command
from wtpd.cli.moments import ZONE, show_moment, show_recent
from wtpd.cli.table import needed
from wtpd.texts import N_, N_n, Text
from wtpd.words import CHANNEL_STATES

if TYPE_CHECKING:
    from wtpd.cli.console import Console
    from wtpd.client import Json

MEGABYTE = 1 << 20
TO_SCREEN = "wtpd tui → "
LIFE: Mapping[str, Text] = {
    "starting": N_("starting"),
    "ready": N_("in service"),
    "reloading": N_("reading its settings"),
    "stopping": N_("stopping"),
}
"""What the daemon is doing."""
SILENT = ("disabled", "not_licensed", "not_available", "not_mapped")
"""States that are no trouble, and whose reason is told nevertheless."""
COLOURS = {
    "healthy": "green",
    "retrying": "yellow",
    "paused": "yellow",
    "needs_token": "red",
    "not_covered": "red",
    "limited": "yellow",
    "stopped": "red",
    "config_error": "red",
}


@command(
    "status",
    N_("What is wrong first, then every connector and site. Exit code 1 if something is wrong."),
    example="wtpd status\nwtpd status superservice",
)
@argument("connector", required=False)
def status(console: Console, connector: str | None) -> int:
    answer = console.ask(lambda api: api.status())
    if connector is not None:
        answer["problems"] = [one for one in answer["problems"] if _connector(one["channel"] or "") == connector]
        answer["channels"] = [one for one in answer["channels"] if _connector(one["id"]) == connector]
        if not answer["channels"]:
            text = N_("there is no connector {name}", name=connector)
            raise click.BadParameter(language.say(text), param_hint="CONNECTOR")
        answer["ok"] = not answer["problems"]
    console.answer(answer, lambda: _print(console, answer))
    return 0 if answer["ok"] else 1


def _connector(channel: str) -> str:
    """`superservice/rostock`, or `dat` for the whole box."""
    return channel.partition("/")[0]


def _print(console: Console, answer: Json) -> None:
    for one in answer["problems"]:
        since = f" ({show_moment(one['since'], ZONE, language.current())})" if one["since"] else ""
        console.line(f"{one['text']}{since}", colour="red", bold=True)
        if one["touches"]:
            console.line(
                N_(
                    "  appointments concerned: {count}, of them today: {today}",
                    count=one["touches"],
                    today=one["touches_today"],
                )
            )
        console.line(f"  → {_step(one)}")
    for error in answer["config_errors"]:
        console.line(f"  {error['message']}", colour="red")
    if answer["ok"]:
        console.line(N_("Nothing is wrong."), colour="green", bold=True)
    console.line()
    _channels(console, answer["channels"], datetime.fromisoformat(answer["time"]))
    console.line()
    console.line(
        N_(
            "{box}: wtpd {version}, {state}, up {up}",
            box=answer["box"],
            version=answer["version"],
            state=LIFE.get(answer["state"], answer["state"]),
            up=_lasting(timedelta(seconds=answer["uptime"])),
        )
    )
    console.line(_box(answer))


def _step(problem: Json) -> str:
    """The next step with its command in place of the way to a screen."""
    step, command = str(problem["next_step"]), problem.get("command")
    return f"{step.partition(TO_SCREEN)[0]}{command}" if command and TO_SCREEN in step else step


def _lasting(time: timedelta) -> Text | str:
    clock = str(timedelta(seconds=time.seconds))
    return N_n("{count} day, {clock}", "{count} days, {clock}", count=time.days, clock=clock) if time.days else clock


def _box(answer: Json) -> Text:
    disk, mail = answer["disk"], answer["mail"]
    return N_(
        "disk {free} MB free, database {database} MB, mails waiting: {waiting}",
        free=(disk["free"] or 0) // MEGABYTE,
        database=disk["database"] // MEGABYTE,
        waiting=mail["waiting"],
    )


def _channels(console: Console, channels: Sequence[Json], now: datetime) -> None:
    if not channels:
        console.line(N_("No connector is set up."))
        return
    rows = [
        [
            one["id"],
            language.say(CHANNEL_STATES[one["state"]]) if one["state"] in CHANNEL_STATES else one["state"],
            show_recent(one["last_success"], ZONE, language.current(), now),
            *(str(one[name]) for name in ("waiting", "conflicts", "quarantined")),
        ]
        for one in channels
    ]
    heads = [N_("channel"), N_("state"), N_("last success"), N_("waiting"), N_("conflicts"), N_("quarantine")]
    colours = [COLOURS.get(one["state"]) for one in channels]
    if console.width is None or needed([language.say(head) for head in heads], rows) <= console.width:
        console.table(heads, rows, colours=colours)
    else:  # nothing that matters is cut: a line for each thing
        for row, colour in zip(rows, colours, strict=True):
            console.line(f"{row[0]}: {row[1]}", colour=colour)
            for head, cell in zip(heads[2:], row[2:], strict=True):
                console.line(f"  {language.say(head)}: {cell}")
    for one in channels:
        if one["reason"] and one["state"] in SILENT:
            console.line(f"{one['id']}: {one['reason']}")
