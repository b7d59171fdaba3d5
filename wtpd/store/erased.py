"""Keyed hashes by which an erased person is recognised when an old list names them again (docs/adr/0042).

The hashes are in the database, their key is a file of its own beside it (`wtpd.db.erased-key`): whoever has the
database alone, as a backup has it, can't find out which number was erased by trying all of them.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from wtpd.clock import from_iso, iso
from wtpd.errors import Unavailable
from wtpd.network_words import of_system
from wtpd.planner.customer import Customer
from wtpd.planner.phones import contact_keys
from wtpd.planner.vin import normalise_vin
from wtpd.store import countries
from wtpd.store.database import Tx, to_json
from wtpd.store.partner_records import PartnerRecord
from wtpd.texts import N_

ENDING = ".erased-key"
_BYTES = 32
_HASH = 32
"""Hexadecimal digits."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Erased:
    """Somebody of these data was erased. `day` as an ISO date; `kinds`: which of `number`, `vin`, `email` and `phone`
    are known. A number or an e-mail address means the person; a telephone number may be that of the household, and a
    VIN is that of a car, which may have a new owner."""

    day: str
    kinds: frozenset[str]

    @property
    def is_person(self) -> bool:
        """By what only that person has."""
        return not self.kinds.isdisjoint({"number", "email"})


def remember(
    tx: Tx,
    customer: Customer,
    contacts: Iterable[str],
    vins: Iterable[str],
    known_at: Iterable[PartnerRecord] = (),
) -> None:
    """Keep the hashes of the customer's number, of `contacts` (keys as `contact_keys` makes them), of the VINs and of
    the ids that partners have for the person."""
    keys = [*_keys(customer.number or "", contacts, vins), *(("partner", _partner_id(one)) for one in known_at)]
    if not keys:
        return
    path = _path(tx)
    key = _read_key(path) or _make_key(path)
    tx.run_many(
        "INSERT INTO erased_key (hash, kind, at) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at",
        [(_hash(key, kind, value), kind, iso(tx.now)) for kind, value in keys],
    )


def anybody(tx: Tx) -> bool:
    """Whether anybody ever was erased."""
    return tx.one("SELECT 1 FROM erased_key LIMIT 1") is not None


def is_erased(
    tx: Tx, *, number: str = "", vin: str = "", customer: Customer | None = None, site: str = ""
) -> Erased | None:
    """Whether a person of this customer number, VIN, or of the addresses of `customer` was erased, and when that was
    last; None if not. `site`: in whose country the telephone numbers are read. Costs one look where nobody ever was."""
    if not anybody(tx):
        return None
    key = _read_key(_path(tx))
    if key is None:
        _log.error("The key file of erased persons is missing: an old list can bring an erased person back")
        return None
    contacts: tuple[str, ...] = ()
    if customer is not None:
        number = number or customer.number or ""
        contacts = contact_keys(customer, countries.home(tx, site))
    hashes = [_hash(key, kind, value) for kind, value in _keys(number, contacts, [vin])]
    rows = tx.all(
        "SELECT kind, at FROM erased_key WHERE hash IN (SELECT value FROM json_each(?))",
        (to_json(hashes),),
    )
    if not rows:
        return None
    return Erased(from_iso(max(row["at"] for row in rows)).date().isoformat(), frozenset(row["kind"] for row in rows))


def is_erased_at_partner(tx: Tx, record: PartnerRecord) -> bool:
    """Whether a partner's id (connector, company and `partner_id` of `record`) is that of a person who was erased."""
    key = _read_key(_path(tx)) if tx.one("SELECT 1 FROM erased_key LIMIT 1") is not None else None
    if key is None:
        return False
    hashed = _hash(key, "partner", _partner_id(record))
    return tx.one("SELECT 1 FROM erased_key WHERE hash = ? AND kind = 'partner'", (hashed,)) is not None


def _partner_id(record: PartnerRecord) -> str:
    return to_json([record.connector, record.company, record.partner_id])


def _keys(number: str, contacts: Iterable[str], vins: Iterable[str]) -> Iterator[tuple[str, str]]:
    if number.strip():
        yield "number", number.strip().casefold()
    for contact in contacts:
        yield ("email" if "@" in contact else "phone"), contact
    for vin in vins:
        if normalise_vin(vin):
            yield "vin", normalise_vin(vin)


def _hash(key: bytes, kind: str, value: str) -> str:
    return hmac.new(key, f"{kind}\0{value}".encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:_HASH]


def _path(tx: Tx) -> Path:
    row = tx.one("SELECT file FROM pragma_database_list WHERE name = 'main'")
    return Path(f"{row['file'] if row else ''}{ENDING}")


def _read_key(path: Path) -> bytes | None:
    return _known_key(path) if path.exists() else None


@lru_cache(maxsize=4)
def _known_key(path: Path) -> bytes | None:
    try:
        key = path.read_bytes()
    except OSError:
        return None
    return key if len(key) == _BYTES else None


def _make_key(path: Path) -> bytes:
    """On disk before the first hash that needs it is. Raises `Unavailable` if it can't be written."""
    key = secrets.token_bytes(_BYTES)
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(file, 0o600)
            os.write(file, key)
            os.fsync(file)
        finally:
            os.close(file)
        folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        text = N_("{path} can't be written: {reason}. Nobody was erased.", path=path, reason=of_system(error))
        raise Unavailable(text, kind="storage") from error
    _known_key.cache_clear()
    return key
