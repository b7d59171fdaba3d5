"""What people see of texts from outside steers no terminal and forges no line."""

from __future__ import annotations

import io
import json
import logging
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header

from hypothesis import given
from hypothesis import strategies as st

from wtpd.cli.table import Table
from wtpd.daemon.api.errors import problem
from wtpd.daemon.logs import LineFormatter, Redactor
from wtpd.daemon.mail.compose import Compared, Letter, compose_all_clear
from wtpd.errors import Invalid, Problem
from wtpd.harmless import harmless, harmless_json, harmless_lines
from wtpd.texts import N_

NASTY = "\x00\x07\x1b\x7f\x9b\x9d\x85\u2028\u2029\u200b\u200e\u202e\u2066\u2069\ufeff\u00ad\r\n\t\ud800\U000e0041"
nasty = st.text(st.one_of(st.sampled_from(NASTY), st.characters()), max_size=40)


@given(nasty)
def test_one_line_is_printable(text: str) -> None:
    assert harmless(text).isprintable()
    assert harmless(harmless(text)) == harmless(text)


@given(nasty)
def test_lines_are_printable(text: str) -> None:
    assert all(char.isprintable() or char in "\n\t" for char in harmless_lines(text))


@given(st.recursive(nasty, lambda inner: st.lists(inner) | st.dictionaries(nasty, inner), max_leaves=5))
def test_json_keeps_every_character(value: object) -> None:
    text = harmless_json(value, indent=2)
    assert json.loads(text) == value
    assert all(char.isprintable() or char == "\n" for char in text)


def test_a_name_stays_readable() -> None:
    assert harmless("Jo\u202ehn\r\nStatus:\x9b2J Grün\u200b") == "John Status: 2J Grün"
    assert harmless("Łukasz Müller-Ðorđević 東京 🚗") == "Łukasz Müller-Ðorđević 東京 🚗"


@given(nasty)
def test_a_table_keeps_its_lines(text: str) -> None:
    lines = list(Table(["a", "b"], [[text, "x"], ["y", text]]).lines(None))
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)


@given(nasty)
def test_a_log_entry_is_one_line_and_a_traceback_is_indented(text: str) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LineFormatter("%(levelname)s %(message)s", Redactor()))
    try:
        raise ValueError(text)
    except ValueError as error:
        handler.emit(
            logging.LogRecord("x", logging.ERROR, "f", 1, "said %s", (text,), (ValueError, error, error.__traceback__))
        )
    first, *rest = stream.getvalue().rstrip("\n").split("\n")
    assert first.isprintable()
    assert all(line.startswith("    ") for line in rest)
    assert all(char.isprintable() or char in "\n\t" for char in stream.getvalue())


@given(nasty)
def test_sentences_of_the_api_are_one_line(text: str) -> None:
    error = Invalid(N_("No: {text}", text=text), problems=[Problem("name", N_("This: {text}", text=text))])
    body = json.loads(problem(422, error, "de").content)
    assert body["detail"].isprintable()
    assert all(one["detail"].isprintable() for one in body["errors"])


@given(nasty.filter(lambda text: "\ud800" not in text))
def test_a_mail_holds_no_forged_line(text: str) -> None:
    letter = Letter(
        site=text, box="box", language="de", zone="Europe/Berlin", sender="a@b.example", recipient="c@d.example",
        message_id="<1@b.example>", at=datetime(2026, 11, 30, tzinfo=UTC), parts=(),
    )  # fmt: skip
    mail = message_from_bytes(compose_all_clear(letter, [Compared(title=text, compared=3, differing=0)]))
    assert str(make_header(decode_header(mail["Subject"]))).isprintable()
    plain, html = [part.get_payload(decode=True).decode().replace("\r\n", "\n") for part in mail.get_payload()]  # type: ignore[union-attr]
    for body in (plain, html):
        assert all(char.isprintable() or char in "\n\t" for char in body)
    assert len([line for line in plain.splitlines() if line.startswith("- ")]) == 1
