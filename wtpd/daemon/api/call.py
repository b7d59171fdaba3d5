"""One request to the local API as its handlers see it, and what they answer.

The daemon speaks plain ASGI: the route table needs little more than a split path, and leaving a web framework out
saves a third of the start time.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from wtpd.errors import Invalid, Problem
from wtpd.planner.history import Author
from wtpd.texts import N_

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
PROBLEM = "application/problem+json"

Message = Any
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")

_to_json = msgspec.json.Encoder().encode


class Role(StrEnum):
    """What a caller may do; `admin` may everything that `read` may."""

    READ = "read"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is at the other end of the socket. `role` None: somebody who may do nothing."""

    uid: int
    name: str
    role: Role | None


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. `content` is encoded, so that it can be stored with its idempotency key."""

    status: int = 200
    content: bytes = b""
    media_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer that goes on: `run` sends the body's pieces itself, and ends when the reader is gone."""

    run: Callable[[Receive, Send], Awaitable[None]]
    media_type: str = "text/event-stream"
    headers: tuple[tuple[str, str], ...] = (("cache-control", "no-store"),)


def answer(value: Any, *, status: int = 200, etag: str | int | None = None, location: str | None = None) -> Answer:
    """`value` as JSON. `etag`: a version or a hash, without the quotes."""
    headers: list[tuple[str, str]] = []
    if etag is not None:
        headers.append(("etag", f'"{etag}"'))
    if location is not None:
        headers.append(("location", location))
    return Answer(status, _to_json(value), headers=tuple(headers))


NO_CONTENT = Answer(204)


@dataclass(slots=True, kw_only=True)
class Call:
    """One request. `params` are the path's, decoded; `body` is typed as the route says, `raw` as it came."""

    method: str
    path: str
    params: Mapping[str, str]
    query_string: bytes
    headers: Mapping[str, str]
    language: str
    caller: Caller
    state: Mapping[str, Any] = field(default_factory=dict)
    raw: bytes = b""
    body: Any = None
    query: Any = None
    pieces: AsyncIterator[bytes] | None = None
    """The content of an upload as it comes; raises `Http` for one that is too large, too slow or cut off."""

    @property
    def author(self) -> Author:
        """For the history: the login, with the initials that a shared login's user gave, and the door."""
        initials = self.headers.get("wtpd-initials", "").strip()[:8]
        actor = f"{self.caller.name} ({initials})" if initials.isalnum() else self.caller.name
        door = self.headers.get("wtpd-channel", "api")
        return Author(actor=actor, interface=door if door in ("api", "desk", "cli") else "api")

    @property
    def expected_version(self) -> int | None:
        """The version in `If-Match`; None for `*`. Raises `Invalid` for anything that can't be one of our tags."""
        tag = self.tag
        if tag == "*":
            return None
        if not tag.isascii() or not tag.isdigit() or len(tag) > 9:
            raise bad_header("If-Match")
        return int(tag)

    @property
    def tag(self) -> str:
        """The tag in `If-Match` without its quotes, or `*`."""
        value = self.headers.get("if-match", "").strip()
        if value == "*":
            return value
        if len(value) < 3 or value[0] != '"' or value[-1] != '"' or '"' in value[1:-1]:
            raise bad_header("If-Match")
        return value[1:-1]

    def number(self, name: str) -> int | None:
        """The path's parameter as a row id; None if it can't be one."""
        text = self.params[name]
        return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def bad_header(name: str) -> Invalid:
    return Invalid(
        N_("The header {name} isn't understood.", name=name),
        kind="invalid-header",
        problems=[Problem(name, N_("This value isn't understood."))],
    )


def query_of(query_string: bytes) -> dict[str, str]:
    """The query's parameters. Raises `Invalid` if one is given twice, UnicodeDecodeError for what isn't UTF-8."""
    pairs = parse_qsl(query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=64)
    given: dict[str, str] = {}
    for name, value in pairs:
        if name in given:
            raise _given_twice(name)
        given[name] = value
    return given


def _given_twice(name: str) -> Invalid:
    shown = name if _NAME.fullmatch(name) else "…"
    return Invalid(
        N_("The parameter {name} is given twice.", name=shown), problems=[Problem(shown, N_("This is given twice."))]
    )
