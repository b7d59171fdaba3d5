"""Credentials are tried at the partner before they are stored, and must be those of the dealers they would serve.

A token of another dealer than the mapping says is refused, always: appointments of one dealership would go to another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wtpd.channel.errors import NeedsToken, NotAllowed, PartnerError, Rejected, by_status, missing_right, why
from wtpd.config.model import CredentialSettings
from wtpd.connectors.manifest import Verified
from wtpd.daemon.channels.channel import Row
from wtpd.daemon.fleet import Fleet
from wtpd.errors import Refused, WtpdError
from wtpd.secrets.providers import Provider
from wtpd.secrets.resolve import Order, explain
from wtpd.texts import N_, Text

MAIL = "email"
ASKED_FOR_OWNER = 5
"""Other dealer numbers of the box that are tried, at most, to say whose the credentials are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Of a trial that nothing speaks against. `tested` False: it couldn't be tried, and `text` says why; `unreachable`:
    the partner didn't answer, or badly. `found`: who we are there."""

    tested: bool
    text: Text
    unreachable: bool = False
    found: Sequence[Verified] = ()


class Verification:
    """`rule` gives a provider's setting."""

    def __init__(self, fleet: Fleet, rule: Callable[[str], CredentialSettings | None]) -> None:
        self._fleet = fleet
        self._rule = rule

    def can(self, provider: Provider) -> bool:
        """There is a way to try its credentials."""
        return self._fleet.is_testable(provider.name)

    async def of(
        self,
        provider: Provider,
        scope: str,
        fields: Mapping[str, str],
        entries: Collection[str],
        *,
        site: str | None = None,
    ) -> Outcome:
        """Try `fields` for the entry `scope`, beside the other `entries` (scopes), at the sites that it would serve, or
        at `site`. Raises `Refused` of kind `credentials-refused` or `other-dealer`."""
        try:
            if not self.can(provider):
                raise _Untried(_no_way(provider))
            if self._fleet.manifests[provider.name].mapping is None:
                found = [await self._at_provider(provider, fields)]
            else:
                rows = self._served(provider, scope if site is None else f"office:{site}", entries)
                found = await _all(self._at_dealer(provider, row, fields) for row in rows)
        except _Untried as why:
            return Outcome(tested=False, text=why.text, unreachable=why.unreachable)
        return Outcome(tested=True, text=_who(found), found=found)

    async def _at_provider(self, provider: Provider, fields: Mapping[str, str]) -> Verified:
        try:
            return await self._fleet.probe(provider.name, "", fields)
        except PartnerError as error:
            raise _judged(provider, error) from None
        except WtpdError as error:  # switched off in the settings
            raise _Untried(error.text) from None

    def _served(self, provider: Provider, scope: str, entries: Collection[str]) -> list[Row]:
        """The mapped sites that would use the entry; of an office's, its site, whatever the setting says now."""
        rows = [row for row in self._fleet.rows_of(provider.name) if row.account is not None]
        level, _, identity = scope.partition(":")
        if level == "office":
            served = [row for row in rows if row.site == identity]
        else:
            rule, there = self._rule(provider.name), {*entries, scope}
            served = [row for row in rows if explain(provider, Order(office=row.site), there, rule).scope == scope]
        if not served:
            raise _Untried(
                N_(
                    "No site with a dealer number for {provider} uses the entry {scope}.",
                    provider=provider.title, scope=scope,
                )
            )  # fmt: skip
        return served

    async def _at_dealer(self, provider: Provider, row: Row, fields: Mapping[str, str]) -> Verified:
        try:
            found = await self._fleet.probe(provider.name, row.site, fields)
        except PartnerError as error:
            if isinstance(error, NotAllowed):
                owner = await self._owner(row, fields)
                raise _other_dealer(provider, row, owner, error.covers) from None
            if isinstance(error, Rejected) and error.status == 404:
                raise _unknown_dealer(provider, row) from None
            raise _judged(provider, error) from None
        except WtpdError as error:  # no address is set yet
            raise _Untried(error.text) from None
        if found.account != row.account:
            raise _other_dealer(provider, row, found, ())
        brand, wanted = found.facts.get("brand", ""), self._fleet.manifests[provider.name].brand
        if brand and wanted and brand != wanted:
            raise _other_brand(provider, row, brand, wanted)
        return found

    async def _owner(self, refused: Row, fields: Mapping[str, str]) -> Verified | None:
        """Whose credentials they are, among the dealers of this box: mostly those of two sites were mixed up."""
        others = [row for row in self._fleet.rows_of(refused.connector) if row.account not in (None, refused.account)]
        for row in others[:ASKED_FOR_OWNER]:
            try:
                return await self._fleet.probe(row.connector, row.site, fields)
            except PartnerError:
                continue
        return None


