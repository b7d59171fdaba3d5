"""`wtpd rental`: rental cars out of an appointment, by the partner that rents them out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from wtpd.cli.appointments import find_one, print_found
from wtpd.cli.command import Group, argument, command, confirmed, option
from wtpd.cli.moments import ZONE, show_moment
from wtpd.language import current, say
from wtpd.moments import NotUnderstood, read_moment
from wtpd.texts import N_, Text
from wtpd.words import RENTAL_ACTIONS, RENTAL_FIELDS, RENTAL_MISMATCHES, RENTALS

if TYPE_CHECKING:
    from wtpd.cli.console import Console
    from wtpd.client import ApiProblem, Client, Json

rental = Group(
    "rental",
    about=N_("Rental cars for the time of an appointment. WHAT: the appointment's id, or a plate, name or number."),
    example='wtpd rental search "HRO-AB 123"\nwtpd rental book "HRO-AB 123" F4711',
)
_REFUSED = ("car-taken", "end-collides", "price-changed", "renter-refused")

Visit = tuple["Json", str]
"""An appointment, and its site's time zone."""


def _period(function: Callable[..., Any]) -> Callable[..., Any]:
    start = option("--from", "start", metavar="WHEN", about=N_('Begin, if not the drop-off: "3.12. 8:30".'))
    return start(
        option("--to", "end", metavar="WHEN", about=N_('End, if not the collection: "4.12. 17:00".'))(function)
    )


@command(
    "show",
    N_("The rentals of an appointment, and how they fit it; without WHAT all rentals that hold a car."),
    example='wtpd rental show "HRO-AB 123"',
    group=rental,
)
@argument("what", required=False)
@option("--refresh", is_flag=True, about=N_("Ask the partner for the rental's state now."))
def show(console: Console, what: str | None, refresh: bool) -> int:
    if what is None:
        found = console.ask(lambda api: api.rentals.list())
        console.answer(found, lambda: _print_list(console, found, ZONE))
        return 0

    async def ask(api: Client) -> tuple[Visit | None, Json]:
        visit, fitting = await _visit(api, what)
        if visit is None:
            return None, {"items": fitting}
        mobility = await api.rentals.of(visit[0]["id"])
        if refresh and mobility["rental"] is not None:
            await api.rentals.refresh(mobility["rental"]["id"])
            mobility = await api.rentals.of(visit[0]["id"])
        return visit, mobility

    visit, answer = console.ask(ask)
    if visit is None:
        return _several(console, answer["items"])
    console.answer(answer, lambda: _print_mobility(console, answer, visit[1]))
    return 1 if answer["mismatch"] else 0


@command(
    "search",
    N_("The rental cars that are free in the whole time of the appointment."),
    example='wtpd rental search "HRO-AB 123" --class KOMPAKT --feature AUTOMATIK',
    group=rental,
)
@argument("what")
@_period
@option("--station", metavar="ID", about=N_("Only at this station."))
@option("--class", "classes", multiple=True, metavar="ID", about=N_("Only of this vehicle class, or one of several."))
@option("--feature", "features", multiple=True, metavar="ID", about=N_("Only with this feature, or all of several."))
def search(
    console: Console,
    what: str,
    start: str | None,
    end: str | None,
    station: str | None,
    classes: tuple[str, ...],
    features: tuple[str, ...],
) -> int:
    async def ask(api: Client) -> tuple[Visit | None, Any]:
        visit, fitting = await _visit(api, what)
        if visit is None:
            return None, fitting
        wish = {**_given(visit, start, end), "station": station, "classes": list(classes), "features": list(features)}
        found = await api.rentals.search(visit[0]["id"], wish)
        return visit, (found, await api.rentals.terms(visit[0]["site"]))

    visit, answer = console.ask(ask)
    if visit is None:
        return _several(console, answer)
    found, terms = answer
    console.answer(found, lambda: _print_cars(console, found, terms, visit[1]))
    return 0 if found["cars"] else 1


@command(
    "book",
    N_("Rent a car for an appointment. CAR: its id, as the search shows it."),
    example='wtpd rental book "HRO-AB 123" F4711',
    group=rental,
)
@argument("what")
@argument("car")
@_period
@option("--price", metavar="AMOUNT", about=N_("The price that was shown, e.g. 119.00; another one isn't booked."))
@option("--customer", metavar="ID", about=N_("Another renter than the appointment's customer."))
def book(
    console: Console,
    what: str,
    car: str,
    start: str | None,
    end: str | None,
    price: str | None,
    customer: str | None,
) -> int:
    async def ask(api: Client) -> tuple[Visit | None, Json]:
        visit, fitting = await _visit(api, what)
        if visit is None:
            return None, fitting
        want = await _want(api, visit, car, start, end, price, customer)
        return visit, await api.rentals.book(visit[0]["id"], want)

    return _asked(console, ask)


