"""Which connectors there are: the entry points of group `wtpd.connectors`, ours and third parties' (decision 7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from wtpd.config.model import AppointmentSettings
from wtpd.connectors.manifest import Manifest
from wtpd.secrets.providers import WITHOUT_CONNECTOR, Provider

GROUP = "wtpd.connectors"
MAIL = "email"


@dataclass(frozen=True, slots=True)
class BrokenEntry:
    """An entry point that gives no connector, and why (English, for the log and for support)."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Registry:
    """The manifests by connector name, in alphabetical order, and the entries that couldn't be used."""

    manifests: Mapping[str, Manifest]
    broken: tuple[BrokenEntry, ...] = ()

    @property
    def providers(self) -> Mapping[str, Provider]:
        """Whose credentials can be kept, by name."""
        return providers_of(self.manifests.values())


def providers_of(manifests: Iterable[Manifest]) -> Mapping[str, Provider]:
    """The providers that `manifests` declare, partners of sites first, and those that have no connector."""
    partners_first = sorted(manifests, key=lambda one: one.mapping is None)
    declared = [one.provider for one in partners_first if one.provider is not None]
    named = {one.name: one for one in declared}
    return named | {one.name: one for one in WITHOUT_CONNECTOR if one.name not in named}


def load(entries: Iterable[EntryPoint] | None = None) -> Registry:
    """Load the manifests of `entries` (default: all that are installed). A broken entry is reported, never fatal."""
    manifests: dict[str, Manifest] = {}
    broken: list[BrokenEntry] = []
    for entry in sorted(entry_points(group=GROUP) if entries is None else entries, key=_ours_first):
        loaded = _load(entry)
        if isinstance(loaded, BrokenEntry):
            broken.append(loaded)
        elif loaded.name in manifests:
            broken.append(BrokenEntry(entry.name, f"there is already a connector named {loaded.name!r}"))
        else:
            manifests[loaded.name] = loaded
    return Registry(manifests, tuple(broken))


def _ours_first(entry: EntryPoint) -> tuple[str, bool]:
    """By name; where a third party takes the name of one of ours, ours is the one that counts."""
    return entry.name, not entry.value.startswith("wtpd.connectors.")


def _load(entry: EntryPoint) -> Manifest | BrokenEntry:
    try:
        manifest = entry.load()
    except Exception as error:  # somebody else's code: whatever it raises is its trouble, not ours
        return BrokenEntry(entry.name, f"{type(error).__name__}: {error}")
    if not isinstance(manifest, Manifest):
        return BrokenEntry(entry.name, f"{entry.value} is no connector manifest but {type(manifest).__name__}")
    if manifest.name != entry.name:
        return BrokenEntry(entry.name, f"its manifest is named {manifest.name!r}")
    if manifest.name == MAIL:
        return BrokenEntry(entry.name, "the name belongs to the credentials of the mail server")
    if manifest.appointments is not None and manifest.mapping is None:
        return BrokenEntry(entry.name, "it exchanges appointments and has no `mapping`, so no site could be its own")
    if manifest.appointments is not None and not issubclass(manifest.settings, AppointmentSettings):
        return BrokenEntry(entry.name, "it exchanges appointments and its `settings` aren't `AppointmentSettings`")
    if manifest.provider is not None and manifest.provider.name != manifest.name:
        return BrokenEntry(entry.name, f"its provider is named {manifest.provider.name!r}")
    return manifest
