"""The suite for sources of vehicle data."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from wtpd.channel.errors import NeedsToken, PartnerBroken, PartnerError, RateLimited, Transient
from wtpd.connectors.manifest import Manifest, VehicleDataConnector
from wtpd.testing.sandbox import Sandbox, access_to, running_sandbox
from wtpd.vehicle_data.records import Place, Query

FAULTS: list[tuple[dict[str, Any], type[PartnerError]]] = [
    ({"kind": "status", "status": 429}, RateLimited),
    ({"kind": "status", "status": 500}, Transient),
    ({"kind": "status", "status": 503, "retry_after": "7"}, RateLimited),
    ({"kind": "cut", "work": "none"}, Transient),
    ({"kind": "cut_middle"}, PartnerBroken),
    ({"kind": "garbage"}, PartnerBroken),
    ({"kind": "huge"}, PartnerBroken),
]


class _Stopped(Exception):
    """Raised by `before` in place of a request."""


async def _go_on() -> None:
    pass


def _name(value: Any) -> str | None:
    if isinstance(value, dict):
        return "-".join(str(part) for part in value.values())
    return value.__name__ if isinstance(value, type) else None


class VehicleDataContract(ABC):
    """`secrets`: fields of a credential that is good in every new sandbox; `wrong_secrets`: of one that isn't, None
    for a source that takes anybody."""

    manifest: ClassVar[Manifest]
    secrets: ClassVar[Mapping[str, str]] = {}
    wrong_secrets: ClassVar[Mapping[str, str] | None] = None
    place: ClassVar[Place] = Place("de", "DE")
    unknown: ClassVar[Query]
    """A query about a vehicle that the partner doesn't know."""

    @abstractmethod
    async def registers(self, sandbox: Sandbox) -> Query:
        """Let the partner know a vehicle; return the query that finds it."""

    def address(self, sandbox: Sandbox) -> str:
        return sandbox.partner(self.manifest.name)

    @asynccontextmanager
    async def connecting(self, sandbox: Sandbox, **limits: float) -> AsyncIterator[VehicleDataConnector]:
        """Give the connector, talking to the sandbox; `limits` as for `access_to`."""
        assert self.manifest.vehicle_data is not None
        source = self.manifest.vehicle_data(access_to(self.manifest, self.address(sandbox), self.secrets, **limits))
        try:
            yield source
        finally:
            await source.close()

    async def requests(self, sandbox: Sandbox) -> int:
        """Return how many requests the partner got so far."""
        return len((await sandbox.control.requests(partner=self.manifest.name, limit=500))["items"])

    @pytest.fixture
    async def sandbox(self, tmp_path: Path) -> AsyncIterator[Sandbox]:
        async with running_sandbox(tmp_path, manifests=[self.manifest]) as sandbox:
            yield sandbox

    @pytest.fixture
    async def source(self, sandbox: Sandbox) -> AsyncIterator[VehicleDataConnector]:
        async with self.connecting(sandbox) as source:
            yield source

    # --- answers

    async def test_a_vehicle_is_found_and_a_kept_answer_says_the_same(
        self, source: VehicleDataConnector, sandbox: Sandbox
    ) -> None:
        query = await self.registers(sandbox)
        reply = await source.identify(self.secrets, query, self.place, before=_go_on)
        assert reply.identity.candidates
        assert source.read(reply.text) == reply.identity

    async def test_an_unknown_vehicle_has_no_candidates(self, source: VehicleDataConnector) -> None:
        reply = await source.identify(self.secrets, self.unknown, self.place, before=_go_on)
        assert reply.identity.candidates == ()
        assert source.read(reply.text) == reply.identity

    async def test_queries_at_the_same_time_have_their_own_answers(
        self, source: VehicleDataConnector, sandbox: Sandbox
    ) -> None:
        known = await self.registers(sandbox)
        queries = [known, self.unknown] * 4
        replies = await asyncio.gather(
            *(source.identify(self.secrets, query, self.place, before=_go_on) for query in queries)
        )
        assert [bool(reply.identity.candidates) for reply in replies] == [True, False] * 4

    async def test_an_answer_that_nobody_can_read_is_none(self, source: VehicleDataConnector) -> None:
        assert source.read_raw(b"\x00 no answer", None) is None

    async def test_it_says_what_it_can(self, source: VehicleDataConnector) -> None:
        traits = source.traits
        assert traits.by_vin or traits.by_plate
        assert traits.limit_per_day is None or traits.limit_per_day > 0
        assert source.locale(self.place)

    # --- queries that count

    async def test_before_each_request_that_counts_it_asks(
        self, source: VehicleDataConnector, sandbox: Sandbox
    ) -> None:
        query = await self.registers(sandbox)
        asked = 0

        async def count() -> None:
            nonlocal asked
            asked += 1

        await source.identify(self.secrets, query, self.place, before=count)
        assert asked >= 1

    async def test_a_query_that_may_not_be_made_isnt_made(self, sandbox: Sandbox) -> None:
        async def stop() -> None:
            raise _Stopped

        query = await self.registers(sandbox)
        async with self.connecting(sandbox) as source:
            with pytest.raises(_Stopped):
                await source.identify(self.secrets, query, self.place, before=stop)
        stopped = await self.requests(sandbox)
        async with self.connecting(sandbox) as source:
            await source.identify(self.secrets, query, self.place, before=_go_on)
        assert await self.requests(sandbox) - stopped > stopped

    # --- logins

    async def test_verify_says_who_we_are_there(self, source: VehicleDataConnector) -> None:
        verified = await source.verify(self.secrets, self.place)
        assert verified.account
        assert verified.name

    async def test_a_wrong_login_needs_another_one(self, source: VehicleDataConnector, sandbox: Sandbox) -> None:
        if self.wrong_secrets is None:
            pytest.skip("it takes anybody")
        query = await self.registers(sandbox)
        with pytest.raises(NeedsToken):
            await source.identify(self.wrong_secrets, query, self.place, before=_go_on)
        assert await source.is_refused(self.wrong_secrets, self.place, at="identification")
        with pytest.raises(NeedsToken):
            await source.verify(self.wrong_secrets, self.place)
        await source.identify(self.secrets, query, self.place, before=_go_on)

    # --- a partner in trouble

    @pytest.mark.parametrize(("fault", "error"), FAULTS, ids=_name)
    async def test_each_fault_has_its_error(
        self, source: VehicleDataConnector, sandbox: Sandbox, fault: dict[str, Any], error: type[PartnerError]
    ) -> None:
        query = await self.registers(sandbox)
        await sandbox.control.fault(self.manifest.name, **fault)
        with pytest.raises(error):
            await source.identify(self.secrets, query, self.place, before=_go_on)
        await sandbox.control.clear_faults(self.manifest.name)
        assert (await source.identify(self.secrets, query, self.place, before=_go_on)).identity.candidates

    async def test_a_partner_that_never_answers_is_given_up(self, sandbox: Sandbox) -> None:
        query = await self.registers(sandbox)
        await sandbox.control.fault(self.manifest.name, "never")
        async with self.connecting(sandbox, read_timeout=0.3, total_timeout=0.6) as source:
            with pytest.raises(Transient):
                await source.identify(self.secrets, query, self.place, before=_go_on)
