"""All channels of the box: those that run, and those that can't, with the reason (spec: superservice.md).

Each channel has its own partner client and its own supervised loops; the trouble of one is its own. A new
configuration restarts only the channels whose settings changed.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from wtpd.book.book import Book
from wtpd.channel.health import HALTED, Condition, State
from wtpd.clock import Clock
from wtpd.config import channels as gate
from wtpd.config.diff import Changes
from wtpd.config.model import Config, ConnectorSettings
from wtpd.connectors.manifest import Manifest, Verified
from wtpd.daemon.channel_maker import ChannelMaker, Running, Secrets
from wtpd.daemon.loop import Loop
from wtpd.errors import NotFound, Refused, WtpdError
from wtpd.store.database import Database, Event
from wtpd.texts import N_, Text

log = logging.getLogger(__name__)

_STATES: Mapping[gate.State, State] = {
    "disabled": State.DISABLED,
    "not_mapped": State.NOT_MAPPED,
    "not_available": State.NOT_AVAILABLE,
    "not_licensed": State.NOT_LICENSED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One connector at one site, or for the whole box (`site` empty), whether it runs or not."""

    id: str
    connector: str
    site: str
    title: str
    account: str | None
    department: str | None
    condition: Condition
    running: Running | None

    held: bool = False
    """It makes no runs because the whole box can't (`Fleet.hold`)."""
    last_success: datetime | None = None
    """Of a connector that makes no runs: when its partner last took the credentials."""

    def now(self, hold: Condition | None) -> Seat:
        """With the condition of this moment."""
        if self.running is None:
            return self
        condition = self.running.channel.condition
        held = hold is not None and condition.state not in HALTED
        return replace(self, condition=hold if hold is not None and held else condition, held=held)

    async def close(self) -> None:
        if self.running is not None:
            await self.running.close()


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
        quiet: Callable[[str], None] = lambda channel: None,
        without_runs: Mapping[str, str] | None = None,
    ) -> None:
        """`quiet` is told the channel's id after each run in which nothing happened; `without_runs`: titles of the
        connectors that are only asked, by name."""
        self.manifests = {manifest.name: manifest for manifest in manifests}
        self.without_runs = without_runs or {}
        self._db = db
        self._secrets = secrets
        self._maker = ChannelMaker(db, book, self.manifests, secrets, clock=clock, chance=chance, quiet=quiet)
        self._clock = clock
        self._chance = chance
        self._seats: dict[str, Seat] = {}
        self._config = Config()
        self._tasks: set[asyncio.Task[None]] = set()
        self._on = False
        self._hold: Condition | None = None
        self._turn = asyncio.Lock()
        """Held while channels are ended or begun, so that a new configuration and a full disk don't cross."""
        db.listeners.append(self._heard)

    @property
    def seats(self) -> Sequence[Seat]:
        """In the order of the sites, with their conditions of this moment."""
        return [seat.now(self._hold) for seat in self._seats.values()]

    @property
    def loops(self) -> Sequence[Loop]:
        return [loop for seat in self._seats.values() if seat.running for loop in seat.running.loops]

    async def seat_all(self, config: Config) -> None:
        """Take the mapping into force and make the channels, without starting them."""
        self._config = config
        await self._maker.take_mapping(config)
        for wanted in gate.channels(config, self.manifests.values()):
            self._seats[wanted.id] = await self._seat(config, wanted)

    def start(self) -> None:
        """Start the loops of all channels."""
        self._on = True
        for seat in self._seats.values():
            self._start(seat)

    async def hold(self, reason: Text | None) -> None:
        """Make no runs, because what they bring couldn't be kept; None: go on. Who waits for a person keeps waiting."""
        async with self._turn:
            before, self._hold = self._hold, None
            if reason is not None:
                since = before.since if before else self._clock.now()
                self._hold = Condition(state=State.PAUSED, since=since, reason=reason)
                await asyncio.gather(*(seat.running.halt() for seat in self._seats.values() if seat.running))
            elif before is not None:
                for seat in self._seats.values():
                    self._start(seat)

    async def apply(self, config: Config, changes: Changes) -> None:
        """Restart the channels whose settings changed; the others don't notice."""
        async with self._turn:
            wanted = {one.id: one for one in gate.channels(config, self.manifests.values())}
            changed = {name for name in wanted if name in changes.channels or name not in self._seats}
            ending = [seat for name, seat in self._seats.items() if name in changed or name not in wanted]
            await asyncio.gather(*(seat.close() for seat in ending))
            self._config = config
            await self._maker.take_mapping(config)
            before, seats = self._seats, dict[str, Seat]()
            for name, one in wanted.items():
                stays = name not in changed and before[name].running is not None
                seats[name] = before[name] if stays else await self._seat(config, one)
            self._seats = seats  # at once: who looks meanwhile sees every channel
            for name, seat in seats.items():
                if seat is not before.get(name):
                    self._start(seat)
            if changes.plans:
                self._heard((), frozenset(f"availability:{site.id}:*" for site in config.sites))

    async def stop(self) -> None:
        """End all loops and close the partners' connections; safe to call twice."""
        self._on = False
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*(seat.close() for seat in self._seats.values()))

    def of(self, connector: str, site: str | None = None) -> list[Seat]:
        """The seats of a connector, at one site if named. Raises `NotFound`, `Refused` for one that makes no runs."""
        if connector in self.without_runs:
            text = N_(
                "{title} makes no runs, so there is nothing to sync, pause or resume; it answers when it is asked. "
                "Whether it answers: wtpd verify {connector}",
                title=self.without_runs[connector], connector=connector,
            )  # fmt: skip
            raise Refused(text, kind="no-runs")
        if connector not in self.manifests:
            raise NotFound(N_("There is no connector {connector}.", connector=connector))
        found = [seat for seat in self.seats if seat.connector == connector and site in (None, seat.site)]
        if site is not None and not found:
            raise NotFound(N_("There is no site {site}.", site=site))
        return found

    def title_of(self, channel: str) -> str:
        """The name of the partner behind the channel."""
        manifest = self.manifests.get(channel.partition("/")[0])
        return manifest.title if manifest else channel

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

        connector = self._maker.connector(self.manifests[name], self._settings(name), given)
        try:
            return await connector.verify(seat.account or "")
        finally:
            await connector.close()

    async def ask_about(self, name: str, site: str, account: str) -> Verified:
        """What the partner says of the dealer number `account` to the credentials stored for `site`. Raises the
        partner's errors, and `Refused` if there is no address or the connector can't ask."""
        connector = self._maker.connector(self.manifests[name], self._settings(name), lambda: self._secrets(name, site))
        try:
            return await connector.verify(account)
        finally:
            await connector.close()

    def _settings(self, name: str) -> ConnectorSettings:
        return self._config.connectors.get(name, self.manifests[name].settings())

    def _start(self, seat: Seat) -> None:
        if self._on and self._hold is None and seat.running is not None:
            seat.running.start(self._clock, self._chance)

    def _heard(self, events: Sequence[Event], signals: frozenset[str]) -> None:
        if signals:
            for seat in self._seats.values():
                if seat.running:
                    seat.running.channel.notice(signals)

    async def _seat(self, config: Config, wanted: gate.Channel) -> Seat:
        running: Running | None = None
        now = self._clock.now()
        if wanted.state == "ready":
            try:
                running = self._maker.running(config, wanted)
                await running.channel.standing.load()  # what it waited for before a restart shows at once
                condition = running.channel.condition
            except WtpdError as error:
                condition = Condition(state=State.CONFIG_ERROR, since=now, reason=error.text)
                log.warning(
                    "%s: %s (%s)", wanted.id, condition.state, error,
                    extra={"CONNECTOR": wanted.connector, "SITE": wanted.site, "STATE": str(condition.state)},
                )  # fmt: skip
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
