"""Applies stored bodies, one after the other, in pieces between which everybody else can write (spec: api.md).

A body is read twice: first to know that all of it can be read, so that nothing of a broken one is applied; then item
by item. How far it came is written with the items, so a killed daemon goes on behind them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Protocol

from wtpd.clock import Clock
from wtpd.connectors.receiver import Head, Item, ItemResult, PushBook, Receiver, Summary, Unreadable
from wtpd.daemon.failures import Failures
from wtpd.daemon.logs import MESSAGES
from wtpd.errors import Invalid, Unavailable, WtpdError
from wtpd.store import attention, pushed
from wtpd.store.database import Database, Tx, from_json, to_json
from wtpd.store.pushed import Body, Noted
from wtpd.texts import N_, Text

log = logging.getLogger(__name__)

READ = 100
"""Items that are read at once, on a thread."""
HOLD = 0.05
"""Seconds after which the writer is given to others; one item takes a few milliseconds."""
AGAIN = 30.0
"""Seconds until it is tried again after the database failed."""
LONGEST = 200
"""Characters of an item's key, reason and field that are kept."""
ERROR = 2000
"""Characters of an error that are kept."""

MakeBook = Callable[[Tx, str, str], PushBook]
"""The book for one transaction, a connector and a site."""


class _NotRead(Exception):
    """The body is gone: a person in it was erased."""


class Wake(Protocol):
    """Whoever waits for a body that ends."""

    def __call__(self, body: int) -> None: ...


class Applier:
    """`run` is a core service. `receivers` by connector, as they are installed."""

    def __init__(
        self,
        db: Database,
        receivers: Mapping[str, Receiver],
        book: MakeBook,
        folder: Path,
        clock: Clock,
        *,
        failures: Failures,
        ended: Wake,
    ) -> None:
        self._db = db
        self._receivers = receivers
        self._book = book
        self._folder = folder
        self._clock = clock
        self._failures = failures
        self._ended = ended
        self._due = asyncio.Event()
        self._due.set()
        db.listeners.append(lambda _, signals: self._due.set() if "pushed" in signals else None)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                while (body := await self._db.read(pushed.next_stored)) is not None:
                    await self._apply(body)
                self._failures.succeeded("listener: apply")
            except Exception as error:  # mostly of the database: full, damaged
                self._failures.failed("listener: apply", N_("Applying what partners sent"), error)
                await self._clock.sleep(AGAIN)
                self._due.set()

    async def _apply(self, body: Body) -> None:
        receiver = self._receivers.get(body.source.connector)
        began = time.monotonic()
        try:
            if receiver is None:
                raise LookupError(f"no connector {body.source.connector} is installed")
            await self._bring_in(receiver, body)
            took = (time.monotonic() - began) * 1000
            source = body.source
            log.info(
                "%s/%s: %d bytes from %s applied in %.0f ms (body %d)", source.connector, source.site, body.size,
                source.address, took, body.id,
                extra={"CONNECTOR": source.connector, "SITE": source.site, "MESSAGE_ID": MESSAGES["pushed"]},
            )  # fmt: skip
        except Unreadable as error:
            await self._unreadable(body, error)
        except _NotRead:
            log.info("The body %d was erased meanwhile", body.id)
        except WtpdError:
            raise
        except Exception as error:  # the connector's bug: this body waits for somebody, the next ones don't
            log.exception("What %s sent (%d) couldn't be applied", body.source.connector, body.id)
            reason = f"{type(error).__name__}: {error}"[:ERROR]
            await self._db.write(lambda tx: pushed.end(tx, body.id, "failed", error=reason))
        finally:
            self._ended(body.id)

    async def _bring_in(self, receiver: Receiver, body: Body) -> None:
        head = head_of(body)
        content = await asyncio.to_thread(self._scratch)
        try:
            await self._unpack(body, content)
            total = await asyncio.to_thread(_count, receiver, head, content)
            if total > receiver.limits.items:
                text = N_("The content has more than {count} records; split it.", count=receiver.limits.items)
                raise Unreadable(text, status=413, kind="too-large")
            items = await asyncio.to_thread(_items, receiver, head, content, body.applied)
            number = body.applied
            while chunk := await asyncio.to_thread(_next, items):
                number = await self._put(receiver, body, head, chunk, number)
            done = await self._db.read(lambda tx: (pushed.get(tx, body.id), pushed.noted(tx, body.id)))
            reply = await asyncio.to_thread(receiver.answer, head, _summary(*done))
        finally:
            await asyncio.to_thread(content.close)
        await self._db.write(
            lambda tx: pushed.end(
                tx, body.id, "done", status=reply.status, media_type=reply.media_type, reply=reply.content
            )
        )

    def _scratch(self) -> BinaryIO:
        """A file without a name, gone with the process."""
        return tempfile.TemporaryFile(dir=self._folder)

    async def _unpack(self, body: Body, content: BinaryIO) -> None:
        """Write the body's plain bytes into `content`. Raises `_NotRead`."""
        packed = await asyncio.to_thread(self._scratch) if _is_packed(body) else content
        try:
            number = 0
            while (found := await self._db.read(partial(pushed.data, body=body.id, number=number))) is not None:
                await asyncio.to_thread(packed.write, found)
                number += 1
            if number == 0 and body.size:
                raise _NotRead
            if packed is not content:
                await asyncio.to_thread(_copy, packed, content)
        finally:
            if packed is not content:
                await asyncio.to_thread(packed.close)

    async def _put(
        self, receiver: Receiver, body: Body, head: Head, chunk: list[Item | ItemResult], number: int
    ) -> int:
        """Apply these in as many transactions as they need."""
        done = 0
        while done < len(chunk):
            work = partial(self._some, receiver, body, head, chunk[done:], number + done)
            done += await self._db.write(work)
            await asyncio.sleep(0)
        return number + done

    def _some(
        self, receiver: Receiver, body: Body, head: Head, chunk: list[Item | ItemResult], number: int, tx: Tx
    ) -> int:
        """As many as there is time for, at least one; how many."""
        started = time.monotonic()
        results, noted = [], []
        book = self._book(tx, body.source.connector, body.source.site)
        for place, item in enumerate(chunk):
            result = item if isinstance(item, ItemResult) else _one(tx, receiver, book, head, item)
            results.append(result.result)
            if result.result != "accepted" or result.reason:
                noted.append(_noted(number + place, result))
            if time.monotonic() - started >= HOLD:
                break
        pushed.applied(tx, body.id, len(results), results, noted)
        return len(results)

    async def _unreadable(self, body: Body, error: Unreadable) -> None:
        kept = to_json({"text": error.reason.as_json(), "kind": error.kind})
        log.warning(
            "%s/%s sent what can't be read (body %d): %s", body.source.connector, body.source.site, body.id, error,
            extra={"CONNECTOR": body.source.connector, "SITE": body.source.site},
        )  # fmt: skip
        await self._db.write(lambda tx: pushed.end(tx, body.id, "unreadable", status=error.status, error=kept))


