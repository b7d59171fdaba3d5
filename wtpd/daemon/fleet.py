"""All channels of the box: those that work, and those that can't, with the reason (spec: superservice.md).

Every connector that is installed has its channels here, made by the maker of its kind; the trouble of one is its own.
A new configuration restarts only the channels whose settings changed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from wtpd.channel.errors import stumbled
from wtpd.channel.health import HALTED, Condition, State
from wtpd.clock import Clock
from wtpd.config import channels as gate
from wtpd.config.diff import Changes
from wtpd.config.model import Config
from wtpd.connectors.manifest import Manifest, Verified
from wtpd.daemon.channels.channel import Channel, Maker, Place, Row, SwitchedOff, no_runs, paused
from wtpd.daemon.loop import Loop
from wtpd.errors import NotFound, Refused, Unavailable, WtpdError
from wtpd.store.database import Database, Event
from wtpd.texts import N_, Text

log = logging.getLogger(__name__)

_STATES: Mapping[gate.State, State] = {
    "disabled": State.DISABLED,
    "not_mapped": State.NOT_MAPPED,
    "not_available": State.NOT_AVAILABLE,
    "not_licensed": State.NOT_LICENSED,
}


class Fleet:
    """`makers` by kind; the first that takes a connector makes its channels, the last takes every one."""

    def __init__(self, db: Database, manifests: Iterable[Manifest], makers: Sequence[Maker], *, clock: Clock) -> None:
        by_site_first = sorted(manifests, key=lambda one: one.mapping is None)
        self.manifests = {one.name: one for one in by_site_first}
        """Of all connectors; those that are mapped by site come first."""
        self._makers = {one.name: next(maker for maker in makers if maker.takes(one)) for one in by_site_first}
        self._all_makers = makers
        self._clock = clock
        self._wanted: dict[str, gate.Wanted] = {}
        self._channels: dict[str, Channel] = {}
        self._config = Config()
        self._tasks: set[asyncio.Task[None]] = set()
        self._on = False
        self._hold: Condition | None = None
        self._turn = asyncio.Lock()
        """Held while channels are ended or begun, so that a new configuration and a full disk don't cross."""
        db.listeners.append(self._heard)

    @property
    def rows(self) -> Sequence[Row]:
        """Every channel as it is now: in the order of the sites, the whole box's last."""
        return [self._row(one) for one in self._channels.values()]

    @property
    def loops(self) -> Sequence[Loop]:
        return [loop for one in self._channels.values() for loop in one.loops]

    async def seat_all(self, config: Config) -> None:
        """Take the settings into force and make the channels, without starting them."""
        self._config = config
        for maker in self._all_makers:
            await maker.take_settings(config)
        for wanted in gate.places(config, self.manifests.values()):
            self._wanted[wanted.id] = wanted
            self._channels[wanted.id] = await self._make(config, wanted)

    def start(self) -> None:
        """Start the loops of all channels."""
        self._on = True
        for channel in self._channels.values():
            self._start(channel)

    async def hold(self, reason: Text | None) -> None:
        """Make no runs, because what they bring couldn't be kept; None: go on. Who waits for a person keeps waiting."""
        async with self._turn:
            before, self._hold = self._hold, None
            if reason is not None:
                since = before.since if before else self._clock.now()
                self._hold = Condition(state=State.PAUSED, since=since, reason=reason)
                await asyncio.gather(*(one.halt() for one in self._channels.values()))
            elif before is not None:
                for one in self._channels.values():
                    self._start(one)

    async def apply(self, config: Config, changes: Changes) -> None:
        """Restart the channels whose settings changed; the others don't notice."""
        async with self._turn:
            wanted = {one.id: one for one in gate.places(config, self.manifests.values())}
            stays = {
                name: one
                for name, one in self._channels.items()
                if wanted.get(name) == self._wanted[name] and name not in changes.channels and self._may_stay(name)
            }
            await asyncio.gather(*(one.close() for name, one in self._channels.items() if name not in stays))
            self._config = config
            for maker in self._all_makers:
                await maker.take_settings(config)
            made = {name: stays.get(name) or await self._make(config, one) for name, one in wanted.items()}
            self._wanted, self._channels = wanted, made  # at once: who looks meanwhile sees every channel
            for name, channel in made.items():
                if name not in stays:
                    self._start(channel)
            if changes.plans:
                self._heard((), frozenset(f"availability:{site.id}:*" for site in config.sites))

    async def stop(self) -> None:
        """End all loops and close the partners' connections; safe to call twice."""
        self._on = False
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*(one.close() for one in self._channels.values()))

    def rows_of(self, connector: str, site: str | None = None) -> list[Row]:
        """The rows of a connector, at one site if named. Raises `NotFound`."""
        if connector not in self.manifests:
            raise NotFound(N_("There is no connector {connector}.", connector=connector))
        rows = [row for row in self.rows if row.connector == connector and site in (None, row.site)]
        if not rows and site is not None:
            if all(one.id != site for one in self._config.sites):
                raise NotFound(N_("There is no site {site}.", site=site))
            title = self.manifests[connector].title
            text = N_("{title} isn't mapped by site; leave out --site.", title=title)
            raise Refused(text, kind="not-by-site")
        return rows

    def working(self, connector: str, site: str | None = None) -> list[Channel]:
        """The channels of a connector that the settings let work. Raises as `rows_of`; `Refused` if none does, with the
        reason of the first."""
        rows = self.rows_of(connector, site)
        found = [self._channels[row.id] for row in rows if row.is_set_up]
        if not found:
            reason = next((row.condition.reason for row in rows if row.condition.reason), None)
            raise Refused(reason or N_("{connector} works at no site.", connector=connector), kind="not-running")
        return found

    def running(self, connector: str, site: str | None = None) -> list[Channel]:
        """As `working`, those that make runs. Raises `Refused` of kind `no-runs` if they make none."""
        found = self.working(connector, site)
        for one in found:
            if not one.row.makes_runs:
                raise no_runs(one.row)
        return found

    def channel(self, id: str) -> Channel:  # noqa: A002 - the channel's own word
        """Raises `NotFound` if there is none that works."""
        found = self._channels.get(id)
        if found is None or not found.row.is_set_up:
            raise NotFound(N_("The channel {channel} isn't running.", channel=id))
        return found

    def title_of(self, channel: str) -> str:
        """The name of the partner behind the channel."""
        manifest = self.manifests.get(channel.partition("/")[0])
        return manifest.title if manifest else channel

    def paused(self, connector: str, site: str = "") -> Unavailable | None:
        """Why nothing is asked of a partner, or taken of it, because somebody paused its channel: at a site, or the
        whole box's."""
        found = self._channels.get(f"{connector}/{site}") or self._channels.get(connector)
        return paused(self._row(found)) if found is not None else None

    def credentials_changed(self, provider: str | None = None) -> None:
        """Whoever waits for new credentials (None: of any provider) tries again; a run under way finishes first."""
        for name, channel in self._channels.items():
            if provider in (None, self._wanted[name].connector):
                task = asyncio.create_task(channel.credentials_changed(), name=f"{name} credentials")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def is_testable(self, name: str) -> bool:
        """There is a way to try the connector's credentials."""
        return name in self._makers and self._makers[name].is_testable

    async def probe(self, name: str, site: str, fields: Mapping[str, str]) -> Verified:
        """Who we are at the partner with these credentials, at a site that is mapped, or for the whole box (""). Raises
        the partner's errors, and `Refused` if it can't be asked."""
        row = next((row for row in self.rows_of(name) if row.site == site), None)
        if row is None or (site and row.account is None):
            raise Refused(N_("No site has a dealer number for {connector} yet.", connector=name), kind="not-mapped")
        return await self._probe(name, Place(site, row.account or ""), fields)

    async def ask_about(self, name: str, site: str, account: str) -> Verified:
        """What the partner says of the dealer number `account` to the credentials stored for `site`. Raises the
        partner's errors, and `Refused` if there is no address or the connector can't ask."""
        return await self._probe(name, Place(site, account), None)

    async def _probe(self, name: str, place: Place, fields: Mapping[str, str] | None) -> Verified:
        return await self._makers[name].probe(self._config, self.manifests[name], place, fields)

    def _row(self, channel: Channel) -> Row:
        row, hold = channel.row, self._hold
        if hold is None or not (row.makes_runs and row.is_set_up) or row.condition.state in HALTED:
            return row
        return replace(row, condition=hold, is_held=True)

    def _may_stay(self, name: str) -> bool:
        """What couldn't be made of the settings is tried again with others."""
        channel = self._channels[name]
        return not isinstance(channel, SwitchedOff) or self._wanted[name].state != "ready"

    def _start(self, channel: Channel) -> None:
        if self._on and self._hold is None:
            channel.start()

    def _heard(self, events: Sequence[Event], signals: frozenset[str]) -> None:
        if signals:
            for channel in self._channels.values():
                channel.notice(signals)

    async def _make(self, config: Config, wanted: gate.Wanted) -> Channel:
        manifest, maker = self.manifests[wanted.connector], self._makers[wanted.connector]
        condition = Condition(state=State.CONFIG_ERROR, since=self._clock.now())
        if wanted.state == "ready":
            try:
                channel = maker.make(config, manifest, wanted)
                await channel.load()  # what it waited for before a restart shows at once
                return channel
            except WtpdError as error:
                condition = replace(condition, reason=error.text)
            except Exception as error:  # the connector's bug: its channels can't work, all others do
                condition = replace(condition, reason=stumbled(error))
                log.exception("%s couldn't be made", wanted.id)
            log.warning(
                "%s: %s (%s)", wanted.id, condition.state, condition.reason,
                extra={"CONNECTOR": wanted.connector, "SITE": wanted.site, "STATE": str(condition.state)},
            )  # fmt: skip
        else:
            condition = replace(condition, state=_STATES[wanted.state], reason=wanted.reason)
        return SwitchedOff(wanted, manifest.title, condition, makes_runs=maker.makes_runs)
