"""Bodies that partners' programs sent: stored in pieces as they come, read again to be applied, kept for the trace.

receiving ──► stored ──► done | unreadable        failed: an error of ours; tried again by a person
    └── cut off, or the daemon was killed: forgotten, for nobody was told that it is here
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wtpd.clock import iso, iso_exact
from wtpd.errors import NotFound
from wtpd.store.damage import from_iso
from wtpd.store.database import Tx, from_json, to_json
from wtpd.texts import N_

PIECE = 1 << 19
"""Bytes of a body that are stored in one transaction."""
DELETED = 4 << 20
"""Bytes that are deleted in one transaction, unless one body has more."""
_COLUMNS = (
    "id, at, connector, site, account, token, address, path, headers, key, state, size, hash, applied, accepted,"
    " unchanged, quarantined, repeats, status, media_type, error, done_at, erased"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Who sent a body, and how. `headers` in lower case, without the token."""

    connector: str
    site: str
    account: str
    token: str
    address: str
    path: str
    headers: Mapping[str, str]
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A body without its bytes and its answer; the counts are of its items."""

    id: int
    at: datetime
    source: Source
    state: str
    size: int
    hash: bytes | None
    applied: int
    accepted: int
    unchanged: int
    quarantined: int
    repeats: int
    status: int | None
    media_type: str | None
    error: str | None
    done_at: datetime | None
    erased: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """An item that wasn't simply accepted."""

    number: int
    key: str
    result: str
    reason: str
    field: str


def begin(tx: Tx, source: Source) -> int:
    """Note that a body is coming in; its number."""
    cursor = tx.run(
        """INSERT INTO pushed (at, connector, site, account, token, address, path, headers, key, state)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'receiving')""",
        (
            iso_exact(tx.now), source.connector, source.site, source.account, source.token, source.address, source.path,
            to_json(dict(source.headers)), source.key,
        ),
    )  # fmt: skip
    return int(cursor.lastrowid or 0)


def piece(tx: Tx, body: int, number: int, data: bytes) -> None:
    tx.run("INSERT INTO pushed_piece (pushed, number, data) VALUES (?, ?, ?)", (body, number, data))


def complete(tx: Tx, body: int, size: int, digest: bytes) -> None:
    """All of it is here."""
    tx.run("UPDATE pushed SET state = 'stored', size = ?, hash = ? WHERE id = ?", (size, digest, body))
    tx.signal("pushed")


def drop(tx: Tx, body: int) -> None:
    """It didn't come in whole."""
    tx.run("DELETE FROM pushed WHERE id = ? AND state = 'receiving'", (body,))


def drop_parts(tx: Tx) -> int:
    """Forget what was coming in when the process before ended; how many bodies."""
    return tx.run("DELETE FROM pushed WHERE state = 'receiving'").rowcount


def same(tx: Tx, connector: str, account: str, path: str, digest: bytes) -> Body | None:
    """The newest whole body with these bytes."""
    row = tx.one(
        f"""SELECT {_COLUMNS} FROM pushed WHERE connector = ? AND account = ? AND hash = ? AND path = ?
              AND state != 'receiving' AND erased = 0 ORDER BY id DESC LIMIT 1""",
        (connector, account, digest, path),
    )
    return None if row is None else _body(row)


def by_key(tx: Tx, connector: str, account: str, key: str) -> Body | None:
    """The whole body that came with this Idempotency-Key."""
    row = tx.one(
        f"""SELECT {_COLUMNS} FROM pushed WHERE connector = ? AND account = ? AND key = ? AND state != 'receiving'
            ORDER BY id DESC LIMIT 1""",
        (connector, account, key),
    )
    return None if row is None else _body(row)


def repeated(tx: Tx, body: int) -> None:
    tx.run("UPDATE pushed SET repeats = repeats + 1 WHERE id = ?", (body,))


def next_stored(tx: Tx) -> Body | None:
    """The oldest that isn't applied yet."""
    row = tx.one(f"SELECT {_COLUMNS} FROM pushed WHERE state = 'stored' ORDER BY id LIMIT 1")
    return None if row is None else _body(row)


def data(tx: Tx, body: int, number: int) -> bytes | None:
    row = tx.one("SELECT data FROM pushed_piece WHERE pushed = ? AND number = ?", (body, number))
    return None if row is None else row["data"]


def applied(tx: Tx, body: int, count: int, results: Sequence[str], noted: Sequence[Noted]) -> None:
    """`count` items more are applied, with these results."""
    tx.run(
        """UPDATE pushed SET applied = applied + ?, accepted = accepted + ?, unchanged = unchanged + ?,
             quarantined = quarantined + ? WHERE id = ?""",
        (count, results.count("accepted"), results.count("unchanged"), results.count("quarantined"), body),
    )
    tx.run_many(
        "INSERT INTO pushed_item (pushed, number, key, result, reason, field) VALUES (?, ?, ?, ?, ?, ?)",
        [(body, one.number, one.key, one.result, one.reason, one.field) for one in noted],
    )


