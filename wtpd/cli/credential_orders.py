"""`wtpd credential explain` and `reveal`: which entry an order uses, and its fields for programs on the box."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wtpd.cli.command import Function, argument, command, option
from wtpd.harmless import harmless_json
from wtpd.language import say
from wtpd.texts import N_

if TYPE_CHECKING:
    from wtpd.cli.console import Console
    from wtpd.client import Json


def _for_order(function: Function) -> Function:
    office = option("--office", metavar="SITE", about=N_("The office chosen in the order."))
    assessor = option("--assessor", metavar="ID", about=N_("The assessor chosen in the order."))
    user = option("--user", metavar="LOGIN", about=N_("The user who is signed in (e-mail)."))
    return office(assessor(user(function)))


@command(
    "explain",
    N_("Which entry an order would use, and why; ends with 1 if the order would be refused."),
    example="wtpd credential explain dat --office rostock --assessor meier",
)
@argument("provider")
@_for_order
def explain(console: Console, provider: str, **order: str | None) -> int:
    found = console.ask(lambda api: api.credentials.explain(provider, **order))
    console.answer(found, lambda: _print(console, found))
    return 0 if found["entry"] else 1


def _print(console: Console, found: Json) -> None:
    if found["entry"]:
        console.line(N_("Entry: {scope}", scope=found["entry"]), colour="green", bold=True)
    else:
        console.line(N_("The order is refused."), colour="red", bold=True)
    console.line(f"  {found['reason']}")
    for note in found["notes"]:
        console.line(f"  {note}", colour="yellow")
    fallback = N_("fallback: {fallback}", fallback=found["fallback"]) if found["fallback"] else N_("no fallback")
    setting = N_("Setting: scope {scope}, {fallback}", scope=found["scope"], fallback=fallback)
    console.line(f"  {say(setting)}")


@command(
    "reveal",
    N_(
        "Print an entry for a program on the box: that of a scope, or the one that serves an order. Only where "
        "credentials.PROVIDER.reveal is switched on; audited."
    ),
    example="wtpd credential reveal cartv --assessor meier --json",
)
@argument("provider")
@option("--scope", about=N_("This entry: general, office:SITE, assessor:ID, user:ID."))
@_for_order
def reveal(console: Console, provider: str, scope: str | None, **order: str | None) -> None:
    if scope is None:
        found = console.ask(lambda api: api.credentials.reveal_for(provider, **order))
    else:
        found = console.ask(lambda api: api.credentials.reveal(provider, scope))

    def show() -> None:
        for name, value in found["fields"].items():
            console.line(f"{name}={value if value.isprintable() else harmless_json(value)}")
        for note in found["notes"]:
            console.note(note)

    console.answer(found, show)
