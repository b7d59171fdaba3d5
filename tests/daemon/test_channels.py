"""The whole daemon with SUPERSERVICE's sandbox: credentials, both ways, pause, stop, mapping, reload."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import RunningDaemon, config_text, running_daemon
from tests.support.sandbox import Sandbox, running_sandbox
from wtpd.daemon.health import FreeOf, free_of

CHANNEL = "superservice/rostock"


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with running_sandbox(tmp_path / "sandbox") as running:
        yield running


@asynccontextmanager
async def connected(
    folder: Path, sandbox: Sandbox, *, free_of: FreeOf = free_of, **more: Any
) -> AsyncIterator[RunningDaemon]:
    """A daemon whose channel is healthy."""
    text = config_text(partner=sandbox.partner("superservice"), **more)
    async with running_daemon(folder, text, free_of=free_of) as daemon:
        assert (await daemon.enter_credentials()).status == 200
        await daemon.until_channel("healthy")
        yield daemon


def booking(**changed: Any) -> dict[str, Any]:
    return {
        "site": "rostock", "department": "Werkstatt", "drop_off": "2027-03-01T07:00:00Z",
        "collection": "2027-03-01T15:00:00Z", **changed,
    }  # fmt: skip


async def live(sandbox: Sandbox) -> list[Any]:
    """The appointments that the partner holds and that aren't cancelled."""
    state = await sandbox.control.state("superservice")
    return [one for one in state["appointments"] if one["status"] != "CANCELLED"]


async def settle(daemon: RunningDaemon) -> None:
    """Until nothing waits to be sent."""

    async def empty() -> bool:
        return bool((await daemon.channel())["waiting"] == 0)

    await daemon.until(empty)


async def test_without_credentials_it_waits_for_them_and_then_goes_on(tmp_path: Path, sandbox: Sandbox) -> None:
    async with running_daemon(tmp_path, config_text(partner=sandbox.partner("superservice"))) as daemon:
        await daemon.until_channel("needs_token")
        [problem] = await daemon.problems()
        assert (problem["kind"], problem["channel"]) == ("channel.needs_token", CHANNEL)
        assert "credential" in problem["next_step"]
        refused = await daemon.enter_credentials(client_id="sandbox", client_secret="wrong-secret")
        assert (refused.status, refused.kind) == (409, "credentials-refused")
        right = {"fields": {"client_id": "sandbox", "client_secret": "sandbox-secret"}}
        tested = await daemon.http.post("/v1/credentials/superservice/general/test", right)
        assert (tested.json["ok"], tested.json["account"]) == (True, "00123"), "tested before it is stored"
        await daemon.enter_credentials()
        await daemon.until_channel("healthy")
        assert await daemon.problems() == []

        async def noted() -> bool:
            [provider] = [
                one
                for one in (await daemon.http.get("/v1/credentials")).json["items"]
                if one["provider"] == "superservice"
            ]
            return bool(provider["entries"][0]["last_result"] == "ok")

        await daemon.until(noted)


async def test_ours_goes_there_and_theirs_comes_here(tmp_path: Path, sandbox: Sandbox) -> None:
    async with connected(tmp_path, sandbox) as daemon, daemon.http.events("/v1/events?kinds=appointment.*") as events:
        made = (await daemon.http.post("/v1/appointments", booking(notes="von hier"))).json
        assert (await events.next())[1:] == (
            "appointment.created",
            {"id": made["id"], "site": "rostock", "version": 1, "actor": made_by(made)},
        )
        await settle(daemon)
        assert [one["notes"] for one in await live(sandbox)] == ["von hier"]
        await sandbox.control.act("superservice", "book", dealer="00123", by="customer_app", last_name="Lübs")
        _, kind, data = await events.next()
        while kind != "appointment.created":
            _, kind, data = await events.next()
        theirs = (await daemon.http.get(f"/v1/appointments/{data['id']}")).json
        assert (theirs["origin"], theirs["customer"]["name"].split()[-1]) == ("mynissan", "Lübs")
        history = (await daemon.http.get(f"/v1/appointments/{data['id']}/history")).json["items"]
        assert [entry["actor"] for entry in history] == ["SUPERSERVICE"]


