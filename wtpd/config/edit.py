"""Change single settings in the text of `wtpd.yaml` and leave everything else as people wrote it.

    new = edit(text, [("sites.rostock.partners.superservice.dealer_number", "00123")])

ruamel.yaml's round trip keeps comments, order, quotes and anchors, but not spacing: what it writes is therefore
compared with what it writes without the changes, and only that difference is carried over (`wtpd.config.carry`).
"""

from __future__ import annotations

import copy
import difflib
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import yaml

from wtpd.config import carry, schema, syntax, tree
from wtpd.config.kinds import NOTHING, Kinds
from wtpd.config.load import load
from wtpd.config.rules import CredentialProvider, PartnerManifest
from wtpd.errors import Invalid, Problem
from wtpd.texts import N_

if TYPE_CHECKING:
    from ruamel.yaml import YAML

Change = tuple[str | Sequence[str], Any]
"""A dotted path (or its steps; list items by their id or number) and the new value; None takes the setting out, so
that its default holds."""


def edit(
    text: str,
    changes: Sequence[Change],
    *,
    name: str = "wtpd.yaml",
    manifests: Iterable[PartnerManifest] | None = None,
    providers: Iterable[CredentialProvider] | None = None,
) -> str:
    """The text with the changes made. Missing sections and list items are created. Raises `ConfigErrors` if the result
    doesn't pass (places are those of the result), `Invalid` for a path that can't be."""
    body = text.removeprefix("\ufeff")
    manifests = None if manifests is None else tuple(manifests)
    kinds = NOTHING if manifests is None else Kinds.of(manifests)
    writer = _writer()
    document, untouched = _read(writer, body, name), _read(writer, body, name)
    paths = [path.split(".") if isinstance(path, str) else list(path) for path, _ in changes]
    for steps, (_, value) in zip(paths, changes, strict=True):
        _Edit(document, kinds).put(steps, value)
    edited = _dump(writer, document)
    for steps, (_, value) in zip(paths, changes, strict=True):
        if value is None:
            _check_gone(_read(writer, edited, name), steps)
    merged = carry.over(body, _dump(writer, untouched), edited)
    if not _same(merged, edited, name):
        # Spacing so odd that lines can't be told apart: all of it is written in the usual spacing.
        merged = edited.replace("\n", carry.line_end(body))
    load(merged, name=name, manifests=manifests, providers=providers)
    return text[: len(text) - len(body)] + merged


def unified(old: str, new: str, *, before: str = "wtpd.yaml", after: str = "wtpd.yaml") -> str:
    """The difference as a unified diff; empty if there is none."""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), before, after, lineterm="")
    return "".join(f"{line}\n" for line in lines)


def _writer() -> YAML:
    from ruamel.yaml import YAML

    writer = YAML(typ="rt")
    writer.preserve_quotes = True
    writer.width = 1_000_000
    writer.indent(mapping=2, sequence=4, offset=2)
    return writer


def _read(writer: YAML, text: str, name: str) -> Any:
    from ruamel.yaml.error import YAMLError

    try:
        document = writer.load(text)
    except YAMLError:
        load(text, name=name)  # says it better
        raise
    if not isinstance(document, dict):
        load(text, name=name)
    for container in _containers(document):
        anchor = container.yaml_anchor()
        if anchor is not None:
            anchor.always_dump = True  # also when nothing refers to it any more
    return document


def _dump(writer: YAML, document: Any) -> str:
    out = io.StringIO()
    writer.dump(document, out)
    return out.getvalue()


def _same(text: str, other: str, name: str) -> bool:
    try:
        return bool(tree.plain(tree.parse(text, name)[0]) == tree.plain(tree.parse(other, name)[0]))
    except Invalid:
        return False


