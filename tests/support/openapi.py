"""Checks real exchanges against a partner's contract (OpenAPI 3.1): an HTTP transport that looks at all that passes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import msgspec
from httpx_aiohttp import AiohttpTransport

from wtpd.connectors.kit.contract import Contract, Refusal


class CheckedTransport(httpx.AsyncBaseTransport):
    """Real HTTP; an AssertionError says which request or answer breaks the contract. `seen` holds the operations with
    their statuses."""

    def __init__(self, contract: Contract, mount: str) -> None:
        self._contract = contract
        self._mount = mount
        self._inner = AiohttpTransport()
        self.seen: list[tuple[str, int]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        operation = check_request(self._contract, self._mount, request)
        response = await self._inner.handle_async_request(request)
        body = b"".join([piece async for piece in response.stream])  # type: ignore[union-attr]  # async transport
        await response.aclose()
        check_answer(self._contract, operation, response.status_code, response.headers, body)
        self.seen.append((operation, response.status_code))
        return httpx.Response(response.status_code, headers=response.headers, stream=httpx.ByteStream(body))

    async def aclose(self) -> None:
        await self._inner.aclose()


def check_request(contract: Contract, mount: str, request: httpx.Request) -> str:
    """The operation's id. Raises AssertionError."""
    path = request.url.path.removeprefix(mount)
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        operation, in_path = contract.operation(request.method, path)
        contract.checked(operation, in_path, request.url.query, headers, request.content)
    except Refusal as refusal:
        raise AssertionError(f"{request.method} {path} breaks the contract: {refusal.title} {refusal.more}") from None
    return operation.id


def check_answer(contract: Contract, operation: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Raises AssertionError."""
    described = _response(contract, operation, status)
    for name, header in described.get("headers", {}).items():
        header = contract.resolved(header)
        value = headers.get(name)
        assert value is not None or not header.get("required"), f"{operation} {status}: no {name}"
        if value is not None:
            assert contract.validator(header["schema"]).is_valid(value), f"{operation} {status}: {name}: {value}"
    media_type = headers.get("content-type", "").partition(";")[0]
    assert media_type in described["content"], f"{operation} {status}: {media_type}"
    validator = contract.validator(described["content"][media_type]["schema"])
    errors = [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(msgspec.json.decode(body))]
    assert not errors, f"{operation} {status}: {errors}"


def _response(contract: Contract, operation: str, status: int) -> Mapping[str, Any]:
    for item in contract.document["paths"].values():
        for described in item.values():
            if isinstance(described, dict) and described.get("operationId") == operation:
                responses = described["responses"]
                found = responses.get(str(status)) or responses.get(f"{status // 100}XX")
                assert found is not None, f"{operation} has no answer {status}"
                return contract.resolved(found)
    raise AssertionError(f"no operation {operation}")
