"""Tokens of programs on the local network: who they are for, and the hash of their secret (spec: api.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from wtpd.clock import iso
from wtpd.errors import NotFound, Refused
from wtpd.store.damage import from_iso
from wtpd.store.database import Tx, from_json, to_json
from wtpd.texts import N_

LIVE = 2
"""Tokens of one connector at one site that may be used at the same time: the old and the new one."""
OVERLAP = timedelta(days=14)
"""So long the old one goes on after a new one was made, at most."""
_KEPT = 100
"""Tokens that are listed, used or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """`account`: the dealer number that it stands for; `addresses`: networks it may be used from, none: any that the
    listener lets in; `hash`: SHA-256 of its secret."""

    id: str
    connector: str
    site: str
    account: str
    role: str
    name: str
    hash: bytes
    addresses: Sequence[str]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None
    last_used_at: datetime | None
    last_address: str | None

    def is_live(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def add(
    tx: Tx,
    *,
    id: str,  # noqa: A002 - its name
    connector: str,
    site: str,
    account: str,
    name: str,
    hash: bytes,  # noqa: A002 - its name
    addresses: Sequence[str],
    by: str,
    expires_at: datetime | None,
) -> Token:
    """Keep a new token. One before it for the same connector and site ends within `OVERLAP`. Raises `Refused` if there
    are two already."""
    live = [one for one in of(tx, connector, site) if one.is_live(tx.now)]
    if len(live) >= LIVE:
        text = N_(
            "{connector} has two tokens at {site} already ({tokens}); revoke one first: wtpd token revoke {id}",
            connector=connector, site=site, tokens=", ".join(one.id for one in live), id=live[0].id,
        )  # fmt: skip
        raise Refused(text, kind="two-tokens")
    end = tx.now + OVERLAP
    for one in live:
        if one.expires_at is None or one.expires_at > end:
            tx.run("UPDATE token SET expires_at = ? WHERE id = ?", (iso(end), one.id))
    tx.run(
        """INSERT INTO token
             (id, connector, site, account, role, name, hash, addresses, created_at, created_by, expires_at)
           VALUES (?, ?, ?, ?, 'push', ?, ?, ?, ?, ?, ?)""",
        (
            id, connector, site, account, name, hash, to_json(list(addresses)), iso(tx.now), by,
            iso(expires_at) if expires_at is not None else None,
        ),
    )  # fmt: skip
    tx.emit("token.created", id=id, connector=connector, site=site)
    return get(tx, id)


def revoke(tx: Tx, id: str, by: str) -> Token:  # noqa: A002 - its name
    """End a token now; one that has ended stays as it is. Raises `NotFound`."""
    found = get(tx, id)
    if found.revoked_at is None:
        tx.run("UPDATE token SET revoked_at = ?, revoked_by = ? WHERE id = ?", (iso(tx.now), by, id))
        tx.emit("token.revoked", id=id, connector=found.connector, site=found.site)
    return get(tx, id)


def used(tx: Tx, id: str, address: str) -> None:  # noqa: A002 - its name
    tx.run("UPDATE token SET last_used_at = ?, last_address = ? WHERE id = ?", (iso(tx.now), address, id))


def get(tx: Tx, id: str) -> Token:  # noqa: A002 - its name
    """Raises `NotFound`."""
    row = tx.one("SELECT * FROM token WHERE id = ?", (id,))
    if row is None:
        raise NotFound(N_("There is no token {id}; see: wtpd token list", id=id))
    return _token(row)


def all_of(tx: Tx) -> list[Token]:
    """All, the newest first."""
    return [_token(row) for row in tx.all(f"SELECT * FROM token ORDER BY created_at DESC, id LIMIT {_KEPT}")]


def live(tx: Tx) -> list[Token]:
    """Those that aren't revoked and don't end before now."""
    return [one for one in map(_token, tx.all("SELECT * FROM token WHERE revoked_at IS NULL")) if one.is_live(tx.now)]


def of(tx: Tx, connector: str, site: str) -> list[Token]:
    """The oldest first."""
    rows = tx.all("SELECT * FROM token WHERE connector = ? AND site = ? ORDER BY created_at", (connector, site))
    return [_token(row) for row in rows]


def _token(row: Any) -> Token:
    def moment(name: str) -> datetime | None:
        return from_iso(row[name]) if row[name] else None

    return Token(
        id=row["id"],
        connector=row["connector"],
        site=row["site"],
        account=row["account"],
        role=row["role"],
        name=row["name"],
        hash=row["hash"],
        addresses=tuple(from_json(row["addresses"])),
        created_at=from_iso(row["created_at"]),
        created_by=row["created_by"],
        expires_at=moment("expires_at"),
        revoked_at=moment("revoked_at"),
        revoked_by=row["revoked_by"],
        last_used_at=moment("last_used_at"),
        last_address=row["last_address"],
    )
