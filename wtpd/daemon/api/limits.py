"""Limits per caller of the local API, so that no member of the read group can exhaust memory or keep others out.

A caller is a uid. Privileged callers (root, the daemon's own user, known members of the admin group) have no limit of
their own, and places that nobody else gets (spec: operations.md).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

CONNECTIONS = 512
"""Connections of all callers together."""
KEPT = 64
"""Places of `CONNECTIONS` that only privileged callers get."""
PER_CALLER = 64
"""Connections of one caller."""
OPENED = (50.0, 200.0)
"""New connections of one caller: how many a second, and how many at once after a pause."""
REQUESTS = (50.0, 300.0)
"""Requests of one caller: how many a second, and how many at once after a pause."""
AT_ONCE = 32
"""Requests of one caller that may be under way at the same time."""
STREAMS = 32
"""Event streams of one caller."""
UNSENT = 8 << 20
"""Bytes that wait in the buffers of one caller's connections; a further connection over this is cut off."""
FORGET = 1000
"""Callers that are remembered, at most."""


class Connection(Protocol):
    """A connection, as far as the limits need to know it."""

    @property
    def idle(self) -> bool: ...

    @property
    def unsent(self) -> int: ...

    def drop(self) -> None: ...


@dataclass(slots=True)
class Bucket:
    """A token bucket: `rate` tokens a second, `most` at once."""

    rate: float
    most: float
    tokens: float = -1.0
    at: float = 0.0

    def take(self, now: float, count: float = 1.0) -> float:
        """Take `count` tokens: 0.0, or if there are too few, the seconds until there are enough."""
        lacking = self.lacks(now, count)
        if not lacking:
            self.tokens -= count
        return lacking

    def lacks(self, now: float, count: float = 1.0) -> float:
        """As `take`, without taking any."""
        self.tokens = self.most if self.tokens < 0 else min(self.most, self.tokens + (now - self.at) * self.rate)
        self.at = now
        return max(0.0, (count - self.tokens) / self.rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How many connections there may be: of all callers, kept for privileged ones, of one caller, opened by one."""

    connections: int = CONNECTIONS
    kept: int = KEPT
    per_caller: int = PER_CALLER
    opened: tuple[float, float] = OPENED


K = TypeVar("K", bound=Hashable)


class Places(Generic[K]):
    """The open connections by caller: decides who gets a place, and who loses one for it. A caller is a uid, or on the
    local network an address."""

    def __init__(self, is_privileged: Callable[[K], bool], bounds: Bounds = Bounds()) -> None:
        self._is_privileged = is_privileged
        self._bounds = bounds
        self._of: dict[K, dict[Connection, None]] = {}
        self._opened: dict[K, Bucket] = {}

    def take(self, uid: K, connection: Connection, now: float) -> bool:
        """A place for a new connection; False if it gets none. Drops another connection where that makes room: an idle
        one of the same caller, else one of the caller that holds the most."""
        mine = self._of.get(uid, {})
        if self._is_privileged(uid):
            free = self._count() < self._bounds.connections or self._make_room(0) or _drop_idle(mine)
        elif not self._may_open(uid, now):
            free = False
        elif len(mine) >= self._bounds.per_caller:
            free = _drop_idle(mine)
        else:
            ordinary = self._bounds.connections - self._bounds.kept
            free = self._count_ordinary() < ordinary or self._make_room(len(mine) + 1)
        if free:
            self._of.setdefault(uid, {})[connection] = None
        return free

    def leave(self, uid: K, connection: Connection) -> None:
        """The connection is gone; safe to call twice."""
        mine = self._of.get(uid)
        if mine is None:
            return
        mine.pop(connection, None)
        if not mine:
            del self._of[uid]

    def unsent_by_others(self, uid: K, connection: Connection) -> int:
        """Bytes that wait in the buffers of the caller's other connections; 0 for a privileged caller."""
        if self._is_privileged(uid):
            return 0
        return sum(one.unsent for one in self._of.get(uid, {}) if one is not connection)

    def _may_open(self, uid: K, now: float) -> bool:
        if len(self._opened) > FORGET:
            self._opened.clear()
        return self._opened.setdefault(uid, Bucket(*self._bounds.opened)).take(now) == 0.0

    def _count(self) -> int:
        return sum(map(len, self._of.values()))

    def _count_ordinary(self) -> int:
        return sum(len(held) for uid, held in self._of.items() if not self._is_privileged(uid))

    def _make_room(self, keep: int) -> bool:
        """Take a place from the caller without privileges that holds the most, if those are more than `keep`."""
        held = max((held for uid, held in self._of.items() if not self._is_privileged(uid)), key=len, default={})
        if len(held) <= keep:
            return False
        if not _drop_idle(held):
            _drop(held, next(iter(held)))
        return True


def _drop_idle(held: dict[Connection, None]) -> bool:
    """Drop the oldest connection that does nothing, if there is one."""
    idle = next((one for one in held if one.idle), None)
    if idle is None:
        return False
    _drop(held, idle)
    return True


def _drop(held: dict[Connection, None], connection: Connection) -> None:
    del held[connection]
    connection.drop()


@dataclass(slots=True)
class _Load:
    """What one caller asks for just now."""

    bucket: Bucket = field(default_factory=lambda: Bucket(*REQUESTS))
    under_way: int = 0


class Requests:
    """The requests by uid: how many are under way, and how many come a second."""

    def __init__(self) -> None:
        self._loads: dict[int, _Load] = {}

    def begin(self, uid: int, now: float) -> float:
        """A request begins; `end` must follow. 0.0 if it may be answered, else the seconds after which the caller may
        ask again."""
        load = self._loads.get(uid)
        if load is None:
            load = self._loads[uid] = _Load()
        load.under_way += 1
        return load.bucket.take(now)

    def end(self, uid: int) -> None:
        """The request has ended."""
        self._loads[uid].under_way -= 1
        if len(self._loads) > FORGET:
            self._loads = {one: load for one, load in self._loads.items() if load.under_way}

    def crowded(self, uid: int) -> bool:
        """More of the caller's requests are under way than may be."""
        return self._loads[uid].under_way > AT_ONCE