def head_of(body: Body) -> Head:
    source = body.source
    return Head(method="POST", path=source.path, headers=source.headers, site=source.site, account=source.account)


def unreadable_reason(body: Body) -> tuple[Text | None, str]:
    """Why nothing of an unreadable body was applied, and the kind of its problem."""
    if body.state != "unreadable" or not body.error:
        return None, "unreadable"
    kept = from_json(body.error)
    return attention.text(kept["text"]), kept["kind"]


def _one(tx: Tx, receiver: Receiver, book: PushBook, head: Head, item: Item) -> ItemResult:
    try:
        with tx.savepoint():
            return receiver.apply(book, head, item)
    except Invalid as error:
        fault = next(iter(error.problems), None)
        return ItemResult(
            key=item.key, result="quarantined", reason=error.kind, field=fault.field if fault is not None else ""
        )
    except Unavailable:
        raise
    except WtpdError as error:
        return ItemResult(key=item.key, result="quarantined", reason=error.kind)


def _noted(number: int, one: ItemResult) -> Noted:
    key, reason, field = (text[:LONGEST] for text in (one.key, one.reason, one.field))
    return Noted(number=number, key=key, result=one.result, reason=reason, field=field)


def _is_packed(body: Body) -> bool:
    return body.source.headers.get("content-encoding", "") == "gzip"


def _copy(packed: BinaryIO, content: BinaryIO) -> None:
    packed.seek(0)
    raw = iter(lambda: packed.read(pushed.PIECE), b"")
    content.writelines(pushed.unpacked(raw, "gzip"))


def _count(receiver: Receiver, head: Head, content: BinaryIO) -> int:
    content.seek(0)
    return sum(1 for _ in islice(receiver.items(head, content), receiver.limits.items + 1))


def _items(receiver: Receiver, head: Head, content: BinaryIO, skip: int) -> Iterator[Item | ItemResult]:
    content.seek(0)
    return islice(receiver.items(head, content), skip, None)


def _next(items: Iterator[Item | ItemResult]) -> list[Item | ItemResult]:
    return list(islice(items, READ))


def _summary(body: Body, noted: list[Noted]) -> Summary:
    return Summary(
        received=body.applied,
        accepted=body.accepted,
        unchanged=body.unchanged,
        quarantined=body.quarantined,
        items=[_result(one) for one in noted],
    )


def _result(one: Noted) -> ItemResult:
    return ItemResult(key=one.key, result=one.result, reason=one.reason, field=one.field)  # type: ignore[arg-type]


class Waiters:
    """Requests that wait for the answer to the body that they sent."""

    def __init__(self) -> None:
        self._of: dict[int, set[asyncio.Future[None]]] = {}

    def __call__(self, body: int) -> None:
        for future in self._of.pop(body, ()):
            if not future.done():
                future.set_result(None)

    async def until_ended(self, body: int, seconds: float) -> None:
        """Until it is applied, or the time is up. Look at the database after calling `expect` and before this."""
        future = self.expect(body)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await future

    def expect(self, body: int) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._of.setdefault(body, set())
        waiting.add(future)
        future.add_done_callback(waiting.discard)
        return future
