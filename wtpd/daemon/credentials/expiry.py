"""Which credentials end soon, told 14, 7 and 1 days before (spec: credentials.md). Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from wtpd.clock import from_iso
from wtpd.store.credentials import Entry

HINTS = (1, 7, 14)
"""Days before the end at which it becomes worse news."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """An entry that ends at `at`. `hint`: the smallest of `HINTS` that it lies within; 0: it has ended. `days_left`:
    begun ones counted."""

    provider: str
    scope: str
    at: datetime
    hint: int
    days_left: int

    @property
    def since(self) -> datetime:
        """When this hint became due."""
        return self.at - timedelta(days=self.hint)


def expiries(entries: Iterable[Entry], now: datetime) -> list[Expiry]:
    """Those of which something is to be said, the nearest first."""
    found = [expiry for entry in entries if (expiry := _expiry(entry, now)) is not None]
    return sorted(found, key=lambda one: one.at)


def _expiry(entry: Entry, now: datetime) -> Expiry | None:
    if entry.expires_at is None:
        return None
    at = from_iso(entry.expires_at)
    left = at - now
    hint = 0 if left <= timedelta(0) else next((days for days in HINTS if left <= timedelta(days=days)), None)
    if hint is None:
        return None
    days = max(math.ceil(left / timedelta(days=1)), 0)
    return Expiry(provider=entry.provider, scope=entry.scope, at=at, hint=hint, days_left=days)
