"""What colours mean; each theme says how they look. Nothing is told by colour alone."""

from __future__ import annotations

from typing import Literal

from rich.style import Style

Tint = Literal["", "ok", "warn", "bad", "dim", "accent", "strong", "added", "removed", "title", "chosen"]

_STYLES: dict[str, Style] = {
    "": Style.null(),
    "ok": Style(color="green"),
    "warn": Style(color="yellow"),
    "bad": Style(color="red", bold=True),
    "dim": Style(dim=True),
    "accent": Style(color="cyan"),
    "strong": Style(bold=True),
    "added": Style(color="green"),
    "removed": Style(color="red"),
    "title": Style(bold=True, color="cyan"),
    "chosen": Style(reverse=True),
}


LINK = "link:"
"""Before a web address: a tint that terminals which know how (OSC 8) let one click on."""


def style(tint: str) -> Style:
    """The sixteen colours of the terminal's own palette: readable on dark and light ones, and few bytes."""
    if tint.startswith(LINK):
        return Style(underline=True, link=tint[len(LINK) :])
    return _STYLES[tint]
