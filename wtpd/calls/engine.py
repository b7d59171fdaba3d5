"""Makes durable calls: once as far as the partner can tell, whatever is lost or killed on the way (DESIGN.md, rooms).

A call is stored by whoever decides it, in the transaction of the decision. Before each request it is noted as begun; a
call that was begun and has no answer is looked up first, and repeated as it is only if the partner knows nothing of it.
The answer and what follows from it are one transaction.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Generic

from wtpd.calls.ports import Kind, S, Transactions
from wtpd.calls.records import Call, Done, Outcome, Refused, Waiting, Withdrawn, signal
from wtpd.channel.alarm import LONG, Beat, wait_for
from wtpd.channel.errors import (
    BrokenItem,
    Duplicate,
    NeedsToken,
    NotAllowed,
    PartnerError,
    Precondition,
    RateLimited,
    Rejected,
    in_its_words,
    stumbled,
    why,
)
from wtpd.channel.health import RETRY_AFTER_CAP, Patience
from wtpd.clock import Clock, full_jitter
from wtpd.texts import Text

_log = logging.getLogger(__name__)

BATCH = 32
"""Calls that are taken up at once."""
BASE, CAP = 2.0, 300.0
"""Seconds before a call is tried again; doubled each time up to the cap, with full jitter."""


class Calls(Generic[S]):
    """The durable calls of one channel. The daemon supervises `work`, calls `notice` after each commit, and `close` at
    the end. `interval`: seconds between two calls to a partner that is in trouble, at most."""

    def __init__(
        self,
        channel: str,
        kinds: Mapping[str, Kind[S]],
        transactions: Transactions[S],
        *,
        clock: Clock,
        chance: random.Random,
        interval: float = CAP,
        calls_at_once: int = 4,
    ) -> None:
        self.channel = channel
        self.trouble: PartnerError | None = None
        """Why the partner can't be asked, until it could be again."""
        self.patience = Patience(interval, clock, chance)
        self._kinds = kinds
        self._transactions = transactions
        self._clock = clock
        self._chance = chance
        self._places = asyncio.Semaphore(calls_at_once)
        self._bell = asyncio.Event()
        self._flights: dict[str, asyncio.Task[Outcome[Any]]] = {}
        self._paused = False

    # --- for people

    async def perform(self, key: str) -> Outcome[Any]:
        """Make the call now, or wait for the one under way; it goes on if the caller is cancelled."""
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = asyncio.create_task(self._once(key), name=f"call {key}")
            flight.add_done_callback(lambda task: self._landed(key, task))
        return await asyncio.shield(flight)

    async def withdraw(self, key: str) -> Outcome[Any]:
        """Take the call back. If it was made already, the outcome says so, and what came of it counts."""
        await self._transactions.write(lambda session: session.calls.withdraw(key))
        return await self.perform(key)

    # --- for the daemon

    async def work(self, beat: Beat) -> None:
        """Make what is due, for ever."""
        while True:
            await self._round()
            wait = await self._remaining()
            beat(wait + LONG)
            await wait_for(self._bell, wait, self._clock)
            self._bell.clear()

    def notice(self, signals: Iterable[str]) -> None:
        """Hear what a commit signalled."""
        if signal(self.channel) in signals:
            self._bell.set()

    def pause(self) -> None:
        """Make no calls by itself; a call under way is finished."""
        self._paused = True

    async def resume(self) -> None:
        """Go on at once, also after other credentials were entered."""
        self._paused = False
        self.trouble = None
        self.patience.succeeded()
        await self._transactions.write(lambda session: session.calls.hurry(self.channel))
        self._bell.set()

    async def close(self) -> None:
        """End what is under way, which is looked up at the next start; safe to call twice."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    # ---

    async def _round(self) -> None:
        while not self._paused and self.patience.remaining() <= 0:
            due = await self._transactions.read(lambda session: session.calls.due(self.channel, limit=BATCH))
            if not due:
                return
            probes = due[:1] if self.patience.is_waiting else due  # a partner in trouble is asked once
            await asyncio.gather(*(self._in_turn(call.key) for call in probes))

    async def _in_turn(self, key: str) -> None:
        async with self._places:
            if not self._paused and self.patience.remaining() <= 0:
                await self.perform(key)

    async def _remaining(self) -> float:
        """Seconds until something is to be done."""
        if self._paused:
            return LONG
        due = await self._transactions.read(lambda session: session.calls.next_due(self.channel))
        if due is None:
            return LONG
        wait = (due - self._clock.now()).total_seconds()
        return min(max(wait, self.patience.remaining(), 0.0), LONG)

    async def _once(self, key: str) -> Outcome[Any]:
        """One attempt, and its outcome on disk."""
        before = await self._transactions.write(partial(_begin, key=key))
        if before is None:
            return Withdrawn()
        outcome = await self._attempt(before)
        await self._transactions.write(partial(self._settle, call=before, outcome=outcome))
        self._judge(outcome)
        return outcome

    async def _attempt(self, call: Call) -> Outcome[Any]:
        kind = self._kinds[call.kind]
        try:
            found = await kind.look(call) if call.begun else None
            if found is not None:
                return Done(found)
            if call.is_withdrawn:
                return Withdrawn()
            try:
                return Done(await kind.make(call))
            except (Rejected, Duplicate, Precondition) as error:
                return Refused(error)
        except PartnerError as error:
            return Waiting(error)
        except Exception as error:  # our own fault; as far as we know it is about this call only
            _log.exception("a call of %s failed", call.kind, extra={"CHANNEL": self.channel})
            return Waiting(BrokenItem(f"{type(error).__name__} in {call.kind}", reason=stumbled(error)))

    def _settle(self, session: S, *, call: Call, outcome: Outcome[Any]) -> None:
        kind = self._kinds[call.kind]
        call = session.calls.get(call.key) or call  # it may have been withdrawn meanwhile
        match outcome:
            case Done(answer):
                session.calls.settle(call.key, "done")
                kind.done(session, call, answer)
            case Refused(error):
                session.calls.settle(call.key, "refused", in_its_words(error))
                kind.refused(session, call, error)
            case Withdrawn():
                session.calls.settle(call.key, "withdrawn")
                kind.withdrawn(session, call)
            case Waiting(error):
                until = session.now + timedelta(seconds=self._delay(call, error))
                session.calls.defer(call.key, until, _reason(error))

    def _delay(self, call: Call, error: PartnerError | None) -> float:
        if isinstance(error, RateLimited):
            return min(error.retry_after, RETRY_AFTER_CAP)
        if isinstance(error, NeedsToken | NotAllowed):
            return CAP
        return full_jitter(call.attempts + 1, base=BASE, cap=CAP, chance=self._chance)

    def _judge(self, outcome: Outcome[Any]) -> None:
        """Whether the partner is in trouble altogether."""
        if isinstance(outcome, Withdrawn):
            return
        error = outcome.error if isinstance(outcome, Waiting) else None
        if isinstance(error, BrokenItem):
            return
        if error is None:
            self.trouble = None
            self.patience.succeeded()
        else:
            self.trouble = error
            self.patience.failed(error)

    def _landed(self, key: str, task: asyncio.Task[Outcome[Any]]) -> None:
        self._flights.pop(key, None)
        if not task.cancelled():
            task.exception()  # raised for whoever waits; perhaps nobody does
        self._bell.set()


def _begin(session: S, *, key: str) -> Call | None:
    """The call as it was before, now noted as begun; None if it is settled."""
    call = session.calls.get(key)
    if call is not None and not call.is_withdrawn:
        session.calls.begin(key)
    return call


def _reason(error: PartnerError | None) -> Text | str:
    return "" if error is None else why(error)
