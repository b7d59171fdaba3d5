"""The whole daemon at a partner that answers 403: for the dealer number, for a right, for one appointment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.test_channels import booking, live, settle
from tests.support.daemon import RunningDaemon, config_text, running_daemon
from tests.support.sandbox import DEALER, Sandbox, running_sandbox

PARTNER = "superservice"
LOGIN = {"client_id": "dms", "client_secret": "ge+heim%20:ü"}


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with running_sandbox(tmp_path / "sandbox") as running:
        yield running


def english(sandbox: Sandbox) -> str:
    """A configuration whose sentences the tests can read."""
    return config_text(partner=sandbox.partner(PARTNER)).replace("language: de", "language: en")


@asynccontextmanager
async def connected(folder: Path, sandbox: Sandbox, state: str = "healthy") -> AsyncIterator[RunningDaemon]:
    text = english(sandbox)
    async with running_daemon(folder, text) as daemon:
        assert (await daemon.enter_credentials(**LOGIN)).status == 200
        await daemon.until_channel(state)
        yield daemon


async def grant(sandbox: Sandbox, *rights: str, dealers: str = DEALER) -> None:
    await sandbox.control.act(PARTNER, "client", **LOGIN, dealers=dealers, rights=",".join(rights))


async def sync(daemon: RunningDaemon) -> Any:
    return (await daemon.http.post(f"/v1/connectors/{PARTNER}/sync", {})).json["items"][0]


async def test_without_the_right_to_publish_only_publishing_pauses(tmp_path: Path, sandbox: Sandbox) -> None:
    await grant(sandbox, "appointments.read", "appointments.write")
    async with connected(tmp_path, sandbox, "limited") as daemon:
        channel = await daemon.channel()
        assert channel["reason"] == ("The right availability.write is missing: what can be booked isn't published.")
        [problem] = await daemon.problems()
        assert problem["kind"] == "channel.limited"
        assert "availability.write" in problem["text"]
        await daemon.http.post("/v1/appointments", booking(notes="von hier"))
        await settle(daemon)
        booked = await sandbox.control.act(PARTNER, "book", dealer=DEALER, by="customer_app")

        async def taken() -> bool:
            found = (await daemon.http.get("/v1/appointments")).json["items"]
            return booked["id"] in {one["references"].get(PARTNER) for one in found}

        await daemon.until(taken)
        assert (await daemon.channel())["state"] == "limited"
        assert (await sandbox.control.state(PARTNER))["availability"] == {}
        await grant(sandbox, "appointments.read", "appointments.write", "availability.write")
        assert (await sync(daemon))["error"] is None
        await daemon.until_channel("healthy")
        assert (await sandbox.control.state(PARTNER))["availability"][DEALER]


async def test_without_the_right_to_write_bookings_still_come_in(tmp_path: Path, sandbox: Sandbox) -> None:
    await grant(sandbox, "appointments.read", "availability.write")
    async with connected(tmp_path, sandbox) as daemon:
        await daemon.http.post("/v1/appointments", booking(notes="wartet"))
        await daemon.until_channel("limited")
        booked = await sandbox.control.act(PARTNER, "book", dealer=DEALER, by="customer_app")
        await sync(daemon)
        found = (await daemon.http.get("/v1/appointments")).json["items"]
        assert booked["id"] in {one["references"].get(PARTNER) for one in found}
        assert (await daemon.channel())["waiting"] == 1
        assert (await daemon.http.get("/v1/attention?state=open")).json["items"] == [], "no appointment is at fault"
        await grant(sandbox, "appointments.read", "appointments.write", "availability.write")
        await sync(daemon)
        await daemon.until_channel("healthy")
        assert "wartet" in {one["notes"] for one in await live(sandbox)}


async def test_verify_and_storing_name_each_missing_right(tmp_path: Path, sandbox: Sandbox) -> None:
    await grant(sandbox, "appointments.read")
    text = english(sandbox)
    async with running_daemon(tmp_path, text) as daemon:
        stored = await daemon.enter_credentials(**LOGIN)
        assert stored.status == 200
        for right in ("appointments.write", "availability.write"):
            assert f"The right {right} is missing" in stored.json["detail"]
        [found] = (await daemon.http.post(f"/v1/connectors/{PARTNER}/verify", {})).json["items"]
        assert found["error"] is None
        assert found["missing"] == [
            "The right appointments.write is missing: our appointments aren't sent.",
            "The right availability.write is missing: what can be booked isn't published.",
        ]


async def test_credentials_of_other_dealers_lead_to_the_mapping_not_to_new_ones(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    rights = ("appointments.read", "appointments.write", "availability.write")
    await grant(sandbox, *rights)
    async with connected(tmp_path, sandbox) as daemon:
        await grant(sandbox, *rights, dealers="00124,00125")
        run = await sync(daemon)
        sentence = "These credentials don't cover dealer number 00123; they belong to 00124, 00125."
        assert run["error"] == sentence
        channel = await daemon.channel()
        assert (channel["state"], channel["reason"]) == ("not_covered", sentence)
        [problem] = await daemon.problems()
        assert (problem["kind"], problem["place"]["screen"]) == ("channel.not_covered", "mapping")
        assert "Mapping" in problem["next_step"]
        entries = (await daemon.http.get("/v1/credentials")).json["items"]
        assert [one["entries"][0]["last_result"] for one in entries if one["provider"] == PARTNER] == ["ok"]
        before = (await sandbox.control.requests())["total"]
        await daemon.http.post("/v1/appointments", booking())
        assert (await sandbox.control.requests())["total"] == before, "nothing is tried until somebody acts"
        await grant(sandbox, *rights)
        await sync(daemon)
        await daemon.until_channel("healthy")


async def test_a_403_to_one_appointment_is_that_appointments_trouble(tmp_path: Path, sandbox: Sandbox) -> None:
    await grant(sandbox, "appointments.read", "appointments.write", "availability.write")
    async with connected(tmp_path, sandbox) as daemon:
        made = (await daemon.http.post("/v1/appointments", booking(notes="eins"))).json
        await settle(daemon)
        await sandbox.control.fault(PARTNER, "status", status=403, method="PATCH", route="*/appointments/*")
        await daemon.http.patch(f"/v1/appointments/{made['id']}", {"notes": "zwei"}, version="*")

        async def listed() -> bool:
            items = (await daemon.http.get("/v1/attention?state=open")).json["items"]
            return [one["kind"] for one in items] == ["rejected"]

        await daemon.until(listed)
        await daemon.http.post("/v1/appointments", booking(notes="drei"))

        async def sent() -> bool:
            return "drei" in {one["notes"] for one in await live(sandbox)}

        await daemon.until(sent)
        assert (await daemon.channel())["state"] == "healthy"


async def test_a_new_dealer_number_is_verified_before_it_is_saved(tmp_path: Path, sandbox: Sandbox) -> None:
    rights = ("appointments.read", "appointments.write", "availability.write")
    await grant(sandbox, *rights, dealers="00123,00124")
    target, wanted = f"/v1/mapping/rostock/{PARTNER}", {"department": "Werkstatt"}
    async with connected(tmp_path, sandbox) as daemon:
        before = daemon.config.read_text()

        async def put(number: str, *, query: str = "", **more: Any) -> Any:
            return await daemon.http.put(f"{target}{query}", {**wanted, "dealer_number": number, **more})

        assert (await put("00123", query="?preview=true")).json["partner"] is None, "it is the one that it was"
        good = (await put("00124", query="?preview=true")).json["partner"]
        assert (good["verdict"], good["text"]) == (
            "known", "SUPERSERVICE Connect knows dealer number 00124: Autohaus Nordlicht Güstrow.",
        )  # fmt: skip
        for number, sentence in (
            ("00125", "These credentials don't cover dealer number 00125; they belong to 00123, 00124."),
            ("00999", "These credentials don't cover dealer number 00999; they belong to 00123, 00124."),
        ):
            assert (await put(number, query="?preview=true")).json["partner"] == {
                "verdict": "refused", "text": sentence,
            }  # fmt: skip
            refused = await put(number)
            assert (refused.status, refused.kind, refused.json["detail"]) == (409, "number-not-verified", sentence)
        await sandbox.control.fault(PARTNER, "status", status=503)
        assert (await put("00124", query="?preview=true")).json["partner"]["verdict"] == "unreachable"
        assert (await put("00124")).kind == "number-not-verified"
        assert daemon.config.read_text() == before
        assert (await put("00124", unverified=True)).status == 200
        assert 'dealer_number: "00124"' in daemon.config.read_text()


async def test_before_there_are_credentials_a_number_is_saved_and_it_is_said_that_nobody_was_asked(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with running_daemon(tmp_path, english(sandbox)) as daemon:
        wanted = {"department": "Werkstatt", "dealer_number": "00124"}
        saved = await daemon.http.put(f"/v1/mapping/rostock/{PARTNER}", wanted)
        assert (saved.status, saved.json["partner"]["verdict"]) == (200, "not_asked")
        assert "wasn't asked" in saved.json["partner"]["text"]
