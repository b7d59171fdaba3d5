"""Text from outside, made harmless for terminals, logs and mails.

Partners, customers and files give texts that may hold control characters (C0, C1: they steer a terminal), line ends
(they forge lines), direction marks and characters without width (they make a text look like another one). What shows
text to people sends it through one of these functions last: console, log formatter, mail writer, API errors, screen.
"""

from __future__ import annotations

import json
from typing import Any


def harmless(text: str) -> str:
    """`text` in one line of visible characters: control characters and line ends become blanks, marks without width
    go, what no font has becomes U+FFFD."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _instead_of(char) for char in text.replace("\r\n", "\n"))


def harmless_lines(text: str) -> str:
    """As `harmless`, but line feeds and tabs stay: for a text that has lines of its own, such as a traceback."""
    if text.isprintable():
        return text
    kept = text.replace("\r\n", "\n")
    return "".join(char if char.isprintable() or char in "\n\t" else _instead_of(char) for char in kept)


def harmless_json(value: Any, *, indent: int | None = None) -> str:
    """`value` as JSON; characters that aren't visible are written as escapes, so that programs get them unchanged."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text)


def _instead_of(char: str) -> str:
    from unicodedata import category  # only a text that isn't printable pays for it

    kind = category(char)
    if kind == "Cf":
        return ""
    return " " if kind in ("Cc", "Zs", "Zl", "Zp") else "\ufffd"
