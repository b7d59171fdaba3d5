"""The credential store: what partners want from the dealership, sealed (spec: credentials.md).

    vault = Vault(keys.find(os.environ, data_dir), registry.providers)
    await db.write(lambda tx: vault.set(tx, "superservice", "general", {"client_id": …}, actor="anna"))
    fields = await db.read(lambda tx: vault.open(tx, "superservice", "general"))

A lost or wrong key stops nothing but this: `set`, `open` and `reveal` raise `KeyLost` with the way out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from wtpd.clock import iso
from wtpd.errors import NotFound
from wtpd.secrets.clean import check_complete, clean
from wtpd.secrets.fields import Fields
from wtpd.secrets.keys import Key, KeyFiles, KeyHolder, KeyLost
from wtpd.secrets.providers import Provider, provider
from wtpd.secrets.resolve import Explanation, Order, Rule, explain, resolve
from wtpd.store import credentials, people
from wtpd.store.credentials import Entry
from wtpd.store.damage import from_iso
from wtpd.store.database import Database, Tx
from wtpd.texts import N_, N_n, Text

USE_NOTED_AGAIN = timedelta(hours=1)
"""A use with the same result as the last one is written down this seldom: a quiet run makes no write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """`ready`; `empty`: nothing stored and no key yet, which is fine; `lost`: no key that opens anything; `partly`:
    some entries are sealed with another key. `text` says what to do."""

    state: Literal["ready", "empty", "lost", "partly"]
    text: Text | None = None
    unreadable: tuple[tuple[str, str], ...] = ()


class Vault:
    def __init__(self, files: KeyFiles, providers: Mapping[str, Provider]) -> None:
        self.files = files
        self.providers = providers
        self._keys = KeyHolder(files)

    def set(
        self,
        tx: Tx,
        name: str,
        scope: str,
        values: Mapping[str, str],
        *,
        actor: str,
        expires_at: datetime | None = None,
    ) -> Entry:
        """Store an entry, or change parts of one (fields not given stay). Raises `NotFound` (provider), `Invalid`,
        `KeyLost`."""
        drafted = self.draft(tx, name, scope, values)
        key = self._keys.for_writing(sealed_before=credentials.any_sealed(tx))
        _put(tx, name, scope, drafted, key)
        own = {field: value for field, value in drafted.items() if field in self.providers[name].field_names}
        credentials.put_entry(
            tx, name, scope,
            fingerprint=key.fingerprint(own), set_by=actor, expires_at=iso(expires_at) if expires_at else None,
        )  # fmt: skip
        credentials.note(tx, actor, "set", name, scope)
        return next(entry for entry in self.entries(tx, name) if entry.scope == scope)

    def draft(self, tx: Tx, name: str, scope: str, values: Mapping[str, str]) -> Fields:
        """What `set` would store: cleaned, complete with what stays of the old entry, derived values too; so that it
        can be tried before. Writes nothing. Raises as `set`."""
        known = provider(name, self.providers)
        known.check_scope(scope)
        given = clean(known, values)
        merged = {field: value for field, value in {**_kept(self, tx, known, scope, given), **given}.items() if value}
        check_complete(known, merged)
        return Fields({**merged, **(known.derive(merged) if known.derive else {})})

    def entries(self, tx: Tx, name: str | None = None) -> list[Entry]:
        """Everything that may be told, also while the key is lost."""
        try:
            ring = self._keys.load()
        except KeyLost:
            ring = None
        return credentials.entries(tx, frozenset(ring.keys if ring else ()), provider=name)

    def open(self, tx: Tx, name: str, scope: str) -> Fields:
        """The values of one entry, derived ones too. Raises `NotFound`, `KeyLost`."""
        known = provider(name, self.providers)
        values = self._open(tx, name, scope)
        if not values:
            raise _not_there(known, scope)
        return Fields(values)

    def open_for(self, tx: Tx, name: str, order: Order, rule: Rule | None = None) -> tuple[str, Fields]:
        """The scope and values of the entry that serves `order`. Raises `NoCredential` and as `open`."""
        known, entries = provider(name, self.providers), credentials.scopes(tx, name)
        scope = resolve(known, order, entries, rule, inactive=people.inactive(tx))
        return scope, self.open(tx, name, scope)

    def explain(self, tx: Tx, name: str, order: Order, rule: Rule | None = None) -> Explanation:
        """Which entry `order` would use, and why."""
        known, entries = provider(name, self.providers), credentials.scopes(tx, name)
        return explain(known, order, entries, rule, inactive=people.inactive(tx))

    def reveal(self, tx: Tx, name: str, scope: str, *, actor: str) -> Fields:
        """As `open`, for local programs; audited. Whether the provider allows it (`reveal`) is for the caller."""
        fields = self.open(tx, name, scope)
        credentials.note(tx, actor, "reveal", name, scope)
        return fields

    def remove(self, tx: Tx, name: str, scope: str, *, actor: str) -> None:
        """Raises `NotFound`."""
        known = provider(name, self.providers)
        if not credentials.remove(tx, name, scope):
            raise _not_there(known, scope)
        credentials.note(tx, actor, "remove", name, scope)

    def mark_used(self, tx: Tx, name: str, scope: str, *, result: str | None, actor: str = "wtpd") -> bool:
        """Note a use and its result (`ok`, `refused`, …; None: not known yet); the first one is audited. An entry
        removed meanwhile is no error. True: the result is another than the last one."""
        last = credentials.last_use(tx, name, scope)
        if last is None:
            return False
        used_at, last_result = last
        result = result or last_result or "used"
        if used_at is None:
            credentials.note(tx, actor, "first use", name, scope, result)
        elif last_result == result and tx.now - from_iso(used_at) < USE_NOTED_AGAIN:
            return False
        credentials.put_use(tx, name, scope, result)
        return result != last_result

    def mark_tested(self, tx: Tx, name: str, scope: str, *, result: str, actor: str, stored: bool = True) -> None:
        """Note a test; audited each time. `stored` False: other values than those of the entry were tested."""
        credentials.note(tx, actor, "test", name, scope, result)
        if stored:
            credentials.put_result(tx, name, scope, result)

    def state(self, tx: Tx) -> State:
        """How the store is; never raises for a lost key."""
        used = credentials.key_ids(tx)
        try:
            ring = self._keys.load(afresh=True)
        except KeyLost as error:
            return State(state="lost", text=error.text, unreadable=_names(self.entries(tx)))
        if ring is None:
            return (
                State(state="lost", text=self._keys.lost(), unreadable=_names(self.entries(tx)))
                if used
                else State(state="empty")
            )
        unreadable = _names([entry for entry in self.entries(tx) if not entry.readable])
        if not unreadable:
            return State(state="ready")
        text = N_n(
            "{count} entry was stored with another key than {path}: bring that key back, or enter it again",
            "{count} entries were stored with another key than {path}: bring that key back, or enter them again",
            count=len(unreadable), path=self.files.path,
        )  # fmt: skip
        return State(state="partly" if used & ring.keys.keys() else "lost", text=text, unreadable=unreadable)

    def start_over(self, tx: Tx, *, actor: str) -> list[tuple[str, str]]:
        """For a key that is gone for good: remove what can't be opened any more, and make a new key if there is none.
        Answers the (provider, scope) to be entered again."""
        ring = self._keys.load(afresh=True)
        if ring is None:
            self.files.create()
            ring = self._keys.load(afresh=True)
        lost = _names([entry for entry in self.entries(tx) if not entry.readable])
        for name, scope in lost:
            credentials.remove(tx, name, scope)
            credentials.note(tx, actor, "remove", name, scope, "key lost")
        credentials.note(tx, actor, "start over", result=ring.active.id if ring else "")
        return list(lost)

    def reseal(self, tx: Tx, *, limit: int = 20) -> bool:
        """Seal up to `limit` entries anew with the newest key; True: there may be more. What can't be opened stays as
        it is, for it can't be opened later either."""
        ring = self._keys.load(afresh=True)
        if ring is None:
            return False
        done = 0
        for name, scope in credentials.sealed_otherwise(tx, ring.active.id, frozenset(ring.keys)):
            if done == limit:
                return True
            try:
                values = self._open(tx, name, scope)
            except KeyLost:
                continue
            _put(tx, name, scope, values, ring.active)
            known = self.providers.get(name)  # None: it came with a connector that is gone
            own = {field: value for field, value in values.items() if known is None or field in known.field_names}
            credentials.put_fingerprint(tx, name, scope, ring.active.fingerprint(own))
            done += 1
        return False

    def _open(self, tx: Tx, name: str, scope: str) -> dict[str, str]:
        rows = credentials.sealed(tx, name, scope)
        return {row.field: self._keys.key(row.key_id).open(row.sealed, (name, scope, row.field)) for row in rows}


