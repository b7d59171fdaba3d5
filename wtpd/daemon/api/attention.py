"""`/v1/attention`: what somebody has to decide: conflicts, quarantine, refused calls, cars left open, and so on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.collection import Page
from wtpd.daemon.api.errors import wrong
from wtpd.daemon.api.routes import Route
from wtpd.daemon.api.shapes import Limit, Sign
from wtpd.daemon.fleet import Fleet
from wtpd.errors import NotFound
from wtpd.store import attention
from wtpd.store.attention import Attention
from wtpd.store.database import Database, Tx
from wtpd.store.session import StoreSession
from wtpd.sync import decide
from wtpd.sync.plan import CANCELLED
from wtpd.texts import N_, Text
from wtpd.words import field_name

PATH = "/v1/attention"

_CHOICES: Mapping[str, list[str]] = {
    "conflict": ["ours", "theirs"],
    "quarantine": ["retry", "discard"],
    "rejected": ["retry", "discard"],
    "mass_cancellation": [],
}
"""What can be done with an entry; all other kinds are just `done`."""


def _conflict(data: Mapping[str, Any]) -> Text:
    if data.get("field") != CANCELLED:
        return N_("Both sides changed {field}; the partner's value stands.", field=field_name(data.get("field", "")))
    if data.get("theirs") is False:
        return N_("It is cancelled here, but the partner has it again. Book it anew, or have it cancelled there.")
    return N_("One side cancelled it, the other one changed it meanwhile; it stays cancelled.")


def _mass_cancellation(data: Mapping[str, Any]) -> Text:
    if not data.get("mapping"):
        return N_("The partner cancels many appointments at once; the channel is stopped.")
    return N_(
        "The department or dealer number was changed: that would cancel {count} appointments at the partner.",
        count=data.get("cancelled", ""),
    )


_OPEN_CARS: Mapping[str, Text] = {
    "taken": N_("The courtesy car that was asked for is lent; none is reserved."),
    "out_of_service": N_("The courtesy car is out of service at that time; another one is needed."),
    "unknown": N_("The courtesy car that was asked for isn't one of this site; none is reserved."),
}


def _choices(entry: Attention) -> list[str]:
    if entry.resolved_at:
        return []
    if entry.kind == "conflict" and entry.data.get("field") == CANCELLED:
        return ["ours", "done"] if entry.data.get("theirs") is False else ["done"]
    return _CHOICES.get(entry.kind, ["done"])


_SENTENCES: Mapping[str, Callable[[Mapping[str, Any]], Text]] = {
    "conflict": _conflict,
    "quarantine": lambda d: N_("A message couldn't be applied: {reason}", reason=d.get("reason", "")),
    "rejected": lambda d: N_("The partner refuses this appointment: {reason}", reason=d.get("reason", "")),
    "unmatched": lambda d: N_("This customer or vehicle may be one that is there already."),
    "car_open": lambda d: _OPEN_CARS.get(str(d.get("reason")), _OPEN_CARS["taken"]),
    "over_limit": lambda d: N_("This booking goes beyond the load limit of its day."),
    "unknown_code": lambda d: N_("The partner sent a code that wtpd doesn't know."),
    "mass_cancellation": _mass_cancellation,
    "locked_customer": lambda d: N_("The partner changed a customer that belongs to the DMS; ours stands."),
}


class AttentionView(Struct, frozen=True, kw_only=True):
    """One entry. `text` says it in a sentence, `data` has the facts, `choices` what can be done. `message`: for one
    entry in quarantine, the partner's message as it came."""

    id: int
    kind: str
    channel: str | None
    appointment_id: str | None
    at: datetime
    text: str
    data: Mapping[str, Any]
    choices: list[str]
    resolved_at: datetime | None
    resolved_by: str | None
    resolution: str | None
    message: Any = None


