"""`wtpd log`: the daemon's last log lines, and those to come."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from wtpd import language
from wtpd.cli.command import argument, command, option, site_option
from wtpd.cli.moments import ZONE, show_exact
from wtpd.harmless import harmless, harmless_json
from wtpd.texts import N_

if TYPE_CHECKING:
    import asyncio

    from wtpd.cli.console import Console
    from wtpd.client import Client, Json

LEVELS = ("debug", "info", "warning", "error", "critical")
COLOURS = {"warning": "yellow", "error": "red", "critical": "red"}
PAGE = 500
PAGES = 10
"""Pages that are fetched at once, at most, when many lines have come."""


@command(
    "log",
    N_("The daemon's last log lines, also without access to the journal; TEXT: words that stand in them."),
    example="wtpd log --level warning\nwtpd log --connector superservice --site rostock --follow",
)
@argument("text", nargs=-1)
@option("--level", type=click.Choice(LEVELS), about=N_("Only lines of this weight or more."))
@option("--connector", metavar="CONNECTOR", about=N_("Only of this connector."))
@site_option
@option("--follow", "-f", is_flag=True, about=N_("Go on with the lines to come, until Ctrl-C."))
@option("--lines", type=click.IntRange(1, PAGE), default=50, metavar="N", about=N_("How many (50)."))
def log(
    console: Console,
    text: Sequence[str],
    level: str | None,
    connector: str | None,
    site: str | None,
    follow: bool,
    lines: int,
) -> None:
    wanted = {"level": level, "connector": connector, "site": site, "q": " ".join(text) or None}
    if follow:
        with suppress(KeyboardInterrupt):  # how it is meant to end
            console.ask(lambda api: _follow(console, api, wanted, lines))
        return
    page = console.ask(lambda api: api.log.list(**wanted, limit=lines))
    found = page["items"][::-1]
    console.answer(found, lambda: _print(console, found))
    if not found:
        console.note(N_("No such line."))


async def _follow(console: Console, api: Client, wanted: dict[str, Any], lines: int) -> None:
    """An event only says that there is something new; what fits is asked for, so that a restart of the daemon and a
    flood of lines cost nothing."""
    import asyncio

    from wtpd.client import Unreachable

    found = (await api.log.list(**wanted, limit=lines))["items"]
    last = _show(console, found, 0)
    bell = asyncio.Event()
    listener = asyncio.ensure_future(_listen(console, api, bell))
    listener.add_done_callback(lambda _: bell.set())
    try:
        while True:
            await bell.wait()
            bell.clear()
            if listener.done():
                listener.result()
            with suppress(Unreachable):  # the bell rings again when it is back
                last = _show(console, await _newer(api, wanted, last), last)
    finally:
        listener.cancel()
        await asyncio.wait({listener})


async def _listen(console: Console, api: Client, bell: asyncio.Event) -> None:
    was_up = False

    def connected(up: bool) -> None:
        nonlocal was_up
        if up:
            bell.set()
        elif was_up:  # the first of many tries to find it again
            console.note(N_("The daemon went away; waiting for it."))
        was_up = up

    async for _ in api.events(kinds="log.line", connected=connected):
        bell.set()


async def _newer(api: Client, wanted: dict[str, Any], last: int) -> list[Json]:
    """The lines behind `last`, the newest first."""
    found: list[Json] = []
    before = None
    for _ in range(PAGES):
        page = await api.log.list(**wanted, before=before, limit=PAGE)
        fresh = [line for line in page["items"] if line["id"] > last]
        found += fresh
        before = page["next_cursor"]
        if before is None or len(fresh) < len(page["items"]):
            break
    return found


def _show(console: Console, found: Sequence[Json], last: int) -> int:
    """Print them, the oldest first; answers the newest that is known."""
    if console.json:
        for line in reversed(found):
            click.echo(harmless_json(line))
    else:
        _print(console, found[::-1])
    return int(found[0]["id"]) if found else last


def _print(console: Console, lines: Sequence[Json]) -> None:
    for line in lines:
        when = show_exact(line["at"], ZONE, language.current())
        where = line["channel"] or line["connector"] or line["site"] or line["logger"]
        message = str(line["message"]).replace("\n", "\n    ")
        head = f"{when} {line['level'].upper():<8} {where}"
        console.lines(f"{harmless(head)}: {message}", colour=COLOURS.get(line["level"]))
