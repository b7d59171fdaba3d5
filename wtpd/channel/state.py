"""The state of a channel: why it is so, since when, and its changes, which are logged once each and not with every
retry."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Generic, TypeVar

from wtpd.channel.errors import (
    KeyUnavailable,
    MissingRight,
    NeedsToken,
    NotAllowed,
    PartnerError,
    missing_right,
    not_covered,
    stumbled,
    why,
)
from wtpd.channel.health import HALTED, Condition, Patience, State
from wtpd.channel.ports import ChannelSession, Transactions
from wtpd.channel.records import Halt
from wtpd.channel.spec import ChannelSpec
from wtpd.clock import Clock
from wtpd.texts import N_, Text

_log = logging.getLogger(__name__)

S = TypeVar("S", bound=ChannelSession)


class ChannelState(Generic[S]):
    """`condition`, `last_success` and `last_error` are there to be read; `is_healthy` is set while all is well. What
    waits for a person is kept on disk, so that a restart doesn't forget it. An engine adds reasons of its own to stop:
    see `meaning_of`."""

    def __init__(self, spec: ChannelSpec, transactions: Transactions[S], clock: Clock, chance: random.Random) -> None:
        self._spec = spec
        self._transactions = transactions
        self._clock = clock
        self.patience = Patience(spec.interval, clock, chance)
        self.condition = Condition(state=State.STARTING, since=clock.now())
        self.last_success: datetime | None = None
        self.last_error: Text | str | None = None
        self.awaits_key = False
        """It retries because our own key can't be opened; nobody was asked."""
        self.is_healthy = asyncio.Event()

    @property
    def is_halted(self) -> bool:
        """It waits for a person."""
        return self.condition.state in HALTED

    def meaning_of(self, halt: Halt) -> tuple[State | None, Text | None, Text | None]:
        """The state that a halt means (None: none), the sentence for people, and the next step where it isn't the
        usual one of the state."""
        if halt.paused_by is not None:
            return State.PAUSED, N_("Paused by {user}.", user=halt.paused_by), None
        if halt.stopped == State.NEEDS_TOKEN and halt.reason is not None:
            return State.NEEDS_TOKEN, halt.reason, None
        if halt.stopped == State.NEEDS_TOKEN:
            text = N_("{partner} refuses the credentials; new ones are needed.", partner=self._spec.actor)
            return State.NEEDS_TOKEN, text, None
        return None, None, None

    async def load(self) -> Halt:
        """Remember what the channel was waiting for before the daemon's restart, and give it."""
        halt = await self._transactions.read(lambda session: session.channels.halt(self._spec.id))
        state, reason, step = self.meaning_of(halt)
        if state is not None:
            self._enter(state, reason, since=halt.since, step=step)
        return halt

    async def succeeded(self, missing: Sequence[MissingRight] = ()) -> None:
        """A run went through, except for what a right is `missing`."""
        self.patience.succeeded()
        self.last_success = self._clock.now()
        self.last_error = None
        self.awaits_key = False
        state = State.LIMITED if missing else State.HEALTHY
        if self.condition.state is not state:
            await self._write(state, self._going_on)
        self._enter(state, _limits(missing) if missing else None)
        if missing and all(one.ability != "receive" for one in missing):
            self.is_healthy.set()

    async def failed(self, error: PartnerError) -> None:
        """Known trouble with the partner: retry with patience, or wait for a person if only one can help."""
        self._note(error, why(error))
        self.awaits_key = isinstance(error, KeyUnavailable)
        if isinstance(error, NotAllowed):  # not kept on disk: the start of the daemon tries once whether it is so still
            await self._write(State.NOT_COVERED, self._going_on)
            self._enter(State.NOT_COVERED, not_covered(error.account or self._spec.account, error.covers))
        elif isinstance(error, NeedsToken):
            await self._stop(Halt(stopped=State.NEEDS_TOKEN, since=self._clock.now(), reason=error.reason))
        else:
            self.patience.failed(error)
            if self.condition.state is not State.RETRYING:
                await self._write(State.RETRYING, self._going_on)
            trouble = N_("{partner} is in trouble: {error}", partner=self._spec.actor, error=self.last_error)
            self._enter(State.RETRYING, error.reason if isinstance(error, KeyUnavailable) else trouble)

    def stumbled(self, error: Exception) -> None:
        """An error of our own, or of the disk: nothing is written, because that may be what fails."""
        self.last_error = stumbled(error)
        self.patience.failed()
        self._enter(State.RETRYING, N_("wtpd stumbled over an error of its own; the journal says more."))

    async def pause(self, by: str) -> None:
        await self._stop(Halt(paused_by=by, since=self._clock.now()))

    async def resume(self, by: str) -> None:
        """Forget what it waited for."""
        self.patience.succeeded()
        await self._transactions.write(lambda session: self._store_resumed(session, by))
        self._enter(State.STARTING, None)

    @property
    def _going_on(self) -> Halt:
        """What is kept while nothing halts it."""
        return Halt()

    def _note(self, error: Exception, reason: Text | str) -> None:
        """The state's reason is for people; the log has the call."""
        self.last_error = reason
        _log.info("%s: %s", self._spec.id, error, extra={"CONNECTOR": self._spec.connector, "SITE": self._spec.site})

    async def _stop(self, halt: Halt, also: Callable[[S], None] | None = None) -> None:
        """Wait for a person; `also` is written in the same transaction."""
        state, reason, step = self.meaning_of(halt)
        await self._write(state or State.STOPPED, halt, also)
        self._enter(state or State.STOPPED, reason, step=step)

    async def _write(self, state: State, halt: Halt, also: Callable[[S], None] | None = None) -> None:
        await self._transactions.write(partial(self._store, state, halt, also))

    def _store(self, state: State, halt: Halt, also: Callable[[S], None] | None, session: S) -> None:
        session.channels.set_halt(self._spec.id, halt)
        session.channels.tell_state(self._spec.id, state)
        if also is not None:
            also(session)

    def _store_resumed(self, session: S, by: str) -> None:
        self._store(State.STARTING, self._going_on, None, session)

    def _enter(
        self, state: State, reason: Text | None, since: datetime | None = None, step: Text | None = None
    ) -> None:
        before = self.condition
        if state is State.HEALTHY:
            self.is_healthy.set()
        else:
            self.is_healthy.clear()
        if before.state is state:
            self.condition = Condition(state=state, since=before.since, reason=reason, step=step)
            return
        self.condition = Condition(state=state, since=since or self._clock.now(), reason=reason, step=step)
        _log.log(
            logging.INFO if state in (State.HEALTHY, State.STARTING, State.PAUSED) else logging.WARNING,
            "%s: %s → %s%s", self._spec.id, before.state, state, f" ({reason})" if reason else "",
            extra={"CONNECTOR": self._spec.connector, "SITE": self._spec.site, "STATE": str(state)},
        )  # fmt: skip


def _limits(missing: Sequence[MissingRight]) -> Text:
    """The rights that are missing, and what pauses for each."""
    first, *others = (missing_right(one.right, one.ability) for one in missing)
    for more in others:
        first = N_("{text} {note}", text=first, note=more)
    return first
