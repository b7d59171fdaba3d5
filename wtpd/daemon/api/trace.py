"""`/v1/trace`, `/v1/messages`: the way of one appointment between the book and its partners, and sending it again; what
partners pushed of it, of a customer, or of a vehicle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from msgspec import Meta, Struct

from wtpd.daemon.api import trace_words as words
from wtpd.daemon.api.appointments import PATH, views
from wtpd.daemon.api.attention_words import sentence
from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.collection import Page
from wtpd.daemon.api.routes import Route
from wtpd.daemon.api.shapes import Input
from wtpd.errors import NotFound, Refused
from wtpd.planner.history import Entry
from wtpd.store import appointments, attention, channels, customers, history, messages, outbox, pushed_trace, vehicles
from wtpd.store.attention import Attention
from wtpd.store.database import Database, Tx
from wtpd.store.messages import Message
from wtpd.store.partner_records import Kind
from wtpd.store.session import StoreSession
from wtpd.sync.resend import State, resend
from wtpd.texts import N_, said

FOUND = 50
"""Appointments that a search gives, at most."""

ChannelId = Annotated[str, Meta(min_length=3, max_length=130, pattern=r"^[^\x00-\x20\x7f/]+/[^\x00-\x20\x7f/]+$(?!\n)")]


class TraceItem(Struct, frozen=True, kw_only=True):
    """One step, said in `title` and `detail`. `kind`: `message` (a call of ours, `out`, or what a partner told, `in`),
    `history`, `attention` (something to decide), `decision`. `outcome`: `ok`, `refused`, `failed`, `quarantined`,
    `ignored`; of a call null if no answer came yet. `message`: its number in `/v1/messages`."""

    id: str
    at: datetime
    kind: str
    direction: str | None
    channel: str | None
    title: str
    detail: str | None
    outcome: str | None
    actor: str | None
    message: int | None


class MessageView(Struct, frozen=True, kw_only=True):
    """One message. `operation`: of ours `create`, `update`, `cancel`, or, if somebody (`actor`) had it sent again, what
    came of that (`look`: nothing yet, `same`, `differs`, `gone`, `anew`); of a partner's what was decided about it
    (also `none`, `echo`, `late`, `quarantine`). `payload`: what was said, as it went or came; of a call without an
    answer the shared fields; null if it isn't kept (any more). `attempts`: how often it was sent or received.
    `confirmed_at`: when the partner's list of changes told of our call."""

    id: int
    at: datetime
    direction: str
    channel: str
    title: str
    operation: str
    outcome: str | None
    status: int | None
    partner_id: str | None
    version: int | None
    key: str | None
    actor: str | None
    attempts: int
    payload: Any
    error: str | None
    appointment_id: str | None
    answered_at: datetime | None
    confirmed_at: datetime | None


class LooseMessage(Struct, frozen=True, kw_only=True):
    """A partner's message that led to no appointment; `message` is its number."""

    message: int
    at: datetime
    channel: str
    partner_id: str | None
    outcome: str | None
    title: str
    detail: str | None


