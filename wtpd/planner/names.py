"""Names in the form in which they are compared (spec: superservice.md, matching)."""

from __future__ import annotations

import re
import unicodedata

_GERMAN = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "æ": "ae", "œ": "oe", "ĳ": "ij", "ł": "l"}
)
_WORD = re.compile(r"[^\W_]+")

_NOT_PART_OF_A_NAME = frozenset({
    "herr", "herrn", "frau", "fraeulein", "firma", "fa", "familie", "fam", "dr", "drs", "prof", "professor", "med",
    "dent", "vet", "jur", "phil", "rer", "nat", "ing", "dipl", "mag", "ir", "bsc", "msc", "mba", "dhr", "mevr",
    "mevrouw", "heer", "mr", "mrs", "ms", "miss",
})  # fmt: skip


def name_key(first: str, last: str, company: str = "") -> str:
    """`("Dr. Jörg", "Müller-Lüdenscheidt", "")` → `joerg mueller luedenscheidt`; a company is known by its own name,
    whoever answers for it. Case, accents, punctuation, blanks, titles and salutations don't count; ä is ae."""
    return _key(company, drop_titles=False) or _key(f"{first} {last}", drop_titles=True)


def _key(text: str, *, drop_titles: bool) -> str:
    spelled = unicodedata.normalize("NFC", text).casefold().translate(_GERMAN)
    bare = "".join(char for char in unicodedata.normalize("NFKD", spelled) if not unicodedata.combining(char))
    words = _WORD.findall(bare.replace("'", "").replace("’", "").replace("&", " und ").replace("+", " und "))
    if drop_titles:
        words = [word for word in words if word not in _NOT_PART_OF_A_NAME] or words
    else:
        words = [word for word in words if word not in ("firma", "fa", "und")] or words
    return " ".join(words)
