"""The credential store as the daemon uses it: the right entry for a channel or a mail, remembered while it is good."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from wtpd.config.model import CredentialSettings
from wtpd.daemon.logs import Redactor
from wtpd.daemon.reload import Settings
from wtpd.errors import Refused
from wtpd.secrets import keys
from wtpd.secrets.fields import Fields
from wtpd.secrets.keys import KeyLost
from wtpd.secrets.providers import Provider
from wtpd.secrets.resolve import NoCredential, Order
from wtpd.store.credentials import Entry
from wtpd.store.database import Database, Event, Tx
from wtpd.store.vault import Vault, rotate
from wtpd.sync.errors import NeedsToken
from wtpd.sync.health import State
from wtpd.texts import N_, Text

log = logging.getLogger(__name__)

MAIL = "email"

_RESULTS: Mapping[str, str] = {State.HEALTHY: "ok", State.NEEDS_TOKEN: "refused"}
"""What a channel's state says of the entry it uses."""


class Credentials:
    def __init__(self, db: Database, vault: Vault, settings: Settings, redactor: Redactor) -> None:
        self._db = db
        self.vault = vault
        self._settings = settings
        self.redactor = redactor
        self._opened: dict[tuple[str, str], tuple[str, Fields]] = {}
        self._notes: set[asyncio.Task[None]] = set()
        self.key_lost: Text | None = None
        """What to do about a key that is missing or wrong; None while all is well."""
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
    ) -> Credentials:
        files = await asyncio.to_thread(keys.find, environ, folder, key_file)
        made = cls(db, Vault(files), settings, redactor)
        await made.look()
        return made

    async def look(self) -> None:
        """See how the key is."""
        state = await self._db.read(self.vault.state)
        self.key_lost = state.text if state.state in ("lost", "partly") else None

    async def of_channel(self, connector: str, site: str) -> Mapping[str, str]:
        """What the connector needs at the site. Raises `NeedsToken`."""
        try:
            return await self._fields(connector, site)
        except (NoCredential, KeyLost) as error:
            if isinstance(error, KeyLost):
                self.key_lost = error.text
            raise NeedsToken(str(error.text)) from None

    async def of_mail(self, site: str) -> Mapping[str, str]:
        """What the mail server needs. Raises `NoCredential`, `KeyLost`."""
        return await self._fields(MAIL, site)

    async def of_order(self, provider: str, order: Order) -> tuple[str, Fields]:
        """The scope and values of the entry that serves an order. Raises `NoCredential`, `KeyLost`."""
        rule = self.rule(provider)
        scope, fields = await self._db.read(lambda tx: self.vault.open_for(tx, provider, order, rule))
        self.redactor.know(fields.values())
        return scope, fields

    async def note_use(self, provider: str, scope: str, result: str) -> None:
        """How good an entry was (`ok`, `refused`); a failure to note it is logged only."""

        def work(tx: Tx) -> None:
            self.vault.mark_used(tx, provider, scope, result=result)

        try:
            await self._db.write(work)
        except Exception:
            log.exception("The use of %s/%s couldn't be noted", provider, scope)

    def rule(self, provider: str) -> CredentialSettings | None:
        return self._settings.config.credentials.get(provider)

    def forget(self) -> None:
        """Open everything anew: settings changed, which entry serves whom may have, too."""
        self._opened.clear()

    async def changed(self) -> None:
        """Entries or keys are others now."""
        self.forget()
        await self.look()

    async def _fields(self, provider: str, site: str) -> Fields:
        known = self._opened.get((provider, site))
        if known is not None:
            return known[1]
        order, rule = Order(office=site), self.rule(provider)
        opened = await self._db.read(lambda tx: self.vault.open_for(tx, provider, order, rule))
        self._opened[provider, site] = opened
        self.redactor.know(opened[1].values())
        return opened[1]

    def _heard(self, events: Sequence[Event], signals: frozenset[str]) -> None:
        """A channel that got well, or was refused, says how good its entry is."""
        for event in events:
            result = _RESULTS.get(str(event.data.get("state"))) if event.kind == "channel.changed" else None
            connector, _, site = str(event.data.get("id", "")).partition("/")
            known = self._opened.get((connector, site))
            if result is not None and known is not None:
                task = asyncio.create_task(self.note_use(connector, known[0], result), name="credential use")
                self._notes.add(task)
                task.add_done_callback(self._notes.discard)


class CredentialDesk:
    """What people do with the credential store; `use` is told of every change."""

    def __init__(self, db: Database, use: Credentials) -> None:
        self._db = db
        self._use = use

    @property
    def providers(self) -> Mapping[str, Provider]:
        return self._use.vault.providers

    def rule(self, provider: str) -> CredentialSettings | None:
        return self._use.rule(provider)

    async def entries(self) -> Sequence[Entry]:
        return await self._db.read(self._use.vault.entries)

    async def stored(self, provider: str, scope: str) -> Fields:
        """One entry's values, for testing it. Raises `NotFound`, `KeyLost`."""
        return await self._db.read(lambda tx: self._use.vault.open(tx, provider, scope))

    async def set(
        self, provider: str, scope: str, values: Mapping[str, str], *, actor: str, expires_at: datetime | None
    ) -> Entry:
        self._use.redactor.know(values.values())
        entry = await self._db.write(
            lambda tx: self._use.vault.set(tx, provider, scope, values, actor=actor, expires_at=expires_at)
        )
        await self._use.changed()
        return entry

    async def remove(self, provider: str, scope: str, *, actor: str) -> None:
        await self._db.write(lambda tx: self._use.vault.remove(tx, provider, scope, actor=actor))
        await self._use.changed()

    async def reveal(self, provider: str, scope: str, *, actor: str) -> Fields:
        """For local programs, where the provider's setting allows it. Raises `Refused`, `NotFound`, `KeyLost`."""
        rule = self._use.rule(provider)
        if rule is None or not rule.reveal:
            raise Refused(
                N_("{provider} doesn't hand out its credentials (credentials.{provider}.reveal).", provider=provider),
                kind="not-revealed",
            )
        return await self._db.write(lambda tx: self._use.vault.reveal(tx, provider, scope, actor=actor))

    async def rotate(self, *, actor: str) -> Text:
        text = await rotate(self._db, self._use.vault, actor=actor)
        await self._use.changed()
        return text

    async def start_over(self, *, actor: str) -> list[tuple[str, str]]:
        lost = await self._db.write(lambda tx: self._use.vault.start_over(tx, actor=actor))
        await self._use.changed()
        return lost

    async def note_test(self, provider: str, scope: str, *, result: str, actor: str) -> None:
        await self._db.write(lambda tx: self._use.vault.mark_tested(tx, provider, scope, result=result, actor=actor))
