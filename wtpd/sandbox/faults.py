"""Faults on demand: which request gets which one (spec: sandbox.md). `fault_effects.py` carries them out.

Faults live in memory: a restarted sandbox behaves.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from itertools import count
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from wtpd.clock import Clock, SystemClock

Kind = Literal[
    "late", "never", "status", "cut", "cut_middle", "garbage", "wrong_types", "huge", "slow_drip", "wrong_encoding",
    "repeat", "reorder", "delay", "clock_skew",
]  # fmt: skip

FEED_KINDS = ("repeat", "reorder", "delay")


class Fault(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One rule. Without `count` it holds until it is taken back.

    - `late`: answers after `seconds`; `never`: holds the request until the caller goes away
    - `status`: answers `status` with `retry_after` (as it stands; `date:30` is the HTTP date in 30 s)
    - `cut`: cuts the connection before the answer; `cut_middle`: in the middle of it
    - `garbage`, `wrong_types` (of `field`, a dotted path, or all), `huge` (11 MB), `slow_drip` (a byte each `seconds`),
      `wrong_encoding` (`encoding`: utf-16, cp1252, gzip)
    - `repeat`, `reorder`, `delay` (by `seconds`): items of a change feed
    - `clock_skew`: the partner's clock is `seconds` ahead: its Date header, its tokens' expiry
    """

    kind: Kind
    method: str | None = None
    route: str = "*"
    """A glob over the path inside the partner, e.g. `/v1/dealers/*/appointments`."""
    count: Annotated[int, Meta(ge=1)] | None = None
    """How many requests get it."""
    skip: Annotated[int, Meta(ge=0)] = 0
    """How many matching requests are spared first."""
    share: Annotated[float, Meta(gt=0, le=1)] = 1.0
    """Of the matching requests, by the seeded chance."""
    work: Literal["none", "first", "last"] | None = None
    """Whether the partner does what was asked: not at all, before the fault shows, or (only `late`) after it.
    If nothing is said: `last` for `late`; `none` for `never` and `status`; `first` for the others."""
    seconds: float = 0.0
    status: Annotated[int, Meta(ge=400, le=599)] = 503
    retry_after: str | None = None
    field: str | None = None
    encoding: Literal["utf-16", "cp1252", "gzip"] = "utf-16"

    def working(self) -> str:
        if self.work is not None:
            return self.work
        if self.kind == "late":
            return "last"
        return "none" if self.kind in ("never", "status") else "first"


class Rule:
    """A fault at one partner, and how often it was met and shown."""

    def __init__(self, number: int, fault: Fault) -> None:
        self.id = number
        self.fault = fault
        self.met = 0
        self.shown = 0

    @property
    def spent(self) -> bool:
        return self.fault.count is not None and self.shown >= self.fault.count

    def wants(self, method: str, path: str, chance: random.Random) -> bool:
        """Whether this request gets it; counts it."""
        fault = self.fault
        if self.spent or fault.kind == "clock_skew":
            return False
        if fault.method is not None and fault.method != method:
            return False
        if not fnmatchcase(path, fault.route):
            return False
        self.met += 1
        if self.met <= fault.skip or (fault.share < 1 and chance.random() >= fault.share):
            return False
        self.shown += 1
        return True

    def told(self) -> dict[str, Any]:
        fields = {name: value for name, value in msgspec.to_builtins(self.fault).items() if value is not None}
        return {"id": self.id, **fields, "met": self.met, "shown": self.shown}


class FaultBoard:
    """The faults of one partner."""

    def __init__(self, seed: str) -> None:
        self._rules: dict[int, Rule] = {}
        self._numbers = count(1)
        self._seed = seed
        self.chance = random.Random(seed)  # noqa: S311 - repeatable on purpose

    def add(self, fault: Fault) -> Rule:
        rule = Rule(next(self._numbers), fault)
        self._rules[rule.id] = rule
        return rule

    def remove(self, number: int) -> bool:
        return self._rules.pop(number, None) is not None

    def clear(self) -> None:
        """Take all faults back, and begin chance anew."""
        self._rules.clear()
        self.chance = random.Random(self._seed)  # noqa: S311 - repeatable on purpose

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._rules.values())

    def pick(self, method: str, path: str) -> tuple[Rule | None, list[Fault]]:
        """The fault of this request, the oldest first, and its feed faults beside it."""
        chosen: Rule | None = None
        feed: list[Fault] = []
        for rule in self._rules.values():
            is_feed = rule.fault.kind in FEED_KINDS
            if (is_feed or chosen is None) and rule.wants(method, path, self.chance):
                if is_feed:
                    feed.append(rule.fault)
                else:
                    chosen = rule
        return chosen, feed

    @property
    def skew(self) -> timedelta:
        return timedelta(seconds=sum(rule.fault.seconds for rule in self if rule.fault.kind == "clock_skew"))


class SkewedClock(SystemClock):
    """The partner's clock, as wrong as its faults make it."""

    def __init__(self, clock: Clock, board: FaultBoard) -> None:
        self._clock = clock
        self._board = board

    def now(self) -> datetime:
        return self._clock.now() + self._board.skew

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
