"""The event stream over a real socket and a real database: live, resumed, filtered, bounded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.unix_http import UnixHttp
from wtpd.clock import SystemClock
from wtpd.daemon.api import events as events_module
from wtpd.daemon.api.asgi import Api
from wtpd.daemon.api.auth import Gate
from wtpd.daemon.api.events import Events
from wtpd.daemon.api.server import Server
from wtpd.daemon.systemd import own_socket
from wtpd.store import events as kept
from wtpd.store.database import Database


class House:
    def __init__(self, db: Database, hub: Events, http: UnixHttp) -> None:
        self.db, self.hub, self.http = db, hub, http

    async def happen(self, kind: str, **data: object) -> None:
        await self.db.write(lambda tx: tx.emit(kind, **data))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    db = await Database.open(tmp_path / "wtpd.db")
    hub = Events(db)
    path = tmp_path / "api.sock"
    gate = Gate(admin_group="a", read_group="r", clock=SystemClock())
    server = Server(Api(hub.routes(), gate, language="de"), own_socket(path))
    await server.start()
    yield House(db, hub, UnixHttp(path))
    hub.close()
    await server.stop(5)
    await db.close()


async def test_what_happens_is_told_at_once(house: House) -> None:
    await house.happen("appointment.created", id="before")
    async with house.http.events() as events:
        await house.happen("appointment.created", id="a", version=1)
        await house.happen("channel.changed", id="superservice/rostock", state="healthy")
        assert await events.next() == (2, "appointment.created", {"id": "a", "version": 1})
        assert (await events.next())[:2] == (3, "channel.changed")


async def test_a_reader_that_comes_back_misses_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "PAGE", 3)
    for number in range(10):
        await house.happen("appointment.changed", n=number)
    async with house.http.events(Last_Event_ID="2") as events:
        await house.happen("appointment.changed", n=10)
        assert [(await events.next())[2]["n"] for _ in range(9)] == list(range(2, 11))


@pytest.mark.parametrize("last", ["1", "99"])
async def test_who_was_away_too_long_is_told_to_load_anew(house: House, last: str) -> None:
    for number in range(5):
        await house.happen("appointment.changed", n=number)
    await house.db.write(lambda tx: kept.prune(tx, tx.now + timedelta(hours=1)))
    await house.happen("appointment.changed", n=5)
    async with house.http.events(Last_Event_ID=last) as events:
        assert await events.next() == (6, "reset", {})
        await house.happen("appointment.changed", n=6)
        assert await events.next() == (7, "appointment.changed", {"n": 6})


async def test_only_the_kinds_that_were_asked_for(house: House) -> None:
    async with house.http.events("/v1/events?kinds=appointment.*,run.finished") as events:
        for kind in ("channel.changed", "appointment.created", "run.finished", "appointment.cancelled"):
            await house.happen(kind)
        assert [(await events.next())[1] for _ in range(3)] == [
            "appointment.created", "run.finished", "appointment.cancelled",
        ]  # fmt: skip


async def test_a_quiet_stream_shows_signs_of_life(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "HEARTBEAT", 0.01)
    async with house.http.events() as events:
        assert await events.piece() == ":\n\n"


async def test_a_reader_that_does_not_keep_up_is_dropped(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "SLOW", 0.05)
    async with house.http.events() as events:
        for _ in range(60):  # more than the socket's buffers take, unread
            await house.happen("appointment.changed", filler="x" * 100_000)
        while house.hub.readers:
            await asyncio.sleep(0)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError, ValueError, EOFError)):
            while True:
                await events.next()


async def test_a_flood_ends_the_stream_and_it_can_be_resumed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "WAITING", 10)
    async with house.http.events() as events:
        await asyncio.gather(*(house.db.write(lambda tx: tx.emit("appointment.changed")) for _ in range(50)))
        with pytest.raises(EOFError):
            while True:
                await events.next()
    async with house.http.events(Last_Event_ID="0") as events:
        assert [(await events.next())[0] for _ in range(50)] == list(range(1, 51))


async def test_a_flood_of_other_kinds_drops_nobody(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "WAITING", 10)
    async with house.http.events("/v1/events?kinds=run.finished") as events:
        await asyncio.gather(*(house.db.write(lambda tx: tx.emit("appointment.changed")) for _ in range(50)))
        await house.happen("run.finished")
        assert (await events.next())[:2] == (51, "run.finished")


async def test_the_stop_ends_all_streams(house: House) -> None:
    async with house.http.events() as events:
        house.hub.close()
        with pytest.raises(EOFError):
            await events.next()
    async with house.http.events() as events:
        with pytest.raises(EOFError):
            await events.next()


async def test_a_reader_that_goes_away_is_forgotten(house: House) -> None:
    async with house.http.events():
        assert house.hub.readers == 1
    while house.hub.readers:
        await asyncio.sleep(0)


async def test_a_last_event_id_that_cannot_be_one(house: House) -> None:
    reply = await house.http.get("/v1/events", last_event_id="yesterday")
    assert (reply.status, reply.kind) == (422, "invalid-header")


async def test_what_passes_only_is_told_to_those_who_listen_and_not_kept(house: House) -> None:
    async with house.http.events() as events:
        await house.happen("appointment.created", id="a")
        house.hub.pass_on("presence.changed", what="log", people=[])
        await house.happen("appointment.changed", id="a")
        assert await events.next() == (1, "appointment.created", {"id": "a"})
        assert await events.next() == (0, "presence.changed", {"what": "log", "people": []})
        assert await events.next() == (2, "appointment.changed", {"id": "a"})
    async with house.http.events(Last_Event_ID="0") as events:
        assert [(await events.next())[1] for _ in range(2)] == ["appointment.created", "appointment.changed"]


@pytest.mark.parametrize(
    ("kinds", "heard"),
    [("", False), ("*", False), ("appointment.*", False), ("log.line", True), ("log.*", True), ("*,log.line", True)],
)
async def test_log_lines_come_only_to_whoever_names_them(house: House, kinds: str, heard: bool) -> None:
    async with house.http.events(f"/v1/events?kinds={kinds}") as events:
        house.hub.pass_on("log.line", message="here")
        house.hub.pass_on("log.other")
        await house.happen("appointment.created")
        await house.happen("end")
        house.hub.close()
        told = []
        with pytest.raises(EOFError):
            while True:
                told.append((await events.next())[1])
        assert ("log.line" in told) == heard


async def test_a_flood_of_log_lines_drops_nobody_who_doesnt_read_them(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_module, "WAITING", 10)
    async with house.http.events() as events:
        for _ in range(50):
            house.hub.pass_on("log.line", message="again")
        await house.happen("appointment.created")
        assert (await events.next())[1] == "appointment.created"
