"""`wtpd vehicle`: what a VIN stands for, and what a vehicle is worth, by a source of vehicle data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from wtpd.cli.command import Function, Group, argument, command, option
from wtpd.language import say
from wtpd.texts import N_, N_n, Text
from wtpd.words import VEHICLE

if TYPE_CHECKING:
    from wtpd.cli.console import Console
    from wtpd.client import Client, Json

vehicle = Group(
    "vehicle",
    about=N_(
        "Identify vehicles by their VIN and value them, by DAT, which takes money for it; check them by their plate "
        "with a public register (RDW), which costs nothing."
    ),
    example="wtpd vehicle identify WVWZZZ3CZEE123456\nwtpd vehicle check 12-ABC-3",
)


def _field(name: str) -> Text | str:
    return VEHICLE.get(name, name)


def _for_order(function: Function) -> Function:
    """Options that say whom it is for, and so whose login at DAT is used."""
    assessor = option("--assessor", metavar="SIGN", about=N_("The assessor whom it is for, if logins are personal."))
    return option("--site", metavar="SITE", about=N_("The site that it is for."))(assessor(function))


@command(
    "identify",
    N_("Ask DAT what a VIN stands for, and fill what is blank in the vehicle of the book that has it."),
    example="wtpd vehicle identify WVWZZZ3CZEE123456\nwtpd vehicle identify WVWZZZ3CZEE123456 --choose 2",
    group=vehicle,
)
@argument("vin")
@option("--choose", type=click.IntRange(1), metavar="N", about=N_("Which one it is, where there are several."))
@option("--vehicle", "vehicle_id", metavar="ID", about=N_("The vehicle of the book, if several have this VIN."))
@option(
    "--restriction",
    type=click.Choice(["all", "repair", "appraisal"]),
    about=N_("Only vehicles that can be calculated (repair) or valued (appraisal)."),
)
@option("--refresh", is_flag=True, about=N_("Ask DAT again although it was asked in the last 30 days; costs money."))
@_for_order
def identify(
    console: Console,
    vin: str,
    choose: int | None,
    vehicle_id: str | None,
    restriction: str | None,
    refresh: bool,
    **order: str | None,
) -> int:
    scope = {**order, "restriction": restriction and restriction.upper()}

    async def ask(api: Client) -> tuple[Json, Json | None, list[Json]]:
        found = await api.vehicles.identify(vin, refresh=refresh, **scope)
        known = await _known(api, found["vin"], vehicle_id)
        settled = choose is not None or len(found["candidates"]) == 1
        if len(known) != 1 or not settled:
            return found, None, known
        fields = {"vin": found["vin"], "choose": choose, **scope}
        filled = await api.connectors.act(found["source"], "identify", fields, on=known[0]["id"], confirmed=True)
        return found, filled["data"], known

    found, filled, known = console.ask(ask)
    count = len(found["candidates"])
    if choose is not None and choose > count:
        text = N_("there is no candidate {number}; there are {count}", number=choose, count=count)
        raise click.BadParameter(say(text), param_hint="--choose")
    console.answer(filled or found, lambda: _identified(console, found, filled, known, choose))
    return 0 if count == 1 or (count and choose) else 1


@command(
    "value",
    N_("Ask DAT what a vehicle is worth that was identified before."),
    example="wtpd vehicle value WVWZZZ3CZEE123456 --km 43000 --registered 2021-05-17",
    group=vehicle,
)
@argument("vin")
@option("--km", type=click.IntRange(0), metavar="KM", about=N_("Odometer reading; the vehicle's own without it."))
@option("--registered", metavar="DAY", about=N_("First registration; the vehicle's own without it."))
@option(
    "--taxation",
    type=click.Choice(["regular", "difference"]),
    about=N_("Regular taxation, or taxation of the margin; DAT's usual one for the vehicle without it."),
)
@option("--vehicle", "vehicle_id", metavar="ID", about=N_("The vehicle of the book, if several have this VIN."))
@_for_order
def value(
    console: Console,
    vin: str,
    km: int | None,
    registered: str | None,
    taxation: str | None,
    vehicle_id: str | None,
    **order: str | None,
) -> None:
    given = {**order, "taxation": taxation and taxation.upper()}

    async def ask(api: Client) -> Json:
        known = await _known(api, "".join(vin.split()).upper(), vehicle_id)
        if len(known) != 1:
            raise click.ClickException(say(_which(vin, known)))
        source = (await api.vehicles.identification(known[0]["id"]))["source"]
        fields = {"odometer_km": km, "first_registration": registered, **given}
        done = await api.connectors.act(source, "value", fields, on=known[0]["id"], confirmed=True)
        return dict(done["data"])

    worth = console.ask(ask)
    console.answer(worth, lambda: _worth(console, worth))


@command(
    "check",
    N_("Ask the public register (RDW) about a vehicle of the book by its plate: make, APK, recalls."),
    example="wtpd vehicle check 12-ABC-3",
    group=vehicle,
)
@argument("plate")
def check(console: Console, plate: str) -> int:
    async def ask(api: Client) -> list[Json]:
        found = (await api.vehicles.list(q=plate))["items"]
        if len(found) != 1:
            texts = N_("No vehicle of the book has the plate {plate}.", plate=plate)
            raise click.ClickException(say(_several(plate, found) if found else texts))
        registers = await _registers(api)
        for register in registers:
            await api.connectors.act(register, "check", on=found[0]["id"], confirmed=True)
        return [one for one in await api.vehicles.checks(found[0]["id"]) if one["source"] in registers]

    checks = console.ask(ask)
    console.answer({"items": checks}, lambda: _all_checked(console, checks))
    return 0 if all(one["known"] for one in checks) else 1


async def _registers(api: Client) -> list[str]:
    """The public registers that can be asked now."""
    offered = [one for one in await api.actions() if (one["on"], one["name"]) == ("vehicle", "check")]
    usable = [str(one["connector"]) for one in offered if one["available"]]
    if not usable:
        texts = N_("No public register is in use (connectors.rdw in wtpd.yaml, for sites in NL).")
        raise click.ClickException(f"{offered[0]['title']}: {offered[0]['reason']}" if offered else say(texts))
    return usable


def _several(plate: str, found: Sequence[Json]) -> Text:
    plates = ", ".join(one["plate"] or "-" for one in found)
    return N_("Several vehicles of the book fit {plate}: {plates}", plate=plate, plates=plates)


def _all_checked(console: Console, checks: Sequence[Json]) -> None:
    for one in checks:
        _checked(console, one)


def _checked(console: Console, one: Json) -> None:
    if not one["known"]:
        console.line(
            N_("{partner} doesn't know {plate} now.", partner=one["title"], plate=one["plate"]), colour="yellow"
        )
    if one["at"] is not None:
        console.line(
            " ".join(part for part in (one["plate"], one["make"], one["model"], one["fuel"]) if part), bold=True
        )
        for name in ("first_registration", "inspection_due"):
            if one[name]:
                day = date.fromisoformat(one[name])
                console.line(N_("{field}: {value}", field=VEHICLE[name], value=day))
    for name in one["filled"]:
        console.line(N_("{field} is from {partner}.", field=VEHICLE[name], partner=one["title"]), colour="green")
    for remark in one["remarks"]:
        console.line(remark["text"], colour="yellow")


async def _known(api: Client, vin: str, vehicle_id: str | None) -> list[Json]:
    """The vehicles of the book with this VIN."""
    if vehicle_id is not None:
        return [await api.vehicles.get(vehicle_id)]
    found = (await api.vehicles.list(q=vin))["items"]
    return [one for one in found if one["vin"] == vin]


def _identified(console: Console, found: Json, filled: Json | None, known: Sequence[Json], choose: int | None) -> None:
    candidates = found["candidates"]
    _heading(console, found)
    if not candidates:
        console.line(N_("{partner} knows no vehicle with this VIN.", partner=found["title"]), colour="yellow")
        return
    _table(console, candidates)
    if filled is not None:
        _filled(console, filled)
    elif len(candidates) > 1 and choose is None:
        console.note(N_("It may be each of these. Choose one: --choose N. That costs nothing more."))
    else:
        console.note(_which(found["vin"], known))


def _heading(console: Console, found: Json) -> None:
    if found["kept"]:
        text = N_(
            "{vin}, as {partner} said on {day}; nothing was paid now.",
            vin=found["vin"], partner=found["title"], day=found["at"][:10],
        )  # fmt: skip
    elif found["limit"] is None:
        text = N_("{vin}, by {partner}", vin=found["vin"], partner=found["title"])
    else:
        text = N_(
            "{vin}, asked {count} of {limit} times today",
            vin=found["vin"], count=found["asked_today"], limit=found["limit"],
        )  # fmt: skip
    console.line(text, bold=True)
    if found["partial"]:
        console.line(
            N_(
                "{partner} has no complete code for it, only a data card ({fault}).",
                partner=found["title"], fault=found["note"],
            )
        )  # fmt: skip
    elif found["note"]:
        console.line(N_("{partner} says: {fault}", partner=found["title"], fault=found["note"]))


def _table(console: Console, candidates: Sequence[Json]) -> None:
    rows = [
        [str(one["number"]), one["make"], one["name"] or one["model"], one["variant"], one["code"]]
        for one in candidates
    ]
    console.table([N_("no."), N_("make"), N_("model"), N_("variant"), N_("code")], rows)


def _filled(console: Console, filled: Json) -> None:
    for name, text in filled["filled"].items():
        console.line(N_("{field}: {value} was filled in", field=_field(name), value=text), colour="green")
    for name, one in filled["differing"].items():
        console.line(
            N_(
                "{field}: {ours} stays, {partner} says {theirs}",
                field=_field(name), ours=one["ours"], theirs=one["theirs"],
                partner=filled["identification"]["title"],
            ),
            colour="yellow",
        )  # fmt: skip
    if not filled["filled"] and not filled["differing"]:
        console.line(N_("The book says the same; nothing was filled in."))


def _which(vin: str, known: Sequence[Json]) -> Text:
    if not known:
        return N_("No vehicle of the book has the VIN {vin}, so nothing was filled in.", vin=vin)
    ids = ", ".join(f"{one['id']} ({one['plate'] or '-'})" for one in known)
    return N_("Several vehicles of the book have the VIN {vin}; name one with --vehicle: {ids}", vin=vin, ids=ids)


def _worth(console: Console, worth: Json) -> None:
    rows: list[list[Any]] = [
        [say(name), _money(worth[f"{field}_cents"]), _money(worth[f"{field}_gross_cents"])]
        for field, name in (("sales", N_("sales price")), ("purchase", N_("purchase price")))
    ]
    console.line(
        N_(
            "{code}, {km} km, first registered on {day}",
            code=worth["code"], km=worth["odometer_km"], day=date.fromisoformat(worth["first_registration"]),
        )
    )  # fmt: skip
    console.table([worth["currency"], N_("without VAT"), N_("with VAT")], rows)
    if worth["extras"]:
        console.line(N_n("With one extra.", "With {count} extras.", count=worth["extras"]))
    elif worth["extras"] is None:
        console.note(N_("Without extras: this vehicle's equipment isn't known before the vehicle is identified again."))
    else:
        console.line(N_("Without extras: none were named when the vehicle was identified."))


def _money(cents: int | None) -> str:
    return "-" if cents is None else f"{cents / 100:.2f}"
