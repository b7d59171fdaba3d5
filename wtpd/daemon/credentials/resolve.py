"""The credential store as the daemon uses it: the right entry for a channel or a mail, remembered while it is good."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wtpd.channel.errors import KeyUnavailable, NeedsToken
from wtpd.channel.health import State
from wtpd.clock import Clock
from wtpd.config.model import CredentialSettings
from wtpd.daemon.credentials.store_state import StoreState
from wtpd.daemon.failures import Failures
from wtpd.daemon.logs import Redactor
from wtpd.daemon.reload import Settings
from wtpd.secrets import keys
from wtpd.secrets.fields import Fields
from wtpd.secrets.keys import KeyLost
from wtpd.secrets.providers import Level, Provider
from wtpd.secrets.resolve import NoCredential, Order, Rule
from wtpd.store.database import Database, Event, Tx
from wtpd.store.vault import Vault

log = logging.getLogger(__name__)

MAIL = "email"
NOTED_EVERY = 3600.0
"""Seconds between two notes that an entry is in use."""

_RESULTS: Mapping[str, str] = {
    State.HEALTHY: "ok",
    State.LIMITED: "ok",
    State.NOT_COVERED: "ok",
    State.NEEDS_TOKEN: "refused",
}
"""What a channel's state says of the entry it uses."""


@dataclass(frozen=True, slots=True)
class MailRule:
    """How status mails choose their entry (spec: credentials.md)."""

    scope: Level
    fallback: str | None = "general"


class Credentials:
    def __init__(
        self,
        db: Database,
        vault: Vault,
        settings: Settings,
        redactor: Redactor,
        clock: Clock,
        failures: Failures | None = None,
    ) -> None:
        self._db = db
        self.vault = vault
        self._settings = settings
        self.redactor = redactor
        self._clock = clock
        self.state = StoreState(db, vault, clock, failures)
        self._opened: dict[tuple[str, str], tuple[str, Fields]] = {}
        self._noted: dict[tuple[str, str], float] = {}
        self._notes: set[asyncio.Task[None]] = set()
        db.listeners.append(self._heard)

    @classmethod
    async def open(
        cls,
        db: Database,
        environ: Mapping[str, str],
        folder: Path,
        key_file: Path | None,
        *,
        settings: Settings,
        redactor: Redactor,
        clock: Clock,
        providers: Mapping[str, Provider],
        failures: Failures | None = None,
    ) -> Credentials:
        files = await asyncio.to_thread(keys.find, environ, folder, key_file)
        made = cls(db, Vault(files, providers), settings, redactor, clock, failures)
        await made.state.begin()
        return made

    def sites(self) -> list[str]:
        """The offices that an entry can be for."""
        return [site.id for site in self._settings.config.sites]

    async def of_channel(self, connector: str, site: str) -> Mapping[str, str]:
        """What the connector needs at the site. Raises `NeedsToken`; `KeyUnavailable` while the key can't be opened."""
        try:
            return await self._fields(connector, site)
        except NoCredential as error:
            raise NeedsToken(str(error.text), reason=error.text) from None
        except KeyLost as error:
            await self.state.look()
            raise KeyUnavailable(str(error.text), reason=error.text) from None

    async def of_mail(self, site: str) -> Mapping[str, str]:
        """What the mail server needs. Raises `NoCredential`, `KeyLost`."""
        return await self._fields(MAIL, site)

    async def of_order(self, provider: str, order: Order) -> tuple[str, Fields]:
        """The scope and values of the entry that serves an order. Raises `NoCredential`, `KeyLost`."""
        rule = self.rule(provider)
        scope, fields = await self._db.read(lambda tx: self.vault.open_for(tx, provider, order, rule))
        self.redactor.know(fields.values())
        return scope, fields

    async def note_use(self, provider: str, scope: str, result: str | None) -> None:
        """How good an entry was (`ok`, `refused`; None: not known yet); a failure to note it is logged only."""

        def work(tx: Tx) -> bool:
            changed = self.vault.mark_used(tx, provider, scope, result=result)
            if changed:
                tx.emit("credentials.changed", provider=provider, scope=scope)
            return changed

        try:
            if await self._db.write(work):
                await self.state.look()
        except Exception:
            log.exception("The use of %s/%s couldn't be noted", provider, scope)

    async def note_mail(self, site: str, accepted: bool) -> None:
        """The mail server took, or refused, the login of a site's status mails."""
        known = self._opened.get((MAIL, site))
        if known is not None:
            await self.note_use(MAIL, known[0], "ok" if accepted else "refused")

    def rule(self, provider: str) -> CredentialSettings | None:
        return self._settings.config.credentials.get(provider)

    def scope(self, provider: str, site: str) -> str:
        """The scope of the entry that serves a site, or would if there were one."""
        rule = self.rule_of_site(provider)
        wanted = f"office:{site}" if rule is not None and rule.scope == "office" else "general"
        return self.state.serving(provider, site, rule) or wanted

    def rule_of_site(self, provider: str) -> Rule | None:
        """The rule for what belongs to a site and to nobody in it. Status mails have one of their own: whatever the
        setting, the site's entry where entries are by office, else the general one."""
        rule = self.rule(provider)
        if provider != MAIL:
            return rule
        return MailRule(scope="office" if rule is not None and rule.scope == "office" else "general")

    def forget(self) -> None:
        """Open everything anew: settings changed, which entry serves whom may have, too."""
        self._opened.clear()
        self._noted.clear()

    async def changed(self) -> None:
        """Entries or keys are others now."""
        self.forget()
        await self.state.look()

    async def _fields(self, provider: str, site: str) -> Fields:
        opened = self._opened.get((provider, site))
        if opened is None:
            order, rule = Order(office=site), self.rule_of_site(provider)
            opened = await self._db.read(lambda tx: self.vault.open_for(tx, provider, order, rule))
            self._opened[provider, site] = opened
            self.redactor.know(opened[1].values())
            if self.state.key_lost is not None:  # somebody brought it back
                await self.state.look()
        self._used(provider, opened[0])
        return opened[1]

    def _used(self, provider: str, scope: str) -> None:
        """Note it now and then; what came of it is told by the channel's state."""
        now = self._clock.monotonic()
        if now - self._noted.get((provider, scope), -math.inf) >= NOTED_EVERY:
            self._noted[provider, scope] = now
            self._note(provider, scope, None)

    def _note(self, provider: str, scope: str, result: str | None) -> None:
        task = asyncio.create_task(self.note_use(provider, scope, result), name="credential use")
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    def _heard(self, events: Sequence[Event], signals: frozenset[str]) -> None:
        """A channel that got well, or was refused, says how good its entry is."""
        for event in events:
            result = _RESULTS.get(str(event.data.get("state"))) if event.kind == "channel.changed" else None
            connector, _, site = str(event.data.get("id", "")).partition("/")
            known = self._opened.get((connector, site))
            if result is not None and known is not None:
                self._note(connector, known[0], result)
