"""`wtpd sync`, `pause`, `resume`, `verify`: one connector, now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from wtpd import language
from wtpd.cli.command import argument, command, option, site_option
from wtpd.cli.values import show_value
from wtpd.texts import N_, N_n, Text
from wtpd.words import field_name

if TYPE_CHECKING:
    from wtpd.cli.console import Console
    from wtpd.client import Client, Json

COUNTS = ("fetched", "applied", "sent", "published", "conflicts", "quarantined")
HEADS = [
    N_("channel"),
    N_("fetched"),
    N_("applied"),
    N_("sent"),
    N_("published"),
    N_("conflicts"),
    N_("quarantined"),
    N_("error"),
]


@command(
    "sync",
    N_("A run now; without a name, of every connector. Ends when the run has ended."),
    example="wtpd sync superservice --site rostock\nwtpd sync superservice --dry-run",
)
@argument("connector", required=False)
@site_option
@option("--dry-run", is_flag=True, about=N_("Say what a run would do, field by field; write nothing anywhere."))
def sync(console: Console, connector: str | None, site: str | None, dry_run: bool) -> int:
    async def run(api: Client) -> list[Json]:
        names = (
            [connector]
            if connector
            else [
                one["name"]
                for one in await api.connectors.list()
                if any(each["makes_runs"] for each in one["channels"])
            ]
        )
        return [record for name in names for record in await api.connectors.sync(name, site=site, dry_run=dry_run)]

    runs = console.ask(run)
    console.answer(runs, lambda: _plans(console, runs) if dry_run else _runs(console, runs))
    return 1 if any(run["error"] for run in runs) else 0


def _runs(console: Console, runs: Sequence[Json]) -> None:
    if not runs:
        console.line(N_("No connector is set up. See: wtpd mapping --help"))
        return
    rows = [[run["channel"], *(str(run[name]) for name in COUNTS), run["error"] or ""] for run in runs]
    console.table(HEADS, rows, colours=["red" if run["error"] else None for run in runs])


SIDES: Mapping[str, Text] = {"here": N_("here"), "there": N_("at the partner")}
ACTIONS: Mapping[str, Text] = {
    "create": N_("book"),
    "update": N_("change"),
    "cancel": N_("cancel"),
    "conflict": N_("conflict"),
    "quarantine": N_("quarantine"),
    "publish": N_("publish what can be booked"),
}


def _plans(console: Console, plans: Sequence[Json]) -> None:
    for plan in plans:
        console.line(plan["channel"], bold=True)
        if plan["error"]:
            console.line(f"  {plan['error']}", colour="red")
        elif not plan["steps"]:
            console.line(N_("  Both sides agree; nothing to do."))
        for step in plan["steps"]:
            _step(console, step)
        if plan["truncated"]:
            console.line(N_("  … and more; a dry run looks at the first ones only."))


def _step(console: Console, step: Json) -> None:
    side = language.say(SIDES[step["side"]]) if step["side"] in SIDES else step["side"]
    action = language.say(ACTIONS[step["action"]]) if step["action"] in ACTIONS else step["action"]
    which = step["appointment_id"] or step["partner_id"] or ""
    console.line(f"  {side}: {action} {which} {step['detail']}".rstrip())
    for name, change in step["changes"].items():
        field = language.say(field_name(name))
        console.line(f"    {field}: {show_value(change['old'])} → {show_value(change['new'])}")


@command(
    "resync",
    N_("Read the partner's whole feed again, in a run now; nothing is booked twice by it."),
    example="wtpd resync superservice --site rostock",
)
@argument("connector")
@site_option
def resync(console: Console, connector: str, site: str | None) -> int:
    runs = console.ask(lambda api: api.connectors.resync(connector, site=site))
    console.answer(runs, lambda: _runs(console, runs))
    return 1 if any(run["error"] for run in runs) else 0


def _where(connector: str, site: str | None) -> Text | str:
    """The channel that is meant: a connector at one site, or at all."""
    return N_("{partner} at {site}", partner=connector, site=site) if site else connector


@command("pause", N_("Stop a connector until it is resumed."), example="wtpd pause superservice --site rostock")
@argument("connector")
@site_option
def pause(console: Console, connector: str, site: str | None) -> None:
    answer = console.ask(lambda api: api.connectors.pause(connector, site=site))
    console.answer(answer, lambda: console.line(N_("{connector} is paused.", connector=_where(connector, site))))


@command("resume", N_("Let a paused or stopped connector run again."), example="wtpd resume superservice")
@argument("connector")
@site_option
@option(
    "--accept-cancellations",
    is_flag=True,
    about=N_("The many cancellations that stopped it are meant: apply them."),
)
def resume(console: Console, connector: str, site: str | None, accept_cancellations: bool) -> None:
    answer = console.ask(
        lambda api: api.connectors.resume(connector, site=site, accept_cancellations=accept_cancellations)
    )
    console.answer(answer, lambda: console.line(N_("{connector} runs again.", connector=_where(connector, site))))


@command(
    "verify",
    N_("Ask the partner who we are there: name, brand, rights."),
    example="wtpd verify superservice --compare",
)
@argument("connector")
@site_option
@option("--compare", is_flag=True, about=N_("Hold the book against the partner, field by field; only reads."))
def verify(console: Console, connector: str, site: str | None, compare: bool) -> int:
    found = console.ask(lambda api: api.connectors.verify(connector, site=site, compare=compare))
    console.answer(found, lambda: _verified(console, found))
    return 1 if any(one["error"] or one["missing"] or one["differences"] for one in found) else 0


MOST = 20
"""Differences that are listed of one channel."""
FACTS: Mapping[str, Text] = {
    "brand": N_("brand"),
    "rights": N_("rights"),
    "stations": N_("stations"),
    "classes": N_("vehicle classes"),
    "features": N_("vehicle features"),
}


def _fact(name: str) -> str:
    return language.say(FACTS.get(name, name))


def _verified(console: Console, found: Sequence[Json]) -> None:
    for one in found:
        if one["error"]:
            console.line(": ".join(part for part in (one["site"], one["error"]) if part), colour="red")
            continue
        facts = [f"{_fact(name)} {value}" for name, value in one["facts"].items()]
        console.line(f"{one['site']} {one['account']}: {', '.join([one['name'], *facts])}".lstrip())
        for missing in one["missing"]:
            console.line(f"  {missing}", colour="red")
        if one["compared"] is not None:
            _compared(console, one)


def _compared(console: Console, one: Json) -> None:
    differences = one["differences"]
    text = N_n(
        "  {compared} appointments compared, {count} difference",
        "  {compared} appointments compared, {count} differences",
        compared=one["compared"],
        count=len(differences),
    )
    console.line(text, colour="red" if differences else "green")
    for each in differences[:MOST]:
        which = each["appointment_id"] or each["partner_id"]
        field = language.say(field_name(each["field"] or ""))
        console.line(f"    {which} {field}: {show_value(each['ours'])} ≠ {show_value(each['theirs'])}")
    if len(differences) > MOST:
        console.line(N_("    … {count} more; all of them: --json", count=len(differences) - MOST))
