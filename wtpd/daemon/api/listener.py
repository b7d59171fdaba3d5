"""`/v1/listener`, `/v1/tokens`, `/v1/pushed`: the door on the local network, who may use it, and what came in by it."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Annotated, Any

from msgspec import Meta, Struct

from wtpd.config import names
from wtpd.config.model import DealerNumber, Network
from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.collection import Page, cut
from wtpd.daemon.api.errors import wrong
from wtpd.daemon.api.routes import Route
from wtpd.daemon.api.shapes import Sign
from wtpd.daemon.listener import tokens as made_tokens
from wtpd.daemon.listener.apply import unreadable_reason
from wtpd.daemon.listener.lan import Lan
from wtpd.daemon.logs import MESSAGES
from wtpd.daemon.reload import Settings
from wtpd.errors import NotFound, Refused
from wtpd.store import pushed, tokens
from wtpd.store.database import Database, Tx
from wtpd.store.tokens import Token
from wtpd.texts import N_

log = logging.getLogger(__name__)


class CertificateView(Struct, frozen=True, kw_only=True):
    """`fingerprint`: SHA-256; `pem`: the certificate itself. `own`: wtpd made it. `successor`: the fingerprint of the
    one that takes over at `changes_at`."""

    fingerprint: str
    pem: str
    names: list[str]
    ends_at: datetime
    own: bool
    successor: str | None
    changes_at: datetime | None


class ListenerView(Struct, frozen=True, kw_only=True):
    """`listening` false though `enabled`: `problem` says why. `connectors`: those whose partners send by themselves.
    `refused`: connections that weren't let in since it listens. `waiting`: bodies that aren't applied yet, the oldest
    since `oldest`."""

    enabled: bool
    listening: bool
    address: str
    port: int
    networks: list[str]
    client_certificates: bool
    certificate: CertificateView | None
    connectors: list[str]
    connections: int
    refused: int
    waiting: int
    oldest: datetime | None
    problem: str | None
    next_step: str | None


class TokenInput(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`dealer_number`: without it the one of the mapping. `addresses`: where it may be used from; none: everywhere that
    the listener lets in. `days`: until it ends; without it it doesn't end."""

    connector: Sign
    site: Sign
    name: Annotated[str, Meta(min_length=1, max_length=64)]
    dealer_number: DealerNumber | None = None
    addresses: Annotated[list[Network], Meta(max_length=20)] = []
    days: Annotated[int, Meta(ge=1, le=3650)] | None = None


class TokenView(Struct, frozen=True, kw_only=True):
    """A token without its secret. `state`: `live`, `ended` or `revoked`."""

    id: str
    connector: str
    site: str
    dealer_number: str
    role: str
    name: str
    state: str
    addresses: list[str]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None
    last_used_at: datetime | None
    last_address: str | None


class MadeTokenView(Struct, frozen=True, kw_only=True):
    """`token` is told this once. `ends`: ids of older tokens of the site that end within two weeks now."""

    token: str
    id: str
    ends: list[str]


class PushedQuery(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`key`: only bodies in which the record of this partner's number wasn't simply accepted. `cursor`: `next_cursor`
    of the page before."""

    connector: Sign | None = None
    key: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    cursor: Annotated[int, Meta(ge=1)] | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 50


class PushedView(Struct, frozen=True, kw_only=True):
    """A body that a partner's program sent. `state`: `stored` waits to be applied, `done`, `unreadable`, or `failed` by
    an error of ours. The counts are of its records; `repeats`: how often it came again. `erased`: its content is gone,
    because it named a person who was erased."""

    id: int
    at: datetime
    connector: str
    site: str
    dealer_number: str
    token: str
    address: str
    path: str
    content_type: str
    content_encoding: str
    size: int
    state: str
    applied: int
    accepted: int
    unchanged: int
    quarantined: int
    repeats: int
    status: int | None
    reason: str | None
    done_at: datetime | None
    erased: bool


class PushedItemView(Struct, frozen=True, kw_only=True):
    """A record that wasn't simply accepted; `number` counts from 0 in the body, `key` is the partner's number."""

    number: int
    key: str
    result: str
    reason: str
    field: str


class PushedWhole(PushedView, frozen=True, kw_only=True):
    """With the records that weren't simply accepted, 500 at most."""

    items: list[PushedItemView]


class DismissedView(Struct, frozen=True):
    count: int


class ListenerRoutes:
    def __init__(self, db: Database, settings: Settings, lan: Lan) -> None:
        self._db = db
        self._settings = settings
        self._lan = lan

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET", path="/v1/listener", role=Role.READ, handler=self.get, result=ListenerView,
                summary="The door on the local network: where it listens, and its certificate",
            ),
            Route(
                method="POST", path="/v1/listener/renew", role=Role.ADMIN, handler=self.renew, result=ListenerView,
                summary="Replace the listener's own certificate now",
            ),
        ]  # fmt: skip

    async def get(self, call: Call) -> Answer:
        return answer(await self._view(call.language))

    async def renew(self, call: Call) -> Answer:
        await self._lan.service.renew()
        return answer(await self._view(call.language))

    async def _view(self, language: str) -> ListenerView:
        bodies = await self._db.read(pushed.figures)
        service, wanted = self._lan.service, self._settings.config.listener
        used, trouble = service.identity, service.trouble
        return ListenerView(
            enabled=wanted.enabled,
            listening=service.listening,
            address=wanted.address,
            port=wanted.port,
            networks=list(wanted.networks),
            client_certificates=wanted.client_ca is not None,
            certificate=None
            if used is None
            else CertificateView(
                fingerprint=used.fingerprint,
                pem=used.pem,
                names=list(service.names),
                ends_at=used.ends,
                own=used.own,
                successor=used.successor,
                changes_at=used.changes_at,
            ),
            connectors=sorted(self._lan.receivers),
            connections=service.connections,
            refused=service.refused,
            waiting=bodies.waiting,
            oldest=bodies.oldest,
            problem=trouble.text.render(language) if trouble is not None else None,
            next_step=trouble.next_step.render(language) if trouble is not None else None,
        )


