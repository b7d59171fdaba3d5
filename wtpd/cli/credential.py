"""`wtpd credential`: what partners want from the dealership. Secrets come from the prompt or standard input only."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from wtpd.cli import language
from wtpd.cli.command import Group, argument, command, confirmed, option
from wtpd.cli.moments import ZONE, show_moment
from wtpd.cli.values import show_value
from wtpd.texts import N_

if TYPE_CHECKING:
    from wtpd.cli.console import Console
    from wtpd.client import Json


credential = Group(
    "credential",
    about=N_("Credentials for partners, mail and other providers; what is stored is never shown again."),
    example="wtpd credential\nwtpd credential set superservice",
    default="list",
)
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
            show_value(entry.get("last_result")),
        ]
        for provider in providers
        for entry in provider["entries"]
    ]
    if rows:
        console.table([N_("provider"), N_("scope"), N_("fingerprint"), N_("set"), N_("by"), N_("last result")], rows)
    else:
        console.line(N_("No credentials are stored. Enter them with: wtpd credential set PROVIDER"))
    missing = ", ".join(provider["provider"] for provider in providers if not provider["entries"])
    if missing:
        console.line(N_("Nothing is stored for: {providers}", providers=missing))


@command(
    "set",
    N_("Enter credentials: asked for one by one, or from standard input as NAME=VALUE lines or as JSON."),
    example="wtpd credential set superservice\nwtpd credential set superservice --scope office:rostock < secrets.json",
    group=credential,
)
@argument("provider")
@scope_option
def set_credential(console: Console, provider: str, scope: str) -> None:
    known = _provider(console, provider)
    fields = _asked(known) if console.interactive else _piped(sys.stdin.read(), known)
    answer = console.ask(lambda api: api.credentials.set(provider, scope, fields))
    console.answer(
        answer, lambda: console.line(N_("Stored. Test them with: wtpd credential test {provider}", provider=provider))
    )


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
    "test", N_("Try stored credentials at the provider."), example="wtpd credential test superservice", group=credential
)
@argument("provider")
@scope_option
def test_credential(console: Console, provider: str, scope: str) -> int:
    answer = console.ask(lambda api: api.credentials.test(provider, scope))
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


@command(
    "rotate-key",
    N_("Make a new key and seal all credentials with it."),
    example="wtpd credential rotate-key",
    group=credential,
)
def rotate_key(console: Console) -> None:
    answer = console.ask(lambda api: api.credentials.rotate_key())
    console.answer(answer, lambda: console.line(answer["detail"]))
