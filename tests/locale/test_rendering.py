"""Every text comes out in every language, in the number of things it speaks of, also after it was kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo

from tests.support.texts import LANGUAGES, catalogue, extracted, places
from wtpd import texts
from wtpd.texts import N_, N_n, Text

each_language = pytest.mark.parametrize("language", texts.LANGUAGES)


@pytest.fixture(autouse=True)
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The catalogues of the sources, compiled now: what lies compiled in the working tree may be older."""
    for language in LANGUAGES:
        folder = tmp_path / "locale" / language / "LC_MESSAGES"
        folder.mkdir(parents=True)
        with (folder / "wtpd.mo").open("wb") as file:
            write_mo(file, catalogue(language))
    texts._catalogue.cache_clear()
    monkeypatch.setattr(texts, "__file__", str(tmp_path / "texts.py"))
    yield
    texts._catalogue.cache_clear()


@each_language
@pytest.mark.parametrize("count", [0, 1, 7])
def test_every_text_can_be_shown(language: str, count: int) -> None:
    for msgid, *plural in extracted():
        said = (plural[0] if plural and count != 1 else msgid) or ""
        found = {place for each in (msgid, *plural) for place in places(each or "")}
        args = {name: count if form or name == "count" else f"<{name}>" for name, form, _ in found}
        shown = Text(msgid or "", {"count": count, **args}, (plural[0] or "") if plural else "").render(language)
        assert [name for name, *_ in places(said) if str(args[name]) not in shown] == []


@each_language
def test_a_language_has_its_own_words(language: str) -> None:
    text = N_("There is no site {site}.", site="rostock")
    assert text.render(language) == {
        "de": "Den Standort rostock gibt es nicht.",
        "en": "There is no site rostock.",
        "nl": "De vestiging rostock bestaat niet.",
    }[language]  # fmt: skip


@each_language
def test_one_is_said_otherwise_than_several(language: str) -> None:
    said = [N_n("{count} error", "{count} errors", count=count).render(language) for count in (0, 1, 2)]
    assert said == {
        "de": ["0 Fehler", "1 Fehler", "2 Fehler"],
        "en": ["0 errors", "1 error", "2 errors"],
        "nl": ["0 fouten", "1 fout", "2 fouten"],
    }[language]  # fmt: skip


def test_a_kept_text_is_shown_as_the_one_that_was_kept() -> None:
    inner = N_n("{count} error", "{count} errors", count=2)
    kept = Text.from_json(N_("Last error: {error}", error=inner).as_json())
    assert kept.render("nl") == "Laatste fout: 2 fouten"


def test_what_is_no_json_value_is_kept_as_its_text() -> None:
    assert N_("{key} is missing here", key=Path("a/b")).as_json()["args"] == {"key": "a/b"}


@pytest.mark.parametrize("content", [None, b"", b"no catalogue", b"\xde\x12\x04\x95\0\0\0\0\xff\xff\xff\xff"])
def test_a_catalogue_that_cant_be_read_is_said_once_with_its_cure(
    content: bytes | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "locale/nl/LC_MESSAGES/wtpd.mo"
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    text = N_("There is no site {site}.", site="rostock")
    assert [text.render("nl"), text.render("nl")] == [text.render("en")] * 2
    [record] = caplog.records
    assert record.levelname == "ERROR"
    assert "Dutch" in record.getMessage()
    assert "script/bootstrap" in record.getMessage()
    assert text.render("de") != text.render("en")


def test_english_needs_none(caplog: pytest.LogCaptureFixture) -> None:
    assert N_("There is no site {site}.", site="rostock").render("en") == "There is no site rostock."
    assert caplog.records == []
