"""The German and Dutch catalogues say everything that the code says. After a change of texts: `script/texts`, then
translate what is empty."""

from __future__ import annotations

import re

import pytest

from tests.support.texts import LANGUAGES, ROOT, catalogue, entries, extracted, pairs, places

each_language = pytest.mark.parametrize("language", LANGUAGES)


@each_language
def test_every_text_of_the_code_is_in_the_catalogue_and_no_other(language: str) -> None:
    known = {msgids for msgids, _ in entries(language)}
    assert sorted(map(str, extracted() - known)) == []
    assert sorted(map(str, known - extracted())) == []


@each_language
def test_every_text_is_translated(language: str) -> None:
    assert [msgids[0] for msgids, strings in entries(language) if not all(strings)] == []


@each_language
def test_no_translation_is_a_guess_or_a_remnant(language: str) -> None:
    assert [message.id for message in catalogue(language) if message.id and message.fuzzy] == []
    assert [*catalogue(language).obsolete] == []


@each_language
def test_places_are_kept(language: str) -> None:
    assert [pair for pair in pairs(language) if places(pair[0]) != places(pair[1])] == []


@each_language
def test_marks_around_a_text_are_kept(language: str) -> None:
    """Indentation, and the colon or full stop at its end."""

    def marks(text: str) -> tuple[str, str]:
        return text[: len(text) - len(text.lstrip())], text[-1] if text[-1:] in tuple(".:?!") else ""

    assert [pair for pair in pairs(language) if marks(pair[0]) != marks(pair[1])] == []


LITERAL = re.compile(
    r"`[^`]+`|\b[A-Z]+_[A-Z_]+\b|https?://[\w./-]*\w|(?<![\w{}])/[a-z]+/[\w./]+|\b[a-z]+_[a-z_]+\b|--[a-z-]{2,}"
    r"|\bwtpd (?:config|credential|mail|mapping|resume|run|sandbox|status|sync|verify|attention)\b(?: [a-z]+\b)?"
)
"""What people type or look for letter by letter: `wtpd sync`, https://…, WTPD_LANG, /run/wtpd/api.sock, status_mail."""


@each_language
def test_commands_addresses_and_settings_in_a_text_are_kept(language: str) -> None:
    wrong = [
        (word, translated)
        for msgid, translated in pairs(language)
        for word in LITERAL.findall(_without_places(msgid))
        if word not in _without_places(translated)
    ]
    assert wrong == []


def _without_places(text: str) -> str:
    return re.sub(r"\{[^{}]*\}", "{}", text)


@each_language
def test_a_thing_has_one_name(language: str) -> None:
    """That of the vocabulary; these would be second ones."""
    strays = {
        "de": r"Filiale|Leihwagen|Credentials\b|Connector\b|Konnektor|Department|Telefontermin|Plakette|Reservierung\b",
        "nl": r"\bfiliaal|leenauto|\bcredentials\b|\bconnector\b|nummerplaat|\bVIN\b|\bAW\b|adviseurs? van dienst",
    }[language]
    found = [pair for pair in pairs(language) for stray in re.findall(strays, pair[1]) if stray not in pair[0]]
    assert found == []


def test_english_needs_no_catalogue() -> None:
    assert not (ROOT / "locale" / "en").exists()
