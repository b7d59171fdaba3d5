"""`/v1/status` and `/v1/health`: what is wrong, worst first; and how the box is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec import Struct

from wtpd.clock import Clock
from wtpd.daemon import problems
from wtpd.daemon.api.call import Answer, Call, Role, answer
from wtpd.daemon.api.config import ConfigError, errors_of
from wtpd.daemon.api.connectors import ChannelView, channel_view
from wtpd.daemon.api.routes import Route
from wtpd.daemon.credentials.store_state import StoreState
from wtpd.daemon.failures import Failures
from wtpd.daemon.fleet import Fleet
from wtpd.daemon.health import Health
from wtpd.daemon.integrity import Integrity
from wtpd.daemon.listener.lan import Lan
from wtpd.daemon.reload import Settings
from wtpd.errors import WtpdError
from wtpd.planner.periods import local_day
from wtpd.store.database import Database, Tx

SYNCHRONISED = Path("/run/systemd/timesync/synchronized")
"""systemd-timesyncd makes it once the clock is set by the network."""


class PlaceView(Struct, frozen=True):
    """Where in the terminal UI it is mended: `screen` overview, mapping, credentials or attention; `key` says what on
    it: `superservice/office:rostock`, `rostock/superservice`, the kind of attention, the channel."""

    screen: str
    key: str | None


class ProblemView(Struct, frozen=True, kw_only=True):
    """One thing that is wrong. `touches`: appointments that it concerns, `touches_today`: those of today among them;
    `next_step`: the one thing to do, with its screen in the terminal UI where it has one; `command` does it then on the
    command line."""

    kind: str
    text: str
    since: datetime | None
    touches: int
    touches_today: int
    next_step: str
    command: str | None
    place: PlaceView
    channel: str | None


class DiskView(Struct, frozen=True):
    """In bytes."""

    free: int | None
    database: int


class ClockView(Struct, frozen=True):
    """`synchronised` null: nobody says (another time service than systemd's). `jumped_at`: when it last jumped."""

    synchronised: bool | None
    jumped_at: datetime | None


class MailView(Struct, frozen=True):
    waiting: int
    oldest: datetime | None
    refused: int
    last_sent: datetime | None
    error: str | None


class ListenerState(Struct, frozen=True):
    """The door on the local network, where it is switched on. `fingerprint` null: it doesn't listen."""

    address: str
    port: int
    fingerprint: str | None


class StatusView(Struct, frozen=True, kw_only=True):
    """`ok`: nothing is wrong. `state`: starting, ready, reloading or stopping."""

    ok: bool
    state: str
    box: str
    version: str
    started_at: datetime
    uptime: int
    problems: list[ProblemView]
    channels: list[ChannelView]
    config_errors: list[ConfigError]
    attention: dict[str, int]
    disk: DiskView
    clock: ClockView
    mail: MailView
    listener: ListenerState | None
    time: datetime


class HealthView(Struct, frozen=True):
    ok: bool
    state: str


class StatusRoutes:
    """`scope`: which entry of the credential store a connector uses at a site."""

    def __init__(
        self,
        db: Database,
        fleet: Fleet,
        settings: Settings,
        health: Health,
        *,
        clock: Clock,
        database: Path,
        version: str,
        state: Callable[[], str],
        scope: problems.Scope,
        holdings: StoreState,
        has_mail_server: Callable[[], bool],
        integrity: Integrity,
        lan: Lan,
        failures: Failures,
    ) -> None:
        self._db = db
        self._fleet = fleet
        self._settings = settings
        self._health = health
        self._clock = clock
        self._database = database
        self._version = version
        self._state = state
        self._scope = scope
        self._holdings = holdings
        self._has_mail_server = has_mail_server
        self._integrity = integrity
        self._failures = failures
        self._lan = lan
        self._started = (clock.now(), clock.monotonic())

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET", path="/v1/status", role=Role.READ, handler=self.status, result=StatusView,
                summary="What is wrong, worst first, and how everything is",
            ),
            Route(
                method="GET", path="/v1/health", role=Role.READ, handler=self.health, result=HealthView,
                summary="Whether the daemon works",
            ),
        ]  # fmt: skip

    async def status(self, call: Call) -> Answer:
        try:
            return answer(await self._db.read(lambda tx: self._view(tx, call.language)))
        except WtpdError:  # the one answer that must come also while the database can't be read
            return answer(await asyncio.to_thread(self._view, None, call.language))

    async def health(self, call: Call) -> Answer:
        await self._db.read(lambda tx: tx.one("SELECT 1"))
        return answer(HealthView(self._health.refusal is None, self._state()))

    async def worst_first(self) -> list[problems.Problem]:
        """Worst first; for the status text that systemd shows."""
        try:
            return await self._db.read(lambda tx: self._problems(self._kept(tx)))
        except WtpdError:
            return self._problems(problems.NOTHING)

    def _kept(self, tx: Tx) -> problems.Kept:
        now = self._clock.now()
        days = {
            site.id: local_day(now.astimezone(ZoneInfo(site.time_zone)).date(), site.time_zone)
            for site in self._settings.config.sites
        }
        return problems.kept(tx, [row.id for row in self._fleet.rows if row.makes_runs and row.is_set_up], days)

    def _problems(self, kept: problems.Kept) -> list[problems.Problem]:
        rows, holdings = self._fleet.rows, self._holdings
        has_server = self._has_mail_server() or not any(site.status_mail for site in self._settings.config.sites)
        return problems.worst_first(
            [
                *problems.of_damage(self._integrity.damage, self._database.parent),
                *problems.of_box(self._settings.fault, self._health, holdings.key_lost),
                *problems.of_start(self._settings.unapplied),
                *problems.of_credentials(holdings.expiries()),
                *problems.of_refusals(holdings.refusals(), rows, self._scope),
                *problems.of_channels(rows, kept, self._scope),
                *problems.of_lists(kept),
                *problems.of_mails(kept.mails, has_server=has_server),
                *problems.of_failures(self._failures.open),
                *problems.of_listener(self._lan, self._clock.now(), kept.bodies),
            ]
        )

    def _view(self, tx: Tx | None, language: str) -> StatusView:
        """`tx` None: without what only the database knows."""
        kept = problems.NOTHING if tx is None else self._kept(tx)
        found = self._problems(kept)
        fault = self._settings.fault
        error = kept.mails.error
        return StatusView(
            ok=not found,
            state=self._state(),
            box=self._settings.config.box.name,
            version=self._version,
            started_at=self._started[0],
            uptime=int(self._clock.monotonic() - self._started[1]),
            problems=[_problem(one, language) for one in found],
            channels=[channel_view(tx, row, language) for row in self._fleet.rows],
            config_errors=errors_of(fault.error, language) if fault else [],
            attention=dict(kept.listed),
            disk=DiskView(self._health.free, _size(self._database)),
            clock=ClockView(True if SYNCHRONISED.exists() else None, self._health.clock_jumped_at),
            mail=MailView(
                kept.mails.waiting,
                kept.mails.oldest,
                kept.mails.refused,
                kept.mails.last_sent,
                error.render(language) if error else None,
            ),
            listener=self._listener(),
            time=self._clock.now(),
        )

    def _listener(self) -> ListenerState | None:
        wanted, used = self._settings.config.listener, self._lan.service.identity
        if not wanted.enabled:
            return None
        return ListenerState(wanted.address, wanted.port, used.fingerprint if used is not None else None)


def _problem(one: problems.Problem, language: str) -> ProblemView:
    return ProblemView(
        kind=one.kind,
        text=one.text.render(language),
        since=one.since,
        touches=one.touches,
        touches_today=one.touches_today,
        next_step=one.next_step.render(language),
        command=one.command or None,
        place=PlaceView(one.place.screen, one.place.key),
        channel=one.channel,
    )


def _size(database: Path) -> int:
    """Of the database with its write-ahead log."""
    total = 0
    for path in (database, database.with_name(database.name + "-wal")):
        try:
            total += path.stat().st_size
        except OSError:
            continue
    return total
