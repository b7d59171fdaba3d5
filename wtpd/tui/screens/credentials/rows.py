"""The rows of the credentials: what is wrong or needed first, then what is stored, then what could be. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from wtpd.client import Json
from wtpd.language import say
from wtpd.texts import N_, Text
from wtpd.tui.formats import Formats, moment_of
from wtpd.tui.glyphs import Glyphs
from wtpd.tui.widgets.lines import Span
from wtpd.words import CREDENTIAL_RESULTS

ENDS_SOON = timedelta(days=14)
LEVELS: Mapping[str, Text] = {
    "general": N_("general"),
    "office": N_("office"),
    "assessor": N_("assessor"),
    "user": N_("user"),
}
"""Whom an entry serves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One entry, or one that is needed, or a provider without any (`scope` empty). `problem`: what the daemon says is
    wrong with it."""

    provider: Json
    scope: str = ""
    entry: Json | None = None
    problem: Json | None = None

    @property
    def key(self) -> str:
        return f"{self.provider['provider']}/{self.scope}"

    @property
    def title(self) -> str:
        return str(self.provider["title"])


def rows_of(providers: Iterable[Json], problems: Iterable[Json]) -> list[Row]:
    """`problems`: those of the daemon's status; worst first, and so are the rows that have one."""
    listed = list(providers)
    wrong: dict[str, Json] = {}
    for problem in problems:
        place = problem["place"]
        if place["screen"] == "credentials" and place["key"]:
            wrong.setdefault(place["key"], problem)
    stored = {row.key: row for provider in listed for row in _stored(provider, wrong)}
    named = {provider["provider"]: provider for provider in listed}
    known = [stored.get(key) or _needed(named, key, problem) for key, problem in wrong.items()]
    first = [row for row in known if row is not None]
    unreadable = [row for row in stored.values() if row.key not in wrong and row.entry and not row.entry["readable"]]
    well = [row for row in stored.values() if row.key not in wrong and row.entry and row.entry["readable"]]
    seen = {row.provider["provider"] for row in (*first, *stored.values())}
    rest = [Row(provider=provider) for provider in listed if provider["provider"] not in seen]
    return [*first, *unreadable, *well, *rest]


def _stored(provider: Json, wrong: Mapping[str, Json]) -> list[Row]:
    name = provider["provider"]
    return [
        Row(provider=provider, scope=entry["scope"], entry=entry, problem=wrong.get(f"{name}/{entry['scope']}"))
        for entry in provider["entries"]
    ]


def _needed(named: Mapping[str, Json], key: str, problem: Json) -> Row | None:
    name, _, scope = key.partition("/")
    return Row(provider=named[name], scope=scope, problem=problem) if name in named else None


def state_of(row: Row, formats: Formats, glyphs: Glyphs) -> Span:
    """Sign, words and tint."""
    sign, words, tint = _state(row, formats, glyphs)
    return f"{sign} {say(words)}", tint


def _state(row: Row, formats: Formats, glyphs: Glyphs) -> tuple[str, Text, str]:
    entry, now = row.entry, formats.now()
    if entry is None:
        if row.problem is not None:
            return glyphs.bad, N_("needed, not entered"), "bad"
        return glyphs.idle, N_("nothing stored"), "dim"
    if not entry["readable"]:
        return glyphs.bad, N_("key lost: enter again"), "bad"
    ends = moment_of(entry["expires_at"]) if entry["expires_at"] else None
    if ends is not None and ends <= now:
        return glyphs.bad, N_("expired {ago}", ago=formats.ago(entry["expires_at"])), "bad"
    if entry["last_result"] == "refused" or (row.problem and row.problem["kind"] == "channel.needs_token"):
        return glyphs.bad, N_("refused"), "bad"
    if ends is not None and ends - now <= ENDS_SOON:
        return glyphs.warn, N_("expires {ago}", ago=formats.ago(entry["expires_at"])), "warn"
    if row.problem is not None:
        return glyphs.warn, N_("trouble"), "warn"
    return glyphs.ok, N_("works") if entry["last_result"] == "ok" else N_("stored"), "ok"


def scope_name(scope: str, sites: Sequence[Json], people: Mapping[str, str]) -> str:
    """`office Autohaus Rostock`; `people`: names by scope (`assessor:meier`)."""
    level, _, identity = scope.partition(":")
    if not identity:
        return say(LEVELS[level]) if level in LEVELS else scope
    names = {f"office:{site['id']}": str(site["name"]) for site in sites} | {**people}
    return f"{say(LEVELS[level])} {names.get(scope, identity)}" if level in LEVELS else scope


def zone_for(scope: str, sites: Sequence[Json]) -> str | None:
    """In which the day ends on which an entry ends: that of its office, or of the first site."""
    office = scope.removeprefix("office:")
    return next(
        (str(one["time_zone"]) for one in sites if one["id"] == office), str(sites[0]["time_zone"]) if sites else None
    )


def setting_of(provider: Json) -> Text:
    """Which of its entries serve, as the settings say."""
    level = LEVELS.get(provider["scope"], provider["scope"])
    if provider["scope"] == "general":
        return N_("the general entry serves everything")
    if provider["fallback"]:
        return N_("by {level}; where there is none, the general entry", level=level)
    return N_("by {level}; where there is none, it is refused", level=level)


def serving(provider: Json, site: str, scopes: Collection[str]) -> str | None:
    """The scope of the entry that a connector uses at a site, if there are entries for `scopes` (spec: credentials.md,
    scopes)."""
    office = f"office:{site}"
    if provider["scope"] == "office" and office in scopes:
        return office
    if (provider["scope"] == "general" or provider["fallback"] == "general") and "general" in scopes:
        return "general"
    return None


def removal(row: Row, channels: Iterable[Json], site_name: Mapping[str, str]) -> Text:
    """What comes of removing an entry. `channels`: those of the daemon's status."""
    scopes = {entry["scope"] for entry in row.provider["entries"]}
    sites = [
        one["site"]
        for one in channels
        if one["id"].startswith(f"{row.provider['provider']}/")
        and one["account"] is not None
        and serving(row.provider, one["site"], scopes) == row.scope
    ]
    stopped = [site for site in sites if serving(row.provider, site, scopes - {row.scope}) is None]
    names = ", ".join(site_name.get(site, site) for site in stopped)
    if stopped:
        return N_("{partner} stops at {sites} until others are entered; what is to be sent waits.",
                  partner=row.title, sites=names)  # fmt: skip
    if sites:
        return N_("From then on the general entry serves in its place.")
    return N_("No connector uses it. Orders that need it are refused from then on.")


def result_word(result: Any) -> str:
    return say(CREDENTIAL_RESULTS[result]) if result in CREDENTIAL_RESULTS else str(result or "")
