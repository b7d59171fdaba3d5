"""`wtpd.yaml` → typed settings, or all its errors at once.

    loaded = load(text, manifests=manifests)      # raises ConfigErrors
    loaded.config.sites[0].name

Pure: no file is read here (see `wtpd.config.file`).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from wtpd.config import rules, schema, syntax, tree
from wtpd.config.errors import ConfigError, ConfigErrors, Place
from wtpd.config.model import Config
from wtpd.config.rules import CredentialProvider, PartnerManifest
from wtpd.texts import N_

__all__ = ["ConfigError", "ConfigErrors", "Loaded", "Place", "load"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings that passed, and where in the file each given one stands, by dotted path."""

    config: Config
    origins: Mapping[str, Place] = field(default_factory=dict)
    name: str = "wtpd.yaml"


def load(
    text: str | bytes,
    *,
    name: str = "wtpd.yaml",
    manifests: Iterable[PartnerManifest] | None = None,
    providers: Iterable[CredentialProvider] | None = None,
) -> Loaded:
    """Raises `ConfigErrors` with every error found, in the order of lines. Without `manifests` (`providers`) it isn't
    checked whether the connectors (credential providers) named in the file exist. `name` stands before each error."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(data) > syntax.MAX_BYTES or isinstance(text, bytes):
        text = syntax.decode(data, name)
    assert isinstance(text, str)
    text = text.removeprefix("\ufeff")
    syntax.check_characters(text, name)
    root, errors = tree.parse(text, name)
    schema.drop_empty_sections(root)
    errors += schema.take_out_secrets(root, name)
    document = tree.plain(root)
    if not isinstance(document, dict):
        reason = N_("the file is no list of settings (key: value)")
        raise ConfigErrors([*errors, ConfigError(place=root.place, path="", text=reason, name=name)])
    errors += schema.silent_traps(root, document, name)
    config, found = _convert(root, document, name)
    errors += [finding.error for finding in found]
    if config is not None:
        known = rules.Known(_by_name(manifests), _by_name(providers))
        errors += rules.check(config, known, lambda path: _nearest(root, path), name)
    if errors or config is None:
        raise ConfigErrors(errors)
    return Loaded(config, _origins(root, config), name)


def _by_name(items: Iterable[Any] | None) -> dict[str, Any] | None:
    return None if items is None else {item.name: item for item in items}


def _convert(root: tree.Node, document: Any, name: str) -> tuple[Config | None, list[schema.Finding]]:
    """The settings and what is wrong with them by the schema. With errors, the settings hold what is left without
    the parts in error, so that the rules can look at the rest."""
    try:
        return msgspec.convert(document, Config), []
    except msgspec.ValidationError as error:
        # msgspec stops at its first error, so it is asked only whether there is one
        found = list(schema.check(root, document, name))
        if not found:
            lone = ConfigError(place=root.place, path="", text=N_("{problem}", problem=str(error)), name=name)
            return None, [schema.Finding((), unknown_key=False, error=lone)]
    try:
        return msgspec.convert(_without(document, found), Config), found
    except msgspec.ValidationError:
        return None, found


def _without(document: Any, found: Iterable[schema.Finding]) -> Any:
    """The document without what is wrong; a site in error becomes an empty one, so that the others keep their
    numbers and no rule complains of what follows from the error only."""
    document = copy.deepcopy(document)
    for finding in found:
        match finding.path:
            case ("sites", int(number), *_) if not finding.unknown_key:
                document["sites"][number] = {"id": f"broken-{number}", "name": "-"}
            case ("connectors" | "credentials" as section, str(name), *_) if not finding.unknown_key:
                document[section].pop(name, None)
            case (*parents, last) if finding.unknown_key:
                branch = tree.at(document, parents)
                if isinstance(branch, dict):
                    branch.pop(last, None)
            case (str(section), *_):
                document.pop(section, None)
    return document


def _nearest(root: tree.Node, path: tree.Path) -> Place:
    """The value at `path` if it stands in the file, else the key of what is nearest above it."""
    for length in range(len(path), 0, -1):
        parent = tree.find(root, path[: length - 1])
        if isinstance(parent, tree.Branch) and path[length - 1] in parent.children:
            child = parent.children[path[length - 1]]
            return child.place if isinstance(child, tree.Scalar) else tree.key_place(root, path[:length])
    return root.place


def _origins(root: tree.Node, config: Config) -> dict[str, Place]:
    return {tree.dotted(config, path): node.place for path, node in tree.walk(root) if path}
