"""The configuration and the mapping through the API; and what hand edits do to a running daemon."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.config.test_limits import ODD
from tests.support.daemon import NOBODY_MAILS, RunningDaemon, config_text, daemon_process, running_daemon
from tests.support.unix_http import UnixHttp

NO_MAIL = config_text().replace(NOBODY_MAILS, "")


async def test_the_file_and_what_is_in_force(http: UnixHttp, daemon: RunningDaemon) -> None:
    reply = await http.get("/v1/config")
    assert reply.json["text"] == daemon.config.read_text()
    settings = {one["path"]: (one["value"], one["origin"]) for one in reply.json["settings"]}
    assert settings["language"] == ("de", "wtpd.yaml:1")
    assert settings["mail.sender"][1] == "default"
    assert reply.json["errors"] == []


async def test_a_change_is_previewed_saved_and_in_force(http: UnixHttp, daemon: RunningDaemon) -> None:
    before = await http.get("/v1/config")
    change = [{"path": "sites.rostock.status_mail", "value": "neu@rostock.example"}]
    match = {"if-match": before.etag}
    preview = await http.send("PATCH", "/v1/config?preview=true", change, headers=match)
    assert "+    status_mail: neu@rostock.example" in preview.json["diff"]
    assert daemon.config.read_text() == before.json["text"]
    saved = await http.send("PATCH", "/v1/config", change, headers=match)
    assert (saved.status, saved.json) == (200, preview.json)
    assert (await http.get("/v1/config")).etag == saved.etag
    mapping = (await http.get("/v1/mapping")).json["items"]
    assert mapping[0]["status_mail"] == "neu@rostock.example"
    history = (await http.get("/v1/config/history")).json["items"]
    assert [one["number"] for one in history] == [2, 1]
    assert (await http.get("/v1/config/diff?version=1")).json["diff"].count("\n+ ") == 1


async def test_a_change_of_a_file_somebody_edited_shows_both(http: UnixHttp, daemon: RunningDaemon) -> None:
    before = await http.get("/v1/config")
    daemon.config.write_text(before.json["text"] + "# by hand\n")
    change = [{"path": "language", "value": "nl"}]
    refused = await http.send("PATCH", "/v1/config", change, headers={"if-match": before.etag})
    assert (refused.status, refused.kind) == (412, "version-mismatch")
    assert "# by hand" in refused.json["current"]
    unsaid = await http.send("PATCH", "/v1/config", change)
    assert unsaid.status == 428


@pytest.mark.parametrize(
    ("path", "value"),
    [("language", "klingon"), ("no.such.setting", 1), ("mail.password", "x"), ("sites.rostock.status_mail", 5)],
)
async def test_a_change_that_would_break_the_file_is_refused(
    http: UnixHttp, daemon: RunningDaemon, path: str, value: object
) -> None:
    before = daemon.config.read_text()
    refused = await http.send("PATCH", "/v1/config", [{"path": path, "value": value}], headers={"if-match": "*"})
    assert refused.status == 422
    assert refused.json["errors"]
    assert daemon.config.read_text() == before


async def test_an_old_version_comes_back(http: UnixHttp, daemon: RunningDaemon) -> None:
    before = daemon.config.read_text()
    await http.send("PATCH", "/v1/config", [{"path": "language", "value": "nl"}], headers={"if-match": "*"})
    assert (await http.get("/v1/nothing")).headers["content-language"] == "nl", "in force for the API at once"
    back = await http.post("/v1/config/rollback", {"version": 1})
    assert (back.status, back.json["cancels"], daemon.config.read_text()) == (200, 0, before)
    assert (await http.get("/v1/nothing")).headers["content-language"] == "de"
    assert (await http.post("/v1/config/rollback", {"version": 99})).status == 404


async def test_a_text_can_be_checked_with_every_error_and_its_line(http: UnixHttp) -> None:
    right = (await http.post("/v1/config/check", {"text": config_text()}, accept_language="en")).json
    assert (right["ok"], right["errors"]) == (True, [])
    silent = (await http.post("/v1/config/check", {"text": NO_MAIL}, accept_language="en")).json
    assert ["no mail server is set" in one["detail"] for one in silent["warnings"]] == [True]
    checked = await http.post("/v1/config/check", {"text": "language: klingon\ncolour: red\n"}, accept_language="en")
    assert checked.json["ok"] is False
    assert [(one["line"], one["path"]) for one in checked.json["errors"]] == [(1, "language"), (2, "colour")]


async def test_a_hand_edit_that_breaks_the_file_is_shown_until_it_is_mended(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text(), watching=True) as daemon:
        good = daemon.config.read_text()
        async with daemon.http.events("/v1/events?kinds=config.*") as events:
            daemon.config.write_text(good.replace("language: de", "language: klingon"))
            assert (await events.next())[1] == "config.rejected"
            [problem] = await daemon.problems()
            assert problem["kind"] == "config"
            status = (await daemon.http.get("/v1/status")).json
            assert [(one["line"], one["path"]) for one in status["config_errors"]] == [(1, "language")]
            assert (await daemon.http.get("/v1/config")).json["settings"][0]["value"] == "de"
            daemon.config.write_text(good)
            assert (await events.next())[1] == "config.applied"
        assert await daemon.problems() == []


async def test_a_start_with_a_broken_file_uses_the_last_good_one_and_says_so(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, config_text()) as daemon:
        await daemon.stop()
    async with running_daemon(tmp_path, config_text() + "colour: red\n") as daemon:
        [problem] = await daemon.problems()
        assert (problem["kind"], "colour" in problem["text"]) == ("config", True)
        assert len((await daemon.http.get("/v1/sites")).json["items"]) == 1


async def test_every_connector_at_every_site_says_why_it_isnt_there(http: UnixHttp) -> None:
    items = (await http.get("/v1/mapping", accept_language="en")).json["items"]
    assert [(one["site"], one["partner"], one["state"]) for one in items] == [
        ("rostock", "superservice", "not_mapped"), ("guestrow", "superservice", "not_mapped"),
    ]  # fmt: skip
    assert items[0]["departments"] == ["Werkstatt", "Karosserie"]
    assert items[0]["reason"]
    refused = await http.post("/v1/connectors/superservice/sync", {})
    assert (refused.status, refused.kind) == (409, "not-running")
    assert (await http.post("/v1/connectors/nobody/sync", {})).status == 404


async def test_odd_texts_are_checked_while_the_daemon_answers_everybody_else(http: UnixHttp) -> None:
    """Each text is answered, and the event loop stays free: health is answered before the checks are over."""
    checks = [asyncio.create_task(http.post("/v1/config/check", {"text": text})) for text in ODD.values()]
    answered_meanwhile = 0
    while not all(check.done() for check in checks):
        assert (await http.get("/v1/health")).status == 200
        answered_meanwhile += not all(check.done() for check in checks)
    assert answered_meanwhile > 0
    for kind, check in zip(ODD, checks, strict=True):
        reply = check.result()
        if kind == "nulls":  # each is six characters of JSON
            assert reply.kind == "too-large"
            continue
        assert (reply.status, reply.json.get("ok")) == (200, False), (kind, reply.json)
        assert reply.json["errors"], kind


async def test_what_options_and_variables_give_is_shown_as_in_force(tmp_path: Path) -> None:
    text = config_text().replace("language:", "data_dir: /nowhere\nlanguage:")
    async with daemon_process(tmp_path, text) as running:
        shown = (await running.http.get("/v1/config")).json["settings"]
        settings = {one["path"]: (one["value"], one["origin"]) for one in shown}
        assert settings["data_dir"] == (str(tmp_path / "data"), "--data-dir, WTPD_DATA_DIR")
        assert settings["api.socket"] == (str(tmp_path / "api.sock"), "WTPD_SOCKET")
        assert settings["language"] == ("de", "wtpd.yaml:2")
