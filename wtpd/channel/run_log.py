"""Keeps the records of a channel's runs. Runs in which nothing happened are counted in memory, so that they write
nothing; their count is written with the next record, once an hour, and at the end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from wtpd.channel.ports import ChannelSession, Transactions
from wtpd.channel.records import RunRecord
from wtpd.channel.spec import ChannelSpec
from wtpd.clock import Clock

_log = logging.getLogger(__name__)

QUIET_FOR = timedelta(hours=1)


class RunLog:
    """`quiet` is told the channel's id after each run that leaves no record, so that who looks on sees that it was."""

    def __init__(
        self, spec: ChannelSpec, transactions: Transactions[ChannelSession], clock: Clock, quiet: Callable[[str], None]
    ) -> None:
        self._spec = spec
        self._tell = quiet
        self._transactions = transactions
        self._clock = clock
        self._quiet: RunRecord | None = None

    def begin(self, trigger: str) -> RunRecord:
        now = self._clock.now()
        return RunRecord(channel=self._spec.id, trigger=trigger, started_at=now, ended_at=now)

    async def add(self, record: RunRecord) -> None:
        """The run is over."""
        record.ended_at = self._clock.now()
        if not record.is_quiet and record.error is None:
            _log.info(
                "%s: %d fetched, %d applied, %d sent", self._spec.id, record.fetched, record.applied, record.sent,
                extra={"CONNECTOR": self._spec.connector, "SITE": self._spec.site, "RUN": record.trigger},
            )  # fmt: skip
        if not record.is_quiet:
            await self._write(record)
        elif self._quiet is None:
            self._quiet = record
            record.quiet = 1
        else:
            self._quiet.quiet += 1
            self._quiet.requests += record.requests
            self._quiet.ended_at = record.ended_at
            if self._quiet.ended_at - self._quiet.started_at >= QUIET_FOR:
                await self.flush()
        if record.is_quiet:
            self._tell(self._spec.id)

    async def flush(self) -> None:
        """Write what is only in memory."""
        if self._quiet is not None:
            await self._write()

    async def _write(self, *records: RunRecord) -> None:
        quiet = (self._quiet,) if self._quiet is not None else ()
        await self._transactions.write(partial(_record, (*quiet, *records)))
        self._quiet = None


def _record(records: Sequence[RunRecord], session: ChannelSession) -> None:
    for record in records:
        session.channels.record(record)
