"""`wtpd action`: what connectors offer to do, listed and done; a connector of anybody needs no command of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from wtpd.cli.command import argument, command, confirmed, option
from wtpd.language import say
from wtpd.texts import N_, Text
from wtpd.words import VEHICLE, field_name

if TYPE_CHECKING:
    from wtpd.cli.console import Console
    from wtpd.client import Client, Json

ON: Mapping[str, Text] = {
    "vehicle": N_("vehicle"),
    "customer": N_("customer"),
    "appointment": N_("appointment"),
    "connector": N_("connector"),
    "search": N_("search"),
}
_COLOURS: Mapping[str, str | None] = {"good": "green", "warn": "yellow"}
_YES = ("yes", "true", "1")
_NO = ("no", "false", "0", "")


def _offered(ctx: click.Context) -> list[Json]:
    """What the daemon offers; nothing where it can't be asked, so that completion never disturbs."""
    from wtpd.cli.console import Console
    from wtpd.client import ClientError

    try:
        found = Console().ask(lambda api: api.actions())
    except (ClientError, OSError):
        return []
    return [one for one in found if ctx.params.get("connector") in (None, one["connector"])]


def _connectors(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    found = {str(one["connector"]): str(one["title"]) for one in _offered(ctx)}
    return [CompletionItem(name, help=title) for name, title in found.items() if name.startswith(incomplete)]


def _actions(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    found = {str(one["name"]): str(one["label"]) for one in _offered(ctx)}
    return [CompletionItem(name, help=label) for name, label in found.items() if name.startswith(incomplete)]


def _fields(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    action = ctx.params.get("action")  # click doesn't know it yet behind `--field`
    fields = [each for one in _offered(ctx) if action in (None, one["name"]) for each in one["fields"]]
    name, equals, _ = incomplete.partition("=")
    found = {f"{one['name']}=": str(one["label"]) for one in fields}
    if equals:
        choices = [each for one in fields if one["name"] == name for each in one["choices"]]
        found = {f"{name}={one['value']}": str(one["label"]) for one in choices}
    return [CompletionItem(text, help=label) for text, label in found.items() if text.startswith(incomplete)]


@command(
    "action",
    N_(
        "Have a connector do one of its actions to the vehicle, customer or appointment with the ID, or to the text of "
        "a search. Without a name: what connectors offer."
    ),
    example=(
        "wtpd action\nwtpd action dat identify 3f2a9c --field refresh=yes --yes\n"
        "wtpd action dat value 3f2a9c --field odometer_km=43000"
    ),
)
@argument("connector", required=False, shell_complete=_connectors)
@argument("action", required=False, shell_complete=_actions)
@argument("on", metavar="[ID]", required=False)
@option(
    "--field",
    "given",
    metavar="NAME=VALUE",
    multiple=True,
    about=N_("A field of its form; a day as 2026-11-21, yes or no for a switch."),
    shell_complete=_fields,
)
@option("--yes", is_flag=True, about=N_("Agree to what it costs or does; without it that is asked."))
def action(
    console: Console, connector: str | None, action: str | None, on: str | None, given: Sequence[str], yes: bool
) -> int:
    offered = console.ask(lambda api: api.actions())
    if connector is None or action is None:
        listed = [one for one in offered if connector in (None, one["connector"])]
        console.answer({"items": listed}, lambda: _list(console, listed))
        return 0 if listed else 1
    wanted = next((one for one in offered if (one["connector"], one["name"]) == (connector, action)), None)
    agreed = yes or wanted is None or not wanted["confirm"]
    if wanted is not None and not agreed and wanted["available"]:
        console.note(wanted["confirm"])
        if not confirmed(console, N_("Do it?")):
            console.note(N_("Nothing was done. To agree to it: --yes"))
            return 1
    fields = _typed(wanted, given)

    async def do(api: Client) -> Json:
        return await api.connectors.act(connector, action, fields, on=on or "", confirmed=True)

    done = console.ask(do)
    console.answer(done, lambda: _show(console, done))
    return 1 if done["candidates"] else 0


def _typed(action: Json | None, given: Sequence[str]) -> dict[str, Any]:
    """The fields as the API takes them; the daemon says what is wrong with one that isn't in the form."""
    forms = {one["name"]: one["form"] for one in action["fields"]} if action else {}
    found: dict[str, Any] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise click.BadParameter(say(N_("it looks like NAME=VALUE, not {text}", text=one)), param_hint="--field")
        if name in found:
            raise click.BadParameter(say(N_("{name} is given twice", name=name)), param_hint="--field")
        found[name] = _value(name, forms.get(name), value.strip())
    return found


def _value(name: str, form: str | None, text: str) -> Any:
    if form == "digits" and text.isascii() and text.lstrip("-").isdigit() and len(text) < 19:
        return int(text)
    if form != "flag":
        return text
    said = text.lower()
    if said in (*_YES, say(N_("yes"))):
        return True
    if said in (*_NO, say(N_("no"))):
        return False
    raise click.BadParameter(say(N_("{name} is yes or no", name=name)), param_hint="--field")


def _list(console: Console, offered: Sequence[Json]) -> None:
    if not offered:
        console.line(N_("No connector offers anything that could be done."))
        return
    rows = [[one["connector"], one["name"], say(ON[one["on"]]), one["label"], one["reason"] or ""] for one in offered]
    heads = [N_("connector"), N_("action"), N_("done to"), N_("does"), N_("not possible now")]
    console.table(heads, rows, colours=[None if one["available"] else "yellow" for one in offered])
    for one in offered:
        if one["fields"]:
            names = ", ".join(_form(each) for each in one["fields"])
            console.line(N_("{action}: --field {names}", action=f"{one['connector']} {one['name']}", names=names))


def _form(field: Json) -> str:
    choices = "|".join(str(one["value"]) for one in field["choices"])
    hint = choices or {"digits": "N", "date": "2026-11-21", "flag": "yes"}.get(field["form"], "…")
    return f"{field['name']}={hint}"


def _show(console: Console, done: Json) -> None:
    for name, value in done["filled"].items():
        console.line(N_("{field}: {value} was filled in", field=_field(name), value=value), colour="green")
    for name, one in done["differing"].items():
        text = N_(
            "{field}: {ours} stays, {partner} says {theirs}",
            field=_field(name), ours=one["ours"], theirs=one["theirs"], partner=done["title"],
        )  # fmt: skip
        console.line(text, colour="yellow")
    for fact in done["facts"]:
        console.line(N_("{field}: {value}", field=fact["label"], value=_shown(fact)))
    for remark in done["remarks"]:
        console.line(remark["text"], colour=_COLOURS.get(remark["tone"]))
    for one in done["candidates"]:
        console.line(f"{one['number']:>3}  {one['label']}")
    if done["candidates"]:
        console.note(N_("It may be each of these. Choose one: --field choose=N"))
    elif not any(done[part] for part in ("filled", "differing", "facts", "remarks")):
        console.line(N_("Done."))


def _field(name: str) -> Text | str:
    return VEHICLE.get(name) or field_name(name)


def _shown(fact: Json) -> str:
    value = fact["value"]
    if isinstance(value, bool):
        return say(N_("yes")) if value else say(N_("no"))
    if fact["name"].endswith("_cents") and isinstance(value, int):
        return f"{value / 100:.2f}"
    return "-" if value is None else str(value)