class TokenRoutes:
    def __init__(self, db: Database, settings: Settings, lan: Lan) -> None:
        self._db = db
        self._settings = settings
        self._lan = lan

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET", path="/v1/tokens", role=Role.READ, handler=self.list, result=Page[TokenView],
                summary="Tokens of programs on the local network, newest first",
            ),
            Route(
                method="POST", path="/v1/tokens", role=Role.ADMIN, handler=self.make, body=TokenInput,
                result=MadeTokenView, status=201, summary="Make a token; it is told this once",
            ),
            Route(
                method="POST", path="/v1/tokens/{id}/revoke", role=Role.ADMIN, handler=self.revoke, result=TokenView,
                summary="End a token now",
            ),
        ]  # fmt: skip

    async def list(self, call: Call) -> Answer:
        def work(tx: Tx) -> Page[TokenView]:
            return Page([_token(one, tx.now) for one in tokens.all_of(tx)])

        return answer(await self._db.read(work))

    async def make(self, call: Call) -> Answer:
        wanted: TokenInput = call.body
        _check_addresses(wanted.addresses)
        account = self._account(wanted)
        made = made_tokens.make(wanted.connector)
        by = call.author.actor

        def work(tx: Tx) -> tuple[Token, list[str]]:
            before = [one.id for one in tokens.of(tx, wanted.connector, wanted.site) if one.is_live(tx.now)]
            ends = tx.now + timedelta(days=wanted.days) if wanted.days is not None else None
            kept = tokens.add(
                tx, id=made.id, connector=wanted.connector, site=wanted.site, account=account, name=wanted.name,
                hash=made.hash, addresses=wanted.addresses, by=by, expires_at=ends,
            )  # fmt: skip
            return kept, before

        kept, before = await self._db.write(work)
        await self._lan.tokens.load()
        log.info("Token %s (%s) made by %s", kept.id, kept.name, by, extra=_audit(kept, by, "token-created"))
        return answer(MadeTokenView(token=made.text, id=made.id, ends=before), status=201)

    async def revoke(self, call: Call) -> Answer:
        by = call.author.actor
        found = await self._db.write(lambda tx: (tokens.revoke(tx, call.params["id"], by), tx.now))
        await self._lan.tokens.load()
        one = found[0]
        log.info("Token %s (%s) revoked by %s", one.id, one.name, by, extra=_audit(one, by, "token-revoked"))
        return answer(_token(*found))

    def _account(self, wanted: TokenInput) -> str:
        """The dealer number that the token stands for. Raises `NotFound`, `Refused`."""
        if wanted.connector not in self._lan.receivers:
            known = ", ".join(sorted(self._lan.receivers)) or "-"
            text = N_(
                "No connector {connector} takes what its partner sends; those that do: {known}",
                connector=wanted.connector, known=known,
            )  # fmt: skip
            raise NotFound(text)
        site = next((one for one in self._settings.config.sites if one.id == wanted.site), None)
        if site is None:
            raise NotFound(N_("There is no site {site}.", site=wanted.site))
        mapping = site.partners.get(wanted.connector)
        account = wanted.dealer_number or (mapping.dealer_number if mapping is not None else None)
        if account is None:
            text = N_(
                "{site} has no dealer number for {connector}: map it, or give one with the token.",
                site=wanted.site, connector=wanted.connector,
            )  # fmt: skip
            raise Refused(text, kind="not-mapped")
        return account


