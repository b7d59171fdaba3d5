"""Tokens as callers send them, `wtpd_<connector>_<id>_<secret>`, and what is done about wrong ones.

The id finds the token, so nothing is searched with what a caller sends; the secret is compared with its hash in
constant time. It has 256 random bits, so a plain SHA-256 is enough: slow hashes are for what people can remember, and
would let a caller who guesses burn the box's processor. The live tokens are held in memory: a wrong one costs the
database nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from wtpd.clock import Clock
from wtpd.daemon.api.limits import FORGET, Bucket
from wtpd.daemon.listener.callers import Networks, neighbourhood
from wtpd.daemon.logs import MESSAGES
from wtpd.store import tokens
from wtpd.store.database import Database
from wtpd.store.tokens import Token

log = logging.getLogger(__name__)

_FORM = re.compile(r"wtpd_(?P<connector>[a-z0-9][a-z0-9_-]{0,62})_(?P<id>[a-z2-7]{12})_(?P<secret>[a-z2-7]{52})")
LONGEST = 200
"""Characters of an Authorization header that is looked at."""
WRONG = (0.2, 10.0)
"""Wrong tokens from one address: how many a second, and how many at once after a pause; further ones are hung up on."""
TELLS = 10
"""So many wrong tokens from an address within `REMEMBERED` are a problem in status."""
REMEMBERED = timedelta(hours=1)
NOTED = timedelta(minutes=1)
"""The last use of a token is written at most so often."""
ENDS = timedelta(days=14)
"""Before its end a token that is in use is a problem in status."""
_NOBODY = bytes(32)


@dataclass(frozen=True, slots=True)
class New:
    """A token that is made. `text` is shown once and kept nowhere."""

    id: str
    text: str
    hash: bytes


def make(connector: str) -> New:
    token_id = _letters(secrets.token_bytes(8))[:12]
    secret = _letters(secrets.token_bytes(32))
    return New(token_id, f"wtpd_{connector}_{token_id}_{secret}", _hash(secret))


@dataclass(slots=True)
class Stranger:
    """An address that sends wrong tokens."""

    address: str
    since: datetime
    last: datetime
    count: int = 0
    bucket: Bucket = field(default_factory=lambda: Bucket(*WRONG))


class Tokens:
    """The live tokens in memory. `on_change` is called when an address begins or ceases to be a problem."""

    def __init__(self, db: Database, clock: Clock, on_change: Callable[[], None] = lambda: None) -> None:
        self._db = db
        self._clock = clock
        self._on_change = on_change
        self._live: Mapping[str, Token] = {}
        self._networks: dict[str, Networks] = {}
        self._noted: dict[str, datetime] = {}
        self._strangers: dict[str, Stranger] = {}

    async def load(self) -> None:
        """Know the live ones; after each change of them."""
        found = await self._db.read(tokens.live)
        self._live = {one.id: one for one in found}
        self._networks = {one.id: Networks(one.addresses) for one in found if one.addresses}

    def check(self, authorization: str, connector: str, address: str) -> Token | None:
        """The token in an Authorization header, if it is live, for this connector, and may be used from there."""
        scheme, _, text = authorization[:LONGEST].partition(" ")
        parts = _FORM.fullmatch(text.strip()) if scheme.lower() == "bearer" else None
        known = self._live.get(parts["id"]) if parts else None
        matches = hmac.compare_digest(
            _hash(parts["secret"] if parts else ""), known.hash if known is not None else _NOBODY
        )
        if parts is None or known is None or not matches or not known.is_live(self._clock.now()):
            return None
        if known.connector != connector or parts["connector"] != connector:
            log.warning("A token of %s was used for %s by %s", known.connector, connector, address)
            return None
        allowed = self._networks.get(known.id)
        if allowed is not None and address not in allowed:
            log.warning("The token %s (%s) isn't for the address %s", known.id, known.name, address)
            return None
        return known

    def wait_for(self, address: str) -> float:
        """Seconds that an address must wait because it sent too many wrong tokens; 0.0: none."""
        stranger = self._strangers.get(neighbourhood(address))
        return stranger.bucket.lacks(self._clock.monotonic()) if stranger is not None else 0.0

    def was_wrong(self, address: str) -> None:
        """Count a wrong token of an address."""
        now = self._clock.now()
        self._forget(now)
        key = neighbourhood(address)
        stranger = self._strangers.setdefault(key, Stranger(address, now, now))
        stranger.bucket.take(self._clock.monotonic())
        stranger.count, stranger.last = stranger.count + 1, now
        if stranger.count in (1, TELLS):
            extra = {"MESSAGE_ID": MESSAGES["token-wrong"]}
            log.warning("Wrong token from %s (%d so far)", address, stranger.count, extra=extra)
        if stranger.count == TELLS:
            self._on_change()

    def must_note(self, token: Token) -> bool:
        """Whether this use of it must be written down; the caller does it then."""
        now = self._clock.now()
        before = self._noted.get(token.id)
        if before is not None and now - before < NOTED:
            return False
        self._noted[token.id] = now
        return True

    @property
    def strangers(self) -> list[Stranger]:
        """Addresses whose wrong tokens are a problem, the worst first."""
        now = self._clock.now()
        found = [one for one in self._strangers.values() if one.count >= TELLS and now - one.last < REMEMBERED]
        return sorted(found, key=lambda one: -one.count)

    @property
    def ending(self) -> list[Token]:
        """Tokens that end soon, are in use, and have no newer one beside them."""
        now = self._clock.now()
        found = []
        for one in self._live.values():
            ends = one.expires_at is not None and one.is_live(now) and one.expires_at - now <= ENDS
            newer = any(
                (other.connector, other.site) == (one.connector, one.site) and other.created_at > one.created_at
                for other in self._live.values()
            )
            if ends and not newer and (one.last_used_at is not None or one.id in self._noted):
                found.append(one)
        return found

    def _forget(self, now: datetime) -> None:
        self._strangers = {key: one for key, one in self._strangers.items() if now - one.last < REMEMBERED}
        while len(self._strangers) >= FORGET:
            del self._strangers[next(iter(self._strangers))]


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("ascii")).digest()


def _letters(raw: bytes) -> str:
    """Lower case letters and digits without look-alikes, so that no program cuts it and people can read it out."""
    return base64.b32encode(raw).decode("ascii").rstrip("=").lower()
