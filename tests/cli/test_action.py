"""`wtpd action`: what it lists, asks, sends and prints."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.api_stub import ApiStub, problem
from tests.support.terminal import Terminal, flat

FIELDS = [
    {"name": "km", "label": "Odometer", "form": "digits", "required": False, "choices": []},
    {"name": "again", "label": "Again", "form": "flag", "required": False, "choices": []},
    {"name": "kind", "label": "Kind", "form": "choice", "required": False, "choices": [{"value": "a", "label": "A"}]},
]
VALUE = {
    "connector": "dat", "title": "DAT", "name": "value", "label": "Value", "on": "vehicle",
    "confirm": "DAT takes money.", "fields": FIELDS, "available": True, "reason": None,
}  # fmt: skip
OFF = {**VALUE, "connector": "rdw", "title": "RDW", "name": "check", "confirm": None, "fields": [], "available": False,
       "reason": "no site is in NL"}  # fmt: skip
PATH = "/v1/connectors/dat/actions/value"


def done(**more: Any) -> dict[str, Any]:
    parts: dict[str, Any] = {"filled": {}, "differing": {}, "facts": [], "remarks": [], "candidates": [], "data": None}
    return {"connector": "dat", "title": "DAT", "action": "value", "label": "Value", **parts, **more}


def offer(api: ApiStub, *actions: dict[str, Any]) -> None:
    api.on("GET", "/v1/actions", {"items": list(actions or (VALUE, OFF)), "next_cursor": None})


def sent(api: ApiStub) -> list[Any]:
    return [one.body for one in api.requests if one.method == "POST"]


def test_what_is_offered_is_listed_with_its_fields_and_what_stands_against_it(terminal: Terminal, api: ApiStub) -> None:
    offer(api)
    said = terminal.wtpd("action")
    assert said.code == 0
    assert "no site is in NL" in said.out
    assert "dat value: --field km=N, again=yes, kind=a" in said.out
    assert terminal.wtpd("action", "dat", "--json").json == {"items": [VALUE]}
    nobody = terminal.wtpd("action", "nobody")
    assert (nobody.code, nobody.out.strip()) == (1, "No connector offers anything that could be done.")


def test_fields_go_out_as_their_forms_say(terminal: Terminal, api: ApiStub) -> None:
    offer(api)
    api.on("POST", PATH, done())
    fields = ("--field", "km=43000", "--field", "again=yes", "--field", "kind=a=b", "--field", "other=7")
    said = terminal.wtpd("action", "dat", "value", "v1", *fields, "--yes")
    assert (said.code, said.out) == (0, "Done.\n")
    wanted = {"km": 43000, "again": True, "kind": "a=b", "other": "7"}
    assert sent(api) == [{"on": "v1", "fields": wanted, "confirmed": True}]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (["km"], "it looks like NAME=VALUE, not km"),
        (["=5"], "it looks like NAME=VALUE, not =5"),
        (["km=1", "km=2"], "km is given twice"),
        (["again=perhaps"], "again is yes or no"),
    ],
)
def test_a_field_that_cant_be_one_is_a_usage_error(
    terminal: Terminal, api: ApiStub, fields: list[str], words: str
) -> None:
    offer(api)
    said = terminal.wtpd(
        "action", "dat", "value", "v1", "--yes", *(part for one in fields for part in ("--field", one))
    )
    assert said.code == 2
    assert words in flat(said.err)
    assert sent(api) == []


def test_what_it_costs_is_asked_first(terminal: Terminal, api: ApiStub) -> None:
    offer(api)
    said = terminal.wtpd("action", "dat", "value", "v1")
    assert said.code == 1
    assert "DAT takes money." in said.err
    assert "Nothing was done. To agree to it: --yes" in said.err
    assert sent(api) == []


def test_what_was_done_is_told(terminal: Terminal, api: ApiStub) -> None:
    offer(api)
    answer = done(
        filled={"make": "VW"},
        differing={"model": {"ours": "Golf", "theirs": "Polo"}},
        facts=[
            {"name": "sales_cents", "label": "sales price", "value": 123456},
            {"name": "is_new", "label": "new", "value": True},
            {"name": "x", "label": "nothing", "value": None},
        ],
        remarks=[{"text": "Without extras.", "tone": "warn"}],
    )
    api.on("POST", PATH, answer)
    said = terminal.wtpd("action", "dat", "value", "v1", "--yes")
    assert said.out.splitlines() == [
        "make: VW was filled in", "model: Golf stays, DAT says Polo", "sales price: 1234.56", "new: yes", "nothing: -",
        "Without extras.",
    ]  # fmt: skip
    assert terminal.wtpd("action", "dat", "value", "v1", "--yes", "--json").json == answer


def test_candidates_are_to_be_chosen_from(terminal: Terminal, api: ApiStub) -> None:
    offer(api)
    api.on("POST", PATH, done(candidates=[{"number": 1, "label": "Ford Focus"}, {"number": 2, "label": "Ford Ka"}]))
    said = terminal.wtpd("action", "dat", "value", "v1", "--yes")
    assert said.code == 1
    assert "  2  Ford Ka" in said.out
    assert "--field choose=N" in said.err


def test_a_refusal_says_place_and_cure(terminal: Terminal, api: ApiStub) -> None:
    offer(api)
    errors = [{"field": "km", "detail": "This is too large: at most 10000000."}]
    api.on("POST", PATH, problem(422, "invalid", "The input isn't right", errors=errors))
    said = terminal.wtpd("action", "dat", "value", "v1", "--field", "km=99999999", "--yes")
    assert said.code == 1
    assert "km: This is too large: at most 10000000." in said.err


def test_an_action_that_isnt_offered_is_the_daemons_to_refuse(terminal: Terminal, api: ApiStub) -> None:
    offer(api)
    api.on("POST", "/v1/connectors/dat/actions/x", problem(404, "not-found", "DAT has no action x; there are: value"))
    said = terminal.wtpd("action", "dat", "x")
    assert (said.code, said.err.strip()) == (1, "DAT has no action x; there are: value")
