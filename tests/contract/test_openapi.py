"""The contract itself, and a fuzzer that holds the sandbox to it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.sandbox import CLIENT, running_sandbox
from wtpd.connectors.superservice import wire
from wtpd.connectors.superservice.sandbox import contract


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A sandbox in a thread of its own, for the fuzzer doesn't know asyncio."""
    found: list[str] = []
    ready, stop = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with running_sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox:
            found.append(sandbox.partner("superservice"))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(20)
    yield found[0]
    loops[0].call_soon_threadsafe(stop.set)
    thread.join()


@pytest.fixture(scope="module")
def token(address: str) -> str:
    form = {"grant_type": "client_credentials"}
    answer = httpx.post(f"{address}/oauth/token", data=form, auth=(CLIENT["client_id"], CLIENT["client_secret"]))
    return str(answer.json()["access_token"])


def test_every_schema_is_one() -> None:
    for name, schema in contract().document["components"]["schemas"].items():
        assert jsonschema_rs.meta.is_valid({**schema, "$schema": "https://json-schema.org/draft/2020-12/schema"}), name


def test_every_reference_leads_somewhere() -> None:
    def walk(node: Any) -> None:
        if isinstance(node, dict):
            contract().resolved(node)
            for member in node.values():
                walk(member)
        elif isinstance(node, list):
            for member in node:
                walk(member)

    walk(contract().document)


def test_wire_knows_every_code_of_the_contract() -> None:
    schemas = contract().document["components"]["schemas"]
    for name, place in (("StatusCode", "status"), ("TransportCode", "transport_option")):
        for code in set(schemas[name]["x-known-codes"]) - {"CANCELLED"}:
            assert wire.PLACES[place].write(wire.PLACES[place].read(code, "")) == code


SCHEMA = schemathesis.openapi.from_dict(contract().document)


@SCHEMA.parametrize()
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_the_sandbox_keeps_the_contract_whatever_it_is_asked(case: Any, address: str, token: str) -> None:
    if case.operation.path != "/oauth/token":
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {token}"}
        case.path_parameters = {**(case.path_parameters or {}), "dealerNumber": "00123"}
    if case.query and "wait" in case.query:
        case.query = {**case.query, "wait": 0}
    case.call_and_validate(
        base_url=address,
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
            response_headers_conformance,
        ],
    )
