"""What the credential store holds, as the daemon remembers it: how its key is, which entries there are, what ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from wtpd.clock import Clock
from wtpd.daemon.expiry import Expiry, expiries
from wtpd.errors import WtpdError
from wtpd.secrets.resolve import Order, Rule, explain
from wtpd.store.credentials import Entry
from wtpd.store.database import Database
from wtpd.store.vault import Vault, rotate
from wtpd.texts import Text

log = logging.getLogger(__name__)

LOOK_EVERY = 60.0


class Holdings:
    def __init__(self, db: Database, vault: Vault, clock: Clock) -> None:
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

    async def watch(self, told: Callable[[], None]) -> None:
        """Notice what only time or a hand on the disk changes: a key brought back, an end that comes near; `told` is
        called for the latter. Until cancelled."""
        before: list[Expiry] = []
        while True:
            await self._clock.sleep(LOOK_EVERY)
            if self.key_lost is not None:
                await self.look()
            hints = [replace(one, days_left=0) for one in self.expiries()]
            if hints != before:
                before = hints
                told()

    def expiries(self) -> list[Expiry]:
        """Which entries end within 14 days, or have ended."""
        return expiries(self._entries, self._clock.now())

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
