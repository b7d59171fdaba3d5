"""What this terminal can do, and the mode that follows from it (docs/terminals.md)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from wtpd.tui.glyphs import ASCII, UNICODE, Glyphs, plain

WIDTH, HEIGHT = 80, 23
"""Columns and lines of the smallest terminal that the screens are made for: 80×24, of which tmux takes a line."""
FEW_SIGNS = ("linux", "vt", "ansi", "cons")
"""Beginnings of TERM of consoles whose font has letters and lines, but few signs."""

Choice = Literal["auto", "dark", "light"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """How it is drawn. `theme`: a theme of Textual; `utf8` False: ASCII only; `signs` False: letters of all languages,
    but plain signs; `rich`: a terminal that answers questions about itself."""

    theme: str = "ansi-dark"
    utf8: bool = True
    signs: bool = True
    rich: bool = False

    @property
    def glyphs(self) -> Glyphs:
        return UNICODE if self.utf8 and self.signs else ASCII


@dataclass(frozen=True, slots=True)
class Terminal:
    """What the environment tells of it."""

    term: str
    codeset: str
    """`utf-8`, `iso-8859-1`; `ascii` if the locale says nothing."""
    colours: int
    """That it is said to show; 0: none are wanted."""
    light: bool
    """Dark letters on a light ground, as far as one can know (COLORFGBG)."""
    remote: bool
    """Behind ssh."""
    inside: str
    """`tmux` or `screen`, or nothing."""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Terminal:
        term = environment.get("TERM", "")
        inside = "tmux" if environment.get("TMUX") else "screen" if environment.get("STY") else ""
        return cls(
            term=term,
            codeset=_codeset(environment),
            colours=_colours(environment, term),
            light=environment.get("COLORFGBG", "").rpartition(";")[2] in ("7", "15"),
            remote=any(environment.get(name) for name in ("SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT")),
            inside=inside,
        )

    @property
    def dumb(self) -> bool:
        """It can't put the cursor anywhere."""
        return self.term in ("", "dumb", "unknown")

    @property
    def few_signs(self) -> bool:
        return self.term.startswith(FEW_SIGNS)

    def mode(self, *, theme: Choice = "auto", ascii_only: bool = False) -> Mode:
        """How to draw on it; `theme` and `ascii_only` are what its user asked for."""
        light = self.light if theme == "auto" else theme == "light"
        return Mode(
            theme="ansi-light" if light else "ansi-dark",
            utf8=self.codeset == "utf-8" and not ascii_only,
            signs=not self.few_signs,
            rich=self.colours >= 256 and not self.remote and not self.inside,
        )


def as_started(environment: Mapping[str, str]) -> Mapping[str, str]:
    """`environment` without what Python put in: where the locale says nothing, it tells itself UTF-8 (PEP 538)."""
    if environment.get("LC_CTYPE") not in ("C.UTF-8", "C.utf8", "UTF-8"):
        return environment
    with suppress(OSError):
        began = Path("/proc/self/environ").read_bytes().split(b"\0")
        if not any(one.startswith(b"LC_CTYPE=") for one in began):
            return {name: value for name, value in environment.items() if name != "LC_CTYPE"}
    return environment


def _codeset(environment: Mapping[str, str]) -> str:
    """Of the locale. Asked of the variables, since Python takes UTF-8 where they say nothing."""
    name = next((environment[one] for one in ("LC_ALL", "LC_CTYPE", "LANG") if environment.get(one)), "")
    bare, _, codeset = name.partition("@")[0].partition(".")
    codeset = codeset.lower().replace("_", "-")
    if codeset in ("utf8", "utf-8"):
        return "utf-8"
    return codeset or ("ascii" if bare in ("", "C", "POSIX") else "iso-8859-1")


def _colours(environment: Mapping[str, str], term: str) -> int:
    if "NO_COLOR" in environment:
        return 0
    if environment.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return 1 << 24
    if "256color" in term or "direct" in term:
        return 256
    return 0 if term.startswith("vt") else 16


def size_of(fileno: int) -> tuple[int, int]:
    """Columns and lines; (0, 0) where there is no terminal."""
    try:
        size = os.get_terminal_size(fileno)
    except OSError:
        return 0, 0
    return size.columns, size.lines


class AsciiFilter(LineFilter):
    """Nothing but ASCII leaves for a terminal that knows no other; each sign keeps its columns."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            segment if segment.text.isascii() else Segment(_same_width(segment.text), segment.style, segment.control)
            for segment in segments
        ]


def _same_width(text: str) -> str:
    from rich.cells import cell_len

    return "".join(char if char.isascii() else plain(char)[: cell_len(char)].ljust(cell_len(char)) for char in text)
