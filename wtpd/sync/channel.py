"""A channel: one connector at one site, from its start to its end. It decides when to run.

Two loops belong to it, each supervised by the daemon: `work` makes the runs, `listen` holds the long poll open outside
of the lock and hands over what it brings. `run` can be called by anybody; runs of one channel never overlap.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta

from wtpd.channel.alarm import LONG, Beat, no_beat, wait_for
from wtpd.channel.errors import NeedsToken, NotAllowed, PartnerBroken, PartnerError, RateLimited, Transient, why
from wtpd.channel.health import Condition, State
from wtpd.channel.run_log import RunLog
from wtpd.channel.schedule import Schedule
from wtpd.channel.spec import ChannelSpec
from wtpd.channel.tally import counting
from wtpd.clock import Clock
from wtpd.errors import Unavailable
from wtpd.sync.compare import Comparison, compare
from wtpd.sync.dry_run import dry_run
from wtpd.sync.listen import Listener
from wtpd.sync.mass_change_guard import MassCancellation, PartnerRestored
from wtpd.sync.ports import Partner, RunRecord, Transactions
from wtpd.sync.publish import Offers
from wtpd.sync.rights import Rights
from wtpd.sync.run import Runner
from wtpd.sync.state import SyncState
from wtpd.texts import N_

START, INTERVAL, FEED, LOCAL, MANUAL = "start", "interval", "feed", "local", "manual"
"""What set a run off. A `local` run only sends; the others fetch first."""


class Channel:
    """The daemon calls `notice` after each commit, supervises `work` and `listen`, and calls `close` at the end."""

    def __init__(
        self,
        spec: ChannelSpec,
        partner: Partner,
        transactions: Transactions,
        *,
        clock: Clock,
        chance: random.Random,
        offers: Offers | None = None,
        quiet: Callable[[str], None] = lambda channel: None,
    ) -> None:
        """`quiet` is told this channel's id after each run in which nothing happened."""
        self.spec = spec
        self.state = SyncState(spec, transactions, clock, chance)
        self._partner = partner
        self._transactions = transactions
        self._clock = clock
        self._chance = chance
        self._runner = Runner(spec, partner, transactions, offers=offers, clock=clock)
        self._rights = Rights(spec.interval, clock)
        self._schedule = Schedule(spec, self.state, clock, chance)
        self._log = RunLog(spec, transactions, clock, quiet)
        self._lock = asyncio.Lock()
        self._bell = asyncio.Event()
        self._listener = Listener(
            spec, partner, transactions, state=self.state, ring=self._bell.set, clock=clock, chance=chance
        )
        self._changed_here = False
        self._feed_error: PartnerError | None = None
        self._only_feed = False
        """The feed fails, and the partner takes what is sent."""

    @property
    def condition(self) -> Condition:
        """Its state, since when, and why."""
        return self.state.condition

    @property
    def next_run(self) -> datetime | None:
        """When the next run is due; None while it waits for a person."""
        if self.state.is_halted:
            return None
        return self._clock.now() + timedelta(seconds=self._schedule.remaining())

    def notice(self, signals: Iterable[str]) -> None:
        """Hear what a commit signalled: something to send, or another availability."""
        availability = f"availability:{self.spec.site}:"
        for signal in signals:
            if signal.startswith(availability):
                self._runner.touch(signal.removeprefix(availability))
            elif signal != f"outbox:{self.spec.id}":
                continue
            self._changed_here = True
            self._bell.set()

    async def pause(self, by: str) -> None:
        """Make no runs until `resume`; a run that is under way is finished first. Survives a restart."""
        async with self._lock:
            await self.state.pause(by)

    async def resume(self, *, by: str, accept_cancellations: bool = False) -> None:
        """Go on, whatever it was that stopped it. `accept_cancellations` lets the next run apply however many
        cancellations the partner sends, and cancel there what a new mapping takes away."""
        async with self._lock:
            await self.state.resume(by, let_leave=accept_cancellations)
            self._rights.try_all()
            self._schedule.run_now()
            self._bell.set()

    async def credentials_changed(self) -> None:
        """New credentials were entered, or can be opened again: go on if that is what it waited for, or is about to,
        because a run under way still used the old ones."""
        async with self._lock:
            waits = (
                self.condition.state in (State.NEEDS_TOKEN, State.NOT_COVERED, State.LIMITED) or self.state.awaits_key
            )
        if waits:
            await self.resume(by=self.spec.actor)

    async def run(self, trigger: str = MANUAL, *, dry_run: bool = False) -> RunRecord:
        """One run; known trouble is in the record's `error` and in the state. A dry run writes nothing on either side
        and fills `planned`. Raises `Unavailable` if the channel is paused or stopped."""
        async with self._lock:
            if dry_run:
                return await self._dry_run()
            if self.condition.state in (State.PAUSED, State.STOPPED):
                raise Unavailable(self.condition.reason or N_("The channel is stopped."), kind="channel-stopped")
            record = self._log.begin(trigger)
            try:
                with counting() as tally:
                    await self._pass(trigger, record)
                if self._feed_error is None:
                    await self.state.succeeded(self._rights.missing)
                    if self._rights.missing:
                        record.error = self.condition.reason
            except (PartnerError, MassCancellation, PartnerRestored) as error:
                record.error = why(error)
                self._feed_error = error if error is self._feed_error else None
                self._only_feed = self._only_feed and self._feed_error is not None
                await self.state.failed(error)
            except Exception as error:
                self.state.stumbled(error)
                raise
            finally:
                if trigger != LOCAL:
                    self._schedule.full_run_ended()
                if self._runner.feed.unfinished:
                    self._schedule.run_now()
            record.requests += tally.calls
            await self._log.add(record)
            return record

    async def compare(self) -> Comparison:
        """Hold the book against the partner, field by field; reads only. Raises the partner's errors."""
        return await compare(self.spec, self._partner, self._transactions)

    async def work(self, beat: Beat = no_beat) -> None:
        """Run at the start, when something is to be sent, when something arrived, and every `interval`; for ever."""
        await self.state.load()
        trigger = START
        while True:
            beat(LONG)
            if not self.state.is_halted:
                with suppress(Unavailable):  # another run stopped it while this one waited for its turn
                    await self.run(trigger)
            trigger = await self._next_trigger(beat)

    async def listen(self, beat: Beat = no_beat) -> None:
        """Hold the long poll open while all is well; for ever."""
        await self._listener.listen(beat)

    async def close(self) -> None:
        """Write what is only in memory. Its loops have ended before."""
        await self._log.flush()

    async def _pass(self, trigger: str, record: RunRecord) -> None:
        """Receive, publish, send. A feed that fails alone doesn't hold up sending; it is raised at the end."""
        pending, feed_error, rights = True, None, self._rights
        self._runner.feed.replayed = False  # what an earlier run compared says nothing of what this one comes upon
        if trigger == MANUAL:
            rights.try_all()
        if trigger != LOCAL:
            feed_error = self._feed_error = await self._receive(record)
            pending, due = await self._runner.outbox()
            if due is not None and trigger == MANUAL:  # somebody asked for it now: nothing waits out its backoff
                await self._runner.hurry()
                pending, due = True, None
            self._schedule.expect(due)
        self._changed_here = False
        trouble = await self._publish(record, first=True)
        if (pending or record.published) and rights.may("send"):
            with rights.using("send"):
                await self._runner.send(record, self._chance, trusting=self.state.is_trusting)
            self._schedule.expect((await self._runner.outbox())[1])
        if trigger != LOCAL and feed_error is None:
            await self.state.trusted()
            if await self._runner.is_restored():
                await self._runner.report_restored(record)
        trouble = await self._publish(record) or trouble
        if trouble is not None:
            record.error = N_("what can be booked couldn't be published: {reason}", reason=why(trouble))
        if feed_error is not None:
            is_special = isinstance(feed_error, PartnerBroken) or not isinstance(feed_error, Transient)
            self._only_feed = is_special or record.sent > 0
            raise feed_error

    async def _receive(self, record: RunRecord) -> PartnerError | None:
        """Gives the error of a feed that fails although the partner answers."""
        try:
            arrived = self._listener.take()
            if self._rights.may("receive"):
                with self._rights.using("receive"):
                    await self._runner.receive(record, arrived=arrived, trusting=self.state.is_trusting)
        except PartnerError as error:
            is_answer = error.status is not None or isinstance(error, PartnerBroken)
            if self.state.patience.is_open and not self._only_feed:
                is_answer = False  # the circuit breaker lets one call through
            if (
                isinstance(error, NeedsToken | NotAllowed | RateLimited)
                or not is_answer
                or await self._runner.is_restored()
            ):
                raise
            return error
        finally:
            self._listener.consumed()
        return None

    async def _publish(self, record: RunRecord, *, first: bool = False) -> PartnerError | None:
        trouble = None
        if self._rights.may("publish"):
            with self._rights.using("publish"):
                trouble = await self._runner.publish(record, first=first)
        return trouble

    async def resync(self) -> RunRecord:
        """A run that reads the partner's whole feed. Raises as `run` does."""
        async with self._lock:
            await self._runner.feed.rewind()
        return await self.run()

    async def _dry_run(self) -> RunRecord:
        record = self._log.begin(MANUAL)
        try:
            with counting() as tally:
                await dry_run(self.spec, self._runner.partner, self._transactions, record)
        except PartnerError as error:
            record.error = why(error)
        record.ended_at = self._clock.now()
        record.requests = tally.calls
        return record

    async def _next_trigger(self, beat: Beat) -> str:
        while True:
            remaining = self._schedule.remaining()
            beat(remaining + LONG)
            await wait_for(self._bell, remaining, self._clock)
            self._bell.clear()
            if self.state.is_halted:
                continue
            if self.state.patience.is_waiting:  # a partner in trouble is called when it is time, not earlier
                if self.state.patience.remaining() <= 0:
                    return INTERVAL
                if self._only_feed and self._changed_here:  # only its feed is in trouble: it takes what we send
                    await self._schedule.gather()
                    return LOCAL
            elif self._listener.has_news:
                return FEED
            elif self._changed_here:
                await self._schedule.gather()
                return LOCAL
            elif self._schedule.remaining() <= 0:
                return INTERVAL if self._schedule.is_full_due else LOCAL
