"""`wtpd appointments` and `wtpd show`: the reception view as text."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import click

from wtpd import language
from wtpd.cli.command import argument, command, option, site_option
from wtpd.cli.moments import ZONE, read_day, show_day, show_moment, show_time
from wtpd.cli.moments import today as today_in
from wtpd.cli.values import show_value
from wtpd.texts import N_, N_n, Text
from wtpd.words import ELEMENTS, ORIGINS, PARTNER_RECORDS, STATUS, TRANSPORT, field_name, partner_number

if TYPE_CHECKING:
    from wtpd.cli.console import Console
    from wtpd.client import Client, Json

MARKS = {"superservice_dealer": "S", "mynissan": "M"}
"""The origin symbol of the reception view; a DMS has `D`."""
HEADS: Sequence[Text | str] = [
    N_("time"),
    "",
    N_("plate"),
    N_("customer"),
    N_("work"),
    N_("AW"),
    N_("advisor"),
    N_("status"),
]


@dataclass(frozen=True, slots=True)
class Day:
    """One site's day, as the API gave it."""

    site: Json
    day: date
    appointments: Sequence[Json]


@command(
    "appointments",
    N_("The appointments of a day, or those that a search finds. DAY: 2026-11-23, 23.11., today, +3."),
    example='wtpd appointments tomorrow --site rostock\nwtpd appointments --search "HRO-AB 123"',
)
@argument("day", required=False)
@site_option
@option("--search", "search", metavar="TEXT", about=N_("Plate, VIN, name or number, on any day."))
def appointments(console: Console, day: str | None, site: str | None, search: str | None) -> None:
    now = datetime.now(UTC)
    if search:
        page = console.ask(lambda api: api.appointments.list(q=search, site=site, near=not console.json or None))
        console.answer(page["items"], lambda: print_found(console, page["items"], similar=page.get("similar", False)))
        return
    days = console.ask(lambda api: _days(api, day, site, now))
    console.answer(
        [{"site": one.site["id"], "day": one.day.isoformat(), "items": [*one.appointments]} for one in days],
        lambda: _print_days(console, days),
    )


async def _days(api: Client, day: str | None, site: str | None, now: datetime) -> list[Day]:
    days = []
    for one in await api.sites():
        if site in (None, one["id"]):
            wanted = _wanted(day, today_in(one.get("time_zone") or ZONE, now))
            query = {"site": one["id"], "day": wanted.isoformat(), "limit": 500}
            days.append(Day(one, wanted, [found async for found in api.appointments.all(**query)]))
    if not days and site is None:
        raise click.ClickException(language.say(N_("No site is set up yet: write it into wtpd.yaml.")))
    if not days:
        raise click.BadParameter(language.say(N_("there is no site {site}", site=site)), param_hint="--site")
    return days


def _wanted(day: str | None, today: date) -> date:
    try:
        return read_day(day, today) if day else today
    except ValueError:
        raise click.BadParameter(language.say(N_("{day} is no day", day=day)), param_hint="DAY") from None


async def _search(api: Client, text: str, site: str | None) -> list[Json]:
    found: list[Json] = (await api.appointments.list(q=text, site=site))["items"]
    return found


def _print_days(console: Console, days: Sequence[Day]) -> None:
    for one in days:
        _print_day(console, one)


def _print_day(console: Console, one: Day) -> None:
    name = one.site.get("name") or one.site["id"]
    console.line(f"{name}, {show_day(one.day, language.current())}", bold=True)
    if not one.appointments:
        console.line(N_("No appointments."))
    else:
        zone = one.site.get("time_zone") or ZONE
        rows = [_row(appointment, show_time(appointment["drop_off"], zone)) for appointment in one.appointments]
        console.table(HEADS, rows, colours=[_colour(appointment) for appointment in one.appointments])
        units = sum(
            one.get("labour_units") or 0 for one in one.appointments if one["status"] not in ("cancelled", "no_show")
        )
        console.line(
            N_n(
                "{count} appointment, {units} AW",
                "{count} appointments, {units} AW",
                count=len(one.appointments),
                units=show_value(round(units, 2)),
            )
        )
    console.line()


