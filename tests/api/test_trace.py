"""An appointment's way over the API, with a partner that answers: found by anything that is known of it, told in the
reader's language, and sent again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import RunningDaemon, config_text, running_daemon
from tests.support.sandbox import DEALER, Sandbox, running_sandbox
from tests.support.sync_world import SPEC
from wtpd.book.sync_port import SyncBook
from wtpd.store.session import StoreSession
from wtpd.sync.apply import quarantine
from wtpd.sync.ports import Unreadable

BOOKING = {
    "site": "rostock", "department": "Werkstatt", "drop_off": "2027-03-01T07:00:00Z",
    "collection": "2027-03-01T15:00:00Z", "notes": "Räder", "interventions": [{"title": "HU", "labour_units": 1}],
}  # fmt: skip
REFUSAL: dict[str, Any] = {"kind": "status", "status": 422, "route": "/v1/dealers/*/appointments"}


@dataclass
class Desk:
    daemon: RunningDaemon
    sandbox: Sandbox

    async def book(self, **other: Any) -> Any:
        made = await self.daemon.http.post("/v1/appointments", {**BOOKING, **other})
        assert made.status == 201, made.json
        return made.json

    async def way(self, appointment_id: str, language: str = "en") -> list[Any]:
        reply = await self.daemon.http.get(f"/v1/appointments/{appointment_id}/trace", accept_language=language)
        assert reply.status == 200, reply.json
        items: list[Any] = reply.json["items"]
        return items

    async def until(self, appointment_id: str, **wanted: Any) -> Any:
        """The step that is as wanted."""

        async def look() -> Any:
            steps = await self.way(appointment_id)
            return next((one for one in steps if wanted.items() <= one.items()), None)

        return await self.daemon.until(look)

    async def find(self, q: str) -> list[Any]:
        reply = await self.daemon.http.get(f"/v1/trace?q={q}")
        assert reply.status == 200, reply.json
        items: list[Any] = reply.json["items"]
        return items

    async def theirs(self) -> list[Any]:
        found: list[Any] = (await self.sandbox.control.state("superservice"))["appointments"]
        return found


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    (tmp_path / "box").mkdir()
    async with running_sandbox(tmp_path / "sandbox") as sandbox:
        text = config_text(partner=sandbox.partner("superservice"))
        async with running_daemon(tmp_path / "box", text) as daemon:
            await daemon.enter_credentials()
            await daemon.until_channel("healthy")
            yield Desk(daemon, sandbox)


async def test_the_way_there_and_back_is_told_in_order_and_in_the_readers_language(desk: Desk) -> None:
    made = await desk.book()
    sent = await desk.until(made["id"], direction="out", outcome="ok")
    [there] = await desk.theirs()
    assert sent["title"] == f"SUPERSERVICE Connect: created there as {there['id']}"
    await desk.sandbox.control.act("superservice", "change", dealer=DEALER, id=there["id"], notes="von dort")
    await desk.until(made["id"], direction="in", outcome="ok")
    steps = await desk.way(made["id"])
    assert [(one["kind"], one["direction"], one["outcome"], one["actor"]) for one in steps if one["id"][0] != "e"] == [
        ("history", None, None, steps[0]["actor"]),
        ("message", "out", "ok", None),
        ("message", "in", "ok", None),
        ("history", None, None, "SUPERSERVICE"),
    ]
    assert [one["title"] for one in steps if one["kind"] == "history"] == ["Booked", "Changed: notes"]
    assert [one["at"] for one in steps] == sorted(one["at"] for one in steps)
    german = [one["title"] for one in await desk.way(made["id"], "de") if one["kind"] == "history"]
    assert german[1].endswith("Bemerkungen")


async def test_a_message_is_given_whole_and_without_a_secret(desk: Desk) -> None:
    made = await desk.book()
    step = await desk.until(made["id"], direction="out", outcome="ok")
    message = (await desk.daemon.http.get(f"/v1/messages/{step['message']}")).json
    assert message["payload"]["notes"] == "Räder"
    assert message["payload"]["dmsAppointmentId"] == made["id"], "as the partner was told"
    assert (message["operation"], message["status"], message["attempts"]) == ("create", 201, 1)
    assert (message["appointment_id"], message["error"]) == (made["id"], None)
    assert "sandbox-secret" not in str(message)
    assert "Bearer" not in str(message)


async def test_it_is_found_by_whatever_is_known_of_it(desk: Desk) -> None:
    car = (await desk.daemon.http.post("/v1/vehicles", {"plate": "HRO-AB 123"})).json
    made = await desk.book(vehicle_id=car["id"], work_order="W-4711")
    step = await desk.until(made["id"], direction="out", outcome="ok")
    message = (await desk.daemon.http.get(f"/v1/messages/{step['message']}")).json
    for q in ("HRO-AB%20123", "W-4711", message["partner_id"], message["key"], str(message["id"])):
        [found] = await desk.find(q)
        assert found["id"] == made["id"], q
        assert found["vehicle"]["plate"] == "HRO-AB 123"
    assert await desk.find("nobody") == []


async def test_a_message_that_led_to_no_appointment_is_found_by_the_partners_number(desk: Desk) -> None:
    parts = desk.daemon.daemon.parts
    assert parts is not None
    raw = {"seq": 9, "appointment": {"id": "X-1", "dropOffTime": "soon"}}
    item = Unreadable(partner_id="X-1", reason="dropOffTime: not a time", raw=raw)
    await parts.db.write(lambda tx: quarantine(StoreSession(tx, SyncBook(parts.book, tx)), SPEC, item, item.reason))
    [found] = await desk.find("X-1")
    assert (found["outcome"], found["detail"]) == ("quarantined", "dropOffTime: not a time")
    message = (await desk.daemon.http.get(f"/v1/messages/{found['message']}")).json
    assert message["payload"] == raw, "as it came"
    assert (message["appointment_id"], message["error"]) == (None, "dropOffTime: not a time")


async def test_a_refused_one_is_sent_again(desk: Desk) -> None:
    await desk.sandbox.control.fault("superservice", **REFUSAL)
    made = await desk.book()
    refused = await desk.until(made["id"], direction="out", outcome="refused")
    assert refused["title"] == "SUPERSERVICE Connect: refuses the appointment"
    assert [one["kind"] for one in await desk.way(made["id"])] == ["history", "message", "attention"]
    await desk.sandbox.control.clear_faults("superservice")
    reply = await desk.daemon.http.post(f"/v1/appointments/{made['id']}/send", {})
    assert reply.json["items"] == [{"channel": "superservice/rostock", "state": "queued"}]
    await desk.until(made["id"], direction="out", outcome="ok", actor=None)
    [there] = await desk.theirs()
    assert there["dmsAppointmentId"] == made["id"]
    steps = await desk.way(made["id"])
    assert [one["title"] for one in steps if one["kind"] == "decision"] == ["Sent again"]
    assert [one["actor"] for one in steps if one["title"] == "SUPERSERVICE Connect: sent again"] == [steps[0]["actor"]]


async def test_all_refused_ones_are_sent_again_in_one_act(desk: Desk) -> None:
    await desk.sandbox.control.fault("superservice", **REFUSAL)
    made = [await desk.book(notes=notes) for notes in ("eins", "zwei")]
    for one in made:
        await desk.until(one["id"], direction="out", outcome="refused")
    await desk.sandbox.control.clear_faults("superservice")
    reply = await desk.daemon.http.post("/v1/connectors/superservice/send-rejected", {"site": "rostock"})
    assert reply.json["items"] == [{"channel": "superservice/rostock", "appointments": 2}]
    for one in made:
        await desk.until(one["id"], direction="out", outcome="ok")
    assert {there["dmsAppointmentId"] for there in await desk.theirs()} == {one["id"] for one in made}
    listed = await desk.daemon.http.get("/v1/attention?kind=rejected&state=open")
    assert listed.json["items"] == []
    again = await desk.daemon.http.post("/v1/connectors/superservice/send-rejected", {})
    assert again.json["items"] == [{"channel": "superservice/rostock", "appointments": 0}]


async def test_the_whole_feed_is_read_again_and_nothing_is_booked_twice(desk: Desk) -> None:
    made = await desk.book()
    await desk.until(made["id"], direction="out", outcome="ok")
    start = BOOKING["drop_off"]
    await desk.sandbox.control.act("superservice", "book", dealer=DEALER, drop_off=start, last_name="Ring")
    await desk.daemon.http.post("/v1/connectors/superservice/sync", {})
    for _ in range(2):
        reply = await desk.daemon.http.post("/v1/connectors/superservice/resync", {"site": "rostock"})
        assert reply.status == 200, reply.content
        [run] = reply.json["items"]
        assert (run["error"], run["applied"], run["sent"]) == (None, 0, 0)
        assert run["fetched"] >= 2
    assert len((await desk.daemon.http.get("/v1/appointments?limit=50")).json["items"]) == 2
    assert len(await desk.theirs()) == 2
    assert (await desk.daemon.http.post("/v1/connectors/nobody/resync", {})).status == 404


async def test_sending_again_what_is_equal_books_nothing_twice(desk: Desk) -> None:
    made = await desk.book()
    await desk.until(made["id"], direction="out", outcome="ok")
    for _ in range(3):
        channel = {"channel": "superservice/rostock"}
        assert (await desk.daemon.http.post(f"/v1/appointments/{made['id']}/send", channel)).status == 200
    await desk.until(made["id"], title="SUPERSERVICE Connect: sent again; both sides have the same")
    [there] = await desk.theirs()
    assert there["version"] == 1


async def test_one_that_goes_to_no_partner_is_refused_with_the_reason(desk: Desk) -> None:
    made = await desk.book(department="Karosserie")
    target = f"/v1/appointments/{made['id']}/send"
    reply = await desk.daemon.http.post(target, {})
    assert (reply.status, reply.json["type"].rsplit("/", 1)[-1]) == (409, "no-channel")
    assert "Karosserie" in reply.json["detail"]
    assert (await desk.daemon.http.post(target, {"channel": "superservice/rostock"})).status == 409
    assert (await desk.daemon.http.post(target, {"channel": "carloop/rostock"})).status == 404
    assert (await desk.daemon.http.post(target, {"channel": "x"})).status == 422


async def test_what_isnt_there_is_said_so(desk: Desk) -> None:
    http = desk.daemon.http
    for target in ("/v1/appointments/nobody/trace", "/v1/messages/99", "/v1/messages/x"):
        assert (await http.get(target)).status == 404
    assert (await http.post("/v1/appointments/nobody/send", {})).status == 404
    assert (await http.get("/v1/trace")).status == 422
    assert (await http.get("/v1/trace?q=")).status == 422
