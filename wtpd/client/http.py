"""One request to the local API over its unix socket, and what can go wrong with it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from wtpd.client.wire import Answer, Body, Broken, NotConnected, Wire

Json = dict[str, Any]
Query = Mapping[str, Any] | None

DEFAULT_SOCKET = "/run/wtpd/api.sock"
MERGE_PATCH = "application/merge-patch+json"
REPEATS = 3
"""Times a safe request is sent when its answer gets lost."""
IMPORT = 3600.0
"""Seconds an import may take."""
LONG = 900.0
"""Seconds a run or a mapping change may take; everything else has `Http.patience`."""


class ClientError(Exception):
    """The root; never raised itself."""


class Unreachable(ClientError):
    """No daemon at `socket`. `sent` says that the request may have reached it before it went away; `late`, that
    it is there but gave no answer within so many seconds."""

    def __init__(self, socket: str, reason: str, *, sent: bool = False, late: float | None = None) -> None:
        super().__init__(f"{socket}: {reason}")
        self.socket = socket
        self.reason = reason
        self.sent = sent
        self.late = late


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing wrong with one field, or with one line of a file."""

    field: str
    detail: str


class ApiProblem(ClientError):
    """The daemon's refusal: `kind` is stable (see wtpd.errors), `title` and `detail` are sentences for people."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        self.status = status
        self.kind = str(body.get("type", "")).rsplit("/", 1)[-1] or "error"
        self.title = str(body.get("title") or f"HTTP {status}")
        self.detail = str(body.get("detail") or self.title)
        self.errors = tuple(
            FieldProblem(str(one.get("field", "")), str(one.get("detail", ""))) for one in body.get("errors") or ()
        )
        known = {"type", "title", "status", "detail", "errors", "instance"}
        self.facts = {name: value for name, value in body.items() if name not in known}
        super().__init__(self.detail)


class Http:
    """The connections to one daemon; shared by all tasks of one event loop. `patience`: seconds for one answer."""

    def __init__(self, socket: str, *, language: str, patience: float, initials: str = "", door: str = "") -> None:
        self.socket = socket
        self.language = language
        self.patience = patience
        self.initials = initials
        """Who sits there, where several people share a login; can be set later."""
        self.door = door
        self.wire = Wire(socket, {"Accept-Language": language, "User-Agent": "wtpd"})

    async def close(self) -> None:
        await self.wire.close()

    async def get(self, path: str, **query: Any) -> Any:
        return _content(await self.send("GET", path, query=query))

    async def post(self, path: str, body: Any = None, *, key: str | None = None, patience: float | None = None) -> Any:
        """With an idempotency key (`key`, or a new one), so that it is safe to repeat."""
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return _content(await self.send("POST", path, body=body, headers=headers, patience=patience))

    async def put(self, path: str, body: Any, *, query: Query = None, patience: float | None = None) -> Any:
        return _content(await self.send("PUT", path, query=query, body=body, patience=patience))

    async def patch(self, path: str, body: Any, *, etag: str, query: Query = None) -> Any:
        """Not repeated."""
        headers = {"If-Match": etag}
        if isinstance(body, dict):
            headers["Content-Type"] = MERGE_PATCH
        return _content(await self.send("PATCH", path, query=query, body=body, headers=headers))

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: Query = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        patience: float | None = None,
    ) -> Answer:
        """One request; repeated when that is safe. A path as `body` is the file to be sent. Raises `Unreachable` or
        `ApiProblem`."""
        headers = {**self._who(), **(headers or {})}
        content: Body | None = None
        if isinstance(body, Path):
            content = body
            headers.setdefault("Content-Type", "application/octet-stream")
        elif body is not None:
            content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
            headers.setdefault("Content-Type", "application/json")
        versioned = "If-Match" in headers  # if the first was applied, a second would be told that the version is gone
        safe = (method in ("GET", "PUT", "DELETE") and not versioned) or "Idempotency-Key" in headers
        attempts = REPEATS if safe else 1
        while True:
            attempts -= 1
            try:
                answer = await self.wire.call(
                    method, target(path, query), headers=headers, body=content, patience=patience or self.patience
                )
            except NotConnected as error:
                raise Unreachable(self.socket, reason_of(error), sent=safe and attempts < REPEATS - 1) from error
            except TimeoutError as error:
                late = patience or self.patience
                raise Unreachable(self.socket, reason_of(error), sent=True, late=late) from error
            except Broken as error:
                if attempts == 0:
                    raise Unreachable(self.socket, reason_of(error), sent=True) from error
                continue
            if answer.ok:
                return answer
            raise problem_of(answer)

    def _who(self) -> dict[str, str]:
        """The headers that say whose hand it was, for the history."""
        given = {"Wtpd-Initials": self.initials, "Wtpd-Channel": self.door}
        return {name: value for name, value in given.items() if value}


def reason_of(error: Exception) -> str:
    return str(error) or type(error).__name__


def problem_of(answer: Answer) -> ApiProblem:
    try:
        body = answer.json()
    except ValueError:
        body = None
    return ApiProblem(answer.status, body if isinstance(body, dict) else {})


def target(path: str, query: Query = None) -> str:
    """Path and query as they are sent, without what wasn't asked for; `True` as `true`."""
    asked = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in (query or {}).items()
        if value is not None
    }
    return quote(path, safe="/%:@!$&'()*+,;=~") + (f"?{urlencode(asked, doseq=True)}" if asked else "")


def _content(answer: Answer) -> Any:
    return answer.json() if answer.content else None
