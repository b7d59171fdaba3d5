"""Who looks at what just now, so that two people who change the same thing see each other (spec: tui.md).

In memory only: an entry lives as long as its client's event stream. When the stream ends the others are told at once;
if it comes back soon, so does the entry.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec import Struct

from wtpd.clock import Clock
from wtpd.errors import Refused
from wtpd.texts import N_

GRACE = 60.0
"""Seconds for which a client without a stream is remembered: it is about to open one, or lost it."""
MOST = 100
"""Clients, at most."""
PER_USER = 32
"""Clients of one user, at most: so that nobody can take all the places."""

Key = tuple[int, str]
"""A client: the uid it runs under, and the name that it gave itself. Nobody speaks for another user's client."""


class Person(Struct, frozen=True):
    """Somebody who is there; `who` is the login with the initials, if any."""

    client: str
    who: str
    editing: bool
    since: datetime


@dataclass(slots=True)
class _Entry:
    who: str
    what: str
    editing: bool
    since: datetime
    is_here: bool = True
    leaving: asyncio.Task[None] | None = None
    """Runs while the client has no stream."""


class Presence:
    """`listeners` hear for each thing at which somebody came, went, or began or ended to edit, who is there now."""

    def __init__(self, clock: Clock) -> None:
        self.listeners: list[Callable[[str, Sequence[Person]], None]] = []
        self._clock = clock
        self._entries: dict[Key, _Entry] = {}
        self._streams: Counter[Key] = Counter()

    def put(self, key: Key, who: str, what: str | None, *, editing: bool) -> list[Person]:
        """`key` is at `what` now (None: nowhere); who else is there. Raises `Refused` if there are too many clients."""
        before = self._entries.pop(key, None)
        if before is not None:
            _stay(before)
        left = before.what if before is not None and before.is_here else None
        if what is None:
            self._tell(left)
            return []
        self._make_room(key[0])
        entry = _Entry(who, what, editing, self._clock.now())
        is_news = before is None or left is None or (before.who, left, before.editing) != (who, what, editing)
        if before is not None and not is_news:
            entry.since = before.since
        self._entries[key] = entry
        if not self._streams[key]:
            self._let_go(key, entry)
        if is_news:
            self._tell(what)
            self._tell(left if left != what else None)
        return [person for other, person in self._at(what) if other != key]

    def came(self, key: Key) -> None:
        """The client opened an event stream."""
        self._streams[key] += 1
        entry = self._entries.get(key)
        if entry is not None:
            _stay(entry)
            if not entry.is_here:
                entry.is_here = True
                self._tell(entry.what)

    def went(self, key: Key) -> None:
        """A stream of the client ended."""
        self._streams[key] -= 1
        if self._streams[key] > 0:
            return
        del self._streams[key]
        entry = self._entries.get(key)
        if entry is not None:
            entry.is_here = False
            self._let_go(key, entry)
            self._tell(entry.what)

    def people(self, what: str) -> list[Person]:
        """Who is there, in the order in which they came."""
        return [person for _, person in self._at(what)]

    def close(self) -> None:
        """Remember nobody any more."""
        for entry in self._entries.values():
            _stay(entry)
        self._entries.clear()

    def _at(self, what: str) -> list[tuple[Key, Person]]:
        return [
            (key, Person(key[1], one.who, one.editing, one.since))
            for key, one in self._entries.items()
            if one.what == what and one.is_here
        ]

    def _tell(self, what: str | None) -> None:
        if what is not None:
            people = self.people(what)
            for listener in self.listeners:
                listener(what, people)

    def _make_room(self, uid: int) -> None:
        mine = [key for key in self._entries if key[0] == uid]
        if len(mine) >= PER_USER:
            gone = next((key for key in mine if not self._streams.get(key)), None)
            if gone is None:
                raise Refused(N_("There are {count} screens open already.", count=PER_USER), kind="too-many")
            entry = self._entries.pop(gone)
            _stay(entry)
            self._tell(entry.what if entry.is_here else None)
        if len(self._entries) < MOST:
            return
        for key, entry in list(self._entries.items()):
            if not entry.is_here:
                _stay(entry)
                del self._entries[key]
        if len(self._entries) >= MOST:
            raise Refused(N_("There are {count} screens open already.", count=MOST), kind="too-many")

    def _let_go(self, key: Key, entry: _Entry) -> None:
        entry.leaving = asyncio.create_task(self._forget(key, entry), name="presence")

    async def _forget(self, key: Key, entry: _Entry) -> None:
        await self._clock.sleep(GRACE)
        if self._entries.get(key) is entry:
            del self._entries[key]
            if entry.is_here:
                self._tell(entry.what)


def _stay(entry: _Entry) -> None:
    if entry.leaving is not None:
        entry.leaving.cancel()
        entry.leaving = None
