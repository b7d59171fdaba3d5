"""SUPERSERVICE's change feed in the sandbox: an append-only journal per dealer, with cursors and waiting."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from operator import attrgetter

import msgspec

from wtpd.connectors.kit.contract import Refusal
from wtpd.connectors.kit.sandbox_side import FeedFault, Host
from wtpd.connectors.superservice.sandbox_rules import Rules

PAGE_BYTES = 4 * 1024 * 1024
"""A page of the feed ends before it is larger than this, whatever its limit."""


class Change(msgspec.Struct, array_like=True):
    """An entry. One that isn't `in_feed` is only for the record; one that isn't `current` shows something else than
    what the appointment is now (a broken item, one that came late)."""

    seq: int
    dealer: str
    id: str
    by: str
    body: msgspec.Raw
    in_feed: bool = True
    current: bool = True


class Feed:
    """`load` first; `append` notes an entry at once, and whoever shows it waits for `host.saved()`."""

    def __init__(self, host: Host, rules: Rules) -> None:
        self._rules = rules
        self._rounds = 0
        self._journal = host.journal("changes")
        self._held = host.journal("held")
        self._entries: dict[str, list[Change]] = {}
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._seq = 0

    def load(self) -> Iterator[Change]:
        """Every entry there ever was, in order. What was being held back at the last end comes into the feed now."""
        for _, value in self._journal.load():
            change = msgspec.json.decode(value, type=Change)
            self._take(change)
            yield change
        for key, value in self._held.load():
            self._release(key, msgspec.json.decode(value, type=Change))

    def append(
        self, dealer: str, partner_id: str, by: str, body: msgspec.Raw, *, in_feed: bool, current: bool
    ) -> Change:
        change = Change(self._seq + 1, dealer, partner_id, by, body, in_feed, current)
        self._put(change)
        self._take(change)
        if in_feed:
            for event in self._waiting.get(dealer, ()):
                event.set()
        return change

    def page(self, dealer: str, cursor: str | None, limit: int) -> tuple[Sequence[Change], str, bool]:
        """The changes behind a cursor, the next cursor, and whether there are more. Raises `Refusal`."""
        after = 0 if cursor is None else self._position(dealer, cursor)
        if self._rules.endless:
            return self._endless(dealer, after, limit)
        entries = self._entries.get(dealer, [])
        start = end = bisect_right(entries, after, key=attrgetter("seq"))
        size = 0
        while end < len(entries) and end - start < limit:
            size += len(memoryview(entries[end].body))
            if size > PAGE_BYTES and end > start:
                break
            end += 1
        last = entries[end - 1].seq if end > start else after
        return entries[start:end], self._cursor(dealer, last), end < len(entries)

    def _endless(self, dealer: str, after: int, limit: int) -> tuple[Sequence[Change], str, bool]:
        """The same items behind an ever new cursor."""
        self._rounds += 1
        return self._entries.get(dealer, [])[-limit:], self._cursor(dealer, after, self._rounds), True

    def before(self, change: Change, number: int) -> Sequence[Change]:
        """Some entries before this one: what a feed repeats that repeats itself."""
        index = self._index(change)
        return self._entries[change.dealer][max(0, index - number) : index]

    def hold_back(self, changes: Sequence[Change], fault: FeedFault) -> None:
        """Take entries out of the feed and put them at its end: after the fault's `seconds`, or at once, which is
        behind the page that is being answered."""
        for change in {change.seq: change for change in changes}.values():  # a repeating page lists one twice
            entries = self._entries[change.dealer]
            index = self._index(change)
            if index < 0 or entries[index] is not change:
                continue
            del entries[index]
            change.in_feed = False
            self._put(change)
            key = str(change.seq)
            self._held.put(key, msgspec.json.encode(change))
            if fault.seconds > 0:
                asyncio.get_running_loop().call_later(fault.seconds, self._release, key, change)
            else:
                self._release(key, change)

    @contextlib.contextmanager
    def waiting(self, dealer: str) -> Iterator[asyncio.Event]:
        """An event that is set at the dealer's next change."""
        event = asyncio.Event()
        waiters = self._waiting.setdefault(dealer, set())
        waiters.add(event)
        try:
            yield event
        finally:
            waiters.discard(event)

    def __len__(self) -> int:
        return sum(len(entries) for entries in self._entries.values())

    def _release(self, key: str, held: Change) -> None:
        self._held.drop(key)
        self.append(held.dealer, held.id, held.by, held.body, in_feed=True, current=False)

    def _put(self, change: Change) -> None:
        self._journal.put(str(change.seq), msgspec.json.encode(change))

    def _take(self, change: Change) -> None:
        self._seq = max(self._seq, change.seq)
        if change.in_feed:
            self._entries.setdefault(change.dealer, []).append(change)

    def _cursor(self, dealer: str, seq: int, round_: int = 0) -> str:
        said = f"{dealer}/{seq}/{self._rules.epoch}/{round_}"
        return base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")

    def _index(self, change: Change) -> int:
        return bisect_right(self._entries[change.dealer], change.seq, key=attrgetter("seq")) - 1

    def _position(self, dealer: str, cursor: str) -> int:
        try:
            said = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
            whose, *numbers = said.split("/")
            position, epoch, _ = map(int, numbers)
        except ValueError:
            raise Refusal(400, "cursor", "This is no cursor of this feed") from None
        if epoch != self._rules.epoch:
            raise Refusal(self._rules.refuse_cursors or 410, "cursor", "This cursor isn't known any more")
        if whose != dealer or not 0 <= position <= self._seq:
            raise Refusal(400, "cursor", "This is no cursor of this feed")
        return position
