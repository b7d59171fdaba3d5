"""The clock of the tests: it begins at the same moment in every run and goes on at the machine's pace, so that no test
depends on the day on which it runs. Daemon, sandbox and terminal UI in the test's process share it; a program that runs
as a process of its own has the machine's."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from wtpd.clock import SystemClock

START = datetime(2027, 3, 1, 6, 0, tzinfo=UTC)
"""Monday, 07:00 in Rostock."""


class RunningClock(SystemClock):
    """Begins at `start` when it is made."""

    def __init__(self, start: datetime = START) -> None:
        self._start, self._since = start, time.monotonic()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=time.monotonic() - self._since)


CLOCK = RunningClock()
