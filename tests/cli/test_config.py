"""`wtpd config`."""

from __future__ import annotations

from pathlib import Path

from tests.support.api_stub import ApiStub
from tests.support.terminal import Terminal, flat

BROKEN = """\
sites:
  - id: rostock
    name: Autohaus
    brands: [NISSAN]
    status_mail: a@example.org
    partners:
      superservice:
        dealer_number: 00123
"""


def test_a_broken_file_is_shown_with_line_and_cure_without_a_daemon(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "wtpd.yaml"
    file.write_text(BROKEN)
    said = terminal.wtpd("config", "check", str(file))
    assert said.code == 1
    assert 'wtpd.yaml:8:24: dealer_number 00123 must be quoted ("00123")' in flat(said.out)


def test_a_broken_file_as_json(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "wtpd.yaml"
    file.write_text(BROKEN)
    said = terminal.wtpd("config", "check", str(file), "--json")
    assert said.code == 1
    assert said.json["ok"] is False
    first = said.json["errors"][0]
    assert (first["line"], first["column"]) == (8, 24)
    assert first["path"] == "sites.rostock.partners.superservice.dealer_number"


def test_the_example_is_all_right(terminal: Terminal) -> None:
    said = terminal.wtpd("config", "check", "etc/wtpd.yaml")
    assert said.code == 0
    lines = Path("etc/wtpd.yaml").read_text().splitlines()
    line = next(number for number, text in enumerate(lines, start=1) if text.startswith("  host:"))
    assert flat(said.out) == (
        f"wtpd.yaml:{line}:9: note: no mail server is set (mail.host): nobody gets status mails "
        "etc/wtpd.yaml is all right."
    )


def test_a_file_from_standard_input(terminal: Terminal) -> None:
    assert terminal.wtpd("config", "check", "-", stdin="language: nl\n").code == 0
    assert terminal.wtpd("config", "check", "-", stdin="language: xx\n").code == 1


def test_the_file_of_the_environment_is_checked_if_none_is_named(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("language: de\n")
    terminal.environment["WTPD_CONFIG"] = str(file)
    assert terminal.wtpd("config", "check").code == 0


def test_a_file_that_isnt_there_is_said(terminal: Terminal, tmp_path: Path) -> None:
    said = terminal.wtpd("config", "check", str(tmp_path / "none.yaml"))
    assert said.code == 1
    assert "there is no file" in said.err and "none.yaml" in said.err


def test_the_schema_needs_no_daemon(terminal: Terminal) -> None:
    said = terminal.wtpd("config", "schema")
    assert said.code == 0
    assert said.json["title"] == "wtpd.yaml"


def test_what_is_in_force_says_where_it_comes_from(terminal: Terminal, api: ApiStub) -> None:
    settings = [
        {"path": "language", "value": "nl", "origin": "wtpd.yaml:1"},
        {"path": "mail.port", "value": 587, "origin": "default"},
    ]
    api.on("GET", "/v1/config", {"file": "/etc/wtpd/wtpd.yaml", "text": "", "settings": settings, "errors": []})
    said = terminal.wtpd("config", "show")
    assert said.code == 0
    assert [line.split() for line in said.out.splitlines()[1:]] == [
        ["language", "nl", "wtpd.yaml:1"],
        ["mail.port", "587", "default"],
    ]


def test_a_broken_file_is_not_all_right_in_show(terminal: Terminal, api: ApiStub) -> None:
    errors = [{"line": 8, "column": 2, "path": "", "detail": "d", "message": "wtpd.yaml:8:2: unknown key"}]
    api.on("GET", "/v1/config", {"file": "", "text": "", "settings": [], "errors": errors})
    said = terminal.wtpd("config", "show")
    assert said.code == 1
    assert "wtpd.yaml:8:2: unknown key" in said.out


def test_a_rollback_without_yes_changes_nothing_when_nobody_can_answer(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/session", {"role": "admin"})
    losses = [{"kind": "site", "name": "sites.guestrow", "coming": 30, "past": 2}]
    shown = {"cancels": 4, "unlinks": 9, "sends": 7, "stops": 30, "losses": losses, "diff": "-a\n+b\n"}
    api.on("POST", "/v1/config/rollback", shown)
    said = terminal.wtpd("config", "rollback", "3")
    assert said.code == 1
    assert "-a\n+b" in said.err
    assert "sites.guestrow is missing: 30 appointments to come, 2 past ones" in said.err
    assert "4 appointments to come are cancelled at the partner, and their customers are told." in said.err
    assert "9 past ones stay there as they are." in said.err
    assert "7 appointments are sent." in said.err
    assert [request.query for request in api.requests] == [{}, {"preview": "true"}]


def test_whoever_may_only_read_hears_it_before_anything_is_asked(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/session", {"role": "read"})
    for command in (("rollback", "3"), ("accept",)):
        said = terminal.wtpd("config", *command)
        assert said.code == 1
        assert "may only read" in said.err


def test_a_held_file_is_accepted_with_its_own_etag(terminal: Terminal, api: ApiStub) -> None:
    losses = [{"kind": "site", "name": "sites.guestrow", "coming": 30, "past": 2}]
    api.on("GET", "/v1/session", {"role": "admin"})
    api.on("GET", "/v1/config", {"held": {"etag": "abc", "losses": losses, "diff": "-a\n"}})
    api.on("POST", "/v1/config/accept", {})
    assert terminal.wtpd("config", "accept").code == 1, "nobody can answer"
    said = terminal.wtpd("config", "accept", "--yes")
    assert said.code == 0
    assert api.requests[-1].body == {"etag": "abc"}


def test_a_mistyped_command_is_guessed(terminal: Terminal) -> None:
    said = terminal.wtpd("staus")
    assert said.code == 2
    assert "did you mean status?" in said.err


def test_a_rollback_with_yes_is_done(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/session", {"role": "admin"})
    api.on("POST", "/v1/config/rollback", {"cancels": 21, "sends": 0, "stops": 0, "losses": [], "diff": ""})
    assert terminal.wtpd("config", "rollback", "3", "--yes").code == 0
    assert api.requests[-1].body == {"version": 3, "confirm": 21}


def test_history_and_diff(terminal: Terminal, api: ApiStub) -> None:
    versions = {"items": [{"number": 2, "at": "2026-11-21T10:00:00Z", "author": "root"}], "next_cursor": None}
    api.on("GET", "/v1/config/history", versions)
    api.on("GET", "/v1/config/diff", {"diff": "-a\n+b\n"})
    history = terminal.wtpd("config", "history", "--lang", "nl")
    assert history.out.splitlines()[1].split() == ["2", "za", "21-11-2026", "11:00", "root"]
    assert terminal.wtpd("config", "diff", "2").out == "-a\n+b\n"
    assert api.requests[-1].query == {"version": "2"}
