"""SUPERSERVICE's side as a real HTTP app, as strict as `contract.yaml` (spec: sandbox.md).

Every request is checked against the contract; the handlers below are its operations, by their ids.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from wtpd.clock import from_iso, iso
from wtpd.connectors.kit.asgi import Answer, body_of, problem, until_gone
from wtpd.connectors.kit.contract import Checked, Contract, Refusal
from wtpd.connectors.kit.sandbox_side import FEED_FAULTS, ActRefused, FeedFault, Host, Receive, Scope, Send
from wtpd.connectors.superservice.sandbox_access import Access, Dealer
from wtpd.connectors.superservice.sandbox_book import CANCELLED, Days, Kept, SandboxBook
from wtpd.connectors.superservice.sandbox_feed import Change, Feed
from wtpd.connectors.superservice.sandbox_play import Play
from wtpd.connectors.superservice.sandbox_rules import Rules

CONTRACT_FILE = Path(__file__).with_name("contract.yaml")
_PROBLEMS = "https://superservice.invalid/problems/"
BODY_LIMIT = 5 * 1024 * 1024
_CAUSES = (CANCELLED, "LEFT_DEPARTMENT")
_JSON = (b"content-type", b"application/json")


_RIGHT_FOR: Mapping[str, str] = {
    "findAppointments": "appointments.read",
    "appointment": "appointments.read",
    "changes": "appointments.read",
    "createAppointment": "appointments.write",
    "changeAppointment": "appointments.write",
    "cancelAppointment": "appointments.write",
    "publishAvailability": "availability.write",
}
"""The right that each operation needs."""


class Settled(msgspec.Struct, frozen=True):
    """A write that succeeded, kept under its idempotency key; `digest` is of the request, `at` when it was made."""

    digest: str
    status: int
    body: msgspec.Raw
    etag: str | None = None
    location: str | None = None
    at: str = ""

    def answer(self, *, replayed: bool = False) -> Answer:
        answer = Answer(self.status, [_JSON], bytes(self.body))
        if self.etag is not None:
            answer.header(b"etag", self.etag.encode())
        if self.location is not None:
            answer.header(b"location", self.location.encode())
        if replayed:
            answer.header(b"idempotency-replayed", b"true")
        return answer


@cache
def contract() -> Contract:
    """The contract in its strict form."""
    return Contract.load(CONTRACT_FILE)


class SuperserviceSide:
    """The partner (`wtpd.connectors.kit.sandbox_side.PartnerSide`)."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._contract = contract()
        self._access = Access(host)
        self._rules = Rules(host)
        self._feed = Feed(host, self._rules)
        self._days = Days(host)
        self._book = SandboxBook(host, self._feed, self._days, self._rules)
        self._play = Play(host, self._access, self._book, self._days, self._rules)
        self._settled_journal = host.journal("keys")
        self._settled = {key: msgspec.json.decode(value, type=Settled) for key, value in self._settled_journal.load()}
        self._reads: Mapping[str, Callable[[Dealer, Checked], Answer]] = {
            "dealer": self._dealer,
            "findAppointments": self._find,
            "appointment": self._appointment,
        }
        self._writes: Mapping[str, Callable[[Dealer, Checked], tuple[int, Kept | msgspec.Raw]]] = {
            "createAppointment": self._create,
            "changeAppointment": self._change,
            "cancelAppointment": self._cancel,
            "publishAvailability": self._publish,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            request = self._checked(scope, await body_of(receive))
            if request.operation == "changes":
                answer = await self._changes(request, receive, scope.get(FEED_FAULTS, ()))
            else:
                answer = self._answered(request)
            await self._host.saved()
        except Refusal as refusal:
            answer = _refused(refusal, scope["path"])
        if answer is not None:
            await answer.send(send)

    @property
    def access_journals(self) -> frozenset[str]:
        return frozenset({"dealers", "clients", "tokens", "rules"})

    def state(self) -> Any:
        appointments = [kept.body for kept in self._book.appointments.values()]
        return {
            **self._access.state(),
            "appointments": appointments,
            "availability": self._days.state(),
            "changes": len(self._feed),
            "rules": self._rules.state(),
        }

    async def act(self, name: str, arguments: Mapping[str, Any]) -> Any:
        try:
            result = self._play.act(name, arguments)
        except Refusal as refusal:
            raise ActRefused(refusal.title) from None
        await self._host.saved()
        return result

    def _checked(self, scope: Scope, body: bytes) -> Checked:
        operation, in_path = self._contract.operation(scope["method"], scope["path"])
        if operation.id != "token":
            self._rules.count(int(self._host.clock.now().timestamp()))
        if len(body) > BODY_LIMIT:
            raise Refusal(413, "too-large", "The body is larger than 5 MB")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if operation.id != "token":  # who asks comes first: a stranger learns nothing about the contract
            number = in_path["dealerNumber"]
            self._access.dealer(headers.get("authorization", ""), number, _RIGHT_FOR.get(operation.id))
        return self._contract.checked(operation, in_path, scope["query_string"], headers, body)

    def _answered(self, request: Checked) -> Answer:
        authorization = request.headers.get("authorization", "")
        if request.operation == "token":
            token = msgspec.json.encode(self._access.issue(authorization))
            return Answer(200, [_JSON, (b"cache-control", b"no-store")], token)
        dealer = self._access.dealer(authorization, request.parameters["dealerNumber"])
        if request.operation in self._reads:
            return self._reads[request.operation](dealer, request)
        return self._once(dealer, request)

    def _once(self, dealer: Dealer, request: Checked) -> Answer:
        """Do a write, or give the answer that it got before under this key."""
        key = f"{dealer.number} {request.parameters['Idempotency-Key']}"
        digest = _digest(request)
        before, now = self._settled.get(key), self._host.clock.now()
        if before is not None and (not before.at or now - from_iso(before.at) < timedelta(hours=self._rules.key_hours)):
            if before.digest != digest:
                raise Refusal(422, "idempotency-key-reused", "This idempotency key was used for another request")
            return before.answer(replayed=True)
        status, result = self._writes[request.operation](dealer, request)
        if isinstance(result, Kept):
            location = f"{self._host.address}/v1/dealers/{dealer.number}/appointments/{result.id}"
            settled = Settled(
                digest, status, result.body, _etag(result), location if status == 201 else None, at=iso(now)
            )
        else:
            settled = Settled(digest, status, result, at=iso(now))
        self._settled[key] = settled
        self._settled_journal.put(key, msgspec.json.encode(settled))
        return settled.answer()

    # --- the operations

    def _dealer(self, dealer: Dealer, request: Checked) -> Answer:
        rights = self._access.client(request.headers.get("authorization", "")).rights
        return Answer(200, [_JSON], msgspec.json.encode(dealer.record(rights)))

    def _find(self, dealer: Dealer, request: Checked) -> Answer:
        kept = self._book.live(dealer.number, request.parameters["dmsAppointmentId"])
        return Answer(200, [_JSON], msgspec.json.encode({"items": [kept.body] if kept else []}))

    def _appointment(self, dealer: Dealer, request: Checked) -> Answer:
        kept = self._allowed(dealer, request)
        return Answer(200, [_JSON, (b"etag", _etag(kept).encode())], bytes(kept.body))

    def _create(self, dealer: Dealer, request: Checked) -> tuple[int, Kept]:
        return 201, self._book.create(dealer.number, request.body, by="dms")

    def _change(self, dealer: Dealer, request: Checked) -> tuple[int, Kept]:
        return 200, self._book.change(self._matching(dealer, request), request.body, by="dms")

    def _cancel(self, dealer: Dealer, request: Checked) -> tuple[int, Kept]:
        cause = request.body.get("cause", CANCELLED)
        if cause not in _CAUSES:
            raise Refusal(422, "unknown-code", "cause: there is no such code")
        kept = self._matching(dealer, request)
        return 200, self._book.cancel(kept, request.body.get("reason", ""), by="dms", cause=cause)

    def _publish(self, dealer: Dealer, request: Checked) -> tuple[int, msgspec.Raw]:
        accepted = self._days.publish(dealer.number, request.body["days"])
        return 200, msgspec.Raw(msgspec.json.encode({"accepted": accepted}))

    def _matching(self, dealer: Dealer, request: Checked) -> Kept:
        """The appointment, at the version that the request was made for."""
        kept = self._allowed(dealer, request)
        if request.parameters["If-Match"] not in ("*", _etag(kept)):
            raise Refusal(412, "stale", "There is a newer version", headers={"ETag": _etag(kept)})
        return kept

    def _allowed(self, dealer: Dealer, request: Checked) -> Kept:
        """Raises `Refusal` 404, 403 for an appointment that nobody may touch."""
        kept = self._book.get(dealer.number, request.parameters["appointmentId"])
        if kept.id in self._rules.forbidden:
            raise Refusal(403, "appointment-forbidden", "This appointment can't be touched by this client")
        return kept

    async def _changes(self, request: Checked, receive: Receive, faults: tuple[FeedFault, ...]) -> Answer | None:
        dealer, cursor = request.parameters["dealerNumber"], request.parameters["cursor"]
        limit, wait = request.parameters["limit"] + self._rules.more, request.parameters["wait"]
        with self._feed.waiting(dealer) as changed:
            changes, following, more = self._feed.page(dealer, cursor, limit)
            if not changes and wait:
                if not await _first(changed, wait, receive):
                    return None
                changes, following, more = self._feed.page(dealer, cursor, limit)
        shown = self._disturbed(changes, faults)
        more = more or (len(shown) < len(changes))
        bulk = {"bulk": "x" * (self._rules.bulk * 1024)} if self._rules.bulk else {}
        items = [{"seq": change.seq, "changedBy": change.by, "appointment": change.body, **bulk} for change in shown]
        page = {"items": items, "nextCursor": following, "hasMore": more}
        return Answer(200, [_JSON], msgspec.json.encode(page))

    def _disturbed(self, changes: Any, faults: tuple[FeedFault, ...]) -> list[Change]:
        """The page as the faults want it."""
        shown = list(changes)
        for fault in faults:
            if not shown:
                break
            if fault.kind == "repeat":
                shown = [*self._feed.before(shown[0], 3), *shown, *shown]
            elif fault.kind == "reorder":
                self._host.chance.shuffle(shown)
            elif fault.kind == "delay":
                new = [change for change in shown if change.current]  # nothing is held back twice
                held = [change for change in new if self._host.chance.random() < 0.5] or new[:1]
                self._feed.hold_back(held, fault)
                shown = [change for change in shown if change not in held]
        return shown


async def _first(changed: asyncio.Event, wait: float, receive: Receive) -> bool:
    """Wait for a change or until the time is over; False if the caller went away first."""
    gone = asyncio.create_task(until_gone(receive))
    change = asyncio.create_task(changed.wait())
    try:
        await asyncio.wait((gone, change), timeout=wait, return_when=asyncio.FIRST_COMPLETED)
        return not gone.done()
    finally:
        gone.cancel()
        change.cancel()


def _digest(request: Checked) -> str:
    """What makes two requests the same one."""
    digest = hashlib.sha256(request.raw_body)
    for part in (request.operation, *sorted(f"{name}={value}" for name, value in request.parameters.items())):
        digest.update(b"\n" + part.encode())
    return digest.hexdigest()


def _etag(kept: Kept) -> str:
    return f'"v{kept.version}"'


def _refused(refusal: Refusal, path: str) -> Answer:
    if path == "/oauth/token" and refusal.status in (400, 401, 422):
        error = "invalid_client" if refusal.status == 401 else "invalid_request"
        body = msgspec.json.encode({"error": error, "error_description": refusal.title})
        answer = Answer(401 if refusal.status == 401 else 400, [_JSON], body)
        if refusal.status == 401:
            answer.header(b"www-authenticate", b"Basic")
        return answer
    return problem(refusal.status, refusal.title, refusal.headers, type=_PROBLEMS + refusal.slug, **refusal.more)
