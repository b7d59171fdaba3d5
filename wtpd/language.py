"""The language of this process, chosen before anything is printed: `--lang`, else WTPD_LANG, else the locale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar

from wtpd.texts import LANGUAGES, Text, best_language

_current: ContextVar[str] = ContextVar("language", default="en")


def choose(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Read `--lang` without parsing the rest, since even a usage error is shown in the language asked for."""
    for position, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name == "--lang":
            value = value or next(iter(arguments[position + 1 :]), "")
            if value in LANGUAGES:
                return value
    for variable in ("WTPD_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if environment.get(variable):
            return best_language(environment[variable])
    return "en"


def use(language: str) -> None:
    _current.set(language)


def current() -> str:
    return _current.get()


def say(text: Text | str) -> str:
    """`text` in the language of this process; what is no text stays as it is."""
    return text.render(current()) if isinstance(text, Text) else text
