"""Rules across the file: what the schema of one key can't say (spec: config.md, superservice.md)."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from wtpd.config.errors import ConfigError, Place
from wtpd.config.model import Config, Department, DropOff, Site, seconds
from wtpd.config.schema import secret_text
from wtpd.config.tree import Path, dotted
from wtpd.texts import N_, Text


class PartnerManifest(Protocol):
    """What the rules need to know of a connector; `wtpd.connectors.base.Manifest` is one."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def module(self) -> str | None: ...
    @property
    def brand(self) -> str | None: ...


class CredentialProvider(Protocol):
    """What the rules need to know of a provider; `wtpd.secrets.providers.Provider` is one."""

    @property
    def name(self) -> str: ...
    @property
    def scopes(self) -> Sequence[str]: ...


Finding = tuple[Path, Text]

_REGIONS: Mapping[str, frozenset[str]] = {
    "DE": frozenset({"BB", "BE", "BW", "BY", "HB", "HE", "HH", "MV", "NI", "NW", "RP", "SH", "SL", "SN", "ST", "TH"}),
    "NL": frozenset({"DR", "FL", "FR", "GE", "GR", "LI", "NB", "NH", "OV", "UT", "ZE", "ZH"}),
}
"""ISO 3166-2, for the countries our dealerships are in: so the `holidays` library (6 MB) isn't loaded for a check."""


@dataclass(frozen=True, slots=True)
class Known:
    """What exists besides the file; None: not known here, so not checked."""

    manifests: Mapping[str, PartnerManifest] | None = None
    providers: Mapping[str, CredentialProvider] | None = None


def check(config: Config, known: Known, place_of: Callable[[Path], Place], name: str) -> Iterator[ConfigError]:
    """All broken rules, in no special order. `place_of` finds the line of a path, or of the nearest part above it."""
    findings = [*_sites(config), *_connectors(config, known), *_credentials(config, known)]
    findings += _dealer_numbers(config, place_of)
    for number, site in enumerate(config.sites):
        at: Path = ("sites", number)
        findings += _region_and_zone(site, at)
        findings += _departments(site, at)
        findings += _partners(site, at, known)
    for path, text in findings:
        yield ConfigError(place=place_of(path), path=dotted(config, path), text=text, name=name)


def _sites(config: Config) -> Iterator[Finding]:
    seen: set[str] = set()
    for number, site in enumerate(config.sites):
        if site.id in seen:
            yield ("sites", number, "id"), N_("two sites have the id {id}; every id stands for one site", id=site.id)
        seen.add(site.id)


def _dealer_numbers(config: Config, place_of: Callable[[Path], Place]) -> Iterator[Finding]:
    first: dict[tuple[str, str], tuple[str, Path]] = {}
    for number, site in enumerate(config.sites):
        for partner, mapping in site.partners.items():
            path: Path = ("sites", number, "partners", partner, "dealer_number")
            other = first.setdefault((partner, mapping.dealer_number), (site.id, path))
            if other[1] != path:
                yield path, N_(
                    "dealer number {dealer_number} is used by two sites: {first} (line {line}) and {second}; "
                    "a number stands for one site",
                    dealer_number=mapping.dealer_number, first=other[0], line=place_of(other[1]).line, second=site.id,
                )  # fmt: skip


def _connectors(config: Config, known: Known) -> Iterator[Finding]:
    for partner, settings in config.connectors.items():
        path: Path = ("connectors", partner)
        if known.manifests is not None and partner not in known.manifests:
            yield path, _unknown_partner(partner, known.manifests)
        if settings.address is not None:
            yield from _address(settings.address, path)
        if seconds(settings.connect_timeout) > seconds(settings.total_timeout):
            yield (*path, "connect_timeout"), N_("connect_timeout is longer than total_timeout")


def _address(address: str, path: Path) -> Iterator[Finding]:
    where = (*path, "address")
    try:
        parts = urlsplit(address)
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        yield where, N_("address is no web address; right is, for example: https://partner.example.com")
    elif parts.username is not None or parts.password is not None:
        yield where, secret_text("user:password@", path)


