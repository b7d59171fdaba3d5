"""Every route of the API, with what it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wtpd.book.book import Book
from wtpd.book.sync_port import SyncBook
from wtpd.clock import Clock
from wtpd.daemon.actions import Actions
from wtpd.daemon.api.actions import ActionRoutes
from wtpd.daemon.api.appointments import Appointments
from wtpd.daemon.api.assessors import assessor_routes, user_routes
from wtpd.daemon.api.attention import AttentionRoutes
from wtpd.daemon.api.availability import AvailabilityRoutes
from wtpd.daemon.api.config import ConfigRoutes
from wtpd.daemon.api.connectors import ConnectorRoutes
from wtpd.daemon.api.contract import ContractRoutes
from wtpd.daemon.api.credential_use import CredentialUseRoutes
from wtpd.daemon.api.credentials import CredentialRoutes
from wtpd.daemon.api.days import zone_of
from wtpd.daemon.api.events import Events
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
from wtpd.daemon.api.rentals import RentalRoutes
from wtpd.daemon.api.resources import Closures, advisor_routes, courtesy_car_routes
from wtpd.daemon.api.routes import Route
from wtpd.daemon.api.session import SessionRoutes
from wtpd.daemon.api.status import StatusRoutes
from wtpd.daemon.api.trace import TraceRoutes
from wtpd.daemon.api.undo import UndoRoutes
from wtpd.daemon.api.vehicle_checks import VehicleCheckRoutes
from wtpd.daemon.credentials.service import CredentialService
from wtpd.daemon.fleet import Fleet
from wtpd.daemon.identification import VehicleData
from wtpd.daemon.importer import Importer
from wtpd.daemon.listener.lan import Lan
from wtpd.daemon.log_book import LogBook
from wtpd.daemon.mail.mailer import Mailer
from wtpd.daemon.presence import Presence
from wtpd.daemon.reload import Settings
from wtpd.daemon.rentals import Rentals
from wtpd.daemon.vehicle_checks import VehicleChecks
from wtpd.store.database import Database, Tx
from wtpd.store.session import StoreSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """What is behind the routes. `credentials_changed` is told the provider whose entries are others now."""

    db: Database
    book: Book
    settings: Settings
    actions: Actions
    fleet: Fleet
    desk: CredentialService
    vehicle_data: VehicleData
    vehicle_checks: VehicleChecks
    importer: Importer
    mailer: Mailer
    lan: Lan
    presence: Presence
    log_book: LogBook
    clock: Clock
    version: str
    credentials_changed: Callable[[str], None]


def routes(behind: Behind, status: StatusRoutes, events: Events) -> list[Route]:
    """All of them, with those of the document that describes them."""
    found = [*status.routes(), *_of_book(behind), *_of_partners(behind), *_of_box(behind), *events.routes()]
    found += Document(found, behind.version).routes()  # it describes itself, too
    return found


def _of_book(behind: Behind) -> list[Route]:
    db, book, settings = behind.db, behind.book, behind.settings
    return [
        *AvailabilityRoutes(db, book, settings).routes(),
        *Appointments(db, book).routes(),
        *UndoRoutes(db, book, behind.fleet.title_of).routes(),
        *ReceptionRoutes(db, book).routes(),
        *ContractRoutes(db, settings).routes(),
        *Customers(db, book).routes(),
        *vehicle_routes(db, book),
        *advisor_routes(db, book),
        *courtesy_car_routes(db, book),
        *Closures(db, book).routes(),
        *ImportRoutes(db, behind.importer, settings).routes(),
    ]


def _of_partners(behind: Behind) -> list[Route]:
    db, book, settings, fleet = behind.db, behind.book, behind.settings, behind.fleet

    def session(tx: Tx) -> StoreSession:
        return StoreSession(tx, SyncBook(book, tx))

    return [
        *ConnectorRoutes(db, fleet).routes(),
        *ActionRoutes(behind.actions, settings).routes(),
        *AttentionRoutes(db, fleet, book, session).routes(),
        *TraceRoutes(db, session, fleet.title_of).routes(),
        *MappingRoutes(db, settings, fleet).routes(),
        *CredentialRoutes(behind.desk, behind.credentials_changed).routes(),
        *CredentialUseRoutes(behind.desk).routes(),
        *assessor_routes(db),
        *user_routes(db),
        *IdentificationRoutes(db, settings, behind.vehicle_data).routes(),
        *RentalRoutes(db, Rentals(db, behind.fleet, settings, behind.clock)).routes(),
        *VehicleCheckRoutes(db, behind.vehicle_checks, lambda site: zone_of(book, site)).routes(),
        *ListenerRoutes(db, settings, behind.lan).routes(),
        *TokenRoutes(db, settings, behind.lan).routes(),
        *PushedRoutes(db).routes(),
    ]


def _of_box(behind: Behind) -> list[Route]:
    db, settings = behind.db, behind.settings
    return [
        *MailRoutes(db, behind.mailer).routes(),
        *ConfigRoutes(db, settings).routes(),
        *SessionRoutes(settings, clock=behind.clock, version=behind.version).routes(),
        *PresenceRoutes(behind.presence).routes(),
        *LogRoutes(behind.log_book).routes(),
    ]
