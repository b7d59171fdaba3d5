"""One transaction of the store as the sync engine sees it (`wtpd.sync.ports`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, TypeVar

from wtpd.store import attention
from wtpd.store.channels import Channels
from wtpd.store.database import Database, Tx
from wtpd.store.inbox import Inbox
from wtpd.store.ledger import Ledger
from wtpd.store.messages import Messages
from wtpd.store.outbox import Outbox
from wtpd.sync.ports import BookPort, Case

T = TypeVar("T")


class AttentionList:
    """`wtpd.sync.ports.AttentionPort` over one transaction."""

    __slots__ = ("_tx",)

    def __init__(self, tx: Tx) -> None:
        self._tx = tx

    def add(self, kind: str, *, channel: str, appointment_id: str | None, data: Mapping[str, Any], once: str) -> None:
        attention.add(self._tx, kind, channel=channel, appointment_id=appointment_id, data=data, once=once)

    def add_new(
        self, kind: str, *, channel: str, appointment_id: str | None, data: Mapping[str, Any], once: str
    ) -> None:
        if not attention.was_listed(self._tx, kind, once):
            self.add(kind, channel=channel, appointment_id=appointment_id, data=data, once=once)

    def disputed(self, channel: str, appointment_id: str) -> Set[str]:
        return attention.disputed(self._tx, channel, appointment_id)

    def get(self, number: int) -> Case:
        entry = attention.get(self._tx, number)
        return Case(
            id=entry.id,
            kind=entry.kind,
            channel=entry.channel,
            appointment_id=entry.appointment_id,
            data=entry.data,
            open=entry.resolved_at is None,
        )

    def resolve(self, number: int, *, by: str, resolution: str) -> bool:
        return attention.resolve(self._tx, number, by=by, resolution=resolution)

    def resolve_once(self, kind: str, once: str, *, by: str, resolution: str) -> None:
        attention.resolve_once(self._tx, kind, once, by=by, resolution=resolution)


class StoreSession:
    """`wtpd.sync.ports.Session`."""

    __slots__ = ("attention", "book", "channels", "inbox", "links", "messages", "now", "outbox", "tx")

    def __init__(self, tx: Tx, book: BookPort) -> None:
        self.tx = tx
        self.now: datetime = tx.now
        self.book = book
        self.links = Ledger(tx)
        self.outbox = Outbox(tx)
        self.inbox = Inbox(tx)
        self.messages = Messages(tx)
        self.attention = AttentionList(tx)
        self.channels = Channels(tx)

    def savepoint(self) -> AbstractContextManager[None]:
        return self.tx.savepoint()


class StoreTransactions:
    """`wtpd.sync.ports.Transactions` over the database; `book` makes the book's port for a transaction."""

    def __init__(self, database: Database, book: Callable[[Tx], BookPort]) -> None:
        self._database = database
        self._book = book

    async def read(self, work: Callable[[StoreSession], T]) -> T:
        return await self._database.read(lambda tx: work(StoreSession(tx, self._book(tx))))

    async def write(self, work: Callable[[StoreSession], T]) -> T:
        return await self._database.write(lambda tx: work(StoreSession(tx, self._book(tx))))
