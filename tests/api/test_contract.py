"""The OpenAPI document is true: requests made from it by schemathesis never break the real daemon, and every answer is
as the document says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import sampled_from
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.daemon import OFFLINE, RunningDaemon, config_text, daemon_process
from tests.support.unix_http import UnixHttp

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
EXAMPLES = 10
PARTS = 4
"""The operations are shared out among this many tests, which can run side by side."""


@asynccontextmanager
async def over_tcp(path: Path) -> AsyncIterator[str]:
    """The socket's address for programs that speak TCP only."""

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside_reader, inside_writer = await asyncio.open_unix_connection(path)
        await asyncio.gather(pipe(reader, inside_writer), pipe(inside_reader, writer), return_exceptions=True)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


GOOD: dict[str, Any] = {
    "site": "rostock", "department": "Werkstatt", "connector": "superservice", "partner": "superservice",
    "provider": "superservice", "scope": "general", "dealer_number": "00123",
}  # fmt: skip
CONTACTS = ("email", "phone", "mobile", "business_email", "business_phone", "business_mobile", "vin", "plate")
PATHS = ("language", "box.name", "mail.port", "sites.rostock.brands", "sites.rostock.departments.Werkstatt.capacity",
         "connectors.superservice", "retention", "sites")  # fmt: skip


def ground(case: Any, ids: dict[str, str]) -> None:
    """Bring a request down to earth: things that exist, a version that fits, so that it gets past the first look."""
    collection = case.operation.path.removeprefix("/v1/").split("/")[0]
    good = {**GOOD, "id": ids.get(collection, "1")}
    for values in (case.path_parameters, case.query, case.body):
        if isinstance(values, dict):
            values.update({name: good[name] for name in values.keys() & good.keys()})
            values.update(dict.fromkeys(values.keys() & set(CONTACTS)))
            values.update({name: ids[name] for name in values.keys() & ids.keys()})
    if isinstance(case.body, list):
        for number, change in enumerate(case.body):
            change["path"] = PATHS[number % len(PATHS)]
    if case.headers and "If-Match" in case.headers:
        case.headers["If-Match"] = "*"
    if isinstance(case.body, dict) and {"drop_off", "collection"} <= case.body.keys():
        case.body |= {"drop_off": "2027-03-01T07:00:00Z", "collection": "2027-03-01T15:00:00Z"}


async def furnish(http: UnixHttp) -> dict[str, str]:
    """One record of each kind; their ids by collection and by the field that refers to them."""
    bodies: dict[str, dict[str, Any]] = {
        "customers": {"last_name": "Lübs"},
        "vehicles": {"plate": "HRO-AL 17"},
        "advisors": {"id": "SB1", "name": "Sabine", "site": "rostock", "department": "Werkstatt"},
        "courtesy-cars": {"id": "EW1", "plate": "HRO-EW 1", "site": "rostock"},
        "closures": {"site": "rostock", "start": "2026-12-24T07:00:00Z", "end": "2026-12-24T17:00:00Z"},
        "appointments": {"site": "rostock", "department": "Werkstatt", "drop_off": "2027-03-02T07:00:00Z",
                         "collection": "2027-03-02T15:00:00Z"},
    }  # fmt: skip
    ids = {name: (await http.post(f"/v1/{name}", body)).json["id"] for name, body in bodies.items()}
    references = {"customer_id": "customers", "vehicle_id": "vehicles", "advisor": "advisors", "owner": "customers",
                  "driver": "customers", "courtesy_car": "courtesy-cars"}  # fmt: skip
    return {**ids, **{field: ids[name] for field, name in references.items()}}


def fuzz(address: str, part: int, ids: dict[str, str]) -> list[str]:
    """The operations that were tried; the first answer that breaks the contract is an AssertionError."""
    schema = schemathesis.openapi.from_url(f"{address}/v1/openapi.json")
    tried = []
    for number, found in enumerate(schema.get_all_operations()):
        operation = found.ok()
        if number % PARTS != part or operation.path == "/v1/events":
            continue

        @seed(20261121)
        @settings(
            max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(), grounded=sampled_from([True, True, False]))
        def holds(case: Any, grounded: bool) -> None:
            if grounded:
                ground(case, ids)
            response = case.call(headers={"Connection": "close"})
            case.validate_response(response, checks=CHECKS)

        holds()
        tried.append(operation.label)
    return tried


@pytest.mark.system
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.filterwarnings("ignore")
async def test_no_request_breaks_the_daemon(tmp_path: Path, part: int) -> None:
    text = config_text(sites={"rostock": None, "guestrow": None}, more=OFFLINE)
    async with daemon_process(tmp_path, text) as daemon, over_tcp(daemon.http.path) as address:
        tried = await asyncio.to_thread(fuzz, address, part, await furnish(daemon.http))
        assert len(tried) >= 15
        assert (await daemon.http.get("/v1/health")).json["ok"]
        assert "Traceback" not in daemon.log


async def test_the_document_has_every_route_with_its_role(daemon: RunningDaemon, http: UnixHttp) -> None:
    document = (await http.get("/v1/openapi.json")).json
    assert document["openapi"].startswith("3.1")
    parts = daemon.daemon.parts
    assert parts is not None
    stated = {(route.method, route.path): str(route.role) for route in parts.api.router.routes}
    described = {
        (method.upper(), path): operation["x-role"]
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    assert described == stated
    names = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(names) == len(set(names))
