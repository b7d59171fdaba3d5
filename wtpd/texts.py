"""Texts that people read: written in English in the code, shown in the reader's language.

`N_("...", name=value)` makes a `Text`, which is rendered late, when the language is known: `text.render("de")`.
The catalogues are gettext files in `wtpd/locale/<language>/LC_MESSAGES/wtpd.po`, extracted by Babel.
Log messages aren't texts in this sense; they stay English.
"""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

LANGUAGES = ("de", "en", "nl")
"""The languages every text exists in."""


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence with named places, not yet in a language."""

    msgid: str
    args: Mapping[str, object] = field(default_factory=dict)

    def render(self, language: str = "en") -> str:
        """The sentence in `language` (`de`, `en` or `nl`; any other gives English)."""
        values = {
            name: value.render(language) if isinstance(value, Text) else value for name, value in self.args.items()
        }
        return _catalogue(language).gettext(self.msgid).format(**values)

    def __str__(self) -> str:
        return self.render("en")


def N_(msgid: str, /, **args: object) -> Text:  # noqa: N802 - gettext's customary name, which Babel extracts
    """A text to be translated later; `{name}` in it is filled from `args`, literal braces are doubled."""
    return Text(msgid, args)


def best_language(accepted: str | None, default: str = "en") -> str:
    """The language to answer in, from an `Accept-Language` header or a `LANG` value such as `nl_NL.UTF-8`."""
    for part in (accepted or "").split(","):
        code = part.split(";")[0].strip().replace("_", "-").split("-")[0].lower()
        if code in LANGUAGES:
            return code
    return default


def load_catalogues() -> None:
    """Read all catalogues from disk now, so that `render` never does it in an event loop. Blocking."""
    for language in LANGUAGES:
        _catalogue(language)


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    folder = Path(__file__).parent / "locale"
    return gettext.translation("wtpd", folder, languages=[language], fallback=True)