class Query(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`q`: plate, VIN, name, number; a partner's number; an idempotency key; the number of a message; a connector."""

    q: Annotated[str, Meta(min_length=1, max_length=200)]


class SendInput(Input, frozen=True, kw_only=True):
    """`channel`: only this one, e.g. `superservice/rostock`."""

    channel: ChannelId | None = None


class Sent(Struct, frozen=True, kw_only=True):
    """`queued`: the next run fetches what the partner has, merges, and sends what differs; `equal`: neither side has
    it (any more), so there is nothing to send."""

    channel: str
    state: State


@dataclass(frozen=True, slots=True)
class _Step:
    """`rank` orders what happened in one moment: what came, what it changed, what was listed, what went out."""

    rank: int
    item: TraceItem


class TraceRoutes:
    """`title_of` gives the name of a channel's partner."""

    def __init__(self, db: Database, session: Callable[[Tx], StoreSession], title_of: Callable[[str], str]) -> None:
        self._db = db
        self._session = session
        self._title_of = title_of

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET", path=f"{PATH}/{{id}}/trace", role=Role.READ, handler=self.trace, result=Page[TraceItem],
                summary="An appointment's way between the book and its partners, oldest first",
            ),
            Route(
                method="POST", path=f"{PATH}/{{id}}/send", role=Role.ADMIN, handler=self.send, body=SendInput,
                result=Page[Sent], summary="Send an appointment to its partners again",
            ),
            Route(
                method="GET", path="/v1/customers/{id}/trace", role=Role.READ, handler=self.of_customer,
                result=Page[TraceItem], summary="What partners pushed of a customer, oldest first",
            ),
            Route(
                method="GET", path="/v1/vehicles/{id}/trace", role=Role.READ, handler=self.of_vehicle,
                result=Page[TraceItem], summary="What partners pushed of a vehicle, oldest first",
            ),
            Route(
                method="GET", path="/v1/messages/{id}", role=Role.READ, handler=self.message, result=MessageView,
                summary="What was said to a partner or by it",
            ),
            Route(
                method="GET", path="/v1/trace", role=Role.READ, handler=self.find, query=Query, result=Page[Any],
                summary="The appointments, and messages that led to none, that fit what is known of them",
            ),
        ]  # fmt: skip

    async def trace(self, call: Call) -> Answer:
        return answer(Page(await self._db.read(lambda tx: self._way(tx, call.params["id"], call.language))))

    async def of_customer(self, call: Call) -> Answer:
        def work(tx: Tx) -> list[TraceItem]:
            return self._came(tx, [("customer", customers.get(tx, call.params["id"]).id)], call.language)

        return answer(Page(await self._db.read(work)))

    async def of_vehicle(self, call: Call) -> Answer:
        def work(tx: Tx) -> list[TraceItem]:
            return self._came(tx, [("vehicle", vehicles.get(tx, call.params["id"]).id)], call.language)

        return answer(Page(await self._db.read(work)))

    async def message(self, call: Call) -> Answer:
        number = call.number("id")
        if number is None:
            raise NotFound(N_("There is no message {id}.", id=call.params["id"]))

        def work(tx: Tx) -> MessageView:
            message, payload = messages.get(tx, number)
            return self._view(message, payload, call.language)

        return answer(await self._db.read(work))

    async def find(self, call: Call) -> Answer:
        text = call.query.q.strip()

        def work(tx: Tx) -> list[Any]:
            known = messages.appointments_known_by(tx, text)
            found = appointments.many(tx, known)
            found += [one for one in appointments.search(tx, text, FOUND) if one.id not in known]
            loose = messages.unlinked(tx, text)
            if not found and not loose:  # a connector: what was said to it without an appointment
                loose = messages.of_connector(tx, text.lower())
            return [*views(tx, found[:FOUND]), *(self._loose(one, call.language) for one in loose)]

        return answer(Page(await self._db.read(work)))

    async def send(self, call: Call) -> Answer:
        appointment_id, channel = call.params["id"], call.body.channel

        def work(tx: Tx) -> list[Sent]:
            session, by = self._session(tx), call.author.actor
            names = _channels(tx, appointment_id, channel)
            return [Sent(channel=name, state=resend(session, name, appointment_id, by=by)) for name in names]

        return answer(Page(await self._db.write(work)))

    def _way(self, tx: Tx, appointment_id: str, language: str) -> list[TraceItem]:
        one = appointments.get(tx, appointment_id)
        said = messages.of_appointment(tx, appointment_id)
        listed = attention.of_appointment(tx, appointment_id, [one.inbox for one in said if one.inbox is not None])
        steps = [step for one in said for step in self._of_message(one, language)]
        steps += [_of_history(one, language) for one in history.each(tx, appointment_id)]
        exact = [step.item.at for step in steps] + [one.answered_at for one in said if one.answered_at is not None]
        steps += [step for one in listed for step in _of_attention(one, exact, language)]
        parts: list[tuple[Kind, str | None]] = [
            ("order", one.id), ("customer", one.customer_id), ("vehicle", one.vehicle_id),
        ]  # fmt: skip
        steps += [_Step(0, item) for item in self._came(tx, parts, language)]
        return [step.item for step in sorted(steps, key=lambda step: (step.item.at, step.rank, step.item.id))]

    def _came(self, tx: Tx, parts: Iterable[tuple[Kind, str | None]], language: str) -> list[TraceItem]:
        """What partners pushed of these records, oldest first."""
        found = [each for kind, id_ in parts if id_ is not None for each in pushed_trace.of(tx, kind, id_)]
        return [
            _item(
                id=f"p{one.body or 0:09}{one.kind}{one.number}", at=one.at, kind="message", direction="in",
                title=words.of_pushed(one, self._title_of(one.connector)).render(language),
                detail=" · ".join(said(each, language) for each in words.about_pushed(one)) or None,
                channel=f"{one.connector}/{one.site}", outcome=_CAME[one.result],
            )
            for one in sorted(found, key=lambda one: (one.at, one.body or 0))
        ]  # fmt: skip

    def _of_message(self, one: Message, language: str) -> Iterator[_Step]:
        item = _item(
            id=f"m{one.id:09}", at=one.at, kind="message", title=self._title(one, language),
            detail=_detail(one, language), direction=one.direction, channel=one.channel, outcome=one.outcome,
            actor=one.actor, message=one.id,
        )  # fmt: skip
        yield _Step(0 if one.direction == "in" else 4, item)
        if one.echoed_at is not None:
            title = words.of_echo(self._title_of(one.channel)).render(language)
            item = _item(
                id=f"e{one.id:09}", at=one.echoed_at, kind="message", title=title, direction="in", channel=one.channel,
                outcome="ignored", message=one.id,
            )  # fmt: skip
            yield _Step(5, item)

    def _view(self, one: Message, payload: Any, language: str) -> MessageView:
        return MessageView(
            id=one.id,
            at=one.at,
            direction=one.direction,
            channel=one.channel,
            title=self._title(one, language),
            operation=one.operation,
            outcome=one.outcome,
            status=one.status,
            partner_id=one.partner_id,
            version=one.version,
            key=one.key,
            actor=one.actor,
            attempts=one.attempts,
            payload=payload,
            error=None if one.error is None else said(one.error, language),
            appointment_id=one.appointment_id,
            answered_at=one.answered_at,
            confirmed_at=one.echoed_at,
        )

    def _loose(self, one: Message, language: str) -> LooseMessage:
        return LooseMessage(
            message=one.id,
            at=one.at,
            channel=one.channel,
            partner_id=one.partner_id,
            outcome=one.outcome,
            title=self._title(one, language),
            detail=_detail(one, language),
        )

    def _title(self, one: Message, language: str) -> str:
        return words.of_message(one, self._title_of(one.channel)).render(language)