def made_by(made: Any) -> str:
    import getpass

    return getpass.getuser()


async def test_a_dry_run_says_what_a_run_would_do_and_does_nothing(tmp_path: Path, sandbox: Sandbox) -> None:
    async with connected(tmp_path, sandbox) as daemon:
        await daemon.http.post("/v1/connectors/superservice/pause", {})
        await daemon.http.post("/v1/appointments", booking(notes="wartet"))
        dry = await daemon.http.post("/v1/connectors/superservice/sync", {"dry_run": True, "site": "rostock"})
        [run] = dry.json["items"]
        assert (run["channel"], run["error"]) == (CHANNEL, None)
        [step] = run["steps"]
        assert (step["side"], step["action"], step["changes"]["notes"]) == (
            "there", "create", {"old": None, "new": "wartet"},
        )  # fmt: skip
        assert await live(sandbox) == []
        paused = await daemon.http.post("/v1/connectors/superservice/sync", {})
        assert (paused.status, paused.kind) == (503, "channel-stopped")
        resumed = await daemon.http.post("/v1/connectors/superservice/resume", {})
        assert resumed.status == 200
        await settle(daemon)
        assert len(await live(sandbox)) == 1


async def test_a_pause_outlives_a_restart(tmp_path: Path, sandbox: Sandbox) -> None:
    async with connected(tmp_path, sandbox) as daemon:
        await daemon.http.post("/v1/connectors/superservice/pause", {}, wtpd_initials="MK")
        await daemon.stop()
    async with running_daemon(tmp_path, "") as daemon:
        channel = await daemon.until_channel("paused")
        assert "(MK)" in channel["reason"]


async def test_verify_says_who_we_are_and_what_differs(tmp_path: Path, sandbox: Sandbox) -> None:
    async with connected(tmp_path, sandbox) as daemon:
        await daemon.http.post("/v1/appointments", booking())
        await settle(daemon)
        verified = await daemon.http.post("/v1/connectors/superservice/verify", {"compare": True})
        [site] = verified.json["items"]
        assert (site["account"], site["error"], site["compared"], site["differences"]) == ("00123", None, 1, [])
        assert site["facts"]["brand"] == "NISSAN"


async def test_a_conflict_is_listed_and_can_be_decided(tmp_path: Path, sandbox: Sandbox) -> None:
    async with connected(tmp_path, sandbox) as daemon:
        made = (await daemon.http.post("/v1/appointments", booking(notes="alt"))).json
        await settle(daemon)
        [there] = await live(sandbox)
        await daemon.http.post("/v1/connectors/superservice/pause", {})
        await daemon.http.patch(f"/v1/appointments/{made['id']}", {"notes": "unsere"}, version="*")
        await sandbox.control.act("superservice", "change", dealer="00123", id=there["id"], notes="deren")
        await daemon.http.post("/v1/connectors/superservice/resume", {})

        async def listed() -> Any:
            return (await daemon.http.get("/v1/attention?kind=conflict&state=open", accept_language="en")).json["items"]

        [conflict] = await daemon.until(listed)
        assert conflict["choices"] == ["ours", "theirs", "both", "own"]
        assert "notes" in conflict["text"]
        assert (await daemon.http.get(f"/v1/appointments/{made['id']}")).json["notes"] == "deren"
        [problem] = await daemon.problems()
        assert (problem["kind"], problem["touches"]) == ("conflict", 1)
        decided = await daemon.http.post(f"/v1/attention/{conflict['id']}/resolve", {"choice": "ours"})
        assert (decided.status, decided.json["resolution"], decided.json["choices"]) == (200, "ours", [])
        await settle(daemon)
        assert [one["notes"] for one in await live(sandbox)] == ["unsere"]
        again = await daemon.http.post(f"/v1/attention/{conflict['id']}/resolve", {"choice": "ours"})
        assert again.status == 409


