"""What is kept of a channel: why it waits for a person, and its runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from wtpd.texts import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """Why a channel waits for a person: paused by somebody, or stopped (`needs_token`, `mass_cancellation`). `reason`:
    in words, where it isn't the usual one."""

    paused_by: str | None = None
    stopped: str | None = None
    since: datetime | None = None
    reason: Text | None = None


@dataclass(slots=True, kw_only=True)
class RunRecord:
    """One run of a channel, in numbers. `quiet`: how many runs without a change stand in this record. `planned` says,
    after a dry run, what a run would do."""

    channel: str
    trigger: str
    """start, interval, feed, local or manual"""
    started_at: datetime
    ended_at: datetime
    quiet: int = 0
    fetched: int = 0
    applied: int = 0
    sent: int = 0
    published: int = 0
    conflicts: int = 0
    quarantined: int = 0
    requests: int = 0
    error: Text | str | None = None
    planned: list[PlannedChange] = field(default_factory=list)
    truncated: bool = False
    """There was more to plan than a dry run looks at."""

    @property
    def is_quiet(self) -> bool:
        """Nothing happened."""
        return self.error is None and not (
            self.fetched or self.applied or self.sent or self.published or self.conflicts or self.quarantined
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedChange:
    """What a run would do to one appointment. `side`: `here` or `there`; `action`: create, update, cancel, conflict,
    quarantine or publish; `fields`: old and new value by field."""

    side: str
    action: str
    appointment_id: str | None
    partner_id: str | None
    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    detail: Text | str = ""