def _credentials(config: Config, known: Known) -> Iterator[Finding]:
    for name, settings in config.credentials.items():
        path: Path = ("credentials", name)
        if known.providers is not None and name not in known.providers:
            yield path, _unknown(N_("provider"), name, known.providers)
        elif known.providers is not None and settings.scope not in known.providers[name].scopes:
            yield (*path, "scope"), N_(
                "{provider} has no entries for the scope {scope}; possible: {allowed}",
                provider=name, scope=settings.scope, allowed=", ".join(known.providers[name].scopes),
            )  # fmt: skip


def _region_and_zone(site: Site, at: Path) -> Iterator[Finding]:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(site.time_zone)
    except (KeyError, ValueError, OSError):
        yield (*at, "time_zone"), _unknown_zone(site.time_zone)
    if site.region is not None:
        regions = _REGIONS.get(site.country) or _holiday_regions(site.country)
        if regions and site.region not in regions:
            yield (*at, "region"), N_(
                "region {region} is unknown in {country}; possible: {allowed}",
                region=site.region, country=site.country, allowed=", ".join(sorted(regions)),
            )  # fmt: skip


def _unknown_zone(zone: str) -> Text:
    from zoneinfo import available_timezones

    near = difflib.get_close_matches(zone, available_timezones(), n=1, cutoff=0.6)
    if near:
        return N_("time zone {zone} is unknown; did you mean {suggestion}?", zone=zone, suggestion=near[0])
    return N_("time zone {zone} is unknown; right is, for example: Europe/Berlin", zone=zone)


def _holiday_regions(country: str) -> frozenset[str]:
    import holidays

    try:
        return frozenset(holidays.country_holidays(country).subdivisions)
    except NotImplementedError:
        return frozenset()


def _departments(site: Site, at: Path) -> Iterator[Finding]:
    seen: set[str] = set()
    for number, department in enumerate(site.departments):
        path = (*at, "departments", number)
        if department.id in seen:
            yield (*path, "id"), N_("{site} has two departments {id}", site=site.id, id=department.id)
        seen.add(department.id)
        yield from _windows(department, path)


def _windows(department: Department, at: Path) -> Iterator[Finding]:
    for day, windows in department.drop_off.items():
        taken: list[tuple[str, str]] = []
        for number, window in enumerate(windows):
            path: Path = (*at, "drop_off", day, number, "times")
            start, end = span(window)
            if start >= end:
                yield path, N_("{times} ends before it begins", times=window.times)
                continue
            for other_start, other_end in taken:
                if start < other_end and other_start < end:
                    yield path, N_(
                        "{times} overlaps {other} on the same day",
                        times=window.times, other=f"{other_start}-{other_end}",
                    )  # fmt: skip
            taken.append((start, end))


def span(window: DropOff) -> tuple[str, str]:
    """`08:00-17:00` → ("08:00", "17:00"); as texts they are in the order of time."""
    start, _, end = window.times.partition("-")
    return start, end


def _partners(site: Site, at: Path, known: Known) -> Iterator[Finding]:
    departments = [department.id for department in site.departments]
    for partner, mapping in site.partners.items():
        path: Path = (*at, "partners", partner)
        if mapping.department not in departments:
            yield (*path, "department"), _unknown_department(site, mapping.department, departments)
        if known.manifests is None:
            continue
        manifest = known.manifests.get(partner)
        if manifest is None:
            yield path, _unknown_partner(partner, known.manifests)
        elif manifest.brand is not None and manifest.brand not in site.brands:
            yield path, N_(
                "{partner} isn't available at {site}: the brand {brand} isn't switched on there (brands)",
                partner=manifest.title, site=site.id, brand=manifest.brand,
            )  # fmt: skip
    if site.partners and site.status_mail is None:
        yield (
            (*at, "partners"),
            N_("{site} needs a status_mail: a site with a partner gets status information by e-mail", site=site.id),
        )


def _unknown_department(site: Site, department: str, departments: Sequence[str]) -> Text:
    return N_(
        "{site} has no department {department}; it has: {departments}",
        site=site.id, department=department, departments=", ".join(departments) or "-",
    )  # fmt: skip


def _unknown_partner(partner: str, manifests: Iterable[str]) -> Text:
    return _unknown(N_("connector"), partner, manifests)


def _unknown(what: Text, name: str, names: Iterable[str]) -> Text:
    names = sorted(names)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return N_("there is no {what} {name}; did you mean {suggestion}?", what=what, name=name, suggestion=near[0])
    return N_("there is no {what} {name}; known: {known}", what=what, name=name, known=", ".join(names) or "-")
