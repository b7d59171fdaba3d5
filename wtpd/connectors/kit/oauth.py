"""Access tokens by OAuth's client credentials grant (RFC 6749, 4.4), for partners that give each dealership a client id
and a client secret. Raises only the errors of `wtpd.channel.errors`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wtpd.channel.errors import NeedsToken, NotAllowed, PartnerBroken, Rejected
from wtpd.connectors.kit.http import PartnerHttp
from wtpd.connectors.kit.values import WireError, count, object_, text
from wtpd.connectors.manifest import Secrets
from wtpd.texts import N_

EARLY = 60.0
"""Seconds before its end at which a token is renewed."""


@dataclass(frozen=True, slots=True)
class _Held:
    token: str
    renew_at: float
    identity: tuple[str, str]


class Tokens:
    """Keeps one access token; many callers in need of a new one cause one request.

    The token is asked for at `path`, with the fields `client_id` and `client_secret` of the credential. A refusal is
    given to all who waited for that request, so that wrong credentials are tried once, not once per call: partners
    lock accounts.
    """

    def __init__(
        self,
        http: PartnerHttp,
        secrets: Secrets,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        path: str = "/oauth/token",
    ) -> None:
        self._http = http
        self._secrets = secrets
        self._monotonic = monotonic
        self._path = path
        self._held: _Held | None = None
        self._lock = asyncio.Lock()
        self._refusals = 0

    async def get(self, *, instead_of: str | None = None) -> str:
        """Return a token that is still good; `instead_of` is one that the partner refused. Raises `NeedsToken`."""
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
            raise NeedsToken(
                "client id or client secret is missing",
                reason=N_("The stored entry lacks the client id or the client secret."),
            )
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
                "POST", self._path, form={"grant_type": "client_credentials"}, auth=identity
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
            token, life = token_of(answer.json)
        except WireError as error:
            raise PartnerBroken(
                f"POST {self._path}: {error}",
                status=answer.status,
                reason=N_("its answer can't be understood: {reason}", reason=error.text),
            ) from None
        self._held = _Held(token, begun + max(life - EARLY, life / 2), identity)
        return token


def token_of(raw: Any) -> tuple[str, float]:
    """Return the access token of an answer (RFC 6749, 5.1) and its life in seconds. Raises `WireError`."""
    body = object_(raw, "token")
    value = text(body.get("access_token"), "access_token", 4096)
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise WireError("access_token", N_("can't be a token"))
    if text(body.get("token_type"), "token_type", 64).lower() != "bearer":
        raise WireError("token_type", N_("not Bearer"))
    return value, float(count(body.get("expires_in"), "expires_in"))
