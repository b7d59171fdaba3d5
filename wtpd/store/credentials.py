"""Rows of the credential store; what is sealed in them is the vault's business (`wtpd.store.vault`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from wtpd.clock import iso
from wtpd.store.database import Tx

Action = Literal["set", "first use", "test", "reveal", "remove", "rotate", "start over"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What may be told of one entry; times as the book keeps them."""

    provider: str
    scope: str
    fields: tuple[str, ...]
    """Names of the fields that have a value."""
    fingerprint: str
    set_at: str
    set_by: str
    last_used_at: str | None
    last_result: str | None
    expires_at: str | None
    readable: bool
    """False: sealed with a key that isn't at hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    provider: str
    scope: str
    field: str
    key_id: str
    sealed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    id: int
    at: str
    actor: str
    action: str
    provider: str
    scope: str
    result: str


def entries(tx: Tx, key_ids: frozenset[str], *, provider: str | None = None) -> list[Entry]:
    """By provider and scope; `key_ids` are those of the keys at hand."""
    rows = tx.all(
        "SELECT e.*, group_concat(c.field) AS fields, group_concat(DISTINCT c.key_id) AS key_ids"
        " FROM credential_entry e LEFT JOIN credential c USING (provider, scope)"
        " WHERE ?1 IS NULL OR e.provider = ?1 GROUP BY e.provider, e.scope ORDER BY e.provider, e.scope",
        (provider,),
    )
    return [
        Entry(
            provider=row["provider"],
            scope=row["scope"],
            fields=tuple(sorted((row["fields"] or "").split(","))),
            fingerprint=row["fingerprint"],
            set_at=row["set_at"],
            set_by=row["set_by"],
            last_used_at=row["last_used_at"],
            last_result=row["last_result"],
            expires_at=row["expires_at"],
            readable=set((row["key_ids"] or "").split(",")) <= key_ids,
        )
        for row in rows
    ]


def scopes(tx: Tx, provider: str) -> frozenset[str]:
    """The scopes for which the provider has an entry."""
    return frozenset(
        row["scope"] for row in tx.all("SELECT scope FROM credential_entry WHERE provider = ?", (provider,))
    )


def sealed(tx: Tx, provider: str, scope: str) -> list[Sealed]:
    rows = tx.all("SELECT * FROM credential WHERE provider = ? AND scope = ? ORDER BY field", (provider, scope))
    return [Sealed(**dict(row)) for row in rows]


def any_sealed(tx: Tx) -> bool:
    return tx.one("SELECT 1 FROM credential LIMIT 1") is not None


def key_ids(tx: Tx) -> frozenset[str]:
    """The ids of all keys that something is sealed with."""
    return frozenset(row["key_id"] for row in tx.all("SELECT DISTINCT key_id FROM credential"))


def sealed_otherwise(tx: Tx, key_id: str, openable: frozenset[str]) -> list[tuple[str, str]]:
    """(provider, scope) of the entries that are sealed with another of the `openable` keys than `key_id`."""
    others = sorted(openable - {key_id})
    marks = ", ".join("?" * len(others))
    rows = tx.all(f"SELECT DISTINCT provider, scope FROM credential WHERE key_id IN ({marks})", others)
    return [(row["provider"], row["scope"]) for row in rows]


def replace(tx: Tx, provider: str, scope: str, values: Mapping[str, bytes], key_id: str) -> None:
    """Put these sealed values (by field) in the place of all that the entry had."""
    tx.run("DELETE FROM credential WHERE provider = ? AND scope = ?", (provider, scope))
    tx.run_many(
        "INSERT INTO credential (provider, scope, field, key_id, sealed) VALUES (?, ?, ?, ?, ?)",
        [(provider, scope, field, key_id, value) for field, value in values.items()],
    )


def put_entry(tx: Tx, provider: str, scope: str, *, fingerprint: str, set_by: str, expires_at: str | None) -> None:
    """The entry as it is after somebody entered it: not used yet."""
    tx.run(
        "INSERT INTO credential_entry (provider, scope, fingerprint, set_at, set_by, expires_at)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (provider, scope) DO UPDATE SET fingerprint = excluded.fingerprint,"
        " set_at = excluded.set_at, set_by = excluded.set_by, expires_at = excluded.expires_at,"
        " last_used_at = NULL, last_result = NULL",
        (provider, scope, fingerprint, iso(tx.now), set_by, expires_at),
    )


def put_fingerprint(tx: Tx, provider: str, scope: str, fingerprint: str) -> None:
    tx.run(
        "UPDATE credential_entry SET fingerprint = ? WHERE provider = ? AND scope = ?", (fingerprint, provider, scope)
    )


def last_use(tx: Tx, provider: str, scope: str) -> tuple[str | None, str | None] | None:
    """When it was last used and with what result; None if there is no such entry."""
    row = tx.one(
        "SELECT last_used_at, last_result FROM credential_entry WHERE provider = ? AND scope = ?", (provider, scope)
    )
    return None if row is None else (row["last_used_at"], row["last_result"])


def put_use(tx: Tx, provider: str, scope: str, result: str) -> None:
    tx.run(
        "UPDATE credential_entry SET last_used_at = ?, last_result = ? WHERE provider = ? AND scope = ?",
        (iso(tx.now), result, provider, scope),
    )


def put_result(tx: Tx, provider: str, scope: str, result: str) -> None:
    """Of a test, which is no use."""
    tx.run("UPDATE credential_entry SET last_result = ? WHERE provider = ? AND scope = ?", (result, provider, scope))


def remove(tx: Tx, provider: str, scope: str) -> bool:
    """False if there was no such entry."""
    tx.run("DELETE FROM credential WHERE provider = ? AND scope = ?", (provider, scope))
    return tx.run("DELETE FROM credential_entry WHERE provider = ? AND scope = ?", (provider, scope)).rowcount > 0


def note(tx: Tx, actor: str, action: Action, provider: str = "", scope: str = "", result: str = "") -> None:
    """One line of the audit, which nobody can change or delete."""
    tx.run(
        "INSERT INTO credential_audit (at, actor, action, provider, scope, result) VALUES (?, ?, ?, ?, ?, ?)",
        (iso(tx.now), actor, action, provider, scope, result),
    )


def audit(tx: Tx, *, before: int | None = None, limit: int = 100) -> list[AuditEntry]:
    """Newest first; `before` an id, for the next page."""
    rows = tx.all(
        "SELECT * FROM credential_audit WHERE ?1 IS NULL OR id < ?1 ORDER BY id DESC LIMIT ?2", (before, limit)
    )
    return [AuditEntry(**dict(row)) for row in rows]
