"""Signs that carry meaning without colour; plain ASCII where the terminal isn't UTF-8."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The signs of one kind of terminal."""

    ok: str = "●"
    warn: str = "▲"
    bad: str = "✖"
    paused: str = "‖"
    idle: str = "○"
    cursor: str = "▶"
    full: str = "█"
    part: str = "▒"
    free: str = "░"
    limit: str = "│"
    app: str = "◆"
    """Booked in the customer's app."""
    dealer: str = "◇"
    """Booked by the dealer at the partner."""
    dms: str = "■"
    planner: str = "·"
    check: str = "✓"
    left: str = "◂"
    right: str = "▸"
    up: str = "▴"
    down: str = "▾"
    to: str = "→"
    back: str = "←"
    line: str = "─"
    more: str = "…"
    mask: str = "•"


UNICODE = Glyphs()
ASCII = Glyphs(
    ok="+", warn="!", bad="x", paused="=", idle="o", cursor=">", full="#", part="=", free=".", limit="|", app="@",
    dealer="S", dms="D", planner=".", check="v", left="<", right=">", up="^", down="v", to="->", back="<-", line="-",
    more="..", mask="*",
)  # fmt: skip

_TYPED = str.maketrans(
    {
        "ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "–": "-", "—": "-", "„": '"',
        "“": '"', "”": '"', "‚": "'", "‘": "'", "’": "'", "…": "..", "→": "->", "·": ".", "×": "x", "≥": ">=",
        "≤": "<=", "€": "EUR", "─": "-", "│": "|", "┌": "+", "┐": "+", "└": "+", "┘": "+", "├": "+", "┤": "+",
        "┬": "+", "┴": "+", "┼": "+", "▁": "_", "▔": "-", "▊": "|", "▎": "|", "▏": "|", "▕": "|",
        "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2011": "-",
    }
)  # fmt: skip
_PLAIN = {getattr(UNICODE, one.name): getattr(ASCII, one.name) for one in fields(Glyphs)}


def plain(text: str) -> str:
    """`text` in ASCII, as one would type it on a typewriter: umlauts in two letters, other accents left out."""
    if text.isascii():
        return text
    import unicodedata

    text = text.translate(_TYPED)
    if text.isascii():
        return text
    text = "".join(_PLAIN.get(char, char) for char in text)
    bare = unicodedata.normalize("NFKD", text)
    return "".join(char if char.isascii() else "" if unicodedata.combining(char) else "?" for char in bare)
