"""What is wrong with a `wtpd.yaml`: each error with its place and its cure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from wtpd.config.secret_words import hide_in
from wtpd.errors import Invalid, Problem
from wtpd.texts import N_n, Text


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands in the file, both from 1, columns in characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigError:
    """One error. `path` is dotted, with ids for list items: `sites.rostock.partners.superservice.dealer_number`;
    empty where the text isn't YAML at all."""

    place: Place
    path: str
    text: Text
    name: str = "wtpd.yaml"

    def __post_init__(self) -> None:
        """What it quotes of the file isn't a secret that stands where none belongs."""
        object.__setattr__(self, "text", _without_secrets(self.text))

    def render(self, language: str = "en") -> str:
        """`wtpd.yaml:42:20: dealer_number 00123 must be quoted …`"""
        return f"{self.name}:{self.place.line}:{self.place.column}: {self.text.render(language)}"

    def __str__(self) -> str:
        return self.render()


MOST = 300
"""Errors of one file that are told; whoever has more mends these first."""


class ConfigErrors(Invalid):
    """All errors of one file, in the order of its lines; of more than `MOST` the first."""

    kind = "config"

    def __init__(self, errors: Iterable[ConfigError]) -> None:
        unique: dict[tuple[Place, str], ConfigError] = {}
        for error in sorted(errors, key=lambda error: error.place):
            unique.setdefault((error.place, str(error.text)), error)
        self.errors = tuple(unique.values())[:MOST]
        if left := len(unique) - len(self.errors):
            more = N_n("one more error follows", "{count} more errors follow", count=left)
            self.errors += (ConfigError(place=self.errors[-1].place, path="", text=more, name=self.errors[-1].name),)
        first = self.errors[0]
        super().__init__(
            N_n(
                "{name} has an error in line {line}: {first}",
                "{name} has {count} errors, the first in line {line}: {first}",
                name=first.name, count=len(self.errors), line=first.place.line, first=first.text,
            ),
            problems=[Problem(error.path, error.text) for error in self.errors],
        )  # fmt: skip

    def render(self, language: str = "en") -> str:
        """One line for each error."""
        return "\n".join(error.render(language) for error in self.errors)


MAX_QUOTED = 300
"""Characters of one thing that a sentence quotes; of a longer one the beginning is shown."""


def _without_secrets(text: Text) -> Text:
    return replace(text, args={name: _quoted(arg) if isinstance(arg, str) else arg for name, arg in text.args.items()})


def _quoted(arg: str) -> str:
    return hide_in(arg if len(arg) <= MAX_QUOTED else f"{arg[:80]}…")
