"""What is wrong: how many of today's appointments it concerns, and where it is mended; how the box is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import RunningDaemon, config_text, running_daemon
from tests.support.hand_clock import HandClock
from wtpd.daemon.api import status as status_module
from wtpd.store import attention
from wtpd.store.database import Tx
from wtpd.words import SCREENS

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NOWHERE = "http://127.0.0.1:9"


async def book(daemon: RunningDaemon, start: str, end: str) -> str:
    booking = {"site": "rostock", "department": "Werkstatt", "drop_off": start, "collection": end}
    reply = await daemon.http.post("/v1/appointments", booking)
    assert reply.status == 201, reply.json
    return str(reply.json["id"])


async def found(daemon: RunningDaemon) -> dict[str, Any]:
    problems = await daemon.problems()
    assert all(one["place"]["screen"] in SCREENS for one in problems)
    return {one["kind"]: one for one in problems}


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ("", "superservice/general"),
        ("credentials:\n  superservice:\n    scope: office\n", "superservice/office:rostock"),
    ],
)
async def test_credentials_that_are_missing_concern_todays_appointments(tmp_path: Path, more: str, key: str) -> None:
    text = config_text(partner=NOWHERE, more=more)
    async with running_daemon(tmp_path, text, clock=HandClock(MONDAY)) as daemon:
        await daemon.until_channel("needs_token")
        await book(daemon, "2026-11-23T10:00:00Z", "2026-11-23T12:00:00Z")
        await book(daemon, "2026-11-23T22:30:00Z", "2026-11-23T22:45:00Z")  # 23:30 on the clock in Rostock
        await book(daemon, "2026-11-23T23:15:00Z", "2026-11-24T12:00:00Z")  # tomorrow there
        problem = (await found(daemon))["channel.needs_token"]
        assert (problem["touches"], problem["touches_today"]) == (3, 2)
        assert problem["place"] == {"screen": "credentials", "key": key}
        assert problem["next_step"] == "Enter new credentials: wtpd tui → Credentials"
        assert problem["command"] == f"wtpd credential set superservice --scope {key.partition('/')[2]}"


async def test_what_is_to_be_decided_concerns_todays_appointments(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text(), clock=HandClock(MONDAY)) as daemon:
        parts = daemon.daemon.parts
        assert parts is not None
        today = await book(daemon, "2026-11-23T10:00:00Z", "2026-11-23T12:00:00Z")
        later = await book(daemon, "2026-11-25T10:00:00Z", "2026-11-25T12:00:00Z")

        def work(tx: Tx) -> None:
            for appointment in (today, today, later):
                attention.add(tx, "conflict", appointment_id=appointment, data={})
            attention.add(tx, "quarantine", data={})

        await parts.db.write(work)
        problems = await found(daemon)
        assert (problems["conflict"]["touches"], problems["conflict"]["touches_today"]) == (3, 1)
        assert problems["conflict"]["place"] == {"screen": "attention", "key": "conflict"}
        assert problems["quarantine"]["touches_today"] == 0


async def test_trouble_with_the_box_is_told_on_the_overview(tmp_path: Path) -> None:
    text = config_text(partner=NOWHERE)
    async with running_daemon(tmp_path, text, free_of=lambda path: 1 << 20) as daemon:
        daemon.config.write_text(text + "colour: red\n")
        daemon.daemon.reload()

        async def rejected() -> dict[str, Any] | None:
            problems = await found(daemon)
            return problems if "config" in problems else None

        problems = await daemon.until(rejected)
        assert problems["disk"]["place"] == {"screen": "overview", "key": "disk"}
        assert problems["config"]["place"] == {"screen": "mapping", "key": None}


async def test_a_channel_is_resumed_on_the_overview(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text(partner=NOWHERE)) as daemon:
        await daemon.http.post("/v1/connectors/superservice/pause", {})
        await daemon.until_channel("paused")
        problem = (await found(daemon))["channel.paused"]
        assert problem["place"] == {"screen": "overview", "key": "superservice/rostock"}
        assert problem["next_step"] == "Let it run again: wtpd tui → Overview"
        assert problem["command"] == "wtpd resume superservice --site rostock"


@pytest.mark.parametrize(("is_there", "said"), [(True, True), (False, None)])
async def test_the_clock_is_known_to_be_right_where_systemd_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool, said: bool | None
) -> None:
    mark = tmp_path / "synchronized"
    if is_there:
        mark.touch()
    monkeypatch.setattr(status_module, "SYNCHRONISED", mark)
    async with running_daemon(tmp_path, config_text()) as daemon:
        clock = (await daemon.http.get("/v1/status")).json["clock"]
        assert clock == {"synchronised": said, "jumped_at": None}