async def _all(tries: Iterable[Coroutine[Any, Any, Verified]]) -> list[Verified]:
    """All at once, and all to their end: a wrong dealer counts more than one that couldn't be tried."""
    results = await asyncio.gather(*tries, return_exceptions=True)
    failures = [one for one in results if isinstance(one, BaseException)]
    for failure in sorted(failures, key=lambda one: isinstance(one, _Untried)):
        raise failure
    return [one for one in results if isinstance(one, Verified)]


class _Untried(Exception):
    """The credentials couldn't be tried."""

    def __init__(self, text: Text, *, unreachable: bool = False) -> None:
        super().__init__(str(text))
        self.text = text
        self.unreachable = unreachable


def _judged(provider: Provider, error: PartnerError) -> Refused | _Untried:
    """A refusal of the credentials, or trouble that says nothing of them."""
    if isinstance(error, NeedsToken | NotAllowed | Rejected):
        return Refused(
            N_(
                "{provider} doesn't accept these credentials ({reason}).", provider=provider.title, reason=_words(error)
            ),
            kind="credentials-refused",
        )
    text = N_("{provider} can't be reached ({reason}).", provider=provider.title, reason=why(error))
    return _Untried(text, unreachable=True)


def _words(error: PartnerError) -> Text:
    """The reason; a refusal without one is told by its status, since the sentence around it says the rest."""
    if isinstance(error, NeedsToken) and error.reason is None and error.status is not None:
        return by_status(error.status)
    return why(error)


def _no_way(provider: Provider) -> Text:
    if provider.name == MAIL:
        return N_("Send a test mail: wtpd mail test.")
    return N_("{provider} offers no way to try its credentials.", provider=provider.title)


def _other_dealer(provider: Provider, row: Row, owner: Verified | None, covers: Sequence[str]) -> Refused:
    facts = {"site": row.site, "dealer_number": row.account, "belongs_to": owner.account if owner else None}
    if owner is None and covers:
        text = N_(
            "These credentials belong to {covers}, but the mapping has {wanted} for {site}.",
            covers=", ".join(covers), wanted=row.account, site=row.site,
        )  # fmt: skip
    elif owner is None:
        text = N_(
            "{provider} doesn't let these credentials act for dealer number {wanted}, which the mapping has for "
            "{site}.",
            provider=provider.title, wanted=row.account, site=row.site,
        )  # fmt: skip
    else:
        text = N_(
            "These credentials belong to dealer number {found} ({name}), but the mapping has {wanted} for {site}.",
            found=owner.account, name=owner.name, wanted=row.account, site=row.site,
        )  # fmt: skip
    return Refused(text, kind="other-dealer", facts=facts)


def _unknown_dealer(provider: Provider, row: Row) -> Refused:
    text = N_(
        "{provider} knows no dealer number {wanted}, which the mapping has for {site}.",
        provider=provider.title, wanted=row.account, site=row.site,
    )  # fmt: skip
    return Refused(text, kind="other-dealer", facts={"site": row.site, "dealer_number": row.account})


def _other_brand(provider: Provider, row: Row, brand: str, wanted: str) -> Refused:
    text = N_(
        "These credentials belong to a dealer of {found}, but {provider} is for {wanted} (dealer number {number}, "
        "{site}).",
        found=brand, wanted=wanted, provider=provider.title, number=row.account, site=row.site,
    )  # fmt: skip
    return Refused(text, kind="other-dealer", facts={"site": row.site, "brand": wanted, "belongs_to": brand})


def _who(found: Sequence[Verified]) -> Text:
    """Whose they are, with what was done to find out."""
    names = ", ".join(f"{one.name} ({one.account})" for one in found)
    note = next((one.note for one in found if one.note is not None), None)
    text = N_("They belong to {names}.", names=names)
    missing = {right: ability for one in found for right, ability in one.missing.items()}
    notes = [*([note] if note is not None else []), *(missing_right(right, one) for right, one in missing.items())]
    for more in notes:
        text = N_("{text} {note}", text=text, note=more)
    return text