_CAME = {"accepted": "ok", "unchanged": "ignored", "quarantined": "quarantined"}
"""The outcome of a pushed record, by the result of its item."""

_item = partial(TraceItem, detail=None, direction=None, channel=None, outcome=None, actor=None, message=None)


def _detail(one: Message, language: str) -> str | None:
    return " · ".join(words.about_message(one, language)) or None


def _of_history(one: Entry, language: str) -> _Step:
    title = words.of_entry(one, language)
    item = _item(id=f"h{one.version:09}", at=one.at, kind="history", title=title, channel=one.channel, actor=one.actor)
    return _Step(1, item)


def _of_attention(one: Attention, exact: Iterable[datetime], language: str) -> Iterator[_Step]:
    title = sentence(one, language)
    at = _within(one.at, exact)
    yield _Step(2, _item(id=f"a{one.id:09}", at=at, kind="attention", title=title, channel=one.channel))
    if one.resolved_at is not None:
        item = _item(
            id=f"d{one.id:09}", at=_within(one.resolved_at, exact), kind="decision",
            title=words.of_resolution(one, language), detail=title, channel=one.channel, actor=one.resolved_by,
        )  # fmt: skip
        yield _Step(3, item)


def _within(at: datetime, exact: Iterable[datetime]) -> datetime:
    """The attention list keeps whole seconds: the last moment of that second at which something else is known to have
    happened, since it was listed for that."""
    return max((one for one in exact if one.replace(microsecond=0) == at), default=at)


def _channels(tx: Tx, appointment_id: str, wanted: str | None) -> list[str]:
    """The channels that the appointment belongs to. Raises `NotFound`, `Refused`."""
    one = appointments.get(tx, appointment_id)
    known = outbox.hearing(tx, one.id, one.site, one.department)
    if wanted is not None:
        if channels.mapped(tx, wanted) is None:
            raise NotFound(N_("There is no channel {channel}.", channel=wanted))
        if wanted not in known:
            text = N_("This appointment isn't in the department that {channel} serves.", channel=wanted)
            raise Refused(text, kind="no-channel", facts={"channel": wanted})
        return [wanted]
    if not known:
        raise Refused(
            N_(
                "This appointment goes to no partner: {department} at {site} is mapped to none.",
                department=one.department, site=one.site,
            ),
            kind="no-channel",
        )  # fmt: skip
    return known
