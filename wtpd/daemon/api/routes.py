"""The route table: each route states its method, path, role and types; who isn't allowed is refused before its body is
read. A path is found by walking its parts, so that the number of routes doesn't matter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import msgspec

from wtpd.daemon.api.call import Answer, Call, Role, Stream
from wtpd.daemon.api.errors import Http
from wtpd.texts import N_

MEGABYTE = 1 << 20

Handler = Callable[[Call], Awaitable[Answer | Stream]]


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The query of routes without parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation. `body` and `result` are types for msgspec and the OpenAPI document; `patch` says that the body is
    a merge patch of the type `body`. `versioned` routes need `If-Match`; `repeatable` ones take an `Idempotency-Key`.
    An `upload` is read by the handler itself, piece by piece (`Call.pieces`); `max_body` holds for it too.
    `seconds` None: no time limit of ours. `preview`: the type of the answer to `?preview=true`, if that is another."""

    method: str
    path: str
    role: Role
    handler: Handler
    summary: str
    query: type[msgspec.Struct] = NoQuery
    body: Any = None
    patch: bool = False
    result: Any = None
    preview: Any = None
    status: int = 200
    media_types: tuple[str, ...] = ("application/json",)
    versioned: bool = False
    repeatable: bool = False
    max_body: int = MEGABYTE
    upload: bool = False
    seconds: float | None = 30.0

    @property
    def keeps(self) -> bool:
        """Something new is kept on the disk: not done while that is full."""
        return self.role is Role.ADMIN and self.method in ("POST", "PATCH", "PUT")

    @property
    def name(self) -> str:
        """A stable operation id: `GET /v1/appointments/{id}` → `get_appointments_id`."""
        words = self.path.removeprefix("/v1/").replace("{", "").replace("}", "")
        return f"{self.method.lower()}_{words}".replace("/", "_").replace("-", "_").replace(".", "_")


@dataclass(slots=True)
class _Node:
    """One part of a path: what can follow it, and what can be done here."""

    parts: dict[str, _Node] = field(default_factory=dict)
    any_part: _Node | None = None
    name: str = ""
    routes: dict[str, Route] = field(default_factory=dict)


class Router:
    """Finds the route of a request."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self._root = _Node()
        for route in self.routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        node = self._root
        for part in route.path.split("/")[1:]:
            if part.startswith("{"):
                if node.any_part is None:
                    node.any_part = _Node(name=part[1:-1])
                node = node.any_part
                if node.name != part[1:-1]:
                    raise ValueError(f"two names for one part: {route.path}")
            else:
                node = node.parts.setdefault(part, _Node())
        if route.method in node.routes:
            raise ValueError(f"stated twice: {route.method} {route.path}")
        node.routes[route.method] = route

    def find(self, method: str, raw_path: bytes) -> tuple[Route, dict[str, str]]:
        """The route and the path's parameters. Raises `Http` 404 or 405, and 400 for a path that isn't UTF-8."""
        node = self._root
        params: dict[str, str] = {}
        for part in raw_path.decode("ascii").split("/")[1:]:
            following = node.parts.get(part)
            if following is None:
                following = node.any_part
                if following is None or not part:
                    raise Http(404, "no-such-route", N_("There is nothing at this address."))
                params[following.name] = _decoded(part)
            node = following
        route = node.routes.get("GET" if method == "HEAD" else method)
        if route is None:
            if not node.routes:
                raise Http(404, "no-such-route", N_("There is nothing at this address."))
            allowed = sorted(node.routes) + (["HEAD"] if "GET" in node.routes else [])
            raise Http(
                405,
                "method-not-allowed",
                N_("{method} isn't possible here; possible is {allowed}.", method=method, allowed=", ".join(allowed)),
                headers=[("allow", ", ".join(allowed))],
            )
        return route, params


def _decoded(part: str) -> str:
    try:
        text = unquote(part, errors="strict")
    except UnicodeDecodeError:
        raise Http(400, "bad-request", N_("The address isn't UTF-8.")) from None
    if "\0" in text:
        raise Http(404, "no-such-route", N_("There is nothing at this address."))
    return text
