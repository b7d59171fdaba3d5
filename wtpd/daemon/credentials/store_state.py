"""What the credential store holds, as the daemon remembers it: how its key is, which entries there are, what ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from wtpd.clock import Clock, from_iso
from wtpd.daemon.credentials.expiry import Expiry, expiries
from wtpd.daemon.failures import Failures
from wtpd.errors import WtpdError
from wtpd.secrets.resolve import Order, Rule, explain
from wtpd.store.credentials import Entry
from wtpd.store.database import Database
from wtpd.store.vault import Vault, rotate
from wtpd.texts import N_, Text

log = logging.getLogger(__name__)

LOOK_EVERY = 60.0
LOOK_FOR_KEY = 10.0
"""Seconds between two looks while entries can't be opened: somebody is bringing the key back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An entry that can't be used: the provider refused it at its last use or test, or it has `expired`."""

    provider: str
    title: str
    scope: str
    since: datetime
    expired: bool = False


class StoreState:
    """`on_opened` is called when entries that couldn't be opened can be, or were given up."""

    def __init__(self, db: Database, vault: Vault, clock: Clock, failures: Failures | None = None) -> None:
        self.on_opened: Callable[[], None] = lambda: None
        self._failures = failures or Failures(clock)
        self._unreadable: frozenset[tuple[str, str]] = frozenset()
        self._db = db
        self._vault = vault
        self._clock = clock
        self._entries: Sequence[Entry] = ()
        self.key_lost: Text | None = None
        """What to do about a key that is missing or wrong; None while all is well."""

    async def begin(self) -> None:
        """The first look. A change of keys that was stopped goes on."""
        if await asyncio.to_thread(self._is_changing):
            try:
                log.info("The change of keys goes on: %s", await rotate(self._db, self._vault, actor="wtpd"))
            except WtpdError as error:
                log.error("The change of keys couldn't go on: %s", error)
        await self.look()

    async def look(self) -> None:
        state, self._entries = await self._db.read(lambda tx: (self._vault.state(tx), self._vault.entries(tx)))
        self.key_lost = state.text if state.state in ("lost", "partly") else None
        before, self._unreadable = self._unreadable, frozenset(state.unreadable)
        if before - self._unreadable:
            log.info("%d entries that couldn't be opened can be, or are given up", len(before - self._unreadable))
            self.on_opened()

    async def watch(self, told: Callable[[], None]) -> None:
        """Notice what only time or a hand on the disk changes: a key brought back, an end that comes near; `told` is
        called for the latter. Until cancelled."""
        before: list[Expiry] = []
        while True:
            await self._clock.sleep(LOOK_EVERY if self.key_lost is None else LOOK_FOR_KEY)
            try:
                if self.key_lost is not None:
                    await self.look()
                hints = [replace(one, days_left=0) for one in self.expiries()]
                if hints != before:
                    before = hints
                    told()
                self._failures.succeeded("credentials: watch")
            except Exception as error:
                self._failures.failed("credentials: watch", N_("Watching the credentials"), error)

    def expiries(self) -> list[Expiry]:
        """Which entries end within 14 days, or have ended."""
        return expiries(self._entries, self._clock.now())

    def refusals(self) -> list[Refusal]:
        """The entries that were refused at their last use or test, and those that have expired."""
        ended = {(one.provider, one.scope): one.since for one in self.expiries() if not one.hint}
        found = []
        for entry in self._entries:
            known = self._vault.providers.get(entry.provider)
            title = known.title if known else entry.provider
            if entry.last_result == "refused":
                since = from_iso(entry.last_used_at or entry.set_at)
                found.append(Refusal(provider=entry.provider, title=title, scope=entry.scope, since=since))
            elif (end := ended.get((entry.provider, entry.scope))) is not None:
                found.append(Refusal(provider=entry.provider, title=title, scope=entry.scope, since=end, expired=True))
        return found

    def unusable(self, provider: str) -> Text | None:
        """Why no entry of the provider can be used, if there are entries."""
        entries = {entry.scope: entry for entry in self._entries if entry.provider == provider}
        if not entries:
            return None
        if not any(entry.readable for entry in entries.values()) and self.key_lost is not None:
            return self.key_lost
        refusals = {one.scope: one for one in self.refusals() if one.provider == provider}
        if refusals.keys() != entries.keys():
            return None
        first = next(iter(refusals.values()))
        if first.expired:
            return N_(
                "the credentials of {title} ({scope}) have expired: wtpd credential set {provider} --scope {scope}",
                title=first.title, provider=provider, scope=first.scope,
            )  # fmt: skip
        return N_(
            "{title} refuses the credentials ({scope}); enter new ones: wtpd credential set {provider} --scope {scope}",
            title=first.title, provider=provider, scope=first.scope,
        )  # fmt: skip

    def last_good(self, provider: str) -> datetime | None:
        """When the provider last took one of its entries."""
        taken = [one.last_used_at for one in self._entries if one.provider == provider and one.last_result == "ok"]
        return max((from_iso(at) for at in taken if at is not None), default=None)

    def has(self, provider: str) -> bool:
        """There is an entry of the provider, for whomever."""
        return any(entry.provider == provider for entry in self._entries)

    def serving(self, connector: str, site: str, rule: Rule | None) -> str | None:
        """The scope of the entry that a connector uses at a site."""
        known = self._vault.providers.get(connector)
        scopes = {entry.scope for entry in self._entries if entry.provider == connector}
        return explain(known, Order(office=site), scopes, rule).scope if known else None

    def _is_changing(self) -> bool:
        self._vault.files.tidy()
        return self._vault.files.is_changing()