def print_found(console: Console, found: Sequence[Json], *, similar: bool = False) -> None:
    if similar:
        console.line(N_("Nothing fits exactly. Similar ones:"))
    if not found:
        console.line(N_("Nothing found."))
        return
    rows = [_row(one, show_moment(one["drop_off"], ZONE, language.current())) for one in found]
    console.table(HEADS, rows, colours=[_colour(one) for one in found])


def _row(one: Json, when: str) -> list[str]:
    customer, vehicle = one.get("customer") or {}, one.get("vehicle") or {}
    return [
        when,
        _mark(one["origin"]),
        vehicle.get("plate") or "–",
        customer.get("name") or "–",
        ", ".join(work.get("code") or work["title"] for work in one["interventions"]) or "–",
        show_value(one.get("labour_units") or 0),
        one.get("advisor") or "–",
        _word(STATUS, one["status"]),
    ]


def _mark(origin: str) -> str:
    return MARKS.get(origin, "D" if origin.startswith("dms:") else "")


def _colour(one: Json) -> str | None:
    if one["status"] in ("cancelled", "no_show"):
        return "bright_black"
    return "yellow" if one.get("over_limit") else None


def _word(words: Mapping[str, Text], value: Any) -> str:
    return language.say(words[value]) if value in words else str(value)


@command(
    "show",
    N_("One appointment with its history. WHAT: its id, or a plate, VIN, name or number that fits only one."),
    example='wtpd show "HRO-AB 123"',
)
@argument("what")
def show(console: Console, what: str) -> int:
    found = console.ask(lambda api: _with_partner_records(api, what))
    if len(found) != 1:
        console.answer(found, lambda: print_found(console, [one["appointment"] for one in found]))
        return 1
    console.answer(found[0], lambda: _print_one(console, **found[0]))
    return 0


@command(
    "erase-notes",
    N_("Blank the notes of an appointment, in its history too: they name somebody who was erased. It can't be undone."),
    example="wtpd erase-notes 01a22db1-9d6c-7c3e-8a51-0242ac120002",
)
@argument("appointment")
def erase_notes(console: Console, appointment: str) -> None:
    blanked = console.ask(lambda api: api.appointments.erase_notes(appointment))
    console.answer(blanked, lambda: console.line(N_("The notes were erased.")))


async def named(api: Client, what: str, search: Callable[[], Awaitable[list[Json]]]) -> list[Json]:
    """The one appointment with this id, or all that the search finds."""
    from wtpd.client import ApiProblem

    try:
        return [await api.appointments.get(what)]
    except ApiProblem as problem:
        if problem.kind not in ("not-found", "invalid"):
            raise
    return await search()


async def find_one(api: Client, what: str) -> list[Json]:
    """One appointment in full, or all that fit."""
    records = await named(api, what, lambda: _search(api, what, None))
    if len(records) != 1:
        return [{"appointment": record} for record in records]
    record = records[0]
    zones = {site["id"]: site.get("time_zone") or ZONE for site in await api.sites()}
    history = await api.appointments.history(record["id"])
    return [{"appointment": record, "history": history, "zone": zones.get(record["site"], ZONE)}]


async def _with_partner_records(api: Client, what: str) -> list[Json]:
    """As `find_one`, with the partners' numbers of the order, the customer and the vehicle."""
    found = await find_one(api, what)
    if len(found) != 1:
        return found
    one = found[0]["appointment"]
    kinds = {"order": one["id"], "customer": one.get("customer_id"), "vehicle": one.get("vehicle_id")}
    known = [record for kind, key in kinds.items() if key for record in await api.partner_records(kind, key)]
    checks = await api.appointments.checks(one["id"]) if one.get("vehicle_id") else []
    return [{**found[0], "partner_records": known, "checks": checks}]


