"""The mapping through the API: coverage, the status address with it, and nobody overwrites what they haven't seen."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.support.daemon import config_text, running_daemon
from tests.support.hand_clock import HandClock
from tests.support.unix_http import UnixHttp

TARGET = "/v1/mapping/rostock/superservice"
WANTED = {"department": "Werkstatt", "dealer_number": "00123"}


async def rows(http: UnixHttp) -> list[Any]:
    items: list[Any] = (await http.get("/v1/mapping")).json["items"]
    return items


async def test_departments_that_nobody_serves_come_first(tmp_path: Path) -> None:
    clock = HandClock(datetime(2026, 11, 23, 9, 0, tzinfo=UTC))
    text = config_text(partner="http://127.0.0.1:9", sites={"rostock": "00123", "guestrow": None})
    async with running_daemon(tmp_path, text, clock=clock) as daemon:
        for site, department, day in (
            ("rostock", "Werkstatt", "2026-11-24"), ("guestrow", "Karosserie", "2026-11-24"),
            ("guestrow", "Karosserie", "2026-11-25"), ("rostock", "Karosserie", "2026-11-20"),
        ):  # fmt: skip
            booking = {
                "site": site, "department": department, "drop_off": f"{day}T08:00:00Z",
                "collection": f"{day}T12:00:00Z",
            }  # fmt: skip
            assert (await daemon.http.post("/v1/appointments?allow_over_limit=true", booking)).status == 201
        items = (await daemon.http.get("/v1/mapping/coverage")).json["items"]
        assert [(one["site"], one["department"], one["upcoming"], one["partners"]) for one in items] == [
            ("guestrow", "Karosserie", 2, []),
            ("rostock", "Werkstatt", 1, ["superservice"]),
            ("rostock", "Karosserie", 0, []),
            ("guestrow", "Werkstatt", 0, []),
        ]
        assert items[0]["site_name"] == "Autohaus Guestrow"
        change = [{"path": "sites.guestrow.departments.Karosserie", "value": None}]
        assert (await daemon.http.patch("/v1/config", change, version="*")).status == 200
        items = (await daemon.http.get("/v1/mapping/coverage")).json["items"]
        assert (items[0]["department"], items[0]["upcoming"]) == ("Karosserie", 2), "the appointments are still there"


async def test_the_status_address_is_changed_with_the_mapping(http: UnixHttp) -> None:
    wanted = {**WANTED, "status_mail": "neu@rostock.example"}
    shown = (await http.put(f"{TARGET}?preview=true", wanted)).json
    assert "+    status_mail: neu@rostock.example" in shown["diff"]
    assert '+        dealer_number: "00123"' in shown["diff"]
    assert (await rows(http))[0]["status_mail"] == "status@rostock.example"
    assert (await http.put(TARGET, wanted)).status == 200
    assert (await rows(http))[0]["status_mail"] == "neu@rostock.example"
    assert (await http.put(TARGET, WANTED)).status == 200
    assert (await rows(http))[0]["status_mail"] == "neu@rostock.example", "what isn't said stays"
    assert (await http.put(TARGET, {**WANTED, "status_mail": "nowhere"})).status == 422


async def test_whoever_saves_what_somebody_else_changed_meanwhile_is_shown_that(http: UnixHttp) -> None:
    seen = (await http.get("/v1/mapping")).etag
    change = [{"path": "sites.rostock.status_mail", "value": "other@rostock.example"}]
    assert (await http.patch("/v1/config", change, version="*")).status == 200
    for target in (TARGET, f"{TARGET}?preview=true"):
        refused = await http.put(target, WANTED, if_match=seen)
        assert (refused.status, refused.kind) == (412, "version-mismatch")
        assert "+    status_mail: other@rostock.example" in refused.json["diff"]
        assert "dealer_number" not in refused.json["diff"]
    again = (await http.get("/v1/mapping")).etag
    assert (await http.put(TARGET, WANTED, if_match=again)).status == 200
    assert (await http.put(TARGET, WANTED, if_match="*")).status == 200
    assert (await http.put(TARGET, WANTED, if_match="nonsense")).status == 422


async def test_a_file_that_is_broken_by_hand_is_not_overwritten(tmp_path: Path) -> None:
    text = config_text(sites={"rostock": None})
    async with running_daemon(tmp_path, text) as daemon:
        seen = (await daemon.http.get("/v1/mapping")).etag
        daemon.config.write_text(text + "colour: red\n")
        refused = await daemon.http.put(TARGET, WANTED, if_match=seen)
        assert refused.status in (412, 422)
        assert daemon.config.read_text() == text + "colour: red\n"
