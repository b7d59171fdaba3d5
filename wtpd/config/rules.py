"""Rules across the file: what the schema of one key can't say (spec: config.md, superservice.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from wtpd.config import names
from wtpd.config.errors import ConfigError, Place
from wtpd.config.model import Config, ConnectorSettings, Department, DropOff, PartnerMapping, Site, seconds
from wtpd.config.schema import secret_text
from wtpd.config.tree import Node, Path, dotted, nearest_place
from wtpd.errors import Invalid
from wtpd.texts import N_, Text
from wtpd.web_address import checked_address


class PartnerManifest(Protocol):
    """What the rules need to know of a connector; `wtpd.connectors.manifest.Manifest` is one."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def module(self) -> str | None: ...
    @property
    def brand(self) -> str | None: ...
    @property
    def settings(self) -> type[ConnectorSettings]: ...
    @property
    def mapping(self) -> type[PartnerMapping] | None: ...
    @property
    def is_off_by_default(self) -> bool: ...
    @property
    def countries(self) -> tuple[str, ...]: ...


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
    """What exists besides the file; None: not known here, so not checked. `broken`: what the schema complains of; no
    rule complains of what follows from that."""

    manifests: Mapping[str, PartnerManifest] | None = None
    providers: Mapping[str, CredentialProvider] | None = None
    broken: frozenset[Path] = frozenset()

    def is_broken(self, *path: str | int) -> bool:
        """Something at `path`, above or below it is."""
        return any(one[: len(path)] == path[: len(one)] for one in self.broken)


def check(config: Config, known: Known, root: Node, name: str) -> Iterator[ConfigError]:
    """All broken rules, in no special order; `root` is the file, for their lines."""
    findings = [*_box(config), *_listener(config), *_modules(config, known), *_sites(config)]
    findings += _credentials(config, known)
    findings += _connectors(config, known)
    findings += _dealer_numbers(config, known, lambda path: nearest_place(root, path))
    for number, site in enumerate(config.sites):
        at: Path = ("sites", number)
        findings += _place_and_time(site, at, known)
        findings += _addresses(site, at)
        findings += _departments(site, at, known)
        findings += _partners(site, at, known)
    for path, text in findings:
        yield ConfigError(place=nearest_place(root, path), path=dotted(config, path), text=text, name=name)


def _box(config: Config) -> Iterator[Finding]:
    if config.mail.host and (wrong := names.host(config.mail.host)) is not None:
        yield ("mail", "host"), wrong
    if config.mail.sender is not None and (wrong := names.mail_address("sender", config.mail.sender)) is not None:
        yield ("mail", "sender"), wrong
    socket = config.api.socket
    if not socket.startswith("/"):
        yield ("api", "socket"), N_("socket {path} is relative; write it from / on: /run/wtpd/api.sock", path=socket)
    elif len(socket.encode()) > MAX_SOCKET:
        yield (
            ("api", "socket"),
            N_("socket has {count} bytes; the system allows {limit}", count=len(socket.encode()), limit=MAX_SOCKET),
        )


def _listener(config: Config) -> Iterator[Finding]:
    listener = config.listener
    if not names.is_ip(listener.address):
        yield (
            ("listener", "address"),
            N_("address {address} is no address of the box; right is, for example: 0.0.0.0", address=listener.address),
        )
    for number, network in enumerate(listener.networks):
        if (wrong := names.network(network)) is not None:
            yield ("listener", "networks", number), wrong
    for number, name in enumerate(listener.names):
        if (wrong := names.host(name)) is not None:
            yield ("listener", "names", number), wrong
    if listener.enabled and not listener.networks:
        yield ("listener", "networks"), N_("networks is empty, so nobody could connect; name that of the callers")


MAX_SOCKET = 107
"""Bytes of the path of a Unix socket (unix(7), `sun_path` without its closing NUL)."""


def _modules(config: Config, known: Known) -> Iterator[Finding]:
    if known.manifests is None:
        return
    modules = {manifest.module for manifest in known.manifests.values() if manifest.module is not None}
    for number, module in enumerate(config.modules):
        if module not in modules and not known.is_broken("modules"):
            yield ("modules", number), names.unknown(N_("module"), module, modules)


def _addresses(site: Site, at: Path) -> Iterator[Finding]:
    for key in ("email", "status_mail"):
        address = getattr(site, key)
        if address is not None and (wrong := names.mail_address(key, address)) is not None:
            yield (*at, key), wrong


def _sites(config: Config) -> Iterator[Finding]:
    seen: set[str] = set()
    for number, site in enumerate(config.sites):
        if site.id in seen:
            yield ("sites", number, "id"), N_("two sites have the id {id}; every id stands for one site", id=site.id)
        seen.add(site.id)


def _dealer_numbers(config: Config, known: Known, place_of: Callable[[Path], Place]) -> Iterator[Finding]:
    first: dict[tuple[str, str], tuple[str, Path]] = {}
    for number, site in enumerate(config.sites):
        for partner, mapping in site.partners.items():
            path: Path = ("sites", number, "partners", partner, "dealer_number")
            if known.is_broken(*path):
                continue
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
        yield from (((*path, *inner), text) for inner, text in settings.problems())
        if settings.address is not None:
            yield from _address(settings.address, path)
        if seconds(settings.connect_timeout) > seconds(settings.total_timeout):
            yield (*path, "connect_timeout"), N_("connect_timeout is longer than total_timeout")


