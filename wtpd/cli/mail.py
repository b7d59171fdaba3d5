"""`wtpd mail`: status mails that aren't sent, and a mail now with everything said to and by the mail server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from wtpd import language
from wtpd.cli.command import Group, argument, command, option
from wtpd.cli.complete import completer
from wtpd.cli.moments import ZONE, show_moment
from wtpd.texts import N_, N_n

if TYPE_CHECKING:
    from wtpd.cli.console import Console
    from wtpd.client import Client, Json

mail = Group(
    "mail",
    about=N_("Status mails that aren't sent, and the mail server."),
    example="wtpd mail list\nwtpd mail test",
)


async def _unsent(api: Client) -> Mapping[str, str]:
    return {str(one["id"]): "" for one in await api.mails.list()}


@command(
    "list",
    N_("Mails that aren't sent: waiting and refused ones, with the reason. Exit code 1 if there is a refused one."),
    example="wtpd mail list",
    group=mail,
)
def list_mails(console: Console) -> int:
    found = console.ask(lambda api: api.mails.list())
    console.answer(found, lambda: _print_list(console, found))
    return 1 if any(one["state"] == "refused" for one in found) else 0


def _print_list(console: Console, found: list[Json]) -> None:
    if not found:
        console.line(N_("Every mail was sent."), colour="green")
    for one in found:
        refused = one["state"] == "refused"
        state = language.say(N_("refused") if refused else N_("waiting"))
        when = show_moment(one["queued_at"], ZONE, language.current())
        console.line(
            f"{one['id']:>5}  {state}  {one['recipient']}  {when}", colour="red" if refused else None, bold=True
        )
        console.line(f"       {one['subject']}")
        if one["reason"]:
            console.line(f"       {one['reason']}")
        if refused:
            console.line(f"       → wtpd mail retry {one['id']}")
        elif one["next_try"]:
            moment = show_moment(one["next_try"], ZONE, language.current())
            console.line(N_("       next attempt: {moment}", moment=moment))
    if any(one["state"] == "refused" for one in found):
        console.line(N_("Another recipient: wtpd mail retry ID --to ADDRESS; give up: wtpd mail dismiss ID"))


@command(
    "retry",
    N_("Try an unsent mail again now, or all of them; to another recipient with --to."),
    example="wtpd mail retry --all\nwtpd mail retry 12 --to werkstatt@example.com",
    group=mail,
)
@argument("id", type=int, required=False, shell_complete=completer(_unsent))
@option("--to", about=N_("Send it to this address from now on."), metavar="ADDRESS")
@option("--all", "everything", is_flag=True, about=N_("All unsent mails."))
def retry_mail(console: Console, id: int | None, to: str | None, everything: bool) -> None:  # noqa: A002 - its name
    _one_or_all(id, everything)
    if to is not None and id is None:
        raise click.UsageError(language.say(N_("--to is for one mail: name its ID (wtpd mail list).")))
    count = console.ask(lambda api: api.mails.retry(id, to=to))
    console.answer(
        {"count": count},
        lambda: console.line(N_n("1 mail is tried now.", "{count} mails are tried now.", count=count)),
    )


@command(
    "dismiss",
    N_("Give up an unsent mail, or all refused ones: nobody is told what was in them."),
    example="wtpd mail dismiss 12\nwtpd mail dismiss --all",
    group=mail,
)
@argument("id", type=int, required=False, shell_complete=completer(_unsent))
@option("--all", "everything", is_flag=True, about=N_("All refused mails."))
def dismiss_mail(console: Console, id: int | None, everything: bool) -> None:  # noqa: A002 - its name
    _one_or_all(id, everything)
    count = console.ask(lambda api: api.mails.dismiss(id))
    console.answer(
        {"count": count},
        lambda: console.line(N_n("1 mail is given up.", "{count} mails are given up.", count=count)),
    )


def _one_or_all(number: int | None, everything: bool) -> None:
    if (number is None) != everything:
        raise click.UsageError(language.say(N_("Name one mail by its ID (wtpd mail list), or say --all.")))


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
        return [await api.mails.test(one, address) for one in (sites[:1] if address else sites)]

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
