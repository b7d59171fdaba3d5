"""What stands in a status mail."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from wtpd.daemon.mail.compose import Letter, Part, compose, message_id
from wtpd.daemon.mail.incidents import KINDS
from wtpd.store.mail import Incident
from wtpd.texts import N_

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
TOKEN = Incident(
    site="rostock",
    kind="channel",
    subject="superservice/rostock",
    opened_at=NOW - timedelta(hours=1),
    facts={"title": "SUPERSERVICE", "state": "needs_token", "error": {"msgid": "POST /oauth/token: 401", "args": {}}},
)
CONFLICT = Incident(site="rostock", kind="conflict", subject="conflict", opened_at=NOW, facts={"count": 3})
LETTER = Letter(
    site="Autohaus X",
    box="box-07",
    language="en",
    zone="Europe/Berlin",
    sender="wtpd@autohaus.example",
    recipient="status@autohaus.example",
    message_id="<1@autohaus.example>",
    at=NOW,
    parts=[Part(incident=TOKEN, act="alarm", lines=[N_("Appointments waiting to be sent: {count}", count=4)])],
    rest=[CONFLICT],
    errors=2,
)


def read(letter: Letter) -> EmailMessage:
    message = message_from_bytes(compose(letter), policy=policy.default)
    assert not message.defects
    return message


def plain(letter: Letter) -> str:
    body = read(letter).get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def test_the_subject_says_the_news_first() -> None:
    assert read(LETTER)["Subject"] == "[Autohaus X · box-07] 2 errors – SUPERSERVICE: access expired"


def test_the_subject_counts_what_is_resolved() -> None:
    parts = [Part(incident=TOKEN, act="alarm"), Part(incident=CONFLICT, act="recovery")]
    subject = read(replace(LETTER, parts=parts, errors=1))["Subject"]
    assert subject == "[Autohaus X · box-07] 1 error, 1 resolved – SUPERSERVICE: access expired"
    subject = read(replace(LETTER, parts=parts[1:], errors=0))["Subject"]
    assert subject == "[Autohaus X · box-07] 1 resolved – works again: conflicts: 3"


def test_the_body_says_what_since_when_how_many_and_what_to_do() -> None:
    text = plain(LETTER)
    assert "SUPERSERVICE: access expired" in text
    assert "since 21/11/2026 08:00" in text  # 07:00 UTC
    assert "Appointments waiting to be sent: 4" in text
    assert "Last error: POST /oauth/token: 401" in text
    assert "Enter new credentials: wtpd tui → Credentials" in text
    assert text.index("conflicts: 3") > text.index("Next step")


def test_html_says_the_same_and_is_escaped() -> None:
    nasty = replace(TOKEN, facts={**TOKEN.facts, "title": "<script>&"})
    letter = replace(LETTER, parts=[Part(incident=nasty, act="alarm", lines=["a < b"])])
    body = read(letter).get_body(("html",))
    assert body is not None
    html = body.get_content()
    assert "<script>" not in html
    assert "&lt;script&gt;&amp;: access expired" in html
    assert "a &lt; b" in html
    assert "conflicts: 3" in html


def test_headers_keep_robots_quiet_and_threads_together() -> None:
    first = read(LETTER)
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["X-Auto-Response-Suppress"] == "All"
    assert first["List-Id"] == "<box-07.wtpd.autohaus.example>"
    assert first["Date"] == "Sat, 21 Nov 2026 08:00:00 +0000"
    assert first["Message-ID"] == "<1@autohaus.example>"
    assert first["References"] is None
    later = read(replace(LETTER, message_id="<2@autohaus.example>", references=["<1@autohaus.example>"]))
    assert later["In-Reply-To"] == later["References"] == "<1@autohaus.example>"


def test_a_subject_stays_one_line_whatever_the_names_are() -> None:
    letter = replace(LETTER, site="Autohaus\r\nBcc: x@evil.example", box="Büro – Mitte 🚗")
    message = read(letter)
    assert message["Bcc"] is None
    assert message["Subject"].startswith("[Autohaus Bcc: x@evil.example · Büro – Mitte 🚗]")


def test_all_lines_on_the_wire_are_short_ascii() -> None:
    wire = compose(replace(LETTER, site="Ä" * 300))
    assert wire.isascii()
    assert max(map(len, wire.split(b"\r\n"))) <= 998
    assert b"\n" not in wire.replace(b"\r\n", b"")


@pytest.mark.parametrize("kind", [*KINDS])
@pytest.mark.parametrize("act", ["alarm", "update", "reminder", "recovery", "passed"])
@pytest.mark.parametrize("language", ["de", "en", "nl"])
def test_every_kind_has_its_words(kind: str, act: str, language: str) -> None:
    states = {
        "channel": ("failing", "needs_token", "mass_cancellation", "config_error"),
        "login": ("refused", "expired"),
    }
    for state in states.get(kind, ("",)):
        facts = {"title": "Carloop", "state": state, "count": 1, "days": 7, "scope": "general"}
        incident = replace(CONFLICT, kind=kind, facts=facts)
        letter = replace(LETTER, language=language, parts=[Part(incident=incident, act=act)])  # type: ignore[arg-type]
        assert "{" not in plain(letter)
        assert "{" not in read(letter)["Subject"]


def test_the_message_id_belongs_to_the_senders_domain() -> None:
    assert message_id("1-2", "wtpd@autohaus.example") == "<1-2@autohaus.example>"
