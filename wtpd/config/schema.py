"""The JSON schema of `wtpd.yaml`, and what is wrong with a document by it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import islice
from typing import Any, get_args

import msgspec

from wtpd.config import syntax
from wtpd.config.errors import ConfigError, Place
from wtpd.config.kinds import NOTHING, Kinds
from wtpd.config.model import Config, Weekday
from wtpd.config.secret_words import looks_secret
from wtpd.config.tree import Branch, Node, Path, Scalar, dotted, find, key_place, plain, walk
from wtpd.texts import N_, Text

ADDRESS = "https://wtpd.invalid/schemas/wtpd.yaml.json"

MOST_FOUND = 1000
"""Errors that are looked for; more than any list shows."""

Schema = Mapping[str, Any]


@cache
def schema(kinds: Kinds = NOTHING) -> dict[str, Any]:
    """JSON schema (draft 2020-12) with descriptions and defaults, for editors and for `check`. `kinds`: the keys of the
    connectors; a connector that isn't among them may have any, since it is complained of as a whole."""
    declared = [one for _, one in (*kinds.all_settings, *kinds.all_mappings)]
    (whole, *each), found = msgspec.json.schema_components([Config, *declared], ref_template="#/$defs/{name}")
    parts = _simplify(found)
    for by_day in ("capacity", "drop_off"):
        section = parts["Department"]["properties"][by_day]
        day = section.pop("additionalProperties")  # msgspec loses that the keys are weekdays
        section.update(properties=dict.fromkeys(get_args(Weekday), day), additionalProperties=False)
    of = dict(zip(declared, each, strict=True))
    connectors, partners = parts["Config"]["properties"]["connectors"], parts["Site"]["properties"]["partners"]
    connectors.update(properties={name: of[one] for name, one in kinds.all_settings}, additionalProperties={})
    partners.update(properties={name: of[one] for name, one in kinds.all_mappings})
    parts = {name: part for name, part in parts.items() if name != "ConnectorSettings" or _is_used(name, parts)}
    made = {**whole, "$defs": parts}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": ADDRESS, "title": "wtpd.yaml", **made}


def _is_used(name: str, parts: Mapping[str, Any]) -> bool:
    return {"$ref": f"#/$defs/{name}"} in parts["Config"]["properties"]["connectors"]["properties"].values()


def _simplify(part: Any) -> Any:
    """`anyOf: [X, null]` becomes X that may be null, so that an error tells what is wrong with X. Descriptions are one
    line."""
    if isinstance(part, list):
        return [_simplify(each) for each in part]
    if not isinstance(part, dict):
        return part
    part = {key: _simplify(value) for key, value in part.items()}
    if isinstance(part.get("description"), str):
        part["description"] = " ".join(part["description"].split())  # Python 3.13 dedents docstrings, 3.11 doesn't
    choices = part.get("anyOf", [])
    if len(choices) == 2 and {"type": "null"} in choices:
        inner = next(choice for choice in choices if choice != {"type": "null"})
        del part["anyOf"]
        if "enum" in inner:
            return {**inner, **part, "enum": [*inner["enum"], None]}
        return {**inner, **part, "type": [inner["type"], "null"]}
    return part


def at(path: Sequence[str | int], kinds: Kinds) -> Schema | None:
    """The schema of what may stand at `path`; None where nothing may."""
    whole = schema(kinds)
    part: Schema | None = whole
    for step in path:
        part = _below(_resolve(part or {}, whole), step)
    return None if part is None else _resolve(part, whole)


def _resolve(part: Schema, whole: Schema) -> Schema:
    while "$ref" in part:
        name = part["$ref"].rsplit("/", 1)[1]
        part = {**whole["$defs"][name], **{key: value for key, value in part.items() if key != "$ref"}}
    return part


def _below(part: Schema, step: str | int) -> Schema | None:
    if isinstance(step, int):
        return part.get("items")
    known = part.get("properties", {}).get(step)
    extra = part.get("additionalProperties")
    return known if known is not None else extra if isinstance(extra, dict) else None


def drop_empty_sections(node: Node, kinds: Kinds) -> list[tuple[Path, Place]]:
    """`mail:` with nothing below it, or only comments, is the same as no `mail:` at all. Returns what was dropped."""
    dropped: list[tuple[Path, Place]] = []
    for path, inner in list(walk(node)):
        if not isinstance(inner, Branch) or inner.keys is None:
            continue
        for key, child in list(inner.children.items()):
            empty = isinstance(child, Scalar) and child.value is None and child.plain and not child.text
            if empty and ((at((*path, str(key)), kinds) or {}).get("type") in ("object", "array")):
                dropped.append(((*path, str(key)), inner.keys[key].place))
                del inner.children[key], inner.keys[key]
    return dropped


