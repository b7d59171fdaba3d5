"""Makes a channel out of the settings: the partner's client, its connector, what the sync engine wants to know."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from wtpd.book import availability
from wtpd.book.book import Book
from wtpd.book.sync_port import SyncBook
from wtpd.clock import Clock
from wtpd.config import channels as gate
from wtpd.config.model import AppointmentSettings, Config, ConnectorSettings, seconds
from wtpd.connectors.kit.access import ConnectorAccess
from wtpd.connectors.manifest import AppointmentPartner, Manifest, Verified
from wtpd.daemon.loop import Loop
from wtpd.errors import Refused
from wtpd.store import channels as store
from wtpd.store.database import Database, Tx
from wtpd.store.session import StoreTransactions
from wtpd.sync.channel import Channel
from wtpd.sync.ports import DayOffer, Incoming, Session, Unreadable
from wtpd.sync.spec import ChannelSpec
from wtpd.texts import N_

log = logging.getLogger(__name__)

LOOP_END = 3.0
"""Seconds that a loop may take to end when it is stopped."""

Secrets = Callable[[str, str], Awaitable[Mapping[str, str]]]
"""The credential fields of a connector at a site; raises `NeedsToken` if there are none."""


@dataclass(slots=True)
class Running:
    """One channel with what it was made of."""

    channel: Channel
    connector: AppointmentPartner
    loops: list[Loop] = field(default_factory=list)

    def parse(self, raw: Any) -> Incoming | Unreadable:
        """Read a kept message again."""
        return self.connector.parse(self.channel.spec.account, raw)

    async def verify(self) -> Verified:
        """Who we are at the partner. Raises the partner's errors."""
        return await self.connector.verify(self.channel.spec.account)

    def start(self, clock: Clock, chance: random.Random) -> None:
        for name, work in (("work", self.channel.work), ("listen", self.channel.listen)):
            loop = Loop(f"{self.channel.spec.id} {name}", work, clock=clock, chance=chance)
            self.loops.append(loop)
            loop.start()

    async def halt(self) -> None:
        """End the loops; `start` begins anew. What a run had under way is repeated then, under its keys."""
        loops, self.loops = self.loops, []
        if not all(await asyncio.gather(*(loop.stop(LOOP_END) for loop in loops))):
            log.error("A loop of %s didn't end within %.0f s", self.channel.spec.id, LOOP_END)

    async def close(self) -> None:
        """End the loops, write what is only in memory, close the partner's connections; safe to call twice."""
        await self.halt()
        for name, end in (("channel", self.channel.close), ("connector", self.connector.close)):
            try:
                await end()
            except Exception:
                log.exception("%s of %s didn't close well", name, self.channel.spec.id)


class ChannelMaker:
    def __init__(
        self,
        db: Database,
        book: Book,
        manifests: Mapping[str, Manifest],
        secrets: Secrets,
        *,
        clock: Clock,
        chance: random.Random,
        quiet: Callable[[str], None],
    ) -> None:
        self._db = db
        self._quiet = quiet
        self._book = book
        self._manifests = manifests
        self._secrets = secrets
        self._clock = clock
        self._chance = chance
        self._transactions = StoreTransactions(db, lambda tx: SyncBook(book, tx))

    async def take_mapping(self, config: Config) -> None:
        """Tell the database which channels there are, and which no more."""
        specs = {
            one.id: self.spec(config, one)
            for one in gate.channels(config, self._manifests.values())
            if one.state == "ready"
        }

        def work(tx: Tx) -> None:
            for mapped in store.all_mapped(tx):
                if mapped.active and mapped.channel not in specs:
                    store.deactivate(tx, mapped.channel)
            for spec in specs.values():
                store.put(tx, spec)

        await self._db.write(work)

    def running(self, config: Config, wanted: gate.Channel) -> Running:
        manifest = self._manifests[wanted.connector]
        settings = config.connectors.get(wanted.connector, manifest.settings())
        connector = self.connector(manifest, settings, lambda: self._secrets(wanted.connector, wanted.site))
        spec = self.spec(config, wanted)
        if not connector.holds_requests:
            spec = replace(spec, long_poll=0.0)

        def offers(session: Session, days: Sequence[date]) -> Sequence[DayOffer]:
            return availability.offers(session.tx, self._book, spec.site, spec.department, days)

        channel = Channel(
            spec,
            connector,
            self._transactions,
            clock=self._clock,
            chance=self._chance,
            offers=offers if connector.takes_availability else None,
            quiet=self._quiet,
        )
        return Running(channel, connector)

    def connector(
        self, manifest: Manifest, settings: ConnectorSettings, secrets: Callable[[], Awaitable[Mapping[str, str]]]
    ) -> AppointmentPartner:
        if manifest.appointments is None:
            raise Refused(N_("{title} can't exchange appointments.", title=manifest.title))
        return manifest.appointments(ConnectorAccess(manifest.name, settings, self._clock, secrets))

    def spec(self, config: Config, wanted: gate.Channel) -> ChannelSpec:
        manifest = self._manifests[wanted.connector]
        settings = config.connectors.get(wanted.connector, manifest.settings())
        assert isinstance(settings, AppointmentSettings)
        zone = next(site.time_zone for site in config.sites if site.id == wanted.site)
        return ChannelSpec(
            id=wanted.id,
            connector=wanted.connector,
            site=wanted.site,
            department=wanted.department or "",
            account=wanted.account or "",
            actor=manifest.actor,
            zone=zone,
            fields=frozenset(manifest.delivered_fields),
            interval=seconds(settings.interval),
            long_poll=seconds(settings.long_poll),
            burst=seconds(settings.burst),
            calls_at_once=settings.calls_at_once,
            horizon_days=settings.horizon_days,
        )
