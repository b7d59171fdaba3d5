"""`GET /v1/events`: what happens in the book, as server-sent events (WHATWG HTML, 9.2).

Events are kept in the database, so a reader that comes back with `Last-Event-ID` misses nothing. One who was away
longer than they are kept gets the event `reset`: load anew. A reader that doesn't keep up is dropped and can come back.

Some events pass only and aren't kept: `presence.changed`, and `log.line`, which comes only to whoever names it. They
have no id, so that a reader goes on behind the last one that is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from wtpd.daemon.api.auth import Gate, Peer
from wtpd.daemon.api.call import Answer, Call, Receive, Role, Send, Stream, bad_header
from wtpd.daemon.api.errors import Http
from wtpd.daemon.api.limits import STREAMS
from wtpd.daemon.api.routes import Route
from wtpd.daemon.presence import Key, Presence
from wtpd.store import events as kept
from wtpd.store.database import Database, Event
from wtpd.texts import N_

WAITING = 2000
"""Events that may wait for one reader."""
HEARTBEAT = 240.0
"""Seconds between signs of life on a quiet stream."""
SLOW = 30.0
"""Seconds in which a reader must take what it is sent."""
PAGE = 500
GROUPS_EVERY = 5.0
"""Seconds after which the groups of those who listen are looked up again."""
LOG_LINE = "log.line"
CLIENT = r"[A-Za-z0-9_-]{1,64}"
"""What a client calls itself; a uuid, mostly."""
PASSING = 0
"""The number of events that aren't kept."""

_encode = msgspec.json.Encoder(order="deterministic", enc_hook=str).encode


class EventsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`kinds`: only these, e.g. `appointment.created,attention.opened`; `appointment.*` for a group, `*` for all but
    `log.line`. `client`: who listens, as in `PUT /v1/presence/{client}`."""

    kinds: Annotated[str, Meta(max_length=1000)] = ""
    client: Annotated[str, Meta(pattern=rf"^{CLIENT}$(?!\n)")] | None = None


class Reader:
    """One open stream: the events that wait for it."""

    def __init__(self, wanted: Callable[[str], bool], uid: int = 0) -> None:
        self.wanted = wanted
        self.uid = uid
        self.waiting: deque[Event] = deque()
        self.wake = asyncio.Event()
        self.over = False
        """The stream ends: the reader is gone or too slow, or the daemon stops."""

    def offer(self, events: Iterable[Event]) -> None:
        """What isn't wanted doesn't even wake it."""
        self.waiting.extend(event for event in events if self.wanted(event.kind))
        if len(self.waiting) > WAITING:
            self.end()
        if self.waiting:
            self.wake.set()

    def end(self) -> None:
        self.over = True
        self.wake.set()


class Events:
    """The hub between the database's commits and the open streams. `presence` is told which clients have one. `gate`
    says who may still listen; without it nobody is limited."""

    def __init__(self, db: Database, presence: Presence | None = None, gate: Gate | None = None) -> None:
        self._db = db
        self._gate = gate
        self._watch: asyncio.Task[None] | None = None
        self._readers: set[Reader] = set()
        self._closed = False
        self._presence = presence
        db.listeners.append(self._tell)
        if presence is not None:
            presence.listeners.append(lambda what, people: self.pass_on("presence.changed", what=what, people=people))

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET", path="/v1/events", role=Role.READ, handler=self.stream, query=EventsQuery,
                summary="What happens, as server-sent events", media_types=("text/event-stream",),
            )
        ]  # fmt: skip

    @property
    def readers(self) -> int:
        """Streams that are open."""
        return len(self._readers)

    def pass_on(self, kind: str, /, **data: Any) -> None:
        """Tell whoever listens now; it isn't kept."""
        event = Event(PASSING, kind, data)
        for reader in self._readers:
            reader.offer([event])

    def close(self) -> None:
        """End all streams; new ones end at once."""
        self._closed = True
        if self._watch is not None:
            self._watch.cancel()
        for reader in self._readers:
            reader.end()

    async def stream(self, call: Call) -> Answer | Stream:
        last = call.headers.get("last-event-id", "").strip()
        if last and not (last.isascii() and last.isdigit() and len(last) < 19):
            raise bad_header("Last-Event-ID")
        uid = call.caller.uid
        if self._gate is not None and not self._gate.is_privileged(uid) and self._streams_of(uid) >= STREAMS:
            raise Http(
                429,
                "too-many-streams",
                N_("You have too many event streams open; close some."),
                headers=(("retry-after", "10"),),
            )
        reader = Reader(_chooser(call.query.kinds), uid)
        abort = call.state.get("abort", lambda: None)
        client = (call.caller.uid, call.query.client) if call.query.client else None

        async def run(receive: Receive, send: Send) -> None:
            with self._present(client):
                await self._serve(reader, int(last) if last else None, receive, send, abort)

        return Stream(run)

    @contextlib.contextmanager
    def _present(self, client: Key | None) -> Iterator[None]:
        if client is None or self._presence is None:
            yield
            return
        self._presence.came(client)
        try:
            yield
        finally:
            self._presence.went(client)

    def _streams_of(self, uid: int) -> int:
        return sum(reader.uid == uid for reader in self._readers)

    def _watch_groups(self) -> None:
        """See to it that a stream ends soon after its user left the group. Runs only while there is such a stream."""
        if self._gate is not None and (self._watch is None or self._watch.done()):
            self._watch = asyncio.create_task(self._end_forbidden(self._gate), name="event readers' groups")

    async def _end_forbidden(self, gate: Gate) -> None:
        while uids := {reader.uid for reader in self._readers if not gate.is_trusted(reader.uid)}:
            for uid in uids:
                caller = await gate.caller(Peer(0, uid, 0), afresh=True)
                if caller.role is None:
                    for reader in self._readers:
                        if reader.uid == uid:
                            reader.end()
            await asyncio.sleep(GROUPS_EVERY)

    def _tell(self, events: Sequence[Event], signals: frozenset[str]) -> None:
        for reader in self._readers:
            reader.offer(events)

    async def _serve(
        self, reader: Reader, last: int | None, receive: Receive, send: Send, abort: Callable[[], None]
    ) -> None:
        async def put(text: bytes) -> None:
            async with asyncio.timeout(SLOW):
                await send({"type": "http.response.body", "body": text, "more_body": True})

        self._readers.add(reader)
        self._watch_groups()
        if self._closed:
            reader.end()
        gone = asyncio.create_task(_until_gone(receive, reader), name="event reader")
        try:
            # Where it begins is settled before the greeting: who was greeted misses nothing that happens from then on.
            bounds = await self._db.read(kept.bounds)
            await put(b": wtpd\n\n")
            last = await self._catch_up(reader, last, bounds, put)
            await _live(reader, last, put)
            async with asyncio.timeout(SLOW):
                await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            abort()
        finally:
            self._readers.discard(reader)
            gone.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await gone

    async def _catch_up(
        self, reader: Reader, last: int | None, bounds: tuple[int, int], put: Callable[[bytes], Any]
    ) -> int:
        """Send what was kept since `last`; answers up to which event the reader knows all."""
        oldest, newest = bounds
        if last is None:
            return newest
        if last > newest or last < oldest - 1:
            await put(_format(Event(newest, "reset", {})))
            return newest
        while not reader.over:
            since = last
            page = await self._db.read(lambda tx: kept.since(tx, since, PAGE))  # noqa: B023 - awaited at once
            if not page:
                break
            last = page[-1].seq
            await put(b"".join(_format(event) for event in page if reader.wanted(event.kind)))
        return last


async def _live(reader: Reader, last: int, put: Callable[[bytes], Any]) -> None:
    while not reader.over:
        reader.wake.clear()
        fresh = [event for event in reader.waiting if event.seq > last or event.seq == PASSING]
        reader.waiting.clear()
        if fresh:
            last = max(last, *(event.seq for event in fresh))
            await put(b"".join(map(_format, fresh)))
        if reader.waiting or reader.over:
            continue
        try:
            async with asyncio.timeout(HEARTBEAT):
                await reader.wake.wait()
        except TimeoutError:
            await put(b":\n\n")


async def _until_gone(receive: Receive, reader: Reader) -> None:
    """The stream ends when its reader has gone, or sends content that nobody asked for."""
    while (message := await receive())["type"] != "http.disconnect" and not message.get("body"):
        pass
    reader.end()


def _chooser(kinds: str) -> Callable[[str], bool]:
    names = {kind.strip() for kind in kinds.split(",") if kind.strip()}
    if not names or "*" in names:
        named = LOG_LINE in names or "log.*" in names
        return lambda kind: kind != LOG_LINE or named
    groups = tuple(name.removesuffix("*") for name in names if name.endswith(".*"))
    return lambda kind: kind in names or kind.startswith(groups)


def _format(event: Event) -> bytes:
    if event.seq == PASSING:
        return b"event: %b\ndata: %b\n\n" % (event.kind.encode(), _encode(event.data))
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (event.seq, event.kind.encode(), _encode(event.data))