def take_out_secrets(root: Node, name: str, kinds: Kinds) -> Iterator[ConfigError]:
    """An error for each key that looks like a secret; the key is taken out of the tree."""
    document = plain(root)
    for path, branch in list(walk(root)):
        if not isinstance(branch, Branch) or branch.keys is None:
            continue
        suspects = [str(key) for key in branch.children if looks_secret(str(key))]
        if not suspects:
            continue  # the schema, which takes 8 ms to make, isn't needed for a file that is right
        allowed = (at(path, kinds) or {}).get("properties", {})
        for key in [key for key in suspects if key not in allowed]:
            place = branch.keys[key].place
            del branch.children[key], branch.keys[key]
            where = dotted(document, (*path, key))
            yield ConfigError(place=place, path=where, text=secret_text(key, path), name=name)


@dataclass(frozen=True, slots=True)
class Finding:
    """An error by the schema; `path` as it is in the document."""

    path: Path
    unknown_key: bool
    error: ConfigError


def check(root: Node, document: Any, name: str, kinds: Kinds) -> Iterator[Finding]:
    """All errors of `document` (the plain values of `root`) by the schema, in no special order."""
    import jsonschema_rs  # only when something is wrong: saves 20 ms and 5 MB at start

    for error in islice(_validator(jsonschema_rs, kinds).iter_errors(_as_json(document)), MOST_FOUND):
        path: Path = tuple(error.instance_path)
        for place, where, text in _sentences(error, path, root, kinds):
            found = ConfigError(place=place, path=dotted(document, where), text=text, name=name)
            yield Finding(where, error.kind.name in ("additionalProperties", "propertyNames"), found)


def _as_json(value: Any) -> Any:
    """With numbers for what JSON doesn't have (dates, infinity), which are as wrong where a text is wanted."""
    if isinstance(value, dict):
        return {key: _as_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_as_json(inner) for inner in value]
    if isinstance(value, (int, float)):
        return value if abs(value) < 2**53 else 2**53
    return value if value is None or isinstance(value, str) else -1


@cache
def _validator(jsonschema_rs: Any, kinds: Kinds) -> Any:
    return jsonschema_rs.Draft202012Validator(schema(kinds))


def _sentences(error: Any, path: Path, root: Node, kinds: Kinds) -> Iterator[tuple[Place, Path, Text]]:
    kind = error.kind.name
    node = find(root, path)
    if kind == "additionalProperties":
        for key in error.kind.unexpected:
            yield key_place(root, (*path, key)), (*path, key), _unknown(key, path, kinds)
    elif kind == "required":
        missing = error.kind.property
        yield node.place, (*path, missing), N_("{key} is missing here", key=missing)
    elif kind == "propertyNames":
        key = error.kind.error.instance
        yield (
            key_place(root, (*path, key)),
            (*path, key),
            N_("{key} can't be a name here: lower-case letters, digits, - and _ only", key=key),
        )
    else:
        yield node.place, path, _value_sentence(error, at(path, kinds) or {}, path, node)


def _unknown(key: str, path: Path, kinds: Kinds) -> Text:
    if len(path) == 2 and path[0] == "connectors" and key in kinds.keys:
        return N_("{key} has no effect with {partner}; take it out", key=key, partner=path[1])
    known = list((at(path, kinds) or {}).get("properties", {}))
    near = difflib.get_close_matches(key.lower().replace("-", "_"), known, n=1, cutoff=0.6)
    if near:
        return N_("unknown key {key}; did you mean {suggestion}?", key=key, suggestion=near[0])
    return N_("unknown key {key}; known here: {known}", key=key, known=", ".join(known) or "-")


def secret_text(key: str, path: Path) -> Text:
    """Where a key that looks like a secret belongs; its value is never repeated."""
    provider = "PROVIDER"
    if path and path[0] == "mail":
        provider = "email"
    elif len(path) >= 2 and path[0] in ("connectors", "credentials"):
        provider = str(path[1])
    elif "partners" in path[:-1]:
        provider = str(path[path.index("partners") + 1])
    return N_(
        "{key} belongs into the credential store, not into this file: take it out and enter it with "
        "`wtpd credential set {provider}`", key=key, provider=provider,
    )  # fmt: skip


