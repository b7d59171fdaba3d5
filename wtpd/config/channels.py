"""Which connector works at which site, and if it doesn't, why not (spec: superservice.md, "When it is there")."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from wtpd.config.model import Config, Site
from wtpd.config.rules import PartnerManifest
from wtpd.texts import N_, Text

State = Literal["ready", "disabled", "not_mapped", "not_available", "not_licensed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One connector at one place, as the settings want it: a site, or the whole box (`site` empty) where sites aren't
    mapped. `state` is `ready` where the file lets it work; `account` (the dealer number) and `department` are None
    where the site isn't mapped; `reason` says what is missing."""

    id: str
    connector: str
    site: str
    state: State
    account: str | None = None
    department: str | None = None
    reason: Text | None = None


def channels(config: Config, manifests: Iterable[PartnerManifest]) -> list[Wanted]:
    """Every connector that is mapped by site, at every site, in the order of the sites."""
    known = [manifest for manifest in manifests if manifest.mapping is not None]
    return [_at_site(config, site, manifest) for site in config.sites for manifest in known]


def places(config: Config, manifests: Iterable[PartnerManifest]) -> list[Wanted]:
    """As `channels`, and behind them the connectors that aren't mapped by site, once each."""
    known = list(manifests)
    return [*channels(config, known), *(_of_box(config, one) for one in known if one.mapping is None)]


def _at_site(config: Config, site: Site, manifest: PartnerManifest) -> Wanted:
    mapping = site.partners.get(manifest.name)
    state, reason = _barred(config, manifest, [site])
    if state == "ready" and mapping is None:
        state, reason = "not_mapped", N_("no department and dealer number are chosen for {site}", site=site.name)
    elif state == "ready":
        state, reason = _enabled(config, manifest)
    return Wanted(
        id=f"{manifest.name}/{site.id}",
        connector=manifest.name,
        site=site.id,
        state=state,
        account=mapping.dealer_number if mapping else None,
        department=mapping.department if mapping else None,
        reason=reason,
    )


def _of_box(config: Config, manifest: PartnerManifest) -> Wanted:
    state, reason = _enabled(config, manifest)
    if state == "ready":
        state, reason = _barred(config, manifest, config.sites)
    return Wanted(id=manifest.name, connector=manifest.name, site="", state=state, reason=reason)


def _enabled(config: Config, manifest: PartnerManifest) -> tuple[State, Text | None]:
    """Whether it is switched on in the settings."""
    settings = config.connectors.get(manifest.name)
    if not manifest.is_off_by_default if settings is None else settings.enabled:
        return "ready", None
    return "disabled", N_("switched off in wtpd.yaml (connectors.{connector}.enabled)", connector=manifest.name)


def _barred(config: Config, manifest: PartnerManifest, sites: Sequence[Site]) -> tuple[State, Text | None]:
    """Whether the licence, or what the sites are, keeps it from working there."""
    if manifest.module is not None and manifest.module not in config.modules:
        return "not_licensed", N_("the module {module} isn't licensed on this box", module=manifest.module)
    if manifest.brand is not None and not any(manifest.brand in site.brands for site in sites):
        return "not_available", N_(
            "the brand {brand} isn't switched on at {site}",
            brand=manifest.brand, site=", ".join(site.name for site in sites),
        )  # fmt: skip
    if manifest.countries and not any(site.country in manifest.countries for site in sites):
        return "not_available", N_("no site is in {countries}", countries=", ".join(manifest.countries))
    return "ready", None
