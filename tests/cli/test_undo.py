"""`wtpd undo`."""

from __future__ import annotations

from typing import Any

from tests.support.api_stub import ApiStub, problem
from tests.support.terminal import Terminal, on_terminal

APPOINTMENT = {"id": "0192", "site": "rostock", "version": 3}
HISTORY = [
    {"id": 16, "at": "2026-11-20T10:00:00Z", "actor": "anna", "channel": "desk", "action": "created", "version": 1,
     "changes": {}, "undoes": None},
    {"id": 17, "at": "2026-11-21T10:00:00Z", "actor": "otto", "channel": "desk", "action": "changed", "version": 3,
     "changes": {"notes": {"old": "alt", "new": "neu"}}, "undoes": None},
]  # fmt: skip
PREVIEW = {
    "possible": True, "reason": None, "kind": None, "changes": {"notes": {"old": "neu", "new": "alt"}},
    "consequences": ["SUPERSERVICE Connect is told."], "cancels": False, "sends": ["superservice/rostock"],
}  # fmt: skip


def answer(api: ApiStub, *replies: Any) -> None:
    api.on("GET", "/v1/appointments/0192", APPOINTMENT)
    api.on("GET", "/v1/sites", {"items": [{"id": "rostock", "time_zone": "Europe/Berlin"}], "next_cursor": None})
    api.on("GET", "/v1/appointments/0192/history", {"items": HISTORY, "next_cursor": None})
    api.on("POST", "/v1/appointments/0192/undo", *replies)


def asked(api: ApiStub) -> list[tuple[Any, Any]]:
    return [(request.body, dict(request.query)) for request in api.requests if request.method == "POST"]


def test_the_last_entry_is_taken_back_after_a_look(terminal: Terminal, api: ApiStub) -> None:
    answer(api, PREVIEW, APPOINTMENT)
    said = terminal.wtpd("undo", "0192", "--yes")
    assert said.code == 0
    assert said.out.splitlines() == [
        "17  Sat 21/11/2026 11:00  otto (desk)  changed", "    notes: neu → alt", "SUPERSERVICE Connect is told.",
        "Taken back.",
    ]  # fmt: skip
    assert asked(api) == [({"entry": 17}, {"preview": "true"}), ({"entry": 17}, {})]
    assert api.requests[-1].headers["If-Match"] == '"3"'


def test_nobody_to_ask_means_no(terminal: Terminal, api: ApiStub) -> None:
    answer(api, PREVIEW)
    said = terminal.wtpd("undo", "0192", "16")
    assert said.code == 1
    assert "Nothing was changed." in said.err
    assert asked(api) == [({"entry": 16}, {"preview": "true"})]


def test_on_a_terminal_one_is_asked(api: ApiStub) -> None:
    answer(api, PREVIEW, APPOINTMENT)
    code, seen = on_terminal(api.socket, [("Take it back?", "y")], "undo", "0192")
    assert (code, "Taken back." in seen) == (0, True)


def test_what_is_not_possible_is_said_with_the_way_out(terminal: Terminal, api: ApiStub) -> None:
    answer(api, {**PREVIEW, "possible": False, "reason": "The day is full.", "kind": "over-limit"})
    said = terminal.wtpd("undo", "0192", "--yes")
    assert said.code == 1
    assert said.err.splitlines() == ["The day is full.", "To do it all the same: --allow-over-limit"]
    assert len(asked(api)) == 1


def test_over_the_limit_on_purpose(terminal: Terminal, api: ApiStub) -> None:
    answer(api, PREVIEW, APPOINTMENT)
    assert terminal.wtpd("undo", "0192", "--yes", "--allow-over-limit", "--json").json == APPOINTMENT
    assert [query.get("allow_over_limit") for _, query in asked(api)] == ["true", "true"]


def test_one_that_is_not_there(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/appointments/0192", problem(404, "not-found", "no"))
    api.on("GET", "/v1/appointments", {"items": [], "next_cursor": None})
    said = terminal.wtpd("undo", "0192")
    assert (said.code, said.out) == (1, "Nothing found.\n")
