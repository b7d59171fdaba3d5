"""`wtpd mapping`: its consequence first."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.api_stub import ApiStub, Reply, Request
from tests.support.terminal import Terminal, on_terminal

SET = ("mapping", "set", "rostock", "superservice", "--department", "Werkstatt", "--dealer-number", "00123")
ROUTE = "/v1/mapping/rostock/superservice"


def consequence(cancels: int, *, partner: dict[str, str] | None = None, unlinks: int = 0) -> dict[str, object]:
    diff = '-dealer_number: "00999"\n+dealer_number: "00123"\n'
    return {"cancels": cancels, "unlinks": unlinks, "sends": 12, "diff": diff, "partner": partner}


def test_the_consequence_is_shown_and_nothing_changed_when_nobody_can_answer(terminal: Terminal, api: ApiStub) -> None:
    api.on("PUT", ROUTE, consequence(3, unlinks=323))
    said = terminal.wtpd(*SET)
    assert said.code == 1
    assert "3 appointments to come are cancelled at the partner, and their customers are told." in said.out
    assert "323 past ones stay there as they are." in said.out
    assert "12 appointments are sent." in said.out
    assert '+dealer_number: "00123"' in said.out
    assert [request.query for request in api.requests] == [{"preview": "true"}]


def test_yes_saves_it(terminal: Terminal, api: ApiStub) -> None:
    api.on("PUT", ROUTE, consequence(3))
    assert terminal.wtpd(*SET, "--yes").code == 0
    assert [request.query for request in api.requests] == [{"preview": "true"}, {}]
    assert api.requests[1].body == {"department": "Werkstatt", "dealer_number": "00123"}


def test_a_number_that_the_partner_refuses_is_saved_only_by_who_means_it(terminal: Terminal, api: ApiStub) -> None:
    text = "These credentials don't cover dealer number 00123; they belong to 00124."
    api.on("PUT", ROUTE, consequence(3, partner={"verdict": "refused", "text": text}))
    said = terminal.wtpd(*SET, "--yes")
    assert said.code == 1
    assert text in said.out
    assert "--unverified" in said.err
    assert [request.query for request in api.requests] == [{"preview": "true"}]
    assert terminal.wtpd(*SET, "--yes", "--unverified").code == 0
    assert api.requests[-1].body["unverified"] is True


def test_many_cancellations_are_confirmed_by_their_number(terminal: Terminal, api: ApiStub) -> None:
    api.on("PUT", ROUTE, consequence(21))
    assert terminal.wtpd(*SET, "--yes").code == 0
    assert api.requests[1].body["confirm"] == 21


@pytest.mark.parametrize(
    ("cancels", "typed", "code", "calls"), [(3, "y", 0, 2), (3, "n", 1, 1), (21, "21", 0, 2), (21, "y", 1, 1)]
)
def test_whoever_sits_at_the_terminal_is_asked(tmp_path: Path, cancels: int, typed: str, code: int, calls: int) -> None:
    with ApiStub(tmp_path / "a.sock") as api:
        api.on("PUT", ROUTE, consequence(cancels))
        prompt = "Type the number" if cancels > 20 else "Change it?"
        got, shown = on_terminal(api.socket, [(prompt, typed)], *SET)
        assert (got, len(api.requests)) == (code, calls), shown


def test_the_list_says_why_a_site_isnt_connected(terminal: Terminal, api: ApiStub) -> None:
    row = {
        "site": "guestrow", "partner": "superservice", "department": None, "dealer_number": None,
        "state": "not_available", "reason": "brand NISSAN is missing",
    }  # fmt: skip
    api.on("GET", "/v1/mapping", lambda request: Reply({"items": [row], "next_cursor": None}))
    said = terminal.wtpd("mapping")
    assert said.out.splitlines()[1].split(maxsplit=4) == [
        "guestrow",
        "superservice",
        "–",
        "–",
        "brand NISSAN is missing",
    ]
    assert isinstance(api.requests[0], Request)


def test_the_status_address_goes_along(terminal: Terminal, api: ApiStub) -> None:
    api.on("PUT", ROUTE, consequence(0))
    assert terminal.wtpd(*SET, "--status-mail", "neu@rostock.example", "--yes").code == 0
    assert [request.body.get("status_mail") for request in api.requests] == ["neu@rostock.example"] * 2


def test_coverage_is_1_while_somebody_isnt_served(terminal: Terminal, api: ApiStub) -> None:
    bare = {
        "site": "rostock", "site_name": "Rostock", "department": "Karosserie", "upcoming": 7, "partners": [],
    }  # fmt: skip
    served = {**bare, "department": "Werkstatt", "partners": ["superservice"]}
    api.on("GET", "/v1/mapping/coverage", {"items": [bare, served], "next_cursor": None}, {"items": [served]})
    said = terminal.wtpd("mapping", "coverage")
    assert said.code == 1
    assert [each.split() for each in said.out.splitlines()[1:]] == [
        ["rostock", "Karosserie", "7", "–"], ["rostock", "Werkstatt", "7", "superservice"],
    ]  # fmt: skip
    assert terminal.wtpd("mapping", "coverage").code == 0