def end(
    tx: Tx, body: int, state: str, *, status: int | None = None, media_type: str | None = None, reply: bytes = b"",
    error: str | None = None,
) -> None:  # fmt: skip
    """It is `done` or `unreadable`, with the answer that its sender gets, or `failed` with the error."""
    tx.run(
        "UPDATE pushed SET state = ?, status = ?, media_type = ?, reply = ?, error = ?, done_at = ? WHERE id = ?",
        (state, status, media_type, reply, error, iso(tx.now), body),
    )
    if tx.one("SELECT 1 FROM pushed WHERE id = ? AND erased = 2", (body,)):
        _empty(tx, body)
    tx.emit("pushed.ended", id=body, state=state)


def again(tx: Tx, body: int) -> None:
    """Apply a failed or unreadable body again. Raises `NotFound`."""
    changed = tx.run(
        """UPDATE pushed SET state = 'stored', error = NULL, done_at = NULL, dismissed_at = NULL
           WHERE id = ? AND state IN ('failed', 'unreadable') AND erased = 0""",
        (body,),
    ).rowcount
    if not changed:
        raise NotFound(N_("There is no body {id} that could be applied again.", id=body))
    tx.signal("pushed")


def dismiss(tx: Tx, body: int | None = None) -> int:
    """Nothing more is wanted of a failed or unreadable body, or of all of them; how many. Raises `NotFound`."""
    count = tx.run(
        """UPDATE pushed SET dismissed_at = ? WHERE id = coalesce(?, id) AND state IN ('unreadable', 'failed')
             AND dismissed_at IS NULL""",
        (iso(tx.now), body),
    ).rowcount
    if body is not None and not count:
        raise NotFound(N_("There is no body {id} to be dismissed.", id=body))
    return count


def reply(tx: Tx, body: int) -> bytes:
    row = tx.one("SELECT reply FROM pushed WHERE id = ?", (body,))
    return bytes(row["reply"] or b"") if row else b""


def get(tx: Tx, body: int) -> Body:
    """Raises `NotFound`."""
    row = tx.one(f"SELECT {_COLUMNS} FROM pushed WHERE id = ? AND state != 'receiving'", (body,))
    if row is None:
        raise NotFound(N_("There is no body {id}.", id=body))
    return _body(row)


def newest(
    tx: Tx, *, before: int | None = None, limit: int = 100, connector: str | None = None, key: str | None = None
) -> list[Body]:
    """`key`: only bodies in which the record of this partner's number wasn't simply accepted."""
    with_key = "AND id IN (SELECT pushed FROM pushed_item WHERE key = ?)" if key is not None else ""
    rows = tx.all(
        f"""SELECT {_COLUMNS} FROM pushed WHERE state != 'receiving' AND id < ? AND connector = coalesce(?, connector)
            {with_key} ORDER BY id DESC LIMIT ?""",
        (before or 1 << 62, connector, *([key] if key is not None else []), limit),
    )
    return [_body(row) for row in rows]


def noted(tx: Tx, body: int, limit: int = 20_000) -> list[Noted]:
    rows = tx.all(
        "SELECT number, key, result, reason, field FROM pushed_item WHERE pushed = ? ORDER BY number LIMIT ?",
        (body, limit),
    )
    return [Noted(**{name: row[name] for name in row.keys()}) for row in rows]  # noqa: SIM118 # a row isn't a mapping


@dataclass(frozen=True, slots=True)
class Open:
    """Bodies that need somebody, and those that wait."""

    failed: int
    unreadable: int
    waiting: int
    oldest: datetime | None


NOTHING = Open(0, 0, 0, None)


def figures(tx: Tx) -> Open:
    trouble = tx.all(
        """SELECT state, count(*) AS n FROM pushed WHERE state IN ('unreadable', 'failed') AND dismissed_at IS NULL
           GROUP BY state"""
    )
    counts = {row["state"]: row["n"] for row in trouble}
    waiting = tx.one("SELECT count(*) AS n, min(at) AS oldest FROM pushed WHERE state = 'stored'")
    oldest = from_iso(waiting["oldest"]) if waiting and waiting["oldest"] else None
    return Open(counts.get("failed", 0), counts.get("unreadable", 0), waiting["n"] if waiting else 0, oldest)


def prune(tx: Tx, before: datetime, *, limit: int = 5000) -> int:
    """Forget what ended and came before; at most `DELETED` bytes at a time, and at least one; how many."""
    rows = tx.all(
        """SELECT id, size FROM pushed WHERE at < ? AND state NOT IN ('receiving', 'stored') ORDER BY at LIMIT ?""",
        (iso_exact(before), limit),
    )
    gone: list[tuple[int]] = []
    size = 0
    for row in rows:
        size += row["size"]
        if gone and size > DELETED:
            break
        gone.append((row["id"],))
    tx.run_many("DELETE FROM pushed WHERE id = ?", gone)
    return len(gone)


