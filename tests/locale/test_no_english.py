"""No English inside German and Dutch sentences: every kind of error, problem, notice and event that the code knows is
made, rendered in each language, and held against the English one."""

from __future__ import annotations

import ast
import contextlib
import errno
import importlib
import inspect
import json
import pkgutil
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta

import wtpd as package
from tests.support.texts import LANGUAGES, pairs, places
from wtpd import words
from wtpd.channel.errors import PartnerError, by_status, in_its_words, stumbled, why
from wtpd.channel.health import State
from wtpd.client import ApiProblem
from wtpd.daemon import problems
from wtpd.daemon.api import attention_words
from wtpd.daemon.api.errors import answer_of, invalid_input
from wtpd.daemon.losses import Loss
from wtpd.daemon.mail import reasons
from wtpd.errors import WtpdError
from wtpd.network_words import no_connection, of_system
from wtpd.shape_words import of_shape, why_shape
from wtpd.store.attention import KINDS, Attention
from wtpd.store.losses import Count
from wtpd.texts import N_, Text

ROOT = Path(package.__file__).parent
FOREIGN = "Foreign words of a library"
"""Stands for what an exception says itself; it may reach no sentence."""
NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
SAME = {
    "de": {
        "API", "AW", "April", "August", "Box", "DMS", "Import", "Menus", "Name", "November", "Partner", "Pause", "Port",
        "Sandbox", "September", "Status", "Test", "Token", "Version", "Details", "Detail", "Link", "Links",
        "screen: defutf8 on, altscreen on in ~/.screenrc.",
    },
    "nl": {
        "API", "Box", "Conflict", "Contract", "DMS", "E-mail", "Letters", "Link", "Menus", "Partner", "Runs", "Sandbox",
        "Status", "Sync", "Test", "Token", "Week", "adv.", "box", "confl.", "conflict", "database", "detail", "details",
        "e-mail", "id", "import:", "links", "listener", "mails", "menu", "model", "module", "order", "planner",
        "postcode", "product", "quar.", "shuttle", "start", "status", "token", "variant", "week", "records",
        "import", "begin",
        "screen: defutf8 on, altscreen on in ~/.screenrc.",
    },
}  # fmt: skip
"""What is said so in both languages."""


def modules() -> Iterator[Any]:
    for info in pkgutil.walk_packages(package.__path__, "wtpd."):
        if not info.name.endswith("__main__"):
            yield importlib.import_module(info.name)


def foreign_to(language: str, english: str, said: str) -> bool:
    """It is said in English, or with English in it."""
    bare = re.sub(r"[^\w\s.~-]|\d", " ", said)
    if english == said and re.search(r"[^\W\d_]{2}", bare) and said.strip() not in SAME[language]:
        return not set(re.findall(r"[\w.-]*[^\W\d_]{2,}[\w.-]*", bare)) <= SAME[language]
    return FOREIGN in said


def check(text: Text) -> list[str]:
    return [f"{language}: {text.render(language)!r}" for language in LANGUAGES
            if foreign_to(language, text.render("en"), text.render(language))]  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_is_a_translation(language: str) -> None:
    literal = re.compile(r"\{[^{}]*\}|--[a-z-]+")
    without = [(literal.sub("", text), literal.sub("", said)) for text, said in pairs(language)]
    assert [said for text, said in without if foreign_to(language, text, said)] == []


# Errors: all classes of ours.


def kinds_of(root: type[Exception]) -> list[type[Exception]]:
    found = [root]
    for kind in found:
        found += kind.__subclasses__()
    return [kind for kind in dict.fromkeys(found[1:]) if kind.__module__.startswith("wtpd.")]


def made(kind: type[Exception]) -> Exception:
    """One of it; each argument by its name and type, a text where it wants words."""
    given: dict[str, Any] = {}
    for name, one in list(inspect.signature(kind.__init__).parameters.items())[1:]:
        if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD):
            continue
        if one.default is not one.empty and "Text" not in str(one.annotation) and name != "detail":
            continue
        given[name] = value_for(str(one.annotation), name)
    positional = [
        given.pop(name)
        for name, one in inspect.signature(kind.__init__).parameters.items()
        if name in given and one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
    ]
    return kind(*positional, **given)


