"""Session, presence and log through the API: who is there, and what the daemon says."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import OFFLINE, RunningDaemon, config_text, running_daemon
from tests.support.unix_http import EventReader, UnixHttp
from wtpd.client import Client

PLACE = {"what": "mapping/rostock/superservice", "editing": True}
log = logging.getLogger("wtpd.test.live")


async def test_the_session_says_who_one_is(http: UnixHttp) -> None:
    session = (await http.get("/v1/session")).json
    assert (session["role"], session["shared"], session["language"], session["box"]) == ("admin", False, "de", "wtpd")
    assert session["version"]
    assert session["time"]


async def test_a_shared_login_is_known_by_the_settings_at_once(daemon: RunningDaemon) -> None:
    user = (await daemon.http.get("/v1/session")).json["user"]
    change = [{"path": "api.shared_logins", "value": ["annahme", user]}]
    assert (await daemon.http.patch("/v1/config", change, version="*")).status == 200
    assert (await daemon.http.get("/v1/session")).json["shared"]


async def next_of(events: EventReader, kind: str) -> tuple[int, Any]:
    while True:
        number, found, data = await events.next()
        if found == kind:
            return number, data


async def test_two_people_at_one_mapping_see_each_other(http: UnixHttp) -> None:
    async with http.events("/v1/events?client=anna") as anna:
        assert (await http.put("/v1/presence/anna", PLACE, wtpd_initials="AB")).json == {"others": []}
        number, first = await next_of(anna, "presence.changed")
        assert number == 0, "nothing is kept, so there is no id to go on from"
        assert [one["client"] for one in first["people"]] == ["anna"]
        async with http.events("/v1/events?client=ben&kinds=presence.*") as ben:
            [other] = (await http.put("/v1/presence/ben", {**PLACE, "editing": False})).json["others"]
            assert other["who"].endswith(" (AB)")
            assert (other["editing"], other["since"]) == (True, first["people"][0]["since"])
            for reader in (anna, ben):
                _, both = await next_of(reader, "presence.changed")
                assert both["what"] == PLACE["what"]
                assert [(one["client"], one["editing"]) for one in both["people"]] == [("anna", True), ("ben", False)]
        _, left = await next_of(anna, "presence.changed")  # ben's terminal was killed
        assert [one["client"] for one in left["people"]] == ["anna"]


@pytest.mark.parametrize(
    ("client", "body", "status"),
    [
        ("anna", {"what": "x" * 201}, 422),
        ("anna", {"what": ""}, 422),
        ("anna", {"editing": True}, 422),
        ("a%20b", {"what": "log"}, 422),
        ("x" * 65, {"what": "log"}, 422),
        ("anna", {"what": None}, 200),
    ],
)
async def test_what_presence_takes(http: UnixHttp, client: str, body: dict[str, Any], status: int) -> None:
    assert (await http.put(f"/v1/presence/{client}", body)).status == status


async def test_a_stream_whose_client_cannot_be_one(http: UnixHttp) -> None:
    assert (await http.get("/v1/events?client=a%20b")).status == 422


async def test_after_a_restart_the_client_says_again_where_it_is(tmp_path: Path) -> None:
    text = config_text(sites={"rostock": None}, more=OFFLINE)
    async with Client(str(tmp_path / "api.sock"), initials="AB") as api:
        stream = api.events(kinds="presence.*,config.*", client="anna")
        async with running_daemon(tmp_path, text) as daemon:
            await api.presence.put("anna", "log")
            assert (await daemon.http.put("/v1/presence/ben", {"what": "log"})).json["others"]
            event = await anext(stream)
            assert (event.kind, event.id, event.data["what"]) == ("presence.changed", "", "log")
        async with running_daemon(tmp_path, "") as daemon:

            async def found() -> bool:
                return any(event.data["people"] for event in [await anext(stream)] if event.kind == "presence.changed")

            await daemon.until(found)
            [other] = (await daemon.http.put("/v1/presence/ben", {"what": "log"})).json["others"]
            assert other["who"].endswith(" (AB)")
        await stream.aclose()  # type: ignore[attr-defined] # it is a generator


@pytest.fixture
def talkative(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "level", logging.DEBUG)


async def shown(http: UnixHttp, query: str) -> list[str]:
    return [one["message"] for one in (await http.get(f"/v1/log?{query}")).json["items"]]


@pytest.mark.usefixtures("talkative")
async def test_the_log_is_searched_by_level_connector_site_and_words(http: UnixHttp) -> None:
    log.info("Run over: 3 fetched", extra={"CONNECTOR": "superservice", "SITE": "rostock"})
    log.warning("Refused by the partner", extra={"CHANNEL": "superservice/guestrow", "APPOINTMENT": "a-17"})
    log.debug("DAT asked", extra={"CONNECTOR": "dat"})
    assert await shown(http, "connector=superservice") == ["Refused by the partner", "Run over: 3 fetched"]
    assert await shown(http, "site=rostock&connector=superservice") == ["Run over: 3 fetched"]
    assert await shown(http, "level=warning&connector=superservice") == ["Refused by the partner"]
    assert await shown(http, "q=RUN%20fetched") == ["Run over: 3 fetched"]
    assert await shown(http, "q=a-17") == ["Refused by the partner"]
    assert await shown(http, "level=info&connector=dat") == []
    assert (await http.get("/v1/log?level=loud")).status == 422


@pytest.mark.usefixtures("talkative")
async def test_the_log_is_read_page_by_page(http: UnixHttp) -> None:
    for number in range(5):
        log.info("line %d", number)
    first = (await http.get("/v1/log?q=line&limit=2")).json
    assert [one["message"] for one in first["items"]] == ["line 4", "line 3"]
    second = (await http.get(f"/v1/log?q=line&limit=3&before={first['next_cursor']}")).json
    assert [one["message"] for one in second["items"]] == ["line 2", "line 1", "line 0"]
    assert second["next_cursor"] is None


@pytest.mark.usefixtures("talkative")
async def test_lines_come_live_to_whoever_names_them(http: UnixHttp) -> None:
    async with http.events("/v1/events?kinds=log.line") as named, http.events("/v1/events?kinds=*") as other:
        log.warning("here", extra={"SITE": "rostock"})
        number, kind, line = await named.next()
        assert (number, kind) == (0, "log.line")
        assert (await http.get("/v1/log?q=here")).json["items"] == [line]
        await http.put("/v1/presence/anna", PLACE)
        assert (await other.next())[1] == "presence.changed", "the line before it went past"


@pytest.mark.usefixtures("talkative")
async def test_the_log_outlives_the_daemon(tmp_path: Path) -> None:
    text = config_text(sites={"rostock": None}, more=OFFLINE)
    async with running_daemon(tmp_path, text):
        log.error("the last words")
    async with running_daemon(tmp_path, "") as daemon:
        assert await shown(daemon.http, "level=error&q=words") == ["the last words"]
