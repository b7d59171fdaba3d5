"""Asks vehicle data sources, so that nothing is asked or paid for twice (spec: credentials.md, "DAT, for real").

Answers are kept, equal questions at the same time are asked once, and a subject is never asked for more often on a day
than its source allows. A query is counted, on disk, before it is sent: a crash may cost a count, never a lock.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from wtpd.channel.errors import NeedsToken, NotAllowed, PartnerError, Rejected, why
from wtpd.clock import Clock
from wtpd.errors import Refused
from wtpd.texts import N_, Text
from wtpd.vehicle_data.ports import Answers, Asked, Outcome, UnreadAnswer, VehicleDataSource
from wtpd.vehicle_data.records import Evaluation, Found, Login, Place, Query, Question, Reply, Valuation

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """A source that can be asked now: its connector's `name` and `title`, and the connector."""

    name: str
    title: str
    connector: VehicleDataSource


@dataclass(frozen=True, slots=True)
class _Asking:
    source: Source
    question: Question
    query: Query
    login: Login
    place: Place


class Engine:
    def __init__(self, answers: Answers, clock: Clock) -> None:
        self._answers = answers
        self._clock = clock
        self._flights: dict[Question, asyncio.Task[Found]] = {}

    async def identify(
        self, source: Source, query: Query, login: Login, place: Place, *, refresh: bool = False
    ) -> Found:
        """What a VIN or a plate stands for. `refresh`: ask although an answer is kept.

        Raises `Refused` of kind `vin-limit` or `unread-answer`, and the partner's errors."""
        question = Question(source.name, query.subject, query.restriction, source.connector.locale(place))
        if not refresh and (found := await self._kept(source, question)) is not None:
            return found
        flight = self._flights.get(question)
        if flight is None:
            asking = self._ask(_Asking(source, question, query, login, place), refresh=refresh)
            flight = self._flights[question] = asyncio.create_task(asking, name=f"{source.title} {query.subject}")
            flight.add_done_callback(lambda task: self._landed(question))
        return await asyncio.shield(flight)

    async def evaluate(self, source: Source, vehicle: Valuation, login: Login, place: Place) -> Evaluation:
        """What an identified vehicle is worth. Raises `Refused` of kind `not-identified`, and the partner's errors."""
        try:
            async with self._traced(source, "value", vehicle.vin):
                found = await source.connector.evaluate(login.fields, vehicle, place)
        except NeedsToken as error:
            error.entry = source.name, login.scope
            if await source.connector.is_refused(login.fields, place, at="valuation"):
                await login.note("refused")
            raise
        await login.note("ok")
        return found

    async def close(self) -> None:
        """End what is under way; safe to call twice."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    async def _ask(self, asking: _Asking, *, refresh: bool) -> Found:
        """Ask the source. Another flight may just have landed: so the kept answers are looked at again."""
        source, question, connector = asking.source, asking.question, asking.source.connector
        if not refresh and (found := await self._kept(source, question)) is not None:
            return found
        asked = 0

        async def count() -> None:
            nonlocal asked
            asked = await self._count(source, question.subject)

        try:
            async with self._traced(source, "identify", question.subject):
                reply = await connector.identify(asking.login.fields, asking.query, asking.place, before=count)
        except NeedsToken as error:
            error.entry = source.name, asking.login.scope
            if await connector.is_refused(asking.login.fields, asking.place, at="identification"):
                await asking.login.note("refused")
            raise
        except UnreadAnswer as error:
            raise await self._keep_unread(source, question, error) from None
        at = self._clock.now()
        if reply.identity.candidates or connector.traits.keeps_unknown:
            await self._keep(question, reply)
        await asking.login.note("ok")
        return _found(source, question, reply, at, asked)

    @asynccontextmanager
    async def _traced(self, source: Source, asked: Asked, subject: str) -> AsyncIterator[None]:
        """Keep how a question ended. One that wasn't put, since that isn't allowed today, isn't kept."""
        try:
            yield
        except PartnerError as error:
            outcome: Outcome = "refused" if isinstance(error, NeedsToken | NotAllowed | Rejected) else "failed"
            await self._trace(source, asked, subject, outcome, why(error))
            raise
        await self._trace(source, asked, subject, "ok")

    async def _trace(
        self, source: Source, asked: Asked, subject: str, outcome: Outcome, reason: Text | str = ""
    ) -> None:
        """If that can't be kept, the answer counts all the same."""
        try:
            await self._answers.told(source.name, asked, subject, outcome, reason)
        except Exception:
            log.exception("A question to %s couldn't be kept for the trace", source.title)

    async def _kept(self, source: Source, question: Question) -> Found | None:
        since = self._clock.now() - source.connector.traits.kept
        kept = await self._answers.kept(question, since)
        if kept is None:
            return await self._kept_unread(source, question, since)
        identity = await asyncio.to_thread(source.connector.read, kept.text)
        asked = await self._asked_today(source, question.subject)
        return _found(source, question, Reply(identity, kept.text), kept.at, asked, is_kept=True)

    async def _kept_unread(self, source: Source, question: Question, since: datetime) -> Found | None:
        """An answer that couldn't be read is read once more, since a later version may be able to. Raises `Refused`
        if it still can't be: asking again would be paid for again."""
        unread = await self._answers.unread(question, since)
        if unread is None:
            return None
        reply = await asyncio.to_thread(source.connector.read_raw, unread.content, unread.charset)
        if reply is None:
            raise _unread(source, question, unread.at)
        await self._keep(question, reply)
        asked = await self._asked_today(source, question.subject)
        return _found(source, question, reply, unread.at, asked, is_kept=True)

    async def _keep_unread(self, source: Source, question: Question, error: UnreadAnswer) -> Exception:
        """Keep the answer as it came, and give the error to raise."""
        reason, at = str(error)[:300], self._clock.now()
        log.warning("An answer of %s can't be read: %s", source.title, reason)
        try:
            await self._answers.keep_unread(question, reason, error.charset, error.content)
        except Exception:
            log.exception("An answer of %s couldn't be kept; the next question costs again", source.title)
            return error
        return _unread(source, question, at)

    async def _keep(self, question: Question, reply: Reply) -> None:
        """An answer that can't be kept is still an answer, and paid for."""
        try:
            await self._answers.keep(question, reply.text)
        except Exception:
            log.exception("An answer of %s couldn't be kept; the next question costs again", question.source)

    async def _count(self, source: Source, subject: str) -> int:
        limit = source.connector.traits.limit_per_day
        if limit is None:
            return 0
        day = self._today(source)
        asked = await self._answers.count(source.name, subject, day, limit)
        if asked is None:
            raise Refused(
                N_(
                    "{vin} was asked for {limit} times today. One more query would lock it at {partner}; ask again "
                    "tomorrow.",
                    vin=subject, limit=limit, partner=source.title,
                ),
                kind="vin-limit",
                facts={"limit": limit, "day": day.isoformat()},
            )  # fmt: skip
        return asked

    async def _asked_today(self, source: Source, subject: str) -> int:
        if source.connector.traits.limit_per_day is None:
            return 0
        return await self._answers.counted(source.name, subject, self._today(source))

    def _today(self, source: Source) -> date:
        return self._clock.now().astimezone(ZoneInfo(source.connector.traits.zone)).date()

    def _landed(self, question: Question) -> None:
        flight = self._flights.pop(question)
        if not flight.cancelled():
            flight.exception()  # raised for whoever still waits; perhaps nobody does


def _found(
    source: Source, question: Question, reply: Reply, at: datetime, asked: int, *, is_kept: bool = False
) -> Found:
    limit = source.connector.traits.limit_per_day
    return Found(source.name, source.title, question.subject, reply.identity, at, is_kept, asked, limit)


def _unread(source: Source, question: Question, at: datetime) -> Refused:
    return Refused(
        N_(
            "{partner} answered about {vin}, which is paid for, but the answer can't be read. It is kept; the log says "
            "why. Asking again with refresh would cost again.",
            partner=source.title, vin=question.subject,
        ),
        kind="unread-answer",
        facts={"at": at.isoformat()},
    )  # fmt: skip
