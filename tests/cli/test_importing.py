"""`wtpd import`."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.support.api_stub import ApiStub, Reply, Request, problem
from tests.support.terminal import Terminal

DONE = {"created": 2, "changed": 1, "unchanged": 4, "over_limit": 0, "kinds": {}, "warnings": []}


@pytest.fixture
def lists(tmp_path: Path) -> list[str]:
    names = ("fahrzeuge.csv", "kunden.csv", "termine.csv")
    for name in names:
        (tmp_path / name).write_text(name)
    return [str(tmp_path / name) for name in names]


def test_files_that_refer_to_each_other_may_come_in_any_order(
    terminal: Terminal, api: ApiStub, lists: list[str]
) -> None:
    needs = {"fahrzeuge.csv": "kunden.csv", "termine.csv": "fahrzeuge.csv", "kunden.csv": None}
    imported: list[str | None] = [None]

    def post(request: Request) -> Reply:
        name = request.body["name"]
        if needs[name] not in imported:
            return problem(422, "invalid", f"there is no {needs[name]}")
        imported.append(name)
        return Reply(DONE)

    api.on("POST", "/v1/import", post)
    said = terminal.wtpd("import", *lists)
    assert said.code == 0
    assert [line.split(":")[0] for line in said.out.splitlines()] == ["kunden.csv", "fahrzeuge.csv", "termine.csv"] or (
        imported[1:] == ["kunden.csv", "fahrzeuge.csv", "termine.csv"]
    )
    assert "2 new, 1 changed, 4 as before" in said.out


def test_a_bad_file_is_told_line_by_line_and_the_others_come_in(
    terminal: Terminal, api: ApiStub, lists: list[str]
) -> None:
    errors = [{"field": "termine.csv:17:4", "detail": "31.02.2026 doesn't exist"}]

    def post(request: Request) -> Reply:
        if request.body["name"] == "termine.csv":
            return problem(422, "invalid", "Nothing was imported.", errors=errors)
        return Reply(DONE)

    api.on("POST", "/v1/import", post)
    said = terminal.wtpd("import", *lists)
    assert said.code == 1
    assert "termine.csv:17:4: 31.02.2026 doesn't exist" in said.out
    assert said.out.count("as before") == 2


def test_the_outcome_as_json(terminal: Terminal, api: ApiStub, lists: list[str]) -> None:
    api.on("POST", "/v1/import", DONE)
    said = terminal.wtpd("import", lists[0], "--kind", "vehicles", "--json")
    assert said.json == [{"file": lists[0], "ok": True, **DONE}]
    assert api.requests[0].body["kind"] == "vehicles"
    assert base64.b64decode(api.requests[0].body["content"]) == b"fahrzeuge.csv"


def test_warnings_are_shown(terminal: Terminal, api: ApiStub, lists: list[str]) -> None:
    warnings = [{"field": "kunden.csv:3:1", "detail": "left out"}]
    api.on("POST", "/v1/import", {**DONE, "over_limit": 7, "warnings": warnings})
    said = terminal.wtpd("import", lists[1])
    assert said.code == 0
    assert "kunden.csv:3:1: left out" in said.out
    assert "7 appointments are over the load limit" in said.out


def test_what_the_daemon_refuses_for_other_reasons_is_said_at_once(
    terminal: Terminal, api: ApiStub, lists: list[str]
) -> None:
    api.on("POST", "/v1/import", problem(403, "forbidden", "You may only read."))
    said = terminal.wtpd("import", *lists)
    assert (said.code, said.err) == (1, "You may only read.\n")
    assert len(api.requests) == 1


def test_a_missing_file_is_wrong_usage(terminal: Terminal) -> None:
    assert terminal.wtpd("import", "nothing-there.csv").code == 2
    assert terminal.wtpd("import").code == 2
