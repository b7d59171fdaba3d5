"""All channels of the box: those that run, and those that can't, with the reason (spec: superservice.md).

Each channel has its own partner client and its own supervised loops; the trouble of one is its own. A new
configuration restarts only the channels whose settings changed.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from wtpd.book import availability
from wtpd.book.book import Book
from wtpd.book.sync_port import SyncBook
from wtpd.clock import Clock
from wtpd.config import channels as gate
from wtpd.config.diff import Changes
from wtpd.config.model import Config, ConnectorSettings, seconds
from wtpd.connectors.base import AppointmentConnector, Manifest, Verified
from wtpd.connectors.http import PartnerHttp
from wtpd.daemon.loop import Loop
from wtpd.errors import NotFound, Refused, WtpdError
from wtpd.store import channels as store
from wtpd.store.database import Database, Event, Tx
from wtpd.store.session import StoreTransactions
from wtpd.sync.channel import Channel
from wtpd.sync.health import Condition, State
from wtpd.sync.ports import DayOffer, Incoming, Session, Unreadable
from wtpd.sync.spec import ChannelSpec
from wtpd.texts import N_, Text

log = logging.getLogger(__name__)

LOOP_END = 3.0
"""Seconds that a loop may take to end when it is stopped."""

Secrets = Callable[[str, str], Awaitable[Mapping[str, str]]]
"""The credential fields of a connector at a site; raises `NeedsToken` if there are none."""

_STATES: Mapping[gate.State, State] = {
    "disabled": State.DISABLED,
    "not_mapped": State.NOT_MAPPED,
    "not_available": State.NOT_AVAILABLE,
    "not_licensed": State.NOT_LICENSED,
}


@dataclass(slots=True)
class Running:
    """One channel with what it was made of."""

    channel: Channel
    connector: AppointmentConnector
    loops: list[Loop] = field(default_factory=list)

    def parse(self, raw: Any) -> Incoming | Unreadable:
        """Read a kept message again."""
        return self.connector.parse(self.channel.spec.account, raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One connector at one site, whether it runs or not."""

    id: str
    connector: str
    site: str
    title: str
    account: str | None
    department: str | None
    condition: Condition
    running: Running | None


