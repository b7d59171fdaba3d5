"""`wtpd listener`: the door on the local network; its certificate, the sheet for a vendor, and what came in by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wtpd import language
from wtpd.cli.command import Group, argument, command, confirmed, option
from wtpd.cli.moments import ZONE, show_moment
from wtpd.texts import N_, Text

if TYPE_CHECKING:
    from wtpd.cli.console import Console
    from wtpd.client import Client, Json

listener = Group(
    "listener",
    about=N_("The door on the local network, for programs that send by themselves, e.g. a DMS."),
    example="wtpd listener\nwtpd listener sheet\nwtpd listener received",
    default="show",
)
STATES: dict[str, Text] = {
    "stored": N_("waits to be applied"),
    "done": N_("applied"),
    "unreadable": N_("can't be read"),
    "failed": N_("error in wtpd"),
}
RESULTS: dict[str, Text] = {
    "accepted": N_("accepted"),
    "unchanged": N_("unchanged"),
    "quarantined": N_("in quarantine"),
}
"""What came of a record."""
_COLOURS = {"stored": "yellow", "unreadable": "red", "failed": "red"}


@command(
    "show",
    N_("Where it listens, its certificate, and what is wrong. Exit code 1 if it is on and doesn't listen."),
    example="wtpd listener show",
    group=listener,
)
def show_listener(console: Console) -> int:
    found = console.ask(lambda api: api.listener.get())
    console.answer(found, lambda: _print(console, found))
    return 1 if found["problem"] else 0


def _print(console: Console, found: Json) -> None:
    if not found["enabled"]:
        console.line(N_("The listener is off. Switch it on in wtpd.yaml: listener.enabled: true"))
        return
    if found["problem"]:
        console.line(found["problem"], colour="red")
        console.line(f"→ {found['next_step']}")
    if found["listening"]:
        console.line(
            N_("Listening at {address} port {port}.", address=found["address"], port=found["port"]), colour="green"
        )
    _print_certificate(console, found["certificate"])
    _fact(console, N_("may connect"), ", ".join(found["networks"]))
    if found["client_certificates"]:
        console.line(N_("Callers need a certificate of their own."))
    _fact(console, N_("take what is sent"), ", ".join(found["connectors"]) or language.say(N_("no connector")))
    _fact(console, N_("connections now"), str(found["connections"]))
    _fact(console, N_("turned away"), str(found["refused"]))
    if found["waiting"]:
        _fact(console, N_("wait to be applied"), str(found["waiting"]))


def _print_certificate(console: Console, certificate: Json | None) -> None:
    if certificate is None:
        return
    now = language.current()
    _fact(console, N_("names"), ", ".join(certificate["names"]))
    _fact(console, N_("fingerprint (SHA-256)"), certificate["fingerprint"])
    _fact(console, N_("good until"), show_moment(certificate["ends_at"], ZONE, now))
    if certificate["successor"]:
        _fact(console, N_("changes on"), show_moment(certificate["changes_at"], ZONE, now))
        _fact(console, N_("next fingerprint"), certificate["successor"])


def _fact(console: Console, label: Text, value: str) -> None:
    console.line(f"{language.say(label)}: {value}")


@command(
    "sheet",
    N_("A sheet to print for the vendor of the DMS: address, fingerprint, how to send, limits. It holds no token."),
    example="wtpd listener sheet --lang nl > sheet.txt",
    group=listener,
)
def sheet(console: Console) -> int:
    found = console.ask(lambda api: api.listener.get())
    console.answer(found, lambda: _print_sheet(console, found))
    return 0 if found["certificate"] else 1


def _print_sheet(console: Console, found: Json) -> None:
    certificate = found["certificate"]
    if certificate is None:
        console.line(found["problem"] or N_("The listener is off. Switch it on in wtpd.yaml: listener.enabled: true"))
        return
    console.line(N_("Delivering to wtpd over the local network"), bold=True)
    console.line("=" * 60)
    for name in certificate["names"]:
        if name == "::1" or name.startswith("127."):
            continue  # nobody reaches the box by these
        shown = f"[{name}]" if ":" in name else name
        for connector in found["connectors"] or ["CONNECTOR"]:
            _fact(console, N_("address"), f"https://{shown}:{found['port']}/push/{connector}/")
    console.line()
    _print_certificate(console, certificate)
    console.line(
        N_("Compare the fingerprint before the first delivery, and trust this certificate only.")
        if certificate["own"]
        else N_("The certificate is signed by an authority; check it as usual.")
    )
    console.line()
    for text in _RULES:
        console.line(text)
    if found["client_certificates"]:
        console.line(N_("Callers need a certificate of their own."))
    console.line()
    console.line(N_("To try it (answers the site and its dealer number):"))
    console.painted(_CURL.format(port=int(found["port"])))
    console.line()
    console.lines(certificate["pem"])


_CURL = "curl --cacert wtpd.pem -H 'Authorization: Bearer TOKEN' https://NAME:{port}/push/CONNECTOR"
_RULES = (
    N_("HTTPS with TLS 1.2 or 1.3, HTTP/1.1. Every request has the header: Authorization: Bearer TOKEN"),
    N_("The token is given separately. It is good for one site and its dealer number."),
    N_("At most 20 MB for each body, 64 MB unpacked; Content-Encoding: gzip is welcome. 30 seconds to send it."),
    N_("2xx: it is on disk here and needn't be sent again. 202: the answer comes later, at Location."),
    N_("408, 429, 503 and no answer: send the same again after Retry-After, or after a minute."),
    N_("Other 4xx: it isn't taken, and sending it again doesn't help; the answer says why."),
    N_("The same body again is answered as the first time (Batch-Replayed: true) and applied once."),
)


@command(
    "renew",
    N_("Replace the listener's own certificate now, e.g. after its key was seen by others. The fingerprint changes."),
    example="wtpd listener renew",
    group=listener,
)
@option("--yes", is_flag=True, about=N_("Don't ask."))
def renew(console: Console, yes: bool) -> int:
    question = N_("Every program that trusts the fingerprint stops delivering until it has the new one. Renew?")
    if not yes and not confirmed(console, question):
        console.note(N_("Nothing was changed. Without a terminal: --yes"))
        return 1
    found = console.ask(lambda api: api.listener.renew())
    console.answer(found, lambda: _print_certificate(console, found["certificate"]))
    return 0


def _bodies(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """For the shell's completion; none if the daemon is away."""
    from wtpd.cli.console import Console
    from wtpd.client import ClientError

    try:
        found = Console().ask(lambda api: api.listener.received(limit=100))
    except ClientError:
        return []
    return [str(one["id"]) for one in found if str(one["id"]).startswith(incomplete)]


