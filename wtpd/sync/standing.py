"""Where a channel stands: its state, why, and its changes, which are told once each and not with every retry."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from datetime import datetime
from functools import partial

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
from wtpd.clock import Clock
from wtpd.sync.mass_change_guard import MassCancellation, MassDeparture, PartnerRestored
from wtpd.sync.ports import Halt, Session, Transactions
from wtpd.sync.spec import ChannelSpec
from wtpd.texts import N_, Text
from wtpd.words import SCREENS

_log = logging.getLogger(__name__)

MAPPING = "mapping"
"""Why a channel stopped whose new mapping would cancel much."""
ACCEPTED = "accepted"
"""Not why it stopped, but what somebody said to it: the next run may do what it had stopped for."""
RESTORED = "partner_restored"
"""Why a channel stopped whose partner has lost many of our appointments."""

_Mass = MassCancellation | PartnerRestored | None


class Standing:
    """`condition`, `last_success` and `last_error` are there to be read; `is_healthy` is set while all is well. What
    waits for a person is kept on disk, so that a restart doesn't forget it."""

    def __init__(self, spec: ChannelSpec, transactions: Transactions, clock: Clock, chance: random.Random) -> None:
        self._spec = spec
        self._transactions = transactions
        self._clock = clock
        self.patience = Patience(spec.interval, clock, chance)
        self.condition = Condition(state=State.STARTING, since=clock.now())
        self.last_success: datetime | None = None
        self.last_error: Text | str | None = None
        self.awaits_key = False
        """It retries because our own key can't be opened; nobody was asked."""
        self.is_trusting = False
        """Somebody has accepted what it had stopped for; until a run is through."""
        self.is_healthy = asyncio.Event()

    @property
    def is_halted(self) -> bool:
        """It waits for a person."""
        return self.condition.state in HALTED

    async def load(self) -> None:
        """Remember what the channel was waiting for before the daemon's restart."""
        halt = await self._transactions.read(lambda session: session.channels.halt(self._spec.id))
        state, reason = _halted(halt, self._spec)
        self.is_trusting = halt.stopped == ACCEPTED
        if state is not None:
            self._enter(state, reason, since=halt.since, step=_step(halt))

    async def succeeded(self, missing: Sequence[MissingRight] = ()) -> None:
        """A run went through, except for what a right is `missing`."""
        self.patience.succeeded()
        self.last_success = self._clock.now()
        self.last_error = None
        self.awaits_key = False
        state = State.LIMITED if missing else State.HEALTHY
        if self.condition.state is not state:
            await self._write(state, self._no_halt)
        self._enter(state, _limits(missing) if missing else None)
        if missing and all(one.ability != "receive" for one in missing):
            self.is_healthy.set()

    async def failed(self, error: PartnerError | MassCancellation | PartnerRestored) -> None:
        """Known trouble: retry with patience, or wait for a person if only one can help."""
        self.last_error = why(error)
        _log.info(
            "%s: %s", self._spec.id, error, extra={"CONNECTOR": self._spec.connector, "SITE": self._spec.site}
        )  # the state's reason is for people; this has the call
        now = self._clock.now()
        self.awaits_key = isinstance(error, KeyUnavailable)
        if isinstance(error, NotAllowed):  # not kept on disk: the start of the daemon tries once whether it is so still
            await self._write(State.NOT_COVERED, self._no_halt)
            self._enter(State.NOT_COVERED, not_covered(error.account or self._spec.account, error.covers))
            return
        if isinstance(error, NeedsToken):
            halt = Halt(stopped=State.NEEDS_TOKEN, since=now, reason=error.reason)
        elif isinstance(error, MassCancellation):
            halt = Halt(stopped=MAPPING if isinstance(error, MassDeparture) else "mass_cancellation", since=now)
        elif isinstance(error, PartnerRestored):
            halt = Halt(stopped=RESTORED, since=now)
        else:
            self.patience.failed(error)
            if self.condition.state is not State.RETRYING:
                await self._write(State.RETRYING, self._no_halt)
            name = self._spec.actor
            trouble = N_("{partner} is in trouble: {error}", partner=name, error=self.last_error)
            self._enter(State.RETRYING, error.reason if isinstance(error, KeyUnavailable) else trouble)
            return
        state, reason = _halted(halt, self._spec)
        await self._write(state or State.STOPPED, halt, error if not isinstance(error, PartnerError) else None)
        self._enter(state or State.STOPPED, reason, step=_step(halt))

    def stumbled(self, error: Exception) -> None:
        """An error of our own, or of the disk: nothing is written, because that may be what fails."""
        self.last_error = stumbled(error)
        self.patience.failed()
        self._enter(State.RETRYING, N_("wtpd stumbled over an error of its own; the journal says more."))

    async def pause(self, by: str) -> None:
        halt = Halt(paused_by=by, since=self._clock.now())
        state, reason = _halted(halt, self._spec)
        await self._write(state or State.PAUSED, halt)
        self._enter(state or State.PAUSED, reason)

    async def resume(self, by: str, *, let_leave: bool = False) -> None:
        """Forget what it waited for. `let_leave`: what another mapping cancels at the partner is meant."""
        self.patience.succeeded()
        self.is_trusting = let_leave
        await self._transactions.write(partial(self._store_resumed, by, let_leave))
        self._enter(State.STARTING, None)

    async def trusted(self) -> None:
        """A run is through."""
        if self.is_trusting:
            self.is_trusting = False
            await self._transactions.write(lambda session: session.channels.set_halt(self._spec.id, Halt()))

    @property
    def _no_halt(self) -> Halt:
        return Halt(stopped=ACCEPTED if self.is_trusting else None)

    async def _write(self, state: State, halt: Halt, mass: _Mass = None) -> None:
        await self._transactions.write(partial(self._store, state, halt, mass))

    def _store(self, state: State, halt: Halt, mass: _Mass, session: Session) -> None:
        session.channels.set_halt(self._spec.id, halt)
        session.channels.tell_state(self._spec.id, state)
        if isinstance(mass, PartnerRestored):
            session.attention.add(
                "partner_restored",
                channel=self._spec.id,
                appointment_id=None,
                data={"missing": mass.missing, "older": mass.older, "stopped": True},
                once=self._spec.id,
            )
        elif mass is not None:
            by_mapping = isinstance(mass, MassDeparture)
            session.attention.add(
                "mass_cancellation",
                channel=self._spec.id,
                appointment_id=None,
                data={"cancelled": mass.cancelled, "linked": mass.linked} | ({"mapping": True} if by_mapping else {}),
                once=f"{self._spec.id}:mapping" if by_mapping else self._spec.id,
            )

    def _store_resumed(self, by: str, let_leave: bool, session: Session) -> None:
        self._store(State.STARTING, self._no_halt, None, session)
        if let_leave:
            session.channels.let_leave(self._spec.id)
        for once in (self._spec.id, f"{self._spec.id}:mapping"):
            session.attention.resolve_once("mass_cancellation", once, by=by, resolution="resumed")
        session.attention.resolve_once("partner_restored", self._spec.id, by=by, resolution="resumed")

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


