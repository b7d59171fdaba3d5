"""Keys of the screens: their names are texts, translated when they are drawn.

Left and right are `<` and `>` as well, which is how a terminal without arrows in its font shows them.

No key that PuTTY, tmux or screen keep for themselves: no Ctrl+A, B, S, Q, Z, no Shift with a function key.
"""

from __future__ import annotations

from textual.binding import Binding

from wtpd.texts import Text
from wtpd.tui.glyphs import UNICODE, Glyphs

SHOWN = {
    "escape": "Esc", "enter": "Enter", "left": "←", "right": "→", "space": "Space", "slash": "/", "plus": "+",
    "minus": "-", "question_mark": "?", "colon": ":", "delete": "Del", "tab": "Tab", "comma": ",", "full_stop": ".",
    "pageup": "PgUp", "pagedown": "PgDn",
}  # fmt: skip


def in_signs(shown: str, glyphs: Glyphs) -> str:
    """A key as this terminal can show it."""
    return shown if glyphs.right == UNICODE.right else shown.replace("←", "<").replace("→", ">")


def key(keys: str, action: str, label: Text | None = None, *, shown: str | None = None) -> Binding:
    """`keys` (several with commas) do `action`; without `label` it isn't in the key line. `shown`: how the keys are
    written there."""
    first = keys.split(",")[0]
    display = shown or SHOWN.get(first, first.upper() if first.startswith("f") and first[1:].isdigit() else first)
    return Binding(keys, action, label.msgid if label is not None else "", show=label is not None, key_display=display)
