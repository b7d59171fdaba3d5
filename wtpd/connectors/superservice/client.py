"""The calls of `contract.yaml`, one method each: JSON in, JSON out; of a write the whole answer, for the trace. Raises
only the errors of `wtpd.channel.errors`."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from wtpd.channel.errors import NeedsToken
from wtpd.connectors.kit.http import Answer, PartnerHttp
from wtpd.connectors.kit.oauth import Tokens
from wtpd.connectors.superservice.turns import Turns

SLACK = 15.0
"""Seconds that a long poll may take beyond the time it asked for."""

_MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}


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
