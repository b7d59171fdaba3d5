"""Holds a partner's long poll open, outside of the channel's lock, and hands over what it brings."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import partial

from wtpd.channel.alarm import LONG, Beat, wait_for
from wtpd.channel.errors import MissingRight, NeedsToken, NotAllowed, PartnerError, RateLimited, Rejected
from wtpd.channel.spec import ChannelSpec
from wtpd.clock import Clock, full_jitter, jittered
from wtpd.sync.feed import REFUSED, Arrived
from wtpd.sync.ports import Incoming, Page, Partner, Session, Transactions
from wtpd.sync.state import SyncState

MOST_BROUGHT = 2000
"""Changes that are remembered, to notice a feed that repeats itself."""


class Listener:
    """`take` is called by a run to get what arrived, `consumed` when it was dealt with. `ring` wakes the channel."""

    def __init__(
        self,
        spec: ChannelSpec,
        partner: Partner,
        transactions: Transactions,
        *,
        state: SyncState,
        ring: Callable[[], None],
        clock: Clock,
        chance: random.Random,
    ) -> None:
        self._spec = spec
        self._partner = partner
        self._transactions = transactions
        self._state = state
        self._ring = ring
        self._clock = clock
        self._chance = chance
        self._arrived: Arrived | None = None
        self._taken = asyncio.Event()
        self._brought: set[tuple[str, int]] = set()
        self._stale = 0
        self.has_doubts = False
        """The long poll failed: a run should see whether the partner answers at all."""

    @property
    def has_news(self) -> bool:
        return self._arrived is not None or self.has_doubts

    def take(self) -> Arrived | None:
        self.has_doubts = False
        arrived, self._arrived = self._arrived, None
        return arrived

    def consumed(self) -> None:
        self._taken.set()

    async def listen(self, beat: Beat) -> None:
        """For ever, while all is well with the partner; not at all if it offers no long poll."""
        if self._spec.long_poll <= 0:
            return
        attempt = 0
        while True:
            beat(LONG)
            if not await wait_for(self._state.is_healthy, LONG, self._clock):
                continue
            beat(LONG + self._spec.long_poll)
            try:
                await self._poll()
                attempt = 0
            except PartnerError as error:
                attempt += 1
                await self._failed(error)
                cap = self._spec.interval
                await self._clock.sleep(full_jitter(attempt, base=1.0, cap=cap, chance=self._chance))

    async def _poll(self) -> None:
        spec = self._spec
        began = self._clock.monotonic()
        start = await self._transactions.read(lambda session: session.links.cursor(spec.id, spec.account))
        try:
            page = await self._partner.changes(spec.account, start, wait=spec.long_poll, limit=spec.page_size)
        except Rejected as error:
            if start is not None and error.status in REFUSED:
                await self._transactions.write(partial(self._forget, start))
            raise
        if page.items:
            self._taken.clear()
            self._arrived = Arrived(start, page)
            self._ring()
            await self._taken.wait()
            self._stale = self._stale + 1 if self._is_known(page) else 0
            if self._stale:  # it answers at once with the same changes again
                pause = full_jitter(self._stale, base=1.0, cap=spec.interval, chance=self._chance)
                await self._clock.sleep(pause)
        elif self._clock.monotonic() - began < min(1.0, spec.long_poll):
            # It doesn't hold the request, so asking again at once would hammer it: poll at the interval.
            await self._clock.sleep(jittered(spec.interval, self._chance))

    def _forget(self, cursor: str, session: Session) -> None:
        """The partner doesn't know the cursor. One that was restored may know it again in a moment, when enough has
        changed there, so the feed is read from its beginning whatever it says then."""
        if session.links.cursor(self._spec.id, self._spec.account) == cursor:
            session.links.rewind(self._spec.id, self._spec.account)

    def _is_known(self, page: Page) -> bool:
        """Whether the page brings nothing that the last ones didn't bring."""
        said = {(item.partner_id, item.version) for item in page.items if isinstance(item, Incoming)}
        is_known = bool(said) and said <= self._brought
        if len(self._brought) > MOST_BROUGHT:
            self._brought.clear()
        self._brought |= said
        return is_known

    async def _failed(self, error: PartnerError) -> None:
        if isinstance(error, NeedsToken | NotAllowed | RateLimited) and not isinstance(error, MissingRight):
            await self._state.failed(error)
        else:
            self.has_doubts = True
        self._ring()
