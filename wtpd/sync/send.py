"""Drains the outbox: decide and store intents in batches, call the partner several at once, settle the answers.

The three run beside each other, so that neither the partner nor the disk waits for the other: while calls are under way
the next batch is planned, and answers are settled together in as few commits as there is time for. It may be killed at
any point: an intent that was stored is repeated as it is, with the same key, until it is answered (sync.md, 2).
"""

from __future__ import annotations

import asyncio
import logging
import random
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from wtpd.channel.errors import (
    BrokenItem,
    Duplicate,
    NeedsToken,
    NotAllowed,
    PartnerBroken,
    PartnerError,
    Precondition,
    RateLimited,
    Rejected,
    Transient,
    stumbled,
)
from wtpd.channel.spec import ChannelSpec
from wtpd.errors import WtpdError
from wtpd.sync.answers import KEEPS_CHANGING, Answer, Believed, give_up, merge, settle
from wtpd.sync.apply import Applied
from wtpd.sync.fetch import GONE, Fetched, after_refusal, answered, look
from wtpd.sync.intents import Batch, Planned, plan_batch, planned_of
from wtpd.sync.mass_change_guard import MANY, PartnerRestored, check_departure
from wtpd.sync.ports import Intent, Partner, Receipt, Session, Transactions
from wtpd.texts import Text

_log = logging.getLogger(__name__)

BATCH = 64
"""Appointments planned in one transaction."""
MERGES = 3
"""How often in a run an appointment is fetched, merged and sent again before it has to wait."""
GIVE_UP = 3
"""Calls that fail one after another, without one that succeeds between, until the run is given up."""


@dataclass(slots=True)
class Sent:
    """What a drain did: appointments sent, and what was taken over by fetching those that had changed there."""

    sent: int = 0
    merged: Applied = field(default_factory=Applied)
    error: PartnerError | None = None
    """Why it was given up; None if it went through."""
    surprising: bool = False
    """The partner has lost something, or has it in an older version: it may have been put back to an earlier state."""
    restored: PartnerRestored | None = None
    """The partner has lost many appointments, so a person is asked before they are sent again."""


_ODD = (ValueError, sqlite3.IntegrityError, WtpdError)
"""What an answer that contradicts the ledger or the book raises."""


