"""Texts that people read: written in English in the code, shown in the reader's language.

`N_("...", name=value)` makes a `Text`, which is rendered late, when the language is known: `text.render("de")`; `N_n`
does where one thing is said otherwise than several. The catalogues are gettext files in
`wtpd/locale/<language>/LC_MESSAGES/wtpd.po`, extracted by Babel (`script/texts`).
Log messages aren't texts in this sense; they stay English.
"""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Self

from wtpd.dates import show_day, show_moment

LANGUAGES = ("de", "en", "nl")
"""The languages every text exists in."""
_NAMES = {"de": "German", "nl": "Dutch"}


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence with named places, not yet in a language. `plural`: how it is said for any `count` but one. A text
    among `args` is rendered with it; a date is written as people of that language do, and so is a time, on the clock of
    the zone that it comes with."""

    msgid: str
    args: Mapping[str, object] = field(default_factory=dict)
    plural: str = ""

    def render(self, language: str = "en") -> str:
        """The sentence in `language` (`de`, `en` or `nl`; any other gives English)."""
        values = {name: _shown(value, language) for name, value in self.args.items()}
        return self._sentence(_catalogue(language)).format(**values)

    def as_json(self) -> dict[str, Any]:
        """JSON values, to be kept and rendered later."""
        args = {name: _json_value(value) for name, value in self.args.items()}
        return {"msgid": self.msgid, "args": args} | ({"plural": self.plural} if self.plural else {})

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """What `as_json` gave."""
        args = {name: _from_json(value) for name, value in kept.get("args", {}).items()}
        return cls(kept["msgid"], args, kept.get("plural", ""))

    def _sentence(self, catalogue: gettext.NullTranslations) -> str:
        if not self.plural:
            return catalogue.gettext(self.msgid)
        count = self.args["count"]
        return catalogue.ngettext(self.msgid, self.plural, count if isinstance(count, int) else 0)

    def __str__(self) -> str:
        return self.render("en")


def N_(msgid: str, /, **args: object) -> Text:  # noqa: N802 - gettext's customary name, which Babel extracts
    """A text to be translated later; `{name}` in it is filled from `args`, literal braces are doubled."""
    return Text(msgid, args)


def N_n(one: str, several: str, /, *, count: int, **args: object) -> Text:  # noqa: N802 - as above
    """A text that is said in another way for one than for several: `N_n("one error", "{count} errors", count=n)`."""
    return Text(one, {"count": count, **args}, several)


def _shown(value: object, language: str) -> object:
    if isinstance(value, Text):
        return value.render(language)
    if isinstance(value, datetime):
        return show_moment(value, language)
    return show_day(value, language) if isinstance(value, date) else value


def _json_value(value: object) -> object:
    if isinstance(value, Text):
        return value.as_json()
    if isinstance(value, date):  # and so a time, which keeps the clock that it comes with
        return {"moment" if isinstance(value, datetime) else "day": value.isoformat()}
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _from_json(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    if "msgid" in value:
        return Text.from_json(value)
    if "moment" in value:
        return datetime.fromisoformat(value["moment"])
    return date.fromisoformat(value["day"]) if "day" in value else value


def best_language(accepted: str | None, default: str = "en") -> str:
    """The language to answer in, from an `Accept-Language` header or a `LANG` value such as `nl_NL.UTF-8`."""
    for part in (accepted or "").split(","):
        code = part.split(";")[0].strip().replace("_", "-").split("-")[0].lower()
        if code in LANGUAGES:
            return code
    return default


def said(text: Text | str, language: str) -> str:
    """`text` in `language`; what is no text stays as it is."""
    return text.render(language) if isinstance(text, Text) else text


def load_catalogues() -> None:
    """Read all catalogues from disk now, so that `render` never does it in an event loop. Blocking."""
    for language in LANGUAGES:
        _catalogue(language)


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    """The catalogue of `language`; English has none. One that is missing or damaged is said at once, since English in
    its place looks like a choice; where no log is set up yet, Python writes the line on standard error."""
    folder = Path(__file__).parent / "locale"
    try:
        return gettext.translation("wtpd", folder, languages=[language])
    except Exception as error:  # gettext raises struct.error, UnicodeError and others for a damaged file
        if language in _NAMES:
            _complain(language, error)
        return gettext.NullTranslations()


def _complain(language: str, error: Exception) -> None:
    import logging  # 3 ms of every start

    logging.getLogger(__name__).error(
        "The %s texts can't be read, so English is shown in their place (%s). "
        "Cure: script/bootstrap in a source tree; else install wtpd again.",
        _NAMES[language],
        error,
    )
