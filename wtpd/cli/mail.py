"""`wtpd mail test`: a mail now, with everything that was said to and by the mail server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wtpd.cli.command import Group, argument, command, option
from wtpd.texts import N_

if TYPE_CHECKING:
    from wtpd.cli.console import Console
    from wtpd.client import Client, Json

mail = Group("mail", about=N_("The mail server."), example="wtpd mail test")


@command(
    "test",
    N_("Send a mail to the sites' status addresses, or to ADDRESS, and show the dialogue with the mail server."),
    example="wtpd mail test\nwtpd mail test me@example.org --site rostock",
    group=mail,
)
@argument("address", required=False)
@option("--site", about=N_("Only for this site."), metavar="SITE")
def test_mail(console: Console, address: str | None, site: str | None) -> int:
    async def send(api: Client) -> list[Json]:
        sites = [site] if site else [one["id"] for one in await api.sites()]
        return [await api.test_mail(one, address) for one in (sites[:1] if address else sites)]

    tested = console.ask(send)
    console.answer(tested, lambda: _print(console, tested))
    return 0 if all(one["ok"] for one in tested) else 1


def _print(console: Console, tested: list[Json]) -> None:
    for one in tested:
        for line in one["dialogue"]:
            console.line(f"  {line}")
        if one["ok"]:
            console.line(N_("Sent to {address}.", address=one["sent_to"]), colour="green")
        else:
            console.line(f"{one['sent_to']}: {one['error']}", colour="red")