def _address(address: str, path: Path) -> Iterator[Finding]:
    where = (*path, "address")
    if "@" in address.partition("://")[2].partition("/")[0]:
        yield where, secret_text("user:password@", path)
        return
    try:
        checked_address(address)
    except Invalid as error:
        yield where, N_("address: {problem} Right is, for example: https://partner.example.com", problem=error.text)


def _credentials(config: Config, known: Known) -> Iterator[Finding]:
    for name, settings in config.credentials.items():
        path: Path = ("credentials", name)
        if known.providers is not None and name not in known.providers:
            yield path, names.unknown(N_("provider"), name, known.providers)
        elif known.providers is not None and settings.scope not in known.providers[name].scopes:
            yield (*path, "scope"), N_(
                "{provider} has no entries for the scope {scope}; possible: {allowed}",
                provider=name, scope=settings.scope, allowed=", ".join(known.providers[name].scopes),
            )  # fmt: skip


def _place_and_time(site: Site, at: Path, known: Known) -> Iterator[Finding]:
    from zoneinfo import ZoneInfo

    if site.country not in names.COUNTRIES:
        if not known.is_broken(*at, "country"):
            yield (*at, "country"), names.unknown_country(site.country)
        return
    try:
        ZoneInfo(site.time_zone)
    except (KeyError, ValueError, OSError):
        yield (*at, "time_zone"), names.unknown_zone(site.time_zone, site.country)
    if site.region is not None and not known.is_broken(*at, "country"):
        regions = _REGIONS.get(site.country) or _holiday_regions(site.country)
        if regions and site.region not in regions:
            yield (*at, "region"), N_(
                "region {region} is unknown in {country}; possible: {allowed}",
                region=site.region, country=site.country, allowed=", ".join(sorted(regions)),
            )  # fmt: skip


def _holiday_regions(country: str) -> frozenset[str]:
    import holidays

    try:
        return frozenset(holidays.country_holidays(country).subdivisions)
    except NotImplementedError:
        return frozenset()


def _departments(site: Site, at: Path, known: Known) -> Iterator[Finding]:
    seen: set[str] = set()
    for number, department in enumerate(site.departments):
        path = (*at, "departments", number)
        if department.id in seen:
            yield (*path, "id"), N_("{site} has two departments {id}", site=site.id, id=department.id)
        for place, day in enumerate(department.open_on):
            if not _is_day(day):
                yield (*path, "open_on", place), N_("{day} is no day", day=day)
        seen.add(department.id)
        yield from _windows(department, path, known)


def _windows(department: Department, at: Path, known: Known) -> Iterator[Finding]:
    for day, windows in department.drop_off.items():
        taken: list[tuple[str, str]] = []
        for number, window in enumerate(windows):
            path: Path = (*at, "drop_off", day, number, "times")
            start, end = span(window)
            if known.is_broken(*path):
                continue
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
    misspelt = dict(_misspelt_brands(site, at, known))
    yield from ((path, text) for path, (_, text) in misspelt.items())
    for partner, mapping in site.partners.items():
        path: Path = (*at, "partners", partner)
        if mapping.department not in departments and not known.is_broken(*at, "departments"):
            yield (*path, "department"), _unknown_department(site, mapping.department, departments)
        if known.manifests is None:
            continue
        manifest = known.manifests.get(partner)
        if manifest is None:
            yield path, _unknown_partner(partner, known.manifests)
        elif manifest.mapping is None:
            yield path, N_(
                "{partner} exchanges no appointments and needs no dealer number; take {key} out",
                partner=manifest.title, key=partner,
            )  # fmt: skip
        elif manifest.brand is not None and manifest.brand not in site.brands:
            if known.is_broken(*at, "brands") or manifest.brand in (meant for meant, _ in misspelt.values()):
                continue
            yield path, N_(
                "{partner} isn't available at {site}: the brand {brand} isn't switched on there (brands)",
                partner=manifest.title, site=site.id, brand=manifest.brand,
            )  # fmt: skip
    if site.partners and site.status_mail is None and not known.is_broken(*at, "status_mail"):
        yield (
            (*at, "partners"),
            N_("{site} needs a status_mail: a site with a partner gets status information by e-mail", site=site.id),
        )


def _misspelt_brands(site: Site, at: Path, known: Known) -> Iterator[tuple[Path, tuple[str, Text]]]:
    """Where a brand stands that is nearly another one, which it is, and a sentence that says so."""
    wanted = {one.brand for one in (known.manifests or {}).values() if one.brand is not None}
    for number, brand in enumerate(site.brands):
        meant = names.meant_brand(brand, wanted)
        if meant is not None and meant not in site.brands:
            text = N_("brand {brand} is unknown; did you mean {suggestion}?", brand=brand, suggestion=meant)
            yield (*at, "brands", number), (meant, text)


def _unknown_department(site: Site, department: str, departments: Sequence[str]) -> Text:
    return N_(
        "{site} has no department {department}; it has: {departments}",
        site=site.id, department=department, departments=", ".join(departments) or "-",
    )  # fmt: skip


def _unknown_partner(partner: str, manifests: Iterable[str]) -> Text:
    return names.unknown(N_("connector"), partner, manifests)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
