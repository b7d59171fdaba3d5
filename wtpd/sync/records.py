"""What the sync engine keeps: links, intents, outbox rows, quarantine, runs. Handed on by `wtpd.sync.ports`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Fields = Mapping[str, Any]
"""Shared fields of one appointment, by canonical name."""

Operation = Literal["create", "update", "cancel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A write to the partner that was decided and stored with its key before the call; repeated as it is until it is
    answered. `fields`: all shared fields for `create`, the changed ones for `update`, none for `cancel`. `full` is
    what both sides hold once it succeeded."""

    channel: str
    account: str
    appointment_id: str
    key: str
    operation: Operation
    fields: Fields
    full: Fields
    partner_id: str | None = None
    expected_version: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The ledger's row: one appointment of ours, one of the partner's, and what both last agreed on.

    `tombstone`: cancelled; the pair never comes back to life."""

    channel: str
    account: str
    partner_id: str
    appointment_id: str
    version: int
    base: Fields
    tombstone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An outbox row, with the stored intent, if a call was begun, and the live link, if there is one."""

    seq: int
    appointment_id: str
    attempts: int
    intent: Intent | None
    link: Link | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    id: int
    channel: str
    account: str
    payload: Any
    """The message as it came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An entry of the attention list, as deciding needs it."""

    id: int
    kind: str
    channel: str | None
    appointment_id: str | None
    data: Mapping[str, Any]
    open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """Why a channel waits for a person: paused by somebody, or stopped (`needs_token`, `mass_cancellation`)."""

    paused_by: str | None = None
    stopped: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellations:
    """What the partner cancelled within the minute `at`, `ahead` of it still to come."""

    at: datetime
    cancelled: int
    ahead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What the partner was told can be booked: a hash for each day (RFC 3339). `key` and `calling` belong to a call
    that wasn't answered yet."""

    days: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    calling: Mapping[str, str] = field(default_factory=dict)


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
    error: str | None = None
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
    detail: str = ""
