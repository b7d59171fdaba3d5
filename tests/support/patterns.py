"""Every regular expression of the package, and long texts that make a careless one slow.

    python -m tests.support.patterns FILE SECONDS (--share SHARE | PATTERN…)

tries each (of one of `SHARES` shares, or those given) with each text and writes to FILE which it is at; the kernel ends
it after SECONDS of processor time.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import resource
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import wtpd

LENGTH = 200_000
"""Characters: a pattern in quadratic time needs half a minute for them, a linear one some milliseconds."""
SHARES = 4
"""Parts that the patterns are tried in, so that the workers of a test run share the work."""
CPU_SECONDS = 60
"""For a share; those of today need a sixth of that."""
SLOW = 1.5
"""Seconds of processor time for one text."""
KINDS = ("a", "A", "é", "0", "00 ", " ", "\t", "\n", "f0", '"', "'", ":", ".", "-", "@", "#", "`", "(", "[", "/", "a.",
         "a:", "a=", "a@", "a b", "a\n", "0.", "0:", "0-", "- ", "# ", "://", "a://", "{,", "\\", "ä-1 ", "token: ",
         "a@b.", "<a:", "\x1b[1;")  # fmt: skip


@dataclass(frozen=True)
class Found:
    where: str
    text: Any
    flags: int = 0
    methods: frozenset[str] = frozenset({"finditer"})
    """How it is used; `finditer` stands for all that search."""


def all_patterns() -> list[Found]:
    """Compiled ones of all modules, those written where they are used, and those of the schemas."""
    from wtpd.config.schema import schema

    modules = list(_modules())
    trees = {module.__name__: ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")) for module in modules}
    everywhere = _uses(trees.values())
    found: dict[tuple[Any, int], Found] = {}
    for module in modules:
        own = _uses([trees[module.__name__]])
        for name, pattern in _compiled(vars(module)):
            uses = own if name.startswith("_") else everywhere
            methods = uses.get(name) or frozenset({"finditer"})
            found.setdefault(
                (pattern.pattern, pattern.flags), Found(module.__name__, pattern.pattern, pattern.flags, methods)
            )
        for text, method in _written(trees[module.__name__]):
            found.setdefault((text, re.compile(text).flags), Found(module.__name__, text, 0, frozenset({method})))
    for text in _in_schema(schema()):
        found.setdefault((text, re.compile(text).flags), Found("schema of wtpd.yaml", text))
    return list(found.values())


def _uses(trees: Iterable[ast.AST]) -> dict[str, frozenset[str]]:
    """Name of a pattern → the methods that are called of it."""
    found: dict[str, set[str]] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute):
                continue
            of = node.value.value if isinstance(node.value, ast.Subscript) else node.value
            if isinstance(of, ast.Name):
                found.setdefault(of.id, set()).add(_kind(node.attr))
    return {name: frozenset(methods) for name, methods in found.items()}


def _kind(method: str) -> str:
    return method if method in ("match", "fullmatch") else "finditer"


def _modules() -> Iterator[Any]:
    for info in pkgutil.walk_packages(wtpd.__path__, "wtpd."):
        if not info.name.endswith("__main__"):
            yield importlib.import_module(info.name)


def _compiled(names: dict[str, Any]) -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Also those within tuples, lists and dictionaries of a module."""
    waiting = [(name, value) for name, value in names.items() if not name.startswith("__")]
    for name, value in waiting:
        if isinstance(value, re.Pattern):
            yield name, value
        elif isinstance(value, (tuple, list, frozenset)) and len(value) < 1000:
            waiting += [(name, each) for each in value]
        elif isinstance(value, dict) and len(value) < 1000:
            waiting += [(name, each) for each in value.values()]


def _written(tree: ast.AST) -> Iterator[tuple[Any, str]]:
    """Patterns written where they are used, and the method."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func
        of_re = isinstance(name, ast.Attribute) and isinstance(name.value, ast.Name) and name.value.id == "re"
        written = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
        if of_re and isinstance(name, ast.Attribute) and name.attr not in ("compile", "escape") and written is not None:
            yield written, _kind(name.attr)
        for given in node.keywords:
            if given.arg == "pattern" and isinstance(given.value, ast.Constant):
                yield given.value.value, "finditer"


def _in_schema(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("pattern"), str):
            yield part["pattern"]
        for inner in part.values():
            yield from _in_schema(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _in_schema(inner)


def texts(pattern: Any) -> Iterator[str]:
    """Long texts: each kind of character, and what the pattern nearly matches again and again."""
    for kind in KINDS:
        yield kind * (LENGTH // len(kind))
        yield kind * (LENGTH // len(kind)) + "\x00!"
    sample = _sample(re._parser.parse(pattern)) if isinstance(pattern, str) else ""  # type: ignore[attr-defined]
    for unit in {sample, sample[:-1], sample[: len(sample) // 2]} - {""}:
        yield unit * (LENGTH // len(unit))
        yield unit * (LENGTH // len(unit)) + "\x00!"
    for at in range(min(len(sample), 12)):  # one character of it for ever
        yield sample[:at] + sample[at] * LENGTH + "\x00!"
        for filling in " 0a":
            yield sample[: at + 1] + filling * LENGTH + "\x00!"


def _sample(parsed: Any) -> str:
    """A short text that the parsed pattern matches, roughly."""
    out = ""
    for code, argument in parsed:
        name = str(code)
        if name == "LITERAL":
            out += chr(argument)
        elif name == "NOT_LITERAL":
            out += "a" if argument != ord("a") else "b"
        elif name == "ANY":
            out += "a"
        elif name == "IN":
            out += _one_of(argument)
        elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            out += _sample(argument[2]) * max(argument[0], 1)
        elif name == "SUBPATTERN":
            out += _sample(argument[3])
        elif name == "BRANCH":
            out += _sample(argument[1][0])
    return out


def _one_of(members: Any) -> str:
    kinds = {"CATEGORY_DIGIT": "0", "CATEGORY_WORD": "a", "CATEGORY_SPACE": " "}
    if str(members[0][0]) == "NEGATE":
        refused = re.compile(r"[\x00-\x20!-/:-@\[-`{-~]")
        return next((each for each in "a0Zé" if not refused.match(each)), "a")
    code, argument = members[0]
    if str(code) == "RANGE":
        return chr(argument[0])
    return chr(argument) if str(code) == "LITERAL" else kinds.get(str(argument), "a")


def main(file: str, seconds: str, *wanted: str) -> None:
    patterns = [Found("given", text) for text in wanted]
    if wanted[0] == "--share":
        patterns = all_patterns()[int(wanted[1]) :: SHARES]
    at, slow = Path(file), list[str]()
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 1))
    for one in patterns:
        compiled: re.Pattern[Any] = re.compile(one.text, one.flags)
        for text in texts(one.text):
            at.write_text(f"{one.where}: {one.text!r} with {text[:40]!r}", encoding="utf-8")
            given: Any = text if isinstance(one.text, str) else text.encode()
            for method in one.methods:
                begun = time.process_time()
                if method == "finditer":
                    for _ in compiled.finditer(given):
                        pass
                else:
                    getattr(compiled, method)(given)
                if time.process_time() - begun > SLOW:
                    slow.append(f"{at.read_text(encoding='utf-8')} ({method})")
    if slow:
        sys.exit("\n".join(slow))


if __name__ == "__main__":
    main(*sys.argv[1:])