def _print_one(
    console: Console,
    appointment: Json,
    history: Sequence[Json],
    zone: str,
    partner_records: Sequence[Json],
    checks: Sequence[Json],
) -> None:
    facts = _facts(appointment, zone)
    facts += [(PARTNER_RECORDS[one["kind"]], partner_number(one)) for one in partner_records]
    for label, value in facts:
        name = language.say(label)
        console.line(f"{name[:1].upper() + name[1:] + ':':<22} {value}")
    for check in checks:
        for remark in check["remarks"]:
            console.line(remark["text"], colour="yellow")
    unit = language.say(N_("AW"))
    for work in appointment["interventions"]:
        units = show_value(work["labour_units"])
        console.line(f"  {work['code']:<10} {units:>6} {unit}  {work['title']}")
        for element in work.get("elements") or ():
            kind, count = _word(ELEMENTS, element["kind"]), show_value(element["quantity"])
            console.line(f"    {kind:<10} {count:>6} ×  {element['code']} {element['title']}".rstrip())
    console.line()
    console.line(N_("History"), bold=True)
    for entry in history:
        console.line(entry_line(entry, zone))
        if entry["action"] != "created":
            for line in changes_of(entry["changes"], zone):
                console.line(f"    {line}")


ACTIONS: Mapping[str, Text] = {
    "created": N_("created"),
    "changed": N_("changed"),
    "cancelled": N_("cancelled"),
}


def entry_line(entry: Json, zone: str) -> str:
    """`17  Mo 23.11.2026 08:30  maria (desk)  changed`: number, when, who, what."""
    when = show_moment(entry["at"], zone, language.current())
    line = f"{entry['id']}  {when}  {entry['actor']} ({entry['channel']})  {_word(ACTIONS, entry['action'])}"
    if not entry.get("undoes"):
        return line
    text = N_("takes {entry} back", entry=entry["undoes"])
    return f"{line}  ({language.say(text)})"


def changes_of(changes: Json, zone: str) -> Iterator[str]:
    """`drop-off: 08:00 → 08:30`, field by field."""
    for name, change in changes.items():
        yield f"{language.say(field_name(name))}: {_side(change, 'old', zone)} → {_side(change, 'new', zone)}"


def _side(change: Any, name: str, zone: str) -> str:
    value = change.get(name)
    if isinstance(value, str) and value[10:11] == "T" and value[:4].isdigit():
        return show_moment(value, zone, language.current())
    return show_value(value)


def _facts(one: Json, zone: str) -> list[tuple[Text, str]]:
    customer, vehicle = one.get("customer") or {}, one.get("vehicle") or {}
    facts = [
        (N_("Appointment"), one["id"]),
        (N_("Site"), f"{one['site']}, {one['department']}"),
        (N_("Drop-off"), show_moment(one["drop_off"], zone, language.current())),
        (N_("Collection"), show_moment(one["collection"], zone, language.current())),
        (N_("Status"), _word(STATUS, one["status"])),
        (N_("Customer"), f"{customer.get('name') or '–'}  {customer.get('phone') or ''}".strip()),
        (
            N_("Vehicle"),
            " ".join(vehicle.get(name) or "" for name in ("plate", "make", "model", "vin")).strip() or "–",
        ),
        (N_("Advisor"), one.get("advisor") or "–"),
        (
            N_("Transport"),
            f"{_word(TRANSPORT, one['transport_option'])} {one.get('courtesy_car') or ''}".strip(),
        ),
        (N_("Work order"), one.get("work_order") or "–"),
        (N_("Origin"), _word(ORIGINS, one["origin"])),
        (N_("References"), ", ".join(f"{name} {id_}" for name, id_ in (one.get("references") or {}).items()) or "–"),
        (N_("Notes"), one.get("notes") or "–"),
    ]
    if one.get("dms_notes"):
        facts.append((N_("Notes of the DMS"), one["dms_notes"]))
    if one.get("internal_order"):
        facts.append((N_("Internal order"), language.say(N_("yes"))))
    if one.get("dms_number"):
        facts.append((N_("DMS number"), one["dms_number"]))
    if one.get("dms_created_at"):
        facts.append((N_("Created in the DMS"), show_moment(one["dms_created_at"], zone, language.current())))
    facts += [(N_("Link"), link) for link in (one.get("links") or {}).values()]
    return facts
