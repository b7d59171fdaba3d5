"""How a channel is, and when it may call its partner again after a failure (sync.md, 9). No I/O."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from wtpd.channel.errors import PartnerError, RateLimited
from wtpd.clock import Clock, full_jitter, jittered
from wtpd.texts import Text


class State(StrEnum):
    STARTING = "starting"
    """Nothing is known yet: its first run isn't over."""
    HEALTHY = "healthy"
    RETRYING = "retrying"
    NEEDS_TOKEN = "needs_token"  # noqa: S105 - a state, not a password
    NOT_COVERED = "not_covered"
    """The credentials are good, but not for this account (dealer number)."""
    LIMITED = "limited"
    """It works, except for what a right is missing."""
    PAUSED = "paused"
    STOPPED = "stopped"
    NOT_LICENSED = "not_licensed"
    NOT_AVAILABLE = "not_available"
    NOT_MAPPED = "not_mapped"
    CONFIG_ERROR = "config_error"
    DISABLED = "disabled"


HALTED = frozenset({State.NEEDS_TOKEN, State.NOT_COVERED, State.PAUSED, State.STOPPED})
"""States in which a channel waits for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A state, since when, and why. `step`: the next step, where it isn't the usual one of the state."""

    state: State
    since: datetime
    reason: Text | None = None
    step: Text | None = None


BACKOFF = 1.0
"""Seconds before the first repetition; doubled each time, with full jitter, up to the channel's interval."""
OPEN_AFTER = 5
"""Failed runs in a row after which the circuit breaker opens. A run that ended because the partner limits requests
isn't one of them: that partner works, says itself when to go on, and much of such a run was done."""
PROBE = 300.0
"""Seconds between the single calls that an open circuit breaker lets through."""
RETRY_AFTER_CAP = 3600.0


class Patience:
    """Counts failures in a row and says when the next call may be made. A run begins with one call, so while the
    breaker is open each run is the probe that it lets through."""

    def __init__(self, interval: float, clock: Clock, chance: random.Random) -> None:
        self._interval = interval
        self._clock = clock
        self._chance = chance
        self.failures = 0
        self._outages = 0
        self._until = 0.0

    def succeeded(self) -> None:
        self.failures = self._outages = 0
        self._until = 0.0

    def failed(self, error: PartnerError | None = None) -> None:
        self.failures += 1
        if not isinstance(error, RateLimited):
            self._outages += 1
        if self.is_open:
            wait = jittered(max(PROBE, self._interval), self._chance)
        else:
            wait = full_jitter(self.failures, base=BACKOFF, cap=self._interval, chance=self._chance)
        if isinstance(error, RateLimited):
            wait = min(error.retry_after, RETRY_AFTER_CAP) or wait
        self._until = self._clock.monotonic() + wait

    @property
    def is_open(self) -> bool:
        """The circuit breaker is open."""
        return self._outages >= OPEN_AFTER

    @property
    def is_waiting(self) -> bool:
        return self.failures > 0

    def remaining(self) -> float:
        """Seconds until the next call may be made."""
        return max(0.0, self._until - self._clock.monotonic())