async def test_a_message_that_cannot_be_applied_waits_with_its_original(tmp_path: Path, sandbox: Sandbox) -> None:
    async with connected(tmp_path, sandbox) as daemon:
        await sandbox.control.fault(
            "superservice", "wrong_types", route="*/changes", field="items.0.appointment.dropOffTime"
        )
        await sandbox.control.act("superservice", "book", dealer="00123")  # the poll that is open already brings it

        async def arrived() -> Any:
            return (await daemon.http.get("/v1/appointments")).json["items"]

        await daemon.until(arrived)
        await sandbox.control.act("superservice", "book", dealer="00123")

        async def listed() -> Any:
            return (await daemon.http.get("/v1/attention?kind=quarantine&state=open")).json["items"]

        found = await daemon.until(listed)
        entry = await daemon.http.get(f"/v1/attention/{found[0]['id']}")
        assert entry.json["message"]
        assert entry.json["choices"] == ["retry", "discard"]
        still = await daemon.http.post(f"/v1/attention/{found[0]['id']}/retry")
        assert still.status == 422
        gone = await daemon.http.post(f"/v1/attention/{found[0]['id']}/discard")
        assert (gone.status, gone.json["resolution"]) == (200, "discarded")


async def test_a_mapping_change_shows_its_consequence_first(tmp_path: Path, sandbox: Sandbox) -> None:
    async with connected(tmp_path, sandbox) as daemon:
        for hour in range(8, 12):
            await daemon.http.post("/v1/appointments", booking(drop_off=f"2027-03-01T{hour:02}:00:00Z"))
        await daemon.http.post("/v1/appointments", booking(department="Karosserie"))
        await settle(daemon)
        before = daemon.config.read_text()
        wanted = {"department": "Karosserie", "dealer_number": "00123"}
        target = "/v1/mapping/rostock/superservice"
        preview = await daemon.http.put(f"{target}?preview=true", wanted)
        assert (preview.json["cancels"], preview.json["sends"]) == (4, 1)
        assert "+        department: Karosserie" in preview.json["diff"]
        assert daemon.config.read_text() == before
        saved = await daemon.http.put(target, wanted)
        assert (saved.status, saved.json) == (200, preview.json)

        async def moved() -> bool:
            return len(await live(sandbox)) == 1

        await daemon.until(moved)
        assert (await daemon.http.get("/v1/appointments?status=cancelled")).json["items"] == [], "cancelled only there"


async def test_many_cancellations_need_their_number_said(tmp_path: Path, sandbox: Sandbox) -> None:
    async with connected(tmp_path, sandbox) as daemon:
        for number in range(21):
            await daemon.http.post("/v1/appointments", booking(drop_off=f"2027-03-01T07:{number:02}:00Z"))
        await settle(daemon)
        target, wanted = "/v1/mapping/rostock/superservice", {"department": "Karosserie", "dealer_number": "00123"}
        refused = await daemon.http.put(target, wanted)
        assert (refused.status, refused.kind, refused.json["cancels"]) == (409, "confirmation-needed", 21)
        assert (await daemon.http.put(target, {**wanted, "confirm": 20})).status == 409
        assert (await daemon.http.put(target, {**wanted, "confirm": 21})).status == 200

        async def gone() -> bool:
            return len(await live(sandbox)) == 0

        await daemon.until(gone)


async def test_written_into_the_file_they_need_to_be_accepted(tmp_path: Path, sandbox: Sandbox) -> None:
    async with connected(tmp_path, sandbox) as daemon:
        for number in range(21):
            await daemon.http.post("/v1/appointments", booking(drop_off=f"2027-03-01T07:{number:02}:00Z"))
        await settle(daemon)
        for department, state in (("Karosserie", "stopped"), ("Werkstatt", "healthy")):
            change = [{"path": "sites.rostock.partners.superservice.department", "value": department}]
            assert (await daemon.http.patch("/v1/config", change, version="*")).status == 200
            await daemon.until_channel(state)
            steps = [
                one["next_step"] for one in (await daemon.http.get("/v1/status")).json["problems"] if one["channel"]
            ]
            assert [step.partition(":")[0] for step in steps] == (
                [] if state == "healthy" else ["Die Änderung zurücknehmen oder bestätigen"]
            )
            assert len(await live(sandbox)) == 21


