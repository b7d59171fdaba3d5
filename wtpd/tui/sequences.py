"""What keys send, as far as Textual's parser doesn't know it: of PuTTY's keyboard modes and of rxvt.

Keys that nobody knows do nothing: Textual would type their letters into the field that has the focus.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from textual import events
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._xterm_parser import XTermParser
from textual.keys import Keys

KNOWN = {"\x1bOw": "end", **{f"\x1bO{end}": f"f{number}" for number, end in enumerate("TUVWXYZ[", start=5)}}
"""End of rxvt; F5 to F12 of VT100+ (PuTTY's manual, 4.4.3)."""
_WHOLE = re.compile(r"\x1b(?:O[A-Za-z\[]|\[\[[@-~]|\[(?!\[)[0-?]*[ -/]*[@-~])")
"""The sequence of one key (ECMA-48, 5.4); the Linux console puts a bracket more."""
_NO_KEY = re.compile(r"\x1b\[(?:<.*|[\d;]*M.*|\?.*\$y)")
"""The mouse, and answers to questions about modes."""


class KeyParser(XTermParser):
    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[events.Key]:
        if sequence in KNOWN:
            return [events.Key(KNOWN[sequence], None)]
        if len(sequence) == 2 and isinstance(ANSI_SEQUENCES_KEYS.get(sequence), str):
            return _nothing(sequence)  # Alt+1 would type the ¡ of a Mac
        found = list(super()._sequence_to_key_events(sequence, alt))
        if not found and _WHOLE.fullmatch(sequence) and not _NO_KEY.fullmatch(sequence):
            return _nothing(sequence)
        return found


def _nothing(sequence: str) -> Iterable[events.Key]:
    return [events.Key(Keys.Ignore, sequence)]
