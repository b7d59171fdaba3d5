"""`wtpd log`: what the daemon said, and says."""

from __future__ import annotations

import json
from typing import Any

from tests.support.api_stub import ApiStub, Reply, problem
from tests.support.terminal import Terminal


def line(number: int, **other: Any) -> dict[str, Any]:
    return {
        "id": number, "at": "2026-11-21T09:00:00.123456Z", "level": "info", "logger": "wtpd.daemon.app",
        "message": f"line {number}", "channel": None, "connector": None, "site": None, "appointment_id": None,
        "fields": {},
    } | other  # fmt: skip


def page(*lines: dict[str, Any], more: str | None = None) -> dict[str, Any]:
    return {"items": list(lines), "next_cursor": more}


REFUSED = line(2, level="warning", channel="superservice/rostock", message="refused\nTraceback")


def test_the_last_lines_are_shown_with_the_newest_at_the_end(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/log", page(REFUSED, line(1)))
    said = terminal.wtpd("log")
    assert said.code == 0
    assert said.out.splitlines() == [
        "21/11/2026 10:00:00 INFO     wtpd.daemon.app: line 1",
        "21/11/2026 10:00:00 WARNING  superservice/rostock: refused",
        "    Traceback",
    ]


def test_what_is_wanted_is_asked_for(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/log", page())
    options = ("--level", "error", "--connector", "superservice", "--site", "rostock", "--lines", "7")
    said = terminal.wtpd("log", "two", "words", *options, "--json")
    assert (said.code, said.json) == (0, [])
    assert "No such line." in said.err
    assert api.requests[0].query == {
        "level": "error", "connector": "superservice", "site": "rostock", "q": "two words", "limit": "7",
    }  # fmt: skip
    assert terminal.wtpd("log", "--level", "loud").code == 2


def follow(api: ApiStub) -> None:
    """A daemon that tells of news, goes away, comes back, and in the end lets nobody read any more."""
    event = b"event: log.line\ndata: {}\n\n"
    api.on("GET", "/v1/events", Reply(raw=event))
    api.on(
        "GET", "/v1/log", page(line(1)), page(line(1)), page(line(3), line(2), line(1)), Reply(hang_up=True),
        Reply(hang_up=True), Reply(hang_up=True), page(line(5), line(4), more="4"), page(line(3)),
        problem(403, "forbidden", "no more"),
    )  # fmt: skip


def test_following_shows_each_line_once_whatever_happens_to_the_daemon(terminal: Terminal, api: ApiStub) -> None:
    follow(api)
    said = terminal.wtpd("log", "--follow", "--level", "info")
    assert said.code == 1
    assert [shown.rsplit(" ", 1)[1] for shown in said.out.splitlines()] == ["1", "2", "3", "4", "5"]
    assert "no more" in said.err
    assert "waiting for it" in said.err
    asked = [request.query for request in api.requests if request.path == "/v1/events"]
    assert asked[0] == {"kinds": "log.line"}
    pages = [request.query for request in api.requests if request.path == "/v1/log"]
    assert all(query["level"] == "info" for query in pages)
    assert [query["before"] for query in pages if "before" in query] == ["4"]


def test_following_as_json_is_one_line_each(terminal: Terminal, api: ApiStub) -> None:
    follow(api)
    said = terminal.wtpd("log", "-f", "--json")
    shown = [json.loads(each) for each in said.out.splitlines()]
    assert [one["id"] for one in shown if "id" in one] == [1, 2, 3, 4, 5]


def test_following_without_a_daemon_is_three(terminal: Terminal) -> None:
    assert terminal.wtpd("log", "--follow").code == 3
