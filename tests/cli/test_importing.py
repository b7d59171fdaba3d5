"""`wtpd import`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.api_stub import ApiStub, Reply, problem
from tests.support.terminal import Terminal

COUNTS = {"created": 2, "changed": 1, "unchanged": 4}
DONE = {**COUNTS, "over_limit": 0, "kinds": {"customers": COUNTS}, "warnings": []}


@pytest.fixture
def lists(tmp_path: Path) -> list[str]:
    names = ("fahrzeuge.csv", "kunden.csv", "termine.csv")
    for name in names:
        (tmp_path / name).write_text(name)
    return [str(tmp_path / name) for name in names]


def answered(api: ApiStub, answer: Reply | dict[str, object]) -> None:
    """The stub takes uploads, and answers the import."""
    api.on("PUT", "/v1/import/uploads/*", {"size": 1})
    api.on("POST", "/v1/import", answer)


def imported(api: ApiStub) -> dict[str, bytes]:
    """What came in, by name."""
    *uploads, post = [request for request in api.requests if request.method != "GET"]
    contents = {request.path.rpartition("/")[2]: request.body for request in uploads}
    return {file["name"]: contents[file["upload"]] for file in post.body["files"]}


def test_all_files_go_in_one_call_so_that_all_come_in_or_none(
    terminal: Terminal, api: ApiStub, lists: list[str]
) -> None:
    answered(api, DONE)
    said = terminal.wtpd("import", *lists)
    assert said.code == 0
    assert "Customers: 2 new, 1 changed, 4 as before" in said.out
    assert imported(api) == {name: name.encode() for name in ("fahrzeuge.csv", "kunden.csv", "termine.csv")}


def test_a_folder_stands_for_the_lists_in_it(terminal: Terminal, api: ApiStub, lists: list[str]) -> None:
    folder = Path(lists[0]).parent
    (folder / "notes.md").write_text("x")
    answered(api, DONE)
    assert terminal.wtpd("import", str(folder), lists[0]).code == 0
    assert [*imported(api)] == ["fahrzeuge.csv", "kunden.csv", "termine.csv"]


def test_a_folder_without_lists_is_said(terminal: Terminal, tmp_path: Path) -> None:
    said = terminal.wtpd("import", str(tmp_path))
    assert (said.code, "holds no files to import" in said.err) == (1, True)


def test_files_of_the_same_name_are_told_apart(terminal: Terminal, api: ApiStub, tmp_path: Path) -> None:
    paths = [tmp_path / site / "termine.csv" for site in ("a", "b")]
    for path in paths:
        path.parent.mkdir()
        path.write_text("x")
    answered(api, DONE)
    terminal.wtpd("import", *map(str, paths))
    assert [*imported(api)] == [str(path) for path in paths]


def test_bad_lines_are_told_one_by_one(terminal: Terminal, api: ApiStub, lists: list[str]) -> None:
    errors = [{"field": "termine.csv:17:4", "detail": "31.02.2026 doesn't exist"}]
    answered(api, problem(422, "invalid", "Nothing was imported.", errors=errors))
    said = terminal.wtpd("import", *lists)
    assert said.code == 1
    assert "termine.csv:17:4: 31.02.2026 doesn't exist" in said.err


def test_the_outcome_as_json(terminal: Terminal, api: ApiStub, lists: list[str]) -> None:
    answered(api, DONE)
    said = terminal.wtpd("import", lists[0], "--kind", "vehicles", "--json")
    assert said.json == DONE
    assert api.requests[-1].body["files"][0]["kind"] == "vehicles"


def test_warnings_are_shown(terminal: Terminal, api: ApiStub, lists: list[str]) -> None:
    warnings = [{"field": "kunden.csv:3:1", "detail": "left out"}]
    answered(api, {**DONE, "over_limit": 7, "warnings": warnings})
    said = terminal.wtpd("import", lists[1])
    assert said.code == 0
    assert "kunden.csv:3:1: left out" in said.out
    assert "7 appointments are over the load limit" in said.out


def test_what_the_daemon_refuses_for_other_reasons_is_said_at_once(
    terminal: Terminal, api: ApiStub, lists: list[str]
) -> None:
    answered(api, problem(403, "forbidden", "You may only read."))
    said = terminal.wtpd("import", *lists)
    assert (said.code, said.err) == (1, "You may only read.\n")


def test_a_missing_file_is_wrong_usage(terminal: Terminal) -> None:
    assert terminal.wtpd("import", "nothing-there.csv").code == 2
    assert terminal.wtpd("import").code == 2


def test_a_folder_in_capital_letters_and_what_is_left_out(terminal: Terminal, api: ApiStub, tmp_path: Path) -> None:
    for name in ("kunden.csv", "FAHRZEUGE.CSV", "Termine.XLSX", "notes.md", ".hidden.csv"):
        (tmp_path / name).write_text("x")
    answered(api, DONE)
    said = terminal.wtpd("import", str(tmp_path))
    assert said.code == 0
    assert [*imported(api)] == ["FAHRZEUGE.CSV", "Termine.XLSX", "kunden.csv"]
    assert "notes.md" in said.err
    assert "hidden" not in said.err


def test_a_file_that_is_too_large_is_said_before_it_is_sent(terminal: Terminal, api: ApiStub, tmp_path: Path) -> None:
    large = tmp_path / "termine.csv"
    with large.open("wb") as file:
        file.truncate(70 << 20)
    said = terminal.wtpd("import", str(large))
    assert said.code == 1
    assert "termine.csv has 70.0 MB, 64 MB at most; split it" in said.err
    assert api.requests == []


@pytest.mark.parametrize("path", ["/dev/zero", "pipe"])
def test_what_may_have_no_end_is_refused(terminal: Terminal, tmp_path: Path, path: str) -> None:
    if path == "pipe":
        path = str(tmp_path / "pipe")
        os.mkfifo(path)
    said = terminal.wtpd("import", path)
    assert (said.code, "isn't a file" in said.err) == (1, True)
