"""Connectors that aren't mapped by site show once for the whole box, like the channels of sites."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.daemon import OFFLINE, RunningDaemon, config_text, running_daemon
from tests.support.dat import SAMPLE_VIN
from tests.support.hand_clock import HandClock
from tests.support.mail_server import MailServer
from tests.support.sandbox import running_sandbox
from wtpd.channel.errors import Transient

LOGIN = {"customer_number": "1234567", "user_name": "sandbox", "password": "sandbox-secret"}


async def row(daemon: RunningDaemon, name: str) -> Any:
    """The channel of the box, as status and the connectors show it."""
    status = (await daemon.http.get("/v1/status", accept_language="en")).json
    [shown] = [one for one in status["channels"] if one["id"] == name]
    connectors = (await daemon.http.get("/v1/connectors", accept_language="en")).json["items"]
    [connector] = [one for one in connectors if one["name"] == name]
    assert connector["channels"] == [shown]
    return shown


async def test_dat_is_shown_as_it_is(tmp_path: Path) -> None:
    clock = HandClock()
    async with running_sandbox(tmp_path / "sandbox", clock=clock) as sandbox:
        more = f"connectors:\n  dat:\n    address: {sandbox.partner('dat')}\n"
        async with running_daemon(tmp_path, config_text(sites={"rostock": None}, more=more), clock=clock) as daemon:
            shown = await row(daemon, "dat")
            assert (shown["site"], shown["state"], shown["last_success"]) == ("", "not_mapped", None)
            assert shown["reason"].startswith("no credentials of DAT yet")
            assert not [one for one in await daemon.problems() if one["channel"] == "dat"], "nobody uses it yet"
            assert (await daemon.enter_credentials("dat", **LOGIN)).status == 200
            assert (await row(daemon, "dat"))["state"] == "healthy"
            await sandbox.control.act("dat", "customer", **LOGIN | {"password": "another-secret"})
            clock.advance(3600)  # the token of before has ended
            assert (await daemon.http.post("/v1/identifications", {"vin": SAMPLE_VIN})).status == 502

            async def refused() -> Any:
                shown = await row(daemon, "dat")
                return shown if shown["state"] == "needs_token" else None

            assert "refuses its credentials" in (await daemon.until(refused))["reason"]
            [problem] = [one for one in await daemon.problems() if one["channel"] == "dat"]
            assert problem["kind"] == "credential.refused", "told once"


async def test_a_connector_that_is_off_says_so(tmp_path: Path) -> None:
    text = config_text(sites={"rostock": None}, more="connectors:\n  dat: {enabled: false}\n")
    async with running_daemon(tmp_path, text) as daemon:
        assert (await row(daemon, "dat"))["state"] == "disabled"
        assert (await row(daemon, "rdw"))["state"] == "disabled", "off without a section"


async def test_a_register_that_cant_be_asked_is_a_problem_and_a_mail(tmp_path: Path) -> None:
    clock = HandClock()
    async with MailServer() as server, running_sandbox(tmp_path / "sandbox", clock=clock) as sandbox:
        more = (
            f"mail: {{host: 127.0.0.1, port: {server.port}, security: none}}\n"
            f"{OFFLINE}  rdw:\n    address: {sandbox.partner('rdw')}\n"
        )
        text = config_text(sites={"rostock": None}, more=more).replace("region: MV", "country: NL")
        async with running_daemon(tmp_path, text, clock=clock) as daemon:
            assert (await row(daemon, "rdw"))["state"] == "healthy", "it wants no credentials"
            parts = daemon.daemon.parts
            assert parts is not None
            checks = parts.vehicle_checks
            manifest = parts.box.manifests["rdw"]
            checks._failed(manifest, Transient("no answer"))
            shown = await row(daemon, "rdw")
            assert shown["state"] == "retrying"
            [problem] = [one for one in await daemon.problems() if one["channel"] == "rdw"]
            assert (problem["kind"], problem["text"].startswith("RDW: ")) == ("channel.retrying", True)

            async def mailed() -> bool:
                clock.advance(60)
                return any("RDW" in mail["Subject"] for mail in server.mails)

            await daemon.until(mailed)
            checks._succeeded(manifest)
            assert (await row(daemon, "rdw"))["state"] == "healthy"
            assert not [one for one in await daemon.problems() if one["channel"] == "rdw"]
