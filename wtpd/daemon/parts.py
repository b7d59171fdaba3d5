"""The daemon's parts, made and joined: database, book, settings, channels, mails, API. Only `app.py` uses this."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

from msgspec.structs import asdict

from wtpd.book.book import Book
from wtpd.book.sync_port import SyncBook
from wtpd.clock import Clock
from wtpd.config.diff import Changes
from wtpd.config.environment import Environment
from wtpd.config.file import ConfigFile
from wtpd.config.history import History
from wtpd.config.model import Config
from wtpd.config.plans import plans
from wtpd.config.watch import Notices
from wtpd.connectors.manifest import Verified
from wtpd.connectors.registry import Registry
from wtpd.daemon import reload
from wtpd.daemon.api.actions import ActionRoutes
from wtpd.daemon.api.appointments import Appointments
from wtpd.daemon.api.asgi import Api
from wtpd.daemon.api.assessors import assessor_routes, user_routes
from wtpd.daemon.api.attention import AttentionRoutes
from wtpd.daemon.api.auth import Gate
from wtpd.daemon.api.availability import AvailabilityRoutes
from wtpd.daemon.api.config import ConfigRoutes
from wtpd.daemon.api.connectors import ConnectorRoutes
from wtpd.daemon.api.contract import ContractRoutes
from wtpd.daemon.api.credential_use import CredentialUseRoutes
from wtpd.daemon.api.credentials import CredentialRoutes
from wtpd.daemon.api.days import zone_of
from wtpd.daemon.api.events import LOG_LINE, Events
from wtpd.daemon.api.identification import IdentificationRoutes
from wtpd.daemon.api.imports import ImportRoutes
from wtpd.daemon.api.listener import ListenerRoutes, PushedRoutes, TokenRoutes
from wtpd.daemon.api.log import LogRoutes
from wtpd.daemon.api.mails import MailRoutes
from wtpd.daemon.api.mapping import MappingRoutes
from wtpd.daemon.api.openapi import Document
from wtpd.daemon.api.people import Customers, vehicle_routes
from wtpd.daemon.api.presence import PresenceRoutes
from wtpd.daemon.api.reception import ReceptionRoutes
from wtpd.daemon.api.resources import Closures, advisor_routes, courtesy_car_routes
from wtpd.daemon.api.routes import Route
from wtpd.daemon.api.server import Server
from wtpd.daemon.api.session import SessionRoutes
from wtpd.daemon.api.status import StatusRoutes
from wtpd.daemon.api.trace import TraceRoutes
from wtpd.daemon.api.undo import UndoRoutes
from wtpd.daemon.api.vehicle_checks import VehicleCheckRoutes
from wtpd.daemon.channels.appointments import AppointmentChannels
from wtpd.daemon.channels.channel import Maker
from wtpd.daemon.channels.others import OtherChannels
from wtpd.daemon.channels.receiver import ReceiverChannels
from wtpd.daemon.channels.rentals import RentalChannels
from wtpd.daemon.channels.vehicle_data import VehicleDataChannels
from wtpd.daemon.credential_desk import CredentialDesk
from wtpd.daemon.credentials import Credentials
from wtpd.daemon.erasures import Erasures
from wtpd.daemon.failures import Failures
from wtpd.daemon.fleet import Fleet
from wtpd.daemon.health import FreeOf, Health
from wtpd.daemon.housekeeping import Housekeeping
from wtpd.daemon.identification import VehicleData
from wtpd.daemon.importer import Importer
from wtpd.daemon.integrity import Integrity
from wtpd.daemon.lifecycle import Stage
from wtpd.daemon.listener.lan import Lan
from wtpd.daemon.log_book import Line, LogBook
from wtpd.daemon.logs import Redactor
from wtpd.daemon.mail.incidents import Trouble
from wtpd.daemon.mail.mailer import Mailer
from wtpd.daemon.mail.observe import (
    channel_trouble,
    config_trouble,
    damage_trouble,
    disk_trouble,
    expiry_trouble,
    key_trouble,
    listener_trouble,
    login_trouble,
)
from wtpd.daemon.mail.smtp import SmtpTransport
from wtpd.daemon.news import told_by_channels, waits_for_entries
from wtpd.daemon.presence import Presence
from wtpd.daemon.reload import Settings
from wtpd.daemon.trial import Trial
from wtpd.daemon.vehicle_checks import VehicleChecks
from wtpd.errors import WtpdError
from wtpd.store import rekeying
from wtpd.store.database import Database, Tx
from wtpd.store.session import StoreSession
from wtpd.texts import N_, load_catalogues

DATABASE = "wtpd.db"
HISTORY = "config-history"

log = logging.getLogger(__name__)


class Parts:
    """Everything that lives as long as the daemon."""

    def __init__(
        self,
        db: Database,
        settings: Settings,
        registry: Registry,
        credentials: Credentials,
        folder: Path,
        log_book: LogBook,
        *,
        clock: Clock,
        chance: random.Random,
        free_of: FreeOf,
        state: Callable[[], str],
        version: str,
        failures: Failures,
        environ: Mapping[str, str],
    ) -> None:
        self.db, self.settings, self.version = db, settings, version
        self.failures = failures
        self._credentials = credentials
        self._registry = registry
        self._log_book = log_book
        self._clock = clock
        self._watch_stop = asyncio.Event()
        self._keys_due = asyncio.Event()
        self._server: Server | None = None
        config = settings.config
        self.book = Book(plans(config))
        self._presence = Presence(clock)
        self._gate = Gate(admin_group=config.api.admin_group, read_group=config.api.read_group, clock=clock)
        self._events = Events(db, self._presence, self._gate)
        self.vehicle_data = VehicleData(
            registry.manifests.values(), db, credentials, lambda: settings.config, clock,
            paused=lambda source: self.fleet.paused(source),
        )  # fmt: skip
        self.vehicle_checks = VehicleChecks(
            registry.manifests.values(), db, self.book, self.vehicle_data, lambda: settings.config, clock, failures
        )
        self.fleet = Fleet(db, registry.manifests.values(), self._makers(chance), clock=clock)
        self.desk = CredentialDesk(db, credentials, Trial(self.fleet, credentials.rule))
        self.importer = Importer(
            db, self.book, folder, folder / DATABASE, clock,
            lambda now: self._events.pass_on("import.progress", phase=now.phase, done=now.done, total=now.total),
        )  # fmt: skip
        self.mailer = Mailer(
            db,
            lambda: settings.config,
            clock,
            credentials.of_mail,
            SmtpTransport(),
            troubles=self._mail_troubles,
            chance=chance,
            logged_in=credentials.note_mail,
            failures=failures,
        )
        self.folder = folder
        self._box_changed = asyncio.Event()
        self.health = Health(folder, clock, free_of=free_of, on_change=self._box_changed.set, failures=failures)
        self.integrity = Integrity(
            db, clock, zone=self._zone, on_change=self._box_changed.set, failures=failures,
        )  # fmt: skip
        receivers = {one.name: one.receives() for one in registry.manifests.values() if one.receives is not None}
        self.lan = Lan(
            db, lambda: settings.config, receivers, folder, environ, clock, failures=failures,
            refusal=lambda connector, site: self.health.refusal or self.fleet.paused(connector, site),
            on_change=self._box_changed.set,
        )  # fmt: skip
        self._housekeeping = Housekeeping(db, lambda: settings.config.retention, clock, failures)
        credentials.holdings.on_opened = self._key_is_back
        _follow(log_book, self._events)
        self.vehicle_checks.on_change = self._register_changed
        self.status = StatusRoutes(
            db, self.fleet, settings, self.health, clock=clock, database=folder / DATABASE, version=version,
            state=state, scope=credentials.scope, holdings=credentials.holdings,
            has_mail_server=lambda: self.mailer.has_server, failures=failures, integrity=self.integrity,
            lan=self.lan,
        )  # fmt: skip
        self.api = Api(self._routes(), self._gate, language=config.language, refusal=lambda: self.health.refusal)

    @property
    def services(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """The core services by name; each runs until it is cancelled."""
        return {
            "configuration watch": lambda: self.settings.watch(self._watch_stop),
            "housekeeping": self._housekeeping.run,
            "erasures": Erasures(self.db, lambda: zone_of(self.book, None), self._clock).run,
            "import": self.importer.serve,
            "vehicle checks": self.vehicle_checks.run,
            "health": self.health.run,
            "integrity": self.integrity.run,
            "room": self._keep_in_bounds,
            "keys": self._keep_keys,
            "mails": self.mailer.run,
            "listener": self.lan.run,
            "pushed": self.lan.applier.run,
            "credentials": lambda: self._credentials.holdings.watch(self.mailer.wake),
        }

    async def open_api(self, sock: socket.socket) -> None:
        self._server = Server(self.api, sock)
        await self._server.start()

    async def apply(self, config: Config, changes: Changes) -> None:
        """Bring new settings into force: only what they touch."""
        self.book.plans = plans(config)
        await self.db.write(self.book.keep_countries)
        self._keys_due.set()
        self.lan.service.notice()
        self.api.language = config.language
        self._gate.admin_group, self._gate.read_group = config.api.admin_group, config.api.read_group
        self._credentials.forget()
        await self.fleet.apply(config, changes)
        if "credentials" in changes.sections:  # other entries may serve now
            self.fleet.credentials_changed()
        self.mailer.wake()

    def _register_changed(self, connector: str, is_failing: bool) -> None:
        self._events.pass_on("channel.changed", id=connector, state="retrying" if is_failing else "healthy")
        self.mailer.wake()

    def _credentials_changed(self, provider: str) -> None:
        self.fleet.credentials_changed(provider)
        self.mailer.wake()

    async def look_at_keys(self) -> None:
        """Before anything begins: are numbers and plates read as in the countries of the sites?"""

        def work(tx: Tx) -> bool:
            self.book.keep_countries(tx)
            return rekeying.make_some(tx)

        if await self.db.write(work):
            self._keys_due.set()

    def start_channels(self) -> None:
        """Begin with the partners; while keys are due, the channels begin when those are made."""
        if not self._keys_due.is_set():
            self.fleet.start()

    def _zone(self) -> str:
        """Of the first site: when it is night in the workshop."""
        sites = self.settings.config.sites
        return sites[0].time_zone if sites else "Europe/Berlin"

    def _key_is_back(self) -> None:
        """Entries can be opened again: whatever waited for that goes on."""
        self._credentials.forget()
        self.fleet.credentials_changed()
        self.mailer.wake()

    async def look_at_box(self) -> None:
        """Before anything begins: is there room for it?"""
        await self.health.look()
        await self._hold_or_go_on()

    def stages(self) -> list[Stage]:
        """How it all ends: first no new work, then what is under way, the database last."""
        return [
            ("API", 3.5, self._stop_api),
            ("channels", 5.0, self._stop_partners),
            ("database", 2.0, self.db.close),
            ("log", 1.5, lambda: asyncio.to_thread(self._log_book.close)),
        ]

    async def _keep_keys(self) -> None:
        """Partners' messages are matched by keys: channels begin once these are those of the sites' countries."""
        while True:
            await self._keys_due.wait()
            self._keys_due.clear()
            try:
                await rekeying.make_due_keys(self.db)
            except WtpdError as error:
                log.error("Keys of numbers and plates couldn't be made for the sites' countries: %s", error)
            self.fleet.start()

    async def _keep_in_bounds(self) -> None:
        """Channels make runs only while there is room for what they bring; mails go out all the same."""
        while True:
            await self._box_changed.wait()
            self._box_changed.clear()
            self.mailer.wake()
            try:
                await self._hold_or_go_on()
                self.failures.succeeded("channels: hold")
            except Exception as error:
                self.failures.failed("channels: hold", N_("Holding or resuming the connectors"), error)

    async def _hold_or_go_on(self) -> None:
        refusal = self.health.refusal
        await self.fleet.hold(refusal.text if refusal is not None else None)

    async def _stop_api(self) -> None:
        self._watch_stop.set()
        self._events.close()
        servers = [self.lan.stop(3.0), *([self._server.stop(3.0)] if self._server is not None else [])]
        await asyncio.gather(*servers)
        self._presence.close()

    async def _stop_partners(self) -> None:
        await asyncio.gather(self.fleet.stop(), self.vehicle_data.close(), self.importer.close())

    def _routes(self) -> list[Route]:
        db, book, settings, fleet = self.db, self.book, self.settings, self.fleet

        def session(tx: Tx) -> StoreSession:
            return StoreSession(tx, SyncBook(book, tx))

        desk = self.desk
        routes = [
            *self.status.routes(),
            *AvailabilityRoutes(db, book, settings).routes(),
            *Appointments(db, book).routes(),
            *UndoRoutes(db, book, fleet.title_of).routes(),
            *ReceptionRoutes(db, book).routes(),
            *ContractRoutes(db, settings).routes(),
            *Customers(db, book).routes(),
            *vehicle_routes(db, book),
            *advisor_routes(db, book),
            *courtesy_car_routes(db, book),
            *Closures(db, book).routes(),
            *ImportRoutes(db, self.importer, settings).routes(),
            *ConnectorRoutes(db, fleet).routes(),
            *AttentionRoutes(db, fleet, book, session).routes(),
            *TraceRoutes(db, session, fleet.title_of).routes(),
            *CredentialRoutes(desk, self._credentials_changed).routes(),
            *CredentialUseRoutes(desk).routes(),
            *assessor_routes(db),
            *user_routes(db),
            *IdentificationRoutes(db, book, settings, self.vehicle_data).routes(),
            *VehicleCheckRoutes(db, self.vehicle_checks, lambda site: zone_of(book, site)).routes(),
            *MailRoutes(db, self.mailer).routes(),
            *ConfigRoutes(db, settings).routes(),
            *MappingRoutes(db, settings, fleet).routes(),
            *SessionRoutes(settings, clock=self._clock, version=self.version).routes(),
            *ActionRoutes(self._registry.manifests.values(), settings, fleet.refusal).routes(),
            *PresenceRoutes(self._presence).routes(),
            *LogRoutes(self._log_book).routes(),
            *ListenerRoutes(db, settings, self.lan).routes(),
            *TokenRoutes(db, settings, self.lan).routes(),
            *PushedRoutes(db).routes(),
            *self._events.routes(),
        ]
        document = Document(routes, self.version)
        routes += document.routes()
        return routes

    def _makers(self, chance: random.Random) -> list[Maker]:
        """Of the kinds of channels; the first that takes a connector makes its channels."""
        db, clock, entries = self.db, self._clock, self._credentials.holdings
        return [
            AppointmentChannels(
                db, self.book, self._registry.manifests.values(), self._credentials.of_channel, clock=clock,
                chance=chance, quiet=lambda channel: self._events.pass_on("run.quiet", channel=channel),
            ),
            RentalChannels(db, entries, clock, verify=self._verify),
            VehicleDataChannels(
                db, self.vehicle_data, entries, clock, verify=self._verify, failing=self.vehicle_checks.failing
            ),
            ReceiverChannels(db, entries, clock, lambda: self.settings.config),
            OtherChannels(db, entries, clock),
        ]  # fmt: skip

    async def _verify(self, connector: str, by: str) -> Verified:
        return await self.desk.verify(connector, actor=by)

    def _mail_troubles(self) -> list[Trouble]:
        found = [
            channel_trouble(row.id, row.condition, title=row.title)
            for row in self.fleet.rows
            if not waits_for_entries(row)
        ]
        found += [*self._expiry_troubles(), *self._login_troubles()]
        key_lost = self._credentials.holdings.key_lost
        if key_lost is not None:
            found.append(key_trouble(self._clock.now(), key_lost))
        fault = self.settings.fault
        if fault is not None:
            held = self.settings.held is not None
            found.append(config_trouble(fault.since, fault.error.text, held=held))
        if self.integrity.damage is not None:
            found.append(damage_trouble(self.integrity.damage.since))
        if self.health.disk_full_since is not None:
            found.append(disk_trouble(self.health.disk_full_since))
        if (trouble := self.lan.service.trouble) is not None:
            found.append(listener_trouble(trouble.since, trouble.text))
        return [one for one in found if one is not None]

    def _expiry_troubles(self) -> list[Trouble]:
        """For each channel whose entry ends soon; what has ended shows as the partner's refusal."""
        expiries = self._credentials.holdings.expiries()
        ending = {(one.provider, one.scope): one for one in expiries if one.hint}
        found = []
        for row in self.fleet.rows:
            one = ending.get((row.connector, self._credentials.scope(row.connector, row.site)))
            if one is not None and row.is_set_up:
                days, hint = one.days_left, one.hint
                found.append(expiry_trouble(row.id, title=row.title, days=days, hint=hint, since=one.since))
        return found

    def _login_troubles(self) -> Iterator[Trouble]:
        """Entries that are refused or have expired, where no channel's own trouble says so."""
        rows = self.fleet.rows
        told = told_by_channels(rows, self._credentials.scope)
        used = {
            (row.connector, self._credentials.scope(row.connector, row.site))
            for row in rows
            if row.is_set_up and not row.has_entries_told
        }
        for one in self._credentials.holdings.refusals():
            entry = one.provider, one.scope
            if entry not in told and not (one.expired and entry in used):
                yield login_trouble(*entry, title=one.title, since=one.since, expired=one.expired)


