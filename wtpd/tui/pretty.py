"""JSON on a sheet, as its sender means it: one member a line, with its indentation."""

from __future__ import annotations

import json
from typing import Any

from wtpd.texts import N_
from wtpd.tui.widgets.sheet import Sheet

MOST = 2000
"""Lines that are laid out; the rest is told by its number."""


def pretty(value: Any) -> str:
    """The JSON text of a value; a text as it is."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def write_pretty(sheet: Sheet, value: Any, *, most: int = MOST) -> None:
    lines = pretty(value).splitlines()
    for line in lines[:most]:
        bare = line.lstrip()
        sheet.text(bare, indent=len(line) - len(bare))
    if len(lines) > most:
        sheet.text(N_("and {count} lines more", count=len(lines) - most), "dim")
