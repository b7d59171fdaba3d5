"""`wtpd trace` and `wtpd send`: an appointment's way between the book and its partners, and sending it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from wtpd import language
from wtpd.cli.appointments import named
from wtpd.cli.command import argument, command, option
from wtpd.cli.moments import ZONE, show_exact, show_moment
from wtpd.harmless import harmless_json
from wtpd.texts import N_, N_n, Text

if TYPE_CHECKING:
    from wtpd.cli.console import Console
    from wtpd.client import Client, Json

ARROWS = {"out": "→", "in": "←"}
COLOURS = {"refused": "red", "failed": "yellow", "quarantined": "red", "ignored": "bright_black"}
STATES: Mapping[str, Callable[[str], Text]] = {
    "queued": lambda channel: N_("{channel}: on its way", channel=channel),
    "equal": lambda channel: N_("{channel}: nothing to send, neither side has it any more", channel=channel),
}


@command(
    "trace",
    N_(
        "An appointment's way: each change, each message to a partner and back, each decision. WHAT: its id, plate, "
        "name, number, a partner's number, a key; it must fit only one. Where no appointment fits: what partners "
        "pushed of the customer or the vehicle. Of a connector (dat): the last questions to it."
    ),
    example='wtpd trace "HRO-AB 123"\nwtpd trace A-17 --lang de\nwtpd trace dat\nwtpd trace --message 4711',
)
@argument("what", required=False)
@option("--message", type=int, metavar="ID", about=N_("Show one message whole."))
def trace(console: Console, what: str | None, message: int | None) -> int:
    if (what is None) == (message is None):
        raise click.UsageError(language.say(N_("Say WHAT, or which --message.")))
    if message is not None:
        one = console.ask(lambda api: api.messages.get(message))
        console.answer(one, lambda: _print_message(console, one))
        return 0
    fits = _fits(console, what or "")
    if not fits:
        return _trace_record(console, what or "")
    found = _the_one(console, fits)
    if found is None:
        return 1
    steps = console.ask(lambda api: api.appointments.trace(found["id"]))
    console.answer(steps, lambda: _print_steps(console, _line(found), steps))
    return 0


def _trace_record(console: Console, what: str) -> int:
    """What partners pushed of the customer or the vehicle that fits."""

    async def ask(api: Client) -> tuple[list[Json], list[Json]]:
        people = (await api.customers.list(q=what, limit=20))["items"]
        cars = (await api.vehicles.list(q=what, limit=20))["items"]
        if len(people) + len(cars) != 1:
            return [*people, *cars], []
        records = api.customers if people else api.vehicles
        return [*people, *cars], await records.trace((people or cars)[0]["id"])

    fits, steps = console.ask(ask)
    if len(fits) != 1:
        console.answer(fits, lambda: _print_records(console, fits))
        return 1
    console.answer(steps, lambda: _print_steps(console, _record_line(fits[0]), steps))
    return 0


def _print_records(console: Console, records: Sequence[Json]) -> None:
    if not records:
        console.line(N_("Nothing found."))
    for one in records:
        console.line(f"{one['id']}  {_record_line(one)}")


def _record_line(one: Json) -> str:
    """A vehicle, or a customer."""
    names = ("plate", "vin", "make", "model") if "plate" in one else ("company", "first_name", "last_name", "city")
    return " ".join(str(one[name]) for name in names if one.get(name)) or "–"


@command(
    "send",
    N_("Send an appointment to its partners again; what they have meanwhile is merged first. WHAT as for wtpd trace."),
    example='wtpd send "HRO-AB 123"\nwtpd send A-17 --channel superservice/rostock\nwtpd send --rejected superservice',
)
@argument("what")
@option("--channel", metavar="CHANNEL", about=N_("Only by this channel, e.g. superservice/rostock."))
@option("--rejected", is_flag=True, about=N_("Everything that the connector WHAT refused, in one act."))
def send(console: Console, what: str, channel: str | None, rejected: bool) -> int:
    if rejected:
        site = channel.partition("/")[2] if channel else None
        again = console.ask(lambda api: api.connectors.send_rejected(what, site=site))
        console.answer(again, lambda: _print_sent_again(console, again))
        return 0
    found = _find(console, what)
    if found is None:
        return 1
    sent = console.ask(lambda api: api.appointments.send(found["id"], channel))
    console.answer(sent, lambda: _print_sent(console, sent))
    return 0


def _print_sent_again(console: Console, again: Sequence[Json]) -> None:
    for one in again:
        count = N_n(
            "{channel}: {count} appointment is sent again",
            "{channel}: {count} appointments are sent again",
            channel=one["channel"],
            count=one["appointments"],
        )
        console.line(count)


def _find(console: Console, what: str) -> Json | None:
    """The appointment; None if not just one fits: what does is listed."""
    return _the_one(console, _fits(console, what))


def _fits(console: Console, what: str) -> list[Json]:
    return console.ask(lambda api: named(api, what, lambda: api.trace(what)))


def _the_one(console: Console, found: Sequence[Json]) -> Json | None:
    if len(found) == 1 and "message" not in found[0]:
        return found[0]
    console.answer(found, lambda: _print_found(console, found))
    return None


def _print_found(console: Console, found: Sequence[Json]) -> None:
    if not found:
        console.line(N_("Nothing found."))
    for one in found:
        if "message" in one:
            when = show_moment(one["at"], ZONE, language.current())
            console.line(f"{when}  {one['title']}  (wtpd trace --message {one['message']})")
            if one["detail"]:
                console.line(f"    {one['detail']}")
        else:
            console.line(f"{one['id']}  {_line(one)}")


def _line(one: Json) -> str:
    customer, vehicle = one.get("customer") or {}, one.get("vehicle") or {}
    when = show_moment(one["drop_off"], ZONE, language.current())
    return f"{when}  {vehicle.get('plate') or '–'}  {customer.get('name') or '–'}"


def _print_steps(console: Console, about: str, steps: Sequence[Json]) -> None:
    console.line(about, bold=True)
    if not steps:
        console.line(N_("Nothing was exchanged about it yet."))
    for step in steps:
        who = step["actor"] or ""
        number = f"  #{step['message']}" if step["message"] else ""
        line = f"{_moment(step['at'])}  {ARROWS.get(step['direction'], ' ')} {step['title']}"
        console.line(f"{line}{f'  ({who})' if who else ''}{number}", colour=COLOURS.get(step["outcome"]))
        if step["detail"]:
            console.line(f"{'':23}{step['detail']}")


def _print_message(console: Console, one: Json) -> None:
    console.line(f"{_moment(one['at'])}  {ARROWS.get(one['direction'], ' ')} {one['title']}", bold=True)
    facts = [
        (N_("Channel"), one["channel"]),
        (N_("Appointment"), one["appointment_id"]),
        (N_("Number at the partner"), one["partner_id"]),
        (N_("Key"), one["key"]),
        (N_("Calls"), str(one["attempts"]) if one["direction"] == "out" else None),
        (N_("Answered"), _moment(one["answered_at"]) if one["answered_at"] else None),
        (N_("Reason"), one["error"]),
    ]
    for label, value in facts:
        if value:
            console.line(f"{language.say(label) + ':':<26} {value}")
    if one["payload"] is not None:
        console.lines(harmless_json(one["payload"], indent=2))


def _print_sent(console: Console, sent: Sequence[Json]) -> None:
    for one in sent:
        console.line(STATES[one["state"]](one["channel"]))


def _moment(at: str) -> str:
    """With seconds, since much happens within one minute."""
    return show_exact(at, ZONE, language.current())
