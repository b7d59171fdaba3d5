"""The composition root: the only place where the daemon's parts are made and joined. Only `app.py` uses this."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping

from wtpd.book.book import Book
from wtpd.config.diff import Changes
from wtpd.config.model import Config
from wtpd.config.plans import plans
from wtpd.connectors.manifest import Verified
from wtpd.daemon.actions import Actions
from wtpd.daemon.api import table
from wtpd.daemon.api.asgi import Api
from wtpd.daemon.api.auth import Gate
from wtpd.daemon.api.days import zone_of
from wtpd.daemon.api.events import Events
from wtpd.daemon.api.log import follow
from wtpd.daemon.api.server import Server
from wtpd.daemon.api.status import StatusRoutes
from wtpd.daemon.api.vehicle_actions import Services
from wtpd.daemon.channels.keeper import Keeper
from wtpd.daemon.channels.kinds import makers
from wtpd.daemon.credentials.service import CredentialService
from wtpd.daemon.credentials.verification import Verification
from wtpd.daemon.erasures import Erasures
from wtpd.daemon.fleet import Fleet
from wtpd.daemon.ground import Ground
from wtpd.daemon.health import Health
from wtpd.daemon.housekeeping import Housekeeping
from wtpd.daemon.identification import VehicleData
from wtpd.daemon.importer import Importer
from wtpd.daemon.integrity import Integrity
from wtpd.daemon.lifecycle import Stage
from wtpd.daemon.listener.lan import Lan
from wtpd.daemon.listener.receivers import make as make_receivers
from wtpd.daemon.mail.findings import Findings
from wtpd.daemon.mail.mailer import Mailer
from wtpd.daemon.mail.smtp import SmtpTransport
from wtpd.daemon.presence import Presence
from wtpd.daemon.vehicle_checks import VehicleChecks


class Parts:
    """Everything that lives as long as the daemon."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.db, self.settings, self.version = ground.db, ground.settings, ground.version
        self.failures, self.folder = ground.failures, ground.folder
        self._watch_stop = asyncio.Event()
        self._server: Server | None = None
        config = ground.settings.config
        self.book = Book(plans(config))
        self._presence = Presence(ground.clock)
        self._gate = Gate(admin_group=config.api.admin_group, read_group=config.api.read_group, clock=ground.clock)
        self._events = Events(ground.db, self._presence, self._gate)
        follow(ground.log_book, self._events)
        self._join_channels(ground)
        self._join_services(ground)
        self._join_mails(ground)
        self._join_api(ground)
        ground.credentials.state.on_opened = self._key_is_back

    def _join_channels(self, ground: Ground) -> None:
        db, clock, failures, credentials = ground.db, ground.clock, ground.failures, ground.credentials
        manifests = ground.registry.manifests.values()

        async def verify(connector: str, by: str) -> Verified:
            return await self.desk.verify(connector, actor=by)

        self.vehicle_data = VehicleData(
            manifests, db, credentials, self._config, clock, paused=lambda source: self.fleet.paused(source)
        )
        self.vehicle_checks = VehicleChecks(manifests, db, self.book, self.vehicle_data, self._config, clock, failures)
        self.vehicle_checks.on_change = self._register_changed
        kinds = makers(
            db, self.book, manifests, credentials, self._config, sources=self.vehicle_data,
            failing=self.vehicle_checks.failing, verify=verify, clock=clock, chance=ground.chance,
            quiet=lambda channel: self._events.pass_on("run.quiet", channel=channel),
        )  # fmt: skip
        self.fleet = Fleet(db, manifests, kinds, clock=clock)
        services = Services(db, self.book, self.vehicle_data, self.vehicle_checks)
        self.actions = Actions(manifests, db, credentials, self.fleet.rows_of, services.house, self._config, clock)
        self.desk = CredentialService(db, credentials, Verification(self.fleet, credentials.rule))
        self.keeper = Keeper(
            db, self.book, self.fleet, failures, refusal=lambda: self.health.refusal, wake=lambda: self.mailer.wake()
        )

    def _join_services(self, ground: Ground) -> None:
        db, clock, failures, folder = ground.db, ground.clock, ground.failures, ground.folder
        changed = self.keeper.box_changed
        self.health = Health(folder, clock, free_of=ground.free_of, on_change=changed, failures=failures)
        self.integrity = Integrity(db, clock, zone=self._zone, on_change=changed, failures=failures)
        self.importer = Importer(
            db, self.book, folder, ground.database, clock,
            lambda now: self._events.pass_on("import.progress", phase=now.phase, done=now.done, total=now.total),
        )  # fmt: skip
        credentials = ground.credentials
        receivers = make_receivers(
            ground.registry.manifests.values(), self._config, clock, credentials.of_channel, failures
        )
        self.lan = Lan(
            db, self._config, receivers, folder, ground.environ, clock, failures=failures,
            secrets=credentials.of_channel,
            refusal=lambda connector, site: self.health.refusal or self.fleet.paused(connector, site),
            on_change=changed,
        )  # fmt: skip
        self._housekeeping = Housekeeping(db, lambda: self._config().retention, clock, failures)

    def _join_mails(self, ground: Ground) -> None:
        credentials = ground.credentials
        findings = Findings(
            self.fleet, credentials, ground.settings, self.integrity, self.health, self.lan, ground.clock
        )
        self.mailer = Mailer(
            ground.db, self._config, ground.clock, credentials.of_mail, SmtpTransport(), troubles=findings.now,
            chance=ground.chance, logged_in=credentials.note_mail, failures=ground.failures,
        )  # fmt: skip

    def _join_api(self, ground: Ground) -> None:
        credentials = ground.credentials
        self.status = StatusRoutes(
            ground.db, self.fleet, ground.settings, self.health, clock=ground.clock,
            database=ground.database, version=ground.version, state=ground.state, scope=credentials.scope,
            holdings=credentials.state, has_mail_server=lambda: self.mailer.has_server, failures=ground.failures,
            integrity=self.integrity, lan=self.lan,
        )  # fmt: skip
        behind = table.Behind(
            db=ground.db, book=self.book, settings=ground.settings, actions=self.actions,
            fleet=self.fleet, desk=self.desk, vehicle_data=self.vehicle_data, vehicle_checks=self.vehicle_checks,
            importer=self.importer, mailer=self.mailer, lan=self.lan, presence=self._presence,
            log_book=ground.log_book, clock=ground.clock, version=ground.version,
            credentials_changed=self._credentials_changed,
        )  # fmt: skip
        self.api = Api(
            table.routes(behind, self.status, self._events), self._gate, language=self._config().language,
            refusal=lambda: self.health.refusal,
        )  # fmt: skip

    @property
    def services(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """The core services by name; each runs until it is cancelled."""
        return {
            "configuration watch": lambda: self.settings.watch(self._watch_stop),
            "housekeeping": self._housekeeping.run,
            "erasures": Erasures(self.db, lambda: zone_of(self.book, None), self._ground.clock).run,
            "import": self.importer.serve,
            "vehicle checks": self.vehicle_checks.run,
            "health": self.health.run,
            "integrity": self.integrity.run,
            "room": self.keeper.keep_in_bounds,
            "keys": self.keeper.keep_keys,
            "mails": self.mailer.run,
            "listener": self.lan.run,
            "pushed": self.lan.applier.run,
            "credentials": lambda: self._ground.credentials.state.watch(self.mailer.wake),
        }

    def stages(self) -> list[Stage]:
        """How it all ends: first no new work, then what is under way, the database last."""
        return [
            ("API", 3.5, self._stop_api),
            ("channels", 5.0, self._stop_partners),
            ("database", 2.0, self.db.close),
            ("log", 1.5, lambda: asyncio.to_thread(self._ground.log_book.close)),
        ]

    async def begin(self) -> None:
        """Make the channels, without starting them, and look whether there is room for what they bring."""
        await self.keeper.look_at_keys()
        await self.fleet.seat_all(self._config())
        await self.health.look()
        await self.keeper.hold_or_go_on()
        await self.importer.open()

    async def open_api(self, sock: socket.socket) -> None:
        self._server = Server(self.api, sock)
        await self._server.start()

    async def apply(self, config: Config, changes: Changes) -> None:
        """Bring new settings into force: only what they touch."""
        self.book.plans = plans(config)
        await self.keeper.take_countries()
        self.lan.service.notice()
        self.api.language = config.language
        self._gate.admin_group, self._gate.read_group = config.api.admin_group, config.api.read_group
        self._ground.credentials.forget()
        await self.fleet.apply(config, changes)
        if "credentials" in changes.sections:  # other entries may serve now
            self.fleet.credentials_changed()
        self.mailer.wake()

    def _config(self) -> Config:
        """The settings in force."""
        return self.settings.config

    def _zone(self) -> str:
        """Of the first site: when it is night in the workshop."""
        sites = self._config().sites
        return sites[0].time_zone if sites else "Europe/Berlin"

    def _register_changed(self, connector: str, is_failing: bool) -> None:
        self._events.pass_on("channel.changed", id=connector, state="retrying" if is_failing else "healthy")
        self.mailer.wake()

    def _credentials_changed(self, provider: str) -> None:
        self.fleet.credentials_changed(provider)
        self.mailer.wake()

    def _key_is_back(self) -> None:
        """Entries can be opened again: whatever waited for that goes on."""
        self._ground.credentials.forget()
        self.fleet.credentials_changed()
        self.mailer.wake()

    async def _stop_api(self) -> None:
        self._watch_stop.set()
        self._events.close()
        servers = [self.lan.stop(3.0), *([self._server.stop(3.0)] if self._server is not None else [])]
        await asyncio.gather(*servers)
        self._presence.close()

    async def _stop_partners(self) -> None:
        await self.actions.close()
        await asyncio.gather(self.fleet.stop(), self.vehicle_data.close(), self.importer.close())


async def build(ground: Ground) -> Parts:
    """All parts, ready to be started. Raises `WtpdError`; nothing stays open then."""
    try:
        parts = Parts(ground)
        await parts.begin()
    except BaseException:
        await ground.close()
        raise
    return parts