@command(
    "received",
    N_("What partners' programs sent, newest first; or one body with what came of its records."),
    example="wtpd listener received\nwtpd listener received 17",
    group=listener,
)
@argument("id", type=int, required=False, shell_complete=_bodies)
@option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, about=N_("So many at most."))
@option(
    "--key", about=N_("Only where the record of this number of the partner wasn't simply accepted."), metavar="NUMBER"
)
def received(console: Console, id: int | None, limit: int, key: str | None) -> None:  # noqa: A002 - its name
    if id is not None:
        one = console.ask(lambda api: api.listener.body(id))
        console.answer(one, lambda: _print_body(console, one))
        return
    found = console.ask(lambda api: api.listener.received(limit=limit, key=key))
    console.answer(found, lambda: _print_received(console, found))


def _print_received(console: Console, found: list[Json]) -> None:
    if not found:
        console.line(N_("Nothing was sent yet."))
    for one in found:
        _print_line(console, one)


def _print_line(console: Console, one: Json) -> None:
    when = show_moment(one["at"], ZONE, language.current())
    state = language.say(STATES[one["state"]])
    text = f"{one['id']:>6}  {when}  {one['connector']}/{one['site']}  {one['path']}  {one['size']} B  {state}"
    console.line(text, colour=_COLOURS.get(one["state"]))
    counts = N_(
        "        {accepted} accepted, {unchanged} unchanged, {quarantined} in quarantine",
        accepted=one["accepted"], unchanged=one["unchanged"], quarantined=one["quarantined"],
    )  # fmt: skip
    console.line(counts)
    if one["reason"]:
        console.line(f"        {one['reason']}")
    if one["state"] in ("unreadable", "failed"):
        console.line(f"        → wtpd listener apply {one['id']}   wtpd listener dismiss {one['id']}")


def _print_body(console: Console, one: Json) -> None:
    _print_line(console, one)
    _fact(console, N_("from"), one["address"])
    _fact(console, N_("token"), one["token"])
    _fact(console, N_("content"), " ".join(part for part in (one["content_type"], one["content_encoding"]) if part))
    if one["repeats"]:
        _fact(console, N_("came again"), str(one["repeats"]))
    if one["erased"]:
        console.line(N_("Its content is gone, because it named a person who was erased."))
    for item in one["items"]:
        parts = (item["key"], language.say(RESULTS[item["result"]]), item["reason"], item["field"])
        console.line("        " + "  ".join(part for part in parts if part))