class _Edit:
    """One change of a ruamel document."""

    def __init__(self, document: Any, kinds: Kinds) -> None:
        self._document = document
        self._kinds = kinds
        self._path: list[str | int] = []
        """Where we are, for the schema: keys, and 0 for any list item."""

    def put(self, steps: Sequence[str], value: Any) -> None:
        node = self._document
        for step in steps[:-1]:
            node = self._child(node, step, create=value is not None)
            if node is None:
                return
        last = steps[-1] if steps else ""
        if not steps or schema.at([*self._path, self._schema_step(node, last)], self._kinds) is None:
            raise _no_such(steps)
        key = self.key(node, last)
        if value is None:
            self._take_out(node, key)
        elif isinstance(node, list) and key is None:
            node.append(_as_yaml({"id": last, **value} if isinstance(value, dict) else value, None))
        else:
            node[key] = _as_yaml(value, node[key] if _has(node, key) else None)

    def _child(self, node: Any, step: str, *, create: bool) -> Any:
        """The container below `node`; made, or taken apart from what shares it by an alias, where needed."""
        self._path.append(self._schema_step(node, step))
        part = schema.at(self._path, self._kinds)
        if part is None or part.get("type") not in ("object", "array"):
            raise _no_such([str(each) for each in self._path])
        key = self.key(node, step)
        if _has(node, key) and node[key] is not None:
            if self._shared(node[key]):
                node[key] = _detached(node[key])
                node.ca.items.pop(key, None)  # the comment of what was shared
            return node[key]
        if not create:
            return None
        made = _as_yaml([] if part["type"] == "array" else {}, None)
        if isinstance(node, list):
            made["id"] = step
            node.append(made)
        else:
            node[key] = made
        return made

    @staticmethod
    def _schema_step(node: Any, step: str) -> str | int:
        return 0 if isinstance(node, list) else step

    @staticmethod
    def key(node: Any, step: str) -> str | int | None:
        """`step` as the key or index in `node`; None for a list item that doesn't exist."""
        if not isinstance(node, list):
            return step
        for number, item in enumerate(node):
            if isinstance(item, dict) and item.get("id") == step:
                return number
        return int(step) if step.isdecimal() and int(step) < len(node) else None

    def _shared(self, container: Any) -> bool:
        return [each is container for each in _containers(self._document)].count(True) > 1

    @staticmethod
    def _take_out(node: Any, key: str | int | None) -> None:
        if not _has(node, key):
            return
        if isinstance(node, list) and isinstance(key, int):
            del node[key]
            return
        node.pop(key, None)


def _check_gone(document: Any, steps: Sequence[str]) -> None:
    """Raises `Invalid` if the setting taken out is still there, because it is inherited by `<<`."""
    node: Any = document
    for step in steps:
        key: Any = _Edit.key(node, step) if isinstance(node, (dict, list)) else None
        if not isinstance(node, (dict, list)) or not _has(node, key):
            return
        node = node[key]
    path = ".".join(steps)
    text = N_("{path} comes from a shared part of the file (<<) and can't be taken out here alone", path=path)
    raise Invalid(text, problems=[Problem(path, text)])


def _has(node: Any, key: str | int | None) -> bool:
    return isinstance(key, int) and key < len(node) if isinstance(node, list) else bool(key in node)


def _containers(node: Any) -> Iterator[Any]:
    if isinstance(node, (dict, list)):
        yield node
        for child in node.values() if isinstance(node, dict) else node:
            yield from _containers(child)


def _detached(container: Any) -> Any:
    """A copy of what an alias shares, without its anchors."""
    copied = copy.deepcopy(container)
    for each in _containers(copied):
        each.yaml_set_anchor(None)
    copied.ca.comment = None
    return copied


def _as_yaml(value: Any, old: Any) -> Any:
    """`value` as ruamel writes it in the style of the `old` one: its quotes, its brackets."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString, SingleQuotedScalarString

    if isinstance(value, dict):
        return CommentedMap({key: _as_yaml(inner, None) for key, inner in value.items() if inner is not None})
    if isinstance(value, (list, tuple)):
        made = CommentedSeq([_as_yaml(inner, None) for inner in value])
        flow = old.fa.flow_style() if isinstance(old, CommentedSeq) else None
        if flow or (flow is None and not any(isinstance(inner, (dict, list)) for inner in made)):
            made.fa.set_flow_style()
        return made
    if isinstance(value, str):
        quotes = type(old) if isinstance(old, (DoubleQuotedScalarString, SingleQuotedScalarString)) else None
        if quotes is None and _needs_quotes(value):
            quotes = DoubleQuotedScalarString
        return quotes(value) if quotes else value
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return _as_yaml(msgspec.to_builtins(value), old)


def _needs_quotes(value: str) -> bool:
    """Would some YAML program read it as something else than this text?"""
    resolver: Any = yaml.SafeLoader("")
    meaning = resolver.resolve(yaml.ScalarNode, value, (True, False))
    return meaning != "tag:yaml.org,2002:str" or syntax.misread_number(value) is not None or ":" in value


def _no_such(steps: Sequence[str]) -> Invalid:
    path = ".".join(steps)
    text = N_("there is no setting {path}", path=path)
    return Invalid(text, problems=[Problem(path, text)])
