"""Durable calls as values.

waiting ──► begun ──► done | refused
   │          └── no answer: looked up, then accepted or repeated as it is
   └────────────► withdrawn
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Literal, TypeVar

from wtpd.channel.errors import PartnerError
from wtpd.texts import Text

A = TypeVar("A")

Settled = Literal["done", "refused", "withdrawn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call at a partner. `key` names it here and, where it has idempotency keys or references of ours, there.

    `channel`: whose loop makes it; `kind`: what is asked for (`rental.book`), `subject`: about which record of ours.
    `body` is repeated byte for byte; `details` are the values that go beside it, as texts. `saga` is shared by the
    calls that follow each other, `step` counts them. `by`: who asked for it.

    `begun`: the request may have reached the partner, and its answer isn't known. `is_withdrawn`: nobody wants it any
    more, so that it isn't made; what became of it is still looked up."""

    key: str
    channel: str
    kind: str
    subject: str
    site: str
    body: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    saga: str = ""
    step: int = 1
    by: str = ""
    begun: bool = False
    is_withdrawn: bool = False
    attempts: int = 0
    not_before: datetime | None = None
    created_at: datetime | None = None
    error: Text | str | None = None


@dataclass(frozen=True, slots=True)
class Done(Generic[A]):
    """The partner has done it; this is its answer."""

    answer: A


@dataclass(frozen=True, slots=True)
class Refused:
    """The partner won't do it; nothing came of it there."""

    error: PartnerError


@dataclass(frozen=True, slots=True)
class Waiting:
    """What came of it isn't known yet; it goes on by itself. `error`: why, None if somebody else withdrew it."""

    error: PartnerError | None


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """It was taken back before anything came of it."""


Outcome = Done[A] | Refused | Waiting | Withdrawn


def signal(channel: str) -> str:
    """What a commit signals that added a call of the channel."""
    return f"calls:{channel}"
