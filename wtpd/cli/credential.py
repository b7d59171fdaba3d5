"""`wtpd credential`: what partners want from the dealership. Secrets come from the prompt or standard input only."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from wtpd import language
from wtpd.cli.command import Group, argument, command, confirmed, option, site_option
from wtpd.cli.moments import ZONE, read_day, show_moment, today
from wtpd.cli.values import show_value
from wtpd.texts import N_
from wtpd.words import CREDENTIAL_RESULTS

if TYPE_CHECKING:
    from wtpd.cli.console import Console
    from wtpd.client import Json


credential = Group(
    "credential",
    about=N_("Credentials for partners, mail and other providers; what is stored is never shown again."),
    example="wtpd credential\nwtpd credential set superservice",
    default="list",
    lazy={
        "explain": "wtpd.cli.credential_orders:explain",
        "reveal": "wtpd.cli.credential_orders:reveal",
        "audit": "wtpd.cli.credential_key:audit",
        "rotate-key": "wtpd.cli.credential_key:rotate_key",
        "start-over": "wtpd.cli.credential_key:start_over",
    },
)
HEADS = (
    N_("provider"), N_("scope"), N_("fingerprint"), N_("set"), N_("by"), N_("last used"), N_("result"), N_("expires"),
)  # fmt: skip
scope_option = option(
    "--scope",
    default="general",
    show_default=True,
    about=N_("Whom it serves: general, office:SITE, assessor:ID, user:ID."),
)


@command(
    "list",
    N_("Which credentials are there, since when, and how they work."),
    example="wtpd credential list",
    group=credential,
)
def list_credentials(console: Console) -> None:
    providers = console.ask(lambda api: api.credentials.list())
    console.answer(providers, lambda: _print(console, providers))


def _print(console: Console, providers: Sequence[Json]) -> None:
    now = language.current()
    rows = [
        [
            provider["provider"],
            entry["scope"],
            entry["fingerprint"],
            show_moment(entry["set_at"], ZONE, now),
            entry["set_by"],
            show_moment(entry["last_used_at"], ZONE, now),
            show_result(entry) if entry["readable"] else language.say(N_("the key doesn't open it")),
            show_moment(entry["expires_at"], ZONE, now),
        ]
        for provider in providers
        for entry in provider["entries"]
    ]
    if rows:
        console.table(HEADS, rows)
    else:
        console.line(N_("No credentials are stored. Enter them with: wtpd credential set PROVIDER"))
    missing = ", ".join(provider["provider"] for provider in providers if not provider["entries"])
    if missing:
        console.line(N_("Nothing is stored for: {providers}", providers=missing))


def show_result(entry: Json) -> str:
    result = str(entry.get("result") or entry.get("last_result") or "")
    return language.say(CREDENTIAL_RESULTS[result]) if result in CREDENTIAL_RESULTS else show_value(result)


@command(
    "set",
    N_(
        "Enter credentials: asked for one by one, or from standard input as NAME=VALUE lines or as JSON. They are "
        "tried at the partner before they are stored."
    ),
    example="wtpd credential set superservice\nwtpd credential set superservice --scope office:rostock < secrets.json",
    group=credential,
)
@argument("provider")
@scope_option
@option("--expires", metavar="DAY", about=N_("Until when they are good; it is told 14, 7 and 1 days before."))
@option("--force", is_flag=True, about=N_("Store them untried if the partner can't be reached."))
def set_credential(console: Console, provider: str, scope: str, expires: str | None, force: bool) -> None:
    expires_at = _end_of_day(expires) if expires else None
    fields = _entered(console, provider)
    stored = console.ask(lambda api: api.credentials.set(provider, scope, fields, expires_at=expires_at, force=force))
    console.answer(stored, lambda: _say_stored(console, stored))


def _say_stored(console: Console, stored: Json) -> None:
    if stored["tested"]:
        console.line(N_("Tried and stored. {detail}", detail=stored["detail"]), colour="green")
    else:
        console.line(N_("Stored untried: {reason}", reason=stored["detail"]), colour="yellow")


def _end_of_day(day: str) -> str:
    """The last second of the day as people write it."""
    zone = ZoneInfo(ZONE)
    try:
        wanted = read_day(day, today(ZONE, datetime.now(zone)))
    except ValueError:
        text = N_("{day} is no day; right is, for example: 2027-03-31", day=day)
        raise click.BadParameter(language.say(text), param_hint="--expires") from None
    return datetime.combine(wanted, time(23, 59, 59), zone).isoformat()


def _entered(console: Console, provider: str) -> Mapping[str, str]:
    """From the terminal, or from standard input."""
    known = _provider(console, provider)
    return _asked(known) if console.interactive else _piped(sys.stdin.read(), known)


def _provider(console: Console, name: str) -> Json:
    providers = console.ask(lambda api: api.credentials.list())
    for provider in providers:
        if provider["provider"] == name:
            return provider
    known = ", ".join(provider["provider"] for provider in providers)
    text = N_("there is no provider {name}; there are: {known}", name=name, known=known)
    raise click.BadParameter(language.say(text), param_hint="PROVIDER")


def _asked(provider: Json) -> dict[str, str]:
    """Field by field; secrets without echo, and without the blanks and line ends that come along when pasting."""
    fields = {}
    for field in provider["fields"]:
        optional = not field.get("required", True)
        value = click.prompt(
            field["label"],
            hide_input=field["secret"],
            default="" if optional else None,
            show_default=False,
            type=click.Choice(field["choices"]) if field.get("choices") and not optional else str,
            err=True,
        )
        if value.strip():
            fields[field["name"]] = value.strip()
    return fields


def _piped(text: str, provider: Json) -> Mapping[str, str]:
    """A JSON object, or lines `client_id=…`; for a provider with one field the bare value is enough."""
    names = [field["name"] for field in provider["fields"]]
    if text.lstrip().startswith("{"):
        try:
            given = json.loads(text)
        except ValueError:
            raise _unreadable(names) from None
        fields = {str(name): str(value) for name, value in given.items()}
    elif len(names) == 1 and "=" not in text:
        fields = {names[0]: text.strip()}
    else:
        lines = [line for line in text.splitlines() if line.strip()]
        if not lines or any("=" not in line for line in lines):
            raise _unreadable(names)
        fields = {name.strip(): value.strip() for name, _, value in (line.partition("=") for line in lines)}
    if set(fields) - set(names):
        raise _unreadable(names)
    return fields


def _unreadable(names: Sequence[str]) -> click.ClickException:
    """Never repeats what was given."""
    text = N_(
        "What came in can't be read. Give JSON or lines NAME=VALUE with these names: {names}", names=", ".join(names)
    )
    return click.UsageError(language.say(text))


@command(
    "test",
    N_("Try credentials at the provider: those that are stored, or others without storing them."),
    example="wtpd credential test superservice\nwtpd credential test superservice --enter",
    group=credential,
)
@argument("provider")
@scope_option
@site_option
@option("--enter", is_flag=True, about=N_("Ask for others, or read them from standard input; nothing is stored."))
def test_credential(console: Console, provider: str, scope: str, site: str | None, enter: bool) -> int:
    fields = _entered(console, provider) if enter else None
    answer = console.ask(lambda api: api.credentials.test(provider, scope, fields=fields, site=site))
    well = bool(answer.get("ok"))
    detail = str(answer.get("detail") or "")
    console.answer(answer, lambda: console.line(detail, colour="green" if well else "red"))
    return 0 if well else 1


@command(
    "remove",
    N_("Forget stored credentials."),
    example="wtpd credential remove superservice --scope office:rostock",
    group=credential,
)
@argument("provider")
@scope_option
@option("--yes", is_flag=True, about=N_("Don't ask."))
def remove_credential(console: Console, provider: str, scope: str, yes: bool) -> int:
    question = N_("Forget the credentials of {provider} for {scope}?", provider=provider, scope=scope)
    if not yes and not confirmed(console, question):
        console.note(N_("Nothing was changed."))
        return 1
    console.ask(lambda api: api.credentials.remove(provider, scope))
    console.answer({"removed": True}, lambda: console.line(N_("Forgotten.")))
    return 0
