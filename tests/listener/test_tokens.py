"""Tokens: shown once, good for one connector and site, two at a time; wrong ones cost little and are told."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.daemon import RunningDaemon, running_daemon
from tests.support.hand_clock import HandClock
from tests.support.lan import Program, free_port, lan_text, program, registry
from tests.support.push_connector import NAME, lines, person


async def create(daemon: RunningDaemon, **more: object) -> dict[str, str]:
    body = {"connector": NAME, "site": "rostock", "name": "DMS", "dealer_number": "00123", **more}
    made = await daemon.http.post("/v1/tokens", body)
    assert made.status == 201, made.json
    found: dict[str, str] = made.json
    return found


def other(token: str) -> str:
    """The same token with another secret of the right form."""
    head, _, secret = token.rpartition("_")
    return f"{head}_{secret[1:]}{'a' if secret[0] != 'a' else 'b'}"


async def test_every_wrong_token_gets_the_same_answer(tmp_path: Path) -> None:
    port = free_port()
    async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
        dms = await program(daemon, port)
        good = dms.token
        bodies = set()
        for wrong in ("", "x", other(good), good.replace(NAME, "carsys"), f"{good} ", good.upper(), good[:-1]):
            dms.token = wrong
            reply = await dms.send("GET", f"/push/{NAME}")
            assert reply.status == (200 if wrong.strip() == good else 401), wrong
            if reply.status == 401:
                assert reply.headers["www-authenticate"].startswith("Bearer")
                bodies.add(reply.content)
        assert len(bodies) == 1
        dms.token = good
        assert (await dms.send("GET", "/push/nobody")).status == 401, "which connectors there are is nobody's business"
        assert (await dms.send("GET", "/")).status == 401


async def test_wrong_tokens_are_counted_slowed_and_told_while_others_work_on(tmp_path: Path) -> None:
    port = free_port()
    async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
        dms = await program(daemon, port)
        stranger = Program(port, dms.certificate, other(dms.token), source="127.0.0.9")
        replies = [reply for _ in range(3) for reply in await asyncio.gather(*(_try(stranger) for _ in range(8)))]
        assert set(replies) <= {401, 429}
        assert replies.count(401) <= 12, "the bucket of an address"
        assert replies.count(429) >= 8
        assert (await dms.push(lines(person(1)))).status == 200
        told = next(one for one in await daemon.problems() if one["kind"] == "listener.wrong_token")
        assert "127.0.0.9" in told["text"]
        assert "wtpd token create" in told["next_step"]
        stranger.token = dms.token
        assert await _try(stranger) == 200, "a right token is never refused for the wrong ones of its address"


async def _try(one: Program) -> int:
    return (await one.send("GET", f"/push/{NAME}")).status


async def test_two_at_a_time_and_the_old_one_ends(tmp_path: Path) -> None:
    port = free_port()
    async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
        first = await program(daemon, port)
        made = await create(daemon, name="new")
        second = Program(port, first.certificate, made["token"])
        assert [await _try(first), await _try(second)] == [200, 200]
        listed = {one["name"]: one for one in (await daemon.http.get("/v1/tokens")).json["items"]}
        assert listed["new"]["expires_at"] is None
        assert listed["DMS"]["expires_at"] is not None
        assert made["ends"] == [listed["DMS"]["id"]]
        third = await daemon.http.post(
            "/v1/tokens", {"connector": NAME, "site": "rostock", "name": "x", "dealer_number": "00123"}
        )
        assert (third.status, third.kind) == (409, "two-tokens")
        assert "wtpd token revoke" in third.json["detail"]
        revoked = await daemon.http.post(f"/v1/tokens/{listed['DMS']['id']}/revoke")
        assert revoked.json["state"] == "revoked"
        assert [await _try(first), await _try(second)] == [401, 200]
        assert (await create(daemon, name="next"))["id"]


async def test_a_token_ends_on_its_day_and_that_is_told_before(tmp_path: Path) -> None:
    port = free_port()
    clock = HandClock()
    async with running_daemon(tmp_path, lan_text(port), registry=registry(), clock=clock) as daemon:
        dms = await program(daemon, port)
        limited = await create(daemon, site="guestrow", days=10)
        dms.token = limited["token"]
        assert await _try(dms) == 200
        kinds = [one["kind"] for one in await daemon.problems()]
        assert "listener.token_ends" in kinds
        clock.advance(timedelta(days=9, hours=23))
        assert await _try(dms) == 200
        clock.advance(timedelta(hours=2))
        refused = asyncio.create_task(_try(dms))
        while not refused.done():
            clock.advance(1.0)
            await asyncio.sleep(0.01)
        assert await refused == 401


async def test_a_token_may_be_bound_to_addresses(tmp_path: Path) -> None:
    port = free_port()
    async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
        dms = await program(daemon, port, site="guestrow")
        made = await create(daemon, addresses=["127.0.0.5", "127.0.1.0/24"])
        dms.token = made["token"]
        statuses = {}
        for source in ("127.0.0.1", "127.0.0.5", "127.0.1.77"):
            dms.source = source
            statuses[source] = await _try(dms)
        assert statuses == {"127.0.0.1": 401, "127.0.0.5": 200, "127.0.1.77": 200}


async def test_what_cant_have_a_token(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, lan_text(free_port()), registry=registry()) as daemon:
        wanted = {"connector": NAME, "site": "rostock", "name": "DMS"}
        for changed, status in (
            ({}, 409),  # no dealer number
            ({"connector": "dat"}, 404),
            ({"site": "nowhere", "dealer_number": "1"}, 404),
            ({"addresses": ["300.1.1.1"], "dealer_number": "1"}, 422),
            ({"name": "", "dealer_number": "1"}, 422),
        ):
            assert (await daemon.http.post("/v1/tokens", {**wanted, **changed})).status == status, changed


async def test_a_token_is_in_no_log_and_not_in_the_database(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    port = free_port()
    async with running_daemon(tmp_path, lan_text(port), registry=registry()) as daemon:
        dms = await program(daemon, port)
        assert (await dms.push(lines(person(1)))).status == 200
        secret = dms.token.rpartition("_")[2]
        assert "(DMS) made by" in caplog.text
        assert secret not in caplog.text
    for path in (tmp_path / "data").rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path