class Sender:
    """Drains the outbox of one channel; made anew for each run."""

    def __init__(
        self,
        spec: ChannelSpec,
        partner: Partner,
        transactions: Transactions,
        chance: random.Random,
        made: dict[str, bool],
        *,
        trusting: bool = False,
        is_compared: bool = False,
    ) -> None:
        """`made` survives the run: idempotency key → whether the request was actually sent. `trusting`: a partner that
        was restored gets our appointments again, however many they are. `is_compared`: the feed was read from its
        beginning just now."""
        self._spec = spec
        self._made = made
        self._partner = partner
        self._transactions = transactions
        self._chance = chance
        self._calls: asyncio.Queue[Planned | None] = asyncio.Queue(maxsize=BATCH)
        self._answers: list[tuple[Planned, Answer]] = []
        self._answered = asyncio.Event()
        self._suspects: list[tuple[Planned, Transient]] = []
        self._in_a_row = 0
        self._all_called = False
        self._result = Sent()
        self._trusting = trusting
        self._believed = Believed(is_compared=is_compared)

    async def drain(self) -> Sent:
        """Send what is due. Errors of the partner are in the result; any other is raised, `MassDeparture` too."""
        first = await self._plan(after=0)
        if not first.planned and not first.more:
            return self._result
        async with asyncio.TaskGroup() as group:
            callers = self._spec.calls_at_once if first.more else min(self._spec.calls_at_once, len(first.planned))
            workers = [group.create_task(self._work(), name=f"send {self._spec.id}") for _ in range(callers)]
            settler = group.create_task(self._settle(), name=f"settle {self._spec.id}")
            await self._plan_ahead(first)
            for _ in workers:
                await self._calls.put(None)
            await asyncio.wait(workers)
            self._judge_suspects()
            self._all_called = True
            self._answered.set()
            await asyncio.wait([settler])
        return self._result

    async def _plan(self, after: int) -> Batch:
        batch = await self._transactions.write(partial(self._plan_batch, after))
        self._made.update((planned.intent.key, False) for planned in batch.planned if planned.intent is not None)
        return batch

    def _plan_batch(self, after: int, session: Session) -> Batch:
        check_departure(session, self._spec)
        return plan_batch(session, self._spec, after, BATCH, self._partner.encode, self._made)

    async def _plan_ahead(self, batch: Batch) -> None:
        while True:
            for planned in batch.planned:
                await self._calls.put(planned)
            if not batch.more or self._result.error is not None:
                return
            batch = await self._plan(after=batch.last)

    async def _work(self) -> None:
        while (planned := await self._calls.get()) is not None:
            if self._result.error is None and self._result.restored is None:
                await self._send(planned)

    async def _send(self, planned: Planned) -> None:
        """One appointment, to its end in this run."""
        for _ in range(MERGES + 1):
            answer = await self._call(planned)
            if not isinstance(answer, Fetched):
                self._note(planned, answer)
                return
            done, intent = await self._merge(planned, answer)
            self._result.merged.add(done)
            self._settled(planned)
            if intent is None:
                return
            planned = planned_of(intent, planned.attempts)
        self._note(planned, KEEPS_CHANGING)

    async def _merge(self, planned: Planned, fetched: Fetched) -> tuple[Applied, Intent | None]:
        before = replace(self._believed)
        work = partial(
            merge, spec=self._spec, planned=planned, fetched=fetched, encode=self._partner.encode,
            believed=self._believed,
        )  # fmt: skip
        done = await self._transactions.write(work)
        self._result.surprising = self._believed.surprises > 0
        if self._believed != before and self._believed.older + self._believed.missing > MANY and not self._trusting:
            self._result.restored = PartnerRestored(self._believed.missing, self._believed.older)
        return done

    async def _call(self, planned: Planned) -> Answer | Fetched:
        """Make the call; `Fetched` is what the partner has if that must be merged first."""
        try:
            if planned.intent is not None:
                return await self._write(planned.intent, begun=planned.begun)
            found = look(self._partner, planned.account, planned.appointment_id, planned.link)
            return await (found if planned.overtaken is None else answered(found))
        except PartnerError as error:
            return error
        except Exception as error:  # our own bug; as far as we know it is about this appointment only
            if not planned.attempts:
                _log.exception("an appointment couldn't be sent", extra={"CHANNEL": self._spec.id})
            return stumbled(error)

    async def _write(self, intent: Intent, *, begun: bool) -> Receipt | Fetched:
        self._made[intent.key] = True
        try:
            return await self._partner.write(intent)
        except (Precondition, Duplicate) as refusal:
            return await after_refusal(self._partner, intent, refusal)
        except Rejected as refusal:
            if not begun and (intent.partner_id is None or refusal.status not in GONE):
                raise
            # An earlier call may have been taken all the same: what is there now tells, before it is forgotten.
            return await after_refusal(self._partner, intent, refusal)

    def _settled(self, planned: Planned, *, will_be_repeated: bool = False) -> None:
        """How the call ended is kept."""
        intent = planned.intent or planned.overtaken
        if intent is None:
            return
        if will_be_repeated:
            self._made[intent.key] = False
        else:
            self._made.pop(intent.key, None)

    def _note(self, planned: Planned, answer: Answer) -> None:
        """Keep the answer for the next commit, and notice whether the partner is in trouble altogether."""
        if isinstance(answer, NeedsToken | NotAllowed | RateLimited):
            self._result.error = answer
        elif isinstance(answer, Transient) and not isinstance(answer, BrokenItem):
            self._suspects.append((planned, answer))
            self._in_a_row += 1
            if self._in_a_row >= GIVE_UP:
                self._result.error = answer
        else:
            self._in_a_row = 0
            self._answers.append((planned, answer))
            self._answered.set()

    def _judge_suspects(self) -> None:
        """Calls that failed while others went through, or with a status of their own, or a single answer that is
        broken, are the trouble of those appointments, which have to wait. Otherwise it is the partner's, and no
        appointment waits longer than it."""
        if not self._suspects or self._result.error is not None:
            return
        errors = [error for _, error in self._suspects]
        lone = self._result.sent > 0 or bool(self._answers) or all(error.status for error in errors)
        lone = lone or (len(errors) == 1 and isinstance(errors[0], PartnerBroken))
        if lone:
            self._answers += self._suspects
        else:
            self._result.error = self._suspects[-1][1]

    async def _settle(self) -> None:
        while not self._all_called or self._answers:
            await self._answered.wait()
            self._answered.clear()
            answers, self._answers = self._answers, []
            if answers:
                await self._transactions.write(partial(self._settle_batch, answers))
                self._result.sent += sum(isinstance(answer, Receipt) for _, answer in answers)
                for planned, answer in answers:
                    self._settled(planned, will_be_repeated=isinstance(answer, Text | Transient))

    def _settle_batch(self, answers: Sequence[tuple[Planned, Answer]], session: Session) -> None:
        """All together, since a savepoint for each costs as much as the rest; one by one if one of them is odd."""
        try:
            with session.savepoint():
                for planned, answer in answers:
                    settle(session, self._spec, planned, answer, self._chance)
        except _ODD:
            for planned, answer in answers:
                try:
                    with session.savepoint():
                        settle(session, self._spec, planned, answer, self._chance)
                except _ODD as error:
                    give_up(session, planned, error)