@command(
    "rebook",
    N_("Cancel an appointment's rental and book again, as one step: another car, or another time."),
    example='wtpd rental rebook "HRO-AB 123" F4712',
    group=rental,
)
@argument("what")
@argument("car")
@_period
@option("--price", metavar="AMOUNT", about=N_("The price that was shown, e.g. 119.00; another one isn't booked."))
@option("--customer", metavar="ID", about=N_("Another renter than the appointment's customer."))
def rebook(
    console: Console,
    what: str,
    car: str,
    start: str | None,
    end: str | None,
    price: str | None,
    customer: str | None,
) -> int:
    async def ask(api: Client) -> tuple[Visit | None, Json]:
        visit, held = await _held(api, what)
        if visit is None:
            return None, held
        want = await _want(api, visit, car, start, end, price, customer)
        return visit, await api.rentals.rebook(held["id"], want)

    return _asked(console, ask)


@command(
    "extend",
    N_("Change the end of an appointment's rental; nothing else of it can be changed."),
    example='wtpd rental extend "HRO-AB 123" "4.12. 17:00"',
    group=rental,
)
@argument("what")
@argument("end")
def extend(console: Console, what: str, end: str) -> int:
    async def ask(api: Client) -> tuple[Visit | None, Json]:
        visit, held = await _held(api, what)
        if visit is None:
            return None, held
        return visit, await api.rentals.change_end(held["id"], _moment(end, visit, "collection", "END"))

    return _asked(console, ask)


@command(
    "cancel",
    N_("Cancel an appointment's rental. One whose answer isn't known yet is taken back."),
    example='wtpd rental cancel "HRO-AB 123" --reason "customer has another car"',
    group=rental,
)
@argument("what")
@option("--reason", metavar="TEXT", about=N_("Why; the partner reads it."))
@option("--yes", is_flag=True, about=N_("Don't ask."))
def cancel(console: Console, what: str, reason: str | None, yes: bool) -> int:
    visit, held = console.ask(lambda api: _held(api, what))
    if visit is None:
        return _several(console, held)
    question = N_("Cancel the rental of {plate}?", plate=held["car"]["plate"])
    if not yes and not confirmed(console, question):
        console.line(N_("Nothing was cancelled. To cancel it without a question: --yes"))
        return 1

    async def ask(api: Client) -> tuple[Visit | None, Json]:
        if held["can_withdraw"]:
            return visit, await api.rentals.withdraw(held["id"])
        return visit, await api.rentals.cancel(held["id"], reason or say(N_("cancelled by the dealership")))

    return _asked(console, ask)


async def _visit(api: Client, what: str) -> tuple[Visit | None, Any]:
    """The appointment that is meant, or None and those that fit."""
    found = await find_one(api, what)
    if len(found) != 1:
        return None, found
    return (found[0]["appointment"], found[0]["zone"]), None


async def _held(api: Client, what: str) -> tuple[Visit | None, Any]:
    """The appointment and the rental that counts for it."""
    visit, fitting = await _visit(api, what)
    if visit is None:
        return None, fitting
    held = (await api.rentals.of(visit[0]["id"]))["rental"]
    if held is None:
        raise click.ClickException(say(N_("This appointment has no rental.")))
    return visit, held


async def _want(
    api: Client, visit: Visit, car: str, start: str | None, end: str | None, price: str | None, customer: str | None
) -> Json:
    want = {**_given(visit, start, end), "car": car, "customer_id": customer}
    if price is not None:
        terms = await api.rentals.terms(visit[0]["site"])
        want["price"] = {"gross": price.replace(",", "."), "currency": terms["currency"]}
    return want


def _given(visit: Visit, start: str | None, end: str | None) -> Json:
    return {
        "start": None if start is None else _moment(start, visit, "drop_off", "--from"),
        "end": None if end is None else _moment(end, visit, "collection", "--to"),
    }


def _moment(text: str, visit: Visit, near: str, hint: str) -> str:
    base = datetime.fromisoformat(visit[0][near]).astimezone(ZoneInfo(visit[1]))
    try:
        return read_moment(text, base).isoformat()
    except NotUnderstood:
        raise click.BadParameter(say(N_("{text} is no day and time", text=text)), param_hint=hint) from None


def _several(console: Console, found: Sequence[Json]) -> int:
    console.answer(found, lambda: print_found(console, [one["appointment"] for one in found]))
    return 1


def _asked(console: Console, ask: Callable[[Client], Any]) -> int:
    """What came of it; a refusal with what belongs to it."""
    from wtpd.client import ApiProblem

    try:
        visit, answer = console.ask(ask)
    except ApiProblem as problem:
        if console.json or problem.kind not in _REFUSED:
            raise
        _print_refusal(console, problem)
        return 1
    if visit is None:
        return _several(console, answer)
    console.answer(answer, lambda: _print_rental(console, answer, visit[1]))
    return 0