class PushedRoutes:
    def __init__(self, db: Database) -> None:
        self._db = db

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET", path="/v1/pushed", role=Role.READ, handler=self.list, query=PushedQuery,
                result=Page[PushedView], summary="What partners' programs sent, newest first",
            ),
            Route(
                method="GET", path="/v1/pushed/{id}", role=Role.READ, handler=self.get, result=PushedWhole,
                summary="One body that a partner's program sent",
            ),
            Route(
                method="POST", path="/v1/pushed/{id}/apply", role=Role.ADMIN, handler=self.again, status=204,
                summary="Apply a body again that failed or couldn't be read",
            ),
            Route(
                method="POST", path="/v1/pushed/{id}/dismiss", role=Role.ADMIN, handler=self.dismiss,
                result=DismissedView, summary="Nothing more is wanted of a body that failed or couldn't be read",
            ),
        ]  # fmt: skip

    async def list(self, call: Call) -> Answer:
        query: PushedQuery = call.query
        limit = query.limit
        found = await self._db.read(
            lambda tx: pushed.newest(tx, before=query.cursor, limit=limit + 1, connector=query.connector, key=query.key)
        )
        items, cursor = cut(found, limit)
        return answer(Page([PushedView(**_pushed(one, call.language)) for one in items], cursor))

    async def get(self, call: Call) -> Answer:
        number = _number(call)
        body, noted = await self._db.read(lambda tx: (pushed.get(tx, number), pushed.noted(tx, number, 500)))
        items = [
            PushedItemView(number=one.number, key=one.key, result=one.result, reason=one.reason, field=one.field)
            for one in noted
        ]
        return answer(PushedWhole(**_pushed(body, call.language), items=items))

    async def again(self, call: Call) -> Answer:
        number = _number(call)
        await self._db.write(lambda tx: pushed.again(tx, number))
        return Answer(204)

    async def dismiss(self, call: Call) -> Answer:
        number = _number(call)
        return answer(DismissedView(await self._db.write(lambda tx: pushed.dismiss(tx, number))))


def _number(call: Call) -> int:
    number = call.number("id")
    if number is None:
        raise NotFound(N_("There is no body {id}.", id=call.params["id"]))
    return number


def _check_addresses(addresses: list[str]) -> None:
    for number, address in enumerate(addresses):
        if (problem := names.network(address)) is not None:
            raise wrong(f"addresses.{number}", problem)


def _audit(one: Token, by: str, kind: str) -> dict[str, str]:
    return {"ACTOR": by, "CONNECTOR": one.connector, "SITE": one.site, "MESSAGE_ID": MESSAGES[kind]}


def _token(one: Token, now: datetime) -> TokenView:
    state = "revoked" if one.revoked_at is not None else "live" if one.is_live(now) else "ended"
    return TokenView(
        id=one.id,
        connector=one.connector,
        site=one.site,
        dealer_number=one.account,
        role=one.role,
        name=one.name,
        state=state,
        addresses=list(one.addresses),
        created_at=one.created_at,
        created_by=one.created_by,
        expires_at=one.expires_at,
        revoked_at=one.revoked_at,
        revoked_by=one.revoked_by,
        last_used_at=one.last_used_at,
        last_address=one.last_address,
    )


def _pushed(one: pushed.Body, language: str) -> dict[str, Any]:
    source = one.source
    reason, _ = unreadable_reason(one)
    if reason is None and one.state == "failed":  # kept: the name and the English words of the exception, as the log
        name = (one.error or "").partition(":")[0]
        reason = N_("wtpd stumbled over an error of its own ({error})", error=name)
    return {
        "id": one.id,
        "at": one.at,
        "connector": source.connector,
        "site": source.site,
        "dealer_number": source.account,
        "token": source.token,
        "address": source.address,
        "path": source.path,
        "content_type": source.headers.get("content-type", ""),
        "content_encoding": source.headers.get("content-encoding", ""),
        "size": one.size,
        "state": one.state,
        "applied": one.applied,
        "accepted": one.accepted,
        "unchanged": one.unchanged,
        "quarantined": one.quarantined,
        "repeats": one.repeats,
        "status": one.status,
        "reason": reason.render(language) if reason is not None else None,
        "done_at": one.done_at,
        "erased": one.erased,
    }