async def test_a_wrong_mapping_is_refused_with_the_reason(tmp_path: Path, sandbox: Sandbox) -> None:
    sites = {"rostock": "00123", "guestrow": "00124"}
    async with connected(tmp_path, sandbox, sites=sites) as daemon:
        taken = await daemon.http.put(
            "/v1/mapping/guestrow/superservice", {"department": "Werkstatt", "dealer_number": "00123"}
        )
        assert (taken.status, taken.json["errors"][0]["field"]) == (
            422, "sites.guestrow.partners.superservice.dealer_number",
        )  # fmt: skip
        for target in ("berlin/superservice", "rostock/nobody"):
            wanted = {"department": "Werkstatt", "dealer_number": "9"}
            assert (await daemon.http.put(f"/v1/mapping/{target}", wanted)).status == 404


async def test_only_the_channels_whose_settings_changed_are_restarted(tmp_path: Path, sandbox: Sandbox) -> None:
    sites = {"rostock": "00123", "guestrow": "00124"}
    async with connected(tmp_path, sandbox, sites=sites) as daemon:
        await daemon.until_channel("healthy", "superservice/guestrow")
        parts = daemon.daemon.parts
        assert parts is not None
        before = dict(parts.fleet._channels)
        change = [{"path": "sites.guestrow.partners.superservice.department", "value": "Karosserie"}]
        assert (await daemon.http.send("PATCH", "/v1/config", change, headers={"if-match": "*"})).status == 200
        after = dict(parts.fleet._channels)
        assert after["superservice/rostock"] is before["superservice/rostock"]
        assert after["superservice/guestrow"] is not before["superservice/guestrow"]
        loops = [loop.name for loop in parts.fleet.loops]
        assert len(loops) == len(set(loops)) == 4, "each loop once, however often settings come into force"
        await daemon.until_channel("healthy", "superservice/guestrow")
        change = [{"path": "modules", "value": []}]
        await daemon.http.send("PATCH", "/v1/config", change, headers={"if-match": "*"})
        assert (await daemon.channel())["state"] == "not_licensed"
        assert (await daemon.http.post("/v1/connectors/superservice/sync", {})).status == 409


async def test_a_partner_that_hangs_doesnt_delay_api_or_stop(tmp_path: Path, sandbox: Sandbox) -> None:
    async with connected(tmp_path, sandbox) as daemon:
        await sandbox.control.fault("superservice", "never")
        await daemon.http.post("/v1/appointments", booking())

        async def asked() -> bool:
            return bool(await sandbox.control.requests(partner="superservice", method="POST", path="*/appointments"))

        await daemon.until(asked)
        assert (await daemon.http.get("/v1/health")).status == 200
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert await daemon.stop() == 0
        assert loop.time() - began < 9
        assert daemon.daemon.stopped_well
    await sandbox.control.clear_faults("superservice")
    async with running_daemon(tmp_path, "") as daemon:
        await daemon.until_channel("healthy")
        await settle(daemon)
        assert len(await live(sandbox)) == 1, "the call that was cut off is repeated under its key"


