"""What a new configuration drops that appointments hang on: such a file is held until somebody confirms it (spec:
config.md)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wtpd.config.channels import Wanted, channels
from wtpd.config.model import Config
from wtpd.config.rules import PartnerManifest
from wtpd.errors import Refused
from wtpd.store import losses as store
from wtpd.store.database import Tx
from wtpd.store.losses import Count
from wtpd.texts import N_, Text


@dataclass(frozen=True, slots=True)
class Loss:
    """One thing that the new settings lack. `kind`: `site`, `department`, `mapping` or `connector`; `name` is its
    dotted path in the file."""

    kind: str
    name: str
    count: Count

    @property
    def text(self) -> Text:
        return N_(
            "{name} ({coming} appointments to come, {past} past)",
            name=self.name, coming=self.count.coming, past=self.count.past,
        )  # fmt: skip


class Held(Refused):
    """A file that lacks something; the settings before stay in force. `etag` is that of its text."""

    kind = "config-held"

    def __init__(self, losses: Sequence[Loss], etag: str) -> None:
        self.losses = tuple(losses)
        self.etag = etag
        self.coming = sum(one.count.coming for one in losses)
        self.past = sum(one.count.past for one in losses)
        named = _joined(losses[:MOST_NAMED])
        left = len(losses) - MOST_NAMED
        super().__init__(
            N_("wtpd.yaml lacks {losses}. It isn't applied before somebody confirms it.", losses=named)
            if left <= 0
            else N_(
                "wtpd.yaml lacks {losses} and {count} more. It isn't applied before somebody confirms it.",
                losses=named, count=left,
            ),
            facts={"etag": etag, "coming": self.coming, "past": self.past},
        )  # fmt: skip


MOST_NAMED = 3
"""Losses that the sentence names."""


def _joined(losses: Sequence[Loss]) -> Text:
    text = losses[0].text
    for one in losses[1:]:
        text = N_("{first}, {second}", first=text, second=one.text)
    return text


def find(tx: Tx, old: Config, new: Config, manifests: Iterable[PartnerManifest]) -> list[Loss]:
    """What `new` lacks of `old` and appointments hang on. A connector that is switched off by name (`enabled: false`)
    is none: that is said, not lost."""
    known = list(manifests)
    kept = {site.id: site for site in new.sites}
    found: list[Loss] = []
    for site in old.sites:
        if site.id not in kept:
            counts = [store.booked(tx, site.id), *(store.linked(tx, f"{one.name}/{site.id}") for one in known)]
            most = Count(max(one.coming for one in counts), max(one.past for one in counts))
            found.append(Loss("site", f"sites.{site.id}", most))
            continue
        departments = {part.id for part in kept[site.id].departments}
        found += [
            Loss("department", f"sites.{site.id}.departments.{part.id}", store.booked(tx, site.id, part.id))
            for part in site.departments
            if part.id not in departments
        ]
    found += _connections(tx, old, new, known)
    return [one for one in found if one.count]


def _connections(tx: Tx, old: Config, new: Config, manifests: Sequence[PartnerManifest]) -> list[Loss]:
    """Connectors at sites that worked, and wouldn't any more."""
    works = {one.id for one in channels(new, manifests) if one.state in ("ready", "disabled")}
    found = []
    sites = {site.id for site in new.sites}
    for channel in (one for one in channels(old, manifests) if one.site in sites):
        count = store.linked(tx, channel.id) if channel.state in ("ready", "disabled") else Count(0, 0)
        if channel.id not in works:
            found.append(Loss("mapping", f"sites.{channel.site}.partners.{channel.connector}", count))
        elif channel.connector in old.connectors and channel.connector not in new.connectors:
            found.append(Loss("connector", f"connectors.{channel.connector} ({channel.site})", count))
    return found


def changed_channels(old: Config, new: Config, manifests: Iterable[PartnerManifest]) -> list[Wanted]:
    """The channels of `new` that work under another department or number than in `old`, or didn't work there."""
    known = list(manifests)
    before = {one.id: (one.department, one.account) for one in channels(old, known) if one.state == "ready"}
    return [
        one
        for one in channels(new, known)
        if one.state == "ready" and before.get(one.id) != (one.department, one.account)
    ]
