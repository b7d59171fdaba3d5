"""`wtpd mapping`: which department a partner serves at a site, and under which dealer number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from wtpd.cli.command import Group, argument, command, confirmed, option
from wtpd.cli.values import show_value
from wtpd.language import say
from wtpd.texts import N_
from wtpd.words import consequence

if TYPE_CHECKING:
    from wtpd.cli.console import Console
    from wtpd.client import Client, Json

MANY = 20
"""More cancellations than this are confirmed by typing how many."""


mapping = Group(
    "mapping",
    about=N_("Which department a partner serves at a site, and under which dealer number."),
    example="wtpd mapping\nwtpd mapping set rostock superservice --department Werkstatt --dealer-number 00123",
    default="list",
)


@command("list", N_("List sites and partners."), example="wtpd mapping list", group=mapping)
def list_mapping(console: Console) -> None:
    rows = console.ask(lambda api: api.mapping.list())
    console.answer(rows, lambda: _table(console, rows))


def _table(console: Console, rows: Sequence[Json]) -> None:
    if not rows:
        console.line(N_("No site has a partner."))
        return
    cells = [[show_value(row.get(name)) for name in ("site", "partner", "department", "dealer_number")] for row in rows]
    states = [say(N_("set up")) if row.get("state") == "ready" else row.get("reason") or "" for row in rows]
    console.table(
        [N_("site"), N_("partner"), N_("department"), N_("dealer number"), N_("state")],
        [[*cell, state] for cell, state in zip(cells, states, strict=True)],
        colours=[None if row.get("state") == "ready" else "yellow" for row in rows],
    )


@command(
    "coverage",
    N_("Which departments have appointments to come, and which partners serve them. Exit code 1 if nobody does."),
    example="wtpd mapping coverage",
    group=mapping,
)
def coverage(console: Console) -> int:
    rows = console.ask(lambda api: api.mapping.coverage())
    console.answer(rows, lambda: _coverage(console, rows))
    return 1 if any(_is_bare(row) for row in rows) else 0


def _is_bare(row: Json) -> bool:
    return bool(row["upcoming"] and not row["partners"])


def _coverage(console: Console, rows: Sequence[Json]) -> None:
    console.table(
        [N_("site"), N_("department"), N_("appointments to come"), N_("partners")],
        [[row["site"], row["department"], str(row["upcoming"]), ", ".join(row["partners"]) or "–"] for row in rows],
        colours=["yellow" if _is_bare(row) else None for row in rows],
    )


@command(
    "set",
    N_("Change a mapping. First shows what it would cancel and send, and asks."),
    example="wtpd mapping set rostock superservice --department Werkstatt --dealer-number 00123",
    group=mapping,
)
@argument("site")
@argument("partner")
@option("--department", required=True, about=N_("The department that the partner serves."))
@option("--dealer-number", required=True, about=N_("The number under which the partner knows the site."))
@option("--status-mail", metavar="ADDRESS", about=N_("The site's address for status information, changed with it."))
@option("--yes", is_flag=True, about=N_("Don't ask."))
@option(
    "--unverified", is_flag=True, about=N_("Save the dealer number although the partner refuses it or can't be asked.")
)
def set_mapping(console: Console, site: str, partner: str, yes: bool, unverified: bool, **wanted: Any) -> int:
    async def preview(api: Client) -> Json:
        return await api.mapping.set(site, partner, **wanted, preview=True)

    shown = console.ask(preview)
    cancels = int(shown.get("cancels") or 0)
    if not console.json:
        _show(console, shown)
    if _is_doubtful(shown) and not unverified:
        console.note(N_("Nothing was changed. If the number is right all the same: --unverified"))
        return 1
    if not yes and not _agreed(console, cancels):
        console.note(N_("Nothing was changed."))
        return 1

    async def change(api: Client) -> Json:
        confirm = cancels if cancels > MANY else None
        return await api.mapping.set(site, partner, **wanted, confirm=confirm, unverified=unverified)

    answer = console.ask(change)
    console.answer(answer, lambda: console.line(N_("Saved.")))
    return 0


def _show(console: Console, preview: Json) -> None:
    if preview.get("diff"):
        console.lines(str(preview["diff"]).rstrip())
    partner = preview.get("partner")
    if partner:
        console.line(partner["text"], colour="red" if _is_doubtful(preview) else None)
    for text in consequence(preview.get("cancels", 0), preview.get("unlinks", 0), preview.get("sends", 0)):
        console.line(text, bold=True)


def _is_doubtful(preview: Json) -> bool:
    return bool(preview.get("partner") and preview["partner"]["verdict"] in ("refused", "unreachable"))


def _agreed(console: Console, cancels: int) -> bool:
    if cancels <= MANY:
        return confirmed(console, N_("Change it?"))
    if not console.interactive:
        return False
    question = say(N_("Type the number of cancellations ({count}) to go on", count=cancels))
    return bool(click.prompt(question, default="", show_default=False, err=True) == str(cancels))
