"""One request to the local API over its unix socket, and what can go wrong with it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

Json = dict[str, Any]
Query = Mapping[str, Any] | None

DEFAULT_SOCKET = "/run/wtpd/api.sock"
MERGE_PATCH = "application/merge-patch+json"
REPEATS = 3
"""Times a safe request is sent when its answer gets lost."""
LONG = 900.0
"""Seconds an import, a run or a mapping change may take; everything else has `Http.patience`."""


class ClientError(Exception):
    """The root; never raised itself."""


class Unreachable(ClientError):
    """No daemon at `socket`. `sent` says that the request may have reached it before it went away."""

    def __init__(self, socket: str, reason: str, *, sent: bool = False) -> None:
        super().__init__(f"{socket}: {reason}")
        self.socket = socket
        self.reason = reason
        self.sent = sent


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

    def __init__(self, socket: str, *, language: str, patience: float) -> None:
        self.socket = socket
        self.language = language
        self.patience = patience
        self._pool: httpx.AsyncClient | None = None

    async def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.aclose()

    async def get(self, path: str, **query: Any) -> Any:
        return _content(await self.send("GET", path, query=query))

    async def post(self, path: str, body: Any = None, *, key: str | None = None, patience: float | None = None) -> Any:
        """With an idempotency key (`key`, or a new one), so that it is safe to repeat."""
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return _content(await self.send("POST", path, body=body, headers=headers, patience=patience))

    async def put(self, path: str, body: Any, *, query: Query = None, patience: float | None = None) -> Any:
        return _content(await self.send("PUT", path, query=query, body=body, patience=patience))

    async def patch(self, path: str, body: Any, *, etag: str, query: Query = None) -> Any:
        """Not repeated: if the first one was applied, a second would be told that the version is gone."""
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
    ) -> httpx.Response:
        """One request; repeated when that is safe. Raises `Unreachable` or `ApiProblem`."""
        import httpx

        headers = headers or {}
        request = self.pool().build_request(
            method,
            path,
            params=_query(query),
            json=body,
            headers=headers,
            timeout=patience or self.patience,
        )
        safe = method in ("GET", "PUT", "DELETE") or "Idempotency-Key" in headers
        attempts = REPEATS if safe else 1
        while True:
            attempts -= 1
            try:
                response = await self.pool().send(request)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
                raise Unreachable(self.socket, reason_of(error), sent=safe and attempts < REPEATS - 1) from error
            except httpx.TimeoutException as error:
                raise Unreachable(self.socket, reason_of(error), sent=True) from error
            except httpx.HTTPError as error:
                if attempts == 0:
                    raise Unreachable(self.socket, reason_of(error), sent=True) from error
                continue
            if response.is_success:
                return response
            raise problem_of(response)

    def pool(self) -> httpx.AsyncClient:
        if self._pool is None:
            import httpx

            # Without `verify` the certificates of the web aren't loaded: there is no TLS on a unix socket.
            self._pool = httpx.AsyncClient(
                transport=httpx.AsyncHTTPTransport(uds=self.socket, verify=False),
                base_url="http://wtpd",
                headers={"Accept-Language": self.language, "User-Agent": "wtpd"},
                trust_env=False,
            )
        return self._pool


def reason_of(error: Exception) -> str:
    return str(error) or type(error).__name__


def problem_of(response: httpx.Response) -> ApiProblem:
    try:
        body = response.json()
    except ValueError:
        body = None
    return ApiProblem(response.status_code, body if isinstance(body, dict) else {})


def _content(response: httpx.Response) -> Any:
    return response.json() if response.content else None


def _query(query: Query) -> dict[str, Any]:
    """Without what wasn't asked for; `True` as `true`."""
    return {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in (query or {}).items()
        if value is not None
    }
