"""What a whole daemon makes of odd values and texts of a partner, and of a cursor that is refused alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import RunningDaemon, config_text, running_daemon
from tests.support.sandbox import DEALER, Sandbox, running_sandbox

PARTNER = "superservice"


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with running_sandbox(tmp_path / "sandbox") as running:
        yield running


@pytest.fixture
async def daemon(tmp_path: Path, sandbox: Sandbox) -> AsyncIterator[RunningDaemon]:
    async with running_daemon(tmp_path, config_text(partner=sandbox.partner(PARTNER))) as running:
        assert (await running.enter_credentials()).status == 200
        await running.until_channel("healthy")
        yield running


async def only(daemon: RunningDaemon) -> Any:
    async def look() -> Any:
        items = (await daemon.http.get("/v1/appointments?limit=10")).json["items"]
        return items[0] if items else None

    return await daemon.until(look)


async def test_a_booking_with_an_odd_optional_value_is_in_the_book_and_the_value_is_listed(
    daemon: RunningDaemon, sandbox: Sandbox
) -> None:
    odd = {"vehicle": {"firstRegistration": "0001-01-01"}}
    booked = await sandbox.control.act(PARTNER, "book", dealer=DEALER, last_name="Lübs")
    await sandbox.control.act(PARTNER, "odd", dealer=DEALER, id=booked["id"], fields=odd)
    await daemon.http.post(f"/v1/connectors/{PARTNER}/sync", {})
    one = await only(daemon)
    target = "/v1/attention?kind=dropped_value&state=open"
    [entry] = await daemon.until(lambda: _items(daemon, target))
    assert entry["data"]["field"] == "vehicle.first_registration"
    assert entry["data"]["value"] == "0001-01-01"
    assert entry["appointment_id"] == one["id"]
    assert (await daemon.channel())["quarantined"] == 0
    assert (await daemon.http.post(f"/v1/connectors/{PARTNER}/sync", {})).json["items"][0]["sent"] == 0, "no echo"


async def _items(daemon: RunningDaemon, target: str) -> Any:
    return (await daemon.http.get(target)).json["items"]


async def test_texts_that_no_text_can_hold_dont_keep_a_booking_out(daemon: RunningDaemon, sandbox: Sandbox) -> None:
    notes = "Schlüssel\u0000 im\u0007 Tresor \ufffe\uffff"
    await sandbox.control.act(PARTNER, "book", dealer=DEALER, notes=notes, last_name="L\u0000übs")
    await daemon.http.post(f"/v1/connectors/{PARTNER}/sync", {})
    one = await only(daemon)
    assert "\u0000" not in one["notes"]
    assert one["notes"].startswith("Schlüssel")
    run = (await daemon.http.post(f"/v1/connectors/{PARTNER}/sync", {})).json["items"][0]
    assert (run["sent"], run["applied"], run["error"]) == (0, 0, None)
    state = await sandbox.control.state(PARTNER)
    assert [each["version"] for each in state["appointments"]] == [1], "nothing is written back"


@pytest.mark.parametrize("status", [400, 404, 410])
async def test_a_cursor_that_is_refused_alone_holds_up_nothing(
    daemon: RunningDaemon, sandbox: Sandbox, status: int
) -> None:
    await sandbox.control.act(PARTNER, "book", dealer=DEALER, last_name="Lübs")
    await daemon.http.post(f"/v1/connectors/{PARTNER}/sync", {})
    first = await only(daemon)
    await sandbox.control.act(PARTNER, "rules", refuse_cursors=status)
    await sandbox.control.act(PARTNER, "book", dealer=DEALER, last_name="Ring")
    run = (await daemon.http.post(f"/v1/connectors/{PARTNER}/sync", {})).json["items"][0]
    assert run["error"] is None
    items = (await daemon.http.get("/v1/appointments?limit=10")).json["items"]
    assert len(items) == 2
    assert next(one for one in items if one["id"] == first["id"])["version"] == first["version"]
    assert (await daemon.channel())["state"] == "healthy"
    assert (await daemon.http.get("/v1/attention?state=open&kind=conflict")).json["items"] == []