def pieces(tx: Tx, body: int) -> Iterator[bytes]:
    """The bytes as they came."""
    number = 0
    while (found := data(tx, body, number)) is not None:
        yield found
        number += 1


def unpacked(raw: Iterable[bytes], coding: str) -> Iterator[bytes]:
    """Without gzip, in pieces; several gzip members are one content (RFC 1952). Raises `ValueError` for what is none,
    or was cut off."""
    if coding != "gzip":
        yield from raw
        return
    inflater, began = zlib.decompressobj(31), False
    try:
        for packed in raw:
            rest = packed
            while rest:
                if inflater.eof:
                    inflater, began = zlib.decompressobj(31), False
                plain = inflater.decompress(rest, PIECE)
                began = True
                if plain:
                    yield plain
                rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if began and not inflater.eof:
        raise ValueError("cut off")


class Needles:
    """What tells a person in a body, in any coding that one may have. `words`: each alone tells; `together`: all of
    them do (a first name and a surname stand in fields of their own)."""

    def __init__(self, words: Iterable[str], together: Iterable[str]) -> None:
        self._alone = [form for word in words for form in _forms(word)]
        self._together = [_forms(word) for word in together]
        self.overlap = max((len(form) for forms in (self._alone, *self._together) for form in forms), default=1)

    def __bool__(self) -> bool:
        return bool(self._alone or self._together)

    def are_in(self, plain: Iterable[bytes]) -> bool:
        """Whether the pieces of a body tell the person."""
        missing = list(self._together)
        tail = b""
        for piece in plain:
            chunk = (tail + piece).lower()
            if any(form in chunk for form in self._alone):
                return True
            missing = [forms for forms in missing if not any(form in chunk for form in forms)]
            if self._together and not missing:
                return True
            tail = chunk[-self.overlap :]
        return False


def _forms(word: str) -> list[bytes]:
    """A word as UTF-8 and Windows-1252 have it, as JSON and XML escape it; ASCII letters in lower case."""
    found: dict[bytes, None] = {}
    for text in (word, word.lower(), word.upper()):
        xml = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")  # xml.sax costs 5 ms at start
        written = (text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], xml)
        references = (one.encode("ascii", "xmlcharrefreplace").decode("ascii") for one in (text, xml))
        for one in (*written, *references):
            for coding in ("utf-8", "cp1252", "utf-16-le"):
                found[one.encode(coding, "ignore").lower()] = None
    return [form for form in found if len(form) > 2]


def telling(tx: Tx, needles: Needles, after: int = 0) -> list[int]:
    """The bodies behind the number `after` in which the needles are; one that can't be unpacked is among them, since
    nobody can say that the person isn't in it. Takes a while for many."""
    if not needles:
        return []
    found = []
    for row in tx.all("SELECT id, headers FROM pushed WHERE erased = 0 AND id > ? ORDER BY id", (after,)):
        coding = from_json(row["headers"]).get("content-encoding", "")
        try:
            if needles.are_in(unpacked(pieces(tx, row["id"]), coding)):
                found.append(row["id"])
        except ValueError:
            found.append(row["id"])
    return found


def newest_id(tx: Tx) -> int:
    row = tx.one("SELECT coalesce(max(id), 0) AS newest FROM pushed")
    return int(row["newest"]) if row else 0


def erase(tx: Tx, bodies: Iterable[int]) -> None:
    """Take out the bytes and the answers of these; that they came stays. One that waits to be applied loses them when
    it was: there are others in it."""
    for body in bodies:
        row = tx.one("SELECT state FROM pushed WHERE id = ?", (body,))
        if row is not None and row["state"] in ("receiving", "stored"):
            tx.run("UPDATE pushed SET erased = 2 WHERE id = ?", (body,))
        else:
            _empty(tx, body)


def _empty(tx: Tx, body: int) -> None:
    tx.run("DELETE FROM pushed_piece WHERE pushed = ?", (body,))
    tx.run("DELETE FROM pushed_item WHERE pushed = ?", (body,))
    tx.run("UPDATE pushed SET erased = 1, reply = NULL, error = NULL, headers = '{}' WHERE id = ?", (body,))


def _body(row: Any) -> Body:
    return Body(
        id=row["id"],
        at=from_iso(row["at"]),
        source=Source(
            connector=row["connector"],
            site=row["site"],
            account=row["account"],
            token=row["token"],
            address=row["address"],
            path=row["path"],
            headers=from_json(row["headers"]),
            key=row["key"],
        ),
        state=row["state"],
        size=row["size"],
        hash=row["hash"],
        applied=row["applied"],
        accepted=row["accepted"],
        unchanged=row["unchanged"],
        quarantined=row["quarantined"],
        repeats=row["repeats"],
        status=row["status"],
        media_type=row["media_type"],
        error=row["error"],
        done_at=from_iso(row["done_at"]) if row["done_at"] else None,
        erased=row["erased"] == 1,
    )
