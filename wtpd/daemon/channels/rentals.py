"""Channels of partners that rent out cars: durable calls, the feed of changes, and a look at what doesn't fit, joined.

A channel is the whole box's; which credentials serve depends on the appointment's site. While a car is held somewhere,
the partner is asked for changes each minute; else nothing is asked by itself.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from wtpd.book.rentals import visit_of
from wtpd.calls.engine import Calls
from wtpd.channel.alarm import LONG, Beat, wait_for
from wtpd.channel.errors import NeedsToken, PartnerError, why
from wtpd.clock import Clock, jittered
from wtpd.config.channels import Wanted
from wtpd.config.model import Config
from wtpd.connectors.kit.access import ConnectorAccess
from wtpd.connectors.manifest import Manifest, RentalConnector, Verified
from wtpd.daemon.channels.appointments import LOOP_END, SiteSecrets
from wtpd.daemon.channels.asked import Ask, AskedChannel, Entries, Failing
from wtpd.daemon.channels.channel import Place
from wtpd.daemon.channels.vehicle_data import Verify
from wtpd.daemon.loop import Loop
from wtpd.errors import Refused, WtpdError
from wtpd.rentals.feed import Feed
from wtpd.rentals.kinds import kinds
from wtpd.rentals.ports import RentalPartner, Secrets, Session
from wtpd.store import rentals as store
from wtpd.store.database import Database, Tx
from wtpd.store.rentals import RentalSession
from wtpd.texts import N_

_log = logging.getLogger(__name__)

T = TypeVar("T")

EVERY = 60.0
"""Seconds between two looks at the partner's changes while a car is held."""

ScopeOf = Callable[[str, str], str]
"""The scope of the entry of a connector that serves a site."""
NoteUse = Callable[[str, str, str | None], Awaitable[None]]
"""Notes how good a connector's entry of a scope was."""


