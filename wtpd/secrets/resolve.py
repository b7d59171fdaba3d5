"""Which entry of a provider serves an order, and why (spec: credentials.md). Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from wtpd.errors import Refused
from wtpd.secrets.providers import Level, Provider
from wtpd.texts import N_, Text


class NoCredential(Refused):
    """No entry serves this order."""

    kind = "no-credential"


class Rule(Protocol):
    """The provider's setting (`credentials:` in wtpd.yaml)."""

    @property
    def scope(self) -> Level: ...
    @property
    def fallback(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class General:
    """The setting of a provider that the file doesn't mention."""

    scope: Level = "general"
    fallback: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What an order says of whom it is for: the chosen office (site), the chosen assessor, the signed-in user."""

    office: str | None = None
    assessor: str | None = None
    user: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """`scope` is the entry used, None if the order is refused; `reason` says why in a sentence."""

    scope: str | None
    reason: Text


def resolve(
    provider: Provider,
    order: Order,
    entries: Collection[str],
    rule: Rule | None = None,
    *,
    inactive: Collection[str] = (),
) -> str:
    """The scope whose entry serves `order`. `entries`: the scopes for which `provider` has one; `inactive`: those of
    people who don't work here any more. Raises `NoCredential` with the reason."""
    explanation = explain(provider, order, entries, rule, inactive=inactive)
    if explanation.scope is None:
        raise NoCredential(explanation.reason)
    return explanation.scope


def explain(
    provider: Provider,
    order: Order,
    entries: Collection[str],
    rule: Rule | None = None,
    *,
    inactive: Collection[str] = (),
) -> Explanation:
    """As `resolve`, in words."""
    rule = rule or General()
    if rule.scope == "general":
        if "general" in entries:
            return Explanation(
                scope="general", reason=N_("{provider} uses the general entry for every order", provider=provider.title)
            )
        return Explanation(scope=None, reason=N_("{provider} has no general entry", provider=provider.title))
    identity = {"office": order.office, "assessor": order.assessor, "user": order.user}[rule.scope]
    wanted = f"{rule.scope}:{identity}"
    if identity and wanted in entries and wanted not in inactive:
        return Explanation(scope=wanted, reason=_found(provider, rule.scope, identity))
    missing = _inactive(rule.scope, identity) if wanted in inactive else _missing(provider, rule.scope, identity)
    if rule.fallback == "general" and "general" in entries:
        return Explanation(
            scope="general", reason=N_("{missing}; the general entry is used (fallback)", missing=missing)
        )
    if rule.fallback == "general":
        return Explanation(scope=None, reason=N_("{missing}, and there is no general entry either", missing=missing))
    return Explanation(scope=None, reason=missing)


def _found(provider: Provider, level: Level, identity: str) -> Text:
    title = provider.title
    if level == "office":
        return N_("{provider} uses the entry of the order's office {office}", provider=title, office=identity)
    if level == "assessor":
        return N_("{provider} uses the entry of the order's assessor {assessor}", provider=title, assessor=identity)
    return N_("{provider} uses the entry of the signed-in user {user}", provider=title, user=identity)


def _inactive(level: Level, identity: str | None) -> Text:
    if level == "assessor":
        return N_("the assessor {assessor} isn't active any more", assessor=identity)
    return N_("the user {user} isn't active any more", user=identity)


def _missing(provider: Provider, level: Level, identity: str | None) -> Text:
    title = provider.title
    if level == "office":
        if not identity:
            return N_("no office is chosen in the order, and {provider} has its entries by office", provider=title)
        return N_("the office {office} has no entry for {provider}", office=identity, provider=title)
    if level == "assessor":
        if not identity:
            return N_("no assessor is chosen in the order, and {provider} has its entries by assessor", provider=title)
        return N_("the assessor {assessor} has no entry for {provider}", assessor=identity, provider=title)
    if not identity:
        return N_("nobody is signed in, and {provider} has its entries by user", provider=title)
    return N_("the user {user} has no entry for {provider}", user=identity, provider=title)
