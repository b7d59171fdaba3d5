"""Credentials are tried at the partner before they are stored: wrong ones, another dealer's, a partner that is down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import RunningDaemon, config_text, running_daemon
from tests.support.sandbox import CLIENT, Sandbox, running_sandbox
from tests.support.unix_http import Reply
from wtpd.texts import N_

ROSTOCK = {"client_id": "dealer-00123", "client_secret": "secret-00123"}
GUESTROW = {"client_id": "dealer-00124", "client_secret": "secret-00124"}
BY_OFFICE = "credentials:\n  superservice:\n    scope: office\n"


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with running_sandbox(tmp_path / "sandbox") as running:
        yield running


@asynccontextmanager
async def box(folder: Path, sandbox: Sandbox, *, more: str = "", **numbers: str) -> AsyncIterator[RunningDaemon]:
    """Rostock and Güstrow, each with its dealer number."""
    sites = {"rostock": "00123", "guestrow": "00124", **numbers}
    text = config_text(partner=sandbox.partner("superservice"), sites=sites, more=more)
    async with running_daemon(folder, text) as daemon:
        yield daemon


async def put(daemon: RunningDaemon, scope: str, fields: dict[str, str], *, language: str = "en", **more: Any) -> Reply:
    target = f"/v1/credentials/superservice/{scope}"
    return await daemon.http.put(target, {"fields": fields, **more}, accept_language=language)


async def entries(daemon: RunningDaemon) -> dict[str, Any]:
    items = (await daemon.http.get("/v1/credentials")).json["items"]
    return {entry["scope"]: entry for one in items if one["provider"] == "superservice" for entry in one["entries"]}


async def audit(daemon: RunningDaemon) -> list[tuple[str, str]]:
    items = (await daemon.http.get("/v1/credentials/audit")).json["items"]
    return [(one["action"], one["result"]) for one in reversed(items)]


async def test_good_ones_are_tried_at_every_dealer_they_serve(tmp_path: Path, sandbox: Sandbox) -> None:
    async with box(tmp_path, sandbox) as daemon:
        stored = await put(daemon, "general", CLIENT)
        assert (stored.status, stored.json["tested"]) == (200, True)
        assert "(00123)" in stored.json["detail"]
        assert "(00124)" in stored.json["detail"]
        assert stored.json["entry"]["last_result"] == "ok"
        await daemon.until_channel("healthy")
        told = await audit(daemon)
        assert told[:2] == [("test", "ok"), ("set", "")]

        async def used() -> bool:
            return ("first use", "ok") in await audit(daemon)

        await daemon.until(used)


async def test_wrong_ones_are_refused_and_the_old_ones_stay(tmp_path: Path, sandbox: Sandbox) -> None:
    async with box(tmp_path, sandbox) as daemon:
        await put(daemon, "general", CLIENT)
        before = (await entries(daemon))["general"]
        for force in (False, True):
            refused = await put(daemon, "general", {"client_secret": "wrong"}, force=force)
            assert (refused.status, refused.kind) == (409, "credentials-refused")
            assert "Nothing was stored." in refused.json["detail"]
        after = (await entries(daemon))["general"]
        assert (after["fingerprint"], after["last_result"]) == (before["fingerprint"], "ok")
        assert ("test", "refused") in await audit(daemon)
        await daemon.until_channel("healthy")


@pytest.mark.parametrize("force", [False, True])
async def test_those_of_another_dealer_are_stopped_with_both_numbers(
    tmp_path: Path, sandbox: Sandbox, force: bool
) -> None:
    async with box(tmp_path, sandbox, more=BY_OFFICE) as daemon:
        assert (await put(daemon, "office:guestrow", GUESTROW)).status == 200
        refused = await put(daemon, "office:rostock", GUESTROW, force=force)
        assert (refused.status, refused.kind) == (409, "other-dealer")
        assert (refused.json["dealer_number"], refused.json["belongs_to"]) == ("00123", "00124")
        assert refused.json["detail"].startswith("These credentials belong to dealer number 00124 (Autohaus Nordlicht")
        assert "the mapping has 00123 for rostock" in refused.json["detail"]
        assert list(await entries(daemon)) == ["office:guestrow"]


async def test_general_ones_must_serve_all_sites_that_use_them(tmp_path: Path, sandbox: Sandbox) -> None:
    async with box(tmp_path, sandbox) as daemon:
        refused = await put(daemon, "general", ROSTOCK)
        assert (refused.kind, refused.json["site"], refused.json["belongs_to"]) == ("other-dealer", "guestrow", "00123")
    with_fallback = BY_OFFICE + "    fallback: general\n"
    async with box(tmp_path, sandbox, more=with_fallback) as daemon:
        assert (await put(daemon, "office:guestrow", GUESTROW)).status == 200
        assert (await put(daemon, "general", ROSTOCK)).json["tested"], "Güstrow has its own"


async def test_a_dealer_that_nobody_of_the_box_is(tmp_path: Path, sandbox: Sandbox) -> None:
    await sandbox.control.act("superservice", "client", client_id="other", client_secret="s3cret", dealers="00125")
    async with box(tmp_path, sandbox) as daemon:
        refused = await put(daemon, "general", {"client_id": "other", "client_secret": "s3cret"})
        assert (refused.kind, refused.json["belongs_to"]) == ("other-dealer", None)
        assert "These credentials belong to 00125, but the mapping has 0012" in refused.json["detail"]


async def test_a_number_that_the_partner_doesnt_know_and_another_brand(tmp_path: Path, sandbox: Sandbox) -> None:
    async with box(tmp_path, sandbox, guestrow="00999") as daemon:
        refused = await put(daemon, "general", CLIENT)
        assert (refused.kind, refused.json["dealer_number"]) == ("other-dealer", "00999")
    await sandbox.control.act("superservice", "dealer", dealer="00124", brand="RENAULT")
    async with box(tmp_path, sandbox) as daemon:
        refused = await put(daemon, "general", CLIENT)
        assert (refused.kind, refused.json["belongs_to"]) == ("other-dealer", "RENAULT")


async def test_while_the_partner_is_down_they_are_stored_only_by_force(tmp_path: Path, sandbox: Sandbox) -> None:
    await sandbox.control.fault("superservice", "status", status=503)
    async with box(tmp_path, sandbox) as daemon:
        refused = await put(daemon, "general", CLIENT)
        assert (refused.status, refused.kind) == (503, "untested")
        assert await entries(daemon) == {}
        stored = await put(daemon, "general", CLIENT, force=True)
        assert (stored.status, stored.json["tested"], stored.json["entry"]["last_result"]) == (200, False, None)
        assert "can't be reached" in stored.json["detail"]
        assert ("test", "unreachable") in await audit(daemon)
        await sandbox.control.clear_faults("superservice")
        await daemon.http.post("/v1/connectors/superservice/sync", {})
        await daemon.until_channel("healthy")


async def test_a_partner_that_is_half_down_doesnt_hide_the_wrong_dealer(tmp_path: Path, sandbox: Sandbox) -> None:
    await sandbox.control.fault("superservice", "status", status=503, route="/v1/dealers/00123")
    async with box(tmp_path, sandbox) as daemon:
        refused = await put(daemon, "general", ROSTOCK, force=True)
        assert refused.kind == "other-dealer"


async def test_an_office_without_an_entry_says_so_at_its_channel(tmp_path: Path, sandbox: Sandbox) -> None:
    async with box(tmp_path, sandbox, more=BY_OFFICE) as daemon:
        await put(daemon, "office:guestrow", GUESTROW)
        await daemon.until_channel("healthy", "superservice/guestrow")
        rostock = await daemon.until_channel("needs_token", "superservice/rostock")
        connectors = await daemon.http.get("/v1/connectors", accept_language="en")
        [rostock] = [one for one in connectors.json["items"][0]["channels"] if one["site"] == "rostock"]
        assert rostock["reason"] == "the office rostock has no entry for SUPERSERVICE Connect"
        why = N_("the office {office} has no entry for {provider}", office="rostock", provider="SUPERSERVICE Connect")
        assert why.render("de") != why.render("en")
        for language in ("en", "de"):
            connectors = await daemon.http.get("/v1/connectors", accept_language=language)
            [rostock] = [one for one in connectors.json["items"][0]["channels"] if one["site"] == "rostock"]
            runs = await daemon.http.get("/v1/runs?site=rostock", accept_language=language)
            assert {rostock["error"], *(run["error"] for run in runs.json["items"])} == {why.render(language)}


async def test_a_changed_setting_lets_a_waiting_channel_go_on(tmp_path: Path, sandbox: Sandbox) -> None:
    async with box(tmp_path, sandbox, more=BY_OFFICE) as daemon:
        await daemon.until_channel("needs_token")
        stored = await put(daemon, "general", CLIENT)
        assert stored.json["detail"].startswith("No site with a dealer number"), "nobody uses it yet"
        change = [{"path": "credentials.superservice.scope", "value": "general"}]
        assert (await daemon.http.send("PATCH", "/v1/config", change, headers={"if-match": "*"})).status == 200
        await daemon.until_channel("healthy")


async def test_the_partner_that_has_us_under_another_number_is_noticed(tmp_path: Path, sandbox: Sandbox) -> None:
    async with box(tmp_path, sandbox) as daemon:
        await put(daemon, "general", CLIENT)
        found = (await daemon.http.post("/v1/connectors/superservice/verify", {})).json["items"]
        assert [(one["account"], one["error"]) for one in found] == [("00123", None), ("00124", None)]
        test = "/v1/credentials/superservice/general/test"
        tested = (await daemon.http.post(test, {"fields": GUESTROW, "site": "guestrow"})).json
        assert (tested["ok"], tested["account"]) == (True, "00124")
        tested = (await daemon.http.post(test, {"fields": GUESTROW, "site": "rostock"})).json
        assert tested["ok"] is False