def value_for(annotation: str, name: str) -> Any:
    if "Text" in annotation:
        return N_("There is no site {site}.", site="rostock")
    if "ConfigError" in annotation:
        from wtpd.config.errors import ConfigError, Place

        return [ConfigError(place=Place(1, 1), path="", text=N_("This is needed."), name="wtpd.yaml")]
    if "Ability" in annotation:
        return "send"
    if name == "right":
        return "appointments.write"
    if "Loss" in annotation:
        return [Loss("site", "sites.rostock", Count(1, 1))]
    if name == "detail":
        return ""  # the partner's own sentence is shown as it is
    for wanted, value in (("Sequence", []), ("Mapping", {}), ("bytes", b""), ("float", 1.0), ("int", 500),
                          ("str", FOREIGN), ("Exception", ValueError(FOREIGN)), ("Path", Path("/x")),
                          ("datetime", NOW)):  # fmt: skip
        if wanted in annotation:
            return value
    return None


ERRORS = [kind for _ in [list(modules())] for root in (WtpdError, PartnerError) for kind in kinds_of(root)]


def test_the_kinds_of_errors_are_found() -> None:
    assert len(ERRORS) > 25
    assert {"NeedsToken", "VersionMismatch", "UnreadAnswer", "ConfigErrors"} <= {kind.__name__ for kind in ERRORS}


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_every_error_is_said_in_the_readers_language(kind: type[Exception]) -> None:
    error = made(kind)
    said = why(error)
    assert check(said) == []
    if isinstance(error, PartnerError):
        shown = in_its_words(error)
        assert isinstance(shown, Text)
        assert check(shown) == []
    english = details(error, "en")
    for language in LANGUAGES:
        assert [one for one in zip(english, details(error, language), strict=True) if foreign_to(language, *one)] == []


def details(error: Exception, language: str) -> list[str]:
    body = json.loads(answer_of(error, language).content)
    return [body["title"], body["detail"], *(one["detail"] for one in body.get("errors", []))]


@pytest.mark.parametrize(
    "error",
    [ValueError(FOREIGN), RuntimeError(FOREIGN), KeyError(FOREIGN), RecursionError(FOREIGN), OSError(28, FOREIGN)],
    ids=lambda error: type(error).__name__,
)
def test_a_fault_of_ours_never_speaks_itself(error: Exception) -> None:
    assert check(why(error)) == check(stumbled(error)) == []
    for language in LANGUAGES:
        assert not any(foreign_to(language, *one) for one in zip(details(error, "en"), details(error, language),
                                                                 strict=True))  # fmt: skip


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_the_words_of_the_operating_system_are_ours(number: int) -> None:
    error = OSError(number, FOREIGN, "/x")
    for text in (of_system(error), no_connection(error), reasons.trouble(error, "mail.example", 25, 9.0)):
        assert check(text) == []


def test_the_words_of_tls_and_http_are_ours() -> None:
    refused = ssl.SSLCertVerificationError(1, FOREIGN)
    for code in range(80):
        refused.verify_code = code
        assert check(no_connection(refused)) + check(reasons.trouble(refused, "mail.example", 25, 9.0)) == []
    for other in (ssl.SSLError(1, FOREIGN), TimeoutError(FOREIGN), ConnectionResetError(FOREIGN)):
        assert check(no_connection(other)) + check(reasons.trouble(other, "mail.example", 25, 9.0)) == []
    assert [line for status in (None, *range(300, 600)) for line in check(by_status(status))] == []


class _Inner(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=2, max_length=3, pattern="^[a-z]*$")]
    count: Annotated[int, Meta(ge=1, le=3)] = 1
    share: Annotated[float, Meta(gt=0, lt=1, multiple_of=0.5)] = 0.5
    state: State = State.HEALTHY
    day: datetime | None = None
    pair: tuple[int, str] | None = None
    amount: Decimal | bool = False
    zone: Annotated[datetime, Meta(tz=True)] | None = None
    raw: bytes = b""
    some: Annotated[list[int], Meta(max_length=1, min_length=1)] | None = None


SHAPES = (
    {}, {"name": 1}, {"name": "a"}, {"name": "aaaa"}, {"name": "A!"}, {"name": "aa", "x": 1},
    {"name": "aa", "count": 9},
    {"name": "aa", "count": 0}, {"name": "aa", "count": "x"}, {"name": "aa", "share": 0}, {"name": "aa", "share": 1},
    {"name": "aa", "share": 0.3}, {"name": "aa", "state": "x"}, {"name": "aa", "day": "x"}, {"name": "aa", "day": 1.5},
    {"name": "aa", "pair": [1]}, {"name": "aa", "pair": [1, 2]}, {"name": "aa", "amount": "x"},
    {"name": "aa", "zone": "2026-01-01T00:00:00"}, {"name": "aa", "raw": "%"}, {"name": "aa", "some": []},
    {"name": "aa", "some": [1, 2]}, [], None, 3, "x",
)  # fmt: skip


