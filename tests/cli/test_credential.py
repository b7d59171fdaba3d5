"""`wtpd credential`: secrets come from the prompt or standard input, and are never shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.api_stub import ApiStub
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
    api.on("PUT", ROUTE, ENTRY)


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
        "superservice", "general", "ab12-cd34", "Sat", "21/11/2026", "10:00", "anna", "ok",
    ]  # fmt: skip
    assert "Nothing is stored for: carloop" in said.out
    assert json.loads(terminal.wtpd("credential", "--json").out)[0]["entries"] == [ENTRY]


def test_a_test_says_who_we_are_or_why_not(terminal: Terminal, api: ApiStub) -> None:
    api.on("POST", f"{ROUTE}/test", {"ok": True, "detail": "Autohaus X (00123)"}, {"ok": False, "detail": "refused"})
    assert terminal.wtpd("credential", "test", "superservice").code == 0
    said = terminal.wtpd("credential", "test", "superservice")
    assert (said.code, said.out) == (1, "refused\n")


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