def _kept(vault: Vault, tx: Tx, known: Provider, scope: str, given: Mapping[str, str]) -> Mapping[str, str]:
    """What stays of the old entry. One that can't be opened any more may be entered again as a whole."""
    try:
        old = vault._open(tx, known.name, scope)
        return {field: value for field, value in old.items() if field in known.field_names}
    except KeyLost:
        if all(given.get(field.name) for field in known.fields if field.required):
            return {}
        raise


def _put(tx: Tx, name: str, scope: str, values: Mapping[str, str], key: Key) -> None:
    sealed = {field: key.seal(value, (name, scope, field)) for field, value in values.items()}
    credentials.replace(tx, name, scope, sealed, key.id)


def _names(entries: list[Entry]) -> tuple[tuple[str, str], ...]:
    return tuple((entry.provider, entry.scope) for entry in entries)


def _not_there(known: Provider, scope: str) -> NotFound:
    return NotFound(N_("{provider} has no entry for the scope {scope}", provider=known.title, scope=scope))


async def rotate(db: Database, vault: Vault, *, actor: str) -> Text:
    """Change the key and seal everything anew; killed at any step, it goes on where it was when it is called again.
    Answers what happened. Raises `Refused` where systemd must hand over the new key first, and `KeyLost`."""
    await asyncio.to_thread(vault.files.begin_change)
    while await db.write(vault.reseal):
        pass
    finished = await asyncio.to_thread(vault.files.finish_change)
    await db.write(lambda tx: credentials.note(tx, actor, "rotate"))
    if finished:
        return N_("all credentials are sealed with a new key; keep a copy of {path}", path=vault.files.path)
    return N_(
        "all credentials are sealed with the new key; now let systemd hand it over as {name} alone and restart",
        name=vault.files.path.name,
    )
