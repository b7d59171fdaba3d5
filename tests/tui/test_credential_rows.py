"""The rows of F4: which come first, what their state is called, and which entry serves whom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.partners import KNOWN
from wtpd import language
from wtpd.secrets.resolve import Order, explain
from wtpd.tui.formats import Formats
from wtpd.tui.glyphs import ASCII
from wtpd.tui.screens.credentials.rows import Row, removal, rows_of, scope_name, serving, state_of

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
FORMATS = Formats("en", lambda: NOW)
SITES = [{"id": "rostock", "name": "Autohaus Rostock", "time_zone": "Europe/Berlin"}]


@pytest.fixture(autouse=True)
def english() -> None:
    language.use("en")


def provider(
    name: str, *entries: dict[str, Any], scope: str = "general", fallback: str | None = None
) -> dict[str, Any]:
    return {"provider": name, "title": name.upper(), "entries": [*entries], "scope": scope, "fallback": fallback}


def entry(scope: str = "general", **changed: Any) -> dict[str, Any]:
    return {"scope": scope, "readable": True, "expires_at": None, "last_result": None, **changed}


def problem(key: str, kind: str = "channel.needs_token", screen: str = "credentials") -> dict[str, Any]:
    return {"kind": kind, "text": "no", "place": {"screen": screen, "key": key}}


def said(row: Row) -> str:
    return state_of(row, FORMATS, ASCII)[0]


def test_what_is_wrong_comes_first_then_what_is_stored_then_what_could_be() -> None:
    providers = [
        provider("carloop"),
        provider("dat", entry("assessor:meier"), entry(readable=False)),
        provider("email", entry()),
        provider("superservice", entry("office:rostock"), scope="office"),
    ]
    wrong = [
        problem("superservice/office:wismar"),
        problem("email/general", "mail"),
        problem("rostock/superservice", screen="mapping"),
        problem("gone/general"),
    ]
    assert [row.key for row in rows_of(providers, wrong)] == [
        "superservice/office:wismar",
        "email/general",
        "dat/general",
        "dat/assessor:meier",
        "superservice/office:rostock",
        "carloop/",
    ]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "+ stored"),
        ({"last_result": "ok"}, "+ works"),
        ({"last_result": "refused"}, "x refused"),
        ({"readable": False, "last_result": "ok"}, "x key lost: enter again"),
        ({"expires_at": (NOW + timedelta(days=3)).isoformat()}, "! expires in 3 days"),
        ({"expires_at": (NOW - timedelta(days=3)).isoformat()}, "x expired 3 days ago"),
        ({"expires_at": (NOW + timedelta(days=15)).isoformat(), "last_result": "ok"}, "+ works"),
        ({"expires_at": (NOW + timedelta(days=3)).isoformat(), "last_result": "refused"}, "x refused"),
    ],
)
def test_the_worst_of_an_entry_is_said_and_never_by_colour_alone(changed: dict[str, Any], words: str) -> None:
    assert said(Row(provider=provider("dat"), scope="general", entry=entry(**changed))) == words


def test_what_is_needed_is_told_from_what_could_be() -> None:
    assert said(Row(provider=provider("dat"))) == "o nothing stored"
    assert (
        said(Row(provider=provider("dat"), scope="general", problem=problem("dat/general"))) == "x needed, not entered"
    )
    waiting = Row(provider=provider("email"), scope="general", entry=entry(), problem=problem("email/general", "mail"))
    assert said(waiting) == "! trouble"


def test_whom_an_entry_is_for() -> None:
    people = {"assessor:meier": "Petra Meier"}
    assert scope_name("general", SITES, people) == "general"
    assert scope_name("office:rostock", SITES, people) == "office Autohaus Rostock"
    assert scope_name("assessor:meier", SITES, people) == "assessor Petra Meier"
    assert scope_name("user:anna", SITES, people) == "user anna"
    assert scope_name("", SITES, people) == ""


@pytest.mark.parametrize(
    ("scope", "fallback", "stored", "serves"),
    [
        ("general", None, "general office:rostock", "general"),
        ("general", None, "office:rostock", None),
        ("general", None, "", None),
        ("office", None, "general office:rostock office:wismar", "office:rostock"),
        ("office", None, "general office:wismar", None),
        ("office", None, "assessor:rostock", None),
        ("office", "general", "general office:rostock", "office:rostock"),
        ("office", "general", "general office:wismar", "general"),
        ("office", "general", "office:wismar", None),
        ("assessor", None, "general office:rostock assessor:rostock", None),
        ("assessor", "general", "general office:rostock assessor:rostock", "general"),
        ("assessor", "general", "office:rostock", None),
    ],
)
def test_who_serves_a_site_is_what_the_daemon_says(
    scope: str, fallback: str | None, stored: str, serves: str | None
) -> None:
    """A run of the connector has no assessor: a rule by assessors finds the general entry at most."""
    scopes = set(stored.split())
    rule: Any = SimpleNamespace(scope=scope, fallback=fallback)
    assert serving(provider("dat", scope=scope, fallback=fallback), "rostock", scopes) == serves
    assert explain(KNOWN["dat"], Order(office="rostock"), scopes, rule).scope == serves


@pytest.mark.parametrize(
    ("scopes", "fallback", "sentence"),
    [
        (["office:rostock"], None, "DAT stops at Autohaus Rostock until others are entered; what is to be sent waits."),
        (["office:rostock", "general"], "general", "From then on the general entry serves in its place."),
        (["office:rostock", "office:wismar"], None, "DAT stops at Autohaus Rostock"),
    ],
)
def test_removing_one_says_what_stops(scopes: list[str], fallback: str | None, sentence: str) -> None:
    known = provider("dat", *(entry(scope) for scope in scopes), scope="office", fallback=fallback)
    channels: list[dict[str, Any]] = [
        {"id": "dat/rostock", "site": "rostock", "account": "1"},
        {"id": "dat/w", "site": "w", "account": None},
    ]
    text = removal(Row(provider=known, scope=scopes[0]), channels, {"rostock": "Autohaus Rostock"})
    assert str(text).startswith(sentence)


def test_removing_one_that_no_connector_uses() -> None:
    known = provider("cartv", entry())
    assert str(removal(Row(provider=known, scope="general"), [], {})).startswith("No connector uses it.")
