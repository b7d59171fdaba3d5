"""The text of `wtpd.yaml` as it may be shown: without what somebody typed behind a key that looks like a secret. Pure.

Such a file is refused, but it lies there until it is mended, and it need not even be YAML; so this looks at lines, not
at a tree, and hides rather too much: the value, and what is indented below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from wtpd.config.secret_words import HIDDEN, looks_secret, without_userinfo

_KEY = re.compile(r"""(?:^\s*(?:[-?]\s+)*|[{,]\s*)(?P<quote>["']?)(?P<key>[\w.-]+)(?P=quote)\s*[:=]""")
_KEY_WITHIN = re.compile(r"""[{,]\s*(?P<quote>["']?)(?P<key>[\w.-]+)(?P=quote)\s*[:=]""")
_ASKED = re.compile(r"""^(?P<indent>\s*(?:-\s+)*)\?\s+(?P<quote>["']?)(?P<key>[\w.-]+)(?P=quote)\s*$""")
"""YAML's way to write a key in a line of its own."""
_COMMENT = re.compile(r"^(?P<before>\s*#[#\s]*)(?P<key>[\w.-]+):[ \t]+(?P<value>\S+)[ \t]*$")
_QUOTED = {'"': re.compile(r'(?:[^"\\]|\\.)*"'), "'": re.compile(r"(?:[^']|'')*'(?!')")}

MOST_HIDDEN = 20
"""Values hidden in one line; what follows them isn't shown at all."""
SECTION = "credentials:"
"""Of the settings about credentials, which are none."""


def masked(text: str) -> str:
    """`text` with as many lines, without what looks like a secret."""
    ends = "\r\n" if "\r\n" in text else "\n"
    return ends.join(_lines(text.split(ends)))


def _lines(lines: list[str]) -> Iterator[str]:
    hiding: _Hiding | None = None
    for line in lines:
        if hiding is not None and (shown := hiding.rest(line)) is not None:
            yield shown
            continue
        shown, hiding = _line(line)
        yield shown


class _Hiding:
    """A value that may go on in the next lines: until its quotation mark closes (`quote`), or while they are indented
    deeper than its key (`column`)."""

    def __init__(self, column: int, quote: str = "") -> None:
        self._column = column
        self._quote = quote

    def rest(self, line: str) -> str | None:
        """What is shown of a line that belongs to the value; None for the first one that doesn't."""
        if self._quote:
            closed = _QUOTED[self._quote].match(line)
            if closed is not None:
                self._quote = ""
                return f"{HIDDEN}{line[closed.end() :]}"
            return HIDDEN
        indent = len(line) - len(line.lstrip())
        if line.strip() and indent <= self._column:
            return None
        return " " * indent + HIDDEN if line.strip() else line


def _line(line: str) -> tuple[str, _Hiding | None]:
    """The line as it may be shown, and whether its last value goes on."""
    comment = _COMMENT.match(line)
    if comment is not None and looks_secret(comment["key"]):
        return f"{comment['before']}{comment['key']}: {HIDDEN}", None
    asked = _ASKED.match(line)
    if asked is not None and looks_secret(asked["key"]):
        return line, _Hiding(len(asked["indent"]) - 1)
    shown, at = "", 0
    while (found := _next_secret(line, at)) is not None:
        shown += line[at : found.end()]
        value = line[found.end() :]
        start = value.lstrip()
        column = len(line[: found.start("key")])
        if not start or start.startswith("#"):
            return f"{shown}{value}", _Hiding(column)
        if start[0] not in _QUOTED:
            return f"{shown} {HIDDEN}", _Hiding(column)
        closed = _QUOTED[start[0]].match(start, 1)
        if closed is None:
            return f"{shown} {HIDDEN}", _Hiding(column, start[0])
        shown += f" {HIDDEN}"
        at = found.end() + len(value) - len(start) + closed.end()
        if shown.count(HIDDEN) >= MOST_HIDDEN:
            return shown, None
    return without_userinfo(shown + line[at:]), None


def _next_secret(line: str, at: int) -> re.Match[str] | None:
    """The next key from `at` on that looks like a secret."""
    if at == 0 and line.startswith(SECTION):
        return None
    keys = _KEY.finditer(line) if at == 0 else _KEY_WITHIN.finditer(line, at)
    return next((found for found in keys if looks_secret(found["key"])), None)
