"""Channels of partners that keep appointments both ways: the sync engine, the book and a connector, joined."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from wtpd.book import availability
from wtpd.book.book import Book
from wtpd.book.sync_port import SyncBook
from wtpd.channel.spec import ChannelSpec
from wtpd.clock import Clock
from wtpd.config.channels import Wanted, channels
from wtpd.config.model import AppointmentSettings, Config, ConnectorSettings, seconds
from wtpd.connectors.kit.access import ConnectorAccess
from wtpd.connectors.manifest import AppointmentPartner, Manifest, Verified
from wtpd.daemon.channels.channel import Place, Row
from wtpd.daemon.loop import Loop
from wtpd.errors import Refused
from wtpd.store import channels as store
from wtpd.store.database import Database, Tx
from wtpd.store.session import StoreTransactions
from wtpd.sync import decide
from wtpd.sync.channel import MANUAL, Channel
from wtpd.sync.compare import Comparison
from wtpd.sync.ports import DayOffer, RunRecord, Session
from wtpd.texts import N_

log = logging.getLogger(__name__)

LOOP_END = 3.0
"""Seconds that a loop may take to end when it is stopped."""

SiteSecrets = Callable[[str, str], Awaitable[Mapping[str, str]]]
"""The credential fields of a connector at a site; raises `NeedsToken` if there are none."""


class AppointmentChannel:
    """`wtpd.daemon.channels.channel.Channel` over the sync engine's channel and the connector that it uses."""

    def __init__(
        self, engine: Channel, connector: AppointmentPartner, title: str, *, clock: Clock, chance: random.Random
    ) -> None:
        self._engine = engine
        self._connector = connector
        self._title = title
        self._clock = clock
        self._chance = chance
        self._loops: list[Loop] = []

    @property
    def row(self) -> Row:
        spec, state = self._engine.spec, self._engine.state
        return Row(
            id=spec.id, connector=spec.connector, site=spec.site, title=self._title, account=spec.account,
            department=spec.department, condition=self._engine.condition, makes_runs=True,
            last_success=state.last_success, next_run=self._engine.next_run, error=state.last_error,
        )  # fmt: skip

    @property
    def loops(self) -> Sequence[Loop]:
        return self._loops

    async def load(self) -> None:
        await self._engine.state.load()

    def start(self) -> None:
        if self._loops:
            return
        for name, work in (("work", self._engine.work), ("listen", self._engine.listen)):
            loop = Loop(f"{self._engine.spec.id} {name}", work, clock=self._clock, chance=self._chance)
            self._loops.append(loop)
            loop.start()

    async def halt(self) -> None:
        """What a run had under way is repeated after the next `start`, under its keys."""
        loops, self._loops = self._loops, []
        if not all(await asyncio.gather(*(loop.stop(LOOP_END) for loop in loops))):
            log.error("A loop of %s didn't end within %.0f s", self._engine.spec.id, LOOP_END)

    async def close(self) -> None:
        await self.halt()
        for name, end in (("channel", self._engine.close), ("connector", self._connector.close)):
            try:
                await end()
            except Exception:
                log.exception("%s of %s didn't close well", name, self._engine.spec.id)

    def notice(self, signals: Iterable[str]) -> None:
        self._engine.notice(signals)

    async def credentials_changed(self) -> None:
        await self._engine.credentials_changed()

    async def verify(self, by: str) -> Verified:
        return await self._connector.verify(self._engine.spec.account)

    async def compare(self) -> Comparison:
        return await self._engine.compare()

    async def run(self, *, dry_run: bool = False) -> RunRecord:
        return await self._engine.run(MANUAL, dry_run=dry_run)

    async def resync(self) -> RunRecord:
        return await self._engine.resync()

    async def pause(self, by: str) -> None:
        await self._engine.pause(by)

    async def resume(self, by: str, *, accept_cancellations: bool = False) -> None:
        await self._engine.resume(by=by, accept_cancellations=accept_cancellations)

    def retry(self, session: Session, entry: int, *, by: str, edited: Mapping[str, Any] | None) -> None:
        spec = self._engine.spec
        decide.retry(session, entry, spec, lambda raw: self._connector.parse(spec.account, raw), by=by, edited=edited)


class AppointmentChannels:
    """`quiet` is told the channel's id after each run in which nothing happened."""

    makes_runs = True
    is_testable = True

    def __init__(
        self,
        db: Database,
        book: Book,
        manifests: Iterable[Manifest],
        secrets: SiteSecrets,
        *,
        clock: Clock,
        chance: random.Random,
        quiet: Callable[[str], None] = lambda channel: None,
    ) -> None:
        self._db = db
        self._quiet = quiet
        self._book = book
        self._manifests = {one.name: one for one in manifests if self.takes(one)}
        self._secrets = secrets
        self._clock = clock
        self._chance = chance
        self._transactions = StoreTransactions(db, lambda tx: SyncBook(book, tx))

    def takes(self, manifest: Manifest) -> bool:
        return manifest.appointments is not None

    async def take_settings(self, config: Config) -> None:
        """Tell the database which channels there are, and which no more."""
        specs = {
            one.id: self._spec(config, one)
            for one in channels(config, self._manifests.values())
            if one.state == "ready"
        }

        def work(tx: Tx) -> None:
            for mapped in store.all_mapped(tx):
                if mapped.active and mapped.channel not in specs:
                    store.deactivate(tx, mapped.channel)
            for spec in specs.values():
                store.put(tx, spec)

        await self._db.write(work)

    def make(self, config: Config, manifest: Manifest, wanted: Wanted) -> AppointmentChannel:
        connector = self._connector(config, manifest, lambda: self._secrets(wanted.connector, wanted.site))
        spec = self._spec(config, wanted)
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
        return AppointmentChannel(channel, connector, manifest.title, clock=self._clock, chance=self._chance)

    async def probe(
        self, config: Config, manifest: Manifest, place: Place, fields: Mapping[str, str] | None = None
    ) -> Verified:
        async def secrets() -> Mapping[str, str]:
            return fields if fields is not None else await self._secrets(manifest.name, place.site)

        connector = self._connector(config, manifest, secrets)
        try:
            return await connector.verify(place.account)
        finally:
            await connector.close()

    def _connector(
        self, config: Config, manifest: Manifest, secrets: Callable[[], Awaitable[Mapping[str, str]]]
    ) -> AppointmentPartner:
        if manifest.appointments is None:
            raise Refused(N_("{title} can't exchange appointments.", title=manifest.title))
        settings = _settings(config, manifest)
        return manifest.appointments(ConnectorAccess(manifest.name, settings, self._clock, secrets))

    def _spec(self, config: Config, wanted: Wanted) -> ChannelSpec:
        manifest = self._manifests[wanted.connector]
        settings = _settings(config, manifest)
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


def _settings(config: Config, manifest: Manifest) -> ConnectorSettings:
    return config.connectors.get(manifest.name, manifest.settings())
