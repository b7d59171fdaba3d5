"""The requests that the partners got, so that a test can count writes (spec: sandbox.md).

A request is noted when it came and again when it was answered; one without a status got no answer (yet).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from typing import Any

from wtpd.clock import Clock, iso_exact
from wtpd.sandbox.state import State

KEPT = 200_000
"""Requests that are kept over a restart."""
PAGE = 1000

_BEGUN = (
    "INSERT INTO requests (id, partner, method, path, query, key, at, body_sha256, fault)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_ENDED = "UPDATE requests SET status = ?, seconds = ? WHERE id = ?"
_COLUMNS = ("id", "partner", "method", "path", "query", "key", "at", "body_sha256", "fault", "status", "seconds")


class RequestLog:
    """`path` is the one inside the partner, without its mount."""

    def __init__(self, state: State, clock: Clock, last_id: int) -> None:
        self._state = state
        self._clock = clock
        self._last_id = last_id

    @classmethod
    async def open(cls, state: State, clock: Clock) -> RequestLog:
        [[last]] = await state.query("SELECT coalesce(max(id), 0) FROM requests")
        state.note("DELETE FROM requests WHERE id <= ?", (last - KEPT,), urgent=False)
        return cls(state, clock, last)

    def begin(self, partner: str, scope: Mapping[str, Any], path: str, body: bytes, fault: str | None) -> Noted:
        """Note a request that came; tell the answer to what is returned."""
        self._last_id += 1
        row = (
            self._last_id,
            partner,
            scope["method"],
            path,
            scope["query_string"].decode("latin-1"),
            _key(scope),
            iso_exact(self._clock.now()),
            hashlib.sha256(body).hexdigest() if body else None,
            fault,
        )
        self._state.note(_BEGUN, row, urgent=False)
        return Noted(self._state, self._last_id)

    async def find(self, wanted: Mapping[str, str]) -> dict[str, Any]:
        """Requests by `partner`, `method` (several by comma), `path` (a glob), `key`, `status`, `after` (an id), and
        at most `limit` of them; the counts are of all that match. Raises ValueError for another filter."""
        where, values = _condition({name: value for name, value in wanted.items() if name != "limit"})
        limit = min(int(wanted.get("limit", PAGE)), 100_000)
        rows = await self._state.query(
            f"SELECT {', '.join(_COLUMNS)} FROM requests{where} ORDER BY id LIMIT ?", (*values, limit)
        )
        counts = await self._state.query(
            f"SELECT method, status, count(*) FROM requests{where} GROUP BY method, status", tuple(values)
        )
        return {
            "items": [dict(zip(_COLUMNS, row, strict=True)) for row in rows],
            "total": sum(count for _, _, count in counts),
            "counts": [{"method": method, "status": status, "count": count} for method, status, count in counts],
            "last_id": self._last_id,
        }


class Noted:
    """One request in the log, to be told how it ended."""

    __slots__ = ("_begun", "_id", "_state")

    def __init__(self, state: State, number: int) -> None:
        self._state = state
        self._id = number
        self._begun = time.perf_counter()

    def end(self, status: int | None) -> None:
        """`status` is what was sent, None if nothing was."""
        seconds = round(time.perf_counter() - self._begun, 6)
        self._state.note(_ENDED, (status, seconds, self._id), urgent=False)


def _key(scope: Mapping[str, Any]) -> str | None:
    for name, value in scope["headers"]:
        if name == b"idempotency-key":
            return str(value.decode("latin-1"))
    return None


def _condition(wanted: Mapping[str, str]) -> tuple[str, list[Any]]:
    parts: list[str] = []
    values: list[Any] = []
    for name, value in wanted.items():
        if name == "path":
            parts.append("path GLOB ?")
            values.append(value)
        elif name == "after":
            parts.append("id > ?")
            values.append(int(value))
        elif name in ("partner", "method", "key", "status"):
            choices = value.split(",")
            parts.append(f"{name} IN ({', '.join('?' * len(choices))})")
            values += [int(choice) for choice in choices] if name == "status" else choices
        else:
            raise ValueError(f"unknown filter {name!r}")
    return (f" WHERE {' AND '.join(parts)}" if parts else ""), values