def _follow(log_book: LogBook, events: Events) -> None:
    """Lines are logged on any thread, and told in the event loop, which isn't woken if nobody listens."""

    def tell(line: Line) -> None:
        events.pass_on(LOG_LINE, **asdict(line))

    loop = asyncio.get_running_loop()
    log_book.on_line = lambda line: loop.call_soon_threadsafe(tell, line) if events.readers else None


async def build(
    environment: Environment,
    environ: Mapping[str, str],
    *,
    registry: Registry,
    redactor: Redactor,
    clock: Clock,
    chance: random.Random,
    free_of: FreeOf,
    state: Callable[[], str],
    apply: reload.Apply,
    notices: Notices | None,
) -> Parts:
    """Load the settings (the last good ones if the file is broken), open the database, make the rest. Raises
    `WtpdError`; nothing stays open then."""
    await asyncio.to_thread(load_catalogues)
    folder = await asyncio.to_thread(reload.data_folder, environment.config, environment.data_dir)
    await asyncio.to_thread(reload.make_folder, folder)
    providers = registry.providers
    file = ConfigFile(
        environment.config,
        History(folder / HISTORY),
        manifests=registry.manifests.values(),
        providers=providers.values(),
    )
    log_book = LogBook(folder, redactor)
    log_book.listen()
    try:
        in_force, fault = await asyncio.to_thread(reload.start, file)
        db = await Database.open(folder / DATABASE, clock=clock)
    except BaseException:
        log_book.close()
        raise
    try:
        await asyncio.to_thread(log_book.begin)  # the folder is ours now
        in_force, fault = await reload.begin(file, in_force, fault, db, clock)
        settings = Settings(file, in_force, fault, apply=apply, db=db, clock=clock, notices=notices)
        failures = Failures(clock)
        credentials = await Credentials.open(
            db, environ, folder, environment.key_file,
            settings=settings, redactor=redactor, clock=clock, providers=providers, failures=failures,
        )  # fmt: skip
        parts = Parts(
            db, settings, registry, credentials, folder, log_book, clock=clock, chance=chance, free_of=free_of,
            state=state, version=await asyncio.to_thread(version, "wtpd"), failures=failures,
            environ=environ,
        )  # fmt: skip
        await parts.look_at_keys()
        await parts.fleet.seat_all(settings.config)
        await parts.look_at_box()
        await parts.importer.open()
    except BaseException:
        await db.close()
        await asyncio.to_thread(log_book.close)
        raise
    return parts
