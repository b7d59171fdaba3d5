"""SUPERSERVICE Connect as wtpd sees it: an `AppointmentPartner` over `client.py` and `wire.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import msgspec

from wtpd.channel.errors import (
    Ability,
    BrokenItem,
    CursorRefused,
    NotAllowed,
    PartnerBroken,
    PartnerError,
    Rejected,
)
from wtpd.connectors.kit.http import Answer, PartnerHttp
from wtpd.connectors.kit.oauth import Tokens
from wtpd.connectors.kit.values import WireError
from wtpd.connectors.manifest import Secrets, Verified
from wtpd.connectors.superservice import wire, wire_access
from wtpd.connectors.superservice.client import Client
from wtpd.sync.ports import DayOffer, Incoming, Intent, Page, Receipt, Unreadable
from wtpd.texts import N_, Text

T = TypeVar("T")

CURSOR_REFUSED = (400, 404, 410)


class Superservice:
    """One connector may serve several dealer numbers, if its credentials do."""

    holds_requests = True
    takes_availability = True

    def __init__(self, http: PartnerHttp, secrets: Secrets) -> None:
        self._client = Client(http, Tokens(http, secrets))

    async def verify(self, account: str) -> Verified:
        """The dealer record; the caller compares its number with `account`. Raises `NotAllowed` where the credentials
        don't cover that number."""
        try:
            record = _read(wire_access.dealer, await self._client.dealer(account))
        except NotAllowed as error:
            raise wire_access.not_allowed(error, account) from None
        facts = {"brand": record.brand, "rights": ", ".join(record.rights or ())}
        return Verified(account=record.number, name=record.name, facts=facts, missing=record.missing)

    async def changes(self, account: str, cursor: str | None, *, wait: float, limit: int) -> Page:
        """Raises `CursorRefused` where the partner doesn't take the cursor, `TooLarge` for a page beyond the limit."""
        call = self._client.changes(account, cursor, wait=wait, limit=limit)
        try:
            return _read(wire.page, await self._allowed(call, account, "receive"), account)
        except Rejected as error:
            if cursor is None or error.status not in CURSOR_REFUSED:
                raise
            raise CursorRefused(str(error), status=error.status, detail=error.detail) from None

    async def get(self, account: str, partner_id: str) -> Incoming:
        raw = await self._allowed(self._client.appointment(account, partner_id), account, "receive", one=True)
        incoming = _read_one(wire.appointment, raw, account)
        if incoming.partner_id != partner_id:
            raise BrokenItem("GET …/appointments/{id}: the answer is about another appointment", status=200)
        return incoming

    async def find(self, account: str, our_id: str) -> Incoming | None:
        raw = await self._allowed(self._client.find(account, our_id), account, "receive", one=True)
        return _read_one(wire.found, raw, account, our_id)

    def encode(self, intent: Intent) -> str:
        writer = {"create": wire.creation, "update": wire.patch, "cancel": wire.cancellation}[intent.operation]
        return msgspec.json.encode(_written(writer, intent)).decode()

    async def write(self, intent: Intent) -> Receipt:
        """Raises `Duplicate` when a live appointment with our id is there already (`find` gives it), `Precondition`
        when there is a newer version than the expected one."""
        answer = await self._allowed(self._send(intent), intent.account, "send", one=True)
        receipt = _read_one(wire.receipt, answer.json, intent.account, answer.status, answer.sent)
        if intent.partner_id is not None and receipt.partner_id != intent.partner_id:
            raise BrokenItem(f"{intent.operation}: the answer is about another appointment", status=answer.status)
        return receipt

    async def publish(self, account: str, days: Sequence[DayOffer], key: str) -> None:
        await self._allowed(self._client.publish(account, wire.availability(days), key=key), account, "publish")

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

    async def _allowed(self, call: Awaitable[T], account: str, ability: Ability, *, one: bool = False) -> T:
        """The call's result. `one`: the call is about one appointment. A 403 is raised as the error that it means."""
        try:
            return await call
        except NotAllowed as error:
            meant = wire_access.refusal(error, account, ability) or await self._meaning(
                error, account, ability, one=one
            )
            meant.sent = error.sent
            raise meant from None

    async def _meaning(self, error: NotAllowed, account: str, ability: Ability, *, one: bool) -> PartnerError:
        """The meaning of a 403 without a type of the contract: the dealer record tells. Raises the partner's errors."""
        record = (await self.verify(account)).missing
        if one and ability not in record.values():
            return Rejected(str(error), status=error.status, detail=error.detail)
        return wire_access.lacking(error, ability)


def _read(reader: Callable[..., T], *arguments: Any) -> T:
    try:
        return reader(*arguments)
    except WireError as error:
        raise PartnerBroken(f"the answer breaks the contract: {error}", reason=_broken(error)) from None


def _read_one(reader: Callable[..., T], *arguments: Any) -> T:
    """As `_read`, for an answer about one appointment."""
    try:
        return reader(*arguments)
    except WireError as error:
        raise BrokenItem(
            f"the answer about this appointment breaks the contract: {error}", status=200, reason=_broken(error)
        ) from None


def _written(writer: Callable[[Intent], dict[str, Any]], intent: Intent) -> dict[str, Any]:
    try:
        return writer(intent)
    except WireError as error:
        raise Rejected(f"this appointment can't be sent: {error}", reason=error.text) from None


def _broken(error: WireError) -> Text:
    return N_("its answer can't be understood: {reason}", reason=error.text)
