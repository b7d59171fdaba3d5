"""Keys as bytes: those of odd keyboard modes are understood, unknown ones type nothing."""

from __future__ import annotations

import pytest
from textual import events
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._xterm_parser import XTermParser

from wtpd.tui.sequences import KeyParser


def keys(parser: XTermParser, typed: str) -> list[str]:
    return [one.key for one in parser.feed(typed) if isinstance(one, events.Key)]


@pytest.mark.parametrize(
    ("sequence", "key"),
    [("\x1bOw", "end"), ("\x1bOT", "f5"), ("\x1bOW", "f8"), ("\x1bO[", "f12"), ("\x1b[[A", "f1"), ("\x1b[15~", "f5")],
)
def test_keys_of_modes_of_putty_and_of_rxvt(sequence: str, key: str) -> None:
    assert keys(KeyParser(), f"a{sequence}b") == ["a", key, "b"]


@pytest.mark.parametrize(
    "sequence",
    ["\x1b[N", "\x1bOd", "\x1b1", "\x1b[[Z", "\x1b[1;99Q", "\x1b[>0;1c", "\x1b[32;4;5M", "\x1b[<0;4;5M"],
)
def test_a_key_that_nobody_knows_types_nothing(sequence: str) -> None:
    typed = keys(KeyParser(), f"a{sequence}b")
    assert (typed[0], typed[-1]) == ("a", "b")
    assert all(len(one) > 1 for one in typed[1:-1]), "a key with a name, such as Ctrl+Left, but no letter"


def test_the_mouse_and_pasting_go_on() -> None:
    click, release, paste = KeyParser().feed("\x1b[<0;4;5M\x1b[<0;4;5m\x1b[200~ab\x1b[201~")
    assert isinstance(click, events.MouseDown)
    assert isinstance(release, events.MouseUp)
    assert isinstance(paste, events.Paste)


@pytest.mark.parametrize("sequence", [one for one, key in ANSI_SEQUENCES_KEYS.items() if not isinstance(key, str)])
def test_what_textual_knows_is_as_it_was(sequence: str) -> None:
    assert keys(KeyParser(), sequence) == keys(XTermParser(False), sequence)
