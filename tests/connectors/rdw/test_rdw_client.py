"""RDW through HTTP: what an unknown plate is, and what an outage."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.sandbox import Sandbox, running_sandbox
from wtpd.channel.errors import NeedsToken, RateLimited, Transient
from wtpd.connectors.kit.http import PartnerHttp
from wtpd.connectors.rdw.client import CANARY, Rdw
from wtpd.connectors.rdw.sandbox import TOKEN


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with running_sandbox(tmp_path) as running:
        await running.control.act("rdw", "vehicle", plate="12-ABC-3", make="VOLVO", model="VOLVO V60")
        yield running


@asynccontextmanager
async def client(sandbox: Sandbox, canary: str = CANARY) -> AsyncIterator[Rdw]:
    rdw = Rdw(PartnerHttp(sandbox.partner("rdw")), canary)
    try:
        yield rdw
    finally:
        await rdw.close()


async def test_a_vehicle_is_found_and_nothing_but_its_plate_is_sent(sandbox: Sandbox) -> None:
    async with client(sandbox) as rdw:
        found = await rdw.look_up("12ABC3")
    assert found.vehicle is not None and found.vehicle["merk"] == "VOLVO"
    assert [row["brandstof_omschrijving"] for row in found.fuels] == ["Benzine"]
    requests = (await sandbox.control.requests(partner="rdw"))["items"]
    assert len(requests) == 2, "recalls aren't asked for where the vehicle says that it has none"
    assert {one["query"] for one in requests} == {"kenteken=12ABC3"}


async def test_an_open_recall_is_asked_for(sandbox: Sandbox) -> None:
    await sandbox.control.act("rdw", "vehicle", plate="12ABC3", recall=True)
    async with client(sandbox) as rdw:
        assert (await rdw.look_up("12ABC3")).recalls[0]["code_status"] == "O"


@pytest.mark.parametrize(
    "fault", [{"kind": "status", "status": 503}, {"kind": "status", "status": 404}, {"kind": "garbage"}]
)
@pytest.mark.parametrize("data_set", ["8ys7-d773", "t49b-isb7"])
async def test_a_data_set_that_is_away_doesnt_withhold_the_vehicle(
    sandbox: Sandbox, data_set: str, fault: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    await sandbox.control.act("rdw", "vehicle", plate="12ABC3", recall=True)
    await sandbox.control.fault("rdw", **fault, route=f"/resource/{data_set}.json")
    async with client(sandbox) as rdw:
        with caplog.at_level(logging.WARNING, "wtpd.connectors.rdw"):
            for _ in range(2):
                found = await rdw.look_up("12ABC3")
                assert found.vehicle is not None and found.vehicle["merk"] == "VOLVO"
    assert len(caplog.records) == 1 and data_set in caplog.text


async def test_a_limit_at_any_data_set_is_a_limit(sandbox: Sandbox) -> None:
    await sandbox.control.fault("rdw", "status", status=429, retry_after="90", route="/resource/8ys7-d773.json")
    async with client(sandbox) as rdw:
        with pytest.raises(RateLimited) as caught:
            await rdw.look_up("12ABC3")
    assert caught.value.retry_after >= 90


async def test_a_plate_is_unknown_only_if_the_canary_is_known(sandbox: Sandbox) -> None:
    async with client(sandbox) as rdw:
        assert (await rdw.look_up("99XXX9")).vehicle is None
        await sandbox.control.act("rdw", "outage", plates="all")
        for plate in ("99XXX9", "12ABC3", CANARY):
            with pytest.raises(Transient) as caught:
                await rdw.look_up(plate)
            assert CANARY in str(caught.value.reason)


async def test_a_form_of_plates_that_is_missing_is_just_unknown(sandbox: Sandbox) -> None:
    await sandbox.control.act("rdw", "outage", plates="sidecode", sidecode="99-XXX-9")
    async with client(sandbox) as rdw:
        assert (await rdw.look_up("12ABC3")).vehicle is None


async def test_a_scrapped_canary_is_no_outage_while_other_plates_are_known(sandbox: Sandbox) -> None:
    async with client(sandbox, canary="AA11AA") as rdw:
        await rdw.look_up("12ABC3")
        assert (await rdw.look_up("99XXX9")).vehicle is None


async def test_a_renamed_field_is_reported_once(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    await sandbox.control.act("rdw", "rename", field="merk", to="merk_naam")
    with caplog.at_level(logging.WARNING, "wtpd.connectors.rdw"):
        async with client(sandbox) as rdw:
            for plate in ("12ABC3", CANARY, "12ABC3"):
                assert (await rdw.look_up(plate)).vehicle is not None
    assert [record.message for record in caplog.records] == [
        "RDW's answers lack fields that every vehicle has: merk. Renamed?"
    ]


async def test_too_many_requests(sandbox: Sandbox) -> None:
    await sandbox.control.act("rdw", "limit", per_minute=2)
    async with client(sandbox) as rdw:
        await rdw.look_up("12ABC3")
        with pytest.raises(RateLimited):
            await rdw.look_up("12ABC3")
        assert (await rdw.look_up("12ABC3", TOKEN)).vehicle is not None, "a token has a limit of its own"


async def test_a_wrong_app_token_is_told(sandbox: Sandbox) -> None:
    async with client(sandbox) as rdw:
        with pytest.raises(NeedsToken) as caught:
            await rdw.look_up("12ABC3", "wrong-token")
    assert "app token" in str(caught.value.reason)


@pytest.mark.parametrize("plate", ["am5001", "AM-50-01"])
async def test_the_sandbox_finds_plates_in_capitals_without_hyphens_only(sandbox: Sandbox, plate: str) -> None:
    await sandbox.control.act("rdw", "vehicle", plate="AM-50-01", make="DAF", registered="19660101")
    async with client(sandbox) as rdw:
        assert (await rdw.look_up("AM5001")).vehicle is not None, "an oldtimer"
        assert (await rdw.look_up(plate)).vehicle is None
