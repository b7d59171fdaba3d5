"""Carloop's contract: the document itself, every exchange held to it, and a fuzzer against the sandbox."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

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

from tests.support.openapi import CheckedTransport
from wtpd.channel.errors import CursorRefused, NeedsToken, Precondition, Rejected
from wtpd.clock import Clock, SystemClock
from wtpd.connectors.carloop import manifest
from wtpd.connectors.carloop.sandbox import contract
from wtpd.connectors.carloop.settings import CarloopSettings
from wtpd.connectors.kit.http import PartnerHttp
from wtpd.connectors.manifest import RentalConnector
from wtpd.rentals.ports import CarTaken, EndCollides, PriceChanged, ReferenceUsed, RentalUnknown, RenterRefused, TooLate
from wtpd.rentals.records import Booking, Price, Renter, Wish
from wtpd.testing import Sandbox, running_sandbox

TOKEN = "sandboxtoken0123456789"
RENTER = Renter(number="K-1", last_name="Jürgens", email="ilse@example.com", country="DE", language="de")


def period() -> Wish:
    """From a Monday at ten to the Wednesday after it, in about a month."""
    local = datetime.now(ZoneInfo("Europe/Berlin")) + timedelta(days=30)
    start = local.replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=-local.weekday() % 7)
    return Wish(start=start, end=start + timedelta(days=2))


@dataclass(frozen=True)
class Checked:
    """Gives the connector an HTTP client whose exchanges are held to the contract."""

    transport: CheckedTransport
    settings: CarloopSettings = CarloopSettings(calls_per_second=50)  # noqa: RUF009 - frozen
    clock: Clock = SystemClock()  # noqa: RUF009

    async def secrets(self) -> dict[str, str]:
        return {}

    def http(
        self, address: str | None = None, *, size_limit: int | None = None, ca_file: str | None = None
    ) -> PartnerHttp:
        assert address is not None
        return PartnerHttp(address, transport=self.transport)


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with running_sandbox(tmp_path, manifests=[manifest]) as sandbox:
        await sandbox.control.act("carloop", "rules", per_second=0)
        yield sandbox


@asynccontextmanager
async def checked(transport: CheckedTransport) -> AsyncIterator[RentalConnector]:
    assert manifest.rentals is not None
    connector = manifest.rentals(Checked(transport))
    try:
        yield connector
    finally:
        await connector.close()


def booking(reference: str, wish: Wish, **changed: Any) -> Booking:
    made = Booking(reference=reference, appointment="T-1", car="101", start=wish.start, end=wish.end, renter=RENTER)
    return replace(made, **changed)


async def test_every_exchange_keeps_the_contract(sandbox: Sandbox) -> None:
    transport = CheckedTransport(contract(), "/carloop")
    login, wish = {"address": sandbox.partner("carloop"), "token": TOKEN}, period()
    async with checked(transport) as carloop:
        await carloop.verify(login)
        [car] = (await carloop.search(login, replace(wish, station="1", classes=("K",), features=("AUT",)))).cars
        assert car.price == Price(Decimal("89.80"), "EUR")
        body = carloop.encode_booking(booking("R-1", wish, car=car.id, expected_price=car.price))
        made = await carloop.book(login, body)
        assert await carloop.book(login, body) == made == await carloop.find(login, "R-1")
        changed = await carloop.change_end(
            login, made.number, made.version, carloop.encode_end(wish.end + timedelta(days=1))
        )
        assert changed.price == Price(Decimal("134.70"), "EUR")
        assert (await carloop.changes(login, None, wish.start - timedelta(days=90))).rentals == (changed,)
        await carloop.cancel(login, made.number, carloop.encode_cancellation("Termin abgesagt"))
        page = await carloop.changes(login, None, None)
        await carloop.changes(login, page.cursor, None)
        assert (await carloop.get(login, made.number)).cancel_reason == "Termin abgesagt"
    assert {described for described, status in transport.seen if status < 300} == {
        "terms", "search", "book", "rentals", "rental", "changeEnd", "cancel",
    }  # fmt: skip
    assert {status for described, status in transport.seen if described == "book"} == {200, 201}


async def test_every_refusal_keeps_the_contract(sandbox: Sandbox) -> None:
    transport = CheckedTransport(contract(), "/carloop")
    login, wish = {"address": sandbox.partner("carloop"), "token": TOKEN}, period()
    async with checked(transport) as carloop:
        made = await carloop.book(login, carloop.encode_booking(booking("R-1", wish)))
        await sandbox.control.act("carloop", "lock", who="gesperrt")
        night = replace(wish, end=wish.end.replace(hour=23))
        locked, price = Renter(last_name="Gesperrt", email="g@example.com"), Price(Decimal(1), "EUR")
        for given, kind in (
            (booking("R-1", wish, car="102"), ReferenceUsed),
            (booking("R-2", wish), CarTaken),
            (booking("R-3", wish, car="102", expected_price=price), PriceChanged),
            (booking("R-4", wish, car="102", renter=locked), RenterRefused),
            (booking("R-5", wish, car="102", start=wish.start - timedelta(days=90)), TooLate),
            (booking("R-6", night, car="102"), Rejected),
            (booking("R-7", wish, car="777"), Rejected),
            (booking("R-8", wish, car="102", renter=Renter()), Rejected),
        ):
            with pytest.raises(kind):
                await carloop.book(login, carloop.encode_booking(given))
        after = Wish(start=wish.end + timedelta(hours=1), end=wish.end + timedelta(days=2))
        await carloop.book(login, carloop.encode_booking(booking("R-9", after)))
        later = carloop.encode_end(wish.end + timedelta(days=1))
        with pytest.raises(EndCollides) as collided:
            await carloop.change_end(login, made.number, made.version, later)
        assert collided.value.latest_end == wish.end + timedelta(minutes=30)
        await sandbox.control.act("carloop", "hand-over", number="R-1")
        with pytest.raises(Precondition):
            await carloop.change_end(login, made.number, made.version, later)
        with pytest.raises(RentalUnknown):
            await carloop.get(login, "V999999")
        with pytest.raises(CursorRefused):
            await carloop.changes(login, "nonsense", None)
        with pytest.raises(NeedsToken):
            await carloop.terms({**login, "token": "another"})
    assert {status for _, status in transport.seen} == {200, 201, 400, 401, 404, 409, 412, 422}


# --- the document, and the fuzzer


def test_every_schema_is_one_and_every_reference_leads_somewhere() -> None:
    def walk(node: Any) -> None:
        if isinstance(node, dict):
            contract().resolved(node)
        for member in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            walk(member)

    walk(contract().document)
    for name, schema in contract().document["components"]["schemas"].items():
        assert jsonschema_rs.meta.is_valid({**schema, "$schema": "https://json-schema.org/draft/2020-12/schema"}), name


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A sandbox in a thread of its own, for the fuzzer doesn't know asyncio."""
    found: list[str] = []
    ready, stop = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with running_sandbox(tmp_path_factory.mktemp("carloop"), manifests=[manifest]) as sandbox:
            await sandbox.control.act("carloop", "rules", per_second=0)
            found.append(sandbox.partner("carloop"))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(60)
    yield found[0]
    loops[0].call_soon_threadsafe(stop.set)
    thread.join()


SCHEMA = schemathesis.openapi.from_dict(contract().document)


@SCHEMA.parametrize()
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_the_sandbox_keeps_the_contract_whatever_it_is_asked(case: Any, address: str) -> None:
    case.headers = {**(case.headers or {}), "Authorization": f"Token {TOKEN}"}
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
