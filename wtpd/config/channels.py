"""Which connector works at which site, and if it doesn't, why not (spec: superservice.md, "When it is there")."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from wtpd.config.model import Config, PartnerMapping, Site
from wtpd.config.rules import PartnerManifest
from wtpd.texts import N_, Text

State = Literal["ready", "disabled", "not_mapped", "not_available", "not_licensed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One connector at one site. `state` is `ready` where the file lets it run; `account` (the dealer number) and
    `department` are None where the site isn't mapped; `reason` says what is missing."""

    id: str
    connector: str
    site: str
    state: State
    account: str | None = None
    department: str | None = None
    reason: Text | None = None


def channels(config: Config, manifests: Iterable[PartnerManifest]) -> list[Channel]:
    """Every connector at every site, in the order of the sites."""
    known = list(manifests)
    return [_channel(config, site, manifest) for site in config.sites for manifest in known]


def _channel(config: Config, site: Site, manifest: PartnerManifest) -> Channel:
    mapping = site.partners.get(manifest.name)
    state, reason = _state(config, site, manifest, mapping)
    return Channel(
        id=f"{manifest.name}/{site.id}",
        connector=manifest.name,
        site=site.id,
        state=state,
        account=mapping.dealer_number if mapping else None,
        department=mapping.department if mapping else None,
        reason=reason,
    )


def _state(
    config: Config, site: Site, manifest: PartnerManifest, mapping: PartnerMapping | None
) -> tuple[State, Text | None]:
    settings = config.connectors.get(manifest.name)
    if manifest.module is not None and manifest.module not in config.modules:
        return "not_licensed", N_("the module {module} isn't licensed on this box", module=manifest.module)
    if manifest.brand is not None and manifest.brand not in site.brands:
        return "not_available", N_(
            "the brand {brand} isn't switched on at {site}", brand=manifest.brand, site=site.name
        )
    if mapping is None:
        return "not_mapped", N_("no department and dealer number are chosen for {site}", site=site.name)
    if settings is not None and not settings.enabled:
        return "disabled", N_("switched off in wtpd.yaml (connectors.{connector}.enabled)", connector=manifest.name)
    return "ready", None