@command(
    "apply",
    N_("Apply a body again that couldn't be read, or failed by an error."),
    example="wtpd listener apply 17",
    group=listener,
)
@argument("id", type=int, shell_complete=_bodies)
def apply_again(console: Console, id: int) -> None:  # noqa: A002 - its name
    console.ask(lambda api: api.listener.apply(id))
    console.answer({"id": id}, lambda: console.line(N_("It is applied now; see: wtpd listener received {id}", id=id)))


@command(
    "dismiss",
    N_("Nothing more is wanted of a body that couldn't be read, or failed."),
    example="wtpd listener dismiss 17",
    group=listener,
)
@argument("id", type=int, shell_complete=_bodies)
def dismiss(console: Console, id: int) -> None:  # noqa: A002 - its name
    console.ask(lambda api: api.listener.dismiss(id))
    console.answer({"id": id}, lambda: console.line(N_("Dismissed.")))


token = Group(
    "token",
    about=N_("Tokens for programs that deliver over the local network; at most two for each connector and site."),
    example="wtpd token create carsys --site rostock --name 'DMS server'\nwtpd token list",
    default="list",
)
HEADS = (
    N_("id"), N_("connector"), N_("site"), N_("dealer number"), N_("name"), N_("state"), N_("ends"), N_("last used"),
    N_("from"), N_("made by"),
)  # fmt: skip
_TOKEN_STATES = {"live": N_("good"), "ended": N_("ended"), "revoked": N_("revoked")}


@command("list", N_("The tokens, newest first; never their secrets."), example="wtpd token list", group=token)
def list_tokens(console: Console) -> None:
    found = console.ask(lambda api: api.tokens.list())
    console.answer(found, lambda: _print_tokens(console, found))


def _print_tokens(console: Console, found: list[Json]) -> None:
    if not found:
        console.line(N_("There are no tokens. Make one with: wtpd token create CONNECTOR --site SITE --name NAME"))
        return
    now = language.current()
    rows = [
        [
            one["id"], one["connector"], one["site"], one["dealer_number"], one["name"],
            language.say(_TOKEN_STATES[one["state"]]), show_moment(one["expires_at"], ZONE, now),
            show_moment(one["last_used_at"], ZONE, now), one["last_address"] or "–", one["created_by"],
        ]
        for one in found
    ]  # fmt: skip
    console.table(HEADS, rows)


@command(
    "create",
    N_("Make a token and print it: it is shown this once. An older one of the site ends within two weeks."),
    example="wtpd token create carsys --site rostock --name 'DMS server' --address 192.168.10.5",
    group=token,
)
@argument("connector")
@option("--site", about=N_("For this site."), metavar="SITE", required=True)
@option("--name", about=N_("Who uses it, for the list."), metavar="NAME", default="DMS")
@option("--dealer-number", about=N_("The dealer number it stands for; else that of the mapping."), metavar="NUMBER")
@option("--address", "addresses", multiple=True, about=N_("Only from this address or network."), metavar="NETWORK")
@option("--days", type=click.IntRange(1, 3650), about=N_("It ends after so many days."))
def create_token(
    console: Console,
    connector: str,
    site: str,
    name: str,
    dealer_number: str | None,
    addresses: tuple[str, ...],
    days: int | None,
) -> None:
    async def make(api: Client) -> Json:
        return await api.tokens.create(
            connector=connector, site=site, name=name, dealer_number=dealer_number, addresses=list(addresses), days=days
        )

    made = console.ask(make)
    console.answer(made, lambda: _print_made(console, made))


def _print_made(console: Console, made: Json) -> None:
    console.line(made["token"], bold=True)
    console.note(N_("This is shown only now. Hand it to the program that delivers, by no mail."))
    if made["ends"]:
        console.note(N_("Within 14 days these end: {tokens}", tokens=", ".join(made["ends"])))


def _ids(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """For the shell's completion; none if the daemon is away."""
    from wtpd.cli.console import Console
    from wtpd.client import ClientError

    try:
        found = Console().ask(lambda api: api.tokens.list())
    except ClientError:
        return []
    return [one["id"] for one in found if one["state"] == "live" and one["id"].startswith(incomplete)]


@command("revoke", N_("End a token now."), example="wtpd token revoke k3v9q2m7x4ab", group=token)
@argument("id", shell_complete=_ids)
def revoke_token(console: Console, id: str) -> None:  # noqa: A002 - its name
    found = console.ask(lambda api: api.tokens.revoke(id))
    console.answer(found, lambda: console.line(N_("Revoked: {id} ({name})", id=found["id"], name=found["name"])))
