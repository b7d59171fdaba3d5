"""Connectors that aren't mapped by site show once for the whole box, like the channels of sites."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.daemon import OFFLINE, RunningDaemon, config_text, running_daemon
from tests.support.dat import SAMPLE_VIN
from tests.support.hand_clock import HandClock
from tests.support.mail_server import MailServer
from tests.support.sandbox import Sandbox, running_sandbox
from tests.support.tui import opened
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

            assert "refuses the credentials" in (await daemon.until(refused))["reason"]
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
            manifest = parts.fleet.manifests["rdw"]
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


@asynccontextmanager
async def with_dat(folder: Path) -> AsyncIterator[tuple[RunningDaemon, Sandbox]]:
    """A box that asks DAT's sandbox."""
    async with running_sandbox(folder / "sandbox") as sandbox:
        more = f"connectors:\n  dat:\n    address: {sandbox.partner('dat')}\n"
        async with running_daemon(folder, config_text(sites={"rostock": None}, more=more)) as daemon:
            assert (await daemon.enter_credentials("dat", **LOGIN)).status == 200
            yield daemon, sandbox


async def is_available(daemon: RunningDaemon) -> tuple[bool, str | None]:
    items = (await daemon.http.get("/v1/actions", accept_language="en")).json["items"]
    [one] = [one for one in items if (one["connector"], one["name"]) == ("dat", "identify")]
    return one["available"], one["reason"]


async def is_left_alone(daemon: RunningDaemon, sandbox: Sandbox) -> None:
    """DAT is paused, says so everywhere, and isn't asked."""
    asked = (await sandbox.control.requests(partner="dat"))["total"]
    shown = await row(daemon, "dat")
    assert (shown["state"], "(MK)" in shown["reason"]) == ("paused", True)
    refused = await daemon.http.post("/v1/identifications", {"vin": SAMPLE_VIN}, accept_language="en")
    assert (refused.status, refused.kind) == (503, "paused")
    assert refused.json["detail"] == f"DAT isn't asked. {shown['reason']} To go on: wtpd resume dat"
    assert (await sandbox.control.requests(partner="dat"))["total"] == asked
    assert await is_available(daemon) == (False, shown["reason"])
    [problem] = [one for one in await daemon.problems() if one["channel"] == "dat"]
    assert problem["kind"] == "channel.paused"


async def test_a_pause_of_dat_stops_asking_it_and_survives_a_restart(tmp_path: Path) -> None:
    async with with_dat(tmp_path) as (daemon, sandbox):
        assert (await daemon.http.post("/v1/connectors/dat/pause", {}, wtpd_initials="MK")).status == 200
        await is_left_alone(daemon, sandbox)
        await daemon.stop()
        async with running_daemon(tmp_path, "") as daemon:
            await is_left_alone(daemon, sandbox)
            resumed = await daemon.http.post("/v1/connectors/dat/resume", {})
            assert resumed.json["items"][0]["state"] == "healthy"
            assert await is_available(daemon) == (True, None)
            assert (await daemon.http.post("/v1/identifications", {"vin": SAMPLE_VIN})).status == 200


async def test_the_trace_of_dat_has_each_question_and_how_it_ended(tmp_path: Path) -> None:
    async with with_dat(tmp_path) as (daemon, sandbox):
        for _ in range(2):  # the second answer is the kept one: nobody is asked
            assert (await daemon.http.post("/v1/identifications", {"vin": SAMPLE_VIN})).status == 200
        await sandbox.control.fault("dat", "status", status=500)
        again = {"vin": SAMPLE_VIN, "refresh": True}
        assert (await daemon.http.post("/v1/identifications", again)).status == 502
        for q in ("dat", SAMPLE_VIN):
            found = (await daemon.http.get(f"/v1/trace?q={q}", accept_language="en")).json["items"]
            assert [(one["channel"], one["outcome"]) for one in found] == [("dat", "failed"), ("dat", "ok")]
            assert found[1]["title"] == f"DAT: was asked about {SAMPLE_VIN}, and answered"
        message = (await daemon.http.get(f"/v1/messages/{found[0]['message']}", accept_language="en")).json
        assert (message["direction"], message["operation"], message["payload"]) == ("out", "identify", None)


async def test_who_wants_a_run_of_dat_is_told_that_it_makes_none(tmp_path: Path) -> None:
    async with with_dat(tmp_path) as (daemon, _):
        for act, body in (("sync", {}), ("resync", {}), ("send-rejected", {}), ("verify", {"compare": True})):
            refused = await daemon.http.post(f"/v1/connectors/dat/{act}", body, accept_language="en")
            assert (refused.status, refused.kind) == (409, "no-runs"), act
            assert refused.json["detail"].startswith("DAT makes no runs")
        refused = await daemon.http.post("/v1/connectors/dat/pause", {"site": "rostock"}, accept_language="en")
        assert (refused.status, refused.kind) == (409, "not-by-site")


async def test_a_refused_login_makes_the_action_unavailable(tmp_path: Path) -> None:
    async with with_dat(tmp_path) as (daemon, sandbox):
        await sandbox.control.act("dat", "customer", **LOGIN | {"password": "another-secret"})
        assert (await daemon.http.post("/v1/connectors/dat/verify", {})).kind == "credentials-refused"
        available, reason = await is_available(daemon)
        assert available is False
        assert reason is not None
        assert reason.startswith("DAT refuses the credentials")


async def test_dat_is_paused_and_resumed_on_the_overview(tmp_path: Path) -> None:
    async with with_dat(tmp_path) as (daemon, _), opened(tmp_path / "api.sock") as tui:
        await tui.until("dat")
        await tui.press("down", "down", "p")
        await tui.until("Nothing is asked of DAT")
        await tui.press("enter")
        await tui.until("dat is paused.")
        await tui.until(lambda: "p Resume" in tui.text and "Pause dat?" not in tui.text)
        assert (await row(daemon, "dat"))["state"] == "paused"
        await tui.press("p")
        await tui.until("dat runs again.")
        assert (await row(daemon, "dat"))["state"] == "healthy"
