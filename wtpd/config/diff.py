"""What a change of the file touches, so that only the loops whose settings changed are restarted."""

from __future__ import annotations

from dataclasses import dataclass

from wtpd.config.model import Config, ConnectorSettings, Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """All empty if the settings mean the same (e.g. only comments changed)."""

    sections: frozenset[str] = frozenset()
    """Top-level keys that differ, e.g. `mail`, `connectors`, `sites`."""
    added_sites: frozenset[str] = frozenset()
    removed_sites: frozenset[str] = frozenset()
    changed_sites: frozenset[str] = frozenset()
    connectors: frozenset[str] = frozenset()
    """Connectors whose own settings changed."""
    channels: frozenset[str] = frozenset()
    """Channels (`superservice/rostock`) that begin, end, or work otherwise from now on."""
    plans: bool = False
    """A department's plan changed: what can be booked must be worked out anew."""

    def __bool__(self) -> bool:
        return bool(self.sections)


def diff(old: Config, new: Config) -> Changes:
    before, after = {site.id: site for site in old.sites}, {site.id: site for site in new.sites}
    names = old.connectors.keys() | new.connectors.keys()
    return Changes(
        sections=frozenset(key for key in Config.__struct_fields__ if getattr(old, key) != getattr(new, key)),
        added_sites=frozenset(after.keys() - before.keys()),
        removed_sites=frozenset(before.keys() - after.keys()),
        changed_sites=frozenset(key for key in before.keys() & after.keys() if before[key] != after[key]),
        connectors=frozenset(name for name in names if _settings(old, name) != _settings(new, name)),
        channels=_channels(old, new),
        plans={key: _plan(site) for key, site in before.items()} != {key: _plan(site) for key, site in after.items()},
    )


def _settings(config: Config, name: str) -> ConnectorSettings | None:
    """None where all of them are the default, whether or not the section is there."""
    settings = config.connectors.get(name)
    return None if settings is None or settings == type(settings)() else settings


def _channels(old: Config, new: Config) -> frozenset[str]:
    before, after = _works(old), _works(new)
    return frozenset(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))


def _works(config: Config) -> dict[str, object]:
    """All that the loop of a channel depends on. The plan isn't part of it: the loop asks for it anew each time."""
    return {
        f"{partner}/{site.id}": (
            mapping,
            _settings(config, partner),
            site.brands,
            site.time_zone,
            config.modules,
            config.credentials.get(partner),
        )
        for site in config.sites
        for partner, mapping in site.partners.items()
    }


def _plan(site: Site) -> object:
    return (site.departments, site.time_zone, site.country, site.region)
