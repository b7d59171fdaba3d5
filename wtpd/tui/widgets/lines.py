"""Lines of tinted text: cut, padded and turned into Textual's strips."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from wtpd.harmless import harmless
from wtpd.tui.tints import style

Span = tuple[str, str]
"""A text and its tint."""
Spans = Sequence[Span]
Cell = str | Span | Spans

cell_width = cell_len
"""Columns that a text takes."""


def spans(cell: Cell) -> list[Span]:
    """A cell as its spans: a text alone, a text with a tint, or several."""
    if isinstance(cell, str):
        return [(cell, "")]
    if isinstance(cell, tuple) and len(cell) == 2 and isinstance(cell[0], str):
        return [(cell[0], str(cell[1]))]
    return [(text, tint) for text, tint in cell]


def fitted(parts: Iterable[Span], width: int, *, right: bool = False, more: str = "…") -> list[Span]:
    """Exactly `width` columns: cut with `more` at the end, or padded (on the left with `right`)."""
    given = [(harmless(text), tint) for text, tint in parts]
    used = sum(cell_len(text) for text, _ in given)
    if used <= width:
        blank = (" " * (width - used), "")
        return [blank, *given] if right else [*given, blank]
    if width <= cell_len(more):
        return [(" " * width, "")]
    left, kept = width - cell_len(more), []
    for text, tint in given:
        size = cell_len(text)
        if size > left:
            kept.append((set_cell_size(text, left), tint))
            break
        kept.append((text, tint))
        left -= size
    tint = kept[-1][1] if kept else ""
    return [*kept, (more, tint)]


def strip(parts: Iterable[Span], width: int, base: Style, *, more: str = "…") -> Strip:
    """One line of the screen, `width` columns wide, on the style `base`."""
    segments = [Segment(text, base + style(tint)) for text, tint in fitted(parts, width, more=more) if text]
    return Strip(segments, width)


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most `width` columns, broken between words; longer words are broken anywhere. Blanks at the beginning
    stay."""
    lines: list[str] = []
    for paragraph in text.splitlines() or [""]:
        words = paragraph.lstrip(" ")
        line = " " * min(len(paragraph) - len(words), width - 1)
        for word in words.split(" "):
            candidate = f"{line} {word}" if line.strip() else line + word
            if cell_len(candidate) <= width:
                line = candidate
                continue
            if line.strip():
                lines.append(line)
            while cell_len(word) > width > 0:
                head = set_cell_size(word, width)
                lines.append(head)
                word = word[len(head) :]
            line = word
        lines.append(line)
    return lines
