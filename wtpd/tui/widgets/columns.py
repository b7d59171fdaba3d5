"""The columns of a table, and its lines made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from wtpd.language import say
from wtpd.texts import Text
from wtpd.tui.widgets.lines import Cell, Span, fitted, spans


@dataclass(frozen=True, slots=True)
class Column:
    """`cell` makes the text out of a row, each time it is drawn. `width` 0: takes what is left, shared by `share`.
    `from_width`: shown only in a table at least that wide."""

    title: Text | str
    cell: Callable[[Any], Cell]
    width: int = 0
    right: bool = False
    from_width: int = 0
    share: int = 1


def heading(columns: Sequence[Column], width: int, *, more: str) -> list[Span]:
    """The titles. `more`: the sign for what is cut."""
    parts: list[Span] = []
    for column, size in _layout(columns, width):
        title = fitted([(say(column.title), "")], size, right=column.right, more=more)
        parts += [("".join(text for text, _ in title), "dim"), (" ", "")]
    return parts


def cells(columns: Sequence[Column], row: Any, width: int, *, more: str) -> list[Span]:
    """A row."""
    parts: list[Span] = []
    for column, size in _layout(columns, width):
        parts += fitted(spans(column.cell(row)), size, right=column.right, more=more)
        parts.append((" ", ""))
    return parts


def _layout(columns: Sequence[Column], width: int) -> list[tuple[Column, int]]:
    """Those that fit, with their widths."""
    shown = [column for column in columns if width >= column.from_width]
    left = width - sum(column.width for column in shown) - len(shown)
    shares = sum(column.share for column in shown if not column.width) or 1
    return [(one, one.width or max(3, left * one.share // shares)) for one in shown]
