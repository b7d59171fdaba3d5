"""The texts of the code and of the catalogues, for tests."""

from __future__ import annotations

import ast
import io
import string
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import wtpd

ROOT = Path(wtpd.__file__).parent
LANGUAGES = ("de", "nl")
"""Those that have a catalogue; English is in the code."""

Msgids = tuple[str | None, ...]
"""One, or singular and plural; None: not written out."""


@dataclass(frozen=True, slots=True)
class Marked:
    """One call of `N_` or `N_n`. `spreads`: arguments are also given as `**more`."""

    file: Path
    line: int
    msgids: Msgids
    args: frozenset[str]
    spreads: bool

    def __str__(self) -> str:
        return f"{self.file.name}:{self.line}: {self.msgids[0]!r}"


def marked_texts() -> Iterator[Marked]:
    """All calls of `N_` and `N_n` in wtpd."""
    for file in sorted(ROOT.rglob("*.py")):
        yield from marked_in(file, file.read_text(encoding="utf-8"))


def marked_in(file: Path, source: str) -> Iterator[Marked]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("N_", "N_n"):
            msgids = tuple(_written(each) for each in node.args)
            names = frozenset(keyword.arg for keyword in node.keywords if keyword.arg is not None)
            yield Marked(file, node.lineno, msgids, names, any(keyword.arg is None for keyword in node.keywords))


def _written(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


@cache
def extracted() -> frozenset[Msgids]:
    """What Babel finds, as `script/texts` calls it."""
    settings = tomllib.loads((ROOT.parent / "pyproject.toml").read_text(encoding="utf-8"))
    methods = [
        (each["pattern"].removeprefix("wtpd/"), each["method"]) for each in settings["tool"]["babel"]["mappings"]
    ]
    found = extract_from_dir(ROOT, method_map=methods, keywords={"N_": None, "N_n": (1, 2)})
    return frozenset((message,) if isinstance(message, str) else tuple(message) for _, _, message, _, _ in found)


@cache
def catalogue(language: str) -> Catalog:
    data = (ROOT / "locale" / language / "LC_MESSAGES" / "wtpd.po").read_bytes()
    return read_po(io.BytesIO(data), locale=language, abort_invalid=True)


def entries(language: str) -> Iterator[tuple[Msgids, tuple[str, ...]]]:
    """Texts and their translations, both one or two."""
    for message in catalogue(language):
        if message.id:
            yield _tuple(message.id), _tuple(message.string)


def _tuple(value: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def pairs(language: str) -> Iterator[tuple[str, str]]:
    """Each text beside its translation, where it has one; singular and plural apart."""
    for msgids, strings in entries(language):
        for msgid, translated in zip(msgids, strings, strict=True):
            if translated:
                yield msgid or "", translated


def places(text: str) -> set[tuple[str, str, str | None]]:
    """Name, format and conversion of each `{place}`."""
    return {
        (name, form or "", conversion)
        for _, name, form, conversion in string.Formatter().parse(text)
        if name is not None
    }
