"""Every text in the code can be translated: it is written out, its places are filled, and Babel finds it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.support.texts import ROOT, Marked, extracted, marked_in, marked_texts, places

MARKED = [*marked_texts()]
CLICK = ROOT / "cli" / "click_texts.py"
FILLED_LATER = (CLICK, ROOT / "shape_words.py")
"""click's sentences, which click fills itself, and those that are filled from what msgspec says."""


def test_a_text_is_written_out_where_it_is_marked() -> None:
    """`N_(f"…")` or `N_(name)` has no place in a catalogue."""
    assert [str(each) for each in MARKED if None in each.msgids] == []


@pytest.mark.parametrize("source", ['N_(f"{x}")', "N_(name)", 'N_n("one", several, count=n)'])
def test_what_is_not_written_out_is_noticed(source: str) -> None:
    [found] = marked_in(Path("x.py"), source)
    assert None in found.msgids


def test_the_catalogues_are_made_from_every_text_there_is() -> None:
    """Babel doesn't look into f-strings on Python 3.11: such a text must be taken out of them."""
    assert {each.msgids for each in MARKED} == extracted()


def test_the_places_of_a_text_are_what_is_given_for_them() -> None:
    wrong = [
        f"{each}: {sorted(_named(each))} in the text, {sorted(each.args)} given"
        for each in MARKED
        if (each.args or each.file not in FILLED_LATER)
        and not each.spreads
        and (each.file != CLICK and _named(each) != each.args - _unsaid(each))
    ]
    assert wrong == []


def _named(each: Marked) -> set[str]:
    return {name for msgid in each.msgids for name, *_ in places(msgid or "")}


def _unsaid(each: Marked) -> set[str]:
    """`count` chooses between one and several; it need not be said."""
    return {"count"} - _named(each) if len(each.msgids) > 1 else set()


def test_places_are_named_and_not_worked_with() -> None:
    """`{0}` and `{}` say nothing to a translator; `{user.name}` would reach into our objects."""
    assert [str(each) for each in MARKED if not all(name.isidentifier() for name in _named(each))] == []


def test_what_people_are_told_is_a_text_and_not_bare_english() -> None:
    assert [f"{file.relative_to(ROOT)}:{call.lineno}" for file, call in _bare_sentences()] == []


def _bare_sentences() -> Iterator[tuple[Path, ast.Call]]:
    speaking = {
        "Invalid", "NotFound", "Refused", "Forbidden", "Unavailable", "VersionMismatch", "Problem", "BadParameter",
        "UsageError", "console.note", "console.line",
    }  # fmt: skip
    for file in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                if (name in speaking or name.rpartition(".")[2] in speaking) and any(
                    _is_sentence(argument) for argument in node.args[:2]
                ):
                    yield file, node


def _is_sentence(argument: ast.expr) -> bool:
    """A string with two words in a row; `f"{name}: {value}"` is none, and a command is the same in any language."""
    parts = argument.values if isinstance(argument, ast.JoinedStr) else [argument]
    words = [part.value.split() for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return any(
        len([word for word in each if word.strip(".,:;–→").isalpha()]) > 1 for each in words if "wtpd" not in each
    )


def test_clicks_sentences_are_those_of_the_click_that_is_installed() -> None:
    known = {
        node.value
        for file in Path(click.__file__).parent.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
    }
    assert {msgid for each in MARKED if each.file == CLICK for msgid in each.msgids} - known == set()
