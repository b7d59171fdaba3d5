"""`wtpd credential`: secrets come from the prompt or standard input, and are never shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.api_stub import ApiStub, problem
from tests.support.terminal import Terminal, on_terminal

ENTRY = {
    "scope": "general", "fields": ["client_id", "client_secret"], "fingerprint": "ab12-cd34",
    "set_at": "2026-11-21T09:00:00Z", "set_by": "anna", "last_used_at": None, "last_result": "ok",
    "expires_at": None, "readable": True,
}  # fmt: skip
ROUTE = "/v1/credentials/superservice/general"


def provider(name: str = "superservice", entries: Any = (), **fields: bool) -> dict[str, Any]:
    shown = [
        {"name": field, "label": field.replace("_", " ").title(), "secret": secret, "required": True, "form": "text",
         "choices": []}
        for field, secret in (fields or {"client_id": False, "client_secret": True}).items()
    ]  # fmt: skip
    scopes = ["general", "office"]
    return {
        "provider": name,
        "title": name,
        "fields": shown,
        "scopes": scopes,
        "scope": "general",
        "entries": [*entries],
    }


def stored(api: ApiStub, *providers: dict[str, Any]) -> None:
    api.on("GET", "/v1/credentials", {"items": [*(providers or [provider()])], "next_cursor": None})
    api.on("PUT", ROUTE, {"entry": ENTRY, "tested": True, "detail": "They belong to Autohaus X (00123)."})


@pytest.mark.parametrize(
    "given",
    ["client_id=demo\nclient_secret=s3=cret\n", '{"client_id": "demo", "client_secret": "s3=cret"}'],
)
def test_secrets_from_standard_input(terminal: Terminal, api: ApiStub, given: str) -> None:
    stored(api)
    said = terminal.wtpd("credential", "set", "superservice", stdin=given)
    assert said.code == 0
    assert api.requests[-1].body == {"fields": {"client_id": "demo", "client_secret": "s3=cret"}}
    assert "s3=cret" not in said.out + said.err


def test_a_provider_with_one_field_takes_the_bare_value(terminal: Terminal, api: ApiStub) -> None:
    stored(api, provider(token=True))
    assert terminal.wtpd("credential", "set", "superservice", stdin="  abc\n").code == 0
    assert api.requests[-1].body == {"fields": {"token": "abc"}}


@pytest.mark.parametrize("given", ["", "s3cret", "other=s3cret", '{"client_secret": ', "client_id=a\ns3cret"])
def test_what_cant_be_read_is_refused_without_repeating_it(terminal: Terminal, api: ApiStub, given: str) -> None:
    stored(api)
    said = terminal.wtpd("credential", "set", "superservice", stdin=given)
    assert said.code == 2
    assert "client_id, client_secret" in said.err
    assert "s3cret" not in said.err
    assert [request.method for request in api.requests] == ["GET"]


def test_a_secret_cant_be_an_argument(terminal: Terminal, api: ApiStub) -> None:
    stored(api)
    assert terminal.wtpd("credential", "set", "superservice", "s3cret").code == 2


def test_on_a_terminal_secrets_are_asked_for_without_echo(tmp_path: Path) -> None:
    with ApiStub(tmp_path / "a.sock") as api:
        stored(api)
        answers = [("Client Id", "demo"), ("Client Secret", "s3cret ")]
        code, shown = on_terminal(api.socket, answers, "credential", "set", "superservice")
    assert code == 0, shown
    assert api.requests[-1].body == {"fields": {"client_id": "demo", "client_secret": "s3cret"}}
    assert "demo" in shown
    assert "s3cret" not in shown


def test_an_unknown_provider_is_told_which_there_are(terminal: Terminal, api: ApiStub) -> None:
    stored(api)
    said = terminal.wtpd("credential", "set", "superservce", stdin="x")
    assert said.code == 2
    assert "there are: superservice" in said.err


def test_the_list_shows_no_secret_but_who_and_when(terminal: Terminal, api: ApiStub) -> None:
    stored(api, provider(entries=[ENTRY]), provider("carloop"))
    said = terminal.wtpd("credential")
    assert said.out.splitlines()[1].split() == [
        "superservice", "general", "ab12-cd34", "Sat", "21/11/2026", "10:00", "anna", "–", "ok", "–",
    ]  # fmt: skip
    assert "Nothing is stored for: carloop" in said.out
    assert json.loads(terminal.wtpd("credential", "--json").out)[0]["entries"] == [ENTRY]


def test_a_test_says_who_we_are_or_why_not(terminal: Terminal, api: ApiStub) -> None:
    api.on("POST", f"{ROUTE}/test", {"ok": True, "detail": "Autohaus X (00123)"}, {"ok": False, "detail": "refused"})
    assert terminal.wtpd("credential", "test", "superservice").code == 0
    said = terminal.wtpd("credential", "test", "superservice")
    assert (said.code, said.out) == (1, "refused\n")


def test_others_are_tried_without_storing_them(terminal: Terminal, api: ApiStub) -> None:
    stored(api)
    api.on("POST", f"{ROUTE}/test", {"ok": True, "detail": "They belong to Autohaus X (00123)."})
    given = "client_id=demo\nclient_secret=s3cret"
    assert terminal.wtpd("credential", "test", "superservice", "--enter", "--site", "rostock", stdin=given).code == 0
    assert api.requests[-1].body == {"fields": {"client_id": "demo", "client_secret": "s3cret"}, "site": "rostock"}


def test_whose_they_are_is_said_when_they_are_stored(terminal: Terminal, api: ApiStub) -> None:
    stored(api)
    said = terminal.wtpd("credential", "set", "superservice", stdin="client_id=a\nclient_secret=b")
    assert said.out == "Tried and stored. They belong to Autohaus X (00123).\n"
    api.on("PUT", ROUTE, {"entry": ENTRY, "tested": False, "detail": "It can't be reached."})
    said = terminal.wtpd("credential", "set", "superservice", "--force", stdin="client_id=a\nclient_secret=b")
    assert said.out == "Stored untried: It can't be reached.\n"
    assert api.requests[-1].body["force"] is True


@pytest.mark.parametrize(
    ("day", "expected"), [("2027-03-31", "2027-03-31T23:59:59+02:00"), ("31.12.2027", "2027-12-31T23:59:59+01:00")]
)
def test_until_when_they_are_good(terminal: Terminal, api: ApiStub, day: str, expected: str) -> None:
    stored(api)
    given = "client_id=a\nclient_secret=b"
    assert terminal.wtpd("credential", "set", "superservice", "--expires", day, stdin=given).code == 0
    assert api.requests[-1].body["expires_at"] == expected
    said = terminal.wtpd("credential", "set", "superservice", "--expires", "soon", stdin=given)
    assert (said.code, "right is, for example" in said.err) == (2, True)


def test_which_entry_an_order_uses(terminal: Terminal, api: ApiStub) -> None:
    found: dict[str, Any] = {
        "provider": "dat", "scope": "office", "fallback": None, "entry": "office:rostock", "notes": [],
        "reason": "DAT uses the entry of the order's office rostock",
    }  # fmt: skip
    refused = {**found, "entry": None, "reason": "the office x has no entry for DAT", "notes": ["There is no site x."]}
    api.on("GET", "/v1/credentials/dat/explain", found, refused)
    said = terminal.wtpd("credential", "explain", "dat", "--office", "rostock", "--assessor", "meier")
    assert (said.code, said.out.splitlines()[0]) == (0, "Entry: office:rostock")
    assert api.requests[-1].query == {"office": "rostock", "assessor": "meier"}
    said = terminal.wtpd("credential", "explain", "dat", "--office", "x")
    assert said.code == 1
    assert said.out.splitlines() == [
        "The order is refused.", "  the office x has no entry for DAT", "  There is no site x.",
        "  Setting: scope office, no fallback",
    ]  # fmt: skip


def test_programs_on_the_box_get_an_entry(terminal: Terminal, api: ApiStub) -> None:
    api.on(
        "POST", "/v1/credentials/cartv/reveal", {"scope": "assessor:meier", "fields": {"user_name": "m"}, "notes": []}
    )
    api.on("POST", "/v1/credentials/cartv/general/reveal", {"scope": "general", "fields": {"user_name": "g"}})
    assert terminal.wtpd("credential", "reveal", "cartv", "--assessor", "meier").out == "user_name=m\n"
    assert api.requests[-1].body == {"assessor": "meier"}
    said = terminal.wtpd("credential", "reveal", "cartv", "--scope", "general", "--json")
    assert said.json["fields"] == {"user_name": "g"}


def test_who_did_what(terminal: Terminal, api: ApiStub) -> None:
    line = {
        "id": 7, "at": "2026-11-21T09:00:00Z", "actor": "anna", "action": "first use", "provider": "dat",
        "scope": "general", "result": "ok",
    }  # fmt: skip
    api.on("GET", "/v1/credentials/audit", {"items": [line], "next_cursor": None})
    said = terminal.wtpd("credential", "audit", "--limit", "5")
    assert "anna  used for the first time  dat       general  ok" in said.out
    assert api.requests[-1].query == {"limit": "5"}


def test_starting_over_is_confirmed_and_says_what_to_enter(terminal: Terminal, api: ApiStub) -> None:
    api.on("POST", "/v1/credentials/start-over", {"lost": ["dat/office:rostock"]})
    assert terminal.wtpd("credential", "start-over").code == 1
    assert api.requests == []
    said = terminal.wtpd("credential", "start-over", "--yes")
    assert said.out == "Enter again: wtpd credential set dat --scope office:rostock\n"


PERSON = {"id": "meier", "name": "Petra Meier", "active": True, "version": 3}


def test_people_are_added_and_changed(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/assessors/meier", problem(404, "not-found", "There is no assessor meier."), PERSON)
    api.on("POST", "/v1/assessors", PERSON)
    api.on("PATCH", "/v1/assessors/meier", PERSON)
    assert terminal.wtpd("assessor", "set", "meier", "--name", "Petra Meier").code == 0
    assert api.requests[-1].body == {"id": "meier", "name": "Petra Meier"}
    assert terminal.wtpd("assessor", "set", "meier", "--inactive").code == 0
    assert (api.requests[-1].body, api.requests[-1].headers["If-Match"]) == ({"active": False}, '"3"')
    api.on("GET", "/v1/users", {"items": [PERSON], "next_cursor": None})
    assert terminal.wtpd("user").out.splitlines()[1].split() == ["meier", "Petra", "Meier", "yes"]


def test_removing_is_confirmed(terminal: Terminal, api: ApiStub) -> None:
    api.on("DELETE", "/v1/credentials/superservice/office%3Arostock", {})
    scope = ("--scope", "office:rostock")
    assert terminal.wtpd("credential", "remove", "superservice", *scope).code == 1
    assert api.requests == []
    assert terminal.wtpd("credential", "remove", "superservice", *scope, "--yes").code == 0
    assert len(api.requests) == 1


def test_a_new_key(terminal: Terminal, api: ApiStub) -> None:
    api.on("POST", "/v1/credentials/rotate-key", {"detail": "3 entries"})
    assert terminal.wtpd("credential", "rotate-key").out == "3 entries\n"


def test_a_test_mail_shows_the_dialogue(terminal: Terminal, api: ApiStub) -> None:
    api.on("GET", "/v1/sites", {"items": [{"id": "rostock"}, {"id": "guestrow"}], "next_cursor": None})
    api.on(
        "POST",
        "/v1/mail/test",
        {"ok": True, "sent_to": "a@example.org", "error": None, "dialogue": ["< 220 hello"]},
        {"ok": False, "sent_to": "b@example.org", "error": "refused", "dialogue": []},
    )
    said = terminal.wtpd("mail", "test")
    assert said.code == 1
    assert said.out.splitlines() == ["  < 220 hello", "Sent to a@example.org.", "b@example.org: refused"]
    assert [request.body for request in api.requests[1:]] == [{"site": "rostock"}, {"site": "guestrow"}]
