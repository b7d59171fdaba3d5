"""One pass of a channel: receive, send, publish (sync.md). No loops and no states: those are `channel.py`."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from wtpd.clock import Clock
from wtpd.sync.apply import Applied, apply_page
from wtpd.sync.counted import Counted
from wtpd.sync.errors import NeedsToken, NotAllowed, PartnerBroken, PartnerError, RateLimited
from wtpd.sync.ports import Page, Partner, RunRecord, Session, Transactions
from wtpd.sync.publish import Offers, Publisher
from wtpd.sync.send import Sender
from wtpd.sync.spec import ChannelSpec


@dataclass(frozen=True, slots=True)
class Arrived:
    """A page that a long poll brought, asked for behind the cursor `start`."""

    start: str | None
    page: Page


class Runner:
    """Carries out the parts of a run and counts them in its record."""

    def __init__(
        self,
        spec: ChannelSpec,
        partner: Partner,
        transactions: Transactions,
        *,
        offers: Offers | None,
        clock: Clock,
    ) -> None:
        self._spec = spec
        self._transactions = transactions
        self._clock = clock
        self.partner = Counted(partner)
        self._publisher = Publisher(spec, self.partner, transactions, offers) if offers is not None else None
        self._publish_again = clock.monotonic()
        self._made: dict[str, bool] = {}

    @property
    def requests(self) -> int:
        """Calls made so far, over all runs."""
        return self.partner.requests

    def touch(self, day: str) -> None:
        """What can be booked on that day (`*`: any) may be another now."""
        if self._publisher is not None:
            self._publisher.touch(day)

    async def receive(self, record: RunRecord, *, arrived: Arrived | None, trusting: bool) -> None:
        """Apply the feed page by page until there are no more. `trusting` lets many cancellations through; else
        `MassCancellation` is raised. Raises the partner's errors."""
        if arrived is not None:
            record.requests += 1
            if not await self._apply(record, arrived, trusting) or not arrived.page.more:
                return
        cursor = await self._transactions.read(self._cursor)
        more = True
        while more:
            page = await self.partner.changes(self._spec.account, cursor, wait=0, limit=self._spec.page_size)
            if not page.items:
                if page.more:
                    raise PartnerBroken("an empty page of changes that says there are more")
                return  # nothing new: the cursor stays where it is, and nothing is written
            if not await self._apply(record, Arrived(cursor, page), trusting):
                return
            more = page.more and page.cursor != cursor
            cursor = page.cursor

    async def hurry(self) -> None:
        """What waits to be tried again later is due now."""
        await self._transactions.write(lambda session: session.outbox.hurry(self._spec.id))

    async def send(self, record: RunRecord, chance: random.Random) -> None:
        """Drain the outbox. Raises the partner's errors, after everything that went through was counted."""
        result = await Sender(self._spec, self.partner, self._transactions, chance, self._made).drain()
        record.sent += result.sent
        _count(record, result.merged)
        if result.error is not None:
            raise result.error

    async def publish(self, record: RunRecord) -> PartnerError | None:
        """Tell what can be booked. Trouble with this call alone is given back, and it is left alone for an interval;
        trouble with the partner altogether is raised."""
        now = self._clock.now()
        if self._publisher is None or self._clock.monotonic() < self._publish_again or not self._publisher.is_due(now):
            return None
        try:
            record.published += await self._publisher.publish(now)
        except (NeedsToken, NotAllowed, RateLimited):
            raise
        except PartnerError as error:
            if error.status is None:
                raise
            self._publish_again = self._clock.monotonic() + self._spec.interval
            return error
        return None

    async def outbox(self) -> tuple[bool, datetime | None]:
        """Whether something is due to be sent, and when the next deferred appointment may be tried."""
        return await self._transactions.read(self._outbox)

    async def _apply(self, record: RunRecord, arrived: Arrived, trusting: bool) -> bool:
        """False if the page was dropped, because the feed stands elsewhere by now."""
        work = partial(apply_page, spec=self._spec, start=arrived.start, page=arrived.page, trusting=trusting)
        done = await self._transactions.write(work)
        if done.dropped:
            return False
        record.fetched += len(arrived.page.items)
        _count(record, done)
        return True

    def _cursor(self, session: Session) -> str | None:
        return session.links.cursor(self._spec.id, self._spec.account)

    def _outbox(self, session: Session) -> tuple[bool, datetime | None]:
        due = session.outbox.pending(self._spec.id, after=0, limit=1)
        return bool(due), session.outbox.next_due(self._spec.id)


def _count(record: RunRecord, done: Applied) -> None:
    record.applied += done.applied
    record.conflicts += done.conflicts
    record.quarantined += done.quarantined