class RentalTransactions:
    """`wtpd.calls.ports.Transactions` of rentals."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def read(self, work: Callable[[Session], T]) -> T:
        return await self._db.read(lambda tx: work(RentalSession(tx, visit_of)))

    async def write(self, work: Callable[[Session], T]) -> T:
        return await self._db.write(lambda tx: work(RentalSession(tx, visit_of)))


class RentalDesk:
    """`wtpd.rentals.ports.Desk`: the connector for the settings in force, and the entry that serves a site."""

    def __init__(
        self, connector: str, partner: RentalConnector, secrets: SiteSecrets, scope_of: ScopeOf, note_use: NoteUse
    ) -> None:
        self.partner = partner
        self._connector = connector
        self._secrets = secrets
        self._scope_of = scope_of
        self._note_use = note_use
        self._noted: dict[str, str] = {}

    def scope(self, site: str) -> str:
        return self._scope_of(self._connector, site)

    async def ask(self, site: str, work: Callable[[RentalPartner, Secrets], Awaitable[T]]) -> T:
        secrets = await self._secrets(self._connector, site)
        try:
            answer = await work(self.partner, secrets)
        except NeedsToken:
            await self._note(site, "refused")
            raise
        await self._note(site, "ok")
        return answer

    async def _note(self, site: str, result: str) -> None:
        scope = self.scope(site)
        if self._noted.get(scope) != result:
            self._noted[scope] = result
            await self._note_use(self._connector, scope, result)

    def forget(self) -> None:
        """Other credentials serve now."""
        self._noted.clear()


class RentalChannel(AskedChannel):
    """`wtpd.daemon.channels.channel.Channel` with the loops of a rental partner."""

    def __init__(
        self,
        wanted: Wanted,
        manifest: Manifest,
        desk: RentalDesk,
        db: Database,
        entries: Entries,
        clock: Clock,
        *,
        verify: Verify,
        chance: random.Random,
        calls_at_once: int,
    ) -> None:
        super().__init__(
            wanted, manifest, Ask(verify=lambda by: verify(manifest.name, by), failing=self._failing_now), db, entries,
            clock,
        )  # fmt: skip
        self.desk = desk
        self.manifest = manifest
        self._chance = chance
        transactions = RentalTransactions(db)
        self.calls: Calls[Session] = Calls(
            manifest.name, kinds(manifest.name, manifest.title, desk), transactions, clock=clock, chance=chance,
            calls_at_once=calls_at_once,
        )  # fmt: skip
        self.feed = Feed(manifest.name, manifest.title, manifest.actor, transactions)
        self._feed_trouble: PartnerError | None = None
        self._trouble_since: datetime | None = None
        self._next_look = 0.0
        self._bell = asyncio.Event()
        self._loops: list[Loop] = []

    @property
    def loops(self) -> Sequence[Loop]:
        return self._loops

    @property
    def is_paused(self) -> bool:
        return self._halt.paused_by is not None

    async def load(self) -> None:
        await super().load()
        if self.is_paused:
            self.calls.pause()

    def start(self) -> None:
        if self._loops:
            return
        for name, work in (("calls", self.calls.work), ("changes", self._follow)):
            loop = Loop(f"{self._wanted.id} {name}", work, clock=self._clock, chance=self._chance)
            self._loops.append(loop)
            loop.start()

    async def halt(self) -> None:
        loops, self._loops = self._loops, []
        if not all(await asyncio.gather(*(loop.stop(LOOP_END) for loop in loops))):
            _log.error("A loop of %s didn't end within %.0f s", self._wanted.id, LOOP_END)

    async def close(self) -> None:
        """What was under way is looked up at the next start."""
        await self.halt()
        await self.calls.close()
        await self.desk.partner.close()

    def notice(self, signals: Iterable[str]) -> None:
        self.calls.notice(signals)
        if any(one.startswith(("availability:", "calls:")) for one in signals):  # a visit may not fit its rental now
            self._bell.set()

    async def credentials_changed(self) -> None:
        self.desk.forget()
        if not self.is_paused:
            await self._go_on()

    async def pause(self, by: str) -> None:
        await super().pause(by)
        self.calls.pause()

    async def resume(self, by: str, *, accept_cancellations: bool = False) -> None:
        await super().resume(by)
        await self._go_on()

    async def _go_on(self) -> None:
        self._feed_trouble = None
        self._next_look = 0.0
        await self.calls.resume()
        self._bell.set()

    def _failing_now(self) -> Failing | None:
        trouble = self.calls.trouble or self._feed_trouble
        if trouble is None or isinstance(trouble, NeedsToken):  # a refused login is told of its entry
            self._trouble_since = None
            return None
        self._trouble_since = self._trouble_since or self._clock.now()
        return Failing(self._trouble_since, why(trouble))

    async def _follow(self, beat: Beat) -> None:
        while True:
            sites = await self._db.read(lambda tx: store.sites_with_live(tx, self._manifest.name))
            await self._review()
            wait = self._next_look - self._clock.monotonic()
            if sites and wait <= 0 and not self.is_paused:
                await self._look(sites)
                wait = jittered(EVERY, self._chance)
                self._next_look = self._clock.monotonic() + wait
            wait = max(wait, 0.0) if sites and not self.is_paused else LONG
            beat(wait + LONG)
            await wait_for(self._bell, wait, self._clock)
            self._bell.clear()

    async def _look(self, sites: Iterable[str]) -> None:
        """Read the changes, once for each entry that serves one of the sites."""
        before, self._feed_trouble = self._feed_trouble, None
        for scope, site in {self.desk.scope(site): site for site in sites}.items():
            try:
                await self.desk.ask(
                    site,
                    lambda partner, secrets, scope=scope: self.feed.read(partner, secrets, scope),  # type: ignore[misc]
                )
            except PartnerError as error:
                self._feed_trouble = error
                if before is None:
                    _log.warning("The rentals of %s can't be followed: %s", self._manifest.title, error)
            except WtpdError as error:
                _log.warning("The rentals of %s can't be followed: %s", self._manifest.title, error)

    async def _review(self) -> None:
        for appointment_id in await self._db.read(self._misfits):
            await self.feed.review(appointment_id)

    def _misfits(self, tx: Tx) -> list[str]:
        return store.to_review(tx, self._manifest.name, visit_of)


class RentalChannels:
    """Makes them. `verify` tries what is stored and notes the result; `secrets`, `scope_of` and `note_use` are the
    credential store's."""

    makes_runs = False
    is_testable = True

    def __init__(
        self,
        db: Database,
        entries: Entries,
        clock: Clock,
        *,
        chance: random.Random,
        verify: Verify,
        secrets: SiteSecrets,
        scope_of: ScopeOf,
        note_use: NoteUse,
    ) -> None:
        self._db = db
        self._entries = entries
        self._clock = clock
        self._chance = chance
        self._verify = verify
        self._secrets = secrets
        self._scope_of = scope_of
        self._note_use = note_use

    def takes(self, manifest: Manifest) -> bool:
        return manifest.rentals is not None

    async def take_settings(self, config: Config) -> None:
        """A channel is made anew with other settings."""

    def make(self, config: Config, manifest: Manifest, wanted: Wanted) -> RentalChannel:
        assert manifest.rentals is not None

        async def none() -> Mapping[str, str]:
            return await self._secrets(manifest.name, "")

        settings = config.connectors.get(manifest.name, manifest.settings())
        partner = manifest.rentals(ConnectorAccess(manifest.name, settings, self._clock, none))
        desk = RentalDesk(manifest.name, partner, self._secrets, self._scope_of, self._note_use)
        return RentalChannel(
            wanted, manifest, desk, self._db, self._entries, self._clock, verify=self._verify, chance=self._chance,
            calls_at_once=settings.calls_at_once,
        )  # fmt: skip

    async def probe(
        self, config: Config, manifest: Manifest, place: Place, fields: Mapping[str, str] | None = None
    ) -> Verified:
        if fields is None or manifest.rentals is None:
            raise Refused(N_("{title} knows no dealer numbers.", title=manifest.title), kind="not-testable")

        async def secrets() -> Mapping[str, str]:
            return fields

        settings = config.connectors.get(manifest.name, manifest.settings())
        connector = manifest.rentals(ConnectorAccess(manifest.name, settings, self._clock, secrets))
        try:
            return await connector.verify(fields)
        finally:
            await connector.close()
