"""YAML text → a tree in which every key and value knows its place, within limits of size and depth.

Made from libyaml's events rather than by `yaml.compose`, which shares the nodes of aliases (an alias's own place is
lost), recurses without bound, and takes the last of two equal keys in silence.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import yaml

from wtpd.config import syntax
from wtpd.config.errors import ConfigError, ConfigErrors, Place
from wtpd.texts import N_, Text

MAX_NODES = 50_000
"""With aliases counted as often as they are used, so that a few lines can't become gigabytes."""
MAX_TEXT = 2048
"""Characters of one value or key."""
MAX_DIGITS = 64
"""Characters of a number: Python needs quadratic time for long ones, and refuses to print them."""

Path = tuple[str | int, ...]
"""Keys and indices from the root."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_MERGE = _TAG + "merge"
_NUMBERS = frozenset((_TAG + "int", _TAG + "float"))
_TAGS = frozenset(_TAG + kind for kind in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq"))


@dataclass(slots=True)
class Scalar:
    place: Place
    value: Any
    text: str
    """As written, without quotes."""
    plain: bool
    """Not quoted, so that YAML guesses what it is."""
    size: int = 1


@dataclass(slots=True)
class Branch:
    """A mapping (`keys` given) or a list."""

    place: Place
    children: dict[Hashable, Node] = field(default_factory=dict)
    keys: dict[Hashable, Scalar] | None = None
    size: int = 1

    def merge(self, other: Branch) -> None:
        """Take what `other` has and this one lacks (`<<: *other`)."""
        for key, child in other.children.items():
            if self.keys is not None and other.keys is not None and key not in self.children:
                self.children[key] = child
                self.keys[key] = other.keys[key]


Node = Scalar | Branch


def plain(node: Node) -> Any:
    """The tree as dicts, lists and scalars."""
    if isinstance(node, Scalar):
        return node.value
    if node.keys is None:
        return [plain(child) for child in node.children.values()]
    return {key: plain(child) for key, child in node.children.items()}


def find(node: Node, path: Sequence[Hashable]) -> Node:
    """The node at `path`, or the last one on the way that exists."""
    for step in path:
        if isinstance(node, Scalar) or step not in node.children:
            break
        node = node.children[step]
    return node


def nearest_place(root: Node, path: Path) -> Place:
    """Where the value at `path` stands, or else the key of what is nearest above it."""
    for length in range(len(path), 0, -1):
        parent = find(root, path[: length - 1])
        if exists(root, path[: length - 1]) and isinstance(parent, Branch) and path[length - 1] in parent.children:
            child = parent.children[path[length - 1]]
            return child.place if isinstance(child, Scalar) else key_place(root, path[:length])
    return root.place


def exists(node: Node, path: Path) -> bool:
    """Whether something is written at `path`."""
    for step in path:
        if isinstance(node, Scalar) or step not in node.children:
            return False
        node = node.children[step]
    return True


def key_place(root: Node, path: Path) -> Place:
    """Where the key (or list item) at `path` stands."""
    parent = find(root, path[:-1])
    if isinstance(parent, Branch) and parent.keys is not None and path and path[-1] in parent.keys:
        return parent.keys[path[-1]].place
    return find(root, path).place


def walk(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """The node and all below it, parents first."""
    yield path, node
    if isinstance(node, Branch):
        for key, child in node.children.items():
            yield from walk(child, (*path, key if isinstance(key, int) else str(key)))


def dotted(document: Any, path: Sequence[str | int]) -> str:
    """A path as people write it; list items by their id: `sites.rostock.name`. `document` holds plain values or the
    settings made from them."""
    steps = []
    for step in path:
        document = at(document, [step])
        identity = at(document, ["id"]) if isinstance(step, int) else None
        steps.append(identity if isinstance(identity, str) and identity else str(step))
    return ".".join(steps)


def at(document: Any, path: Sequence[str | int]) -> Any:
    """What stands at `path` in plain values or settings; None if nothing does."""
    for step in path:
        if isinstance(document, list):
            document = document[step] if isinstance(step, int) and step < len(document) else None
        elif isinstance(document, dict):
            document = document.get(step)
        else:
            document = getattr(document, str(step), None) if isinstance(document, msgspec.Struct) else None
    return document


def parse(text: str, name: str) -> tuple[Node, list[ConfigError]]:
    """The tree, and errors that leave it readable (double keys, tags). Raises `ConfigErrors` where the text isn't one
    YAML document, or is too large or too deep."""
    loader = _Loader(text)
    try:
        reader = _Reader(loader, name)
        return reader.document(), reader.errors
    except yaml.YAMLError as error:
        raise ConfigErrors(syntax.explain(error, text, name)) from None
    finally:
        loader.dispose()


class _Reader:
    def __init__(self, loader: Any, name: str) -> None:
        self._loader = loader
        self._name = name
        self._anchors: dict[str, Node] = {}
        self._nodes = 0
        self.errors: list[ConfigError] = []

    def document(self) -> Node:
        events = self._loader
        events.get_event()  # stream start
        if events.check_event(yaml.StreamEndEvent):
            raise self._stop(Place(1, 1), N_("the file is empty; start from the example that came with wtpd"))
        events.get_event()  # document start
        root = self._node(0)
        events.get_event()  # document end
        if not events.check_event(yaml.StreamEndEvent):
            raise self._stop(
                _place(events.get_event()),
                N_('a second document begins here; take out the line "---" and put all in one'),
            )
        if isinstance(root, Scalar) and root.value is None and not root.text:
            raise self._stop(Place(1, 1), N_("the file is empty; start from the example that came with wtpd"))
        return root

    def _node(self, depth: int) -> Node:
        event = self._loader.get_event()
        place = _place(event)
        if depth > syntax.MAX_DEPTH:
            raise self._stop(place, N_("nested more than {depth} deep", depth=syntax.MAX_DEPTH))
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor or "", place)
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._check_tag(event)
            node = self._list(event, depth)
        else:
            self._check_tag(event)
            node = self._mapping(event, depth)
        self._count(1, place)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, anchor: str, place: Place) -> Node:
        if anchor not in self._anchors:
            raise self._stop(
                place,
                N_(
                    "*{anchor} refers to nothing: no &{anchor} stands complete above it; a text that begins with * is "
                    "put in quotes",
                    anchor=anchor,
                ),
            )
        node = self._anchors[anchor]
        self._count(node.size, place)
        return node

    def _scalar(self, event: Any) -> Scalar:
        place = _place(event)
        if len(event.value) > MAX_TEXT:
            raise self._stop(
                place,
                N_("this text has {count} characters; {limit} are allowed", count=len(event.value), limit=MAX_TEXT),
            )
        plain = event.style is None or event.style == ""
        return Scalar(place, self._value(event, place), event.value, plain=plain)

    def _value(self, event: Any, place: Place) -> Any:
        """What YAML makes of the text of a scalar: a number, a truth value, a date, nothing, or the text itself."""
        tag = event.tag
        if tag is not None:
            self._check_tag(event)
        if tag is None or tag == "!":
            tag = self._loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        if tag == _MERGE:
            return event.value
        if tag in _NUMBERS and len(event.value) > MAX_DIGITS:
            text = N_(
                "this number has {count} characters; {limit} are allowed", count=len(event.value), limit=MAX_DIGITS
            )
            self._add(place, text)
            return 0
        try:
            made = self._loader.construct_object(yaml.ScalarNode(tag, event.value))
            if event.tag in _NUMBERS and isinstance(made, float) and not math.isfinite(made):
                raise ValueError(made)
            return made
        except Exception:  # 2026-02-30 looks like a date and is none; `!!int x` raises whatever int("x") does
            if event.tag in _TAGS:
                text = N_(
                    "{text} doesn't fit to the tag {tag}; take the tag out", text=event.value, tag=_short(event.tag)
                )
                self._add(place, text)
            return event.value

    def _list(self, event: Any, depth: int) -> Branch:
        branch = Branch(_place(event))
        while not self._loader.check_event(yaml.SequenceEndEvent):
            child = self._node(depth + 1)
            branch.children[len(branch.children)] = child
            branch.size += child.size
        self._loader.get_event()
        return branch

    def _mapping(self, event: Any, depth: int) -> Branch:
        branch = Branch(_place(event), keys={})
        merged: list[Branch] = []
        while not self._loader.check_event(yaml.MappingEndEvent):
            key = self._node(depth + 1)
            child = self._node(depth + 1)
            branch.size += child.size
            if isinstance(key, Scalar) and key.plain and key.text == "<<":
                merged.extend(self._merged(child, key.place))
            else:
                self._put(branch, key, child)
        self._loader.get_event()
        for other in merged:
            branch.merge(other)
        return branch

    def _put(self, branch: Branch, key: Node, child: Node) -> None:
        if not isinstance(key, Scalar):
            self._add(key.place, N_("a key must be a word, not a list or a mapping"))
            return
        if not isinstance(key.value, str):
            self._add(key.place, _key_text(branch, key, child))
        keys: Mapping[Hashable, Scalar] = branch.keys or {}
        if key.text in keys:
            first = keys[key.text].place.line
            self._add(
                key.place, N_("{key} stands here a second time; the first is in line {line}", key=key.text, line=first)
            )
            return
        branch.children[key.text] = child
        if branch.keys is not None:
            branch.keys[key.text] = key

    def _merged(self, child: Node, place: Place) -> list[Branch]:
        if isinstance(child, Branch):
            found = [child] if child.keys is not None else list(child.children.values())
            if all(isinstance(node, Branch) and node.keys is not None for node in found):
                return [node for node in found if isinstance(node, Branch)]
        self._add(place, N_("<< needs a reference to a mapping, such as *plan"))
        return []

    def _check_tag(self, event: Any) -> None:
        if event.tag and event.tag != "!" and event.tag not in _TAGS:
            text = N_(
                "the tag {tag} has no meaning here; take it out; a text that begins with ! is put in quotes",
                tag=_short(event.tag),
            )
            self._add(_place(event), text)

    def _count(self, nodes: int, place: Place) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise self._stop(place, N_("more than {count} entries, with what * repeats", count=MAX_NODES))

    def _add(self, place: Place, text: Text) -> None:
        self.errors.append(ConfigError(place=place, path="", text=text, name=self._name))

    def _stop(self, place: Place, text: Text) -> ConfigErrors:
        return ConfigErrors([ConfigError(place=place, path="", text=text, name=self._name)])


def _key_text(branch: Branch, key: Scalar, child: Node) -> Text:
    """What is wrong with a key that is no text: mostly a number with a decimal comma, or a word to be quoted."""
    last = next(reversed(branch.children), None)
    before = branch.children[last] if last is not None else None
    alone = isinstance(child, Scalar) and child.value is None and not child.text
    if alone and isinstance(before, Scalar) and isinstance(before.value, int) and isinstance(key.value, int):
        return N_(
            "{before},{after}: a decimal number is written with a point: {before}.{after}",
            before=before.text, after=key.text,
        )  # fmt: skip
    return syntax.must_be_quoted(key.text, key.text, key.value)


def _short(tag: str) -> str:
    """As people write it: `!!int` for `tag:yaml.org,2002:int`."""
    return f"!!{tag.removeprefix(_TAG)}" if tag.startswith(_TAG) else tag


def _place(event: Any) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)
