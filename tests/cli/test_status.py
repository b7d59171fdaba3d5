"""`wtpd status`, `sync`, `verify`, `attention`: what a supporter sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.api_stub import ApiStub
from tests.support.terminal import Terminal, flat, on_terminal


def channel(**other: Any) -> dict[str, Any]:
    return {
        "id": "superservice/rostock", "site": "rostock", "account": "00123", "department": "Werkstatt",
        "state": "healthy", "since": "2026-11-21T08:00:00Z", "reason": None, "last_success": "2026-11-21T09:00:00Z",
        "next_run": None, "error": None, "waiting": 0, "conflicts": 0, "quarantined": 0, "rejected": 0,
        "makes_runs": True,
    } | other  # fmt: skip


def status(*problems: dict[str, Any], channels: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {
        "ok": not problems, "state": "ready", "box": "box-07", "version": "0.1.0",
        "started_at": "2026-11-21T08:00:00Z", "uptime": 3700, "problems": list(problems),
        "channels": [channel()] if channels is None else channels, "config_errors": [], "attention": {},
        "disk": {"free": 5 << 30, "database": 3 << 20}, "mail": {"waiting": 0}, "time": "2026-11-21T09:00:00Z",
    }  # fmt: skip


TOKEN = {
    "kind": "channel.needs_token", "text": "SUPERSERVICE, rostock: access expired", "since": "2026-11-21T08:30:00Z",
    "touches": 7, "touches_today": 2, "place": {"screen": "credentials", "key": "superservice/general"},
    "next_step": "Enter new credentials.", "channel": "superservice/rostock",
}  # fmt: skip


def test_when_nothing_is_wrong_it_says_so_and_ends_with_0(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/status", status())
    said = terminal.wtpd("status")
    assert said.code == 0
    assert said.out.splitlines()[0] == "Nothing is wrong."
    assert "superservice/rostock  healthy  10:00" in said.out
    assert "box-07: wtpd 0.1.0, in service, up 1:01:40" in said.out
    assert len(api.requests) == 1


def test_what_is_wrong_comes_first_with_the_next_step(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/status", status(TOKEN, channels=[channel(state="needs_token", waiting=7)]))
    said = terminal.wtpd("status", "--lang", "en")
    assert said.code == 1
    assert said.out.splitlines()[:3] == [
        "SUPERSERVICE, rostock: access expired (Sat 21/11/2026 09:30)",
        "  appointments concerned: 7, of them today: 2",
        "  → Enter new credentials.",
    ]


def test_the_next_step_is_a_command_where_the_terminal_ui_has_a_screen(terminal: Terminal, api: ApiStub) -> None:
    command = "wtpd credential set superservice --scope general"
    step = {"next_step": "Zugangsdaten neu eingeben: wtpd tui → Zugangsdaten", "command": command}
    api.on("GET", "/v1/status", status(TOKEN | step))
    assert f"  → Zugangsdaten neu eingeben: {command}" in terminal.wtpd("status", "--lang", "de").out.splitlines()


def test_the_status_of_one_connector(terminal: Terminal, api: ApiStub) -> None:
    other = {**TOKEN, "channel": "carloop/rostock", "text": "Carloop"}
    api.on("GET", "/v1/status", status(other, channels=[channel(), channel(id="carloop/rostock")]))
    said = terminal.wtpd("status", "superservice")
    assert said.code == 0
    assert "arloop" not in said.out
    assert terminal.wtpd("status", "carloop").code == 1
    assert terminal.wtpd("status", "nothing").code == 2


def test_status_fits_into_80_columns(terminal: Terminal, api: ApiStub) -> None:
    terminal.environment["COLUMNS"] = "80"
    long = channel(id="superservice/guestrow-am-hafen-nord", state="not_available", last_success=None)
    api.on("GET", "/v1/status", status(channels=[channel(), long]))
    assert max(map(len, terminal.wtpd("status").out.splitlines())) <= 80


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_nothing_that_matters_is_cut(terminal: Terminal, api: ApiStub, columns: int) -> None:
    """The channel, the time, and the figures with their names; a list where a table is too wide."""
    terminal.environment["COLUMNS"] = str(columns)
    api.on("GET", "/v1/status", status(channels=[channel(), channel(id="superservice/guestrow", conflicts=12)]))
    out = terminal.wtpd("status").out
    assert "…" not in out
    for part in ("superservice/rostock", "superservice/guestrow", "10:00", "12", "quarantine"):
        assert part in out
    assert max(map(len, out.splitlines())) <= 80


def test_no_colours_in_a_pipe(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/status", status(TOKEN))
    assert "\x1b" not in terminal.wtpd("status").out


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": "", "TERM": "dumb"}, False)],
)
def test_colours_on_a_terminal_only_where_they_are_wanted(
    api: ApiStub, variables: dict[str, str], coloured: bool
) -> None:
    api.on("GET", "/v1/status", status(TOKEN))
    code, shown = on_terminal(api.socket, [], "status", **variables)
    assert code == 1
    assert ("\x1b[31m" in shown) is coloured


def test_status_as_json_is_the_apis(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/status", status(TOKEN))
    said = terminal.wtpd("status", "--json")
    assert said.code == 1
    assert said.json["problems"] == [TOKEN]


RUN = {
    "channel": "superservice/rostock", "trigger": "manual", "started_at": "2026-11-21T09:00:00Z",
    "ended_at": "2026-11-21T09:00:01Z", "quiet": 0, "fetched": 3, "applied": 2, "sent": 5, "published": 1,
    "conflicts": 0, "quarantined": 0, "requests": 9, "error": None, "steps": [], "truncated": False,
}  # fmt: skip


def test_a_run_tells_its_counts(terminal: Terminal, api: ApiStub) -> None:
    api.on("POST", "/v1/connectors/superservice/sync", {"items": [RUN], "next_cursor": None})
    said = terminal.wtpd("sync", "superservice", "--site", "rostock")
    assert said.code == 0
    assert said.out.splitlines()[1].split() == ["superservice/rostock", "3", "2", "5", "1", "0", "0"]
    assert api.requests[0].body == {"site": "rostock"}


def test_a_run_that_failed_is_1(terminal: Terminal, api: ApiStub) -> None:
    failed = {**RUN, "error": "the partner doesn't answer"}
    api.on("POST", "/v1/connectors/superservice/sync", {"items": [RUN, failed], "next_cursor": None})
    said = terminal.wtpd("sync", "superservice")
    assert said.code == 1
    assert "the partner doesn't answer" in said.out


def test_without_a_name_every_connector_that_is_set_up_runs(terminal: Terminal, api: ApiStub) -> None:
    connectors = [{"name": "superservice", "channels": [channel()]}, {"name": "carloop", "channels": []}]
    api.on("GET", "/v1/connectors", {"items": connectors, "next_cursor": None})
    api.on("POST", "/v1/connectors/superservice/sync", {"items": [RUN], "next_cursor": None})
    assert terminal.wtpd("sync").code == 0
    assert [request.path for request in api.requests][1:] == ["/v1/connectors/superservice/sync"]


def test_a_dry_run_says_field_by_field_what_would_happen(terminal: Terminal, api: ApiStub) -> None:
    step = {
        "side": "there", "action": "update", "appointment_id": "0192", "partner_id": "A1",
        "changes": {"notes": {"old": "", "new": "Räder"}}, "detail": "",
    }  # fmt: skip
    api.on("POST", "/v1/connectors/superservice/sync", {"items": [{**RUN, "steps": [step]}], "next_cursor": None})
    said = terminal.wtpd("sync", "superservice", "--dry-run")
    assert said.out.splitlines() == ["superservice/rostock", "  at the partner: change 0192", "    notes: – → Räder"]
    assert api.requests[0].body == {"dry_run": True}


def test_a_dry_run_when_both_agree(terminal: Terminal, api: ApiStub) -> None:
    api.on("POST", "/v1/connectors/superservice/sync", {"items": [RUN], "next_cursor": None})
    assert "nothing to do" in terminal.wtpd("sync", "superservice", "--dry-run").out


def test_verify_says_who_we_are_there_and_what_differs(terminal: Terminal, api: ApiStub) -> None:
    difference = {"appointment_id": "0192", "partner_id": "A1", "field": "notes", "ours": "a", "theirs": "b"}
    found = {
        "site": "rostock", "account": "00123", "name": "Autohaus X", "facts": {"brand": "NISSAN"}, "missing": [],
        "error": None,
        "compared": 12, "differences": [difference],
    }  # fmt: skip
    api.on("POST", "/v1/connectors/superservice/verify", {"items": [found], "next_cursor": None})
    said = terminal.wtpd("verify", "superservice", "--compare")
    assert said.code == 1
    assert "rostock 00123: Autohaus X, brand NISSAN" in said.out
    assert "12 appointments compared, 1 difference" in said.out
    assert "0192 notes: a ≠ b" in said.out


def entry(**other: Any) -> dict[str, Any]:
    return {
        "id": 12, "kind": "conflict", "channel": "superservice/rostock", "appointment_id": "0192",
        "at": "2026-11-21T09:00:00Z", "text": "Both sides changed notes; the partner's value stands.",
        "data": {"field": "notes", "ours": "wir", "theirs": "sie"}, "choices": ["ours", "theirs"],
        "consequences": {"ours": "Puts wir back.", "theirs": "sie stays."}, "next_step": None, "sides": [
            {"side": "ours", "value": "wir", "shown": "wir", "actor": "anna", "at": "2026-11-21T08:00:00Z"},
            {"side": "theirs", "value": "sie", "shown": "sie", "actor": None, "at": None},
        ],
        "resolved_at": None, "resolved_by": None, "resolution": None, "message": None,
    } | other  # fmt: skip


def test_what_is_open_is_listed_with_the_choices(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/attention", {"items": [entry()], "next_cursor": None})
    said = terminal.wtpd("attention")
    assert said.code == 1
    assert "ours: wir (anna, Sat 21/11/2026 09:00)" in said.out
    assert "the partner's: sie\n" in said.out
    assert "→ wtpd attention resolve 12 ours: Puts wir back.\n" in said.out
    assert "wtpd show 0192" in flat(said.out)
    assert api.requests[0].query["state"] == "open"


def test_nothing_open_is_0(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/attention", {"items": [], "next_cursor": None})
    said = terminal.wtpd("attention", "--kind", "conflict")
    assert (said.code, said.out) == (0, "Nothing needs attention.\n")


def test_a_decision_is_sent(terminal: Terminal, api: ApiStub) -> None:
    api.on("POST", "/v1/attention/12/resolve", entry(resolved_at="2026-11-21T09:00:00Z"))
    api.on("POST", "/v1/attention/12/retry", entry())
    api.on("POST", "/v1/attention/12/discard", entry())
    assert terminal.wtpd("attention", "resolve", "12", "ours").code == 0
    assert terminal.wtpd("attention", "retry", "12").code == 0
    assert terminal.wtpd("attention", "discard", "12").code == 0
    assert [request.body for request in api.requests] == [{"choice": "ours"}, None, None]
    assert terminal.wtpd("attention", "resolve", "12", "perhaps").code == 2


def test_a_mended_message_is_handed_in(terminal: Terminal, api: ApiStub, tmp_path: Path) -> None:
    api.on("POST", "/v1/attention/12/retry", entry())
    mended = tmp_path / "mended.json"
    mended.write_text('{"notes": "x"}')
    assert terminal.wtpd("attention", "retry", "12", "--message", str(mended)).code == 0
    assert terminal.wtpd("attention", "retry", "12", "--message", "-", stdin='{"notes": "y"}').code == 0
    assert [request.body for request in api.requests] == [{"message": {"notes": "x"}}, {"message": {"notes": "y"}}]
    mended.write_text("[1")
    assert terminal.wtpd("attention", "retry", "12", "--message", str(mended)).code == 2


def test_one_entry_with_the_way_out(terminal: Terminal, api: ApiStub) -> None:
    stopped = entry(kind="mass_cancellation", choices=[], consequences={}, sides=[], next_step="Ask the partner.")
    api.on("GET", "/v1/attention/12", stopped)
    assert "→ Ask the partner." in terminal.wtpd("attention", "show", "12").out
    assert terminal.wtpd("attention", "show", "12", "--json").json == stopped


def test_a_long_list_of_differences_is_cut(terminal: Terminal, api: ApiStub) -> None:
    difference = {"appointment_id": "0192", "partner_id": "P1", "field": "notes", "ours": "a", "theirs": "b"}
    verified = {
        "site": "rostock", "account": "00123", "name": "Autohaus X", "facts": {}, "missing": [], "error": None,
        "compared": 900, "differences": [difference] * 681,
    }  # fmt: skip
    api.on("POST", "/v1/connectors/superservice/verify", {"items": [verified], "next_cursor": None})
    said = terminal.wtpd("verify", "superservice", "--compare")
    assert len(said.out.splitlines()) < 30
    assert "661 more" in said.out


def test_reading_the_whole_feed_again_tells_the_runs_counts(terminal: Terminal, api: ApiStub) -> None:
    api.on("POST", "/v1/connectors/superservice/resync", {"items": [RUN], "next_cursor": None})
    said = terminal.wtpd("resync", "superservice", "--site", "rostock")
    assert said.code == 0
    assert said.out.splitlines()[1].split() == ["superservice/rostock", "3", "2", "5", "1", "0", "0"]
    assert api.requests[0].body == {"site": "rostock"}
    failed = {**RUN, "error": "the partner doesn't answer"}
    api.on("POST", "/v1/connectors/superservice/resync", {"items": [failed], "next_cursor": None})
    assert terminal.wtpd("resync", "superservice").code == 1
