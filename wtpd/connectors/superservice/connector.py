"""SUPERSERVICE Connect as wtpd sees it: an `AppointmentConnector` over `client.py` and `wire.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from wtpd.connectors.base import Secrets, Verified
from wtpd.connectors.http import Answer, PartnerHttp
from wtpd.connectors.superservice import wire
from wtpd.connectors.superservice.client import Client, Tokens
from wtpd.connectors.values import WireError
from wtpd.sync.errors import PartnerBroken, Rejected
from wtpd.sync.ports import DayOffer, Incoming, Intent, Page, Receipt, Unreadable

T = TypeVar("T")


class Superservice:
    """One connector may serve several dealer numbers, if its credentials do."""

    def __init__(self, http: PartnerHttp, secrets: Secrets) -> None:
        self._client = Client(http, Tokens(http, secrets))

    async def verify(self, account: str) -> Verified:
        """Who the partner says we are; whoever asks compares it with `account`."""
        number, name, facts = _read(wire.dealer, await self._client.dealer(account))
        return Verified(account=number, name=name, facts=facts)

    async def changes(self, account: str, cursor: str | None, *, wait: float, limit: int) -> Page:
        return _read(wire.page, await self._client.changes(account, cursor, wait=wait, limit=limit), account)

    async def get(self, account: str, partner_id: str) -> Incoming:
        incoming = _read(wire.appointment, await self._client.appointment(account, partner_id), account)
        if incoming.partner_id != partner_id:
            raise PartnerBroken("GET …/appointments/{id}: not the appointment that was asked for")
        return incoming

    async def find(self, account: str, our_id: str) -> Incoming | None:
        return _read(wire.found, await self._client.find(account, our_id), account, our_id)

    def encode(self, intent: Intent) -> str:
        writer = {"create": wire.creation, "update": wire.patch, "cancel": wire.cancellation}[intent.operation]
        return msgspec.json.encode(_written(writer, intent)).decode()

    async def write(self, intent: Intent) -> Receipt:
        """Raises `Duplicate` when a live appointment with our id is there already (`find` gives it), `Precondition`
        when there is a newer version than the expected one."""
        answer = await self._send(intent)
        receipt = _read(wire.receipt, answer.json, answer.status, answer.sent)
        if intent.partner_id is not None and receipt.partner_id != intent.partner_id:
            raise PartnerBroken(f"{intent.operation}: the answer is about another appointment")
        return receipt

    async def publish(self, account: str, days: Sequence[DayOffer], key: str) -> None:
        await self._client.publish(account, wire.availability(days), key=key)

    def parse(self, account: str, raw: Any) -> Incoming | Unreadable:
        return wire.kept(raw, account)

    async def close(self) -> None:
        await self._client.close()

    async def _send(self, intent: Intent) -> Answer:
        account, key = intent.account, intent.key
        body = msgspec.Raw((self.encode(intent) if intent.body is None else intent.body).encode())
        if intent.operation == "create":
            return await self._client.create(account, body, key=key)
        if intent.partner_id is None:
            raise ValueError(f"an intent to {intent.operation} needs the partner's id")
        match = wire.etag(intent.expected_version)
        if intent.operation == "update":
            return await self._client.change(account, intent.partner_id, body, match=match, key=key)
        return await self._client.cancel(account, intent.partner_id, body, match=match, key=key)


def _read(reader: Callable[..., T], *arguments: Any) -> T:
    try:
        return reader(*arguments)
    except WireError as error:
        raise PartnerBroken(f"the answer breaks the contract: {error}") from None


def _written(writer: Callable[[Intent], dict[str, Any]], intent: Intent) -> dict[str, Any]:
    try:
        return writer(intent)
    except WireError as error:
        raise Rejected(f"this appointment can't be sent: {error}", detail=str(error)) from None