@pytest.mark.parametrize("value", SHAPES, ids=str)
def test_what_msgspec_says_is_said_by_us(value: Any) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(json.dumps(value), type=_Inner)
    for text in (of_shape(caught.value)[1], why_shape(caught.value), invalid_input(caught.value).text):
        assert check(text) == []
        for language in LANGUAGES:
            assert not re.search(r"\b(Expected|Object missing|Invalid|got|str|int|array|null)\b", text.render(language))


# Problems, notices, events: what the modules hold.


class Facts(dict[str, Any]):
    """Whatever is asked for is there."""

    def __missing__(self, key: str) -> Any:
        return self.get(key)

    def get(self, key: str, default: Any = None) -> Any:
        if key in self:
            return self[key]
        return 3 if key in ("count", "days", "cancelled", "linked", "missing", "older") else f"<{key}>"


def texts_in(value: Any, depth: int = 0) -> Iterator[Text]:
    if isinstance(value, Text):
        yield Text(
            value.msgid, {name: f"<{name}>" for name, *_ in places(value.msgid)} | dict(value.args), value.plural
        )
    elif isinstance(value, Mapping) and len(value) < 1000:
        for one in value.values():
            yield from texts_in(one, depth + 1)
    elif isinstance(value, (tuple, list, set, frozenset)) and len(value) < 1000:
        for one in value:
            yield from texts_in(one, depth + 1)
    elif is_dataclass(value) and not isinstance(value, type) and depth < 8:
        for field in fields(value):
            yield from texts_in(getattr(value, field.name, None), depth + 1)
    elif callable(value) and getattr(value, "__name__", "") == "<lambda>":
        yield from texts_in(_called(value), depth + 1)


def _called(work: Callable[..., Any]) -> Any:
    for given in (Facts(), 3):
        with contextlib.suppress(Exception):
            return work(given)
    return None


def test_every_text_that_the_code_holds_is_translated() -> None:
    found = [text for module in modules() for text in texts_in({**vars(module), "__builtins__": None})]
    assert len(found) > 500
    assert sorted({line for text in found for line in check(text)}) == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_attention_is_said(kind: str) -> None:
    assert kind in words.ATTENTION
    assert kind in problems._LISTED, "the status counts it"
    for data in ({}, {"reason": N_("This is needed.").as_json()}):
        filled = Facts(data)
        entry = Attention(
            id=1, kind=kind, channel="superservice/rostock", appointment_id="7", at=NOW, data=filled,
            resolved_at=None, resolved_by=None, resolution=None,
        )  # fmt: skip
        english = attention_words.sentence(entry, "en")
        assert english != kind
        for language in LANGUAGES:
            assert not foreign_to(language, english, attention_words.sentence(entry, language))


@pytest.mark.parametrize("known", [words.CHANNEL_STATES])
def test_every_state_has_a_word(known: Mapping[str, Text]) -> None:
    assert set(known) == {str(one.value) for one in State}


def test_every_refusal_of_the_api_has_a_sentence_of_its_own_language() -> None:
    problem = ApiProblem(409, {"title": "Nein", "detail": "Das geht nicht."})
    assert problem.detail == "Das geht nicht."


# Where sentences are written: an exception's own words are given to none.

OWN_WORDS = {
    "tui/screens/attention/edit.py": "the word of JavaScript that is no JSON",
    "client": "for the log; people get a sentence of ours",
}  # fmt: skip


def test_no_sentence_takes_the_words_of_an_exception() -> None:
    wrong = []
    for file in sorted(ROOT.rglob("*.py")):
        if str(file.relative_to(ROOT)).startswith(tuple(OWN_WORDS)):
            continue
        for handler in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(handler, ast.ExceptHandler) and handler.name:
                wrong += [f"{file.relative_to(ROOT)}:{line}" for line in _words_of(handler)]
    assert wrong == []


def _words_of(handler: ast.ExceptHandler) -> Iterator[int]:
    own = {handler.name}
    plain = re.compile(rf"(str|repr)\({handler.name}\)|{handler.name}(\.(args|msg|strerror|reason|message)\b.*)?")
    for node in ast.walk(handler):
        if isinstance(node, ast.Assign) and plain.fullmatch(ast.unparse(node.value)):
            own |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    for node in ast.walk(handler):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("N_", "N_n"):
            for given in node.keywords:
                said = ast.unparse(given.value)
                parts = given.value.values if isinstance(given.value, ast.JoinedStr) else []
                values = [ast.unparse(part.value) for part in parts if isinstance(part, ast.FormattedValue)]
                in_quotes = not own.isdisjoint(values)
                if plain.fullmatch(said) or said in own or in_quotes:
                    yield node.lineno
