"""Carry a change over to a text that differs from its base in spacing only.

`over(text, base, edited)`: `base` is `text` as a program writes it, `edited` is `base` with changes. The result is
`text` with just these changes, in the text's own spacing, indentation and line ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher


def over(text: str, base: str, edited: str) -> str:
    end = line_end(text)
    theirs, old, new = _lines(text), _lines(base), _lines(edited)
    position = _positions(old, theirs)
    out: list[str] = []
    for kind, old_start, old_end, new_start, new_end in _opcodes(old, new):
        here = theirs[position[old_start] : position[old_end]]
        if kind == "equal":
            out += here
            continue
        changed = new[new_start:new_end]
        levels = _Levels(old, theirs, position, old_end)
        fitted = [levels.fit(line) for line in changed]
        at = len(out) if old_start < old_end else _above_outer_comments(out, fitted[0])
        out[at:at] = fitted
        out += _comments_of_the_next(here, changed)
    result = end.join(line.removesuffix("\r") for line in out) if end == "\r\n" else "\n".join(out)
    return result + (end if text.endswith("\n") or not text else "")


def line_end(text: str) -> str:
    """What most lines of the text end with."""
    return "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n")


def _bare(line: str) -> str:
    return re.sub(r"\s+", "", line)


def _opcodes(old: Sequence[str], new: Sequence[str]) -> Sequence[tuple[str, int, int, int, int]]:
    """The differences, as of difflib. Equal lines at the beginning and at the end are left out of its search, which
    takes quadratic time where many lines are alike."""
    start = next((at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), None)
    if start is None:
        start = min(len(old), len(new))
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    found = SequenceMatcher(None, old[start : len(old) - end], new[start : len(new) - end], autojunk=False)
    middle = [(kind, *(at + start for at in places)) for kind, *places in found.get_opcodes()]
    before = [("equal", 0, start, 0, start)] if start else []
    after = [("equal", len(old) - end, len(old), len(new) - end, len(new))] if end else []
    return [*before, *middle, *after]  # type: ignore[list-item]  # four places each


def _positions(old: Sequence[str], theirs: Sequence[str]) -> list[int]:
    """For each line of `old`, and its end, the line of `theirs` that is the same but for spaces."""
    position = [len(theirs)] * (len(old) + 1)
    for _, start, end, their_start, their_end in _opcodes(
        [_bare(each) for each in old], [_bare(each) for each in theirs]
    ):
        for line in range(start, end):
            position[line] = min(their_start + line - start, their_end)
    position[0] = 0
    return position


def _above_outer_comments(out: Sequence[str], line: str) -> int:
    """Where `line` belongs at the end of `out`: above blank lines and comments of what comes next, further out."""
    at = len(out)
    while at and _indent(line) and not _counts(out[at - 1]):
        if out[at - 1].strip() and _indent(out[at - 1]) >= _indent(line):
            break
        at -= 1
    return at


def _comments_of_the_next(removed: Sequence[str], put: Sequence[str]) -> list[str]:
    """ruamel hangs comments and blank lines on the setting above; if that goes, they stay, for they speak of what
    comes next."""
    kept: list[str] = []
    for line in reversed(removed):
        if line.strip() and not line.lstrip().startswith("#"):
            break
        kept.insert(0, line)
    written = {_bare(line) for line in put}
    return [line for line in kept if _bare(line) not in written]


class _Levels:
    """How far lines are indented in `theirs`, learned from the lines above."""

    def __init__(self, old: Sequence[str], theirs: Sequence[str], position: Sequence[int], upto: int) -> None:
        self._known: list[tuple[int, int]] = [
            (_indent(old[line]), _indent(theirs[position[line]]))
            for line in range(upto)
            if _counts(old[line]) and position[line] < len(theirs)
        ]

    def fit(self, line: str) -> str:
        """The line with the indentation of its siblings, or else of its parent and two more."""
        if not line.strip():
            return line
        wanted = _indent(line)
        new = next((theirs + wanted - old for old, theirs in self._above(wanted)), wanted)
        if _counts(line):
            self._known.append((wanted, new))
        return " " * new + line.lstrip(" ")

    def _above(self, wanted: int) -> Iterator[tuple[int, int]]:
        return (level for level in reversed(self._known) if level[0] <= wanted)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _counts(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")
