"""A file with a secret in it may be shown: wherever and however it was typed, it is hidden, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wtpd.config.errors import ConfigErrors
from wtpd.config.file import ConfigFile
from wtpd.config.history import History
from wtpd.config.load import load
from wtpd.config.mask import masked
from wtpd.errors import VersionMismatch

CANARY = "c4nary/S3cret+42"
EXAMPLE = Path(__file__).parents[2] / "etc" / "wtpd.yaml"

TYPED = [
    "mail:\n  password: {}\n  host: mail.example.com\n",
    "mail:\n  password: '{}'\n",
    'mail:\n  password: "{}"   # for now\n',
    'mail: {{host: a, "password": "{}", port: 25}}\n',
    "mail: {{password: {}}}\n",
    "mail:\n  token:{}\n",
    "mail:\n  token = {}\n",
    "mail:\n  token:\n    {}\n",
    "mail:\n  token: |\n    first\n    {}\n\n    last\n  host: a\n",
    "mail:\n  token: >-\n    {}\n",
    'mail:\n  token: "first\n\n{}"\n  host: a\n',
    "mail:\n  token: 'it''s\n  {}'\n",
    "mail:\n  token: first\n    {}\n",
    "mail:\n  ? token\n  : {}\n",
    "mail:\n\ttoken: {}\n",
    "mail: [\n  token: {}\n",
    "sites:\n  - id: a\n    clientSecret: {}\n",
    "connectors:\n  superservice:\n    tokens: [{}, {}]\n",
    "connectors:\n  superservice:\n    credentials:\n      x: {}\n",
    "connectors:\n  superservice:\n    address: https://user:{}@partner.example.com\n",
    "connectors:\n  superservice:\n    address: ftp://anna:{}@partner.example.com\n",
    "# token: {}\nlanguage: de\n",
    "  #password: {}\n",
    "mail:\r\n  password: {}\r\n  host: a\r\n",
]


@pytest.mark.parametrize("typed", TYPED)
def test_a_secret_is_hidden_however_it_was_typed(typed: str) -> None:
    text = typed.replace("{}", CANARY).replace("{{", "{").replace("}}", "}")
    shown = masked(text)
    assert CANARY not in shown
    assert "•••" in shown
    assert len(shown.splitlines()) == len(text.splitlines())


@pytest.mark.parametrize("typed", TYPED)
def test_errors_dont_quote_it_either(typed: str) -> None:
    text = typed.replace("{}", CANARY).replace("{{", "{").replace("}}", "}")
    try:
        load(text)
    except ConfigErrors as error:
        said = f"{error} {error.render()} {error.render('de')} {[str(one.text) for one in error.problems]}"
        assert CANARY not in said


def test_what_stands_beside_it_is_shown() -> None:
    text = "mail:\n  password: x\n  host: mail.example.com\nsites:\n  - id: rostock\n    token: y\n    name: Rostock\n"
    assert masked(text) == text.replace(": x", ": •••").replace(": y", ": •••")


def test_a_file_without_secrets_is_shown_as_it_is() -> None:
    text = EXAMPLE.read_text()
    assert masked(text) == text
    settings_of_credentials = "credentials:\n  superservice:\n    scope: office\n    reveal: true\n"
    assert masked(settings_of_credentials) == settings_of_credentials


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet=" \n\t:{}[],'\"#|>-tokenpsw", max_size=80))
def test_any_text_can_be_masked(text: str) -> None:
    assert masked(text).count("\n") == text.count("\n")


def test_neither_a_difference_nor_a_refusal_shows_it(tmp_path: Path) -> None:
    path = tmp_path / "wtpd.yaml"
    path.write_text("language: de\n")
    file = ConfigFile(path, History(tmp_path / "history"))
    seen = file.read()
    file.history.record(seen.text, author="a", at=datetime(2026, 11, 21, 12, tzinfo=UTC))
    path.write_text(f"language: de\nmail:\n  password: {CANARY}\n")
    assert CANARY not in file.diff(1)
    assert "+  password: •••" in file.diff(1)
    with pytest.raises(VersionMismatch) as refused:
        file.save("language: nl\n", expected=seen.etag)
    assert CANARY not in str(refused.value.facts)
