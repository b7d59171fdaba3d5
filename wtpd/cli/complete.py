"""The values that a shell completes: connectors, sites, providers, scopes and numbers of entries, asked of the daemon.

Completion must never disturb: without a daemon, or without the right to ask it, nothing is offered.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from wtpd.client import Client

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
"""A click `shell_complete` function."""
Offer = Callable[["Client"], Awaitable[Mapping[str, str]]]
"""Value → what it is, in a few words; empty where nothing is to be added."""


def completer(offer: Offer) -> Complete:
    """Completes with what `offer` gets from the daemon."""

    def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from wtpd.cli.console import Console
        from wtpd.client import ClientError
        from wtpd.harmless import harmless

        try:
            found = Console().ask(offer)
        except (ClientError, OSError):
            return []
        return [
            CompletionItem(value, help=harmless(about) or None)
            for value, about in found.items()
            if value.startswith(incomplete)
        ]

    return complete


async def _connectors(api: Client) -> Mapping[str, str]:
    return {one["name"]: one["title"] for one in await api.connectors.list()}


async def _sites(api: Client) -> Mapping[str, str]:
    return {one["id"]: one["name"] for one in await api.sites()}


async def _partners(api: Client) -> Mapping[str, str]:
    return {one["partner"]: one["title"] for one in await api.mapping.list()}


async def _departments(api: Client) -> Mapping[str, str]:
    return {name: "" for one in await api.mapping.list() for name in one["departments"]}


async def _providers(api: Client) -> Mapping[str, str]:
    return {one["provider"]: one["title"] for one in await api.credentials.list()}


async def _scopes(api: Client) -> Mapping[str, str]:
    return {"general": ""} | {f"office:{one['id']}": one["name"] for one in await api.sites()}


async def _attention(api: Client) -> Mapping[str, str]:
    return {str(one["id"]): one["text"] for one in await api.attention.list()}


BY_NAME: Mapping[str, Offer] = {
    "connector": _connectors,
    "--connector": _connectors,
    "site": _sites,
    "--site": _sites,
    "partner": _partners,
    "--department": _departments,
    "provider": _providers,
    "--scope": _scopes,
    "entry": _attention,
}
"""The values of each argument or option of this name, in all commands."""


def by_name(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """`given`, the settings of a parameter, with the completion that its name means, unless it has one of its own."""
    if name in BY_NAME and not isinstance(given.get("type"), click.Choice):
        given.setdefault("shell_complete", completer(BY_NAME[name]))
    return given