def _step(halt: Halt) -> Text | None:
    """The next step where asking the partner isn't it: somebody here changed the mapping."""
    if halt.stopped != MAPPING:
        return None
    return N_("Take the change back, or confirm it: wtpd tui → {screen}", screen=SCREENS["overview"])


def _halted(halt: Halt, spec: ChannelSpec) -> tuple[State | None, Text | None]:
    """The state that a halt means, and the sentence for people."""
    if halt.paused_by is not None:
        return State.PAUSED, N_("Paused by {user}.", user=halt.paused_by)
    if halt.stopped == State.NEEDS_TOKEN and halt.reason is not None:
        return State.NEEDS_TOKEN, halt.reason
    if halt.stopped == State.NEEDS_TOKEN:
        return State.NEEDS_TOKEN, N_("{partner} refuses the credentials; new ones are needed.", partner=spec.actor)
    if halt.stopped == MAPPING:
        return State.STOPPED, N_(
            "The department or dealer number was changed, which would cancel many appointments at {partner}. "
            "Take the change back, or confirm it: wtpd resume {connector} --site {site} --accept-cancellations",
            partner=spec.actor,
            connector=spec.connector,
            site=spec.site,
        )
    if halt.stopped == RESTORED:
        return State.STOPPED, N_(
            "{partner} was restored or emptied: many of our appointments are missing there or older than here. "
            "Send ours again: wtpd resume {connector} --site {site} --accept-cancellations",
            partner=spec.actor,
            connector=spec.connector,
            site=spec.site,
        )
    if halt.stopped not in (None, ACCEPTED):
        return State.STOPPED, N_(
            "{partner} cancels implausibly many appointments at once; somebody has to look at it.",
            partner=spec.actor,
        )
    return None, None
