"""Takes a body off the line and into the database: in pieces, within its limits, whole and on disk before anybody is
told that it is here (spec: api.md). Memory holds one piece of each body, whatever its size."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import zlib
from collections.abc import AsyncIterator
from typing import Any

from wtpd.connectors.receiver import PushLimits, Signature
from wtpd.daemon.api.call import Receive
from wtpd.daemon.api.errors import Http
from wtpd.errors import WtpdError
from wtpd.store import pushed
from wtpd.store.database import Database, Tx
from wtpd.store.pushed import PIECE, Source
from wtpd.texts import N_, Text

log = logging.getLogger(__name__)

TIME = 30.0
"""Seconds in which a body must have come."""
CLOSE = (("connection", "close"),)
CODINGS = ("", "identity", "gzip")
_CHUNK = 1 << 18


async def take(
    db: Database, source: Source, receive: Receive, limits: PushLimits, signature: Signature | None = None
) -> int:
    """The number of the body, which is on disk now. Raises `Http` (400, 401, 408, 413) for one that isn't taken;
    nothing of it is kept then."""
    meter = Meter(limits) if source.headers.get("content-encoding", "") == "gzip" else None
    digest, size, number, body = hashlib.sha256(), 0, 0, None
    try:
        async for data in _pieces(receive, limits.sent):
            digest.update(data)
            size += len(data)
            if signature is not None:
                signature.feed(data)
            if meter is not None:
                await asyncio.to_thread(meter.feed, data)
            if len(data) < PIECE and body is None:  # all of it: one transaction
                _end_of(meter, signature, source)
                return await db.write(_whole(source, data, digest.digest()))
            if body is None:
                body = await db.write(lambda tx: pushed.begin(tx, source))
            await db.write(_piece(body, number, data))
            number += 1
        _end_of(meter, signature, source)
        return await db.write(_end(source, body, size, digest.digest()))
    except BaseException:
        if body is not None:
            await asyncio.shield(_forget(db, body))
        raise


class Meter:
    """Unpacks what comes, keeps nothing of it, and stops at the limits: a gzip bomb costs what the limit costs."""

    def __init__(self, limits: PushLimits) -> None:
        self._limits = limits
        self._inflater = zlib.decompressobj(31)
        self._began = False
        self._sent = self._unpacked = 0

    def feed(self, data: bytes) -> None:
        """Blocking. Raises `Http` 400 for what is no gzip, 413 for what unpacks to too much."""
        self._sent += len(data)
        rest = data
        try:
            while rest:
                if self._inflater.eof:
                    self._inflater = zlib.decompressobj(31)
                self._began = True
                self._unpacked += len(self._inflater.decompress(rest, _CHUNK))
                self._check()
                rest = self._inflater.unused_data if self._inflater.eof else self._inflater.unconsumed_tail
        except zlib.error:
            raise _not_gzip(N_("The content isn't gzip, or it is damaged.")) from None

    def end(self) -> None:
        if not self._inflater.eof:
            raise _not_gzip(N_("The content is cut off: its gzip doesn't end."))

    def _check(self) -> None:
        if self._unpacked > self._limits.unpacked:
            most = self._limits.unpacked >> 20
            text = N_("The content is too large: unpacked, at most {megabytes} MB are taken.", megabytes=most)
            raise Http(413, "too-large", text, headers=CLOSE)
        if self._unpacked > _CHUNK and self._unpacked > self._sent * self._limits.ratio:
            text = N_("The content unpacks to more than {ratio} times its size.", ratio=self._limits.ratio)
            raise Http(413, "too-large", text, headers=CLOSE)


def _not_gzip(text: Text) -> Http:
    return Http(400, "not-gzip", text, headers=CLOSE)


def _end_of(meter: Meter | None, signature: Signature | None, source: Source) -> None:
    if signature is not None and not signature.is_good():
        raise wrong_signature(source_of=f"{source.connector}/{source.site}")
    if meter is not None:
        meter.end()


def wrong_signature(*, source_of: str) -> Http:
    """The refusal of a body that isn't its sender's, or can't be known to be; the log has it, too."""
    log.warning("A body for %s has no right signature and is refused", source_of)
    text = N_("The signature of the content isn't right: it must be made with the secret that both sides know.")
    return Http(401, "wrong-signature", text, headers=CLOSE)


async def _pieces(receive: Receive, limit: int) -> AsyncIterator[bytes]:
    """The body in pieces of `PIECE` bytes; the last one is shorter, or empty."""
    deadline = asyncio.get_running_loop().time() + TIME
    buffer = bytearray()
    size = 0
    while True:
        message = await next_message(receive, deadline)
        buffer += message.get("body", b"")
        size += len(message.get("body", b""))
        if size > limit:
            raise too_large(limit)
        while len(buffer) >= PIECE:
            yield bytes(buffer[:PIECE])
            del buffer[:PIECE]
        if not message.get("more_body"):
            break
    yield bytes(buffer)


async def next_message(receive: Receive, deadline: float) -> Any:
    """Raises `Http` 408 at the deadline, 400 if the caller is gone."""
    try:
        async with asyncio.timeout_at(deadline):
            message = await receive()
    except TimeoutError:
        raise Http(408, "timeout", N_("The content took too long to come."), headers=CLOSE) from None
    if message["type"] == "http.disconnect":
        raise Http(400, "bad-request", N_("The content was cut off."), headers=CLOSE)
    return message


def too_large(limit: int) -> Http:
    """The sentence names what helps."""
    text = N_(
        "The content is too large: at most {megabytes} MB are taken; send it with Content-Encoding: gzip, or split it.",
        megabytes=limit >> 20,
    )
    return Http(413, "too-large", text, headers=CLOSE)


def _whole(source: Source, data: bytes, digest: bytes) -> Any:
    def work(tx: Tx) -> int:
        body = pushed.begin(tx, source)
        if data:
            pushed.piece(tx, body, 0, data)
        return _completed(tx, source, body, len(data), digest)

    return work


def _piece(body: int, number: int, data: bytes) -> Any:
    return lambda tx: pushed.piece(tx, body, number, data) if data else None


def _end(source: Source, body: int | None, size: int, digest: bytes) -> Any:
    def work(tx: Tx) -> int:
        return _completed(tx, source, body if body is not None else pushed.begin(tx, source), size, digest)

    return work


def _completed(tx: Tx, source: Source, body: int, size: int, digest: bytes) -> int:
    """The same content again is the body that came before. Raises `Http` for a key that came with another one."""
    if source.key is not None:
        before = pushed.by_key(tx, source.connector, source.account, source.key)
        if before is not None and (before.hash, before.source.path) != (digest, source.path):
            raise Http(
                422, "key-reused", N_("This idempotency key was used for another request before; take a new one.")
            )
    known = pushed.same(tx, source.connector, source.account, source.path, digest)
    if known is not None:
        pushed.drop(tx, body)
        pushed.repeated(tx, known.id)
        return known.id
    pushed.complete(tx, body, size, digest)
    return body


async def _forget(db: Database, body: int) -> None:
    with contextlib.suppress(WtpdError):  # at the next start it is forgotten
        await db.write(lambda tx: pushed.drop(tx, body))