class Fleet:
    def __init__(
        self,
        db: Database,
        book: Book,
        manifests: Iterable[Manifest],
        secrets: Secrets,
        *,
        clock: Clock,
        chance: random.Random,
    ) -> None:
        self.manifests = {manifest.name: manifest for manifest in manifests}
        self._db = db
        self._book = book
        self._secrets = secrets
        self._clock = clock
        self._chance = chance
        self._transactions = StoreTransactions(db, lambda tx: SyncBook(book, tx))
        self._seats: dict[str, Seat] = {}
        self._config = Config()
        self._tasks: set[asyncio.Task[None]] = set()
        self._on = False
        db.listeners.append(self._heard)

    @property
    def seats(self) -> Sequence[Seat]:
        """In the order of the sites, with their conditions of this moment."""
        return [self._now(seat) for seat in self._seats.values()]

    @property
    def loops(self) -> Sequence[Loop]:
        return [loop for seat in self._seats.values() if seat.running for loop in seat.running.loops]

    async def seat_all(self, config: Config) -> None:
        """Take the mapping into force and make the channels, without starting them."""
        self._config = config
        await self._take_mapping(config)
        for wanted in gate.channels(config, self.manifests.values()):
            self._seats[wanted.id] = await self._seat(config, wanted)

    def start(self) -> None:
        """Start the loops of all channels."""
        self._on = True
        for seat in self._seats.values():
            self._start(seat)

    async def apply(self, config: Config, changes: Changes) -> None:
        """Restart the channels whose settings changed; the others don't notice."""
        wanted = {one.id: one for one in gate.channels(config, self.manifests.values())}
        changed = {name for name in wanted if name in changes.channels or name not in self._seats}
        ending = [seat for name, seat in self._seats.items() if name in changed or name not in wanted]
        await asyncio.gather(*(self._close(seat) for seat in ending))
        self._config = config
        await self._take_mapping(config)
        before, self._seats = self._seats, {}
        for name, one in wanted.items():
            stays = name not in changed and before[name].running is not None
            self._seats[name] = before[name] if stays else await self._seat(config, one)
            if self._on and not stays:
                self._start(self._seats[name])
        if changes.plans:
            self._heard((), frozenset(f"availability:{site.id}:*" for site in config.sites))

    async def stop(self) -> None:
        """End all loops and close the partners' connections; safe to call twice."""
        self._on = False
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*(self._close(seat) for seat in self._seats.values()))

    def of(self, connector: str, site: str | None = None) -> list[Seat]:
        """The seats of a connector, at one site if named. Raises `NotFound`."""
        if connector not in self.manifests:
            raise NotFound(N_("There is no connector {connector}.", connector=connector))
        found = [seat for seat in self.seats if seat.connector == connector and site in (None, seat.site)]
        if site is not None and not found:
            raise NotFound(N_("There is no site {site}.", site=site))
        return found

    def running(self, connector: str, site: str | None = None) -> list[Running]:
        """As `of`, those that run. Raises `Refused` if none does, with the reason of the first."""
        seats = self.of(connector, site)
        found = [seat.running for seat in seats if seat.running]
        if not found:
            reason = next((seat.condition.reason for seat in seats if seat.condition.reason), None)
            raise Refused(reason or N_("{connector} works at no site.", connector=connector), kind="not-running")
        return found

    def channel(self, id: str) -> Running:  # noqa: A002 - the channel's own word
        """Raises `NotFound` if it doesn't run."""
        seat = self._seats.get(id)
        if seat is None or seat.running is None:
            raise NotFound(N_("The channel {channel} isn't running.", channel=id))
        return seat.running

    def credentials_changed(self, provider: str) -> None:
        """Whoever waits for new credentials tries again; a run under way is let finish first."""
        for seat in self._seats.values():
            if seat.connector == provider and seat.running:
                task = asyncio.create_task(seat.running.channel.credentials_changed(), name=f"{seat.id} credentials")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def probe(self, name: str, site: str | None, fields: Mapping[str, str]) -> Verified:
        """Who we are at the partner with these credentials, at one site or the first that is mapped. Raises the
        partner's errors, and `Refused` if no site is mapped."""
        seat = next((one for one in self.of(name, site) if one.account is not None), None)
        if seat is None:
            raise Refused(N_("No site has a dealer number for {connector} yet.", connector=name), kind="not-mapped")

        async def given() -> Mapping[str, str]:
            return fields

        settings = self._config.connectors.get(name, ConnectorSettings())
        connector = self._connector(self.manifests[name], settings, given)
        try:
            return await connector.verify(seat.account or "")
        finally:
            await connector.close()

    async def verify(self, running: Running) -> Verified:
        return await running.connector.verify(running.channel.spec.account)

    def _heard(self, events: Sequence[Event], signals: frozenset[str]) -> None:
        if signals:
            for seat in self._seats.values():
                if seat.running:
                    seat.running.channel.notice(signals)

    async def _take_mapping(self, config: Config) -> None:
        specs = {
            one.id: self._spec(config, one)
            for one in gate.channels(config, self.manifests.values())
            if one.state == "ready"
        }

        def work(tx: Tx) -> None:
            for mapped in store.all_mapped(tx):
                if mapped.active and mapped.channel not in specs:
                    store.deactivate(tx, mapped.channel)
            for spec in specs.values():
                store.put(tx, spec)

        await self._db.write(work)

    async def _seat(self, config: Config, wanted: gate.Channel) -> Seat:
        running: Running | None = None
        now = self._clock.now()
        if wanted.state == "ready":
            try:
                running = self._make(config, wanted)
                await running.channel.standing.load()  # what it waited for before a restart shows at once
                condition = running.channel.condition
            except WtpdError as error:
                condition = Condition(state=State.CONFIG_ERROR, since=now, reason=error.text)
        else:
            condition = Condition(state=_STATES[wanted.state], since=now, reason=wanted.reason)
        return Seat(
            id=wanted.id,
            connector=wanted.connector,
            site=wanted.site,
            title=self.manifests[wanted.connector].title,
            account=wanted.account,
            department=wanted.department,
            condition=condition,
            running=running,
        )

    def _make(self, config: Config, wanted: gate.Channel) -> Running:
        manifest = self.manifests[wanted.connector]
        settings = config.connectors.get(wanted.connector, ConnectorSettings())
        connector = self._connector(manifest, settings, lambda: self._secrets(wanted.connector, wanted.site))
        spec = self._spec(config, wanted)

        def offers(session: Session, days: Sequence[date]) -> Sequence[DayOffer]:
            return availability.offers(session.tx, self._book, spec.site, spec.department, days)

        channel = Channel(
            spec,
            connector,
            self._transactions,
            clock=self._clock,
            chance=self._chance,
            offers=offers if "availability" in manifest.capabilities else None,
        )
        return Running(channel, connector)

    def _connector(
        self, manifest: Manifest, settings: ConnectorSettings, secrets: Callable[[], Awaitable[Mapping[str, str]]]
    ) -> AppointmentConnector:
        address = settings.address or manifest.default_address
        if manifest.connect is None:
            raise Refused(N_("{title} can't exchange appointments.", title=manifest.title))
        if address is None:
            raise Refused(_no_address(manifest.name))
        http = PartnerHttp(
            address,
            connect_timeout=seconds(settings.connect_timeout),
            read_timeout=seconds(settings.read_timeout),
            total_timeout=seconds(settings.total_timeout),
            calls_at_once=settings.calls_at_once,
            clock=self._clock,
        )
        return manifest.connect(http, secrets)

    def _spec(self, config: Config, wanted: gate.Channel) -> ChannelSpec:
        manifest = self.manifests[wanted.connector]
        settings = config.connectors.get(wanted.connector, ConnectorSettings())
        zone = next(site.time_zone for site in config.sites if site.id == wanted.site)
        return ChannelSpec(
            id=wanted.id,
            connector=wanted.connector,
            site=wanted.site,
            department=wanted.department or "",
            account=wanted.account or "",
            actor=manifest.actor,
            zone=zone,
            fields=manifest.delivered_fields,
            interval=seconds(settings.interval),
            long_poll=seconds(settings.long_poll) if "changes" in manifest.capabilities else 0.0,
            burst=seconds(settings.burst),
            calls_at_once=settings.calls_at_once,
            horizon_days=settings.horizon_days,
        )

    def _start(self, seat: Seat) -> None:
        running = seat.running
        if running is None:
            return
        for name, work in (("work", running.channel.work), ("listen", running.channel.listen)):
            loop = Loop(f"{seat.id} {name}", work, clock=self._clock, chance=self._chance)
            running.loops.append(loop)
            loop.start()

    async def _close(self, seat: Seat) -> None:
        running = seat.running
        if running is None:
            return
        loops, running.loops = running.loops, []
        ended = await asyncio.gather(*(loop.stop(LOOP_END) for loop in loops))
        if not all(ended):
            log.error("A loop of %s didn't end within %.0f s", seat.id, LOOP_END)
        for name, end in (("channel", running.channel.close), ("connector", running.connector.close)):
            try:
                await end()
            except Exception:
                log.exception("%s of %s didn't close well", name, seat.id)

    @staticmethod
    def _now(seat: Seat) -> Seat:
        if seat.running is None:
            return seat
        return Seat(
            id=seat.id,
            connector=seat.connector,
            site=seat.site,
            title=seat.title,
            account=seat.account,
            department=seat.department,
            condition=seat.running.channel.condition,
            running=seat.running,
        )


def _no_address(connector: str) -> Text:
    return N_("No address is set for {connector} (connectors.{connector}.address).", connector=connector)
