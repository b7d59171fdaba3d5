"""The state of a channel that exchanges appointments. Beside what halts any channel, implausible changes stop it until
somebody has looked (sync.md, 6)."""

from __future__ import annotations

import random
from functools import partial

from wtpd.channel.errors import PartnerError
from wtpd.channel.health import State
from wtpd.channel.records import Halt
from wtpd.channel.spec import ChannelSpec
from wtpd.channel.state import ChannelState
from wtpd.clock import Clock
from wtpd.sync.mass_change_guard import MassCancellation, MassDeparture, PartnerRestored
from wtpd.sync.ports import Session, Transactions
from wtpd.texts import N_, Text
from wtpd.words import SCREENS

MAPPING = "mapping"
"""Why a channel stopped whose new mapping would cancel much."""
ACCEPTED = "accepted"
"""Not why it stopped, but what somebody said to it: the next run may do what it had stopped for."""
RESTORED = "partner_restored"
"""Why a channel stopped whose partner has lost many of our appointments."""
MASS = "mass_cancellation"
"""Why a channel stopped whose partner cancels implausibly much; also the kind of the attention entry."""


class SyncState(ChannelState[Session]):
    def __init__(self, spec: ChannelSpec, transactions: Transactions, clock: Clock, chance: random.Random) -> None:
        super().__init__(spec, transactions, clock, chance)
        self.is_trusting = False
        """Somebody has accepted what it had stopped for; until a run is through."""

    async def load(self) -> Halt:
        halt = await super().load()
        self.is_trusting = halt.stopped == ACCEPTED
        return halt

    async def failed(self, error: PartnerError | MassCancellation | PartnerRestored) -> None:
        """As of any channel, or stop because of something implausible."""
        if isinstance(error, PartnerError):
            await super().failed(error)
            return
        self._note(error, error.reason)
        self.awaits_key = False
        sign = {PartnerRestored: RESTORED, MassDeparture: MAPPING}.get(type(error), MASS)
        await self._stop(Halt(stopped=sign, since=self._clock.now()), partial(self._list, error))

    async def resume(self, by: str, *, let_leave: bool = False) -> None:
        """Forget what it waited for. `let_leave`: what another mapping cancels at the partner is meant."""
        self.is_trusting = let_leave
        await super().resume(by)

    async def trusted(self) -> None:
        """A run is through."""
        if self.is_trusting:
            self.is_trusting = False
            await self._transactions.write(lambda session: session.channels.set_halt(self._spec.id, Halt()))

    def meaning_of(self, halt: Halt) -> tuple[State | None, Text | None, Text | None]:
        found = super().meaning_of(halt)
        if found[0] is not None or halt.stopped in (None, ACCEPTED):
            return found
        spec = self._spec
        if halt.stopped == MAPPING:
            text = N_(
                "The department or dealer number was changed, which would cancel many appointments at {partner}. "
                "Take the change back, or confirm it: wtpd resume {connector} --site {site} --accept-cancellations",
                partner=spec.actor, connector=spec.connector, site=spec.site,
            )  # fmt: skip
            step = N_("Take the change back, or confirm it: wtpd tui → {screen}", screen=SCREENS["overview"])
            return State.STOPPED, text, step  # asking the partner isn't it: somebody here changed the mapping
        if halt.stopped == RESTORED:
            text = N_(
                "{partner} was restored or emptied: many of our appointments are missing there or older than here. "
                "Send ours again: wtpd resume {connector} --site {site} --accept-cancellations",
                partner=spec.actor, connector=spec.connector, site=spec.site,
            )  # fmt: skip
            return State.STOPPED, text, None
        text = N_(
            "{partner} cancels implausibly many appointments at once; somebody has to look at it.", partner=spec.actor
        )
        return State.STOPPED, text, None

    @property
    def _going_on(self) -> Halt:
        return Halt(stopped=ACCEPTED if self.is_trusting else None)

    def _list(self, error: MassCancellation | PartnerRestored, session: Session) -> None:
        """Ask somebody."""
        channel = self._spec.id
        if isinstance(error, PartnerRestored):
            facts = {"missing": error.missing, "older": error.older, "stopped": True}
            session.attention.add("partner_restored", channel=channel, appointment_id=None, data=facts, once=channel)
            return
        by_mapping = isinstance(error, MassDeparture)
        session.attention.add(
            MASS,
            channel=channel,
            appointment_id=None,
            data={"cancelled": error.cancelled, "linked": error.linked} | ({"mapping": True} if by_mapping else {}),
            once=f"{channel}:mapping" if by_mapping else channel,
        )

    def _store_resumed(self, session: Session, by: str) -> None:
        super()._store_resumed(session, by)
        channel = self._spec.id
        if self.is_trusting:
            session.channels.let_leave(channel)
        for once in (channel, f"{channel}:mapping"):
            session.attention.resolve_once(MASS, once, by=by, resolution="resumed")
        session.attention.resolve_once("partner_restored", channel, by=by, resolution="resumed")