def _print_refusal(console: Console, problem: ApiProblem) -> None:
    console.line(str(problem), colour="red")
    facts = problem.facts
    if facts.get("said"):
        console.line(facts["said"])
    if facts.get("latest_end"):
        console.line(N_("The car can be had until {moment}.", moment=show_moment(facts["latest_end"], ZONE, current())))
    if facts.get("price"):
        console.line(N_("It costs {price} now.", price=_price(facts["price"])))
    for car in facts.get("alternatives") or ():
        console.line(f"  {car['id']}  {car['plate']}  {car['vehicle_class']}")


def _print_mobility(console: Console, mobility: Json, zone: str) -> None:
    if mobility["refusal"]:
        console.line(mobility["refusal"], colour="yellow")
    if not mobility["rentals"]:
        console.line(N_("No rental car is booked for this appointment."))
    else:
        _print_list(console, mobility["rentals"], zone)
    if mobility["mismatch"]:
        console.line(RENTAL_MISMATCHES[mobility["mismatch"]], colour="yellow")
    if mobility["rental"]:
        _print_history(console, mobility["rental"], zone)
    if mobility["others"]:
        console.line()
        console.line(N_("The customer's other rentals in that time"), bold=True)
        _print_list(console, mobility["others"], zone)


def _print_list(console: Console, found: Sequence[Json], zone: str) -> None:
    if not found:
        console.line(N_("No rental holds a car."))
        return
    heads: list[Text | str] = [
        N_("number"), N_("plate"), N_("begin"), N_("until"), N_("state"), N_("price"), N_("station")
    ]  # fmt: skip
    rows = [
        [
            one["number"] or "–", one["car"]["plate"], show_moment(one["start"], zone, current()),
            show_moment(one["end"], zone, current()), _state(one), _price(one["price"]), one["station"] or "–",
        ]
        for one in found
    ]  # fmt: skip
    console.table(heads, rows, colours=["red" if one["overdue"] else None for one in found])


def _print_rental(console: Console, one: Json, zone: str) -> None:
    _print_list(console, [one], zone)
    if one["waiting"]:
        console.line(
            N_("The answer isn't known yet: {reason}. wtpd goes on by itself.", reason=one["waiting"]), colour="yellow"
        )
    if one["reason"]:
        console.line(one["reason"], colour="yellow")


def _print_history(console: Console, one: Json, zone: str) -> None:
    console.line()
    console.line(N_("History"), bold=True)
    for entry in one["history"]:
        action = RENTAL_ACTIONS.get(entry["action"], entry["action"])
        console.line(f"{show_moment(entry['at'], zone, current())}  {entry['actor']}  {say(action)}")
        for name, (old, new) in entry["changes"].items():
            label = say(RENTAL_FIELDS.get(name, name))
            console.line(f"    {label}: {_side(name, old, zone)} → {_side(name, new, zone)}")


def _side(name: str, value: str, zone: str) -> str:
    if name in ("start", "end"):
        return show_moment(value, zone, current())
    if name == "state":
        return say(RENTALS.get(value, value))
    return value or "–"


def _print_cars(console: Console, found: Json, terms: Json, zone: str) -> None:
    period = N_(
        "{partner}, {start} to {end}",
        partner=terms["partner"], start=show_moment(found["start"], zone, current()),
        end=show_moment(found["end"], zone, current()),
    )  # fmt: skip
    console.line(period, bold=True)
    if found["unknown"]:
        console.line(N_("Not there with these credentials: {ids}", ids=", ".join(found["unknown"])), colour="yellow")
    if not found["cars"]:
        console.line(N_("No car is free in the whole period."))
        return
    names = {one["id"]: one["name"] for one in (*terms["classes"], *terms["features"], *terms["stations"])}
    heads: list[Text | str] = [
        N_("rental car"), N_("plate"), N_("class"), N_("features"), N_("price"), N_("station")
    ]  # fmt: skip
    rows = [
        [
            car["id"], car["plate"], names.get(car["vehicle_class"], car["vehicle_class"]),
            ", ".join(names.get(one, one) for one in car["features"]) or "–", _price(car["price"]),
            names.get(car["station"], car["station"]) or "–",
        ]
        for car in found["cars"]
    ]  # fmt: skip
    console.table(heads, rows)


def _state(one: Json) -> str:
    if one["overdue"]:
        return say(N_("overdue"))
    return say(RENTALS.get(one["state"], one["state"]))


def _price(price: Json | None) -> str:
    """No price is no price of nothing."""
    return "–" if price is None else f"{price['gross']} {price['currency']}"