class Query(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    kind: Sign | None = None
    state: Literal["open", "resolved", "all"] = "all"
    cursor: Annotated[int, Meta(ge=1, le=1 << 60)] | None = None
    limit: Limit = 100


class ResolveInput(Struct, frozen=True, forbid_unknown_fields=True):
    """`ours` puts our value back and sends it (or cancels it there again), `theirs` lets the partner's stand, `done`
    closes the entry."""

    choice: Literal["ours", "theirs", "done"]


class AttentionRoutes:
    def __init__(self, db: Database, fleet: Fleet, session: Callable[[Tx], StoreSession]) -> None:
        self._db = db
        self._fleet = fleet
        self._session = session

    def routes(self) -> list[Route]:
        act = partial(Route, method="POST", role=Role.ADMIN, result=AttentionView)
        return [
            Route(
                method="GET", path=PATH, role=Role.READ, handler=self.list, query=Query, result=Page[AttentionView],
                summary="What has to be decided, newest first",
            ),
            Route(
                method="GET", path=f"{PATH}/{{id}}", role=Role.READ, handler=self.get, result=AttentionView,
                summary="One entry, with the original message",
            ),
            act(path=f"{PATH}/{{id}}/resolve", handler=self.resolve, body=ResolveInput, summary="Decide"),
            act(path=f"{PATH}/{{id}}/retry", handler=self.retry, summary="Apply or send it again"),
            act(path=f"{PATH}/{{id}}/discard", handler=self.discard, summary="Give it up"),
        ]  # fmt: skip

    async def list(self, call: Call) -> Answer:
        query: Query = call.query
        if query.kind is not None and query.kind not in attention.KINDS:
            raise wrong("kind", N_("There is no such kind; there are: {known}.", known=", ".join(attention.KINDS)))
        found = await self._db.read(
            lambda tx: attention.page(tx, kind=query.kind, state=query.state, after=query.cursor, limit=query.limit + 1)
        )
        items = [_view(entry, call.language) for entry in found[: query.limit]]
        return answer(Page(items, str(items[-1].id) if len(found) > query.limit else None))

    async def get(self, call: Call) -> Answer:
        number = _number(call)

        def work(tx: Tx) -> AttentionView:
            entry = attention.get(tx, number)
            message = None
            if entry.kind == "quarantine" and entry.resolved_at is None and "inbox" in entry.data:
                message = self._session(tx).inbox.get(int(entry.data["inbox"])).payload
            return _view(entry, call.language, message)

        return answer(await self._db.read(work))

    async def resolve(self, call: Call) -> Answer:
        return await self._decide(
            call, lambda tx, number: decide.resolve(self._session(tx), number, call.body.choice, by=call.author.actor)
        )

    async def retry(self, call: Call) -> Answer:
        return await self._decide(call, lambda tx, number: self._retry(tx, number, call.author.actor))

    async def discard(self, call: Call) -> Answer:
        return await self._decide(
            call, lambda tx, number: decide.discard(self._session(tx), number, by=call.author.actor)
        )

    def _retry(self, tx: Tx, number: int, by: str) -> None:
        entry = attention.get(tx, number)
        running = self._fleet.channel(entry.channel or "")
        decide.retry(self._session(tx), number, running.channel.spec, running.parse, by=by)

    async def _decide(self, call: Call, work: Callable[[Tx, int], None]) -> Answer:
        number = _number(call)

        def decided(tx: Tx) -> AttentionView:
            work(tx, number)
            return _view(attention.get(tx, number), call.language)

        return answer(await self._db.write(decided))


def _number(call: Call) -> int:
    number = call.number("id")
    if number is None:
        raise NotFound(N_("There is no attention entry {id}.", id=call.params["id"]))
    return number


def _view(entry: Attention, language: str, message: Any = None) -> AttentionView:
    data = {name: _shown(value, language) for name, value in entry.data.items()}
    sentence = _SENTENCES.get(entry.kind)
    return AttentionView(
        id=entry.id,
        kind=entry.kind,
        channel=entry.channel,
        appointment_id=entry.appointment_id,
        at=entry.at,
        text=sentence(data).render(language) if sentence else entry.kind,
        data=data,
        choices=_choices(entry),
        resolved_at=entry.resolved_at,
        resolved_by=entry.resolved_by,
        resolution=entry.resolution,
        message=message,
    )


def _shown(value: Any, language: str) -> Any:
    if isinstance(value, Mapping) and "msgid" in value:
        return attention.text(value).render(language)
    return value
