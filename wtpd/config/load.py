"""`wtpd.yaml` → typed settings, or all its errors at once.

    loaded = load(text, manifests=manifests)      # raises ConfigErrors
    loaded.config.sites[0].name

Pure: no file is read here (see `wtpd.config.file`).
"""

from __future__ import annotations

import copy
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

import msgspec

from wtpd.config import rules, schema, syntax, tree, warnings
from wtpd.config.errors import ConfigError, ConfigErrors, Place
from wtpd.config.kinds import NOTHING, Kinds
from wtpd.config.model import Config, PartnerMapping, Weekday
from wtpd.config.rules import CredentialProvider, PartnerManifest
from wtpd.shape_words import why_shape
from wtpd.texts import N_

__all__ = ["ConfigError", "ConfigErrors", "Loaded", "Place", "load"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings that passed, and where in the file each given one stands, by dotted path."""

    config: Config
    origins: Mapping[str, Place] = field(default_factory=dict)
    name: str = "wtpd.yaml"
    warnings: tuple[ConfigError, ...] = ()
    """What isn't wrong, but probably not meant, in the order of lines."""


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
    manifests = None if manifests is None else tuple(manifests)
    kinds = NOTHING if manifests is None else Kinds.of(manifests)
    empty = schema.drop_empty_sections(root, kinds)
    errors += schema.take_out_secrets(root, name, kinds)
    document = tree.plain(root)
    if not isinstance(document, dict):
        reason = N_("the file is no list of settings (key: value)")
        raise ConfigErrors([*errors, ConfigError(place=root.place, path="", text=reason, name=name)])
    errors += schema.silent_traps(root, document, name, kinds)
    config, found = _convert(root, document, name, kinds)
    errors += [finding.error for finding in found]
    if config is None:
        raise ConfigErrors(errors)
    known = rules.Known(_by_name(manifests), _by_name(providers), broken=frozenset(finding.path for finding in found))
    errors += rules.check(config, known, root, name)
    if errors:
        raise ConfigErrors(errors)
    doubts = warnings.find(config, known, root, text, empty)
    noted = sorted(
        (
            ConfigError(place=place, path=tree.dotted(config, path), text=said, name=name)
            for place, path, said in doubts
        ),
        key=lambda one: one.place,
    )
    return Loaded(config, _origins(root, config), name, tuple(noted))


def _by_name(items: Iterable[Any] | None) -> dict[str, Any] | None:
    return None if items is None else {item.name: item for item in items}


def _convert(root: tree.Node, document: Any, name: str, kinds: Kinds) -> tuple[Config | None, list[schema.Finding]]:
    """The settings and what is wrong with them by the schema. With errors, the settings hold what is left without
    the parts in error, so that the rules can look at the rest."""
    try:
        return _typed(document, kinds), []
    except msgspec.ValidationError as error:
        # msgspec stops at its first error, so it is asked only whether there is one
        found = list(schema.check(root, document, name, kinds))
        if not found:
            lone = ConfigError(place=root.place, path="", text=why_shape(error), name=name)
            return None, [schema.Finding((), unknown_key=False, error=lone)]
    for mend in (_without, _without_sites):
        try:
            return _typed(mend(document, found), kinds), found
        except msgspec.ValidationError:
            continue
    return None, found


def _typed(document: Any, kinds: Kinds) -> Config:
    """The settings, with the sections of each connector as the types that its manifest declares. Raises
    `msgspec.ValidationError`."""
    own = {name: kind for name, kind in kinds.all_mappings if kind is not PartnerMapping}
    bare = dict(document)
    connectors, sites = document.get("connectors"), document.get("sites")
    if isinstance(connectors, dict):
        bare["connectors"] = {name: {} if isinstance(one, dict) else one for name, one in connectors.items()}
    if own and isinstance(sites, list):
        bare["sites"] = [_without_partners(site, own) for site in sites]
    config = msgspec.convert(bare, Config)
    for name in config.connectors:
        if name in kinds.settings:
            config.connectors[name] = msgspec.convert(connectors[name], kinds.settings[name])
    for site, given in zip(config.sites, sites or () if own else (), strict=False):
        for name, mapping in (given.get("partners") or {}).items():
            if name in own:
                site.partners[name] = msgspec.convert(mapping, own[name])
    return config


def _without_partners(site: Any, names: Container[str]) -> Any:
    """The site without the mappings of the partners with these names."""
    partners = site.get("partners") if isinstance(site, dict) else None
    if not isinstance(partners, dict):
        return site
    return {**site, "partners": {name: mapping for name, mapping in partners.items() if name not in names}}


def _without(document: Any, found: Iterable[schema.Finding]) -> Any:
    """The document without the values that are wrong: their defaults hold, and what a section must have is filled in.
    So the rules can look at all the rest."""
    document = copy.deepcopy(document)
    for finding in found:
        *parents, last = finding.path or ("",)
        branch = tree.at(document, parents)
        if isinstance(branch, dict):
            branch.pop(last, None)
            if not finding.unknown_key and last in _FILLED:
                branch[last] = _filled(str(last), finding.path)
        elif isinstance(branch, list) and isinstance(last, int) and last < len(branch):
            section = str(parents[-1])
            branch[last] = {key: _filled(key, finding.path) for key in _NEEDED.get(section, ())} or "BROKEN"
    return document


_NEEDED = {"sites": ("id", "name"), "departments": ("id",), **dict.fromkeys(get_args(Weekday), ("times",))}
"""What an item of such a list must have, or would share with others by default."""
_FILLED = ("id", "name", "times", "dealer_number")


def _filled(key: str, path: tree.Path) -> str:
    """A value that passes; ids differ from each other."""
    if key == "times":
        return "00:00-00:01"
    return "-" if key == "name" else "-".join(("broken", *(str(step) for step in path if isinstance(step, int))))


def _without_sites(document: Any, found: Iterable[schema.Finding]) -> Any:
    """As `_without`, where that isn't enough: a site or section in error is left out as a whole."""
    document = copy.deepcopy(document)
    for finding in found:
        match finding.path:
            case ("sites", int(number), *_):
                document["sites"][number] = {"id": f"broken-{number}", "name": "-"}
            case ("connectors" | "credentials" as section, str(name), *_) if isinstance(document.get(section), dict):
                document[section].pop(name, None)
            case (str(section), *_):
                document.pop(section, None)
    return document


def _origins(root: tree.Node, config: Config) -> dict[str, Place]:
    return {tree.dotted(config, path): node.place for path, node in tree.walk(root) if path}
