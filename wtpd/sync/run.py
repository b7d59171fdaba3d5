"""One pass of a channel: receive, send, publish (sync.md). No loops and no states: those are `channel.py`."""

from __future__ import annotations

import random
from datetime import datetime
from functools import partial

from wtpd.channel.errors import NeedsToken, NotAllowed, PartnerError, RateLimited
from wtpd.channel.spec import ChannelSpec
from wtpd.clock import Clock
from wtpd.sync.apply import Applied
from wtpd.sync.feed import Arrived, Feed
from wtpd.sync.ports import Partner, RunRecord, Session, Transactions
from wtpd.sync.publish import Offers, Publisher
from wtpd.sync.send import Sender

RESTORED, COMPARING = 1, 2
"""Our database was restored; the feed is being read from its beginning because of that."""


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
        self.partner = partner
        self.feed = Feed(spec, self.partner, transactions)
        self._publisher = Publisher(spec, self.partner, transactions, offers) if offers is not None else None
        self._publish_again = clock.monotonic()
        self._made: dict[str, bool] = {}

    def touch(self, day: str) -> None:
        """What can be booked on that day (`*`: any) may be another now."""
        if self._publisher is not None:
            self._publisher.touch(day)

    async def receive(self, record: RunRecord, *, arrived: Arrived | None, trusting: bool) -> None:
        """Apply the feed (see `Feed.receive`). After a restore of our database it is read from its beginning."""
        if await self._transactions.read(lambda session: session.channels.restored(self._spec.id)) == RESTORED:
            await self._transactions.write(self._begin_comparing)
            arrived = None
        await self.feed.receive(record, arrived=arrived, trusting=trusting)
        if self.feed.replayed:
            self.touch("*")

    async def is_restored(self) -> bool:
        """The database is an older copy of itself, and no run has been through since."""
        return bool(await self._transactions.read(lambda session: session.channels.restored(self._spec.id)))

    async def report_restored(self, record: RunRecord) -> None:
        """The first run after the restore is through."""
        await self._transactions.write(partial(self._report_restored, record))

    def _begin_comparing(self, session: Session) -> None:
        session.links.rewind(self._spec.id, self._spec.account)
        session.channels.set_restored(self._spec.id, COMPARING)

    def _report_restored(self, record: RunRecord, session: Session) -> None:
        session.channels.set_restored(self._spec.id, 0)
        session.attention.add(
            "database_restored",
            channel=self._spec.id,
            appointment_id=None,
            data={"applied": record.applied, "sent": record.sent, "conflicts": record.conflicts},
            once=self._spec.id,
        )

    async def hurry(self) -> None:
        """What waits to be tried again later is due now."""
        await self._transactions.write(lambda session: session.outbox.hurry(self._spec.id))

    async def send(self, record: RunRecord, chance: random.Random, *, trusting: bool = False) -> None:
        """Drain the outbox. Raises the partner's errors and `PartnerRestored`, after everything that went through was
        counted."""
        sender = Sender(
            self._spec, self.partner, self._transactions, chance, self._made,
            trusting=trusting, is_compared=self.feed.replayed,
        )  # fmt: skip
        result = await sender.drain()
        if result.surprising and not self.feed.replayed:  # our cursor may be one of another past, which it still takes
            await self.feed.rewind()
            self.feed.unfinished = True
        self.feed.replayed = False
        record.sent += result.sent
        _count(record, result.merged)
        if result.restored is not None:
            raise result.restored
        if result.error is not None:
            raise result.error

    async def publish(self, record: RunRecord, *, first: bool = False) -> PartnerError | None:
        """Tell what can be booked. Trouble with this call alone is given back, and it is left alone for an interval;
        trouble with the partner altogether is raised. `first`: before anything is sent, and only if the whole horizon
        is due, so that no appointment names an advisor or car that the partner doesn't know."""
        now = self._clock.now()
        if self._publisher is None or self._clock.monotonic() < self._publish_again or not self._publisher.is_due(now):
            return None
        if first and not self._publisher.is_all_due(now):
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

    def _outbox(self, session: Session) -> tuple[bool, datetime | None]:
        due = session.outbox.pending(self._spec.id, after=0, limit=1)
        return bool(due), session.outbox.next_due(self._spec.id)


def _count(record: RunRecord, done: Applied) -> None:
    record.applied += done.applied
    record.conflicts += done.conflicts
    record.quarantined += done.quarantined
