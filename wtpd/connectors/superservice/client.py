"""The calls of `contract.yaml`, one method each: JSON in, JSON out; of a write the whole answer, for the trace. Raises
only the errors of `wtpd.channel.errors`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from wtpd.channel.errors import NeedsToken, NotAllowed, PartnerBroken, Rejected
from wtpd.connectors.base import Secrets
from wtpd.connectors.kit.http import Answer, PartnerHttp
from wtpd.connectors.kit.values import WireError
from wtpd.connectors.superservice import wire_access
from wtpd.connectors.superservice.turns import Turns

EARLY = 60.0
"""Seconds before its end at which a token is renewed."""
SLACK = 15.0
"""Seconds that a long poll may take beyond the time it asked for."""

_MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}


@dataclass(frozen=True, slots=True)
class _Held:
    token: str
    renew_at: float
    identity: tuple[str, str]


class Tokens:
    """Keeps one access token; many callers in need of a new one cause one request (RFC 6749, 4.4).

    A refusal is told to all who waited for that request, so that wrong credentials are tried once, not once per call:
    partners lock accounts.
    """

    def __init__(self, http: PartnerHttp, secrets: Secrets, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._http = http
        self._secrets = secrets
        self._monotonic = monotonic
        self._held: _Held | None = None
        self._lock = asyncio.Lock()
        self._refusals = 0

    async def get(self, *, instead_of: str | None = None) -> str:
        """A token that is still good; `instead_of` is one that the partner refused. Raises `NeedsToken`."""
        identity = await self._identity()
        if (held := self._usable(identity, instead_of)) is not None:
            return held
        refusals = self._refusals
        async with self._lock:
            if (held := self._usable(identity, instead_of)) is not None:
                return held
            if self._refusals != refusals:
                raise NeedsToken("the partner refuses these credentials", status=401)
            return await self._fetch(identity)

    async def _identity(self) -> tuple[str, str]:
        fields = await self._secrets()
        if not fields.get("client_id") or not fields.get("client_secret"):
            raise NeedsToken("client id or client secret is missing")
        return fields["client_id"], fields["client_secret"]

    def _usable(self, identity: tuple[str, str], refused: str | None) -> str | None:
        held = self._held
        if held is None or held.identity != identity or held.token == refused or self._monotonic() >= held.renew_at:
            return None
        return held.token

    async def _fetch(self, identity: tuple[str, str]) -> str:
        begun = self._monotonic()
        try:
            answer = await self._http.request(
                "POST", "/oauth/token", form={"grant_type": "client_credentials"}, auth=identity
            )
        except (Rejected, NotAllowed) as error:
            if error.status not in (400, 403):
                raise PartnerBroken(str(error), status=error.status) from None
            self._refusals += 1  # RFC 6749, 5.2: a refusal of the credentials may come as 400
            raise NeedsToken(str(error), status=error.status) from None
        except NeedsToken:
            self._refusals += 1
            raise
        try:
            token, life = wire_access.token(answer.json)
        except WireError as error:
            raise PartnerBroken(f"POST /oauth/token: {error}", status=answer.status) from None
        self._held = _Held(token, begun + max(life - EARLY, life / 2), identity)
        return token


class Client:
    """The partner's API for all dealers that the credentials reach. `account` is a dealer number."""

    def __init__(self, http: PartnerHttp, tokens: Tokens, turns: Turns | None = None) -> None:
        self._http = http
        self._tokens = tokens
        self._turns = turns or Turns()

    async def dealer(self, account: str) -> Any:
        return (await self._call("GET", _dealer(account))).json

    async def changes(self, account: str, cursor: str | None, *, wait: float, limit: int) -> Any:
        seconds = int(max(0.0, min(wait, 60.0)))
        params: dict[str, Any] = {"limit": max(1, min(limit, 500))}
        if cursor is not None:
            params["cursor"] = cursor
        if seconds == 0:
            return (await self._call("GET", f"{_dealer(account)}/changes", params=params)).json
        params["wait"] = seconds
        return (await self._call("GET", f"{_dealer(account)}/changes", params=params, timeout=seconds + SLACK)).json

    async def appointment(self, account: str, partner_id: str) -> Any:
        return (await self._call("GET", _appointment(account, partner_id))).json

    async def find(self, account: str, our_id: str) -> Any:
        params = {"dmsAppointmentId": our_id}
        return (await self._call("GET", f"{_dealer(account)}/appointments", params=params)).json

    async def create(self, account: str, body: Any, *, key: str) -> Answer:
        path = f"{_dealer(account)}/appointments"
        return await self._call("POST", path, json=body, idempotency_key=key)

    async def change(self, account: str, partner_id: str, body: Any, *, match: str, key: str) -> Answer:
        headers = {"If-Match": match, **_MERGE_PATCH}
        path = _appointment(account, partner_id)
        return await self._call("PATCH", path, json=body, headers=headers, idempotency_key=key)

    async def cancel(self, account: str, partner_id: str, body: Any, *, match: str, key: str) -> Answer:
        path = f"{_appointment(account, partner_id)}/cancellation"
        headers = {"If-Match": match}
        return await self._call("POST", path, json=body, headers=headers, idempotency_key=key)

    async def publish(self, account: str, body: Any, *, key: str) -> Any:
        return (await self._call("PATCH", f"{_dealer(account)}/availability", json=body, idempotency_key=key)).json

    async def close(self) -> None:
        await self._http.aclose()

    async def _call(self, method: str, path: str, **options: Any) -> Answer:
        """When its turn comes, as the partner may limit requests per second."""
        return await self._turns.take(lambda: self._authorized(method, path, **options))

    async def _authorized(self, method: str, path: str, **options: Any) -> Answer:
        """With a token; one that the partner no longer takes is replaced once."""
        token = await self._tokens.get()
        try:
            return await self._http.request(method, path, auth=token, **options)
        except NeedsToken as error:
            if error.status != 401:
                raise
        token = await self._tokens.get(instead_of=token)
        return await self._http.request(method, path, auth=token, **options)


def _dealer(account: str) -> str:
    return f"/v1/dealers/{quote(account, safe='')}"


def _appointment(account: str, partner_id: str) -> str:
    return f"{_dealer(account)}/appointments/{quote(partner_id, safe='')}"
