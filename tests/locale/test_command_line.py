"""What the command line says in German and Dutch, from the compiled catalogues (script/bootstrap makes them)."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.support.texts import LANGUAGES

each_language = pytest.mark.parametrize("language", LANGUAGES)


def say(language: str, *arguments: str) -> str:
    environment = {**os.environ, "WTPD_LANG": language, "COLUMNS": "200", "WTPD_SOCKET": "/nowhere/api.sock"}
    done = subprocess.run(
        [sys.executable, "-m", "wtpd", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def sentences(text: str) -> set[str]:
    """What stands behind a command or an option, and whole lines; commands themselves are the same in any language."""
    parts = {part.strip() for line in text.splitlines() for part in re.split(r"\s{2,}", line)}
    return {part for part in parts if len(part.split()) > 2 and not part.startswith(("wtpd ", "-"))}


@each_language
@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("status", "--help"),
        ("mapping", "set", "--help"),
        ("sandbox", "act", "superservice", "book", "--help"),
        ("status", "--unknown"),
        ("--lang", "xx"),
        ("status",),
    ],
)
def test_no_sentence_is_left_in_english(language: str, arguments: tuple[str, ...]) -> None:
    english, translated = sentences(say("en", *arguments)), sentences(say(language, *arguments))
    assert english and translated
    assert english & translated == set()


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de", ["Aufruf:", "Optionen:", "Befehle:", "Beispiel:", "Zeigt die Version."]),
        ("nl", ["Gebruik:", "Opties:", "Opdrachten:", "Voorbeeld:", "Toont de versie."]),
    ],
)
def test_the_help_is_in_the_language_asked_for(language: str, words: list[str]) -> None:
    text = say(language, "--help")
    assert [word for word in words if word not in text] == []
