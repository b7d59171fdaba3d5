"""Counts the calls to a partner, for the record of a run."""

from __future__ import annotations

from collections.abc import Sequence

from wtpd.sync.ports import DayOffer, Incoming, Intent, Page, Partner, Receipt


class Counted:
    """A partner that counts; `requests` only grows."""

    def __init__(self, partner: Partner) -> None:
        self._partner = partner
        self.requests = 0

    async def changes(self, account: str, cursor: str | None, *, wait: float, limit: int) -> Page:
        self.requests += 1
        return await self._partner.changes(account, cursor, wait=wait, limit=limit)

    async def get(self, account: str, partner_id: str) -> Incoming:
        self.requests += 1
        return await self._partner.get(account, partner_id)

    async def find(self, account: str, our_id: str) -> Incoming | None:
        self.requests += 1
        return await self._partner.find(account, our_id)

    def encode(self, intent: Intent) -> str:
        return self._partner.encode(intent)

    async def write(self, intent: Intent) -> Receipt:
        self.requests += 1
        return await self._partner.write(intent)

    async def publish(self, account: str, days: Sequence[DayOffer], key: str) -> None:
        self.requests += 1
        await self._partner.publish(account, days, key)
