"""A partner's contract (OpenAPI 3.1) as the thing that checks requests, for the partners' sides in the sandbox.

*Strict* means: an object has no other members than those the contract lists, and a query no other parameters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jsonschema_rs
import msgspec
import yaml

ERRORS_TOLD = 20
_METHODS = ("get", "post", "put", "patch", "delete")


class Refusal(Exception):
    """The request can't be taken: the status, the end of the problem's type, its title, and what else it tells."""

    def __init__(
        self, status: int, slug: str, title: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(title)
        self.status = status
        self.slug = slug
        self.title = title
        self.headers = dict(headers or {})
        self.more = more


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    place: str
    required: bool
    whole: bool
    """A whole number, which has to be read from its text."""
    default: Any
    is_valid: Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Operation:
    id: str
    method: str
    pattern: re.Pattern[str]
    parameters: tuple[Parameter, ...]
    media_type: str | None
    body: jsonschema_rs.Draft202012Validator | None


@dataclass(frozen=True, slots=True)
class Checked:
    """A request that keeps the contract: its parameters by name (headers as the contract writes them) and its body."""

    operation: str
    parameters: Mapping[str, Any]
    body: Any
    raw_body: bytes
    headers: Mapping[str, str]
    """By lower-case name."""


class Contract:
    """`document` is the strict form, as a JSON value."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = strict(document)
        self._operations = [
            self._operation(path, method, item)
            for path, item in self.document["paths"].items()
            for method in _METHODS
            if method in item
        ]

    @classmethod
    def load(cls, file: Path) -> Contract:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return cls(yaml.load(file.read_text(encoding="utf-8"), Loader=loader))  # noqa: S506 - both are safe loaders

    def operation(self, method: str, path: str) -> tuple[Operation, dict[str, str]]:
        """The operation and the parameters in its path. Raises `Refusal` 404 or 405."""
        allowed = []
        for operation in self._operations:
            found = operation.pattern.fullmatch(path)
            if found is None:
                continue
            if operation.method == method:
                return operation, found.groupdict()
            allowed.append(operation.method)
        if allowed:
            raise Refusal(405, "method", "This can't be done here", headers={"Allow": ", ".join(sorted(allowed))})
        raise Refusal(404, "not-found", "There is no such address")

    def checked(
        self,
        operation: Operation,
        in_path: Mapping[str, str],
        query: bytes,
        headers: Mapping[str, str],
        body: bytes,
    ) -> Checked:
        """The request, if it keeps the contract. Raises `Refusal` 400, 415, 422 or 428."""
        in_query = _query(query, operation)
        parameters: dict[str, Any] = {}
        for one in operation.parameters:
            source = {"path": in_path, "query": in_query, "header": headers}[one.place]
            parameters[one.name] = _parameter(one, source.get(one.name.lower() if one.place == "header" else one.name))
        return Checked(operation.id, parameters, _body(operation, headers, body), body, headers)

    def resolved(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        """`node`, or what its `$ref` within this document names."""
        while "$ref" in node:
            target: Any = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    def validator(self, schema: Mapping[str, Any]) -> jsonschema_rs.Draft202012Validator:
        """Compiled; its messages don't repeat values."""
        whole = {**schema, "components": self.document["components"]}
        return jsonschema_rs.Draft202012Validator(whole, validate_formats=True, mask="the value")

    def _operation(self, path: str, method: str, item: Mapping[str, Any]) -> Operation:
        described = item[method]
        media_type = body = None
        if "requestBody" in described:
            [(media_type, content)] = described["requestBody"]["content"].items()
            body = self.validator(content["schema"])
        parameters = [*item.get("parameters", ()), *described.get("parameters", ())]
        return Operation(
            id=described["operationId"],
            method=method.upper(),
            pattern=re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)),
            parameters=tuple(self._parameter(self.resolved(one)) for one in parameters),
            media_type=media_type,
            body=body,
        )

    def _parameter(self, described: Mapping[str, Any]) -> Parameter:
        schema = self.resolved(described["schema"])
        return Parameter(
            name=described["name"],
            place=described["in"],
            required=described.get("required", False),
            whole=schema.get("type") == "integer",
            default=schema.get("default"),
            is_valid=self.validator(schema).is_valid,
        )


def strict(document: Mapping[str, Any]) -> dict[str, Any]:
    """The contract with every object closed."""
    copy = deepcopy(dict(document))
    _close(copy)
    return copy


def _close(node: Any) -> None:
    if isinstance(node, dict):
        if node.get("type") == "object" and "properties" in node:
            node.setdefault("additionalProperties", False)
        for member in node.values():
            _close(member)
    elif isinstance(node, list):
        for member in node:
            _close(member)


def _query(query: bytes, operation: Operation) -> dict[str, str]:
    known = {one.name for one in operation.parameters if one.place == "query"}
    values: dict[str, str] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name not in known or name in values:
            raise Refusal(400, "parameter", f"The parameter {name[:64]!r} isn't known or comes twice")
        values[name] = value
    return values


def _parameter(one: Parameter, text: str | None) -> Any:
    if text is None:
        if not one.required:
            return one.default
        if one.name == "If-Match":
            raise Refusal(428, "precondition-required", "If-Match is missing")
        raise Refusal(400, "parameter", f"{one.name} is missing")
    value = int(text) if one.whole and re.fullmatch(r"-?[0-9]{1,15}", text) else text
    if not one.is_valid(value):
        raise Refusal(404 if one.place == "path" else 400, "parameter", f"{one.name} isn't as the contract says")
    return value


def _body(operation: Operation, headers: Mapping[str, str], body: bytes) -> Any:
    if operation.body is None:
        return None
    media_type, _, charset = headers.get("content-type", "").partition(";")
    if media_type.strip().lower() != operation.media_type:
        raise Refusal(415, "media-type", f"The body must be {operation.media_type}")
    if charset and "utf-8" not in charset.lower():
        raise Refusal(415, "media-type", "The body must be in UTF-8")
    value = _decoded(operation.media_type, body)
    if not operation.body.is_valid(value):
        errors = [
            {"field": ".".join(str(part) for part in error.instance_path), "detail": error.message}
            for _, error in zip(range(ERRORS_TOLD), operation.body.iter_errors(value), strict=False)
        ]
        detail = "; ".join(f"{error['field']}: {error['detail']}" for error in errors[:3])
        raise Refusal(422, "invalid", "The body isn't as the contract says", detail=detail, errors=errors)
    return value


def _decoded(media_type: str, body: bytes) -> Any:
    try:
        if media_type == "application/x-www-form-urlencoded":
            return _once(parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body)))
        msgspec.json.decode(body)  # which takes nothing that isn't JSON, such as NaN
        return json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise Refusal(400, "syntax", "The body can't be read") from None


def _once(members: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Raises ValueError for a member that is given twice, of which nobody knows which one is meant."""
    found = dict(members)
    if len(found) < len(members):
        raise ValueError("a member is given twice")
    return found