def _value_sentence(error: Any, wanted: Schema, path: Path, node: Node) -> Text:
    kind = error.kind.name
    value = node.value if isinstance(node, Scalar) else None
    word = next((str(step) for step in reversed(path) if isinstance(step, str)), "")
    types = [each for each in _as_list(wanted.get("type", "string")) if each != "null"]
    wants_text = "enum" in wanted or "string" in types
    if wants_text and isinstance(node, Scalar) and node.plain and not isinstance(value, str):
        if value is None:
            return N_("{word} is empty: write a text, or take the line out", word=word)
        if _fits(node.text, wanted) or isinstance(value, bool):
            return syntax.must_be_quoted(word, node.text, value)
    if "enum" in wanted:
        return _not_one_of(word, node, wanted["enum"])
    if "pattern" in wanted and kind in ("pattern", "type") and isinstance(node, Scalar):
        examples = ", ".join(wanted.get("examples") or [_PATTERN_EXAMPLES[wanted["pattern"]]])
        return N_(
            '{word} "{value}" hasn\'t the right form; right is, for example: {examples}',
            word=word, value=node.text, examples=examples,
        )  # fmt: skip
    if kind == "type" or (isinstance(node, Scalar) and isinstance(node.value, date)):
        return _wrong_type(word, types[0], node)
    if kind in ("minimum", "maximum"):
        low, high = wanted.get("minimum"), wanted.get("maximum")
        return N_("{word} {value} is out of range: {low} to {high}", word=word, value=value, low=low, high=high)
    if kind == "minLength":
        return N_("{word} is empty: write a text, or take the line out", word=word)
    if kind == "maxLength":
        return N_("{word} is longer than {limit} characters", word=word, limit=wanted.get("maxLength"))
    if kind in ("maxItems", "maxProperties"):
        return N_("{word} has too many entries; {limit} are allowed", word=word, limit=wanted.get(kind))
    return N_("{word} isn't right", word=word)


def _fits(text: str, wanted: Schema) -> bool:
    """Would it be right if it were quoted?"""
    return text in wanted["enum"] if "enum" in wanted else re.search(wanted.get("pattern", ""), text) is not None


_PATTERN_EXAMPLES = {r"^https?://": "https://partner.example.com", r"^[A-Z]{2}$(?!\n)": "DE, NL", "^/": "/var/lib/wtpd"}


def _not_one_of(word: str, node: Node, allowed: Sequence[Any]) -> Text:
    names = [each for each in allowed if each is not None]
    written = node.text if isinstance(node, Scalar) else ""
    near = difflib.get_close_matches(written.lower(), names, n=1, cutoff=0.6)
    if near:
        return N_("{word} {value} is unknown; did you mean {suggestion}?", word=word, value=written, suggestion=near[0])
    return N_("{word} {value} is unknown; possible: {allowed}", word=word, value=written, allowed=", ".join(names))


def _wrong_type(word: str, wanted: str, node: Node) -> Text:
    written = node.text if isinstance(node, Scalar) else ""
    if wanted == "object":
        return N_("{word} is a section: its settings stand below it, indented, as key: value", word=word)
    if wanted == "array":
        return N_("{word} is a list: its items stand below it, each behind -", word=word)
    if wanted == "string":
        return N_("{word} is a text, not a list or a section", word=word)
    if wanted == "boolean":
        return N_("{word} {value} is neither true nor false", word=word, value=written)
    if wanted == "integer":
        return N_("{word} {value} isn't a whole number (without quotes)", word=word, value=written)
    return N_("{word} {value} isn't a number (without quotes, with a point)", word=word, value=written)


def _as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


_PLAIN_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")


def silent_traps(root: Node, document: Any, name: str, kinds: Kinds) -> Iterator[ConfigError]:
    """What YAML reads without a murmur, but not everywhere as its writer meant: `00189` and `1e3` where a text is
    wanted, `0465` and `1:30` where a number is."""
    for path, node in walk(root):
        if not isinstance(node, Scalar) or not node.plain:
            continue
        types = _as_list((at(path, kinds) or {}).get("type", ""))
        word = next((str(step) for step in reversed(path) if isinstance(step, str)), "")
        text: Text | None = None
        if "string" in types and isinstance(node.value, str):
            number = syntax.misread_number(node.text)
            text = None if number is None else syntax.must_be_quoted(word, node.text, number)
        elif {"integer", "number"} & set(types) and _is_number(node.value) and not _PLAIN_NUMBER.fullmatch(node.text):
            text = N_(
                "{word} {text}: YAML reads it as {value}; write that number plainly",
                word=word, text=node.text, value=node.value,
            )  # fmt: skip
        if text is not None:
            yield ConfigError(place=node.place, path=dotted(document, path), text=text, name=name)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
