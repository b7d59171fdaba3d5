"""The attention list with SUPERSERVICE's sandbox: both sides of a conflict, what each choice does, messages that are
mended by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import RunningDaemon, config_text, running_daemon
from tests.support.sandbox import Sandbox, running_sandbox


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with running_sandbox(tmp_path / "sandbox") as running:
        yield running


@pytest.fixture
async def daemon(tmp_path: Path, sandbox: Sandbox) -> AsyncIterator[RunningDaemon]:
    async with running_daemon(tmp_path, config_text(partner=sandbox.partner("superservice"))) as running:
        assert (await running.enter_credentials()).status == 200
        await running.until_channel("healthy")
        yield running


async def book(daemon: RunningDaemon, **changed: Any) -> str:
    customer = (await daemon.http.post("/v1/customers", {"last_name": "Lübs"})).json["id"]
    vehicle = (await daemon.http.post("/v1/vehicles", {"plate": "HRO-AL 17"})).json["id"]
    made = await daemon.http.post("/v1/appointments", {
        "site": "rostock", "department": "Werkstatt", "drop_off": "2027-03-01T07:00:00Z",
        "collection": "2027-03-01T15:00:00Z", "customer_id": customer, "vehicle_id": vehicle, **changed,
    })  # fmt: skip
    await daemon.until(lambda: _nothing_waits(daemon))
    return str(made.json["id"])


async def _nothing_waits(daemon: RunningDaemon) -> bool:
    return bool((await daemon.channel())["waiting"] == 0)


async def listed(daemon: RunningDaemon, kind: str, language: str = "en") -> Any:
    target = f"/v1/attention?kind={kind}&state=open"
    [entry] = await daemon.until(lambda: _items(daemon, target, language))
    return entry


async def _items(daemon: RunningDaemon, target: str, language: str) -> Any:
    return (await daemon.http.get(target, accept_language=language)).json["items"]


@asynccontextmanager
async def apart(daemon: RunningDaemon) -> AsyncIterator[None]:
    """Both sides are busy without hearing of each other."""
    await daemon.http.post("/v1/connectors/superservice/pause", {})
    yield
    await daemon.http.post("/v1/connectors/superservice/resume", {})


async def test_a_conflict_shows_both_sides_with_who_and_when(daemon: RunningDaemon, sandbox: Sandbox) -> None:
    number = await book(daemon)
    async with apart(daemon):
        changed = await daemon.http.patch(
            f"/v1/appointments/{number}", {"drop_off": "2027-03-01T09:30:00Z"}, version="*", wtpd_initials="MK"
        )
        await sandbox.control.act("superservice", "change", dealer="00123", id=number, drop_off="2027-03-01T08:15:00Z")
    entry = await listed(daemon, "conflict")
    assert entry["field_label"] == "drop-off"
    ours, theirs = entry["sides"]
    assert (ours["side"], ours["value"], ours["shown"]) == ("ours", "2027-03-01T09:30:00Z", "10:30")
    assert ours["actor"].endswith("(MK)")
    history = (await daemon.http.get(f"/v1/appointments/{number}/history")).json["items"]
    assert [one["at"] for one in history[1:]] == [ours["at"], theirs["at"]], changed.json
    assert (theirs["side"], theirs["value"], theirs["actor"]) == ("theirs", "2027-03-01T08:15:00Z", "SUPERSERVICE")
    assert entry["consequences"] == {
        "ours": "Puts 10:30 back and sends it to SUPERSERVICE Connect; its customer is told a new time.",
        "theirs": "09:15 stays, as SUPERSERVICE Connect has it.",
    }
    assert entry["appointment"] == {"plate": "HRO-AL 17", "name": "Lübs", "drop_off": "2027-03-01T08:15:00Z"}
    one = (await daemon.http.get(f"/v1/attention/{entry['id']}", accept_language="en")).json
    assert one == entry
    decided = await daemon.http.post(f"/v1/attention/{entry['id']}/resolve", {"choice": "ours"}, accept_language="en")
    assert (decided.json["choices"], decided.json["consequences"]) == ([], {})
    assert decided.json["sides"] == [ours, theirs], "as it was when it came"


async def test_a_value_of_another_day_is_told_with_its_day(daemon: RunningDaemon, sandbox: Sandbox) -> None:
    number = await book(daemon)
    async with apart(daemon):
        times = {"drop_off": "2027-03-02T07:00:00Z", "collection": "2027-03-02T15:00:00Z"}
        await daemon.http.patch(f"/v1/appointments/{number}", times, version="*")
        await sandbox.control.act("superservice", "change", dealer="00123", id=number, drop_off="2027-03-01T08:00:00Z")
    entry = await listed(daemon, "conflict", "de")
    assert [side["shown"] for side in entry["sides"]] == ["02.03.2027 08:00", "01.03.2027 09:00"]
    assert "02.03.2027 08:00" in entry["consequences"]["ours"]


async def test_a_text_offers_both_and_another_one_and_says_what_stands_afterwards(
    daemon: RunningDaemon, sandbox: Sandbox
) -> None:
    number = await book(daemon, notes="alt")
    async with apart(daemon):
        await daemon.http.patch(f"/v1/appointments/{number}", {"notes": "unsere"}, version="*")
        await sandbox.control.act("superservice", "change", dealer="00123", id=number, notes="deren")
    entry = await listed(daemon, "conflict")
    assert entry["choices"] == ["ours", "theirs", "both", "own"]
    assert set(entry["consequences"]) == {"ours", "theirs", "both", "own"}
    assert (entry["stands"], entry["current"]) == ("theirs", "deren")
    target = f"/v1/attention/{entry['id']}"
    assert (await daemon.http.post(f"{target}/resolve", {"choice": "own"})).status == 422
    settled = await daemon.http.post(f"{target}/resolve", {"choice": "both"}, wtpd_initials="MK")
    assert (settled.json["stands"], settled.json["current"]) == ("other", "deren\nunsere")
    assert settled.json["resolved_by"].endswith("(MK)")
    await daemon.http.patch(f"/v1/appointments/{number}", {"notes": "unsere"}, version="*")
    assert (await daemon.http.get(target)).json["stands"] == "ours", "as it is now"


async def test_a_conflict_that_a_later_change_settled_says_who_and_when(
    daemon: RunningDaemon, sandbox: Sandbox
) -> None:
    number = await book(daemon, notes="alt")
    async with apart(daemon):
        await daemon.http.patch(f"/v1/appointments/{number}", {"notes": "unsere"}, version="*")
        await sandbox.control.act("superservice", "change", dealer="00123", id=number, notes="deren")
    entry = await listed(daemon, "conflict")
    await daemon.http.patch(f"/v1/appointments/{number}", {"notes": "neu"}, version="*", wtpd_initials="MK")
    target = f"/v1/attention/{entry['id']}"

    async def settled() -> Any:
        one = (await daemon.http.get(target, accept_language="en")).json
        return one if one["resolved_at"] else None

    one = await daemon.until(settled)
    assert (one["resolution"], one["stands"], one["current"]) == ("changed", "other", "neu")
    assert one["resolved_by"].endswith("(MK)")
    assert one["choices"] == []
    assert one["text"] == "Both sides had changed notes."
    refused = await daemon.http.post(f"{target}/resolve", {"choice": "theirs"})
    assert refused.status == 409


async def test_our_value_isnt_put_back_where_it_cannot_be(daemon: RunningDaemon, sandbox: Sandbox) -> None:
    number = await book(daemon, notes="alt")
    async with apart(daemon):
        await daemon.http.patch(f"/v1/appointments/{number}", {"notes": "unsere"}, version="*")
        await sandbox.control.act("superservice", "change", dealer="00123", id=number, notes="deren")
    entry = await listed(daemon, "conflict")
    await daemon.http.post(f"/v1/appointments/{number}/cancel", {}, if_match="*")
    refused = await daemon.http.post(f"/v1/attention/{entry['id']}/resolve", {"choice": "ours"})
    assert (refused.status, refused.kind) == (409, "cancelled")
    assert (await daemon.http.post(f"/v1/attention/{entry['id']}/resolve", {"choice": "theirs"})).status == 200


async def broken(daemon: RunningDaemon, sandbox: Sandbox) -> tuple[Any, Any]:
    """A message of the partner that breaks the contract: the entry, and the message."""
    await sandbox.control.act("superservice", "book", dealer="00123", last_name="Müller")
    [there] = await daemon.until(lambda: _appointments(daemon))
    await sandbox.control.act(
        "superservice", "break", dealer="00123", id=there["references"]["superservice"], fields={"dropOffTime": 17}
    )
    entry = await listed(daemon, "quarantine")
    message = (await daemon.http.get(f"/v1/attention/{entry['id']}")).json["message"]
    return entry, message


async def _appointments(daemon: RunningDaemon) -> Any:
    return (await daemon.http.get("/v1/appointments")).json["items"]


def edited(message: Any, **changed: Any) -> Any:
    return {**message, "appointment": {**message["appointment"], **changed}}


async def test_a_message_is_mended_and_applied_and_both_are_kept(daemon: RunningDaemon, sandbox: Sandbox) -> None:
    entry, message = await broken(daemon, sandbox)
    assert message["appointment"]["dropOffTime"] == 17
    assert set(entry["consequences"]) == {"retry", "discard"}
    target = f"/v1/attention/{entry['id']}"
    mended = edited(message, dropOffTime="2036-03-03T08:00:00Z", collectionTime="2036-03-03T12:00:00Z")
    done = await daemon.http.post(f"{target}/retry", {"message": mended}, wtpd_initials="MK")
    assert (done.status, done.json["resolution"]) == (200, "applied")
    assert done.json["resolved_by"].endswith("(MK)")
    kept = (await daemon.http.get(target)).json
    assert (kept["message"], kept["edited"]) == (message, mended)
    [here] = await _appointments(daemon)
    assert here["drop_off"] == "2036-03-03T08:00:00Z"


async def test_an_edited_message_is_about_the_same_appointment(daemon: RunningDaemon, sandbox: Sandbox) -> None:
    entry, message = await broken(daemon, sandbox)
    target = f"/v1/attention/{entry['id']}/retry"
    other = await daemon.http.post(
        target, {"message": edited(message, dropOffTime="2036-03-03T08:00:00Z", id="A-4711")}
    )
    assert (other.status, other.kind) == (409, "other-appointment")
    assert (await daemon.http.post(target, {"message": message})).status == 422
    assert (await daemon.http.post(target, {"message": {}})).status == 422
    assert (await daemon.http.post(target, {"message": "x"})).status == 422
    [here] = await _appointments(daemon)
    assert here["notes"] == ""
    assert (await listed(daemon, "quarantine"))["id"] == entry["id"]


async def test_many_cancellations_say_the_way_out(daemon: RunningDaemon, sandbox: Sandbox) -> None:
    await sandbox.control.act("superservice", "book", dealer="00123", count=22)
    await daemon.until(lambda: _appointments(daemon))
    await sandbox.control.act("superservice", "cancel-many", dealer="00123")
    entry = await listed(daemon, "mass_cancellation")
    assert (entry["choices"], entry["consequences"], entry["sides"]) == ([], {}, [])
    assert "wtpd resume superservice --site rostock --accept-cancellations" in entry["next_step"]
