from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.support.sandbox import (
    CLIENT,
    DEALER,
    Sandbox,
    creation,
    giving,
    running_sandbox,
    superservice_connector,
    update,
)
from wtpd.channel.errors import NeedsToken, NotAllowed, PartnerBroken, Rejected, Transient
from wtpd.connectors.kit.http import PartnerHttp
from wtpd.connectors.kit.oauth import Tokens
from wtpd.connectors.superservice.client import Client

PARTNER = "superservice"


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with running_sandbox(tmp_path) as sandbox:
        yield sandbox


async def tokens_asked(sandbox: Sandbox) -> int:
    return int((await sandbox.control.requests(path="/oauth/token"))["total"])


async def test_many_calls_at_once_need_one_token(sandbox: Sandbox) -> None:
    async with superservice_connector(sandbox) as connector:
        await asyncio.gather(*(connector.verify(DEALER) for _ in range(20)))
    assert await tokens_asked(sandbox) == 1


async def test_wrong_credentials_are_tried_once_for_all_that_wait(sandbox: Sandbox) -> None:
    async with superservice_connector(sandbox, {**CLIENT, "client_secret": "wrong"}) as connector:
        ends = await asyncio.gather(*(connector.verify(DEALER) for _ in range(8)), return_exceptions=True)
    assert {type(end) for end in ends} == {NeedsToken}
    assert await tokens_asked(sandbox) == 1


async def test_missing_credentials_cause_no_call(sandbox: Sandbox) -> None:
    async with superservice_connector(sandbox, {"client_id": "sandbox"}) as connector:
        with pytest.raises(NeedsToken):
            await connector.verify(DEALER)
    assert (await sandbox.control.requests())["total"] == 0


async def test_a_token_that_is_refused_is_replaced_once(sandbox: Sandbox) -> None:
    async with superservice_connector(sandbox) as connector:
        await connector.verify(DEALER)
        await sandbox.control.fault(PARTNER, "status", status=401, route="/v1/*", count=8)
        ends = await asyncio.gather(*(connector.verify(DEALER) for _ in range(8)))
    assert len(ends) == 8
    assert await tokens_asked(sandbox) == 2


async def test_a_fresh_token_that_is_refused_stops_the_call(sandbox: Sandbox) -> None:
    async with superservice_connector(sandbox) as connector:
        await sandbox.control.fault(PARTNER, "status", status=401, route="/v1/*")
        with pytest.raises(NeedsToken):
            await connector.write(creation("a-1"))
    assert (await sandbox.control.requests(path="/v1/*"))["total"] == 2


async def test_a_right_that_is_missing_asks_for_no_new_token(sandbox: Sandbox) -> None:
    secrets = {"client_id": "dealer-00124", "client_secret": "secret-00124"}
    async with superservice_connector(sandbox, secrets) as connector:
        with pytest.raises(NotAllowed):
            await connector.verify(DEALER)
    assert await tokens_asked(sandbox) == 1


async def test_a_token_is_renewed_before_its_end(sandbox: Sandbox) -> None:
    now = 1000.0
    http = PartnerHttp(sandbox.partner(PARTNER))
    client = Client(http, Tokens(http, giving(CLIENT), lambda: now))
    await client.dealer(DEALER)
    now += 3600 - 61
    await client.dealer(DEALER)
    assert await tokens_asked(sandbox) == 1
    now += 2
    await client.dealer(DEALER)
    assert await tokens_asked(sandbox) == 2
    await client.close()


async def test_a_token_that_the_partners_clock_ended_is_replaced(sandbox: Sandbox) -> None:
    async with superservice_connector(sandbox) as connector:
        await connector.verify(DEALER)
        await sandbox.control.fault(PARTNER, "clock_skew", seconds=7200)
        await connector.verify(DEALER)
    assert await tokens_asked(sandbox) == 2


async def test_new_credentials_are_used_at_once(sandbox: Sandbox) -> None:
    secrets = {"client_id": "dealer-00124", "client_secret": "secret-00124"}
    async with superservice_connector(sandbox, secrets) as connector:
        await connector.verify("00124")
        secrets.update(CLIENT)
        assert (await connector.verify(DEALER)).account == DEALER


async def test_a_broken_token_is_the_partners_error(sandbox: Sandbox) -> None:
    async with superservice_connector(sandbox) as connector:
        await sandbox.control.fault(PARTNER, "wrong_types", route="/oauth/token", field="expires_in", count=1)
        with pytest.raises(PartnerBroken):
            await connector.verify(DEALER)
        await connector.verify(DEALER)


async def test_a_token_server_in_trouble_is_no_wrong_secret(sandbox: Sandbox) -> None:
    async with superservice_connector(sandbox) as connector:
        await sandbox.control.fault(PARTNER, "status", status=503, route="/oauth/token", count=1)
        with pytest.raises(Transient):
            await connector.verify(DEALER)
        await connector.verify(DEALER)


async def test_a_caller_that_gives_up_leaves_the_others_their_token(sandbox: Sandbox) -> None:
    async with superservice_connector(sandbox) as connector:
        await sandbox.control.fault(PARTNER, "never", route="/oauth/token", count=1)
        first = asyncio.create_task(connector.verify(DEALER))
        while await tokens_asked(sandbox) == 0:
            await asyncio.sleep(0)
        second = asyncio.create_task(connector.verify(DEALER))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).account == DEALER


async def test_odd_numbers_and_ids_stay_inside_their_address(sandbox: Sandbox) -> None:
    async with superservice_connector(sandbox) as connector:
        for odd in ("../../oauth", "00123/appointments", "00123?x=1", "00123#x", "0 0"):
            with pytest.raises((Rejected, NotAllowed)):
                await connector.verify(odd)
            with pytest.raises(Rejected):
                await connector.get(DEALER, odd)
    assert (await sandbox.control.requests(path="/oauth/token", status="404,405"))["total"] == 0


async def test_no_secret_is_in_an_error(sandbox: Sandbox) -> None:
    async with superservice_connector(sandbox, {**CLIENT, "client_secret": "geheim-17"}) as connector:
        with pytest.raises(NeedsToken) as refused:
            await connector.verify(DEALER)
    assert "geheim-17" not in str(refused.value)


async def test_an_answer_about_another_appointment_is_refused(sandbox: Sandbox) -> None:
    """A proxy that mixes up two callers."""

    def mixed_up(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            return httpx.Response(200, json={"access_token": "t", "token_type": "Bearer", "expires_in": 60})
        return httpx.Response(200, json={"id": "A2", "version": 2, "status": "BOOKED"})

    async with superservice_connector(sandbox, transport=httpx.MockTransport(mixed_up)) as connector:
        with pytest.raises(PartnerBroken):
            await connector.get(DEALER, "A1")
        with pytest.raises(PartnerBroken):
            await connector.write(update("a-1", "A1", 1, key="k-2", notes="neu"))
        assert (await connector.write(update("a-2", "A2", 1, key="k-3", notes="neu"))).version == 2
