"""Power cuts: lets the process die between any two steps of sync, that is before or after any transaction and any call
to the partner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from tests.support.partner_model import PartnerModel
from wtpd.store.session import StoreSession, StoreTransactions
from wtpd.sync.ports import DayOffer, Incoming, Intent, Page, Receipt

T = TypeVar("T")


class PowerCut(BaseException):
    """Nothing in the product catches it."""


class Fuse:
    """Blows after `steps` steps; then nothing works any more. None: it holds."""

    def __init__(self, steps: int | None = None) -> None:
        self.left = steps

    def step(self) -> None:
        if self.left is None:
            return
        if self.left <= 0:
            raise PowerCut
        self.left -= 1

    @property
    def is_blown(self) -> bool:
        return self.left == 0


class FusedTransactions:
    def __init__(self, inner: StoreTransactions, fuse: Fuse) -> None:
        self._inner = inner
        self._fuse = fuse

    async def read(self, work: Callable[[StoreSession], T]) -> T:
        self._fuse.step()
        return await self._inner.read(work)

    async def write(self, work: Callable[[StoreSession], T]) -> T:
        self._fuse.step()
        result = await self._inner.write(work)
        self._fuse.step()
        return result


class FusedPartner:
    def __init__(self, inner: PartnerModel, fuse: Fuse) -> None:
        self._inner = inner
        self._fuse = fuse

    async def changes(self, account: str, cursor: str | None, *, wait: float, limit: int) -> Page:
        self._fuse.step()
        return await self._inner.changes(account, cursor, wait=wait, limit=limit)

    async def get(self, account: str, partner_id: str) -> Incoming:
        self._fuse.step()
        return await self._inner.get(account, partner_id)

    async def find(self, account: str, our_id: str) -> Incoming | None:
        self._fuse.step()
        return await self._inner.find(account, our_id)

    def encode(self, intent: Intent) -> str:
        return self._inner.encode(intent)

    async def write(self, intent: Intent) -> Receipt:
        self._fuse.step()
        receipt = await self._inner.write(intent)
        self._fuse.step()
        return receipt

    async def publish(self, account: str, days: Sequence[DayOffer], key: str) -> Any:
        self._fuse.step()
        await self._inner.publish(account, days, key)