async def test_on_a_full_disk_the_channels_wait_and_go_on_by_themselves(tmp_path: Path, sandbox: Sandbox) -> None:
    free = 1 << 30
    async with connected(tmp_path, sandbox, free_of=lambda path: free) as daemon:
        parts = daemon.daemon.parts
        assert parts is not None
        await daemon.http.post("/v1/appointments", booking(notes="vorher"))
        await settle(daemon)
        free = 150 << 20
        await parts.health.look()
        channel = await daemon.until_channel("paused")
        assert "150 MB" in channel["reason"]
        assert [one["kind"] for one in await daemon.problems()] == ["disk"], "said once, not for each channel"
        assert (await daemon.http.post("/v1/connectors/superservice/sync", {})).status == 507
        await sandbox.control.act("superservice", "book", dealer="00123", last_name="Lübs")
        assert list(parts.fleet.loops) == [], "nobody is asked"
        daemon.config.write_text(daemon.config.read_text().replace("interval: 1h", "interval: 30min"))
        await parts.settings.reload()
        assert (await daemon.channel())["state"] == "paused", "whatever is configured meanwhile"
        assert list(parts.fleet.loops) == []
        free = 300 << 20
        await parts.health.look()
        await daemon.until_channel("healthy")

        async def arrived() -> bool:
            return len((await daemon.http.get("/v1/appointments")).json["items"]) == 2

        await daemon.until(arrived)
        assert await daemon.problems() == []
    async with running_daemon(tmp_path, "", free_of=lambda path: 150 << 20) as daemon:
        parts = daemon.daemon.parts
        assert parts is not None
        assert list(parts.fleet.loops) == [], "from the first moment"
        assert (await daemon.channel())["state"] == "paused"


async def test_who_waits_for_a_person_waits_on_a_full_disk_too(tmp_path: Path, sandbox: Sandbox) -> None:
    free = 1 << 30
    async with connected(tmp_path, sandbox, free_of=lambda path: free) as daemon:
        parts = daemon.daemon.parts
        assert parts is not None
        await daemon.http.post("/v1/connectors/superservice/pause", {}, wtpd_initials="MK")
        free = 150 << 20
        await parts.health.look()
        assert "(MK)" in (await daemon.channel())["reason"]
        free = 1 << 30
        await parts.health.look()
        assert "(MK)" in (await daemon.channel())["reason"]


async def test_the_wrong_key_stops_nothing_but_the_credentials(tmp_path: Path, sandbox: Sandbox) -> None:
    async with connected(tmp_path, sandbox) as daemon:
        await daemon.stop()
    (tmp_path / "wtpd.key").unlink()
    async with running_daemon(tmp_path, "") as daemon:
        channel = await daemon.until_channel("retrying")
        assert "key" in channel["reason"], "nobody was asked, so nobody refused"
        kinds = [problem["kind"] for problem in await daemon.problems()]
        assert "key" in kinds
        assert (await daemon.http.post("/v1/appointments", booking())).status == 201
        over = await daemon.http.post("/v1/credentials/start-over")
        assert over.json["lost"] == ["superservice/general"]
        await daemon.enter_credentials()
        await daemon.until_channel("healthy")
        assert await daemon.problems() == []


async def test_credentials_are_handed_out_only_where_the_settings_allow_it(tmp_path: Path, sandbox: Sandbox) -> None:
    async with connected(tmp_path, sandbox) as daemon:
        target = "/v1/credentials/superservice/general/reveal"
        assert (await daemon.http.post(target)).kind == "not-revealed"
        change = [{"path": "credentials.superservice.reveal", "value": True}]
        assert (await daemon.http.send("PATCH", "/v1/config", change, headers={"if-match": "*"})).status == 200
        assert (await daemon.http.post(target)).json["fields"]["client_secret"] == "sandbox-secret"
        rotated = await daemon.http.post("/v1/credentials/rotate-key")
        assert rotated.status == 200
        assert (await daemon.http.post(target)).json["fields"]["client_id"] == "sandbox"
        assert (await daemon.http.delete("/v1/credentials/superservice/general")).status == 204
        assert (await daemon.http.post(target)).status == 404


async def test_a_quiet_run_is_told_to_who_looks_on_and_not_kept(tmp_path: Path, sandbox: Sandbox) -> None:
    async with connected(tmp_path, sandbox) as daemon:
        await settle(daemon)
        await daemon.http.post("/v1/connectors/superservice/sync", {})
        async with daemon.http.events("/v1/events?kinds=run.quiet") as reader:
            await daemon.http.post("/v1/connectors/superservice/sync", {})
            assert await reader.next() == (0, "run.quiet", {"channel": CHANNEL})
