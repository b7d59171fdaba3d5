"""Who may do what at SUPERSERVICE's side of the sandbox: dealers, clients, tokens."""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from wtpd.clock import from_iso, iso
from wtpd.connectors.kit.contract import Refusal
from wtpd.connectors.kit.sandbox_side import Host

TOKEN_LIFE = 3600
"""Seconds."""
ALL = "*"
MOST_NUMBERS = 100
"""Dealer numbers that a refusal names."""
RIGHTS = ("appointments.read", "appointments.write", "availability.write")


@dataclass(frozen=True, slots=True)
class Dealer:
    number: str
    name: str
    brand: str = "NISSAN"

    def record(self, rights: Sequence[str] = RIGHTS) -> dict[str, Any]:
        """The dealer record, with the rights of the client that asks."""
        return {"dealerNumber": self.number, "name": self.name, "brand": self.brand, "rights": list(rights)}


@dataclass(frozen=True, slots=True)
class ClientUser:
    """A DMS-integration user. `dealers`: the numbers it may act for, or `*`; `rights`: what it may do there."""

    client_id: str
    secret: str
    dealers: tuple[str, ...]
    rights: tuple[str, ...] = RIGHTS

    def may(self, dealer: str) -> bool:
        return dealer in self.dealers or ALL in self.dealers


@dataclass(frozen=True, slots=True)
class Token:
    client_id: str
    expires: str


DEALERS = (
    Dealer("00123", "Autohaus Nordlicht Rostock"),
    Dealer("00124", "Autohaus Nordlicht Güstrow"),
    Dealer("00125", "Autohaus Nordlicht Wismar"),
)
CLIENTS = (
    ClientUser("sandbox", "sandbox-secret", (ALL,)),
    *(ClientUser(f"dealer-{dealer.number}", f"secret-{dealer.number}", (dealer.number,)) for dealer in DEALERS),
)
"""What every new sandbox has (README.md)."""


class Access:
    def __init__(self, host: Host) -> None:
        self._host = host
        self._journals = {name: host.journal(name) for name in ("dealers", "clients", "tokens")}
        self.dealers: dict[str, Dealer] = {dealer.number: dealer for dealer in DEALERS} | self._load("dealers", Dealer)
        self.clients: dict[str, ClientUser] = {client.client_id: client for client in CLIENTS} | self._load(
            "clients", ClientUser
        )
        self._tokens: dict[str, Token] = self._load("tokens", Token)

    def put_dealer(self, dealer: Dealer) -> None:
        self.dealers[dealer.number] = dealer
        self._journals["dealers"].put(dealer.number, msgspec.json.encode(dealer))

    def put_client(self, client: ClientUser) -> None:
        self.clients[client.client_id] = client
        self._journals["clients"].put(client.client_id, msgspec.json.encode(client))

    def issue(self, authorization: str) -> dict[str, Any]:
        """A token for the client in an HTTP basic header. Raises `Refusal` 401."""
        client_id, secret = _basic(authorization)
        client = self.clients.get(client_id)
        if client is None or not hmac.compare_digest(client.secret.encode(), secret.encode()):
            raise Refusal(401, "invalid_client", "The client or its secret is wrong")
        self._forget_old()
        value = secrets.token_urlsafe(24)
        token = Token(client_id, iso(self._host.clock.now() + timedelta(seconds=TOKEN_LIFE)))
        self._tokens[value] = token
        self._journals["tokens"].put(value, msgspec.json.encode(token))
        return {"access_token": value, "token_type": "Bearer", "expires_in": TOKEN_LIFE}

    def dealer(self, authorization: str, number: str, right: str | None = None) -> Dealer:
        """The dealer, if the bearer may act for it and has the `right`. Raises `Refusal` 401, 403 or 404."""
        client = self.client(authorization)
        if not client.may(number):
            covered = sorted(self.dealers) if ALL in client.dealers else client.dealers
            numbers = [one for one in covered if one in self.dealers][:MOST_NUMBERS]
            title = "These credentials don't cover this dealer number"
            raise Refusal(403, "dealer-not-covered", title, dealerNumbers=numbers)
        if number not in self.dealers:
            raise Refusal(404, "dealer", "There is no such dealer")
        if right is not None and right not in client.rights:
            raise Refusal(403, "right-missing", f"The right {right} is missing", right=right)
        return self.dealers[number]

    def client(self, authorization: str) -> ClientUser:
        """The client whose token it is. Raises `Refusal` 401."""
        scheme, _, value = authorization.partition(" ")
        token = self._tokens.get(value) if scheme.lower() == "bearer" else None
        client = self.clients.get(token.client_id) if token else None
        if token is None or client is None or from_iso(token.expires) <= self._host.clock.now():
            raise Refusal(
                401, "token", "The token isn't valid", headers={"WWW-Authenticate": 'Bearer error="invalid_token"'}
            )
        return client

    def state(self) -> dict[str, Any]:
        return {
            "dealers": [dealer.record() for dealer in self.dealers.values()],
            "clients": [
                {"client_id": one.client_id, "dealers": one.dealers, "rights": one.rights}
                for one in self.clients.values()
            ],
        }

    def _forget_old(self) -> None:
        now = self._host.clock.now()
        for value in [value for value, token in self._tokens.items() if from_iso(token.expires) <= now]:
            del self._tokens[value]
            self._journals["tokens"].drop(value)

    def _load(self, name: str, kind: type[Any]) -> dict[str, Any]:
        return {key: msgspec.json.decode(value, type=kind) for key, value in self._journals[name].load()}


def _basic(authorization: str) -> tuple[str, str]:
    """Client id and secret of an HTTP basic header, each form-encoded in it (RFC 6749, 2.3.1). Raises `Refusal` 401."""
    scheme, _, value = authorization.partition(" ")
    try:
        user, separator, password = base64.b64decode(value, validate=True).decode().partition(":")
        user, password = (unquote_plus(part, errors="strict") for part in (user, password))
    except ValueError:
        separator = ""
    if scheme.lower() != "basic" or not separator:
        raise Refusal(401, "invalid_client", "The client must say who it is by HTTP basic")
    return user, password
