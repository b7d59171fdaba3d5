"""The OpenAPI 3.1 document, made from the route table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from wtpd.daemon.api.call import JSON, MERGE_PATCH, PROBLEM, Answer, Call, Role, answer
from wtpd.daemon.api.routes import Route

REFERENCE = "#/components/schemas/{name}"

PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457; `type` is stable, `detail` a sentence in the language asked for. Figures may follow.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "detail"],
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


class Document:
    """`/v1/openapi.json`, built when it's first asked for."""

    def __init__(self, routes: list[Route], version: str) -> None:
        self._routes = routes
        self._version = version
        self._answer: Answer | None = None

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET", path="/v1/openapi.json", role=Role.READ, handler=self.get, summary="This document",
                result=dict[str, Any],
            )
        ]  # fmt: skip

    async def get(self, call: Call) -> Answer:
        if self._answer is None:
            self._answer = answer(document(self._routes, self._version))
        return self._answer


def document(routes: Iterable[Route], version: str) -> dict[str, Any]:
    routes = list(routes)
    types = {
        id(kind): kind
        for route in routes
        for kind in (route.body, route.result, route.preview, route.query)
        if kind is not None
    }
    schemas, components = msgspec.json.schema_components(types.values(), ref_template=REFERENCE)
    schema_of = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schema_of, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "wtpd",
            "version": version,
            "description": "The local API of the workshop-planner daemon, on its unix socket. Roles are known by the "
            "caller's login and groups; `x-role` says which one an operation needs.",
        },
        "servers": [{"url": "http://wtpd"}],
        "paths": paths,
        "components": {"schemas": {**_plain(components), "Problem": PROBLEM_SCHEMA}},
    }


def _operation(route: Route, schema_of: Mapping[int, Any], components: Mapping[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "x-role": str(route.role),
        "parameters": _parameters(route, schema_of, components),
        "responses": {
            str(route.status): _success(route, schema_of),
            "default": {
                "description": "A problem",
                "content": {PROBLEM: {"schema": {"$ref": REFERENCE.format(name="Problem")}}},
            },
        },
    }
    if route.body is not None:
        kind = MERGE_PATCH if route.patch else JSON
        operation["requestBody"] = {
            "required": True,
            "content": {kind: {"schema": _plain(schema_of[id(route.body)])}},
        }
    return operation


def _success(route: Route, schema_of: Mapping[int, Any]) -> dict[str, Any]:
    response: dict[str, Any] = {"description": route.summary}
    if route.status != 204:
        schema = _plain(schema_of[id(route.result)]) if route.result is not None else {"type": "string"}
        if route.preview is not None:
            schema = {"anyOf": [schema, _plain(schema_of[id(route.preview)])]}
        response["content"] = {kind: {"schema": schema} for kind in route.media_types}
    return response


def _parameters(route: Route, schema_of: Mapping[int, Any], components: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"\{(\w+)\}", route.path)
    ]
    query = components[schema_of[id(route.query)]["$ref"].rsplit("/", 1)[-1]]
    for name, schema in query["properties"].items():
        needed = name in query.get("required", ())
        found.append({"name": name, "in": "query", "required": needed, "schema": _without_null(_plain(schema))})
    if route.versioned:
        found.append(
            _header("If-Match", "The version that is meant: its ETag; `*` for any.", r'^("[^"\s]+"|\*)$', True)
        )
    if route.repeatable:
        found.append(_header("Idempotency-Key", "Makes the request safe to repeat.", r"^[!-~]{1,255}$", False))
    if "text/event-stream" in route.media_types:
        found.append(_header("Last-Event-ID", "Go on behind this event.", r"^\d{1,18}$", False))
    return found


def _header(name: str, description: str, pattern: str, required: bool) -> dict[str, Any]:
    schema = {"type": "string", "pattern": pattern}
    return {"name": name, "in": "header", "required": required, "description": description, "schema": schema}


def _without_null(schema: Any) -> Any:
    """A query parameter is there or not; it is never null."""
    if isinstance(schema, dict) and "anyOf" in schema:
        kept = [one for one in schema["anyOf"] if one != {"type": "null"}]
        rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
        return {**kept[0], **rest} if len(kept) == 1 else {**rest, "anyOf": kept}
    return schema


def _plain(value: Any) -> Any:
    """Tuples and the like as JSON has them; msgspec leaves default values as they are in Python."""
    return msgspec.to_builtins(value, str_keys=True)
